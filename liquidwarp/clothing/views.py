"""A photo of a clothed person, cut out and brought to a working size, and the mesh's outline in it.

Convention: pixels, origin at the top-left corner, first pixel centre at (0.5, 0.5), y down.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies.protocol import BodyModel, Identity
from liquidwarp.clothing.match import EdgePoints, matte_edges
from liquidwarp.clothing.surface import ClothSurface
from liquidwarp.errors import InputError
from liquidwarp.geometry import length_in_pixels, project
from liquidwarp.mesh.operations import Outline, contour_edges
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

_PERSON_PIXELS = 420  # height at which a person is looked at; outlines are found to a fraction of a pixel
_MOST_PIXELS = 1600


@dataclass(frozen=True, eq=False)
class SilhouetteView:
    """A person in one picture: pose, camera and matte.

    Attributes:
        global_orient: root rotation.
        body_pose: rotation of the other joints.
        transl: place of the body, metres.
        camera: camera of the picture; its size is the matte's.
        matte: 1 = person.
    """

    global_orient: Float[Tensor, "1 3"]
    body_pose: Float[Tensor, "1 P 3"]
    transl: Float[Tensor, "1 3"]
    camera: Camera
    matte: Float[Tensor, "H W"]


@dataclass(frozen=True, eq=False)
class CutOut:
    """A view cut out around the person and brought to a working size.

    Attributes:
        camera: camera of the cut-out.
        matte: 1 = person; beyond the photo it goes on as at the photo's border.
        edge: the matte's edge within the photo.
        posed: posed vertices with the surface's base move, world metres.
        direction: posed directions of the vertices.
        bounds: left, top, right and bottom of the photo in pixels of the cut-out.
        pixels_per_metre: scale at the body's distance.
    """

    camera: Camera
    matte: Float[np.ndarray, "H W"]
    edge: EdgePoints
    posed: Float[np.ndarray, "V 3"]
    direction: Float[np.ndarray, "V 3"]
    bounds: tuple[float, float, float, float]
    pixels_per_metre: float

    @staticmethod
    def create(
        body: BodyModel, identity: Identity, surface: ClothSurface, view: SilhouetteView, number: int
    ) -> "CutOut":
        """Cut view `number` out.

        Raises:
            InputError: an empty matte, or a body that reaches behind the camera.
        """
        with torch.no_grad():
            pose = (view.global_orient, view.body_pose)
            base = torch.from_numpy(surface.base).to(identity.vertices)
            posed = body.vertices(identity, *pose, view.transl, offsets=base)[0]
            turn = body.vertex_rotations(identity, *pose)[0].cpu().double().numpy()
        projected = project(view.camera, posed).cpu().numpy()
        matte = view.matte.detach().cpu().numpy()
        rows, columns = np.nonzero(matte > 0.5)
        if len(rows) < 16:
            raise InputError(f"the matte of view {number} is empty; give a picture with a person, or a better mask")
        if not view.camera.orthographic and projected[:, 2].min() <= 0:
            raise InputError(f"the body of view {number} reaches behind the camera; check transl and the camera")
        low = np.minimum([columns.min(), rows.min()], projected[:, :2].min(0))
        high = np.maximum([columns.max() + 1, rows.max() + 1], projected[:, :2].max(0))
        depth = float(np.median(projected[:, 2]))
        metre = _PERSON_PIXELS / surface.tall
        scale = metre / length_in_pixels(view.camera, 1.0, depth)
        camera, work, bounds = _cut_out(view.camera, matte, low, high, scale)
        edge = matte_edges(work)
        return CutOut(
            camera=camera,
            matte=work,
            edge=edge.pick(_within(edge.point, bounds)),
            posed=posed.cpu().double().numpy(),
            direction=np.einsum("vij,vj->vi", turn, surface.direction),
            bounds=bounds,
            pixels_per_metre=metre,
        )


def _cut_out(
    camera: Camera, matte: np.ndarray, low: np.ndarray, high: np.ndarray, scale: float
) -> tuple[Camera, np.ndarray, tuple[float, float, float, float]]:
    """Cut a box with a margin out of a view and scale it; beyond the picture the matte goes on as at its border."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    margin = 0.08 * (high - low).max()
    low, high = low - margin, np.minimum(high + margin, low + _MOST_PIXELS / scale)  # a wild pose must not eat memory
    size = (int(np.ceil((high[1] - low[1]) * scale)), int(np.ceil((high[0] - low[0]) * scale)))
    cut = camera.cropped((float(low[0]), float(low[1])), size, scale=scale)
    y = (np.arange(size[0]) + 0.5) / scale + low[1] - 0.5
    x = (np.arange(size[1]) + 0.5) / scale + low[0] - 0.5
    soft = gaussian_filter(matte, 0.5 / scale) if scale < 1 else matte
    grid = np.stack(np.meshgrid(y, x, indexing="ij"))
    work = map_coordinates(soft, grid, order=1, mode="nearest")
    left, top = -low * scale
    return cut, work, (left, top, left + camera.size[1] * scale, top + camera.size[0] * scale)


