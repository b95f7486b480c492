"""Compiled CPU kernels of warping; the plain twins are `flow.reference` and `grid_sample`.

Where the channels of a pixel lie side by side, a warped pixel is four rows of numbers added up, which vector units do
at the speed of memory. Pictures of few channels are warped plane by plane; those of many that lie in planes are laid
side by side first, tile by tile, which costs less than it saves.

Tasks are blocks of rows, or of channels where rows would add to the same places, and write their own places only:
threads cannot change the result. Test runs wrap every function for type checks unless it says `no_type_check`.

Indices are unsigned where the compiler cannot see that they are not negative: otherwise every one is checked for being
counted from the end. Inner loops stand inside the functions that are called, since passing arrays is not free.
"""

from typing import no_type_check

import numpy as np
from numba import njit, prange

ROWS = 16
"""Rows per task."""
TILE = 64
"""Pixels that are laid side by side at a time."""


@njit(cache=True, error_model="numpy")
@no_type_check
def _axis(position, size, snap):
    """Return the pixel at or before a place on an axis, and how far behind that the place is.

    With `snap`, places on a pixel centre up to float rounding are moved there.
    """
    place = (position + 1.0) * (0.5 * size) - 0.5
    nearest = np.rint(place)
    place = nearest if snap and abs(place - nearest) <= 4.0 * 1.1920929e-07 * size else place
    place = min(max(place, 0.0), size - 1.0)
    low = np.int32(place)
    return low, place - low


@njit(cache=True, error_model="numpy")
@no_type_check
def _look_up(grid, size_y, size_x, start, stop, snap, cells, weights):
    """Write which four pixels a row of places reads, and with which weights; a loop without branches.

    With `snap`, pixels without weight are not read, so that an infinite one next door changes nothing: the pixel itself
    is read twice instead, and its halves add up to it exactly.
    """
    for x in range(start, stop):
        x0, wx = _axis(np.float64(grid[x, 0]), size_x, snap)
        y0, wy = _axis(np.float64(grid[x, 1]), size_y, snap)
        x1 = x0 if snap and wx == 0.0 else min(x0 + 1, size_x - 1)
        y1 = y0 if snap and wy == 0.0 else min(y0 + 1, size_y - 1)
        wx = 0.5 if snap and wx == 0.0 else wx
        wy = 0.5 if snap and wy == 0.0 else wy
        cells[0, x], cells[1, x] = y0 * size_x + x0, y0 * size_x + x1
        cells[2, x], cells[3, x] = y1 * size_x + x0, y1 * size_x + x1
        weights[0, x], weights[1, x] = (1.0 - wx) * (1.0 - wy), wx * (1.0 - wy)
        weights[2, x], weights[3, x] = (1.0 - wx) * wy, wx * wy


@njit(cache=True)
@no_type_check
def _next_run(valid, x):
    """Return begin and end of the next valid pixels of a row, from x on."""
    while x < valid.shape[0] and not valid[x]:
        x += 1
    start = x
    while x < valid.shape[0] and valid[x]:
        x += 1
    return start, x


@njit(cache=True)
@no_type_check
def _rows_of(task, height):
    """Return picture, first and last-but-one row of a task."""
    blocks = (height + ROWS - 1) // ROWS
    return task // blocks, task % blocks * ROWS, min((task % blocks + 1) * ROWS, height)


@njit(cache=True)
@no_type_check
def _to_pixels(planes, first, count, pixels):
    """Lay `count` places of planes (C, N), from `first` on, side by side: pixels (count.., C)."""
    for c in range(0, planes.shape[0], 8):
        if c + 8 <= planes.shape[0]:
            for i in range(count):
                for k in range(8):
                    pixels[np.uint64(i), np.uint64(c + k)] = planes[np.uint64(c + k), np.uint64(first + i)]
        else:
            for k in range(c, planes.shape[0]):
                for i in range(count):
                    pixels[np.uint64(i), np.uint64(k)] = planes[np.uint64(k), np.uint64(first + i)]


@njit(cache=True)
@no_type_check
def _to_planes(pixels, planes, first, count):
    """Put `count` pixels back into planes; the other way of `_to_pixels`."""
    for c in range(planes.shape[0]):
        plane = planes[c]
        for i in range(count):
            plane[np.uint64(first + i)] = pixels[np.uint64(i), np.uint64(c)]


