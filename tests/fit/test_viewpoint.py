"""The camera that a clip does not tell: pitch and roll from who stands, the lens from the fit."""

import math
from dataclasses import replace

import pytest
import torch

import liquidwarp as lw
from liquidwarp.fit import find_camera, fit_track, upright_camera
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, field_of_view, project
from liquidwarp.testing import toy_body

FRAMES = 12


def standing(fov: float, pitch: float, roll: float, *, frames: int = FRAMES, away: float = 2.4) -> lw.Keypoints:
    """See a toy person who stands and turns around, with a camera that looks down and is held askew."""
    body = toy_body()
    canonical = torch.zeros(frames, 22, 3)
    canonical[:, 0, 1] = torch.linspace(0, 5, frames)
    orient, pose = body.expand_pose(canonical)
    place = torch.tensor([[0.0, 0.0, away]]).expand(frames, 3)
    points = body.landmarks(body.landmark_names, torch.zeros(body.num_betas), orient, pose, place)
    turn = axis_angle_to_matrix(torch.tensor([0.0, 0.0, math.radians(roll)])) @ axis_angle_to_matrix(
        torch.tensor([math.radians(pitch), 0.0, 0.0])
    )
    middle = points.mean((0, 1))
    camera = default_camera((400, 300), fov=float(fov))
    camera = replace(camera, rotation=turn, translation=torch.tensor([0.0, 0.0, away]) - turn @ middle)
    world = camera.turn_to_camera(points - points.mean(1, keepdim=True))
    sure = torch.ones(points.shape[:2])
    image = project(camera, points)[..., :2]
    return lw.Keypoints(body.landmark_names, image, sure, world, sure[:, 0] > 0, camera.size, 25.0, "toy")


def held(camera: lw.Camera) -> tuple[float, float]:
    """Return pitch and roll in degrees."""
    down = camera.rotation[:, 1].tolist()
    return math.degrees(math.atan2(down[2], down[1])), -math.degrees(math.atan2(down[0], down[1]))


@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (20, 0), (-10, 0), (12, -25), (0, 15)])
@pytest.mark.parametrize(("leans", "part"), [(True, 0.8), (False, 1.0)])
def test_who_stands_tells_how_the_camera_is_held(pitch: float, roll: float, leans: bool, part: float) -> None:
    keypoints = standing(50, pitch, roll)
    keypoints = replace(keypoints, profile=replace(keypoints.profile, leans=leans))
    found = held(upright_camera(default_camera(keypoints.size, fov=50.0), keypoints))
    assert found[0] == pytest.approx(part * pitch, abs=2.5), "a part of it, where detectors see people lean"
    assert found[1] == pytest.approx(roll, abs=2.5)


def test_a_fit_before_a_tilted_camera_stands_upright_in_the_world() -> None:
    body, keypoints = toy_body(), standing(45, 18, -20, frames=3)
    keypoints = replace(keypoints, fps=0.0)
    camera = find_camera(body, keypoints, fov=45.0)
    track = fit_track(body, keypoints, camera=camera, betas=torch.zeros(body.num_betas)).track
    names = ("left_ankle", "right_ankle", "left_shoulder", "right_shoulder")
    ends = body.landmarks(names, track.betas, track.global_orient, track.body_pose, track.transl)
    along = (ends[:, :2] - ends[:, 2:]).mean(1)
    leans = torch.acos(along[:, 1] / along.norm(dim=-1)).rad2deg()
    assert float(leans.max()) < 6
    assert torch.equal(track.camera.rotation, camera.rotation)


def test_the_lens_shows_in_the_fit() -> None:
    body = toy_body()
    wide, narrow = (
        field_of_view(find_camera(body, standing(fov, 0, 0, away=away))) for fov, away in ((70, 1.6), (30, 4))
    )
    assert wide > 52
    assert narrow < 45


def test_what_is_known_is_kept_and_what_tells_nothing_is_usual() -> None:
    body, keypoints = toy_body(), standing(60, 10, 0)
    assert field_of_view(find_camera(body, keypoints, fov=33.0)) == pytest.approx(33, abs=1e-3)
    usual = field_of_view(default_camera(keypoints.size))
    assert field_of_view(find_camera(body, replace(keypoints, fps=0.0))) == pytest.approx(usual, abs=1e-3)
    flat = find_camera(body, replace(keypoints, world=None))
    assert torch.equal(flat.rotation, torch.eye(3))
    with pytest.raises(lw.InputError, match="is no field of view"):
        find_camera(body, keypoints, fov=180.0)
