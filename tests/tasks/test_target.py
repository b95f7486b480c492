"""Where the target body stands, and who looks at it."""

import math
from dataclasses import replace

import pytest
import torch

from liquidwarp.bodies import load_body
from liquidwarp.errors import InputError
from liquidwarp.fit import plant_feet
from liquidwarp.fit.hidden_legs import smoothed
from liquidwarp.geometry import default_camera, project
from liquidwarp.tasks.target import imitation_target, orbit_target, standing_level
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack

FEET = ("left_heel", "left_foot_index", "right_heel", "right_foot_index")
SIZE = (120, 160)


@pytest.fixture(scope="module")
def body():
    return toy_body()


def track(body, transl, betas=None, canonical=None):
    frames = len(transl)
    orient, pose = body.expand_pose(torch.zeros(frames, 22, 3) if canonical is None else canonical)
    return BodyTrack(
        body.name,
        torch.zeros(body.num_betas) if betas is None else betas,
        orient,
        pose,
        torch.tensor(transl, dtype=torch.float32),
        default_camera(SIZE),
        25.0,
        torch.ones(frames),
        torch.ones(frames, dtype=torch.bool),
    )


def test_copy_of_oneself_changes_nothing(body):
    source, motion = track(body, [[0.1, 0, 3.0]]), track(body, [[0, 0, 3.0], [0.2, 0, 3.5], [0.4, -0.1, 4.0]])
    target = imitation_target(body, source, motion, camera="copy")
    torch.testing.assert_close(target.transl, motion.transl, atol=1e-6, rtol=0)
    torch.testing.assert_close(target.body_pose, motion.body_pose)
    assert target.camera(2).size == SIZE


def test_copy_puts_another_shape_s_landmarks_where_the_motion_s_are(body):
    betas = torch.zeros(body.num_betas)
    betas[0] = 1.0
    canonical = torch.zeros(6, 22, 3)
    canonical[:, 4, 0] = 0.3
    canonical[:, 16, 2] = torch.linspace(0, 0.5, 6)
    motion = track(body, [[0.0, 0, 3.5]] * 6, canonical=canonical)
    source = track(body, [[0.0, 0, 3.0]], betas=betas)
    target = imitation_target(body, source, motion, camera="copy")
    names = ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "nose")
    wanted = body.landmarks(names, motion.betas, motion.global_orient, motion.body_pose, motion.transl)
    found = body.landmarks(names, betas, target.global_orient, target.body_pose, target.transl)
    apart = (project(motion.camera, wanted) - project(motion.camera, found))[..., :2].norm(dim=-1)
    assert float(apart.median()) < 1.0  # pixels; the person is some 60 pixels tall


@pytest.mark.parametrize("coefficient", [1, 3, 4])
def test_copy_keeps_the_feet_of_other_proportions_where_the_motion_s_stand(coefficient):
    body = load_body()
    betas = torch.zeros(body.num_betas)
    betas[coefficient] = 1.5
    motion, source = track(body, [[0.0, 0, 3.5]]), track(body, [[0.0, 0, 3.0]], betas=betas)
    target = imitation_target(body, source, motion, camera="copy")
    names = tuple(f"{side}_{point}" for side in ("left", "right") for point in ("ankle", "heel", "foot_index"))
    wanted = body.landmarks(names, motion.betas, motion.global_orient, motion.body_pose, motion.transl)
    found = body.landmarks(names, betas, target.global_orient, target.body_pose, target.transl)
    off = project(motion.camera, found)[..., :2] - project(motion.camera, wanted)[..., :2]
    assert off.abs().max() < 0.002 * 107  # the person is 107 pixels tall


