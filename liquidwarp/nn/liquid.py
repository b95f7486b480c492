"""The Liquid Warping GAN's generator: background, source and target streams, joined by Liquid Warping Blocks.

Liu et al., "Liquid Warping GAN: A Unified Framework for Human Motion Imitation, Appearance Transfer and Novel View
Synthesis" (ICCV 2019), and "Liquid Warping GAN with Attention" (TPAMI 2021).

Convention: pictures are in [-1, 1]; a mask is 1 where the *background* is, as published (`card.MASK`). Flow comes as
`types.Flow`; points without flow sample zeros.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import grid_sample, interpolate

from liquidwarp.nn.blocks import Residual, convolution, enlargement

_ABSENT = -2.0
"""Where published flow points when there is no surface: outside the picture, so that sampling gives zeros."""


@dataclass(frozen=True)
class StreamShape:
    """The shape of one stream.

    Attributes:
        inputs: channels in.
        stem: width of a first 7x7 convolution at full size; 0 leaves it out.
        widths: of the stages that each halve the picture.
        blocks: how many residual blocks follow.
        rises: widths of the stages that each double it.
        norm: see `blocks.convolution`.
        bias: of the convolutions that go down; the encoder's where `block_bias` is given.
        block_bias: of the residual blocks, as `bias` if None.
        rise_kernel: of the transposed convolutions.
        rise_bias: of the transposed convolutions and joins.
        joins: how many of the doubling stages take the encoder's features of their size.
        head_kernel: of the last convolution.
        mask: whether there is a mask beside the colours.
    """

    inputs: int
    stem: int
    widths: tuple[int, ...]
    blocks: int
    rises: tuple[int, ...]
    norm: str
    bias: bool
    rise_kernel: int
    rise_bias: bool
    head_kernel: int
    joins: int = 0
    block_bias: bool | None = None
    mask: bool = True


class Stream(nn.Module):
    """An encoder, residual blocks, a decoder and heads for colours in [-1, 1] and a mask in [0, 1]."""

    def __init__(self, shape: StreamShape) -> None:
        super().__init__()
        self.shape = shape
        stages, inner = [], shape.inputs
        if shape.stem:
            stages.append(convolution(inner, shape.stem, 7, bias=shape.bias, norm=shape.norm))
            inner = shape.stem
        for width in shape.widths:
            stages.append(convolution(inner, width, 3, stride=2, bias=shape.bias, norm=shape.norm))
            inner = width
        self.stages = nn.ModuleList(stages)
        block_bias = shape.bias if shape.block_bias is None else shape.block_bias
        self.blocks = nn.ModuleList(Residual(inner, bias=block_bias, norm=shape.norm) for _ in range(shape.blocks))
        rises, joins = [], []
        skipped = [*([shape.stem] if shape.stem else []), *shape.widths][:-1][::-1]
        for number, width in enumerate(shape.rises):
            rises.append(enlargement(inner, width, shape.rise_kernel, bias=shape.rise_bias, norm=shape.norm))
            inner = width
            if number < shape.joins:
                joins.append(convolution(width + skipped[number], width, 3, bias=shape.rise_bias, norm=shape.norm))
        self.rises, self.joins = nn.ModuleList(rises), nn.ModuleList(joins)
        pad = (shape.head_kernel - 1) // 2
        self.color = nn.Conv2d(inner, 3, shape.head_kernel, 1, pad, bias=False)
        self.mask = nn.Conv2d(inner, 1, shape.head_kernel, 1, pad, bias=False) if shape.mask else None

    def forward(
        self, x: Float[Tensor, "M C H W"], fuse: Callable[[int, Tensor], Tensor] | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return colours `M 3 H W` and, if there is one, the mask `M 1 H W`.

        Args:
            x: the input.
            fuse: called at every site of a Liquid Warping Block with its number and the features there; what it
                returns goes on.
        """
        skips, site = [], 0

        def visit(features: Tensor) -> Tensor:
            nonlocal site
            site += 1
            return features if fuse is None else fuse(site - 1, features)

        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number or not self.shape.stem:
                x = visit(x)
            skips.append(x)
        for block in self.blocks:
            x = visit(block(x))
        behind = skips[:-1][::-1]
        for number, rise in enumerate(self.rises):
            x = rise(x)
            if number < len(self.joins):
                x = self.joins[number](torch.cat([behind[number], x], 1))
        return torch.tanh(self.color(x)), None if self.mask is None else torch.sigmoid(self.mask(x))

    @property
    def sites(self) -> list[int]:
        """Channels at the sites of Liquid Warping Blocks: every halving stage and every residual block."""
        return [*self.shape.widths, *([self.shape.widths[-1]] * self.shape.blocks)]


