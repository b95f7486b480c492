"""Our compact Liquid Warping generator: it finishes what the surface renderer drew.

The surface renderer's picture is sharp where a photo shows the surface, and guessed elsewhere. The network looks at
that picture, at how each pixel was come by, at the body's shape, and, through Liquid Warping, at the photos' features;
it answers with what to add to the person's colours, where the person's outline really runs, and how the person darkens
the background. Nothing of it depends on the size of the picture.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, pixel_shuffle, pixel_unshuffle

from liquidwarp.devices import full_precision
from liquidwarp.flow import resize_flow, warp
from liquidwarp.nn.box import box_mean
from liquidwarp.nn.planes import Around, PhotoFlow, mirrored_normals, tinted
from liquidwarp.types import Flow

STRIDE = 16  # sizes the network takes are multiples of this

_FILL = 9  # pixels around the person over which colours are continued outwards
_SOFT = 0.02  # keeps the logit of alpha finite
_LEAST = 0.1  # alpha from which a pixel's own colour is believed
_THIN = 1e-4  # alpha below which a photo's colour fades
_SHADE = 0.7  # natural logarithm of the strongest darkening of the background
_BROAD = 5  # pixels: finer changes of colour are not made where a photo shows the surface
_INVENTED = 0.5  # of the finer changes elsewhere: means of what could be there would wipe out the renderer's texture


@dataclass(frozen=True, eq=False)
class TransferInput:
    """What the transfer stream is told of target pictures.

    Attributes:
        rendered: the surface renderer's person, premultiplied by alpha, in [0, 1].
        alpha: the surface renderer's, 1 = person.
        background: without the person, in [0, 1].
        coverage: how much of each pixel was seen, mirrored and invented.
        normals: of the body, in camera axes, 0 where there is none.
    """

    channels: ClassVar[int] = 13
    """Of the stack that the network makes of the planes."""

    rendered: Float[Tensor, "B 3 H W"]
    alpha: Float[Tensor, "B H W"]
    background: Float[Tensor, "B 3 H W"]
    coverage: Float[Tensor, "B 3 H W"]
    normals: Float[Tensor, "B 3 H W"]

    def stacked(self) -> Float[Tensor, "B 13 H W"]:
        """Return the planes in the order that the weights know."""
        return torch.cat([self.rendered, self.alpha[:, None], self.background, self.coverage, self.normals], 1)

    def composite(self) -> Float[Tensor, "B 3 H W"]:
        """Return the surface renderer's person before the background."""
        return self.rendered + (1 - self.alpha[:, None]) * self.background

    def padded(self, around: Around) -> "TransferInput":
        """Return pictures with more background around them, and nobody in it."""
        return TransferInput(
            pad(self.rendered, around),
            pad(self.alpha, around),
            pad(self.background, around, "replicate"),
            pad(self.coverage, around),
            pad(self.normals, around),
        )

    def mirrored(self) -> "TransferInput":
        """Return the pictures of a world mirrored left to right."""
        return TransferInput(
            self.rendered.flip(-1),
            self.alpha.flip(-1),
            self.background.flip(-1),
            self.coverage.flip(-1),
            mirrored_normals(self.normals),
        )

    def tinted(self, gains: Float[Tensor, "3"]) -> "TransferInput":
        """Return the pictures in another light: each colour channel times its gain."""
        rendered, background = (tinted(color, gains) for color in (self.rendered, self.background))
        return TransferInput(rendered, self.alpha, background, self.coverage, self.normals)


@dataclass(frozen=True, eq=False)
class SourceInput:
    """What the source stream is told of photos; any axes may lead.

    Attributes:
        foreground: the person's colours, premultiplied by alpha, in [0, 1].
        alpha: 1 = person.
        normals: of the body, in camera axes, 0 where there is none.
    """

    channels: ClassVar[int] = 7
    """Of the stack that the network makes of the planes."""

    foreground: Float[Tensor, "*N 3 H W"]
    alpha: Float[Tensor, "*N H W"]
    normals: Float[Tensor, "*N 3 H W"]

    @staticmethod
    def create(
        premultiplied: Float[Tensor, "*N 3 H W"], alpha: Float[Tensor, "*N H W"], normals: Float[Tensor, "*N 3 H W"]
    ) -> "SourceInput":
        """Make the input of colours that are premultiplied; where almost nothing is the person's, they fade."""
        weight = alpha[..., None, :, :]
        return SourceInput(premultiplied / weight.clamp(min=_THIN) * weight, alpha, normals)

    def stacked(self) -> Float[Tensor, "*N 7 H W"]:
        """Return the planes in the order that the weights know."""
        return torch.cat([self.foreground, self.alpha[..., None, :, :], self.normals], -3)

    def resized(self, size: tuple[int, int]) -> "SourceInput":
        """Return the photos at another (height, width)."""
        if tuple(self.alpha.shape[-2:]) == size:
            return self
        planes = self.stacked()
        small = interpolate(planes.flatten(0, -4), size=size, mode="bilinear", align_corners=False, antialias=True)
        foreground, alpha, normals = small.unflatten(0, planes.shape[:-3]).split([3, 1, 3], -3)
        return SourceInput(foreground, alpha.squeeze(-3), normals)

    def mirrored(self) -> "SourceInput":
        """Return the photos of a world mirrored left to right."""
        return SourceInput(self.foreground.flip(-1), self.alpha.flip(-1), mirrored_normals(self.normals))

    def tinted(self, gains: Float[Tensor, "3"]) -> "SourceInput":
        """Return the photos in another light: each colour channel times its gain."""
        return SourceInput(tinted(self.foreground, gains), self.alpha, self.normals)


