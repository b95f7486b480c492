"""Which surface of a posed mesh a camera really sees."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.checks import check_positive
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

_SPACING = 2.0
"""Largest gap in pixels between the points at which a face is tested."""
_STEEPEST = 6.0
"""Steepest tangent plane believed, in metres of depth per metre across (about 80 degrees)."""


@dataclass(frozen=True, eq=False)
class Visibility:
    """What a camera sees of a mesh, with a margin of safety.

    Attributes:
        vertex: the vertex faces the camera, lies inside the picture, and nothing nearer is close to it there.
        face: the same for the whole of a face; False where any part of it is hidden.
    """

    vertex: Bool[Tensor, "B V"]
    face: Bool[Tensor, "B F"]


@torch.no_grad()
def visibility(
    vertices: Float[Tensor, "B V 3"],
    faces: Int[Tensor, "F 3"],
    camera: Camera,
    *,
    margin_px: float = 1.5,
    depth_tolerance: float = 0.01,
    resolution: tuple[int, int] | None = None,
) -> Visibility:
    """Return which vertices and faces the camera sees, away from whatever is in front of them.

    A point is visible if its surface faces the camera, it lies inside the picture, and no pixel within `margin_px` of
    it shows a surface nearer than the point and its tangent plane by more than `depth_tolerance`. The plane keeps steep
    surfaces from hiding themselves; the margin keeps the colours of an occluder's edge off the surface behind it.

    Args:
        vertices: world vertices of the posed mesh.
        faces: counter-clockwise seen from outside.
        camera: the camera of the picture whose pixels would be read; one, or one for each mesh.
        margin_px: in pixels of the camera.
        depth_tolerance: metres.
        resolution: (height, width) of the depth map behind the test; the camera's own if None.
    """
    check_positive("depth_tolerance", depth_tolerance)
    view = camera if resolution is None else camera.resized(resolution)
    scale = max(view.size[0] / camera.size[0], view.size[1] / camera.size[1])
    radius = margin_px * scale
    depth = rasterize(vertices, faces, view).depth
    rows = [
        _one(points, faces.long(), view[index] if view.batch else view, radius, depth_tolerance, depth[index])
        for index, points in enumerate(vertices)
    ]
    return Visibility(torch.stack([vertex for vertex, _ in rows]), torch.stack([face for _, face in rows]))


def _one(
    points: Tensor, faces: Tensor, view: Camera, radius: float, tolerance: float, depth: Tensor
) -> tuple[Tensor, Tensor]:
    local = view.to_camera(points)
    corners = local[faces]
    face_normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    vertex_normal = torch.zeros_like(local).index_add(0, faces.reshape(-1), face_normal.repeat_interleave(3, 0))
    facing = _faces_camera(local, vertex_normal, view)
    vertex = facing & _unhidden(local, vertex_normal, view, radius, tolerance, depth)
    face = vertex[faces].all(1) & _faces_camera(corners.mean(1), face_normal, view)
    which, inner = _inner_points(corners, view.to_pixels(local)[faces], face.nonzero()[:, 0])
    clear = _unhidden(inner, face_normal[which], view, radius, tolerance, depth)
    face[which[~clear]] = False
    return vertex, face


def _faces_camera(local: Tensor, normal: Tensor, view: Camera) -> Tensor:
    """Say whether a surface point in camera axes shows its outer side."""
    if view.orthographic:
        return normal[:, 2] < 0
    return (normal * local).sum(1) < 0


def _inner_points(corners: Tensor, xy: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Return points inside the large ones among the faces `index`, at most `_SPACING` pixels apart, and their faces."""
    longest = (xy[index] - xy[index].roll(1, 1)).norm(dim=-1).amax(1)
    steps = (longest / _SPACING).ceil().long()
    which, points = [index[:0]], [corners[:0, 0]]
    for count in steps.unique().tolist():
        if count < 2:
            continue
        step = torch.arange(count + 1, device=corners.device)
        i, j = torch.meshgrid(step, step, indexing="ij")
        keep = i + j <= count
        weights = torch.stack([i[keep], j[keep], count - i[keep] - j[keep]], -1).to(corners) / count
        chosen = index[steps == count]
        points.append(torch.einsum("sk,nkc->nsc", weights, corners[chosen]).reshape(-1, 3))
        which.append(chosen.repeat_interleave(len(weights)))
    return torch.cat(which), torch.cat(points)


def _unhidden(local: Tensor, normal: Tensor, view: Camera, radius: float, tolerance: float, depth: Tensor) -> Tensor:
    """Say which surface points, in camera axes, lie in the picture with nothing nearer within `radius` pixels."""
    if local.device.type == "cpu":
        return _unhidden_compiled(local, normal, view, radius, tolerance, depth)
    return _unhidden_in_tensors(local, normal, view, radius, tolerance, depth)


def _unhidden_compiled(
    local: Tensor, normal: Tensor, view: Camera, radius: float, tolerance: float, depth: Tensor
) -> Tensor:
    from liquidwarp.flow import kernels

    clear = torch.empty(len(local), dtype=torch.bool)
    kernels.unhidden(
        local.double().contiguous().numpy(),
        normal.double().contiguous().numpy(),
        view.lens.double().numpy(),
        view.orthographic,
        float(radius),
        float(tolerance),
        _STEEPEST,
        depth.double().contiguous().numpy(),
        clear.numpy(),
    )
    return clear


def _unhidden_in_tensors(
    local: Tensor, normal: Tensor, view: Camera, radius: float, tolerance: float, depth: Tensor
) -> Tensor:
    height, width = view.size
    xy = view.to_pixels(local)
    clear = (local[:, 2] > 0) & (xy >= 0).all(1) & (xy[:, 0] <= width) & (xy[:, 1] <= height)
    xy = torch.where(clear[:, None], xy, torch.zeros_like(xy))
    reach = math.ceil(radius)
    base = xy.floor().long()
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            pixel = base + torch.tensor([dx, dy], device=local.device)
            x, y = pixel.unbind(-1)
            place = pixel.to(xy) + 0.5
            near = (place - xy).square().sum(1) <= max(radius, math.sqrt(0.5)) ** 2
            near &= (x >= 0) & (x < width) & (y >= 0) & (y < height)
            seen = depth[y.clamp(0, height - 1), x.clamp(0, width - 1)]
            clear &= ~(near & (seen < _plane_depth(local, normal, view.on_plane(place), view) - tolerance))
    return clear


def _plane_depth(local: Tensor, normal: Tensor, ray: Tensor, view: Camera) -> Tensor:
    """Return the depth of each point's tangent plane along another pixel's ray.

    Never behind the point itself, and never steeper in front of it than `_STEEPEST`, or else an edge-on surface would
    excuse any occluder.
    """
    z = local[:, 2]
    if view.orthographic:
        shift = ray - local[:, :2]
        plane = z - (shift * normal[:, :2]).sum(1) / normal[:, 2].clamp(max=-1e-12)
    else:
        shift = (ray - local[:, :2] / local[:, 2:]) * local[:, 2:]
        slope = (ray * normal[:, :2]).sum(1) + normal[:, 2]
        plane = (local * normal).sum(1) / slope.clamp(max=-1e-12)
    plane = torch.where(plane > 0, plane, torch.zeros_like(plane))
    return torch.minimum(torch.maximum(plane, z - _STEEPEST * shift.norm(dim=1)), z)
