"""What the photo tells about the person's surface and what is behind it."""

from liquidwarp.surface.clothing import ClothingFit, fit_clothing, fit_offsets
from liquidwarp.surface.clothing_view import SilhouetteView
from liquidwarp.surface.inpaint import inpaint

__all__ = ["ClothingFit", "SilhouetteView", "fit_clothing", "fit_offsets", "inpaint"]
