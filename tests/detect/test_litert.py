"""MediaPipe's networks without MediaPipe: parts by themselves, the whole against stored answers of the original."""

import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
from model_samples import needs_models

from liquidwarp.demo import asset
from liquidwarp.detect import FollowingDetector, detect_clip
from liquidwarp.detect.litert.detector import LiteRtDetector
from liquidwarp.detect.litert.finder import FACE, PALM, POSE, anchor_points, decode, melt
from liquidwarp.detect.litert.models import find_model
from liquidwarp.detect.litert.pose import refine
from liquidwarp.detect.litert.regions import SquareRegion
from liquidwarp.detect.litert.steady import OneEuro
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.media import open_video
from liquidwarp.tasks import recover

GOLDEN = Path(__file__).parents[1] / "golden" / "mediapipe" / "demo.npz"


def demo_frames(count: int) -> list[np.ndarray]:
    return [frame for _, frame in zip(range(count), open_video(asset("motion.mp4")), strict=False)]


@pytest.mark.parametrize(("kind", "size", "count"), [(POSE, 224, 2254), (PALM, 192, 2016), (FACE, 128, 896)])
def test_anchors_are_as_many_as_the_network_answers(kind, size, count):
    anchors = anchor_points(size, kind.strides)
    assert anchors.shape == (count, 2)
    np.testing.assert_allclose(anchors[0], 4 / size)
    np.testing.assert_allclose(anchors[1], anchors[0])  # two layers share a cell
    np.testing.assert_allclose(anchors[2], [12 / size, 4 / size])  # along the row first
    np.testing.assert_allclose(anchors.mean(0), 0.5, atol=1e-6)


def test_decoding_puts_boxes_and_points_around_their_anchors():
    anchors = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)
    values = np.zeros((2, 8), np.float32)
    values[0] = [10, -20, 40, 20, 5, 5, -10, 0]
    boxes, points, scores = decode(values, np.array([0.0, -9.0], np.float32), anchors, 100, 0.4)
    np.testing.assert_allclose(boxes, [[0.15, 0.45, 0.55, 0.65]], atol=1e-6)
    np.testing.assert_allclose(points, [[[0.3, 0.8], [0.15, 0.75]]], atol=1e-6)
    np.testing.assert_allclose(scores, [0.5])
    empty = decode(values, np.array([-9.0, -9.0], np.float32), anchors, 100, 0.4)
    assert melt(*empty) == []


def test_overlapping_answers_melt_into_their_weighted_mean():
    boxes = np.array([[0, 0, 1, 1], [0.1, 0, 1.1, 1], [5, 5, 6, 6]], np.float32)
    points = boxes[:, None, :2]
    first, second = melt(boxes, points, np.array([0.3, 0.9, 0.5], np.float32))
    np.testing.assert_allclose(first.box, [0.075, 0, 1.075, 1], atol=1e-6)
    np.testing.assert_allclose(first.points, [[0.075, 0]], atol=1e-6)
    assert (first.score, second.score) == (pytest.approx(0.9), pytest.approx(0.5))
    np.testing.assert_allclose(second.box, boxes[2])


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_region_stands_upright_on_what_it_is_spanned_by(mirrored):
    hips, top = np.array([50.0, 60.0]), np.array([80.0, 20.0])
    region = SquareRegion.spanned(hips, top, 1.25, mirrored=mirrored)
    assert region.side == pytest.approx(125)
    np.testing.assert_allclose(region.to_picture(np.array([[0.5, 0.5], [0.5, 0.1]])), [hips, top], atol=1e-6)
    right = region.to_picture(np.array([[1.0, 0.5]]))[0] - hips
    turn = np.linalg.det([right, hips - top])
    assert turn < 0 if mirrored else turn > 0
    twin = region.reflected()
    np.testing.assert_allclose(twin.to_picture(np.array([[0.5, 0.1]])), [top], atol=1e-6)
    assert twin.reflected() == region


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("side", [60.0, 150.0, 700.0])
def test_crops_and_masks_keep_their_place(mirrored, side):
    frame = np.zeros((400, 500, 3), np.uint8)
    cv2.ellipse(frame, (240, 190), (int(side / 8), int(side / 5)), 20, 0, 360, (255, 255, 255), -1)
    region = SquareRegion(245.0, 185.0, side, 0.4, mirrored)
    crop = region.crop(frame, 256)
    back = region.mask_back(crop[..., 0].astype(np.float32) / 255, (400, 500))
    seen, true = back > 0.5, frame[..., 0] > 0
    assert (seen & true).sum() / (seen | true).sum() > 0.97
    assert region.crop(frame[:, :200], 64, blank=True).max() == 0 or side > 100
    white = np.full((20, 20, 3), 255, np.uint8)
    assert SquareRegion.whole((20, 20)).crop(white, 64).min() == 255


