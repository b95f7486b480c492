"""DSC: skips of a U-Net that bend with the person's parts.

Source: Siarohin et al., "Deformable GANs for Pose-Based Human Image Generation", CVPR 2018, sections 3.1 and 3.2.
"""

from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from liquidwarp.nn.baselines.dsc_geometry import JOINTS
from liquidwarp.nn.baselines.pixels import homogeneous_pixels

_SLOPE = 0.2
_DEFORMED = 4  # of the skips, the largest
_DROPPED = 3  # stages of the decoder with dropout, the first
_NORM_EPS = 1e-3

DSC_WIDTHS = (64, 128, 256, 512, 512, 512, 512)
"""Of the encoders, for pictures of 256 pixels."""

DSC_MARKET_WIDTHS = (64, 128, 256, 512, 512, 512)
"""Of the encoders, for pictures of 128 x 64 pixels."""


class SampleNorm(nn.Module):
    """Normalises a sample over channels, rows and columns together; scale and shift are one number each.

    This is what the published "instance normalisation" computes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(()))
        self.beta = nn.Parameter(torch.zeros(()))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Return `gamma (x - mean) / (std + 1e-3) + beta`."""
        std, mean = torch.std_mean(x, (1, 2, 3), correction=0, keepdim=True)
        return (x - mean) / (std + _NORM_EPS) * self.gamma + self.beta


class DscGenerator(nn.Module):
    """Source picture with its pose, and the target's pose, to the picture in that pose.

    Args:
        widths: of both encoders' stages; each but the first halves the picture.
    """

    def __init__(self, widths: tuple[int, ...] = DSC_WIDTHS) -> None:
        super().__init__()
        self.source = _encoder(3 + JOINTS, widths)
        self.target = _encoder(JOINTS, widths)
        reverse = list(reversed(widths))
        outer = reverse[:-1]
        inner = [2 * reverse[0], *(before + 2 * skip for before, skip in pairwise(reverse[:-1]))]
        self.rises = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(),
                nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False),
                SampleNorm(),
                nn.Dropout(0.5 if number < _DROPPED else 0.0),
            )
            for number, (a, b) in enumerate(zip(inner, outer, strict=True))
        )
        last = outer[-1] + 2 * widths[0]
        self.color = nn.Sequential(nn.ReLU(), nn.Conv2d(last, 3, 3, 1, 1), nn.Tanh())

    def forward(
        self,
        source: Float[Tensor, "B 3 H W"],
        source_maps: Float[Tensor, "B 18 H W"],
        target_maps: Float[Tensor, "B 18 H W"],
        transforms: Float[Tensor, "B 10 2 3"],
        masks: Bool[Tensor, "B 10 H W"],
    ) -> Float[Tensor, "B 3 H W"]:
        """Return the person in another pose, in [-1, 1].

        Args:
            source: in [-1, 1].
            source_maps: `dsc_heatmaps` of the source's pose.
            target_maps: those of the target's pose.
            transforms: `dsc_transforms`, in pixels of the picture.
            masks: `dsc_masks`.
        """
        a, b = torch.cat([source, source_maps], 1), target_maps
        skips = []
        for number, (of_source, of_target) in enumerate(zip(self.source, self.target, strict=True)):
            a, b = of_source(a), of_target(b)
            moved = deform(a, transforms, masks) if number < _DEFORMED else a
            skips.append(torch.cat([moved, b], 1))
        x = self.rises[0](skips.pop())
        for rise in self.rises[1:]:
            x = rise(torch.cat([x, skips.pop()], 1))
        return self.color(torch.cat([x, skips.pop()], 1))


class DscDiscriminator(nn.Module):
    """Scores patches of a picture with its pose, beside the source with its own.

    Args:
        width: of the first stage.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(2 * (3 + JOINTS), width, 4, 2)]
        for a, b in pairwise(width * factor for factor in (1, 2, 4, 8)):
            layers += [nn.LeakyReLU(_SLOPE), nn.Conv2d(a, b, 4, 2, 1, bias=False), SampleNorm()]
        layers += [nn.LeakyReLU(_SLOPE), nn.Conv2d(8 * width, 1, 4, 2, 1, bias=False), nn.Sigmoid(), nn.Flatten()]
        self.model = nn.Sequential(*layers)

    def forward(
        self,
        source: Float[Tensor, "B 3 H W"],
        source_maps: Float[Tensor, "B 18 H W"],
        picture: Float[Tensor, "B 3 H W"],
        target_maps: Float[Tensor, "B 18 H W"],
    ) -> Float[Tensor, "B N"]:
        """Return the probability per patch that the picture is a real one."""
        return self.model(torch.cat([source, source_maps, picture, target_maps], 1))


def deform(
    features: Float[Tensor, "B C h w"], transforms: Float[Tensor, "B K 2 3"], masks: Bool[Tensor, "B K H W"]
) -> Float[Tensor, "B C h w"]:
    """Move features part by part, and keep the largest value of all parts.

    A part is zero outside of its mask, so nothing negative is left unless every part covers a pixel.

    Args:
        features: of the source, H / h times smaller than the picture.
        transforms: in pixels of the picture, from target to source.
        masks: of the parts in the target, in the size of the picture; every (H / h)th pixel is looked at.
    """
    height, width = features.shape[-2:]
    rows, columns = masks.shape[-2] / height, masks.shape[-1] / width
    scale = transforms.new_tensor([[1, 1, 1 / rows], [1, 1, 1 / columns]])
    row, column = (
        (torch.arange(length, device=masks.device) * step).long() for length, step in ((height, rows), (width, columns))
    )
    small = masks[:, :, row[:, None], column]
    parts = zip((transforms * scale).unbind(1), small.unbind(1), strict=True)
    moved = [move_part(features, transform) * mask[:, None] for transform, mask in parts]
    return torch.stack(moved).amax(0)


def move_part(features: Float[Tensor, "B C h w"], transform: Float[Tensor, "B 2 3"]) -> Float[Tensor, "B C h w"]:
    """Move features by an affine transform to the nearest pixel, with zeros from outside.

    Convention:
        `out[y, x] = in(M (x, y, 1))`, the centre of the first pixel at (0, 0). No gradient reaches the transform.

    Args:
        features: to be moved.
        transform: M, in pixels of the features.
    """
    height, width = features.shape[-2:]
    at = (transform @ homogeneous_pixels((height, width), transform) + 0.5).floor().long()
    column, row = at.unbind(1)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    index = torch.where(inside, row * width + column, 0)[:, None].expand(-1, features.shape[1], -1)
    return (features.flatten(2).gather(2, index) * inside[:, None]).view_as(features)


def _encoder(inputs: int, widths: tuple[int, ...]) -> nn.ModuleList:
    stages: list[nn.Module] = [nn.Conv2d(inputs, widths[0], 3, 1, 1)]
    for number, (a, b) in enumerate(pairwise(widths), 1):
        layers: list[nn.Module] = [nn.LeakyReLU(_SLOPE), nn.Conv2d(a, b, 4, 2, 1, bias=False)]
        stages.append(nn.Sequential(*layers, *([SampleNorm()] if number < len(widths) - 1 else [])))
    return nn.ModuleList(stages)
