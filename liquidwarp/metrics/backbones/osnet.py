"""OSNet, which tells people apart by what they wear and how they are built."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d, relu

from liquidwarp.metrics.backbones.named import Named

SIZE = (256, 128)
"""Height and width of the pictures of people that it was trained on."""

_SCALES = (("conv2a", 1), ("conv2b", 2), ("conv2c", 3), ("conv2d", 4))  # streams, and how many layers deep each is


def osnet_features(net: Named, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B D"]:
    """Return features (512 in the published files) of pictures normalised by ImageNet's mean and deviation.

    Serves all widths, and both kinds: where the file has instance normalisation (IBN), it is used.

    Source: Zhou et al., "Omni-scale feature learning for person re-identification", 2019.

    Args:
        net: parameters under torchreid's names.
        pictures: people, cut out; of `SIZE`.
    """
    x = max_pool2d(_unit(net, "conv1", pictures, stride=2), 3, 2, 1)
    for level in ("conv2", "conv3", "conv4"):
        x = _block(net, f"{level}.1", _block(net, f"{level}.0", x))
        if level != "conv4":
            x = avg_pool2d(_unit(net, f"{level}.2.0", x), 2, 2)
    x = _unit(net, "conv5", x).mean((2, 3))
    return relu(net.norm("fc.1", net.linear("fc.0", x)))


def _unit(net: Named, name: str, x: Tensor, *, stride: int = 1) -> Tensor:
    return relu(_linear_unit(net, name, x, stride=stride))


def _linear_unit(net: Named, name: str, x: Tensor, *, stride: int = 1) -> Tensor:
    return net.norm(f"{name}.bn", net.conv(f"{name}.conv", x, stride=stride))


def _light(net: Named, name: str, x: Tensor) -> Tensor:
    """Mix channels, then look around in each by itself."""
    return relu(net.norm(f"{name}.bn", net.conv(f"{name}.conv2", net.conv(f"{name}.conv1", x))))


def _block(net: Named, name: str, x: Tensor) -> Tensor:
    narrow = _unit(net, f"{name}.conv1", x)
    total = torch.zeros_like(narrow)
    for stream, depth in _SCALES:
        y = narrow
        for index in range(depth):
            y = _light(net, f"{name}.{stream}" if depth == 1 else f"{name}.{stream}.{index}", y)
        gate = relu(net.conv(f"{name}.gate.fc1", y.mean((2, 3), keepdim=True)))
        total = total + y * torch.sigmoid(net.conv(f"{name}.gate.fc2", gate))
    out = _linear_unit(net, f"{name}.conv3", total)
    out = out + (_linear_unit(net, f"{name}.downsample", x) if f"{name}.downsample.conv.weight" in net else x)
    return relu(net.norm(f"{name}.IN", out) if f"{name}.IN.weight" in net else out)
