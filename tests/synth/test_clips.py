"""Synthetic clips."""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from liquidwarp.bodies import load_body
from liquidwarp.errors import InputError
from liquidwarp.flow import warp
from liquidwarp.geometry import project
from liquidwarp.raster import rasterize
from liquidwarp.synth import (
    SurfaceTruth,
    SyntheticClips,
    animate,
    random_appearance,
    random_motion,
    render_clip,
    synthetic_clip,
)
from liquidwarp.synth.demo import DANCER
from liquidwarp.synth.ground_truth import _weights
from liquidwarp.synth.motion.animation import curl_fingers, follow_track
from liquidwarp.synth.motion.cloth import Spring, SpringState
from liquidwarp.synth.motion.cloth_kernels import swing
from liquidwarp.synth.motion.generators import MOTIONS
from liquidwarp.synth.people.body_layers import BareBody
from liquidwarp.synth.people.dressed_person import dress_person
from liquidwarp.synth.people.fabrics import Fabric
from liquidwarp.synth.people.garment_meshes import vertex_normals
from liquidwarp.synth.people.garments import Garment
from liquidwarp.synth.people.mesh_colors import BakedPerson, bake_person, lattice
from liquidwarp.synth.people.mesh_kernels import write_vertex_normals
from liquidwarp.synth.render import baked_kernels
from liquidwarp.synth.render.baked_renderer import render_baked
from liquidwarp.synth.render.camera_sensor import CameraSensor
from liquidwarp.synth.scenes.backdrops import Backdrop
from liquidwarp.synth.scenes.backgrounds import render_background
from liquidwarp.synth.scenes.lighting import Lighting
from liquidwarp.synth.scenes.random_scenes import Setting
from liquidwarp.types import BodyTrack, Camera, Clip

SIZE = (96, 96)


def same(a: Clip, b: Clip) -> bool:
    pairs = [(np.asarray(a.images), np.asarray(b.images)), (np.asarray(a.alphas), np.asarray(b.alphas))]
    pairs += [(a.background, b.background), (a.track.body_pose.numpy(), b.track.body_pose.numpy())]
    return a.name == b.name and all(np.array_equal(x, y) for x, y in pairs)


@pytest.fixture(scope="module")
def clip() -> Clip:
    return synthetic_clip((2, 5), 3, SIZE, kind="dance", fps=8.0)


def test_same_seed_same_bytes_and_another_seed_another_clip(clip: Clip) -> None:
    assert same(clip, synthetic_clip((2, 5), 3, SIZE, kind="dance", fps=8.0))
    other = synthetic_clip((2, 6), 3, SIZE, kind="dance", fps=8.0)
    assert not np.array_equal(np.asarray(clip.images), np.asarray(other.images))


def test_clip_has_what_it_promises(clip: Clip) -> None:
    assert len(clip) == len(clip.alphas) == len(clip.track) == 3
    assert clip.images[0].shape == (*SIZE, 3)
    assert clip.images[0].dtype == clip.alphas[0].dtype == np.uint8
    assert clip.size == SIZE
    assert clip.image(0).shape == (3, *SIZE)
    assert 0 < clip.mask(0).mean() < 0.6
    assert clip.track.body == "anny"
    far = clip.alphas[0] == 0
    assert clip.background is not None
    difference = np.abs(clip.background.astype(int) - clip.images[0].astype(int))[far]
    assert np.median(difference) <= 12  # what is not the person is the background, but for noise and shadow


def test_seeds_of_person_and_scene_override(clip: Clip) -> None:
    first = synthetic_clip(1, 1, SIZE, person=7, outfit=8, scene=9)
    second = synthetic_clip(2, 1, SIZE, person=7, outfit=3, scene=4)
    assert torch.equal(first.track.betas, second.track.betas)
    assert not torch.equal(first.track.body_pose, second.track.body_pose)


@pytest.mark.slow
def test_the_order_of_clips_does_not_depend_on_workers_or_ranks() -> None:
    clips = SyntheticClips(3, (64, 64), frames=1, stop=3)
    here, there = list(clips), list(DataLoader(clips, batch_size=None, num_workers=2))
    assert len(here) == len(there) == 3
    assert all(same(a, b) for a, b in zip(here, there, strict=True))
    ranks: list[Iterator[Clip]] = [iter(SyntheticClips(3, (64, 64), frames=1, stop=3, rank=r, world=2)) for r in (0, 1)]
    assert [clip.name for clip in ranks[0]] == [here[0].name, here[2].name]
    assert [clip.name for clip in ranks[1]] == [here[1].name]
    resumed = next(iter(SyntheticClips(3, (64, 64), frames=1, start=2)))
    assert same(resumed, here[2])


