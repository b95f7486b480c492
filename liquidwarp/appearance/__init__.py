"""What the photos tell of a person's surface, and the training-free renderer of it."""

from liquidwarp.appearance.appearance import (
    Appearance,
    AppearanceTensors,
    Observation,
    appearance_from_observations,
    fuse_appearances,
)
from liquidwarp.appearance.garments import dress
from liquidwarp.appearance.render import DeviceRendering, Rendering, render_on_device, render_surface
from liquidwarp.appearance.tuning import LayerTuning

__all__ = [
    "Appearance",
    "AppearanceTensors",
    "DeviceRendering",
    "LayerTuning",
    "Observation",
    "Rendering",
    "appearance_from_observations",
    "dress",
    "fuse_appearances",
    "render_on_device",
    "render_surface",
]
