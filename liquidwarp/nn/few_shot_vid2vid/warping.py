"""Where a picture's pixels go under another label, and which to trust: x = m h + (1 - m) w, of mask, new and warped."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import grid_sample, leaky_relu
from torch.nn.utils import spectral_norm

from liquidwarp.nn.few_shot_vid2vid.blocks import SLOPE, Unit, enlarged, normalization
from liquidwarp.nn.few_shot_vid2vid.shape import GeneratorShape

_BLOCKS = 6
_HALVINGS = 3
_REACH = 20  # pixels per unit of what the network computes


@dataclass(frozen=True)
class Warped:
    """A picture warped to the target.

    Attributes:
        image: (B, 3, H, W) in [-1, 1].
        flow: (B, 2, H, W), x and y in pixels, from the target to where the picture is read.
        mask: (B, 1, H, W), 1 where pixels are to be generated, 0 where the warped ones are trusted.
    """

    image: Float[Tensor, "B 3 H W"]
    flow: Float[Tensor, "B 2 H W"]
    mask: Float[Tensor, "B 1 H W"]


@dataclass(frozen=True)
class GivenFlow:
    """A flow that is known, such as a mesh's.

    Attributes:
        flow: (B, 2, H, W), x and y in pixels, as in `Warped`; finite everywhere.
        valid: (B, 1, H, W), 1 where it can be believed.
    """

    flow: Float[Tensor, "B 2 H W"]
    valid: Float[Tensor, "B 1 H W"]


class FlowBlock(nn.Module):
    """A residual block that normalises first (He et al., ECCV 2016)."""

    def __init__(self, channels: int, norm: str) -> None:
        super().__init__()
        self.convs = nn.ModuleList(spectral_norm(nn.Conv2d(channels, channels, 3, padding=1)) for _ in range(2))
        self.norms = nn.ModuleList(normalization(norm, channels, affine=True) for _ in range(2))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Add what the block computes to its input."""
        change = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            change = conv(leaky_relu(norm(change), SLOPE))
        return x + change


class FlowNetwork(nn.Module):
    """Warps a picture from its own label to the target's.

    Args:
        shape: of the generator.
    """

    def __init__(self, shape: GeneratorShape) -> None:
        super().__init__()
        widths = [shape.flow_width * 2**i for i in range(_HALVINGS + 1)]
        norm, bias = shape.layout.norm, shape.layout.biased
        steps = [(2 * shape.labels + 3, widths[0], 1), *((a, b, 2) for a, b in pairwise(widths))]
        self.downs = nn.ModuleList(
            Unit(inner, outer, stride=stride, norm=norm, spectral=True, bias=bias) for inner, outer, stride in steps
        )
        self.blocks = nn.ModuleList(FlowBlock(widths[-1], norm) for _ in range(_BLOCKS))
        self.rises = nn.ModuleList(
            Unit(inner, outer, norm=norm, spectral=True, bias=bias) for inner, outer in pairwise(widths[::-1])
        )
        self.flow = nn.Conv2d(widths[0], 2, 3, padding=1)
        self.mask = nn.Conv2d(widths[0], 1, 3, padding=1)

    def forward(
        self,
        target: Float[Tensor, "B L H W"],
        label: Float[Tensor, "B L H W"],
        image: Float[Tensor, "B 3 H W"],
    ) -> Warped:
        """Return an image, which shows a label, warped to the target label."""
        x = torch.cat([target, label, image], 1)
        for layer in (*self.downs, *self.blocks):
            x = layer(x)
        for rise in self.rises:
            x = rise(enlarged(x))
        flow = _REACH * self.flow(x)
        return Warped(warp(image, flow), flow, self.mask(x).sigmoid())


class MaskNetwork(nn.Module):
    """Says which pixels of a picture to trust that a given flow has warped; the others are grey.

    Args:
        shape: of the generator.
    """

    def __init__(self, shape: GeneratorShape) -> None:
        super().__init__()
        widths, norm = (2 * shape.labels + 4, shape.flow_width, shape.flow_width), shape.layout.norm
        self.units = nn.ModuleList(Unit(inner, outer, norm=norm, spectral=True) for inner, outer in pairwise(widths))
        self.mask = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(
        self,
        target: Float[Tensor, "B L H W"],
        label: Float[Tensor, "B L H W"],
        image: Float[Tensor, "B 3 H W"],
        given: GivenFlow,
    ) -> Warped:
        """Return an image, which shows a label, warped to the target label."""
        warped = given.valid * warp(image, given.flow)
        x = torch.cat([target, given.valid * warp(label, given.flow), warped, given.valid], 1)
        for unit in self.units:
            x = unit(x)
        return Warped(warped, given.flow, 1 - given.valid * (1 - self.mask(x).sigmoid()))


def warp(image: Float[Tensor, "B C H W"], flow: Float[Tensor, "B 2 H W"]) -> Float[Tensor, "B C H W"]:
    """Read a picture at every pixel plus the flow (x, y in pixels), bilinearly; outside, its border goes on."""
    height, width = image.shape[2:]
    exact = torch.promote_types(flow.dtype, torch.float32)  # half precision cannot count the pixels of a row
    image, flow = image.to(exact), flow.to(exact)
    axes = [torch.linspace(-1, 1, n, dtype=flow.dtype, device=flow.device) for n in (height, width)]
    y, x = torch.meshgrid(*axes, indexing="ij")
    extent = flow.new_tensor([(width - 1) / 2, (height - 1) / 2])
    grid = torch.stack([x, y], -1) + flow.permute(0, 2, 3, 1) / extent
    return grid_sample(image, grid, padding_mode="border", align_corners=True)
