"""Compiled backward of the numba backend: gradients of weights and depth to the projected vertices.

Pixels are cut into a fixed number of parts per image, whose sums are added in fixed order: threads cannot change the
result. See `raster.kernels` for the habits of these files.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import prange

from liquidwarp.jit import njit
from liquidwarp.raster.kernels import corners_of

PARTIALS = 4
"""Partial sums per image, added in fixed order."""


class Pulls(NamedTuple):
    """Gradients of `bary` and `depth`."""

    bary: np.ndarray
    depth: np.ndarray


@njit(cache=True, error_model="numpy")
@no_type_check
def _pull_row(screen, faces, orthographic, face_index, bary, depth, grad_bary, grad_depth, sums):
    """Add the gradients of a row's pixels to their faces' vertices; neighbours on one face are added up first."""
    x = np.uint64(0)
    one = np.uint64(1)
    width = np.uint64(face_index.shape[0])
    while x < width:
        f = face_index[x]
        if f < 0:
            x += one
            continue
        i0, i1, i2 = corners_of(faces, f)
        x0, y0, z0 = np.float64(screen[i0, 0]), np.float64(screen[i0, 1]), np.float64(screen[i0, 2])
        ux, uy, z1 = np.float64(screen[i1, 0]) - x0, np.float64(screen[i1, 1]) - y0, np.float64(screen[i1, 2])
        vx, vy, z2 = np.float64(screen[i2, 0]) - x0, np.float64(screen[i2, 1]) - y0, np.float64(screen[i2, 2])
        n0, n1, n2 = 1.0 / z0, 1.0 / z1, 1.0 / z2
        inverse = 1.0 / (ux * vy - uy * vx)
        px0 = py0 = pz0 = px1 = py1 = pz1 = px2 = py2 = pz2 = 0.0
        while x < width and face_index[x] == f:
            w0, w1, w2 = np.float64(bary[x, 0]), np.float64(bary[x, 1]), np.float64(bary[x, 2])
            g0, g1, g2 = np.float64(grad_bary[x, 0]), np.float64(grad_bary[x, 1]), np.float64(grad_bary[x, 2])
            gz = np.float64(grad_depth[x])
            if orthographic:
                g0, g1, g2 = g0 + gz * z0, g1 + gz * z1, g2 + gz * z2
                pz0, pz1, pz2 = pz0 + gz * w0, pz1 + gz * w1, pz2 + gz * w2
            else:
                # w = u / S, z = 1 / S with u = a / Z and S = sum(u), where `a` are the affine weights on the screen.
                z = np.float64(depth[x])
                common = g0 * w0 + g1 * w1 + g2 * w2 + z * gz
                nearness = 1.0 / z
                w0, w1, w2 = w0 * z0 * nearness, w1 * z1 * nearness, w2 * z2 * nearness
                g0, g1, g2 = z * (g0 - common) * n0, z * (g1 - common) * n1, z * (g2 - common) * n2
                pz0, pz1, pz2 = pz0 - g0 * w0 * n0, pz1 - g1 * w1 * n1, pz2 - g2 * w2 * n2
            # Moving vertex k by t moves the affine coordinates of a fixed pixel as moving the pixel by -a_k t does.
            s, t = g1 - g0, g2 - g0
            qx, qy = (s * vy - t * uy) * inverse, (t * ux - s * vx) * inverse
            px0, px1, px2 = px0 - w0 * qx, px1 - w1 * qx, px2 - w2 * qx
            py0, py1, py2 = py0 - w0 * qy, py1 - w1 * qy, py2 - w2 * qy
            x += one
        for i, px, py, pz in ((i0, px0, py0, pz0), (i1, px1, py1, pz1), (i2, px2, py2, pz2)):
            sums[i, 0] += px
            sums[i, 1] += py
            sums[i, 2] += pz


@njit(cache=True)
@no_type_check
def _pull_task(task, screen, faces, orthographic, face_index, bary, depth, grad_bary, grad_depth, sums):
    b, part = task // PARTIALS, task % PARTIALS
    height = face_index.shape[1]
    rows = (height + PARTIALS - 1) // PARTIALS
    for y in range(part * rows, min((part + 1) * rows, height)):
        fragments = face_index[b, y], bary[b, y], depth[b, y]
        pulls = grad_bary[b, y], grad_depth[b, y]
        _pull_row(
            screen[b],
            faces,
            orthographic,
            fragments[0],
            fragments[1],
            fragments[2],
            pulls[0],
            pulls[1],
            sums[task],
        )


@njit(cache=True, nogil=True)
@no_type_check
def pull_serial(screen, faces, orthographic, fragments, pulls):
    """Return the gradient of (x px, y px, Z) on the calling thread; see `pull_parallel`."""
    face_index, bary, depth = fragments
    grad_bary, grad_depth = pulls
    batch, count = screen.shape[0], screen.shape[1]
    sums = np.zeros((batch * PARTIALS, count, 3), np.float64)
    for task in range(batch * PARTIALS):
        _pull_task(task, screen, faces, orthographic, face_index, bary, depth, grad_bary, grad_depth, sums)
    return _add_partials(sums, batch)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def pull_parallel(screen, faces, orthographic, fragments, pulls):
    """Return the gradient of (x px, y px, Z) vertices given those of `kernels.FragmentPlanes`."""
    face_index, bary, depth = fragments
    grad_bary, grad_depth = pulls
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
