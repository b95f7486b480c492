"""Terms that compare landmarks with what was seen of them: in the picture, as directions in space, and standing still.

Convention: camera axes, camera at the origin; pixels as `Camera`.
"""

from dataclasses import dataclass, replace

from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.fit.robust import Kernel
from liquidwarp.fit.term import Window
from liquidwarp.geometry import project_with_jacobian
from liquidwarp.types import Camera


@dataclass(frozen=True, eq=False)
class PictureTerm:
    """Landmarks fall where the detector saw them.

    Attributes:
        camera: the camera.
        image: landmarks in pixels.
        unit: one standard deviation in pixels, per frame.
        weight: trust in each landmark.
        kernel: robust kernel.
    """

    camera: Camera
    image: Float[Tensor, "T L 2"]
    unit: Float[Tensor, "T"]
    weight: Float[Tensor, "T L"]
    kernel: Kernel
    span = 1

    def __getitem__(self, frames: slice | Tensor) -> "PictureTerm":
        """Return some frames."""
        return replace(self, image=self.image[frames], unit=self.unit[frames], weight=self.weight[frames])

    def residual(self, window: Window) -> Float[Tensor, "T L 2"]:
        """Return the distances in the picture."""
        spots, _ = project_with_jacobian(self.camera, window.landmarks)
        return (spots - self.image) / self.unit[:, None, None]

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "T L 2 P"]]:
        """Return their derivatives."""
        _, slope = project_with_jacobian(self.camera, window.landmarks)
        return ((slope / self.unit[:, None, None, None]) @ window.landmark_jacobian,)


@dataclass(frozen=True, eq=False)
class DirectionTerm:
    """Limbs point where the detector's world landmarks say.

    Attributes:
        limbs: pairs of landmarks.
        directions: unit vectors of the limbs.
        sigma: standard deviations of a direction along X, Y and Z.
        weight: trust in each direction.
        kernel: robust kernel.
    """

    limbs: Int[Tensor, "M 2"]
    directions: Float[Tensor, "T M 3"]
    sigma: Float[Tensor, "3"]
    weight: Float[Tensor, "T M"]
    kernel: Kernel
    span = 1

    def __getitem__(self, frames: slice | Tensor) -> "DirectionTerm":
        """Return some frames."""
        return replace(self, directions=self.directions[frames], weight=self.weight[frames])

    def _units(self, window: Window) -> tuple[Tensor, Tensor]:
        start, end = self.limbs.unbind(dim=1)
        way = window.landmarks[:, end] - window.landmarks[:, start]
        length = way.norm(dim=-1, keepdim=True).clamp_min(1e-6)
        return way / length, length

    def residual(self, window: Window) -> Float[Tensor, "T M 3"]:
        """Return the differences of unit vectors."""
        unit, _ = self._units(window)
        return (unit - self.directions) / self.sigma

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "T M 3 P"]]:
        """Return their derivatives."""
        unit, length = self._units(window)
        start, end = self.limbs.unbind(dim=1)
        change = window.landmark_jacobian[:, end] - window.landmark_jacobian[:, start]
        change = change - unit[..., None] * (unit[..., None, :] @ change)
        return (change / (length * self.sigma)[..., None],)


@dataclass(frozen=True, eq=False)
class StandingTerm:
    """Feet that stand stay in place from frame to frame.

    Attributes:
        feet: landmarks of the feet.
        standing: trust that each stays where it is until the next frame.
        sigma: standard deviation of a standing foot's speed, m/s.
        kernel: robust kernel.
        scale: weight of the whole.
    """

    feet: Int[Tensor, "N"]
    standing: Float[Tensor, "T N"]
    sigma: float
    kernel: Kernel
    scale: float = 1.0
    span = 2

    def __getitem__(self, frames: slice | Tensor) -> "StandingTerm":
        """Return some frames."""
        return replace(self, standing=self.standing[frames])

    @property
    def weight(self) -> Float[Tensor, "S N"]:
        """Trust in each pair of frames."""
        return self.standing[:-1] * self.scale

    def residual(self, window: Window) -> Float[Tensor, "S N 3"]:
        """Return the speeds of the feet."""
        spots = window.landmarks[:, self.feet]
        return (spots[1:] - spots[:-1]) * (window.fps / self.sigma)

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "S N 3 P"], Float[Tensor, "S N 3 P"]]:
        """Return their derivatives by both frames."""
        slopes = window.landmark_jacobian[:, self.feet] * (window.fps / self.sigma)
        return -slopes[:-1], slopes[1:]