@dataclass(frozen=True, eq=False)
class SeenOutline:
    """Visible outer outline of the mesh in a picture, in short pieces."""

    edge: EdgePoints
    pair: Int[np.ndarray, "N 2"]
    share: Float[np.ndarray, "N"]  # 0 at the first vertex of the pair, 1 at the second
    depth: Float[np.ndarray, "N"]
    part: Int[np.ndarray, "N"]
    picture: Int[np.ndarray, "H W"]  # part at each pixel, -1 off the body


def see_outline(surface: ClothSurface, picture: CutOut, height: np.ndarray) -> SeenOutline:
    """Render the mesh and keep the outline that lies before the background, is not hidden, and is within the photo."""
    vertices = torch.from_numpy(picture.posed + height[:, None] * picture.direction).float()
    fragments = rasterize(vertices[None], torch.from_numpy(surface.faces), picture.camera)
    face = fragments.face_index[0].numpy()
    depth = fragments.depth[0].numpy()
    parts = np.where(face >= 0, surface.part[surface.faces[np.maximum(face, 0), 0]], -1)
    projected = project(picture.camera, vertices).numpy().astype(np.float64)
    outline = _subdivide(contour_edges(projected, surface.faces, surface.edges, surface.faces_of_edge), projected)
    edge, pair, share, z = outline
    part = surface.part[pair[np.arange(len(pair)), (share > 0.5).astype(int)]]
    seen = _within(edge.point, picture.bounds)
    seen &= (look_up(parts, edge.point + 1.5 * edge.normal) < 0) & (look_up(parts, edge.point + 2.5 * edge.normal) < 0)
    inside = edge.point - 1.5 * edge.normal
    under = look_up(parts, inside)
    seen &= (under >= 0) & surface.compatible[part, under] & (np.abs(look_up(depth, inside) - z) < 0.06 * surface.tall)
    return SeenOutline(edge.pick(seen), pair[seen], share[seen], z[seen], part[seen], parts)


def _within(point: np.ndarray, bounds: tuple[float, float, float, float], margin: float = 1.0) -> np.ndarray:
    """Tell which points lie inside of a box by more than `margin`."""
    left, top, right, bottom = bounds
    x, y = point.T
    return (x > left + margin) & (x < right - margin) & (y > top + margin) & (y < bottom - margin)


def look_up(image: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Sample the nearest pixel."""
    at = np.floor(point).astype(int)
    return image[np.clip(at[..., 1], 0, image.shape[0] - 1), np.clip(at[..., 0], 0, image.shape[1] - 1)]


def _subdivide(
    outline: Outline, projected: np.ndarray, step: float = 3.0
) -> tuple[EdgePoints, np.ndarray, np.ndarray, np.ndarray]:
    """Cut contour edges into pieces of about `step` pixels: points, vertex pairs, place on the pair, depth."""
    count = np.maximum(np.ceil(outline.length / step).astype(int), 1)
    source = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    share = (number + 0.5) / count[source]
    ends = projected[outline.edge[source]]
    place = ends[:, 0] + share[:, None] * (ends[:, 1] - ends[:, 0])
    points = EdgePoints(place[:, :2], outline.normal[source], outline.length[source] / count[source])
    return points, outline.edge[source], share, place[:, 2]
