"""Quick pictures of a dressed person: some 20 ms of one core each, where `render.take_picture` takes seconds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from liquidwarp.bodies.kernels import skin_rows
from liquidwarp.data.synthetic import fast_kernels as kernels
from liquidwarp.data.synthetic import light_kernels
from liquidwarp.data.synthetic.atlas import Baked
from liquidwarp.data.synthetic.light import Lighting, direction
from liquidwarp.data.synthetic.places import Place
from liquidwarp.types import Camera

_REACH = 3.4  # side of the maps of light, metres
_SHADOW = 288
_SKY = 56
_SKY_RAYS = 9
_GRID = 72  # cells of the floor's map of open sky
_NEAR = 0.05


@dataclass(frozen=True, eq=False)
class Rendered:
    """One picture in linear light, and what its pixels see.

    Attributes:
        light: linear RGB over the place.
        alpha: how much of each pixel is the person.
        face: the face that each pixel sees, -1 where it is less than half the person.
        screen: pixel x, y and camera Z of every vertex.
    """

    light: Float[np.ndarray, "H W 3"]
    alpha: Float[np.ndarray, "H W"]
    face: Int[np.ndarray, "H W"]
    screen: Float[np.ndarray, "V 3"]


def pose_vertices(baked: Baked, transforms: Float[np.ndarray, "J 12"]) -> Float[np.ndarray, "V 3"]:
    """Return posed vertices; rows of [R | t] per joint, one after another."""
    out = np.empty((1, *baked.rest.shape), np.float32)
    weights = baked.weights
    skin_rows(
        baked.rest,
        weights.indptr.astype(np.int32),
        weights.indices.astype(np.int32),
        weights.data.astype(np.float32),
        np.ascontiguousarray(transforms[None], dtype=np.float32),
        out,
    )
    return out[0]


def draw_person(
    baked: Baked,
    vertices: Float[np.ndarray, "V 3"],
    gain: Float[np.ndarray, "V"],
    place: Place,
    camera: Camera,
    *,
    times: int = 2,
) -> Rendered:
    """Return a picture of a posed person in a place.

    Convention: the camera stands at the world's origin and is not turned.

    Args:
        baked: the person.
        vertices: where its vertices are.
        gain: how strongly the folds that come and go show at each vertex.
        place: where.
        camera: of the picture.
        times: samples a pixel along each axis.
    """
    lit = _light_up(baked, vertices, gain, place)
    picture, alpha, face, screen = _see(baked, lit, vertices, place, camera, times)
    behind = _shade_place(place, lit)
    if place.gloss > 0:
        _reflect(baked, lit, place, camera, behind)
    return Rendered(picture + (1 - alpha[..., None]) * behind, alpha, face, screen)


@dataclass(frozen=True, eq=False)
class _Lit:
    """A posed person and its light: per vertex place, normal, open sky and folds; the key light's map; the sky's."""

    vertices: np.ndarray
    normals: np.ndarray
    sky: np.ndarray
    gain: np.ndarray
    center: np.ndarray
    shadow: np.ndarray
    axes: np.ndarray
    heaven: tuple[Any, ...]


def _light_up(baked: Baked, vertices: np.ndarray, gain: np.ndarray, place: Place) -> _Lit:
    normals = np.empty_like(vertices)
    kernels.face_normals(vertices, baked.faces, normals)
    low, high = np.empty(3, np.float32), np.empty(3, np.float32)
    light_kernels.extent(vertices, low, high)
    center = 0.5 * (low + high)
    shadow, axes = _shadow_map(vertices, baked.faces, center, place.lighting)
    rays, sky = _sky_axes(_SKY_RAYS), np.empty(len(vertices), np.float32)
    maps = np.empty((_SKY_RAYS, _SKY, _SKY), np.float32)
    light_kernels.sky_maps(vertices, rays, center, np.float32(_SKY / _REACH), maps)
    heaven = (maps, rays, center, np.float32(_SKY / _REACH))
    light_kernels.open_sky(*heaven, vertices, normals, sky)
    return _Lit(vertices, normals, sky, gain, center, shadow, axes, heaven)


def _reflect(baked: Baked, lit: _Lit, place: Place, camera: Camera, behind: np.ndarray) -> None:
    """Add the person's mirror image in a floor that shines to the place behind."""
    import cv2

    mirrored = lit.vertices * np.array([1, -1, 1], np.float32) + np.array([0, 2 * place.level, 0], np.float32)
    picture, alpha, _, _ = _see(baked, lit, mirrored, place, camera, 1)
    blur = (0.6 * camera.size[0] / 256, 1.6 * camera.size[0] / 256)
    picture, alpha = (cv2.GaussianBlur(image, (0, 0), blur[0], sigmaY=blur[1]) for image in (picture, alpha))
    share = place.gloss * (np.abs(place.points[..., 1] - place.level) < 0.01)[..., None]
    behind += share * (picture - alpha[..., None] * behind)


