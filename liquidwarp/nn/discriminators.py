"""PatchGAN discriminators (Isola et al., CVPR 2017): of the whole picture, and of what matters in it."""

from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.nn.losses import crop_boxes

_CROP_STAGES = 3  # a crop of 32 pixels has no room for more


class PatchDiscriminator(nn.Module):
    """Scores overlapping patches; no sigmoid at the end.

    Args:
        inputs: channels in: the picture, and the body's map.
        width: of the first stage.
        stages: how many stages halve the picture.
        widest: no stage is wider than this.
    """

    def __init__(self, inputs: int = 6, width: int = 64, stages: int = 4, widest: int = 512) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for number in range(1, stages + 1):
            inner, outer = (min(width * 2**n, widest) for n in (number - 1, number))
            layers.append(nn.Conv2d(inner, outer, 4, 2 if number < stages else 1, 1))
            layers += [nn.InstanceNorm2d(outer), nn.LeakyReLU(0.2)]
        layers.append(nn.Conv2d(min(width * 2**stages, widest), 1, 4, 1, 1))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 h w"]:
        """Return a score per patch."""
        return self.model(x)

    def features(self, x: Float[Tensor, "B C H W"]) -> list[Tensor]:
        """Return what every stage sees, the scores last, for feature matching."""
        seen = []
        for layer in self.model:
            x = layer(x)
            if isinstance(layer, nn.LeakyReLU):
                seen.append(x)
        return [*seen, x]


class CropDiscriminators(nn.Module):
    """A discriminator of the whole picture and one for each named crop, such as body, head and hands.

    Args:
        crops: name to the side, in pixels, to which that crop is brought.
        inputs: channels in.
        width: of every discriminator.
    """

    def __init__(self, crops: Mapping[str, int], inputs: int = 6, width: int = 64) -> None:
        super().__init__()
        self.sides = dict(crops)
        self.whole = PatchDiscriminator(inputs, width)
        self.parts = nn.ModuleDict({name: PatchDiscriminator(inputs, width, _CROP_STAGES) for name in crops})

    def forward(
        self, x: Float[Tensor, "B C H W"], boxes: Mapping[str, Float[Tensor, "B 4"]]
    ) -> dict[str, list[Float[Tensor, "B c h w"]]]:
        """Return what each discriminator sees by name, the scores last; what an empty box gives means nothing.

        Args:
            x: pictures.
            boxes: x0 y0 x1 y1 in pixels, of each crop.
        """
        seen = {"whole": self.whole.features(x)}
        for name, network in self.parts.items():
            side = (self.sides[name], self.sides[name])
            seen[name] = cast(PatchDiscriminator, network).features(crop_boxes(x, boxes[name], side))
        return seen


def boxes_of_points(
    points: Float[Tensor, "B V 2"], *, margin: float = 0.1, size: tuple[int, int]
) -> Float[Tensor, "B 4"]:
    """Return the boxes around projected points of a body part, in pixels, within a (height, width)."""
    low, high = points.amin(1), points.amax(1)
    grown = margin * (high - low)
    limit = points.new_tensor([size[1], size[0]])
    return torch.cat([(low - grown).clamp(min=0).minimum(limit), (high + grown).clamp(min=0).minimum(limit)], 1)
