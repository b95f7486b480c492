"""Compiled CPU kernels of the flow, its sizes and visibility; their plain twins are in tensors and in `flow.reference`.

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.
Tasks are blocks of rows and write their own places only, so threads cannot change the result.
"""

import math
from typing import no_type_check

import numpy as np
from numba import prange

from liquidwarp.jit import njit
from liquidwarp.raster.kernels import corners_of, ends_in, flow_at, shown_in

ROWS = 16
"""Rows per task."""


@njit(cache=True, nogil=True)
@no_type_check
def _flow_task(task, face_index, bary, faces, xy, visible, grid, valid):
    height, width = valid.shape[1], valid.shape[2]
    blocks = (height + ROWS - 1) // ROWS
    s, block = task // blocks, task % blocks
    b, zero = min(s, face_index.shape[0] - 1), np.float32(0.0)
    for y in range(block * ROWS, min((block + 1) * ROWS, height)):
        last, shown, ends = np.int64(-1), False, (zero, zero, zero, zero, zero, zero)
        for x in range(width):
            f = np.int64(face_index[b, y, x])
            gx, gy, believed = zero, zero, False
            if f >= 0:
                if f != last:
                    i0, i1, i2 = corners_of(faces, f)
                    ends, shown = ends_in(xy, s, i0, i1, i2), shown_in(visible, s, f)
                    last = f
                gx, gy, inside = flow_at(ends, bary[b, y, x, 0], bary[b, y, x, 1], bary[b, y, x, 2])
                believed = inside and shown
            grid[s, y, x, 0] = gx
            grid[s, y, x, 1] = gy
            valid[s, y, x] = believed


@njit(cache=True, nogil=True)
@no_type_check
def flow_serial(face_index, bary, faces, xy, visible, grid, valid):
    """Fill a flow on the calling thread; see `flow_parallel`."""
    for task in range(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _flow_task(task, face_index, bary, faces, xy, visible, grid, valid)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def flow_parallel(face_index, bary, faces, xy, visible, grid, valid):
    """Fill `grid` and `valid` with the flow of fragments; `visible` has no rows when every face is visible."""
    for task in prange(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _flow_task(task, face_index, bary, faces, xy, visible, grid, valid)


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
def _axis_shares(old, new):
    """Return per new place the first old one, how many there are, and their shares; see `resize.resize_weights`."""
    most = old // new + 2
    first, count = np.empty(new, np.int64), np.empty(new, np.int64)
    shares = np.zeros((new, most), np.float64)
    for place in range(new):
        if new <= old:
            low, high = place * old / new, (place + 1) * old / new
            first[place] = int(low)
            count[place] = min(math.ceil(high), old) - first[place]
            total = 0.0
            for k in range(count[place]):
                shares[place, k] = max(min(high, first[place] + k + 1.0) - max(low, first[place] + k), 0.0)
                total += shares[place, k]
            shares[place] /= total
        else:
            position = min(max((place + 0.5) * old / new - 0.5, 0.0), old - 1.0)
            first[place] = int(position)
            count[place] = min(2, old - first[place])
            shares[place, 0], shares[place, 1] = 1.0 - (position - first[place]), position - first[place]
    return first, count, shares


@njit(cache=True, error_model="numpy")
@no_type_check
def _resize_row(b, y, grid, valid, first_y, count_y, share_y, first_x, count_x, share_x, least, small, kept):
    for x in range(kept.shape[2]):
        held, gx, gy = 0.0, 0.0, 0.0
        for j in range(count_y[y]):
            row = np.uint64(first_y[y] + j)
            for i in range(count_x[x]):
                column = np.uint64(first_x[x] + i)
                if valid[b, row, column]:
                    share = share_y[y, j] * share_x[x, i]
                    held += share
                    gx += share * grid[b, row, column, 0]
                    gy += share * grid[b, row, column, 1]
        believed = held >= least
        kept[b, y, x] = believed
        small[b, y, x, 0] = gx / held if believed else 0.0
        small[b, y, x, 1] = gy / held if believed else 0.0


@njit(cache=True, nogil=True)
@no_type_check
def resize_serial(grid, valid, least, small, kept):
    """Resize flows on the calling thread; see `resize_parallel`."""
    batch, height, width = kept.shape
    first_y, count_y, share_y = _axis_shares(valid.shape[1], height)
    first_x, count_x, share_x = _axis_shares(valid.shape[2], width)
    for task in range(batch * height):
        _resize_row(
            task // height,
            task % height,
            grid,
            valid,
            first_y,
            count_y,
            share_y,
            first_x,
            count_x,
            share_x,
            least,
            small,
            kept,
        )


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def resize_parallel(grid, valid, least, small, kept):
    """Write flows resized to `small` (its size says which) and `kept`; `least` is the share that makes it valid."""
    batch, height, width = kept.shape
    first_y, count_y, share_y = _axis_shares(valid.shape[1], height)
    first_x, count_x, share_x = _axis_shares(valid.shape[2], width)
    for task in prange(batch * height):
        _resize_row(
            task // height,
            task % height,
            grid,
            valid,
            first_y,
            count_y,
            share_y,
            first_x,
            count_x,
            share_x,
            least,
            small,
            kept,
        )
