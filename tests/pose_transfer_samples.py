"""Tiny networks of PG2, DSC and SHUP with made-up weights."""

from functools import cache
from pathlib import Path

import torch

from liquidwarp.nn.baselines import PoseTransferGenerator, TransferShape, glorot_, save_pose_transfer

KINDS = ("pg2", "dsc", "shup")
SIDE = 64


@cache
def tiny_transfer(kind: str) -> PoseTransferGenerator:
    """Return a network of a few channels for pictures of 64 pixels."""
    with torch.random.fork_rng():
        network = PoseTransferGenerator(TransferShape(kind, (SIDE, SIDE), 2 if kind == "pg2" else 4))
        glorot_(network, generator=torch.Generator().manual_seed(0))
    return network.eval().requires_grad_(False)


def tiny_transfer_file(folder: Path, kind: str) -> Path:
    """Write a tiny network's weights."""
    path = folder / f"{kind}.safetensors"
    save_pose_transfer(tiny_transfer(kind), path, {})
    return path
