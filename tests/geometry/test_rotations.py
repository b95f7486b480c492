import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle

ANGLES = [0.0, 1e-12, 1e-7, 1e-4, 9.99e-3, 1.0001e-2, 0.0199, 0.0201, 0.5, 2.0, math.pi - 1e-3, math.pi - 1e-8]
CLOSE = {"atol": 1e-14, "rtol": 1e-14}


def axes() -> torch.Tensor:
    """Axes in all directions, the coordinate axes and diagonals among them."""
    random = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plain = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)] * 3)
    vectors = torch.cat([random, plain[plain.abs().sum(-1) > 0]])
    return vectors / vectors.norm(dim=1, keepdim=True)


def random_axis_angles(count: int = 50) -> torch.Tensor:
    vectors = torch.randn(count, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    angles = torch.linspace(0, math.pi - 1e-3, count, dtype=torch.float64)
    return vectors / vectors.norm(dim=1, keepdim=True) * angles[:, None]


@pytest.mark.parametrize("angle", [*ANGLES, math.pi, 4.0, 7.0, 100.0])
def test_matrices_equal_scipys(angle: float) -> None:
    axis_angle = axes() * angle
    expected = torch.from_numpy(Rotation.from_rotvec(axis_angle.numpy()).as_matrix())
    torch.testing.assert_close(axis_angle_to_matrix(axis_angle), expected, atol=2e-14, rtol=0)


@pytest.mark.parametrize("angle", ANGLES)
def test_axis_angles_equal_scipys_and_come_back(angle: float) -> None:
    axis_angle = axes() * angle
    matrix = torch.from_numpy(Rotation.from_rotvec(axis_angle.numpy()).as_matrix())
    found = matrix_to_axis_angle(matrix)
    torch.testing.assert_close(found, torch.from_numpy(Rotation.from_matrix(matrix.numpy()).as_rotvec()), **CLOSE)
    torch.testing.assert_close(matrix_to_axis_angle(axis_angle_to_matrix(axis_angle)), axis_angle, **CLOSE)


def test_half_turns_come_back_up_to_their_sign() -> None:
    axis_angle = axes() * math.pi
    found = matrix_to_axis_angle(axis_angle_to_matrix(axis_angle))
    sign = (found * axis_angle).sum(-1, keepdim=True).sign()
    torch.testing.assert_close(found * sign, axis_angle, atol=1e-14, rtol=0)


def test_single_precision_is_kept_and_enough() -> None:
    axis_angle = torch.cat([axes() * angle for angle in ANGLES[:-2]]).float()
    matrix = axis_angle_to_matrix(axis_angle)
    assert matrix.dtype == torch.float32
    expected = Rotation.from_rotvec(axis_angle.double().numpy()).as_matrix()
    np.testing.assert_allclose(matrix.numpy(), expected, atol=4e-7)
    torch.testing.assert_close(matrix_to_axis_angle(matrix), axis_angle, atol=2e-6, rtol=0)


def test_long_turns_come_back_as_the_short_ones() -> None:
    turned = matrix_to_axis_angle(axis_angle_to_matrix(torch.tensor([0.0, 0.0, 2 * math.pi - 0.5])))
    torch.testing.assert_close(turned, torch.tensor([0.0, 0.0, -0.5]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(), (0,), (7,), (2, 4, 5)])
def test_any_number_of_leading_axes(shape: tuple[int, ...]) -> None:
    matrix = axis_angle_to_matrix(torch.zeros(*shape, 3))
    assert matrix.shape == (*shape, 3, 3)
    assert matrix_to_axis_angle(matrix).shape == (*shape, 3)


@pytest.mark.parametrize("angle", ANGLES)
def test_gradients_are_right_and_finite(angle: float) -> None:
    axis_angle = (axes()[::6] * angle).requires_grad_()
    assert torch.autograd.gradcheck(axis_angle_to_matrix, (axis_angle,))
    if angle < math.pi - 1e-4:  # a step of the numeric derivative may not pass pi, where the short way changes sides
        base = axis_angle_to_matrix(axis_angle.detach())
        step = torch.zeros_like(axis_angle, requires_grad=True)  # off the rotations, the map is not unique
        assert torch.autograd.gradcheck(lambda turn: matrix_to_axis_angle(base @ axis_angle_to_matrix(turn)), (step,))


@pytest.mark.parametrize("angle", [0.0, 1e-30, math.pi])
def test_gradients_there_and_back_are_finite_at_the_ends(angle: float) -> None:
    axis_angle = (axes().float() * angle).requires_grad_()
    matrix_to_axis_angle(axis_angle_to_matrix(axis_angle)).sum().backward()
    assert bool(torch.isfinite(axis_angle.grad).all())
    if angle < 1:
        torch.testing.assert_close(axis_angle.grad, torch.ones_like(axis_angle))
