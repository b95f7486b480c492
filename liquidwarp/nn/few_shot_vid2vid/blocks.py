"""Convolutional blocks that the networks are made of."""

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu
from torch.nn.utils import spectral_norm

SLOPE = 0.2


def normalization(kind: str, channels: int, *, affine: bool, eps: float = 1e-5) -> nn.Module:
    """Return batch or instance normalisation, or none."""
    if kind == "none":
        return nn.Identity()
    kinds = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d}
    return kinds[kind](channels, eps=eps, affine=affine)


def enlarged(x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C H W"]:
    """Double a picture by its nearest pixels."""
    return interpolate(x, scale_factor=2)


class Unit(nn.Module):
    """Convolution, normalisation and leaky ReLU.

    Args:
        inner: channels in.
        outer: channels out.
        kernel: side of the kernel, odd.
        stride: of the convolution.
        norm: see `normalization`.
        spectral: whether the kernel is divided by its largest singular value (Miyato et al., ICLR 2018).
        bias: whether the convolution has one.
    """

    def __init__(
        self,
        inner: int,
        outer: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        norm: str = "none",
        spectral: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        conv = nn.Conv2d(inner, outer, kernel, stride, kernel // 2, bias=bias)
        self.conv = spectral_norm(conv) if spectral else conv
        self.norm = normalization(norm, outer, affine=True)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B c h w"]:
        """Return the features."""
        return leaky_relu(self.norm(self.conv(x)), SLOPE)


class Descent(nn.Module):
    """A convolution at full size, then some that each halve the picture.

    Args:
        inputs: channels in.
        widths: of the features, the first at full size.
        kernel: side of the kernels.
        norm: see `normalization`.
        spectral: see `Unit`.
    """

    def __init__(
        self, inputs: int, widths: Sequence[int], *, kernel: int = 3, norm: str = "none", spectral: bool = False
    ) -> None:
        super().__init__()
        self.first = Unit(inputs, widths[0], kernel=kernel, norm=norm, spectral=spectral)
        self.downs = nn.ModuleList(
            Unit(inner, outer, kernel=kernel, stride=2, norm=norm, spectral=spectral)
            for inner, outer in pairwise(widths)
        )

    def forward(self, x: Float[Tensor, "B C H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Return the features of every size, the largest first."""
        features = [self.first(x)]
        for down in self.downs:
            features.append(down(features[-1]))
        return features
