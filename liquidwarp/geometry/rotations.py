"""Rotations as axis-angle vectors and as matrices; both maps have finite gradients everywhere, zero included."""

import torch
from jaxtyping import Float
from torch import Tensor

_SMALL = 1e-4  # squared; below it series stand in for quotients of zeros, exact in float64


def axis_angle_to_matrix(axis_angle: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Turn axis-angle vectors (radians) into rotation matrices; differentiable at zero.

    Rodrigues: R = I + a K + b K^2 with K the cross product matrix of the vector v, a = sin |v| / |v| and
    b = (1 - cos |v|) / |v|^2, here as half the square of sin h / h with h = |v| / 2, which does not cancel.
    """
    squared = (axis_angle * axis_angle).sum(-1)[..., None, None]
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    outer = axis_angle[..., :, None] * axis_angle[..., None, :]
    eye = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    # K^2 = v v^T - |v|^2 I
    return eye + _sinc(squared) * cross + 0.5 * _sinc(squared / 4).square() * (outer - squared * eye)


def matrix_to_axis_angle(matrix: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 3"]:
    """Turn rotation matrices into axis-angle vectors (radians, angle in [0, pi]); accurate up to pi.

    Shepperd (1978): of the four products of the quaternion with one of its own elements, all linear in the matrix, take
    that of the largest element; its length does not matter to the angle nor to the axis.
    """
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in matrix.unbind(-2))
    x, y, z = h - f, c - g, d - b
    products = torch.stack(
        [
            *(1 + a - e - i, b + d, c + g, x),
            *(b + d, 1 - a + e - i, f + h, y),
            *(c + g, f + h, 1 - a - e + i, z),
            *(x, y, z, 1 + a + e + i),
        ],
        dim=-1,
    ).unflatten(-1, (4, 4))
    largest = products.diagonal(dim1=-2, dim2=-1).argmax(-1)[..., None, None]
    quaternion = products.gather(-2, largest.expand(*largest.shape[:-1], 4))[..., 0, :]
    quaternion = torch.where(quaternion[..., 3:] < 0, -quaternion, quaternion)  # the shorter way round
    vector, real = quaternion[..., :3], quaternion[..., 3:]
    squared = (vector * vector).sum(-1, keepdim=True)
    small = squared < _SMALL * real * real
    one = torch.ones_like(squared)
    real_small = torch.where(small, real, one)
    t = torch.where(small, squared, one) / (real_small * real_small)
    series = (1 - t * (1 / 3 - t * (1 / 5 - t / 7))) / real_small  # atan(r) / r with r^2 = t
    length = torch.where(small, one, squared).sqrt()
    return 2 * torch.where(small, series, torch.atan2(length, real) / length) * vector


def _sinc(squared: Tensor) -> Tensor:
    """Return sin(x) / x of x^2."""
    small = squared < _SMALL
    x = torch.where(small, torch.ones_like(squared), squared).sqrt()
    return torch.where(small, 1 - squared / 6 * (1 - squared / 20 * (1 - squared / 42)), x.sin() / x)
