"""Dark pictures, brightened for those who look at them."""

import cv2
import numpy as np
from jaxtyping import UInt8

from liquidwarp.detect.tuning import FOLLOW_TUNING, FollowTuning

_STEP = 4  # every so many-th row and column tells how light a picture is
_BLACK = 4.0  # grey levels; a picture that has no more is black


def brightened(
    frame: UInt8[np.ndarray, "H W 3"], *, tuning: FollowTuning = FOLLOW_TUNING
) -> UInt8[np.ndarray, "H W 3"]:
    """Return a dark picture with the light of an ordinary one; any other as it is (the same array).

    Detectors and mattes are used to daylight. A picture is dark if even its lightest parts are: one of black clothes,
    or with a lamp in the night, is left alone.

    Args:
        frame: an RGB picture.
        tuning: what is dark.
    """
    red, green, blue = np.moveaxis(frame[::_STEP, ::_STEP], -1, 0)
    light = np.maximum(np.maximum(red, green), blue)  # 20 times quicker than max(-1), which would be felt in clips
    lightest = float(np.percentile(light, tuning.lightest))
    if not _BLACK < lightest < tuning.dark:
        return frame
    levels = np.arange(256) * min(tuning.daylight / lightest, tuning.most_gain)
    return cv2.LUT(frame, np.rint(levels.clip(0, 255)).astype(np.uint8))
