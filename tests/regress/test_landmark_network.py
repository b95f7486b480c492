"""The network learns, its kinematics is the body's, and its place is where landmarks fall."""

from dataclasses import replace

import pytest
import torch
from fit_samples import relaxed
from landmark_samples import moving_person, seen_by_detector
from torch import Tensor

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.fit.skeleton import make_skeleton, pose_skeleton
from liquidwarp.geometry import axis_angle_to_matrix, default_camera
from liquidwarp.regress.landmark_network import (
    ROUNDS,
    Kinematics,
    LandmarkNetwork,
    matrices_of_columns,
    place_by_landmarks,
)
from liquidwarp.regress.landmarks import first_poses, pick, regressor_start
from liquidwarp.regress.observed import look_at_person, observe
from liquidwarp.regress.pose_noise import simulate_detector


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body("anny")


def random_rotations(frames: int, seed: int) -> Tensor:
    return axis_angle_to_matrix(0.6 * torch.randn(frames, 22, 3, generator=torch.Generator().manual_seed(seed)))


def test_kinematics_equal_the_skeleton_of_every_shape(body: BodyModel) -> None:
    skeleton = make_skeleton(body, MEDIAPIPE, torch.zeros(body.num_betas, dtype=torch.float64))
    rotations = random_rotations(3, 0)
    betas = torch.randn(3, body.num_betas, generator=torch.Generator().manual_seed(1))
    joints, points = Kinematics(skeleton)(rotations, betas)
    for frame in range(3):
        one = skeleton.at(betas[frame].double())
        posed = pose_skeleton(one, rotations[frame, None].double(), torch.zeros(1, 3, dtype=torch.float64))
        torch.testing.assert_close(joints[frame].double(), posed.joints[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(points[frame].double(), posed.points[0], atol=1e-5, rtol=0)


def test_columns_make_the_matrix_they_come_from() -> None:
    turns = random_rotations(4, 2)
    torch.testing.assert_close(matrices_of_columns(turns[..., :2]), turns, atol=1e-5, rtol=0)
    torch.testing.assert_close(matrices_of_columns(3 * turns[..., :2]), turns, atol=1e-5, rtol=0)


def test_the_place_is_the_one_that_projects_there() -> None:
    generator = torch.Generator().manual_seed(3)
    points = 0.5 * torch.randn(5, 33, 3, generator=generator)
    place = torch.tensor([0.3, -0.2, 4.0]) + 0.1 * torch.randn(5, 3, generator=generator)
    spots = points + place[:, None]
    weight = torch.rand(5, 33, generator=generator)
    picture = spots[..., :2] / spots[..., 2:]
    torch.testing.assert_close(place_by_landmarks(points, picture, weight), place, atol=1e-3, rtol=0)
    picture[:, 7] += 0.5
    weight[:, 7] = 0  # who is not trusted does not count
    torch.testing.assert_close(place_by_landmarks(points, picture, weight), place, atol=1e-3, rtol=0)


def test_a_small_network_learns_a_few_frames(body: BodyModel) -> None:
    torch.manual_seed(0)
    skeleton, prior = regressor_start()
    joints, points = moving_person(body, 0.24)
    observed = observe(seen_by_detector(points, level=1.0), default_camera((512, 512)))
    start = first_poses(skeleton, prior, observed)
    network = LandmarkNetwork(skeleton, width=24, inner=48)
    truth = (joints - joints[:, :1]) @ observed.ray  # in the axes of the camera that looks at the person
    clip = pick(observed, torch.arange(len(start))[None])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    errors = []
    for _ in range(40):
        rounds = network(clip, start[None])
        assert len(rounds) == ROUNDS
        error = (rounds[-1].joints - truth).norm(dim=-1).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(1000 * float(error.detach()))
    assert errors[0] > 40
    assert errors[-1] < 0.5 * errors[0]


def test_an_answer_depends_on_near_frames_only(body: BodyModel) -> None:
    torch.manual_seed(0)
    skeleton, prior = regressor_start()
    network = LandmarkNetwork(skeleton, width=24, inner=48, depth=2)
    observed = observe(seen_by_detector(moving_person(body, 0.8)[1]), default_camera((512, 512)))
    start = first_poses(skeleton, prior, observed)
    clip = pick(observed, torch.arange(len(start))[None])
    changed = replace(clip, picture=clip.picture.clone())
    changed.picture[:, 10] += 0.01
    with torch.no_grad():
        before, after = (network(seen, start[None])[-1].rotations for seen in (clip, changed))
    moved = (before - after).abs().amax((1, 2, 3)) > 0
    assert moved.nonzero()[:, 0].tolist() == list(range(10 - network.reach, 10 + network.reach + 1))


def test_the_camera_looks_at_the_person(body: BodyModel) -> None:
    points = moving_person(body, 0.2)[1] + torch.tensor([1.5, -0.5, 0.0])
    flat, weight = points[..., :2] / points[..., 2:], torch.ones(points.shape[:2])
    seen, ray = look_at_person(flat, weight)
    turned = points @ ray
    torch.testing.assert_close(seen, turned[..., :2] / turned[..., 2:], atol=1e-5, rtol=0)
    assert seen.mean(1).abs().max() < 0.02


def test_a_detector_without_errors_tells_the_truth(body: BodyModel) -> None:
    points = moving_person(body, 0.3)[1]
    generator = torch.Generator().manual_seed(0)
    found = simulate_detector(points[None], 1.68, generator, level=0.0)
    torch.testing.assert_close(found.flat[0], points[..., :2] / points[..., 2:])
    hips = points[:, [MEDIAPIPE.index("left_hip"), MEDIAPIPE.index("right_hip")]].mean(1, keepdim=True)
    torch.testing.assert_close((found.world[0]).norm(dim=-1), (points - hips).norm(dim=-1), atol=1e-4, rtol=0)


def test_a_detector_errs_as_measured(body: BodyModel) -> None:
    pose = axis_angle_to_matrix(relaxed(body, 16))
    points = Kinematics(regressor_start()[0])(pose, torch.zeros(16, body.num_betas))[1] + torch.tensor([0.0, 0, 4])
    clips = points.expand(64, *points.shape)
    first, again = (simulate_detector(clips, 1.68, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first.flat, again.flat)
    assert torch.equal(first.world, again.world)
    sure = first.confidence > 0.9
    off = (first.flat - points[..., :2] / points[..., 2:]).norm(dim=-1) * 4 / 1.68
    assert 0.002 < float(off[sure].median()) < 0.006
    assert float((~sure).float().mean()) == pytest.approx(0.12, abs=0.08)  # hidden limbs
    wrist, hip = ((first.world[:, :, MEDIAPIPE.index(f"left_{name}"), 2]).std() for name in ("wrist", "hip"))
    assert wrist > 3 * hip
