"""What the photos tell of a person's surface, and the training-free renderer of it."""

from liquidwarp.appearance.appearance import (
    Appearance,
    AppearanceTensors,
    Observation,
    appearance_from_observations,
    fuse_appearances,
)
from liquidwarp.appearance.drape import DRAPES, Drape, DrapeMotion, dress_in_drapes, fit_drape
from liquidwarp.appearance.drape_tuning import HairTuning, SkirtTuning, SwingTuning
from liquidwarp.appearance.floor_shadow import floor_shadow
from liquidwarp.appearance.garments import dress
from liquidwarp.appearance.light import Light, find_light
from liquidwarp.appearance.light_tuning import LightTuning, RelightTuning, ShadowTuning
from liquidwarp.appearance.lit_surface import LitSurface, LitView, lit_surface
from liquidwarp.appearance.relight import light_of_place
from liquidwarp.appearance.render import DeviceRendering, Rendering, render_on_device, render_surface
from liquidwarp.appearance.tuning import LayerTuning

__all__ = [
    "DRAPES",
    "Appearance",
    "AppearanceTensors",
    "DeviceRendering",
    "Drape",
    "DrapeMotion",
    "HairTuning",
    "LayerTuning",
    "Light",
    "LightTuning",
    "LitSurface",
    "LitView",
    "Observation",
    "RelightTuning",
    "Rendering",
    "ShadowTuning",
    "SkirtTuning",
    "SwingTuning",
    "appearance_from_observations",
    "dress",
    "dress_in_drapes",
    "find_light",
    "fit_drape",
    "floor_shadow",
    "fuse_appearances",
    "light_of_place",
    "lit_surface",
    "render_on_device",
    "render_surface",
]
