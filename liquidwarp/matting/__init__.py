"""Alpha at full resolution, and the person's colours without the background's."""

from liquidwarp.matting.foreground import foreground_colors
from liquidwarp.matting.held import find_held
from liquidwarp.matting.refine import refine_alpha
from liquidwarp.matting.tuning import ForegroundTuning, HeldTuning, MattingTuning

__all__ = ["ForegroundTuning", "HeldTuning", "MattingTuning", "find_held", "foreground_colors", "refine_alpha"]
