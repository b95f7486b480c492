"""Sampling a picture by a flow: the only caller of `grid_sample`."""

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.checks import check_shape
from liquidwarp.errors import InputError
from liquidwarp.types import Flow


def warp(source: Float[Tensor, "S C H W"], flow: Flow, *, fill: float = 0.0) -> Float[Tensor, "B C h w"]:
    """Sample `source` where the flow says; invalid pixels become `fill`.

    Bilinear, differentiable in `source` and `flow.grid`; compiled on the CPU when no gradient is wanted. The identity
    flow returns the picture bit by bit.

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
    wants_gradient = torch.is_grad_enabled() and (source.requires_grad or flow.grid.requires_grad)
    if not wants_gradient and all(t.device.type == "cpu" and t.dtype == torch.float32 for t in (source, flow.grid)):
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
        source.contiguous().numpy(),
        flow.grid.detach().contiguous().numpy(),
        flow.valid.contiguous().numpy(),
        float(fill),
        result.numpy(),
    )
    return result


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