def test_what_is_out_of_range_is_named() -> None:
    with pytest.raises(InputError, match="rank=2 of world=2"):
        SyntheticClips(0, rank=2, world=2)
    with pytest.raises(InputError, match="seed=-1"):
        SyntheticClips(-1)
    with pytest.raises(InputError, match="motion='fly' is not known"):
        synthetic_clip(0, 1, (32, 32), kind="fly")


FLAT = Lighting(0.3, 0.8, 0.1, (0.01, 0.01, 0.01), (0.9, 0.9, 0.9), (0.9, 0.9, 0.9))
CLEAN = CameraSensor(grain=0.0)


def _studio(lighting: Lighting, camera: Camera) -> tuple[Setting, Camera, float, float]:
    return Setting(Backdrop("studio", lighting)), camera, 1.0, 3.0


def _film(seed: int, frames: int, size: int, *, tight: bool = False, kind: str = "dance") -> tuple[Clip, BakedPerson]:
    rng = np.random.default_rng(seed)
    appearance = DANCER
    if tight:
        worn = (
            Garment("trousers", Fabric("plain", (0.3, 0.3, 0.4)), 0.95, ease=0.001),
            Garment("top", Fabric("plain", (0.7, 0.3, 0.3)), 0.3, 0.3, ease=0.002, drape=0.0),
        )
        appearance = replace(appearance, garments=worn, hair=None)
    person = dress_person(appearance, fine=False)
    baked = bake_person(person)
    poses = animate(person.bare, random_motion(rng, frames, 8.0, kind=kind))
    camera = Camera.create(1.15 * size, (size, size))
    transl = poses.transl + torch.tensor([[0.0, 1.0, 3.0]])
    flags = (torch.ones(frames), torch.ones(frames, dtype=torch.bool))
    track = BodyTrack("anny", person.bare.betas, poses.global_orient, poses.body_pose, transl, camera, 8.0, *flags)
    return render_clip(baked, track, render_background(*_studio(FLAT, camera)), CLEAN, rng), baked


def test_flow_carries_the_source_to_the_target() -> None:
    clip, _ = _film(4, 4, 160)
    assert clip.truth is not None
    flow = clip.truth.flow(3, 0)
    seen = flow.valid[0].numpy()
    assert seen.sum() > 300
    warped = warp(torch.from_numpy(clip.image(0))[None], flow)[0].numpy()
    target, copied = clip.image(3), clip.image(0)
    errors = np.abs(warped - target)[:, seen].mean(), np.abs(copied - target)[:, seen].mean()
    assert errors[0] < 0.05  # folds and light change, colours do not
    assert errors[0] < 0.7 * errors[1]


def test_flow_ends_on_the_same_point_of_the_surface() -> None:
    clip, baked = _film(4, 4, 160)
    truth = clip.truth
    assert isinstance(truth, SurfaceTruth)
    flow = truth.flow(3, 0)

    def rest(frame: int, face: int, x: float, y: float) -> np.ndarray:
        corners = truth.faces[face]
        weights = _weights(truth.screen[frame], *corners, np.float64(x), np.float64(y))[:3]
        return np.array(weights) @ baked.rest[corners]

    rows, columns = np.nonzero(flow.valid[0].numpy())
    pick = np.random.default_rng(0).choice(len(rows), 300, replace=False)
    apart = []
    for row, column in zip(rows[pick], columns[pick], strict=True):
        x, y = (flow.grid[0, row, column].numpy() + 1) * 80
        face = truth.face_index[0, int(y), int(x)]
        there = rest(0, int(face), float(x), float(y))
        here = rest(3, int(truth.face_index[3, row, column]), column + 0.5, row + 0.5)
        apart.append(np.linalg.norm(there - here))
    assert np.quantile(apart, 0.5) < 3e-3  # a quarter of a pixel
    assert np.quantile(apart, 0.9) < 0.03  # an outer layer in one frame, what is under its hem in the other


