"""Inception-ResNet v1, which tells faces apart (FaceNet)."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import max_pool2d, normalize, relu

from liquidwarp.metrics.backbones.named import Named

SIDE = 160
"""Height and width of the faces that it was trained on."""

_EPS = 1e-3


def face_features(net: Named, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B D"]:
    """Return features (512 in the published files) of length 1.

    Sources: Schroff et al., "FaceNet", 2015; Szegedy et al., "Inception-v4, Inception-ResNet", 2017.

    Args:
        net: parameters under facenet-pytorch's names.
        pictures: faces, cut out, of `SIDE`; (code value - 127.5) / 128.
    """
    x = _unit(net, "conv2d_1a", pictures, stride=2, padding=0)
    x = _unit(net, "conv2d_2b", _unit(net, "conv2d_2a", x, padding=0))
    x = _unit(net, "conv2d_3b", max_pool2d(x, 3, 2))
    x = _unit(net, "conv2d_4b", _unit(net, "conv2d_4a", x, padding=0), stride=2, padding=0)
    for index in range(5):
        x = relu(_residual(net, f"repeat_1.{index}", x, (1, 2, 3), 0.17))
    x = _shrunk(net, "mixed_6a", x, (1, 3))
    for index in range(10):
        x = relu(_residual(net, f"repeat_2.{index}", x, (1, 3), 0.10))
    x = _shrunk(net, "mixed_7a", x, (2, 2, 3))
    for index in range(5):
        x = relu(_residual(net, f"repeat_3.{index}", x, (1, 3), 0.20))
    x = _residual(net, "block8", x, (1, 3), 1.0)
    return normalize(net.norm("last_bn", net.linear("last_linear", x.mean((2, 3))), eps=_EPS))


def _unit(net: Named, name: str, x: Tensor, *, stride: int = 1, padding: int | None = None) -> Tensor:
    return relu(net.norm(f"{name}.bn", net.conv(f"{name}.conv", x, stride=stride, padding=padding), eps=_EPS))


def _branch(net: Named, name: str, x: Tensor, length: int, *, shrink: bool = False) -> Tensor:
    """Apply a branch of units after each other; where asked, the last one halves the picture."""
    for index in range(length):
        last = shrink and index == length - 1
        unit = name if length == 1 else f"{name}.{index}"
        x = _unit(net, unit, x, stride=2 if last else 1, padding=0 if last else None)
    return x


def _residual(net: Named, block: str, x: Tensor, lengths: tuple[int, ...], scale: float) -> Tensor:
    """Add what the branches answer, scaled down."""
    answers = [_branch(net, f"{block}.branch{index}", x, length) for index, length in enumerate(lengths)]
    return x + scale * net.conv(f"{block}.conv2d", torch.cat(answers, 1))


def _shrunk(net: Named, block: str, x: Tensor, lengths: tuple[int, ...]) -> Tensor:
    answers = [_branch(net, f"{block}.branch{index}", x, length, shrink=True) for index, length in enumerate(lengths)]
    return torch.cat([*answers, max_pool2d(x, 3, 2)], 1)
