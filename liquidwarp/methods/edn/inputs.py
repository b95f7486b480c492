"""What Everybody Dance Now is told of a frame: the drawing of the skeleton, and where the face is."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from liquidwarp.bodies.landmarks import OPENPOSE
from liquidwarp.labels import SkeletonPoints, draw_limbs

_CANVAS = 512  # rows of the picture that strokes are drawn in
_NOSE = OPENPOSE.index("nose")
_EARS = [OPENPOSE.index(name) for name in ("right_ear", "left_ear")]


def pose_drawing(skeleton: SkeletonPoints, of: tuple[int, int], size: tuple[int, int]) -> Float[Tensor, "3 H W"]:
    """Return the drawing of a whole picture, in [0, 1].

    Args:
        skeleton: of the person, in pixels of the picture.
        of: (height, width) of the picture.
        size: (height, width) of the drawing.
    """
    canvas = _CANVAS, round(_CANVAS * size[1] / size[0])
    drawn = draw_limbs(_scaled(skeleton, of, canvas), canvas)
    planes = torch.from_numpy(drawn).permute(2, 0, 1)[None].float() / 255
    return interpolate(planes, size=size, mode="bilinear", antialias=True, align_corners=False)[0]


def face_corner(skeleton: SkeletonPoints, of: tuple[int, int], size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return top and left of the square around the nose, else the ears, moved into the picture; (-1, -1) without.

    Args:
        skeleton: of the person, in pixels of the picture.
        of: (height, width) of the picture.
        size: (height, width) that the square is in.
        side: of the square.
    """
    points = _scaled(skeleton, of, size).body
    known = [index for index in (_NOSE,) if points[index, 2] > 0] or [i for i in _EARS if points[i, 2] > 0]
    if not known:
        return -1, -1
    x, y = points[known, :2].mean(0)
    top, left = round(float(y) - side / 2), round(float(x) - side / 2)
    return min(max(top, 0), size[0] - side), min(max(left, 0), size[1] - side)


def _scaled(skeleton: SkeletonPoints, of: tuple[int, int], size: tuple[int, int]) -> SkeletonPoints:
    body = skeleton.body.copy()
    body[:, :2] *= np.array([size[1] / of[1], size[0] / of[0]])
    return SkeletonPoints(body)
