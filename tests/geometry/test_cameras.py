import math
from dataclasses import replace

import pytest
import torch

from liquidwarp.errors import InputError
from liquidwarp.geometry import (
    axis_angle_to_matrix,
    default_camera,
    distance_of_length,
    field_of_view,
    length_in_metres,
    length_in_pixels,
    look_at_camera,
    orbit_camera,
    pixel_centers,
    pose_to_camera,
    pose_to_world,
    project,
    project_with_jacobian,
)
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
    torch.testing.assert_close(side.eye, torch.tensor([4.0, 0.0, 4.0]), atol=1e-5, rtol=0)
    assert above.eye[1] < 0  # up is -Y
    assert project(above, target + 0.1 * UP)[1] < project(above, target + 0.1 * DOWN)[1]


def test_normals_turn_with_the_camera() -> None:
    camera = look_at_camera(default_camera((9, 9)), torch.tensor([0.0, 0.0, 4.0]), azimuth=math.pi / 2)
    facing = camera.turn_to_camera(torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, -1, 0]]))
    expected = torch.tensor([[0.0, 0, -1], [0, 0, 1], [0, -1, 0]])
    torch.testing.assert_close(facing, expected, atol=1e-6, rtol=0)


def moved(orthographic: bool = False, azimuth: float = 0.4) -> Camera:
    base = Camera.create(200.0, (100, 160), (70.0, 55.0), orthographic=orthographic)
    return look_at_camera(base, torch.tensor([0.1, 0.2, 5.0]), azimuth=azimuth, elevation=0.2)


both = pytest.mark.parametrize("orthographic", [False, True])


@both
def test_a_batch_does_what_its_cameras_do(orthographic: bool) -> None:
    cameras = [moved(orthographic, azimuth) for azimuth in (-0.5, 0.1, 2.0)]
    batch = Camera.stack(cameras)
    points = torch.randn(3, 4, 5, 3, generator=torch.Generator().manual_seed(1)) + torch.tensor([0.0, 0.0, 5.0])
    pixels = 100 * points[..., :2]
    calls = {
        "project": lambda camera, p, _: project(camera, p),
        "to_camera": lambda camera, p, _: camera.to_camera(p),
        "to_world": lambda camera, p, _: camera.to_world(p),
        "turn_to_camera": lambda camera, p, _: camera.turn_to_camera(p),
        "turn_to_world": lambda camera, p, _: camera.turn_to_world(p),
        "to_pixels": lambda camera, p, _: camera.to_pixels(p),
        "on_plane": lambda camera, _, xy: camera.on_plane(xy),
        "rays": lambda camera, _, xy: torch.cat(camera.rays(xy), -1),
        "toward": lambda camera, p, _: camera.toward(p),
        "eye": lambda camera, *_: camera.eye,
        "axis": lambda camera, *_: camera.axis,
        "resized": lambda camera, p, _: project(camera.resized((50, 40)), p),
        "cropped": lambda camera, p, _: project(camera.cropped((3, 4.5), (20, 30), scale=2.0), p),
        "at_origin": lambda camera, p, _: project(camera.at_origin(), p),
    }
    for name, call in calls.items():
        wanted = torch.stack([call(*each) for each in zip(cameras, points, pixels, strict=True)])
        torch.testing.assert_close(call(batch, points, pixels), wanted, atol=1e-5, rtol=1e-6, msg=name)


def test_a_batch_is_indexed() -> None:
    cameras = [moved(azimuth=azimuth) for azimuth in (-0.5, 0.1, 2.0)]
    batch = Camera.stack(cameras)
    assert (batch.batch, cameras[0].batch) == ((3,), ())
    assert torch.equal(batch[1].rotation, cameras[1].rotation)
    assert batch[1:].batch == (2,)
    assert torch.equal(batch[-1].translation, cameras[2].translation)
    assert [camera.batch for camera in batch] == [()] * 3
    with pytest.raises(IndexError, match=r"Camera\.stack makes a batch"):
        cameras[0][0]


def test_what_is_no_batch_is_refused() -> None:
    with pytest.raises(InputError, match="2 cameras of 2 sizes and kinds"):
        Camera.stack([moved(), moved().resized((10, 10))])
    with pytest.raises(InputError, match="0 cameras"):
        Camera.stack([])
    with pytest.raises(InputError, match=r"\(4, 3\) is no set of points for each of a batch of \(2,\) cameras"):
        project(Camera.stack([moved(), moved()]), torch.zeros(4, 3))


def test_one_point_for_each_camera_of_a_batch() -> None:
    batch = Camera.stack([moved(azimuth=0.1), moved(azimuth=0.7)])
    points = random_points(2)
    wanted = torch.stack([project(batch[0], points[0]), project(batch[1], points[1])])
    torch.testing.assert_close(project(batch, points), wanted)


@both
def test_rays_meet_the_points_at_their_depth(orthographic: bool) -> None:
    camera, points = moved(orthographic), random_points().double()
    pixels, depth = project(camera, points).split([2, 1], -1)
    origin, direction = camera.rays(pixels)
    torch.testing.assert_close(origin + depth * direction, points, atol=1e-6, rtol=0)
    assert camera.rays(pixel_centers(camera.size))[0].shape == (100, 160, 3)
    torch.testing.assert_close(direction @ camera.axis.double(), torch.ones(20).double(), atol=1e-6, rtol=0)


