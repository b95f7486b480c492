"""Inception v3, in torchvision's form and in that of the network that FID was defined with."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d, relu

from liquidwarp.metrics.backbones.named import Named

SIDE = 299
"""Height and width of the pictures that it was trained on."""

_EPS = 1e-3


def inception_features(net: Named, pictures: Float[Tensor, "B 3 H W"], *, original: bool) -> Float[Tensor, "B D"]:
    """Return the last layer's features (2048 in the published files), averaged over the picture.

    Args:
        net: parameters under torchvision's names.
        pictures: in [-1, 1].
        original: the TensorFlow network of 2015 that FID and the Inception score were defined with: means leave out
            what lies beyond the edge, and the last block takes a maximum instead of a mean. Otherwise torchvision's.

    Source: Szegedy et al., "Rethinking the Inception architecture for computer vision", 2016.
    """
    x = _unit(net, "Conv2d_1a_3x3", pictures, stride=2, padding=0)
    x = _unit(net, "Conv2d_2a_3x3", x, padding=0)
    x = max_pool2d(_unit(net, "Conv2d_2b_3x3", x), 3, 2)
    x = _unit(net, "Conv2d_3b_1x1", x)
    x = max_pool2d(_unit(net, "Conv2d_4a_3x3", x, padding=0), 3, 2)
    for block in "bcd":
        x = _block_35(net, f"Mixed_5{block}", x, original)
    x = _reduce_35(net, "Mixed_6a", x)
    for block in "bcde":
        x = _block_17(net, f"Mixed_6{block}", x, original)
    x = _reduce_17(net, "Mixed_7a", x)
    x = _block_8(net, "Mixed_7b", x, _mean(x, original))
    x = _block_8(net, "Mixed_7c", x, max_pool2d(x, 3, 1, 1) if original else _mean(x, original))
    return x.mean((2, 3))


def inception_logits(net: Named, features: Float[Tensor, "B D"]) -> Float[Tensor, "B K"]:
    """Return the classes' scores without the bias, as the Inception score was defined."""
    return features @ net["fc.weight"].T


def _unit(net: Named, name: str, x: Tensor, *, stride: int = 1, padding: int | None = None) -> Tensor:
    return relu(net.norm(f"{name}.bn", net.conv(f"{name}.conv", x, stride=stride, padding=padding), eps=_EPS))


def _chain(net: Named, block: str, names: tuple[str, ...], x: Tensor, *, shrink: bool = False) -> Tensor:
    """Apply units after each other; where asked, the last one halves the picture."""
    for name in names:
        last = shrink and name == names[-1]
        x = _unit(net, f"{block}.{name}", x, stride=2 if last else 1, padding=0 if last else None)
    return x


def _mean(x: Tensor, original: bool) -> Tensor:
    return avg_pool2d(x, 3, 1, 1, count_include_pad=not original)


def _block_35(net: Named, block: str, x: Tensor, original: bool) -> Tensor:
    return torch.cat(
        [
            _chain(net, block, ("branch1x1",), x),
            _chain(net, block, ("branch5x5_1", "branch5x5_2"), x),
            _chain(net, block, ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"), x),
            _chain(net, block, ("branch_pool",), _mean(x, original)),
        ],
        1,
    )


def _reduce_35(net: Named, block: str, x: Tensor) -> Tensor:
    return torch.cat(
        [
            _chain(net, block, ("branch3x3",), x, shrink=True),
            _chain(net, block, ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"), x, shrink=True),
            max_pool2d(x, 3, 2),
        ],
        1,
    )


def _block_17(net: Named, block: str, x: Tensor, original: bool) -> Tensor:
    return torch.cat(
        [
            _chain(net, block, ("branch1x1",), x),
            _chain(net, block, tuple(f"branch7x7_{index}" for index in (1, 2, 3)), x),
            _chain(net, block, tuple(f"branch7x7dbl_{index}" for index in (1, 2, 3, 4, 5)), x),
            _chain(net, block, ("branch_pool",), _mean(x, original)),
        ],
        1,
    )


def _reduce_17(net: Named, block: str, x: Tensor) -> Tensor:
    return torch.cat(
        [
            _chain(net, block, ("branch3x3_1", "branch3x3_2"), x, shrink=True),
            _chain(net, block, tuple(f"branch7x7x3_{index}" for index in (1, 2, 3, 4)), x, shrink=True),
            max_pool2d(x, 3, 2),
        ],
        1,
    )


def _block_8(net: Named, block: str, x: Tensor, pooled: Tensor) -> Tensor:
    short = _chain(net, block, ("branch3x3_1",), x)
    long = _chain(net, block, ("branch3x3dbl_1", "branch3x3dbl_2"), x)
    return torch.cat(
        [
            _chain(net, block, ("branch1x1",), x),
            _chain(net, block, ("branch3x3_2a",), short),
            _chain(net, block, ("branch3x3_2b",), short),
            _chain(net, block, ("branch3x3dbl_3a",), long),
            _chain(net, block, ("branch3x3dbl_3b",), long),
            _chain(net, block, ("branch_pool",), pooled),
        ],
        1,
    )
