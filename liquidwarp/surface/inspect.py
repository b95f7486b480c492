"""Pictures of the bare body, to check a recovery by eye."""

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from liquidwarp.bodies.protocol import Topology
from liquidwarp.raster import rasterize
from liquidwarp.surface.facing import vertex_facing
from liquidwarp.types import Camera


def shaded_body(
    vertices: Float[Tensor, "V 3"], topology: Topology, camera: Camera
) -> tuple[UInt8[np.ndarray, "H W 3"], Bool[np.ndarray, "H W"]]:
    """Draw a body under a headlight, tinted by part; return the picture and where the body is."""
    fragments = rasterize(vertices[None], topology.faces, camera)
    index = fragments.face_index[0].long()
    corners = topology.faces.long()[index.clamp_min(0)]
    facing = vertex_facing(vertices[None], topology.faces, camera)[0].clamp_min(0)
    light = 0.25 + 0.75 * (facing[corners] * fragments.bary[0]).sum(-1)
    part = topology.face_part.long()[index.clamp_min(0)]
    phase = part[..., None] * 2.4 + torch.tensor([0.0, 2.1, 4.2])
    colour = (0.72 + 0.25 * torch.cos(phase)) * light[..., None]
    picture = (colour.clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy()
    return picture, fragments.mask[0].numpy()
