"""The background without the person: from a photo, from a clip, or from the user."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from liquidwarp.errors import InputError
from liquidwarp.geometry import bounded_size, shrunk
from liquidwarp.inpaint.fill import inpaint
from liquidwarp.inpaint.tuning import BACKGROUND_TUNING, BackgroundTuning


@runtime_checkable
class ClipMasks(Protocol):
    """Anything that knows the person's mask of a frame at a size."""

    def frame(self, index: int, size: tuple[int, int]) -> object:
        """Return the mask (H, W) of frame `index` at `size`, bool, or float with 1 = person."""
        ...


def photo_background(
    image: UInt8[np.ndarray, "H W 3"],
    alpha: Float[np.ndarray, "h w"],
    *,
    tuning: BackgroundTuning = BACKGROUND_TUNING,
) -> UInt8[np.ndarray, "H W 3"]:
    """Remove the person from a photo.

    The alpha is grown over soft edges, fringes and contact shadows; a further band is continued but never copied. In a
    photo of more than `tuning.most_pixels` that is done on a smaller one; what is outside of the hole stays the
    photo's own, and the hole gets its fine texture from where it was copied (`inpaint`).

    Args:
        image: RGB photo.
        alpha: 1 = person; of the photo, or of the smaller one (`geometry.bounded_size`).
        tuning: how far a person's traces reach, and what is copied in their place.

    Raises:
        InputError: shapes disagree, or the person covers the whole photo.
    """
    full = (image.shape[0], image.shape[1])
    size = bounded_size(full, tuning.most_pixels)
    if alpha.shape not in (full, size):
        raise InputError(f"alpha has shape {alpha.shape}, wanted {full} as the image")
    hole = person_hole(shrunk(image, size), shrunk(alpha, size), tuning=tuning)
    if not hole.any():
        return image.copy()
    band = grow(hole, tuning.band)
    source = ~band if (~band).sum() > tuning.least_source * (~hole).sum() else ~hole
    guide = _place_guide((hole.shape[0], hole.shape[1]), tuning)
    return inpaint(image, hole, source=source, context=~hole, guide=guide, tuning=tuning.inpaint)


def person_hole(
    image: UInt8[np.ndarray, "H W 3"],
    alpha: Float[np.ndarray, "H W"],
    *,
    tuning: BackgroundTuning = BACKGROUND_TUNING,
) -> Bool[np.ndarray, "H W"]:
    """Return where a photo holds a trace of the person: fringes, narrow gaps, contact shadow, reflection."""
    person = alpha > tuning.person
    hole = grow(person, tuning.margin)
    rows = np.flatnonzero(person.any(1))
    if len(rows) and rows[-1] < person.shape[0] - 2:
        feet = person.copy()
        feet[: rows[-1] - round(tuning.feet * (rows[-1] - rows[0]))] = False
        hole |= grow(feet, 2 * tuning.margin)
        hole |= _reflection(image, hole, feet, tuning)
    radius = _radius(hole, tuning.gap * tuning.margin)
    padded = np.pad(hole.astype(np.uint8), 2 * radius, mode="edge")
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, _disc(radius))[
        2 * radius : -2 * radius, 2 * radius : -2 * radius
    ]
    _, label, stats, _ = cv2.connectedComponentsWithStats(1 - closed)
    island = stats[:, cv2.CC_STAT_AREA] < tuning.island * closed.size
    return closed.astype(bool) | island[label]


def _reflection(image: np.ndarray, hole: np.ndarray, feet: np.ndarray, tuning: BackgroundTuning) -> np.ndarray:
    """Return what hangs together with the feet's hole below them and differs from the floor left and right of it."""
    height, width = hole.shape
    columns = np.flatnonzero(feet.any(0))
    margin = 2 * _radius(hole, tuning.margin)
    left, right = max(0, columns[0] - margin), min(width, columns[-1] + 1 + margin)
    reach = 2 * (right - left)
    beside = np.r_[max(0, left - reach) : left, right : min(width, right + reach)]
    stain = np.zeros_like(hole)
    for row in range(int(np.flatnonzero(feet.any(1))[0]), height):
        floor = image[row, beside[~hole[row, beside]]].astype(np.float32)
        if len(floor) < margin:
            continue
        usual = np.median(floor, axis=0)
        spread = np.median(np.abs(floor - usual), axis=0)
        off = np.abs(image[row, left:right].astype(np.float32) - usual)
        stain[row, left:right] = (off > np.maximum(tuning.stain, tuning.stain_spread * spread)).any(1)
    count, label = cv2.connectedComponents((stain | hole).astype(np.uint8))
    part = np.zeros(count, bool)
    part[np.unique(label[feet])] = True
    stain &= part[label]
    return grow(stain, tuning.margin / 2) if stain.any() else stain


def _radius(mask: np.ndarray, fraction: float) -> int:
    return max(2, round(fraction * max(mask.shape)))


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def grow(mask: Bool[np.ndarray, "H W"], fraction: float) -> Bool[np.ndarray, "H W"]:
    """Widen a mask by a disc whose radius is a fraction of the long side, at least two pixels."""
    return cv2.dilate(mask.astype(np.uint8), _disc(_radius(mask, fraction))).astype(bool)