@njit(cache=True)
@no_type_check
def _interleave_task(task, planes, pixels):
    tiles = (planes.shape[2] + TILE - 1) // TILE
    b, first = task // tiles, task % tiles * TILE
    count = min(TILE, planes.shape[2] - first)
    _to_pixels(planes[b], first, count, pixels[b, first : first + count])


@njit(cache=True)
@no_type_check
def _separate_task(task, pixels, planes):
    tiles = (planes.shape[2] + TILE - 1) // TILE
    b, first = task // tiles, task % tiles * TILE
    count = min(TILE, planes.shape[2] - first)
    _to_planes(pixels[b, first : first + count], planes[b], first, count)


@njit(cache=True)
@no_type_check
def _blend(image, cells, weights, start, stop, pixels):
    """Write weighted sums of four pixels each of an image (N, C) into `pixels` (stop - start, C)."""
    for x in range(start, stop):
        a, b, c, d = cells[0, x], cells[1, x], cells[2, x], cells[3, x]
        wa, wb, wc, wd = weights[0, x], weights[1, x], weights[2, x], weights[3, x]
        for k in range(image.shape[1]):
            pixels[x - start, k] = (image[a, k] * wa + image[b, k] * wb) + (image[c, k] * wc + image[d, k] * wd)


@njit(cache=True)
@no_type_check
def _blend_planes(image, cells, weights, c, start, stop, result, offset):
    """Warp part of a row, which begins at `offset`, of four planes (the last one again where there are no four)."""
    c1, c2, c3 = min(c + 1, image.shape[0] - 1), min(c + 2, image.shape[0] - 1), min(c + 3, image.shape[0] - 1)
    p0, p1, p2, p3 = image[c], image[c1], image[c2], image[c3]
    r0, r1, r2, r3 = result[c], result[c1], result[c2], result[c3]
    for x in range(start, stop):
        o = np.uint64(offset + x)
        i, j, k, m = cells[0, x], cells[1, x], cells[2, x], cells[3, x]
        wi, wj, wk, wm = weights[0, x], weights[1, x], weights[2, x], weights[3, x]
        r0[o] = (p0[i] * wi + p0[j] * wj) + (p0[k] * wk + p0[m] * wm)
        r1[o] = (p1[i] * wi + p1[j] * wj) + (p1[k] * wk + p1[m] * wm)
        r2[o] = (p2[i] * wi + p2[j] * wj) + (p2[k] * wk + p2[m] * wm)
        r3[o] = (p3[i] * wi + p3[j] * wj) + (p3[k] * wk + p3[m] * wm)


@njit(cache=True)
@no_type_check
def _planes_task(task, source, size_y, size_x, grid, valid, fill, result):
    b, first, last = _rows_of(task, valid.shape[1])
    image, width = source[min(b, source.shape[0] - 1)], valid.shape[2]
    cells = np.empty((4, width), np.uint32)  # unsigned, so that no index is taken from the end
    weights = np.empty((4, width), np.float32)
    for y in range(first, last):
        start, stop = _next_run(valid[b, y], 0)
        if stop - start < width:
            result[b, :, y * width : (y + 1) * width] = fill
        while start < width:
            _look_up(grid[b, y], size_y, size_x, start, stop, True, cells, weights)
            for c in range(0, image.shape[0], 4):
                _blend_planes(image, cells, weights, c, start, stop, result[b], y * width)
            start, stop = _next_run(valid[b, y], stop)


@njit(cache=True)
@no_type_check
def _tiles_task(task, source, size_y, size_x, grid, valid, fill, result):
    b, first, last = _rows_of(task, valid.shape[1])
    image, width = source[min(b, source.shape[0] - 1)], valid.shape[2]
    cells, weights = np.empty((4, width), np.uint32), np.empty((4, width), np.float32)
    tile = np.empty((TILE, image.shape[1]), np.float32)
    for y in range(first, last):
        start, stop = _next_run(valid[b, y], 0)
        if stop - start < width:
            result[b, :, y * width : (y + 1) * width] = fill
        while start < width:
            _look_up(grid[b, y], size_y, size_x, start, stop, True, cells, weights)
            for begin in range(start, stop, TILE):
                end = min(begin + TILE, stop)
                _blend(image, cells, weights, begin, end, tile)
                _to_planes(tile, result[b], y * width + begin, end - begin)
            start, stop = _next_run(valid[b, y], stop)


