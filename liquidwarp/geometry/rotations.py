"""Rotations, by `roma`."""

import roma
from jaxtyping import Float
from torch import Tensor


def axis_angle_to_matrix(axis_angle: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Turn axis-angle vectors (radians) into rotation matrices; differentiable at zero."""
    return roma.rotvec_to_rotmat(axis_angle)


def matrix_to_axis_angle(matrix: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 3"]:
    """Turn rotation matrices into axis-angle vectors (radians, angle in [0, pi])."""
    return roma.rotmat_to_rotvec(matrix)
