"""The encoders of the references, their mixing by attention, and the pooling of what they show of each label."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from liquidwarp.nn.few_shot_vid2vid.blocks import Descent, Unit
from liquidwarp.nn.few_shot_vid2vid.shape import GeneratorShape

_MIXED_AFTER = 2  # halvings


@dataclass(frozen=True)
class Pooled:
    """What the references show.

    Attributes:
        bottleneck: of the images, (B, C, H / 2^L, W / 2^L).
        matrices: of each level, the largest features' first: image channel by label channel.
        attention: what the target's positions together look at, per position of the references, (B, K h w), the
            references one after the other; None without attention.
        chosen: (B,) number of the reference most looked at.
    """

    bottleneck: Float[Tensor, "B C h w"]
    matrices: tuple[Float[Tensor, "B _ _"], ...]
    attention: Float[Tensor, "B N"] | None
    chosen: Int[Tensor, "B"]


class ReferenceBranch(Descent):
    """Encodes a picture; the ascent brings back the channels, but not the size.

    Args:
        inputs: channels in.
        shape: of the generator.
    """

    def __init__(self, inputs: int, shape: GeneratorShape) -> None:
        widths, layout = shape.widths[: shape.halvings + 1], shape.layout
        super().__init__(inputs, widths, kernel=layout.reference_kernel, norm=layout.norm, spectral=True)
        self.ups = nn.ModuleList(
            Unit(outer, inner, kernel=layout.reference_kernel, norm=layout.norm, spectral=True)
            for inner, outer in pairwise(widths)
        )

    def shallow(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B c h w"]:
        """Return the features at the size where references are mixed."""
        x = self.first(x)
        for down in self.downs[:_MIXED_AFTER]:
            x = down(x)
        return x

    def deep(self, x: Float[Tensor, "B c h w"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Return the bottleneck and what follows each step of the ascent, from features where they are mixed."""
        for down in self.downs[_MIXED_AFTER:]:
            x = down(x)
        features = [x]
        for up in reversed(self.ups):
            features.append(up(features[-1]))
        return features


class ReferenceEncoder(nn.Module):
    """Encodes images and labels of the references apart, and pools the images' features by the labels'.

    Args:
        shape: of the generator.
    """

    def __init__(self, shape: GeneratorShape) -> None:
        super().__init__()
        self.image = ReferenceBranch(3, shape)
        self.label = ReferenceBranch(shape.labels, shape)
        self.key = _matcher(shape) if shape.attention else None
        self.query = _matcher(shape) if shape.attention else None

    def forward(
        self,
        labels: Float[Tensor, "B K L H W"],
        images: Float[Tensor, "B K 3 H W"],
        target: Float[Tensor, "B L H W"],
    ) -> Pooled:
        """Return what the references show, as seen from a target's label."""
        batch, count = labels.shape[:2]
        image, label = self.image.shallow(images.flatten(0, 1)), self.label.shallow(labels.flatten(0, 1))
        chosen = torch.zeros(batch, dtype=torch.long, device=labels.device)
        looked = None
        if self.key is not None and self.query is not None:
            key, query = self.key(labels.flatten(0, 1))[-1], self.query(target)[-1]
            attention = _attention(key.unflatten(0, (batch, count)), query)
            image, label = (_mixed(x.unflatten(0, (batch, count)), attention) for x in (image, label))
            looked = attention.sum(2)
            chosen = looked.unflatten(1, (count, -1)).sum(2).argmax(1)
        deep_image, deep_label = self.image.deep(image), self.label.deep(label)
        matrices = tuple(pooled(*pair) for pair in zip(deep_image, deep_label, strict=True))
        return Pooled(deep_image[0], matrices[::-1], looked, chosen)


def pooled(image: Float[Tensor, "B C h w"], label: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C C"]:
    """Sum the image's features where each channel of the label is strong; the sum grows with the picture."""
    return image.flatten(2) @ label.softmax(1).flatten(2).transpose(1, 2)


def _matcher(shape: GeneratorShape) -> Descent:
    layout = shape.layout
    widths = shape.widths[: _MIXED_AFTER + 1]
    return Descent(shape.labels, widths, kernel=layout.reference_kernel, norm=layout.norm, spectral=True)


def _attention(key: Float[Tensor, "B K C h w"], query: Float[Tensor, "B C h w"]) -> Float[Tensor, "B N n"]:
    energy = _positions(key).transpose(1, 2) @ query.flatten(2)
    return energy.softmax(1)


def _mixed(features: Float[Tensor, "B K C h w"], attention: Float[Tensor, "B N n"]) -> Float[Tensor, "B C h w"]:
    return (_positions(features) @ attention).unflatten(2, features.shape[3:])


def _positions(features: Float[Tensor, "B K C h w"]) -> Float[Tensor, "B C N"]:
    return features.transpose(1, 2).flatten(2)
