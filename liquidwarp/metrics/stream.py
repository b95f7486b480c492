"""Chosen metrics frame by frame, for those who keep the scores themselves: benchmarks that go on where they stopped."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.metrics.frames import ScoredFrame, both
from liquidwarp.metrics.registry import METRICS
from liquidwarp.metrics.scorers import FrameScorer, Scorer, ScoreSetting, SetScorer, StepScorer
from liquidwarp.metrics.weights import MissingWeightsError


class Stream:
    """Scores and features of frames, after the corrected recipes, under keys such as `psnr` and `psnr/person`.

    Args:
        metrics: names in `METRICS`; those of windows of frames (FVD) cannot be streamed.
        regions: of `REGIONS`; a metric is computed over those that it knows, or over its first if it knows none.
        weights: folder with the published files that networks need.
        device: where networks run.

    Attributes:
        absent: why metrics that were asked for cannot be computed, by name.
        frame_keys: keys of scores of frames, and of steps between frames.
        set_keys: keys of features, from which sets are scored.

    Raises:
        InputError: an unknown name, a metric of windows, or a damaged file.
    """

    def __init__(
        self,
        metrics: Sequence[str],
        *,
        regions: Sequence[str] = ("full", "person"),
        weights: str | Path | None = None,
        device: str = "cpu",
    ) -> None:
        self.absent: dict[str, str] = {}
        self._scorers: dict[str, Scorer] = {}
        self._regions: dict[str, tuple[str, ...]] = {}
        setting = ScoreSetting(None if weights is None else str(weights), None, device)
        for name in dict.fromkeys(metrics):
            check_choice("metric", name, METRICS)
            if METRICS[name].unit == "windows":
                raise InputError(f"{name} looks at windows of frames; keep the pictures and use 'liquidwarp evaluate'")
            try:
                scorer = METRICS[name].build("corrected", setting)
            except MissingWeightsError as error:
                self.absent[name] = str(error)
                continue
            self._scorers[name] = scorer
            known = METRICS[name].regions
            self._regions[name] = tuple(region for region in regions if region in known) or known[:1]
        self.frame_keys = tuple(self._keys(FrameScorer | StepScorer))
        self.set_keys = tuple(self._keys(SetScorer))

    def scores(
        self, made: ScoredFrame, real: ScoredFrame, before: tuple[ScoredFrame, ScoredFrame] | None = None
    ) -> dict[str, float | None]:
        """Return the scores of a frame against the real one; None where there is none.

        Args:
            made: the frame that was made.
            real: the real one.
            before: the pair before it, for what is scored from frame to frame.
        """
        found: dict[str, float | None] = dict.fromkeys(self.frame_keys)
        with torch.inference_mode():
            for name, scorer in self._scorers.items():
                if isinstance(scorer, SetScorer) or min(made.rgb.shape[:2]) < scorer.smallest:
                    continue
                if isinstance(scorer, FrameScorer):
                    comparison = scorer.compare(made, real)
                elif before is not None:
                    comparison = scorer.compare(before, (made, real))
                else:
                    continue
                for region in self._regions[name]:
                    part = METRICS[name].part(region, made, real)
                    if isinstance(scorer, StepScorer) and before is not None:
                        part = both(METRICS[name].part(region, *before), part)
                    value = None if part is None else comparison(part)
                    found[_key(name, region)] = value if value is None or np.isfinite(value) else None
        return found

    def features(
        self, made: ScoredFrame, real: ScoredFrame
    ) -> dict[str, tuple[Float[np.ndarray, "D"] | None, Float[np.ndarray, "D"] | None]]:
        """Return the features of a frame and of the real one, for sets; None where they show nothing to look at."""
        found = {}
        with torch.inference_mode():
            for name, scorer in self._scorers.items():
                for region in self._regions[name] if isinstance(scorer, SetScorer) else ():
                    assert isinstance(scorer, SetScorer)
                    part = METRICS[name].part(region, made, real)
                    pair = [None if part is None else scorer.features([frame], [part]) for frame in (made, real)]
                    found[_key(name, region)] = (pair[0], pair[1])
        return found

    def set_score(self, key: str, made: Float[np.ndarray, "N D"], real: Float[np.ndarray, "M D"]) -> float | None:
        """Return the score of a set of features; None if there are too few."""
        scorer = self._scorers[key.split("/")[0]]
        assert isinstance(scorer, SetScorer)
        if len(made) < scorer.least or (len(real) < scorer.least and not scorer.alone):
            return None
        return scorer.score(made, real)

    def _keys(self, kind: object) -> list[str]:
        chosen = [name for name, scorer in self._scorers.items() if isinstance(scorer, kind)]  # type: ignore[arg-type]
        return [_key(name, region) for name in chosen for region in self._regions[name]]


def _key(name: str, region: str) -> str:
    return name if region == METRICS[name].regions[0] else f"{name}/{region}"
