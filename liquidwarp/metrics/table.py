"""A table of scores, as Markdown and as JSON."""

import math
from dataclasses import dataclass, field

import numpy as np

from liquidwarp.metrics.registry import METRICS

SCHEMA = "liquidwarp-metrics/1"


@dataclass(frozen=True)
class Score:
    """What a metric gave over a region.

    Attributes:
        metric: name in `METRICS`.
        region: one of `REGIONS`.
        value: over all clips; None where there is none.
        count: frames, steps or samples that it is of.
        asked: how many there would have been.
        videos: the value of each clip by itself; empty in the mode "published", which pools.
        absent: why there is no value.
    """

    metric: str
    region: str
    value: float | None = None
    count: int = 0
    asked: int = 0
    videos: dict[str, float | None] = field(default_factory=dict)
    absent: str = ""

    @property
    def video_mean(self) -> float | None:
        """The mean of the clips' values, each clip counting alike."""
        found = [value for value in self.videos.values() if value is not None]
        return float(np.mean(found)) if found else None


@dataclass(frozen=True)
class Table:
    """Scores of one mode.

    Attributes:
        mode: "corrected" or "published".
        scores: one per metric and region.
        files: the files of weights that were looked through, by their names in `WEIGHTS`.
    """

    mode: str
    scores: tuple[Score, ...]
    files: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, key: str | tuple[str, str]) -> Score:
        """Return the score of a metric, or of (metric, region); of the first region by default."""
        metric, region = (key, None) if isinstance(key, str) else key
        for score in self.scores:
            if score.metric == metric and region in (None, score.region):
                return score
        raise KeyError(key)

    def to_json(self) -> dict[str, object]:
        """Return plain values with what each number means."""
        return {
            "schema": SCHEMA,
            "mode": self.mode,
            "files": self.files,
            "scores": [
                {
                    "metric": score.metric,
                    "region": score.region,
                    "value": score.value,
                    "video_mean": score.video_mean,
                    "count": score.count,
                    "asked": score.asked,
                    "videos": score.videos,
                    "absent": score.absent or None,
                }
                for score in self.scores
            ],
            "metrics": {name: _described(name) for name in dict.fromkeys(score.metric for score in self.scores)},
        }

    def markdown(self) -> str:
        """Return a line per metric and region."""
        lines = [
            f"mode: {self.mode}",
            "",
            "| metric | region | all frames | mean of videos | count |",
            "|---" * 5 + "|",
        ]
        for score in self.scores:
            metric = METRICS[score.metric]
            head = f"{metric.title} {'↑' if metric.better == 'higher' else '↓'}"
            cells = [_cell(value, metric.decimals) for value in (score.value, score.video_mean)]
            told = f"absent: {score.absent}" if score.absent else f"{score.count} of {score.asked}"
            lines.append(f"| {head} | {score.region} | {cells[0]} | {cells[1]} | {told} |")
        return "\n".join(lines) + "\n"


def _described(name: str) -> dict[str, object]:
    metric = METRICS[name]
    return {
        "title": metric.title,
        "better": metric.better,
        "range": [_plain(metric.low), _plain(metric.high)],
        "colour": metric.colour,
        "window": metric.window,
        "unit": metric.unit,
        "source": metric.source,
    }


def _plain(end: float) -> float | None:
    return end if math.isfinite(end) else None


def _cell(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"
