"""Layers that TensorFlow and Keras compute otherwise than PyTorch."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding: what is odd goes after, so a stride of 2 pads no pixel before.

    Args:
        inner: channels in.
        outer: channels out.
        kernel: side of the kernel.
        stride: of the convolution; the sides of the result are rounded up.
    """

    def __init__(self, inner: int, outer: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inner, outer, kernel, stride)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B O h w"]:
        """Return the convolution of the padded picture."""
        rows, columns = (self._missing(length) for length in x.shape[-2:])
        padded = pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return super().forward(padded)

    def _missing(self, length: int) -> int:
        kernel, stride = self.kernel_size[0], self.stride[0]
        return max((math.ceil(length / stride) - 1) * stride + kernel - length, 0)


class ChannelsLast(nn.Module):
    """Flattens in the order rows, columns, channels, as a dense layer of TensorFlow sees a picture."""

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N"]:
        """Return one row of numbers per sample."""
        return x.permute(0, 2, 3, 1).flatten(1)


def glorot_(network: nn.Module, *, generator: torch.Generator) -> None:
    """Fill convolutions and dense layers as Keras does, in place: uniform by Glorot and Bengio (2010), biases zero.

    Args:
        network: whose layers are filled; normalisations keep their values.
        generator: of the random numbers.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
