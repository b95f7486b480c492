"""Rasteriser for CUDA in Triton: the same face indices as the CPU's.

Two kernels. The first walks over the pixel box of every face and keeps per pixel the smallest packed key, `float32
depth bits << 32 | face`, by a 64-bit atomic minimum; depths are positive, so their bits are ordered as they are, and
the result does not depend on the order of the threads. The second turns keys into face, weights and depth, or into a
flow at once, without writing weights that nobody reads. Edges are computed in float64 as everywhere in `raster`,
without fused multiply-add, so that every bit agrees.

The backward is deterministic too: `triton_backward`.

Triton's interpreter (`TRITON_INTERPRET=1`) runs the same kernels on the CPU, slowly, for tests.
"""

from typing import Any, no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.raster.triton_backward import pull
from liquidwarp.raster.triton_parts import corner, edge, face_box

_EMPTY = tl.constexpr(torch.iinfo(torch.int64).max)
_FACES, _PIXELS = 32, 16  # of one step of a program
_BLOCK = 256  # pixels that a program resolves


def rasterize(
    screen: Float[Tensor, "B V 3"],
    faces: Int[Tensor, "F 3"],
    size: tuple[int, int],
    orthographic: bool,
    near: float,
    cull: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (face_index, bary, depth) for (x px, y px, Z) vertices; see `raster.rasterize`.

    Raises:
        InputError: vertices that are not on a CUDA device.
    """
    corners = _corners_on_device(screen, faces)
    if torch.is_grad_enabled() and screen.requires_grad:
        face_index, bary, depth = _RasterizeTriton.apply(screen, corners, size, orthographic, near, cull)
        return face_index, bary, depth
    points = screen.detach().contiguous()
    return _resolve(_draw(points, corners, size, orthographic, near, cull), points, corners, orthographic)


def draw_flow(
    screen: Float[Tensor, "B V 3"],
    faces: Int[Tensor, "F 3"],
    size: tuple[int, int],
    orthographic: bool,
    near: float,
    cull: bool,
    source_xy: Float[Tensor, "S V 2"],
    visible: Bool[Tensor, "N F"],
    flows: int,
) -> tuple[Int[Tensor, "B H W"], Float[Tensor, "M H W 2"], Bool[Tensor, "M H W"]]:
    """Return (face_index, grid, valid) for (x px, y px, Z) vertices; see `fused.draw_flow`.

    Raises:
        InputError: vertices that are not on a CUDA device.
    """
    corners, points = _corners_on_device(screen, faces), screen.detach().contiguous()
    keys = _draw(points, corners, size, orthographic, near, cull)
    device = keys.device
    face_index = torch.empty(keys.shape, dtype=torch.int32, device=device)
    grid = torch.empty((flows, *size, 2), dtype=source_xy.dtype, device=device)
    valid = torch.empty((flows, *size), dtype=torch.bool, device=device)
    if keys.numel():
        _resolve_flows[(triton.cdiv(keys.numel(), _BLOCK),)](
            keys,
            points,
            corners,
            source_xy.to(device).contiguous(),
            visible.to(device).contiguous().view(torch.uint8),
            face_index,
            grid,
            valid.view(torch.uint8),
            points.shape[1],
            len(corners),
            size[0] * size[1],
            size[1],
            keys.numel(),
            flows // len(keys),
            0 if len(source_xy) == 1 else points.shape[1] * 2,
            0 if len(visible) == 1 else len(corners),
            ORTHOGRAPHIC=orthographic,
            ALL_VISIBLE=len(visible) == 0,
            BLOCK=_BLOCK,
            enable_fp_fusion=False,
        )
    return face_index, grid, valid


def _corners_on_device(screen: Tensor, faces: Tensor) -> Tensor:
    if screen.device.type != "cuda" and not triton.knobs.runtime.interpret:
        raise InputError(
            f"backend='triton' needs a CUDA device, vertices are on {screen.device}; choose 'auto' or 'torch'"
        )
    return faces.to(device=screen.device, dtype=torch.int32).contiguous()


class _RasterizeTriton(torch.autograd.Function):
    """Gradients to the projected vertices, summed in fixed order."""

    @staticmethod
    def forward(
        ctx: Any, screen: Tensor, corners: Tensor, size: tuple[int, int], orthographic: bool, near: float, cull: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        points = screen.contiguous()
        made = _resolve(_draw(points, corners, size, orthographic, near, cull), points, corners, orthographic)
        ctx.mark_non_differentiable(made[0])
        ctx.save_for_backward(points, corners, *made)
        ctx.orthographic, ctx.near = orthographic, near
        return made

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, _: Tensor, grad_bary: Tensor, grad_depth: Tensor
    ) -> tuple[Tensor, None, None, None, None, None]:
        points, corners, face_index, bary, depth = ctx.saved_tensors
        gradient = pull(points, corners, face_index, bary, depth, grad_bary, grad_depth, ctx.orthographic, ctx.near)
        return gradient, None, None, None, None, None


def _draw(
    points: Tensor, corners: Tensor, size: tuple[int, int], orthographic: bool, near: float, cull: bool
) -> Int[Tensor, "B H W"]:
    batch, (height, width) = points.shape[0], size
    keys = torch.full((batch, height, width), _EMPTY.value, dtype=torch.int64, device=points.device)
    if len(corners) and batch:
        _draw_faces[(triton.cdiv(len(corners), _FACES), batch)](
            keys,
            points,
            corners,
            points.shape[1],
            len(corners),
            height,
            width,
            NEAR=near,
            ORTHOGRAPHIC=orthographic,
            CULL=cull,
            FACES=_FACES,
            PIXELS=_PIXELS,
            enable_fp_fusion=False,
        )
    return keys


def _resolve(
    keys: Tensor, points: Tensor, corners: Tensor, orthographic: bool
) -> tuple[Int[Tensor, "B H W"], Float[Tensor, "B H W 3"], Float[Tensor, "B H W"]]:
    shape, device = keys.shape, keys.device
    face_index = torch.empty(shape, dtype=torch.int32, device=device)
    bary = torch.empty((*shape, 3), dtype=points.dtype, device=device)
    depth = torch.empty(shape, dtype=points.dtype, device=device)
    if keys.numel():
        _resolve_pixels[(triton.cdiv(keys.numel(), _BLOCK),)](
            keys,
            points,
            corners,
            face_index,
            bary,
            depth,
            points.shape[1],
            shape[1] * shape[2],
            shape[2],
            keys.numel(),
            ORTHOGRAPHIC=orthographic,
            BLOCK=_BLOCK,
            enable_fp_fusion=False,
        )
    return face_index, bary, depth


@triton.jit
@no_type_check
def _inside(value, dx, dy):
    """Whether a pixel is on the inner side of an edge, or on an edge that owns its pixels (top-left rule)."""
    return (value > 0.0) | ((value == 0.0) & ((dy < 0.0) | ((dy == 0.0) & (dx > 0.0))))


@triton.jit
@no_type_check
def _draw_faces(
    keys,
    points,
    corners,
    vertex_count,
    face_count,
    height,
    width,
    NEAR: tl.constexpr,
    ORTHOGRAPHIC: tl.constexpr,
    CULL: tl.constexpr,
    FACES: tl.constexpr,
    PIXELS: tl.constexpr,
):
    face = tl.program_id(0) * FACES + tl.arange(0, FACES)
    image = tl.program_id(1).to(tl.int64)
    points += image * vertex_count * 3
    keys += image * height * width
    i0, i1, i2, x0, y0, z0, x1, y1, z1, x2, y2, z2, area, left, top, wide, count = face_box(
        points, corners, face, face_count, height, width, NEAR, CULL
    )

    orient = tl.where(area > 0.0, 1.0, -1.0).to(tl.float64)
    ax0, ay0, dx0, dy0 = edge(x1, y1, x2, y2, i1 > i2, orient)
    ax1, ay1, dx1, dy1 = edge(x2, y2, x0, y0, i2 > i0, orient)
    ax2, ay2, dx2, dy2 = edge(x0, y0, x1, y1, i0 > i1, orient)
    one = tl.full([FACES], 1.0, tl.float64)
    if ORTHOGRAPHIC:
        m0, m1, m2, n0, n1, n2 = z0, z1, z2, one, one, one
    else:
        m0, m1, m2, n0, n1, n2 = one, one, one, one / z0, one / z1, one / z2
    for start in range(0, tl.max(count), PIXELS):
        step = start + tl.arange(0, PIXELS)[None, :]
        row = step // wide[:, None]
        x = left[:, None] + step - row * wide[:, None]
        y = top[:, None] + row
        px, py = x.to(tl.float64) + 0.5, y.to(tl.float64) + 0.5
        e0 = dx0[:, None] * (py - ay0[:, None]) - dy0[:, None] * (px - ax0[:, None])
        e1 = dx1[:, None] * (py - ay1[:, None]) - dy1[:, None] * (px - ax1[:, None])
        e2 = dx2[:, None] * (py - ay2[:, None]) - dy2[:, None] * (px - ax2[:, None])
        hit = step < count[:, None]
        hit = hit & _inside(e0, dx0[:, None], dy0[:, None])
        hit = hit & _inside(e1, dx1[:, None], dy1[:, None])
        hit = hit & _inside(e2, dx2[:, None], dy2[:, None])
        above = e0 * m0[:, None] + e1 * m1[:, None] + e2 * m2[:, None]
        below = e0 * n0[:, None] + e1 * n1[:, None] + e2 * n2[:, None]
        depth = (above / tl.where(hit, below, 1.0)).to(tl.float32)
        key = (depth.to(tl.int32, bitcast=True).to(tl.int64) << 32) | face[:, None].to(tl.int64)
        place = keys + y * width + x
        # Most fragments lie behind one that is there already; a look is cheaper than an atomic.
        nearest = tl.load(place, mask=hit, other=0)
        tl.atomic_min(place, key, mask=hit & (key < nearest), sem="relaxed")


@triton.jit
@no_type_check
def _pixel_weights(keys, points, corners, place, live, vertex_count, pixels, width, ORTHOGRAPHIC: tl.constexpr):
    """Return of pixels: whether a face is hit, which and its vertices; three weights times a total, it, and depth."""
    key = tl.load(keys + place, mask=live, other=_EMPTY)
    hit = key != _EMPTY
    face = tl.where(hit, key & 0xFFFFFFFF, 0)
    pixel = place % pixels
    px, py = (pixel % width).to(tl.float64) + 0.5, (pixel // width).to(tl.float64) + 0.5
    first = place // pixels * vertex_count
    i0 = tl.load(corners + 3 * face, mask=hit, other=0)
    i1 = tl.load(corners + 3 * face + 1, mask=hit, other=0)
    i2 = tl.load(corners + 3 * face + 2, mask=hit, other=0)
    x0, y0, z0 = corner(points, first + i0, hit)
    x1, y1, z1 = corner(points, first + i1, hit)
    x2, y2, z2 = corner(points, first + i2, hit)
    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
    orient = tl.where(area > 0.0, 1.0, -1.0).to(tl.float64)
    ax, ay, dx, dy = edge(x1, y1, x2, y2, i1 > i2, orient)
    e0 = dx * (py - ay) - dy * (px - ax)
    ax, ay, dx, dy = edge(x2, y2, x0, y0, i2 > i0, orient)
    e1 = dx * (py - ay) - dy * (px - ax)
    ax, ay, dx, dy = edge(x0, y0, x1, y1, i0 > i1, orient)
    e2 = dx * (py - ay) - dy * (px - ax)
    if ORTHOGRAPHIC:
        u0, u1, u2 = e0, e1, e2
        above = e0 * z0 + e1 * z1 + e2 * z2
    else:
        # Times one over z, as elsewhere: a division instead would differ in the last bit.
        u0 = e0 * (1.0 / tl.where(hit, z0, 1.0))
        u1 = e1 * (1.0 / tl.where(hit, z1, 1.0))
        u2 = e2 * (1.0 / tl.where(hit, z2, 1.0))
        above = e0 + e1 + e2
    total = tl.where(hit, u0 + u1 + u2, 1.0)
    return hit, face, i0, i1, i2, u0, u1, u2, total, above / total


@triton.jit
@no_type_check
def _resolve_pixels(
    keys,
    points,
    corners,
    face_index,
    bary,
    depth,
    vertex_count,
    pixels,
    width,
    count,
    ORTHOGRAPHIC: tl.constexpr,
    BLOCK: tl.constexpr,
):
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    live = place < count
    hit, face, _i0, _i1, _i2, u0, u1, u2, total, far = _pixel_weights(
        keys, points, corners, place, live, vertex_count, pixels, width, ORTHOGRAPHIC
    )
    tl.store(face_index + place, tl.where(hit, face, -1).to(tl.int32), mask=live)
    kind = bary.dtype.element_ty
    tl.store(bary + 3 * place, tl.where(hit, u0 / total, 0.0).to(kind), mask=live)
    tl.store(bary + 3 * place + 1, tl.where(hit, u1 / total, 0.0).to(kind), mask=live)
    tl.store(bary + 3 * place + 2, tl.where(hit, u2 / total, 0.0).to(kind), mask=live)
    tl.store(depth + place, tl.where(hit, far, float("inf")).to(kind), mask=live)


@triton.jit
@no_type_check
def _resolve_flows(
    keys,
    points,
    corners,
    xy,
    visible,
    face_index,
    grid,
    valid,
    vertex_count,
    face_count,
    pixels,
    width,
    count,
    sources,
    xy_stride,
    visible_stride,
    ORTHOGRAPHIC: tl.constexpr,
    ALL_VISIBLE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    live = place < count
    hit, face, i0, i1, i2, u0, u1, u2, total, _far = _pixel_weights(
        keys, points, corners, place, live, vertex_count, pixels, width, ORTHOGRAPHIC
    )
    tl.store(face_index + place, tl.where(hit, face, -1).to(tl.int32), mask=live)
    kind = grid.dtype.element_ty
    w0, w1, w2 = (u0 / total).to(kind), (u1 / total).to(kind), (u2 / total).to(kind)
    image = place // pixels
    for source in range(sources):  # several of a single image, or one of each
        flow = image + source
        own = xy + flow * xy_stride
        gx = tl.load(own + 2 * i0, mask=hit, other=0.0) * w0
        gx += tl.load(own + 2 * i1, mask=hit, other=0.0) * w1
        gx += tl.load(own + 2 * i2, mask=hit, other=0.0) * w2
        gy = tl.load(own + 2 * i0 + 1, mask=hit, other=0.0) * w0
        gy += tl.load(own + 2 * i1 + 1, mask=hit, other=0.0) * w1
        gy += tl.load(own + 2 * i2 + 1, mask=hit, other=0.0) * w2
        finite = hit & (tl.abs(gx) < float("inf")) & (tl.abs(gy) < float("inf"))
        believed = finite & (tl.abs(gx) <= 1.0) & (tl.abs(gy) <= 1.0)
        if not ALL_VISIBLE:
            believed = believed & (tl.load(visible + flow * visible_stride + face, mask=hit, other=0) != 0)
        target = flow * pixels + place % pixels
        tl.store(grid + 2 * target, tl.where(finite, gx, 0.0), mask=live)
        tl.store(grid + 2 * target + 1, tl.where(finite, gy, 0.0), mask=live)
        tl.store(valid + target, believed.to(tl.uint8), mask=live)
