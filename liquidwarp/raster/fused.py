"""Rasteriser and flow in one pass; `flow.rasterize_flow` is the call behind which it stands."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.geometry import project
from liquidwarp.raster.rasterize import NEAR, chosen_backend, triton_backend
from liquidwarp.types import Camera, Flow


def fusing_backend(backend: str, vertices: Float[Tensor, "B V 3"], faces: Int[Tensor, "F 3"]) -> str | None:
    """Return the backend that `backend` means for these vertices if it has the fused pass for them.

    Raises:
        InputError: an unknown backend, one that cannot run here, or arguments of the wrong shape.
    """
    chosen = chosen_backend(backend, vertices, faces)
    fuses = chosen == "triton" or (chosen == "numba" and vertices.device.type == "cpu")
    return chosen if fuses and vertices.dtype == torch.float32 else None


def draw_flow(
    vertices: Float[Tensor, "B V 3"],
    faces: Int[Tensor, "F 3"],
    camera: Camera,
    source_xy: Float[Tensor, "S V 2"],
    face_visible: Bool[Tensor, "N F"] | None,
    flows: int,
    *,
    backend: str,
    cull: bool,
) -> tuple[Int[Tensor, "B H W"], Flow]:
    """Return face indices and `flows` flows without fragments; see `flow.rasterize_flow`, which checks the shapes.

    `backend` is from `fusing_backend`.
    """
    visible = face_visible
    if visible is None:
        visible = torch.empty((0, len(faces)), dtype=torch.bool, device=vertices.device)
    screen = project(camera, vertices.detach())
    lens = camera.size, camera.orthographic, NEAR, cull
    if backend == "triton":
        face_index, grid, valid = triton_backend().draw_flow(screen, faces, *lens, source_xy.detach(), visible, flows)
    else:
        from liquidwarp.raster import numba_backend

        face_index, grid, valid = numba_backend.draw_flow(screen, faces, *lens, source_xy.detach(), visible, flows)
    return face_index, Flow(grid, valid)
