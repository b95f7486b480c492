"""What generators learn from, as values."""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from liquidwarp.nn.compact import SourceInput, TransferInput
from liquidwarp.nn.planes import Around, PhotoFlow, tinted

BOXES = ("face", "body", "head", "left_hand", "right_hand")
"""What of the body is found in every target."""

_MIRROR = {"left_hand": "right_hand", "right_hand": "left_hand"}
_TURNED = [BOXES.index(_MIRROR.get(name, name)) for name in BOXES]


@dataclass(frozen=True, eq=False)
class TargetTruth:
    """What the targets should be.

    Attributes:
        picture: in [0, 1].
        alpha: 1 = person.
        boxes: around what `BOXES` names, x0 y0 x1 y1 in pixels; zeros for what is not seen.
    """

    picture: Float[Tensor, "B 3 H W"]
    alpha: Float[Tensor, "B H W"]
    boxes: Float[Tensor, "B K 4"]

    @staticmethod
    def without_boxes(picture: Float[Tensor, "B 3 H W"], alpha: Float[Tensor, "B H W"]) -> "TargetTruth":
        """Return targets of which no part of the body is looked at by itself."""
        return TargetTruth(picture, alpha, picture.new_zeros(len(picture), len(BOXES), 4))

    def box(self, name: str) -> Float[Tensor, "B 4"]:
        """Return the boxes around one of `BOXES`."""
        return self.boxes[:, BOXES.index(name)]

    def padded(self, around: Around) -> "TargetTruth":
        """Return the targets with more background around them, and nobody in it."""
        shift = self.boxes.new_tensor([around[0], around[2], around[0], around[2]])
        seen = (self.boxes[..., 2] > self.boxes[..., 0])[..., None]
        boxes = torch.where(seen, self.boxes + shift, self.boxes)
        return TargetTruth(pad(self.picture, around, "replicate"), pad(self.alpha, around), boxes)

    def mirrored(self) -> "TargetTruth":
        """Return the targets in a world mirrored left to right; the left hand becomes the right one."""
        x0, y0, x1, y1 = self.boxes[:, _TURNED].unbind(2)
        width = self.picture.shape[-1]
        turned = torch.stack([width - x1, y0, width - x0, y1], 2)
        boxes = torch.where((x1 > x0)[..., None], turned, torch.zeros_like(turned))
        return TargetTruth(self.picture.flip(-1), self.alpha.flip(-1), boxes)

    def tinted(self, gains: Float[Tensor, "3"]) -> "TargetTruth":
        """Return the targets in another light: each colour channel times its gain."""
        return replace(self, picture=tinted(self.picture, gains))


@runtime_checkable
class Batch(Protocol):
    """Anything that a training learns from: what its generator takes, and what every objective asks for."""

    @property
    def truth(self) -> TargetTruth:
        """What the targets should be."""
        ...

    @property
    def plain_picture(self) -> Float[Tensor, "B 3 H W"]:
        """What the picture is without a network, in [0, 1]."""
        ...

    @property
    def plain_alpha(self) -> Float[Tensor, "B H W"]:
        """Where the person is without a network."""
        ...

    @property
    def body_map(self) -> Float[Tensor, "B 3 H W"]:
        """What tells of the body's shape in the target."""
        ...


@dataclass(frozen=True, eq=False)
class PairBatch:
    """Training pairs: what the compact generator takes, and what it should answer.

    Attributes:
        transfer: the surface renderer's targets.
        source: the photos, axes B and N.
        flow: from each target into its photos.
        truth: what the targets should be.
    """

    transfer: TransferInput
    source: SourceInput
    flow: PhotoFlow
    truth: TargetTruth

    @property
    def plain_picture(self) -> Float[Tensor, "B 3 H W"]:
        """The surface renderer's picture over the guessed background."""
        return self.transfer.composite()

    @property
    def plain_alpha(self) -> Float[Tensor, "B H W"]:
        """The surface renderer's."""
        return self.transfer.alpha

    @property
    def body_map(self) -> Float[Tensor, "B 3 H W"]:
        """The body's normals."""
        return self.transfer.normals

    def padded(self, around: Around) -> "PairBatch":
        """Return the targets with more background around them, and nobody in it."""
        return PairBatch(self.transfer.padded(around), self.source, self.flow.padded(around), self.truth.padded(around))

    def mirrored(self) -> "PairBatch":
        """Return the same people in a world mirrored left to right."""
        return PairBatch(self.transfer.mirrored(), self.source.mirrored(), self.flow.mirrored(), self.truth.mirrored())

    def tinted(self, gains: Float[Tensor, "3"]) -> "PairBatch":
        """Return all pictures in another light: each colour channel times its gain."""
        return replace(
            self,
            transfer=self.transfer.tinted(gains),
            source=self.source.tinted(gains),
            truth=self.truth.tinted(gains),
        )

    def with_sources_of(self, size: tuple[int, int]) -> "PairBatch":
        """Return the same pairs, the photos at a (height, width)."""
        return replace(self, source=self.source.resized(size))
