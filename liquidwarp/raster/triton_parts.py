"""Pieces that the Triton kernels share: vertices, edges and pixel boxes of faces, as in `raster.kernels`."""

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def corner(points, vertex, live):
    """Return x, y, Z of vertices in float64."""
    place = points + 3 * vertex
    x = tl.load(place, mask=live, other=0.0).to(tl.float64)
    y = tl.load(place + 1, mask=live, other=0.0).to(tl.float64)
    z = tl.load(place + 2, mask=live, other=0.0).to(tl.float64)
    return x, y, z


@triton.jit
@no_type_check
def edge(xj, yj, xk, yk, swap, orient):
    """Return (ax, ay, dx, dy) of E(p) = dx (py - ay) - dy (px - ax), positive inside, from the lower vertex on."""
    ax, ay = tl.where(swap, xk, xj), tl.where(swap, yk, yj)
    dx = tl.where(swap, -orient * (xj - xk), orient * (xk - xj))
    dy = tl.where(swap, -orient * (yj - yk), orient * (yk - yj))
    return ax, ay, dx, dy


@triton.jit
@no_type_check
def face_box(points, corners, face, face_count, height, width, NEAR: tl.constexpr, CULL: tl.constexpr):
    """Return vertices of faces in float64, twice their area, and their boxes: left, top, width, number of pixels.

    `NEAR` is constant, since numbers that change reach a kernel as float32.
    """
    live = face < face_count
    i0 = tl.load(corners + 3 * face, mask=live, other=0)
    i1 = tl.load(corners + 3 * face + 1, mask=live, other=0)
    i2 = tl.load(corners + 3 * face + 2, mask=live, other=0)
    x0, y0, z0 = corner(points, i0, live)
    x1, y1, z1 = corner(points, i1, live)
    x2, y2, z2 = corner(points, i2, live)
    total = x0 + x1 + x2 + y0 + y1 + y2 + z0 + z1 + z2
    live = live & (z0 > NEAR) & (z1 > NEAR) & (z2 > NEAR) & (tl.abs(total) < float("inf"))
    x0, y0, z0 = tl.where(live, x0, 0.0), tl.where(live, y0, 0.0), tl.where(live, z0, 1.0)
    x1, y1, z1 = tl.where(live, x1, 0.0), tl.where(live, y1, 0.0), tl.where(live, z1, 1.0)
    x2, y2, z2 = tl.where(live, x2, 0.0), tl.where(live, y2, 0.0), tl.where(live, z2, 1.0)
    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
    live = live & (area < 0.0 if CULL else area != 0.0)
    x_low, x_high = tl.minimum(tl.minimum(x0, x1), x2), tl.maximum(tl.maximum(x0, x1), x2)
    y_low, y_high = tl.minimum(tl.minimum(y0, y1), y2), tl.maximum(tl.maximum(y0, y1), y2)
    # Clamped before they become whole numbers: what is far outside must not overflow.
    left = tl.ceil(tl.minimum(tl.maximum(x_low, 0.0), width) - 0.5).to(tl.int32)
    right = tl.floor(tl.minimum(tl.maximum(x_high, -1.0), width) - 0.5).to(tl.int32)
    top = tl.ceil(tl.minimum(tl.maximum(y_low, 0.0), height) - 0.5).to(tl.int32)
    bottom = tl.floor(tl.minimum(tl.maximum(y_high, -1.0), height) - 0.5).to(tl.int32)
    left, top = tl.maximum(left, 0), tl.maximum(top, 0)
    right, bottom = tl.minimum(right, width - 1), tl.minimum(bottom, height - 1)
    wide = tl.where(live, tl.maximum(right - left + 1, 0), 0)
    count = wide * tl.maximum(bottom - top + 1, 0)
    wide = tl.maximum(wide, 1)
    return i0, i1, i2, x0, y0, z0, x1, y1, z1, x2, y2, z2, area, left, top, wide, count
