"""Places prepared once: the empty picture, where each of its pixels is, and how much of its light can be blocked."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from liquidwarp.data.synthetic.clutter import View, furnish
from liquidwarp.data.synthetic.light import Lighting, Received
from liquidwarp.data.synthetic.scene import Ground, backdrop
from liquidwarp.data.synthetic.scenes import Setting
from liquidwarp.geometry import pixel_centers
from liquidwarp.types import Camera


@dataclass(frozen=True, eq=False)
class Place:
    """An empty place in one picture.

    Attributes:
        plate: its linear light.
        points: the world point behind each pixel.
        share: how much of each pixel's light comes from the key light.
        lighting: its light.
        level: height of the floor (world Y).
        gloss: share of the floor's light that it mirrors.
    """

    plate: Float[np.ndarray, "H W 3"]
    points: Float[np.ndarray, "H W 3"]
    share: Float[np.ndarray, "H W 3"]
    lighting: Lighting
    level: float
    gloss: float = 0.0


def prepare_place(setting: Setting, camera: Camera, level: float, distance: float, *, blur: float = 0.0) -> Place:
    """Compute a place.

    Args:
        setting: the place.
        camera: a camera at the world's origin.
        level: height of the floor.
        distance: of the person's place; the far wall is behind it.
        blur: of the picture, pixels.
    """
    scene = setting.scene
    person, distance = distance, distance + scene.wall
    ground = Ground.create(level, np.array([0.0, 0.0, distance]))
    ones = np.ones(len(ground.points), np.float32)
    plate = backdrop(scene, camera, level, distance, ground, Received(ones, ones))
    plane = camera.on_plane(pixel_centers(camera.size).double()).numpy()
    ray = np.concatenate([plane, np.ones_like(plane[..., :1])], -1)
    depth = np.minimum(np.where(ray[..., 1] > 1e-4, level / np.maximum(ray[..., 1], 1e-4), np.inf), distance)
    points = (ray * depth[..., None]).astype(np.float32)
    on_floor = depth < distance
    light, sky = np.array(scene.lighting.key), np.array(scene.lighting.sky)
    floor = np.sin(scene.lighting.elevation) * light
    wall = max(np.cos(scene.lighting.elevation) * np.cos(scene.lighting.azimuth), 0.0) * light
    half = 0.5 * (sky + np.array(scene.lighting.ground))
    share = np.where(on_floor[..., None], floor / (floor + sky), wall / (wall + half)).astype(np.float32)
    origin = (0.0, level, person)
    view = View(plate, points, share, ray.astype(np.float32))
    focal, _, *middle = camera.lens.tolist()
    furnish(view, setting.boxes, scene.lighting, origin, focal, (middle[0], middle[1]))
    if blur > 0.2:
        plate = gaussian_filter(plate, (blur, blur, 0))
    return Place(plate, points, share, scene.lighting, level, setting.gloss)
