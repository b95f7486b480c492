"""What the deformable skips of DSC move, and where to.

Source: Siarohin et al., "Deformable GANs for Pose-Based Human Image Generation", CVPR 2018, section 3.2.

Convention:
    Joints are the 18 of COCO with a neck, (x, y) in pixels, the centre of the first pixel at (0, 0): nose, neck, right
    shoulder, elbow and wrist, the left ones, right hip, knee and ankle, the left ones, two eyes, two ears. Transforms
    lead from the target to the source. Parts are in the order of `DSC_PARTS`.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from liquidwarp.nn.baselines.pixels import pixel_axes, pixel_offsets

JOINTS = 18
DSC_PARTS = (
    "torso",
    "head",
    "right thigh",
    "left thigh",
    "right shank",
    "left shank",
    "right upper arm",
    "left upper arm",
    "right forearm",
    "left forearm",
)

_TORSO = [8, 11, 5, 2]
_FACE = [0, 14, 15, 16, 17]
_SHOULDERS = [2, 5]
_LIMBS = ((8, 9), (11, 12), (9, 10), (12, 13), (2, 3), (5, 6), (3, 4), (6, 7))
_LOWER = (False, False, True, True, False, False, True, True)
_BEFORE = 0.1  # of its length, by which a limb begins before its joint
_BEYOND, _BEYOND_LOWER, _BEYOND_LOWER_MASK = 0.1, 0.3, 0.5  # by which it goes on after the other
_HALF_WIDTH = 0.2  # of a limb, in lengths of the torso
_HEAD_SIZE = 0.4  # half the side of the head's box, in lengths of the torso
_FAR = 1000.0  # pixels: a part moved so far is nowhere
_SIGMA = 6.0  # pixels, of the maps
_FLAT = 1e-9


def dsc_heatmaps(
    joints: Float[Tensor, "18 2"], seen: Bool[Tensor, " 18"], *, size: tuple[int, int]
) -> Float[Tensor, "18 H W"]:
    """Draw a Gaussian per joint; the map of a joint that is not seen is empty.

    Args:
        joints: in pixels.
        seen: which joints are known.
        size: (height, width).
    """
    dx, dy = pixel_offsets(joints, size)
    maps = torch.exp(-(dx * dx + dy * dy) / (2 * _SIGMA**2))
    return torch.where(seen[:, None, None], maps, 0.0)


def dsc_transforms(
    source: Float[Tensor, "18 2"],
    source_seen: Bool[Tensor, " 18"],
    target: Float[Tensor, "18 2"],
    target_seen: Bool[Tensor, " 18"],
) -> Float[Tensor, "10 2 3"]:
    """Fit an affine transform per part, by total least squares.

    The torso follows hips and shoulders, the head the face and the shoulders, a limb the rectangle around it. A limb
    that the source does not show is taken from its other side.

    Args:
        source: joints of the photo, in pixels.
        source_seen: which of them are known.
        target: joints of the wanted pose, in pixels.
        target_seen: which of them are known.

    Returns:
        Matrices M with `source = M (target, 1)`; of a part that is not known, a translation out of the picture. Without
        shoulders and hips in both poses, of every part.
    """
    far = target.new_tensor([[1, 0, _FAR], [0, 1, _FAR]])
    if not (source_seen[_TORSO].all() and target_seen[_TORSO].all()):
        return far.expand(len(DSC_PARTS), 2, 3).clone()
    found = [_affine(target[_TORSO], source[_TORSO])]
    face = [joint for joint in _FACE if source_seen[joint] and target_seen[joint]]
    head = [*face, *_SHOULDERS]
    found.append(_affine(target[head], source[head]) if face else None)
    scales = torso_length(source), torso_length(target)
    for number, limb in enumerate(_LIMBS):
        beyond = _BEYOND_LOWER if _LOWER[number] else _BEYOND
        sides = (limb, _LIMBS[number ^ 1])
        shown = next((side for side in sides if source_seen[list(side)].all()), None)
        if shown is None or not target_seen[list(limb)].all():
            found.append(None)
            continue
        to = _rectangle(target[list(limb)], scales[1], beyond)
        found.append(_affine(to, _rectangle(source[list(shown)], scales[0], beyond)))
    return torch.stack([far if matrix is None else matrix for matrix in found])


def dsc_masks(
    target: Float[Tensor, "18 2"], seen: Bool[Tensor, " 18"], *, size: tuple[int, int]
) -> Bool[Tensor, "10 H W"]:
    """Return where each part of the wanted pose lies; the torso's mask is the whole picture, with the background.

    Args:
        target: joints of the wanted pose, in pixels.
        seen: which of them are known; of an unknown part, and without shoulders and hips, the mask is empty.
        size: (height, width).
    """
    x, y = pixel_axes(size, target)
    masks = torch.zeros(len(DSC_PARTS), *size, dtype=torch.bool, device=target.device)
    if not seen[_TORSO].all():
        return masks
    masks[0] = True
    scale = torso_length(target)
    face = [joint for joint in _FACE if seen[joint]]
    if face:
        center, half = target[face].mean(0).trunc(), (_HEAD_SIZE * scale).trunc()
        low, high = center - half, center + half
        masks[1] = (x >= low[0]) & (x < high[0]) & (y >= low[1]) & (y < high[1])
    for number, limb in enumerate(_LIMBS):
        if seen[list(limb)].all():
            beyond = _BEYOND_LOWER_MASK if _LOWER[number] else _BEYOND
            masks[2 + number] = _inside(_rectangle(target[list(limb)], scale, beyond), x, y)
    return masks


def torso_length(joints: Float[Tensor, "18 2"]) -> Float[Tensor, ""]:
    """Return the root mean square of the distances from shoulder to hip, in pixels."""
    right_hip, left_hip, left_shoulder, right_shoulder = joints[_TORSO]
    right, left = right_hip - right_shoulder, left_hip - left_shoulder
    return ((right.square().sum() + left.square().sum()) / 2).sqrt()


def _rectangle(ends: Tensor, scale: Tensor, beyond: float) -> Tensor:
    """Return the four corners around a limb; its length beyond the end is measured from the moved start."""
    start, end = ends
    start = start + _BEFORE * (start - end)
    end = end + beyond * (end - start)
    along = start - end
    across = torch.stack([-along[1], along[0]]) / along.norm().clamp(min=_FLAT)
    side = _HALF_WIDTH * scale * across
    return torch.stack([start + side, start - side, end - side, end + side])


def _inside(corners: Tensor, x: Tensor, y: Tensor) -> Tensor:
    turns = []
    for a, b in zip(corners, corners.roll(-1, 0), strict=True):
        turns.append((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]))
    turn = torch.stack(turns)
    # The sum is twice the area: a limb seen end on contains nothing.
    return ((turn >= 0).all(0) | (turn <= 0).all(0)) & (turn.sum(0) != 0)


def _affine(points: Tensor, images: Tensor) -> Tensor | None:
    """Fit `images = M (points, 1)`: the smallest singular vector of the homogeneous system of normalised points."""
    dtype = points.dtype
    points, images = points.double(), images.double()
    if torch.linalg.matrix_rank(points - points.mean(0), rtol=_FLAT) < 2 or (images == images[0]).all():
        return None
    to_points, p = _normalised(points)
    to_images, q = _normalised(images)
    one, none = torch.ones_like(p[:, :1]), torch.zeros_like(p)
    horizontal = torch.cat([p, one, none, 0 * one, -q[:, :1]], 1)
    vertical = torch.cat([none, 0 * one, p, one, -q[:, 1:]], 1)
    vector = torch.linalg.svd(torch.cat([horizontal, vertical]))[2][-1]
    if vector[6].abs() < _FLAT:
        return None
    last = points.new_tensor([[0, 0, 1]])
    linear = torch.cat([(vector[:6] / vector[6]).view(2, 3), last])
    return (torch.linalg.inv(to_images) @ linear @ to_points)[:2].to(dtype)


def _normalised(points: Tensor) -> tuple[Tensor, Tensor]:
    """Return the matrix that centres points and scales their distances to a root mean square of sqrt(2), and those."""
    mean = points.mean(0)
    scale = 2**0.5 / (points - mean).square().sum(1).mean().sqrt()
    matrix = torch.eye(3).to(points)
    matrix[:2] *= scale
    matrix[:2, 2] = -scale * mean
    return matrix, (points - mean) * scale
