"""A camera gives its newest picture; a window says when it is closed."""

import threading

import cv2
import numpy as np
import pytest

from liquidwarp.errors import InputError, OutputError
from liquidwarp.media import PreviewWindow, Webcam


class FakeCamera:
    """Counts upwards in the red channel; ends after some frames, which have to be asked for from the second on."""

    def __init__(self, frames: int, rate: float) -> None:
        self.left, self.rate = frames, rate
        self.count, self.released = 0, False
        self.may = threading.Semaphore(1)

    def isOpened(self) -> bool:  # noqa: N802 -- OpenCV's name
        return self.left > 0

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.may.acquire(timeout=5)
        if self.count == self.left:
            return False, None
        self.count += 1
        frame = np.zeros((4, 6, 3), np.uint8)
        frame[..., 2] = self.count  # OpenCV's order is blue, green, red
        return True, frame

    def get(self, _: int) -> float:
        return self.rate

    def release(self) -> None:
        self.released = True


def plugged(monkeypatch: pytest.MonkeyPatch, frames: int, rate: float = 24.0) -> FakeCamera:
    device = FakeCamera(frames, rate)
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: device)
    return device


def test_frames_come_in_rgb_until_the_camera_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    device = plugged(monkeypatch, 3)
    camera = Webcam(0)
    seen = []
    for frame in camera:
        seen.append(frame[0, 0].tolist())
        device.may.release()
    camera.close()
    assert seen == [[1, 0, 0], [2, 0, 0], [3, 0, 0]]
    assert camera.fps == 24
    assert device.released


def test_what_nobody_was_quick_enough_for_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    device = plugged(monkeypatch, 5)
    camera = Webcam(0)
    for _ in range(5):
        device.may.release()
    camera._reader.join(5)  # all frames have come before the first is asked for
    assert [frame[0, 0, 0] for frame in camera] == [5]


def test_a_camera_that_does_not_tell_its_rate_has_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    plugged(monkeypatch, 1, rate=0.0)
    assert Webcam(0).fps == 30


def test_no_camera_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    device = plugged(monkeypatch, 0)
    with pytest.raises(InputError, match="camera 7: gives no picture"):
        Webcam(7)
    assert device.released


def test_a_window_shows_bgr_and_ends_with_q(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(cv2, "imshow", lambda title, picture: shown.append((title, picture[0, 0].tolist())))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda title, kind: 1.0)
    monkeypatch.setattr(cv2, "waitKey", lambda wait: -1 if len(shown) < 2 else ord("q"))
    monkeypatch.setattr(cv2, "destroyWindow", lambda title: shown.append("gone"))
    window = PreviewWindow("live")
    picture = np.full((2, 2, 3), (10, 20, 30), np.uint8)
    assert window.show(picture)
    assert not window.show(picture)
    window.close()
    assert shown == [("live", [30, 20, 10]), ("live", [30, 20, 10]), "gone"]


def test_the_space_bar_stops_and_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = iter([-1, ord(" "), -1, ord(" ")])
    monkeypatch.setattr(cv2, "imshow", lambda title, picture: None)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda title, kind: 1.0)
    monkeypatch.setattr(cv2, "waitKey", lambda wait: next(keys))
    window, told = PreviewWindow("live"), []
    for _ in range(4):
        assert window.show(np.zeros((2, 2, 3), np.uint8))
        told.append(window.stopped)
    assert told == [False, True, True, False]


def test_a_closed_window_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imshow", lambda title, picture: None)
    monkeypatch.setattr(cv2, "waitKey", lambda wait: -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda title, kind: 0.0)
    window = PreviewWindow("live")
    picture = np.zeros((2, 2, 3), np.uint8)
    assert window.show(picture)
    assert not window.show(picture)


def test_without_a_screen_the_error_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(title: str, picture: np.ndarray) -> None:
        raise cv2.error("no display")

    monkeypatch.setattr(cv2, "imshow", fail)
    with pytest.raises(OutputError, match="-o OUT"):
        PreviewWindow("live").show(np.zeros((2, 2, 3), np.uint8))
