"""What hangs: skirts and long hair are found, painted as the photo shows them, and stay outside of legs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from draped_people import CLOTH, HAIR, HEM, SKIN, TOP, PaintedPhoto, learnt, paint

import liquidwarp as lw
from liquidwarp.appearance import DrapeMotion, SwingTuning
from liquidwarp.appearance.drape import carried
from liquidwarp.bodies.parts import PARTS
from liquidwarp.metrics import iou
from liquidwarp.person import SourceState
from liquidwarp.tasks import synthesize
from liquidwarp.tasks.target import Target
from liquidwarp.tasks.worn import Worn, find_worn


def worn(photo: PaintedPhoto) -> Worn:
    body, track = photo.body, photo.track
    offsets = torch.zeros(len(body.topology.vertex_part), 3)
    return find_worn(body, body.identity(track.betas), track, offsets, photo.rgb, photo.alpha)


@pytest.fixture(scope="module")
def skirted_photo() -> PaintedPhoto:
    return paint(skirt=0.3)


@pytest.fixture(scope="module")
def skirted(skirted_photo: PaintedPhoto) -> SourceState:
    return learnt(skirted_photo)


@pytest.fixture(scope="module")
def haired() -> SourceState:
    return learnt(paint(hair=0.2))


@pytest.mark.parametrize(
    ("worn_things", "kinds"),
    [
        ({}, []),
        ({"skirt": 0.3}, ["skirt"]),
        ({"skirt": 0.2}, ["skirt"]),
        ({"trousers": 0.02}, []),
        ({"trousers": 0.04}, []),
        ({"trousers": 0.02, "shorts": True}, []),
        ({"hair": 0.2}, ["hair"]),
        ({"hair": 0.2, "skirt": 0.3}, ["skirt", "hair"]),
    ],
)
def test_only_skirts_are_skirts_and_only_long_hair_hangs(worn_things: dict, kinds: list[str]) -> None:
    photo = paint(**worn_things)
    found = worn(photo)
    assert [name for name in ("skirt", "hair") if getattr(found, name) is not None] == kinds
    if not kinds:
        assert found.draped is None
        assert found.outline is photo.alpha
        assert found.drapes(photo.rgb) == ()


def test_who_lifts_a_leg_or_lies_down_has_no_skirt_to_be_found(skirted_photo: PaintedPhoto) -> None:
    track = skirted_photo.track
    canonical = torch.zeros(1, 22, 3)
    canonical[0, 1, 0] = -1.2
    _, lifted = skirted_photo.body.expand_pose(canonical)
    for other in (replace(track, body_pose=lifted), replace(track, global_orient=torch.tensor([[0.0, 0.0, 1.5]]))):
        assert worn(replace(skirted_photo, track=other)).skirt is None


def test_a_skirt_is_where_the_photo_shows_it(skirted_photo: PaintedPhoto, skirted: SourceState) -> None:
    (drape,) = skirted.drapes
    (found,) = follow(motion_of(skirted, 0.0), skirted, [0.0])
    rings = (found - skirted.track.transl).reshape(-1, drape.ring, 3)
    assert rings[-1, :, 1].mean() == pytest.approx(HEM, abs=0.04)
    assert rings[-1, :, 0].abs().max() == pytest.approx(0.3, abs=0.04)
    torch.testing.assert_close(drape.weights.sum(1), torch.ones(len(drape.rest)))
    (front,) = lw.novel_view(skirted, frames=1)
    assert iou(front.alpha.numpy() > 0.5, skirted_photo.alpha > 0.5) > 0.95
    cloth = np.abs(skirted_photo.rgb.astype(int) - CLOTH).sum(-1) == 0
    ours = (front.image.permute(1, 2, 0).numpy() * 255)[cloth]
    assert np.median(np.abs(ours - CLOTH)) < 3


def test_a_skirt_is_closed_around_both_legs(skirted: SourceState) -> None:
    """From behind it covers the gap between the legs, in a stride too; legs below the hem have their own colour."""
    track = skirted.track
    canonical = torch.zeros(1, 22, 3)
    canonical[0, 1, 0], canonical[0, 2, 0] = -0.4, 0.4
    _, stride = skirted.body.expand_pose(canonical)
    for pose in (track.body_pose, stride):
        target = Target(torch.tensor([[0.0, np.pi, 0.0]]), pose, track.transl, (track.camera,))
        (behind,) = synthesize(skirted, target)
        middle = torch.tensor([[0.0, y, 0.0] for y in (0.2, 0.3, 0.4)]) + track.transl
        column, row = track.camera.to_pixels(track.camera.to_camera(middle)).long().unbind(1)
        assert (behind.alpha[row, column] > 0.9).all()
        assert (behind.image[:, row, column] * 255 - torch.tensor(CLOTH)[:, None]).abs().max() < 40
    feet = torch.tensor([[0.14, 0.8, 0.0]]) + track.transl
    column, row = track.camera.to_pixels(track.camera.to_camera(feet))[0].long().tolist()
    (front,) = lw.novel_view(skirted, frames=1)
    assert (front.image[:, row, column] * 255 - torch.tensor(SKIN)).abs().max() < 40


def test_hair_goes_on_behind_and_leaves_nothing_on_the_shoulders(haired: SourceState) -> None:
    (drape,) = haired.drapes
    assert drape.kind == "hair"
    track = haired.track
    (behind,) = lw.novel_view(haired, start=180.0, frames=1)
    for y in (-0.75, -0.6, -0.5, -0.42):
        at = torch.tensor([[0.0, y, 0.0]]) + track.transl
        column, row = track.camera.to_pixels(track.camera.to_camera(at))[0].long().tolist()
        assert (behind.image[:, row, column] * 255 - torch.tensor(HAIR)).abs().max() < 30, y
    torso = haired.body.topology.face_part.numpy() == PARTS.index("torso")
    look = haired.appearance
    layers = np.unique(look.slot_layer[torso])
    for start, height, width in look.table[layers]:
        texels = look.texels[start : start + height * width, :3].astype(int)
        assert (np.abs(texels - HAIR).sum(1) > 60).mean() > 0.99


@pytest.mark.parametrize("neck", [0.2, 0.25, 0.3])
def test_a_top_in_the_colour_of_long_hair_stays_on_the_body(neck: float) -> None:
    photo = paint(hair=0.2, neck=neck)
    found = worn(photo)
    assert found.hair is not None
    top = np.abs(photo.rgb.astype(int) - TOP).sum(-1) == 0
    assert found.hair.shown[top].mean() < 0.05


def motion_of(person: SourceState, fps: float, **changes: float) -> DrapeMotion:
    identity = person.body.identity(person.track.betas)
    return DrapeMotion(person.body, identity, person.drapes, fps=fps, tuning=SwingTuning(**changes))


def follow(motion: DrapeMotion, person: SourceState, steps: list[float]) -> torch.Tensor:
    """Return drapes while the person goes to the side by steps (metres from the start)."""
    track, count = person.track, len(steps)
    place = track.transl + torch.tensor([[step, 0.0, 0.0] for step in steps])
    return motion.follow(track.global_orient.expand(count, 3), track.body_pose.expand(count, -1, -1), place)


def test_springs_lag_within_bounds_and_come_to_rest(skirted: SourceState) -> None:
    steps = [0.0, 0.0, 0.2, *[0.2] * 60]
    still = follow(motion_of(skirted, 0.0), skirted, steps)
    moved = follow(motion_of(skirted, 25.0), skirted, steps)
    lag = (moved - still).norm(dim=-1)
    assert (lag[:2] == 0).all()
    assert lag[2].max() == pytest.approx(SwingTuning().farthest, abs=1e-3)
    assert (lag[2] <= SwingTuning().farthest * skirted.drapes[0].loose + 1e-5).all()
    assert lag[-1].max() < 1e-3
    ring = skirted.drapes[0].ring
    assert lag[3, :ring].max() < 1e-6  # the waist does not swing
    halves = motion_of(skirted, 25.0)
    again = torch.cat([follow(halves, skirted, steps[:20]), follow(halves, skirted, steps[20:])])
    assert torch.equal(again, moved)  # frames may come in pieces
    cut = follow(motion_of(skirted, 25.0, jump=0.1), skirted, steps)
    assert torch.equal(cut, still)  # nothing swings over a cut


def test_joints_carry_drapes_to_where_the_photo_shows_them(skirted: SourceState) -> None:
    track, (drape,) = skirted.track, skirted.drapes
    identity = skirted.body.identity(track.betas)
    rotation, shift = skirted.body.transforms(identity.joints, track.global_orient, track.body_pose)
    placed = carried(drape, rotation, shift + track.transl[:, None])
    followed = follow(motion_of(skirted, 0.0), skirted, [0.0])
    moved = (placed - followed).norm(dim=-1)[0]
    assert moved.median() == 0
    assert moved.max() < 0.06  # what a leg pushed out
    middle = placed.reshape(-1, drape.ring, 3).mean(1, keepdim=True)
    out = (followed - placed)[0].reshape(-1, drape.ring, 3) * (placed.reshape(-1, drape.ring, 3) - middle)
    assert (out.sum(-1) > -1e-6).all()


@pytest.mark.parametrize("bend", [0.4, 0.9])
def test_no_leg_goes_through_a_skirt(skirted: SourceState, bend: float) -> None:
    body, track = skirted.body, skirted.track
    canonical = torch.zeros(1, 22, 3)
    canonical[0, 1, 0], canonical[0, 4, 0] = -bend, bend
    _, pose = body.expand_pose(canonical)
    motion = motion_of(skirted, 0.0)
    (found,) = motion.follow(track.global_orient, pose, track.transl)
    identity = body.identity(track.betas)
    rotation, shift = body.transforms(identity.joints, track.global_orient, pose)
    joints = ((rotation[0] @ identity.joints[..., None])[..., 0] + shift[0] + track.transl[0]).numpy()
    for side in ("left", "right"):
        for bone, radius in ((("hip", "knee"), 0.07), (("knee", "ankle"), 0.05)):
            start, end = (joints[body.canonical(f"{side}_{name}")] for name in bone)
            axis = end - start
            along = ((found.numpy() - start) @ axis / (axis @ axis)).clip(0, 1)[:, None]
            away = np.linalg.norm(found.numpy() - start - along * axis, axis=1)
            assert away[along[:, 0] > 0.2].min(initial=1.0) > radius
