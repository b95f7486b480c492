"""The clothed surface: per-vertex offsets from the naked body, fitted to outlines."""

from liquidwarp.clothing.offsets import ClothingFit, fit_clothing, fit_offsets
from liquidwarp.clothing.views import SilhouetteView

__all__ = ["ClothingFit", "SilhouetteView", "fit_clothing", "fit_offsets"]
