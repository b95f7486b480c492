"""Compiled loops of the renderer of baked people: visibility and shading; one thread, same bytes.

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.
"""

import math
from typing import no_type_check

import numpy as np

from liquidwarp.jit import njit
from liquidwarp.synth.render.shadow_kernels import filtered_visibility


@njit(cache=True, nogil=True, inline="always")
@no_type_check
def _lattice(w1, w2, count):
    """Return three samples of a face's lattice around barycentric (w1, w2), and their weights.

    Sample (i, j), i + j <= count, stands at w1 = i / count, w2 = j / count and has the number
    j (2 count + 3 - j) / 2 + i.
    """
    u, v = w1 * count, w2 * count
    i, j = int(u), int(v)
    if i < 0:
        i = 0
    if j < 0:
        j = 0
    if i > count - 1:
        i = count - 1
    if j > count - 1 - i:
        j = count - 1 - i
    fu, fv = u - i, v - j
    row = j * (2 * count + 3 - j) // 2
    above = (j + 1) * (2 * count + 2 - j) // 2
    if fu + fv <= 1.0 or i + j >= count - 1:
        fu = min(max(fu, 0.0), 1.0)
        fv = min(max(fv, 0.0), 1.0 - fu)
        return row + i, row + i + 1, above + i, 1.0 - fu - fv, fu, fv
    return above + i + 1, above + i, row + i + 1, fu + fv - 1.0, 1.0 - fu, 1.0 - fv


@njit(cache=True, nogil=True)
@no_type_check
def rasterize_layers(screen, faces, layers, colors, near, samples):
    """Find the face that each sample sees, layer over layer, with the holes of borders.

    screen (V, 3): pixel x, y and camera Z; layers: `FaceLayers`: a face of a later one may be `lifts[layer]` deeper
    than what an earlier one drew, and the texels of a face that is cut say where it ends; colors: `MeshColors`;
    samples: `SampleBuffers`, written to.
    """
    layer_of, lifts, cut = layers
    first, counts, texels = colors
    face_at, w1_at, w2_at, depth_at = samples
    height, width = face_at.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        z0, z1, z2 = screen[a, 2], screen[b, 2], screen[c, 2]
        if min(z0, z1, z2) <= near:
            continue
        x0, y0, x1, y1, x2, y2 = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
        left = max(math.ceil(min(x0, x1, x2) - 0.5), 0)
        right = min(math.floor(max(x0, x1, x2) - 0.5), width - 1)
        top = max(math.ceil(min(y0, y1, y2) - 0.5), 0)
        bottom = min(math.floor(max(y0, y1, y2) - 0.5), height - 1)
        if right < left or bottom < top:
            continue
        area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
        if area == 0.0:
            continue
        inverse = 1.0 / area
        layer = layer_of[f]
        lift = lifts[layer]
        for y in range(top, bottom + 1):
            py = y + 0.5
            for x in range(left, right + 1):
                px = x + 0.5
                s1 = ((px - x0) * (y2 - y0) - (py - y0) * (x2 - x0)) * inverse
                s2 = ((x1 - x0) * (py - y0) - (y1 - y0) * (px - x0)) * inverse
                s0 = 1.0 - s1 - s2
                if s0 < 0.0 or s1 < 0.0 or s2 < 0.0:
                    continue
                z = 1.0 / (s0 / z0 + s1 / z1 + s2 / z2)
                old = face_at[y, x]
                limit = depth_at[y, x]
                if old >= 0 and layer_of[old] < layer:
                    limit += lift
                if z >= limit:
                    continue
                w1, w2 = s1 * z / z1, s2 * z / z2
                if cut[f]:
                    i, j, k, p, q, r = _lattice(w1, w2, counts[f])
                    base = first[f]
                    inside = p * texels[base + i, 3] + q * texels[base + j, 3] + r * texels[base + k, 3]
                    if inside <= 0.0:
                        continue
                face_at[y, x] = f
                w1_at[y, x] = w1
                w2_at[y, x] = w2
                depth_at[y, x] = z


@njit(cache=True, nogil=True)
@no_type_check
def interpolate_attributes(samples, faces, colors, attributes, number_at, rows):
    """Write what is known of each covered sample; `number_at` is its row in `rows`. Returns how many there are.

    attributes: `VertexAttributes`.
    """
    face_at, w1_at, w2_at, _ = samples
    first, counts, texels = colors
    vertices, normals, sky, fold_gain = attributes
    height, width = face_at.shape
    count = 0
    for y in range(height):
        for x in range(width):
            f = face_at[y, x]
            if f < 0:
                number_at[y, x] = -1
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            w1, w2 = w1_at[y, x], w2_at[y, x]
            w0 = np.float32(1.0) - w1 - w2
            row = rows[count]
            for k in range(3):
                row[k] = w0 * vertices[a, k] + w1 * vertices[b, k] + w2 * vertices[c, k]
                row[3 + k] = w0 * normals[a, k] + w1 * normals[b, k] + w2 * normals[c, k]
            row[6] = w0 * sky[a] + w1 * sky[b] + w2 * sky[c]
            fold = w0 * fold_gain[a] + w1 * fold_gain[b] + w2 * fold_gain[c]
            i, j, k0, p, q, r = _lattice(w1, w2, counts[f])
            one, two, three = texels[first[f] + i], texels[first[f] + j], texels[first[f] + k0]
            row[7] = p * one[5] + q * two[5] + r * three[5] + fold * (p * one[6] + q * two[6] + r * three[6])
            row[8] = p * one[4] + q * two[4] + r * three[4]
            for k in range(3):
                row[9 + k] = p * one[k] + q * two[k] + r * three[k]
            number_at[y, x] = count
            count += 1
    return count


