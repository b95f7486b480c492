"""Two looks at a picture: as it is and in the mirror, in two threads."""

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.detect.answers import distance
from liquidwarp.detect.litert.finder import POSE, Finder, Found
from liquidwarp.detect.litert.pose import PoseLook, PoseNetwork, body_region
from liquidwarp.detect.litert.regions import SquareRegion
from liquidwarp.detect.tuning import LiteRtTuning
from liquidwarp.parallel import HelperThread, checkpoint

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class PoseAnswer:
    """The mean of one or two looks at a person, in the picture's pixels.

    Attributes:
        looks: what it is the mean of.
    """

    looks: tuple[PoseLook, ...]

    @cached_property
    def image(self) -> Float[np.ndarray, "33 2"]:
        """Landmarks in pixels."""
        return _mean([look.image for look in self.looks])

    @cached_property
    def confidence(self) -> Float[np.ndarray, "33"]:
        """Visibility, 0 to 1."""
        return _mean([look.confidence for look in self.looks])

    @cached_property
    def world(self) -> Float[np.ndarray, "33 3"]:
        """Landmarks in metres around the middle of the hips."""
        return _mean([look.world for look in self.looks])

    @cached_property
    def score(self) -> float:
        """How far landmarks and masks speak for a person, 0 to 1."""
        return sum(look.score for look in self.looks) / len(self.looks)

    def mask(self, size: tuple[int, int]) -> Float[np.ndarray, "H W"]:
        """Return the person's mask in a picture of (height, width)."""
        first, *others = self.looks
        mask = first.region.mask_back(first.mask, size)
        for look in others:
            mask += look.region.mask_back(look.mask, size)
        mask /= np.float32(len(self.looks))
        return mask


class LookPair:
    """Networks that look at a picture, and at its mirror image, in two threads.

    Args:
        model: size of the landmark network: "lite", "full" or "heavy". Where a heavy network looks, a full one says
            where the landmarks are in space: the heavy one bends the knees of people who stand straight.
        mirror: look into the mirror too.
        min_confidence: what the finder asks for.
        folder: where models are looked for first.
        tuning: when somebody is there, and when two looks differ.
    """

    def __init__(
        self, model: str, *, mirror: bool, min_confidence: float, folder: str | Path | None, tuning: LiteRtTuning
    ) -> None:
        count = 2 if mirror else 1
        self._finders = [Finder(POSE, folder) for _ in range(count)]
        self._networks = [PoseNetwork(model, folder) for _ in range(count)]
        self._depths = [PoseNetwork("full", folder) for _ in range(count)] if model == "heavy" else []
        self._least, self._tuning = min_confidence, tuning
        self.helper = HelperThread("litert-mirror")
        """The thread of the second look."""
        self._closer = weakref.finalize(self, self.helper.shutdown)

    def find(
        self, frame: UInt8[np.ndarray, "H W 3"], area: SquareRegion, *, blank: bool = False
    ) -> list[SquareRegion | None]:
        """Return for each look where the most conspicuous person of an area is, or None.

        Args:
            frame: an RGB picture.
            area: where to search.
            blank: black beyond the picture's border; otherwise the border's colours go on.
        """
        areas = [area, area.reflected()][: len(self._finders)]
        return self._both(lambda number: self._find(number, frame, areas[number], blank), len(areas))

    def find_once(self, frame: UInt8[np.ndarray, "H W 3"], area: SquareRegion) -> SquareRegion | None:
        """Return where the most conspicuous person of an area is, without the mirror."""
        return self._find(0, frame, area, blank=False)

    def find_in(
        self, frame: UInt8[np.ndarray, "H W 3"], areas: Sequence[SquareRegion]
    ) -> list[tuple[float, SquareRegion]]:
        """Return score and place of everybody found in some areas, without the mirror; the threads take turns."""

        def run(number: int) -> list[list[tuple[float, SquareRegion]]]:
            found = []
            for area in areas[number :: len(self._finders)]:
                checkpoint()
                people = self._finders[number].find(frame, area, least=self._least)
                found.append([(one.score, _body_of(one, area)) for one in people])
            return found

        return [one for part in self._both(run, len(self._finders)) for people in part for one in people]

    def look(
        self,
        frame: UInt8[np.ndarray, "H W 3"],
        regions: Sequence[SquareRegion | None],
        last: Float[np.ndarray, "33 2"] | None = None,
    ) -> PoseAnswer | None:
        """Return the person in a region (and its mirrored twin), or None if nobody is there.

        Where the two looks differ as a whole (one of them is wrong), one counts alone: the nearer to the landmarks
        `last` seen a frame ago, or the surer one.
        """
        looks = self._both(lambda number: self._look(number, frame, regions[number]), len(regions))
        good = tuple(look for look in looks if look is not None)
        if len(good) == 2 and distance(good[0].image, good[1].image) > self._tuning.different:
            if last is None:
                good = (max(good, key=lambda look: look.score),)
            else:
                good = (min(good, key=lambda look: distance(look.image, last)),)
        return PoseAnswer(good) if good else None

    def twins(self, region: SquareRegion) -> list[SquareRegion]:
        """Return the region for each look."""
        return [region, region.reflected()][: len(self._networks)]

    def _find(self, number: int, frame: np.ndarray, area: SquareRegion, blank: bool) -> SquareRegion | None:
        found = self._finders[number].find(frame, area, least=self._least, blank=blank)
        if not found:
            return None
        return _body_of(found[0], area)

    def _look(self, number: int, frame: np.ndarray, region: SquareRegion | None) -> PoseLook | None:
        if region is None:
            return None
        look = self._networks[number].look(frame, region)
        if look.presence < self._tuning.least_presence:
            return None
        return replace(look, world=self._depths[number].look(frame, region).world) if self._depths else look

    def _both(self, run: Callable[[int], T], count: int) -> list[T]:
        """Run something for each look, the second in a thread of its own."""
        other = self.helper.submit(run, 1) if count > 1 else None
        first = run(0)
        return [first] if other is None else [first, other.result()]


def _body_of(found: Found, area: SquareRegion) -> SquareRegion:
    return body_region(area.to_picture(found.points[:2].astype(np.float64)), mirrored=area.mirrored)


def _mean(parts: Sequence[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else (sum(parts[1:], parts[0]) / np.float32(len(parts))).astype(np.float32)
