"""The background without the person: from a photo, from a clip, or from the user."""

from collections.abc import Iterable
from typing import Protocol

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from liquidwarp.errors import InputError
from liquidwarp.surface.inpaint import inpaint

_PERSON = 0.1  # matte above which a pixel may hold a trace of the person
_MARGIN = 1 / 64  # of the long side: how far beyond the matte fringes, blur and contact shadows reach
_BAND = 1 / 128  # and how far beyond that nothing is copied from, though it is still continued
_ABOUT_HEIGHT = 0.12  # colour units that a displacement over the whole height costs: scenes are layered by height
_SAMPLES = 60
_SEEN = 0.05  # share of the sampled frames in which a pixel must be free, to be believed


class MaskStack(Protocol):
    """Anything that knows the person's mask of a frame at a size."""

    def frame(self, index: int, size: tuple[int, int]) -> object:
        """Return the mask (H, W) of frame `index` at `size`, bool, or float with 1 = person."""
        ...


def background_plate(
    image: UInt8[np.ndarray, "H W 3"], matte: Float[np.ndarray, "H W"]
) -> UInt8[np.ndarray, "H W 3"]:
    """Remove the person from a photo.

    The matte is grown over soft edges, fringes and contact shadows; a further band is continued but never copied.

    Args:
        image: RGB photo.
        matte: share of the person in every pixel, 1 = person.

    Raises:
        InputError: shapes disagree, or the person covers the whole photo.
    """
    if matte.shape != image.shape[:2]:
        raise InputError(f"matte has shape {matte.shape}, wanted {image.shape[:2]} as the image")
    hole = grow(matte > _PERSON, _MARGIN)
    if not hole.any():
        return image.copy()
    band = grow(hole, _BAND)
    source = ~band if (~band).sum() > 0.25 * (~hole).sum() else ~hole
    height, width = hole.shape
    rows = np.linspace(0, _ABOUT_HEIGHT, height, dtype=np.float32)[:, None, None]
    return inpaint(image, hole, source=source, context=~hole, guide=np.broadcast_to(rows, (height, width, 1)))


def grow(mask: Bool[np.ndarray, "H W"], share: float) -> Bool[np.ndarray, "H W"]:
    """Widen a mask by a disc whose radius is a share of the long side, at least two pixels."""
    radius = max(2, round(share * max(mask.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)
