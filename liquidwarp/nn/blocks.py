"""Convolutional blocks that every stream is made of."""

from torch import Tensor, nn


def convolution(
    inner: int, outer: int, kernel: int, *, stride: int = 1, bias: bool = True, norm: str = "none", act: bool = True
) -> nn.Sequential:
    """Return convolution, normalisation and ReLU; the picture keeps its size, or is divided by the stride.

    Args:
        inner: channels in.
        outer: channels out.
        kernel: side of the kernel.
        stride: of the convolution.
        bias: whether the convolution has one.
        norm: "none", "instance", or "affine" (instance normalisation with learned scale and shift).
        act: whether a ReLU follows.
    """
    layer = nn.Conv2d(inner, outer, kernel, stride, (kernel - 1) // 2, bias=bias)
    return nn.Sequential(layer, *_after(outer, norm, act))


def enlargement(inner: int, outer: int, kernel: int, *, bias: bool, norm: str = "none") -> nn.Sequential:
    """Return a transposed convolution that doubles the picture, normalisation and ReLU; the kernel is 3 or 4."""
    layer = nn.ConvTranspose2d(inner, outer, kernel, 2, 1, output_padding=4 - kernel, bias=bias)
    return nn.Sequential(layer, *_after(outer, norm, True))


class Residual(nn.Module):
    """A residual block of two 3x3 convolutions (He et al. 2016), without an activation after the sum."""

    def __init__(self, channels: int, *, bias: bool = True, norm: str = "none") -> None:
        super().__init__()
        first = convolution(channels, channels, 3, bias=bias, norm=norm)
        second = convolution(channels, channels, 3, bias=bias, norm=norm, act=False)
        self.main = nn.Sequential(*first, *second)

    def forward(self, x: Tensor) -> Tensor:
        """Add what the block computes to its input."""
        return x + self.main(x)


def _after(channels: int, norm: str, act: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    if norm != "none":
        layers.append(nn.InstanceNorm2d(channels, affine=norm == "affine"))
    if act:
        layers.append(nn.ReLU())
    return layers
