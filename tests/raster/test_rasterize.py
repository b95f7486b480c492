import numpy as np
import pytest
import torch
from raster_meshes import ellipsoid, quad, soup

from liquidwarp.errors import InputError
from liquidwarp.geometry import pixel_centers, project
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

FAST = ("torch", "numba")


def camera(size=(23, 31), focal=14.0, orthographic=False):
    return Camera.create(focal, size, orthographic=orthographic)


def same(a, b):
    return (
        torch.equal(a.face_index, b.face_index)
        and torch.equal(a.depth, b.depth)
        and torch.allclose(a.bary, b.bary, atol=1e-6)
    )


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize(("seed", "grid", "cull"), [(0, None, False), (1, 4, False), (2, 2, True)])
def test_backends_agree_with_the_loops(backend, orthographic, seed, grid, cull):
    vertices, faces = soup(seed, grid=grid)
    view = camera(orthographic=orthographic, focal=8.0)
    expected = rasterize(vertices, faces, view, backend="reference", cull=cull)
    assert expected.mask.float().mean() > 0.3
    assert same(rasterize(vertices, faces, view, backend=backend, cull=cull), expected)


@pytest.mark.parametrize("backend", FAST)
def test_pixel_centres_on_edges_and_corners(backend):
    # One pixel per 1/16 m: corners, edges and diagonals of the quads run through pixel centres.
    view = Camera.create(16.0, (32, 32), center=(16.0, 16.0), orthographic=True)
    vertices, faces = quad(-14.5 / 16, -14.5 / 16, 13.5 / 16, 13.5 / 16, 2.0, n=7)
    expected = rasterize(vertices, faces, view, backend="reference")
    result = rasterize(vertices, faces, view, backend=backend)
    assert same(result, expected)
    # Top-left rule: the first row and column of centres is in, the last is out.
    covered = torch.zeros(32, 32, dtype=torch.bool)
    covered[1:29, 1:29] = True
    assert torch.equal(result.mask[0], covered)


@pytest.mark.parametrize("backend", ["reference", "torch", "numba"])
@pytest.mark.parametrize("flip", [False, True])
def test_every_pixel_of_a_shared_edge_has_one_owner(backend, flip):
    view = Camera.create(16.0, (24, 24), orthographic=True)
    vertices, faces = quad(-0.53125, -0.53125, 0.53125, 0.53125, 2.0, n=2)
    if flip:
        faces[::2] = faces[::2].flip(1)
    owners = sum(rasterize(vertices, face[None], view, backend=backend).mask.int() for face in faces)
    whole = rasterize(vertices, faces, view, backend=backend).mask.int()
    assert torch.equal(owners, whole)
    assert whole.sum() == 17 * 17


@pytest.mark.parametrize("backend", ["reference", "torch", "numba"])
def test_watertight_under_random_rotation(backend):
    generator = torch.Generator().manual_seed(3)
    vertices, faces = quad(-1.0, -1.0, 1.0, 1.0, 0.0, n=5)
    angle = torch.rand(1, generator=generator)
    turn = torch.tensor([[angle.cos(), -angle.sin(), 0], [angle.sin(), angle.cos(), 0], [0, 0, 1.0]])
    vertices = vertices @ turn.T + torch.tensor([0.0, 0.0, 2.0])
    view = camera((20, 20), 10.0)
    owners = sum(rasterize(vertices, face[None], view, backend=backend).mask.int() for face in faces)
    assert owners.max() == 1
    assert torch.equal(owners, rasterize(vertices, faces, view, backend=backend).mask.int())


def oracle(vertices, faces, view, face_index):
    """Intersect each pixel's ray with its face in float64: weights and depth."""
    local = vertices.double() @ view.rotation.double().T + view.translation.double()
    corners = local[faces.long()[face_index.long()]]
    xy = (pixel_centers(view.size).double() - view.center.double()) / view.focal.double()
    return corners, xy


