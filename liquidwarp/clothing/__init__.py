"""The clothed surface: per-vertex offsets from the naked body, fitted to outlines."""

from liquidwarp.clothing.offsets import ClothingFit, fit_clothing, fit_offsets
from liquidwarp.clothing.shoes import above_ground, shoe_offsets
from liquidwarp.clothing.tuning import ClothingTuning, ClothSurfaceTuning, CutOutTuning, MatchTuning, ShoeTuning
from liquidwarp.clothing.views import SilhouetteView

__all__ = [
    "ClothSurfaceTuning",
    "ClothingFit",
    "ClothingTuning",
    "CutOutTuning",
    "MatchTuning",
    "ShoeTuning",
    "SilhouetteView",
    "above_ground",
    "fit_clothing",
    "fit_offsets",
    "shoe_offsets",
]
