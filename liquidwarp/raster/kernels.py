"""Compiled CPU kernels of the numba backend.

An image is cut into bands of rows. Faces are sorted into bands in two passes over chunks of faces (count, then fill),
so the list of a band is in ascending face order whatever the number of threads; each band then keeps its own depth
buffer in cache, and resolves weights once per visible pixel. Every task writes its own places only: threads cannot
change the result.

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.

Every kernel that runs in threads has a serial twin for one thread and for forked processes, where OpenMP may not start.
"""

import math
from typing import no_type_check

import numpy as np
from numba import njit, prange

BAND = 64
"""Rows per band."""
CHUNKS = 8
"""Pieces of the face list per image, a constant so that the order of faces in a band never depends on the machine."""
PARTIALS = 4
"""Partial sums per image in the backward, added in fixed order."""


@njit(cache=True, inline="always")
@no_type_check
def _edge(xj, yj, xk, yk, swap, orient):
    """Return (ax, ay, dx, dy) of E(p) = dx * (py - ay) - dy * (px - ax), positive inside, from the canonical end."""
    if swap:
        return xk, yk, -orient * (xj - xk), -orient * (yj - yk)
    return xj, yj, orient * (xk - xj), orient * (yk - yj)


@njit(cache=True, inline="always")
@no_type_check
def _area(x0, y0, x1, y1, x2, y2):
    return (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)


@njit(cache=True)
@no_type_check
def _bounds(screen, b, i0, i1, i2, near, cull, height, width):
    """Return the pixel box (x0, x1, y0, y1), inclusive, of a face; x1 < x0 when it covers no pixel centre."""
    x0, y0, z0 = np.float64(screen[b, i0, 0]), np.float64(screen[b, i0, 1]), np.float64(screen[b, i0, 2])
    x1, y1, z1 = np.float64(screen[b, i1, 0]), np.float64(screen[b, i1, 1]), np.float64(screen[b, i1, 2])
    x2, y2, z2 = np.float64(screen[b, i2, 0]), np.float64(screen[b, i2, 1]), np.float64(screen[b, i2, 2])
    if not (z0 > near and z1 > near and z2 > near):
        return 0, -1, 0, -1
    if not math.isfinite(x0 + x1 + x2 + y0 + y1 + y2 + z0 + z1 + z2):
        return 0, -1, 0, -1
    left = max(math.ceil(max(min(x0, x1, x2), 0.0) - 0.5), 0)
    right = min(math.floor(min(max(x0, x1, x2), width) - 0.5), width - 1)
    top = max(math.ceil(max(min(y0, y1, y2), 0.0) - 0.5), 0)
    bottom = min(math.floor(min(max(y0, y1, y2), height) - 0.5), height - 1)
    if right < left or bottom < top:
        return 0, -1, 0, -1
    area = _area(x0, y0, x1, y1, x2, y2)
    if area == 0.0 or (cull and area > 0.0):
        return 0, -1, 0, -1
    return left, right, top, bottom