def test_points_in_space_turn_with_the_region():
    region = SquareRegion(0.0, 0.0, 1.0, np.pi / 2, mirrored=False)
    np.testing.assert_allclose(region.turn_back(np.array([[1.0, 0, 3]])), [[0, 1, 3]], atol=1e-9)
    np.testing.assert_allclose(region.reflected().turn_back(np.array([[1.0, 0, 3]])), [[0, -1, 3]], atol=1e-9)


def refine_slowly(points: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The normative twin: loops over cells, as MediaPipe's own."""
    size, moved = len(heat), points.copy()
    for index, (x, y) in enumerate((points * size).astype(int)):
        if not (0 <= x < size and 0 <= y < size):
            continue
        total = highest = across = down = 0.0
        for row in range(max(0, y - 3), min(size, y + 4)):
            for column in range(max(0, x - 3), min(size, x + 4)):
                warmth = 1 / (1 + np.exp(-float(heat[row, column, index])))
                total, highest = total + warmth, max(highest, warmth)
                across, down = across + column * warmth, down + row * warmth
        if highest >= 0.5:
            moved[index] = across / total / size, down / total / size
    return moved


def test_refinement_is_that_of_the_loops():
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.1, 1.1, (35, 2)).astype(np.float32)
    heat = rng.normal(-3, 2, (64, 64, 35)).astype(np.float32)
    np.testing.assert_allclose(refine(points, heat), refine_slowly(points, heat), atol=1e-5)
    assert not np.allclose(refine(points, heat), points)


def test_the_filter_is_still_at_rest_and_quick_in_haste():
    rng = np.random.default_rng(1)
    at_rest, in_haste = OneEuro(), OneEuro()
    jitter = 100 + rng.normal(0, 0.1, (60, 2, 2))
    still = np.array([at_rest.follow(points, 200.0) for points in jitter])
    assert still[30:].std() < 0.7 * jitter[30:].std()
    path = np.arange(60)[:, None, None] * np.full((1, 2, 2), 10.0)
    late = path[-1] - [in_haste.follow(points, 200.0) for points in path][-1]
    assert np.abs(late).max() < 6


def test_arguments_are_checked():
    with pytest.raises(InputError, match=r"model='huge' is not known; choose one of lite, full, heavy"):
        LiteRtDetector("huge")
    with pytest.raises(InputError, match=r"min_confidence=2\.0 must lie between 0 and 1"):
        LiteRtDetector(min_confidence=2.0)
    with pytest.raises(InputError, match="search_every=0 must be greater than zero"):
        LiteRtDetector(search_every=0)


