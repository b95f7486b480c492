"""Quick pictures of a baked person: some 20 ms of one core each, where `render_procedural` takes seconds."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from liquidwarp.synth.people.mesh_colors import BakedPerson
from liquidwarp.synth.people.mesh_kernels import write_vertex_normals
from liquidwarp.synth.render import baked_kernels as kernels
from liquidwarp.synth.render import shadow_kernels
from liquidwarp.synth.render.shadow_maps import BlockedLight, shadow_spread
from liquidwarp.synth.scenes.backgrounds import Background
from liquidwarp.synth.scenes.lighting import Lighting, light_direction
from liquidwarp.types import Camera

_NEAR = 0.05  # what is nearer to the camera is not drawn, metres
_ATTRIBUTES = 12  # of a sample: place, normal, open sky, relief, gloss, colour


@dataclass(frozen=True, eq=False)
class RenderedFrame:
    """One picture in linear light, and what its pixels see.

    Attributes:
        radiance: linear RGB over the background.
        alpha: how much of each pixel is the person.
        face_index: the face that each pixel sees, -1 where it is less than half the person.
        screen: pixel x, y and camera Z of every vertex.
    """

    radiance: Float[np.ndarray, "H W 3"]
    alpha: Float[np.ndarray, "H W"]
    face_index: Int[np.ndarray, "H W"]
    screen: Float[np.ndarray, "V 3"]


class SampleBuffers(NamedTuple):
    """What each sample of a picture sees, as kernels write it.

    Attributes:
        face: the face, -1 where there is none.
        w1: weight of the face's second vertex.
        w2: weight of its third.
        depth: camera Z.
    """

    face: Int[np.ndarray, "h w"]
    w1: Float[np.ndarray, "h w"]
    w2: Float[np.ndarray, "h w"]
    depth: Float[np.ndarray, "h w"]


class VertexAttributes(NamedTuple):
    """What is known at the vertices of a posed person, as kernels take it.

    Attributes:
        positions: world points.
        normals: unit normals.
        sky: fraction of the sky that they see.
        fold_gain: how strongly the folds that come and go show.
    """

    positions: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "V 3"]
    sky: Float[np.ndarray, "V"]
    fold_gain: Float[np.ndarray, "V"]


class Lights(NamedTuple):
    """A lighting, as kernels take it.

    Attributes:
        toward: unit vector to the key light.
        key: colour of the key light.
        sky: colour of the light from above.
        floor: colour of the light from below.
    """

    toward: Float[np.ndarray, "3"]
    key: Float[np.ndarray, "3"]
    sky: Float[np.ndarray, "3"]
    floor: Float[np.ndarray, "3"]

    @staticmethod
    def of(lighting: Lighting) -> "Lights":
        """Return a lighting as arrays."""
        colors = [np.array(color, np.float64) for color in (lighting.key, lighting.sky, lighting.floor)]
        return Lights(light_direction(lighting.azimuth, lighting.elevation), *colors)


def render_baked(
    baked: BakedPerson,
    vertices: Float[np.ndarray, "V 3"],
    fold_gain: Float[np.ndarray, "V"],
    background: Background,
    camera: Camera,
    *,
    times: int = 2,
) -> RenderedFrame:
    """Return a picture of a posed person in front of a background.

    Convention: the camera stands at the world's origin and is not turned.

    Args:
        baked: the person.
        vertices: where its vertices are.
        fold_gain: how strongly the folds that come and go show at each vertex.
        background: where, rendered for the camera.
        camera: of the picture.
        times: samples a pixel along each axis.
    """
    normals = np.empty_like(vertices)
    write_vertex_normals(vertices, baked.faces, normals)
    blocked = BlockedLight.create(vertices, baked.faces, background.lighting)
    attributes = VertexAttributes(vertices, normals, blocked.sky_visibility(vertices, normals), fold_gain)
    person = _draw_person(baked, attributes, blocked, vertices, background.lighting, camera, times)
    behind = _shadowed(background, blocked)
    if background.gloss > 0:
        mirrored = vertices * np.array([1, -1, 1], np.float32) + np.array([0, 2 * background.floor, 0], np.float32)
        mirror = _draw_person(baked, attributes, blocked, mirrored, background.lighting, camera, 1)
        _reflect(mirror, background, behind)
    return RenderedFrame(
        person.radiance + (1 - person.alpha[..., None]) * behind, person.alpha, person.face_index, person.screen
    )


def _draw_person(
    baked: BakedPerson,
    attributes: VertexAttributes,
    blocked: BlockedLight,
    vertices: np.ndarray,
    lighting: Lighting,
    camera: Camera,
    times: int,
) -> RenderedFrame:
    """Return a picture over black of a person that is seen at `vertices` and lit where it really is."""
    height, width = camera.size
    lens = camera.lens.numpy()
    screen = np.empty_like(vertices)
    screen[:, 2] = vertices[:, 2]
    screen[:, :2] = vertices[:, :2] / np.maximum(vertices[:, 2:], 1e-6) * lens[:2] + lens[2:]
    fine = screen * np.array([times, times, 1], np.float32)
    size = (height * times, width * times)
    samples = SampleBuffers(
        np.full(size, -1, np.int32),
        np.empty(size, np.float32),
        np.empty(size, np.float32),
        np.full(size, np.inf, np.float32),
    )
    kernels.rasterize_layers(fine, baked.faces, baked.face_layers, baked.mesh_colors, _NEAR, samples)
    number_at = np.empty(size, np.int32)
    rows = np.empty((int((samples.face >= 0).sum()), _ATTRIBUTES), np.float32)
    kernels.interpolate_attributes(samples, baked.faces, baked.mesh_colors, attributes, number_at, rows)
    radiance, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    spread = shadow_spread(lighting, 0.25)
    kernels.shade(number_at, rows, blocked.key, spread, Lights.of(lighting), times, radiance, alpha)
    face_index = np.where(alpha >= 0.5, _middle(samples.face, times), -1).astype(np.int32)
    return RenderedFrame(radiance, alpha, face_index, screen)


def _middle(face: np.ndarray, times: int) -> np.ndarray:
    """Return, for each pixel, the face that the covered sample nearest to its middle sees."""
    offsets = [(row, column) for row in range(times) for column in range(times)]
    offsets.sort(key=lambda at: (at[0] - (times - 1) / 2) ** 2 + (at[1] - (times - 1) / 2) ** 2)
    nearest = face[offsets[0][0] :: times, offsets[0][1] :: times]
    for row, column in offsets[1:]:
        nearest = np.where(nearest < 0, face[row::times, column::times], nearest)
    return nearest


def _reflect(mirror: RenderedFrame, background: Background, behind: np.ndarray) -> None:
    """Add the person's mirror image in a floor that shines to what is behind the person."""
    import cv2

    height = behind.shape[0]
    blur = (0.6 * height / 256, 1.6 * height / 256)
    radiance, alpha = (
        cv2.GaussianBlur(image, (0, 0), blur[0], sigmaY=blur[1]) for image in (mirror.radiance, mirror.alpha)
    )
    weight = background.gloss * (np.abs(background.points[..., 1] - background.floor) < 0.01)[..., None]
    behind += weight * (radiance - alpha[..., None] * behind)


def _shadowed(background: Background, blocked: BlockedLight) -> np.ndarray:
    """Return the linear light of a background with the person's shadow."""
    import cv2

    visible = blocked.key_visibility(background.points, shadow_spread(background.lighting, 0.7))
    visible = cv2.GaussianBlur(visible, (0, 0), visible.shape[0] / 256)
    out = np.empty_like(background.radiance)
    shadow_kernels.shade_background(
        background.radiance,
        background.points,
        background.key_fraction,
        visible,
        blocked.floor_sky(background.floor),
        out,
    )
    return out
