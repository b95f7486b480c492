"""Cuts: where one shot ends and the next begins."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.detect.tuning import FOLLOW_TUNING, ShotTuning

_Small = Float[np.ndarray, "S S 3"]


class MarkedFrame(NamedTuple):
    """A frame, and whether a new shot begins with it."""

    frame: np.ndarray
    cut: bool


class _Seen(NamedTuple):
    """A frame made small, and how much it differs from the one before (`_change`)."""

    small: np.ndarray
    change: float
    part: float


def mark_cuts(
    frames: Iterable[UInt8[np.ndarray, "H W 3"]], *, tuning: ShotTuning = FOLLOW_TUNING.shots
) -> Iterator[MarkedFrame]:
    """Yield frames, each with whether a new shot begins there; a few are read ahead.

    A cut is a change of a good part of the picture that stands out against the changes just before and after: from one
    frame to the next, or over one that is a mixture of both. Motion, however fast, and fades go on for several frames;
    after a flash the picture is as it was. Brightness and contrast of the whole picture do not count.
    """
    seen: deque[_Seen] = deque(maxlen=tuning.reach + 2)
    ahead: deque[tuple[np.ndarray, _Seen]] = deque()
    before: _Small | None = None
    since = 0  # frames since the last cut, or the clip's begin

    def first_ahead() -> MarkedFrame:
        nonlocal since
        cut = since > 1 and _is_cut([*seen, *(one for _, one in ahead)], len(seen), tuning)
        since = 1 if cut else since + 1
        frame, one = ahead.popleft()
        seen.append(one)
        return MarkedFrame(frame, cut)

    for frame in frames:
        small = _shrink(frame, tuning)
        ahead.append((frame, _Seen(small, *((0.0, 0.0) if before is None else _change(before, small, tuning)))))
        before = small
        if len(ahead) > tuning.reach + 1:
            yield first_ahead()
    while ahead:
        yield first_ahead()


def _shrink(frame: np.ndarray, tuning: ShotTuning) -> _Small:
    step = max(1, min(frame.shape[:2]) // (4 * tuning.side))  # every pixel would cost more than all else
    small = cv2.resize(frame[::step, ::step], (tuning.side, tuning.side), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32)


def _is_cut(row: Sequence[_Seen], at: int, tuning: ShotTuning) -> bool:
    """Return whether a shot begins with number `at` of some frames in a row."""
    for span in (1, 2):
        before = at - span
        if before < 0:
            continue
        around = [*row[max(1, before - tuning.reach + 1) : before + 1], *row[at + 1 : at + 1 + tuning.reach]]
        usual = max(tuning.noise, *(one.change for one in around)) if around else tuning.noise
        _, change, part = row[at]
        if span > 1:
            change, part = _change(row[before].small, row[at].small, tuning)
        if part > tuning.least_part and change > tuning.stands_out * span * usual:
            return True
    return False


def _change(before: _Small, after: _Small, tuning: ShotTuning) -> tuple[float, float]:
    """Return by how many levels pixels differ, as a mean, and the part of them that differ much.

    Brightness and contrast are matched first, where that brings the pictures nearer.
    """
    middle, other = before.mean((0, 1)), after.mean((0, 1))
    spread, common = ((before - middle) ** 2).mean(), ((before - middle) * (after - other)).mean()
    gain = float(np.clip(common / max(spread, 1e-5), 1 / tuning.most_gain, tuning.most_gain))
    apart = [np.abs(after - before), np.abs(after - other - gain * (before - middle))]
    least = min(apart, key=lambda levels: float(levels.mean()))
    return float(least.mean()), float((least.max(-1) > tuning.much).mean())
