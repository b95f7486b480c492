"""Tiny networks of few-shot vid2vid with made-up weights."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import torch

from liquidwarp.nn.few_shot_vid2vid.generator import FewShotGenerator, Previous
from liquidwarp.nn.few_shot_vid2vid.published import SHAPES
from liquidwarp.nn.few_shot_vid2vid.warping import GivenFlow
from liquidwarp.nn.few_shot_vid2vid.weights import save_few_shot

_STEPS = 8  # of finding spectral norms, and statistics
_SIDE = 64


@cache
def tiny(name: str = "pose", **changes: object) -> FewShotGenerator:
    """Return a network of two channels where the published one has 32, whose statistics are those of noise."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        network = FewShotGenerator(replace(SHAPES[name], **{"width": 2, "flow_width": 2, **changes})).train()
        given = GivenFlow(torch.zeros(2, 2, _SIDE, _SIDE), torch.ones(2, 1, _SIDE, _SIDE))
        flow = given if network.shape.given_flow else None
        for _ in range(_STEPS):
            label, example = (2 * torch.rand(2, network.shape.labels, _SIDE, _SIDE) - 1 for _ in range(2))
            image = 2 * torch.rand(2, 3, _SIDE, _SIDE) - 1
            previous = Previous(example, image, flow) if network.shape.warp_previous else None
            coarse = image if name == "face-refiner" else None
            encoding = network.encode(example[:, None], image[:, None], label, coarse=coarse)
            network(label, encoding, previous, flow=flow)
    return network.eval().requires_grad_(False)


def tiny_file(folder: Path, name: str = "pose", size: tuple[int, int] = (64, 32), **changes: object) -> Path:
    """Write a tiny network's weights."""
    path = folder / f"{name}.safetensors"
    save_few_shot(tiny(name, **changes), path, {}, size=size)
    return path
