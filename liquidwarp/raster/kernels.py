"""Compiled CPU kernels of the numba backend.

An image is cut into bands of rows. Faces are sorted into bands in two passes over chunks of faces (count, then fill).
Each band then keeps a buffer of packed keys in cache, `float32 depth bits << 32 | face`: depths are positive, so their
bits are ordered as they are, and the smallest key is the nearest face and of equally near ones the lowest. Last, keys
become fragments, or a flow at once; what nobody asked for is not written. Every task writes its own places only:
threads cannot change the result.

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.

Every kernel that runs in threads has a serial twin for one thread and for forked processes, where OpenMP may not start.
Divisions follow IEEE (`error_model="numpy"`): a check for zero in an inner loop costs more than the division.
"""

import math
from typing import NamedTuple, no_type_check

import numpy as np
from numba import prange

from liquidwarp.jit import njit

BAND = 64
"""Rows per band."""
CHUNKS = 8
"""Pieces of the face list per image, a constant so that the order of faces in a band never depends on the machine."""
EMPTY = np.int64(np.iinfo(np.int64).max)
"""The key of a pixel without a face."""
_LOWER = np.int64(0xFFFFFFFF)
_TINY = float(np.finfo(np.float64).tiny)


class ProjectedMesh(NamedTuple):
    """What is drawn: (x px, y px, Z) vertices `B V 3`, faces `F 3`, and how.

    Faces nearer than `near` metres are left out; with `cull` those that look away are.
    """

    screen: np.ndarray
    faces: np.ndarray
    orthographic: bool
    near: float
    cull: bool


class FragmentPlanes(NamedTuple):
    """What is made: `B H W`, `B H W 3`, `B H W`."""

    face_index: np.ndarray
    bary: np.ndarray
    depth: np.ndarray


class FlowSource(NamedTuple):
    """Where flow leads: xy (S V 2) and visible (N F), one row or one per flow, no row where every face is visible."""

    xy: np.ndarray
    visible: np.ndarray


class FlowPlanes(NamedTuple):
    """What is made: `B H W`, `N H W 2`, `N H W`; overwritten."""

    face_index: np.ndarray
    grid: np.ndarray
    valid: np.ndarray


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _edge(xj, yj, xk, yk, swap, orient):
    """Return (ax, ay, dx, dy) of E(p) = dx * (py - ay) - dy * (px - ax), positive inside, from the canonical end."""
    if swap:
        return xk, yk, -orient * (xj - xk), -orient * (yj - yk)
    return xj, yj, orient * (xk - xj), orient * (yk - yj)


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def area_of(x0, y0, x1, y1, x2, y2):
    """Return twice the signed area of a triangle."""
    return (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)


@njit(cache=True, inline="always")
@no_type_check
def corners_of(faces, f):
    """Return the vertices of a face; unsigned, or every read would be checked for being counted from the end."""
    row = np.uint64(f)
    return np.uint64(faces[row, 0]), np.uint64(faces[row, 1]), np.uint64(faces[row, 2])


@njit(cache=True, error_model="numpy")
@no_type_check
def _bounds(points, b, i0, i1, i2, near, cull, height, width):
    """Return the pixel box (x0, x1, y0, y1), inclusive, of a face; x1 < x0 when it covers no pixel centre."""
    x0, y0, z0 = points[b, i0, 0], points[b, i0, 1], points[b, i0, 2]
    x1, y1, z1 = points[b, i1, 0], points[b, i1, 1], points[b, i1, 2]
    x2, y2, z2 = points[b, i2, 0], points[b, i2, 1], points[b, i2, 2]
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
    area = area_of(x0, y0, x1, y1, x2, y2)
    if area == 0.0 or (cull and area > 0.0):
        return 0, -1, 0, -1
    return left, right, top, bottom


