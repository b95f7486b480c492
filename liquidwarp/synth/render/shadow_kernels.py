"""Compiled loops of light: maps of what blocks it (`shadow_maps`), and what arrives at vertices and backgrounds.

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.
"""

import math
from typing import no_type_check

import numpy as np

from liquidwarp.jit import njit


@njit(cache=True, nogil=True)
@no_type_check
def write_bounds(vertices, low, high):
    """Write the least and greatest coordinates."""
    low[:] = np.inf
    high[:] = -np.inf
    for v in range(vertices.shape[0]):
        for k in range(3):
            low[k] = min(low[k], vertices[v, k])
            high[k] = max(high[k], vertices[v, k])


@njit(cache=True, nogil=True)
@no_type_check
def project_to_map(vertices, map_, out):
    """Write (column, row, depth) of vertices in a map (`ShadowMap`)."""
    depth, axes, origin, scale = map_
    size = depth.shape[0]
    for v in range(vertices.shape[0]):
        x = vertices[v, 0] - origin[0]
        y = vertices[v, 1] - origin[1]
        z = vertices[v, 2] - origin[2]
        out[v, 0] = (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z) * scale + size * 0.5
        out[v, 1] = (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z) * scale + size * 0.5
        out[v, 2] = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z


@njit(cache=True, nogil=True)
@no_type_check
def draw_depth(screen, faces, depth):
    """Write the depth of the nearest face into a map, a little too wide rather than with holes."""
    rows, columns = depth.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, y0, x1, y1, x2, y2 = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
        left = max(math.floor(min(x0, x1, x2) - 0.2), 0)
        right = min(math.ceil(max(x0, x1, x2) - 0.8), columns - 1)
        top = max(math.floor(min(y0, y1, y2) - 0.2), 0)
        bottom = min(math.ceil(max(y0, y1, y2) - 0.8), rows - 1)
        if right < left or bottom < top:
            continue
        area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
        if area > -1e-12:  # its back: what it belongs to has a front too
            continue
        inverse = 1.0 / area
        slack = -0.3 / math.sqrt(abs(area)) if abs(area) > 0.09 else -1.0
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                px, py = x + 0.5, y + 0.5
                w1 = ((px - x0) * (y2 - y0) - (py - y0) * (x2 - x0)) * inverse
                w2 = ((x1 - x0) * (py - y0) - (y1 - y0) * (px - x0)) * inverse
                w0 = 1.0 - w1 - w2
                if w0 < slack or w1 < slack or w2 < slack:
                    continue
                w1 = min(max(w1, 0.0), 1.0)
                w2 = min(max(w2, 0.0), 1.0 - w1)
                z = screen[a, 2] + w1 * (screen[b, 2] - screen[a, 2]) + w2 * (screen[c, 2] - screen[a, 2])
                if z < depth[y, x]:
                    depth[y, x] = z


@njit(cache=True, nogil=True)
@no_type_check
def filtered_visibility(depth, x, y, z, bias, radius):
    """Return how much of a place in a map is in the light: percentage-closer filtering, taps `radius` cells apart."""
    size = depth.shape[0]
    total = 0.0
    for j in range(-1, 2):
        for i in range(-1, 2):
            fx = x + i * radius - 0.5
            fy = y + j * radius - 0.5
            x0, y0 = math.floor(fx), math.floor(fy)
            if x0 < 0 or y0 < 0 or x0 >= size - 1 or y0 >= size - 1:
                total += 1.0
                continue
            tx, ty = fx - x0, fy - y0
            limit = z - bias
            one = 1.0 if depth[y0, x0] > limit else 0.0
            two = 1.0 if depth[y0, x0 + 1] > limit else 0.0
            three = 1.0 if depth[y0 + 1, x0] > limit else 0.0
            four = 1.0 if depth[y0 + 1, x0 + 1] > limit else 0.0
            total += (one * (1 - tx) + two * tx) * (1 - ty) + (three * (1 - tx) + four * tx) * ty
    return total / 9.0


