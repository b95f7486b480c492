"""Backgrounds rendered once: the empty picture, where its pixels are, how much of their light can be blocked."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from liquidwarp.geometry import pixel_centers
from liquidwarp.synth.scenes.backdrops import FloorGrid, render_backdrop
from liquidwarp.synth.scenes.clutter import BackgroundBuffers, furnish
from liquidwarp.synth.scenes.lighting import Lighting, LightVisibility
from liquidwarp.synth.scenes.random_scenes import Setting
from liquidwarp.types import Camera


@dataclass(frozen=True, eq=False)
class Background:
    """An empty scene in one picture.

    Attributes:
        radiance: its linear light.
        points: the world point behind each pixel.
        key_fraction: how much of each pixel's light comes from the key light.
        lighting: its light.
        floor: height of the floor (world Y).
        gloss: fraction of the floor's light that it mirrors.
    """

    radiance: Float[np.ndarray, "H W 3"]
    points: Float[np.ndarray, "H W 3"]
    key_fraction: Float[np.ndarray, "H W 3"]
    lighting: Lighting
    floor: float
    gloss: float = 0.0


def render_background(
    scene: Setting, camera: Camera, floor: float, distance: float, *, blur: float = 0.0
) -> Background:
    """Render an empty scene.

    Args:
        scene: what is seen.
        camera: a camera at the world's origin.
        floor: height of the floor (world Y).
        distance: of the person's place; the far wall is behind it.
        blur: of the picture, pixels.
    """
    backdrop, lighting = scene.backdrop, scene.backdrop.lighting
    wall = distance + backdrop.wall_distance
    grid = FloorGrid.create(floor, np.array([0.0, 0.0, wall]))
    ones = np.ones(len(grid.points), np.float32)
    radiance = render_backdrop(backdrop, camera, floor, wall, grid, LightVisibility(ones, ones))
    plane = camera.on_plane(pixel_centers(camera.size).double()).numpy()
    ray = np.concatenate([plane, np.ones_like(plane[..., :1])], -1)
    depth = np.minimum(np.where(ray[..., 1] > 1e-4, floor / np.maximum(ray[..., 1], 1e-4), np.inf), wall)
    points = (ray * depth[..., None]).astype(np.float32)
    on_floor = depth < wall
    key, sky = np.array(lighting.key), np.array(lighting.sky)
    floor_key = np.sin(lighting.elevation) * key
    wall_key = max(np.cos(lighting.elevation) * np.cos(lighting.azimuth), 0.0) * key
    half = 0.5 * (sky + np.array(lighting.floor))
    fractions = np.where(on_floor[..., None], floor_key / (floor_key + sky), wall_key / (wall_key + half))
    buffers = BackgroundBuffers(radiance, points, fractions.astype(np.float32), ray.astype(np.float32))
    origin = (0.0, floor, distance)
    focal, _, *center = camera.lens.tolist()
    furnish(buffers, scene.boxes, lighting, origin, focal, (center[0], center[1]))
    if blur > 0.2:
        radiance = gaussian_filter(radiance, (blur, blur, 0))
    return Background(radiance, points, buffers.key_fraction, lighting, floor, scene.gloss)
