"""Alpha at full resolution, and the person's colours without the background's."""

from liquidwarp.matting.foreground import foreground_colors
from liquidwarp.matting.refine import refine_alpha
from liquidwarp.matting.tuning import ForegroundTuning, MattingTuning

__all__ = ["ForegroundTuning", "MattingTuning", "foreground_colors", "refine_alpha"]
