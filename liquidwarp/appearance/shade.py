"""Colours of what a camera sees of a surface: by a compiled loop on the CPU, and by its twin in tensors anywhere."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from liquidwarp.appearance.appearance import Appearance, AppearanceTensors
from liquidwarp.appearance.layers import MIRRORED, SEEN
from liquidwarp.appearance.rim_kernels import INNER
from liquidwarp.appearance.shade_kernels import (
    SeenSurface,
    ShadedPlanes,
    SurfaceTexels,
    shade_parallel,
    shade_serial,
)
from liquidwarp.parallel import run_kernel
from liquidwarp.raster.interpolate import blend_corners, interpolate_at
from liquidwarp.types import Fragments

Window = tuple[slice, slice]
"""Rows and columns of a picture."""

_TOP = 255.0  # of a texel
_NO_GAIN = np.zeros((0, 1), np.float32)


@dataclass(frozen=True, eq=False)
class Shaded:
    """A shaded rectangle.

    Attributes:
        rgb: premultiplied by alpha, in [0, 1].
        alpha: 1 = person.
        coverage: 0 none, 1 seen, 2 mirrored, 3 filled.
    """

    rgb: Float[Tensor, "h w 3"]
    alpha: Float[Tensor, "h w"]
    coverage: UInt8[Tensor, "h w"]


@dataclass(frozen=True, eq=False)
class SurfaceView:
    """What a camera sees of a surface in a rectangle of its picture.

    Attributes:
        fragments: of the rectangle, several samples to a pixel.
        faces: of the mesh.
        facing: how squarely each vertex faces the camera, 1 to 0.
        supersample: samples per pixel along each axis.
        window: rows and columns of the rectangle.
        rims: near which steps in depth a pixel is (`rims.depth_steps`, grown); zeros let all rims be transparent.
        gain: part of the colours of each vertex that light adds (`LitSurface.gain`); None for none.
    """

    fragments: Fragments
    faces: Int[Tensor, "F 3"]
    facing: Float[Tensor, "V"]
    supersample: int
    window: Window
    rims: UInt8[Tensor, "h w"]
    gain: Float[Tensor, "V C"] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width) of the rectangle in pixels."""
        rows, columns = self.window
        return rows.stop - rows.start, columns.stop - columns.start


def shade_compiled(appearance: Appearance, view: SurfaceView, *, rim: float) -> Shaded:
    """Shade on the CPU.

    Args:
        appearance: where every face looks.
        view: what the camera sees.
        rim: cosine below which surface is as transparent as in the photo; 0 for solid surface.
    """
    made = Shaded(
        torch.zeros(*view.size, 3, dtype=torch.float32),
        torch.zeros(view.size, dtype=torch.float32),
        torch.zeros(view.size, dtype=torch.uint8),
    )
    fragments = view.fragments
    gain = _NO_GAIN if view.gain is None else view.gain.numpy()
    seen = SeenSurface(
        fragments.face_index[0].numpy(),
        fragments.bary[0].numpy(),
        view.faces.numpy(),
        view.facing.numpy(),
        view.rims.numpy(),
        gain,
    )
    look = SurfaceTexels(*(getattr(appearance, name) for name in SurfaceTexels._fields))
    planes = ShadedPlanes(made.rgb.numpy(), made.alpha.numpy(), made.coverage.numpy())
    run_kernel(shade_serial, shade_parallel, seen, look, np.float32(rim), view.supersample, planes)
    return made


