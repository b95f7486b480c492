import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle


def random_axis_angles(count: int = 50) -> torch.Tensor:
    vectors = torch.randn(count, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    angles = torch.linspace(0, math.pi - 1e-3, count, dtype=torch.float64)
    return vectors / vectors.norm(dim=1, keepdim=True) * angles[:, None]


def test_matrices_equal_scipys() -> None:
    axis_angle = random_axis_angles()
    expected = torch.from_numpy(Rotation.from_rotvec(axis_angle.numpy()).as_matrix())
    torch.testing.assert_close(axis_angle_to_matrix(axis_angle), expected)


def test_axis_angles_come_back() -> None:
    axis_angle = random_axis_angles()
    torch.testing.assert_close(matrix_to_axis_angle(axis_angle_to_matrix(axis_angle)), axis_angle, atol=1e-9, rtol=0)


def test_long_turns_come_back_as_the_short_ones() -> None:
    turned = matrix_to_axis_angle(axis_angle_to_matrix(torch.tensor([0.0, 0.0, 2 * math.pi - 0.5])))
    torch.testing.assert_close(turned, torch.tensor([0.0, 0.0, -0.5]), atol=1e-5, rtol=0)


def test_any_number_of_leading_axes() -> None:
    assert axis_angle_to_matrix(torch.zeros(3)).shape == (3, 3)
    assert axis_angle_to_matrix(torch.zeros(2, 4, 5, 3)).shape == (2, 4, 5, 3, 3)


@pytest.mark.parametrize("scale", [0.0, 1e-8, 1.0])
def test_gradients_are_right_and_finite_at_zero(scale: float) -> None:
    axis_angle = torch.tensor([[0.3, -0.5, 0.8]], dtype=torch.float64) * scale
    axis_angle.requires_grad_()
    assert torch.autograd.gradcheck(axis_angle_to_matrix, (axis_angle,))
