"""Metrics of the library beside the benchmark's own: which are asked for, kept frame by frame, and summed up."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

import liquidwarp as lw
from liquidwarp.files import atomic_path
from liquidwarp.metrics import METRICS, REGIONS, ScoredFrame, Stream, available

QUOTED_FROM = {"lpips": "lpips-alex", "is": "is", "freid": "pcb-fd"}
"""The metrics of the quoted table that need weights, by their names in the registry."""

_PART = "features"


def make_stream(names: Sequence[str] | None, weights: Path | None) -> Stream | None:
    """Return the metrics asked for; by default those that the folder of weights makes possible, and none without one.

    Raises:
        InputError: an unknown name, one that a benchmark cannot compute frame by frame, or a damaged file.
    """
    if names is None and weights is None:
        return None
    if names is None:
        lacking = available(weights)
        names = [n for n, m in METRICS.items() if m.weights and not m.needs and m.unit != "windows" and not lacking[n]]
        names += [n for n in QUOTED_FROM.values() if n not in names]
    landmarks = [name for name in names if name in METRICS and "landmarks" in METRICS[name].needs]
    if landmarks:
        raise lw.InputError(f"{landmarks[0]} needs a detector; keep the pictures and use 'liquidwarp evaluate'")
    return Stream(names, regions=REGIONS, weights=weights)


class Picture(Protocol):
    """What is known of a picture."""

    rgb: np.ndarray
    mask: np.ndarray
    coverage: np.ndarray | None


class Features:
    """The features of a run, one frame after the other, in files that a killed run can be cut back in.

    Each row of scores remembers under "features" how wide a feature is and how many there are of both kinds; a frame
    that shows nothing to look at has none.
    """

    def __init__(self, folder: Path, keys: Sequence[str], row: Mapping | None) -> None:
        self._folder = folder
        self._counts: dict[str, list[int]] = {key: [0, 0, 0] for key in keys}
        self._counts |= {key: list(counts) for key, counts in ((row or {}).get(_PART) or {}).items()}
        for key, counts in self._counts.items():
            for kind in (0, 1):
                self._cut(_file(folder, key, kind), counts[0] * counts[1 + kind] * 4)

    def add(self, found: Mapping[str, tuple[np.ndarray | None, np.ndarray | None]]) -> dict[str, list[int]]:
        """Append the features of a frame, and return what its row has to remember."""
        for key, pair in found.items():
            for kind, values in enumerate(pair):
                if values is not None:
                    with open(_file(self._folder, key, kind), "ab") as stream:
                        stream.write(values.astype("<f4").tobytes())
                    self._counts[key][0] = len(values)
                    self._counts[key][1 + kind] += 1
        return {key: list(counts) for key, counts in self._counts.items()}

    @staticmethod
    def _cut(path: Path, size: int) -> None:
        if path.exists() and path.stat().st_size > size:
            kept = path.read_bytes()[:size]
            with atomic_path(path) as partial:
                partial.write_bytes(kept)


def as_frames(ours: Picture, real: Picture) -> tuple[ScoredFrame, ScoredFrame]:
    """Return two pictures as metrics want them."""
    right = ScoredFrame(real.rgb, real.mask)
    return ScoredFrame(ours.rgb, ours.mask, ours.coverage, real=right), right


def scores_of(
    stream: Stream,
    now: tuple[ScoredFrame, ScoredFrame],
    before: tuple[ScoredFrame, ScoredFrame] | None,
    *,
    paired: bool,
) -> dict[str, float | None]:
    """Return the scores of a frame; all None where the two show different poses."""
    return stream.scores(*now, before=before) if paired else dict.fromkeys(stream.frame_keys)


def set_scores(stream: Stream, runs: Sequence[tuple[Path, Sequence[Mapping]]]) -> dict[str, dict]:
    """Return, for each metric of sets, the score of the frames of all runs together, and of how many it is."""
    scores = {}
    for key in stream.set_keys:
        sides = [_joined(runs, key, kind) for kind in (0, 1)]
        value = None if sides[0] is None else stream.set_score(key, sides[0], _or_empty(sides[1], sides[0]))
        scores[key] = {"value": value, "count": 0 if sides[0] is None else len(sides[0])}
    return scores


def _joined(runs: Sequence[tuple[Path, Sequence[Mapping]]], key: str, kind: int) -> np.ndarray | None:
    parts = []
    for folder, rows in runs:
        width, *counts = (rows[-1].get(_PART, {}).get(key) if rows else None) or [0, 0, 0]
        if counts[kind]:
            whole = np.fromfile(_file(folder, key, kind), "<f4", count=width * counts[kind])
            parts.append(whole.reshape(counts[kind], width))
    return np.concatenate(parts) if parts else None


def _or_empty(values: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    return like[:0] if values is None else values


def _file(folder: Path, key: str, kind: int) -> Path:
    return folder / f"{key.replace('/', '_')}.{('made', 'real')[kind]}.f32"
