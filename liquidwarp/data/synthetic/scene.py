"""Places to stand in: floors, walls and open air, cast ray by ray."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, map_coordinates

from liquidwarp.checks import check_choice
from liquidwarp.data.synthetic.fabrics import Color, linear
from liquidwarp.data.synthetic.light import Lighting, Received
from liquidwarp.data.synthetic.noise import hash_unit, noise
from liquidwarp.data.synthetic.spots import Field, step
from liquidwarp.geometry import pixel_centers
from liquidwarp.types import Camera


@dataclass(frozen=True)
class Scene:
    """A place.

    Attributes:
        kind: one of `SCENES`.
        lighting: its light.
        color: of the wall.
        floor: colour of the floor.
        wall: how far behind the person the wall is, metres.
        seed: another seed has other grain.
    """

    kind: str
    lighting: Lighting
    color: Color = (0.75, 0.75, 0.75)
    floor: Color = (0.6, 0.58, 0.55)
    wall: float = 1.1
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Ground:
    """Floor points that receive light, as a grid.

    Attributes:
        points: world points, row by row.
        corner: x and z of the first.
        step: distance between two.
        shape: rows and columns.
    """

    points: Float[np.ndarray, "N 3"]
    corner: tuple[float, float]
    step: float
    shape: tuple[int, int]

    @staticmethod
    def create(level: float, center: Float[np.ndarray, "3"]) -> "Ground":
        """Cover two metres around a person."""
        count, size = 96, 0.025
        x0, z0 = float(center[0]) - size * count / 2, float(center[2]) - size * count / 2
        row, column = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
        points = np.stack([x0 + size * column, np.full_like(row, level, dtype=float), z0 + size * row], -1)
        return Ground(points.reshape(-1, 3).astype(np.float32), (x0, z0), size, (count, count))

    def read(self, values: Float[np.ndarray, "P"], x: Field, z: Field, far: float) -> Field:
        """Interpolate values at places on the floor, `far` away from the grid."""
        image = gaussian_filter(values.reshape(self.shape), 0.7, mode="nearest")
        at = np.stack([(z - self.corner[1]) / self.step, (x - self.corner[0]) / self.step])
        return map_coordinates(image, at, order=1, mode="constant", cval=far).astype(np.float32)


def backdrop(
    scene: Scene,
    camera: Camera,
    level: float,
    distance: float,
    ground: Ground,
    received: Received,
) -> Float[np.ndarray, "H W 3"]:
    """Return linear light of the place without the person, with the person's shadow on the floor.

    Args:
        scene: the place.
        camera: a camera at the world's origin.
        level: height of the floor (world Y).
        distance: of the wall (world Z).
        ground: where the light was measured.
        received: the light there.
    """
    check_choice("scene", scene.kind, SCENES)
    height, width = camera.size
    plane = camera.on_plane(pixel_centers(camera.size).double()).numpy().astype(np.float32)
    ray_x, ray_y = plane.reshape(-1, 2).T
    depth = np.where(ray_y > 1e-4, level / np.maximum(ray_y, 1e-4), np.inf)
    on_floor = depth < distance
    depth = np.minimum(depth, distance)
    points = np.stack([ray_x * depth, ray_y * depth, depth], 1).astype(np.float32)
    points[:, 1] -= level
    elevation = scene.lighting.elevation
    key = ground.read(received.key, points[:, 0], points[:, 2], 1.0)
    sky = ground.read(received.sky, points[:, 0], points[:, 2], 1.0)
    light = np.sin(elevation) * key[:, None] * np.array(scene.lighting.key, np.float32)
    floor_light = light + sky[:, None] * np.array(scene.lighting.sky, np.float32)
    picture = SCENES[scene.kind](scene, points, on_floor, floor_light)
    return picture.reshape(height, width, 3).astype(np.float32)


def _wall_light(scene: Scene) -> np.ndarray:
    facing = np.cos(scene.lighting.elevation) * np.cos(scene.lighting.azimuth)
    half = 0.5 * (np.array(scene.lighting.sky) + np.array(scene.lighting.ground))
    return (facing * np.array(scene.lighting.key) + half).astype(np.float32)


def _studio(scene: Scene, points: np.ndarray, on_floor: np.ndarray, floor_light: np.ndarray) -> np.ndarray:
    """Paint seamless paper that bends from the floor up the wall."""
    lighting = scene.lighting
    open_floor = np.sin(lighting.elevation) * np.array(lighting.key) + np.array(lighting.sky)
    edge = float(points[:, 2].max())
    bend = np.where(on_floor, step(edge - 0.9, edge, points[:, 2]), 1.0)[:, None]
    spot = 0.68 + 0.34 * np.exp(-((points[:, 0] / 1.2) ** 2) - (((points[:, 1] + 1.0) / 1.2) ** 2))
    shadow = floor_light / open_floor
    up = _wall_light(scene) * spot[:, None] * (bend + (1 - bend) * 1.04 * shadow)
    paper = linear(scene.color) * (1 + 0.012 * noise(points / 0.25, octaves=3, seed=scene.seed))[:, None]
    return paper * up


def _plaster(scene: Scene, points: np.ndarray, on_floor: np.ndarray, floor_light: np.ndarray) -> np.ndarray:
    y = points[:, 1]
    stain = noise(points / 0.5, octaves=5, seed=scene.seed)
    grain = noise(points / 0.012, octaves=3, seed=scene.seed + 1)
    wall = linear(scene.color) * (1 + 0.07 * stain + 0.035 * grain)[:, None] * _wall_light(scene)
    wall = wall * (0.84 + 0.16 * step(0.0, -0.7, y))[:, None]
    board = (y > -0.1) & ~on_floor
    wall = np.where(board[:, None], linear((0.86, 0.85, 0.82)) * _wall_light(scene) * 0.85, wall)
    wall = np.where((board & (y < -0.092))[:, None], wall * 0.7, wall)
    return np.where(on_floor[:, None], _planks(scene, points) * floor_light, wall)


def _planks(scene: Scene, points: np.ndarray) -> np.ndarray:
    x, _, z = points.T
    row = np.floor(z / 0.12)
    offset = hash_unit(np.stack([row, 0 * row], 1).astype(np.int64), scene.seed) * 1.2
    cell = np.stack([row, np.floor((x + offset) / 1.2)], 1).astype(np.int64)
    tone = 0.82 + 0.3 * hash_unit(cell, scene.seed + 3)
    fibre = noise(np.stack([x / 0.25, z / 0.006, row], 1), octaves=3, seed=scene.seed + 4)
    gap = (np.abs((z / 0.12) % 1.0 - 0.5) > 0.485) | (np.abs(((x + offset) / 1.2) % 1.0 - 0.5) > 0.4985)
    return linear(scene.floor) * (tone * (1 + 0.16 * fibre) * np.where(gap, 0.35, 1.0))[:, None]


def _brick(scene: Scene, points: np.ndarray, on_floor: np.ndarray, floor_light: np.ndarray) -> np.ndarray:
    x, y, _ = points.T
    long, high, joint = 0.24, 0.078, 0.011
    warp = 0.0025 * noise(points / 0.03, octaves=2, seed=scene.seed)
    row = np.floor((y + warp) / high)
    across = x + warp + 0.5 * long * (row % 2)
    cell = np.stack([row, np.floor(across / long)], 1).astype(np.int64)
    inside = np.minimum(
        np.minimum(across % long, long - across % long), np.minimum((y + warp) % high, high - (y + warp) % high)
    )
    face = step(joint * 0.4, joint * 0.7, inside)
    tone = 0.7 + 0.5 * hash_unit(cell, scene.seed + 1)
    warm = (hash_unit(cell, scene.seed + 2) - 0.5)[:, None] * np.array([0.12, 0.0, -0.1])
    grain = noise(points / 0.01, octaves=4, seed=scene.seed + 3)
    brick = linear(scene.color) * (tone * (1 + 0.22 * grain))[:, None] * (1 + warm)
    mortar = linear((0.62, 0.6, 0.57)) * (0.8 + 0.15 * grain)[:, None]
    lip = 1 - 0.25 * (step(0.6, 0.2, inside / joint) * face)
    wall = (mortar * (1 - face[:, None]) + brick * face[:, None]) * lip[:, None] * _wall_light(scene)
    wall = wall * (0.75 + 0.25 * step(0.0, -0.5, y))[:, None]
    return np.where(on_floor[:, None], _concrete(scene, points) * floor_light, wall)


def _concrete(scene: Scene, points: np.ndarray) -> np.ndarray:
    flat = points * np.array([1, 0, 1], np.float32)
    stain = noise(flat / 0.45, octaves=4, seed=scene.seed + 7)
    grain = noise(flat / 0.006, octaves=3, seed=scene.seed + 8)
    return linear(scene.floor) * (1 + 0.14 * stain + 0.14 * grain)[:, None]


def _park(scene: Scene, points: np.ndarray, on_floor: np.ndarray, floor_light: np.ndarray) -> np.ndarray:
    """Paint trees and a bright sky, far out of focus, over paving."""
    x, y, z = points.T
    flat = np.stack([x / np.maximum(z, 1e-3), y / np.maximum(z, 1e-3)], 1) * 9.0
    leaves = noise(flat / 0.9, octaves=3, seed=scene.seed)
    clumps = noise(flat / np.array([1.6, 2.2]), octaves=2, seed=scene.seed + 1)
    green = linear((0.30, 0.40, 0.20)) * (1 + 0.5 * leaves)[:, None]
    gold = linear((0.62, 0.64, 0.38))
    trees = green + np.clip(0.35 + leaves, 0, 1)[:, None] * (gold - green) * 0.5
    sky = linear((0.86, 0.92, 0.98)) * 1.15
    high = step(0.15, 0.75, clumps + 0.55 * (-flat[:, 1] / 3.0) - 0.25)
    far = trees * (1 - high[:, None]) + sky * high[:, None]
    hedge = step(-0.75, -0.35, y + 0.15 * leaves)[:, None]
    far = far * (1 - hedge) + linear((0.2, 0.28, 0.14)) * (1 + 0.3 * leaves)[:, None] * hedge
    size = 0.6
    tile = np.stack([np.floor(x / size), np.floor(z / size)], 1).astype(np.int64)
    tone = 0.9 + 0.2 * hash_unit(tile, scene.seed + 4)
    gap = np.abs((x / size) % 1.0 - 0.5) > 0.492
    gap |= np.abs((z / size) % 1.0 - 0.5) > 0.488
    paving = _concrete(scene, points) * (tone * np.where(gap, 0.55, 1.0))[:, None] * floor_light
    return np.where(on_floor[:, None], paving, far)


SCENES: dict[str, Callable[[Scene, np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "studio": _studio,
    "plaster": _plaster,
    "brick": _brick,
    "park": _park,
}
"""Painters of places by kind; world points with Y from the floor, whether they are on the floor, light on the floor."""