@njit(cache=True)
@no_type_check
def _pixels_task(task, source, size_y, size_x, grid, valid, fill, result):
    b, first, last = _rows_of(task, valid.shape[1])
    image, width = source[min(b, source.shape[0] - 1)], valid.shape[2]
    cells, weights = np.empty((4, width), np.uint32), np.empty((4, width), np.float32)
    for y in range(first, last):
        done = 0
        while done < width:
            start, stop = _next_run(valid[b, y], done)
            result[b, y, done:start] = fill
            _look_up(grid[b, y], size_y, size_x, start, stop, True, cells, weights)
            _blend(image, cells, weights, start, stop, result[b, y, start:stop])
            done = stop


@njit(cache=True)
@no_type_check
def _scatter_task(task, lanes, pulled, size_y, size_x, grid, valid, gradient):
    """Give some channels of one source what its pixels gave; a task owns the channels, so sums have a fixed order."""
    blocks = (gradient.shape[2] + lanes - 1) // lanes
    s, low, high = task // blocks, task % blocks * lanes, min((task % blocks + 1) * lanes, gradient.shape[2])
    own, width = gradient[s], valid.shape[2]
    own[:, low:high] = 0.0
    cells, weights = np.empty((4, width), np.uint32), np.empty((4, width), np.float32)
    first, last = (0, valid.shape[0]) if gradient.shape[0] == 1 else (s, s + 1)
    for b in range(first, last):
        for y in range(valid.shape[1]):
            start, stop = _next_run(valid[b, y], 0)
            while start < width:
                _look_up(grid[b, y], size_y, size_x, start, stop, False, cells, weights)
                _spread(pulled[b, y], cells, weights, start, stop, low, high, own)
                start, stop = _next_run(valid[b, y], stop)


@njit(cache=True)
@no_type_check
def _spread(pulled, cells, weights, start, stop, low, high, gradient):
    """Add channels `low` to `high` of pixels to the four pixels that each was made of."""
    for x in range(start, stop):
        for corner in range(4):
            cell, weight = cells[np.uint64(corner), x], weights[np.uint64(corner), x]
            for k in range(low, high):
                gradient[cell, np.uint64(k)] += pulled[x, np.uint64(k)] * weight


@njit(cache=True)
@no_type_check
def _moves(position, size):
    """Return by how much a place moves with its position: not at all where it is held at the border."""
    place = (position + 1.0) * (0.5 * size) - 0.5
    return np.float32(0.5 * size if 0.0 < place < size - 1.0 else 0.0)


@njit(cache=True, fastmath={"reassoc", "nsz", "contract"})  # lets sums over channels be made side by side
@no_type_check
def _slopes(image, pulled, cells, weights, start, stop, gradient):
    """Write how the pulled sum changes when places move by one pixel along x and y."""
    for x in range(start, stop):
        a, b, c, d = cells[0, x], cells[1, x], cells[2, x], cells[3, x]
        wx, wy = weights[1, x] + weights[3, x], weights[2, x] + weights[3, x]
        left, top = np.float32(1.0) - wx, np.float32(1.0) - wy
        along_x = along_y = np.float32(0.0)
        for k in range(image.shape[1]):
            pull = pulled[x, k]
            along_x += pull * ((image[b, k] - image[a, k]) * top + (image[d, k] - image[c, k]) * wy)
            along_y += pull * ((image[c, k] - image[a, k]) * left + (image[d, k] - image[b, k]) * wx)
        gradient[x, 0] = along_x
        gradient[x, 1] = along_y


@njit(cache=True)
@no_type_check
def _slide_task(task, pulled, source, size_y, size_x, grid, valid, gradient):
    b, first, last = _rows_of(task, valid.shape[1])
    image, width = source[min(b, source.shape[0] - 1)], valid.shape[2]
    cells, weights = np.empty((4, width), np.uint32), np.empty((4, width), np.float32)
    for y in range(first, last):
        gradient[b, y, :, :] = 0.0
        start, stop = _next_run(valid[b, y], 0)
        while start < width:
            _look_up(grid[b, y], size_y, size_x, start, stop, False, cells, weights)
            _slopes(image, pulled[b, y], cells, weights, start, stop, gradient[b, y])
            for x in range(start, stop):
                # Where a place is held its slope may be infinite, and counts for nothing all the same.
                across, down = (
                    _moves(np.float64(grid[b, y, x, 0]), size_x),
                    _moves(np.float64(grid[b, y, x, 1]), size_y),
                )
                gradient[b, y, x, 0] = gradient[b, y, x, 0] * across if across > 0.0 else np.float32(0.0)
                gradient[b, y, x, 1] = gradient[b, y, x, 1] * down if down > 0.0 else np.float32(0.0)
            start, stop = _next_run(valid[b, y], stop)


