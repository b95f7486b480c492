"""Rotations of the SMPL family as they occur in files: axis-angle, matrices, and two ways of six numbers."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle

_NUMBERS = (3, 6, 9)  # of one rotation: axis-angle, two vectors, matrix
_BODIES = (22, 24, 52, 53, 55)  # joints of a whole pose; one less without the root
_SKEWED = 0.1  # how far a matrix may be from a rotation
_LEFT_KNEE, _RIGHT_KNEE, _LEFT_ELBOW, _RIGHT_ELBOW = 4, 5, 18, 19


def rotations(root: Any | None, body: Any, joints: int) -> Float[Tensor, "T J 3 3"]:
    """Read rotations of joints against their parents, the root's first.

    Args:
        root: of the root (T, 3), (T, 6), (T, 9), (T, 3, 3), with or without an axis of length 1; None where `body` has
            it first.
        body: of the joints, (T, J * n), (T, J, n) or (T, J, 3, 3), with 3 (axis-angle), 6 (two vectors) or 9 numbers (a
            matrix) a rotation.
        joints: how many to return.

    Raises:
        ValueError: the arrays are no such rotations, or too few.
    """
    parts = [_table(body, joints if root is None else joints - 1)]
    if root is not None:
        parts.insert(0, _table(root, 1))
    if len({len(part) for part in parts}) != 1:
        raise ValueError(f"{' and '.join(str(len(part)) for part in parts)} frames")
    if all(part.shape[2] == 6 for part in parts):
        return _from_two_vectors(np.concatenate(parts, axis=1))
    return torch.cat([_matrices(part) for part in parts], dim=1)


def joint_count(body: Any) -> int:
    """Return how many joints an array of rotations has."""
    return _table(body, 1, all_joints=True).shape[1]


def _table(array: Any, joints: int, *, all_joints: bool = False) -> Float[np.ndarray, "T J n"]:
    """Bring an array into the form (T, joints, numbers of a rotation)."""
    array = np.atleast_2d(np.asarray(array))
    if array.dtype.kind not in "fiu" or not array.size:
        raise ValueError(f"type {array.dtype} and shape {array.shape}, wanted numbers")
    tail = [length for length in array.shape[1:] if length != 1] or [1]
    width = int(np.prod(tail))
    if tail[-2:] == [3, 3] and (len(tail) > 2 or joints == 1):
        numbers = 9
    elif len(tail) > 1:
        numbers = tail[-1]
    elif joints == 1 and not all_joints:
        numbers = width
    else:
        whole = [*_BODIES, *(count - 1 for count in _BODIES)]
        numbers = next((n for n in (9, 6) if width % n == 0 and width // n in whole and width // 3 not in whole), 3)
    if numbers not in _NUMBERS or width % numbers or width // numbers < joints:
        raise ValueError(
            f"shape {array.shape}, wanted (frames, 72), 156 (SMPL-H) or 165 (SMPL-X) in axis-angle, or (frames, J, 3), "
            f"6 or 9 of {joints} joints or more"
        )
    table = array.reshape(len(array), -1, numbers).astype(np.float64)
    return table if all_joints else table[:, :joints]


def _matrices(table: Float[np.ndarray, "T J n"]) -> Float[Tensor, "T J 3 3"]:
    if table.shape[2] == 3:
        return axis_angle_to_matrix(torch.from_numpy(np.ascontiguousarray(table)))
    if table.shape[2] == 6:
        return _from_two_vectors(table)
    matrices = torch.from_numpy(table.reshape(*table.shape[:2], 3, 3))
    skew = (matrices.transpose(-1, -2) @ matrices - torch.eye(3, dtype=torch.float64)).abs()
    if not bool(skew.mean() < _SKEWED and (torch.linalg.det(matrices) > 0).all()):
        raise ValueError("matrices that are no rotations")
    left, _, right = torch.linalg.svd(matrices)
    return left @ right


def _from_two_vectors(table: Float[np.ndarray, "T J 6"]) -> Float[Tensor, "T J 3 3"]:
    """Read six numbers a rotation: two of its columns, one number of each in turn, or two rows or columns in full.

    Numbers in turn are known by that they make unit vectors across each other; rows from columns by how knees and
    elbows bend, for one reading is the other's inverse.
    """
    turned = table.reshape(*table.shape[:2], 3, 2).swapaxes(2, 3)
    whole = table.reshape(*table.shape[:2], 2, 3)
    if _skew(turned) < _skew(whole):
        return _completed(turned).transpose(-1, -2)
    rows = _completed(whole)
    if table.shape[1] <= _RIGHT_ELBOW:
        return rows
    angles = matrix_to_axis_angle(rows[:, [_LEFT_KNEE, _RIGHT_KNEE, _LEFT_ELBOW, _RIGHT_ELBOW]])
    bent = angles[:, :2, 0].sum() - angles[:, 2, 1].sum() + angles[:, 3, 1].sum()
    return rows if float(bent) >= 0 else rows.transpose(-1, -2)


def _skew(pairs: Float[np.ndarray, "T J 2 3"]) -> float:
    lengths = np.linalg.norm(pairs, axis=-1)
    return float(np.abs((pairs[:, :, 0] * pairs[:, :, 1]).sum(-1)).mean() + np.abs(lengths - 1).mean())


def _completed(pairs: Float[np.ndarray, "T J 2 3"]) -> Float[Tensor, "T J 3 3"]:
    """Return rotations of which two vectors are the first rows (Gram-Schmidt)."""
    first, second = torch.from_numpy(np.ascontiguousarray(pairs)).unbind(2)
    first = torch.nn.functional.normalize(first, dim=-1)
    second = torch.nn.functional.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-2)
