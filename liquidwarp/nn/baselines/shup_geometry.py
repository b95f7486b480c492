"""What SHUP knows before it learns: where limbs are, and how each of them moves.

Source: Balakrishnan et al., "Synthesizing Images of Humans in Unseen Poses", CVPR 2018, sections 3.1 and 3.2.

Convention:
    Joints are 14, (x, y) in pixels, the centre of the first pixel at (0, 0): head, neck, right shoulder, elbow and
    wrist, the left ones, right hip, knee and ankle, the left ones. Transforms lead from the target to the source.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from liquidwarp.nn.baselines.pixels import homogeneous_pixels, pixel_offsets

JOINTS = 14
LIMBS = ((0, 1), (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (11, 12), (12, 13), (2, 5, 8, 11))
"""The joints of each limb; the torso has four, and comes last."""

_SHOULDERS, _HIPS = [2, 5], [8, 11]
_LEAST_VARIANCE, _LENGTH_FACTOR = 5.0, 1.5  # along a limb: squared pixels; its squared length is divided by the other
_WIDTH, _TORSO_WIDTH = 11.0, 13.0  # pixels, across a limb
_SIGMA = 1.75  # pixels of the half-size maps
_MAX_EPS, _LOG_EPS = 1e-6, 1e-10


def shup_heatmaps(joints: Float[Tensor, "B 14 2"], *, size: tuple[int, int]) -> Float[Tensor, "B 14 h w"]:
    """Draw a Gaussian per joint at half the size; a joint outside of the picture leaves its map empty.

    Args:
        joints: in pixels of the full picture.
        size: (height, width) of the full picture.
    """
    height, width = size[0] // 2, size[1] // 2
    at = joints / 2
    dx, dy = pixel_offsets(at, (height, width))
    inside = ((at >= 0) & (at < at.new_tensor([width, height]))).all(-1)
    return torch.exp(-(dx * dx + dy * dy) / (2 * _SIGMA**2)) * inside[..., None, None]


def shup_limb_masks(joints: Float[Tensor, "B 14 2"], *, size: tuple[int, int]) -> Float[Tensor, "B 10 H W"]:
    """Draw an oriented Gaussian around each limb, 1 at its brightest pixel.

    Args:
        joints: of the source, in pixels.
        size: (height, width).
    """
    torso = [joints[:, pair].mean(1) for pair in (_SHOULDERS, _HIPS)]
    start, end = (
        torch.cat([joints[:, [limb[side] for limb in LIMBS[:-1]]], torso[side][:, None]], 1) for side in (0, 1)
    )
    along = ((end - start).square().sum(-1) / _LENGTH_FACTOR).clamp(min=_LEAST_VARIANCE)
    across = along.new_tensor([_WIDTH**2] * (len(LIMBS) - 1) + [_TORSO_WIDTH**2]).expand_as(along)
    turn = torch.atan2(end[..., 1] - start[..., 1], start[..., 0] - end[..., 0])
    cos2, sin2 = turn.cos().square(), turn.sin().square()
    xx = cos2 / (2 * along) + sin2 / (2 * across)
    xy = torch.sin(2 * turn) * (1 / across - 1 / along) / 4
    yy = sin2 / (2 * along) + cos2 / (2 * across)
    dx, dy = pixel_offsets((start + end) / 2, size)
    xx, xy, yy = (value[..., None, None] for value in (xx, xy, yy))
    masks = torch.exp(-(xx * dx * dx + 2 * xy * dx * dy + yy * dy * dy))
    return masks / (masks.amax((-2, -1), keepdim=True) + _MAX_EPS)


def shup_prior(joints: Float[Tensor, "B 14 2"], *, size: tuple[int, int]) -> Float[Tensor, "B 11 H W"]:
    """Return the logarithm of background and limb masks, the background first; what is learned is added to it.

    Args:
        joints: of the source, in pixels.
        size: (height, width).
    """
    limbs = shup_limb_masks(joints, size=size)
    background = 1 - limbs.amax(1, keepdim=True)
    return torch.log(torch.cat([background, limbs], 1) + _LOG_EPS)


def shup_transforms(source: Float[Tensor, "B 14 2"], target: Float[Tensor, "B 14 2"]) -> Float[Tensor, "B 10 2 3"]:
    """Fit a similarity per limb, by least squares over its joints.

    Args:
        source: joints of the photo, in pixels.
        target: joints of the wanted pose, in pixels.

    Returns:
        Matrices M with `source = M (target, 1)`. Where all the joints of a target's limb are at one point, M leads
        everything to the middle of the source's.
    """
    return torch.stack([_similarity(target[:, list(limb)], source[:, list(limb)]) for limb in LIMBS], 1)


def shup_warp(pictures: Float[Tensor, "B K C H W"], transforms: Float[Tensor, "B K 2 3"]) -> Float[Tensor, "B K C H W"]:
    """Move pictures by affine transforms, bilinearly.

    Convention:
        `out[y, x] = in(M (x, y, 1))`, the centre of the first pixel at (0, 0). The picture is continued by one
        reflected pixel, and that by itself.

    Args:
        pictures: one for each transform.
        transforms: M, from pixels of the result to pixels of the picture.
    """
    batch, count, channels, height, width = pictures.shape
    framed = pad(pictures.flatten(0, 2)[None], (1, 1, 1, 1), mode="reflect").view(batch, count, channels, -1)
    at = (transforms @ homogeneous_pixels((height, width), transforms) + 1).to(pictures.dtype)
    low = at.floor()
    part = at - low
    total = torch.zeros_like(pictures).flatten(3)
    for right in (0, 1):
        for below in (0, 1):
            column = (low[..., 0, :] + right).clamp(0, width + 1)
            row = (low[..., 1, :] + below).clamp(0, height + 1)
            index = (row * (width + 2) + column).long()[:, :, None].expand(-1, -1, channels, -1)
            weight = (1 - right + (2 * right - 1) * part[..., 0, :]) * (1 - below + (2 * below - 1) * part[..., 1, :])
            total = total + weight[:, :, None] * framed.gather(-1, index)
    return total.view_as(pictures)


def _similarity(points: Tensor, images: Tensor) -> Tensor:
    point_mean, image_mean = points.mean(1), images.mean(1)
    p, q = points - point_mean[:, None], images - image_mean[:, None]
    spread = p.square().sum((1, 2))
    spread = torch.where(spread > 0, spread, torch.inf)
    a = (p * q).sum((1, 2)) / spread
    b = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(1) / spread
    linear = torch.stack([torch.stack([a, -b], -1), torch.stack([b, a], -1)], 1)
    shift = image_mean[..., None] - linear @ point_mean[..., None]
    return torch.cat([linear, shift], -1)
