"""Fusion: how the Liquid Warping Block joins warped source features and target features.

A fusion takes target features `B T C H W` and the sources' features warped to every target, `B T N C H W`, and returns
target features. Which one is used is the only difference between the variants of the network.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import instance_norm


class Keep(nn.Module):
    """The target's features as they are: no Liquid Warping Block at this site."""

    def forward(self, target: Float[Tensor, "B T C H W"], warped: Float[Tensor, "B T N C H W"]) -> Tensor:
        """Return `B T C H W`."""
        return target


class Add(nn.Module):
    """The sum of the target's and all warped sources' features (Liu et al., ICCV 2019)."""

    def forward(self, target: Float[Tensor, "B T C H W"], warped: Float[Tensor, "B T N C H W"]) -> Tensor:
        """Return `B T C H W`."""
        return target + warped.sum(2)


class Mean(nn.Module):
    """The mean over the target's and all warped sources' features."""

    def forward(self, target: Float[Tensor, "B T C H W"], warped: Float[Tensor, "B T N C H W"]) -> Tensor:
        """Return `B T C H W`."""
        return (target + warped.sum(2)) / (1 + warped.shape[2])


class Gate(nn.Module):
    """The target's features plus the sources', weighed per pixel and channel by what the target asks for.

    Args:
        channels: of the features.
        mean: take the sources' mean instead of their sum.
    """

    def __init__(self, channels: int, *, mean: bool) -> None:
        super().__init__()
        self.mean = mean
        self.gate = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1), nn.ReLU(), nn.Conv2d(channels, channels, 3, 1, 1), nn.Sigmoid()
        )

    def forward(self, target: Float[Tensor, "B T C H W"], warped: Float[Tensor, "B T N C H W"]) -> Tensor:
        """Return `B T C H W`."""
        joined = warped.mean(2) if self.mean else warped.sum(2)
        return target + self.gate(target.flatten(0, 1)).view_as(target) * joined


class Attention(nn.Module):
    """Attention over the sources per pixel, whose outcome modulates the target (AttLWB with SPADE).

    Liu et al., "Liquid Warping GAN with Attention" (TPAMI 2021); SPADE is Park et al. (CVPR 2019).
    """

    def __init__(self, channels: int, hidden: int = 128) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Conv2d(channels, channels, 1) for _ in range(3))
        self.shared = nn.Conv2d(channels, hidden, 3, 1, 1)
        self.gamma, self.beta = (nn.Conv2d(hidden, channels, 3, 1, 1) for _ in range(2))

    def forward(self, target: Float[Tensor, "B T C H W"], warped: Float[Tensor, "B T N C H W"]) -> Tensor:
        """Return `B T C H W`."""
        lead, flat = warped.shape[:3], warped.flatten(0, 2)
        key, value = self.key(flat).unflatten(0, lead), self.value(flat).unflatten(0, lead)
        asked = self.query(target.flatten(0, 1)).view_as(target)
        score = (asked[:, :, None] * key).sum(3, keepdim=True) / key.shape[3] ** 0.5
        found = (torch.softmax(score, 2) * value).sum(2).flatten(0, 1)
        hidden = torch.relu(self.shared(found))
        plain = instance_norm(target.flatten(0, 1))
        return (plain * (1 + self.gamma(hidden)) + self.beta(hidden)).view_as(target)
