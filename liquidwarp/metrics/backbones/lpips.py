"""LPIPS: how far apart two pictures lie in the layers of AlexNet or VGG-16."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, max_pool2d, relu

from liquidwarp.metrics.backbones.named import Named

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_EPS = 1e-10


@dataclass(frozen=True)
class Trunk:
    """A stack of convolutions and poolings under torchvision's numbers `features.N`.

    Attributes:
        layers: per layer its kind ("conv", "pool", "relu", or "tap": a rectifier whose answer counts), number, stride,
            and padding or window.
        smallest: shortest side of a picture that leaves something at the last layer.
    """

    layers: tuple[tuple[str, int, int, int], ...]
    smallest: int


def _block(first: int, count: int, *, pool: bool) -> tuple[tuple[str, int, int, int], ...]:
    """Return `count` 3x3 convolutions of VGG, the last one's answer counted, after a pooling."""
    inner: list[tuple[str, int, int, int]] = [("pool", first - 1, 2, 2)] if pool else []
    for index in range(count):
        inner += [("conv", first + 2 * index, 1, 1), ("tap" if index == count - 1 else "relu", 0, 0, 0)]
    return tuple(inner)


_TAP = ("tap", 0, 0, 0)
ALEXNET = Trunk(
    (
        ("conv", 0, 4, 2),
        _TAP,
        ("pool", 2, 2, 3),
        ("conv", 3, 1, 2),
        _TAP,
        ("pool", 5, 2, 3),
        ("conv", 6, 1, 1),
        _TAP,
        ("conv", 8, 1, 1),
        _TAP,
        ("conv", 10, 1, 1),
        _TAP,
    ),
    smallest=31,
)
VGG16 = Trunk(
    _block(0, 2, pool=False)
    + _block(5, 2, pool=True)
    + _block(10, 3, pool=True)
    + _block(17, 3, pool=True)
    + _block(24, 3, pool=True),
    smallest=16,
)


def trunk_features(net: Named, trunk: Trunk, x: Tensor) -> list[Tensor]:
    """Return the answers that count, the finest first."""
    found = []
    for kind, number, stride, side in trunk.layers:
        if kind == "conv":
            x = net.conv(f"features.{number}", x, stride=stride, padding=side)
        elif kind == "pool":
            x = max_pool2d(x, side, stride)
        else:
            x = relu(x)
            if kind == "tap":
                found.append(x)
    return found


def lpips_features(net: Named, trunk: Trunk, pictures: Float[Tensor, "B 3 H W"]) -> list[Tensor]:
    """Return the layers of pictures in [-1, 1], each pixel's channels scaled to length 1."""
    shift, scale = (pictures.new_tensor(values)[:, None, None] for values in (_SHIFT, _SCALE))
    layers = trunk_features(net, trunk, (pictures - shift) / scale)
    return [layer / ((layer**2).sum(1, keepdim=True).sqrt() + _EPS) for layer in layers]


def lpips_distance(
    head: Named, a: list[Tensor], b: list[Tensor], region: Bool[Tensor, "H W"] | None = None
) -> Float[Tensor, " B"]:
    """Return the distance of two `lpips_features`: per layer the weighted squared difference, averaged over pixels.

    With a region, a layer's pixels are averaged by the fraction of the region in them; where it has none in any, the
    answer is not a number.

    Source: Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", 2018, equation 1.
    """
    total = torch.zeros(a[0].shape[0], device=a[0].device, dtype=torch.float32)
    for level, (x, y) in enumerate(zip(a, b, strict=True)):
        errors = head.conv(f"lin{level}.model.1", (x - y) ** 2)[:, 0]
        if region is None:
            total = total + errors.mean((1, 2))
        else:
            weight = adaptive_avg_pool2d(region[None].to(errors.dtype), (errors.shape[1], errors.shape[2]))
            total = total + (errors * weight).sum((1, 2)) / weight.sum()
    return total
