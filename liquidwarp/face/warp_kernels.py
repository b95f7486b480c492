"""The inner loop of bending a photo, by numba."""

from typing import no_type_check

import numpy as np

from liquidwarp.jit import njit


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def draw_places(triangles, target, source, places):
    """Write where each pixel of a window has to look: places (h, w, 2), of vertices target and source (M, 2).

    Later triangles lie over earlier ones. Pixels that no triangle covers are left as they are. The first pixel's
    centre is at (0.5, 0.5) of the window's own coordinates.
    """
    height, width = places.shape[0], places.shape[1]
    for number in range(len(triangles)):
        a, b, c = triangles[number, 0], triangles[number, 1], triangles[number, 2]
        ax, ay = target[a, 0], target[a, 1]
        bx, by = target[b, 0], target[b, 1]
        cx, cy = target[c, 0], target[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        inverse = 1.0 / area
        x0 = max(int(np.ceil(min(ax, bx, cx) - 0.5)), 0)
        x1 = min(int(np.floor(max(ax, bx, cx) - 0.5)), width - 1)
        y0 = max(int(np.ceil(min(ay, by, cy) - 0.5)), 0)
        y1 = min(int(np.floor(max(ay, by, cy) - 0.5)), height - 1)
        for y in range(y0, y1 + 1):
            py = y + 0.5
            for x in range(x0, x1 + 1):
                px = x + 0.5
                wb = ((px - ax) * (cy - ay) - (py - ay) * (cx - ax)) * inverse
                wc = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) * inverse
                wa = 1.0 - wb - wc
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                places[y, x, 0] = wa * source[a, 0] + wb * source[b, 0] + wc * source[c, 0]
                places[y, x, 1] = wa * source[a, 1] + wb * source[b, 1] + wc * source[c, 1]
