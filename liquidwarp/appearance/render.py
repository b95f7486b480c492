"""The surface renderer: training-free, sharp by construction."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.appearance.appearance import Appearance
from liquidwarp.appearance.shade_kernels import shade_parallel, shade_serial
from liquidwarp.bodies.protocol import Topology
from liquidwarp.geometry import project
from liquidwarp.mesh.facing import vertex_facing
from liquidwarp.parallel import run_kernel
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera


@dataclass(frozen=True, eq=False)
class Rendering:
    """A person without a background.

    Attributes:
        rgb: premultiplied by alpha, in [0, 1].
        alpha: 1 = person.
        coverage: 0 none, 1 seen, 2 mirrored, 3 filled (`surface.layers`).
        window: rows and columns beyond which there is nothing; all of them by default.
    """

    rgb: Float[np.ndarray, "H W 3"]
    alpha: Float[np.ndarray, "H W"]
    coverage: UInt8[np.ndarray, "H W"]
    window: tuple[slice, slice] = (slice(None), slice(None))

    def over(self, ground: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W 3"]:
        """Return the person before a ground of the same size, in [0, 1]."""
        picture = ground.copy()
        picture[self.window] *= 1 - self.alpha[self.window][..., None]
        picture[self.window] += self.rgb[self.window]
        return picture


def render_surface(
    appearance: Appearance,
    topology: Topology,
    vertices: Float[Tensor, "V 3"],
    camera: Camera,
    *,
    supersample: int = 2,
    rim: float = 0.4,
) -> Rendering:
    """Render a posed, clothed body.

    Only the rectangle around the body is rasterised.

    Args:
        appearance: where every face looks.
        topology: faces of the body.
        vertices: posed body in world coordinates.
        camera: target camera; its size is the picture's.
        supersample: samples per pixel along each axis.
        rim: surface that looks away from the camera by more than this (cosine) is as transparent as in the photo,
            which keeps
            hair and fingers; 0 makes the mesh's own outline the person's.
    """
    height, width = camera.size
    rgb = np.zeros((height, width, 3), np.float32)
    alpha = np.zeros((height, width), np.float32)
    coverage = np.zeros((height, width), np.uint8)
    xy = project(camera, vertices)[:, :2]
    low, high = xy.amin(0).floor(), xy.amax(0).ceil()
    x0, y0 = int(low[0].clamp(0, width)), int(low[1].clamp(0, height))
    x1, y1 = int(high[0].clamp(0, width)), int(high[1].clamp(0, height))
    if x1 <= x0 or y1 <= y0:
        return Rendering(rgb, alpha, coverage)
    crop = Camera(
        camera.focal,
        camera.center - torch.tensor([float(x0), float(y0)]),
        (y1 - y0, x1 - x0),
        camera.rotation,
        camera.translation,
        camera.orthographic,
    ).resized(((y1 - y0) * supersample, (x1 - x0) * supersample))
    fragments = rasterize(vertices[None], topology.faces, crop)
    facing = vertex_facing(vertices[None], topology.faces, camera)[0]
    rows, columns = y1 - y0, x1 - x0
    shaded = (
        np.zeros((rows, columns, 3), np.float32),
        np.zeros((rows, columns), np.float32),
        np.zeros((rows, columns), np.uint8),
    )
    run_kernel(
        shade_serial,
        shade_parallel,
        fragments.face_index[0].numpy(),
        fragments.bary[0].numpy(),
        topology.faces.numpy(),
        facing.numpy(),
        np.float32(rim),
        appearance.texels,
        appearance.kinds,
        appearance.table,
        appearance.slot_layer,
        appearance.slot_xy,
        appearance.slot_weight,
        appearance.slot_mirrored,
        supersample,
        *shaded,
    )
    window = (slice(y0, y1), slice(x0, x1))
    rgb[window], alpha[window], coverage[window] = shaded
    return Rendering(rgb, alpha, coverage, window)
