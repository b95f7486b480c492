"""The light of a photo: how brightness depends on the way that surface looks, from the person that it shines on.

Light that comes from far away, and falls on dull surface, depends on the normal alone, and hardly on more than nine
functions of it, up to degree two (Ramamoorthi and Hanrahan, An Efficient Representation for Irradiance Environment
Maps, 2001).
Its logarithm is written in them here, so that light times colour becomes a sum, the colour's part drops out of
differences, and light is never negative. Only surface that faces the camera is ever asked for: of the other half of
the world a photo tells nothing.

Convention: normals are in level axes that turn with the camera: X to its right, Y down, Z ahead, both level. Light
stands still beside the background, and a view from the side shows it on the side that the background is lit from.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from liquidwarp.appearance.layers import FEET, HAIR, group_of_part
from liquidwarp.appearance.light_tuning import LIGHT_TUNING, LightTuning
from liquidwarp.bodies.protocol import Topology
from liquidwarp.geometry import project
from liquidwarp.mesh import vertex_normals
from liquidwarp.raster import interpolate, rasterize
from liquidwarp.types import Camera

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Light:
    """How bright surface is, by the way that it looks; see the module for axes.

    Attributes:
        coefficients: of `basis`, of the logarithm of brightness: for all colours (C = 1), or for red, green and blue.
            A photo's light has no constant, which is the cloth's.
    """

    coefficients: Float[Tensor, "C 9"]

    @staticmethod
    def even() -> "Light":
        """Return light that is the same from everywhere."""
        return Light(torch.zeros(1, 9, dtype=torch.float32))

    def at(self, normals: Float[Tensor, "*N 3"]) -> Float[Tensor, "*N C"]:
        """Return the logarithm of the brightness of surface with such unit normals."""
        return basis(normals) @ self.coefficients.to(normals).T


def basis(normals: Float[Tensor, "*N 3"]) -> Float[Tensor, "*N 9"]:
    """Return the functions of degree zero, one and two of unit normals, each of a size of one."""
    x, y, z = normals.unbind(-1)
    return torch.stack(
        [torch.ones_like(x), x, y, z, x * y, y * z, z * x, x * x - y * y, z * z - 0.5 * (x * x + y * y)], -1
    )


def level_axes(camera: Camera) -> Float[Tensor, "3 3"]:
    """Return the axes of a camera's light in the world, a row each: right, down and ahead, all but down level."""
    along, down = camera.eye.new_tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    right = camera.turn_to_world(along[None])[0]
    right = torch.nn.functional.normalize(right * (1 - down), dim=0)
    return torch.stack([right, down, torch.linalg.cross(right, down)])


def find_light(
    topology: Topology,
    picture: UInt8[np.ndarray, "H W 4"],
    camera: Camera,
    vertices: Float[Tensor, "V 3"],
    seen: Bool[Tensor, "F"],
    *,
    tuning: LightTuning = LIGHT_TUNING,
) -> Light:
    """Find the light of a photo in the person that it shows.

    Pixels a few apart on one part of the body, and of one cloth, differ by light alone, or by an edge: how their
    brightness differs with their normals is fitted robustly, and light that little speaks for stays even.

    Args:
        topology: of the body.
        picture: the person's own colours, and the alpha.
        camera: of the photo.
        vertices: the clothed body as it stands in it.
        seen: the faces that the photo shows.
        tuning: how pixels are compared, and how far they are believed.
    """
    near = _near(camera, vertices, tuning)
    if near is None:
        return Light.even()
    window, small = near
    rows, columns = window
    cut = np.ascontiguousarray(picture[rows, columns])
    cut = cv2.resize(cut, (small.size[1], small.size[0]), interpolation=cv2.INTER_AREA).astype(np.float32)
    rgb = cv2.GaussianBlur(cut[..., :3], (0, 0), tuning.blur)
    fragments = rasterize(vertices[None], topology.faces, small)
    face = fragments.face_index[0].numpy()
    normals = vertex_normals(vertices, topology.faces) @ level_axes(small).T
    shown = torch.nn.functional.normalize(interpolate(fragments, topology.faces, normals)[0], dim=-1).numpy()
    group = np.where(face >= 0, group_of_part()[topology.face_part.numpy()[face]], -1)
    luma = rgb @ np.array(LUMA, np.float32)
    known = (face >= 0) & seen.numpy()[face] & ~np.isin(group, (HAIR, *FEET)) & (-shown[..., 2] > tuning.facing)
    known &= (luma > tuning.dark) & (rgb.max(-1) < tuning.bright)
    inside = (cut[..., 3] > 254).astype(np.uint8)
    known &= cv2.erode(inside, np.ones((3, 3), np.uint8)).astype(bool)
    return _fit(np.log(np.maximum(rgb, 1)), shown, np.where(known, group, -1), tuning)


def _near(
    camera: Camera, vertices: Float[Tensor, "V 3"], tuning: LightTuning
) -> tuple[tuple[slice, slice], Camera] | None:
    """Return the rectangle of a photo that shows the body, and a small camera of it; None without any."""
    xy = project(camera, vertices)[:, :2]
    tall = float(xy[:, 1].max() - xy[:, 1].min())
    low, high = xy.amin(0).floor(), xy.amax(0).ceil()
    x0, y0 = (max(0, int(value)) for value in low)
    x1, y1 = (min(most, int(value)) for value, most in zip(high, reversed(camera.size), strict=True))
    if x1 <= x0 or y1 <= y0:
        return None
    scale = min(1.0, tuning.rows / max(tall, _TINY))
    size = (max(1, round(scale * (y1 - y0))), max(1, round(scale * (x1 - x0))))
    return (slice(y0, y1), slice(x0, x1)), camera.cropped((x0, y0), (y1 - y0, x1 - x0)).resized(size)


def _fit(
    logs: Float[np.ndarray, "H W 3"],
    normals: Float[np.ndarray, "H W 3"],
    group: Int[np.ndarray, "H W"],
    tuning: LightTuning,
) -> Light:
    """Fit light to how the logarithms of colours differ between pixels of one group; -1 tells nothing."""
    luma = logs @ np.array(LUMA, np.float32)
    functions = basis(torch.from_numpy(normals)).numpy()
    step = tuning.step
    rows, values = [], []
    for down, right in ((0, step), (step, 0), (step, step), (step, -step)):
        here = slice(0, len(group) - down), slice(max(0, -right), group.shape[1] - max(0, right))
        there = slice(down, None), slice(max(0, right), group.shape[1] - max(0, -right))
        tint = (logs - luma[..., None])[there] - (logs - luma[..., None])[here]
        pairs = (group[here] >= 0) & (group[here] == group[there]) & (np.abs(tint).max(-1) < tuning.same_cloth)
        rows.append((functions[there] - functions[here])[pairs])
        values.append((luma[there] - luma[here])[pairs])
    design, differs = np.concatenate(rows).astype(np.float64), np.concatenate(values).astype(np.float64)
    prior = np.diag([1.0] + [tuning.linear**-2] * 3 + [tuning.quadratic**-2] * 5)
    found: np.ndarray = np.zeros(9)
    for usual in tuning.usual:
        weight = 1 / (1 + ((differs - design @ found) / usual) ** 2) ** 2  # Geman and McClure, 1987
        weight /= tuning.alike * usual**2
        found = np.linalg.solve(prior + design.T @ (weight[:, None] * design), design.T @ (weight * differs))
    return Light(torch.from_numpy(found).float()[None])
