"""A camera as a source of frames, and a window to show frames in."""

import threading
from collections.abc import Iterator

import numpy as np
from jaxtyping import UInt8

from liquidwarp.errors import InputError, OutputError
from liquidwarp.parallel import OneProcess

_USUAL_RATE = 30.0  # of cameras that do not tell theirs
_QUIT = (ord("q"), 27)  # q and Escape
_STOP = ord(" ")


class Webcam:
    """Frames of a camera, the newest each time: what nobody was quick enough for is let go.

    Args:
        number: of the camera, 0 is the first.

    Raises:
        InputError: it cannot be opened, or gives no picture.
    """

    def __init__(self, number: int = 0) -> None:
        import cv2

        self._name = f"camera {number}"
        loud = cv2.getLogLevel()
        cv2.setLogLevel(0)  # it would say on stderr what the error below says
        try:
            self._device = cv2.VideoCapture(number)
            good, frame = self._device.read() if self._device.isOpened() else (False, None)
        finally:
            cv2.setLogLevel(loud)
        if not good or frame is None:
            self._device.release()
            raise InputError(
                f"{self._name}: gives no picture; check that it is plugged in and no other program uses it, "
                "or name a video with --motion"
            )
        told = float(self._device.get(cv2.CAP_PROP_FPS))
        self.fps = told if 1 <= told <= 1000 else _USUAL_RATE
        self._changed = threading.Condition()
        self._newest: np.ndarray | None = frame
        self._ended = False
        self._here = OneProcess(self._name)
        self._reader = threading.Thread(target=self._read, name=self._name, daemon=True)
        self._reader.start()

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        """Yield RGB frames until the camera ends or is closed."""
        while True:
            self._here.check()
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._ended)
                frame, self._newest = self._newest, None
            if frame is None:
                return
            yield np.ascontiguousarray(frame[..., ::-1])

    def close(self) -> None:
        """Let the camera go; frames end."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._reader.join()
        self._device.release()

    def _read(self) -> None:
        while not self._ended:
            good, frame = self._device.read()
            with self._changed:
                if good:
                    self._newest = frame
                else:
                    self._ended = True
                self._changed.notify_all()


class PreviewWindow:
    """A window that shows frames as they come.

    Args:
        title: of the window.

    Attributes:
        stopped: whether the user stopped the pictures; the space bar stops and starts them.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._open = False
        self.stopped = False

    def show(self, rgb: UInt8[np.ndarray, "H W 3"]) -> bool:
        """Show a frame; return False when the user has closed the window, or pressed q or Escape.

        Raises:
            OutputError: no window can be opened here.
        """
        import cv2

        try:
            if self._open and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
                return False
            cv2.imshow(self._title, np.ascontiguousarray(rgb[..., ::-1]))
            self._open = True
            key = cv2.waitKey(1) & 0xFF
            self.stopped ^= key == _STOP
            return key not in _QUIT
        except cv2.error as error:
            raise OutputError("no window can be opened here; write the result to a file with -o OUT.mp4") from error

    def close(self) -> None:
        """Close the window."""
        import cv2

        if self._open:
            cv2.destroyWindow(self._title)
            self._open = False
