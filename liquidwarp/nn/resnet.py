"""The two ResNet-50s that published body regressors look through, under the names of their published weights."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

FEATURES = 2048
_DEPTHS = (3, 4, 6, 3)
_WIDTHS = (64, 128, 256, 512)
_GROWTH = 4


class ResNet50(nn.Module):
    """ResNet-50 without its last layer; strides in the 3x3 convolutions.

    Source: He et al., "Deep Residual Learning for Image Recognition", 2016.

    Args:
        last_stride: of the last level; 1 keeps its picture twice as large.
    """

    def __init__(self, *, last_stride: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for level, (depth, width) in enumerate(zip(_DEPTHS, _WIDTHS, strict=True), 1):
            blocks: list[nn.Module] = []
            for index in range(depth):
                first = {1: 1, 4: last_stride}.get(level, 2)
                blocks.append(_Bottleneck(channels, width, first if index == 0 else 1))
                channels = width * _GROWTH
            setattr(self, f"layer{level}", nn.Sequential(*blocks))

    def forward(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B F"]:
        """Return features averaged over the picture."""
        return self.answers(pictures).mean((2, 3))

    def answers(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B F h w"]:
        """Return the last level's features at each place."""
        x = torch.relu(self.bn1(self.conv1(pictures)))
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        for level in range(1, 5):
            x = getattr(self, f"layer{level}")(x)
        return x


class _Bottleneck(nn.Module):
    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = width * _GROWTH
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample: nn.Module = nn.Identity()
        if channels != out or stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.bn1(self.conv1(x)))
        inner = torch.relu(self.bn2(self.conv2(inner)))
        return torch.relu(self.bn3(self.conv3(inner)) + self.downsample(x))


class PreActivationResNet50(nn.Module):
    """Pre-activation ResNet-50 without its last layer, laid out as its TensorFlow weights ask for.

    The last unit of a level halves the picture, not the first of the next one, and a unit that widens takes its
    shortcut after the activation. Source: He et al., "Identity Mappings in Deep Residual Networks", 2016.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3)
        channels = 64
        for level, (depth, width) in enumerate(zip(_DEPTHS, _WIDTHS, strict=True), 1):
            units: list[nn.Module] = []
            for index in range(depth):
                units.append(_Unit(channels, width, 2 if level < 4 and index == depth - 1 else 1))
                channels = width * _GROWTH
            setattr(self, f"layer{level}", nn.Sequential(*units))
        self.post_bn = nn.BatchNorm2d(channels)

    def forward(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B F"]:
        """Return features averaged over the picture."""
        # TensorFlow pads what it pools only where it is short: below and to the right, for an even size.
        x = nn.functional.max_pool2d(nn.functional.pad(self.conv1(pictures), (0, 1, 0, 1), value=-torch.inf), 3, 2)
        for level in range(1, 5):
            x = getattr(self, f"layer{level}")(x)
        return torch.relu(self.post_bn(x)).mean((2, 3))


class _Unit(nn.Module):
    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = width * _GROWTH
        self.stride = stride
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1)
        self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1)) if channels != out else None

    def forward(self, x: Tensor) -> Tensor:
        active = torch.relu(self.bn1(x))
        inner = torch.relu(self.bn2(self.conv1(active)))
        inner = self.conv3(torch.relu(self.bn3(self.conv2(inner))))
        kept = x[:, :, :: self.stride, :: self.stride] if self.shortcut is None else self.shortcut(active)
        return kept + inner
