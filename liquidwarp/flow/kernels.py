"""Compiled CPU kernels of the flow and of visibility; their plain twins are in tensors and in `flow.reference`.

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