def test_flow_to_itself_is_the_identity() -> None:
    clip, _ = _film(5, 1, 96)
    assert clip.truth is not None
    flow = clip.truth.flow(0, 0)
    face = clip.alphas[0] >= 128
    assert (flow.valid[0].numpy() == face).mean() > 0.999
    row, column = np.nonzero(flow.valid[0].numpy())
    expected = np.stack([(2 * column + 1) / 96 - 1, (2 * row + 1) / 96 - 1], -1)
    error = np.abs(flow.grid[0].numpy()[row, column] - expected)
    assert np.quantile(error, 0.5) < 2e-3  # a tenth of a pixel
    assert error.max() < 0.8 / 96  # 0.4 pixels: the middle of a pixel may lie outside of the face that it shows


def test_hidden_surface_is_not_valid() -> None:
    clip, _ = _film(6, 4, 96, kind="turn")
    assert clip.truth is not None
    front_to_back = clip.truth.flow(2, 0).valid.sum()
    itself = clip.truth.flow(0, 0).valid.sum()
    assert front_to_back < 0.15 * itself


def test_track_lines_up_with_the_picture() -> None:
    clip, _ = _film(7, 4, 160, tight=True)
    body = load_body()
    track = clip.track
    vertices = body.vertices(body.identity(track.betas), track.global_orient, track.body_pose, track.transl)
    masks = rasterize(vertices, body.topology.faces, track.camera).mask.numpy()
    for mask, alpha in zip(masks, np.asarray(clip.alphas), strict=True):
        person = alpha > 127
        assert (mask & person).sum() / (mask | person).sum() > 0.9


def test_people_move_like_a_track() -> None:
    bare = BareBody.create({"height": 0.5})
    source, _ = _film(8, 3, 64)
    poses = follow_track(bare, source.track, [2, 0])
    torch.testing.assert_close(poses.body_pose, source.track.body_pose[[2, 0]])
    assert poses.transl[:, [0, 2]].abs().max() <= 0.35
    again = synthetic_clip(0, 2, (48, 48), motions=[source.track])
    assert len(again) == 2
    with pytest.raises(InputError, match="body 'smpl'"):
        follow_track(bare, replace(source.track, body="smpl"), [0])


@pytest.mark.parametrize("kind", MOTIONS)
def test_people_stand_on_the_floor(kind: str) -> None:
    rng = np.random.default_rng(1)
    bare = BareBody.create({})
    poses = animate(bare, random_motion(rng, 6, 8.0, kind=kind))
    identity = bare.body.identity(bare.betas)
    lowest = bare.body.vertices(identity, poses.global_orient, poses.body_pose, poses.transl)[..., 1].amax(1)
    assert lowest.max() < 0.10  # toes of a lifted heel reach a little further down
    assert lowest.min() > -0.25
    elbows = [bare.body.canonical(f"{side}_elbow") - 1 for side in ("left", "right")]
    assert poses.body_pose[:, elbows].norm(dim=-1).max() < 2.7


def test_drawing_agrees_with_the_rasteriser() -> None:
    rng = np.random.default_rng(3)
    person = dress_person(replace(random_appearance(rng), garments=(), hair=None), fine=False)
    baked = bake_person(person)
    pose = animate(person.bare, random_motion(rng, 1, 8.0, kind="stills"))
    rest = person.bare.body.rest_joints(person.bare.betas)
    rotation, translation = person.bare.body.transforms(rest, pose.global_orient, pose.body_pose)
    translation = translation + torch.tensor([0.0, 1.0, 3.0]) + pose.transl[:, None]
    vertices = baked.pose(torch.cat([rotation, translation[..., None]], -1).flatten(2)[0].numpy())
    camera = Camera.create(120.0, (96, 96))
    background = render_background(*_studio(FLAT, camera))
    drawn = render_baked(baked, vertices, np.zeros(len(vertices), np.float32), background, camera, times=1)
    expected = rasterize(torch.from_numpy(vertices)[None], torch.from_numpy(baked.faces), camera).face_index[0].numpy()
    assert (drawn.face_index == expected).mean() > 0.999
    projected = project(camera, torch.from_numpy(vertices)).numpy()
    np.testing.assert_allclose(drawn.screen, projected, atol=1e-3)
    np.testing.assert_allclose(drawn.alpha, expected >= 0, atol=1e-6)


