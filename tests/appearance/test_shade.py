"""The surface renderer in tensors is the compiled one, but for rounding."""

import numpy as np
import pytest
import torch

from liquidwarp.appearance import (
    Appearance,
    Observation,
    appearance_from_observations,
    dress,
    fuse_appearances,
    render_on_device,
    render_surface,
)
from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.errors import InputError
from liquidwarp.geometry import default_camera, look_at_camera
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

SIZE = (120, 90)
PLACE = torch.tensor([[0.0, 0.0, 3.2]])


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body("anny")


def posed(body: BodyModel, seed: int) -> torch.Tensor:
    canonical = 0.4 * torch.randn(1, 22, 3, generator=torch.Generator().manual_seed(seed))
    return body.vertices(body.identity(torch.zeros(body.num_betas)), *body.expand_pose(canonical), PLACE)[0]


def photo(body: BodyModel, seed: int) -> Appearance:
    vertices = posed(body, seed)
    camera = default_camera(SIZE)
    index = rasterize(vertices[None], body.topology.faces, camera).face_index[0].numpy()
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 255, (*SIZE, 3), np.uint8)
    alpha = np.where(index >= 0, rng.uniform(0.5, 1, SIZE), 0).astype(np.float32)
    return appearance_from_observations(body.topology, [Observation(picture, alpha, camera, vertices)])


@pytest.fixture(scope="module")
def appearance(body: BodyModel) -> Appearance:
    """Of someone in someone else's clothes, from several photos: many slots, some empty, some mirrored."""
    person = fuse_appearances([photo(body, seed) for seed in range(3)])
    return dress(body.topology, person, {"upper": photo(body, 3)})


@pytest.mark.parametrize("azimuth", [0.0, 2.5])
@pytest.mark.parametrize(
    ("supersample", "rim", "soft"), [(1, 0.4, 0.0), (2, 0.4, 0.0), (3, 0.4, 0.0), (2, 0.0, 0.0), (2, 0.4, 0.9)]
)
def test_tensors_do_as_the_compiled_loop(
    body: BodyModel, appearance: Appearance, azimuth: float, supersample: int, rim: float, soft: float
) -> None:
    vertices = posed(body, 7)
    camera = look_at_camera(default_camera(SIZE), PLACE[0], azimuth=azimuth)
    settings = {"supersample": supersample, "rim": rim, "soft": soft}
    wanted = render_surface(appearance, body.topology, vertices, camera, **settings)
    found = render_on_device(appearance.tensors("cpu"), body.topology, vertices, camera, backend="torch", **settings)
    assert (wanted.alpha > 0.5).sum() > 800
    assert {0, 1, 3} <= set(np.unique(wanted.coverage))
    assert found.window == wanted.window
    assert np.array_equal(found.coverage.numpy(), wanted.coverage)
    assert np.abs(found.rgb.permute(1, 2, 0).numpy() - wanted.rgb).max() < 1e-4
    assert np.abs(found.alpha.numpy() - wanted.alpha).max() < 1e-5
    ground = np.random.default_rng(0).random((*SIZE, 3), np.float32)
    over = found.over(torch.from_numpy(ground).permute(2, 0, 1)).permute(1, 2, 0).numpy()
    assert np.abs(over - wanted.over(ground)).max() < 1e-4


def test_on_the_cpu_the_loop_is_taken(body: BodyModel, appearance: Appearance) -> None:
    vertices, camera = posed(body, 7), default_camera(SIZE)
    wanted = render_surface(appearance, body.topology, vertices, camera)
    found = render_on_device(appearance.tensors("cpu"), body.topology, vertices, camera)
    assert np.array_equal(found.rgb.permute(1, 2, 0).numpy(), wanted.rgb)
    assert np.array_equal(found.alpha.numpy(), wanted.alpha)


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_who_is_out_of_the_picture_leaves_nothing(body: BodyModel, appearance: Appearance, backend: str) -> None:
    away = look_at_camera(Camera.create(100.0, SIZE), torch.tensor([50.0, 0.0, 3.0]), azimuth=0.0)
    found = render_on_device(appearance.tensors("cpu"), body.topology, posed(body, 7), away, backend=backend)
    assert found.rgb.shape == (3, *SIZE)
    assert not found.rgb.any()
    assert not found.coverage.any()
    background = torch.rand(3, *SIZE)
    assert torch.equal(found.over(background), background)


def test_arrays_and_tensors_are_the_same_appearance(appearance: Appearance) -> None:
    tensors = appearance.tensors("cpu")
    for name, array in vars(tensors.arrays()).items():
        assert np.array_equal(array, getattr(appearance, name))
        assert not np.shares_memory(array, getattr(appearance, name))
    assert tensors.to("cpu") is tensors


def test_an_unknown_backend_is_told(body: BodyModel, appearance: Appearance) -> None:
    with pytest.raises(InputError, match="choose one of auto, numba, torch"):
        render_on_device(
            appearance.tensors("cpu"), body.topology, posed(body, 7), default_camera(SIZE), backend="opengl"
        )
