"""A motion is recovered while a person is learnt: neither needs the other."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from liquidwarp.bodies import BodyModel
from liquidwarp.detect import Detector
from liquidwarp.media import ClipLike
from liquidwarp.parallel import Stopped, stop_when, use_threads
from liquidwarp.regress import ImageNetwork, LandmarkNetwork, Regressor
from liquidwarp.tasks.recover import recover
from liquidwarp.types import BodyTrack

T = TypeVar("T")

_NICE = 10


def recover_meanwhile(
    learn: Callable[[], T],
    motion: ClipLike,
    *,
    body: BodyModel | None = None,
    detector: Detector | None = None,
    person: int = 0,
    fov: float | None = None,
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
        detector: not in use by `learn`; a new `detect.default_detector` if None.
        person: which person to follow, 0 is the largest.
        fov: of the motion's camera, if it is known.
        regressor: a network whose answer starts the fit.
        progress: show progress bars.

    Raises:
        InputError, NoPersonError: from either. What one raises ends the other, and Ctrl-C ends both: within a frame, or
            at the next `parallel.checkpoint`.

    Examples:
        >>> from liquidwarp.demo import asset
        >>> from liquidwarp.tasks import encode_source, recover_meanwhile
        >>> photo, dancer = asset("woman_stripes.jpg"), asset("man_jacket.jpg")
        >>> person, motion = recover_meanwhile(lambda: encode_source(photo), dancer)
        >>> person.body.name, len(motion)
        ('anny', 1)
    """
    unwanted = threading.Event()
    learnt: Future[T] = Future()

    def work() -> None:
        try:
            use_threads(1)
            if sys.platform == "linux":  # where threads have priorities of their own, and hand them on
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
            with stop_when(unwanted):
                learnt.set_result(learn())
        except BaseException as error:
            unwanted.set()
            learnt.set_exception(error)

    threading.Thread(target=work, name="learn").start()  # no daemon: a process that ends under C++ is aborted
    try:
        with stop_when(unwanted):
            track = recover(
                motion, body=body, detector=detector, person=person, fov=fov, regressor=regressor, progress=progress
            )
        return learnt.result(), track
    except Stopped:
        learnt.result()  # raises
        raise
    except BaseException as error:
        unwanted.set()
        if isinstance(error, Exception):  # Ctrl-C waits for nobody
            learnt.exception()
        raise
