"""The Liquid Warping GAN's generator: background, source and target streams, joined by Liquid Warping Blocks.

Liu et al., "Liquid Warping GAN: A Unified Framework for Human Motion Imitation, Appearance Transfer and Novel View
Synthesis" (ICCV 2019), and "Liquid Warping GAN with Attention" (TPAMI 2021).

Convention: pictures are in [-1, 1]; a mask is 1 where the *background* is, as published. Flow comes as in `types.Flow`;
where it is not valid, and outside the source picture, features are zero.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import grid_sample, interpolate

from liquidwarp.flow import resize_flow
from liquidwarp.nn.blocks import Residual, convolution, enlargement
from liquidwarp.types import Flow

_MAJORITY = 0.5


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


class LiquidStream(nn.Module):
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
class BackgroundInput:
    """What the background stream is told: pictures with a hole where the person is; any axes may lead.

    Attributes:
        picture: 0 in the hole.
        known: 1 outside the hole.
    """

    picture: Float[Tensor, "*M 3 H W"]
    known: Float[Tensor, "*M 1 H W"]

    def stacked(self) -> Float[Tensor, "*M 4 H W"]:
        """Return the planes in the order that the weights know."""
        return torch.cat([self.picture, self.known], -3)


@dataclass(frozen=True, eq=False)
class ChartedPicture:
    """What the other streams are told: a picture beside a map of the body in it; any axes may lead.

    Attributes:
        color: without the background: a photo's person, or photos warped to the target.
        chart: texture coordinates of the visible face, and 1 where there is no body.
    """

    color: Float[Tensor, "*N 3 H W"]
    chart: Float[Tensor, "*N 3 H W"]

    def stacked(self) -> Float[Tensor, "*N 6 H W"]:
        """Return the planes in the order that the weights know."""
        return torch.cat([self.color, self.chart], -3)


@dataclass(frozen=True, eq=False)
class LiquidAnswer:
    """What the generator returns; `B` is the batch, `N` are sources, `M` backgrounds and `T` targets.

    Attributes:
        background: completed.
        source_color: the sources, painted again; None where there is no source stream.
        source_mask: 1 = background.
        target_color: the targets.
        target_mask: 1 = background.
    """

    background: Float[Tensor, "B M 3 h w"]
    source_color: Float[Tensor, "B N 3 h w"] | None
    source_mask: Float[Tensor, "B N 1 h w"] | None
    target_color: Float[Tensor, "B T 3 H W"]
    target_mask: Float[Tensor, "B T 1 H W"]

    def compose(self) -> Float[Tensor, "B T 3 H W"]:
        """Return the targets before the first background, which has to be of their size."""
        return self.target_mask * self.background[:, :1] + (1 - self.target_mask) * self.target_color


@dataclass(frozen=True)
class LiquidShape:
    """The shape of a generator.

    Attributes:
        background: its stream.
        source: its stream; None for W_C and W_T, which warp no features.
        target: its stream.
        fusion: makes the fusion of a site from its number and channels; None if there is no source stream.
        corners: `align_corners` when features are sampled.
        resize_corners: `align_corners` when flow is resized; False resizes as `flow.resize_flow` does.
        concatenate: sources are stacked as channels of the target's input (W_C); how many, given ones being repeated.
        longest: longer side of the pictures it was trained on, in pixels.
    """

    background: StreamShape
    target: StreamShape
    source: StreamShape | None = None
    fusion: Callable[[int, int], nn.Module] | None = None
    corners: bool = False
    resize_corners: bool = True
    concatenate: int = 0
    longest: int = 512

    def narrowed(self, factor: float) -> "LiquidShape":
        """Return the same network with all widths times `factor` (for small experiments)."""

        def narrow(shape: StreamShape) -> StreamShape:
            def scaled(width: int) -> int:
                return max(4, round(width * factor)) if width else 0

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


@dataclass(frozen=True, eq=False)
class SourceLook:
    """What the sources say to every target; computed once.

    Attributes:
        pictures: the source stream's input, axes B and N.
        color: the sources, painted again; None where there is no source stream.
        mask: 1 = background.
        features: per site of a Liquid Warping Block; empty where there is no source stream.
    """

    pictures: ChartedPicture
    color: Float[Tensor, "B N 3 h w"] | None = None
    mask: Float[Tensor, "B N 1 h w"] | None = None
    features: tuple[Float[Tensor, "B N _ _ _"], ...] = ()


@dataclass(frozen=True, eq=False)
class Earlier:
    """The temporal input: each target's previous picture, as `LiquidGenerator.look` saw it.

    Attributes:
        look: of the previous pictures; their axis of sources is the one of targets.
        grid: flow from each target into its previous picture.
        valid: where the previous picture shows the point.
    """

    look: SourceLook
    grid: Float[Tensor, "B T H W 2"]
    valid: Bool[Tensor, "B T H W"]


class LiquidGenerator(nn.Module):
    """The generator; every published variant is a `LiquidShape` of it."""

    def __init__(self, shape: LiquidShape) -> None:
        super().__init__()
        self.shape = shape
        self.background = LiquidStream(shape.background)
        self.target = LiquidStream(shape.target)
        self.source = None if shape.source is None else LiquidStream(shape.source)
        make = shape.fusion
        sites = enumerate(self.target.sites)
        self.fusions = nn.ModuleList([make(site, width) for site, width in sites] if make is not None else [])

    def forward(
        self,
        background: BackgroundInput,
        source: ChartedPicture,
        transfer: ChartedPicture,
        grid: Float[Tensor, "B T N H W 2"],
        valid: Bool[Tensor, "B T N H W"],
        *,
        earlier: Earlier | None = None,
    ) -> LiquidAnswer:
        """Run all streams; see `complete_background`, `look` and `paint`."""
        look = self.look(source)
        color, mask = self.paint(look, transfer, grid, valid, earlier=earlier)
        return LiquidAnswer(self.complete_background(background), look.color, look.mask, color, mask)

    def complete_background(self, background: BackgroundInput) -> Float[Tensor, "B M 3 h w"]:
        """Complete pictures without the person, axes B and M."""
        given = background.stacked()
        color, _ = self.background(given.flatten(0, 1))
        return color.unflatten(0, given.shape[:2])

    def look(self, source: ChartedPicture) -> SourceLook:
        """Run the source stream over sources, axes B and N."""
        if self.source is None:
            return SourceLook(source)
        lead, found = source.color.shape[:2], list[Tensor]()
        color, mask = self.source(source.stacked().flatten(0, 1), _keep(found))
        features = tuple(kept.unflatten(0, lead) for kept in found)
        return SourceLook(source, color.unflatten(0, lead), None if mask is None else mask.unflatten(0, lead), features)

    def paint(
        self,
        look: SourceLook,
        transfer: ChartedPicture,
        grid: Float[Tensor, "B T N H W 2"],
        valid: Bool[Tensor, "B T N H W"],
        *,
        earlier: Earlier | None = None,
    ) -> tuple[Float[Tensor, "B T 3 H W"], Float[Tensor, "B T 1 H W"]]:
        """Return the targets' colours and masks.

        Convention: pictures in [-1, 1]; grids in normalised coordinates of the source, read by the shape's own
        `align_corners` rules.

        Args:
            look: the sources.
            transfer: sources warped to the targets, and the body's map there, axes B and T.
            grid: flow from each target into each source.
            valid: where to believe it.
            earlier: the previous pictures, which join the sources.
        """
        lead = transfer.color.shape[:2]
        given = self._stacked(look.pictures, transfer) if self.shape.concatenate else transfer.stacked()

        def fuse(site: int, features: Tensor) -> Tensor:
            size = (features.shape[-2], features.shape[-1])
            warped = self._warp(look.features[site][:, None].expand(-1, lead[1], -1, -1, -1, -1), grid, valid, size)
            if earlier is not None:
                past = self._warp(earlier.look.features[site], earlier.grid, earlier.valid, size)
                warped = torch.cat([warped, past[:, :, None]], 2)
            return self.fusions[site](features.unflatten(0, lead), warped).flatten(0, 1)

        color, mask = self.target(given.flatten(0, 1), fuse if len(self.fusions) else None)
        assert mask is not None
        return color.unflatten(0, lead), mask.unflatten(0, lead)

    def _stacked(self, sources: ChartedPicture, transfer: ChartedPicture) -> Tensor:
        given, chart = sources.stacked(), transfer.chart
        chosen = given[:, [number % given.shape[1] for number in range(self.shape.concatenate)]].flatten(1, 2)
        if chosen.shape[-2:] != chart.shape[-2:]:
            chosen = interpolate(chosen, size=chart.shape[-2:], mode="bilinear", align_corners=False)
        spread = chosen[:, None].expand(-1, chart.shape[1], -1, -1, -1)
        return torch.cat([spread, chart], 2)

    def _warp(self, features: Tensor, grid: Tensor, valid: Tensor, size: tuple[int, int]) -> Tensor:
        lead = valid.shape[:-2]
        flow = Flow(grid.flatten(0, -4), valid.flatten(0, -3))
        flow = _resized_by_corners(flow, size) if self.shape.resize_corners else resize_flow(flow, size)
        sampled = grid_sample(
            features.flatten(0, -4),
            flow.grid.to(features.dtype),
            mode="bilinear",
            padding_mode="zeros",
            align_corners=self.shape.corners,
        )
        return (sampled * flow.valid[:, None]).unflatten(0, lead)


def _resized_by_corners(flow: Flow, size: tuple[int, int]) -> Flow:
    """Resize as the published networks did (`align_corners=True`), except that invalid points take no part."""
    if flow.valid.shape[1:] == size:
        return flow
    weight = flow.valid[:, None].to(flow.grid.dtype)
    planes = torch.cat([flow.grid.movedim(-1, 1) * weight, weight], 1)
    small = interpolate(planes, size=size, mode="bilinear", align_corners=True)
    valid = small[:, 2] >= _MAJORITY
    grid = small[:, :2] / torch.where(valid, small[:, 2], 1)[:, None]
    return Flow(grid.movedim(1, -1), valid)


def _keep(found: list[Tensor]) -> Callable[[int, Tensor], Tensor]:
    def keep(_: int, features: Tensor) -> Tensor:
        found.append(features)
        return features

    return keep
