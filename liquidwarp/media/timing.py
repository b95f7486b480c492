"""Frames at uneven times to frames at a constant rate."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple, TypeVar

T = TypeVar("T")

_LONGEST_GAP = 10  # seconds; a longer pause (or a step back in time) is a broken clock, not a pause
_HIGHEST_TOLD = 1000  # frames a second, where the container and its frames agree
_HIGHEST_RATE = 240  # frames a second; containers without a frame rate announce their clock's ticks instead


class Stamp(NamedTuple):
    """When a frame is shown, in seconds; None where the file does not say."""

    time: Fraction | None
    duration: Fraction | None


def choose_rate(average: Fraction | None, guessed: Fraction | None) -> Fraction:
    """Return the constant rate for a stream with these rates.

    The guessed rate is the clean one (30 where the average says 29.93, for a lost frame); it is taken when both agree
    within 2%. Streams that say nothing get 25.
    """
    if average and guessed and abs(guessed / average - 1) < Fraction(2, 100):
        return min(guessed, Fraction(_HIGHEST_TOLD))
    return min(average or guessed or Fraction(25), Fraction(_HIGHEST_RATE))


def constant_rate(frames: Iterable[tuple[Stamp, T]], rate: Fraction) -> Iterator[T]:
    """Yield, for every tick k / `rate` after the first frame, the frame nearest in time (the earlier one in a tie).

    A stream that already has this rate passes unchanged, one to one. The last frame is held for its duration. One
    frame is kept in memory.
    """
    step = 1 / rate
    tick = Fraction(0)
    held: tuple[T] | None = None
    shown, until = Fraction(0), Fraction(0)
    for (time, duration), frame in _steady(frames, step):
        while held is not None and tick - shown <= time - tick:
            yield held[0]
            tick += step
        held, shown, until = (frame,), time, time + duration
    # Half a step of slack: durations are rounded to the container's clock.
    while held is not None and (tick == 0 or tick < until - step / 2):
        yield held[0]
        tick += step


def _steady(frames: Iterable[tuple[Stamp, T]], step: Fraction) -> Iterator[tuple[tuple[Fraction, Fraction], T]]:
    """Yield frames with times that start at zero, always say something and never jump or run backwards."""
    offset: Fraction | None = None
    last = -step
    longest = max(Fraction(_LONGEST_GAP), 5 * step)
    for (stamp, duration), frame in frames:
        time = last + step if stamp is None else stamp - (stamp if offset is None else offset)
        if stamp is not None and (offset is None or not last < time < last + longest):
            time = last + step
            offset = stamp - time
        last = time
        yield (time, min(duration, longest) if duration else step), frame
