"""Hands and face: against stored answers of MediaPipe, and where there are none."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from model_samples import needs_models

from liquidwarp.demo import asset
from liquidwarp.detect import Detection, LiteRtDetector, detect_clip
from liquidwarp.detect.details import HAND
from liquidwarp.detect.litert.finder import Found
from liquidwarp.detect.litert.hands import hand_region, palm_region
from liquidwarp.detect.litert.regions import SquareRegion, upright
from liquidwarp.detect.tuning import LITERT_TUNING
from liquidwarp.media import read_image

GOLDEN = Path(__file__).parents[1] / "golden" / "mediapipe" / "close.npz"
PHOTOS = ("man_jacket", "woman_stripes", "woman_checks")


@pytest.fixture(scope="module")
def detector() -> LiteRtDetector:
    return LiteRtDetector(hands=True, face=True)


@pytest.fixture(scope="module")
def people(detector: LiteRtDetector) -> dict[str, Detection]:
    return {name: detector.detect(read_image(asset(f"{name}.jpg")).rgb)[0] for name in PHOTOS}


def test_the_square_around_points_is_the_smallest() -> None:
    points = np.array([[0.0, 0.0], [10.0, 10.0], [4.0, 4.0]])
    level, turned = upright(points, 0.0), upright(points, np.pi / 4)
    assert (level.x, level.y, level.side) == (5.0, 5.0, 10.0)
    np.testing.assert_allclose((turned.x, turned.y, turned.side), (5, 5, 200**0.5), atol=1e-9)


def test_a_palms_square_reaches_to_the_finger_tips() -> None:
    area = SquareRegion(100.0, 100.0, 200.0, np.pi)  # upside down
    points = np.full((7, 2), 0.5, np.float32)
    points[2] = [0.5, 0.4]
    palm = Found(np.array([0.4, 0.4, 0.6, 0.5], np.float32), points, 0.9)
    region = palm_region(palm, area)
    assert region.side == pytest.approx(2.6 * 40)
    np.testing.assert_allclose([region.x, region.y], [100, 110 + 20], atol=1e-4)
    assert abs(region.angle) == pytest.approx(np.pi)


@needs_models
@pytest.mark.parametrize("name", PHOTOS)
def test_hands_are_mediapipes(people: dict[str, Detection], name: str) -> None:
    golden = np.load(GOLDEN)
    hands = people[name].hands
    seen = 0
    for side in ("left", "right"):
        hand, key = getattr(hands, side), f"{name}_{side}"
        if key not in golden or hand is None:
            continue
        seen += 1
        length = np.linalg.norm(golden[key][0] - golden[key][HAND.index("middle_tip")])
        assert np.median(np.linalg.norm(hand.image - golden[key], axis=1)) < 0.06 * length
        assert np.linalg.norm(hand.world - golden[f"{key}_world"], axis=1).mean() < 0.012
        assert hand.side > 0.7
        assert hand.presence > 0.5
    assert seen > 0


@needs_models
@pytest.mark.parametrize("name", PHOTOS)
def test_the_face_is_mediapipes(people: dict[str, Detection], name: str) -> None:
    golden = np.load(GOLDEN)[f"{name}_face"]
    face = people[name].face
    assert face is not None
    off = np.linalg.norm(face.points[:, :2] - golden, axis=1)
    assert np.median(off) < 0.015 * np.ptp(golden[:, 1])
    assert face.points[1, 2] < face.points[[234, 454], 2].min()  # the nose is nearer to the camera than the ears


@needs_models
def test_they_are_followed_through_a_clip(dance: list[np.ndarray], detector: LiteRtDetector) -> None:
    frames = dance[:6]
    seen = detect_clip(frames, fps=25.0, size=frames[0].shape[:2], detector=detector)
    assert len(seen.hands) == len(seen.faces) == len(frames)
    plain = detect_clip(frames, fps=25.0, size=frames[0].shape[:2], detector=LiteRtDetector())
    assert (plain.hands, plain.faces) == ((), ())
    assert np.array_equal(plain.keypoints.image, seen.keypoints.image)
    found = [frame for frame, face in enumerate(seen.faces) if face is not None]
    assert found
    for frame in found:
        nose = seen.keypoints.image[frame, 0].numpy()
        height = float(np.ptp(seen.keypoints.image[frame, :, 1].numpy()))
        assert np.linalg.norm(seen.detection(frame).face.points[1, :2] - nose) < 0.03 * height


@needs_models
def test_hands_that_are_too_small_or_cut_off_are_none(detector: LiteRtDetector) -> None:
    photo = read_image(asset("woman_stripes.jpg")).rgb
    small = cv2.resize(photo, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    (person,) = detector.detect(small)
    assert (person.hands.left, person.hands.right) == (None, None)
    whole = detector.detect(photo)[0]
    edge = int(whole.image[whole.names.index("left_wrist"), 0]) - 2
    cut = np.ascontiguousarray(photo[:, :edge])
    person = detector.detect(cut)[0]
    assert person.hands.left is None
    assert person.hands.right is not None


@needs_models
def test_a_face_that_is_covered_is_none() -> None:
    photo = read_image(asset("woman_stripes.jpg")).rgb.copy()
    detector = LiteRtDetector(face=True)
    face = detector.detect(photo)[0].face.points
    left, top = face[:, :2].min(0).astype(int) - 8
    right, bottom = face[:, :2].max(0).astype(int) + 8
    photo[top - 15 : bottom, left:right] = (60, 40, 30)
    person = detector.detect(photo)[0]
    assert person.face is None
    assert person.hands is None


@needs_models
def test_the_hand_of_a_frame_ago_leads_to_the_same_hand(people: dict[str, Detection]) -> None:
    hand = people["woman_stripes"].hands.left
    region = hand_region(hand.image)
    inside = (hand.image - np.array([region.x, region.y])) @ region.axes / region.side + 0.5
    assert inside.min() > 0.05
    assert inside.max() < 0.95
    assert inside[HAND.index("middle_tip"), 1] < inside[HAND.index("wrist"), 1]  # fingers point up


@needs_models
@pytest.mark.parametrize(("least", "seen"), [(22.0, False), (10.0, True)])
def test_in_a_clip_only_larger_hands_are_looked_at(people: dict[str, Detection], least: float, seen: bool) -> None:
    tuning = replace(LITERT_TUNING, hands=replace(LITERT_TUNING.hands, least_followed=least))
    frame = read_image(asset("woman_stripes.jpg")).rgb
    follower = LiteRtDetector(hands=True, tuning=tuning).follow(frame, people["woman_stripes"])
    hands = follower.next(frame).hands
    assert people["woman_stripes"].hands.left is not None
    assert (hands.left is not None, hands.right is not None) == (seen, seen)
