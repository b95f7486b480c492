"""Coarse-to-fine exemplar completion (Wexler et al. 2007 with PatchMatch), up to the shift of every hole pixel.

Convention: arrays are `[row, column]` with integer pixel indices; a shift is source minus target position.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from liquidwarp.inpaint import patch_match as patches
from liquidwarp.inpaint.blend import membrane
from liquidwarp.inpaint.tuning import INPAINT_TUNING, InpaintTuning
from liquidwarp.parallel import checkpoint

_BAND = 256  # things below which a thread is not worth its start
_BANDS = 8  # at most; fixed, so that the number of threads does not change the result


@dataclass(frozen=True, eq=False)
class PyramidLevel:
    """One size of the problem, with a border of the patch's radius around the picture.

    Attributes:
        image: (H, W, 3) float32; meaningless in the hole.
        hole: (H, W) pixels to fill.
        context: (H, W) pixels that a patch has to agree with.
        source: (H, W) pixels that may be copied.
        guide: (H, W, K) float32 further features, in colour units.
    """

    image: np.ndarray
    hole: np.ndarray
    context: np.ndarray
    source: np.ndarray
    guide: np.ndarray


def pad_level(level: PyramidLevel, radius: int) -> PyramidLevel:
    """Return the level with a border that is neither hole nor source, so that every pixel can be a patch's centre."""

    def pad(array: np.ndarray) -> np.ndarray:
        return np.pad(array, ((radius, radius), (radius, radius)) + ((0, 0),) * (array.ndim - 2))

    return PyramidLevel(pad(level.image), pad(level.hole), pad(level.context), pad(level.source), pad(level.guide))


def halve(level: PyramidLevel, *, tuning: InpaintTuning = INPAINT_TUNING) -> PyramidLevel:
    """Return the level at half the size; colours come from context and source only."""
    height, width = level.hole.shape
    pad = ((0, height % 2), (0, width % 2))

    def total(array: np.ndarray) -> np.ndarray:
        array = np.pad(array.astype(np.float32), pad + ((0, 0),) * (array.ndim - 2))
        return array[::2, ::2] + array[1::2, ::2] + array[::2, 1::2] + array[1::2, 1::2]

    known = level.context | level.source
    count = total(known)
    image = total(level.image * known[..., None]) / np.maximum(count, 1)[..., None]
    hole = total(level.hole) >= 2
    present = total(np.ones_like(known))
    return PyramidLevel(
        image,
        hole,
        ~hole & (total(level.context) >= 2),
        ~hole & (total(level.source) >= tuning.halved_source * present),
        total(level.guide) / present[..., None],
    )


def usable_centres(source: np.ndarray, radius: int) -> np.ndarray:
    """Return where a whole patch of source pixels is centred."""
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return cv2.erode(source.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0).astype(bool)


def depth_in_hole(hole: np.ndarray, context: np.ndarray) -> np.ndarray:
    """Return every hole pixel's distance to the context (to the hole's edge where there is no context), 0 outside."""
    reference = ~context if context.any() else hole
    return np.where(hole, cv2.distanceTransform(reference.astype(np.uint8), cv2.DIST_L2, 3), 0).astype(np.float32)


