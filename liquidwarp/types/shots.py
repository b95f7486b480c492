"""Shots of a clip: stretches between cuts."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def shots_of(cuts: Sequence[int], frames: int) -> list[slice]:
    """Return the shots of a clip as slices of its frames.

    Args:
        cuts: first frame of each shot but the first, in order.
        frames: of the clip.
    """
    ends = [0, *cuts, frames]
    return [slice(first, last) for first, last in pairwise(ends)]


def cuts_among(cuts: Sequence[int], chosen: np.ndarray) -> tuple[int, ...]:
    """Return where the shot changes from one frame to the next among chosen frames of a clip.

    Args:
        cuts: of the clip.
        chosen: numbers of the frames, in the new order.
    """
    shot = np.searchsorted(np.asarray(cuts, np.int64), chosen, side="right")
    return tuple((np.flatnonzero(shot[1:] != shot[:-1]) + 1).tolist())
