"""Pose metrics against plain loops and scipy."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.bodies.landmarks import LSP
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, project
from liquidwarp.metrics.pose import (
    accelerations,
    jerks,
    joint_errors,
    middle_of_hips,
    reprojection_errors,
    similarity_aligned,
    standing_speeds,
    track_points,
)
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack, Keypoints

FPS = 25.0


def clouds(seed: int, frames: int = 5, points: int = 14, apart: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(frames, points, 3))
    return truth + apart * rng.normal(size=truth.shape), truth


def moved(points: np.ndarray, seed: int = 3) -> np.ndarray:
    """Turn, scale and shift each frame in its own way."""
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(seed)
    turns = Rotation.random(len(points), random_state=seed).as_matrix()
    scale, shift = rng.uniform(0.3, 3, (len(points), 1, 1)), rng.normal(size=(len(points), 1, 3))
    return scale * (points @ turns.transpose(0, 2, 1)) + shift


def toy_track(frames: int = 6) -> BodyTrack:
    body = toy_body()
    generator = torch.Generator().manual_seed(0)
    orient, pose = body.expand_pose(torch.randn(frames, 22, 3, generator=generator) * 0.3)
    camera = default_camera((100, 160))
    camera = replace(
        camera, rotation=axis_angle_to_matrix(torch.tensor([0.2, -0.1, 0.3])), translation=torch.tensor([0.1, 0.2, 3.5])
    )
    return BodyTrack(
        "toy",
        torch.randn(body.num_betas, generator=generator) * 0.3,
        orient,
        pose,
        torch.randn(frames, 3, generator=generator) * 0.2,
        camera,
        FPS,
        torch.ones(frames),
        torch.ones(frames, dtype=torch.bool),
    )


def test_joint_errors_are_distances_after_the_roots_meet() -> None:
    points, truth = clouds(0)
    root, true_root = middle_of_hips(points, LSP), middle_of_hips(truth, LSP)
    errors, aligned = joint_errors(points, truth), joint_errors(points, truth, root=root, true_root=true_root)
    left, right = LSP.index("left_hip"), LSP.index("right_hip")
    for frame in range(len(points)):
        here = (points[frame, left] + points[frame, right]) / 2
        there = (truth[frame, left] + truth[frame, right]) / 2
        for joint in range(len(LSP)):
            difference = points[frame, joint] - truth[frame, joint]
            assert errors[frame, joint] == pytest.approx(float(np.sqrt((difference**2).sum())))
            difference = (points[frame, joint] - here) - (truth[frame, joint] - there)
            assert aligned[frame, joint] == pytest.approx(float(np.sqrt((difference**2).sum())))
    shifted = points + np.arange(5.0)[:, None, None]
    again = joint_errors(shifted, truth, root=middle_of_hips(shifted, LSP), true_root=true_root)
    np.testing.assert_allclose(again, aligned, atol=1e-12)


@pytest.mark.parametrize("apart", [0.01, 0.3])
def test_similarity_alignment_is_scipy_s_procrustes(apart: float) -> None:
    from scipy.spatial import procrustes

    points, truth = clouds(1, apart=apart)
    errors = joint_errors(similarity_aligned(moved(points), truth), truth)
    for frame in range(len(points)):
        disparity = procrustes(truth[frame], moved(points)[frame])[2]
        size = ((truth[frame] - truth[frame].mean(0)) ** 2).sum()
        assert (errors[frame] ** 2).sum() / size == pytest.approx(disparity, rel=1e-9)


def test_similarity_alignment_turns_and_never_mirrors() -> None:
    from scipy.spatial.transform import Rotation

    points, truth = clouds(2)
    mirrored = points * [-1, 1, 1]
    aligned = similarity_aligned(mirrored, truth)
    for frame in range(len(points)):
        here, there = mirrored[frame] - mirrored[frame].mean(0), truth[frame] - truth[frame].mean(0)
        turned = Rotation.align_vectors(there, here)[0].apply(here)
        scale = (turned * there).sum() / (turned**2).sum()
        np.testing.assert_allclose(aligned[frame], scale * turned + truth[frame].mean(0), atol=1e-6)
    assert joint_errors(aligned, truth).mean() > 0.3, "a mirror image stays one"


def test_what_differs_by_a_similarity_has_no_error_and_order_does_not_matter() -> None:
    points, truth = clouds(3)
    assert joint_errors(similarity_aligned(moved(truth), truth), truth).max() < 1e-12
    order = np.random.default_rng(0).permutation(len(LSP))
    np.testing.assert_allclose(
        similarity_aligned(points[:, order], truth[:, order]), similarity_aligned(points, truth)[:, order], atol=1e-12
    )
    still = np.zeros((2, 14, 3))  # all in one place: nothing to scale or to turn
    np.testing.assert_allclose(similarity_aligned(still, truth[:2]), truth[:2].mean(1, keepdims=True) + still)


def test_accelerations_and_jerks_of_known_paths() -> None:
    time = np.arange(9)[:, None, None] / FPS
    pull, twitch = np.array([[[1.0, -2.0, 0.5]]]), np.array([[[6.0, 0.0, -3.0]]])
    path = 3 + 2 * time + 0.5 * pull * time**2
    np.testing.assert_allclose(accelerations(path, FPS), np.broadcast_to(pull, (7, 1, 3)), atol=1e-9)
    np.testing.assert_allclose(jerks(path, FPS), 0, atol=1e-6)
    path = path + twitch * time**3 / 6
    np.testing.assert_allclose(jerks(path, FPS), np.linalg.norm(twitch), rtol=1e-9)


def test_standing_speeds_are_those_of_neighbours_in_one_stand() -> None:
    rng = np.random.default_rng(4)
    points = rng.normal(size=(8, 2, 3))
    stands = np.array([[-1, 0], [0, 0], [0, 1], [0, 1], [-1, 1], [1, -1], [1, -1], [1, 2]])
    wanted = sorted(
        float(np.linalg.norm(points[frame + 1, foot] - points[frame, foot])) * FPS
        for frame in range(7)
        for foot in range(2)
        if stands[frame, foot] >= 0 and stands[frame, foot] == stands[frame + 1, foot]
    )
    np.testing.assert_allclose(sorted(standing_speeds(points, stands, FPS)), wanted)
    assert len(wanted) == 7
    assert not len(standing_speeds(points, np.full((8, 2), -1), FPS))


def test_points_of_a_track_are_its_joints_before_the_camera() -> None:
    body, track = toy_body(), toy_track()
    points = track_points(track, CANONICAL_JOINTS)
    rest = body.rest_joints(track.betas)
    turns, shifts = body.transforms(rest, track.global_orient, track.body_pose)
    for number, name in enumerate(CANONICAL_JOINTS):
        joint = body.canonical(name)
        for frame in range(len(track)):
            world = turns[frame, joint] @ rest[joint] + shifts[frame, joint] + track.transl[frame]
            seen = track.camera.rotation @ world + track.camera.translation
            np.testing.assert_allclose(points[frame, number], seen.numpy(), atol=1e-5)


def test_the_top_of_the_head_is_the_highest_vertex_and_turns_with_the_head() -> None:
    body, track = toy_body(), toy_track()
    track = replace(track, camera=default_camera((100, 160)))
    still = replace(
        track, global_orient=0 * track.global_orient, body_pose=0 * track.body_pose, transl=0 * track.transl
    )
    vertices = body.identity(track.betas).vertices.numpy()
    np.testing.assert_allclose(track_points(still, ("head_top",))[0, 0], vertices[vertices[:, 1].argmin()], atol=1e-6)
    pair = track_points(track, ("head", "head_top"))
    length = np.linalg.norm(pair[:, 1] - pair[:, 0], axis=1)
    np.testing.assert_allclose(length, length[0], rtol=1e-5)
    assert np.ptp(pair[:, 1] - pair[:, 0], axis=0).max() > 0.02


def test_reprojection_is_in_parts_of_the_standing_height() -> None:
    body, track = toy_body(), toy_track()
    names = body.landmark_names
    points = body.landmarks(names, track.betas, track.global_orient, track.body_pose, track.transl)
    spots = project(track.camera, points)
    away = torch.tensor([3.0, 4.0])
    confidence = torch.ones(len(track), len(names))
    confidence[0] = 0.4
    confidence[1, 1:] = 0
    seen = Keypoints(names, spots[..., :2] + away, confidence, None, confidence[:, 0] > 0, (100, 160), FPS, "x")
    errors = reprojection_errors(track, seen)
    rows = body.identity(track.betas).vertices[:, 1]
    tall = float((rows.max() - rows.min()) * track.camera.focal[1])
    assert np.isnan(errors[0])
    np.testing.assert_allclose(errors[1:], 5 / (tall / spots[1:, :, 2].mean(1).numpy()), rtol=1e-4)