@njit(cache=True)
@no_type_check
def _count_task(task, screen, faces, height, width, near, cull, boxes, counts):
    b, chunk = task // CHUNKS, task % CHUNKS
    size = (faces.shape[0] + CHUNKS - 1) // CHUNKS
    for f in range(chunk * size, min((chunk + 1) * size, faces.shape[0])):
        left, right, top, bottom = _bounds(screen, b, faces[f, 0], faces[f, 1], faces[f, 2], near, cull, height, width)
        boxes[b, f, 0] = left
        boxes[b, f, 1] = right
        boxes[b, f, 2] = top
        boxes[b, f, 3] = bottom
        if right >= left:
            for band in range(top // BAND, bottom // BAND + 1):
                counts[b, band, chunk] += 1


@njit(cache=True)
@no_type_check
def _fill_task(task, face_count, boxes, starts, bins):
    b, chunk = task // CHUNKS, task % CHUNKS
    size = (face_count + CHUNKS - 1) // CHUNKS
    for f in range(chunk * size, min((chunk + 1) * size, face_count)):
        if boxes[b, f, 1] >= boxes[b, f, 0]:
            for band in range(boxes[b, f, 2] // BAND, boxes[b, f, 3] // BAND + 1):
                bins[starts[b, band, chunk]] = f
                starts[b, band, chunk] += 1


@njit(cache=True, inline="always")
@no_type_check
def _setup(screen, b, i0, i1, i2, orthographic):
    """Return edges opposite each vertex and the factors of depth = sum(E m) / sum(E n), bary = E n / sum(E n)."""
    x0, y0, z0 = np.float64(screen[b, i0, 0]), np.float64(screen[b, i0, 1]), np.float64(screen[b, i0, 2])
    x1, y1, z1 = np.float64(screen[b, i1, 0]), np.float64(screen[b, i1, 1]), np.float64(screen[b, i1, 2])
    x2, y2, z2 = np.float64(screen[b, i2, 0]), np.float64(screen[b, i2, 1]), np.float64(screen[b, i2, 2])
    orient = 1.0 if _area(x0, y0, x1, y1, x2, y2) > 0.0 else -1.0
    edge0 = _edge(x1, y1, x2, y2, i1 > i2, orient)
    edge1 = _edge(x2, y2, x0, y0, i2 > i0, orient)
    edge2 = _edge(x0, y0, x1, y1, i0 > i1, orient)
    if orthographic:
        return edge0, edge1, edge2, (z0, z1, z2), (1.0, 1.0, 1.0)
    return edge0, edge1, edge2, (1.0, 1.0, 1.0), (1.0 / z0, 1.0 / z1, 1.0 / z2)


@njit(cache=True, inline="always")
@no_type_check
def _top_left(edge):
    return edge[3] < 0.0 or (edge[3] == 0.0 and edge[2] > 0.0)


@njit(cache=True)
@no_type_check
def _draw_face(screen, b, f, faces, orthographic, left, right, top, bottom, first_row, depth_buffer, face_buffer):
    edge0, edge1, edge2, m, n = _setup(screen, b, faces[f, 0], faces[f, 1], faces[f, 2], orthographic)
    own0, own1, own2 = _top_left(edge0), _top_left(edge1), _top_left(edge2)
    ax0, ay0, dx0, dy0 = edge0
    ax1, ay1, dx1, dy1 = edge1
    ax2, ay2, dx2, dy2 = edge2
    m0, m1, m2 = m
    n0, n1, n2 = n
    for y in range(top, bottom + 1):
        py = y + 0.5
        row0, row1, row2 = dx0 * (py - ay0), dx1 * (py - ay1), dx2 * (py - ay2)
        for x in range(left, right + 1):
            px = x + 0.5
            e0 = row0 - dy0 * (px - ax0)
            e1 = row1 - dy1 * (px - ax1)
            e2 = row2 - dy2 * (px - ax2)
            if e0 < 0.0 or e1 < 0.0 or e2 < 0.0:
                continue
            if (e0 == 0.0 and not own0) or (e1 == 0.0 and not own1) or (e2 == 0.0 and not own2):
                continue
            z = np.float32((e0 * m0 + e1 * m1 + e2 * m2) / (e0 * n0 + e1 * n1 + e2 * n2))
            if z < depth_buffer[y - first_row, x]:  # ascending faces: an equal depth keeps the lower index
                depth_buffer[y - first_row, x] = z
                face_buffer[y - first_row, x] = f


@njit(cache=True)
@no_type_check
def _resolve_row(screen, b, y, faces, orthographic, face_row, face_index, bary, depth):
    face_index[b, y, :] = face_row
    bary[b, y, :, :] = 0.0
    depth[b, y, :] = np.inf
    last = -1
    py = y + 0.5
    for x in range(face_row.shape[0]):
        f = face_row[x]
        if f < 0:
            continue
        if f != last:
            edge0, edge1, edge2, m, n = _setup(screen, b, faces[f, 0], faces[f, 1], faces[f, 2], orthographic)
            last = f
        px = x + 0.5
        e0 = edge0[2] * (py - edge0[1]) - edge0[3] * (px - edge0[0])
        e1 = edge1[2] * (py - edge1[1]) - edge1[3] * (px - edge1[0])
        e2 = edge2[2] * (py - edge2[1]) - edge2[3] * (px - edge2[0])
        inverse = 1.0 / (e0 * n[0] + e1 * n[1] + e2 * n[2])
        bary[b, y, x, 0] = e0 * n[0] * inverse
        bary[b, y, x, 1] = e1 * n[1] * inverse
        bary[b, y, x, 2] = e2 * n[2] * inverse
        depth[b, y, x] = (e0 * m[0] + e1 * m[1] + e2 * m[2]) * inverse


@njit(cache=True)
@no_type_check
def _band_task(task, screen, faces, orthographic, boxes, begins, bins, face_index, bary, depth):
    height, width = face_index.shape[1], face_index.shape[2]
    bands = begins.shape[1]
    b, band = task // bands, task % bands
    first, last = band * BAND, min((band + 1) * BAND, height) - 1
    depth_buffer = np.full((last - first + 1, width), np.inf, np.float32)
    face_buffer = np.full((last - first + 1, width), -1, np.int32)
    for i in range(begins[b, band, 0], begins[b, band, 1]):
        f = bins[i]
        _draw_face(
            screen,
            b,
            f,
            faces,
            orthographic,
            boxes[b, f, 0],
            boxes[b, f, 1],
            max(boxes[b, f, 2], first),
            min(boxes[b, f, 3], last),
            first,
            depth_buffer,
            face_buffer,
        )
    for y in range(first, last + 1):
        _resolve_row(screen, b, y, faces, orthographic, face_buffer[y - first], face_index, bary, depth)


@njit(cache=True)
@no_type_check
def _starts(counts):
    """Turn counts per (image, band, chunk) into write positions, and list begin and end of every band."""
    starts = np.empty(counts.shape, np.int64)
    begins = np.empty((counts.shape[0], counts.shape[1], 2), np.int64)
    total = 0
    for b in range(counts.shape[0]):
        for band in range(counts.shape[1]):
            begins[b, band, 0] = total
            for chunk in range(CHUNKS):
                starts[b, band, chunk] = total
                total += counts[b, band, chunk]
            begins[b, band, 1] = total
    return starts, begins, total


@njit(cache=True)
@no_type_check
def draw_serial(screen, faces, orthographic, near, cull, face_index, bary, depth):
    """Rasterise on the calling thread; see `draw_parallel`."""
    batch, height, width = face_index.shape
    bands = (height + BAND - 1) // BAND
    boxes = np.empty((batch, faces.shape[0], 4), np.int32)
    counts = np.zeros((batch, bands, CHUNKS), np.int64)
    for task in range(batch * CHUNKS):
        _count_task(task, screen, faces, height, width, near, cull, boxes, counts)
    starts, begins, total = _starts(counts)
    bins = np.empty(total, np.int32)
    for task in range(batch * CHUNKS):
        _fill_task(task, faces.shape[0], boxes, starts, bins)
    for task in range(batch * bands):
        _band_task(task, screen, faces, orthographic, boxes, begins, bins, face_index, bary, depth)


@njit(cache=True, parallel=True)
@no_type_check
def draw_parallel(screen, faces, orthographic, near, cull, face_index, bary, depth):
    """Rasterise (x px, y px, Z) vertices into `face_index`, `bary` and `depth`, which are overwritten."""
    batch, height, width = face_index.shape
    bands = (height + BAND - 1) // BAND
    boxes = np.empty((batch, faces.shape[0], 4), np.int32)
    counts = np.zeros((batch, bands, CHUNKS), np.int64)
    for task in prange(batch * CHUNKS):
        _count_task(task, screen, faces, height, width, near, cull, boxes, counts)
    starts, begins, total = _starts(counts)
    bins = np.empty(total, np.int32)
    for task in prange(batch * CHUNKS):
        _fill_task(task, faces.shape[0], boxes, starts, bins)
    for task in prange(batch * bands):
        _band_task(task, screen, faces, orthographic, boxes, begins, bins, face_index, bary, depth)


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
@no_type_check
def pull_serial(screen, faces, orthographic, face_index, bary, depth, grad_bary, grad_depth):
    """Return the gradient of (x px, y px, Z) on the calling thread; see `pull_parallel`."""
    batch, count = screen.shape[0], screen.shape[1]
    sums = np.zeros((batch * PARTIALS, count, 3), np.float64)
    for task in range(batch * PARTIALS):
        _pull_task(task, screen, faces, orthographic, face_index, bary, depth, grad_bary, grad_depth, sums)
    return _add_partials(sums, batch)


@njit(cache=True, parallel=True)
@no_type_check
def pull_parallel(screen, faces, orthographic, face_index, bary, depth, grad_bary, grad_depth):
    """Return the gradient of (x px, y px, Z) vertices given those of `bary` and `depth`."""
    batch, count = screen.shape[0], screen.shape[1]
    sums = np.zeros((batch * PARTIALS, count, 3), np.float64)
    for task in prange(batch * PARTIALS):
        _pull_task(task, screen, faces, orthographic, face_index, bary, depth, grad_bary, grad_depth, sums)
    return _add_partials(sums, batch)


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
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
        area = _area(x0, y0, x1, y1, x2, y2)
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
