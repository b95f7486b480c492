"""Fine pictures of dressed people: every sample's material is computed anew, some seconds each."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy.ndimage import gaussian_filter

from liquidwarp.raster import interpolate_at, rasterize
from liquidwarp.synth.motion.stances import PoseSequence
from liquidwarp.synth.people.body_layers import MeshLayer, limb_joints
from liquidwarp.synth.people.dressed_person import DressedPerson
from liquidwarp.synth.people.garment_meshes import vertex_normals
from liquidwarp.synth.people.surface_points import SurfacePoints
from liquidwarp.synth.scenes.backdrops import Backdrop, FloorGrid, render_backdrop
from liquidwarp.synth.scenes.lighting import Lighting, LightVisibility, light_direction, light_visibility
from liquidwarp.types import Camera


@dataclass(frozen=True)
class RenderSettings:
    """How a picture is taken.

    Attributes:
        supersample: samples a pixel along each axis.
        grain: noise of the sensor, standard deviation in 8-bit steps.
        blur: of the backdrop behind the person, fraction of the picture's height.
        rays: directions of light from the sky.
    """

    supersample: int = 3
    grain: float = 0.7
    blur: float = 0.002
    rays: int = 40


@dataclass(frozen=True, eq=False)
class RenderedPicture:
    """A picture and what it shows.

    Attributes:
        rgb: the picture.
        alpha: how much of each pixel is the person, 0 to 1.
    """

    rgb: UInt8[np.ndarray, "H W 3"]
    alpha: Float[np.ndarray, "H W"]


@dataclass(frozen=True, eq=False)
class _PosedLayer:
    """One layer in its pose: vertices, and per vertex place, normal, limbs and light."""

    layer: MeshLayer
    vertices: np.ndarray
    values: np.ndarray


def render_procedural(
    person: DressedPerson,
    pose: PoseSequence,
    camera: Camera,
    backdrop: Backdrop,
    *,
    floor: float,
    settings: RenderSettings | None = None,
    seed: int = 0,
) -> RenderedPicture:
    """Return a picture of a posed person in front of a backdrop.

    Convention: the camera stands at the world's origin; `floor` is the world Y of the floor.

    Args:
        person: from `dress_person`.
        pose: the person's pose and place, a sequence of one.
        camera: gives the picture's size.
        backdrop: what is behind the person.
        floor: height of the floor.
        settings: how the picture is taken.
        seed: of the sensor's noise.
    """
    settings = settings or RenderSettings()
    fine = camera.resized((camera.size[0] * settings.supersample, camera.size[1] * settings.supersample))
    rest = person.bare.body.rest_joints(person.bare.betas)
    rotation, translation = person.bare.body.transforms(rest, pose.global_orient, pose.body_pose)
    turn, move = rotation[0].numpy(), (translation[0] + pose.transl).numpy()
    posed, grid, on_floor = _light_up(person, turn, move, floor, backdrop.lighting, settings)
    wall = float(pose.transl[0, 2]) + backdrop.wall_distance
    behind = render_backdrop(backdrop, fine, floor, wall, grid, on_floor)
    sigma = settings.blur * fine.size[0]
    behind = gaussian_filter(behind, (sigma, sigma, 0)) if sigma > 0.3 else behind
    image, mask = _draw(posed, fine, backdrop.lighting, behind)
    small, alpha = (
        _shrink(image, settings.supersample),
        _shrink(mask[..., None].astype(np.float32), settings.supersample),
    )
    shown = 255 * _tone_map(small)
    noise = np.random.default_rng(seed).normal(0, settings.grain, shown.shape)
    noise = 1.2 * gaussian_filter(noise, (0.6, 0.6, 0)) + 0.2 * noise  # a sensor's noise is not quite white
    return RenderedPicture((shown + noise).round().clip(0, 255).astype(np.uint8), alpha[..., 0])


def _light_up(
    person: DressedPerson,
    turn: np.ndarray,
    move: np.ndarray,
    floor: float,
    lighting: Lighting,
    settings: RenderSettings,
) -> tuple[list[_PosedLayer], FloorGrid, LightVisibility]:
    vertices = [layer.mesh.pose(turn, move) for layer in person.layers]
    normals = [vertex_normals(v, layer.mesh.faces) for v, layer in zip(vertices, person.layers, strict=True)]
    starts = np.cumsum([0, *(len(v) for v in vertices)])
    faces = [layer.mesh.faces + start for layer, start in zip(person.layers, starts[:-1], strict=True)]
    everything = np.concatenate(vertices)
    grid = FloorGrid.create(floor, everything.mean(0))
    up = np.tile(np.array([0, -1, 0], np.float32), (len(grid.points), 1))
    light = light_visibility(
        everything,
        np.concatenate(faces).astype(np.int32),
        np.concatenate([everything, grid.points]),
        np.concatenate([*normals, up]),
        lighting,
        rays=settings.rays,
    )
    arm, leg = limb_joints(person.bare.body)
    posed = []
    for number, layer in enumerate(person.layers):
        own = slice(starts[number], starts[number + 1])
        weights = layer.mesh.weights
        columns = [layer.mesh.template, normals[number], (weights @ arm)[:, None], (weights @ leg)[:, None]]
        columns += [light.key[own, None], light.sky[own, None], vertices[number]]
        posed.append(_PosedLayer(layer, vertices[number], np.concatenate(columns, 1).astype(np.float32)))
    rest = slice(starts[-1], None)
    return posed, grid, LightVisibility(light.key[rest], light.sky[rest])


def _draw(
    posed: list[_PosedLayer], camera: Camera, lighting: Lighting, behind: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    image, mask = behind.copy(), np.zeros(camera.size, bool)
    nearest = np.full(camera.size, np.inf, np.float32)
    for item in posed:
        faces = torch.from_numpy(item.layer.mesh.faces)
        fragments = rasterize(torch.from_numpy(item.vertices)[None], faces, camera)
        depth = fragments.depth[0].numpy()
        hit = np.isfinite(depth) & (depth < nearest + item.layer.lift)
        rows, columns = np.nonzero(hit)
        if not len(rows):
            continue
        face, bary = fragments.face_index[0, rows, columns], fragments.bary[0, rows, columns]
        values = interpolate_at(face, bary, faces, torch.from_numpy(item.values)).numpy()
        points = SurfacePoints(values[:, :3], values[:, 6], values[:, 7])
        inside = item.layer.border(points)
        shown = inside > 0
        rows, columns, values, inside = rows[shown], columns[shown], values[shown], inside[shown]
        points = SurfacePoints(points.position[shown], points.arm[shown], points.leg[shown])
        if not len(rows):
            continue
        material = item.layer.paint(points, inside)
        normal = _bumped(values, material.height, rows, columns, camera.size)
        image[rows, columns] = _shade(material.albedo, material.gloss, normal, values, lighting)
        nearest[rows, columns] = depth[rows, columns]
        mask[rows, columns] = True
    return image, mask


def _bumped(
    values: np.ndarray, height: np.ndarray, rows: np.ndarray, columns: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Return unit normals bent by relief, from its change across the screen (Mikkelsen 2010)."""
    normal = _unit(values[:, 3:6])
    normal = np.where((normal * values[:, 10:13]).sum(1, keepdims=True) > 0, -normal, normal)
    grid = np.full(size, -1, np.int64)
    grid[rows, columns] = np.arange(len(rows))

    def change(down: int, right: int) -> tuple[np.ndarray, np.ndarray]:
        other = grid[np.minimum(rows + down, size[0] - 1), np.minimum(columns + right, size[1] - 1)]
        step = values[other, 10:13] - values[:, 10:13]
        rise = height[other] - height
        gone = (other < 0) | (np.abs(step[:, 2]) > 0.02)
        return np.where(gone[:, None], 0, step), np.where(gone, 0, rise)

    along_x, rise_x = change(0, 1)
    along_y, rise_y = change(1, 0)
    first, second = np.cross(along_y, normal), np.cross(normal, along_x)
    area = (along_x * first).sum(1)
    slope = np.sign(area)[:, None] * (rise_x[:, None] * first + rise_y[:, None] * second)
    slope = slope / np.maximum(np.abs(area), 1e-12)[:, None]
    steep = np.linalg.norm(slope, axis=1, keepdims=True)
    slope = slope / np.maximum(1, steep / 1.2)
    return _unit(normal - slope)