def _see(
    baked: Baked, lit: _Lit, vertices: np.ndarray, place: Place, camera: Camera, times: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return picture, alpha, faces and screen of a person that is seen at `vertices` and lit where it really is."""
    height, width = camera.size
    lens = camera.lens.numpy()
    screen = np.empty_like(vertices)
    screen[:, 2] = vertices[:, 2]
    screen[:, :2] = vertices[:, :2] / np.maximum(vertices[:, 2:], 1e-6) * lens[:2] + lens[2:]
    fine = screen * np.array([times, times, 1], np.float32)
    size = (height * times, width * times)
    face_at = np.full(size, -1, np.int32)
    w1_at, w2_at = np.empty(size, np.float32), np.empty(size, np.float32)
    depth_at = np.full(size, np.inf, np.float32)
    found = (face_at, w1_at, w2_at)
    paint = (baked.first, baked.counts, baked.texels)
    kernels.draw(fine, baked.faces, baked.layer_of, baked.lifts, baked.cut, *paint, _NEAR, *found, depth_at)
    number_at = np.empty(size, np.int32)
    samples = np.empty((int((face_at >= 0).sum()), 12), np.float32)
    kernels.gather(*found, baked.faces, *paint, lit.vertices, lit.normals, lit.sky, lit.gain, number_at, samples)
    picture, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    lighting = place.lighting
    colors = [np.array(color, np.float64) for color in (lighting.key, lighting.sky, lighting.ground)]
    spread = _spread(lighting, 0.25)
    map_ = (lit.shadow, lit.axes, lit.center, _SHADOW / _REACH, spread)
    toward = direction(lighting.azimuth, lighting.elevation)
    kernels.shade(number_at, samples, *map_, toward, *colors, times, picture, alpha)
    return picture, alpha, np.where(alpha >= 0.5, _middle(face_at, times), -1).astype(np.int32), screen


def _middle(face_at: np.ndarray, times: int) -> np.ndarray:
    """Return, for each pixel, the face that the covered sample nearest to its middle sees."""
    offsets = [(row, column) for row in range(times) for column in range(times)]
    offsets.sort(key=lambda at: (at[0] - (times - 1) / 2) ** 2 + (at[1] - (times - 1) / 2) ** 2)
    face = face_at[offsets[0][0] :: times, offsets[0][1] :: times]
    for row, column in offsets[1:]:
        face = np.where(face < 0, face_at[row::times, column::times], face)
    return face


def _shade_place(place: Place, lit: _Lit) -> np.ndarray:
    import cv2

    step = _REACH / _GRID
    row, column = np.meshgrid(np.arange(_GRID), np.arange(_GRID), indexing="ij")
    corner = np.array([lit.center[0] - _REACH / 2, lit.center[2] - _REACH / 2, place.level])
    points = np.stack([corner[0] + column * step, np.full(row.shape, place.level), corner[1] + row * step], -1)
    points = points.reshape(-1, 3).astype(np.float32)
    up = np.tile(np.array([0, -1, 0], np.float32), (len(points), 1))
    sky = np.empty(len(points), np.float32)
    light_kernels.open_sky(*lit.heaven, points, up, sky)
    grid = sky.reshape(_GRID, _GRID)
    out = np.empty_like(place.plate)
    spread = _spread(place.lighting, 0.7)
    near = np.empty((_SHADOW // 16, _SHADOW // 16), np.bool_)
    light_kernels.occupied(lit.shadow, int(spread) + 2, near)
    seen = np.empty(out.shape[:2], np.float32)
    light_kernels.seen_from_key(place.points, lit.shadow, near, lit.axes, lit.center, _SHADOW / _REACH, spread, seen)
    seen = cv2.GaussianBlur(seen, (0, 0), out.shape[0] / 256)
    light_kernels.shade_place(place.plate, place.points, place.share, seen, grid, corner, step, out)
    return out


def _spread(lighting: Lighting, distance: float) -> float:
    """Return the softness of shadows thrown from `distance` metres, in cells of the map."""
    return float(max(lighting.softness * distance * _SHADOW / _REACH * 0.6, 0.7))


def _shadow_map(
    vertices: np.ndarray, faces: np.ndarray, center: np.ndarray, lighting: Lighting
) -> tuple[np.ndarray, np.ndarray]:
    axes = _axes(direction(lighting.azimuth, lighting.elevation))
    at = np.empty_like(vertices)
    light_kernels.to_map(vertices, axes, center, _SHADOW / _REACH, _SHADOW, at)
    depth = np.full((_SHADOW, _SHADOW), np.inf, np.float32)
    light_kernels.draw_depth(at, faces, depth)
    return depth, axes


def _axes(toward: np.ndarray) -> Float[np.ndarray, "3 3"]:
    """Return rows across, down and along a ray that comes from `toward`."""
    along = -toward / np.linalg.norm(toward)
    across = np.cross(along, [0.0, 0.0, 1.0] if abs(along[2]) < 0.9 else [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(along, across), along])


def _sky_axes(count: int) -> Float[np.ndarray, "D 3 3"]:
    turns = np.arange(count) * (np.pi * (3 - np.sqrt(5)))
    heights = np.arcsin(np.clip((np.arange(count) + 0.5) / count, 0, 1))
    axes = [_axes(direction(turn, height)) for turn, height in zip(turns, heights, strict=True)]
    return np.stack(axes).astype(np.float32)
