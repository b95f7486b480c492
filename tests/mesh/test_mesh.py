import math

import numpy as np
import pytest
import torch

from liquidwarp.mesh.normals_kernels import look_up_normals
from liquidwarp.mesh.operations import contour_edges, cotangent_laplacian, edge_faces, vertex_normals


def _sphere(rings: int = 24, around: int = 36) -> tuple[np.ndarray, np.ndarray]:
    """Return a unit sphere whose faces run counter-clockwise seen from outside."""
    polar = np.linspace(0, math.pi, rings + 1)[1:-1]
    angle = 2 * math.pi * np.arange(around) / around
    ring = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(angle),
            np.sin(polar)[:, None] * np.sin(angle),
            np.repeat(np.cos(polar)[:, None], around, 1),
        ],
        axis=-1,
    )
    vertices = np.concatenate([[[0, 0, 1.0]], ring.reshape(-1, 3), [[0, 0, -1.0]]])
    faces = []
    for k in range(around):
        n = (k + 1) % around
        faces.append((0, 1 + k, 1 + n))
        for r in range(rings - 2):
            a, b = 1 + r * around + k, 1 + r * around + n
            faces += [(a, a + around, b + around), (a, b + around, b)]
        last = 1 + (rings - 2) * around
        faces.append((len(vertices) - 1, last + n, last + k))
    return vertices, np.array(faces, dtype=np.int32)


def test_normals_of_a_sphere_are_its_radii() -> None:
    vertices, faces = _sphere()
    normals = vertex_normals(torch.from_numpy(vertices), torch.from_numpy(faces))
    assert (normals * torch.from_numpy(vertices)).sum(-1).min() > 0.999


def test_normals_have_gradients_and_batches() -> None:
    vertices, faces = _sphere(4, 5)
    points = torch.from_numpy(vertices).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda v: vertex_normals(v, torch.from_numpy(faces)), (points,))
    both = vertex_normals(torch.stack([points, 2 * points]), torch.from_numpy(faces))
    torch.testing.assert_close(both[0], both[1])


def test_compiled_normals_are_those_of_tensors() -> None:
    vertices, faces = _sphere(rings=8, around=9)
    bumpy = torch.from_numpy(vertices * np.random.default_rng(0).uniform(0.8, 1.2, (len(vertices), 1))).float()
    both = torch.stack([bumpy, bumpy.flip(-1)])
    compiled, slow = (vertex_normals(x, torch.from_numpy(faces)) for x in (both, both.clone().requires_grad_()))
    torch.testing.assert_close(compiled, slow.detach(), rtol=1e-5, atol=1e-6)


def test_normals_of_pixels_are_those_between_the_corners() -> None:
    vertices, faces = _sphere(rings=8, around=9)
    normals = vertex_normals(torch.from_numpy(vertices).float(), torch.from_numpy(faces))
    rng = np.random.default_rng(0)
    face = rng.integers(-1, len(faces), (5, 7)).astype(np.int32)
    bary = rng.dirichlet((1, 1, 1), (5, 7)).astype(np.float32)
    found = np.full((5, 7, 3), np.nan, np.float32)
    look_up_normals(face, bary, faces, normals.numpy(), found)
    mean = (normals.numpy()[faces[face]] * bary[..., None]).sum(-2)
    wanted = np.where(face[..., None] < 0, 0, mean / np.linalg.norm(mean, axis=-1, keepdims=True))
    np.testing.assert_allclose(found, wanted, atol=2e-7)


def test_vertex_without_a_face_has_no_normal() -> None:
    vertices, faces = _sphere(4, 5)
    lonely = torch.from_numpy(np.concatenate([vertices, [[9.0, 9, 9]]]))
    assert vertex_normals(lonely, torch.from_numpy(faces))[-1].abs().max() == 0


def test_edges_of_a_closed_mesh_have_two_faces() -> None:
    vertices, faces = _sphere()
    edges, owners = edge_faces(faces)
    assert len(vertices) - len(edges) + len(faces) == 2  # Euler
    assert (owners >= 0).all()
    assert (edges[:, 0] < edges[:, 1]).all()
    for edge, pair in zip(edges[::37], owners[::37], strict=True):
        assert all(set(edge) <= set(faces[owner]) for owner in pair)


def test_border_edges_have_one_face() -> None:
    edges, owners = edge_faces(np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32))
    assert (owners[:, 1] < 0).sum() == 4
    assert edges[(owners >= 0).all(axis=1)].tolist() == [[0, 2]]


def test_laplacian_knows_the_sphere() -> None:
    vertices, faces = _sphere(48, 72)
    stiffness, area = cotangent_laplacian(vertices, faces)
    assert area.sum() == pytest.approx(4 * math.pi, rel=5e-3)
    assert abs(stiffness - stiffness.T).max() < 1e-12
    assert abs(stiffness @ np.ones(len(vertices))).max() < 1e-9
    # The coordinates are eigenfunctions of the sphere's Laplacian with eigenvalue 2.
    for axis in range(3):
        f = vertices[:, axis]
        assert f @ (stiffness @ f) / (f @ (area * f)) == pytest.approx(2, rel=1e-2)


def test_laplacian_matches_a_loop() -> None:
    vertices, faces = _sphere(5, 6)
    stiffness, area = cotangent_laplacian(vertices, faces)  # its least weight of an edge is 1e-3
    expected, areas = np.zeros(stiffness.shape), np.zeros(len(vertices))
    for face in faces:
        a, b, c = vertices[face]
        areas[face] += np.linalg.norm(np.cross(b - a, c - a)) / 6
        for k in range(3):
            apex, i, j = face[k], face[(k + 1) % 3], face[(k + 2) % 3]
            u, v = vertices[i] - vertices[apex], vertices[j] - vertices[apex]
            weight = (u @ v) / np.linalg.norm(np.cross(u, v)) / 2
            for p, q in ((i, j), (j, i)):
                expected[p, q] -= weight
                expected[p, p] += weight
    np.testing.assert_allclose(stiffness.toarray(), expected, atol=2.1e-3)
    np.testing.assert_allclose(area, areas)


def test_contour_of_a_sphere_is_its_great_circle() -> None:
    vertices, faces = _sphere(60, 90)
    turned = vertices[:, [0, 2, 1]] * [1, -1, 1]  # a rotation: the poles point along the picture's y
    projected = turned * 100 + [200, 150, 500]
    outline = contour_edges(projected, faces, *edge_faces(faces))
    away = outline.point[:, :2] - [200, 150]
    assert abs(np.linalg.norm(away, axis=1) - 100).max() < 1.5
    assert outline.length.sum() == pytest.approx(2 * math.pi * 100, rel=0.05)
    agree = (outline.normal * away).sum(1) / np.linalg.norm(away, axis=1)
    assert np.median(agree) > 0.98
    assert agree.min() > 0.5
