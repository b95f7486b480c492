"""What a detector's landmarks are made of before they count."""

import math

import torch

from liquidwarp.fit.evidence import straighten_knees

LEG = ("nose", "left_hip", "left_knee", "left_ankle")


def bent(degrees: float) -> torch.Tensor:
    """Return a leg (1, 4, 3) of two equal bones whose knee points at the viewer."""
    half = math.radians(degrees) / 2
    down, out = math.cos(half) / 2, math.sin(half) / 2
    return torch.tensor([[[0.0, -1, 0], [0, 0, 0], [0, down, -out], [0, 2 * down, 0]]], dtype=torch.float64)


def bend_of(world: torch.Tensor) -> float:
    hip, knee, ankle = world[0, 1:]
    return math.degrees(math.acos(min(1.0, float(torch.cosine_similarity(knee - hip, ankle - knee, dim=0)))))


def test_small_bends_are_taken_out_of_knees_and_large_ones_stay() -> None:
    false = math.radians(15)
    made = {degrees: straighten_knees(LEG, bent(degrees), false) for degrees in (0, 10, 15, 22, 30, 31, 90)}
    assert max(bend_of(made[degrees]) for degrees in (0, 10, 15)) < 1e-4
    assert 12 < bend_of(made[22]) < 16  # moved by the part of the bend that goes
    assert all(torch.allclose(made[degrees], bent(degrees)) for degrees in (30, 31, 90))
    still = [LEG.index(name) for name in ("nose", "left_hip", "left_ankle")]
    assert all(torch.equal(world[:, still], bent(degrees)[:, still]) for degrees, world in made.items())
