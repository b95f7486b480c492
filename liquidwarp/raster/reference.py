"""The rasteriser in loops: slow, plain, and the rule that every fast one has to follow."""

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


def find_faces(
    screen: Float[Tensor, "B V 3"],
    faces: Int[Tensor, "F 3"],
    size: tuple[int, int],
    orthographic: bool,
    near: float,
    cull: bool,
) -> Int[Tensor, "B H W"]:
    """Return the nearest face at every pixel centre, or -1; `screen` holds (x px, y px, Z)."""
    height, width = size
    face_index = np.full((screen.shape[0], height, width), -1, np.int32)
    points = screen.double().cpu().numpy()
    for image, buffer in zip(points, face_index, strict=True):
        nearest = np.full((height, width), np.inf, np.float32)
        for f, corners in enumerate(faces.tolist()):
            _draw(image[corners].tolist(), corners, f, orthographic, near, cull, nearest, buffer)
    return torch.from_numpy(face_index).to(screen.device)


def _draw(
    triangle: list[list[float]],
    corners: list[int],
    f: int,
    orthographic: bool,
    near: float,
    cull: bool,
    nearest: np.ndarray,
    buffer: np.ndarray,
) -> None:
    xs, ys, zs = ([corner[axis] for corner in triangle] for axis in range(3))
    if not all(math.isfinite(number) for number in xs + ys + zs) or not all(z > near for z in zs):
        return
    area = (xs[1] - xs[0]) * (ys[2] - ys[0]) - (ys[1] - ys[0]) * (xs[2] - xs[0])
    if area == 0 or (cull and area > 0):
        return
    height, width = buffer.shape
    for y in range(height):
        if not min(ys) <= y + 0.5 <= max(ys):
            continue
        for x in range(width):
            if not min(xs) <= x + 0.5 <= max(xs):
                continue
            edges = [_edge(triangle, corners, k, area > 0, x + 0.5, y + 0.5) for k in range(3)]
            if not all(value > 0 or (value == 0 and owned) for value, owned in edges):
                continue
            depth = np.float32(_depth([value for value, _ in edges], zs, orthographic))
            if depth < nearest[y, x]:  # strictly: at the same depth the lower face index stays
                nearest[y, x] = depth
                buffer[y, x] = f


def _edge(
    triangle: list[list[float]], corners: list[int], k: int, clockwise: bool, px: float, py: float
) -> tuple[float, bool]:
    """Evaluate the edge opposite vertex k (positive inside) and say whether it owns its pixels (top-left rule)."""
    begin, end = (k + 1) % 3, (k + 2) % 3
    sign = 1.0 if clockwise else -1.0
    if corners[begin] > corners[end]:  # both faces of an edge start from the same end, so they get the same number
        begin, end, sign = end, begin, -sign
    dx = sign * (triangle[end][0] - triangle[begin][0])
    dy = sign * (triangle[end][1] - triangle[begin][1])
    value = dx * (py - triangle[begin][1]) - dy * (px - triangle[begin][0])
    return value, dy < 0 or (dy == 0 and dx > 0)


def _depth(edges: list[float], z: list[float], orthographic: bool) -> float:
    """Interpolate camera Z: affine under an orthographic camera, 1/Z affine under a pinhole camera."""
    if orthographic:
        return (edges[0] * z[0] + edges[1] * z[1] + edges[2] * z[2]) / (edges[0] + edges[1] + edges[2])
    n = [1.0 / value for value in z]
    return (edges[0] + edges[1] + edges[2]) / (edges[0] * n[0] + edges[1] * n[1] + edges[2] * n[2])
