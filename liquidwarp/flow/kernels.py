"""Compiled CPU kernels of the flow and of warping; their plain twins are in tensors and in `flow.reference`.

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.
Tasks are blocks of rows and write their own places only, so threads cannot change the result.
"""

import math
from typing import no_type_check

import numpy as np
from numba import njit, prange

from liquidwarp.raster.kernels import flow_at, shown_in

ROWS = 16
"""Rows per task."""


@njit(cache=True, nogil=True)
@no_type_check
def _flow_task(task, face_index, bary, faces, xy, visible, grid, valid):
    height, width = valid.shape[1], valid.shape[2]
    blocks = (height + ROWS - 1) // ROWS
    s, block = task // blocks, task % blocks
    b = min(s, face_index.shape[0] - 1)
    for y in range(block * ROWS, min((block + 1) * ROWS, height)):
        for x in range(width):
            f = face_index[b, y, x]
            gx, gy, believed = np.float32(0.0), np.float32(0.0), False
            if f >= 0:
                i0, i1, i2 = faces[f, 0], faces[f, 1], faces[f, 2]
                w0, w1, w2 = bary[b, y, x, 0], bary[b, y, x, 1], bary[b, y, x, 2]
                gx, gy, inside = flow_at(xy, min(s, xy.shape[0] - 1), i0, i1, i2, w0, w1, w2)
                believed = inside and shown_in(visible, s, f)
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
def _place(position, size):
    """Return the two pixels to read along an axis and the weight of the second, snapped to pixel centres."""
    place = (position + 1.0) * (0.5 * size) - 0.5
    nearest = np.rint(place)
    if abs(place - nearest) <= 4.0 * 1.1920929e-07 * size:
        place = nearest
    place = min(max(place, 0.0), size - 1.0)
    low = int(place)
    return low, min(low + 1, size - 1), place - low


@njit(cache=True, nogil=True)
@no_type_check
def _warp_task(task, source, size_y, size_x, grid, valid, fill, result):
    height, width = valid.shape[1], valid.shape[2]
    blocks = (height + ROWS - 1) // ROWS
    b, block = task // blocks, task % blocks
    image = source[min(b, source.shape[0] - 1)]
    cells = np.zeros((4, width), np.uint32)  # unsigned, so that no index is taken from the end
    weights = np.zeros((4, width), np.float32)
    for y in range(block * ROWS, min((block + 1) * ROWS, height)):
        for x in range(width):
            if valid[b, y, x]:
                x0, x1, wx = _place(np.float64(grid[b, y, x, 0]), size_x)
                y0, y1, wy = _place(np.float64(grid[b, y, x, 1]), size_y)
                # Pixels without weight are not read, so that an infinite one next door changes nothing: the pixel
                # itself is read twice instead, and its halves add up to it exactly.
                if wx == 0.0:
                    x1, wx = x0, 0.5
                if wy == 0.0:
                    y1, wy = y0, 0.5
                cells[0, x], cells[1, x] = y0 * size_x + x0, y0 * size_x + x1
                cells[2, x], cells[3, x] = y1 * size_x + x0, y1 * size_x + x1
                weights[0, x], weights[1, x] = (1.0 - wx) * (1.0 - wy), wx * (1.0 - wy)
                weights[2, x], weights[3, x] = (1.0 - wx) * wy, wx * wy
        for c in range(image.shape[0]):
            plane, row = image[c], result[b, c, y]
            for x in range(width):
                top = plane[cells[0, x]] * weights[0, x] + plane[cells[1, x]] * weights[1, x]
                row[x] = top + (plane[cells[2, x]] * weights[2, x] + plane[cells[3, x]] * weights[3, x])
            for x in range(width):
                if not valid[b, y, x]:
                    row[x] = fill


