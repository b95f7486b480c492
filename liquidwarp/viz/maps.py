"""Planes of numbers as colours: flow, coverage, fragments, features."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.geometry import denormalize_pixels, pixel_centers
from liquidwarp.types import Flow, Fragments
from liquidwarp.viz.pictures import (
    NOTHING,
    PAPER,
    ArrayLike,
    Color,
    Viewable,
    as_picture,
    blend,
    resized,
    to_plane,
    with_legend,
)

COVERAGE_COLORS: dict[str, Color] = {
    "background": (225, 225, 222),
    "seen": (0, 158, 115),
    "mirrored": (86, 180, 233),
    "filled": (230, 120, 0),
}
"""Colour of each kind of coverage, in the order of its numbers; told apart by colour-blind eyes too."""

_TINT = 0.6
_LEAST = 1.0  # pixels of shift that colours are full at, at least: rounding errors are not shown as motion
_LEGEND = 5  # a picture's shorter side in wheels
_WHEEL = (("RY", 15), ("YG", 6), ("GC", 4), ("CB", 11), ("BM", 13), ("MR", 6))
_CORNERS = {"R": (1, 0, 0), "Y": (1, 1, 0), "G": (0, 1, 0), "C": (0, 1, 1), "B": (0, 0, 1), "M": (1, 0, 1)}
_GOLDEN = (math.sqrt(5) - 1) / 2


def coverage_map(
    coverage: ArrayLike, *, picture: Viewable | None = None, legend: bool = True
) -> UInt8[np.ndarray, "H W 3"]:
    """Show how each pixel was come by: seen in a photo, mirrored, or filled.

    Args:
        coverage: (H, W), 0 background, 1 seen, 2 mirrored, 3 filled, such as `Synthesis.coverage`.
        picture: what to tint; flat colours if None.
        legend: write below what the colours mean, with each kind's fraction of the person.

    Raises:
        InputError: another shape, or other numbers.
    """
    kinds = to_plane(coverage, "coverage")
    if kinds.size and (kinds.min() < 0 or kinds.max() >= len(COVERAGE_COLORS)):
        raise InputError(f"coverage holds {kinds.min()} to {kinds.max()}, wanted 0, 1, 2 and 3 (Synthesis.coverage)")
    flat = np.array(list(COVERAGE_COLORS.values()), np.uint8)[kinds.astype(np.int64)]
    shown = flat
    if picture is not None:
        base = resized(as_picture(picture), (kinds.shape[0], kinds.shape[1]), crop=True)
        grey = np.repeat(base.mean(2, keepdims=True), 3, 2)
        faded = (0.5 * grey + 0.5 * np.array(PAPER)).astype(np.uint8)
        shown = blend(np.where((kinds > 0)[..., None], grey.astype(np.uint8), faded), flat, kinds > 0, opacity=_TINT)
    if not legend:
        return shown
    person = max(1, int((kinds > 0).sum()))
    entries = {
        f"{name} {100 * int((kinds == kind).sum()) / person:.0f}%": color
        for kind, (name, color) in enumerate(COVERAGE_COLORS.items())
        if kind > 0
    }
    return with_legend(shown, entries)


def flow_colors(
    flow: Flow,
    *,
    source_size: tuple[int, int] | None = None,
    largest: float | int | None = None,
    legend: bool = True,
    item: int = 0,
) -> UInt8[np.ndarray, "H W 3"]:
    """Show a flow as colours: the hue is the way to the source, the saturation how far it is.

    The wheel is that of Baker et al., "A Database and Evaluation Methodology for Optical Flow", 2011 (Middlebury); see
    `flow_wheel`. Invalid pixels are dark grey.

    Convention: flow goes from target to source; a pixel that has to look to the right in the source is red, downwards
    yellow.

    Args:
        flow: any; of the batch, `item` is shown.
        source_size: (height, width) of the source; the flow's own if None.
        largest: pixels at which colours are full; by default the largest shift that is valid, or 1.
        legend: put the wheel into the lower right corner.
        item: which flow of the batch.
    """
    shift = flow_shift(flow, source_size=source_size)[item]
    picture = wheel_colors(shift.permute(2, 0, 1), valid=flow.valid[item], largest=largest)
    if legend:
        side = min(picture.shape[:2]) // _LEGEND
        picture[-side:, -side:] = flow_wheel(side, background=NOTHING)
    return picture


def flow_shift(flow: Flow, *, source_size: tuple[int, int] | None = None) -> Float[Tensor, "B H W 2"]:
    """Return how far and in which direction each target pixel has to look, in pixels of the source.

    A target pixel's own place is scaled to the source's size first; 0 where the flow is invalid.
    """
    size = (flow.grid.shape[1], flow.grid.shape[2])
    source = source_size or size
    scale = flow.grid.new_tensor([source[1] / size[1], source[0] / size[0]])
    shift = denormalize_pixels(flow.grid, source) - pixel_centers(size, device=flow.grid.device).to(flow.grid) * scale
    return torch.where(flow.valid[..., None], shift, torch.zeros_like(shift))


def wheel_colors(
    shift: Float[Tensor, "2 H W"], *, valid: Bool[Tensor, "H W"] | None = None, largest: float | int | None = None
) -> UInt8[np.ndarray, "H W 3"]:
    """Colour a field of (right, down) by direction and length; see `flow_colors`."""
    x, y = shift.detach().cpu().double().numpy()
    known = np.ones(x.shape, bool) if valid is None else valid.cpu().numpy()
    length = np.hypot(x, y)
    most = largest if largest is not None else float(length[known].max(initial=_LEAST))
    radius = (length / most)[..., None]
    wheel = _wheel()
    place = (np.arctan2(y, x) / (2 * math.pi)) % 1 * len(wheel)
    low = np.floor(place).astype(np.int64) % len(wheel)
    part = (place - np.floor(place))[..., None]
    hue = (1 - part) * wheel[low] + part * wheel[(low + 1) % len(wheel)]
    color = np.where(radius <= 1 + 1e-6, 1 - radius.clip(0, 1) * (1 - hue), 0.75 * hue)
    picture = (255 * color + 0.5).astype(np.uint8)
    return np.where(known[..., None], picture, np.array(NOTHING, np.uint8))


def flow_wheel(size: int = 96, *, background: Color = PAPER) -> UInt8[np.ndarray, "S S 3"]:
    """Return the legend of `flow_colors`: each colour stands where a pixel of that colour has to look."""
    axis = (torch.arange(size) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    disc = wheel_colors(torch.stack([x, y]), largest=1.0)
    return np.where((x.hypot(y) <= 1).numpy()[..., None], disc, np.array(background, np.uint8))


def fragment_pictures(fragments: Fragments, *, item: int = 0) -> dict[str, UInt8[np.ndarray, "H W 3"]]:
    """Show what the rasteriser found: "face" (a colour of its own each), "weights" (as RGB) and "depth" (near bright).

    Args:
        fragments: what a camera sees.
        item: which picture of the batch.
    """
    mask = fragments.mask[item].numpy()
    index = fragments.face_index[item].numpy().astype(np.float64)
    phase = (index * _GOLDEN % 1)[..., None] * 2 * math.pi + np.array([0.0, 2.1, 4.2])
    depth = fragments.depth[item].detach().numpy()
    near, far = (depth[mask].min(), depth[mask].max()) if mask.any() else (0.0, 1.0)
    bright = 1 - 0.85 * (np.where(mask, depth, far) - near) / max(float(far - near), 1e-9)
    planes = {
        "face": 0.62 + 0.36 * np.cos(phase),
        "weights": fragments.bary[item].detach().numpy(),
        "depth": np.repeat(bright[..., None], 3, 2),
    }
    paper = np.array(PAPER, np.uint8)
    return {name: np.where(mask[..., None], as_picture(plane), paper) for name, plane in planes.items()}


def feature_pictures(
    features: Sequence[Float[Tensor, "C _h _w"]],
    *,
    valid: Sequence[Bool[Tensor, "_h _w"]] | None = None,
    size: tuple[int, int] | None = None,
) -> list[np.ndarray]:
    """Show maps of features as colours that can be compared: their three main directions become red, green and blue.

    Directions, and what is dark and bright, are those of all maps together; what is alike has the same colour.

    Args:
        features: maps with the same channels; at least one pixel of them valid.
        valid: where each means something; invalid pixels are dark grey, and have no say.
        size: (height, width) to enlarge the pictures to.

    Raises:
        InputError: nothing to show.
    """
    masks = [torch.ones(each.shape[1:], dtype=torch.bool) for each in features] if valid is None else list(valid)
    points = [each.detach().double()[:, mask].T for each, mask in zip(features, masks, strict=True)]
    if not sum(map(len, points)):
        raise InputError("no feature is valid; there is nothing to show")
    together = torch.cat(points)
    mean = together.mean(0)
    basis = torch.linalg.eigh((together - mean).T @ (together - mean))[1][:, -3:].flip(1)
    strongest = basis.gather(0, basis.abs().argmax(0, keepdim=True))
    basis = basis * torch.where(strongest < 0, -1.0, 1.0)  # an eigenvector's sign is arbitrary
    values = (together - mean) @ basis
    low, high = (torch.quantile(values[:: max(1, len(values) // 2**16)], level, dim=0) for level in (0.02, 0.98))
    pictures = []
    for each, mask in zip(features, masks, strict=True):
        colors = ((each.detach().double().permute(1, 2, 0) - mean) @ basis - low) / (high - low).clamp(min=1e-12)
        colors = torch.nn.functional.pad(colors, (0, 3 - colors.shape[-1]))
        shown = np.where(mask.numpy()[..., None], as_picture(colors.numpy()), np.array(NOTHING, np.uint8))
        pictures.append(_enlarged(shown, size))
    return pictures


def _enlarged(picture: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    if size is None:
        return picture
    return np.array(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.NEAREST))


def _wheel() -> np.ndarray:
    """Return the 55 colours of the wheel, (55, 3) in [0, 1]."""
    runs = []
    for ends, count in _WHEEL:
        one, other = (np.array(_CORNERS[end]) for end in ends)
        weight = np.arange(count)[:, None] / count
        runs.append((1 - weight) * one + weight * other)
    return np.concatenate(runs)
