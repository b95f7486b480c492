"""DisCo's networks, very small."""

from dataclasses import replace

import pytest
import torch

from liquidwarp.nn.disco.extra import missing_packages
from liquidwarp.nn.disco.network import DiscoNetwork
from liquidwarp.nn.disco.shape import AutoencoderShape, DiscoShape, VisionShape
from liquidwarp.nn.dreampose.network import DreamPoseNetwork, DreamPoseShape

TINY = DiscoShape(
    widths=(32, 64),
    attends=(True, False),
    layers=1,
    heads=4,
    token_width=32,
    groups=8,
    side=32,
    pose_widths=(8, 16),
    vision=VisionShape(width=48, hidden=96, layers=2, heads=4, side=32, patch=8),
    autoencoder=AutoencoderShape(widths=(16, 32), layers=1, groups=8),
)

TINY_TEMPORAL = replace(TINY, widths=(16, 16, 32, 32), attends=(True, True, True, False), temporal=True)

needs_diffusers = pytest.mark.skipif(bool(missing_packages()), reason="diffusers or transformers are not installed")


def tiny_network(shape: DiscoShape = TINY) -> DiscoNetwork:
    """Return a tiny network with random weights, the same at every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = DiscoNetwork(shape).eval()
        for name, parameter in network.named_parameters():
            if "controlnet_down" in name or "conv_out" in name or "tem_" in name:  # what begins at zero
                parameter.data.add_(0.1 * torch.randn(parameter.shape))
    return network.requires_grad_(False)


def tiny_dreampose() -> DreamPoseNetwork:
    """Return a tiny DreamPose with random weights, the same at every call."""
    shape = DreamPoseShape(
        widths=(16, 32),
        attends=(True, False),
        layers=1,
        heads=2,
        groups=8,
        size=(32, 32),
        vision=VisionShape(width=32, hidden=64, layers=1, heads=2, side=32, patch=8),
        autoencoder=AutoencoderShape(widths=(16, 32), layers=1, groups=8),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return DreamPoseNetwork(shape).eval().requires_grad_(False)
