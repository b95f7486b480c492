"""Compiled CPU kernels of the soft silhouette; their plain twins are in `silhouette` and `torch_backend`."""

import math
from typing import no_type_check

import numpy as np

from liquidwarp.jit import njit
from liquidwarp.raster.kernels import area_of


@njit(cache=True, nogil=True)
@no_type_check
def nearest_segments(ends, reach, nearest):
    """Write the number of the nearest segment into each pixel of `nearest` that has one within `reach` pixels."""
    height, width = nearest.shape
    best = np.full((height, width), np.inf, np.float32)
    limit = np.float32(reach * reach)
    for s in range(ends.shape[0]):
        x0, y0, x1, y1 = ends[s, 0, 0], ends[s, 0, 1], ends[s, 1, 0], ends[s, 1, 1]
        if not math.isfinite(x0 + y0 + x1 + y1):
            continue
        left = max(math.ceil(max(min(x0, x1) - reach - 0.5, 0.0)), 0)
        right = min(math.floor(min(max(x0, x1) + reach - 0.5, width - 1.0)), width - 1)
        top = max(math.ceil(max(min(y0, y1) - reach - 0.5, 0.0)), 0)
        bottom = min(math.floor(min(max(y0, y1) + reach - 0.5, height - 1.0)), height - 1)
        dx, dy = x1 - x0, y1 - y0
        length = max(dx * dx + dy * dy, 1e-12)
        for y in range(top, bottom + 1):
            ty = y + 0.5 - y0
            for x in range(left, right + 1):
                tx = x + 0.5 - x0
                t = min(max((tx * dx + ty * dy) / length, 0.0), 1.0)
                rx, ry = tx - t * dx, ty - t * dy
                square = np.float32(rx * rx + ry * ry)
                if square <= limit and square < best[y, x]:
                    best[y, x] = square
                    nearest[y, x] = s


@njit(cache=True, nogil=True)
@no_type_check
def empty_beyond(screen, faces, mask, outward, empty, drawn):
    """Write which edges have an empty picture just outside, and which faces count; see `silhouette._empty_beyond`."""
    height, width = mask.shape
    for f in range(faces.shape[0]):
        i0, i1, i2 = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, y0, x1, y1, x2, y2 = (
            screen[i0, 0],
            screen[i0, 1],
            screen[i1, 0],
            screen[i1, 1],
            screen[i2, 0],
            screen[i2, 1],
        )
        area = area_of(x0, y0, x1, y1, x2, y2)
        finite = math.isfinite(x0 + y0 + x1 + y1 + x2 + y2 + screen[i0, 2] + screen[i1, 2] + screen[i2, 2])
        drawn[f] = finite and area != 0.0 and screen[i0, 2] > 0.0 and screen[i1, 2] > 0.0 and screen[i2, 2] > 0.0
        sign = 1.0 if area > 0.0 else -1.0
        for k in range(3):
            empty[f, k] = False
            if not drawn[f]:
                continue
            ax, ay = screen[faces[f, (k + 1) % 3], 0], screen[faces[f, (k + 1) % 3], 1]
            dx, dy = screen[faces[f, (k + 2) % 3], 0] - ax, screen[faces[f, (k + 2) % 3], 1] - ay
            length = max(math.sqrt(dx * dx + dy * dy), 1e-12)
            px = ax + dx / 2 + outward * (sign * dy / length)
            py = ay + dy / 2 - outward * (sign * dx / length)
            if 0.0 <= px < width and 0.0 <= py < height:
                empty[f, k] = not mask[int(py), int(px)]
