"""What the photos tell of a person's surface, and the training-free renderer of it."""

from liquidwarp.appearance.appearance import (
    Appearance,
    Observation,
    appearance_from_observations,
    dress,
    fuse_appearances,
)
from liquidwarp.appearance.render import Rendering, render_surface

__all__ = [
    "Appearance",
    "Observation",
    "Rendering",
    "appearance_from_observations",
    "dress",
    "fuse_appearances",
    "render_surface",
]
