"""The compact generator over the surface renderer's pictures."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import interpolate

from liquidwarp.appearance import Rendering
from liquidwarp.bodies import BodyModel
from liquidwarp.flow import mesh_flow, project_normalized
from liquidwarp.geometry import project
from liquidwarp.mesh import vertex_normals
from liquidwarp.mesh.normals_kernels import look_up_normals
from liquidwarp.nn.compact import STRIDE, CompactAnswer, CompactGenerator, finish, source_input, transfer_input
from liquidwarp.person import SourceState, SourceView, choose_views
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

NETWORK_SIZE = 512  # longer side of the largest region the network looks at; larger ones are looked at smaller
_MARGIN = 0.06  # of the body's height: how far around the body the network works
_SOURCES = 4  # photos whose features are fetched


@dataclass(frozen=True, eq=False)
class TransferView:
    """What the network is told of a target picture.

    Attributes:
        transfer: `nn.compact.transfer_input`.
        grid: flow into each photo, source normalised coordinates.
        valid: where that photo shows the point.
    """

    transfer: Float[Tensor, "1 13 H W"]
    grid: Float[Tensor, "1 N H W 2"]
    valid: Bool[Tensor, "1 N H W"]


def look_at_target(
    body: BodyModel,
    views: tuple[SourceView, ...],
    vertices: Float[Tensor, "V 3"],
    camera: Camera,
    drawn: Rendering,
    plate: Float[np.ndarray, "H W 3"],
) -> TransferView:
    """Prepare the transfer stream's input for one target picture.

    Args:
        body: gives the faces.
        views: the photos.
        vertices: the clothed body as it is posed in the target.
        camera: the target's camera; `drawn` and `plate` are of its size.
        drawn: the surface renderer's picture.
        plate: the ground, in [0, 1].
    """
    fragments = rasterize(vertices[None], body.topology.faces, camera)
    kinds = torch.from_numpy(drawn.coverage)
    transfer = transfer_input(
        torch.from_numpy(drawn.rgb).permute(2, 0, 1)[None],
        torch.from_numpy(drawn.alpha)[None],
        torch.from_numpy(plate).permute(2, 0, 1)[None],
        torch.stack([(kinds == kind).float() for kind in (1, 2, 3)])[None],
        _normals(body, vertices, camera, fragments.face_index[0], fragments.bary[0])[None],
    )
    xy = torch.cat([project_normalized(view.camera, view.vertices[None])[0] for view in views])
    shown = torch.stack([view.faces for view in views])
    flow = mesh_flow(fragments, body.topology.faces, xy, face_visible=shown)
    return TransferView(transfer, flow.grid[None], flow.valid[None])


def look_at_source(body: BodyModel, view: SourceView, size: tuple[int, int]) -> Float[Tensor, "1 7 H W"]:
    """Prepare the source stream's input for one photo, at a (height, width) that the network takes."""
    picture = torch.from_numpy(view.picture).permute(2, 0, 1)[None].float() / 255
    color, matte = picture[:, :3], picture[:, 3:]
    shrunk = interpolate(torch.cat([color * matte, matte], 1), size=size, mode="bilinear", antialias=True)
    camera = view.camera.resized(size)
    fragments = rasterize(view.vertices[None], body.topology.faces, camera)
    normals = _normals(body, view.vertices, camera, fragments.face_index[0], fragments.bary[0])
    premultiplied, matte = shrunk[:, :3], shrunk[:, 3]
    return source_input(premultiplied / matte[:, None].clamp(min=1e-4), matte, normals[None])


class CompactRenderer:
    """Finishes the surface renderer's pictures of one person; the photos' features are computed once.

    Args:
        generator: in evaluation mode.
        body: of the person.
        state: the person.
    """

    def __init__(self, generator: CompactGenerator, body: BodyModel, state: SourceState) -> None:
        self._generator, self._body = generator, body
        self._views = choose_views(body.topology, state.views, _SOURCES)
        size = working_size(self._views[0].camera.size)
        sources = torch.cat([look_at_source(body, view, size) for view in self._views])
        with torch.no_grad(), _half():
            found = generator.encode(sources)
            self._features = [plane.float().contiguous(memory_format=torch.channels_last) for plane in found]

    def draw(
        self,
        vertices: Float[Tensor, "V 3"],
        camera: Camera,
        drawn: Rendering,
        plate: Float[np.ndarray, "H W 3"],
    ) -> tuple[Float[Tensor, "3 H W"], Float[Tensor, "H W"]]:
        """Return the finished picture and the person's outline.

        Only the rectangle around the body is looked at; the rest is the ground.
        """
        image = torch.from_numpy(plate).permute(2, 0, 1).clone()
        alpha = torch.zeros(camera.size)
        window = _window(vertices, camera)
        if window is None:
            return image, alpha
        rows, columns = window
        rgb, outline, kinds = (_cut(plane, window, "constant") for plane in (drawn.rgb, drawn.alpha, drawn.coverage))
        part = Rendering(rgb, outline, kinds)
        behind = _cut(plate, window, "edge")
        near = cropped(camera, rows, columns)
        small = working_size(near.size)
        view = look_at_target(
            self._body, self._views, vertices, near.resized(small), _resized(part, small), _shrunk(behind, small)
        )
        with torch.no_grad(), _half():
            answer = self._generator.answer(view.transfer, self._features, view.grid, view.valid)
        answer = _enlarged(answer, near.size)
        picture = finish(
            answer,
            torch.from_numpy(part.rgb).permute(2, 0, 1)[None],
            torch.from_numpy(part.alpha)[None],
            torch.from_numpy(behind).permute(2, 0, 1)[None],
        )
        height, width = alpha[rows, columns].shape
        image[:, rows, columns] = picture[0, :, :height, :width].clamp(0, 1)
        alpha[rows, columns] = answer.mask[0, :height, :width]
        return image, alpha


