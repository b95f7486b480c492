"""Pictures completed where something was removed; the background without the person."""

from liquidwarp.inpaint.background import background_from, clip_background, photo_background
from liquidwarp.inpaint.fill import inpaint
from liquidwarp.inpaint.tuning import BackgroundTuning, InpaintTuning

__all__ = [
    "BackgroundTuning",
    "InpaintTuning",
    "background_from",
    "clip_background",
    "inpaint",
    "photo_background",
]
