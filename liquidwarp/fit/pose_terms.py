"""Terms that know how people pose and move: ranges of joints, the usual distance, usual speeds and accelerations.

But for the distance, each residual depends on the turn of one joint (or on the place of the pelvis) alone, so that
derivatives are blocks of three columns. Turns from frame to frame are small, so the derivative of their logarithm is
taken to be that at zero (the inverse right Jacobian of Sola et al., "A micro Lie theory", is left out).
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS
from liquidwarp.fit.prior import PosePrior, prior_residuals
from liquidwarp.fit.robust import LEAST_SQUARES, Kernel
from liquidwarp.fit.skeleton import STATE
from liquidwarp.fit.term import Window
from liquidwarp.fit.tuning import FIT_TUNING, MotionTuning


@dataclass(frozen=True, eq=False)
class PosePriorTerm:
    """Joints stay in their ranges and, weakly, near the relaxed stance.

    Attributes:
        prior: the ranges.
        frame_weight: weight of each frame.
        limit_sigma: how far a joint may leave its range for one standard deviation, radians.
    """

    prior: PosePrior
    frame_weight: Float[Tensor, "T"]
    limit_sigma: float
    kernel = LEAST_SQUARES
    span = 1

    def __getitem__(self, frames: slice | Tensor) -> "PosePriorTerm":
        """Return some frames."""
        return replace(self, frame_weight=self.frame_weight[frames])

    @property
    def weight(self) -> Float[Tensor, "T 1"]:
        """Weight of each frame, all joints alike."""
        return self.frame_weight[:, None]

    def residual(self, window: Window) -> Float[Tensor, "T J 6"]:
        """Return three distances from the relaxed stance and three from the range."""
        return prior_residuals(self.prior, window.state.rotations, limit_sigma=self.limit_sigma)[0]

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "T J 6 3"]]:
        """Return their derivatives by the joint's turn."""
        return (prior_residuals(self.prior, window.state.rotations, limit_sigma=self.limit_sigma)[1],)


@dataclass(frozen=True, eq=False)
class DistanceTerm:
    """The person stays about as far from the camera as usual.

    Attributes:
        distance: usual distance of the pelvis along the view, metres.
        sigma: standard deviation, metres.
        weight: weight of every frame.
    """

    distance: float
    sigma: float
    weight: float = 1.0
    kernel = LEAST_SQUARES
    span = 1

    def __getitem__(self, frames: slice | Tensor) -> "DistanceTerm":
        """Return itself: all frames are alike."""
        return self

    def residual(self, window: Window) -> Float[Tensor, "T 1 1"]:
        """Return the difference of distances."""
        return ((window.state.place[:, 2] - self.distance) / self.sigma)[:, None, None]

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "T 1 1 P"]]:
        """Return its derivative."""
        slope = window.state.place.new_zeros(len(window), 1, 1, window.unknowns)
        slope[..., STATE - 1] = 1 / self.sigma
        return (slope,)


@dataclass(frozen=True, eq=False)
class SpeedTerm:
    """Joints and pelvis are seldom quicker than people usually are.

    Attributes:
        sigma: usual speeds of the joints, rad/s, and of the pelvis, m/s.
        kernel: robust kernel.
        weight: weight of the whole.
    """

    sigma: Float[Tensor, "U 3"]
    kernel: Kernel
    weight: float = 1.0
    span = 2

    def __getitem__(self, frames: slice | Tensor) -> "SpeedTerm":
        """Return itself: all frames are alike."""
        return self

    def residual(self, window: Window) -> Float[Tensor, "S U 3"]:
        """Return the speeds."""
        return window.velocity / self.sigma

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "S U 3 3"], Float[Tensor, "S U 3 3"]]:
        """Return their derivatives by both frames."""
        back, ahead = _velocity_slopes(window)
        return -back * window.fps / self.sigma[..., None], ahead * window.fps / self.sigma[..., None]


@dataclass(frozen=True, eq=False)
class AccelerationTerm:
    """Joints and pelvis seldom change their speeds more than people usually do.

    Attributes:
        sigma: usual accelerations of the joints, rad/s^2, and of the pelvis, m/s^2.
        kernel: robust kernel.
        weight: weight of the whole.
    """

    sigma: Float[Tensor, "U 3"]
    kernel: Kernel
    weight: float = 1.0
    span = 3

    def __getitem__(self, frames: slice | Tensor) -> "AccelerationTerm":
        """Return itself: all frames are alike."""
        return self

    def residual(self, window: Window) -> Float[Tensor, "S U 3"]:
        """Return the accelerations."""
        return (window.velocity[1:] - window.velocity[:-1]) * window.fps / self.sigma

    def jacobian(
        self, window: Window
    ) -> tuple[Float[Tensor, "S U 3 3"], Float[Tensor, "S U 3 3"], Float[Tensor, "S U 3 3"]]:
        """Return their derivatives by the three frames."""
        back, ahead = _velocity_slopes(window)
        scale = window.fps * window.fps / self.sigma[..., None]
        return back[:-1] * scale, -(ahead[1:] + back[1:]) * scale, ahead[1:] * scale


def _velocity_slopes(window: Window) -> tuple[Tensor, Tensor]:
    # d velocity / d step = fps * (step[t + 1] - back @ step[t])
    eye = torch.eye(3, dtype=window.state.place.dtype).expand(len(window) - 1, 1, 3, 3)
    back = torch.cat([window.turns_between.transpose(-1, -2), eye], dim=1)
    return back, torch.eye(3, dtype=back.dtype).expand_as(back)


def motion_scales(tuning: MotionTuning = FIT_TUNING.motion) -> tuple[Float[Tensor, "U 3"], Float[Tensor, "U 3"]]:
    """Return usual speeds and accelerations of the joints and of the pelvis."""
    usual = dict(tuning.accelerations)
    turns = [usual[name.rpartition("_")[2]] for name in CANONICAL_JOINTS]
    acceleration = torch.tensor([*([a] * 3 for a in turns), tuning.place_acceleration], dtype=torch.float64)
    speed = torch.tensor([*([tuning.speed] * 3 for _ in turns), tuning.place_speed], dtype=torch.float64)
    return speed, acceleration
