"""The person's own colours under a soft alpha."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.geometry import bounded_size
from liquidwarp.matting.tuning import FOREGROUND_TUNING, ForegroundTuning

_BAND = 128  # rows that are relaxed at a time


def foreground_colors(
    rgb: UInt8[np.ndarray, "H W 3"],
    alpha: Float[np.ndarray, "H W"],
    *,
    tuning: ForegroundTuning = FOREGROUND_TUNING,
) -> UInt8[np.ndarray, "H W 3"]:
    """Return the colours of the foreground alone, without what the background adds where alpha is soft.

    Fast multi-level foreground estimation (Germer et al., 2020): `I = a F + (1 - a) B` is solved for smooth F and B
    from a tiny picture up to the full one, by Jacobi steps. Where alpha is 1 the photo's colours are kept; where it is
    0 the nearest foreground colours go on. Above `tuning.most_pixels` the steps end at a smaller size, and each soft
    pixel is fitted to the equation from there on by itself (Forte, 2021, equation 7).
    """
    height, width = alpha.shape
    size = bounded_size((height, width), tuning.most_pixels)
    if size != (height, width):
        solved = _solved(_shrunk(rgb, size[::-1]), _shrunk(alpha, size[::-1]), tuning)
        return _enlarged(rgb, alpha, solved, tuning)
    front, _ = _solved(rgb, alpha, tuning)
    keep = alpha.astype(np.float32)[..., None] >= tuning.opaque
    return np.where(keep, rgb, np.rint(front.clip(0, 1) * 255)).astype(np.uint8)


def _enlarged(
    rgb: np.ndarray, alpha: np.ndarray, solved: tuple[np.ndarray, np.ndarray], tuning: ForegroundTuning
) -> np.ndarray:
    """Return the foreground of a photo from smooth foreground and background of a smaller one."""
    soft = np.nonzero((alpha > 0) & (alpha < tuning.opaque))
    cover = alpha[soft].astype(np.float32)[:, None]
    front, back = (
        cv2.resize(np.rint(x.clip(0, 1) * 255).astype(np.uint8), alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
        for x in solved
    )
    smooth = front[soft].astype(np.float32)
    off = rgb[soft] - cover * smooth - (1 - cover) * back[soft]
    front[soft] = np.rint((smooth + cover * off).clip(0, 255)).astype(np.uint8)
    np.copyto(front, rgb, where=(alpha >= tuning.opaque)[..., None])
    return front


def _solved(rgb: np.ndarray, alpha: np.ndarray, tuning: ForegroundTuning) -> tuple[np.ndarray, np.ndarray]:
    """Return smooth foreground and background in [0, 1]."""
    image, alpha = rgb.astype(np.float32) / 255, alpha.astype(np.float32)
    height, width = alpha.shape
    levels = max(1, int(np.ceil(np.log2(max(height, width)))))
    front = _weighted_mean(image, alpha)
    back = _weighted_mean(image, 1 - alpha)
    for level in range(levels + 1):
        size = (max(1, round(width ** (level / levels))), max(1, round(height ** (level / levels))))
        small, cover = (x if size == (width, height) else _shrunk(x, size) for x in (image, alpha))
        front, back = (cv2.resize(x, size, interpolation=cv2.INTER_LINEAR) for x in (front, back))
        for _ in range(tuning.small_steps if max(size) <= tuning.small else tuning.steps):
            front, back = _relax(small, cover, front, back, tuning)
    return front, back


def _weighted_mean(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    total = max(float(weight.sum()), 1e-6)
    return ((image * weight[..., None]).sum((0, 1)) / total).reshape(1, 1, 3).astype(np.float32)


def _shrunk(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _relax(
    image: np.ndarray, alpha: np.ndarray, front: np.ndarray, back: np.ndarray, tuning: ForegroundTuning
) -> tuple[np.ndarray, np.ndarray]:
    """Solve each pixel's two unknown colours for its neighbours' colours of the step before (equation 9)."""
    height = len(alpha)
    new_front, new_back = np.empty_like(front), np.empty_like(back)
    for top in range(0, height, _BAND):  # a band at a time keeps what is between small
        bottom = min(top + _BAND, height)
        above = max(top - 1, 0)
        near, own = slice(above, bottom + 1), slice(top - above, bottom - above)
        solved = _relax_band(image[near], alpha[near], front[near], back[near], tuning)
        new_front[top:bottom], new_back[top:bottom] = (part[own] for part in solved)
    return new_front, new_back


def _relax_band(
    image: np.ndarray, alpha: np.ndarray, front: np.ndarray, back: np.ndarray, tuning: ForegroundTuning
) -> tuple[np.ndarray, np.ndarray]:
    weight_sum = np.zeros_like(alpha)
    front_sum, back_sum = np.zeros_like(front), np.zeros_like(back)
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        weight = tuning.smooth + tuning.gradient * np.abs(alpha - _neighbour(alpha, axis, step))
        weight_sum += weight
        front_sum += weight[..., None] * _neighbour(front, axis, step)
        back_sum += weight[..., None] * _neighbour(back, axis, step)
    rest = 1 - alpha
    a, b, d = alpha * alpha + weight_sum, alpha * rest, rest * rest + weight_sum
    right_front, right_back = alpha[..., None] * image + front_sum, rest[..., None] * image + back_sum
    inverse = (1 / (a * d - b * b))[..., None]
    new_front = (d[..., None] * right_front - b[..., None] * right_back) * inverse
    new_back = (a[..., None] * right_back - b[..., None] * right_front) * inverse
    return new_front.clip(0, 1), new_back.clip(0, 1)


def _neighbour(image: np.ndarray, axis: int, step: int) -> np.ndarray:
    """Return for each pixel its neighbour's value; at the border the pixel's own."""
    index = np.clip(np.arange(image.shape[axis]) + step, 0, image.shape[axis] - 1)
    return np.take(image, index, axis=axis)