@dataclass(frozen=True, eq=False)
class CompactAnswer:
    """What the network answers.

    Attributes:
        color: what to add to the person's colour; only broadly where a photo shows it, so that texture stays the
            photo's.
        alpha: 1 = person.
        shade: factor on the background.
    """

    color: Float[Tensor, "B 3 H W"]
    alpha: Float[Tensor, "B H W"]
    shade: Float[Tensor, "B 1 H W"]


class CompactGenerator(nn.Module):
    """A U-Net over the surface renderer's picture, with Liquid Warping Blocks that fetch features of the photos.

    After Liu et al., "Liquid Warping GAN" (ICCV 2019) and "... with Attention" (TPAMI 2021): features of the source
    stream are warped by the bodies' flow and fused into the transfer stream at several scales.

    Args:
        widths: channels at 1/2, 1/4, 1/8 and 1/16 of the picture's size.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (32, 64, 128, 192)) -> None:
        super().__init__()
        self.widths = widths
        self.source_stem = nn.Conv2d(4 * SourceInput.channels, widths[0], 3, padding=1)
        self.source_stages = nn.ModuleList(
            [_ResidualStage(widths[0], widths[0], 1), _Down(widths[0], widths[1]), _Down(widths[1], widths[2])]
        )
        self.stem = nn.Conv2d(4 * TransferInput.channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList([_ResidualStage(widths[0], widths[0], 1), *map(_Down, widths[:-1], widths[1:])])
        self.fusions = nn.ModuleList([SeenFusion(width) for width in widths[:3]])
        self.bottom = _ResidualStage(widths[3], widths[3], 2)
        self.up = nn.ModuleList([_Up(widths[level + 1], widths[level]) for level in (2, 1, 0)])
        self.head = nn.Conv2d(widths[0], 4 * 5, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def encode(self, source: SourceInput) -> list[Tensor]:
        """Return the photos' features `N C h w` at 1/2, 1/4 and 1/8; computed once per person.

        Args:
            source: N photos; several leading axes become one.
        """
        x = self.source_stem(pixel_unshuffle(source.stacked().flatten(0, -4), 2))
        features = []
        for stage in self.source_stages:
            x = stage(x)
            features.append(x)
        return features

    def answer(self, transfer: TransferInput, features: list[Tensor], flow: PhotoFlow) -> CompactAnswer:
        """Answer for target pictures whose size is a multiple of `STRIDE`.

        Args:
            transfer: the targets.
            features: from `encode`; either N photos for all targets, or N for each.
            flow: from the targets into each photo.
        """
        x = self.stem(pixel_unshuffle(transfer.stacked(), 2))
        skips = []
        for level, stage in enumerate(self.down):
            x = stage(x)
            if level < len(self.fusions):
                warped, seen = _warped(features[level], flow, (x.shape[2], x.shape[3]))
                x = self.fusions[level](x, warped, seen)
                skips.append(x)
        x = self.bottom(x)
        for stage, skip in zip(self.up, reversed(skips), strict=True):
            x = stage(x, skip)
        color, outline, dark = pixel_shuffle(self.head(x), 2).float().split([3, 1, 1], 1)
        rendered = transfer.alpha[:, None].float()
        moved = torch.sigmoid(torch.logit(rendered, _SOFT) + 4 * outline)
        open_ended = (moved - _SOFT) / (1 - 2 * _SOFT)
        alpha = open_ended + (open_ended.clamp(0, 1) - open_ended).detach()  # a gradient at 0 and 1 too
        color = _calmed(color, rendered, transfer.coverage[:, :1].float())
        return CompactAnswer(color, alpha[:, 0], torch.exp(-_SHADE * torch.relu(torch.tanh(dark))))

    def forward(
        self, transfer: TransferInput, source: SourceInput, flow: PhotoFlow
    ) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B H W"]]:
        """Return the finished pictures and their alpha, for training: each target has photos of its own.

        Args:
            transfer: the targets.
            source: the photos, axes B and N.
            flow: from each target into its photos.
        """
        answer = self.answer(transfer, self.encode(source), flow)
        return finish(answer, transfer.rendered, transfer.alpha, transfer.background), answer.alpha


class SeenFusion(nn.Module):
    """Fuse warped features into the transfer stream, trusting what a photo shows.

    The mean over the photos that show a point, as in AvgLWB, but of those alone; a gate says how much of it is taken.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.value = nn.Conv2d(channels, channels, 1)
        self.gate = nn.Conv2d(2 * channels + 1, channels, 1)

    def forward(
        self, target: Float[Tensor, "B C H W"], warped: Float[Tensor, "B N C H W"], seen: Bool[Tensor, "B N H W"]
    ) -> Float[Tensor, "B C H W"]:
        """Return the transfer stream with the photos' features."""
        value = self.value(warped.flatten(0, 1)).unflatten(0, warped.shape[:2])
        shows = seen[:, :, None].to(value.dtype)
        if value.shape[1] == 1:
            fetched, shown = (value * shows)[:, 0], shows[:, 0]
        else:
            fetched, shown = (value * shows).sum(1) / shows.sum(1).clamp(min=1), shows.amax(1)
        gate = torch.sigmoid(self.gate(torch.cat([target, fetched, shown], 1)))
        return target + gate * fetched


