"""Fingers bend as a hand was seen, within what joints allow, and relax where it was not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fit_samples import JOINT, SIZE, relaxed
from torch import Tensor

from liquidwarp.bodies import BodyModel, load_body, relax_hands
from liquidwarp.bodies.hands import SIDES, find_hand, rest_hand
from liquidwarp.bodies.smpl import smpl_body
from liquidwarp.detect.details import Hand, Hands
from liquidwarp.fit import fit_hands
from liquidwarp.fit.fingers import FingerChain, FingerEvidence, solve_fingers
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, matrix_to_axis_angle, project
from liquidwarp.metrics.close import tip_errors
from liquidwarp.testing import toy_body, write_stand_in
from liquidwarp.types import BodyTrack

FRAMES, FPS = 8, 25.0


@pytest.fixture(scope="module", params=["anny", "smplx"])
def body(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BodyModel:
    if request.param == "anny":
        return load_body()
    return smpl_body("smplx", write_stand_in(tmp_path_factory.mktemp("bodies") / "stand_in.npz", "smplx"))


@pytest.fixture(scope="module")
def open_body() -> BodyModel:
    return load_body()


def chain_of(body: BodyModel, side: str) -> FingerChain:
    person = body.identity(torch.zeros(body.num_betas))
    return FingerChain.create(rest_hand(find_hand(body, side), side, person.joints, person.vertices), side)


def standing(body: BodyModel, frames: int = FRAMES, fps: float = FPS) -> BodyTrack:
    """Return somebody with relaxed hands who raises the forearms before the camera."""
    pose = relaxed(body, frames)
    pose[:, JOINT["left_elbow"], 1] += torch.linspace(0, 0.3, frames)
    orient, full = body.expand_pose(pose)
    still = torch.ones(frames)
    return BodyTrack(
        body=body.name,
        betas=torch.zeros(body.num_betas),
        global_orient=orient,
        body_pose=relax_hands(body, full),
        transl=torch.tensor([0.0, 0.0, 3.0]).repeat(frames, 1),
        camera=default_camera(SIZE),
        fps=fps,
        confidence=still,
        observed=still.bool(),
    )


def bent(body: BodyModel, track: BodyTrack, angles: dict[str, Tensor]) -> BodyTrack:
    pose = track.body_pose.clone()
    for side in SIDES:
        turns = chain_of(body, side).pose(angles[side])[0]
        pose[:, find_hand(body, side).joints.flatten() - 1] = matrix_to_axis_angle(turns).flatten(1, 2).float()
    return replace(track, body_pose=pose)


def seen(body: BodyModel, track: BodyTrack) -> list[Hands]:
    """Look at the hands of a track as a detector would."""
    person = body.identity(track.betas)
    turn, shift = body.transforms(person.joints, track.global_orient, track.body_pose)
    both = {}
    for side in SIDES:
        hand = find_hand(body, side)
        rest = rest_hand(hand, side, person.joints, person.vertices)
        carriers = [hand.wrist, *(int(joint) for finger in hand.joints for joint in (*finger, finger[2]))]
        spots = torch.stack([rest.wrist, *torch.cat([rest.joints, rest.tips[:, None]], dim=1).flatten(0, 1)])
        world = (turn[:, carriers] @ spots[..., None])[..., 0] + shift[:, carriers] + track.transl[:, None]
        image = project(track.camera, world)[..., :2]
        about = world - world.mean(1, keepdim=True)
        # The detector looks along the ray to the hand.
        ray = torch.nn.functional.normalize(world.mean(1), dim=-1)
        axis = torch.linalg.cross(ray, torch.tensor([0.0, 0, 1]).expand_as(ray))
        about = about @ axis_angle_to_matrix(axis).transpose(1, 2)
        both[side] = [Hand(i.numpy(), w.numpy(), 1.0, 1.0) for i, w in zip(image, about, strict=True)]
    return [Hands(left, right) for left, right in zip(both["left"], both["right"], strict=True)]


def finger_turns(body: BodyModel, track: BodyTrack) -> Tensor:
    rows = torch.cat([find_hand(body, side).joints.flatten() for side in SIDES]) - 1
    return axis_angle_to_matrix(track.body_pose[:, rows].double())


def apart(one: Tensor, other: Tensor) -> Tensor:
    return torch.rad2deg(matrix_to_axis_angle(one.transpose(-1, -2) @ other).norm(dim=-1))


def test_fingers_that_were_seen_are_found_again(body: BodyModel) -> None:
    generator = torch.Generator().manual_seed(3)
    track, angles = standing(body), {}
    for side in SIDES:
        chain = chain_of(body, side)
        part = 0.2 + 0.6 * torch.rand(len(chain), generator=generator).double()
        aim = (chain.low + part * (chain.high - chain.low)) * (chain.spread > 0.3)
        angles[side] = torch.linspace(0.5, 1, FRAMES).double()[:, None] * aim
    truth = bent(body, track, angles)
    found = fit_hands(body, track, seen(body, truth))
    error = apart(finger_turns(body, found), finger_turns(body, truth))
    before = apart(finger_turns(body, track), finger_turns(body, truth))
    assert float(error.median()) < 4
    assert float(error.mean()) < 0.35 * float(before.mean())
    hands = seen(body, truth)
    assert tip_errors(truth, hands, body=body).max() < 1e-3
    assert tip_errors(found, hands, body=body).mean() < 0.04
    assert tip_errors(track, hands, body=body).mean() > 0.08


def test_other_joints_stay(open_body: BodyModel) -> None:
    track = standing(open_body)
    found = fit_hands(open_body, track, seen(open_body, track))
    rows = torch.cat([find_hand(open_body, side).joints.flatten() for side in SIDES]) - 1
    others = torch.ones(track.body_pose.shape[1], dtype=torch.bool)
    others[rows] = False
    assert torch.equal(found.body_pose[:, others], track.body_pose[:, others])
    assert float(apart(finger_turns(open_body, found), finger_turns(open_body, track)).max()) < 3  # relaxed they were


@pytest.mark.parametrize("side", SIDES)
def test_no_finger_leaves_its_range_whatever_was_seen(open_body: BodyModel, side: str) -> None:
    chain, generator = chain_of(open_body, side), torch.Generator().manual_seed(1)
    directions = torch.nn.functional.normalize(torch.randn(40, 5, 3, 3, generator=generator).double(), dim=-1)
    evidence = FingerEvidence(
        directions,
        512 * torch.rand(40, 5, 2, generator=generator).double(),
        torch.eye(3).double().expand(40, 3, 3),
        torch.tensor([0.0, 0.0, 2.0]).double().expand(40, 3),
        torch.ones(40).double(),
        torch.ones(40).double(),
        default_camera(SIZE),
    )
    for fps in (0.0, FPS):
        angles = solve_fingers(chain, evidence, fps)
        assert torch.isfinite(angles).all()
        assert ((angles >= chain.low) & (angles <= chain.high)).all()


def fist(body: BodyModel, frames: int, fps: float = FPS) -> tuple[BodyTrack, list[Hands]]:
    track = standing(body, frames, fps)
    angles = {side: (0.7 * chain_of(body, side).high).expand(frames, -1) for side in SIDES}
    return track, seen(body, bent(body, track, angles))


def test_a_hand_that_is_lost_relaxes_without_a_jump(open_body: BodyModel) -> None:
    track, hands = fist(open_body, 40)
    found = fit_hands(open_body, track, [both if frame < 15 else None for frame, both in enumerate(hands)])
    turns, rest = finger_turns(open_body, found), finger_turns(open_body, track)
    bend = apart(turns, rest).mean(1)
    assert float(bend[8]) > 20
    assert float(bend[35:].max()) < 1
    assert float(apart(turns[:-1], turns[1:]).max()) < 20


def altered(hand: Hand, kind: str) -> Hand:
    if kind == "cut off":
        return replace(hand, image=hand.image + np.float32([SIZE[1] - hand.image[:, 0].mean(), 0]))
    if kind == "unsure":
        return replace(hand, presence=0.4)
    if kind == "other hand":
        return replace(hand, side=0.1)
    return replace(hand, world=np.full_like(hand.world, np.nan))


@pytest.mark.parametrize("kind", ["cut off", "unsure", "other hand", "no numbers"])
def test_hands_that_are_not_to_be_trusted_stay_relaxed(open_body: BodyModel, kind: str) -> None:
    track, hands = fist(open_body, 1, 0.0)
    assert not torch.equal(fit_hands(open_body, track, hands).body_pose, track.body_pose)
    wrong = [Hands(altered(both.left, kind), altered(both.right, kind)) for both in hands]
    assert torch.equal(fit_hands(open_body, track, wrong).body_pose, track.body_pose)


def test_a_hand_seen_for_a_moment_is_not_believed(open_body: BodyModel) -> None:
    track, hands = fist(open_body, 12)
    found = fit_hands(open_body, track, [both if frame in (0, 6) else None for frame, both in enumerate(hands)])
    assert torch.equal(found.body_pose, track.body_pose)


@pytest.mark.parametrize("hands", [(), (None, None), (Hands(None, None),) * 2])
def test_nothing_seen_changes_nothing(open_body: BodyModel, hands: tuple[Hands | None, ...]) -> None:
    track = standing(open_body, 2)
    assert torch.equal(fit_hands(open_body, track, hands).body_pose, track.body_pose)


def test_a_body_without_fingers_keeps_its_pose(open_body: BodyModel) -> None:
    body = toy_body()
    track = standing(body, 1, 0.0)
    assert torch.equal(fit_hands(body, track, fist(open_body, 1, 0.0)[1]).body_pose, track.body_pose)
