"""The Haar wavelet-based perceptual similarity index."""

import numpy as np
from jaxtyping import Bool, Float, UInt8

from liquidwarp.errors import InputError

_C = 30.0
_ALPHA = 4.2
_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def haarpsi(
    a: UInt8[np.ndarray, "H W 3"], b: UInt8[np.ndarray, "H W 3"], region: Bool[np.ndarray, "H W"] | None = None
) -> float:
    """Compute HaarPSI; higher is better, 1 for equal pictures, range [0, 1]. Symmetric.

    Colour space: YIQ of sRGB code values 0..255; windows: Haar wavelets of 2, 4 and 8 pixels on the picture halved by
    2x2 averaging, zeros beyond the edge; C = 30, alpha = 4.2. With a region, what is salient counts by the fraction
    of the region in its 2x2 pixels.

    Source: Reisenhofer, Bosse, Kutyniok and Wiegand, "A Haar wavelet-based perceptual similarity index for image
    quality assessment", 2018, equations 10 to 14.

    Raises:
        InputError: the region is empty.
    """
    if region is not None and not region.any():
        raise InputError("region has no pixel; nothing to measure there")
    first, second = _halved_yiq(a), _halved_yiq(b)
    similarities, weights = [], []
    for axis in (0, 1):
        fine = [_agreement(_haar(first[0], level, axis), _haar(second[0], level, axis)) for level in (1, 2)]
        similarities.append((fine[0] + fine[1]) / 2)
        weights.append(np.maximum(_haar(first[0], 3, axis), _haar(second[0], 3, axis)))
    chroma = [_agreement(_box(first[channel]), _box(second[channel])) for channel in (1, 2)]
    similarities.append((chroma[0] + chroma[1]) / 2)
    weights.append((weights[0] + weights[1]) / 2)

    similarity, weight = np.stack(similarities), np.stack(weights)
    inside = np.ones(weight.shape[1:]) if region is None else _inside(region)
    if not (weight * inside).any():  # black pictures: nothing is salient, so everything counts alike
        weight = np.ones_like(weight)
    weight = weight * inside
    squashed = float((weight / (1 + np.exp(-_ALPHA * similarity))).sum() / weight.sum())
    return float((np.log(squashed / (1 - squashed)) / _ALPHA) ** 2)


def _halved_yiq(image: np.ndarray) -> Float[np.ndarray, "3 H W"]:
    yiq = np.moveaxis(image.astype(np.float64) @ _YIQ.T, 2, 0)
    return np.stack([_smooth(channel)[::2, ::2] for channel in yiq])


def _inside(region: np.ndarray) -> np.ndarray:
    """Return which part of the 2x2 pixels behind each halved one is in the region."""
    return (_smooth(region.astype(np.float64)) / _smooth(np.ones(region.shape)))[::2, ::2]


def _smooth(channel: np.ndarray) -> np.ndarray:
    """Average 2x2 neighbours, zeros beyond the edge."""
    from scipy.ndimage import convolve1d

    pair = [0.5, 0.5]
    return convolve1d(convolve1d(channel, pair, axis=0, mode="constant"), pair, axis=1, mode="constant")


def _box(channel: np.ndarray) -> np.ndarray:
    """Return how strong the local mean of a chroma channel is."""
    return np.abs(_smooth(channel))


def _haar(channel: np.ndarray, level: int, axis: int) -> np.ndarray:
    """Return how strong the Haar wavelet of 2^level pixels across `axis` responds."""
    from scipy.ndimage import convolve1d

    length = 2**level
    step = np.repeat([-1.0, 1.0], length // 2)
    across = convolve1d(channel, step, axis=axis, mode="constant")
    return np.abs(convolve1d(across, np.ones(length), axis=1 - axis, mode="constant")) / length


def _agreement(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (2 * a * b + _C) / (a**2 + b**2 + _C)