def test_floor_mirrors_the_person_where_it_shines() -> None:
    _, baked = _film(1, 1, 64)
    camera = Camera.create(90.0, (96, 96))
    background = render_background(*_studio(FLAT, camera))
    vertices = baked.rest + np.array([0.0, 1.0 - baked.rest[:, 1].max(), 3.0], np.float32)
    gain = np.zeros(len(vertices), np.float32)
    dull = render_baked(baked, vertices, gain, background, camera)
    shiny = render_baked(baked, vertices, gain, replace(background, gloss=0.5), camera)
    changed = np.abs(dull.radiance - shiny.radiance).max(-1) > 0.01
    feet = np.flatnonzero((dull.alpha > 0.5).any(1)).max()
    assert changed.sum() > 20
    assert np.flatnonzero(changed.any(1)).min() > feet - 12  # below the person, not beside it
    np.testing.assert_array_equal(dull.alpha, shiny.alpha)


def test_normals_agree_with_the_slow_ones() -> None:
    bare = BareBody.create({})
    out = np.empty_like(bare.mesh.rest)
    write_vertex_normals(bare.mesh.rest, bare.mesh.faces, out)
    np.testing.assert_allclose(out, vertex_normals(bare.mesh.rest, bare.mesh.faces), atol=2e-4)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_lattice_carries_linear_colours_exactly(count: int) -> None:
    at = lattice(count)
    values = at @ np.array([0.3, -1.0, 2.0])
    rng = np.random.default_rng(count)
    for w1, w2 in rng.dirichlet((1, 1, 1), 200)[:, 1:]:
        i, j, k, p, q, r = baked_kernels._lattice.py_func(w1, w2, count)
        assert min(i, j, k) >= 0
        assert max(i, j, k) < len(at)
        assert min(p, q, r) > -1e-9
        wanted = 0.3 * (1 - w1 - w2) - w1 + 2 * w2
        np.testing.assert_allclose(p * values[i] + q * values[j] + r * values[k], wanted, atol=1e-6)


def test_fingers_bend_towards_the_palm() -> None:
    bare = BareBody.create({})
    straight = animate(bare, random_motion(np.random.default_rng(0), 1, 8.0, kind="turn"))
    bent = curl_fingers(bare, straight, np.random.default_rng(1))
    rest = bare.body.rest_joints(bare.betas)

    def tips(pose: torch.Tensor) -> torch.Tensor:
        rotation, translation = bare.body.transforms(rest, torch.zeros(1, 3), pose)
        joints = [bare.joint(name) for name in ("finger3-3.L", "finger3-3.R", "wrist.L", "wrist.R")]
        return (rotation[0, joints] @ rest[joints][..., None])[..., 0] + translation[0, joints]

    open_hand, closed = tips(0 * straight.body_pose), tips(bent.body_pose - straight.body_pose)
    for hand in (0, 1):
        assert (closed[hand] - closed[2 + hand]).norm() < (open_hand[hand] - open_hand[2 + hand]).norm() - 1e-3
    assert torch.equal(bent.global_orient, straight.global_orient)


def test_loose_cloth_lags_and_settles() -> None:
    loose = np.array([1.0, 0.0], np.float32)
    state = SpringState.at_rest(np.zeros((2, 3), np.float32))
    normals = np.tile(np.array([0, 0, -1], np.float32), (2, 1))
    spring = Spring(limit=0.14, stiffness=160.0, damping=11.0, step=0.04, substeps=6)

    def step(x: float) -> np.ndarray:
        posed = np.array([[x, 0, 0], [x, 0, 0]], np.float32)
        swing(posed, state, loose, normals, spring)
        return posed

    moved = step(0.1)
    assert moved[0, 0] < 0.09  # behind
    assert moved[1, 0] == np.float32(0.1)
    for _ in range(60):
        moved = step(0.1)
    np.testing.assert_allclose(moved[0, 0], 0.1, atol=1e-3)


@pytest.mark.slow
def test_forty_pictures_a_second_on_two_cores() -> None:
    synthetic_clip(0, 2)
    start = time.process_time()
    for seed in range(4):
        synthetic_clip((9, seed), 24)
    assert (time.process_time() - start) / (4 * 24) < 0.1  # 0.05 on a quiet machine; a busy one shares its caches


@pytest.mark.slow
def test_many_people_can_be_made() -> None:
    for seed in range(60):
        clip = synthetic_clip((21, seed), 1, (48, 48))
        assert clip.alphas[0].any()
