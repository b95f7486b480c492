"""How far eyes are closed, by their pictures: the mesh itself hardly sees it."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.face.tuning import FACE_MOTION_TUNING, FaceMotionTuning

_ROWS, _COLUMNS = slice(7, 19), slice(4, 20)  # of the cut, what the opening of an eye fills
_SHIFTS = range(-1, 2)  # rows by which the mesh may be off


def eyes_closed(
    cuts: Sequence[UInt8[np.ndarray, "2 24 24"] | None], *, tuning: FaceMotionTuning = FACE_MOTION_TUNING
) -> Float[np.ndarray, "T 2"]:
    """Return how far each eye is closed in each frame of a clip, 0 to 1: how unlike the clip's usual eye it looks.

    Args:
        cuts: `detect.Face.eyes` of each frame; None where no face was seen, or it was small: open.
        tuning: how unlike a closed eye looks.
    """
    closed = np.zeros((len(cuts), 2), np.float32)
    seen = [index for index, cut in enumerate(cuts) if cut is not None]
    if len(seen) < 2:
        return closed
    pictures = np.stack([cut for cut in cuts if cut is not None]).astype(np.float32)
    usual = _plain(np.median(pictures, 0)[None, :, _ROWS, _COLUMNS])
    alike = np.full((len(seen), 2), -1.0, np.float32)
    for shift in _SHIFTS:
        rows = slice(_ROWS.start + shift, _ROWS.stop + shift)
        alike = np.maximum(alike, (_plain(pictures[:, :, rows, _COLUMNS]) * usual).sum((2, 3)))
    usually = np.maximum(np.median(alike, 0), 0.3)
    opened, shut = tuning.look_alike
    closed[seen] = np.clip((opened - alike / usually) / (opened - shut), 0, 1)
    return closed


def _plain(pictures: np.ndarray) -> np.ndarray:
    """Return pictures free of brightness and contrast."""
    about = pictures - pictures.mean((2, 3), keepdims=True)
    return about / np.sqrt(np.maximum((about * about).sum((2, 3), keepdims=True), 1e-3))
