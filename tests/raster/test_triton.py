"""The Triton rasteriser against the loops, under Triton's interpreter on the CPU, and on a GPU where there is one."""

import importlib.util
import os

import pytest
import torch
from raster_meshes import ellipsoid, quad, soup

from liquidwarp.errors import InputError
from liquidwarp.flow import rasterize_flow
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # read when the kernels are first imported
INSTALLED = importlib.util.find_spec("triton") is not None
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
needs_triton = pytest.mark.skipif(not INSTALLED, reason="Triton is not installed")


def same(vertices: torch.Tensor, faces: torch.Tensor, view: Camera, *, cull: bool = False) -> None:
    expected = rasterize(vertices, faces, view, backend="reference", cull=cull)
    made = rasterize(vertices.to(DEVICE), faces.to(DEVICE), view, backend="triton", cull=cull)
    assert expected.mask.any()
    assert torch.equal(made.face_index.cpu(), expected.face_index)
    assert torch.equal(made.depth.cpu(), expected.depth)
    torch.testing.assert_close(made.bary.cpu(), expected.bary, atol=1e-6, rtol=0)


@needs_triton
@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize(("seed", "grid", "cull"), [(0, None, False), (1, 4, False), (2, 2, True)])
def test_it_agrees_with_the_loops(orthographic: bool, seed: int, grid: int | None, cull: bool) -> None:
    vertices, faces = soup(seed, grid=grid)
    same(vertices, faces, Camera.create(8.0, (23, 31), orthographic=orthographic), cull=cull)


@needs_triton
def test_pixel_centres_on_edges_have_one_owner() -> None:
    view = Camera.create(16.0, (32, 32), center=(16.0, 16.0), orthographic=True)
    same(*quad(-14.5 / 16, -14.5 / 16, 13.5 / 16, 13.5 / 16, 2.0, n=7), view)


@needs_triton
def test_faces_that_cannot_be_drawn_are_left_out() -> None:
    vertices, faces = soup(4)
    vertices = vertices.clone()
    vertices[0, 0] = torch.nan
    vertices[0, 1, 2] = -1.0
    vertices[0, 2] = vertices[0, 3]
    vertices[0, 4, 0] = 1e30
    same(vertices, faces, Camera.create(8.0, (23, 31)))


@needs_triton
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_gradients_are_those_of_the_loops(kind: torch.dtype) -> None:
    vertices, faces = ellipsoid(6, 8)
    gradients = []
    for backend in ("reference", "triton"):
        points = vertices.to(kind).clone().requires_grad_()
        made = rasterize(points, faces, Camera.create(14.0, (15, 17)), backend=backend)
        hit = made.mask
        (made.depth[hit].sum() + (made.bary[hit] ** 2).sum()).backward()
        gradients.append(points.grad)
    assert float(gradients[0].abs().max()) > 0
    torch.testing.assert_close(*gradients)


@needs_triton
def test_gradients_are_those_of_finite_differences_and_the_same_every_time() -> None:
    vertices, faces = ellipsoid(3, 5)
    view = Camera.create(14.0, (9, 11))
    points = (vertices.double() + torch.tensor([0.0137, 0.0071, 0.0])).to(DEVICE).requires_grad_()  # off all edges
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(1, 9, 11, 3, generator=generator).to(DEVICE).double() for _ in range(2)]

    def value(points: torch.Tensor) -> torch.Tensor:
        made = rasterize(points, faces.to(DEVICE), view, backend="triton")
        depth = torch.where(made.mask, made.depth, torch.zeros_like(made.depth))
        return (made.bary * weights[0]).sum() + (depth * weights[1][..., 0]).sum()

    assert torch.autograd.gradcheck(value, points, eps=1e-7, atol=1e-5, rtol=1e-4)
    first, second = (torch.autograd.grad(value(points), points)[0] for _ in range(2))
    assert torch.equal(first, second)


@needs_triton
@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize(("targets", "sources", "rows"), [(2, 1, 0), (2, 2, 1), (1, 3, 3)])
def test_flows_are_those_of_the_two_calls(orthographic: bool, targets: int, sources: int, rows: int) -> None:
    vertices, faces = soup(0)
    vertices, view = vertices[:targets], Camera.create(8.0, (23, 31), orthographic=orthographic)
    generator = torch.Generator().manual_seed(1)
    xy = 0.7 * torch.randn(sources, vertices.shape[1], 2, generator=generator)
    xy[0, 5] = torch.inf
    shown = torch.rand(rows, len(faces), generator=generator) > 0.4 if rows else None
    index, flow = rasterize_flow(
        vertices.to(DEVICE),
        faces.to(DEVICE),
        view,
        xy.to(DEVICE),
        face_visible=None if shown is None else shown.to(DEVICE),
        backend="triton",
    )
    expected, slow = rasterize_flow(vertices, faces, view, xy, face_visible=shown)
    assert torch.equal(index.cpu(), expected)
    assert torch.equal(flow.valid.cpu(), slow.valid)
    assert slow.valid.any()
    torch.testing.assert_close(flow.grid.cpu(), slow.grid, atol=1e-6, rtol=1e-5)


@needs_triton
def test_nothing_to_draw_gives_nothing() -> None:
    view = Camera.create(8.0, (5, 7))
    vertices, faces = soup(0)
    empty = rasterize(vertices.to(DEVICE), faces[:0].to(DEVICE), view, backend="triton")
    assert not empty.mask.any()
    assert bool(torch.isinf(empty.depth).all())


@pytest.mark.skipif(INSTALLED, reason="Triton is installed")
def test_without_triton_the_error_names_it() -> None:
    with pytest.raises(InputError, match="pip install triton"):
        rasterize(*soup(0), Camera.create(8.0, (5, 7)), backend="triton")