@njit(cache=True, nogil=True)
@no_type_check
def interleave_serial(planes, pixels):
    """Work on the calling thread; see `interleave_parallel`."""
    for task in range(planes.shape[0] * ((planes.shape[2] + TILE - 1) // TILE)):
        _interleave_task(task, planes, pixels)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def interleave_parallel(planes, pixels):
    """Lay the channels of planes `B C N` side by side: pixels `B N C`."""
    for task in prange(planes.shape[0] * ((planes.shape[2] + TILE - 1) // TILE)):
        _interleave_task(task, planes, pixels)


@njit(cache=True, nogil=True)
@no_type_check
def separate_serial(pixels, planes):
    """Work on the calling thread; see `separate_parallel`."""
    for task in range(planes.shape[0] * ((planes.shape[2] + TILE - 1) // TILE)):
        _separate_task(task, pixels, planes)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def separate_parallel(pixels, planes):
    """Put the channels of pixels `B N C` into planes `B C N`."""
    for task in prange(planes.shape[0] * ((planes.shape[2] + TILE - 1) // TILE)):
        _separate_task(task, pixels, planes)


@njit(cache=True, nogil=True)
@no_type_check
def planes_serial(source, size_y, size_x, grid, valid, fill, result):
    """Work on the calling thread; see `planes_parallel`."""
    for task in range(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _planes_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def planes_parallel(source, size_y, size_x, grid, valid, fill, result):
    """Sample planes `S C (H W)` bilinearly into `result`, `B C (h w)`; invalid pixels become `fill`."""
    for task in prange(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _planes_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True)
@no_type_check
def tiles_serial(source, size_y, size_x, grid, valid, fill, result):
    """Work on the calling thread; see `tiles_parallel`."""
    for task in range(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _tiles_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def tiles_parallel(source, size_y, size_x, grid, valid, fill, result):
    """Sample pixels `S (H W) C` into planes `result`, `B C (h w)`; see `planes_parallel`."""
    for task in prange(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _tiles_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True)
@no_type_check
def pixels_serial(source, size_y, size_x, grid, valid, fill, result):
    """Work on the calling thread; see `pixels_parallel`."""
    for task in range(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _pixels_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def pixels_parallel(source, size_y, size_x, grid, valid, fill, result):
    """Sample pixels `S (H W) C` into pixels `result`, `B h w C`; see `planes_parallel`."""
    for task in prange(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _pixels_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True)
@no_type_check
def scatter_serial(lanes, pulled, size_y, size_x, grid, valid, gradient):
    """Work on the calling thread; see `scatter_parallel`."""
    for task in range(gradient.shape[0] * ((gradient.shape[2] + lanes - 1) // lanes)):
        _scatter_task(task, lanes, pulled, size_y, size_x, grid, valid, gradient)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def scatter_parallel(lanes, pulled, size_y, size_x, grid, valid, gradient):
    """Write the gradient of warping for the source, `S (H W) C`, given that for the result, `B h w C`."""
    for task in prange(gradient.shape[0] * ((gradient.shape[2] + lanes - 1) // lanes)):
        _scatter_task(task, lanes, pulled, size_y, size_x, grid, valid, gradient)


@njit(cache=True, nogil=True)
@no_type_check
def slide_serial(pulled, source, size_y, size_x, grid, valid, gradient):
    """Work on the calling thread; see `slide_parallel`."""
    for task in range(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _slide_task(task, pulled, source, size_y, size_x, grid, valid, gradient)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def slide_parallel(pulled, source, size_y, size_x, grid, valid, gradient):
    """Write the gradient of warping for the flow's grid, given that for the result, `B h w C`."""
    for task in prange(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _slide_task(task, pulled, source, size_y, size_x, grid, valid, gradient)
