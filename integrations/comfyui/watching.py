"""A detector that moves ComfyUI's bar and minds Cancel."""

import numpy as np

from liquidwarp.detect import Detection, default_detector, profile_of
from liquidwarp.detect.protocol import Follower
from liquidwarp.types import DetectorProfile

from .host import Progress


class WatchedDetector:
    """liquidwarp's own detector, a step of the bar for every picture that it looks at.

    Args:
        total: how many pictures there are.
    """

    def __init__(self, total: int) -> None:
        self._detector = default_detector()
        self._progress = Progress(total)
        self.profile: DetectorProfile = profile_of(self._detector)

    @property
    def name(self) -> str:
        """Name and version."""
        return self._detector.name

    def detect(self, frame: np.ndarray) -> list[Detection]:
        """Return the people in a picture."""
        self._progress.step()
        return self._detector.detect(frame)

    def search(self, frame: np.ndarray) -> list[Detection]:
        """Return people who are small in it."""
        return self._detector.search(frame)

    def follow(self, frame: np.ndarray, person: Detection) -> Follower:
        """Start to follow somebody."""
        return _Watched(self._detector.follow(frame, person), self._progress)


class _Watched:
    def __init__(self, follower: Follower, progress: Progress) -> None:
        self._follower, self._progress = follower, progress

    def next(self, frame: np.ndarray) -> Detection | None:
        """Return the person in the next frame."""
        self._progress.step()
        return self._follower.next(frame)