def _shade(
    albedo: np.ndarray, gloss: np.ndarray, normal: np.ndarray, values: np.ndarray, lighting: Lighting
) -> np.ndarray:
    toward = light_direction(lighting.azimuth, lighting.elevation)
    cosine = normal @ toward
    wrapped = np.clip((cosine + 0.12) / 1.12, 0, 1) * values[:, 8]
    upward = 0.5 - 0.5 * normal[:, 1:2]
    around = upward * np.array(lighting.sky) + (1 - upward) * np.array(lighting.floor)
    open_sky = (values[:, 9:10] ** 1.15) * 0.92 + 0.08
    bounce = albedo * (1 - open_sky) * 0.35 * np.array(lighting.sky)
    light = wrapped[:, None] * np.array(lighting.key) + open_sky * around
    view = -_unit(values[:, 10:13])
    half = _unit(view + toward)
    highlight = np.clip((normal * half).sum(1), 0, 1) ** 26 * values[:, 8]
    rim = np.clip(1 - (normal * view).sum(1), 0, 1) ** 4 * 0.5
    spark = (gloss * (1.4 * highlight + rim * values[:, 9]))[:, None] * np.array(lighting.key)
    return (albedo * (light + bounce) + spark).astype(np.float32)


def _tone_map(light: np.ndarray) -> np.ndarray:
    """Return sRGB in [0, 1]: a soft shoulder for the highlights, then the sRGB curve."""
    x = np.maximum(light, 0)
    knee = 0.7
    x = np.where(x > knee, knee + (1 - knee) * (1 - np.exp(-(x - knee) / (1 - knee))), x)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)


def _shrink(image: np.ndarray, times: int) -> np.ndarray:
    height, width, channels = image.shape
    return image.reshape(height // times, times, width // times, times, channels).mean((1, 3))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
