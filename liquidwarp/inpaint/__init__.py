"""Pictures completed where something was removed; the background without the person."""

from liquidwarp.inpaint.background import background_from, background_plate, clip_plate
from liquidwarp.inpaint.fill import inpaint

__all__ = ["background_from", "background_plate", "clip_plate", "inpaint"]
