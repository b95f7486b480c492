"""Light of a scene, and how much of it reaches points past a mesh, by shadow maps from a few dozen directions."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from liquidwarp.geometry import look_at_camera, project
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

_REACH = 2.6  # side of a shadow map, metres
_BIAS = 0.012


@dataclass(frozen=True)
class Lighting:
    """Light of a scene; colours are linear RGB.

    Attributes:
        azimuth: where the key light stands, radians; 0 is behind the camera, positive to its right.
        elevation: its height, radians.
        softness: radius of the key light, radians.
        key: its colour.
        sky: colour of the light from above.
        floor: colour of the light from below.
    """

    azimuth: float
    elevation: float
    softness: float
    key: tuple[float, float, float]
    sky: tuple[float, float, float]
    floor: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class LightVisibility:
    """How much of each light reaches points.

    Attributes:
        key: fraction of the key light that is seen, 0 to 1.
        sky: fraction of the upper hemisphere that is seen, weighted by the cosine, 0 to 1.
    """

    key: Float[np.ndarray, "N"]
    sky: Float[np.ndarray, "N"]


def light_visibility(
    blockers: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    points: Float[np.ndarray, "N 3"],
    normals: Float[np.ndarray, "N 3"],
    lighting: Lighting,
    *,
    rays: int = 40,
    resolution: int = 320,
) -> LightVisibility:
    """Return how much of each light reaches points past a mesh.

    Args:
        blockers: vertices of what throws shadows.
        faces: its faces.
        points: where.
        normals: unit normals there.
        lighting: the lights.
        rays: number of directions for the sky; the key light gets a third as many.
        resolution: size of a shadow map.
    """
    center = torch.from_numpy(0.5 * (blockers.min(0) + blockers.max(0)))
    mesh, index = torch.from_numpy(blockers)[None], torch.from_numpy(faces)
    lifted = torch.from_numpy(points + 0.008 * normals)

    def seen(azimuth: float, elevation: float) -> np.ndarray:
        flat = Camera.create(resolution / _REACH, (resolution, resolution), orthographic=True)
        camera = look_at_camera(flat, center, azimuth=azimuth, elevation=elevation, distance=5.0)
        depth = rasterize(mesh, index, camera).depth[0].numpy()
        at = project(camera, lifted).numpy()
        return _lit(depth, at)

    turns = np.arange(rays) * (np.pi * (3 - np.sqrt(5)))
    heights = np.arcsin(np.clip((np.arange(rays) + 0.5) / rays, 0, 1))
    sky, whole = np.zeros(len(points)), np.zeros(len(points))
    for turn, height in zip(turns, heights, strict=True):
        cosine = np.clip(normals @ light_direction(turn, height) + 0.15, 0, None)
        sky += cosine * seen(turn, height)
        whole += cosine
    key = np.zeros(len(points))
    count = max(6, rays // 3)
    for number in range(count):
        radius = lighting.softness * np.sqrt((number + 0.5) / count)
        turn = number * (np.pi * (3 - np.sqrt(5)))
        key += seen(lighting.azimuth + radius * np.cos(turn), lighting.elevation + radius * np.sin(turn))
    return LightVisibility((key / count).astype(np.float32), (sky / np.maximum(whole, 1e-6)).astype(np.float32))


def _lit(depth: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return how much of each projected point is in the light, filtered between the four nearest pixels."""
    size = depth.shape[0]
    x, y = at[:, 0] - 0.5, at[:, 1] - 0.5
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    total = np.zeros(len(at))
    for dy in (0, 1):
        for dx in (0, 1):
            column, row = np.clip(x0 + dx, 0, size - 1), np.clip(y0 + dy, 0, size - 1)
            weight = (dx * (x - x0) + (1 - dx) * (1 - x + x0)) * (dy * (y - y0) + (1 - dy) * (1 - y + y0))
            total += weight * (depth[row, column] > at[:, 2] - _BIAS)
    return total


def light_direction(azimuth: float, elevation: float) -> Float[np.ndarray, "3"]:
    """Return the unit vector towards a light; see `Lighting`."""
    flat = np.cos(elevation)
    return np.array([np.sin(azimuth) * flat, -np.sin(elevation), -np.cos(azimuth) * flat])
