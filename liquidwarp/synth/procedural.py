"""Building blocks of procedural textures: colours, smooth steps, and deterministic value noise over space.

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float

from liquidwarp.jit import njit

Color = tuple[float, float, float]
"""sRGB in [0, 1]."""

Field = Float[np.ndarray, "N"]
"""A value at each of N points."""


def to_linear(color: Color) -> Float[np.ndarray, "3"]:
    """Return an sRGB colour as linear light."""
    value = np.asarray(color, np.float32)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def smoothstep(edge0: float | Field, edge1: float | Field, value: Field) -> Field:
    """Return 0 below `edge0`, 1 above `edge1` and a smooth rise between (edges may be in falling order)."""
    t = np.clip((value - edge0) / (edge1 - edge0), 0, 1)
    return t * t * (3 - 2 * t)


def noise(points: Float[np.ndarray, "N D"], *, octaves: int = 1, seed: int = 0) -> Field:
    """Return smooth noise in [-1, 1] with features of size 1, and finer octaves of half the size and height.

    Args:
        points: places in one to three dimensions.
        octaves: number of octaves.
        seed: another seed is another noise.
    """
    flat = np.zeros((len(points), 3), np.float32)
    flat[:, : points.shape[1]] = points
    return _fractal(flat, octaves, seed)


def hash_unit(cells: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return a number in [0, 1) for each integer cell (N, 2), as good as random."""
    flat = np.zeros((len(cells), 3), np.int64)
    flat[:, :2] = cells
    return _hash_rows(flat, seed)


@njit(cache=True)
@no_type_check
def _hash(x, y, z, seed):
    h = (x * 374761393 + y * 668265263 + z * 2147483647 + seed * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 2246822519) & 0xFFFFFFFF
    return ((h ^ (h >> 15)) & 0xFFFFFF) / 16777216.0


@njit(cache=True)
@no_type_check
def _hash_rows(cells, seed):
    out = np.empty(len(cells), np.float32)
    for i in range(len(cells)):
        out[i] = _hash(cells[i, 0], cells[i, 1], cells[i, 2], seed)
    return out


@njit(cache=True)
@no_type_check
def _fractal(points, octaves, seed):
    out = np.empty(len(points), np.float32)
    for i in range(len(points)):
        total, height, top, scale = 0.0, 1.0, 0.0, 1.0
        for octave in range(octaves):
            total += height * _value(points[i, 0] * scale, points[i, 1] * scale, points[i, 2] * scale, seed + octave)
            top += height
            height *= 0.5
            scale *= 2.03
        out[i] = total / top
    return out


@njit(cache=True)
@no_type_check
def _value(x, y, z, seed):
    x0, y0, z0 = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    fx, fy, fz = x - x0, y - y0, z - z0
    fx, fy, fz = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy), fz * fz * (3 - 2 * fz)
    total = 0.0
    for dz in range(2):
        wz = fz if dz else 1 - fz
        for dy in range(2):
            wy = fy if dy else 1 - fy
            left = _hash(x0, y0 + dy, z0 + dz, seed)
            right = _hash(x0 + 1, y0 + dy, z0 + dz, seed)
            total += wz * wy * (left + (right - left) * fx)
    return 2 * total - 1
