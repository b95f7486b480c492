"""Where surfaces end, and blurs beside there, by numba."""

from typing import no_type_check

import numpy as np

from liquidwarp.jit import njit

INNER, OUTER = 1, 2
"""Bits of a pixel: a surface ends there before another one; before nothing."""


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def mark_steps(depth, times, step, marks):
    """Set the bits of the pixels, (h, w) uint8, in or beside which samples, (h*s, w*s), differ by a step in depth."""
    height, width = marks.shape
    for y in range(height):
        last_row = min((y + 1) * times, depth.shape[0] - 1)
        for x in range(width):
            last_column = min((x + 1) * times, depth.shape[1] - 1)
            near = np.float32(np.inf)
            far = np.float32(-np.inf)
            beyond = False
            for i in range(y * times, last_row + 1):
                for j in range(x * times, last_column + 1):
                    value = depth[i, j]
                    if value == np.inf:
                        beyond = True
                    else:
                        near = min(near, value)
                        far = max(far, value)
            found = 0
            if near < np.inf:
                if far - near > step:
                    found |= INNER
                if beyond:
                    found |= OUTER
            marks[y, x] = found


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def grow_marks(marks, reach, grown):
    """Set in `grown`, zeros at first, the bits of the pixels within `reach` rows and columns of marked ones."""
    height, width = marks.shape
    for y in range(height):
        for x in range(width):
            found = marks[y, x]
            if found:
                for i in range(max(0, y - reach), min(height, y + reach + 1)):
                    for j in range(max(0, x - reach), min(width, x + reach + 1)):
                        grown[i, j] |= found


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def blur_beside(rgb, alpha, marks, near, taps, gain, out_rgb, out_alpha):
    """Blur premultiplied pixels beside marked ones; the outputs are copies of the inputs at first.

    `near` are the marks grown by the reach of `taps`, and `gain` turns the blurred marks into how much of a pixel is
    blurred: all of it on a line.
    """
    height, width = marks.shape
    reach = len(taps) // 2
    for y in range(height):
        for x in range(width):
            if near[y, x] == 0:
                continue
            part = np.float32(0)
            red = np.float32(0)
            green = np.float32(0)
            blue = np.float32(0)
            cover = np.float32(0)
            for i in range(max(0, y - reach), min(height, y + reach + 1)):
                for j in range(max(0, x - reach), min(width, x + reach + 1)):
                    weight = taps[i - y + reach] * taps[j - x + reach]
                    if marks[i, j]:
                        part += weight
                    red += weight * rgb[i, j, 0]
                    green += weight * rgb[i, j, 1]
                    blue += weight * rgb[i, j, 2]
                    cover += weight * alpha[i, j]
            part = min(part * gain, np.float32(1))
            rest = np.float32(1) - part
            out_rgb[y, x, 0] = rest * rgb[y, x, 0] + part * red
            out_rgb[y, x, 1] = rest * rgb[y, x, 1] + part * green
            out_rgb[y, x, 2] = rest * rgb[y, x, 2] + part * blue
            out_alpha[y, x] = rest * alpha[y, x] + part * cover
