"""A driver's expression on a photo's face: nothing at rest, the same whoever drives, closed where it is closed."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from liquidwarp.demo import asset
from liquidwarp.detect import FaceDetector
from liquidwarp.face import Expressions, FacePainter, HeadFrame, PhotoFace, eyes_closed, read_expressions
from liquidwarp.face.landmarks import LOWER_LIDS, LOWER_LIP, UPPER_LIDS, UPPER_LIP
from liquidwarp.face.shape import mouth_gaps, mouth_width, opened_by
from liquidwarp.media import read_image
from liquidwarp.types import FaceTrack

FPS = 25.0


@dataclass(frozen=True)
class Seen:
    """A photo of a face, and the mesh in it."""

    photo: np.ndarray
    points: np.ndarray


@pytest.fixture(scope="module")
def seen() -> Seen:
    photo = read_image(asset("woman_stripes.jpg")).rgb
    return Seen(photo, FaceDetector().pick(photo).points.astype(np.float64))


def opened(points: np.ndarray, widths: float) -> np.ndarray:
    """Return a mesh whose mouth is open by so many of its widths more."""
    frame = HeadFrame.of(points)
    shape = frame.own(points)
    shape[:, 1] += opened_by(shape, np.full(9, widths * mouth_width(shape)))
    return frame.picture(shape)


def driven(meshes: list[np.ndarray], closed: float = 0.0) -> Expressions:
    """Return what a clip of meshes tells; lids are closed in the last third of it."""
    lids = torch.zeros(len(meshes), 2)
    lids[-(len(meshes) // 3) :] = closed
    track = FaceTrack.create(torch.from_numpy(np.stack(meshes)).float(), torch.ones(len(meshes)), lids)
    moves = read_expressions(track, fps=FPS)
    assert moves is not None
    return moves


def gap(vertices: np.ndarray) -> float:
    """Return how far the lips are apart at the middle, in widths of the mouth."""
    return float(mouth_gaps(HeadFrame.of(vertices[:468]).own(vertices[:468]))[3:6].mean())


def test_a_driver_at_rest_changes_nothing(seen: Seen) -> None:
    face = PhotoFace.of(seen.photo, seen.points)
    painter = FacePainter(face, seen.photo)
    vertices = face.carried(driven([1.7 * seen.points + 40] * 6), 3)
    assert np.abs(vertices - face.vertices)[:, :2].max() < 0.02
    np.testing.assert_array_equal(painter.paint(vertices), seen.photo[painter.window])


def test_it_does_not_matter_how_large_and_where_the_driver_is(seen: Seen) -> None:
    face = PhotoFace.of(seen.photo, seen.points)
    clip = [opened(seen.points, 0.25 * np.sin(step) ** 2) for step in np.linspace(0, 6, 24)]
    cos, sin = np.cos(0.3), np.sin(0.3)
    roll = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    moves = driven(clip), driven([3.1 * mesh @ roll + (500, 80, 0) for mesh in clip])
    one, other = (np.stack([face.carried(each, index) for index in range(24)]) for each in moves)
    assert np.abs(one - other)[..., :2].max() < 0.15
    wide, shut = gap(one[6]), gap(one[0])
    assert shut < 0.01
    assert 0.15 < wide < 0.25


def test_lips_that_close_for_a_moment_are_closed(seen: Seen) -> None:
    face = PhotoFace.of(seen.photo, seen.points)
    widths = [0.2] * 10 + [0.0, 0.0] + [0.2] * 10
    moves = driven([opened(seen.points, width) for width in widths])
    gaps = [gap(face.carried(moves, index)) for index in range(22)]
    assert max(gaps[10:12]) < 0.01
    assert min(gaps[3:8]) > 0.12


def test_lids_close_over_the_eye_and_the_mouth_shows_its_inside(seen: Seen) -> None:
    face = PhotoFace.of(seen.photo, seen.points)
    painter = FacePainter(face, seen.photo)
    moves = driven([2 * opened(seen.points, 0.3 * (step % 2)) for step in range(12)], closed=1.0)
    moves = replace(moves, gaps=np.full_like(moves.gaps, 0.25))
    shut = face.carried(moves, 11)
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        assert np.abs(shut[list(upper)] - shut[list(lower)]).max() < 0.1
    made = seen.photo.copy()
    made[painter.window] = painter.paint(shut)
    again = FaceDetector().pick(made).points
    frame = HeadFrame.of(again)
    assert float(mouth_gaps(frame.own(again))[3:6].mean()) > gap(seen.points) + 0.08
    eye = np.rint(seen.points[list(UPPER_LIDS[0])].mean(0) + seen.points[list(LOWER_LIDS[0])].mean(0)).astype(int) // 2
    near = (slice(eye[1] - 2, eye[1] + 2), slice(eye[0] - 3, eye[0] + 3))
    assert np.ptp(made[near][..., 0].astype(int)) < 0.6 * np.ptp(seen.photo[near][..., 0].astype(int))  # skin, no pupil
    border = np.ones(seen.photo.shape[:2], bool)
    border[painter.window] = False
    np.testing.assert_array_equal(made[border], seen.photo[border])


def test_a_head_follows_and_what_is_far_from_it_stays(seen: Seen) -> None:
    face = PhotoFace.of(seen.photo, seen.points, head=True)
    moves = driven([seen.points + np.array([step, 0, 0]) for step in np.linspace(-6, 6, 25)])
    first, last = (face.carried(moves, index, head=True) for index in (0, 24))
    moved = (last - first)[:, 0]
    assert 5 < moved[:468].mean() < 12
    assert np.abs(moved[-36:]).max() == 0  # the outermost ring


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_faces_too_small_or_turned_away_are_left(seen: Seen, scale: float) -> None:
    turned = np.array([[0.2, 0, -0.98], [0, 1, 0], [0.98, 0, 0.2]])
    mesh = scale * seen.points @ (turned if scale == 1 else np.eye(3))
    assert read_expressions(FaceTrack.create(torch.from_numpy(mesh[None]).float(), torch.ones(1)), fps=0.0) is None


def test_closed_eyes_are_told_by_how_they_look() -> None:
    y, x = np.indices((24, 24))
    eye = np.where((x - 12) ** 2 / 64 + (y - 13) ** 2 / 16 < 1, 220, 150) - 160 * ((x - 12) ** 2 + (y - 13) ** 2 < 12)
    lid = np.where(np.abs(y - 16) < 2, 60, 150)
    noise = np.random.default_rng(0).integers(-6, 6, (20, 2, 24, 24))
    cuts = [((lid if index in (8, 9) else eye) + noise[index]).clip(0, 255).astype(np.uint8) for index in range(20)]
    closed = eyes_closed([*cuts, None])
    assert closed[8:10].min() > 0.7
    assert np.delete(closed, (8, 9), 0).max() < 0.1


def test_lips_are_listed_point_for_point() -> None:
    for upper, lower in zip(UPPER_LIP, LOWER_LIP, strict=True):
        assert len(upper) == len(lower) == 9
        assert not set(upper) & set(lower)
