import math

import pytest
import torch

from liquidwarp.geometry import default_camera, look_at_camera, project, view_normals
from liquidwarp.types import Camera

UP, DOWN = torch.tensor([0.0, -1.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])


def random_points(count: int = 20) -> torch.Tensor:
    points = torch.randn(count, 3, generator=torch.Generator().manual_seed(0))
    points[:, 2] += 5
    return points


@pytest.mark.parametrize("orthographic", [False, True])
def test_project_follows_the_written_formula(orthographic: bool) -> None:
    base = Camera.create(200.0, (100, 160), (70.0, 55.0), orthographic=orthographic)
    camera = look_at_camera(base, torch.tensor([0.1, 0.2, 5.0]), azimuth=0.4, elevation=0.2)
    points = random_points()
    result = project(camera, points)
    for point, (x, y, z) in zip(points.tolist(), result.tolist(), strict=True):
        local = [
            sum(float(camera.rotation[row, k]) * point[k] for k in range(3)) + float(camera.translation[row])
            for row in range(3)
        ]
        divide = 1.0 if orthographic else local[2]
        assert x == pytest.approx(200 * local[0] / divide + 70, abs=1e-2)
        assert y == pytest.approx(200 * local[1] / divide + 55, abs=1e-2)
        assert z == pytest.approx(local[2], abs=1e-5)


def test_right_is_right_and_down_is_down() -> None:
    camera = default_camera((100, 100))
    middle, right, down = project(camera, torch.tensor([[0.0, 0, 3], [0.5, 0, 3], [0, 0.5, 3]]))
    assert middle[:2].tolist() == [50.0, 50.0]
    assert right[0] > 50
    assert right[1] == 50
    assert down[1] > 50
    assert down[0] == 50


def test_default_camera_sees_forty_degrees_along_the_longer_side() -> None:
    camera = default_camera((100, 200))
    edge = math.tan(math.radians(20)) * 3
    assert project(camera, torch.tensor([edge, 0.0, 3.0]))[0] == pytest.approx(200, abs=1e-3)


def test_project_has_the_right_gradients() -> None:
    camera = look_at_camera(default_camera((64, 64)), torch.tensor([0.0, 0, 4]), azimuth=0.5)
    points = random_points(4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda p: project(camera, p), (points,))


def test_project_is_finite_at_the_camera_and_tells_by_z() -> None:
    result = project(default_camera((64, 64)), torch.tensor([[0.0, 0, 0], [0.3, 0, 0], [0, 0, -2]]))
    assert torch.isfinite(result).all()
    assert (result[:, 2] <= 0).all()


def test_a_resized_camera_sees_the_same_view() -> None:
    camera = Camera.create(150.0, (80, 120), (50.0, 45.0))
    before, after = project(camera, random_points()), project(camera.resized((160, 60)), random_points())
    torch.testing.assert_close(after[:, :2], before[:, :2] * torch.tensor([60 / 120, 160 / 80]))
    torch.testing.assert_close(after[:, 2], before[:, 2])


@pytest.mark.parametrize("azimuth", [0.0, 0.7, math.pi / 2, math.pi, -2.0])
@pytest.mark.parametrize("elevation", [0.0, 0.6, -0.6, math.pi / 2, -math.pi / 2])
def test_look_at_keeps_the_target_in_the_middle(azimuth: float, elevation: float) -> None:
    base = Camera.create(200.0, (100, 160), (70.0, 55.0))
    target = torch.tensor([0.3, -0.2, 4.0])
    camera = look_at_camera(base, target, azimuth=azimuth, elevation=elevation, distance=2.5)
    torch.testing.assert_close(project(camera, target), torch.tensor([70.0, 55.0, 2.5]), atol=1e-4, rtol=0)
    torch.testing.assert_close(camera.rotation @ camera.rotation.T, torch.eye(3), atol=1e-6, rtol=0)
    assert torch.linalg.det(camera.rotation) == pytest.approx(1, abs=1e-6)


def test_look_at_straight_ahead_is_the_camera_itself() -> None:
    base = default_camera((100, 160))
    camera = look_at_camera(base, torch.tensor([0.0, 0.0, 4.0]), azimuth=0.0)
    torch.testing.assert_close(camera.rotation, base.rotation)
    torch.testing.assert_close(camera.translation, base.translation)


def test_look_at_walks_towards_positive_x_and_climbs() -> None:
    target = torch.tensor([0.0, 0.0, 4.0])
    side = look_at_camera(default_camera((9, 9)), target, azimuth=math.pi / 2)
    above = look_at_camera(default_camera((9, 9)), target, azimuth=0.0, elevation=0.5)
    eye_side = -side.rotation.T @ side.translation
    eye_above = -above.rotation.T @ above.translation
    torch.testing.assert_close(eye_side, torch.tensor([4.0, 0.0, 4.0]), atol=1e-5, rtol=0)
    assert eye_above[1] < 0  # up is -Y
    assert project(above, target + 0.1 * UP)[1] < project(above, target + 0.1 * DOWN)[1]


def test_view_normals_turn_with_the_camera() -> None:
    camera = look_at_camera(default_camera((9, 9)), torch.tensor([0.0, 0.0, 4.0]), azimuth=math.pi / 2)
    facing = view_normals(camera, torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, -1, 0]]))
    expected = torch.tensor([[0.0, 0, -1], [0, 0, 1], [0, -1, 0]])
    torch.testing.assert_close(facing, expected, atol=1e-6, rtol=0)
