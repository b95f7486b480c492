"""How PG2 draws a pose, and where its loss looks twice.

Source: Ma et al., "Pose Guided Person Image Generation", NIPS 2017, section 3.1.

Convention:
    Joints are the 18 of COCO with a neck, (x, y) in pixels, the centre of the first pixel at (0, 0).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from liquidwarp.nn.baselines.pixels import pixel_offsets

JOINTS = 18
_RADIUS = 4  # pixels, of a joint's disc
_STEP = 4  # pixels between two discs along a limb
_CLOSING = 5  # pixels, the side of the square that fills gaps
_SEGMENTS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (1, 16), (1, 17), (8, 11), (11, 5), (8, 2), (16, 17)),
)


def pg2_heatmaps(
    joints: Float[Tensor, "18 2"], seen: Bool[Tensor, " 18"], *, size: tuple[int, int]
) -> Float[Tensor, "18 H W"]:
    """Draw a disc per joint: 1 within 4 pixels of the truncated joint, -1 elsewhere and for joints not seen.

    Args:
        joints: in pixels.
        seen: which joints are known.
        size: (height, width).
    """
    discs = _discs(joints.trunc(), size) & seen[:, None, None]
    return 2 * discs.to(joints) - 1


def pg2_body_mask(
    joints: Float[Tensor, "18 2"], seen: Bool[Tensor, " 18"], *, size: tuple[int, int]
) -> Bool[Tensor, "H W"]:
    """Return the pixels of the pose: discs at the joints and along the limbs between them, their gaps closed.

    Args:
        joints: in pixels.
        seen: which joints are known; limbs need both of theirs.
        size: (height, width).
    """
    places = [joints[seen]]
    for start, end in _SEGMENTS:
        if seen[start] and seen[end]:
            length = (joints[end] - joints[start]).norm()
            steps = torch.arange(0, float(length), _STEP, dtype=joints.dtype, device=joints.device)
            along = steps[:, None] / length.clamp(min=1)
            places.append(joints[start] + along * (joints[end] - joints[start]))
    mask = _discs(torch.cat(places).trunc(), size).any(0)
    half = _CLOSING // 2
    grown = max_pool2d(mask.to(joints)[None, None], _CLOSING, 1, half)
    shrunk = -max_pool2d(pad(-grown, (half, half, half, half), value=-1.0), _CLOSING, 1)
    return shrunk[0, 0] > 0


def _discs(centers: Tensor, size: tuple[int, int]) -> Tensor:
    dx, dy = pixel_offsets(centers, size)
    return dx * dx + dy * dy <= _RADIUS**2
