"""PG2: a coarse picture in the wanted pose, and the difference that makes it fine.

Source: Ma et al., "Pose Guided Person Image Generation", NIPS 2017, section 3.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from liquidwarp.errors import InputError
from liquidwarp.nn.baselines.layers import ChannelsLast, SameConv2d
from liquidwarp.nn.baselines.pg2_geometry import JOINTS

_BOTTLENECK = 64
_SLOPE = 0.2


@dataclass(frozen=True)
class Pg2Synthesis:
    """The picture, and what its two stages give; all are linear, so they may leave [-1, 1]."""

    picture: Float[Tensor, "B 3 H W"]
    """Coarse and difference together."""
    coarse: Float[Tensor, "B 3 H W"]
    """Of the first stage."""
    difference: Float[Tensor, "B 3 H W"]
    """Of the second stage."""


class Pg2ResidualPair(nn.Module):
    """Two 3x3 convolutions with ReLU, added to what comes in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = _pair(channels, channels)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Add what the pair computes to its input."""
        return x + self.main(x)


class Pg2CoarseStage(nn.Module):
    """The first stage: source and target pose, to a coarse picture, through 64 numbers.

    Source: Ma et al., section 3.1 ("G1").

    Args:
        size: (height, width); the height is a power of two, and gives the number of levels.
        width: channels of the first level.
    """

    def __init__(self, size: tuple[int, int] = (256, 256), width: int = 128) -> None:
        super().__init__()
        levels = pg2_levels(size)
        widths = [width * (level + 1) for level in range(levels)]
        self.smallest = (width, size[0] // 2 ** (levels - 1), size[1] // 2 ** (levels - 1))
        cells = self.smallest[1] * self.smallest[2]
        self.enter = _block(3 + JOINTS, width, 3)
        self.down = nn.ModuleList(Pg2ResidualPair(channels) for channels in widths)
        self.halvings = nn.ModuleList(_block(a, a + width, 3, 2) for a in widths[:-1])
        self.squeeze = nn.Sequential(
            ChannelsLast(), nn.Linear(widths[-1] * cells, _BOTTLENECK), nn.Linear(_BOTTLENECK, width * cells)
        )
        inner = [width + widths[-1], *(2 * channels for channels in reversed(widths[:-1]))]
        self.up = nn.ModuleList(Pg2ResidualPair(channels) for channels in inner)
        self.rises = nn.ModuleList(_block(a, b, 1) for a, b in zip(inner[:-1], reversed(widths[:-1]), strict=True))
        self.color = SameConv2d(inner[-1], 3, 3)

    def forward(self, source: Float[Tensor, "B 3 H W"], pose: Float[Tensor, "B 18 H W"]) -> Float[Tensor, "B 3 H W"]:
        """Return the coarse picture.

        Args:
            source: in [-1, 1].
            pose: `pg2_heatmaps` of the wanted pose; the source's pose is not asked for.
        """
        x = self.enter(torch.cat([source, pose], 1))
        skips = []
        for number, pair in enumerate(self.down):
            skips.append(pair(x))
            if number < len(self.halvings):
                x = self.halvings[number](skips[-1])
        channels, height, width = self.smallest
        x = self.squeeze(skips[-1]).view(-1, height, width, channels).permute(0, 3, 1, 2)
        for number, pair in enumerate(self.up):
            x = pair(torch.cat([x, skips.pop()], 1))
            if number < len(self.rises):
                x = self.rises[number](_doubled(x))
        return self.color(x)


class Pg2FineStage(nn.Module):
    """The second stage: coarse picture and source, to the difference that is added to the coarse one.

    Source: Ma et al., section 3.2 ("G2").

    Args:
        size: (height, width); the height is a power of two.
        width: channels of the first level.
        skip_first: whether the largest level is handed on to the decoder: so in the published network for 256 pixels,
            not in the one for Market-1501.
    """

    def __init__(self, size: tuple[int, int] = (256, 256), width: int = 128, *, skip_first: bool = True) -> None:
        super().__init__()
        levels = pg2_levels(size) - 2
        widths = [width * (level + 1) for level in range(levels)]
        self.skip_first = skip_first
        inner = [width, *widths[:-1]]
        self.enter = _block(6, width, 3)
        self.down = nn.ModuleList(_pair(a, b) for a, b in zip(inner, widths, strict=True))
        self.halvings = nn.ModuleList(_block(a, a, 3, 2) for a in widths[:-1])
        kept = list(reversed(widths if skip_first else [0, *widths[1:]]))
        before = [widths[-1], *([width] * (levels - 1))]
        self.up = nn.ModuleList(_pair(a + b, width) for a, b in zip(before, kept, strict=True))
        self.color = SameConv2d(width, 3, 3)

    def forward(self, coarse: Float[Tensor, "B 3 H W"], source: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H W"]:
        """Return the difference between the coarse picture and the fine one."""
        x = self.enter(torch.cat([coarse, source], 1))
        skips = []
        for number, pair in enumerate(self.down):
            x = pair(x)
            skips.append(x)
            if number < len(self.halvings):
                x = self.halvings[number](x)
        for number, pair in enumerate(self.up):
            skip = skips.pop()
            x = pair(torch.cat([x, skip], 1) if skips or self.skip_first else x)
            if number < len(self.halvings):
                x = _doubled(x)
        return self.color(x)


class Pg2Generator(nn.Module):
    """Both stages.

    Args:
        size: (height, width); the height is a power of two.
        width: channels of the first level.
        skip_first: see `Pg2FineStage`.
    """

    def __init__(self, size: tuple[int, int] = (256, 256), width: int = 128, *, skip_first: bool = True) -> None:
        super().__init__()
        self.coarse = Pg2CoarseStage(size, width)
        self.fine = Pg2FineStage(size, width, skip_first=skip_first)

    def forward(self, source: Float[Tensor, "B 3 H W"], pose: Float[Tensor, "B 18 H W"]) -> Pg2Synthesis:
        """Return the person in another pose.

        Args:
            source: in [-1, 1].
            pose: `pg2_heatmaps` of the wanted pose.
        """
        coarse = self.coarse(source, pose)
        difference = self.fine(coarse, source)
        return Pg2Synthesis(coarse + difference, coarse, difference)


class Pg2Discriminator(nn.Module):
    """Scores a picture alone, with the statistics of its batch in training and evaluation.

    Args:
        size: (height, width), divisible by 2 to the number of stages.
        width: of the first stage.
        stages: how often the picture is halved: 5 for 256 pixels, 4 for Market-1501.
    """

    def __init__(self, size: tuple[int, int] = (256, 256), width: int = 64, stages: int = 5) -> None:
        super().__init__()
        widths = [width * min(2**stage, 8) for stage in range(stages)]
        layers: list[nn.Module] = [SameConv2d(3, width, 5, 2), nn.LeakyReLU(_SLOPE)]
        for a, b in pairwise(widths):
            layers += [SameConv2d(a, b, 5, 2), nn.BatchNorm2d(b, track_running_stats=False), nn.LeakyReLU(_SLOPE)]
        cells = (size[0] // 2**stages) * (size[1] // 2**stages)
        self.model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * cells, 1))

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 1"]:
        """Return a score, not squashed; pictures are in [-1, 1]."""
        return self.model(picture)


def pg2_levels(size: tuple[int, int]) -> int:
    """Return how many levels the first stage has: its smallest is 8 rows high.

    Raises:
        InputError: the height is no power of two of at least 32, or the width cannot be halved as often.
    """
    levels = round(math.log2(size[0])) - 2
    if levels < 3 or size[0] != 2 ** (levels + 2) or size[1] % 2 ** (levels - 1):
        raise InputError(
            f"size={size}: PG2 wants a height that is a power of two, at least 32, and a width divisible by the height "
            "divided by 8; scale the pictures, for instance to (256, 256)"
        )
    return levels


def _block(inner: int, outer: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(SameConv2d(inner, outer, kernel, stride), nn.ReLU())


def _pair(inner: int, outer: int) -> nn.Sequential:
    return nn.Sequential(*_block(inner, outer, 3), *_block(outer, outer, 3))


def _doubled(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2.0, mode="nearest")
