"""Backdrops: floors, walls and open air behind a person, cast ray by ray."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, map_coordinates

from liquidwarp.checks import check_choice
from liquidwarp.geometry import pixel_centers
from liquidwarp.synth.procedural import Color, Field, hash_unit, noise, smoothstep, to_linear
from liquidwarp.synth.scenes.lighting import Lighting, LightVisibility
from liquidwarp.types import Camera


@dataclass(frozen=True)
class Backdrop:
    """A floor, what stands behind it, and their light.

    Attributes:
        kind: one of `BACKDROPS`.
        lighting: its light.
        wall_color: colour of the wall.
        floor_color: colour of the floor.
        wall_distance: how far behind the person the wall is, metres.
        seed: another seed has other grain.
    """

    kind: str
    lighting: Lighting
    wall_color: Color = (0.75, 0.75, 0.75)
    floor_color: Color = (0.6, 0.58, 0.55)
    wall_distance: float = 1.1
    seed: int = 0


@dataclass(frozen=True, eq=False)
class FloorGrid:
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
    def create(floor: float, center: Float[np.ndarray, "3"]) -> "FloorGrid":
        """Cover two metres around a person on a floor at the height `floor` (world Y)."""
        count, size = 96, 0.025
        x0, z0 = float(center[0]) - size * count / 2, float(center[2]) - size * count / 2
        row, column = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
        points = np.stack([x0 + size * column, np.full_like(row, floor, dtype=float), z0 + size * row], -1)
        return FloorGrid(points.reshape(-1, 3).astype(np.float32), (x0, z0), size, (count, count))

    def read(self, values: Float[np.ndarray, "P"], x: Field, z: Field, far: float) -> Field:
        """Interpolate values at places on the floor, `far` away from the grid."""
        image = gaussian_filter(values.reshape(self.shape), 0.7, mode="nearest")
        at = np.stack([(z - self.corner[1]) / self.step, (x - self.corner[0]) / self.step])
        return map_coordinates(image, at, order=1, mode="constant", cval=far).astype(np.float32)


def render_backdrop(
    backdrop: Backdrop,
    camera: Camera,
    floor: float,
    distance: float,
    grid: FloorGrid,
    visibility: LightVisibility,
) -> Float[np.ndarray, "H W 3"]:
    """Return linear light of a backdrop without the person, with the person's shadow on the floor.

    Args:
        backdrop: what is seen.
        camera: a camera at the world's origin.
        floor: height of the floor (world Y).
        distance: of the wall (world Z).
        grid: where on the floor the light was measured.
        visibility: how much of it arrives there.
    """
    check_choice("backdrop", backdrop.kind, BACKDROPS)
    height, width = camera.size
    plane = camera.on_plane(pixel_centers(camera.size).double()).numpy().astype(np.float32)
    ray_x, ray_y = plane.reshape(-1, 2).T
    depth = np.where(ray_y > 1e-4, floor / np.maximum(ray_y, 1e-4), np.inf)
    on_floor = depth < distance
    depth = np.minimum(depth, distance)
    points = np.stack([ray_x * depth, ray_y * depth, depth], 1).astype(np.float32)
    points[:, 1] -= floor
    elevation = backdrop.lighting.elevation
    key = grid.read(visibility.key, points[:, 0], points[:, 2], 1.0)
    sky = grid.read(visibility.sky, points[:, 0], points[:, 2], 1.0)
    light = np.sin(elevation) * key[:, None] * np.array(backdrop.lighting.key, np.float32)
    floor_light = light + sky[:, None] * np.array(backdrop.lighting.sky, np.float32)
    picture = BACKDROPS[backdrop.kind](backdrop, points, on_floor, floor_light)
    return picture.reshape(height, width, 3).astype(np.float32)


def _wall_light(backdrop: Backdrop) -> np.ndarray:
    facing = np.cos(backdrop.lighting.elevation) * np.cos(backdrop.lighting.azimuth)
    half = 0.5 * (np.array(backdrop.lighting.sky) + np.array(backdrop.lighting.floor))
    return (facing * np.array(backdrop.lighting.key) + half).astype(np.float32)


def _studio(backdrop: Backdrop, points: np.ndarray, on_floor: np.ndarray, floor_light: np.ndarray) -> np.ndarray:
    """Paint seamless paper that bends from the floor up the wall."""
    lighting = backdrop.lighting
    open_floor = np.sin(lighting.elevation) * np.array(lighting.key) + np.array(lighting.sky)
    edge = float(points[:, 2].max())
    bend = np.where(on_floor, smoothstep(edge - 0.9, edge, points[:, 2]), 1.0)[:, None]
    spot = 0.68 + 0.34 * np.exp(-((points[:, 0] / 1.2) ** 2) - (((points[:, 1] + 1.0) / 1.2) ** 2))
    shadow = floor_light / open_floor
    up = _wall_light(backdrop) * spot[:, None] * (bend + (1 - bend) * 1.04 * shadow)
    paper = to_linear(backdrop.wall_color) * (1 + 0.012 * noise(points / 0.25, octaves=3, seed=backdrop.seed))[:, None]
    return paper * up


def _plaster(backdrop: Backdrop, points: np.ndarray, on_floor: np.ndarray, floor_light: np.ndarray) -> np.ndarray:
    y = points[:, 1]
    stain = noise(points / 0.5, octaves=5, seed=backdrop.seed)
    grain = noise(points / 0.012, octaves=3, seed=backdrop.seed + 1)
    wall = to_linear(backdrop.wall_color) * (1 + 0.07 * stain + 0.035 * grain)[:, None] * _wall_light(backdrop)
    wall = wall * (0.84 + 0.16 * smoothstep(0.0, -0.7, y))[:, None]
    board = (y > -0.1) & ~on_floor
    wall = np.where(board[:, None], to_linear((0.86, 0.85, 0.82)) * _wall_light(backdrop) * 0.85, wall)
    wall = np.where((board & (y < -0.092))[:, None], wall * 0.7, wall)
    return np.where(on_floor[:, None], _planks(backdrop, points) * floor_light, wall)


def _planks(backdrop: Backdrop, points: np.ndarray) -> np.ndarray:
    x, _, z = points.T
    row = np.floor(z / 0.12)
    offset = hash_unit(np.stack([row, 0 * row], 1).astype(np.int64), backdrop.seed) * 1.2
    cell = np.stack([row, np.floor((x + offset) / 1.2)], 1).astype(np.int64)
    tone = 0.82 + 0.3 * hash_unit(cell, backdrop.seed + 3)
    fibre = noise(np.stack([x / 0.25, z / 0.006, row], 1), octaves=3, seed=backdrop.seed + 4)
    gap = (np.abs((z / 0.12) % 1.0 - 0.5) > 0.485) | (np.abs(((x + offset) / 1.2) % 1.0 - 0.5) > 0.4985)
    return to_linear(backdrop.floor_color) * (tone * (1 + 0.16 * fibre) * np.where(gap, 0.35, 1.0))[:, None]


def _brick(backdrop: Backdrop, points: np.ndarray, on_floor: np.ndarray, floor_light: np.ndarray) -> np.ndarray:
    x, y, _ = points.T
    long, high, joint = 0.24, 0.078, 0.011
    warp = 0.0025 * noise(points / 0.03, octaves=2, seed=backdrop.seed)
    row = np.floor((y + warp) / high)
    across = x + warp + 0.5 * long * (row % 2)
    cell = np.stack([row, np.floor(across / long)], 1).astype(np.int64)
    inside = np.minimum(
        np.minimum(across % long, long - across % long), np.minimum((y + warp) % high, high - (y + warp) % high)
    )
    face = smoothstep(joint * 0.4, joint * 0.7, inside)
    tone = 0.7 + 0.5 * hash_unit(cell, backdrop.seed + 1)
    warm = (hash_unit(cell, backdrop.seed + 2) - 0.5)[:, None] * np.array([0.12, 0.0, -0.1])
    grain = noise(points / 0.01, octaves=4, seed=backdrop.seed + 3)
    brick = to_linear(backdrop.wall_color) * (tone * (1 + 0.22 * grain))[:, None] * (1 + warm)
    mortar = to_linear((0.62, 0.6, 0.57)) * (0.8 + 0.15 * grain)[:, None]
    lip = 1 - 0.25 * (smoothstep(0.6, 0.2, inside / joint) * face)
    wall = (mortar * (1 - face[:, None]) + brick * face[:, None]) * lip[:, None] * _wall_light(backdrop)
    wall = wall * (0.75 + 0.25 * smoothstep(0.0, -0.5, y))[:, None]
    return np.where(on_floor[:, None], _concrete(backdrop, points) * floor_light, wall)


def _concrete(backdrop: Backdrop, points: np.ndarray) -> np.ndarray:
    flat = points * np.array([1, 0, 1], np.float32)
    stain = noise(flat / 0.45, octaves=4, seed=backdrop.seed + 7)
    grain = noise(flat / 0.006, octaves=3, seed=backdrop.seed + 8)
    return to_linear(backdrop.floor_color) * (1 + 0.14 * stain + 0.14 * grain)[:, None]


def _park(backdrop: Backdrop, points: np.ndarray, on_floor: np.ndarray, floor_light: np.ndarray) -> np.ndarray:
    """Paint trees and a bright sky, far out of focus, over paving."""
    x, y, z = points.T
    flat = np.stack([x / np.maximum(z, 1e-3), y / np.maximum(z, 1e-3)], 1) * 9.0
    leaves = noise(flat / 0.9, octaves=3, seed=backdrop.seed)
    clumps = noise(flat / np.array([1.6, 2.2]), octaves=2, seed=backdrop.seed + 1)
    green = to_linear((0.30, 0.40, 0.20)) * (1 + 0.5 * leaves)[:, None]
    gold = to_linear((0.62, 0.64, 0.38))
    trees = green + np.clip(0.35 + leaves, 0, 1)[:, None] * (gold - green) * 0.5
    sky = to_linear((0.86, 0.92, 0.98)) * 1.15
    high = smoothstep(0.15, 0.75, clumps + 0.55 * (-flat[:, 1] / 3.0) - 0.25)
    far = trees * (1 - high[:, None]) + sky * high[:, None]
    hedge = smoothstep(-0.75, -0.35, y + 0.15 * leaves)[:, None]
    far = far * (1 - hedge) + to_linear((0.2, 0.28, 0.14)) * (1 + 0.3 * leaves)[:, None] * hedge
    size = 0.6
    tile = np.stack([np.floor(x / size), np.floor(z / size)], 1).astype(np.int64)
    tone = 0.9 + 0.2 * hash_unit(tile, backdrop.seed + 4)
    gap = np.abs((x / size) % 1.0 - 0.5) > 0.492
    gap |= np.abs((z / size) % 1.0 - 0.5) > 0.488
    paving = _concrete(backdrop, points) * (tone * np.where(gap, 0.55, 1.0))[:, None] * floor_light
    return np.where(on_floor[:, None], paving, far)


BACKDROPS: dict[str, Callable[[Backdrop, np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "studio": _studio,
    "plaster": _plaster,
    "brick": _brick,
    "park": _park,
}
"""Painters of backdrops by kind: from world points with Y from the floor, which are on it, and the light on it."""