@needs_models
def test_landmarks_and_masks_are_mediapipes():
    """Against MediaPipe 0.10.21 on the demo's frames, as fractions of the person's height."""
    golden = np.load(GOLDEN)
    frames = demo_frames(len(golden["image"]))
    seen = detect_clip(frames, fps=25.0, size=frames[0].shape[:2], detector=LiteRtDetector(), mask_size=96)
    assert seen.keypoints.present.all()
    height = np.ptp(golden["image"][..., 1], axis=1)[:, None]
    off = np.linalg.norm(seen.keypoints.image.numpy() - golden["image"], axis=-1) / height
    assert np.median(off) < 0.002
    assert np.quantile(off, 0.95) < 0.006
    assert np.abs(np.mean(seen.keypoints.image.numpy() - golden["image"], (0, 1)) / height.mean()).max() < 5e-4
    world = np.linalg.norm(seen.keypoints.world.numpy() - golden["world"], axis=-1)
    assert world.mean() < 0.015
    assert np.abs(seen.keypoints.confidence.numpy() - golden["confidence"]).mean() < 0.01
    masks, true = seen.masks.stack().numpy() > 0.5, np.unpackbits(golden["masks"], axis=-1).astype(bool)
    assert ((masks & true).sum((1, 2)) / (masks | true).sum((1, 2))).min() > 0.96


@needs_models
def test_calling_twice_gives_the_same_bytes():
    frames = demo_frames(6)
    first, second = (
        detect_clip(frames, fps=25.0, size=frames[0].shape[:2], detector=LiteRtDetector()) for _ in range(2)
    )
    assert np.array_equal(first.keypoints.image, second.keypoints.image)
    assert np.array_equal(first.keypoints.world, second.keypoints.world)
    assert first.masks.packed == second.masks.packed


@needs_models
def test_the_mirror_image_has_left_and_right_exchanged():
    (frame,) = demo_frames(1)
    (straight,) = LiteRtDetector().detect(frame)
    (mirrored,) = LiteRtDetector().detect(np.ascontiguousarray(frame[:, ::-1]))
    left, right = (straight.names.index(name) for name in ("left_wrist", "right_wrist"))
    height = np.ptp(straight.image[:, 1])
    expected = np.array([frame.shape[1], 0]) + straight.image[right] * np.array([-1, 1])
    assert np.linalg.norm(mirrored.image[left] - expected) < 0.01 * height


@needs_models
def test_blank_picture_shows_nobody(capfd):
    blank = np.full((120, 160, 3), 200, np.uint8)
    detector = LiteRtDetector(mirror=False)
    assert isinstance(detector, FollowingDetector)
    assert detector.detect(blank) == []
    with pytest.raises(NoPersonError, match=r"no person found in wall\.jpg; try"):
        detect_clip([blank], fps=0.0, size=(120, 160), detector=detector, source="wall.jpg")
    assert capfd.readouterr().err == ""


@needs_models
def test_someone_who_leaves_is_lost_and_found_again():
    frames = demo_frames(8)
    blank = np.full_like(frames[0], 127)
    clip = [*frames[:4], blank, blank, *frames[4:]]
    seen = detect_clip(clip, fps=25.0, size=blank.shape[:2], detector=LiteRtDetector())
    assert seen.keypoints.present.tolist() == [True] * 4 + [False] * 2 + [True] * 4


@needs_models
def test_two_people_are_told_apart():
    (frame,) = demo_frames(1)
    both = np.concatenate([frame, frame[:, ::-1]], 1)
    people = LiteRtDetector().detect(both)
    assert len(people) == 2
    assert abs(people[0].image[:, 0].mean() - people[1].image[:, 0].mean()) > 0.5 * frame.shape[1]


@pytest.mark.skipif(
    find_model("pose_heavy") is None, reason="the heavy network is not here; it comes with npm's package"
)
def test_depth_is_never_the_heavy_networks():
    (frame,) = demo_frames(1)
    (heavy,), (full,) = LiteRtDetector("heavy").detect(frame), LiteRtDetector().detect(frame)
    assert np.linalg.norm(heavy.world - full.world, axis=-1).mean() < 0.02
    assert not np.allclose(heavy.image, full.image, atol=0.1)


@needs_models
def test_recovery_opens_no_socket(monkeypatch):
    frames = np.stack(demo_frames(3))
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a socket was opened"))
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("a socket was opened"))
    track = recover(frames, detector=LiteRtDetector(), regressor="landmarks", fit=False)
    assert len(track) == 3
