"""Compiled CPU kernels of the flow, its sizes and visibility; their plain twins are in tensors and in `flow.reference`.

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.
Tasks are blocks of rows and write their own places only, so threads cannot change the result.
"""

import math
from typing import NamedTuple, no_type_check

import numpy as np
from numba import prange

from liquidwarp.jit import njit
from liquidwarp.raster.kernels import corners_of, ends_in, flow_at, shown_in

ROWS = 16
"""Rows per task."""


class Surface(NamedTuple):
    """What a rasteriser found, `B H W` and `B H W 3`, and the faces (F 3) that it drew."""

    face_index: np.ndarray
    bary: np.ndarray
    faces: np.ndarray


class FlowGrid(NamedTuple):
    """A flow, `N H W 2`, and where it is valid, `N H W`."""

    grid: np.ndarray
    valid: np.ndarray


class Axis(NamedTuple):
    """Per new place of an axis the first old one, how many there are, and their weights."""

    first: np.ndarray
    reach: np.ndarray
    weights: np.ndarray


@njit(cache=True, nogil=True)
@no_type_check
def _flow_task(task, surface, source, made):
    height, width = made.valid.shape[1], made.valid.shape[2]
    blocks = (height + ROWS - 1) // ROWS
    s, block = task // blocks, task % blocks
    b, zero = min(s, surface.face_index.shape[0] - 1), np.float32(0.0)
    for y in range(block * ROWS, min((block + 1) * ROWS, height)):
        last, shown, ends = np.int64(-1), False, (zero, zero, zero, zero, zero, zero)
        for x in range(width):
            f = np.int64(surface.face_index[b, y, x])
            gx, gy, believed = zero, zero, False
            if f >= 0:
                if f != last:
                    i0, i1, i2 = corners_of(surface.faces, f)
                    ends, shown = ends_in(source.xy, s, i0, i1, i2), shown_in(source.visible, s, f)
                    last = f
                gx, gy, inside = flow_at(
                    ends, surface.bary[b, y, x, 0], surface.bary[b, y, x, 1], surface.bary[b, y, x, 2]
                )
                believed = inside and shown
            made.grid[s, y, x, 0] = gx
            made.grid[s, y, x, 1] = gy
            made.valid[s, y, x] = believed


@njit(cache=True, nogil=True)
@no_type_check
def flow_serial(surface, source, made):
    """Fill a flow on the calling thread; see `flow_parallel`."""
    for task in range(made.valid.shape[0] * ((made.valid.shape[1] + ROWS - 1) // ROWS)):
        _flow_task(task, surface, source, made)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def flow_parallel(surface, source, made):
    """Fill a `FlowGrid` with where the pixels of a `Surface` come from in a `FlowSource`."""
    for task in prange(made.valid.shape[0] * ((made.valid.shape[1] + ROWS - 1) // ROWS)):
        _flow_task(task, surface, source, made)


@njit(cache=True, nogil=True)
@no_type_check
def unhidden(local, normal, lens, orthographic, radius, tolerance, steepest, depth, clear):
    """Write into `clear` which surface points have nothing nearer around them; see `visibility._unhidden`."""
    height, width = depth.shape
    reach = math.ceil(radius)
    for i in range(local.shape[0]):
        z = local[i, 2]
        clear[i] = False
        if not z > 0.0:
            continue
        rx = local[i, 0] if orthographic else local[i, 0] / z
        ry = local[i, 1] if orthographic else local[i, 1] / z
        px, py = rx * lens[0] + lens[2], ry * lens[1] + lens[3]
        if not (0.0 <= px <= width and 0.0 <= py <= height):
            continue
        clear[i] = True
        cx, cy = math.floor(px), math.floor(py)
        for y in range(max(cy - reach, 0), min(cy + reach, height - 1) + 1):
            for x in range(max(cx - reach, 0), min(cx + reach, width - 1) + 1):
                if (x + 0.5 - px) ** 2 + (y + 0.5 - py) ** 2 > max(radius * radius, 0.5):
                    continue
                seen = depth[y, x]
                if not seen < z - tolerance:
                    continue
                sx, sy = (x + 0.5 - lens[2]) / lens[0], (y + 0.5 - lens[3]) / lens[1]
                if orthographic:
                    wide = math.hypot(sx - rx, sy - ry)
                    across = (sx - rx) * normal[i, 0] + (sy - ry) * normal[i, 1]
                    plane = z - across / min(normal[i, 2], -1e-12)
                else:
                    wide = math.hypot(sx - rx, sy - ry) * z
                    slope = sx * normal[i, 0] + sy * normal[i, 1] + normal[i, 2]
                    level = local[i, 0] * normal[i, 0] + local[i, 1] * normal[i, 1] + z * normal[i, 2]
                    plane = level / min(slope, -1e-12)
                if seen < min(max(plane, z - steepest * wide), z) - tolerance:
                    clear[i] = False


@njit(cache=True, error_model="numpy")
@no_type_check
def axis_weights(old, new):
    """Return where the places of a resized axis come from; see `resize.resize_weights`."""
    most = old // new + 2
    first, count = np.empty(new, np.int64), np.empty(new, np.int64)
    weights = np.zeros((new, most), np.float64)
    for place in range(new):
        if new <= old:
            low, high = place * old / new, (place + 1) * old / new
            first[place] = int(low)
            count[place] = min(math.ceil(high), old) - first[place]
            total = 0.0
            for k in range(count[place]):
                weights[place, k] = max(min(high, first[place] + k + 1.0) - max(low, first[place] + k), 0.0)
                total += weights[place, k]
            weights[place] /= total
        else:
            position = min(max((place + 0.5) * old / new - 0.5, 0.0), old - 1.0)
            first[place] = int(position)
            count[place] = min(2, old - first[place])
            weights[place, 0], weights[place, 1] = 1.0 - (position - first[place]), position - first[place]
    return Axis(first, count, weights)


@njit(cache=True, error_model="numpy")
@no_type_check
def _resize_row(b, y, old, rows, columns, least, made):
    for x in range(made.valid.shape[2]):
        held, gx, gy = 0.0, 0.0, 0.0
        for j in range(rows.reach[y]):
            row = np.uint64(rows.first[y] + j)
            for i in range(columns.reach[x]):
                column = np.uint64(columns.first[x] + i)
                if old.valid[b, row, column]:
                    weight = rows.weights[y, j] * columns.weights[x, i]
                    held += weight
                    gx += weight * old.grid[b, row, column, 0]
                    gy += weight * old.grid[b, row, column, 1]
        believed = held >= least
        made.valid[b, y, x] = believed
        made.grid[b, y, x, 0] = gx / held if believed else 0.0
        made.grid[b, y, x, 1] = gy / held if believed else 0.0


@njit(cache=True, nogil=True)
@no_type_check
def resize_serial(old, rows, columns, least, made):
    """Resize flows on the calling thread; see `resize_parallel`."""
    batch, height = made.valid.shape[:2]
    for task in range(batch * height):
        _resize_row(task // height, task % height, old, rows, columns, least, made)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def resize_parallel(old, rows, columns, least, made):
    """Write flows resized along two axes; `least` is the fraction that makes a pixel valid."""
    batch, height = made.valid.shape[:2]
    for task in prange(batch * height):
        _resize_row(task // height, task % height, old, rows, columns, least, made)
