"""A photo of a clothed person, cut out and brought to a working size, and the mesh's outline in it.

Convention: pixels, origin at the top-left corner, first pixel centre at (0.5, 0.5), y down.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies.protocol import BodyModel, Identity
from liquidwarp.clothing.match import EdgePoints, alpha_edges
from liquidwarp.clothing.surface import ClothSurface
from liquidwarp.clothing.tuning import CLOTHING_TUNING, ClothingTuning, CutOutTuning
from liquidwarp.errors import InputError
from liquidwarp.geometry import length_in_pixels, project
from liquidwarp.mesh.operations import Outline, contour_edges
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera


@dataclass(frozen=True, eq=False)
class SilhouetteView:
    """A person in one picture: pose, camera and alpha.

    Attributes:
        global_orient: root rotation.
        body_pose: rotation of the other joints.
        transl: place of the body, metres.
        camera: camera of the picture; its size is the alpha's.
        alpha: 1 = person.
    """

    global_orient: Float[Tensor, "1 3"]
    body_pose: Float[Tensor, "1 P 3"]
    transl: Float[Tensor, "1 3"]
    camera: Camera
    alpha: Float[Tensor, "H W"]


@dataclass(frozen=True, eq=False)
class CutOut:
    """A view cut out around the person and brought to a working size.

    Attributes:
        camera: camera of the cut-out.
        alpha: 1 = person; beyond the photo it goes on as at the photo's border.
        edge: the alpha's edge within the photo.
        posed: posed vertices with the surface's base move, world metres.
        direction: posed directions of the vertices.
        bounds: left, top, right and bottom of the photo in pixels of the cut-out.
        pixels_per_metre: scale at the body's distance.
    """

    camera: Camera
    alpha: Float[np.ndarray, "H W"]
    edge: EdgePoints
    posed: Float[np.ndarray, "V 3"]
    direction: Float[np.ndarray, "V 3"]
    bounds: tuple[float, float, float, float]
    pixels_per_metre: float

    @staticmethod
    def create(
        body: BodyModel,
        identity: Identity,
        surface: ClothSurface,
        view: SilhouetteView,
        number: int,
        *,
        tuning: ClothingTuning = CLOTHING_TUNING,
    ) -> "CutOut":
        """Cut view `number` out.

        Raises:
            InputError: an empty alpha, or a body that reaches behind the camera.
        """
        with torch.no_grad():
            pose = (view.global_orient, view.body_pose)
            base = torch.from_numpy(surface.base).to(identity.vertices)
            posed = body.vertices(identity, *pose, view.transl, offsets=base)[0]
            turn = body.vertex_rotations(identity, *pose)[0].cpu().double().numpy()
        projected = project(view.camera, posed).cpu().numpy()
        alpha = view.alpha.detach().cpu().numpy()
        rows, columns = np.nonzero(alpha > 0.5)
        look = tuning.cut_out
        if len(rows) < look.least_pixels:
            raise InputError(f"the alpha of view {number} is empty; give a picture with a person, or a better mask")
        if not view.camera.orthographic and projected[:, 2].min() <= 0:
            raise InputError(f"the body of view {number} reaches behind the camera; check transl and the camera")
        low = np.minimum([columns.min(), rows.min()], projected[:, :2].min(0))
        high = np.maximum([columns.max() + 1, rows.max() + 1], projected[:, :2].max(0))
        depth = float(np.median(projected[:, 2]))
        metre = look.person_pixels / surface.tall
        scale = metre / length_in_pixels(view.camera, 1.0, depth)
        camera, work, bounds = _cut_out(view.camera, alpha, low, high, scale, look)
        edge = alpha_edges(work, tuning=tuning.matching)
        return CutOut(
            camera=camera,
            alpha=work,
            edge=edge.pick(_within(edge.point, bounds, look.border)),
            posed=posed.cpu().double().numpy(),
            direction=np.einsum("vij,vj->vi", turn, surface.direction),
            bounds=bounds,
            pixels_per_metre=metre,
        )


def _cut_out(
    camera: Camera, alpha: np.ndarray, low: np.ndarray, high: np.ndarray, scale: float, tuning: CutOutTuning
) -> tuple[Camera, np.ndarray, tuple[float, float, float, float]]:
    """Cut a box with a margin out of a view and scale it; beyond the picture the alpha goes on as at its border."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    margin = tuning.margin * (high - low).max()
    low, high = low - margin, np.minimum(high + margin, low + tuning.most_pixels / scale)
    size = (int(np.ceil((high[1] - low[1]) * scale)), int(np.ceil((high[0] - low[0]) * scale)))
    cut = camera.cropped((float(low[0]), float(low[1])), size, scale=scale)
    y = (np.arange(size[0]) + 0.5) / scale + low[1] - 0.5
    x = (np.arange(size[1]) + 0.5) / scale + low[0] - 0.5
    soft = gaussian_filter(alpha, 0.5 / scale) if scale < 1 else alpha
    grid = np.stack(np.meshgrid(y, x, indexing="ij"))
    work = map_coordinates(soft, grid, order=1, mode="nearest")
    left, top = -low * scale
    return cut, work, (left, top, left + camera.size[1] * scale, top + camera.size[0] * scale)


