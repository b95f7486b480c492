"""A motion is recovered while a person is learnt: neither needs the other."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import UInt8

from liquidwarp.bodies import BodyModel
from liquidwarp.detect import Detection, Detector, FollowingDetector, MediaPipeDetector, profile_of
from liquidwarp.detect.protocol import Follower
from liquidwarp.regress import ImageNetwork, LandmarkNetwork, Regressor
from liquidwarp.tasks.recover import recover
from liquidwarp.types import BodyTrack

T = TypeVar("T")

_NICE = 10


def recover_meanwhile(
    learn: Callable[[], T],
    motion: str | Path | np.ndarray,
    *,
    body: BodyModel | None = None,
    detector: Detector | None = None,
    person: int = 0,
    regressor: str | LandmarkNetwork | ImageNetwork | Regressor | None = None,
    progress: bool = False,
) -> tuple[T, BodyTrack]:
    """Return `learn()`, such as `encode_source` of a photo, and the motion that `recover` finds meanwhile.

    The results are those of one after the other. `learn` runs in a thread that steps back where cores are short: the
    fit, which comes last in a recovery, leaves cores idle that it can have then.

    Args:
        learn: may be called by another thread.
        motion: see `recover`, as all that follows.
        body: the body to fit; the open body by default.
        detector: not in use by `learn`; a MediaPipe detector of its own by default.
        person: which person to follow, 0 is the largest.
        regressor: a network whose answer starts the fit.
        progress: show progress bars.

    Raises:
        InputError, NoPersonError: from either. An error of `learn` ends the recovery within a frame, or after the fit.
    """
    unwanted = threading.Event()
    learnt: Future[T] = Future()

    def work() -> None:
        torch.set_num_threads(1)
        if sys.platform == "linux":  # where threads have priorities of their own, and hand them on
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        try:
            learnt.set_result(learn())
        except BaseException as error:
            unwanted.set()
            learnt.set_exception(error)

    watched = _watched(detector or MediaPipeDetector(), unwanted)
    threads = torch.get_num_threads()
    threading.Thread(target=work, name="meanwhile", daemon=True).start()  # no Ctrl-C waits for a daemon
    try:
        track = recover(motion, body=body, detector=watched, person=person, regressor=regressor, progress=progress)
        return learnt.result(), track
    except _Unwanted:
        learnt.result()  # raises
        raise
    except Exception:
        learnt.exception()  # waits for its end
        raise
    finally:
        torch.set_num_threads(threads)  # torch hands the last number set in any thread to new threads


class _Unwanted(Exception):  # noqa: N818 -- no error: nobody waits for the answer any more
    pass


class _Watched:
    """A detector that gives up as soon as its answers are unwanted."""

    def __init__(self, detector: Detector, unwanted: threading.Event) -> None:
        self._detector, self._unwanted = detector, unwanted
        self.profile = profile_of(detector)

    @property
    def name(self) -> str:
        return self._detector.name

    def detect(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Detection]:
        _check(self._unwanted)
        return self._detector.detect(frame)


class _WatchedFollowing(_Watched):
    _detector: FollowingDetector

    def follow(self, frame: UInt8[np.ndarray, "H W 3"], person: Detection) -> "_WatchedFollower":
        return _WatchedFollower(self._detector.follow(frame, person), self._unwanted)


class _WatchedFollower:
    def __init__(self, follower: Follower, unwanted: threading.Event) -> None:
        self._follower, self._unwanted = follower, unwanted

    def next(self, frame: UInt8[np.ndarray, "H W 3"]) -> Detection | None:
        _check(self._unwanted)
        return self._follower.next(frame)


def _watched(detector: Detector, unwanted: threading.Event) -> Detector:
    kind = _WatchedFollowing if isinstance(detector, FollowingDetector) else _Watched
    return kind(detector, unwanted)


def _check(unwanted: threading.Event) -> None:
    if unwanted.is_set():
        raise _Unwanted
