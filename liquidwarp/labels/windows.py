"""The rectangles that networks look at, cut out of whole pictures and put back."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from liquidwarp.bodies.landmarks import OPENPOSE
from liquidwarp.labels.skeleton import SkeletonPoints
from liquidwarp.types import Camera

_TALLER = 1.5  # a window's height in heights of a person
_LEAST = 0.25  # of a picture's height
_EYES = [OPENPOSE.index(name) for name in ("right_eye", "left_eye")]
_ANKLES = [OPENPOSE.index(name) for name in ("right_ankle", "left_ankle")]


@dataclass(frozen=True)
class CropWindow:
    """A rectangle of a picture, in whole pixels; it may reach beyond the picture.

    Attributes:
        left: of its first column.
        top: of its first row.
        height: in pixels of the picture.
        width: the same.
    """

    left: int
    top: int
    height: int
    width: int

    def holds(self, points: Float[np.ndarray, "N 2"]) -> bool:
        """Return whether all points (x, y) lie inside; False if there are none."""
        corner = np.array([self.left, self.top])
        beyond = corner + np.array([self.width, self.height])
        return len(points) > 0 and bool(((points >= corner) & (points <= beyond)).all())

    def scaled(self, scale: float, shift: tuple[float, float] = (0.0, 0.0)) -> "CropWindow":
        """Return a rectangle of another size around the same middle, at least a pixel wide and high.

        Args:
            scale: of its sides.
            shift: of its middle to the right and down, in sides of the result.
        """
        height, width = max(1, round(self.height * scale)), max(1, round(self.width * scale))
        left = self.left + (self.width - width) / 2 + shift[0] * width
        top = self.top + (self.height - height) / 2 + shift[1] * height
        return CropWindow(round(left), round(top), height, width)

    def camera(self, camera: Camera, size: tuple[int, int]) -> Camera:
        """Return the camera that sees this rectangle of a camera's picture at a (height, width)."""
        return camera.cropped((self.left, self.top), (self.height, self.width)).resized(size)

    def cut(self, picture: Float[Tensor, "C H W"], size: tuple[int, int]) -> Float[Tensor, "C h w"]:
        """Return the rectangle at a size; beyond the picture its border goes on."""
        height, width = picture.shape[1:]
        rows = torch.arange(self.top, self.top + self.height, device=picture.device).clamp(0, height - 1)
        columns = torch.arange(self.left, self.left + self.width, device=picture.device).clamp(0, width - 1)
        part = picture[:, rows][:, :, columns]
        if (self.height, self.width) == size:
            return part
        return interpolate(part[None], size=size, mode="bicubic", antialias=True, align_corners=False)[0]

    def paste(self, part: Float[Tensor, "C h w"], picture: Float[Tensor, "C H W"]) -> Float[Tensor, "C H W"]:
        """Return a picture with this rectangle replaced."""
        whole = picture.clone()
        own = interpolate(part[None], size=(self.height, self.width), mode="bilinear", antialias=True)[0]
        height, width = picture.shape[1:]
        top, left = max(0, self.top), max(0, self.left)
        bottom, right = min(height, self.top + self.height), min(width, self.left + self.width)
        if bottom > top and right > left:
            whole[:, top:bottom, left:right] = own[
                :, top - self.top : bottom - self.top, left - self.left : right - self.left
            ]
        return whole


def person_window(skeleton: SkeletonPoints, size: tuple[int, int], aspect: float) -> CropWindow:
    """Return the window around a person: half as high again as from the eyes to the ankles, as published.

    Args:
        skeleton: of the person; of one without a known point, the window is in the middle of the picture.
        size: (height, width) of the picture.
        aspect: width by height of the window.
    """
    points, known = skeleton.body[:, :2], skeleton.body[:, 2] > 0
    if not known.any():
        return CropWindow(round((size[1] - size[0] * aspect) / 2), 0, size[0], max(1, round(size[0] * aspect)))
    x, y = points[known].T
    eyes = [points[index, 1] for index in _EYES if known[index]]
    ankles = [points[index, 1] for index in _ANKLES if known[index]]
    top, bottom = max(y.min(), min(eyes, default=y.min())), max(ankles, default=y.max())
    height = float(np.clip(_TALLER * (bottom - top), _LEAST * size[0], size[0]))
    return _inside((x.min() + x.max()) / 2, (top + bottom) / 2, height, height * aspect, size)


def _inside(x: float, y: float, height: float, width: float, size: tuple[int, int]) -> CropWindow:
    """Return a window around a point, moved into the picture where it fits."""
    high, wide = max(1, round(height)), max(1, round(width))
    top, left = round(y - high / 2), round(x - wide / 2)
    if high <= size[0]:
        top = min(max(top, 0), size[0] - high)
    if wide <= size[1]:
        left = min(max(left, 0), size[1] - wide)
    return CropWindow(left, top, high, wide)
