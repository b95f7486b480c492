import pytest
import torch
from raster_meshes import ellipsoid, quad, soup

from liquidwarp.errors import InputError
from liquidwarp.geometry import project
from liquidwarp.raster import numba_backend, rasterize, soft_silhouette, torch_backend
from liquidwarp.raster.silhouette import _empty_beyond, _empty_beyond_compiled, outline_edges
from liquidwarp.types import Camera


def test_hard_mask_far_from_the_outline_and_half_on_it():
    vertices, faces = ellipsoid(20, 24)
    view = Camera.create(100.0, (80, 60))
    alpha, mask = soft_silhouette(vertices, faces, view, sigma=1.0), rasterize(vertices, faces, view).mask
    assert torch.equal(alpha > 0.5, mask)
    assert alpha.min() == 0
    assert alpha.max() == 1
    soft = ((alpha > 0) & (alpha < 1)).sum()
    assert 100 < soft < 1500


def test_straight_edge_is_a_blurred_step():
    view = Camera.create(16.0, (32, 32), center=(16.0, 16.0), orthographic=True)
    vertices, faces = quad(-2.0, -2.0, 0.25, 2.0, 2.0)
    alpha = soft_silhouette(vertices, faces, view, sigma=2.0)[0, 16]
    distance = 20.0 - (torch.arange(32) + 0.5)
    expected = 0.5 * (1 + torch.erf(distance / 2.0 / 2**0.5))
    torch.testing.assert_close(alpha, expected, rtol=0, atol=3e-3)


@pytest.mark.parametrize("orthographic", [False, True])
def test_gradient_against_finite_differences(orthographic):
    vertices, faces = ellipsoid(5, 7, (0.5, 0.6, 0.5))
    generator = torch.Generator().manual_seed(0)
    points = vertices.double() + 0.03 * torch.randn(vertices.shape, generator=generator, dtype=torch.float64)
    points = points.requires_grad_()
    view = Camera.create(5.1 if orthographic else 15.3, (14, 13), orthographic=orthographic)
    weights = torch.rand(14, 13, generator=generator, dtype=torch.float64)

    def loss(p):
        return (soft_silhouette(p, faces, view, sigma=1.3) * weights).sum()

    (gradient,) = torch.autograd.grad(loss(points), points)
    for _ in range(8):
        step = 1e-6 * torch.randn(points.shape, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            change = (loss(points + step) - loss(points - step)) / 2
        torch.testing.assert_close((gradient * step).sum(), change, rtol=1e-5, atol=1e-11)


def test_gradient_knows_how_area_grows():
    vertices, faces = ellipsoid(24, 30)
    view = Camera.create(200.0, (160, 120))
    points = vertices.clone().requires_grad_()
    soft_silhouette(points, faces, view, sigma=2.0).sum().backward()
    wider = float((points.grad * vertices)[..., 0].sum())
    assert wider == pytest.approx(float(rasterize(vertices, faces, view).mask.sum()), rel=0.03)


def test_inner_occlusion_edges_are_no_outline():
    back, faces = quad(-1.0, -1.0, 1.0, 1.0, 3.0, n=4)
    front, more = quad(-0.2, -0.2, 0.2, 0.2, 2.0, n=2)
    vertices, faces = torch.cat([back, front], 1), torch.cat([faces, more + back.shape[1]])
    view = Camera.create(60.0, (64, 64))
    alpha = soft_silhouette(vertices, faces, view, sigma=1.0)
    assert (alpha[0, 20:44, 20:44] == 1).all()


def test_outline_of_a_closed_mesh_is_a_closed_curve():
    vertices, faces = ellipsoid(20, 24)
    view = Camera.create(100.0, (80, 60))
    edges = outline_edges(project(view, vertices)[0], faces, rasterize(vertices, faces, view).mask[0])
    _, uses = edges.unique(return_counts=True)
    assert (uses == 2).all()


def test_nearest_segments_twins():
    generator = torch.Generator().manual_seed(0)
    ends = torch.rand(50, 2, 2, generator=generator, dtype=torch.float64) * 60 - 10
    ends[3] = ends[4]
    ends[5, 1] = ends[5, 0]
    ends[6, 0, 0] = float("nan")
    ends[7] += 1e9
    for reach in (2.0, 7.5):
        expected = torch_backend.nearest_segments(ends, (31, 37), reach)
        assert torch.equal(numba_backend.nearest_segments(ends, (31, 37), reach), expected)


def test_empty_beyond_twins():
    for vertices, faces in (soup(1), ellipsoid(15, 18)):
        view = Camera.create(30.0, (40, 50))
        arguments = (project(view, vertices)[0].double(), faces, rasterize(vertices, faces, view).mask[0])
        for a, b in zip(_empty_beyond(*arguments), _empty_beyond_compiled(*arguments), strict=True):
            assert torch.equal(a, b)


def test_empty_picture_and_bad_sigma():
    vertices, faces = quad(-1.0, -1.0, 1.0, 1.0, 2.0)
    view = Camera.create(20.0, (16, 16))
    assert (soft_silhouette(vertices + 50, faces, view, sigma=2.0) == 0).all()
    with pytest.raises(InputError, match="sigma"):
        soft_silhouette(vertices, faces, view, sigma=0.0)
