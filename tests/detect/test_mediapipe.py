import os
import re
import subprocess
import sys
import threading
import time
from importlib.util import find_spec

import numpy as np
import pytest
from model_samples import needs_models

from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.detect import FollowingDetector, LiteRtDetector, detect_clip
from liquidwarp.detect.answers import TWIN, distance
from liquidwarp.detect.mediapipe_detector import MediaPipeDetector
from liquidwarp.detect.mediapipe_graph import Answer, CropView, _unmirror
from liquidwarp.detect.native_log import native_log_muted
from liquidwarp.errors import InputError, NoPersonError

needs_mediapipe = pytest.mark.skipif(
    find_spec("mediapipe") is None, reason="mediapipe is not installed; it is the extra 'mediapipe'"
)


@needs_mediapipe
def test_blank_picture_shows_nobody(capfd):
    blank = np.full((120, 160, 3), 200, np.uint8)
    detector = MediaPipeDetector(mirror=False)
    assert isinstance(detector, FollowingDetector)
    assert detector.detect(blank) == []
    with pytest.raises(NoPersonError, match=r"no person found in wall\.jpg; try"):
        detect_clip([blank], fps=0.0, size=(120, 160), detector=detector, source="wall.jpg")
    assert capfd.readouterr().err == ""


@needs_models
def test_what_other_threads_say_while_a_detector_starts_is_not_lost(capfd, dance):
    said, over = 0, threading.Event()

    def talk():
        nonlocal said
        while not over.wait(1e-3):
            os.write(2, b"line %d.\n" % said)
            print(f"line {said + 1}.", file=sys.stderr)
            said += 2

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        LiteRtDetector(mirror=False).detect(dance[0])
    finally:
        over.set()
        talking.join()
    err = capfd.readouterr().err
    assert said > 10
    assert sorted(map(int, re.findall(r"line (\d+)\.", err))) == list(range(said))
    assert re.sub(r"line \d+\.|INFO: |\n", "", err) == ""


NOTES = (  # in pieces as they come
    b"INFO: ",
    b"Created TensorFlow Lite XNNPACK delegate for CPU.",
    b"\n",
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n",
    b"W0000 00:00:1795804337.941440    9318 inference_feedback_manager.cc:114] Feedback manager requires a model\n",
)


def test_only_the_notes_of_the_libraries_are_left_out(capfd):
    others = (
        b"WARNING: mine\n",
        b"detect: 10%",
        b"E0000 00:00:1795804337.941440    9318 calculator.cc:7] broken\n",
        b"INFO: mine too, without an end",
    )
    with native_log_muted():
        for other in others:
            for note in NOTES:
                os.write(2, note)
                time.sleep(0.01)
            os.write(2, other)
    assert capfd.readouterr().err.encode() == b"".join(others)


@pytest.mark.skipif(sys.platform == "win32", reason="no shell there")
def test_a_child_process_of_that_time_is_heard_for_as_long_as_it_lives(capfd):
    with native_log_muted():
        child = subprocess.Popen(["sh", "-c", "echo first >&2; read end; echo last >&2"], stdin=subprocess.PIPE)
    child.communicate(b"\n")
    err = ""
    for _ in range(100):
        err += capfd.readouterr().err
        if "last" in err:
            break
        time.sleep(0.05)
    assert err == "first\nlast\n"


@pytest.mark.skipif(find_spec("mediapipe") is not None, reason="mediapipe is installed")
def test_without_mediapipe_the_message_says_what_to_do(dance):
    with pytest.raises(InputError, match=r"mediapipe 0\.10\.21 is not installed here; .* LiteRtDetector"):
        MediaPipeDetector().detect(dance[0])


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
