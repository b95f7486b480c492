"""Kernels that the references generate: the paper's "network weight generation module"."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d
from torch.nn.utils import spectral_norm

from liquidwarp.nn.few_shot_vid2vid.blocks import SLOPE
from liquidwarp.nn.few_shot_vid2vid.shape import GeneratorShape


@dataclass(frozen=True)
class SampleKernel:
    """A convolution for each sample of a batch.

    Attributes:
        weight: (B, O, I, k, k).
        bias: (B, O).
    """

    weight: Float[Tensor, "B O I k k"]
    bias: Float[Tensor, "B O"]

    def convolve(self, x: Float[Tensor, "B I H W"], *, biased: bool = True) -> Float[Tensor, "B O H W"]:
        """Convolve every sample with its own kernel; the picture keeps its size."""
        batch, outer, inner, side, _ = self.weight.shape
        weight = self.weight.reshape(batch * outer, inner, side, side)
        bias = self.bias.flatten() if biased else None
        stacked = x.reshape(1, batch * inner, *x.shape[2:])
        answer = conv2d(stacked, weight, bias, padding=side // 2, groups=batch)
        return answer.reshape(batch, outer, *x.shape[2:])


@dataclass(frozen=True)
class LevelKernels:
    """What one level of the decoder takes from the references.

    Attributes:
        first: gamma and beta, stacked, of the block's first layer.
        second: of its second layer.
        shortcut: of its shortcut.
        embedding: the step of the label embedding that ends at this level.
    """

    first: SampleKernel
    second: SampleKernel
    shortcut: SampleKernel
    embedding: SampleKernel


class KernelGenerator(nn.Module):
    """Turns the pooled matrix of a level into its kernels, one perceptron per layer.

    The rows of the matrix go through a perceptron each, and the rows' outputs are laid end to end and cut into
    kernels: a row is *not* an output channel. What is left over at the end of the embedding's vector is dropped.

    Args:
        width: channels of the level.
        inner: side of the pooled matrix, twice the width.
        shape: of the generator.
    """

    def __init__(self, width: int, inner: int, shape: GeneratorShape) -> None:
        super().__init__()
        self.width, self.inner = width, inner
        self.joint, self.side = shape.layout.joint, shape.layout.embedding_kernel
        self.first = _perceptron(inner, 2 * (width + 1))
        self.second = _perceptron(inner, width + 1)
        self.shortcut = _perceptron(inner, 2 * (width + 1))
        self.embedding = _perceptron(inner, self.side**2 * width + 1)

    def forward(self, matrix: Float[Tensor, "B C C"]) -> LevelKernels:
        """Return the kernels of the level."""
        return LevelKernels(
            self._modulation(self.first(matrix), self.inner),
            self._modulation(self.second(matrix), self.width),
            self._modulation(self.shortcut(matrix), self.inner),
            self._embedding(self.embedding(matrix)),
        )

    def _modulation(self, rows: Float[Tensor, "B C n"], outer: int) -> SampleKernel:
        size = outer * self.width
        if self.joint:
            weight, bias = rows.flatten(1).split([2 * size, 2 * outer], 1)
        else:
            gamma, gamma_bias, beta, beta_bias = rows.flatten(1).split([size, outer, size, outer], 1)
            weight, bias = torch.cat([gamma, beta], 1), torch.cat([gamma_bias, beta_bias], 1)
        return SampleKernel(weight.reshape(-1, 2 * outer, self.width, 1, 1), bias)

    def _embedding(self, rows: Float[Tensor, "B C n"]) -> SampleKernel:
        size = self.width * self.inner * self.side**2
        weight, bias, _ = rows.flatten(1).split([size, self.width, self.inner - self.width], 1)
        return SampleKernel(weight.reshape(-1, self.width, self.inner, self.side, self.side), bias)


def make_kernel_generators(shape: GeneratorShape) -> nn.ModuleList:
    """Return the generator of each level, the largest picture first."""
    widths: Sequence[int] = shape.widths
    return nn.ModuleList(KernelGenerator(widths[i], widths[i + 1], shape) for i in range(shape.generated))


def _perceptron(inner: int, outer: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (inner, inner):
        layers += [spectral_norm(nn.Linear(inner, width)), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers, spectral_norm(nn.Linear(inner, outer)))