@dataclass(frozen=True, eq=False)
class LiquidAnswer:
    """What the generator returns; the letters are batch, sources and targets.

    Attributes:
        background: the ground behind each source.
        source_color: the sources, painted again; None where there is no source stream.
        source_mask: 1 = background.
        target_color: the targets.
        target_mask: 1 = background.
    """

    background: Float[Tensor, "B N 3 H W"]
    source_color: Float[Tensor, "B N 3 H W"] | None
    source_mask: Float[Tensor, "B N 1 H W"] | None
    target_color: Float[Tensor, "B T 3 H W"]
    target_mask: Float[Tensor, "B T 1 H W"]

    def compose(self) -> Float[Tensor, "B T 3 H W"]:
        """Return the targets before the first source's ground."""
        return self.target_mask * self.background[:, :1] + (1 - self.target_mask) * self.target_color


@dataclass(frozen=True)
class LiquidShape:
    """The shape of a generator.

    Attributes:
        background: its stream.
        source: its stream; None for W_C and W_T, which warp no features.
        target: its stream.
        fusion: makes the fusion of a site from its channels; None if there is no source stream.
        corners: `align_corners` when features are sampled.
        resize_corners: `align_corners` when flow is resized.
        concatenate: sources are stacked as channels of the target's input (W_C); how many, given ones being repeated.
    """

    background: StreamShape
    target: StreamShape
    source: StreamShape | None = None
    fusion: Callable[[int], nn.Module] | None = None
    corners: bool = False
    resize_corners: bool = True
    concatenate: int = 0

    def narrowed(self, share: float) -> "LiquidShape":
        """Return the same network with all widths times `share` (for small experiments)."""

        def narrow(shape: StreamShape) -> StreamShape:
            def scaled(width: int) -> int:
                return max(4, round(width * share)) if width else 0

            return replace(
                shape,
                stem=scaled(shape.stem),
                widths=tuple(map(scaled, shape.widths)),
                rises=tuple(map(scaled, shape.rises)),
            )

        return replace(
            self,
            background=narrow(self.background),
            target=narrow(self.target),
            source=None if self.source is None else narrow(self.source),
        )


