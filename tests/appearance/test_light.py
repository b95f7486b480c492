"""The light of a photo comes back out of it; what turns is lit by it, and what does not stays as it was."""

import numpy as np
import pytest
import torch

from liquidwarp.appearance import (
    Light,
    LitView,
    Observation,
    RelightTuning,
    appearance_from_observations,
    find_light,
    floor_shadow,
    light_of_place,
    lit_surface,
    render_on_device,
    render_surface,
)
from liquidwarp.appearance.light import level_axes
from liquidwarp.bodies.protocol import Topology
from liquidwarp.geometry import default_camera, look_at_camera, project
from liquidwarp.mesh import vertex_normals
from liquidwarp.raster import interpolate, rasterize
from liquidwarp.testing import toy_body
from liquidwarp.types import Camera

SIZE = (160, 160)
CAMERA = default_camera(SIZE)
MIDDLE = torch.tensor([0.0, 0.0, 3.0])
FROM = {"left": (-0.7, -0.2, -0.7), "right": (0.6, -0.6, -0.5), "above": (0.0, -0.8, -0.6), "ahead": (0.0, 0.0, -1.0)}


def sphere() -> tuple[Topology, torch.Tensor]:
    """Return a ball of 0.8 m, all of one part, three metres away."""
    rows, columns = 24, 48
    v, u = np.meshgrid(np.linspace(0, np.pi, rows), np.arange(columns) / columns * 2 * np.pi, indexing="ij")
    points = np.stack([np.sin(v) * np.cos(u), -np.cos(v), np.sin(v) * np.sin(u)], -1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a, b = i * columns + j, i * columns + (j + 1) % columns
    faces = np.concatenate([np.stack([a, a + columns, b], -1), np.stack([b, a + columns, b + columns], -1)])
    index = torch.from_numpy(faces.reshape(-1, 3).astype(np.int32))
    parts = torch.zeros(len(index), dtype=torch.int32)
    vertex_part = torch.zeros(len(points), dtype=torch.int32)
    topology = Topology(index, parts, vertex_part, torch.arange(len(points)), None, None)
    return topology, 0.8 * torch.from_numpy(points).float() + MIDDLE


def lit_picture(
    topology: Topology, vertices: torch.Tensor, toward: tuple[float, ...], albedo: np.ndarray
) -> np.ndarray:
    """Return a picture of dull surface in light from a direction, with some from everywhere."""
    fragments = rasterize(vertices[None], topology.faces, CAMERA)
    normals = interpolate(fragments, topology.faces, vertex_normals(vertices, topology.faces))[0].numpy()
    toward = np.array(toward) / np.linalg.norm(toward)
    light = (0.35 + 0.65 * np.clip(normals @ toward, 0, None)) ** (1 / 2.2)
    alpha = np.where(fragments.mask[0].numpy(), 255, 0)
    return np.dstack([(albedo * light[..., None]).clip(0, 255), alpha]).astype(np.uint8)


def brightest(light: Light) -> torch.Tensor:
    """Return the unit normal, of 2000 that face the camera, of the brightest surface."""
    turn = torch.arange(2000) * (np.pi * (3 - 5**0.5))
    ahead = -(torch.arange(2000) + 0.5) / 2000
    flat = (1 - ahead**2).sqrt()
    normals = torch.stack([flat * turn.cos(), flat * turn.sin(), ahead], -1).float()
    return normals[light.at(normals).sum(-1).argmax()]


def apart(one: torch.Tensor, other: tuple[float, ...]) -> float:
    other = torch.tensor(other) / torch.tensor(other).norm()
    return float(torch.rad2deg(torch.arccos((one @ other).clamp(-1, 1))))


@pytest.mark.parametrize("cloth", ["plain", "dark", "print"])
@pytest.mark.parametrize("side", FROM)
def test_a_ball_tells_where_its_light_comes_from(side: str, cloth: str) -> None:
    topology, vertices = sphere()
    assert (vertex_normals(vertices, topology.faces) * (vertices - MIDDLE)).sum(-1).min() > 0
    albedo = np.full((*SIZE, 3), 60.0 if cloth == "dark" else 200.0)
    if cloth == "print":
        albedo[60:100, 84:120] = (200, 40, 40)
        albedo[100:120] = 40
    picture = lit_picture(topology, vertices, FROM[side], albedo)
    light = find_light(topology, picture, CAMERA, vertices, torch.ones(len(topology.faces), dtype=torch.bool))
    assert apart(brightest(light), FROM[side]) < 20
    assert not light.coefficients[:, 0].any()


def test_light_that_nothing_tells_of_is_even() -> None:
    topology, vertices = sphere()
    none = torch.zeros(len(topology.faces), dtype=torch.bool)
    picture = np.full((*SIZE, 4), 255, np.uint8)
    assert not find_light(topology, picture, CAMERA, vertices, none).coefficients.any()
    away = look_at_camera(CAMERA, torch.tensor([90.0, 0.0, 3.0]), azimuth=0.0)
    assert not find_light(topology, picture, away, vertices, ~none).coefficients.any()


@pytest.fixture(scope="module")
def scene():
    """Return the toy body in light from the right, as the photo shows it."""
    body = toy_body()
    orient, pose = body.expand_pose(torch.zeros(1, 22, 3))
    vertices = body.vertices(body.identity(torch.zeros(body.num_betas)), orient, pose, MIDDLE[None] * 1.2)[0]
    picture = lit_picture(body.topology, vertices, FROM["right"], np.full((*SIZE, 3), 180.0))
    alpha = (picture[..., 3] / 255).astype(np.float32)
    appearance = appearance_from_observations(body.topology, [Observation(picture[..., :3], alpha, CAMERA, vertices)])
    light = find_light(body.topology, picture, CAMERA, vertices, torch.ones(len(body.topology.faces), dtype=torch.bool))
    seen = torch.ones(len(vertices), dtype=torch.bool)
    view = LitView(vertices, CAMERA, seen, light)
    return body.topology, vertices, appearance, lit_surface(body.topology.faces, body.topology.vertex_part, [view])


def test_the_photo_s_own_view_keeps_its_bytes(scene) -> None:
    topology, vertices, appearance, lit = scene
    plain = render_surface(appearance, topology, vertices, CAMERA)
    shown = render_surface(appearance, topology, vertices, CAMERA, lit=lit)
    assert np.array_equal(plain.rgb, shown.rgb)
    assert np.array_equal(plain.alpha, shown.alpha)
    assert not lit.gain(vertex_normals(vertices, topology.faces), CAMERA).any()


@pytest.mark.parametrize("azimuth", [0.9, 2.0, np.pi, 4.5])
def test_light_stands_still_and_is_bounded(scene, azimuth: float) -> None:
    topology, vertices, appearance, lit = scene
    camera = look_at_camera(CAMERA, vertices.mean(0), azimuth=azimuth)
    gain = lit.gain(vertex_normals(vertices, topology.faces), camera)
    assert float(gain.log1p().abs().max()) <= lit.most + 1e-6
    plain = render_surface(appearance, topology, vertices, camera)
    shown = render_surface(appearance, topology, vertices, camera, lit=lit)
    assert np.array_equal(plain.alpha, shown.alpha)
    assert np.array_equal(plain.coverage, shown.coverage)
    assert (shown.rgb <= shown.alpha[..., None] + 1e-5).all()
    normals = vertex_normals(vertices, topology.faces) @ level_axes(camera).T
    right, left = (gain[normals @ torch.tensor([side, 0.0, -0.6]) > 0.9].mean() for side in (0.8, -0.8))
    assert right > left + 0.05
    twin = render_on_device(appearance.tensors("cpu"), topology, vertices, camera, lit=lit, backend="torch")
    assert np.abs(twin.rgb.permute(1, 2, 0).numpy() - shown.rgb).max() < 1e-4


def test_another_place_gives_its_tint_and_its_side(scene) -> None:
    topology, vertices, appearance, lit = scene
    own = np.full((40, 60, 3), 0.5, np.float32)
    warm = own * np.array([1.3, 1.0, 0.6], np.float32) * np.linspace(0.5, 1.5, 60, dtype=np.float32)[:, None]
    light = light_of_place(warm, own, lit.light)
    relit = render_surface(appearance, topology, vertices, CAMERA, lit=lit.shown_in(light, RelightTuning().most))
    plain = render_surface(appearance, topology, vertices, CAMERA)
    solid = plain.alpha > 0.99
    change = np.log(relit.rgb[solid].mean(0) / plain.rgb[solid].mean(0))
    assert change[0] > change[1] + 0.03
    assert change[1] > change[2] + 0.03
    assert np.abs(change).max() <= RelightTuning().most
    sideways = torch.tensor([[0.8, 0.0, -0.6], [-0.8, 0.0, -0.6]])
    assert (light.at(sideways)[0] > light.at(sideways)[1]).all()
    same = light_of_place(own, own, Light.even())
    assert not same.coefficients.any()


def foot(x: float, height: float) -> torch.Tensor:
    """Return the corners of a shoe whose sole is so high above the floor at Y = 1."""
    box = torch.cartesian_prod(*(torch.tensor(ends) for ends in ((-0.04, 0.04), (-0.08, 0.0), (-0.12, 0.12))))
    return box + torch.tensor([x, 1.0 - height, 3.0])


def test_shadow_lies_on_the_floor_below_feet_that_stand() -> None:
    camera = Camera.create(160.0, SIZE)
    found = floor_shadow([foot(-0.3, 0.0), foot(0.3, 0.2)], 1.0, camera)
    assert found is not None
    dark = torch.zeros(SIZE)
    dark[found[0]] = found[1]
    assert float(dark.max()) < 0.4
    x, y, _ = project(camera, torch.tensor([[-0.3, 1.0, 3.0]]))[0].tolist()
    row, column = divmod(int(dark.argmax()), SIZE[1])
    assert abs(row - y) < 8
    assert abs(column - x) < 8
    assert dark[int(y), int(x)] > 0.15
    assert dark[: SIZE[0] // 2].max() < 0.05  # no shadow on what is as high as the camera
    right = project(camera, torch.tensor([[0.3, 1.0, 3.0]]))[0]
    assert dark[int(right[1]), int(right[0])] < 0.05


@pytest.mark.parametrize("floor", [1.5, -1.0])
def test_no_shadow_where_no_foot_stands_or_the_floor_is_above(floor: float) -> None:
    found = floor_shadow([foot(0.0, 0.0)], floor, Camera.create(160.0, SIZE))
    assert found is None or not found[1].any()