def cropped(camera: Camera, rows: slice, columns: slice) -> Camera:
    """Return the camera of a part of the picture."""
    return replace(
        camera,
        center=camera.center - torch.tensor([float(columns.start), float(rows.start)]),
        size=(rows.stop - rows.start, columns.stop - columns.start),
    )


def _window(vertices: Tensor, camera: Camera) -> tuple[slice, slice] | None:
    """Return the rectangle around the body, whole strides large; it may reach beyond the picture's end."""
    xy = project(camera, vertices)[:, :2]
    margin = _MARGIN * float(xy[:, 1].amax() - xy[:, 1].amin())
    height, width = camera.size
    x0, y0 = (max(0, int(value)) for value in (xy.amin(0) - margin).floor())
    x1, y1 = (min(most, int(value)) for value, most in zip((xy.amax(0) + margin).ceil(), (width, height), strict=True))
    if x1 <= x0 or y1 <= y0:
        return None
    rows, columns = (-(-length // STRIDE) * STRIDE for length in (y1 - y0, x1 - x0))
    y0, x0 = max(0, min(y0, height - rows)), max(0, min(x0, width - columns))
    return slice(y0, y0 + rows), slice(x0, x0 + columns)


def _cut(plane: np.ndarray, window: tuple[slice, slice], beyond: str) -> np.ndarray:
    part = plane[window]
    missing = [(0, side.stop - side.start - length) for side, length in zip(window, part.shape, strict=False)]
    if not any(more for _, more in missing):
        return np.ascontiguousarray(part)
    return np.pad(part, [*missing, *([(0, 0)] * (part.ndim - 2))], mode=beyond)  # type: ignore[call-overload]


def working_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size at which the network looks at a region: whole multiples of its stride, not too large."""
    scale = min(1.0, NETWORK_SIZE / max(size))
    height, width = (max(STRIDE, STRIDE * round(scale * side / STRIDE)) for side in size)
    return height, width


def _resized(drawn: Rendering, size: tuple[int, int]) -> Rendering:
    if drawn.alpha.shape == size:
        return drawn
    kinds = torch.from_numpy(drawn.coverage)[None, None].float()
    coverage = interpolate(kinds, size=size, mode="nearest-exact")[0, 0].to(torch.uint8).numpy()
    return Rendering(_shrunk(drawn.rgb, size), _shrunk(drawn.alpha[..., None], size)[..., 0], coverage)


def _shrunk(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    tensor = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]
    return interpolate(tensor, size=size, mode="bilinear", antialias=True)[0].permute(1, 2, 0).contiguous().numpy()


def _enlarged(answer: CompactAnswer, size: tuple[int, int]) -> CompactAnswer:
    if tuple(answer.mask.shape[1:]) == size:
        return answer
    planes = torch.cat([answer.color, answer.mask[:, None], answer.shade], 1)
    color, mask, shade = interpolate(planes, size=size, mode="bilinear").split([3, 1, 1], 1)
    return CompactAnswer(color, mask[:, 0], shade)


def _normals(
    body: BodyModel, vertices: Tensor, camera: Camera, face_index: Tensor, bary: Tensor
) -> Float[Tensor, "3 H W"]:
    normals = vertex_normals(vertices[None], body.topology.faces)[0] @ camera.rotation.T
    result = np.empty((*face_index.shape, 3), np.float32)
    look_up_normals(face_index.numpy(), bary.numpy(), body.topology.faces.numpy(), normals.contiguous().numpy(), result)
    return torch.from_numpy(result).permute(2, 0, 1)


def _half() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16)
