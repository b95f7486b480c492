"""The features that modulate the decoder: of the target's label, and of warped pictures."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from liquidwarp.nn.few_shot_vid2vid.blocks import SLOPE, Descent, Unit, enlarged
from liquidwarp.nn.few_shot_vid2vid.kernels import SampleKernel
from liquidwarp.nn.few_shot_vid2vid.shape import GeneratorShape


class LabelEmbedding(Descent):
    """An encoder and decoder of labels, without skips; only the decoder's deepest step has a kernel of its own.

    Args:
        shape: of the generator.
    """

    def __init__(self, shape: GeneratorShape) -> None:
        widths, spectral = shape.widths[: shape.halvings + 1], shape.layout.spectral_embeddings
        super().__init__(shape.labels, widths, spectral=spectral)
        self.rise = Unit(widths[-1], widths[-2], spectral=spectral)

    def embed(self, label: Float[Tensor, "B L H W"], kernels: Sequence[SampleKernel]) -> list[Float[Tensor, "B _ _ _"]]:
        """Return the features of every size, the largest first.

        Args:
            label: of the target.
            kernels: generated, of each step but the deepest, the largest picture first.
        """
        features = [self(label)[-1]]
        features.append(self.rise(enlarged(features[-1])))
        for kernel in reversed(kernels):
            features.append(leaky_relu(kernel.convolve(enlarged(features[-1])), SLOPE))
        return features[::-1]


class WarpEmbedding(Descent):
    """A U-Net (Ronneberger et al., MICCAI 2015) on a warped picture and its mask.

    Args:
        shape: of the generator.
    """

    def __init__(self, shape: GeneratorShape) -> None:
        widths, spectral = shape.widths[: shape.halvings + 1], shape.layout.spectral_embeddings
        super().__init__(4, widths, spectral=spectral)
        deepest = shape.halvings - 1
        self.rises = nn.ModuleList(
            Unit(widths[i + 1] * (1 if i == deepest else 2), widths[i], spectral=spectral)
            for i in range(shape.halvings)
        )

    def embed(self, warped: Float[Tensor, "B 4 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Return the features of every size but the smallest, the largest first."""
        *skips, x = self(warped)
        features: list[Tensor] = []
        for number, rise in reversed(list(enumerate(self.rises))):
            if features:
                x = torch.cat([x, skips[number + 1]], 1)
            x = rise(enlarged(x))
            features.append(x)
        return features[::-1]
