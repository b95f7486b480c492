import numpy as np
import pytest

from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.detect import FollowingDetector, detect_clip
from liquidwarp.detect.answers import TWIN, distance
from liquidwarp.detect.mediapipe_detector import MediaPipeDetector
from liquidwarp.detect.mediapipe_graph import Answer, CropView, _unmirror
from liquidwarp.errors import InputError, NoPersonError


def test_blank_picture_shows_nobody(capfd):
    blank = np.full((120, 160, 3), 200, np.uint8)
    detector = MediaPipeDetector(mirror=False)
    assert isinstance(detector, FollowingDetector)
    assert detector.detect(blank) == []
    with pytest.raises(NoPersonError, match=r"no person found in wall\.jpg; try"):
        detect_clip([blank], fps=0.0, size=(120, 160), detector=detector, source="wall.jpg")
    assert capfd.readouterr().err == ""


def test_confidence_is_checked():
    with pytest.raises(InputError, match=r"min_confidence=2\.0 must lie between 0 and 1"):
        MediaPipeDetector(min_confidence=2.0)


def test_twins_are_mutual_and_middle_ones_their_own():
    twins = {name: MEDIAPIPE[other] for name, other in zip(MEDIAPIPE, TWIN, strict=True)}
    assert twins["left_wrist"] == "right_wrist"
    assert twins["mouth_right"] == "mouth_left"
    assert twins["nose"] == "nose"
    assert TWIN[TWIN].tolist() == list(range(33))


def test_unmirror_twice_is_nothing():
    rng = np.random.default_rng(0)
    answer = Answer(
        rng.random((33, 2), np.float32) * 40,
        rng.random(33, np.float32),
        rng.random((33, 3), np.float32),
        rng.random((20, 40), np.float32),
    )
    again = _unmirror(_unmirror(answer))
    assert again is not None
    for part in ("image", "confidence", "world", "mask"):
        np.testing.assert_allclose(getattr(again, part), getattr(answer, part), atol=1e-5)


def test_view_round_trip():
    frame = np.zeros((40, 60, 3), np.uint8)
    frame[10:20, 30:50] = 255
    view = CropView(np.array([[2.0, 0, -20], [0, 2.0, 6]]), (100, 110))
    seen = view.resample(frame)
    rows, columns = np.nonzero(seen[..., 0] > 127)
    middle = view.points_back(np.array([[columns.mean() + 0.5, rows.mean() + 0.5]]))
    np.testing.assert_allclose(middle, [[40, 15]], atol=0.05)
    mask = view.mask_back(seen[..., 0].astype(np.float32) / 255, (40, 60))
    np.testing.assert_array_equal(mask > 0.5, frame[..., 0] > 0)


def test_distance_is_relative_to_the_person():
    a = np.stack([np.linspace(0, 1, 33), np.linspace(0, 100, 33)], 1)
    assert distance(a, a + np.array([10, 0])) == pytest.approx(0.1)
