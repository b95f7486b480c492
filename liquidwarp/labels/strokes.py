"""Strokes as few-shot vid2vid's label maps are drawn with: pixel for pixel, since networks were trained on them.

Convention: points are (x, y) in pixels, colours are RGB, pictures are uint8 `H W 3`.
"""

import warnings
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.optimize import OptimizeWarning, curve_fit

_STEEPEST = 1.0  # quadratic coefficient beyond which a parabola is left out


def sample_stroke(points: Float[np.ndarray, "N 2"]) -> Int[np.ndarray, "M 2"]:
    """Return the pixels along a line through two points, or a parabola through three.

    Coordinates are cut off, not rounded, and the fit is iterative, as published: at whole-number coordinates its last
    bits decide where a sample falls.

    Args:
        points: two or three; a stroke shorter than a pixel has no samples.
    """
    steps = np.abs(np.diff(points, axis=0)).max(0)
    steep = bool(steps[0] < steps[1])
    along, across = (points[:, ::-1] if steep else points).T
    count = int(abs(along[-1] - along[0]))
    if count < 1:
        return np.empty((0, 2), int)
    curve: Callable[..., np.ndarray] = _line if len(points) == 2 else _parabola
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)  # as many points as unknowns: the spread is not known
        found, _ = curve_fit(curve, along, across)
    if len(points) == 3 and abs(found[0]) > _STEEPEST:
        return np.empty((0, 2), int)
    ends = (along[0], along[-1]) if len(points) == 3 else (along.min(), along.max())
    places = np.linspace(*ends, count)
    pixels = np.stack([places, curve(places, *found)], 1).astype(int)
    return pixels[:, ::-1] if steep else pixels


def paint_stroke(
    picture: UInt8[np.ndarray, "H W 3"],
    pixels: Int[np.ndarray, "M 2"],
    color: tuple[int, int, int],
    half_width: int,
    *,
    blend: bool = True,
    ends: bool = False,
) -> None:
    """Paint a stroke into a picture.

    Args:
        picture: is changed.
        pixels: from `sample_stroke`.
        color: of the stroke.
        half_width: pixels from -half_width to half_width - 1 around each sample are painted.
        blend: average with what is there unless all of it is black; otherwise it is painted over.
        ends: draw disks of twice the width at the first and the last sample.
    """
    if not len(pixels):
        return
    span = range(-half_width, half_width)
    for down in span:
        for right in span:
            _paint(picture, pixels + np.array([right, down]), color, blend)
    if ends:
        reach = 2 * half_width
        for down in range(-reach, reach):
            for right in range(-reach, reach):
                if right * right + down * down < 4 * half_width * half_width:
                    _paint(picture, pixels[[0, -1]] + np.array([right, down]), color, blend)


def _paint(picture: np.ndarray, pixels: np.ndarray, color: tuple[int, int, int], blend: bool) -> None:
    height, width = picture.shape[:2]
    x, y = pixels[:, 0].clip(0, width - 1), pixels[:, 1].clip(0, height - 1)
    before = picture[y, x]
    if blend and before.any():
        picture[y, x] = ((before.astype(int) + color) // 2).astype(np.uint8)
    else:
        picture[y, x] = color


def _line(x: np.ndarray, slope: float, start: float) -> np.ndarray:
    return slope * x + start


def _parabola(x: np.ndarray, bend: float, slope: float, start: float) -> np.ndarray:
    return bend * x**2 + slope * x + start
