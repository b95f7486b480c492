"""Smoothing without a look ahead: calm at rest, quick in motion, the same every time."""

import math

import pytest
import torch

from liquidwarp.errors import InputError
from liquidwarp.fit.filters import SteadyPose
from liquidwarp.geometry import axis_angle_to_matrix

FPS = 25.0


def followed(turns: torch.Tensor, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    steady = SteadyPose(FPS)
    answers = [steady.follow(turn, place) for turn, place in zip(turns, places, strict=True)]
    return torch.stack([turn for turn, _ in answers]), torch.stack([place for _, place in answers])


def angle(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    between = axis_angle_to_matrix(a.double()).transpose(-1, -2) @ axis_angle_to_matrix(b.double())
    return torch.arccos(((between.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1))


def test_who_stands_still_stays_as_seen(generator: torch.Generator) -> None:
    turn, place = torch.randn(5, 3, generator=generator), torch.randn(3, generator=generator)
    turns, places = followed(turn.expand(30, -1, -1), place.expand(30, -1))
    assert float(angle(turns, turn).max()) < 1e-6
    torch.testing.assert_close(places, place.expand(30, -1))


def test_noise_of_who_stands_still_is_taken_down(generator: torch.Generator) -> None:
    turn = torch.tensor([[0.3, -1.0, 0.2]])
    noisy = turn + 0.02 * torch.randn(200, 1, 3, generator=generator)
    shaky = 0.01 * torch.randn(200, 3, generator=generator)
    turns, places = followed(noisy, shaky)
    assert float(angle(turns[50:], turn).mean()) < 0.5 * float(angle(noisy[50:], turn).mean())
    assert float(places[50:].diff(dim=0).norm(dim=1).mean()) < 0.4 * float(shaky[50:].diff(dim=0).norm(dim=1).mean())


def test_a_quick_turn_is_followed_within_a_few_frames() -> None:
    turns = torch.zeros(40, 1, 3)
    turns[:, 0, 1] = (torch.arange(40) - 10).clamp(0, 10) * (math.pi / 2 / 10)  # 90 degrees within 0.4 s
    answered, _ = followed(turns, torch.zeros(40, 3))
    lag = angle(answered, turns)[:, 0]
    assert float(lag.max()) < math.radians(25)
    assert float(lag[26:].max()) < math.radians(5)


def test_a_turn_beyond_half_goes_the_short_way() -> None:
    turns = torch.zeros(60, 1, 3)
    turns[:, 0, 1] = torch.linspace(2.8, 3.6, 60)  # across pi
    wrapped = torch.where(turns > math.pi, turns - 2 * math.pi, turns)
    answered, _ = followed(wrapped, torch.zeros(60, 3))
    assert float(angle(answered, turns).max()) < math.radians(6)


def test_no_rate_is_refused() -> None:
    with pytest.raises(InputError, match="fps=0"):
        SteadyPose(0.0)
