"""Structural similarity over several scales."""

import numpy as np
from jaxtyping import Bool, Float, UInt8

from liquidwarp.errors import InputError

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""How much each scale counts, the finest first."""

_WINDOW, _SIGMA = 11, 1.5
_EDGE = _WINDOW // 2
SMALLEST = _WINDOW * 2 ** (len(WEIGHTS) - 1)
"""Shortest side of a picture, in pixels: the coarsest scale has to hold one window."""

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ms_ssim(
    a: UInt8[np.ndarray, "H W C"], b: UInt8[np.ndarray, "H W C"], region: Bool[np.ndarray, "H W"] | None = None
) -> float:
    """Compute multi-scale SSIM; higher is better, 1 for equal pictures, range [0, 1].

    Colour space: the channels as they are (sRGB code values, peak 255), each by itself, then their mean. Windows: 11x11
    Gaussian of deviation 1.5 that lie inside the picture, on five scales halved by 2x2 means. A scale's mean below zero
    counts as zero, since powers of negative numbers mean nothing. With a region, each scale's mean is weighted by the
    fraction of the region in its pixels, those at the edge included, where windows are mirrored.

    Source: Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment", 2003,
    equation 7 with the paper's weights.

    Raises:
        InputError: a picture's side is less than 176 pixels, or the region is empty.
    """
    if min(a.shape[:2]) < SMALLEST:
        raise InputError(
            f"a picture of {a.shape[0]}x{a.shape[1]} is too small for MS-SSIM; give at least {SMALLEST}x{SMALLEST}"
        )
    x, y = a.astype(np.float64), b.astype(np.float64)
    inside = None if region is None else region.astype(np.float64)[..., None]
    if inside is not None and not inside.any():
        raise InputError("region has no pixel; nothing to measure there")
    product = np.ones(a.shape[2])
    for scale, weight in enumerate(WEIGHTS):
        luminance, contrast = _maps(x, y)
        last = scale == len(WEIGHTS) - 1
        mean = _mean(luminance * contrast if last else contrast, inside)
        product *= np.maximum(mean, 0) ** weight
        if not last:
            x, y, inside = _halved(x), _halved(y), None if inside is None else _spread(inside)
    return float(product.mean())


def _maps(x: np.ndarray, y: np.ndarray) -> tuple[Float[np.ndarray, "H W C"], Float[np.ndarray, "H W C"]]:
    """Return the luminance term, and contrast times structure, around every pixel."""
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x, variance_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    return luminance, (2 * covariance + _C2) / (variance_x + variance_y + _C2)


def _blurred(values: np.ndarray) -> np.ndarray:
    from scipy.ndimage import correlate1d

    offsets = np.arange(_WINDOW) - _EDGE
    window = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    window /= window.sum()
    return correlate1d(correlate1d(values, window, axis=0), window, axis=1)


def _mean(values: np.ndarray, inside: np.ndarray | None) -> Float[np.ndarray, "C"]:
    """Average by weights; without them, over the pixels that a whole window surrounds."""
    if inside is None:
        return values[_EDGE:-_EDGE, _EDGE:-_EDGE].mean((0, 1))
    return (values * inside).sum((0, 1)) / inside.sum()


def _halved(values: np.ndarray) -> np.ndarray:
    """Average 2x2 pixels; a last odd row or column is left out."""
    height, width = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2
    even = values[:height, :width]
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4


def _spread(inside: np.ndarray) -> np.ndarray:
    """Halve weights; what lies in a last odd row or column goes to the pixel before it, so that none is lost."""
    height, width = inside.shape[0] // 2 * 2, inside.shape[1] // 2 * 2
    halved = _halved(inside)
    if inside.shape[0] > height:
        halved[-1] += (inside[-1, :width:2] + inside[-1, 1:width:2]) / 4
    if inside.shape[1] > width:
        halved[:, -1] += (inside[:height:2, -1] + inside[1:height:2, -1]) / 4
    if inside.shape[0] > height and inside.shape[1] > width:
        halved[-1, -1] += inside[-1, -1] / 4
    return halved