@njit(cache=True, nogil=True)
@no_type_check
def warp_serial(source, size_y, size_x, grid, valid, fill, result):
    """Sample on the calling thread; see `warp_parallel`."""
    for task in range(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _warp_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def warp_parallel(source, size_y, size_x, grid, valid, fill, result):
    """Sample pictures `B C (H W)` bilinearly into `result`; invalid pixels become `fill`."""
    for task in prange(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _warp_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True)
@no_type_check
def _slope(position, size):
    """Return the two pixels to read along an axis, the weight of the second, and by how much the place moves."""
    place = (position + 1.0) * (0.5 * size) - 0.5
    moves = 0.5 * size if 0.0 < place < size - 1.0 else 0.0  # held at the border
    place = min(max(place, 0.0), size - 1.0)
    low = int(place)
    return low, min(low + 1, size - 1), place - low, moves


@njit(cache=True, nogil=True)
@no_type_check
def _scatter_task(task, pulled, grid, valid, gradient):
    """Give one channel of one source what its pixels gave; a task owns the channel, so sums have a fixed order."""
    s, c = task // gradient.shape[1], task % gradient.shape[1]
    size_y, size_x = np.int64(gradient.shape[2]), np.int64(gradient.shape[3])
    plane = gradient[s, c]
    plane[:] = 0.0
    first, last = (0, valid.shape[0]) if gradient.shape[0] == 1 else (s, s + 1)
    for b in range(first, last):
        for y in range(valid.shape[1]):
            for x in range(valid.shape[2]):
                if valid[b, y, x]:
                    x0, x1, wx, _ = _slope(np.float64(grid[b, y, x, 0]), size_x)
                    y0, y1, wy, _ = _slope(np.float64(grid[b, y, x, 1]), size_y)
                    g = pulled[b, c, y, x]
                    plane[y0, x0] += g * np.float32((1.0 - wx) * (1.0 - wy))
                    plane[y0, x1] += g * np.float32(wx * (1.0 - wy))
                    plane[y1, x0] += g * np.float32((1.0 - wx) * wy)
                    plane[y1, x1] += g * np.float32(wx * wy)


@njit(cache=True, nogil=True)
@no_type_check
def scatter_serial(pulled, grid, valid, gradient):
    """Pull back to the source on the calling thread; see `scatter_parallel`."""
    for task in range(gradient.shape[0] * gradient.shape[1]):
        _scatter_task(task, pulled, grid, valid, gradient)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def scatter_parallel(pulled, grid, valid, gradient):
    """Write the gradient of warping for the source, given that for the result."""
    for task in prange(gradient.shape[0] * gradient.shape[1]):
        _scatter_task(task, pulled, grid, valid, gradient)


@njit(cache=True, nogil=True)
@no_type_check
def _slide_task(task, pulled, source, grid, valid, gradient):
    height, width = valid.shape[1], valid.shape[2]
    blocks = (height + ROWS - 1) // ROWS
    b, block = task // blocks, task % blocks
    image = source[min(b, source.shape[0] - 1)]
    size_y, size_x = np.int64(image.shape[1]), np.int64(image.shape[2])
    for y in range(block * ROWS, min((block + 1) * ROWS, height)):
        for x in range(width):
            along_x, along_y = 0.0, 0.0
            if valid[b, y, x]:
                x0, x1, wx, moves_x = _slope(np.float64(grid[b, y, x, 0]), size_x)
                y0, y1, wy, moves_y = _slope(np.float64(grid[b, y, x, 1]), size_y)
                for c in range(image.shape[0]):
                    g = np.float64(pulled[b, c, y, x])
                    a00, a01 = np.float64(image[c, y0, x0]), np.float64(image[c, y0, x1])
                    a10, a11 = np.float64(image[c, y1, x0]), np.float64(image[c, y1, x1])
                    if moves_x != 0.0:
                        along_x += g * ((a01 - a00) * (1.0 - wy) + (a11 - a10) * wy)
                    if moves_y != 0.0:
                        along_y += g * ((a10 - a00) * (1.0 - wx) + (a11 - a01) * wx)
                along_x *= moves_x
                along_y *= moves_y
            gradient[b, y, x, 0] = along_x
            gradient[b, y, x, 1] = along_y


@njit(cache=True, nogil=True)
@no_type_check
def slide_serial(pulled, source, grid, valid, gradient):
    """Pull back to the grid on the calling thread; see `slide_parallel`."""
    for task in range(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _slide_task(task, pulled, source, grid, valid, gradient)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def slide_parallel(pulled, source, grid, valid, gradient):
    """Write the gradient of warping for the flow's grid, given that for the result."""
    for task in prange(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _slide_task(task, pulled, source, grid, valid, gradient)


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
