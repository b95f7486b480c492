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


def filled_b(shapes_of: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    """Return the parameters of a network of the few-shot vid2vid kind, filled by rule B.

    Unlike the other rule's, its matrices are of full rank; spectral norms' vectors are the leading singular pair.
    """
    ranks = {key: rank for rank, key in enumerate(sorted(shapes_of))}
    tensors = {key: _values_b(ranks[key], key, shape) for key, shape in shapes_of.items()}
    for key in tensors:
        if key.endswith("weight_orig"):
            left, right = _leading_pair(tensors[key])
            tensors[key.replace("weight_orig", "weight_u")], tensors[key.replace("weight_orig", "weight_v")] = (
                left,
                right,
            )
    return tensors


def _values_b(rank: int, key: str, shape: list[int]) -> torch.Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.long)
    index = np.arange(math.prod(shape))
    wave = np.sin(0.7 * index + 1.3 * rank + 0.01 * (index % 8191) ** 2).reshape(shape)
    if key.endswith("running_mean"):
        wave = 0.05 * wave
    elif key.endswith("running_var"):
        wave = (0.22 if key.startswith(("ref_", "atn_")) else 0.6) * (1 + 0.5 * wave)
    elif len(shape) >= 2:
        wave = 1.5 * wave / math.sqrt(math.prod(shape[1:]))
    else:
        wave = 0.1 * wave if key.endswith("bias") else 1 + 0.1 * wave
    return torch.from_numpy(wave.astype(np.float32))


def _leading_pair(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    matrix = weight.flatten(1).double()
    wide = matrix.shape[0] <= matrix.shape[1]
    vector = torch.linalg.eigh(matrix @ matrix.T if wide else matrix.T @ matrix)[1][:, -1]
    other = (matrix.T if wide else matrix) @ vector
    other = other / other.norm()
    left, right = (vector, other) if wide else (other, vector)
    return left.float(), right.float()