class LiquidGenerator(nn.Module):
    """The generator; every published variant is a `LiquidShape` of it."""

    def __init__(self, shape: LiquidShape) -> None:
        super().__init__()
        self.shape = shape
        self.background = Stream(shape.background)
        self.target = Stream(shape.target)
        self.source = None if shape.source is None else Stream(shape.source)
        make = shape.fusion
        self.fusions = nn.ModuleList([make(width) for width in self.target.sites] if make is not None else [])

    def forward(
        self,
        background: Float[Tensor, "B N 4 H W"],
        source: Float[Tensor, "B N 6 H W"],
        transfer: Float[Tensor, "B T 6 H W"],
        grid: Float[Tensor, "B T N H W 2"],
        valid: Bool[Tensor, "B T N H W"],
        *,
        before: Float[Tensor, "B T 6 H W"] | None = None,
        before_grid: Float[Tensor, "B T H W 2"] | None = None,
        before_valid: Bool[Tensor, "B T H W"] | None = None,
    ) -> LiquidAnswer:
        """Run all streams.

        Convention: pictures in [-1, 1]; grids in normalised coordinates of the source, by the shape's own
        `align_corners` rules.

        Args:
            background: sources without the person, and where the ground is seen.
            source: sources without the ground, and the body's map.
            transfer: sources warped to the target at picture level, and the body's map there.
            grid: flow from each target into each source.
            valid: where to believe it; elsewhere zeros are sampled.
            before: temporal input: the previous pictures without the ground, and the body's map there.
            before_grid: flow from each target into its previous picture.
            before_valid: where the previous picture shows the point.
        """
        batch, count = background.shape[:2]
        ground, _ = self.background(background.flatten(0, 1))
        ground = ground.unflatten(0, (batch, count))
        if self.source is None:
            color, mask = self.target(self._input(source, transfer).flatten(0, 1))
            source_color = source_mask = None
        else:
            found: list[Tensor] = []
            source_color, source_mask = self.source(source.flatten(0, 1), _keep(found))
            source_color = source_color.unflatten(0, (batch, count))
            source_mask = source_mask.unflatten(0, (batch, count)) if source_mask is not None else None
            flow = torch.where(valid[..., None], grid, grid.new_full((), _ABSENT))
            past: list[Tensor] = []
            if before is not None and before_grid is not None and before_valid is not None:
                self.source(before.flatten(0, 1), _keep(past))
                past_flow = torch.where(before_valid[..., None], before_grid, before_grid.new_full((), _ABSENT))

            def fuse(site: int, features: Tensor) -> Tensor:
                mine = features.unflatten(0, transfer.shape[:2])
                warped = self._warp(found[site].unflatten(0, (batch, count)), flow)
                if past:
                    earlier = past[site].unflatten(0, transfer.shape[:2])
                    moved = self._sample(earlier.flatten(0, 1), past_flow.flatten(0, 1), earlier.shape[-2:])
                    warped = torch.cat([warped, moved.view_as(earlier)[:, :, None]], 2)
                return self.fusions[site](mine, warped).flatten(0, 1)

            color, mask = self.target(transfer.flatten(0, 1), fuse)
        assert mask is not None
        lead = transfer.shape[:2]
        return LiquidAnswer(ground, source_color, source_mask, color.unflatten(0, lead), mask.unflatten(0, lead))

    def _input(self, source: Tensor, transfer: Tensor) -> Tensor:
        if not self.shape.concatenate:
            return transfer
        repeated = source[:, [number % source.shape[1] for number in range(self.shape.concatenate)]]
        stacked = repeated.flatten(1, 2)[:, None].expand(-1, transfer.shape[1], -1, -1, -1)
        return torch.cat([stacked, transfer[:, :, 3:]], 2)

    def _warp(self, features: Float[Tensor, "B N C h w"], flow: Float[Tensor, "B T N H W 2"]) -> Tensor:
        batch, targets, count = flow.shape[:3]
        spread = features[:, None].expand(-1, targets, -1, -1, -1, -1).flatten(0, 2)
        sampled = self._sample(spread, flow.flatten(0, 2), features.shape[-2:])
        return sampled.unflatten(0, (batch, targets, count))

    def _sample(self, features: Tensor, flow: Tensor, size: tuple[int, ...]) -> Tensor:
        if flow.shape[1:3] != size:
            planes = flow.movedim(-1, 1)
            corners = self.shape.resize_corners
            flow = interpolate(planes, size=size, mode="bilinear", align_corners=corners).movedim(1, -1)
        return grid_sample(features, flow, mode="bilinear", padding_mode="zeros", align_corners=self.shape.corners)


def _keep(found: list[Tensor]) -> Callable[[int, Tensor], Tensor]:
    def keep(_: int, features: Tensor) -> Tensor:
        found.append(features)
        return features

    return keep
