"""A table of chosen metrics over pairs of clips, frame by frame, in memory that does not grow with their length."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from liquidwarp.checks import check_choice
from liquidwarp.console import progress_bar
from liquidwarp.detect.protocol import Detection, Detector
from liquidwarp.errors import InputError
from liquidwarp.metrics import published
from liquidwarp.metrics.clips import ClipPair, Frames, frames_of
from liquidwarp.metrics.frames import COVERAGE, REGIONS, Region, ScoredFrame, both
from liquidwarp.metrics.metric import MODES, Metric
from liquidwarp.metrics.registry import METRICS
from liquidwarp.metrics.scorers import FrameScorer, Scorer, ScoreSetting, SetScorer, StepScorer
from liquidwarp.metrics.table import Score, Table
from liquidwarp.metrics.weights import MissingWeightsError, find_weights

_END = object()


def evaluate(
    pairs: Sequence[ClipPair],
    metrics: Sequence[str],
    *,
    mode: str = "corrected",
    regions: Sequence[str] = ("full", "person"),
    weights: str | Path | None = None,
    detector: Detector | None = None,
    size: int | None = None,
    device: str = "cpu",
    progress: bool = False,
) -> Table:
    """Score clips that were made against the real ones.

    A metric that cannot be computed, for want of weights, masks, coverage or landmarks, has a row that says so; the
    others are computed. Pooled scores are means over the frames of all clips (of sets: over all frames as one set).

    Args:
        pairs: the clips, under different names.
        metrics: names in `METRICS`.
        mode: "corrected", our own recipes; or "published", those of the evaluator released with the Liquid Warping GAN,
            faults included. Their numbers are not comparable, so a table has one mode.
        regions: of `REGIONS`; a metric is computed over those that it knows, or over its first if it knows none.
        weights: folder with the published files that networks need, see docs/metrics.md.
        detector: finds landmarks where the clips have none. It should not be the one that drove the motion.
        size: of the mode "published": side of the square that pictures are squeezed into; 512 by default.
        device: where networks run.
        progress: show a bar.

    Raises:
        InputError: an unknown name, clips that do not fit each other, or a damaged file.
    """
    check_choice("mode", mode, MODES)
    for name in metrics:
        check_choice("metric", name, METRICS)
    for name in regions:
        check_choice("region", name, REGIONS)
    if size is not None and mode != "published":
        raise InputError("size belongs to the mode 'published'; corrected scores are taken at the clips' own size")
    names = [pair.name for pair in pairs]
    if not names or len(set(names)) < len(names):
        raise InputError("pairs must be one or more clips with names of their own")
    setting = ScoreSetting(None if weights is None else str(weights), detector, device)
    columns = [column for name in dict.fromkeys(metrics) for column in _columns(METRICS[name], mode, regions, setting)]
    with torch.inference_mode():
        for pair in progress_bar(pairs, unit="clip", shown=progress):
            _run(columns, pair, (size or published.SIZE) if mode == "published" else None)
    used = [name for column in columns if column.scorer is not None for name in column.metric.files(mode)]
    files = {name: path.name for name in used if (path := find_weights(weights, name)) is not None}
    return Table(mode, tuple(column.score(names, mode) for column in columns), files)


def compute(
    made: Frames,
    real: Frames,
    metrics: Sequence[str] = ("psnr", "ssim", "haarpsi"),
    *,
    masks: Frames | None = None,
    made_masks: Frames | None = None,
    coverage: Frames | None = None,
    mode: str = "corrected",
    regions: Sequence[str] = ("full", "person"),
    weights: str | Path | None = None,
    detector: Detector | None = None,
    size: int | None = None,
    device: str = "cpu",
) -> Table:
    """Score one clip against the real one; see `evaluate` and `ClipPair`.

    Clips, masks and coverage are arrays of `T H W 3` (maps: `T H W`), other sequences of pictures, or paths of videos,
    pictures or folders of pictures.

    Raises:
        InputError: an unknown name, clips that do not fit each other, or a damaged file.
    """
    maps = [None if values is None else frames_of(values) for values in (masks, made_masks, coverage)]
    pair = ClipPair("clip", frames_of(made), frames_of(real), maps[0], maps[1], maps[2])
    return evaluate(
        [pair], metrics, mode=mode, regions=regions, weights=weights, detector=detector, size=size, device=device
    )


@dataclass(eq=False)
class _Column:
    """What has been found for one metric over one region."""

    metric: Metric
    region: str
    scorer: Scorer | None
    absent: str
    scores: dict[str, list[float]] = field(default_factory=dict)
    samples: dict[str, tuple[list[np.ndarray], list[np.ndarray]]] = field(default_factory=dict)
    asked: int = 0

    def part(self, pair: tuple[ScoredFrame, ScoredFrame]) -> Region | None:
        """Return the region of a pair of frames."""
        if self.region not in self.metric.regions:  # whole frames, of the mode "published"
            return Region(self.region)
        return self.metric.part(self.region, *pair)

    def score(self, names: Sequence[str], mode: str) -> Score:
        """Close the column."""
        if self.scorer is None:
            return Score(self.metric.name, self.region, absent=self.absent)
        if isinstance(self.scorer, SetScorer):
            videos = {name: self._of_sets(self.scorer, [name])[0] for name in names}
            value, count = self._of_sets(self.scorer, names)
        else:
            every = [score for name in names for score in self.scores.get(name, ())]
            count = len(every)
            mean = published.pooled if mode == "published" else np.mean
            value = float(mean(every)) if every else None
            videos = {name: float(np.mean(found)) if (found := self.scores.get(name)) else None for name in names}
        if mode == "published":
            videos = {}  # the released evaluator pools all frames
        absent = "" if value is not None else self.absent or self._reason(count)
        return Score(self.metric.name, self.region, value, count, self.asked, videos, absent)

    def _of_sets(self, scorer: SetScorer, names: Sequence[str]) -> tuple[float | None, int]:
        made = [sample for name in names for sample in self.samples.get(name, ([], []))[0]]
        real = [sample for name in names for sample in self.samples.get(name, ([], []))[1]]
        if len(made) < scorer.least or (len(real) < scorer.least and not scorer.alone):
            return None, len(made)
        ours = np.stack(made)
        return scorer.score(ours, ours if scorer.alone else np.stack(real)), len(made)

    def _reason(self, count: int) -> str:
        if isinstance(self.scorer, SetScorer) and count:
            return f"{count} samples are too few"
        if "landmarks" in self.metric.needs:
            return "needs landmarks that another detector found in both clips"
        if "masks made" in self.metric.needs:
            return "needs masks of the real person and of the one made"
        needs = {"person": "needs masks of the real person", "full": "the clips are too short"}
        return needs.get(self.region, "needs coverage, with such pixels in it")


def _columns(metric: Metric, mode: str, regions: Sequence[str], setting: ScoreSetting) -> list[_Column]:
    known = metric.regions if mode == "corrected" else ("full",)
    wanted = [region for region in dict.fromkeys(regions) if region in known] or [known[0]]
    if mode not in metric.modes:
        return [_Column(metric, region, None, "the released evaluator has none") for region in wanted]
    try:
        scorer = metric.build(mode, setting)
    except MissingWeightsError as error:
        return [_Column(metric, region, None, str(error)) for region in wanted]
    return [_Column(metric, region, scorer, "") for region in wanted]


def _run(columns: Sequence[_Column], pair: ClipPair, square: int | None) -> None:
    """Let every column see a clip."""
    live = [column for column in columns if column.scorer is not None]
    longest = max((c.scorer.length for c in live if isinstance(c.scorer, SetScorer)), default=1)
    window: deque[tuple[ScoredFrame, ScoredFrame]] = deque(maxlen=max(2, longest))
    for index, frames in enumerate(_frames(pair, square)):
        window.append(frames)
        comparisons: dict[int, object] = {}
        for column in live:
            try:
                _see(column, pair.name, window, index, comparisons)
            except InputError as error:
                raise InputError(f"{pair.name}, frame {index}: {column.metric.name}: {error}") from error


def _see(
    column: _Column,
    name: str,
    window: Sequence[tuple[ScoredFrame, ScoredFrame]],
    index: int,
    comparisons: dict[int, object],
) -> None:
    """Let one column see the newest frame."""
    scorer = column.scorer
    made, real = window[-1]
    if isinstance(scorer, SetScorer):
        _gather(column, scorer, name, window, index)
        return
    region = column.part(window[-1])
    if isinstance(scorer, StepScorer):
        if index == 0:
            return
        region = both(column.part(window[-2]), region)
    column.asked += 1
    if region is None:
        return
    if isinstance(scorer, FrameScorer | StepScorer) and min(made.rgb.shape[:2]) < scorer.smallest:
        column.absent = f"pictures are smaller than {scorer.smallest}x{scorer.smallest}"
        return
    if id(scorer) not in comparisons:
        if isinstance(scorer, StepScorer):
            comparisons[id(scorer)] = scorer.compare(window[-2], window[-1])
        elif isinstance(scorer, FrameScorer):
            comparisons[id(scorer)] = scorer.compare(made, real)
    score = comparisons[id(scorer)](region)  # type: ignore[operator]
    if score is not None and np.isfinite(score):
        column.scores.setdefault(name, []).append(score)


def _gather(
    column: _Column,
    scorer: SetScorer,
    name: str,
    window: Sequence[tuple[ScoredFrame, ScoredFrame]],
    index: int,
) -> None:
    """Take features of the newest window, where one ends with this frame."""
    if index + 1 < scorer.length or (index + 1 - scorer.length) % scorer.stride:
        return
    column.asked += 1
    part = list(window)[-scorer.length :]
    regions = [column.part(frames) for frames in part]
    if any(region is None for region in regions):
        return
    known = [region for region in regions if region is not None]
    made, real = column.samples.setdefault(name, ([], []))
    for kept, frames in ((made, [frames[0] for frames in part]), (real, [frames[1] for frames in part])):
        if scorer.alone and kept is real:
            continue
        found = scorer.features(frames, known)
        if found is not None:
            kept.append(found)


def _frames(pair: ClipPair, square: int | None) -> Iterator[tuple[ScoredFrame, ScoredFrame]]:
    """Yield the frames of a pair with all that is known of them."""
    made, real = iter(pair.made), iter(pair.real)
    extras = [
        None if values is None else iter(values)
        for values in (pair.masks, pair.made_masks, pair.coverage, pair.made_landmarks, pair.real_landmarks)
    ]
    index = 0
    while True:
        ours, truth = next(made, _END), next(real, _END)
        if ours is _END and truth is _END:
            if index == 0:
                raise InputError(f"{pair.name}: no frame in it")
            return
        if ours is _END or truth is _END:
            short = "made" if ours is _END else "real"
            raise InputError(f"{pair.name}: the clip {short} ends after {index} frames; both must have as many")
        found = [None if values is None else next(values, _END) for values in extras]
        if any(value is _END for value in found):
            raise InputError(f"{pair.name}: masks, coverage or landmarks end after {index} frames; give one per frame")
        yield _pair_of_frames(pair, index, (ours, truth), found, square)  # type: ignore[arg-type]
        index += 1


def _pair_of_frames(
    pair: ClipPair,
    index: int,
    pictures: tuple[np.ndarray, np.ndarray],
    found: Sequence[object],
    square: int | None,
) -> tuple[ScoredFrame, ScoredFrame]:
    for picture in pictures:
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise InputError(f"{pair.name}, frame {index}: {picture.dtype} of {picture.shape}; give uint8 H W 3")
    if square is not None:
        pictures = (published.squeezed(pictures[0], square), published.squeezed(pictures[1], square))
    (height, width), (other_height, other_width) = (picture.shape[:2] for picture in pictures)
    if (height, width) != (other_height, other_width):
        raise InputError(
            f"{pair.name}, frame {index}: {width}x{height} made and {other_width}x{other_height} real; give one size"
        )
    maps = [_map(pair, index, value, (height, width), square) for value in found[:3]]
    if maps[2] is not None and maps[2].max() > max(COVERAGE):
        raise InputError(
            f"{pair.name}, frame {index}: coverage has the value {maps[2].max()}; give 0 to 3, in a lossless format"
        )
    mask, made_mask = (None if values is None else _is_person(values) for values in maps[:2])
    ours, truth = (value if isinstance(value, Detection) else None for value in found[3:])
    asked = [values is not None for values in (pair.made_landmarks, pair.real_landmarks)]
    right = ScoredFrame(pictures[1], mask, None, truth, missing=asked[1] and truth is None)
    return ScoredFrame(pictures[0], made_mask, maps[2], ours, missing=asked[0] and ours is None, real=right), right


def _map(pair: ClipPair, index: int, value: object, size: tuple[int, int], square: int | None) -> np.ndarray | None:
    """Return a mask or a coverage at the pictures' size."""
    if value is None:
        return None
    values = np.asarray(value)
    values = values[..., 0] if values.ndim == 3 else values
    if square is not None and values.shape != size:
        rows, columns = (np.arange(side) * old // side for side, old in zip(size, values.shape, strict=True))
        values = values[rows][:, columns]
    if values.shape != size:
        raise InputError(
            f"{pair.name}, frame {index}: a mask or coverage of {values.shape[1]}x{values.shape[0]} for pictures of "
            f"{size[1]}x{size[0]}; give one size"
        )
    return values


def _is_person(values: np.ndarray) -> np.ndarray:
    return values if values.dtype == bool else values >= (128 if values.dtype == np.uint8 else 0.5)
