"""Smoothing without a look ahead."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.checks import check_positive
from liquidwarp.fit.tuning import STEADY_TUNING, SteadyTuning
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle


class SteadyPose:
    """Steadies joint turns and the place of a person, frame by frame: firmly at rest, loosely in quick motion.

    The 1-euro filter (Casiez et al., "1 Euro Filter", CHI 2012, equations 1 to 6): first-order low-pass filters whose
    cut-off rises with the speed; turns are filtered along the rotation from the last answer to the new one, each joint
    by its own speed.

    Args:
        fps: rate of the frames.
        tuning: cut-offs at rest and in motion.
    """

    def __init__(self, fps: float, *, tuning: SteadyTuning = STEADY_TUNING) -> None:
        check_positive("fps", fps)
        self._fps, self._tuning = fps, tuning
        self._turns: Tensor | None = None
        self._place: Tensor | None = None
        self._turn_speed = self._place_speed = torch.zeros((), dtype=torch.float32)

    def follow(
        self, axis_angles: Float[Tensor, "J 3"], place: Float[Tensor, "3"]
    ) -> tuple[Float[Tensor, "J 3"], Float[Tensor, "3"]]:
        """Return the steadied turns (radians) and place (metres) of the next frame."""
        turns = axis_angle_to_matrix(axis_angles.double())
        place = place.double()
        if self._turns is None or self._place is None:
            self._turns, self._place = turns, place
            self._turn_speed, self._place_speed = turns.new_zeros(len(turns)), place.new_zeros(())
        way = matrix_to_axis_angle(self._turns.transpose(1, 2) @ turns)
        self._turn_speed = self._followed(self._turn_speed, way.norm(dim=1) * self._fps)
        tuning = self._tuning
        part = self._part(tuning.slowest + tuning.turn_eagerness * self._turn_speed)
        self._turns = self._turns @ axis_angle_to_matrix(part[:, None] * way)
        step = place - self._place
        self._place_speed = self._followed(self._place_speed, step.norm() * self._fps)
        self._place = self._place + self._part(tuning.slowest + tuning.place_eagerness * self._place_speed) * step
        return matrix_to_axis_angle(self._turns).to(axis_angles.dtype), self._place.to(axis_angles.dtype)

    def _followed(self, old: Tensor, new: Tensor) -> Tensor:
        return old + self._part(torch.tensor(self._tuning.speed_cutoff, dtype=old.dtype)) * (new - old)

    def _part(self, cutoff: Tensor) -> Tensor:
        """Return how much of the way to the new value is gone, for a cut-off in Hz."""
        return 1 / (1 + self._fps / (2 * math.pi * cutoff))
