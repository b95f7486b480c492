import pytest
import torch

from liquidwarp.errors import InputError
from liquidwarp.flow import mesh_flow, project_normalized, visibility
from liquidwarp.flow.visibility import _unhidden_compiled, _unhidden_in_tensors
from liquidwarp.geometry import project
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera


def quad(x0, y0, x1, y1, z, n):
    y, x = torch.meshgrid(torch.linspace(y0, y1, n + 1), torch.linspace(x0, x1, n + 1), indexing="ij")
    vertices = torch.stack([x, y, torch.full_like(x, z)], -1).reshape(-1, 3)
    i = (torch.arange(n)[:, None] * (n + 1) + torch.arange(n)).reshape(-1)
    faces = torch.stack([torch.stack([i, i + n + 1, i + 1], -1), torch.stack([i + 1, i + n + 1, i + n + 2], -1)], 1)
    return vertices, faces.reshape(-1, 3).int()


def tube(radius, length, center, rings=40, spokes=32):
    """An upright capsule, closed, counter-clockwise seen from outside."""
    theta = torch.linspace(0, torch.pi, rings)[:, None]
    phi = torch.linspace(0, 2 * torch.pi, spokes + 1)[:-1]
    y = -theta.cos() * radius + torch.where(theta < torch.pi / 2, -length / 2, length / 2)
    v = torch.stack([theta.sin() * phi.cos() * radius, y.expand(-1, spokes), theta.sin() * phi.sin() * radius], -1)
    i = torch.arange(rings - 1)[:, None] * spokes + torch.arange(spokes)
    j = torch.arange(rings - 1)[:, None] * spokes + (torch.arange(spokes) + 1) % spokes
    faces = torch.stack([torch.stack([i, i + spokes, j], -1), torch.stack([j, i + spokes, j + spokes], -1)], 2)
    return v.reshape(-1, 3) + torch.tensor(center), faces.reshape(-1, 3).int()


def join(*meshes):
    vertices, faces, start = [], [], 0
    for points, triangles in meshes:
        vertices.append(points)
        faces.append(triangles + start)
        start += len(points)
    return torch.cat(vertices)[None], torch.cat(faces)


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("cells", [1, 4, 30])
def test_parallel_quads(orthographic, cells):
    view = Camera.create(30.0 if orthographic else 60.0, (64, 64), orthographic=orthographic)
    back, front = quad(-1.0, -1.0, 1.0, 1.0, 3.0, cells), quad(-0.3, -0.3, 0.3, 0.3, 2.0, 3)
    vertices, faces = join(back, front)
    seen = visibility(vertices, faces, view, margin_px=1.5)
    count = len(back[0])
    assert seen.vertex[0, count:].all()
    assert seen.face[0, len(back[1]) :].all()
    # A vertex behind is seen exactly where it keeps its distance from the front quad in the picture.
    xy = project(view, vertices)[0, :count, :2] - 32
    half = 9.0
    outside = (xy.abs() - half).clamp(min=0).norm(dim=1)
    sure = (outside < 0.7) | (outside > 2.4)
    assert torch.equal(seen.vertex[0, :count][sure], (outside > 2.4)[sure])
    # No face that the front quad covers in part is believed, however large it is.
    fragments = rasterize(vertices[:, :count], faces[: len(back[1])], view)
    hidden = rasterize(vertices[:, count:], faces[len(back[1]) :] - count, view).mask
    touched = fragments.face_index[hidden & fragments.mask].unique().long()
    assert len(touched) > 0
    assert not seen.face[0, touched].any()


def test_back_side_and_outside_are_not_seen():
    view = Camera.create(60.0, (64, 64))
    points, faces = quad(-1.0, -1.0, 1.0, 1.0, 3.0, 8)
    assert visibility(points[None], faces, view).face.all()
    assert not visibility(points[None], faces.flip(1), view).face.any()
    aside = visibility(points[None] + torch.tensor([1.0, 0.0, 0.0]), faces, view)
    inside = project(view, points + torch.tensor([1.0, 0.0, 0.0]))[:, 0] <= 64
    assert torch.equal(aside.vertex[0], inside)
    assert not visibility(points[None] - torch.tensor([0.0, 0.0, 6.0]), faces, view).vertex.any()


@pytest.mark.parametrize("orthographic", [False, True])
def test_a_smooth_closed_surface_does_not_hide_itself(orthographic):
    view = Camera.create(90.0 if orthographic else 280.0, (128, 128), orthographic=orthographic)
    points, faces = tube(0.3, 0.3, (0.0, 0.0, 3.0))
    seen = visibility(points[None], faces, view)
    corners = points[faces.long()]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    ray = torch.tensor([0.0, 0.0, 1.0]).expand(len(faces), 3) if orthographic else corners.mean(1)
    cosine = -(normal * ray).sum(1) / (normal.norm(dim=1) * ray.norm(dim=1)).clamp(min=1e-9)
    real = normal.norm(dim=1) > 1e-9
    assert seen.face[0, real & (cosine > 0.2)].all()
    assert not seen.face[0, real & (cosine < 0)].any()


