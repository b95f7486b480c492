"""Maps of what blocks the light, seen from the key light and from a few directions of the sky."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from liquidwarp.synth.render import shadow_kernels as kernels
from liquidwarp.synth.scenes.lighting import Lighting, light_direction

_REACH = 3.4  # side of the maps, metres
_SHADOW = 288  # cells of the key light's map along each side
_SKY = 56  # cells of a map of the sky
_SKY_RAYS = 9
_GRID = 72  # cells of the floor's map of open sky
_BLOCK = 16  # cells of a block that is looked at as a whole


class ShadowMap(NamedTuple):
    """What blocks one light, as kernels take it.

    Attributes:
        depth: how far along the ray the first surface is, +inf where there is none.
        axes: rows across, down and along the light's rays.
        origin: world point in the middle of the map.
        scale: cells a metre.
    """

    depth: Float[np.ndarray, "S S"]
    axes: Float[np.ndarray, "3 3"]
    origin: Float[np.ndarray, "3"]
    scale: float


class SkyMaps(NamedTuple):
    """What blocks the sky, one rough map for each direction, as kernels take it; see `ShadowMap`."""

    depths: Float[np.ndarray, "D S S"]
    axes: Float[np.ndarray, "D 3 3"]
    origin: Float[np.ndarray, "3"]
    scale: np.float32


class FloorSky(NamedTuple):
    """How much of the sky places on the floor see, as kernels take it.

    Attributes:
        visible: fraction of the sky, on a grid.
        corner: x and z of the first point.
        step: distance between two points, metres.
        floor: height of the floor (world Y).
    """

    visible: Float[np.ndarray, "G G"]
    corner: Float[np.ndarray, "2"]
    step: float
    floor: float


@dataclass(frozen=True, eq=False)
class BlockedLight:
    """What a mesh blocks of a lighting.

    Attributes:
        key: map of the key light.
        sky: maps of the sky.
    """

    key: ShadowMap
    sky: SkyMaps

    @staticmethod
    def create(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], lighting: Lighting) -> "BlockedLight":
        """Compute the maps of a mesh."""
        low, high = np.empty(3, np.float32), np.empty(3, np.float32)
        kernels.write_bounds(vertices, low, high)
        center = 0.5 * (low + high)
        depth = np.full((_SHADOW, _SHADOW), np.inf, np.float32)
        axes = _axes(light_direction(lighting.azimuth, lighting.elevation))
        key = ShadowMap(depth, axes, center, _SHADOW / _REACH)
        screen = np.empty_like(vertices)
        kernels.project_to_map(vertices, key, screen)
        kernels.draw_depth(screen, faces, depth)
        depths = np.empty((_SKY_RAYS, _SKY, _SKY), np.float32)
        sky = SkyMaps(depths, _sky_axes(_SKY_RAYS), center, np.float32(_SKY / _REACH))
        kernels.splat_sky_maps(vertices, sky)
        return BlockedLight(key, sky)

    def sky_visibility(
        self, points: Float[np.ndarray, "N 3"], normals: Float[np.ndarray, "N 3"]
    ) -> Float[np.ndarray, "N"]:
        """Return the fraction of the sky that points see, weighted by the cosine."""
        visible = np.empty(len(points), np.float32)
        kernels.sky_visibility(points, normals, self.sky, visible)
        return visible

    def floor_sky(self, floor: float) -> FloorSky:
        """Return how much of the sky places on a floor see; `floor` is its height (world Y)."""
        step = _REACH / _GRID
        row, column = np.meshgrid(np.arange(_GRID), np.arange(_GRID), indexing="ij")
        center = self.key.origin
        corner = np.array([center[0] - _REACH / 2, center[2] - _REACH / 2], np.float64)
        points = np.stack([corner[0] + column * step, np.full(row.shape, floor), corner[1] + row * step], -1)
        points = points.reshape(-1, 3).astype(np.float32)
        up = np.tile(np.array([0, -1, 0], np.float32), (len(points), 1))
        return FloorSky(self.sky_visibility(points, up).reshape(_GRID, _GRID), corner, step, float(floor))

    def key_visibility(self, points: Float[np.ndarray, "H W 3"], spread: float) -> Float[np.ndarray, "H W"]:
        """Return roughly how much of the key light points receive; `spread` as in `shadow_spread`. To be blurred."""
        near = np.empty((_SHADOW // _BLOCK, _SHADOW // _BLOCK), np.bool_)
        kernels.mark_occupied_blocks(self.key.depth, int(spread) + 2, near)
        visible = np.empty(points.shape[:2], np.float32)
        kernels.key_visibility(points, self.key, near, spread, visible)
        return visible


def shadow_spread(lighting: Lighting, distance: float) -> float:
    """Return the softness of shadows thrown from `distance` metres, in cells of the map."""
    return float(max(lighting.softness * distance * _SHADOW / _REACH * 0.6, 0.7))


def _axes(toward: np.ndarray) -> Float[np.ndarray, "3 3"]:
    """Return rows across, down and along a ray that comes from `toward`."""
    along = -toward / np.linalg.norm(toward)
    across = np.cross(along, [0.0, 0.0, 1.0] if abs(along[2]) < 0.9 else [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(along, across), along])


def _sky_axes(count: int) -> Float[np.ndarray, "D 3 3"]:
    turns = np.arange(count) * (np.pi * (3 - np.sqrt(5)))
    heights = np.arcsin(np.clip((np.arange(count) + 0.5) / count, 0, 1))
    axes = [_axes(light_direction(turn, height)) for turn, height in zip(turns, heights, strict=True)]
    return np.stack(axes).astype(np.float32)
