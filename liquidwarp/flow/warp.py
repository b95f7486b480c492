"""Sampling a picture by a flow: the only caller of `grid_sample`."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.checks import check_shape
from liquidwarp.errors import InputError
from liquidwarp.raster.memory import empty
from liquidwarp.types import Flow

_MANY = 8
"""From so many channels on, planes are laid side by side before they are warped."""


def warp(source: Float[Tensor, "S C H W"], flow: Flow, *, fill: float = 0.0) -> Float[Tensor, "B C h w"]:
    """Sample `source` where the flow says; invalid pixels become `fill`.

    Bilinear, differentiable in `source` and `flow.grid`; compiled, with its gradients, for float32 on the CPU. The
    identity flow returns the picture bit by bit. The result lies in memory as the source does; "channels last" is the
    faster way for features.

    Convention:
        `flow.grid` holds *source* normalised coordinates per *target* pixel (`align_corners=False`); within half a
        pixel of the picture's outer edge the border pixel is taken.

    Args:
        source: one picture, or one per flow.
        flow: its size is the size of the result.
        fill: the value of invalid pixels.

    Raises:
        InputError: shapes that do not fit each other.
    """
    check_shape("source", source, (None, None, None, None))
    batch = flow.valid.shape[0]
    if source.shape[0] not in (1, batch):
        raise InputError(f"source has batch {source.shape[0]}, the flow has {batch}; give 1 or {batch}")
    if all(t.device.type == "cpu" and t.dtype == torch.float32 for t in (source, flow.grid)):
        if torch.is_grad_enabled() and (source.requires_grad or flow.grid.requires_grad):
            warped: Tensor = _Warp.apply(source, flow.grid, flow.valid, fill)
            return warped
        return _warp_compiled(source.detach(), flow, fill)
    sampled = sample_bilinear(source.expand(batch, -1, -1, -1), finite_grid(flow))
    return torch.where(flow.valid[:, None], sampled, sampled.new_full((), fill))


def _warp_compiled(source: Tensor, flow: Flow, fill: float) -> Tensor:
    """Return the warped picture, in the memory layout of the source."""
    from liquidwarp.flow import warp_kernels as kernels
    from liquidwarp.parallel import run_kernel

    batch, *size = flow.valid.shape
    places = kernels.Places(*source.shape[2:], *_arrays(flow.grid, flow.valid))
    if _is_channels_last(source):
        pixels = empty((batch, *size, source.shape[1]))
        run_kernel(kernels.pixels_serial, kernels.pixels_parallel, _pixels(source), places, float(fill), pixels.numpy())
        return pixels.permute(0, 3, 1, 2)
    result = empty((batch, source.shape[1], *size))
    planes = result.flatten(2).numpy()
    if source.shape[1] < _MANY:
        flat = source.flatten(2).contiguous().numpy()
        run_kernel(kernels.planes_serial, kernels.planes_parallel, flat, places, float(fill), planes)
    else:
        run_kernel(kernels.tiles_serial, kernels.tiles_parallel, _pixels(source), places, float(fill), planes)
    return result


def _is_channels_last(picture: Tensor) -> bool:
    return not picture.is_contiguous() and picture.is_contiguous(memory_format=torch.channels_last)


def _arrays(*tensors: Tensor) -> list[np.ndarray]:
    return [tensor.detach().contiguous().numpy() for tensor in tensors]


def _pixels(picture: Tensor) -> np.ndarray:
    """Return a picture's numbers as `B (H W) C`, copied only where they do not lie like that."""
    from liquidwarp.flow import warp_kernels as kernels
    from liquidwarp.parallel import run_kernel

    batch, channels, height, width = picture.shape
    if _is_channels_last(picture):
        array: np.ndarray = picture.permute(0, 2, 3, 1).flatten(1, 2).numpy()
        return array
    pixels = empty((batch, height * width, channels)).numpy()
    planes = picture.flatten(2).contiguous().numpy()
    run_kernel(kernels.interleave_serial, kernels.interleave_parallel, planes, pixels)
    return pixels


class _Warp(torch.autograd.Function):
    """Warping with compiled gradients, those of `grid_sample`; sums have a fixed order."""

    @staticmethod
    def forward(ctx: Any, source: Tensor, grid: Tensor, valid: Tensor, fill: float) -> Tensor:
        ctx.save_for_backward(source, grid, valid)
        return _warp_compiled(source.detach(), Flow(grid.detach(), valid), fill)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, pulled: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        from liquidwarp.flow import warp_kernels as kernels
        from liquidwarp.parallel import run_kernel

        source, grid, valid = ctx.saved_tensors
        pull = _pixels(pulled).reshape(*valid.shape, -1)
        places = kernels.Places(*source.shape[2:], *_arrays(grid, valid))
        to_source = to_grid = None
        if ctx.needs_input_grad[0]:
            to_source = _scattered(source, pull, places)
        if ctx.needs_input_grad[1]:
            to_grid = empty(grid.shape)
            run_kernel(kernels.slide_serial, kernels.slide_parallel, pull, _pixels(source), places, to_grid.numpy())
        return to_source, to_grid, None, None


def _scattered(source: Tensor, pull: np.ndarray, places: tuple[int, int, np.ndarray, np.ndarray]) -> Tensor:
    """Return the gradient for the source, in its memory layout."""
    from liquidwarp.flow import warp_kernels as kernels
    from liquidwarp.parallel import run_kernel

    batch, channels, height, width = source.shape
    halves = [empty((batch, height * width, channels)).numpy() for _ in range(2)]
    run_kernel(kernels.scatter_serial, kernels.scatter_parallel, pull, places, *halves)
    if _is_channels_last(source):
        pixels = empty((batch, height * width, channels))
        run_kernel(kernels.collect_serial, kernels.collect_parallel, *halves, pixels.numpy())
        return pixels.unflatten(1, (height, width)).permute(0, 3, 1, 2)
    gradient = empty(source.shape)
    run_kernel(kernels.separate_serial, kernels.separate_parallel, *halves, gradient.flatten(2).numpy())
    return gradient


def finite_grid(flow: Flow) -> Float[Tensor, "B H W 2"]:
    """Return the flow's grid with zeros where it is invalid, so that nothing there can reach a result or a gradient."""
    return torch.where(flow.valid[..., None], flow.grid, flow.grid.new_zeros(()))


def sample_bilinear(source: Float[Tensor, "B C H W"], grid: Float[Tensor, "B h w 2"]) -> Float[Tensor, "B C h w"]:
    """Sample at normalised coordinates; points on a pixel centre (up to float rounding) return that pixel exactly."""
    height, width = source.shape[-2:]
    grid = grid.to(source.dtype)
    sampled = torch.nn.functional.grid_sample(source, grid, mode="bilinear", padding_mode="border", align_corners=False)
    size = grid.new_tensor([width, height])
    pixel = ((grid.detach() + 1) * size - 1) / 2
    nearest = pixel.round()
    rounding = 4 * torch.finfo(grid.dtype).eps * max(height, width)
    centred = (((pixel - nearest).abs() <= rounding) & (nearest >= 0) & (nearest < size)).all(-1)
    column, row = torch.where(centred[..., None], nearest, torch.zeros_like(nearest)).long().unbind(-1)
    index = (row * width + column).flatten(1)[:, None].expand(-1, source.shape[1], -1)
    exact = source.flatten(2).gather(2, index).view_as(sampled)
    if sampled.requires_grad:
        # Exact in value; the gradient stays the bilinear one, which knows the slope of the picture.
        exact = sampled + (exact - sampled).detach()
    return torch.where(centred[:, None], exact, sampled)
