"""Backward of the Triton rasteriser, deterministic: no sum depends on the order of threads.

Two kernels. The first walks over the pixel box of every face, as the forward does, and adds up what the pixels that
show the face pull at its three vertices, in registers; a pixel shows one face, so nothing is added twice. The second
adds up, vertex by vertex, the faces around it, in ascending order. No atomic additions, whose order would show in the
last bits.
"""

from typing import no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.raster.triton_parts import face_box

_FACES, _PIXELS = 32, 16  # of one step of a program
_VERTICES = 128  # of one program


def pull(
    points: Float[Tensor, "B V 3"],
    corners: Int[Tensor, "F 3"],
    face_index: Int[Tensor, "B H W"],
    bary: Float[Tensor, "B H W 3"],
    depth: Float[Tensor, "B H W"],
    grad_bary: Float[Tensor, "B H W 3"],
    grad_depth: Float[Tensor, "B H W"],
    orthographic: bool,
    near: float,
) -> Float[Tensor, "B V 3"]:
    """Return the gradient of (x px, y px, Z) vertices given those of `bary` and `depth`."""
    (batch, vertex_count, _), faces = points.shape, len(corners)
    height, width = face_index.shape[1:]
    if not faces or not face_index.numel():
        return torch.zeros_like(points)
    parts = torch.empty((batch, 3 * faces, 3), dtype=torch.float64, device=points.device)
    _pull_faces[(triton.cdiv(faces, _FACES), batch)](
        points,
        corners,
        face_index,
        bary,
        depth,
        grad_bary.contiguous(),
        grad_depth.contiguous(),
        parts,
        vertex_count,
        faces,
        height,
        width,
        NEAR=near,
        ORTHOGRAPHIC=orthographic,
        FACES=_FACES,
        PIXELS=_PIXELS,
        enable_fp_fusion=False,
    )
    sorted_corners, order = corners.flatten().sort(stable=True)
    begins = torch.searchsorted(sorted_corners, torch.arange(vertex_count + 1, device=points.device, dtype=torch.int32))
    gradient = torch.empty_like(points)
    _add_corners[(triton.cdiv(vertex_count, _VERTICES), batch)](
        parts, order, begins, gradient, vertex_count, 3 * faces, VERTICES=_VERTICES
    )
    return gradient


