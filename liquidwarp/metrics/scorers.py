"""The three ways in which a metric looks at clips: frame by frame, from frame to frame, and at sets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from liquidwarp.detect.protocol import Detector
from liquidwarp.metrics.frames import Region, ScoredFrame

Comparison = Callable[[Region], float | None]
"""The score over a region; None where it has no meaning there."""


@dataclass(frozen=True)
class FrameScorer:
    """Scores a frame against the real one.

    Attributes:
        compare: prepares a pair (made, real) once and scores any region of it.
        smallest: shortest side of a picture, in pixels.
    """

    compare: Callable[[ScoredFrame, ScoredFrame], Comparison]
    smallest: int = 1


@dataclass(frozen=True)
class StepScorer:
    """Scores two neighbouring frames against the real ones.

    Attributes:
        compare: takes two pairs (made, real), the one before and the one now, and scores any region of them.
        smallest: shortest side of a picture, in pixels.
    """

    compare: Callable[[tuple[ScoredFrame, ScoredFrame], tuple[ScoredFrame, ScoredFrame]], Comparison]
    smallest: int = 1


@dataclass(frozen=True)
class SetScorer:
    """Scores a set of features.

    Attributes:
        features: of `length` frames that follow each other, each with its region; None where they have none.
        score: of the features made and the real ones.
        length: frames that features are taken from.
        stride: frames from one window to the next.
        least: samples that a set needs.
        alone: the real frames are not looked at.
    """

    features: Callable[[Sequence[ScoredFrame], Sequence[Region]], np.ndarray | None]
    score: Callable[[np.ndarray, np.ndarray], float]
    length: int = 1
    stride: int = 1
    least: int = 2
    alone: bool = False


Scorer = FrameScorer | StepScorer | SetScorer


@dataclass(frozen=True)
class ScoreSetting:
    """What a metric is built with.

    Attributes:
        weights: folder with the published files; None if there is none.
        detector: finds landmarks where they are not given; None for none.
        device: where networks run.
    """

    weights: str | None = None
    detector: Detector | None = None
    device: str = "cpu"
