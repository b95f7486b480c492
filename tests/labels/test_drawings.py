"""Drawings of skeletons and faces are those that the published networks were trained on, pixel for pixel."""

from pathlib import Path

import numpy as np
import pytest

from liquidwarp.labels import SkeletonPoints, draw_face, draw_skeleton, face_window, mesh_landmarks, with_forehead
from liquidwarp.labels.faces import GROUPS, MESH_POINTS, proportioned, proportions

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "published" / "fsvid2vid_labels.npz")


def certain(name: str) -> np.ndarray:
    return np.concatenate([GOLDEN[name], np.ones((len(GOLDEN[name]), 1))], 1)


@pytest.mark.parametrize("face", [False, True])
def test_a_skeleton_is_drawn_as_published(face: bool) -> None:
    skeleton = SkeletonPoints(
        certain("body"), certain("hand_left"), certain("hand_right"), certain("face") if face else None
    )
    drawn = draw_skeleton(skeleton, (256, 128))
    np.testing.assert_array_equal(drawn, GOLDEN["pose_image_with_face" if face else "pose_image"])


def test_a_face_is_drawn_as_published() -> None:
    landmarks = with_forehead(GOLDEN["landmarks"])
    np.testing.assert_array_equal(landmarks, GOLDEN["landmarks_with_upper"])
    np.testing.assert_array_equal(draw_face(landmarks, (128, 128)), GOLDEN["face_image"])


def test_what_is_not_known_is_not_drawn() -> None:
    body = certain("body")
    assert not draw_skeleton(SkeletonPoints(body * (1, 1, 0)), (256, 128)).any()
    hand = certain("hand_left")
    hand[4, 2] = 0  # the thumb's tip: its whole chain is left out
    thumb = (204, 0, 0)
    with_hand = draw_skeleton(SkeletonPoints(body * (1, 1, 0), hand), (256, 128))
    assert with_hand.any()
    assert not (with_hand == thumb).all(-1).any()


def test_points_of_a_mesh_are_taken_by_number() -> None:
    assert len(MESH_POINTS) == len(set(MESH_POINTS)) == 68
    mesh = np.arange(468 * 3, dtype=np.float32).reshape(468, 3)
    np.testing.assert_array_equal(mesh_landmarks(mesh)[:, 0], 3 * np.array(MESH_POINTS))


def test_a_face_keeps_its_own_proportions_and_takes_on_anothers() -> None:
    face = with_forehead(GOLDEN["landmarks"])
    assert sorted(index for group in GROUPS for index in group) == list(range(83))
    np.testing.assert_allclose(proportioned(face, proportions(face, face)), face, atol=1e-9)
    long = face * (1, 1.5)
    np.testing.assert_allclose(np.ptp(proportioned(face, proportions(long, face))[:, 1]), np.ptp(long[:, 1]), rtol=0.1)
    left, top, side = face_window(face)
    assert left < face[:, 0].min() < face[:, 0].max() < left + side
    assert top < face[:, 1].min() < face[:, 1].max() < top + side
