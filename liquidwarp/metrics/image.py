"""Pixel and structure differences of two pictures."""

import numpy as np
from jaxtyping import Bool, Float, UInt8

from liquidwarp.errors import InputError

WINDOW = 7
"""Side of SSIM's square window, in pixels."""

_PEAK = 255.0


def ssim_map(a: UInt8[np.ndarray, "H W C"], b: UInt8[np.ndarray, "H W C"]) -> Float[np.ndarray, "H W C"]:
    """Compute structural similarity around every pixel, per channel; higher is better, 1 for equal pictures.

    Range [-1, 1]; colour space: the channels as they are (sRGB code values); window 7x7, uniform, sample covariance,
    mirrored at the picture's edge. The same numbers as scikit-image's `structural_similarity(a, b, channel_axis=2,
    full=True)` on uint8.

    Source: Wang et al., "Image Quality Assessment", 2004, equation 13.

    Raises:
        InputError: a picture is smaller than the window.
    """
    return similarity_map(a.astype(np.float64), b.astype(np.float64), peak=_PEAK)  # uint8 would wrap in any product


def similarity_map(
    x: Float[np.ndarray, "H W C"], y: Float[np.ndarray, "H W C"], *, peak: float
) -> Float[np.ndarray, "H W C"]:
    """Compute `ssim_map` of real-valued pictures whose values span `peak`.

    The stabilising constants are (0.01 peak)^2 and (0.03 peak)^2. Means enter the luminance term, so adding a constant
    to both pictures changes the result.

    Raises:
        InputError: a picture is smaller than the window.
    """
    from scipy.ndimage import uniform_filter

    if min(x.shape[:2]) < WINDOW:
        raise InputError(
            f"a picture of {x.shape[0]}x{x.shape[1]} is too small for SSIM; give at least {WINDOW}x{WINDOW}"
        )

    def mean(values: np.ndarray) -> np.ndarray:
        return uniform_filter(values, size=(WINDOW, WINDOW, 1))

    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mean_x, mean_y = mean(x), mean(y)
    sample = WINDOW**2 / (WINDOW**2 - 1)
    variance_x = sample * (mean(x * x) - mean_x * mean_x)
    variance_y = sample * (mean(y * y) - mean_y * mean_y)
    covariance = sample * (mean(x * y) - mean_x * mean_y)
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance * (2 * covariance + c2) / (variance_x + variance_y + c2)


def ssim(
    a: UInt8[np.ndarray, "H W C"], b: UInt8[np.ndarray, "H W C"], region: Bool[np.ndarray, "H W"] | None = None
) -> float:
    """Average `ssim_map`; higher is better, 1 for equal pictures, range [-1, 1].

    Without a region, over all pixels whose window lies inside the picture (scikit-image's mean); with one, over the
    region's pixels, those at the edge of the picture included.

    Raises:
        InputError: the region is empty, or a picture is smaller than the window.
    """
    return mean_ssim(ssim_map(a, b), region)


def mean_ssim(similarity: Float[np.ndarray, "H W C"], region: Bool[np.ndarray, "H W"] | None = None) -> float:
    """Average a map of `ssim_map` as `ssim` does, for those who need several averages of one map.

    Raises:
        InputError: the region is empty.
    """
    if region is None:
        edge = WINDOW // 2
        return float(similarity[edge:-edge, edge:-edge].mean())
    _check_region(region)
    return float(similarity[region].mean())


def psnr(
    a: UInt8[np.ndarray, "H W C"], b: UInt8[np.ndarray, "H W C"], region: Bool[np.ndarray, "H W"] | None = None
) -> float:
    """Compute the peak signal-to-noise ratio in decibels; higher is better, infinite for equal pictures.

    Colour space: sRGB code values with a peak of 255; one mean squared error over all channels and pixels (of the
    region, if one is given).

    Raises:
        InputError: the region is empty.
    """
    squared = (a.astype(np.float64) - b.astype(np.float64)) ** 2
    if region is not None:
        _check_region(region)
        squared = squared[region]
    error = float(squared.mean())
    return float("inf") if error == 0 else 10 * float(np.log10(_PEAK**2 / error))


def _check_region(region: np.ndarray) -> None:
    if not region.any():
        raise InputError("region has no pixel; nothing to measure there")