def clip_background(
    frames: Iterable[UInt8[np.ndarray, "H W 3"]],
    masks: ClipMasks | Iterable[np.ndarray],
    size: tuple[int, int],
    *,
    tuning: BackgroundTuning = BACKGROUND_TUNING,
) -> tuple[UInt8[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
    """Take the background of a standing camera from a whole clip: the median of what is free in some sixty frames
    (fewer where they are larger than full HD).

    Each frame's brightness and tint are first brought to those of the first frame. What was never free is completed by
    `inpaint`.

    Args:
        frames: RGB frames, read once and lazily.
        masks: the person's mask of every frame: an object with `.frame(index, size)`, or one (H, W) array per frame
            (bool, or float with 1 = person).
        size: (height, width) of the background.
        tuning: how far a person's traces reach, and what is believed.

    Returns:
        The background, and where it was really seen.

    Raises:
        InputError: there is no frame, masks run out before frames, or the person always covers everything.
    """
    pictures, persons = _sample(frames, masks, size, tuning)
    if not pictures:
        raise InputError("clip_background got no frame; check that the clip can be read and is not empty")
    stack, free = np.stack(pictures), ~np.stack(persons)
    background, count = _free_median(stack, free, _flicker(stack, free, tuning.clipped))
    known = count >= max(min(3, len(stack)), round(tuning.seen * len(stack)))
    if not known.any():
        raise InputError(
            "clip_background found no background: the person covers every frame; pass a picture as background"
        )
    small = bounded_size(size, tuning.most_pixels)
    hole = shrunk((~known).astype(np.float32), small) > 0
    filled = inpaint(background, hole, guide=_place_guide(small, tuning), tuning=tuning.inpaint)
    return np.where(known[..., None], background, filled), known


def background_from(
    picture: UInt8[np.ndarray, "H W 3"] | tuple[int, int, int], size: tuple[int, int]
) -> UInt8[np.ndarray, "h w 3"]:
    """Fit the user's picture to a size (scaled to cover it, cut evenly on both sides), or paint a plain colour.

    Args:
        picture: RGB picture, or (red, green, blue) from 0 to 255.
        size: (height, width) of the result.

    Raises:
        InputError: the picture is empty or the colour is none.
    """
    height, width = size
    if isinstance(picture, tuple):
        if len(picture) != 3 or not all(0 <= value <= 255 for value in picture):
            raise InputError(f"background colour {picture} is not (red, green, blue) from 0 to 255")
        return np.full((height, width, 3), picture, np.uint8)
    if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise InputError(f"background picture has shape {picture.shape}, wanted (height, width, 3)")
    scale = max(height / picture.shape[0], width / picture.shape[1])
    rows, columns = min(picture.shape[0], round(height / scale)), min(picture.shape[1], round(width / scale))
    top, left = (picture.shape[0] - rows) // 2, (picture.shape[1] - columns) // 2
    cut = np.ascontiguousarray(picture[top : top + max(1, rows), left : left + max(1, columns)])
    return _resize(cut, size)


def _place_guide(size: tuple[int, int], tuning: BackgroundTuning) -> np.ndarray:
    rows = np.linspace(0, tuning.along_height, size[0], dtype=np.float32)
    columns = np.linspace(0, tuning.along_width, size[1], dtype=np.float32)
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), -1)


def _resize(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if picture.shape[:2] == tuple(size):
        return picture.copy()
    smaller = picture.shape[0] > size[0]
    return cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def _sample(
    frames: Iterable[np.ndarray],
    masks: ClipMasks | Iterable[np.ndarray],
    size: tuple[int, int],
    tuning: BackgroundTuning,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Keep every n-th frame and its grown mask, where n doubles whenever there are too many."""
    each = iter(()) if isinstance(masks, ClipMasks) else iter(masks)
    pictures: list[np.ndarray] = []
    persons: list[np.ndarray] = []
    most = min(tuning.samples, max(tuning.fewest_samples, tuning.most_samples // (size[0] * size[1])))
    stride = 1
    for index, frame in enumerate(frames):
        if index % stride and isinstance(masks, ClipMasks):
            continue
        mask = masks.frame(index, size) if isinstance(masks, ClipMasks) else next(each, None)
        if mask is None:
            raise InputError(f"clip_background got {index} masks but more frames; pass one mask per frame")
        if index % stride:
            continue
        alpha = _resize(np.ascontiguousarray(np.asarray(mask), dtype=np.float32), size)
        pictures.append(_resize(frame, size))
        persons.append(grow(alpha > tuning.person, tuning.margin))
        if len(pictures) > most:
            pictures, persons, stride = pictures[::2], persons[::2], stride * 2
    return pictures, persons


def _flicker(stack: np.ndarray, free: np.ndarray, clipped: int) -> np.ndarray:
    """Return (T, 3) gains that bring every frame's brightness and tint to the first frame's."""
    gains = np.ones((len(stack), 3), np.float32)
    for t in range(1, len(stack)):
        both = free[0] & free[t]
        for frame in (stack[0], stack[t]):
            both &= (frame > clipped).all(2) & (frame < 255 - clipped).all(2)
        if both.sum() >= 64:
            gains[t] = np.median(stack[0][both].astype(np.float32) / stack[t][both], axis=0)
    return gains


def _free_median(stack: np.ndarray, free: np.ndarray, gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median over time of free pixels (H, W, 3) uint8 and how many there were (H, W)."""
    count = free.sum(0)
    background = np.zeros(stack.shape[1:], np.uint8)
    for row in range(stack.shape[1]):  # a row at a time keeps the sorted copy small
        values = stack[:, row].astype(np.float32) * gains[:, None]
        values[~free[:, row]] = np.inf
        values.sort(axis=0)
        some = np.maximum(count[row], 1)
        low = np.take_along_axis(values, ((some - 1) // 2)[None, :, None], 0)[0]
        high = np.take_along_axis(values, (some // 2)[None, :, None], 0)[0]
        middle = np.where((count[row] > 0)[:, None], low, 0) * 0.5 + np.where((count[row] > 0)[:, None], high, 0) * 0.5
        background[row] = np.clip(np.rint(middle), 0, 255).astype(np.uint8)
    return background, count
