"""What the photo tells about the person's surface and what is behind it."""

from liquidwarp.surface.appearance import (
    Appearance,
    Observation,
    appearance_from_observations,
    dress,
    fuse_appearances,
)
from liquidwarp.surface.clothing import ClothingFit, fit_clothing, fit_offsets
from liquidwarp.surface.clothing_view import SilhouetteView
from liquidwarp.surface.inpaint import inpaint
from liquidwarp.surface.mesh_ops import vertex_normals
from liquidwarp.surface.plate import background_from, background_plate, clip_plate
from liquidwarp.surface.render import Rendering, render_surface
from liquidwarp.surface.smoothing import smooth_over_surface

__all__ = [
    "Appearance",
    "ClothingFit",
    "Observation",
    "Rendering",
    "SilhouetteView",
    "appearance_from_observations",
    "background_from",
    "background_plate",
    "clip_plate",
    "dress",
    "fit_clothing",
    "fit_offsets",
    "fuse_appearances",
    "inpaint",
    "render_surface",
    "smooth_over_surface",
    "vertex_normals",
]
