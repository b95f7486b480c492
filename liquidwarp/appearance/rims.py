"""Rims: as soft as the photo's outlines, before the background and before other parts of the body alike."""

import math

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, pad

from liquidwarp.appearance.rim_kernels import INNER, OUTER, blur_beside, grow_marks, mark_steps
from liquidwarp.appearance.tuning import RIM_TUNING, RimTuning
from liquidwarp.types import Fragments

_TINY = 1e-6


def outline_softness(alpha: Float[np.ndarray, "H W"], *, tuning: RimTuning = RIM_TUNING) -> float:
    """Return how soft a photo's outlines are: the sigma, in its pixels, of the blur that made them of sharp ones.

    Args:
        alpha: of the photo, 1 = person.
        tuning: what is outline rather than hair, or fast movement.
    """
    inside = alpha > 0.5
    edge = inside & ~ndimage.binary_erosion(inside, border_value=1)
    if not edge.any():
        return 0.0
    # Across a blurred step the integral of alpha (1 - alpha) is sigma over the root of pi.
    open_part, length = (
        ndimage.uniform_filter(values.astype(np.float64), tuning.window, mode="nearest")[edge]
        for values in (alpha * (1 - alpha), edge)
    )
    return float(np.quantile(open_part / np.maximum(length, _TINY), tuning.usual)) * math.sqrt(math.pi)


def softness_for(photo: float, scale: float, height: float, *, tuning: RimTuning = RIM_TUNING) -> float:
    """Return the sigma, pixels, by which outlines of a picture are blurred to be as soft as the photo's.

    Args:
        photo: from `outline_softness`.
        scale: pixels of the picture to one of the photo.
        height: of the person in the photo, pixels.
        tuning: the softest outline, and how soft samples make it.
    """
    wanted = min(photo, tuning.most * height) * scale
    sigma = math.sqrt(max(0.0, wanted**2 - tuning.samples**2))
    return sigma if sigma >= tuning.least else 0.0


def depth_steps(fragments: Fragments, times: int, *, tuning: RimTuning = RIM_TUNING) -> UInt8[Tensor, "h w"]:
    """Return where surfaces end: bits `INNER` before another surface, and `OUTER` before nothing.

    Args:
        fragments: of one picture, several samples to a pixel.
        times: samples per pixel along each axis.
        tuning: which step in depth is one.
    """
    depth = fragments.depth[0]
    if depth.device.type != "cpu":
        return depth_steps_in_tensors(depth, times, tuning.step)
    marks = torch.zeros(depth.shape[0] // times, depth.shape[1] // times, dtype=torch.uint8)
    mark_steps(depth.numpy(), times, np.float32(tuning.step), marks.numpy())
    return marks


def depth_steps_in_tensors(depth: Float[Tensor, "H W"], times: int, step: float) -> UInt8[Tensor, "h w"]:
    """Do as `depth_steps` on any device."""
    wide = pad(depth[None, None], (0, 1, 0, 1), mode="replicate")
    there = wide < torch.inf

    def most(values: Tensor) -> Tensor:
        return max_pool2d(torch.where(there, values, -torch.inf), times + 1, times)[0, 0]

    near, far = -most(-wide), most(wide)
    covered = near < torch.inf
    beyond = max_pool2d((~there).float(), times + 1, times)[0, 0] > 0
    return _bits(covered & (far - near > step), covered & beyond)


def grown(marks: UInt8[Tensor, "h w"], reach: int) -> UInt8[Tensor, "h w"]:
    """Return of every pixel the bits of all within some rows and columns."""
    if marks.device.type != "cpu":
        return grown_in_tensors(marks, reach)
    near = torch.zeros_like(marks)
    grow_marks(marks.numpy(), reach, near.numpy())
    return near


def grown_in_tensors(marks: UInt8[Tensor, "h w"], reach: int) -> UInt8[Tensor, "h w"]:
    """Do as `grown` on any device."""
    bits = torch.stack([(marks & bit) > 0 for bit in (INNER, OUTER)]).float()[None]
    return _bits(*(max_pool2d(bits, 2 * reach + 1, 1, reach)[0] > 0))


def softened(
    rgb: Float[Tensor, "h w 3"], alpha: Float[Tensor, "h w"], marks: UInt8[Tensor, "h w"], sigma: float
) -> tuple[Float[Tensor, "h w 3"], Float[Tensor, "h w"]]:
    """Return a premultiplied picture blurred beside marks alone.

    Args:
        rgb: premultiplied.
        alpha: of it.
        marks: from `depth_steps`.
        sigma: of the blur, pixels.
    """
    if rgb.device.type != "cpu":
        return softened_in_tensors(rgb, alpha, marks, sigma)
    taps, gain = _taps(sigma, rgb.device)
    made = rgb.clone(), alpha.clone()
    near, planes = grown(marks, len(taps) // 2).numpy(), [item.numpy() for item in made]
    blur_beside(rgb.numpy(), alpha.numpy(), marks.numpy(), near, taps.numpy(), np.float32(gain), *planes)
    return made


def softened_in_tensors(
    rgb: Float[Tensor, "h w 3"], alpha: Float[Tensor, "h w"], marks: UInt8[Tensor, "h w"], sigma: float
) -> tuple[Float[Tensor, "h w 3"], Float[Tensor, "h w"]]:
    """Do as `softened` on any device, but for rounding."""
    taps, gain = _taps(sigma, rgb.device)
    reach = len(taps) // 2
    planes = torch.cat([rgb.permute(2, 0, 1), alpha[None], (marks > 0).to(rgb)[None]])[:, None]
    wide = conv2d(planes, taps[None, None, :, None], padding=(reach, 0))
    blurred = conv2d(wide, taps[None, None, None, :], padding=(0, reach))[:, 0]
    part = (blurred[4] * gain).clamp(max=1)
    whole = planes[:4, 0] + part * (blurred[:4] - planes[:4, 0])
    return whole[:3].permute(1, 2, 0), whole[3]


def _bits(inner: Tensor, outer: Tensor) -> UInt8[Tensor, "h w"]:
    return (INNER * inner.to(torch.uint8) + OUTER * outer.to(torch.uint8)).to(torch.uint8)


def _taps(sigma: float, device: torch.device) -> tuple[Float[Tensor, "K"], float]:
    """Return the weights of a blur along one axis, and what makes a blurred line of ones one in its middle."""
    reach = max(1, math.ceil(2 * sigma))
    at = torch.arange(-reach, reach + 1, dtype=torch.float32, device=device)
    taps = torch.exp(-(at**2) / (2 * sigma**2))
    return taps / taps.sum(), math.sqrt(2 * math.pi) * sigma
