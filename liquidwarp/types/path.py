"""How the camera of a clip turns and zooms."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from liquidwarp.types.camera import Camera


@dataclass(frozen=True, eq=False)
class CameraPath:
    """How a camera that stays about where it is turns and zooms in T frames.

    Convention: beside the clip's one camera, whose axes and lens are those of frames that did not turn:
        `frame = rotation @ camera` for points in its axes, and focal lengths are `zoom` times its own.

    Attributes:
        rotation: from the axes of the clip's camera into those of each frame.
        zoom: focal length of each frame, in focal lengths of the clip's camera.
    """

    rotation: Float[Tensor, "T 3 3"]
    zoom: Float[Tensor, "T"]

    def __len__(self) -> int:
        return self.zoom.shape[0]

    def __getitem__(self, frames: slice | Tensor) -> "CameraPath":
        """Return the path of some frames."""
        return CameraPath(self.rotation[frames], self.zoom[frames])

    def camera(self, camera: Camera, frame: int) -> Camera:
        """Return the camera of a frame; `camera` is the clip's."""
        turn = self.rotation[frame].to(camera.rotation)
        return replace(
            camera,
            focal=camera.focal * self.zoom[frame].to(camera.focal),
            rotation=turn @ camera.rotation,
            translation=turn @ camera.translation,
        )

    def cameras(self, camera: Camera) -> tuple[Camera, ...]:
        """Return the camera of each frame; `camera` is the clip's."""
        return tuple(self.camera(camera, frame) for frame in range(len(self)))