def test_smooth_keeps_sideways_and_depth_motion_and_the_floor(body):
    source = track(body, [[-0.3, 0.2, 4.0]])
    motion = track(body, [[0.5, 0.0, 3.0], [0.9, 0.0, 3.0], [0.9, 0.0, 3.6]])
    moved = imitation_target(body, source, motion, camera="smooth").transl
    torch.testing.assert_close(moved[0], source.transl[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(moved[1] - moved[0], torch.tensor([0.4, 0.0, 0.0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(moved[2] - moved[1], torch.tensor([0.0, 0.0, 0.6]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("rise", [0.0, 0.06, -0.05])
def test_all_feet_of_a_clip_stand_on_one_floor(body, rise):
    # Two steps of a dancer who comes nearer before a camera that is held a little differently than thought.
    spots = [0.0] * 40 + [1.0] * 40
    path = smoothed(torch.tensor(spots)[:, None], 25.0, 0.3)[:, 0]
    motion = track(body, [[0.0, float(rise * x), 3.5 - float(x)] for x in path])
    source = track(body, [[-0.3, 0.2, 4.0]])
    target = imitation_target(body, source, motion, camera="smooth")
    feet = body.landmarks(FEET, source.betas, target.global_orient, target.body_pose, target.transl)[..., 1].amax(1)
    floor = float(standing_level(body, source))
    assert feet[[0, 10, 70, 79]].tolist() == pytest.approx([floor] * 4, abs=0.008)


def test_where_no_foot_stands_the_floor_is_the_usual_one(body):
    # Somebody runs in, lands deeper than the camera's view allows for, and stands.
    run = [[0.08 * frame - 8.0, 0.0, 3.5] for frame in range(100)]
    motion = track(body, run + [[0.0, 0.12, 3.5]] * 12 + [[0.0, 0.0, 3.5]] * 60)
    source = track(body, [[-0.3, 0.2, 4.0]])
    target = imitation_target(body, source, motion, camera="smooth")
    feet = body.landmarks(FEET, source.betas, target.global_orient, target.body_pose, target.transl)[..., 1].amax(1)
    assert feet[[0, 40, 171]].tolist() == pytest.approx([float(standing_level(body, source))] * 3, abs=0.01)


def test_who_climbs_and_jumps_leaves_the_floor(body):
    up = [[0.0, 0.0, 3.0]] * 30 + [[0.0, -0.5, 3.0]] * 30
    target = imitation_target(body, track(body, [[0.0, 0.0, 4.0]]), track(body, up), camera="smooth")
    assert float(target.transl[-1, 1] - target.transl[0, 1]) == pytest.approx(-0.5, abs=0.02)


def test_source_stays_in_place_but_jumps(body):
    source = track(body, [[-0.3, 0.2, 4.0]])
    jumps = replace(track(body, [[0.5, 0.0, 3.0]] * 8 + [[0.9, -0.3, 3.6]]), fps=0.0)  # unrelated pictures
    moved = imitation_target(body, source, jumps, camera="source").transl
    torch.testing.assert_close(moved[:, [0, 2]], source.transl[:, [0, 2]].expand(9, 2), atol=1e-5, rtol=0)
    assert float(moved[8, 1] - moved[0, 1]) == pytest.approx(-0.3, abs=1e-5)


def test_source_walks_on_the_spot(body):
    source = track(body, [[-0.3, 0.2, 4.0]])
    runs = track(body, [[0.08 * frame, 0.0, 3.0] for frame in range(100)])  # 2 m/s: no foot stands
    moved = imitation_target(body, source, runs, camera="source").transl
    # In the middle of steady travel nothing is left of it; 8 m of path shrink to what setting out and arriving take.
    assert float(moved[35:65].diff(dim=0).abs().amax()) < 0.01
    assert float(moved[:, 0].amax() - moved[:, 0].amin()) < 1.8


@pytest.mark.parametrize("camera", ["smooth", "copy", "source"])
def test_standing_feet_stand_on_other_legs(body, camera):
    frames = 60
    betas = torch.zeros(body.num_betas)
    betas[:3] = torch.tensor([1.0, -1.0, 1.0])
    canonical = torch.zeros(frames, 22, 3)
    canonical[:, [1, 2], 0], canonical[:, [4, 5], 0], canonical[:, [7, 8], 0] = -0.4, 0.8, -0.4
    sway = 0.08 * torch.sin(torch.arange(frames) / 25 * 6.2832 / 1.6)
    place = torch.stack([sway, 0.05 + 0 * sway, 3.5 + 0 * sway], dim=-1)
    stands = torch.zeros(frames, 4, dtype=torch.int64)
    motion = plant_feet(body, track(body, place.tolist(), canonical=canonical), stands=stands)
    source = track(body, [[0.0, 0.0, 4.0]], betas=betas)
    target = imitation_target(body, source, motion, camera=camera)
    feet = body.landmarks(FEET, betas, target.global_orient, target.body_pose, target.transl)
    assert float(feet.diff(dim=0).norm(dim=-1).amax()) < 0.003  # of 0.012 without legs that follow
    assert float(target.transl[:, 0].amax() - target.transl[:, 0].amin()) > 0.06


def test_calling_twice_gives_the_same(body):
    source, motion = track(body, [[-0.3, 0.2, 4.0]]), track(body, [[0.5, 0.0, 3.0], [0.9, 0.0, 3.0]])
    first, second = (imitation_target(body, source, motion).transl for _ in range(2))
    assert torch.equal(first, second)


def test_an_orbit_begins_with_the_photo_and_turns_about_the_person(body):
    source = track(body, [[0.3, 0.1, 3.0]])
    target = orbit_target(body, source, degrees=360.0, frames=8)
    torch.testing.assert_close(target.camera(0).rotation, torch.eye(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(target.camera(0).translation, torch.zeros(3), atol=1e-6, rtol=0)
    pivot = (source.transl[0] + body.rest_joints(source.betas)[0])[None]
    at = torch.stack([project(camera, pivot)[0] for camera in target.cameras])
    torch.testing.assert_close(at, at[:1].expand(8, 3), atol=1e-3, rtol=0)
    left = torch.tensor([[1.0, 0.0, 0.0]]) + pivot
    assert float(project(target.camera(2), left)[0, 2]) == pytest.approx(float(pivot[0, 2]) - 1, abs=1e-4)


def test_a_raised_camera_looks_down(body):
    source = track(body, [[0.0, 0.0, 3.0]])
    camera = orbit_target(body, source, frames=1, elevation=20.0).camera(0)
    assert float(camera.rotation[2, 1]) == pytest.approx(math.sin(math.radians(20)), abs=1e-6)


@pytest.mark.parametrize(("pose", "level"), [("t", 0.0), ("a", 45.0)])
def test_rest_poses_lift_the_arms(body, pose, level):
    source = track(body, [[0.0, 0.0, 3.0]])
    target = orbit_target(body, source, frames=1, pose=pose)
    joints = body.landmarks(
        ("left_shoulder", "left_wrist"), source.betas, target.global_orient, target.body_pose, target.transl
    )[0]
    arm = joints[1] - joints[0]
    assert math.degrees(math.atan2(float(arm[1]), float(arm[0]))) == pytest.approx(level, abs=6)


def test_mistakes_are_named(body):
    source = track(body, [[0.0, 0.0, 3.0]])
    with pytest.raises(InputError, match="camera='side' is not known; choose one of smooth, copy, source"):
        imitation_target(body, source, source, camera="side")
    with pytest.raises(InputError, match="pose='x' is not known"):
        orbit_target(body, source, pose="x")
    with pytest.raises(InputError, match="at least 1"):
        orbit_target(body, source, frames=0)
    with pytest.raises(InputError, match="too small"):
        orbit_target(body, source, size=2)


@pytest.mark.parametrize("camera", ["smooth", "source"])
@pytest.mark.parametrize("turn", [(0.0, 0.0, math.pi / 2), (0.0, 0.0, math.pi), (0.0, 0.0, -2.2), (1.45, 0.0, 0.0)])
@pytest.mark.parametrize("height", [-0.4, 0.0, 0.5])
def test_who_lies_or_is_upside_down_stands_up_inside_of_the_picture(body, turn, height, camera) -> None:
    lying = torch.zeros(1, 22, 3)
    lying[0, 0] = torch.tensor(turn)
    source = track(body, [[0.0, height, 4.5]], canonical=lying)
    target = imitation_target(body, source, track(body, [[0.0, 0.0, 3.0]] * 4), camera=camera)
    vertices = body.vertices(
        body.identity(source.betas), target.global_orient[:1], target.body_pose[:1], target.transl[:1]
    )
    rows = project(source.camera, vertices)[0, :, 1]
    assert float(rows.min()) > -3
    assert float(rows.max()) < SIZE[0] + 3


@pytest.mark.parametrize("lean", [0.0, 0.6, -0.9])
def test_who_leans_or_bows_keeps_the_floor_of_the_feet(body, lean) -> None:
    canonical = torch.zeros(1, 22, 3)
    canonical[0, 0, 2] = lean
    source = track(body, [[0.0, 0.0, 4.0]], canonical=canonical)
    feet = body.landmarks(FEET, source.betas, source.global_orient, source.body_pose, source.transl)[0, :, 1].max()
    assert float(standing_level(body, source)) == pytest.approx(float(feet), abs=1e-6)
