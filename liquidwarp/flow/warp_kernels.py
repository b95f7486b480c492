"""Compiled CPU kernels of warping; the plain twins are `flow.reference` and `grid_sample`.

Where the channels of a pixel lie side by side, a warped pixel is four rows of numbers added up, which vector units do
at the speed of memory. Pictures of few channels are warped plane by plane; those of many that lie in planes are laid
side by side first, tile by tile, which costs less than it saves.

Tasks are blocks of rows, or of channels where rows would add to the same places, and write their own places only:
threads cannot change the result. Test runs wrap every function for type checks unless it says `no_type_check`.

Indices are unsigned where the compiler cannot see that they are not negative: otherwise every one is checked for being
counted from the end. Inner loops stand inside the functions that are called, since passing arrays is not free.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import prange

from liquidwarp.jit import njit

ROWS = 16
"""Rows per task."""
TILE = 64
"""Pixels that are laid side by side at a time."""


class Places(NamedTuple):
    """Where a picture of a size is looked at: grid `B h w 2` in its normalised coordinates, valid `B h w`."""

    size_y: int
    size_x: int
    grid: np.ndarray
    valid: np.ndarray


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _place(position, size):
    return (position + 1.0) * (0.5 * size) - 0.5


@njit(cache=True, error_model="numpy")
@no_type_check
def _look_up(grid, axis, size, start, stop, snap, low, high, weight):
    """Write which two pixels along an axis a row of places lies between, and the weight of the second.

    With `snap`, places on a pixel centre up to float rounding are moved there, and a pixel without weight is not read,
    so that an infinite one next door changes nothing: the pixel itself is read twice instead, and its halves add up to
    it exactly. In float64, and without branches: a vector unit's work.
    """
    for x in range(start, stop):
        place = _place(np.float64(grid[x, axis]), size)
        nearest = np.rint(place)
        place = nearest if snap and abs(place - nearest) <= 4.0 * 1.1920929e-07 * size else place
        place = min(max(place, 0.0), size - 1.0)
        first = np.int32(place)
        centred = snap and place == first
        low[x] = first
        high[x] = first if centred else min(first + 1, size - 1)
        weight[x] = 0.5 if centred else place - first


@njit(cache=True)
@no_type_check
def _look_up_row(grid, size_y, size_x, start, stop, snap, steps, fractions):
    """Fill the tables of part of a row: `steps` to the pixels around, `fractions` of the way to the farther ones."""
    _look_up(grid, 0, size_x, start, stop, snap, steps[0], steps[1], fractions[0])
    _look_up(grid, 1, size_y, start, stop, snap, steps[2], steps[3], fractions[1])


@njit(cache=True, inline="always")
@no_type_check
def _tables(width):
    return np.empty((4, width), np.uint32), np.empty((2, width), np.float32)


@njit(cache=True, inline="always")
@no_type_check
def _corners(steps, size_x, x):
    """Return the numbers of the four pixels that a place reads; unsigned, so that none is counted from the end."""
    above, below = np.uint64(steps[2, x]) * np.uint64(size_x), np.uint64(steps[3, x]) * np.uint64(size_x)
    left, right = np.uint64(steps[0, x]), np.uint64(steps[1, x])
    return above + left, above + right, below + left, below + right


@njit(cache=True, inline="always")
@no_type_check
def _corner_weights(fractions, x):
    """Return the weights of these four."""
    wx, wy = fractions[0, x], fractions[1, x]
    vx, vy = np.float32(1.0) - wx, np.float32(1.0) - wy
    return vx * vy, wx * vy, vx * wy, wx * wy


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
def _collect_task(task, upper, lower, pixels):
    tiles = (pixels.shape[1] + TILE - 1) // TILE
    b, first = task // tiles, task % tiles * TILE
    for i in range(first, min(first + TILE, pixels.shape[1])):
        for k in range(pixels.shape[2]):
            pixels[b, i, k] = upper[b, i, k] + lower[b, i, k]


@njit(cache=True)
@no_type_check
def _separate_task(task, upper, lower, planes):
    """As `_collect_task`, into planes."""
    tiles = (planes.shape[2] + TILE - 1) // TILE
    b, first = task // tiles, task % tiles * TILE
    count = min(TILE, planes.shape[2] - first)
    tile = np.empty((TILE, planes.shape[1]), np.float32)
    for i in range(count):
        for k in range(planes.shape[1]):
            tile[i, k] = upper[b, first + i, k] + lower[b, first + i, k]
    _to_planes(tile, planes[b], first, count)


@njit(cache=True)
@no_type_check
def _blend(image, size_x, steps, fractions, start, stop, pixels):
    """Write weighted sums of four pixels each of an image (N, C) into `pixels` (stop - start, C)."""
    for x in range(start, stop):
        a, b, c, d = _corners(steps, size_x, x)
        wa, wb, wc, wd = _corner_weights(fractions, x)
        for k in range(image.shape[1]):
            pixels[x - start, k] = (image[a, k] * wa + image[b, k] * wb) + (image[c, k] * wc + image[d, k] * wd)


@njit(cache=True)
@no_type_check
def _blend_planes(image, size_x, steps, fractions, channel, start, stop, result, offset):
    """Warp part of a row, which begins at `offset`, of four planes (the last one again where there are no four)."""
    top = image.shape[0] - 1
    k0, k1, k2, k3 = channel, min(channel + 1, top), min(channel + 2, top), min(channel + 3, top)
    p0, p1, p2, p3 = image[k0], image[k1], image[k2], image[k3]
    r0, r1, r2, r3 = result[k0], result[k1], result[k2], result[k3]
    for x in range(start, stop):
        o = np.uint64(offset + x)
        a, b, c, d = _corners(steps, size_x, x)
        wa, wb, wc, wd = _corner_weights(fractions, x)
        r0[o] = (p0[a] * wa + p0[b] * wb) + (p0[c] * wc + p0[d] * wd)
        r1[o] = (p1[a] * wa + p1[b] * wb) + (p1[c] * wc + p1[d] * wd)
        r2[o] = (p2[a] * wa + p2[b] * wb) + (p2[c] * wc + p2[d] * wd)
        r3[o] = (p3[a] * wa + p3[b] * wb) + (p3[c] * wc + p3[d] * wd)


@njit(cache=True)
@no_type_check
def _planes_task(task, source, size_y, size_x, grid, valid, fill, result):
    b, first, last = _rows_of(task, valid.shape[1])
    image, width = source[min(b, source.shape[0] - 1)], valid.shape[2]
    steps, fractions = _tables(width)
    for y in range(first, last):
        start, stop = _next_run(valid[b, y], 0)
        if stop - start < width:
            result[b, :, y * width : (y + 1) * width] = fill
        while start < width:
            _look_up_row(grid[b, y], size_y, size_x, start, stop, True, steps, fractions)
            for c in range(0, image.shape[0], 4):
                _blend_planes(image, size_x, steps, fractions, c, start, stop, result[b], y * width)
            start, stop = _next_run(valid[b, y], stop)


@njit(cache=True)
@no_type_check
def _tiles_task(task, source, size_y, size_x, grid, valid, fill, result):
    b, first, last = _rows_of(task, valid.shape[1])
    image, width = source[min(b, source.shape[0] - 1)], valid.shape[2]
    steps, fractions = _tables(width)
    tile = np.empty((TILE, image.shape[1]), np.float32)
    for y in range(first, last):
        start, stop = _next_run(valid[b, y], 0)
        if stop - start < width:
            result[b, :, y * width : (y + 1) * width] = fill
        while start < width:
            _look_up_row(grid[b, y], size_y, size_x, start, stop, True, steps, fractions)
            for begin in range(start, stop, TILE):
                end = min(begin + TILE, stop)
                _blend(image, size_x, steps, fractions, begin, end, tile)
                _to_planes(tile, result[b], y * width + begin, end - begin)
            start, stop = _next_run(valid[b, y], stop)


@njit(cache=True)
@no_type_check
def _pixels_task(task, source, size_y, size_x, grid, valid, fill, result):
    b, first, last = _rows_of(task, valid.shape[1])
    image, width = source[min(b, source.shape[0] - 1)], valid.shape[2]
    steps, fractions = _tables(width)
    for y in range(first, last):
        done = 0
        while done < width:
            start, stop = _next_run(valid[b, y], done)
            result[b, y, done:start] = fill
            _look_up_row(grid[b, y], size_y, size_x, start, stop, True, steps, fractions)
            _blend(image, size_x, steps, fractions, start, stop, result[b, y, start:stop])
            done = stop


@njit(cache=True)
@no_type_check
def _scatter_task(task, pulled, size_y, size_x, grid, valid, upper, lower):
    """Give one source what half of its flows' rows gave.

    A task owns its half's sum, and there are always two halves: the order of additions never depends on the machine.
    """
    s, half = task // 2, task % 2
    own, height, width = (lower if half else upper)[s], valid.shape[1], valid.shape[2]
    own[:] = 0.0
    rows = (height + 1) // 2
    steps, fractions = _tables(width)
    first, last = (0, valid.shape[0]) if upper.shape[0] == 1 else (s, s + 1)
    for b in range(first, last):
        for y in range(half * rows, min((half + 1) * rows, height)):
            start, stop = _next_run(valid[b, y], 0)
            while start < width:
                _look_up_row(grid[b, y], size_y, size_x, start, stop, False, steps, fractions)
                _spread(pulled[b, y], size_x, steps, fractions, start, stop, own)
                start, stop = _next_run(valid[b, y], stop)


@njit(cache=True)
@no_type_check
def _spread(pulled, size_x, steps, fractions, start, stop, gradient):
    """Add pixels to the four that each was made of."""
    for x in range(start, stop):
        cells, weights = _corners(steps, size_x, x), _corner_weights(fractions, x)
        for corner in range(4):
            cell, weight = cells[corner], weights[corner]
            for k in range(gradient.shape[1]):
                gradient[cell, k] += pulled[x, k] * weight


@njit(cache=True, fastmath={"reassoc", "nsz", "contract"})  # lets sums over channels be made side by side
@no_type_check
def _slopes(image, pulled, size_x, steps, fractions, start, stop, gradient):
    """Write how the pulled sum changes when places move by one pixel along x and y."""
    for x in range(start, stop):
        a, b, c, d = _corners(steps, size_x, x)
        wx, wy = fractions[0, x], fractions[1, x]
        vx, vy = np.float32(1.0) - wx, np.float32(1.0) - wy
        along_x = along_y = np.float32(0.0)
        for k in range(image.shape[1]):
            pull = pulled[x, k]
            along_x += pull * ((image[b, k] - image[a, k]) * vy + (image[d, k] - image[c, k]) * wy)
            along_y += pull * ((image[c, k] - image[a, k]) * vx + (image[d, k] - image[b, k]) * wx)
        gradient[x, 0] = along_x
        gradient[x, 1] = along_y


@njit(cache=True, error_model="numpy")
@no_type_check
def _hold(grid, axis, size, start, stop, gradient):
    """Turn slopes per pixel into slopes per unit; where a place is held at the border even an infinite one is none."""
    for x in range(start, stop):
        moves = 0.0 < _place(np.float64(grid[x, axis]), size) < size - 1.0
        gradient[x, axis] = gradient[x, axis] * np.float32(0.5 * size) if moves else np.float32(0.0)


@njit(cache=True)
@no_type_check
def _slide_task(task, pulled, source, size_y, size_x, grid, valid, gradient):
    b, first, last = _rows_of(task, valid.shape[1])
    image, width = source[min(b, source.shape[0] - 1)], valid.shape[2]
    steps, fractions = _tables(width)
    for y in range(first, last):
        gradient[b, y, :, :] = 0.0
        start, stop = _next_run(valid[b, y], 0)
        while start < width:
            _look_up_row(grid[b, y], size_y, size_x, start, stop, False, steps, fractions)
            _slopes(image, pulled[b, y], size_x, steps, fractions, start, stop, gradient[b, y])
            _hold(grid[b, y], 0, size_x, start, stop, gradient[b, y])
            _hold(grid[b, y], 1, size_y, start, stop, gradient[b, y])
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
def collect_serial(upper, lower, pixels):
    """Work on the calling thread; see `collect_parallel`."""
    for task in range(pixels.shape[0] * ((pixels.shape[1] + TILE - 1) // TILE)):
        _collect_task(task, upper, lower, pixels)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def collect_parallel(upper, lower, pixels):
    """Add up the partial sums `S N C` of both halves of the rows into pixels `S N C`."""
    for task in prange(pixels.shape[0] * ((pixels.shape[1] + TILE - 1) // TILE)):
        _collect_task(task, upper, lower, pixels)


@njit(cache=True, nogil=True)
@no_type_check
def separate_serial(upper, lower, planes):
    """Work on the calling thread; see `separate_parallel`."""
    for task in range(planes.shape[0] * ((planes.shape[2] + TILE - 1) // TILE)):
        _separate_task(task, upper, lower, planes)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def separate_parallel(upper, lower, planes):
    """Add up the partial sums `S N C` of both halves of the rows into planes `S C N`."""
    for task in prange(planes.shape[0] * ((planes.shape[2] + TILE - 1) // TILE)):
        _separate_task(task, upper, lower, planes)


@njit(cache=True, nogil=True)
@no_type_check
def planes_serial(source, places, fill, result):
    """Work on the calling thread; see `planes_parallel`."""
    size_y, size_x, grid, valid = places
    for task in range(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _planes_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def planes_parallel(source, places, fill, result):
    """Sample planes `S C (H W)` bilinearly into `result`, `B C (h w)`; invalid pixels become `fill`."""
    size_y, size_x, grid, valid = places
    for task in prange(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _planes_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True)
@no_type_check
def tiles_serial(source, places, fill, result):
    """Work on the calling thread; see `tiles_parallel`."""
    size_y, size_x, grid, valid = places
    for task in range(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _tiles_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def tiles_parallel(source, places, fill, result):
    """Sample pixels `S (H W) C` into planes `result`, `B C (h w)`; see `planes_parallel`."""
    size_y, size_x, grid, valid = places
    for task in prange(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _tiles_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True)
@no_type_check
def pixels_serial(source, places, fill, result):
    """Work on the calling thread; see `pixels_parallel`."""
    size_y, size_x, grid, valid = places
    for task in range(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _pixels_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def pixels_parallel(source, places, fill, result):
    """Sample pixels `S (H W) C` into pixels `result`, `B h w C`; see `planes_parallel`."""
    size_y, size_x, grid, valid = places
    for task in prange(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _pixels_task(task, source, size_y, size_x, grid, valid, fill, result)


@njit(cache=True, nogil=True)
@no_type_check
def scatter_serial(pulled, places, upper, lower):
    """Work on the calling thread; see `scatter_parallel`."""
    size_y, size_x, grid, valid = places
    for task in range(2 * upper.shape[0]):
        _scatter_task(task, pulled, size_y, size_x, grid, valid, upper, lower)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def scatter_parallel(pulled, places, upper, lower):
    """Write the sums `S (H W) C` of both halves of the gradient for the source, given the result's."""
    size_y, size_x, grid, valid = places
    for task in prange(2 * upper.shape[0]):
        _scatter_task(task, pulled, size_y, size_x, grid, valid, upper, lower)


@njit(cache=True, nogil=True)
@no_type_check
def slide_serial(pulled, source, places, gradient):
    """Work on the calling thread; see `slide_parallel`."""
    size_y, size_x, grid, valid = places
    for task in range(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _slide_task(task, pulled, source, size_y, size_x, grid, valid, gradient)


@njit(cache=True, nogil=True, parallel=True)
@no_type_check
def slide_parallel(pulled, source, places, gradient):
    """Write the gradient of warping for the flow's grid, given that for the result, `B h w C`."""
    size_y, size_x, grid, valid = places
    for task in prange(valid.shape[0] * ((valid.shape[1] + ROWS - 1) // ROWS)):
        _slide_task(task, pulled, source, size_y, size_x, grid, valid, gradient)
