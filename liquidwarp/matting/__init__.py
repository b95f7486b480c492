"""Alpha at full resolution, and the person's colours without the background's."""

from liquidwarp.matting.foreground import foreground_colors
from liquidwarp.matting.refine import refine_matte

__all__ = ["foreground_colors", "refine_matte"]
