"""Random pictures of clips as samples, of which not all clips need be open."""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from liquidwarp.checks import check_positive
from liquidwarp.errors import InputError

KEPT = 16
"""Clips that are open together."""

_PER_CLIP = 16  # samples of each, before the next ones are opened
_TRIES = 8  # clips tried for one sample before giving up

C = TypeVar("C")
B = TypeVar("B")


class ClipSamples(Generic[C, B]):
    """Samples of clips; those near each other share a few clips, so that not all need be open.

    Args:
        count: how many clips there are.
        look: returns one by number.
        take: makes a sample of a clip, given its number and random numbers that depend on it alone.
        seed: of the choice.
        kept: how many clips stay in memory.
    """

    def __init__(
        self,
        count: int,
        look: Callable[[int], C],
        take: Callable[[C, int, np.random.Generator], B],
        *,
        seed: int = 0,
        kept: int = KEPT,
    ) -> None:
        check_positive("count", count)
        self.broken: dict[str, str] = {}
        self._count, self._take, self._seed = count, take, seed
        self._group = min(count, max(kept, 1))
        self._look, self._open = look, dict[int, C]()

    def sample(self, index: int) -> B:
        """Return sample number `index`.

        Raises:
            InputError: several clips in a row cannot be used.
        """
        group = np.random.default_rng((self._seed, index // (self._group * _PER_CLIP)))
        clips = group.permutation(self._count)[: self._group]
        rng = np.random.default_rng((self._seed, index, 1))
        damage = None
        for _ in range(_TRIES):
            number = int(rng.choice(clips))
            try:
                return self._take(self._clip(number), index, rng)
            except InputError as error:
                damage = error
                self.broken[f"clip {number}"] = str(error)
        raise InputError(f"{_TRIES} clips in a row cannot be used; the last: {damage}") from damage

    def _clip(self, number: int) -> C:
        if number not in self._open:
            if len(self._open) >= self._group:
                del self._open[next(iter(self._open))]  # the one opened first
            self._open[number] = self._look(number)
        return self._open[number]
