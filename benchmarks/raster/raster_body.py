"""The body that rasterisers are timed on: made by a procedure, nothing to download."""

import math

import torch

# Middle x, y (metres from the navel), radius, length, part of the faces: head, trunk, two arms, two hands, legs, feet.
PARTS = (
    (0.00, -0.72, 0.10, 0.08, 0.16),
    (0.00, -0.25, 0.17, 0.40, 0.18),
    (-0.32, -0.25, 0.05, 0.50, 0.09),
    (0.32, -0.25, 0.05, 0.50, 0.09),
    (-0.32, 0.10, 0.045, 0.08, 0.12),
    (0.32, 0.10, 0.045, 0.08, 0.12),
    (-0.11, 0.45, 0.08, 0.62, 0.08),
    (0.11, 0.45, 0.08, 0.62, 0.08),
    (-0.11, 0.80, 0.06, 0.06, 0.04),
    (0.11, 0.80, 0.06, 0.06, 0.04),
)


def capsule_man(face_count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ten closed capsules, about `face_count` faces in all, three metres before the camera."""
    vertices, faces, start = [], [], 0
    for x, y, radius, length, fraction in PARTS:
        rings = max(4, round(math.sqrt(fraction * face_count / 2 * 1.4)))
        spokes = max(4, round(fraction * face_count / 2 / rings))
        theta = torch.linspace(1e-3, math.pi - 1e-3, rings + 1)[:, None]
        phi = torch.linspace(0, 2 * math.pi, spokes + 1)[:-1]
        along = -theta.cos() * radius + length * (theta / math.pi - 0.5)
        points = [
            theta.sin() * phi.cos() * radius + x,
            along.expand(-1, spokes) + y,
            theta.sin() * phi.sin() * radius + 3,
        ]
        vertices.append(torch.stack(points, -1).reshape(-1, 3))
        i = torch.arange(rings)[:, None] * spokes + torch.arange(spokes)
        j = torch.arange(rings)[:, None] * spokes + (torch.arange(spokes) + 1) % spokes
        both = [torch.stack([i, i + spokes, j], -1), torch.stack([j, i + spokes, j + spokes], -1)]
        faces.append(torch.stack(both, 2).reshape(-1, 3) + start)
        start += len(vertices[-1])
    return torch.cat(vertices)[None].contiguous(), torch.cat(faces).int()


def turned(vertices: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """Return a batch: the first body as it is, others turned about their vertical axis."""
    turns = 2 * math.pi * torch.rand(count, generator=torch.Generator().manual_seed(seed))
    turns[0] = 0.0
    middle = torch.tensor([0.0, 0.0, 3.0])
    x, y, z = (vertices[0] - middle).unbind(-1)
    cos, sin = turns.cos()[:, None], turns.sin()[:, None]
    return (torch.stack([cos * x + sin * z, y.expand(count, -1), cos * z - sin * x], -1) + middle).contiguous()