@triton.jit
@no_type_check
def _pull_faces(
    points,
    corners,
    face_index,
    bary,
    depth,
    grad_bary,
    grad_depth,
    parts,
    vertex_count,
    face_count,
    height,
    width,
    NEAR: tl.constexpr,
    ORTHOGRAPHIC: tl.constexpr,
    FACES: tl.constexpr,
    PIXELS: tl.constexpr,
):
    face = tl.program_id(0) * FACES + tl.arange(0, FACES)
    image = tl.program_id(1).to(tl.int64)
    points += image * vertex_count * 3
    _i0, _i1, _i2, x0, y0, z0, x1, y1, z1, x2, y2, z2, area, left, top, wide, count = face_box(
        points, corners, face, face_count, height, width, NEAR, False
    )
    drawn = area != 0.0
    inverse = 1.0 / tl.where(drawn, area, 1.0)
    # Moving vertex k by t moves the affine coordinates of a fixed pixel as moving the pixel by -a_k t does.
    sx, sy = (y2 - y0) * inverse, -(x2 - x0) * inverse
    tx, ty = -(y1 - y0) * inverse, (x1 - x0) * inverse
    zero = tl.zeros([FACES], tl.float64)
    px0, py0, pz0, px1, py1, pz1, px2, py2, pz2 = zero, zero, zero, zero, zero, zero, zero, zero, zero
    for start in range(0, tl.max(count), PIXELS):
        step = start + tl.arange(0, PIXELS)[None, :]
        row = step // wide[:, None]
        x = left[:, None] + step - row * wide[:, None]
        place = (image * height + top[:, None] + row) * width + x
        inside = step < count[:, None]
        shown = inside & (tl.load(face_index + place, mask=inside, other=-1) == face[:, None])
        w0 = tl.load(bary + 3 * place, mask=shown, other=0.0).to(tl.float64)
        w1 = tl.load(bary + 3 * place + 1, mask=shown, other=0.0).to(tl.float64)
        w2 = tl.load(bary + 3 * place + 2, mask=shown, other=0.0).to(tl.float64)
        g0 = tl.load(grad_bary + 3 * place, mask=shown, other=0.0).to(tl.float64)
        g1 = tl.load(grad_bary + 3 * place + 1, mask=shown, other=0.0).to(tl.float64)
        g2 = tl.load(grad_bary + 3 * place + 2, mask=shown, other=0.0).to(tl.float64)
        gz = tl.load(grad_depth + place, mask=shown, other=0.0).to(tl.float64)
        if ORTHOGRAPHIC:
            g0, g1, g2 = g0 + gz * z0[:, None], g1 + gz * z1[:, None], g2 + gz * z2[:, None]
            d0, d1, d2 = gz * w0, gz * w1, gz * w2
        else:
            # w = u / S, z = 1 / S with u = a / Z and S = sum(u), where `a` are the affine weights on the screen.
            z = tl.load(depth + place, mask=shown, other=1.0).to(tl.float64)
            common = g0 * w0 + g1 * w1 + g2 * w2 + z * gz
            w0, w1, w2 = w0 * z0[:, None] / z, w1 * z1[:, None] / z, w2 * z2[:, None] / z
            g0, g1, g2 = (
                z * (g0 - common) / z0[:, None],
                z * (g1 - common) / z1[:, None],
                z * (g2 - common) / z2[:, None],
            )
            d0, d1, d2 = -g0 * w0 / z0[:, None], -g1 * w1 / z1[:, None], -g2 * w2 / z2[:, None]
        s, t = g1 - g0, g2 - g0
        qx = tl.where(shown, s * sx[:, None] + t * tx[:, None], 0.0)
        qy = tl.where(shown, s * sy[:, None] + t * ty[:, None], 0.0)
        px0, py0, pz0 = px0 - tl.sum(w0 * qx, 1), py0 - tl.sum(w0 * qy, 1), pz0 + tl.sum(d0, 1)
        px1, py1, pz1 = px1 - tl.sum(w1 * qx, 1), py1 - tl.sum(w1 * qy, 1), pz1 + tl.sum(d1, 1)
        px2, py2, pz2 = px2 - tl.sum(w2 * qx, 1), py2 - tl.sum(w2 * qy, 1), pz2 + tl.sum(d2, 1)
    live = face < face_count
    own = parts + (image * face_count + face) * 9
    tl.store(own, px0, mask=live)
    tl.store(own + 1, py0, mask=live)
    tl.store(own + 2, pz0, mask=live)
    tl.store(own + 3, px1, mask=live)
    tl.store(own + 4, py1, mask=live)
    tl.store(own + 5, pz1, mask=live)
    tl.store(own + 6, px2, mask=live)
    tl.store(own + 7, py2, mask=live)
    tl.store(own + 8, pz2, mask=live)


@triton.jit
@no_type_check
def _add_corners(parts, order, begins, gradient, vertex_count, corner_count, VERTICES: tl.constexpr):
    vertex = tl.program_id(0) * VERTICES + tl.arange(0, VERTICES)
    image = tl.program_id(1).to(tl.int64)
    live = vertex < vertex_count
    begin = tl.load(begins + vertex, mask=live, other=0)
    end = tl.load(begins + vertex + 1, mask=live, other=0)
    zero = tl.zeros([VERTICES], tl.float64)
    px, py, pz = zero, zero, zero
    for step in range(0, tl.max(end - begin)):
        more = begin + step < end
        own = parts + (image * corner_count + tl.load(order + begin + step, mask=more, other=0)) * 3
        px += tl.load(own, mask=more, other=0.0)
        py += tl.load(own + 1, mask=more, other=0.0)
        pz += tl.load(own + 2, mask=more, other=0.0)
    own = gradient + (image * vertex_count + vertex) * 3
    kind = gradient.dtype.element_ty
    tl.store(own, px.to(kind), mask=live)
    tl.store(own + 1, py.to(kind), mask=live)
    tl.store(own + 2, pz.to(kind), mask=live)
