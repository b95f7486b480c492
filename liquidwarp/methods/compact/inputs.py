"""What the compact generator is told of targets and photos."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from liquidwarp.appearance import DeviceRendering
from liquidwarp.bodies import BodyModel
from liquidwarp.flow import mesh_flow, project_normalized
from liquidwarp.nn.compact import STRIDE, SourceInput, TransferInput
from liquidwarp.nn.planes import PhotoFlow
from liquidwarp.person import SourceView
from liquidwarp.raster import pixel_normals, rasterize
from liquidwarp.types import Camera

NETWORK_SIZE = 512  # longer side of the largest region the network looks at; larger ones are looked at smaller


def transfer_input(
    body: BodyModel,
    views: tuple[SourceView, ...],
    vertices: Float[Tensor, "V 3"],
    camera: Camera,
    drawn: DeviceRendering,
    background: Float[Tensor, "3 H W"],
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
    transfer = TransferInput(
        drawn.rgb[None],
        drawn.alpha[None],
        background[None],
        torch.stack([(drawn.coverage == kind).float() for kind in (1, 2, 3)])[None],
        pixel_normals(fragments, vertices[None], body.topology.faces, camera),
    )
    xy = torch.cat([project_normalized(view.camera, view.vertices[None])[0] for view in views])
    shown = torch.stack([view.faces for view in views])
    flow = mesh_flow(fragments, body.topology.faces, xy, face_visible=shown)
    return transfer, PhotoFlow(flow.grid[None], flow.valid[None])


def source_input(body: BodyModel, view: SourceView, size: tuple[int, int]) -> SourceInput:
    """Prepare one photo, at a (height, width) that the network takes."""
    picture = torch.from_numpy(view.picture).to(view.vertices.device).permute(2, 0, 1)[None].float() / 255
    color, alpha = picture[:, :3], picture[:, 3:]
    shrunk = interpolate(torch.cat([color * alpha, alpha], 1), size=size, mode="bilinear", antialias=True)
    camera = view.camera.resized(size)
    fragments = rasterize(view.vertices[None], body.topology.faces, camera)
    normals = pixel_normals(fragments, view.vertices[None], body.topology.faces, camera)
    return SourceInput.create(shrunk[:, :3], shrunk[:, 3], normals)


def working_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size at which the network looks at a region: whole multiples of its stride, not too large."""
    scale = min(1.0, NETWORK_SIZE / max(size))
    height, width = (max(STRIDE, STRIDE * round(scale * side / STRIDE)) for side in size)
    return height, width
