"""Keypoints and masks to a body track: skeleton, terms, solver, start, masks, feet, filters."""

from liquidwarp.fit.contacts import find_stands, foot_points
from liquidwarp.fit.foot_lock import plant_feet
from liquidwarp.fit.masks import refine_with_masks
from liquidwarp.fit.track import FitResult, fit_track

__all__ = ["FitResult", "find_stands", "fit_track", "foot_points", "plant_feet", "refine_with_masks"]
