"""Compiled CPU kernels of the flow, without gradients; their plain twins are in tensors and in `flow.reference`.

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.
Tasks are blocks of rows and write their own places only, so threads cannot change the result.
"""

import math
from typing import no_type_check

import numpy as np
from numba import njit, prange

ROWS = 16
"""Rows per task."""


@njit(cache=True)
@no_type_check
def _flow_task(task, face_index, bary, faces, xy, visible, grid, valid):
    height, width = face_index.shape[1], face_index.shape[2]
    blocks = (height + ROWS - 1) // ROWS
    b, block = task // blocks, task % blocks
    source, seen = min(b, xy.shape[0] - 1), min(b, visible.shape[0] - 1)
    for y in range(block * ROWS, min((block + 1) * ROWS, height)):
        for x in range(width):
            f = face_index[b, y, x]
            gx, gy = np.float32(0.0), np.float32(0.0)
            believed = False
            if f >= 0:
                for k in range(3):
                    gx += xy[source, faces[f, k], 0] * bary[b, y, x, k]
                    gy += xy[source, faces[f, k], 1] * bary[b, y, x, k]
                believed = abs(gx) <= 1.0 and abs(gy) <= 1.0
                if seen >= 0:
                    believed = believed and visible[seen, f]
                if not math.isfinite(gx) or not math.isfinite(gy):
                    gx, gy = np.float32(0.0), np.float32(0.0)
            grid[b, y, x, 0] = gx
            grid[b, y, x, 1] = gy
            valid[b, y, x] = believed


@njit(cache=True)
@no_type_check
def flow_serial(face_index, bary, faces, xy, visible, grid, valid):
    """Fill a flow on the calling thread; see `flow_parallel`."""
    for task in range(face_index.shape[0] * ((face_index.shape[1] + ROWS - 1) // ROWS)):
        _flow_task(task, face_index, bary, faces, xy, visible, grid, valid)


@njit(cache=True, parallel=True)
@no_type_check
def flow_parallel(face_index, bary, faces, xy, visible, grid, valid):
    """Fill `grid` and `valid` with the flow of fragments; `visible` has no rows when every face is visible."""
    for task in prange(face_index.shape[0] * ((face_index.shape[1] + ROWS - 1) // ROWS)):
        _flow_task(task, face_index, bary, faces, xy, visible, grid, valid)


@njit(cache=True)
@no_type_check
def _place(position, size):
    """Return the two pixels to read along an axis and the weight of the second, snapped to pixel centres."""
    place = (position + 1.0) * (0.5 * size) - 0.5
    nearest = np.rint(place)
    if abs(place - nearest) <= 4.0 * 1.1920929e-07 * size:
        place = nearest
    place = min(max(place, 0.0), size - 1.0)
    low = int(place)
    return low, min(low + 1, size - 1), place - low


@njit(cache=True)
@no_type_check
def _warp_task(task, source, grid, valid, fill, result):
    height, width = valid.shape[1], valid.shape[2]
    blocks = (height + ROWS - 1) // ROWS
    b, block = task // blocks, task % blocks
    image = source[min(b, source.shape[0] - 1)]
    size_y, size_x = np.int64(image.shape[1]), np.int64(image.shape[2])
    cells = np.empty((width, 5), np.int64)
    weights = np.empty((width, 2), np.float32)
    for y in range(block * ROWS, min((block + 1) * ROWS, height)):
        count = 0
        for x in range(width):
            if valid[b, y, x]:
                x0, x1, wx = _place(np.float64(grid[b, y, x, 0]), size_x)
                y0, y1, wy = _place(np.float64(grid[b, y, x, 1]), size_y)
                cells[count, 0], cells[count, 1], cells[count, 2] = x, x0, x1
                cells[count, 3], cells[count, 4] = y0, y1
                weights[count, 0], weights[count, 1] = wx, wy
                count += 1
        for c in range(image.shape[0]):
            result[b, c, y, :] = fill
            plane = image[c]
            for i in range(count):
                x, x0, x1, y0, y1 = cells[i, 0], cells[i, 1], cells[i, 2], cells[i, 3], cells[i, 4]
                wx, wy = weights[i, 0], weights[i, 1]
                # Pixels without weight are not read, so that an infinite one next door changes nothing.
                top, bottom = plane[y0, x0], plane[y1, x0]
                if wx > 0.0:
                    top = top * (np.float32(1.0) - wx) + plane[y0, x1] * wx
                    bottom = bottom * (np.float32(1.0) - wx) + plane[y1, x1] * wx
                result[b, c, y, x] = top * (np.float32(1.0) - wy) + bottom * wy if wy > 0.0 else top


@njit(cache=True)
@no_type_check
def warp_serial(source, grid, valid, fill, result):
    """Sample on the calling thread; see `warp_parallel`."""
    for task in range(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _warp_task(task, source, grid, valid, fill, result)


@njit(cache=True, parallel=True)
@no_type_check
def warp_parallel(source, grid, valid, fill, result):
    """Sample `B C H W` pictures bilinearly into `result`; invalid pixels become `fill`."""
    for task in prange(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _warp_task(task, source, grid, valid, fill, result)


@njit(cache=True)
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
