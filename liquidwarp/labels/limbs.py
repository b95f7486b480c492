"""The drawing of a skeleton as OpenPose's 18 points and tapering limbs, which DisCo's pose branch looks at."""

import math

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from liquidwarp.bodies.landmarks import OPENPOSE
from liquidwarp.labels.skeleton import SkeletonPoints
from liquidwarp.labels.windows import CropWindow

_POINTS = tuple(index for index, name in enumerate(OPENPOSE[:19]) if name != "mid_hip")
_NECK, _SHOULDERS = 1, (2, 5)
_LIMBS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
_COLORS = (
    *((255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0)),
    *((0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255)),
    *((170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85)),
)
_RADIUS = 4  # pixels, of points and of half a limb's width
_KEPT, _ADDED = 0.4, 0.6  # of the drawing before a limb, and with it
_CANVAS = 604  # pixels of a side that networks saw drawings made at


def draw_limbs(skeleton: SkeletonPoints, size: tuple[int, int]) -> UInt8[np.ndarray, "H W 3"]:
    """Draw a skeleton on black: points, then limbs, three fifths of each over what was there.

    Args:
        skeleton: of the person, in pixels of the drawing; points may lie beyond it.
        size: (height, width).
    """
    picture = np.zeros((*size, 3), np.uint8)
    points = skeleton.body[list(_POINTS)]
    left, right = points[_SHOULDERS[0]], points[_SHOULDERS[1]]
    points[_NECK] = (left + right) / 2 if left[2] > 0 and right[2] > 0 else 0.0
    for point, color in zip(points, _COLORS, strict=True):
        if point[2] > 0:
            cv2.circle(picture, (int(point[0]), int(point[1])), _RADIUS, color, -1)
    for (start, end), color in zip(_LIMBS, _COLORS, strict=False):
        if points[start, 2] > 0 and points[end, 2] > 0:
            with_limb = picture.copy()
            cv2.fillConvexPoly(with_limb, _ellipse(points[start, :2], points[end, :2]), color)
            picture = cv2.addWeighted(picture, _KEPT, with_limb, _ADDED, 0)
    return picture


def limb_map(skeleton: SkeletonPoints, window: CropWindow, side: int) -> Float[Tensor, "3 S S"]:
    """Return the drawing of a square window, in [0, 1], with strokes as thick as networks know them.

    Args:
        skeleton: of the person, in pixels of the whole picture.
        window: of it.
        side: pixels of a side of the result.
    """
    moved = skeleton.body.copy()
    scale = _CANVAS / np.array([window.width, window.height])
    moved[:, :2] = (moved[:, :2] - np.array([window.left, window.top])) * scale
    drawn = torch.from_numpy(draw_limbs(SkeletonPoints(moved), (_CANVAS, _CANVAS))).permute(2, 0, 1)[None].float() / 255
    return interpolate(drawn, size=(side, side), mode="bilinear", antialias=True, align_corners=False)[0]


def _ellipse(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    across, down = end - start
    middle = (start + end) / 2
    half = int(math.hypot(across, down) / 2)
    angle = int(math.degrees(math.atan2(down, across)))
    return np.asarray(cv2.ellipse2Poly((int(middle[0]), int(middle[1])), (half, _RADIUS), angle, 0, 360, 1))
