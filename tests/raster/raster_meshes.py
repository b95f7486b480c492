"""Meshes for the tests of the rasterisers."""

import math

import torch


def ellipsoid(rings, spokes, size=(0.3, 0.8, 0.3), center=(0.0, 0.0, 3.0)):
    """A closed mesh, counter-clockwise seen from outside."""
    theta = torch.linspace(0, math.pi, rings + 2, dtype=torch.float64)[1:-1, None]
    phi = torch.linspace(0, 2 * math.pi, spokes + 1, dtype=torch.float64)[:-1]
    band = torch.stack([theta.sin() * phi.cos(), -theta.cos().expand(-1, spokes), theta.sin() * phi.sin()], -1)
    poles = torch.tensor([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
    vertices = torch.cat([band.reshape(-1, 3), poles]) * torch.tensor(size) + torch.tensor(center)
    faces, last = [], rings * spokes
    for j in range(spokes):
        k = (j + 1) % spokes
        faces.append((last, j, k))
        faces.append((last + 1, (rings - 1) * spokes + k, (rings - 1) * spokes + j))
        for i in range(rings - 1):
            a, b, c, d = i * spokes + j, i * spokes + k, (i + 1) * spokes + j, (i + 1) * spokes + k
            faces += [(a, c, b), (b, c, d)]
    return vertices.float()[None], torch.tensor(faces, dtype=torch.int32)


def quad(x0, y0, x1, y1, z, n=1):
    """A flat square of n x n x 2 faces that faces the camera."""
    y, x = torch.meshgrid(torch.linspace(y0, y1, n + 1), torch.linspace(x0, x1, n + 1), indexing="ij")
    vertices = torch.stack([x, y, torch.full_like(x, z)], -1).reshape(-1, 3)
    i = (torch.arange(n)[:, None] * (n + 1) + torch.arange(n)).reshape(-1)
    faces = torch.stack([torch.stack([i, i + n + 1, i + 1], -1), torch.stack([i + 1, i + n + 1, i + n + 2], -1)], 1)
    return vertices[None], faces.reshape(-1, 3).int()


def soup(seed, count=60, grid=None):
    """Random triangles before, beside and behind the camera, some without area; on a coarse grid if asked for."""
    generator = torch.Generator().manual_seed(seed)
    vertices = torch.randn(2, 40, 3, generator=generator) * torch.tensor([1.2, 1.2, 0.8]) + torch.tensor([0, 0, 1.5])
    if grid is not None:
        vertices = (vertices * grid).round() / grid
    return vertices, torch.randint(0, 40, (count, 3), generator=generator).int()
