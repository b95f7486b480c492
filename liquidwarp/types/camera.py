"""Cameras."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole or orthographic camera; a value, not a renderer.

    Convention:
        OpenCV axes: +X right, +Y down, +Z away from the camera; metres. `camera = rotation @ world + translation`.
        Pixels: origin at the top-left corner of the picture, first pixel centre at (0.5, 0.5).
        Perspective:  x = focal[0] * X / Z + center[0].
        Orthographic: x = focal[0] * X + center[0] (focal in pixels per metre).

    Attributes:
        focal: horizontal and vertical focal length in pixels (pixels per metre if orthographic).
        center: principal point in pixels.
        size: (height, width) of the picture.
        rotation: world to camera.
        translation: world to camera, metres.
        orthographic: no perspective divide.
    """

    focal: Float[Tensor, "2"]
    center: Float[Tensor, "2"]
    size: tuple[int, int]
    rotation: Float[Tensor, "3 3"]
    translation: Float[Tensor, "3"]
    orthographic: bool = False

    @staticmethod
    def create(
        focal: float, size: tuple[int, int], center: tuple[float, float] | None = None, *, orthographic: bool = False
    ) -> "Camera":
        """Make a camera with square pixels at the world's origin; `center` is the picture's middle by default."""
        height, width = size
        middle = center if center is not None else (width / 2, height / 2)
        return Camera(
            torch.tensor([focal, focal], dtype=torch.float32),
            torch.tensor(middle, dtype=torch.float32),
            (int(height), int(width)),
            torch.eye(3),
            torch.zeros(3),
            orthographic,
        )

    def resized(self, size: tuple[int, int]) -> "Camera":
        """Return the camera of the same view sampled at another (height, width)."""
        scale = self.focal.new_tensor([size[1] / self.size[1], size[0] / self.size[0]])
        return replace(self, focal=self.focal * scale, center=self.center * scale, size=(int(size[0]), int(size[1])))