@njit(cache=True, error_model="numpy")
@no_type_check
def _prepare_task(task, screen, points):
    """Write x, y, Z and 1 / Z of some vertices in float64: every vertex is looked at many times."""
    b, chunk = task // CHUNKS, task % CHUNKS
    size = (screen.shape[1] + CHUNKS - 1) // CHUNKS
    for v in range(chunk * size, min((chunk + 1) * size, screen.shape[1])):
        for axis in range(3):
            points[b, v, axis] = screen[b, v, axis]
        points[b, v, 3] = 1.0 / points[b, v, 2]


@njit(cache=True, error_model="numpy")
@no_type_check
def _count_task(task, points, faces, height, width, near, cull, boxes, counts):
    b, chunk = task // CHUNKS, task % CHUNKS
    size = (faces.shape[0] + CHUNKS - 1) // CHUNKS
    for f in range(chunk * size, min((chunk + 1) * size, faces.shape[0])):
        i0, i1, i2 = corners_of(faces, f)
        left, right, top, bottom = _bounds(points, b, i0, i1, i2, near, cull, height, width)
        boxes[b, f, 0] = left
        boxes[b, f, 1] = right
        boxes[b, f, 2] = top
        boxes[b, f, 3] = bottom
        if right >= left:
            for band in range(top // BAND, bottom // BAND + 1):
                counts[b, band, chunk] += 1


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
def _fill_task(task, face_count, boxes, starts, bins):
    b, chunk = task // CHUNKS, task % CHUNKS
    size = (face_count + CHUNKS - 1) // CHUNKS
    for f in range(chunk * size, min((chunk + 1) * size, face_count)):
        if boxes[b, f, 1] >= boxes[b, f, 0]:
            for band in range(boxes[b, f, 2] // BAND, boxes[b, f, 3] // BAND + 1):
                bins[starts[b, band, chunk]] = f
                starts[b, band, chunk] += 1


@njit(cache=True)
@no_type_check
def _sort_serial(screen, faces, height, width, near, cull):
    """Return prepared vertices, boxes of faces, and begin and end of every band's part of a list of faces."""
    batch, bands = screen.shape[0], (height + BAND - 1) // BAND
    points = np.empty((batch, screen.shape[1], 4), np.float64)
    for task in range(batch * CHUNKS):
        _prepare_task(task, screen, points)
    boxes = np.empty((batch, faces.shape[0], 4), np.int32)
    counts = np.zeros((batch, bands, CHUNKS), np.int64)
    for task in range(batch * CHUNKS):
        _count_task(task, points, faces, height, width, near, cull, boxes, counts)
    starts, begins, total = _starts(counts)
    bins = np.empty(total, np.int32)
    for task in range(batch * CHUNKS):
        _fill_task(task, faces.shape[0], boxes, starts, bins)
    return points, boxes, begins, bins


@njit(cache=True, parallel=True)
@no_type_check
def _sort_parallel(screen, faces, height, width, near, cull):
    batch, bands = screen.shape[0], (height + BAND - 1) // BAND
    points = np.empty((batch, screen.shape[1], 4), np.float64)
    # What takes less time than waking a thread is not shared out for a single image.
    if batch == 1:
        for task in range(CHUNKS):
            _prepare_task(task, screen, points)
    else:
        for task in prange(batch * CHUNKS):
            _prepare_task(task, screen, points)
    boxes = np.empty((batch, faces.shape[0], 4), np.int32)
    counts = np.zeros((batch, bands, CHUNKS), np.int64)
    for task in prange(batch * CHUNKS):
        _count_task(task, points, faces, height, width, near, cull, boxes, counts)
    starts, begins, total = _starts(counts)
    bins = np.empty(total, np.int32)
    if batch == 1:
        for task in range(CHUNKS):
            _fill_task(task, faces.shape[0], boxes, starts, bins)
    else:
        for task in prange(batch * CHUNKS):
            _fill_task(task, faces.shape[0], boxes, starts, bins)
    return points, boxes, begins, bins


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _setup(points, b, i0, i1, i2, orthographic):
    """Return edges opposite each vertex and the factors of depth = sum(E m) / sum(E n), bary = E n / sum(E n)."""
    x0, y0, z0 = points[b, i0, 0], points[b, i0, 1], points[b, i0, 2]
    x1, y1, z1 = points[b, i1, 0], points[b, i1, 1], points[b, i1, 2]
    x2, y2, z2 = points[b, i2, 0], points[b, i2, 1], points[b, i2, 2]
    orient = 1.0 if area_of(x0, y0, x1, y1, x2, y2) > 0.0 else -1.0
    edge0 = _edge(x1, y1, x2, y2, i1 > i2, orient)
    edge1 = _edge(x2, y2, x0, y0, i2 > i0, orient)
    edge2 = _edge(x0, y0, x1, y1, i0 > i1, orient)
    if orthographic:
        return edge0, edge1, edge2, (z0, z1, z2), (1.0, 1.0, 1.0)
    return edge0, edge1, edge2, (1.0, 1.0, 1.0), (points[b, i0, 3], points[b, i1, 3], points[b, i2, 3])


@njit(cache=True, inline="always")
@no_type_check
def _threshold(edge):
    """Return what an edge's value must exceed: top-left edges own their pixels, so there zero is enough."""
    return -_TINY if edge[3] < 0.0 or (edge[3] == 0.0 and edge[2] > 0.0) else 0.0


@njit(cache=True, error_model="numpy")
@no_type_check
def _draw_face(points, b, f, faces, orthographic, left, right, top, bottom, first_row, keys):
    i0, i1, i2 = corners_of(faces, f)
    edge0, edge1, edge2, m, n = _setup(points, b, i0, i1, i2, orthographic)
    t0, t1, t2 = _threshold(edge0), _threshold(edge1), _threshold(edge2)
    ax0, ay0, dx0, dy0 = edge0
    ax1, ay1, dx1, dy1 = edge1
    ax2, ay2, dx2, dy2 = edge2
    m0, m1, m2 = m
    n0, n1, n2 = n
    for y in range(top, bottom + 1):
        py = y + 0.5
        row0, row1, row2 = dx0 * (py - ay0), dx1 * (py - ay1), dx2 * (py - ay2)
        row = np.uint64(y - first_row)  # unsigned, so that no index is taken from the end
        for x in range(left, right + 1):
            px = x + 0.5
            e0 = row0 - dy0 * (px - ax0)
            e1 = row1 - dy1 * (px - ax1)
            e2 = row2 - dy2 * (px - ax2)
            # No branches: half of a box is outside its face, in an order that no processor guesses.
            inside = (e0 > t0) & (e1 > t1) & (e2 > t2)
            z = np.float32((e0 * m0 + e1 * m1 + e2 * m2) / (e0 * n0 + e1 * n1 + e2 * n2))
            key = (np.int64(z.view(np.int32)) << 32) | f
            column = np.uint64(x)
            keys[row, column] = min(keys[row, column], key if inside else EMPTY)


@njit(cache=True)
@no_type_check
def _draw_band(b, first, last, points, faces, orthographic, boxes, bins):
    """Return the keys of rows `first` to `last`, and the columns (low, high), inclusive, beyond which all are empty."""
    low, high = np.int64(2**31 - 1), np.int64(-1)
    for i in range(bins.shape[0]):
        low, high = min(low, boxes[b, bins[i], 0]), max(high, boxes[b, bins[i], 1])
    keys = np.empty((last - first + 1, max(high + 1, 0)), np.int64)
    keys[:, min(low, high + 1) :] = EMPTY
    for i in range(bins.shape[0]):
        f = bins[i]
        top, bottom = max(boxes[b, f, 2], first), min(boxes[b, f, 3], last)
        _draw_face(points, b, f, faces, orthographic, boxes[b, f, 0], boxes[b, f, 1], top, bottom, first, keys)
    return keys, low, high


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _weights(edge0, edge1, edge2, n, px, py):
    """Return a point's weights on the surface, as they are handed on: rounded to float32."""
    e0 = (edge0[2] * (py - edge0[1]) - edge0[3] * (px - edge0[0])) * n[0]
    e1 = (edge1[2] * (py - edge1[1]) - edge1[3] * (px - edge1[0])) * n[1]
    e2 = (edge2[2] * (py - edge2[1]) - edge2[3] * (px - edge2[0])) * n[2]
    inverse = 1.0 / (e0 + e1 + e2)
    return np.float32(e0 * inverse), np.float32(e1 * inverse), np.float32(e2 * inverse)


@njit(cache=True, error_model="numpy")
@no_type_check
def _fragment_row(points, b, y, faces, orthographic, keys, low, high, face_index, bary, depth):
    """Turn a row of keys into fragments; `face_index`, `bary` and `depth` are that row's."""
    face_index[:] = -1
    bary[:] = 0.0
    depth[:] = np.inf
    last = np.int64(-1)
    for place in range(low, high + 1):
        x = np.uint64(place)
        key = keys[x]
        if key == EMPTY:
            continue
        f = key & _LOWER
        if f != last:
            i0, i1, i2 = corners_of(faces, f)
            edge0, edge1, edge2, _, n = _setup(points, b, i0, i1, i2, orthographic)
            last = f
        w0, w1, w2 = _weights(edge0, edge1, edge2, n, place + 0.5, y + 0.5)
        face_index[x] = f
        bary[x, 0] = w0
        bary[x, 1] = w1
        bary[x, 2] = w2
        depth[x] = np.int32(key >> 32).view(np.float32)


@njit(cache=True, inline="always")
@no_type_check
def flow_at(ends, w0, w1, w2):
    """Return where a point of a face lies in a source, and whether that is in the picture; zeros if not finite.

    `ends` are x and y of the face's vertices in the source, its first vertex first.
    """
    gx = ends[0] * w0 + ends[2] * w1 + ends[4] * w2
    gy = ends[1] * w0 + ends[3] * w1 + ends[5] * w2
    inside = (abs(gx) <= 1.0) & (abs(gy) <= 1.0)
    if not inside and not (math.isfinite(gx) and math.isfinite(gy)):
        return np.float32(0.0), np.float32(0.0), False
    return gx, gy, inside


@njit(cache=True, inline="always")
@no_type_check
def ends_in(xy, s, i0, i1, i2):
    """Return x and y of a face's vertices in source `s`; a single row of `xy` stands for all sources."""
    own = xy[min(s, xy.shape[0] - 1)]
    return own[i0, 0], own[i0, 1], own[i1, 0], own[i1, 1], own[i2, 0], own[i2, 1]


@njit(cache=True, inline="always")
@no_type_check
def shown_in(visible, s, f):
    """Say whether source `s` shows a face; no rows at all say that every face is shown."""
    return visible.shape[0] == 0 or visible[min(s, visible.shape[0] - 1), np.uint64(f)]


@njit(cache=True, error_model="numpy")
@no_type_check
def _flow_row(points, b, y, faces, orthographic, keys, low, high, xy, visible, s, face_index, grid, valid):
    """Turn a row of keys into face indices and the flow into source `s`; the last three are that row's."""
    face_index[:] = -1
    grid[:] = 0.0
    valid[:] = False
    last = np.int64(-1)
    for place in range(low, high + 1):
        x = np.uint64(place)
        key = keys[x]
        if key == EMPTY:
            continue
        f = key & _LOWER
        if f != last:
            i0, i1, i2 = corners_of(faces, f)
            edge0, edge1, edge2, _, n = _setup(points, b, i0, i1, i2, orthographic)
            ends, shown = ends_in(xy, s, i0, i1, i2), shown_in(visible, s, f)
            last = f
        w0, w1, w2 = _weights(edge0, edge1, edge2, n, place + 0.5, y + 0.5)
        gx, gy, inside = flow_at(ends, w0, w1, w2)
        face_index[x] = f
        grid[x, 0] = gx
        grid[x, 1] = gy
        valid[x] = inside and shown


@njit(cache=True, inline="always")
@no_type_check
def _place(task, bands):
    """Return the image and the band of a task: even bands before odd ones, so that threads share out the body."""
    b, turn, half = task // bands, task % bands, (bands + 1) // 2
    return b, 2 * turn if turn < half else 2 * (turn - half) + 1


@njit(cache=True)
@no_type_check
def _fragment_task(task, points, faces, orthographic, boxes, begins, bins, face_index, bary, depth):
    b, band = _place(task, begins.shape[1])
    first, last = band * BAND, min((band + 1) * BAND, face_index.shape[1]) - 1
    own = bins[begins[b, band, 0] : begins[b, band, 1]]
    keys, low, high = _draw_band(b, first, last, points, faces, orthographic, boxes, own)
    for y in range(first, last + 1):
        rows = face_index[b, y], bary[b, y], depth[b, y]
        _fragment_row(points, b, y, faces, orthographic, keys[y - first], low, high, rows[0], rows[1], rows[2])


@njit(cache=True)
@no_type_check
def _flow_task(task, points, faces, orthographic, boxes, begins, bins, xy, visible, face_index, grid, valid):
    b, band = _place(task, begins.shape[1])
    first, last = band * BAND, min((band + 1) * BAND, face_index.shape[1]) - 1
    own = bins[begins[b, band, 0] : begins[b, band, 1]]
    keys, low, high = _draw_band(b, first, last, points, faces, orthographic, boxes, own)
    begin, end = (b, b + 1) if face_index.shape[0] == grid.shape[0] else (0, grid.shape[0])
    for y in range(first, last + 1):
        row = keys[y - first]
        for s in range(begin, end):
            into = face_index[b, y], grid[s, y], valid[s, y]
            _flow_row(points, b, y, faces, orthographic, row, low, high, xy, visible, s, into[0], into[1], into[2])


@njit(cache=True, nogil=True)
@no_type_check
def draw_serial(mesh, made):
    """Rasterise on the calling thread; see `draw_parallel`."""
    screen, faces, orthographic, near, cull = mesh
    face_index, bary, depth = made
    batch, height, width = face_index.shape
    points, boxes, begins, bins = _sort_serial(screen, faces, height, width, near, cull)
    for task in range(batch * begins.shape[1]):
        _fragment_task(task, points, faces, orthographic, boxes, begins, bins, face_index, bary, depth)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def draw_parallel(mesh, made):
    """Rasterise a `ProjectedMesh` into `FragmentPlanes`, which are overwritten."""
    screen, faces, orthographic, near, cull = mesh
    face_index, bary, depth = made
    batch, height, width = face_index.shape
    points, boxes, begins, bins = _sort_parallel(screen, faces, height, width, near, cull)
    for task in prange(batch * begins.shape[1]):
        _fragment_task(task, points, faces, orthographic, boxes, begins, bins, face_index, bary, depth)


@njit(cache=True, nogil=True)
@no_type_check
def flow_serial(mesh, source, made):
    """Rasterise straight to a flow on the calling thread; see `flow_parallel`."""
    screen, faces, orthographic, near, cull = mesh
    xy, visible = source
    face_index, grid, valid = made
    batch, height, width = face_index.shape
    points, boxes, begins, bins = _sort_serial(screen, faces, height, width, near, cull)
    for task in range(batch * begins.shape[1]):
        _flow_task(task, points, faces, orthographic, boxes, begins, bins, xy, visible, face_index, grid, valid)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def flow_parallel(mesh, source, made):
    """Rasterise a `ProjectedMesh` straight to `FlowPlanes` from a `FlowSource`; no weights, no depths.

    There are as many flows as images, or several of a single one.
    """
    screen, faces, orthographic, near, cull = mesh
    xy, visible = source
    face_index, grid, valid = made
    batch, height, width = face_index.shape
    points, boxes, begins, bins = _sort_parallel(screen, faces, height, width, near, cull)
    for task in prange(batch * begins.shape[1]):
        _flow_task(task, points, faces, orthographic, boxes, begins, bins, xy, visible, face_index, grid, valid)
