"""Rasteriser for the CPU: compiled, threaded, forward and backward."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from liquidwarp.parallel import run_kernel
from liquidwarp.raster import kernels, pull_kernels, silhouette_kernels, torch_backend
from liquidwarp.raster.memory import empty


def rasterize(
    screen: Tensor, faces: Tensor, size: tuple[int, int], orthographic: bool, near: float, cull: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (face_index, bary, depth) for (x px, y px, Z) vertices on the CPU; see `raster.rasterize`."""
    triangles = faces.to(torch.int32).contiguous()
    if screen.dtype != torch.float32:
        # The kernels write float32; for other types they say which face, and tensors resolve the rest.
        face_index = _draw(screen.detach(), triangles, size, orthographic, near, cull)[0]
        return face_index, *torch_backend.resolve(screen, faces, face_index, orthographic)
    if torch.is_grad_enabled() and screen.requires_grad:
        face_index, bary, depth = _RasterizeNumba.apply(screen, triangles, size, orthographic, near, cull)
        return face_index, bary, depth
    return _draw(screen.detach(), triangles, size, orthographic, near, cull)


def draw_flow(
    screen: Tensor,
    faces: Tensor,
    size: tuple[int, int],
    orthographic: bool,
    near: float,
    cull: bool,
    source_xy: Tensor,
    visible: Tensor,
    flows: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (face_index, grid, valid) for (x px, y px, Z) float32 vertices on the CPU; see `fused.draw_flow`."""
    face_index = empty((screen.shape[0], *size), torch.int32)
    grid, valid = empty((flows, *size, 2)), empty((flows, *size), torch.bool)
    run_kernel(
        kernels.flow_serial,
        kernels.flow_parallel,
        _mesh(screen, faces.to(torch.int32).contiguous(), orthographic, near, cull),
        kernels.FlowSource(source_xy.contiguous().numpy(), visible.contiguous().numpy()),
        kernels.FlowPlanes(face_index.numpy(), grid.numpy(), valid.numpy()),
    )
    return face_index, grid, valid


def nearest_segments(ends: Tensor, size: tuple[int, int], reach: float) -> Tensor:
    """Return the segment nearest to every pixel centre; see `torch_backend.nearest_segments`."""
    nearest = torch.full(size, -1, dtype=torch.int32)
    silhouette_kernels.nearest_segments(ends.contiguous().numpy(), float(reach), nearest.numpy())
    return nearest


def _mesh(screen: Tensor, triangles: Tensor, orthographic: bool, near: float, cull: bool) -> kernels.ProjectedMesh:
    return kernels.ProjectedMesh(
        screen.contiguous().numpy(), triangles.numpy(), bool(orthographic), float(near), bool(cull)
    )


def _draw(
    screen: Tensor, triangles: Tensor, size: tuple[int, int], orthographic: bool, near: float, cull: bool
) -> tuple[Tensor, Tensor, Tensor]:
    batch, (height, width) = screen.shape[0], size
    face_index = empty((batch, height, width), torch.int32)
    bary = empty((batch, height, width, 3))
    depth = empty((batch, height, width))
    run_kernel(
        kernels.draw_serial,
        kernels.draw_parallel,
        _mesh(screen, triangles, orthographic, near, cull),
        kernels.FragmentPlanes(face_index.numpy(), bary.numpy(), depth.numpy()),
    )
    return face_index, bary, depth


class _RasterizeNumba(torch.autograd.Function):
    """Gradients to the projected vertices, summed in fixed order."""

    @staticmethod
    def forward(
        ctx: Any, screen: Tensor, triangles: Tensor, size: tuple[int, int], orthographic: bool, near: float, cull: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        face_index, bary, depth = _draw(screen, triangles, size, orthographic, near, cull)
        ctx.mark_non_differentiable(face_index)
        ctx.save_for_backward(screen, triangles, face_index, bary, depth)
        ctx.orthographic = bool(orthographic)
        return face_index, bary, depth

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, _: Tensor, grad_bary: Tensor, grad_depth: Tensor
    ) -> tuple[Tensor, None, None, None, None, None]:
        screen, triangles, face_index, bary, depth = ctx.saved_tensors
        gradient: np.ndarray = run_kernel(
            pull_kernels.pull_serial,
            pull_kernels.pull_parallel,
            screen.contiguous().numpy(),
            triangles.numpy(),
            ctx.orthographic,
            kernels.FragmentPlanes(face_index.numpy(), bary.numpy(), depth.numpy()),
            pull_kernels.Pulls(grad_bary.contiguous().numpy(), grad_depth.contiguous().numpy()),
        )
        return torch.from_numpy(gradient), None, None, None, None, None
