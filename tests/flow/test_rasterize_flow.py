"""Rasterising straight to a flow gives what rasterising and then the flow give."""

import math
import os

import pytest
import torch

from liquidwarp.errors import InputError
from liquidwarp.flow import mesh_flow, project_normalized, rasterize_flow
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

SIZE = (150, 37)  # three bands of rows


def mesh(targets, seed=0):
    """Triangles before, beside and behind the camera; some far outside of the picture."""
    generator = torch.Generator().manual_seed(seed)
    vertices = torch.randn(targets, 40, 3, generator=generator) + torch.tensor([0.0, 0.0, 1.5])
    return vertices, torch.randint(0, 40, (60, 3), generator=generator).int()


def both(targets, sources, rows, *, orthographic=False, cull=False):
    """Return face indices and flow of the one pass and of the two calls."""
    vertices, faces = mesh(targets)
    generator = torch.Generator().manual_seed(1)
    xy = torch.randn(sources, 40, 2, generator=generator) * 0.7
    xy[0, 3] = math.inf
    shown = torch.rand(rows, 60, generator=generator) > 0.4 if rows else None
    view = Camera.create(30.0, SIZE, orthographic=orthographic)
    fused = rasterize_flow(vertices, faces, view, xy, face_visible=shown, cull=cull)
    fragments = rasterize(vertices, faces, view, cull=cull)
    return fused, (fragments.face_index, mesh_flow(fragments, faces, xy, face_visible=shown))


@pytest.mark.parametrize(("orthographic", "cull"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize(("targets", "sources", "rows"), [(1, 1, 0), (1, 1, 1), (3, 1, 3), (3, 3, 1), (1, 3, 3)])
def test_bit_by_bit(targets, sources, rows, orthographic, cull):
    (index, flow), (expected, slow) = both(targets, sources, rows, orthographic=orthographic, cull=cull)
    assert torch.equal(index, expected)
    assert torch.equal(flow.grid, slow.grid)
    assert torch.equal(flow.valid, slow.valid)
    assert flow.valid.flatten(1).any(1).all()
    assert (flow.grid[~flow.valid] != 0).any()  # pixels whose source is out of the picture, as in the two calls


def test_threads_change_nothing():
    before, results = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            (index, flow), _ = both(2, 1, 1)
            results.append((index, flow.grid, flow.valid))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_where_gradients_are_wanted_they_come():
    vertices, faces = mesh(1)
    view = Camera.create(30.0, (20, 20))
    xy, _ = project_normalized(view, vertices)
    points = vertices.clone().requires_grad_()
    _, flow = rasterize_flow(points, faces, view, xy)
    flow.grid.sum().backward()
    assert points.grad is not None
    assert float(points.grad.abs().max()) > 0
    with torch.no_grad():
        assert torch.equal(rasterize_flow(points, faces, view, xy)[1].grid, flow.grid)


@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_other_backends_take_two_calls(backend):
    vertices, faces = mesh(1)
    view = Camera.create(10.0, (20, 20))
    xy, _ = project_normalized(view, vertices)
    index, flow = rasterize_flow(vertices, faces, view, xy, backend=backend)
    expected, quick = rasterize_flow(vertices, faces, view, xy)
    assert torch.equal(index, expected)
    torch.testing.assert_close(flow.grid, quick.grid, rtol=0, atol=1e-6)
    double, _ = rasterize_flow(vertices.double(), faces, view, xy.double())
    assert torch.equal(double, expected)


def test_nothing_to_draw_gives_nothing():
    vertices, faces = mesh(1)
    index, flow = rasterize_flow(vertices, faces[:0], Camera.create(10.0, (20, 20)), torch.zeros(1, 40, 2))
    assert bool((index == -1).all())
    assert not flow.valid.any()
    assert not flow.grid.any()


def test_errors_name_the_argument():
    vertices, faces = mesh(2)
    view = Camera.create(10.0, (20, 20))
    with pytest.raises(InputError, match="source_xy has batch 3, the target has 2"):
        rasterize_flow(vertices, faces, view, torch.zeros(3, 40, 2))
    with pytest.raises(InputError, match="backend='magic'"):
        rasterize_flow(vertices, faces, view, torch.zeros(1, 40, 2), backend="magic")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_triton_asks_for_its_device():
    if os.environ.get("TRITON_INTERPRET") == "1":  # set by tests of Triton, where it is installed
        pytest.skip("Triton's interpreter runs here")
    vertices, faces = mesh(1)
    with pytest.raises(InputError, match="backend='triton' needs"):
        rasterize_flow(vertices, faces, Camera.create(10.0, (20, 20)), torch.zeros(1, 40, 2), backend="triton")