@njit(cache=True, nogil=True)
@no_type_check
def splat_sky_maps(vertices, maps):
    """Write the depths of rough maps made of splatted vertices, one per direction of the sky (`SkyMaps`)."""
    depths, axes, origin, scale = maps
    size = depths.shape[1]
    depths[:] = np.inf
    for d in range(axes.shape[0]):
        a = axes[d]
        for v in range(d % 2, vertices.shape[0], 2):
            x = vertices[v, 0] - origin[0]
            y = vertices[v, 1] - origin[1]
            z = vertices[v, 2] - origin[2]
            column = int((a[0, 0] * x + a[0, 1] * y + a[0, 2] * z) * scale + size * 0.5)
            row = int((a[1, 0] * x + a[1, 1] * y + a[1, 2] * z) * scale + size * 0.5)
            if 0 <= column < size and 0 <= row < size:
                along = a[2, 0] * x + a[2, 1] * y + a[2, 2] * z
                if along < depths[d, row, column]:
                    depths[d, row, column] = along


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def sky_visibility(points, normals, maps, out):
    """Write the fraction of the sky that points see, weighted by the cosine."""
    depths, axes, origin, scale = maps
    size = depths.shape[1]
    zero, one = np.float32(0), np.float32(1)
    for p in range(points.shape[0]):
        nx, ny, nz = normals[p, 0], normals[p, 1], normals[p, 2]
        x = np.float32(points[p, 0] + 0.02 * nx - origin[0])
        y = np.float32(points[p, 1] + 0.02 * ny - origin[1])
        z = np.float32(points[p, 2] + 0.02 * nz - origin[2])
        total, seen = np.float32(1e-6), zero
        for d in range(axes.shape[0]):
            cosine = np.float32(0.15) - (axes[d, 2, 0] * nx + axes[d, 2, 1] * ny + axes[d, 2, 2] * nz)
            if cosine <= zero:
                continue
            total += cosine
            fx = (axes[d, 0, 0] * x + axes[d, 0, 1] * y + axes[d, 0, 2] * z) * scale + np.float32(size * 0.5 - 0.5)
            fy = (axes[d, 1, 0] * x + axes[d, 1, 1] * y + axes[d, 1, 2] * z) * scale + np.float32(size * 0.5 - 0.5)
            if not (zero <= fx < size - 1 and zero <= fy < size - 1):
                seen += cosine
                continue
            along = axes[d, 2, 0] * x + axes[d, 2, 1] * y + axes[d, 2, 2] * z - np.float32(0.03)
            x0, y0 = int(fx), int(fy)
            tx, ty = fx - np.float32(x0), fy - np.float32(y0)
            # What is only a little nearer blocks a little: maps this rough know no sharp edges.
            k = np.float32(1 / 0.08)
            s00 = min(max(one - (along - depths[d, y0, x0]) * k, zero), one)
            s01 = min(max(one - (along - depths[d, y0, x0 + 1]) * k, zero), one)
            s10 = min(max(one - (along - depths[d, y0 + 1, x0]) * k, zero), one)
            s11 = min(max(one - (along - depths[d, y0 + 1, x0 + 1]) * k, zero), one)
            top = s00 + tx * (s01 - s00)
            seen += cosine * (top + ty * (s10 + tx * (s11 - s10) - top))
        out[p] = seen / total


@njit(cache=True, nogil=True)
@no_type_check
def mark_occupied_blocks(depth, reach, near):
    """Write which blocks of 16 by 16 cells of a map have something in them or within `reach` cells around."""
    near[:] = False
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            if depth[y, x] < np.inf:
                for j in range(max(y - reach, 0) // 16, min(y + reach, depth.shape[0] - 1) // 16 + 1):
                    for i in range(max(x - reach, 0) // 16, min(x + reach, depth.shape[1] - 1) // 16 + 1):
                        near[j, i] = True


@njit(cache=True, nogil=True)
@no_type_check
def key_visibility(points, map_, near, spread, out):
    """Write how much of the key light reaches the points that pixels look at, roughly: taps are shaken, so blur it."""
    depth, axes, origin, scale = map_
    size = depth.shape[0]
    height, width = out.shape[0], out.shape[1]
    for y in range(height):
        for x in range(width):
            lx, ly, lz = points[y, x, 0] - origin[0], points[y, x, 1] - origin[1], points[y, x, 2] - origin[2]
            column = (axes[0, 0] * lx + axes[0, 1] * ly + axes[0, 2] * lz) * scale + size * 0.5
            line = (axes[1, 0] * lx + axes[1, 1] * ly + axes[1, 2] * lz) * scale + size * 0.5
            out[y, x] = 1.0
            if 1 < column < size - 1 and 1 < line < size - 1 and near[int(line) // 16, int(column) // 16]:
                along = axes[2, 0] * lx + axes[2, 1] * ly + axes[2, 2] * lz
                code = (x * 374761393 + y * 668265263) & 0xFFFFFFFF
                code = ((code ^ (code >> 13)) * 1274126177) & 0xFFFFFFFF
                shake_x = ((code >> 8) & 0xFF) / 255.0 - 0.5
                shake_y = ((code >> 16) & 0xFF) / 255.0 - 0.5
                out[y, x] = filtered_visibility(
                    depth, column + shake_x * spread, line + shake_y * spread, along, 0.02, spread
                )


@njit(cache=True, nogil=True)
@no_type_check
def shade_background(radiance, points, key_fraction, key_visible, sky, out):
    """Write a background's linear light with the person's shadow.

    points (H, W, 3): where in the world each pixel looks; key_fraction (H, W, 3): how much of its light is the key
    light's; key_visible (H, W): how much of that arrives; sky: open sky on the floor (`FloorSky`), read where a point
    is on the floor.
    """
    visible, corner, step, floor = sky
    height, width = out.shape[0], out.shape[1]
    for y in range(height):
        for x in range(width):
            around = 1.0
            if abs(points[y, x, 1] - floor) < 0.01:
                fx, fz = (points[y, x, 0] - corner[0]) / step, (points[y, x, 2] - corner[1]) / step
                x0, z0 = math.floor(fx), math.floor(fz)
                if 0 <= x0 < visible.shape[1] - 1 and 0 <= z0 < visible.shape[0] - 1:
                    tx, tz = fx - x0, fz - z0
                    top = visible[z0, x0] * (1 - tx) + visible[z0, x0 + 1] * tx
                    low = visible[z0 + 1, x0] * (1 - tx) + visible[z0 + 1, x0 + 1] * tx
                    around = top * (1 - tz) + low * tz
            for k in range(3):
                weight = key_fraction[y, x, k]
                out[y, x, k] = radiance[y, x, k] * (weight * key_visible[y, x] + (1 - weight) * around)