@dataclass(frozen=True, eq=False)
class SeenOutline:
    """Visible outer outline of the mesh in a picture, in short pieces."""

    edge: EdgePoints
    pair: Int[np.ndarray, "N 2"]
    along: Float[np.ndarray, "N"]  # 0 at the first vertex of the pair, 1 at the second
    depth: Float[np.ndarray, "N"]
    part: Int[np.ndarray, "N"]
    picture: Int[np.ndarray, "H W"]  # part at each pixel, -1 off the body


def see_outline(
    surface: ClothSurface, picture: CutOut, height: np.ndarray, *, tuning: CutOutTuning = CLOTHING_TUNING.cut_out
) -> SeenOutline:
    """Render the mesh and keep the outline that lies before the background, is not hidden, and is within the photo."""
    vertices = torch.from_numpy(picture.posed + height[:, None] * picture.direction).float()
    fragments = rasterize(vertices[None], torch.from_numpy(surface.faces), picture.camera)
    face = fragments.face_index[0].numpy()
    depth = fragments.depth[0].numpy()
    parts = np.where(face >= 0, surface.part[surface.faces[np.maximum(face, 0), 0]], -1)
    projected = project(picture.camera, vertices).numpy().astype(np.float64)
    contour = contour_edges(projected, surface.faces, surface.edges, surface.faces_of_edge)
    edge, pair, along, z = _subdivide(contour, projected, tuning.piece)
    part = surface.part[pair[np.arange(len(pair)), (along > 0.5).astype(int)]]
    seen = _within(edge.point, picture.bounds, tuning.border)
    for pixels in tuning.beside:
        seen &= look_up(parts, edge.point + pixels * edge.normal) < 0
    inside = edge.point - tuning.inside * edge.normal
    under = look_up(parts, inside)
    step = np.abs(look_up(depth, inside) - z)
    seen &= (under >= 0) & surface.compatible[part, under] & (step < tuning.depth_step * surface.tall)
    return SeenOutline(edge.pick(seen), pair[seen], along[seen], z[seen], part[seen], parts)


def _within(point: np.ndarray, bounds: tuple[float, float, float, float], margin: float) -> np.ndarray:
    """Tell which points lie inside of a box by more than `margin`."""
    left, top, right, bottom = bounds
    x, y = point.T
    return (x > left + margin) & (x < right - margin) & (y > top + margin) & (y < bottom - margin)


def look_up(image: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Sample the nearest pixel."""
    at = np.floor(point).astype(int)
    return image[np.clip(at[..., 1], 0, image.shape[0] - 1), np.clip(at[..., 0], 0, image.shape[1] - 1)]


def _subdivide(
    outline: Outline, projected: np.ndarray, step: float
) -> tuple[EdgePoints, np.ndarray, np.ndarray, np.ndarray]:
    """Cut contour edges into pieces of about `step` pixels: points, vertex pairs, place on the pair, depth."""
    count = np.maximum(np.ceil(outline.length / step).astype(int), 1)
    source = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    along = (number + 0.5) / count[source]
    ends = projected[outline.edge[source]]
    place = ends[:, 0] + along[:, None] * (ends[:, 1] - ends[:, 0])
    points = EdgePoints(place[:, :2], outline.normal[source], outline.length[source] / count[source])
    return points, outline.edge[source], along, place[:, 2]