def test_an_arm_before_the_trunk():
    view = Camera.create(300.0, (128, 128))
    trunk, arm = tube(0.25, 0.6, (0.0, 0.0, 3.0)), tube(0.05, 0.4, (0.1, 0.0, 2.6))
    vertices, faces = join(trunk, arm)
    seen = visibility(vertices, faces, view)
    picture = rasterize(vertices, faces, view)
    owner = (picture.face_index[0] >= len(trunk[1])) & picture.mask[0]
    near_arm = torch.nn.functional.max_pool2d(owner[None, None].float(), 3, 1, 1)[0, 0] > 0
    # The trunk, had the arm not been there: none of its believed pixels lies on the arm or right beside it.
    alone = rasterize(vertices[:, : len(trunk[0])], trunk[1], view)
    believed = seen.face[0][alone.face_index[0].clamp(min=0).long()] & alone.mask[0]
    assert not (believed & near_arm).any()
    assert (believed & ~near_arm).sum() > 0.75 * (alone.mask[0] & ~near_arm).sum()
    # The arm itself is believed.
    on_arm = seen.face[0][picture.face_index[0].clamp(min=0).long()] & owner
    assert on_arm.sum() > 0.8 * owner.sum()


def test_moving_the_arm_away_leaves_no_ghost():
    view = Camera.create(300.0, (128, 128))
    trunk, arm = tube(0.25, 0.6, (0.0, 0.0, 3.0)), tube(0.05, 0.4, (0.1, 0.0, 2.6))
    source, faces = join(trunk, arm)
    target = source.clone()
    target[:, len(trunk[0]) :, 0] += 0.6
    xy, _ = project_normalized(view, source)
    shown = visibility(source, faces, view).face
    flow = mesh_flow(rasterize(target, faces, view), faces, xy, face_visible=shown)
    owner = rasterize(source, faces, view).face_index[0]
    trunk_pixels = flow.valid[0] & (rasterize(target, faces, view).face_index[0] < len(trunk[1]))
    place = ((flow.grid[0] + 1) * 64).long()[trunk_pixels]
    assert len(place) > 500
    assert (owner[place[:, 1], place[:, 0]] < len(trunk[1])).all()


def test_margin_and_resolution():
    view = Camera.create(60.0, (64, 64))
    vertices, faces = join(quad(-1.0, -1.0, 1.0, 1.0, 3.0, 40), quad(-0.3, -0.3, 0.3, 0.3, 2.0, 3))
    counts = [int(visibility(vertices, faces, view, margin_px=m).vertex.sum()) for m in (0.0, 2.0, 4.0)]
    assert counts[0] > counts[1] > counts[2]
    fine = int(visibility(vertices, faces, view, margin_px=2.0, resolution=(256, 256)).vertex.sum())
    assert fine == pytest.approx(counts[1], rel=0.05)
    with pytest.raises(InputError, match="depth_tolerance"):
        visibility(vertices, faces, view, depth_tolerance=0.0)


@pytest.mark.parametrize("orthographic", [False, True])
def test_compiled_test_equals_tensors(orthographic):
    view = Camera.create(20.0 if orthographic else 60.0, (40, 50), orthographic=orthographic)
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(400, 3, generator=generator, dtype=torch.float64) + torch.tensor([0.0, 0.0, 2.5])
    normals = torch.randn(400, 3, generator=generator, dtype=torch.float64)
    depth = 1.5 + torch.rand(40, 50, generator=generator, dtype=torch.float64) * 2
    for radius in (0.0, 1.5, 3.2):
        arguments = (points, normals, view, radius, 0.01, depth)
        assert torch.equal(_unhidden_compiled(*arguments), _unhidden_in_tensors(*arguments))


def test_batches_are_independent():
    view = Camera.create(60.0, (64, 64))
    vertices, faces = join(quad(-1.0, -1.0, 1.0, 1.0, 3.0, 8), quad(-0.3, -0.3, 0.3, 0.3, 2.0, 3))
    moved = vertices + torch.tensor([0.3, 0.1, 0.2])
    both = visibility(torch.cat([vertices, moved]), faces, view)
    for i, one in enumerate((vertices, moved)):
        alone = visibility(one, faces, view)
        assert torch.equal(both.vertex[i], alone.vertex[0])
        assert torch.equal(both.face[i], alone.face[0])
