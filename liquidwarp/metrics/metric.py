"""What a number means."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from liquidwarp.checks import check_choice
from liquidwarp.metrics.frames import Region, ScoredFrame, find_region
from liquidwarp.metrics.scorers import Scorer, ScoreSetting

MODES = ("corrected", "published")
"""Our own recipe; that of the evaluator released with the Liquid Warping GAN, faults included."""


@dataclass(frozen=True)
class Metric:
    """What a number means.

    Attributes:
        name: as on the command line.
        title: head of a column.
        better: "higher" or "lower".
        low: end of the range.
        high: other end of the range.
        colour: colour space it is computed in.
        window: windows, sizes and constants.
        unit: what it is of: a "frame", a "step" between neighbouring frames, a "set" of frames, or one of "windows".
        regions: those it can be taken over.
        source: paper.
        corrected: builds it after our own recipe.
        published: builds it after the released evaluator's; None where that has none.
        weights: names in `WEIGHTS` that the corrected recipe looks through.
        needs: what else: "masks made", "landmarks".
        decimals: how many a table shows.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    low: float
    high: float
    colour: str
    window: str
    unit: Literal["frame", "step", "set", "windows"]
    regions: tuple[str, ...]
    corrected: Callable[[ScoreSetting], Scorer]
    weights: tuple[str, ...] = ()
    published: Callable[[ScoreSetting], Scorer] | None = None
    published_weights: tuple[str, ...] = ()
    source: str = ""
    needs: tuple[str, ...] = ()
    decimals: int = 3

    def files(self, mode: str) -> tuple[str, ...]:
        """Return the names in `WEIGHTS` that a recipe looks through."""
        return self.weights if mode == "corrected" else self.published_weights

    @property
    def modes(self) -> tuple[str, ...]:
        """The recipes there are."""
        return MODES if self.published else MODES[:1]

    def part(self, region: str, made: ScoredFrame, real: ScoredFrame) -> Region | None:
        """Return a region of a pair of frames; what is only about the person needs no mask to be told where.

        None where the region has no pixel, or cannot be known for want of a mask or of coverage.
        """
        if self.regions == ("person",):
            return Region("person")
        return made.once(f"region {region}", lambda: find_region(region, made, real))

    def build(self, mode: str, setting: ScoreSetting) -> Scorer:
        """Return what scores clips.

        Raises:
            MissingWeightsError: a file it needs is not there.
            InputError: no such recipe, or a file is damaged.
        """
        check_choice("mode", mode, self.modes)
        recipe = self.corrected if mode == "corrected" or self.published is None else self.published
        return recipe(setting)
