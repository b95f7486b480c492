"""What the compact generator is told of targets and photos."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from liquidwarp.appearance import Rendering
from liquidwarp.bodies import BodyModel
from liquidwarp.flow import mesh_flow, project_normalized
from liquidwarp.mesh import vertex_normals
from liquidwarp.mesh.normals_kernels import look_up_normals
from liquidwarp.nn.compact import STRIDE, SourceInput, TransferInput
from liquidwarp.nn.planes import PhotoFlow
from liquidwarp.person import SourceView
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

NETWORK_SIZE = 512  # longer side of the largest region the network looks at; larger ones are looked at smaller


def transfer_input(
    body: BodyModel,
    views: tuple[SourceView, ...],
    vertices: Float[Tensor, "V 3"],
    camera: Camera,
    drawn: Rendering,
    background: Float[np.ndarray, "H W 3"],
) -> tuple[TransferInput, PhotoFlow]:
    """Prepare one target picture: what the transfer stream is told, and the flow into each photo.

    Args:
        body: gives the faces.
        views: the photos.
        vertices: the clothed body as it is posed in the target.
        camera: the target's; `drawn` and `background` are of its size.
        drawn: the surface renderer's picture.
        background: without the person, in [0, 1].
    """
    fragments = rasterize(vertices[None], body.topology.faces, camera)
    kinds = torch.from_numpy(drawn.coverage)
    transfer = TransferInput(
        torch.from_numpy(drawn.rgb).permute(2, 0, 1)[None],
        torch.from_numpy(drawn.alpha)[None],
        torch.from_numpy(background).permute(2, 0, 1)[None],
        torch.stack([(kinds == kind).float() for kind in (1, 2, 3)])[None],
        _normals(body, vertices, camera, fragments.face_index[0], fragments.bary[0])[None],
    )
    xy = torch.cat([project_normalized(view.camera, view.vertices[None])[0] for view in views])
    shown = torch.stack([view.faces for view in views])
    flow = mesh_flow(fragments, body.topology.faces, xy, face_visible=shown)
    return transfer, PhotoFlow(flow.grid[None], flow.valid[None])


def source_input(body: BodyModel, view: SourceView, size: tuple[int, int]) -> SourceInput:
    """Prepare one photo, at a (height, width) that the network takes."""
    picture = torch.from_numpy(view.picture).permute(2, 0, 1)[None].float() / 255
    color, alpha = picture[:, :3], picture[:, 3:]
    shrunk = interpolate(torch.cat([color * alpha, alpha], 1), size=size, mode="bilinear", antialias=True)
    camera = view.camera.resized(size)
    fragments = rasterize(view.vertices[None], body.topology.faces, camera)
    normals = _normals(body, view.vertices, camera, fragments.face_index[0], fragments.bary[0])
    return SourceInput.create(shrunk[:, :3], shrunk[:, 3], normals[None])


def working_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size at which the network looks at a region: whole multiples of its stride, not too large."""
    scale = min(1.0, NETWORK_SIZE / max(size))
    height, width = (max(STRIDE, STRIDE * round(scale * side / STRIDE)) for side in size)
    return height, width


def cropped_camera(camera: Camera, rows: slice, columns: slice) -> Camera:
    """Return the camera of a part of the picture."""
    return replace(
        camera,
        center=camera.center - torch.tensor([float(columns.start), float(rows.start)]),
        size=(rows.stop - rows.start, columns.stop - columns.start),
    )


def _normals(
    body: BodyModel, vertices: Tensor, camera: Camera, face_index: Tensor, bary: Tensor
) -> Float[Tensor, "3 H W"]:
    normals = vertex_normals(vertices[None], body.topology.faces)[0] @ camera.rotation.T
    result = np.empty((*face_index.shape, 3), np.float32)
    look_up_normals(face_index.numpy(), bary.numpy(), body.topology.faces.numpy(), normals.contiguous().numpy(), result)
    return torch.from_numpy(result).permute(2, 0, 1)