def shade_in_tensors(texture: AppearanceTensors, view: SurfaceView, *, rim: float) -> Shaded:
    """Do as `shade_compiled` on any device.

    Sums are taken in the order of the compiled loop, so that both differ in rounding alone.
    """
    fragments, times = view.fragments, view.supersample
    row, column = fragments.mask[0].nonzero().unbind(1)
    face, bary = fragments.face_index[0, row, column].long(), fragments.bary[0, row, column]
    color, total, trust, kind = _look_up(texture, face, bary)
    if view.gain is not None:
        more = interpolate_at(face, bary, view.faces, view.gain)
        plain = color[:, :3]
        bright = torch.minimum(plain * (1 + more), torch.maximum(total[:, None] * _TOP, plain))
        color = torch.cat([torch.where(more != 0, bright, plain), color[:, 3:]], 1)
    if rim > 0:
        front = interpolate_at(face, bary, view.faces, view.facing[:, None])[:, 0]
        edge = torch.maximum(color[:, 3] / (total * _TOP), (front / rim).clamp(0, 1))
        edge = torch.where(view.rims[row // times, column // times] == INNER, 1.0, edge)
    else:
        edge = torch.ones_like(total)
    per_sample = 1 / times**2
    scale = edge * per_sample / (total * _TOP)
    found = torch.cat([color[:, :3] * scale[:, None], (edge * per_sample)[:, None]], 1)
    found = torch.where(total[:, None] > 0, found, 0.0)

    place = (row % times * times + column % times, row // times, column // times)
    shape = (times**2, *view.size)
    return _gathered(
        found.new_zeros(*shape, 4).index_put(place, found),
        trust.new_zeros(shape).index_put(place, trust),
        kind.new_zeros(shape).index_put(place, kind),
    )


def _look_up(texture: AppearanceTensors, face: Tensor, bary: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return of samples: weighted sums of texels (M, 4) and of weights, the largest weight, and the kind there."""
    color, total = bary.new_zeros(len(face), 4), bary.new_zeros(len(face))
    trust, kind = torch.zeros_like(total), torch.zeros_like(face, dtype=torch.uint8)
    for slot in range(texture.slot_layer.shape[1]):
        layer = texture.slot_layer[face, slot].long()
        weight = blend_corners(texture.slot_weight[face, slot], bary)
        weight = torch.where((layer >= 0) & (weight > 0), weight, 0.0)
        x, y = blend_corners(texture.slot_xy[face, slot], bary).unbind(1)
        start, height, width = texture.table[layer.clamp(min=0)].unbind(1)
        color = color + weight[:, None] * _bilinear(texture.texels, start, height, width, x, y)
        total = total + weight
        place = start + _within(y.long(), height) * width + _within(x.long(), width)
        seen = texture.kinds[place]
        seen = torch.where(texture.slot_mirrored[face, slot] & (seen == SEEN), MIRRORED, seen).to(torch.uint8)
        better = weight > trust
        trust, kind = torch.where(better, weight, trust), torch.where(better, seen, kind)
    return color, total, trust, kind


def _bilinear(
    texels: Tensor, start: Tensor, height: Tensor, width: Tensor, x: Tensor, y: Tensor
) -> Float[Tensor, "M 4"]:
    """Sample layers that begin at `start` at pixels; beyond a layer its border goes on."""
    x, y = _within(x - 0.5, width), _within(y - 0.5, height)
    left, top = x.long(), y.long()
    right, below = (left + 1).minimum(width - 1), (top + 1).minimum(height - 1)
    fx, fy = x - left, y - top
    total: Tensor | float = 0.0
    for row, column, weight in (
        (top, left, (1 - fx) * (1 - fy)),
        (top, right, fx * (1 - fy)),
        (below, left, (1 - fx) * fy),
        (below, right, fx * fy),
    ):
        total = total + weight[:, None] * texels[start + row * width + column]
    assert isinstance(total, Tensor)
    return total


def _within(place: Tensor, length: Tensor) -> Tensor:
    return place.clamp(min=0).minimum((length - 1).to(place))


def _gathered(
    samples: Float[Tensor, "S h w 4"], trust: Float[Tensor, "S h w"], kinds: UInt8[Tensor, "S h w"]
) -> Shaded:
    """Add up the samples of each pixel; the most trusted one says how it was come by."""
    total, most, kind = samples[0], trust[0], kinds[0]
    for number in range(1, len(samples)):
        total = total + samples[number]
        better = trust[number] > most
        most, kind = torch.where(better, trust[number], most), torch.where(better, kinds[number], kind)
    return Shaded(total[..., :3], total[..., 3], kind)
