"""How a clip moves."""

from collections.abc import Iterable

import numpy as np

from liquidwarp.errors import InputError


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
