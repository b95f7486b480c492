"""Compiled backward of the numba backend: gradients of weights and depth to the projected vertices.

Pixels are cut into a fixed number of parts per image, whose sums are added in fixed order: threads cannot change the
result. See `raster.kernels` for the habits of these files.
"""

from typing import no_type_check

import numpy as np
from numba import njit, prange

PARTIALS = 4
"""Partial sums per image, added in fixed order."""


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _pull_pixel(screen, b, i, face, orthographic, w, z, g, gz, sums):
    """Add one pixel's gradient to its face's vertices; `w` are surface weights, `g` and `gz` gradients of w and z."""
    z0, z1, z2 = np.float64(screen[b, i[0], 2]), np.float64(screen[b, i[1], 2]), np.float64(screen[b, i[2], 2])
    if orthographic:
        a0, a1, a2 = w
        g0, g1, g2 = g[0] + gz * z0, g[1] + gz * z1, g[2] + gz * z2
        d0, d1, d2 = gz * a0, gz * a1, gz * a2
    else:
        # w = u / S, z = 1 / S with u = a / Z and S = sum(u), where `a` are the affine weights on the screen.
        common = g[0] * w[0] + g[1] * w[1] + g[2] * w[2] + z * gz
        a0, a1, a2 = w[0] * z0 / z, w[1] * z1 / z, w[2] * z2 / z
        g0, g1, g2 = z * (g[0] - common) / z0, z * (g[1] - common) / z1, z * (g[2] - common) / z2
        d0, d1, d2 = -g0 * a0 / z0, -g1 * a1 / z1, -g2 * a2 / z2
    x0, y0 = np.float64(screen[b, i[0], 0]), np.float64(screen[b, i[0], 1])
    ux, uy = np.float64(screen[b, i[1], 0]) - x0, np.float64(screen[b, i[1], 1]) - y0
    vx, vy = np.float64(screen[b, i[2], 0]) - x0, np.float64(screen[b, i[2], 1]) - y0
    # Moving vertex k by t moves the affine coordinates of a fixed pixel as moving the pixel by -a_k t does.
    inverse = 1.0 / (ux * vy - uy * vx)
    s, t = g1 - g0, g2 - g0
    qx, qy = (s * vy - t * uy) * inverse, (t * ux - s * vx) * inverse
    for k, a, d in ((0, a0, d0), (1, a1, d1), (2, a2, d2)):
        sums[i[k], 0] -= a * qx
        sums[i[k], 1] -= a * qy
        sums[i[k], 2] += d


@njit(cache=True, nogil=True)
@no_type_check
def _pull_task(task, screen, faces, orthographic, face_index, bary, depth, grad_bary, grad_depth, sums):
    b, part = task // PARTIALS, task % PARTIALS
    height, width = face_index.shape[1], face_index.shape[2]
    rows = (height + PARTIALS - 1) // PARTIALS
    for y in range(part * rows, min((part + 1) * rows, height)):
        for x in range(width):
            f = face_index[b, y, x]
            if f < 0:
                continue
            i = (faces[f, 0], faces[f, 1], faces[f, 2])
            w = (np.float64(bary[b, y, x, 0]), np.float64(bary[b, y, x, 1]), np.float64(bary[b, y, x, 2]))
            g = (
                np.float64(grad_bary[b, y, x, 0]),
                np.float64(grad_bary[b, y, x, 1]),
                np.float64(grad_bary[b, y, x, 2]),
            )
            z, gz = np.float64(depth[b, y, x]), np.float64(grad_depth[b, y, x])
            _pull_pixel(screen, b, i, f, orthographic, w, z, g, gz, sums[task])


@njit(cache=True, nogil=True)
@no_type_check
def pull_serial(screen, faces, orthographic, face_index, bary, depth, grad_bary, grad_depth):
    """Return the gradient of (x px, y px, Z) on the calling thread; see `pull_parallel`."""
    batch, count = screen.shape[0], screen.shape[1]
    sums = np.zeros((batch * PARTIALS, count, 3), np.float64)
    for task in range(batch * PARTIALS):
        _pull_task(task, screen, faces, orthographic, face_index, bary, depth, grad_bary, grad_depth, sums)
    return _add_partials(sums, batch)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def pull_parallel(screen, faces, orthographic, face_index, bary, depth, grad_bary, grad_depth):
    """Return the gradient of (x px, y px, Z) vertices given those of `bary` and `depth`."""
    batch, count = screen.shape[0], screen.shape[1]
    sums = np.zeros((batch * PARTIALS, count, 3), np.float64)
    for task in prange(batch * PARTIALS):
        _pull_task(task, screen, faces, orthographic, face_index, bary, depth, grad_bary, grad_depth, sums)
    return _add_partials(sums, batch)


@njit(cache=True, nogil=True)
@no_type_check
def _add_partials(sums, batch):
    result = np.empty((batch, sums.shape[1], 3), np.float32)
    for b in range(batch):
        for v in range(sums.shape[1]):
            for c in range(3):
                total = 0.0
                for part in range(PARTIALS):
                    total += sums[b * PARTIALS + part, v, c]
                result[b, v, c] = total
    return result
