"""Fill holes of a picture from the picture itself, without training and without chance."""

import numpy as np
from jaxtyping import Bool, Float, UInt8

from liquidwarp.errors import InputError
from liquidwarp.geometry import enlarged, shrunk
from liquidwarp.inpaint.tuning import INPAINT_TUNING, InpaintTuning

_BAND = 128  # rows of a large picture that are finished at a time


def inpaint(
    image: Float[np.ndarray, "H W 3"] | UInt8[np.ndarray, "H W 3"],
    hole: Bool[np.ndarray, "h w"],
    *,
    source: Bool[np.ndarray, "..."] | None = None,
    context: Bool[np.ndarray, "..."] | None = None,
    guide: Float[np.ndarray, "..."] | None = None,
    patch: int = 7,
    tuning: InpaintTuning = INPAINT_TUNING,
) -> Float[np.ndarray, "H W 3"] | UInt8[np.ndarray, "H W 3"]:
    """Complete the hole with texture and structure copied from the source, blended without a seam.

    Coarse-to-fine patch matching and voting (Wexler et al. 2007; Barnes et al. 2009) finds for every hole pixel where
    to copy from; a screened Poisson equation (Perez et al. 2003) then joins the copied differences. A source too small
    to hold patches gives a smooth membrane. Same input, same bytes.

    Masks and guide may be smaller than the image. The hole is then completed at their size, and what the image has of
    finer texture where it was copied from is added to the enlarged result (Yi et al. 2020): the time depends on the
    masks' size.

    Args:
        image: RGB, float in [0, 1] or uint8.
        hole: pixels to fill, (h, w) as all masks.
        source: pixels that may be copied; all outside of the hole by default.
        context: pixels that the filling has to continue; the source by default. Pixels that are neither hole, source
            nor context have no influence at all.
        guide: (h, w, K) features known everywhere, hole included, that a copied patch should share with its place, in
            units of colour (a difference of 0.1 costs as much as a colour difference of 0.1 in all of the patch).
        patch: side of the patches, odd.
        tuning: what is copied, and how firmly.

    Returns:
        The picture, same type; pixels outside of the hole are untouched.

    Raises:
        InputError: shapes disagree (masks may be smaller, not of another shape), there is nothing to copy from, or
            `patch` is not odd.
    """
    _check(image, hole, source, context, guide, patch)
    source = ~hole if source is None else source & ~hole
    context = source if context is None else context & ~hole
    if not source.any():
        raise InputError("inpaint has no pixel to copy from: the hole covers the whole source; pass a smaller hole")
    if not hole.any():
        return image.copy()
    out = shrunk(image, (hole.shape[0], hole.shape[1])).copy()
    box = _bounds(hole | source, patch)
    guide = np.zeros((*hole.shape, 0), np.float32) if guide is None else guide.astype(np.float32, copy=False)
    filled, shift = _fill(out[box], hole[box], source[box], context[box], guide[box], patch // 2, tuning)
    values = filled[hole[box]]
    out[box][hole[box]] = np.rint(values * 255).astype(np.uint8) if image.dtype == np.uint8 else values
    if out.shape == image.shape:
        return out
    shifts = np.zeros((*hole.shape, 2), np.int32)
    shifts[box] = shift
    return _with_details(image, out, hole, shifts)


def _with_details(image: np.ndarray, small: np.ndarray, hole: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return a picture whose hole shows `small`, a completed smaller one, and the details of where it was copied from.

    Details are what the picture has beyond the smaller one, enlarged. Done by bands of rows: memory is that of the
    result and little else.
    """
    import cv2

    height, width = image.shape[:2]
    scale = np.array([height / hole.shape[0], width / hole.shape[1]])
    smooth = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    wide = enlarged(hole, (height, width))
    out = image.copy()
    top = 255 if image.dtype == np.uint8 else 1
    for start in range(0, height, _BAND):
        y, x = np.nonzero(wide[start : start + _BAND])
        y += start
        moved = np.rint(shift[(y / scale[0]).astype(np.intp), (x / scale[1]).astype(np.intp)] * scale).astype(np.intp)
        v, u = y + moved[:, 0], x + moved[:, 1]
        known = (v >= 0) & (v < height) & (u >= 0) & (u < width)
        v, u = np.where(known, v, y), np.where(known, u, x)
        known &= ~wide[v, u]
        details = (image[v, u].astype(np.float32) - smooth[v, u]) * known[:, None]
        values = np.clip(smooth[y, x] + details, 0, top)
        out[y, x] = np.rint(values) if image.dtype == np.uint8 else values
    return out


def _fill(
    image: np.ndarray,
    hole: np.ndarray,
    source: np.ndarray,
    context: np.ndarray,
    guide: np.ndarray,
    radius: int,
    tuning: InpaintTuning,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the completed picture, float32 of 1, and from how far away every pixel of the hole was copied (y, x)."""
    from liquidwarp.inpaint import blend, pyramid

    image = _colours(image, source | context)
    while radius and pyramid.usable_centres(np.pad(source, radius), radius).sum() < tuning.fewest_patches:
        radius -= 1
    low, high = image[source].min(0), image[source].max(0)
    smooth = blend.membrane(image, hole, context if context.any() else source, tuning=tuning)
    if radius == 0:
        return np.clip(smooth, low, high), np.zeros((*hole.shape, 2), np.int32)
    level = pyramid.PyramidLevel(image, hole, context, source, np.ascontiguousarray(guide))
    start, shift, lone = pyramid.complete(level, radius, tuning=tuning)
    base = blend.spread(image, context | source)
    start = np.where((hole | ~(context | source))[..., None], np.where(hole[..., None], start, base), image)
    gate, screen = _gate(base, lone, tuning), _screen(start, tuning)
    del base, lone  # large, and not needed for what takes most
    filled = blend.blend(image, hole, context, source, shift, gate, start, screen, tuning=tuning)
    return np.clip(_without_drift(filled, start, smooth, hole, tuning), low, high), shift


def _colours(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return a picture of any type as float32 of 1, zero where it is not known."""
    colours = image.astype(np.float32)
    if image.dtype == np.uint8:
        colours /= np.float32(255)
    colours[~known] = 0
    return colours


def _without_drift(
    filled: np.ndarray, copied: np.ndarray, smooth: np.ndarray, hole: np.ndarray, tuning: InpaintTuning
) -> np.ndarray:
    """Return a completed picture whose shading lies between that of the copy and that of the hole's border, or near.

    Differences that are copied from one place again and again, such as the edge of a shadow, would add up to a stain
    darker than either.
    """
    import cv2

    shading, given = (cv2.GaussianBlur(x.astype(np.float32), (0, 0), tuning.shading) for x in (filled, copied))
    kept = shading.clip(np.minimum(given, smooth) - tuning.drift, np.maximum(given, smooth) + tuning.drift)
    return filled + (kept - shading) * hole[..., None]


def _gate(image: np.ndarray, lone: np.ndarray, tuning: InpaintTuning) -> np.ndarray:
    """Return where differences are worth copying: structure and grain yes, the faint shading of a plain wall no.

    Faint shading, and lone steps that are not strong, are better drawn on from the hole's border than copied.
    """
    import cv2

    soft = cv2.GaussianBlur(image, (0, 0), 1.0)
    step = np.maximum(np.abs(cv2.Sobel(soft, cv2.CV_32F, 1, 0)), np.abs(cv2.Sobel(soft, cv2.CV_32F, 0, 1))).max(2) / 8
    structure = cv2.dilate(step, np.ones((9, 9), np.uint8))
    grain = np.sqrt(np.maximum(cv2.blur(((image - soft) ** 2).mean(2), (15, 15)), 0))
    gate = np.maximum(_ramp(structure, *tuning.faint_step), _ramp(grain, *tuning.faint_grain))
    return (gate * (1 - lone * (1 - _ramp(structure, *tuning.lone_step)))).astype(np.float64)


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip((values - low) / (high - low), 0, 1)


def _screen(start: np.ndarray, tuning: InpaintTuning) -> np.ndarray:
    """Return the pull to the copied colours: next to none on a smooth wall, firm in foliage."""
    import cv2

    grey = start.mean(2)
    variance = np.maximum(cv2.blur(grey**2, (9, 9)) - cv2.blur(grey, (9, 9)) ** 2, 0)
    return (tuning.screen + tuning.screen_texture * variance / (variance + tuning.busy**2)).astype(np.float64)


def _bounds(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + 1 + margin),
    )


def _same_shape(size: tuple[int, int], full: tuple[int, int]) -> bool:
    """Return whether a (height, width) is that of a picture or of a smaller one of its shape, up to rounding."""
    scale = max(size[0] / full[0], size[1] / full[1])
    return size == full or (
        scale < 1 and all(abs(scale * long - short) <= 1 for short, long in zip(size, full, strict=True))
    )


def _check(
    image: np.ndarray,
    hole: np.ndarray,
    source: np.ndarray | None,
    context: np.ndarray | None,
    guide: np.ndarray | None,
    patch: int,
) -> None:
    if image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"image has shape {image.shape}, wanted (height, width, 3)")
    full = (image.shape[0], image.shape[1])
    size = (hole.shape[0], hole.shape[1]) if _same_shape((hole.shape[0], hole.shape[1]), full) else full
    for name, array in (("hole", hole), ("source", source), ("context", context), ("guide", guide)):
        if array is not None and array.shape[:2] != size:
            raise InputError(f"{name} has shape {array.shape}, wanted {size} as the image")
    if patch < 3 or patch % 2 == 0:
        raise InputError(f"patch={patch} must be odd and at least 3")
    if hole.all():
        raise InputError("inpaint has no pixel to copy from: the hole covers the whole image; pass a smaller hole")
