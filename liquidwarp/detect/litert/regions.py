"""Rotated squares of a picture: what networks look at."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

_ALIASING = 2.5  # pixels of the picture per pixel of a crop, from which on it is made smaller first
_LEAD = (
    0.001  # of a side: MediaPipe's crops begin so much before ours, and landmark offsets were measured on its answers
)
_BLUR_FROM = 1.33  # pixels of a mask per pixel of the picture


@dataclass(frozen=True)
class SquareRegion:
    """A rotated square of a picture, or of the picture's mirror image.

    Convention:
        Pixels: origin at the picture's top-left corner, first pixel centre at (0.5, 0.5). Inside of the region
        coordinates run from 0 to 1, to its right and down.

    Attributes:
        x: middle in the picture, mirrored or not.
        y: the same.
        side: length in pixels.
        angle: how far it is turned clockwise, in radians, as the mirror shows it if `mirrored`.
        mirrored: seen in a mirror: left and right exchanged before it is turned.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0
    mirrored: bool = False

    @staticmethod
    def whole(size: tuple[int, int], *, mirrored: bool = False) -> "SquareRegion":
        """Return the square around a picture of (height, width)."""
        return SquareRegion(size[1] / 2, size[0] / 2, float(max(size)), 0.0, mirrored)

    @staticmethod
    def spanned(
        start: Float[np.ndarray, "2"], end: Float[np.ndarray, "2"], scale: float, *, mirrored: bool = False
    ) -> "SquareRegion":
        """Return the region around `start` that has `end` straight above: `scale` times as large as it has to be."""
        across, up = float(end[0] - start[0]), float(start[1] - end[1])
        angle = np.pi / 2 - np.arctan2(up, -across if mirrored else across)
        side = 2 * float(np.hypot(across, up)) * scale
        return SquareRegion(float(start[0]), float(start[1]), side, float(wrap(angle)), mirrored)

    def reflected(self) -> "SquareRegion":
        """Return the same square, seen in the mirror (or without it)."""
        return SquareRegion(self.x, self.y, self.side, -self.angle, not self.mirrored)

    def inside(self, box: Float[np.ndarray, "4"]) -> "SquareRegion":
        """Return the square of a box (left, top, right, bottom) in this region, as long as the box's longer side."""
        ((x, y),) = self.to_picture(np.array([[box[0] + box[2], box[1] + box[3]]]) / 2)
        side = self.side * float(max(box[2] - box[0], box[3] - box[1]))
        return SquareRegion(float(x), float(y), side, self.angle, self.mirrored)

    def turned(self, angle: float) -> "SquareRegion":
        """Return the square turned about its middle to another angle."""
        return replace(self, angle=wrap(angle))

    def scaled(self, factor: float) -> "SquareRegion":
        """Return the square grown about its middle."""
        return replace(self, side=factor * self.side)

    def moved_up(self, fraction: float) -> "SquareRegion":
        """Return the square moved along its own up by a fraction of its side."""
        x, y = np.array([self.x, self.y]) - fraction * self.side * self.axes[:, 1]
        return replace(self, x=float(x), y=float(y))

    @property
    def axes(self) -> Float[np.ndarray, "2 2"]:
        """Its right and its down (columns) in the picture, one pixel long."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        flip = -1.0 if self.mirrored else 1.0
        return np.array([[flip * cos, -flip * sin], [sin, cos]])

    def to_picture(self, points: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 2"]:
        """Map points of the region to pixels of the picture."""
        return (points - 0.5) * self.side @ self.axes.T + np.array([self.x, self.y])

    def turn_back(self, world: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
        """Turn points in space from the region's axes to the picture's."""
        turned = world.copy()
        turned[:, :2] = world[:, :2] @ self.axes.T
        return turned

    def crop(
        self, frame: UInt8[np.ndarray, "H W 3"], size: int, *, blank: bool = False
    ) -> UInt8[np.ndarray, "size size 3"]:
        """Return the region as a picture of `size` pixels.

        Args:
            frame: the picture.
            size: side of the crop.
            blank: black beyond the picture's border; otherwise the border's colours go on.
        """
        times = int(np.ceil(self.side / size / _ALIASING))
        matrix = self._sampling(size)
        if times > 1:
            frame, shrink = self._shrunk(frame, times)
            matrix = shrink[:, :1] * matrix + np.column_stack([np.zeros((2, 2)), shrink[:, 1]])
        border = cv2.BORDER_CONSTANT if blank else cv2.BORDER_REPLICATE
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(frame, matrix, (size, size), flags=flags, borderMode=border)

    def mask_back(self, mask: Float[np.ndarray, "S S"], size: tuple[int, int]) -> Float[np.ndarray, "H W"]:
        """Resample a mask of the region to a picture of (height, width); 0 outside of the region."""
        small = len(mask) / self.side
        if small > _BLUR_FROM:  # bilinear sampling alone would alias
            mask = cv2.GaussianBlur(mask, (0, 0), 0.5 * np.sqrt(small**2 - 1))
        return cv2.warpAffine(mask, self._sampling(len(mask)), size[::-1], flags=cv2.INTER_LINEAR)

    def _shrunk(self, frame: np.ndarray, times: int) -> tuple[np.ndarray, Float[np.ndarray, "2 2"]]:
        """Return the part of a picture that the region shows, so many times smaller.

        The second value leads there for cv2, which counts from the middle of the first pixel: factor and shift in x
        and in y.
        """
        height, width = frame.shape[:2]
        reach = np.abs(self.axes).sum(1) * self.side / 2 + 2 * times
        low = np.floor(np.array([self.x, self.y]) - reach).astype(int).clip(0, [width - 1, height - 1])
        high = np.ceil(np.array([self.x, self.y]) + reach).astype(int).clip(low + 1, [width, height])
        part = frame[low[1] : high[1], low[0] : high[0]]
        target = np.maximum(1, np.rint((high - low) / times).astype(int))
        factor = target / (high - low)
        shift = (0.5 - low) * factor - 0.5
        small = cv2.resize(part, (int(target[0]), int(target[1])), interpolation=cv2.INTER_AREA)
        return small, np.column_stack([factor, shift])

    def _sampling(self, size: int) -> Float[np.ndarray, "2 3"]:
        """Return the map from a crop's pixels to the picture's for cv2, which counts from the middle of the first."""
        linear = self.axes * (self.side / size)
        middle = np.array([self.x, self.y]) - 0.5
        return np.column_stack([linear, middle - linear @ np.full(2, (size - 1) / 2 + _LEAD * size)])


def upright(points: Float[np.ndarray, "N 2"], angle: float) -> SquareRegion:
    """Return the square around points whose sides are turned by `angle`."""
    axes = SquareRegion(0.0, 0.0, 1.0, angle).axes
    own = points @ axes
    x, y = axes @ ((own.min(0) + own.max(0)) / 2)
    return SquareRegion(float(x), float(y), float(np.ptp(own, axis=0).max()), angle)


def wrap(angle: float) -> float:
    """Return the same angle between -pi and pi."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)