@both
def test_into_the_camera_and_back(orthographic: bool) -> None:
    camera, points = moved(orthographic), random_points().double()
    torch.testing.assert_close(camera.to_world(camera.to_camera(points)), points, atol=1e-6, rtol=0)
    torch.testing.assert_close(camera.turn_to_world(camera.turn_to_camera(points)), points, atol=1e-6, rtol=0)
    torch.testing.assert_close(camera.at_origin().to_camera(points), points)
    local = camera.to_camera(points)
    torch.testing.assert_close(project(camera.at_origin(), local), project(camera, points))
    rotations, places = pose_to_camera(camera, torch.linalg.qr(torch.randn(20, 3, 3).double())[0], points)
    torch.testing.assert_close(places, local)
    back = pose_to_world(camera, rotations, places)
    torch.testing.assert_close(pose_to_camera(camera, *back)[0], rotations, atol=1e-6, rtol=0)


@both
def test_a_crop_sees_a_part_of_the_picture(orthographic: bool) -> None:
    camera, points = moved(orthographic), random_points()
    crop = camera.cropped((12, -7.5), (31, 40), scale=1.5)
    assert crop.size == (31, 40)
    wanted = 1.5 * (project(camera, points)[:, :2] - torch.tensor([12.0, -7.5]))
    torch.testing.assert_close(project(crop, points)[:, :2], wanted, atol=1e-3, rtol=0)


@both
def test_lengths_in_the_picture(orthographic: bool) -> None:
    camera = Camera.create(200.0, (100, 160), orthographic=orthographic)
    ends = torch.tensor([[0.0, 0.0, 4.0], [0.5, 0.0, 4.0]])
    wanted = float((project(camera, ends)[1] - project(camera, ends)[0])[0])
    assert length_in_pixels(camera, 0.5, 4.0) == pytest.approx(wanted)
    assert length_in_metres(camera, wanted, 4.0) == pytest.approx(0.5)
    depths = torch.tensor([2.0, 4.0])
    assert length_in_pixels(camera, 0.5, depths)[1] == pytest.approx(wanted)
    assert length_in_metres(camera, wanted, depths.numpy())[1] == pytest.approx(0.5)
    if not orthographic:
        assert distance_of_length(camera, 0.5, wanted) == pytest.approx(4.0)


@both
def test_projection_and_its_jacobian(orthographic: bool) -> None:
    camera = Camera.create(200.0, (100, 160), orthographic=orthographic)
    points = random_points(6).double().requires_grad_()
    pixels, jacobian = project_with_jacobian(camera, points)
    torch.testing.assert_close(pixels, project(camera, points)[..., :2])
    wanted = torch.autograd.functional.jacobian(lambda p: project(camera, p)[..., :2], points)
    torch.testing.assert_close(jacobian, torch.einsum("ncnk->nck", wanted))


def test_many_angles_make_a_batch_of_cameras() -> None:
    base, pivot = moved(), torch.tensor([0.3, 0.1, 4.0])
    angles = torch.linspace(-1, 4, 5)
    around = look_at_camera(base, pivot, azimuth=angles, elevation=0.1)
    orbit = orbit_camera(base, pivot, azimuth=angles, elevation=0.1)
    assert around.batch == orbit.batch == (5,)
    for index, angle in enumerate(angles.tolist()):
        for batch, make in ((around, look_at_camera), (orbit, orbit_camera)):
            one = make(base, pivot, azimuth=angle, elevation=0.1)
            torch.testing.assert_close(batch[index].rotation, one.rotation, atol=1e-6, rtol=0)
            torch.testing.assert_close(batch[index].translation, one.translation, atol=1e-5, rtol=0)
            torch.testing.assert_close(batch[index].focal, base.focal)
    targets = torch.tensor([[0.0, 0.0, 3.0], [0.2, 0.1, 4.0]])
    each = look_at_camera(Camera.stack([base, moved(azimuth=1.0)]), targets, azimuth=0.3)
    for index in range(2):
        torch.testing.assert_close(project(each[index], targets[index])[:2], base.center, atol=1e-3, rtol=0)


def test_an_orbit_turns_about_the_vertical_of_the_world() -> None:
    """A camera that is pitched and rolled sees what it would see if the world were turned the other way."""
    tilt = axis_angle_to_matrix(torch.tensor([0.3, 0.0, 0.2]))
    base, pivot, points = (
        replace(default_camera((80, 60)), rotation=tilt),
        torch.tensor([0.1, 0.2, 4.0]),
        random_points(5),
    )
    seen = orbit_camera(base, pivot, azimuth=0.7).to_camera(points)
    turn = axis_angle_to_matrix(torch.tensor([0.0, 0.7, 0.0]))
    torch.testing.assert_close(seen, base.to_camera((points - pivot) @ turn.T + pivot), atol=1e-5, rtol=0)


def test_fields_of_view_are_along_the_longer_side() -> None:
    for size in ((100, 300), (300, 100)):
        camera = default_camera(size, fov=60.0)
        assert float(camera.focal[0]) == pytest.approx(150 / math.tan(math.radians(30)))
        assert field_of_view(camera) == pytest.approx(60)
    with pytest.raises(InputError, match="fov=180 is no field of view"):
        default_camera((10, 10), fov=180.0)


def test_an_orbit_keeps_its_pivot_in_the_picture() -> None:
    base, pivot = moved(), torch.tensor([0.3, 0.1, 4.0])
    for azimuth in (-2.0, 0.0, 1.0):
        seen = project(orbit_camera(base, pivot, azimuth=azimuth, elevation=0.2), pivot)
        torch.testing.assert_close(seen, project(base, pivot), atol=1e-3, rtol=0)
