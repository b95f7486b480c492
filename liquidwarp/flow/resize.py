"""Flows at other sizes, and flows after flows; invalid pixels never take part."""

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.checks import check_positive
from liquidwarp.devices import float64_on
from liquidwarp.errors import InputError
from liquidwarp.flow.warp import finite_grid, sample_bilinear
from liquidwarp.geometry import normalize_pixels, pixel_centers
from liquidwarp.raster.memory import empty
from liquidwarp.types import Flow

_MAJORITY = 0.5
_ALL = 1 - 1e-3


def identity_flow(size: tuple[int, int], batch: int = 1, *, device: torch.device | str | None = None) -> Flow:
    """Return the flow in which every pixel of a (height, width) picture looks at itself.

    Examples:
        >>> import torch
        >>> from liquidwarp.flow import identity_flow, warp
        >>> picture = torch.rand(1, 3, 4, 6)
        >>> torch.equal(warp(picture, identity_flow((4, 6))), picture)
        True
    """
    grid = normalize_pixels(pixel_centers(size, device=device), size).expand(batch, -1, -1, -1)
    return Flow(grid, torch.ones(grid.shape[:3], dtype=torch.bool, device=device))


def resize_flow(flow: Flow, size: tuple[int, int]) -> Flow:
    """Return the flow sampled at another (height, width) of the target picture.

    Each axis is averaged by overlap when it shrinks and interpolated linearly when it grows. Only valid pixels are
    averaged; the result is valid where they hold at least half of the weight.

    A flow that is linear in the target pixel stays so exactly where an axis shrinks by a whole factor, and to a quarter
    of an old pixel where it shrinks by another. Differentiable in `flow.grid`; compiled on the CPU when no gradient is
    wanted.

    Convention: both pictures cover the same area; the grid's values (source coordinates) are independent of either
    size.

    Examples:
        >>> import torch
        >>> from liquidwarp.flow import identity_flow, resize_flow
        >>> half = resize_flow(identity_flow((8, 12)), (4, 6))
        >>> torch.allclose(half.grid, identity_flow((4, 6)).grid, atol=1e-6), bool(half.valid.all())
        (True, True)
    """
    height, width = (int(n) for n in size)
    check_positive("height", height)
    check_positive("width", width)
    if (height, width) == tuple(flow.valid.shape[1:]):
        return flow
    wants_gradient = torch.is_grad_enabled() and flow.grid.requires_grad
    if wants_gradient or flow.grid.device.type != "cpu" or flow.grid.dtype != torch.float32:
        return _resize_in_tensors(flow, height, width)
    return _resize_compiled(flow, height, width)


def _resize_compiled(flow: Flow, height: int, width: int) -> Flow:
    from liquidwarp.flow import kernels
    from liquidwarp.parallel import run_kernel

    batch = flow.valid.shape[0]
    grid, valid = empty((batch, height, width, 2)), empty((batch, height, width), torch.bool)
    run_kernel(
        kernels.resize_serial,
        kernels.resize_parallel,
        kernels.FlowGrid(flow.grid.detach().contiguous().numpy(), flow.valid.contiguous().numpy()),
        kernels.axis_weights(flow.valid.shape[1], height),
        kernels.axis_weights(flow.valid.shape[2], width),
        _MAJORITY - 1e-6,
        kernels.FlowGrid(grid.numpy(), valid.numpy()),
    )
    return Flow(grid, valid)


def _resize_in_tensors(flow: Flow, height: int, width: int) -> Flow:
    weight = flow.valid.to(flow.grid.dtype)
    channels = torch.cat([finite_grid(flow).movedim(-1, 1), weight[:, None]], 1)
    down = resize_weights(flow.valid.shape[1], height, device=channels.device).to(channels)
    across = resize_weights(flow.valid.shape[2], width, device=channels.device).to(channels)
    total = down @ channels @ across.T
    held = total[:, 2]
    valid = held >= _MAJORITY - 1e-6
    grid = total[:, :2] / torch.where(valid, held, torch.ones_like(held))[:, None]
    return Flow(torch.where(valid[:, None], grid, grid.new_zeros(())).movedim(1, -1), valid)


def resize_weights(old: int, new: int, *, device: torch.device) -> Float[Tensor, "new old"]:
    """Return the matrix that resizes one axis: overlap lengths when it shrinks, linear interpolation when it grows."""
    kind = float64_on(device)
    low = torch.arange(old, dtype=kind, device=device)
    if new <= old:
        edges = torch.arange(new + 1, dtype=kind, device=device) * old / new
        overlap = torch.minimum(edges[1:, None], low + 1) - torch.maximum(edges[:-1, None], low)
        weights = overlap.clamp(min=0)
    else:
        position = ((torch.arange(new, dtype=kind, device=device) + 0.5) * old / new - 0.5).clamp(0, old - 1)
        weights = (1 - (position[:, None] - low).abs()).clamp(min=0)
    return weights / weights.sum(1, keepdim=True)


def compose(first: Flow, second: Flow) -> Flow:
    """Return the flow that does in one step what warping by `first` and then by `second` does.

    `first` leads from picture A to picture B, `second` from B to C; the result leads from A to C and is valid where
    `second` is and every pixel of `first` that it reads from is. Points outside the hull of B's pixel centres are
    invalid too: `first` says nothing about them.

    Raises:
        InputError: batches that do not fit each other.

    Examples:
        >>> import torch
        >>> from liquidwarp.flow import compose, identity_flow
        >>> from liquidwarp.types import Flow
        >>> same = identity_flow((4, 6))
        >>> mirrored = Flow(same.grid.flip(2), same.valid)
        >>> torch.allclose(compose(mirrored, mirrored).grid, same.grid, atol=1e-6)
        True
    """
    batches = {first.valid.shape[0], second.valid.shape[0]}
    if len(batches - {1}) > 1:
        raise InputError(
            f"first has batch {first.valid.shape[0]}, second has {second.valid.shape[0]}; give equal ones or 1"
        )
    batch = max(batches)
    weight = first.valid.to(first.grid.dtype)
    channels = torch.cat([finite_grid(first).movedim(-1, 1), weight[:, None]], 1).expand(batch, -1, -1, -1)
    grid = finite_grid(second).expand(batch, -1, -1, -1).to(channels.dtype)
    read = sample_bilinear(channels, grid)
    limit = 1 - 1 / grid.new_tensor([first.valid.shape[2], first.valid.shape[1]]) + 1e-6
    valid = second.valid & (read[:, 2] >= _ALL) & (grid.abs() <= limit).all(-1)
    result = read[:, :2] / torch.where(valid, read[:, 2], torch.ones_like(read[:, 2]))[:, None]
    return Flow(torch.where(valid[:, None], result, result.new_zeros(())).movedim(1, -1), valid)
