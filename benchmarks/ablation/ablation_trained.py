"""A trained variant as a value."""

from dataclasses import dataclass

from liquidwarp.nn.liquid import LiquidGenerator


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained variant.

    Attributes:
        variant: its name.
        seed: of its training.
        generator: with averaged weights.
        seconds: of training.
        steps: that were done.
    """

    variant: str
    seed: int
    generator: LiquidGenerator
    seconds: float
    steps: int
