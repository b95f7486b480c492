"""Rasteriser for CUDA in Triton: the same face indices as the CPU's.

Two kernels. The first walks over the pixel box of every face and keeps per pixel the smallest packed key, `float32
depth bits << 32 | face`, by a 64-bit atomic minimum; depths are positive, so their bits are ordered as they are, and
the result does not depend on the order of the threads. The second turns keys into face, weights and depth. Edges are
computed in float64 as everywhere in `raster`, without fused multiply-add, so that every bit agrees.

Triton's interpreter (`TRITON_INTERPRET=1`) runs the same kernels on the CPU, slowly, for tests.
"""

from typing import no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.raster import torch_backend

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
    if screen.device.type != "cuda" and not triton.knobs.runtime.interpret:
        raise InputError(
            f"backend='triton' needs a CUDA device, vertices are on {screen.device}; choose 'auto' or 'torch'"
        )
    corners = faces.to(device=screen.device, dtype=torch.int32).contiguous()
    points = screen.detach().contiguous()
    keys = _draw(points, corners, size, orthographic, near, cull)
    if torch.is_grad_enabled() and screen.requires_grad:
        face_index = torch.where(keys == _EMPTY.value, -1, keys & 0xFFFFFFFF).to(torch.int32)
        return face_index, *torch_backend.resolve(screen, faces, face_index, orthographic)
    return _resolve(keys, points, corners, orthographic)


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
            near,
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
def _corner(points, vertex, live):
    """Return x, y, Z of vertices in float64."""
    place = points + 3 * vertex
    x = tl.load(place, mask=live, other=0.0).to(tl.float64)
    y = tl.load(place + 1, mask=live, other=0.0).to(tl.float64)
    z = tl.load(place + 2, mask=live, other=0.0).to(tl.float64)
    return x, y, z


@triton.jit
@no_type_check
def _edge(xj, yj, xk, yk, swap, orient):
    """Return (ax, ay, dx, dy) of E(p) = dx (py - ay) - dy (px - ax), positive inside, from the lower vertex on."""
    ax, ay = tl.where(swap, xk, xj), tl.where(swap, yk, yj)
    dx = tl.where(swap, -orient * (xj - xk), orient * (xk - xj))
    dy = tl.where(swap, -orient * (yj - yk), orient * (yk - yj))
    return ax, ay, dx, dy


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
    near,
    ORTHOGRAPHIC: tl.constexpr,
    CULL: tl.constexpr,
    FACES: tl.constexpr,
    PIXELS: tl.constexpr,
):
    face = tl.program_id(0) * FACES + tl.arange(0, FACES)
    image = tl.program_id(1).to(tl.int64)
    live = face < face_count
    points += image * vertex_count * 3
    keys += image * height * width
    i0 = tl.load(corners + 3 * face, mask=live, other=0)
    i1 = tl.load(corners + 3 * face + 1, mask=live, other=0)
    i2 = tl.load(corners + 3 * face + 2, mask=live, other=0)
    x0, y0, z0 = _corner(points, i0, live)
    x1, y1, z1 = _corner(points, i1, live)
    x2, y2, z2 = _corner(points, i2, live)
    total = x0 + x1 + x2 + y0 + y1 + y2 + z0 + z1 + z2
    live = live & (z0 > near) & (z1 > near) & (z2 > near) & (tl.abs(total) < float("inf"))
    x0, y0, z0 = tl.where(live, x0, 0.0), tl.where(live, y0, 0.0), tl.where(live, z0, 1.0)
    x1, y1, z1 = tl.where(live, x1, 0.0), tl.where(live, y1, 0.0), tl.where(live, z1, 1.0)
    x2, y2, z2 = tl.where(live, x2, 0.0), tl.where(live, y2, 0.0), tl.where(live, z2, 1.0)
    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
    live = live & (area < 0.0 if CULL else area != 0.0)
    x_low, x_high = tl.minimum(tl.minimum(x0, x1), x2), tl.maximum(tl.maximum(x0, x1), x2)
    y_low, y_high = tl.minimum(tl.minimum(y0, y1), y2), tl.maximum(tl.maximum(y0, y1), y2)
    # Clamped before they become whole numbers: what is far outside must not overflow.
    left = tl.ceil(tl.minimum(tl.maximum(x_low, 0.0), width) - 0.5).to(tl.int32)
    right = tl.floor(tl.minimum(tl.maximum(x_high, -1.0), width) - 0.5).to(tl.int32)
    top = tl.ceil(tl.minimum(tl.maximum(y_low, 0.0), height) - 0.5).to(tl.int32)
    bottom = tl.floor(tl.minimum(tl.maximum(y_high, -1.0), height) - 0.5).to(tl.int32)
    left, top = tl.maximum(left, 0), tl.maximum(top, 0)
    right, bottom = tl.minimum(right, width - 1), tl.minimum(bottom, height - 1)
    wide = tl.where(live, tl.maximum(right - left + 1, 0), 0)
    count = wide * tl.maximum(bottom - top + 1, 0)
    wide = tl.maximum(wide, 1)

    orient = tl.where(area > 0.0, 1.0, -1.0).to(tl.float64)
    ax0, ay0, dx0, dy0 = _edge(x1, y1, x2, y2, i1 > i2, orient)
    ax1, ay1, dx1, dy1 = _edge(x2, y2, x0, y0, i2 > i0, orient)
    ax2, ay2, dx2, dy2 = _edge(x0, y0, x1, y1, i0 > i1, orient)
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
    key = tl.load(keys + place, mask=live, other=_EMPTY)
    hit = key != _EMPTY
    face = tl.where(hit, key & 0xFFFFFFFF, 0)
    pixel = place % pixels
    px, py = (pixel % width).to(tl.float64) + 0.5, (pixel // width).to(tl.float64) + 0.5
    first = place // pixels * vertex_count
    i0 = tl.load(corners + 3 * face, mask=hit, other=0)
    i1 = tl.load(corners + 3 * face + 1, mask=hit, other=0)
    i2 = tl.load(corners + 3 * face + 2, mask=hit, other=0)
    x0, y0, z0 = _corner(points, first + i0, hit)
    x1, y1, z1 = _corner(points, first + i1, hit)
    x2, y2, z2 = _corner(points, first + i2, hit)
    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
    orient = tl.where(area > 0.0, 1.0, -1.0).to(tl.float64)
    ax, ay, dx, dy = _edge(x1, y1, x2, y2, i1 > i2, orient)
    e0 = dx * (py - ay) - dy * (px - ax)
    ax, ay, dx, dy = _edge(x2, y2, x0, y0, i2 > i0, orient)
    e1 = dx * (py - ay) - dy * (px - ax)
    ax, ay, dx, dy = _edge(x0, y0, x1, y1, i0 > i1, orient)
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
    tl.store(face_index + place, tl.where(hit, face, -1).to(tl.int32), mask=live)
    kind = bary.dtype.element_ty
    tl.store(bary + 3 * place, tl.where(hit, u0 / total, 0.0).to(kind), mask=live)
    tl.store(bary + 3 * place + 1, tl.where(hit, u1 / total, 0.0).to(kind), mask=live)
    tl.store(bary + 3 * place + 2, tl.where(hit, u2 / total, 0.0).to(kind), mask=live)
    tl.store(depth + place, tl.where(hit, above / total, float("inf")).to(kind), mask=live)
