"""Terms that look at one canonical joint as a rigid piece: how it is turned in space, and where its points are seen.

The head's turn comes from the face's mesh, a hand's from its own landmarks (`fit.close_looks`).

Convention: camera axes, camera at the origin; pixels as `Camera`.
"""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from liquidwarp.fit.prior import cross_matrix, inverse_right_jacobian
from liquidwarp.fit.robust import Kernel
from liquidwarp.fit.term import Window
from liquidwarp.geometry import matrix_to_axis_angle, project_with_jacobian
from liquidwarp.types import Camera


@dataclass(frozen=True, eq=False)
class TurnTerm:
    """A joint is turned in space as it was seen to be.

    Attributes:
        joint: index of the canonical joint.
        turns: its orientation as seen; the identity at rest.
        sigma: standard deviation, radians.
        trust: weight of each frame, 0 where nothing was seen.
        kernel: robust kernel.
    """

    joint: int
    turns: Float[Tensor, "T 3 3"]
    sigma: float
    trust: Float[Tensor, "T"]
    kernel: Kernel
    span = 1

    def __getitem__(self, frames: slice | Tensor) -> "TurnTerm":
        """Return some frames."""
        return replace(self, turns=self.turns[frames], trust=self.trust[frames])

    @property
    def weight(self) -> Float[Tensor, "T 1"]:
        """Weight of each frame."""
        return self.trust[:, None]

    def residual(self, window: Window) -> Float[Tensor, "T 1 3"]:
        """Return the turns from what was seen to what is posed, about the joint's own axes."""
        return self._apart(window)[:, None] / self.sigma

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "T 1 3 P"]]:
        """Return their derivatives."""
        turn = window.posed.turns[:, self.joint]
        slope = inverse_right_jacobian(self._apart(window)) @ turn.transpose(1, 2) @ joint_spin(window, self.joint)
        return (slope[:, None] / self.sigma,)

    def _apart(self, window: Window) -> Float[Tensor, "T 3"]:
        return matrix_to_axis_angle(self.turns.transpose(1, 2) @ window.posed.turns[:, self.joint])


@dataclass(frozen=True, eq=False)
class CarriedPointTerm:
    """A point that a joint carries falls where it was seen in the picture.

    Attributes:
        camera: the camera.
        joint: index of the canonical joint.
        offset: from the joint to the point at rest, metres.
        image: the point as seen, pixels.
        unit: one standard deviation in pixels, per frame.
        trust: weight of each frame, 0 where nothing was seen.
        kernel: robust kernel.
    """

    camera: Camera
    joint: int
    offset: Float[Tensor, "3"]
    image: Float[Tensor, "T 2"]
    unit: Float[Tensor, "T"]
    trust: Float[Tensor, "T"]
    kernel: Kernel
    span = 1

    def __getitem__(self, frames: slice | Tensor) -> "CarriedPointTerm":
        """Return some frames."""
        return replace(self, image=self.image[frames], unit=self.unit[frames], trust=self.trust[frames])

    @property
    def weight(self) -> Float[Tensor, "T 1"]:
        """Weight of each frame."""
        return self.trust[:, None]

    def residual(self, window: Window) -> Float[Tensor, "T 1 2"]:
        """Return the distances in the picture."""
        spot, _ = project_with_jacobian(self.camera, self._place(window)[:, None])
        return (spot - self.image[:, None]) / self.unit[:, None, None]

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "T 1 2 P"]]:
        """Return their derivatives."""
        place = self._place(window)
        _, slope = project_with_jacobian(self.camera, place[:, None])
        arm = place - window.joints[:, self.joint]
        moved = window.joint_jacobian[:, self.joint] - cross_matrix(arm) @ joint_spin(window, self.joint)
        return ((slope / self.unit[:, None, None, None]) @ moved[:, None],)

    def _place(self, window: Window) -> Float[Tensor, "T 3"]:
        return window.joints[:, self.joint] + window.posed.turns[:, self.joint] @ self.offset


def joint_spin(window: Window, joint: int) -> Float[Tensor, "T 3 P"]:
    """Return the derivative of a joint's orientation by the unknowns of its frame, as a turn in camera axes."""
    spin = window.state.place.new_zeros(len(window), 3, window.unknowns)
    above = joint
    while above >= 0:
        spin[..., 3 * above : 3 * above + 3] = window.posed.turns[:, above]
        above = window.skeleton.parents[above]
    return spin
