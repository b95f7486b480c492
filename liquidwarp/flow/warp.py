"""Sampling a picture by a flow: the only caller of `grid_sample`."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.checks import check_shape
from liquidwarp.errors import InputError
from liquidwarp.types import Flow


def warp(source: Float[Tensor, "S C H W"], flow: Flow, *, fill: float = 0.0) -> Float[Tensor, "B C h w"]:
    """Sample `source` where the flow says; invalid pixels become `fill`.

    Bilinear, differentiable in `source` and `flow.grid`; compiled, with its gradients, for float32 on the CPU. The
    identity flow returns the picture bit by bit.

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
    from liquidwarp.flow import kernels
    from liquidwarp.raster.threads import run

    result = torch.empty((flow.valid.shape[0], source.shape[1], *flow.valid.shape[1:]))
    run(
        kernels.warp_serial,
        kernels.warp_parallel,
        source.flatten(2).contiguous().numpy(),
        source.shape[2],
        source.shape[3],
        flow.grid.detach().contiguous().numpy(),
        flow.valid.contiguous().numpy(),
        float(fill),
        result.numpy(),
    )
    return result


class _Warp(torch.autograd.Function):
    """Warping with compiled gradients, those of `grid_sample`; sums have a fixed order."""

    @staticmethod
    def forward(ctx: Any, source: Tensor, grid: Tensor, valid: Tensor, fill: float) -> Tensor:
        ctx.save_for_backward(source, grid, valid)
        return _warp_compiled(source.detach(), Flow(grid.detach(), valid), fill)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, pulled: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        from liquidwarp.flow import kernels
        from liquidwarp.raster.threads import run

        source, grid, valid = ctx.saved_tensors
        pull = pulled.contiguous().numpy()
        where, believed = grid.contiguous().numpy(), valid.contiguous().numpy()
        to_source = to_grid = None
        if ctx.needs_input_grad[0]:
            to_source = torch.empty(source.shape)
            run(kernels.scatter_serial, kernels.scatter_parallel, pull, where, believed, to_source.numpy())
        if ctx.needs_input_grad[1]:
            to_grid = torch.empty(grid.shape)
            picture = source.contiguous().numpy()
            run(kernels.slide_serial, kernels.slide_parallel, pull, picture, where, believed, to_grid.numpy())
        return to_source, to_grid, None, None


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
    centred = ((pixel - nearest).abs() <= rounding) & (nearest >= 0) & (nearest < size)
    b, y, x = centred.all(-1).nonzero(as_tuple=True)
    if len(b) == 0:
        return sampled
    column, row = nearest[b, y, x].long().unbind(-1)
    exact = source[b, :, row, column]
    if sampled.requires_grad:
        # Exact in value; the gradient stays the bilinear one, which knows the slope of the picture.
        exact = sampled[b, :, y, x] + (exact - sampled[b, :, y, x]).detach()
    return sampled.permute(0, 2, 3, 1).index_put((b, y, x), exact).permute(0, 3, 1, 2)