class _Matcher:
    """The matches of one level; made anew for every level."""

    def __init__(
        self,
        level: PyramidLevel,
        toll: np.ndarray,
        radius: int,
        pool: ThreadPoolExecutor,
        turn: int,
        tuning: InpaintTuning,
    ) -> None:
        self.tuning = tuning
        self.level = level
        self.radius = radius
        self.pool = pool
        self.image = level.image.copy()
        self.usable = usable_centres(level.source, radius)
        self.sources = np.argwhere(self.usable).astype(np.int32)
        kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
        near = cv2.dilate(level.hole.astype(np.uint8), kernel).astype(bool)
        near[: 2 * radius] = near[-2 * radius :] = False  # patches stay inside of the picture, as sources do
        near[:, : 2 * radius] = near[:, -2 * radius :] = False
        self.centres = np.argwhere(near).astype(np.int32)
        self.slot = np.full(level.hole.shape, -1, np.int32)
        self.slot[near] = np.arange(len(self.centres), dtype=np.int32)
        self.pixels = np.argwhere(level.hole).astype(np.int32)
        depth = np.minimum(depth_in_hole(level.hole, level.context), tuning.deepest)
        fade = (tuning.fade**-depth).astype(np.float32)
        self.weight = np.where(level.hole, fade, level.context).astype(np.float32)
        self.confidence = fade[self.centres[:, 0], self.centres[:, 1]]
        self.match = np.zeros((len(self.centres), 2), np.int32)
        self.cost = np.zeros(len(self.centres), np.float32)
        self.toll = toll
        self.turn = turn

    def start_anywhere(self) -> None:
        """Spread the first matches evenly over the sources."""
        order = (np.arange(self.turn, self.turn + len(self.centres), dtype=np.int64) * 2654435761) % len(self.sources)
        self.match = self.sources[order].copy()

    def start_from(self, coarse: "_Matcher") -> None:
        """Take over the matches of the level of half the size."""
        radius = self.radius
        at = self.centres - radius
        parent = coarse.slot[at[:, 0] // 2 + radius, at[:, 1] // 2 + radius]
        self.start_anywhere()
        found = parent >= 0
        shift = 2 * (coarse.match[parent[found]] - coarse.centres[parent[found]])
        wanted = np.clip(self.centres[found] + shift, 0, np.array(self.usable.shape) - 1).astype(np.int32)
        nearest = _nearest(self.usable)[wanted[:, 0], wanted[:, 1]]
        self.match[found] = nearest
        self.cost[found] = coarse.cost[parent[found]]
        self.cost[~found] = self.cost[found].max() if found.any() else 0.0

    def search(self, passes: int, reach: int) -> None:
        """Improve all matches by some passes."""
        for _ in range(passes):
            before = self.match.copy()
            turn, self.turn = self.turn, self.turn + 1

            def work(start: int, stop: int, before: np.ndarray = before, turn: int = turn) -> None:
                patches.improve_matches(
                    self.image,
                    self.weight,
                    self.level.guide,
                    self.toll,
                    self.usable,
                    self.centres,
                    self.slot,
                    self.sources,
                    self.radius,
                    reach,
                    turn,
                    start,
                    stop,
                    before,
                    self.match,
                    self.cost,
                )

            self._share_out(work, len(self.centres))

    def say(self) -> np.ndarray:
        """Return how much each patch has to say: near the context and alike (Wexler et al., eq. 6)."""
        spread = max(float(np.percentile(self.cost, 75)), 1e-6)
        cost = np.minimum(self.cost / (self.tuning.alike * spread), self.tuning.least_say)
        return (self.confidence * np.exp(-cost)).astype(np.float32)

    def vote(self) -> None:
        """Renew the picture in the hole."""
        say = self.say()
        out = self.image.copy()

        def work(start: int, stop: int) -> None:
            patches.vote(self.image, self.pixels, self.slot, self.match, say, self.radius, start, stop, out)

        self._share_out(work, len(self.pixels))
        self.image = out

    def copy(self) -> None:
        """Renew the picture in the hole by single source pixels, which keeps it sharp."""
        at = self.pixels[:, 0], self.pixels[:, 1]
        source = self.pixels + self.shifts()[at]
        self.image[at] = self.image[source[:, 0], source[:, 1]]

    def energy(self) -> float:
        """Return the mean cost of all patches, those near the context first."""
        return float((self.cost * self.confidence).sum() / self.confidence.sum())

    def shifts(self) -> np.ndarray:
        """Return (H, W, 2) the shift of every hole pixel, 0 elsewhere."""
        say = self.say()
        shift = np.zeros((*self.level.hole.shape, 2), np.int32)

        def work(start: int, stop: int) -> None:
            patches.choose_shifts(self.pixels, self.slot, self.match, say, self.radius, start, stop, shift)

        self._share_out(work, len(self.pixels))
        return shift

    def _share_out(self, work: Callable[[int, int], None], count: int) -> None:
        share_out(self.pool, work, count)


def share_out(pool: ThreadPoolExecutor, work: Callable[[int, int], None], count: int) -> None:
    """Call `work(start, stop)` on bands of `count` things; how many bands depends on the count alone."""
    checkpoint()
    if count < 2 * _BAND:
        work(0, count)
        return
    edges = np.linspace(0, count, min(_BANDS, count // _BAND) + 1).astype(int).tolist()
    for job in [pool.submit(work, a, b) for a, b in pairwise(edges) if b > a]:
        job.result()


def _nearest(mask: np.ndarray) -> np.ndarray:
    """Return (H, W, 2) the position of the nearest True pixel."""
    _, label = cv2.distanceTransformWithLabels((~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    places = np.argwhere(mask).astype(np.int32)
    lookup = np.zeros((label.max() + 1, 2), np.int32)
    lookup[label[mask]] = places
    return lookup[label]


def _levels(level: PyramidLevel, radius: int, tuning: InpaintTuning) -> list[PyramidLevel]:
    """Return the level and its halves, down to where a patch spans the hole."""
    levels = [level]
    while True:
        depth = depth_in_hole(levels[-1].hole, ~levels[-1].hole).max()
        coarse = halve(levels[-1], tuning=tuning)
        few = usable_centres(np.pad(coarse.source, radius), radius).sum() < tuning.fewest_sources
        if depth <= radius or few or min(coarse.hole.shape) < 2 * radius + 1 or not coarse.hole.any():
            return levels
        levels.append(coarse)


def _tolls(
    levels: list[PyramidLevel], radius: int, pool: ThreadPoolExecutor, tuning: InpaintTuning
) -> list[np.ndarray]:
    """Return the extra cost (H, W) of each level's sources, finest first: no lone switch or lamp shall be repeated."""
    tolls: list[np.ndarray] = []
    for level in reversed(levels):
        if tolls and max(level.hole.shape) - 2 * radius > tuning.novelty_size:
            inner = tolls[-1][radius:-radius, radius:-radius].repeat(2, 0).repeat(2, 1)
            height, width = (n - 2 * radius for n in level.hole.shape)
            tolls.append(np.pad(inner[:height, :width], radius))
        else:
            tolls.append(_toll(level, radius, pool, tuning))
    return tolls[::-1]


def _toll(level: PyramidLevel, radius: int, pool: ThreadPoolExecutor, tuning: InpaintTuning) -> np.ndarray:
    """Charge patches that are far busier than what is around them and resemble nothing beside the hole."""
    side = 2 * radius + 1
    beside = cv2.dilate(level.hole.astype(np.uint8), np.ones((2 * side - 1, 2 * side - 1), np.uint8)).astype(bool)
    rim = np.argwhere(beside & usable_centres(level.context, radius)).astype(np.int32)
    novelty = np.zeros(level.hole.shape, np.float32)
    if len(rim) == 0:
        return novelty
    rim = rim[:: max(1, len(rim) // tuning.rim_patches)]
    sources = np.argwhere(usable_centres(level.source, radius)).astype(np.int32)
    share_out(pool, lambda a, b: patches.rate_novelty(level.image, sources, rim, radius, a, b, novelty), len(sources))
    grey = level.image.mean(2)
    variance = np.maximum(cv2.blur(grey**2, (side, side)) - cv2.blur(grey, (side, side)) ** 2, 0)
    spread = np.sqrt(variance)
    around = cv2.medianBlur(np.clip(spread * 510, 0, 255).astype(np.uint8), 4 * side + 1) / 510
    lone = np.clip(spread / (around + tuning.lone_floor) - tuning.lone_from, 0, 1)
    new = np.clip((novelty - tuning.new_from) / tuning.new_from, 0, 1)
    return (tuning.novelty_toll * lone * new).astype(np.float32)


def _first_guess(matcher: _Matcher) -> None:
    level = matcher.level
    context = level.context if level.context.any() else level.source
    matcher.image = membrane(level.image, level.hole, context, tuning=matcher.tuning)
    matcher.start_anywhere()
    matcher.search(6, max(level.hole.shape))


def _refine(matcher: _Matcher) -> None:
    """Alternate between matching and renewing the picture: by means first, then by copies."""
    size = max(matcher.level.hole.shape) - 2 * matcher.radius
    matcher.vote()
    tuning = matcher.tuning
    if size > tuning.full_effort:
        matcher.search(1, 2)
        matcher.copy()
        return
    rounds = next((count for side, count in tuning.rounds if size <= side), tuning.fine_rounds)
    for turn in range(rounds):
        matcher.search(2, size)
        if 2 * turn < rounds:
            matcher.vote()
        else:
            matcher.copy()


def complete(
    level: PyramidLevel, radius: int, *, tuning: InpaintTuning = INPAINT_TUNING
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the copied picture (H, W, 3), the shift (H, W, 2) of every hole pixel, and how lone (H, W) sources are.

    The coarse levels are solved several times from different first matches, and the most consistent one goes on. The
    caller sees to it that a whole patch fits into the source.
    """
    levels = [pad_level(each, radius) for each in _levels(level, radius, tuning)]
    coarse = [n for n, each in enumerate(levels) if max(each.hole.shape) - 2 * radius <= tuning.coarse_size]
    split = min([*coarse, len(levels) - 1])
    with ThreadPoolExecutor(max_workers=max(1, min(_BANDS, os.cpu_count() or 1))) as pool:
        tolls = _tolls(levels, radius, pool, tuning)

        def descend(matcher: _Matcher | None, depths: range, salt: int) -> _Matcher:
            for depth in depths:
                finer = _Matcher(levels[depth], tolls[depth], radius, pool, salt, tuning)
                if matcher is None:
                    _first_guess(finer)
                else:
                    finer.start_from(matcher)
                _refine(finer)
                matcher = finer
            assert matcher is not None
            return matcher

        tries = [descend(None, range(len(levels) - 1, split - 1, -1), 1000 * k) for k in range(tuning.starts)]
        best = min(tries, key=lambda each: each.energy())
        best = descend(best, range(split - 1, -1, -1), 0)
        shift = best.shifts()
    inner = slice(radius, -radius), slice(radius, -radius)
    return best.image[inner], shift[inner], best.toll[inner] / tuning.novelty_toll
