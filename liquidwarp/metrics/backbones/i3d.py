"""I3D, which tells what people do in videos."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool3d, max_pool3d, pad, relu

from liquidwarp.metrics.backbones.named import Named

SIDE, LENGTH = 224, 16
"""Height and width of frames, and frames of a window."""

_EPS = 1e-3
_LEVELS = ("3b", "3c", "", "4b", "4c", "4d", "4e", "4f", "", "5b", "5c")  # an empty name: a pooling


def i3d_logits(net: Named, clips: Float[Tensor, "B 3 T H W"]) -> Float[Tensor, "B K"]:
    """Return the classes' scores (400 in the published files) of clips in [-1, 1], averaged over time.

    Source: Carreira and Zisserman, "Quo vadis, action recognition?", 2017.

    Args:
        net: parameters under the names of piergiaj's pytorch-i3d, which VideoGPT's FVD has too.
        clips: of `LENGTH` frames of `SIDE` x `SIDE`.
    """
    x = _pool(_unit(net, "Conv3d_1a_7x7", clips, stride=2), (1, 3, 3), (1, 2, 2))
    x = _pool(_unit(net, "Conv3d_2c_3x3", _unit(net, "Conv3d_2b_1x1", x)), (1, 3, 3), (1, 2, 2))
    window = (3, 3, 3)
    for level in _LEVELS:
        if level:
            x = _mixed(net, f"Mixed_{level}", x)
        else:
            x = _pool(x, window, (2, 2, 2))
            window = (2, 2, 2)  # that of the second pooling
    x = avg_pool3d(x, (2, 7, 7), 1)
    return net.conv("logits.conv3d", x).mean((2, 3, 4))


def _unit(net: Named, name: str, x: Tensor, *, stride: int = 1) -> Tensor:
    size = tuple(net[f"{name}.conv3d.weight"].shape[2:])
    x = net.conv(f"{name}.conv3d", _padded(x, size, (stride,) * 3), stride=stride, padding=0)
    return relu(net.norm(f"{name}.bn", x, eps=_EPS))


def _mixed(net: Named, block: str, x: Tensor) -> Tensor:
    return torch.cat(
        [
            _unit(net, f"{block}.b0", x),
            _unit(net, f"{block}.b1b", _unit(net, f"{block}.b1a", x)),
            _unit(net, f"{block}.b2b", _unit(net, f"{block}.b2a", x)),
            _unit(net, f"{block}.b3b", _pool(x, (3, 3, 3), (1, 1, 1))),
        ],
        1,
    )


def _pool(x: Tensor, size: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    return max_pool3d(_padded(x, size, stride), size, stride)


def _padded(x: Tensor, size: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """Add zeros as TensorFlow does: as many answers as strides begin, and an odd zero at the end."""
    sides: list[int] = []
    for side, window, step in zip(x.shape[2:], size, stride, strict=True):
        lacking = max(window - (side % step or step), 0)
        sides = [lacking // 2, lacking - lacking // 2, *sides]
    return pad(x, sides)
