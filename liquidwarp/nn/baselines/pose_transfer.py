"""PG2, DSC and SHUP asked alike: a photo, its joints and the wanted joints, to a picture; and what judges them.

Convention:
    `joints` are 19 of (x, y, seen) in pixels, the centre of the first pixel at (0, 0): COCO's 18 with a neck, as
    `dsc_geometry` and `pg2_geometry` have them, then the top of the head, which SHUP looks at. `seen` is 1 or 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.nn.baselines.dsc import DSC_MARKET_WIDTHS, DSC_WIDTHS, DscDiscriminator, DscGenerator
from liquidwarp.nn.baselines.dsc_geometry import dsc_heatmaps, dsc_masks, dsc_transforms
from liquidwarp.nn.baselines.pg2 import Pg2Discriminator, Pg2Generator, pg2_levels
from liquidwarp.nn.baselines.pg2_geometry import pg2_body_mask, pg2_heatmaps
from liquidwarp.nn.baselines.shup import ShupDiscriminator, ShupGenerator
from liquidwarp.nn.baselines.shup_geometry import shup_heatmaps

TRANSFER_WIDTHS = {"pg2": 128, "dsc": 64, "shup": 64}
"""Channels of the first stage as published, by method."""

_COCO = 18
_LARGE = 256  # pixels of height from which the network is the published one for 256 pixels, not Market-1501's
_SHUP = [18, 1, *range(2, 14)]  # head, neck, arms, legs
_LEAST = 1e-7  # probability


@dataclass(frozen=True)
class TransferShape:
    """What the networks of a method are made from.

    Attributes:
        kind: a key of `TRANSFER_WIDTHS`.
        size: (height, width) of the pictures.
        width: channels of the first stage.

    Raises:
        InputError: no such method, or a size that its network cannot halve as often as it has to.
    """

    kind: str
    size: tuple[int, int]
    width: int

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, tuple(TRANSFER_WIDTHS))
        if self.kind == "pg2":
            pg2_levels(self.size)
            return
        step = 32 if self.kind == "shup" else 2 ** (len(self.dsc_widths) - 1)
        least = 64 if self.kind == "dsc" else step
        if any(side % step or side < least for side in self.size):
            raise InputError(
                f"size={list(self.size)}: {self.kind} wants sides of at least {least} that are multiples of {step}"
            )

    @property
    def large(self) -> bool:
        """Whether the network is built as the one for 256 pixels."""
        return self.size[0] >= _LARGE

    @property
    def dsc_widths(self) -> tuple[int, ...]:
        """Channels of all stages of DSC's encoders."""
        published = DSC_WIDTHS if self.large else DSC_MARKET_WIDTHS
        return tuple(self.width * width // published[0] for width in published)


@dataclass(frozen=True, eq=False)
class TransferSynthesis:
    """A picture in [-1, 1] or a little beyond, and what it is made of where the network tells.

    Attributes:
        picture: the person in the wanted pose, before a background.
        coarse: PG2's first stage; no gradient of `picture` reaches it.
        foreground: SHUP's person.
        mask: how much of SHUP's foreground is seen, in [0, 1].
    """

    picture: Float[Tensor, "B 3 H W"]
    coarse: Float[Tensor, "B 3 H W"] | None = None
    foreground: Float[Tensor, "B 3 H W"] | None = None
    mask: Float[Tensor, "B 1 H W"] | None = None


class PoseTransferGenerator(nn.Module):
    """The generator of PG2, DSC or SHUP.

    Args:
        shape: which, and how large.
    """

    def __init__(self, shape: TransferShape) -> None:
        super().__init__()
        self.shape = shape
        self.network: nn.Module
        if shape.kind == "pg2":
            self.network = Pg2Generator(shape.size, shape.width, skip_first=shape.large)
        elif shape.kind == "dsc":
            self.network = DscGenerator(shape.dsc_widths)
        else:
            self.network = ShupGenerator(shape.width)

    def forward(
        self,
        source: Float[Tensor, "B 3 H W"],
        source_joints: Float[Tensor, "B 19 3"],
        target_joints: Float[Tensor, "B 19 3"],
    ) -> TransferSynthesis:
        """Return the person of a photo in another pose.

        Args:
            source: in [-1, 1].
            source_joints: of the photo; PG2 does not look at them.
            target_joints: of the wanted pose.
        """
        size = self.shape.size
        if self.shape.kind == "pg2":
            assert isinstance(self.network, Pg2Generator)
            coarse = self.network.coarse(source, _drawn(pg2_heatmaps, target_joints, size))
            fixed = coarse.detach()  # the first stage is done when the second one learns
            return TransferSynthesis(fixed + self.network.fine(fixed, source), coarse=coarse)
        if self.shape.kind == "dsc":
            maps = [_drawn(dsc_heatmaps, joints, size) for joints in (source_joints, target_joints)]
            # Transforms of a few joints, and which parts there are, are found on the CPU: a GPU would only wait.
            pairs = zip(source_joints.cpu(), target_joints.cpu(), strict=True)
            transforms = torch.stack([dsc_transforms(*_coco(a), *_coco(b)) for a, b in pairs]).to(source)
            return TransferSynthesis(
                self.network(source, *maps, transforms, _drawn(dsc_masks, target_joints.cpu(), size).to(source.device))
            )
        made = self.network(source, *(joints[:, _SHUP, :2] for joints in (source_joints, target_joints)))
        return TransferSynthesis(made.picture, foreground=made.foreground, mask=made.mask)


class PoseTransferCritic(nn.Module):
    """The discriminator of PG2, DSC or SHUP.

    Args:
        shape: of the pictures and the method; its width is the generator's, and not looked at.
        width: channels of the first stage; 64 as published.
    """

    def __init__(self, shape: TransferShape, width: int = 64) -> None:
        super().__init__()
        self.shape = shape
        self.network: nn.Module
        if shape.kind == "pg2":
            self.network = Pg2Discriminator(shape.size, width, stages=pg2_levels(shape.size) - 1)
        elif shape.kind == "dsc":
            self.network = DscDiscriminator(width)
        else:
            self.network = ShupDiscriminator(shape.size, width)

    def forward(
        self,
        picture: Float[Tensor, "B 3 H W"],
        source: Float[Tensor, "B 3 H W"],
        source_joints: Float[Tensor, "B 19 3"],
        target_joints: Float[Tensor, "B 19 3"],
    ) -> Float[Tensor, "B N"]:
        """Return the score, or the probability, that a picture is a real one; PG2's looks at the picture alone."""
        size = self.shape.size
        if self.shape.kind == "pg2":
            return self.network(picture)
        if self.shape.kind == "dsc":
            maps = [_drawn(dsc_heatmaps, joints, size) for joints in (source_joints, target_joints)]
            return self.network(source, maps[0], picture, maps[1])
        poses = [shup_heatmaps(joints[:, _SHUP, :2], size=size) for joints in (source_joints, target_joints)]
        return self.network(picture, *poses)

    def cross_entropy(self, said: Float[Tensor, "B N"], *, real: bool) -> Float[Tensor, ""]:
        """Return how wrong an answer is of pictures that are real, or are not."""
        said = said.float()
        if self.shape.kind == "pg2":
            return softplus(-said if real else said).mean()
        return -(said if real else 1 - said).clamp(min=_LEAST).log().mean()


def pose_region(joints: Float[Tensor, "B 19 3"], *, size: tuple[int, int]) -> Float[Tensor, "B H W"]:
    """Return 1 on the limbs of a pose, where PG2's loss counts twice, and 0 elsewhere.

    Args:
        joints: of the wanted pose.
        size: (height, width).
    """
    masks = [
        pg2_body_mask(*_coco(each), size=size)
        if each[:, 2].any()
        else torch.zeros(size, dtype=torch.bool, device=joints.device)
        for each in joints
    ]
    return torch.stack(masks).to(joints)


def _coco(joints: Tensor) -> tuple[Tensor, Tensor]:
    return joints[:_COCO, :2], joints[:_COCO, 2] > 0


def _drawn(draw: Callable[..., Tensor], joints: Tensor, size: tuple[int, int]) -> Tensor:
    return torch.stack([draw(*_coco(each), size=size) for each in joints])
