"""The surface renderer's inner loop, by numba."""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import prange

from liquidwarp.appearance.rim_kernels import INNER
from liquidwarp.jit import njit


class SeenSurface(NamedTuple):
    """Supersampled fragments: face_index (h*s, w*s), bary (h*s, w*s, 3), of faces (F, 3).

    facing (V,) is how squarely each vertex faces the target camera, 1 to 0; rims (h, w) uint8 says in bits near which
    steps in depth a pixel is: where that is `INNER` alone, surface is solid. gain (V, 1) or (V, 3) is which part of its
    colours light adds there.
    """

    face_index: np.ndarray
    bary: np.ndarray
    faces: np.ndarray
    facing: np.ndarray
    rims: np.ndarray
    gain: np.ndarray


class SurfaceTexels(NamedTuple):
    """Where faces look: the arrays of `Appearance`.

    texels (N, 4) uint8, kinds (N,); table (L, 3): first texel, height, width of a layer; slots (F, K, ...).
    """

    texels: np.ndarray
    kinds: np.ndarray
    table: np.ndarray
    slot_layer: np.ndarray
    slot_xy: np.ndarray
    slot_weight: np.ndarray
    slot_mirrored: np.ndarray


class ShadedPlanes(NamedTuple):
    """What is made, zeros at first: rgb (h, w, 3) premultiplied in [0, 1], alpha (h, w), coverage (h, w) uint8."""

    rgb: np.ndarray
    alpha: np.ndarray
    kind: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
@no_type_check
def _texel(texels, start, width, height, x, y, out):
    """Add nothing, store the bilinear sample at pixel coordinates (x, y) in out[0:4]."""
    x = min(max(x - np.float32(0.5), np.float32(0)), np.float32(width - 1))
    y = min(max(y - np.float32(0.5), np.float32(0)), np.float32(height - 1))
    x0 = int(x)
    y0 = int(y)
    x1 = min(x0 + 1, width - 1)
    y1 = min(y0 + 1, height - 1)
    fx = x - np.float32(x0)
    fy = y - np.float32(y0)
    a = start + y0 * width + x0
    b = start + y0 * width + x1
    c = start + y1 * width + x0
    d = start + y1 * width + x1
    one = np.float32(1)
    wa = (one - fx) * (one - fy)
    wb = fx * (one - fy)
    wc = (one - fx) * fy
    wd = fx * fy
    for k in range(4):
        out[k] = wa * texels[a, k] + wb * texels[b, k] + wc * texels[c, k] + wd * texels[d, k]


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _shade_row(y, seen, look, rim, supersample, made):
    """Shade one row of the picture; see `shade_parallel`."""
    face_index, bary, faces, facing, rims, gain = seen
    lit = len(gain) > 0
    texels, kinds, table, slot_layer, slot_xy, slot_weight, slot_mirrored = look
    rgb, alpha, kind = made
    width = rgb.shape[1]
    slots = slot_layer.shape[1]
    per_sample = np.float32(1.0 / (supersample * supersample))
    sample = np.empty(4, np.float32)
    colour = np.empty(4, np.float32)
    for x in range(width):
        best = np.float32(0)
        for i in range(supersample):
            for j in range(supersample):
                yy = y * supersample + i
                xx = x * supersample + j
                f = face_index[yy, xx]
                if f < 0:
                    continue
                w0 = bary[yy, xx, 0]
                w1 = bary[yy, xx, 1]
                w2 = bary[yy, xx, 2]
                total = np.float32(0)
                colour[:] = 0
                for k in range(slots):
                    layer = slot_layer[f, k]
                    if layer < 0:
                        continue
                    weight = w0 * slot_weight[f, k, 0] + w1 * slot_weight[f, k, 1] + w2 * slot_weight[f, k, 2]
                    if weight <= 0:
                        continue
                    sx = w0 * slot_xy[f, k, 0, 0] + w1 * slot_xy[f, k, 1, 0] + w2 * slot_xy[f, k, 2, 0]
                    sy = w0 * slot_xy[f, k, 0, 1] + w1 * slot_xy[f, k, 1, 1] + w2 * slot_xy[f, k, 2, 1]
                    start = table[layer, 0]
                    rows = table[layer, 1]
                    columns = table[layer, 2]
                    _texel(texels, start, columns, rows, sx, sy, sample)
                    for c in range(4):
                        colour[c] += weight * sample[c]
                    total += weight
                    if weight > best:
                        best = weight
                        px = min(max(int(sx), 0), columns - 1)
                        py = min(max(int(sy), 0), rows - 1)
                        found = kinds[start + py * columns + px]
                        if slot_mirrored[f, k] and found == 1:
                            found = np.uint8(2)
                        kind[y, x] = found
                if total <= 0:
                    continue
                edge = np.float32(1)
                if rim > 0 and rims[y, x] != INNER:
                    front = w0 * facing[faces[f, 0]] + w1 * facing[faces[f, 1]] + w2 * facing[faces[f, 2]]
                    solid = min(max(front / rim, np.float32(0)), np.float32(1))
                    edge = max(colour[3] / (total * np.float32(255)), solid)
                if lit:
                    a, b, c = faces[f]
                    more = np.float32(0)
                    for channel in range(3):
                        if channel < gain.shape[1]:
                            more = w0 * gain[a, channel] + w1 * gain[b, channel] + w2 * gain[c, channel]
                        if more != 0:
                            bright = colour[channel] * (np.float32(1) + more)
                            colour[channel] = min(bright, max(total * np.float32(255), colour[channel]))
                scale = edge * per_sample / (total * np.float32(255))
                rgb[y, x, 0] += colour[0] * scale
                rgb[y, x, 1] += colour[1] * scale
                rgb[y, x, 2] += colour[2] * scale
                alpha[y, x] += edge * per_sample


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def shade_serial(seen, look, rim, supersample, made):
    """Shade on the calling thread; see `shade_parallel`."""
    for y in range(made.rgb.shape[0]):
        _shade_row(y, seen, look, rim, supersample, made)


@njit(parallel=True, cache=True, nogil=True, error_model="numpy")
@no_type_check
def shade_parallel(seen, look, rim, supersample, made):
    """Shade `SeenSurface` by `SurfaceTexels` into `ShadedPlanes`.

    `rim` is the cosine below which surface is as transparent as in the photo, `supersample` the samples along a pixel's
    side.
    """
    for y in prange(made.rgb.shape[0]):
        _shade_row(y, seen, look, rim, supersample, made)
