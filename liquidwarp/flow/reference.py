"""The flow in loops: slow and plain, for tests."""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.types import Flow, Fragments


def mesh_flow(
    fragments: Fragments,
    faces: Int[Tensor, "F 3"],
    source_xy: Float[Tensor, "S V 2"],
    *,
    face_visible: Bool[Tensor, "N F"] | None = None,
) -> Flow:
    """Return the flow of fragments, pixel by pixel; see `flow.mesh_flow`."""
    targets, flows = len(fragments.face_index), max(len(fragments.face_index), len(source_xy))
    grid = torch.zeros(flows, *fragments.face_index.shape[1:], 2, dtype=source_xy.dtype)
    valid = torch.zeros(grid.shape[:3], dtype=torch.bool)
    for s in range(flows):
        b = min(s, targets - 1)
        for y, x in fragments.mask[b].nonzero().tolist():
            f = int(fragments.face_index[b, y, x])
            corners = source_xy[min(s, len(source_xy) - 1), faces[f].long()]
            point = fragments.bary[b, y, x] @ corners
            shown = face_visible is None or bool(face_visible[min(s, len(face_visible) - 1), f])
            grid[s, y, x] = point
            valid[s, y, x] = shown and bool((point.abs() <= 1).all())
    return Flow(grid, valid)


def warp(source: Float[Tensor, "S C H W"], flow: Flow, *, fill: float = 0.0) -> Float[Tensor, "B C h w"]:
    """Sample pixel by pixel; see `flow.warp`."""
    height, width = source.shape[-2:]
    result = source.new_full((flow.valid.shape[0], source.shape[1], *flow.valid.shape[1:]), fill)
    for b, y, x in flow.valid.nonzero().tolist():
        gx, gy = flow.grid[b, y, x].double().tolist()
        px = min(max((gx + 1) * width / 2 - 0.5, 0.0), width - 1.0)
        py = min(max((gy + 1) * height / 2 - 0.5, 0.0), height - 1.0)
        left, top = math.floor(px), math.floor(py)
        total = torch.zeros(source.shape[1], dtype=source.dtype)
        for row, down in ((top, 1 - (py - top)), (top + 1, py - top)):
            for column, across in ((left, 1 - (px - left)), (left + 1, px - left)):
                if down * across > 0:
                    total += down * across * source[min(b, len(source) - 1), :, row, column]
        result[b, :, y, x] = total
    return result


def resize_flow(flow: Flow, size: tuple[int, int]) -> Flow:
    """Average valid pixels by their overlap (shrinking) or linear weight (growing); see `flow.resize_flow`."""
    batch, height, width = flow.valid.shape
    grid = torch.zeros(batch, *size, 2, dtype=flow.grid.dtype)
    valid = torch.zeros(batch, *size, dtype=torch.bool)
    for y in range(size[0]):
        rows = _axis(height, size[0], y)
        for x in range(size[1]):
            columns = _axis(width, size[1], x)
            for b in range(batch):
                held, total = 0.0, torch.zeros(2, dtype=flow.grid.dtype)
                for j, down in rows:
                    for i, across in columns:
                        if flow.valid[b, j, i]:
                            held += down * across
                            total += down * across * flow.grid[b, j, i]
                if held >= 0.5 - 1e-6:
                    grid[b, y, x] = total / held
                    valid[b, y, x] = True
    return Flow(grid, valid)


def _axis(old: int, new: int, place: int) -> list[tuple[int, float]]:
    """List (old place, weight) of one new place along an axis; the weights sum to one."""
    if new <= old:
        low, high = place * old / new, (place + 1) * old / new
        lengths = [(i, min(high, i + 1) - max(low, i)) for i in range(old)]
    else:
        position = min(max((place + 0.5) * old / new - 0.5, 0), old - 1)
        lengths = [(i, 1 - abs(position - i)) for i in range(old)]
    kept = [(i, length) for i, length in lengths if length > 0]
    return [(i, length / sum(n for _, n in kept)) for i, length in kept]