@pytest.mark.parametrize("orthographic", [False, True])
def test_weights_and_depth_against_ray_intersection(orthographic):
    vertices, faces = ellipsoid(40, 48)
    view = camera((128, 96), 90.0 if orthographic else 200.0, orthographic)
    result = rasterize(vertices, faces, view)
    y, x = result.mask[0].nonzero(as_tuple=True)
    face_index, bary, depth = result.face_index[0, y, x], result.bary[0, y, x], result.depth[0, y, x]
    corners, rays = oracle(vertices[0], faces, view, face_index)
    ray = rays[y, x]
    if orthographic:
        matrix = torch.cat([corners[..., :2].mT, torch.ones(len(x), 1, 3, dtype=torch.float64)], 1)
        weights = torch.linalg.solve(matrix, torch.cat([ray, torch.ones(len(x), 1)], 1))
    else:
        scaled = torch.linalg.solve(corners.mT, torch.cat([ray, torch.ones(len(x), 1)], 1))
        weights = scaled / scaled.sum(1, keepdim=True)
    error = (weights - bary).abs()
    assert error.max() <= 1e-3
    assert error.flatten().quantile(0.999) <= 1e-4
    torch.testing.assert_close((weights * corners[..., 2]).sum(1).float(), depth, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(bary.sum(1), torch.ones(len(bary)), rtol=0, atol=1e-6)
    assert torch.isinf(result.depth[~result.mask]).all()
    assert (result.bary[~result.mask] == 0).all()


def test_face_indices_against_embree():
    embree = pytest.importorskip("embreex.rtcore_scene")
    from embreex.mesh_construction import TriangleMesh

    vertices, faces = ellipsoid(60, 64)
    vertices2, faces2 = ellipsoid(30, 32, (0.1, 0.5, 0.1), (0.25, 0.1, 2.4))
    vertices, faces = torch.cat([vertices, vertices2], 1), torch.cat([faces, faces2 + vertices.shape[1]])
    view = camera((192, 128), 250.0)
    result = rasterize(vertices, faces, view)
    rays = torch.cat([(pixel_centers(view.size) - view.center) / view.focal, torch.ones(192, 128, 1)], -1).reshape(
        -1, 3
    )
    scene = embree.EmbreeScene()
    TriangleMesh(scene, vertices[0][faces.long()].numpy())
    hits = scene.run(np.zeros_like(rays.numpy()), rays.numpy()).reshape(192, 128)
    different = (torch.from_numpy(np.asarray(hits)).int() != result.face_index[0]).sum()
    assert result.mask.sum() > 3000
    assert different <= 2  # rays along an edge


@pytest.mark.parametrize("backend", ["reference", "torch", "numba"])
@pytest.mark.parametrize("orthographic", [False, True])
def test_gradient_in_float64(backend, orthographic):
    vertices = torch.tensor(
        [[[-0.53, -0.42, 1.9], [0.6, -0.5, 2.3], [0.1, 0.7, 2.0], [-0.6, 0.5, 2.6]]], dtype=torch.float64
    ).requires_grad_()
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    view = camera((7, 6), 5.0, orthographic)

    def interior(points):
        result = rasterize(points, faces, view, backend=backend)
        return result.bary, result.depth[result.mask]

    assert torch.autograd.gradcheck(interior, (vertices,), eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("orthographic", [False, True])
def test_compiled_gradient_equals_autograd(orthographic):
    vertices, faces = soup(5)
    view = camera(orthographic=orthographic)
    generator = torch.Generator().manual_seed(0)
    gradients = []
    weights = torch.randn(2, *view.size, 4, generator=generator)
    for backend in FAST:
        points = vertices.clone().requires_grad_()
        result = rasterize(points, faces, view, backend=backend)
        depth = torch.where(result.mask, result.depth, 0)
        (torch.cat([result.bary, depth[..., None]], -1) * weights).sum().backward()
        gradients.append(points.grad)
    torch.testing.assert_close(*gradients, rtol=2e-4, atol=2e-4 * float(gradients[0].abs().max()))


def test_gradient_of_one_output_alone():
    vertices, faces = ellipsoid(8, 9)
    for pick in (lambda r: r.bary[..., 0].sum(), lambda r: r.depth[r.mask].sum()):
        gradients = []
        for backend in FAST:
            points = vertices.clone().requires_grad_()
            pick(rasterize(points, faces, camera(), backend=backend)).backward()
            gradients.append(points.grad)
        assert gradients[0].abs().sum() > 0
        torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-3)


def test_threads_change_nothing():
    vertices, faces = ellipsoid(30, 30)
    view = camera((200, 150), 250.0)
    before, results = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            points = vertices.repeat(2, 1, 1).requires_grad_()
            result = rasterize(points, faces, view)
            (result.bary.square().sum() + result.depth[result.mask].sum()).backward()
            results.append((result.face_index, result.bary, result.depth, points.grad))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_permuting_faces_changes_only_their_numbers():
    vertices, faces = soup(7, grid=None)
    order = torch.randperm(len(faces), generator=torch.Generator().manual_seed(1))
    a = rasterize(vertices, faces, camera())
    b = rasterize(vertices, faces[order], camera())
    assert torch.equal(a.depth, b.depth)
    renamed = torch.where(b.mask, order[b.face_index.clamp(min=0).long()].int(), -1)
    ties = (a.face_index != renamed).sum()  # the soup repeats no triangle, depths tie only along crossings
    assert ties == 0


@pytest.mark.parametrize("backend", ["reference", "torch", "numba"])
def test_ties_go_to_the_lowest_face(backend):
    vertices, faces = quad(-1.0, -1.0, 1.0, 1.0, 2.0)
    doubled = torch.cat([faces.flip(0), faces, faces.flip(1)])
    result = rasterize(vertices, doubled, camera(), backend=backend)
    assert int(result.face_index.max()) == 1


@pytest.mark.parametrize("backend", ["reference", "torch", "numba"])
def test_faces_that_cannot_be_drawn_are_dropped(backend):
    good = [[-0.5, -0.5, 2.0], [0.5, -0.5, 2.0], [0.0, 0.5, 2.0]]
    bad = [[0.0, 0.0, -1.0], [0.1, 0.0, 1e-3], [float("nan"), 0.0, 1.0], [0.2, float("inf"), 1.0], [0.0, -0.5, 2.0]]
    vertices = torch.tensor([good + bad])
    faces = torch.tensor([[0, 1, 3], [0, 4, 1], [1, 5, 2], [2, 6, 0], [0, 7, 1], [0, 0, 1], [0, 2, 1]])
    result = rasterize(vertices, faces, camera(), backend=backend)
    assert set(result.face_index.unique().tolist()) == {-1, 6}


@pytest.mark.parametrize("backend", ["reference", "torch", "numba"])
def test_culling_keeps_what_faces_the_camera(backend):
    vertices, faces = ellipsoid(6, 8)
    view = camera()
    assert same(rasterize(vertices, faces, view, backend=backend, cull=True), rasterize(vertices, faces, view))
    inside_out = rasterize(vertices, faces.flip(1), view, backend=backend, cull=True)
    assert (inside_out.depth[inside_out.mask] > 3).all()


@pytest.mark.parametrize("backend", ["reference", "torch", "numba"])
def test_nothing_to_draw(backend):
    vertices, faces = quad(-1.0, -1.0, 1.0, 1.0, 2.0)
    away = rasterize(vertices + 50, faces, camera(), backend=backend)
    none = rasterize(vertices, faces[:0], camera(), backend=backend)
    for result in (away, none):
        assert not result.mask.any()
        assert result.face_index.dtype == torch.int32


def test_float64_and_float32_draw_the_same_faces():
    vertices, faces = ellipsoid(12, 14)
    view = camera((64, 64), 80.0)
    single, double = rasterize(vertices, faces, view), rasterize(vertices.double(), faces, view)
    assert double.depth.dtype == torch.float64
    assert (single.face_index != double.face_index).float().mean() < 1e-3


def test_depth_is_camera_z_of_a_moved_camera():
    vertices, faces = quad(-1.0, -1.0, 1.0, 1.0, 2.0)
    view = camera()
    moved = type(view)(view.focal, view.center, view.size, view.rotation, torch.tensor([0.0, 0.0, 0.5]))
    result = rasterize(vertices, faces, moved)
    torch.testing.assert_close(result.depth[result.mask], torch.full((int(result.mask.sum()),), 2.5))
    assert project(moved, vertices)[..., 2].eq(2.5).all()


def test_bad_arguments_say_what_to_do():
    vertices, faces = quad(-1.0, -1.0, 1.0, 1.0, 2.0)
    with pytest.raises(InputError, match="choose one of auto, numba"):
        rasterize(vertices, faces, camera(), backend="opengl")
    with pytest.raises(InputError, match="vertices 0 to 9 but there are 4"):
        rasterize(vertices, faces.clamp(max=2) * 0 + torch.tensor([0, 1, 9]), camera())


def test_missing_pytorch3d_is_said():
    vertices, faces = quad(-1.0, -1.0, 1.0, 1.0, 2.0)
    try:
        import pytorch3d  # noqa: F401
    except ImportError:
        with pytest.raises(InputError, match="not installed"):
            rasterize(vertices, faces, camera(), backend="pytorch3d")
    else:
        vertices, faces = ellipsoid(12, 14)
        a, b = (rasterize(vertices, faces, camera(), backend=name) for name in ("pytorch3d", "numba"))
        assert (a.face_index != b.face_index).float().mean() < 1e-2