@njit(cache=True, nogil=True)
@no_type_check
def _bump(rows, here, right, down, n):
    """Bend the normal n by the relief's change across the screen (Mikkelsen 2010)."""
    ax = ay = az = bx = by = bz = rise_x = rise_y = 0.0
    if right >= 0 and abs(rows[right, 2] - rows[here, 2]) < 0.02:
        ax = rows[right, 0] - rows[here, 0]
        ay = rows[right, 1] - rows[here, 1]
        az = rows[right, 2] - rows[here, 2]
        rise_x = rows[right, 7] - rows[here, 7]
    if down >= 0 and abs(rows[down, 2] - rows[here, 2]) < 0.02:
        bx = rows[down, 0] - rows[here, 0]
        by = rows[down, 1] - rows[here, 1]
        bz = rows[down, 2] - rows[here, 2]
        rise_y = rows[down, 7] - rows[here, 7]
    fx, fy, fz = by * n[2] - bz * n[1], bz * n[0] - bx * n[2], bx * n[1] - by * n[0]
    gx, gy, gz = n[1] * az - n[2] * ay, n[2] * ax - n[0] * az, n[0] * ay - n[1] * ax
    area = ax * fx + ay * fy + az * fz
    if abs(area) < 1e-12:
        return
    sx, sy, sz = (rise_x * fx + rise_y * gx) / area, (rise_x * fy + rise_y * gy) / area, 0.0
    sz = (rise_x * fz + rise_y * gz) / area
    steep = math.sqrt(sx * sx + sy * sy + sz * sz)
    if steep > 1.2:
        sx, sy, sz = sx * 1.2 / steep, sy * 1.2 / steep, sz * 1.2 / steep
    nx, ny, nz = n[0] - sx, n[1] - sy, n[2] - sz
    size = math.sqrt(nx * nx + ny * ny + nz * nz)
    n[0], n[1], n[2] = nx / size, ny / size, nz / size


@njit(cache=True, nogil=True)
@no_type_check
def shade(number_at, rows, map_, spread, lights, times, picture, alpha):
    """Add every sample's linear light to a picture that is `times` smaller along each axis.

    map_: `ShadowMap` of the key light; spread: its softness in cells; lights: `Lights`.
    """
    depth, axes, origin, scale = map_
    toward, key, sky, floor = lights
    height, width = number_at.shape
    weight = np.float32(1.0 / (times * times))
    n = np.empty(3, np.float64)
    size = depth.shape[0]
    for y in range(height):
        for x in range(width):
            here = number_at[y, x]
            if here < 0:
                continue
            row = rows[here]
            px, py, pz = row[0], row[1], row[2]
            far = math.sqrt(px * px + py * py + pz * pz)
            vx, vy, vz = -px / far, -py / far, -pz / far
            long = math.sqrt(row[3] ** 2 + row[4] ** 2 + row[5] ** 2) + 1e-12
            n[0], n[1], n[2] = row[3] / long, row[4] / long, row[5] / long
            back = n[0] * vx + n[1] * vy + n[2] * vz < 0
            if back:
                n[0], n[1], n[2] = -n[0], -n[1], -n[2]
            right = number_at[y, x + 1] if x + 1 < width else -1
            down = number_at[y + 1, x] if y + 1 < height else -1
            _bump(rows, here, right, down, n)
            lx = px + 0.012 * n[0] - origin[0]
            ly = py + 0.012 * n[1] - origin[1]
            lz = pz + 0.012 * n[2] - origin[2]
            column = (axes[0, 0] * lx + axes[0, 1] * ly + axes[0, 2] * lz) * scale + size * 0.5
            line = (axes[1, 0] * lx + axes[1, 1] * ly + axes[1, 2] * lz) * scale + size * 0.5
            along = axes[2, 0] * lx + axes[2, 1] * ly + axes[2, 2] * lz
            cosine = n[0] * toward[0] + n[1] * toward[1] + n[2] * toward[2]
            wrapped = min(max((cosine + 0.12) / 1.12, 0.0), 1.0)
            seen = filtered_visibility(depth, column, line, along, 0.014, spread) if wrapped > 0 else 0.0
            open_sky = 0.08 + 0.92 * max(row[6], np.float32(0.0)) ** 1.15
            if back:
                open_sky *= 0.45
            upward = 0.5 - 0.5 * n[1]
            hx, hy, hz = vx + toward[0], vy + toward[1], vz + toward[2]
            half = math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-12
            mirror = max((n[0] * hx + n[1] * hy + n[2] * hz) / half, 0.0)
            rim = max(1.0 - (n[0] * vx + n[1] * vy + n[2] * vz), 0.0)
            spark = row[8] * (1.4 * mirror**26 * seen + 0.5 * rim**4 * open_sky)
            for k in range(3):
                around = upward * sky[k] + (1.0 - upward) * floor[k]
                light = wrapped * seen * key[k] + open_sky * around + (1.0 - open_sky) * 0.35 * row[9 + k] * sky[k]
                picture[y // times, x // times, k] += weight * (row[9 + k] * light + spark * key[k])
            alpha[y // times, x // times] += weight
