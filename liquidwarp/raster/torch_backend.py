"""Rasteriser in plain tensor operations: any device with float64, differentiable by autograd.

Every (face, pixel of its box) pair becomes a fragment; `scatter_reduce` keeps per pixel the smallest packed key
`float32 depth bits << 32 | face`, whose order is depth first, then face index, whatever the order of the fragments.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_FRAGMENTS = 1 << 21
"""Fragments expanded at a time, to bound memory."""
_EMPTY = torch.iinfo(torch.int64).max


def find_faces(
    screen: Float[Tensor, "B V 3"],
    faces: Int[Tensor, "F 3"],
    size: tuple[int, int],
    orthographic: bool,
    near: float,
    cull: bool,
) -> Int[Tensor, "B H W"]:
    """Return the nearest face at every pixel centre, or -1; `screen` holds (x px, y px, Z)."""
    height, width = size
    faces = faces.long()
    keys = torch.full((screen.shape[0], height * width), _EMPTY, dtype=torch.int64, device=screen.device)
    for image, points in enumerate(screen.double()):
        triangles = points[faces]
        boxes, drawn = pixel_boxes(triangles, size, near, cull)
        index = drawn.nonzero()[:, 0]
        for part in _parts(boxes[index]):
            _draw(keys[image], triangles, faces, boxes, index[part], width, orthographic)
    face_index = torch.where(keys == _EMPTY, -1, keys & 0xFFFFFFFF)
    return face_index.to(torch.int32).reshape(-1, height, width)


def pixel_boxes(
    triangles: Float[Tensor, "F 3 3"], size: tuple[int, int], near: float, cull: bool
) -> tuple[Int[Tensor, "F 4"], Bool[Tensor, "F"]]:
    """Return boxes (x0, x1, y0, y1) of pixel centres, inclusive, and which faces are drawn at all."""
    height, width = size
    (x0, y0, _), (x1, y1, _), (x2, y2, _) = (triangles[:, k].unbind(-1) for k in range(3))
    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
    low, high = triangles[..., :2].amin(1), triangles[..., :2].amax(1)
    limit = low.new_tensor([width, height])
    first = (low.clamp(min=0) - 0.5).ceil().clamp(min=0)
    last = torch.minimum((torch.minimum(high, limit) - 0.5).floor(), limit - 1)
    drawn = (triangles[..., 2] > near).all(1) & triangles.isfinite().all(2).all(1) & (first <= last).all(1)
    drawn &= (area < 0) if cull else (area != 0)
    boxes = torch.stack([first[:, 0], last[:, 0], first[:, 1], last[:, 1]], 1)
    return torch.where(drawn[:, None], boxes, torch.zeros_like(boxes)).long(), drawn


def _parts(boxes: Tensor) -> list[slice]:
    """Cut a list of boxes into slices of at most `_FRAGMENTS` pixels (or one box)."""
    total = ((boxes[:, 1] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 2] + 1)).cumsum(0)
    parts, start = [], 0
    while start < len(boxes):
        done = int(total[start - 1]) if start else 0
        stop = max(int(torch.searchsorted(total, done + _FRAGMENTS, right=True)), start + 1)
        parts.append(slice(start, stop))
        start = stop
    return parts


def expand_boxes(boxes: Int[Tensor, "N 4"]) -> tuple[Int[Tensor, "M"], Int[Tensor, "M"], Int[Tensor, "M"]]:
    """List every pixel of every box: (box number, x, y)."""
    wide = boxes[:, 1] - boxes[:, 0] + 1
    count = wide * (boxes[:, 3] - boxes[:, 2] + 1)
    which = torch.repeat_interleave(torch.arange(len(boxes), device=boxes.device), count)
    offset = torch.arange(len(which), device=boxes.device) - (count.cumsum(0) - count)[which]
    wide = wide[which]
    row = torch.div(offset, wide, rounding_mode="floor")
    return which, boxes[which, 0] + offset - row * wide, boxes[which, 2] + row


def _draw(
    keys: Tensor, triangles: Tensor, faces: Tensor, boxes: Tensor, index: Tensor, width: int, orthographic: bool
) -> None:
    which, x, y = expand_boxes(boxes[index])
    edges, owned = edge_setup(triangles[index], faces[index])
    pixel = torch.stack([x, y], -1).double() + 0.5
    values = edge_values(edges[which], pixel)
    inside = ((values > 0) | ((values == 0) & owned[which])).all(1).nonzero()[:, 0]
    which, x, y, values = which[inside], x[inside], y[inside], values[inside]
    depth = _interpolate(values, triangles[index[which]][..., 2], orthographic)[1].float()
    key = (depth.view(torch.int32).long() << 32) | index[which]
    keys.scatter_reduce_(0, y * width + x, key, "amin")


def edge_setup(
    triangles: Float[Tensor, "N 3 3"], faces: Int[Tensor, "N 3"]
) -> tuple[Float[Tensor, "N 3 4"], Bool[Tensor, "N 3"]]:
    """Return the edge opposite each vertex as (ax, ay, dx, dy), and whether the edge owns the pixels on it.

    `E(p) = dx (py - ay) - dy (px - ax)` is positive inside. Each edge starts at its vertex of lower index, so the two
    faces that share it get the same number but for the sign.
    """
    xy = triangles[..., :2]
    u, v = xy[:, 1] - xy[:, 0], xy[:, 2] - xy[:, 0]
    orient = torch.where(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0] > 0, 1.0, -1.0).to(xy)[:, None, None]
    begin, end = xy[:, [1, 2, 0]], xy[:, [2, 0, 1]]
    swap = (faces[:, [1, 2, 0]] > faces[:, [2, 0, 1]])[..., None]
    anchor, other = torch.where(swap, end, begin), torch.where(swap, begin, end)
    direction = torch.where(swap, -orient, orient) * (other - anchor)
    owned = (direction[..., 1] < 0) | ((direction[..., 1] == 0) & (direction[..., 0] > 0))
    return torch.cat([anchor, direction], -1), owned


def edge_values(edges: Float[Tensor, "N 3 4"], pixel: Float[Tensor, "N 2"]) -> Float[Tensor, "N 3"]:
    """Evaluate the three edge functions at a point each."""
    return edges[..., 2] * (pixel[:, None, 1] - edges[..., 1]) - edges[..., 3] * (pixel[:, None, 0] - edges[..., 0])


def _interpolate(values: Tensor, z: Tensor, orthographic: bool) -> tuple[Tensor, Tensor]:
    """Return surface weights and depth from edge values and vertex depths; sums are written out to fix their order."""
    if orthographic:
        n, m = torch.ones_like(z), z
    else:
        n, m = 1 / z, torch.ones_like(z)
    u, t = values * n, values * m
    total = u[:, 0] + u[:, 1] + u[:, 2]
    return u / total[:, None], (t[:, 0] + t[:, 1] + t[:, 2]) / total


def resolve(
    screen: Float[Tensor, "B V 3"], faces: Int[Tensor, "F 3"], face_index: Int[Tensor, "B H W"], orthographic: bool
) -> tuple[Float[Tensor, "B H W 3"], Float[Tensor, "B H W"]]:
    """Return surface weights and depth of known faces, differentiable in `screen`; computed in float64."""
    b, y, x = (face_index >= 0).nonzero(as_tuple=True)
    corners = faces.long()[face_index[b, y, x].long()]
    triangles = screen[b[:, None], corners].double()
    edges, _ = edge_setup(triangles, corners)
    pixel = torch.stack([x, y], -1).double() + 0.5
    weights, z = _interpolate(edge_values(edges, pixel), triangles[..., 2], orthographic)
    bary = screen.new_zeros((*face_index.shape, 3)).index_put((b, y, x), weights.to(screen.dtype))
    depth = screen.new_full(face_index.shape, torch.inf).index_put((b, y, x), z.to(screen.dtype))
    return bary, depth


def nearest_segments(ends: Float[Tensor, "N 2 2"], size: tuple[int, int], reach: float) -> Int[Tensor, "H W"]:
    """Return the segment nearest to every pixel centre, -1 where none is within `reach` pixels; lower ones win ties."""
    height, width = size
    limit = ends.new_tensor([width, height]) - 1
    first = torch.maximum((ends.amin(1) - reach - 0.5).ceil(), torch.zeros_like(limit))
    last = torch.minimum((ends.amax(1) + reach - 0.5).floor(), limit)
    boxes = torch.stack([first[:, 0], last[:, 0], first[:, 1], last[:, 1]], 1)
    index = (boxes.isfinite().all(1) & (first <= last).all(1)).nonzero()[:, 0]
    boxes = boxes[index].long()
    keys = torch.full((height * width,), _EMPTY, dtype=torch.int64, device=ends.device)
    for part in _parts(boxes):
        which, x, y = expand_boxes(boxes[part])
        start, stop = ends[index[part]][which].unbind(1)
        along, to = stop - start, torch.stack([x, y], -1) + 0.5 - start
        t = (to[:, 0] * along[:, 0] + to[:, 1] * along[:, 1]) / (along[:, 0] ** 2 + along[:, 1] ** 2).clamp(min=1e-12)
        rest = to - t.clamp(0, 1)[:, None] * along
        square = (rest[:, 0] ** 2 + rest[:, 1] ** 2).float()
        near = square <= reach * reach
        key = (square.view(torch.int32).long() << 32) | index[part][which]
        keys.scatter_reduce_(0, (y * width + x)[near], key[near], "amin")
    return torch.where(keys == _EMPTY, -1, keys & 0xFFFFFFFF).to(torch.int32).reshape(height, width)
