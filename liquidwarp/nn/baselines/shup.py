"""SHUP: a person cut into limbs that are moved one by one, over a background without the person.

Source: Balakrishnan et al., "Synthesizing Images of Humans in Unseen Poses", CVPR 2018, section 3.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.nn.baselines.layers import ChannelsLast, SameConv2d
from liquidwarp.nn.baselines.shup_geometry import (
    JOINTS,
    LIMBS,
    shup_heatmaps,
    shup_prior,
    shup_transforms,
    shup_warp,
)

_SLOPE = 0.2
_HALVINGS = 5


@dataclass(frozen=True)
class ShupSynthesis:
    """The picture, and the layers that it is made of: `picture = mask foreground + (1 - mask) background`."""

    picture: Float[Tensor, "B 3 H W"]
    """In [-1, 1]."""
    foreground: Float[Tensor, "B 3 H W"]
    """The person in the wanted pose, in [-1, 1]."""
    mask: Float[Tensor, "B 1 H W"]
    """How much of the foreground is seen, in [0, 1]."""
    background: Float[Tensor, "B 3 H W"]
    """What is behind, in [-1, 1]."""
    masks: Float[Tensor, "B 11 H W"]
    """Of the source's pixels: the background first, then the limbs; they sum to 1."""
    limbs: Float[Tensor, "B 10 3 H W"]
    """The source's limbs, cut out and moved."""


class ShupUNet(nn.Module):
    """A U-Net without normalisation, which sees the pose's maps after its first halving.

    Args:
        inputs: channels in.
        outputs: channels out.
        width: of the two first stages; all that follow have twice as many.
    """

    def __init__(self, inputs: int, outputs: int, width: int = 64) -> None:
        super().__init__()
        wide = 2 * width
        self.enter = _block(inputs, width, 7)
        self.halving = _block(width, width, 3, 2)
        self.posed = _block(width + JOINTS, wide, 3)
        self.stages = nn.ModuleList(
            nn.Sequential(_block(wide, wide, 3, 2), _block(wide, wide, 3)) for _ in range(_HALVINGS - 1)
        )
        rises = [_block(2 * wide, wide, 3) for _ in range(_HALVINGS - 1)]
        self.rises = nn.ModuleList([*rises, _block(wide + width, outputs, 3)])

    def forward(self, x: Float[Tensor, "B C H W"], pose: Float[Tensor, "B 14 h w"]) -> Float[Tensor, "B O H W"]:
        """Return features of the picture's size.

        Args:
            x: pictures whose sides are divisible by 32.
            pose: `shup_heatmaps`, at half the size.
        """
        entered = self.enter(x)
        skips = [entered, self.posed(torch.cat([self.halving(entered), pose], 1))]
        for stage in self.stages:
            skips.append(stage(skips[-1]))
        x = skips.pop()
        for rise, skip in zip(self.rises, reversed(skips), strict=True):
            x = rise(torch.cat([doubled(x), skip], 1))
        return x


class ShupGenerator(nn.Module):
    """Source picture and both poses, to the picture in the target's pose.

    Three U-Nets: one corrects the limbs' masks, one fills the background, one repairs the moved limbs.

    Args:
        width: of the U-Nets; the published one has 64.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        half = width // 2
        self.segment = ShupUNet(3, half, width)
        self.delta = SameConv2d(half, len(LIMBS) + 1, 3)
        self.fill = ShupUNet(4, width, width)
        self.background = SameConv2d(width, 3, 3)
        self.repair = ShupUNet(3 * len(LIMBS), width, width)
        self.foreground = SameConv2d(width, 3, 3)
        self.mask = SameConv2d(width, 1, 3)

    def forward(
        self,
        source: Float[Tensor, "B 3 H W"],
        source_joints: Float[Tensor, "B 14 2"],
        target_joints: Float[Tensor, "B 14 2"],
    ) -> ShupSynthesis:
        """Return the person in another pose.

        Args:
            source: in [-1, 1], sides divisible by 32; published weights take blue first.
            source_joints: in pixels (`shup_geometry`).
            target_joints: in pixels.
        """
        size = (source.shape[-2], source.shape[-1])
        source_maps, target_maps = (shup_heatmaps(joints, size=size) for joints in (source_joints, target_joints))
        delta = self.delta(self.segment(source, source_maps))
        masks = torch.softmax(shup_prior(source_joints, size=size) + delta, 1)
        behind, cut = masks[:, :1], masks[:, 1:, None] * source[:, None]
        filled = self.fill(torch.cat([source * behind, behind], 1), source_maps)
        background = torch.tanh(self.background(filled))
        limbs = shup_warp(cut, shup_transforms(source_joints, target_joints))
        repaired = self.repair(limbs.flatten(1, 2), target_maps)
        foreground, mask = torch.tanh(self.foreground(repaired)), torch.sigmoid(self.mask(repaired))
        picture = mask * foreground + (1 - mask) * background
        return ShupSynthesis(picture, foreground, mask, background, masks, limbs)


class ShupDiscriminator(nn.Module):
    """Scores a picture with the poses of source and target.

    Args:
        size: (height, width) of the pictures, divisible by 32.
        width: of the first stage; the published one has 64.
    """

    def __init__(self, size: tuple[int, int] = (256, 256), width: int = 64) -> None:
        super().__init__()
        wide = 4 * width
        self.enter = nn.Sequential(_block(3, width, 5), nn.MaxPool2d(2))
        stages: list[nn.Module] = [_block(width + 2 * JOINTS, 2 * width, 5), nn.MaxPool2d(2)]
        for inner in (2 * width, wide, wide):
            stages += [_block(inner, wide, 3), nn.MaxPool2d(2)]
        self.stages = nn.Sequential(*stages, _block(wide, wide, 3), ChannelsLast())
        self.score = nn.Sequential(
            nn.Linear(wide * (size[0] // 32) * (size[1] // 32), wide),
            nn.ReLU(),
            nn.Linear(wide, wide),
            nn.ReLU(),
            nn.Linear(wide, 1),
            nn.Sigmoid(),
        )

    def forward(
        self,
        picture: Float[Tensor, "B 3 H W"],
        source_maps: Float[Tensor, "B 14 h w"],
        target_maps: Float[Tensor, "B 14 h w"],
    ) -> Float[Tensor, "B 1"]:
        """Return the probability that the picture is a real one.

        Args:
            picture: in [-1, 1].
            source_maps: `shup_heatmaps` of the source's pose.
            target_maps: those of the picture's pose.
        """
        posed = torch.cat([self.enter(picture), source_maps, target_maps], 1)
        return self.score(self.stages(posed))


def doubled(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
    """Double a picture, bilinearly.

    Convention:
        `out[2 i] = in[i]` and `out[2 i + 1] = (in[i] + in[i + 1]) / 2`, in rows and columns; past the end,
        `in[n] = in[n - 2]`.
    """
    for axis in (2, 3):
        after = torch.cat([x.narrow(axis, 1, x.shape[axis] - 1), x.narrow(axis, x.shape[axis] - 2, 1)], axis)
        x = torch.stack([x, (x + after) / 2], axis + 1).flatten(axis, axis + 1)
    return x


def _block(inner: int, outer: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(SameConv2d(inner, outer, kernel, stride), nn.LeakyReLU(_SLOPE))
