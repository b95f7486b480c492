"""Smoothing without a look ahead."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.checks import check_positive
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle

_SLOWEST = 1.2  # Hz: how quickly what rests is followed
_EAGER = {"turn": 0.5, "place": 2.5}  # how much quicker per rad/s, per m/s
_SPEED_CUTOFF = 1.0  # Hz, of the speed itself


class SteadyPose:
    """Steadies joint turns and the place of a person, frame by frame: firmly at rest, loosely in quick motion.

    The 1-euro filter (Casiez et al., "1 Euro Filter", CHI 2012, equations 1 to 6): first-order low-pass filters whose
    cut-off rises with the speed; turns are filtered along the rotation from the last answer to the new one, each joint
    by its own speed.

    Args:
        fps: rate of the frames.
    """

    def __init__(self, fps: float) -> None:
        check_positive("fps", fps)
        self._fps = fps
        self._turns: Tensor | None = None
        self._place: Tensor | None = None
        self._turn_speed = self._place_speed = torch.zeros(())

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
        share = self._share(_SLOWEST + _EAGER["turn"] * self._turn_speed)
        self._turns = self._turns @ axis_angle_to_matrix(share[:, None] * way)
        step = place - self._place
        self._place_speed = self._followed(self._place_speed, step.norm() * self._fps)
        self._place = self._place + self._share(_SLOWEST + _EAGER["place"] * self._place_speed) * step
        return matrix_to_axis_angle(self._turns).to(axis_angles.dtype), self._place.to(axis_angles.dtype)

    def _followed(self, old: Tensor, new: Tensor) -> Tensor:
        return old + self._share(torch.tensor(_SPEED_CUTOFF, dtype=old.dtype)) * (new - old)

    def _share(self, cutoff: Tensor) -> Tensor:
        """Return how much of the way to the new value is gone, for a cut-off in Hz."""
        return 1 / (1 + self._fps / (2 * math.pi * cutoff))
