"""The rule by which the golden numbers' networks and inputs were filled (tests/golden/published)."""

import json
import math
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parents[1] / "golden" / "published"


def shapes(name: str) -> dict[str, list[int]]:
    """Read the published parameter names and shapes of a network."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def filled(name: str) -> dict[str, torch.Tensor]:
    """Return a published network's parameters, filled by the rule."""
    return {key: _values(rank, key, shape) for rank, (key, shape) in enumerate(sorted(shapes(name).items()))}


def _values(rank: int, key: str, shape: list[int]) -> torch.Tensor:
    wave = np.sin(0.7 * np.arange(math.prod(shape)) + 1.3 * rank).reshape(shape)
    if len(shape) >= 2:
        wave = wave * math.sqrt(1 / math.prod(shape[1:]))
    else:
        wave = 0.1 * wave if key.endswith("bias") else 1 + 0.1 * wave
    return torch.from_numpy(wave.astype(np.float32))


def wave(shape: tuple[int, ...], phase: float = 0.0) -> torch.Tensor:
    """Return a deterministic input."""
    rates = [1.7, 0.9, 0.5, 0.11, 0.07][-len(shape) :]
    total = sum(rate * index for rate, index in zip(rates, np.indices(shape), strict=True))
    return torch.from_numpy(np.sin(total + phase).astype(np.float32))


def bent_grid(size: int = 64) -> torch.Tensor:
    """Return a smooth flow, (size, size, 2)."""
    at = (2 * np.arange(size) + 1) / size - 1
    x, y = np.meshgrid(at, at)
    bent = np.stack([0.85 * (x + 0.1 * np.sin(3 * y)), 0.85 * (y + 0.1 * np.cos(2 * x))], -1)
    return torch.from_numpy(bent.astype(np.float32))
