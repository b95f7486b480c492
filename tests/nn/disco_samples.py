"""DisCo's tiny networks, filled by the rule of the golden numbers."""

from dataclasses import replace

import pytest
import torch
from published_samples import filled_b, shapes

from liquidwarp.nn.disco.extra import missing_packages
from liquidwarp.nn.disco.network import DiscoNetwork
from liquidwarp.nn.disco.shape import AutoencoderShape, DiscoShape, VisionShape
from liquidwarp.nn.disco.weights import renamed

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


def published_tiny() -> dict[str, torch.Tensor]:
    """Return what a published file of the tiny network would hold."""
    return filled_b(shapes("disco_tiny"))


def tiny_network() -> DiscoNetwork:
    """Return the tiny image model of the golden numbers."""
    network = DiscoNetwork(TINY).eval()
    network.load_state_dict(renamed(published_tiny()))
    return network