def finish(
    answer: CompactAnswer,
    rendered: Float[Tensor, "B 3 H W"],
    alpha: Float[Tensor, "B H W"],
    background: Float[Tensor, "B 3 H W"],
) -> Float[Tensor, "B 3 H W"]:
    """Put the answer together with the renderer's picture and the background.

    Args:
        answer: from `CompactGenerator.answer`, at the same size or enlarged to it.
        rendered: the surface renderer's person, premultiplied by alpha.
        alpha: the surface renderer's.
        background: without the person.
    """
    person = continued(rendered, alpha) + answer.color
    weight = answer.alpha[:, None]
    return weight * person + (1 - weight) * background * answer.shade


def continued(rendered: Float[Tensor, "B 3 H W"], alpha: Float[Tensor, "B H W"]) -> Float[Tensor, "B 3 H W"]:
    """Return the person's colours, not premultiplied, continued a few pixels beyond their edge."""
    weight = alpha[:, None]
    around = box_mean(torch.cat([rendered, weight], 1), _FILL, beyond=False)
    outside = around[:, :3] / around[:, 3:].clamp(min=1e-4)
    believed = weight.clamp(min=_LEAST)
    return rendered / believed + (1 - weight / believed) * outside


def _calmed(color: Tensor, alpha: Tensor, seen: Tensor) -> Float[Tensor, "B 3 H W"]:
    """Smooth what is added over the surface that a photo shows; elsewhere some of the detail is the network's own."""
    near = (alpha > 0).to(color.dtype)
    planes = torch.cat([color * near, near, seen, alpha], 1)
    for _ in range(2):
        planes = box_mean(planes, _BROAD)
    added, weight, shown, person = planes.split([3, 1, 1, 1], 1)
    free = _INVENTED * near * (1 - shown / person.clamp(min=1e-3)).clamp(0, 1)
    return free * color + (1 - free) * added / weight.clamp(min=1e-3)


def _warped(
    features: Tensor, flow: PhotoFlow, size: tuple[int, int]
) -> tuple[Float[Tensor, "B N C h w"], Bool[Tensor, "B N h w"]]:
    batch, count = flow.valid.shape[:2]
    with full_precision(flow.grid.device):  # half a coordinate would be pixels off
        small = resize_flow(Flow(flow.grid.flatten(0, 1), flow.valid.flatten(0, 1)), size)
    if features.shape[0] != batch * count:
        features = features.repeat(batch, 1, 1, 1)
    warped = warp(features.float(), small)
    return warped.unflatten(0, (batch, count)), small.valid.unflatten(0, (batch, count))


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.act = nn.LeakyReLU(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.act(self.first(self.act(x))))


class _ResidualStage(nn.Sequential):
    def __init__(self, inner: int, outer: int, blocks: int) -> None:
        assert inner == outer
        super().__init__(*(_Residual(outer) for _ in range(blocks)))


class _Down(nn.Sequential):
    def __init__(self, inner: int, outer: int) -> None:
        super().__init__(nn.LeakyReLU(0.1), nn.Conv2d(inner, outer, 4, 2, 1), _Residual(outer))


class _Up(nn.Module):
    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.act = nn.LeakyReLU(0.1)
        self.rise = nn.Conv2d(inner, 4 * outer, 1)
        self.join = nn.Conv2d(2 * outer, outer, 3, padding=1)
        self.block = _Residual(outer)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        risen = pixel_shuffle(self.rise(self.act(x)), 2)
        return self.block(self.join(self.act(torch.cat([risen, skip], 1))))
