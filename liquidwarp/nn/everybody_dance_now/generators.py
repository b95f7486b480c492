"""Generators of Everybody Dance Now: of the whole picture, of its full resolution, and of what the face lacks."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

_INPUTS = 6  # the drawn pose in [0, 1], and the frame made before in [-1, 1]


class EdnResidual(nn.Module):
    """Two reflected 3x3 convolutions with instance normalisation, added to what comes in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Add what the block computes to its input."""
        return x + self.conv_block(x)


class EdnGlobalGenerator(nn.Module):
    """Pose and the frame before, to the next frame.

    Source: Chan et al., "Everybody Dance Now", ICCV 2019, sections 3.2 and 4 (the generator of pix2pixHD, with one more
    halving).

    Args:
        width: channels of the first stage; every halving doubles them.
        halvings: how often the picture is halved; its sides are divisible by 2 to this power.
        blocks: residual blocks at the smallest size.
    """

    def __init__(self, width: int = 64, halvings: int = 4, blocks: int = 9) -> None:
        super().__init__()
        self.model = nn.Sequential(*_trunk(width, halvings, blocks), *_head(width))

    def forward(self, x: Float[Tensor, "B 6 H W"]) -> Float[Tensor, "B 3 H W"]:
        """Return the next frame in [-1, 1].

        Args:
            x: the drawn pose in [0, 1] and the frame made before in [-1, 1], which is zero at the start.
        """
        return self.model(x)


class EdnLocalGenerator(nn.Module):
    """The enhancer: the global generator at half size, and a branch of half its width at the full one.

    Source: Chan et al., ICCV 2019, section 4; Wang et al., "pix2pixHD", CVPR 2018, section 3.1.

    Args:
        width: channels of the full-size branch; the global generator has twice as many.
        halvings: of the global generator, whose picture is half as large.
        blocks: residual blocks of the global generator.
        local_blocks: residual blocks after the two are added.
    """

    def __init__(self, width: int = 32, halvings: int = 4, blocks: int = 9, local_blocks: int = 3) -> None:
        super().__init__()
        self.model = nn.Sequential(*_trunk(2 * width, halvings, blocks))
        self.model1_1 = nn.Sequential(*_stem(width), *_halving(width))
        residual = [EdnResidual(2 * width) for _ in range(local_blocks)]
        self.model1_2 = nn.Sequential(*residual, *_doubling(2 * width), *_head(width))

    def forward(self, x: Float[Tensor, "B 6 H W"]) -> Float[Tensor, "B 3 H W"]:
        """Return the next frame in [-1, 1], from the same input as `EdnGlobalGenerator` at twice the size."""
        return self.model1_2(self.model(halved(x)) + self.model1_1(x))


class EdnFaceGenerator(nn.Module):
    """What a coarse face lacks: a smaller global generator, whose result is added to the crop.

    Source: Chan et al., ICCV 2019, section 3.3.

    Args:
        width: channels of the first stage.
        halvings: how often the crop is halved.
        blocks: residual blocks at the smallest size.
    """

    def __init__(self, width: int = 64, halvings: int = 3, blocks: int = 5) -> None:
        super().__init__()
        self.model = nn.Sequential(*_trunk(width, halvings, blocks), *_head(width))

    def residual(self, x: Float[Tensor, "B 6 H W"]) -> Float[Tensor, "B 3 H W"]:
        """Return what is added, in [-1, 1], from the crops of pose and coarse frame."""
        return self.model(x)

    def forward(self, pose: Float[Tensor, "B 3 H W"], coarse: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H W"]:
        """Return the finer face; it may leave [-1, 1], as published.

        Args:
            pose: the crop of the drawn pose, in [0, 1].
            coarse: the crop of the generated frame, in [-1, 1].
        """
        return coarse + self.residual(torch.cat([pose, coarse], 1))


def load_global(network: EdnLocalGenerator, weights: Mapping[str, Tensor]) -> None:
    """Put a trained `EdnGlobalGenerator` into the enhancer, in place; its last convolution has no use there.

    Args:
        network: the enhancer, whose own branch keeps its values.
        weights: a state dict of the global generator of twice the enhancer's width.

    Raises:
        RuntimeError: names or shapes are of another network.
    """
    wanted = network.model.state_dict(prefix="model.")
    kept = {name.removeprefix("model."): value for name, value in weights.items() if name in wanted}
    network.model.load_state_dict(kept)


def halved(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
    """Average 3x3 pixels at every second one; what lies outside of the picture does not count."""
    return avg_pool2d(x, 3, 2, 1, count_include_pad=False)


def _stem(width: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(_INPUTS, width, 7), nn.InstanceNorm2d(width), nn.ReLU()]


def _halving(width: int) -> list[nn.Module]:
    return [nn.Conv2d(width, 2 * width, 3, 2, 1), nn.InstanceNorm2d(2 * width), nn.ReLU()]


def _doubling(width: int) -> list[nn.Module]:
    layer = nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1)
    return [layer, nn.InstanceNorm2d(width // 2), nn.ReLU()]


def _head(width: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()]


def _trunk(width: int, halvings: int, blocks: int) -> list[nn.Module]:
    widths = [width * 2**number for number in range(halvings + 1)]
    down = [layer for inner in widths[:-1] for layer in _halving(inner)]
    up = [layer for inner in reversed(widths[1:]) for layer in _doubling(inner)]
    return [*_stem(width), *down, *(EdnResidual(widths[-1]) for _ in range(blocks)), *up]
