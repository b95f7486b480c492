"""How a clip moves."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from liquidwarp.errors import InputError

SMALLEST_FLOW = 12
"""Shortest side of a picture with optical flow, in pixels."""


def flicker(frames: Iterable[np.ndarray], reference: Iterable[np.ndarray]) -> float:
    """Compare how two clips change from frame to frame; lower is better, 0 where they change alike.

    The mean over neighbouring frames, pixels and channels of `|(f[t+1] - f[t]) - (r[t+1] - r[t])|`, in code values
    (range [0, 510]); colour space: the channels as they are. A constant error does not flicker. Both clips are uint8
    pictures of one size, read once and one frame at a time.

    Raises:
        InputError: fewer than two frames, or clips of different lengths or sizes.
    """
    total, count = 0.0, 0
    previous: np.ndarray | None = None
    for index, error in enumerate(_errors(frames, reference)):
        if previous is not None:
            if error.shape != previous.shape:
                raise InputError(f"frame {index} has another size than the frame before it; flicker needs one size")
            total += float(np.abs(error - previous).mean())
            count += 1
        previous = error
    if count == 0:
        raise InputError("flicker needs at least two frames of each clip")
    return total / count


def _errors(frames: Iterable[np.ndarray], reference: Iterable[np.ndarray]) -> Iterable[np.ndarray]:
    """Yield `frame - reference` in signed integers."""
    try:
        for index, (ours, real) in enumerate(zip(frames, reference, strict=True)):
            if ours.shape != real.shape:
                raise InputError(f"frame {index} is {ours.shape} in one clip and {real.shape} in the other")
            yield ours.astype(np.int32) - real.astype(np.int32)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError("the two clips have different numbers of frames") from error


def change_error(
    made: tuple[UInt8[np.ndarray, "H W C"], UInt8[np.ndarray, "H W C"]],
    real: tuple[UInt8[np.ndarray, "H W C"], UInt8[np.ndarray, "H W C"]],
) -> Float[np.ndarray, "H W"]:
    """Return, per pixel, how differently two clips change from one frame to the next: what `flicker` averages."""
    errors = [ours.astype(np.int32) - truth.astype(np.int32) for ours, truth in zip(made, real, strict=True)]
    return np.abs(errors[1] - errors[0]).mean(2, dtype=np.float64)


def find_motion(
    before: UInt8[np.ndarray, "H W 3"], now: UInt8[np.ndarray, "H W 3"]
) -> tuple[Float[np.ndarray, "H W 2"], Bool[np.ndarray, "H W"]]:
    """Return where each pixel of `now` was in `before`, as a shift (x, y) in pixels, and whether that can be told.

    Dense inverse search both ways on the grey pictures; a pixel cannot be told where the way back leads elsewhere, or
    to the outside. Sources: Kroeger et al., "Fast optical flow using dense inverse search", 2016; for the test of both
    ways Lai et al., "Learning blind video temporal consistency", 2018.

    Raises:
        InputError: a picture is too small, or the two have different sizes.
    """
    import cv2

    if before.shape != now.shape or min(now.shape[:2]) < SMALLEST_FLOW:
        raise InputError(
            f"pictures of {before.shape[0]}x{before.shape[1]} and {now.shape[0]}x{now.shape[1]} have no optical flow; "
            f"give one size of at least {SMALLEST_FLOW}x{SMALLEST_FLOW}"
        )
    first, second = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, now))
    back, forth = (
        cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*pair, None)
        for pair in ((second, first), (first, second))
    )
    there, inside = _sampled(forth, back)
    gap = ((back + there) ** 2).sum(2)
    size = (back**2).sum(2) + (there**2).sum(2)
    return back.astype(np.float64), inside & (gap <= 0.01 * size + 0.5)


def warp_errors(
    before: UInt8[np.ndarray, "H W C"], now: UInt8[np.ndarray, "H W C"], motion: Float[np.ndarray, "H W 2"]
) -> Float[np.ndarray, "H W"]:
    """Return, per pixel, the squared difference of a frame and the one before it, moved along; values in [0, 1]."""
    moved, _ = _sampled(before.astype(np.float64), motion)
    return ((moved - now.astype(np.float64)) ** 2).mean(2) / 255.0**2


def _sampled(values: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values at each pixel plus its shift, between pixels in proportion, and where that lies inside."""
    height, width = values.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float64)
    x, y = x + shift[..., 0], y + shift[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    left, top = np.clip(np.floor(x), 0, width - 1).astype(int), np.clip(np.floor(y), 0, height - 1).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    u, v = np.clip(x - left, 0, 1)[..., None], np.clip(y - top, 0, 1)[..., None]
    upper = values[top, left] * (1 - u) + values[top, right] * u
    lower = values[bottom, left] * (1 - u) + values[bottom, right] * u
    return upper * (1 - v) + lower * v, inside
