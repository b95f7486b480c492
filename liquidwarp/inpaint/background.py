"""The background without the person: from a photo, from a clip, or from the user."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from liquidwarp.errors import InputError
from liquidwarp.inpaint.fill import inpaint

_PERSON = 0.1  # matte above which a pixel may hold a trace of the person
_MARGIN = 1 / 48  # of the long side: how far beyond the matte fringes, blur and contact shadows reach
_FEET = 0.06  # of the person's height: what casts the contact shadow
_STAIN = 10.0  # grey levels by which a reflection differs from the floor at least
_ISLAND = 1 / 300  # share of the picture below which an enclosed bit of background is given up
_BAND = 1 / 128  # and how far beyond that nothing is copied from, though it is still continued
_ALONG_HEIGHT = 0.12  # colour units that a copy from the other end of the height costs: scenes are layered by height
_ALONG_WIDTH = 0.06
_SAMPLES = 60
_SEEN = 0.05  # share of the sampled frames in which a pixel must be free, to be believed


@runtime_checkable
class ClipMasks(Protocol):
    """Anything that knows the person's mask of a frame at a size."""

    def frame(self, index: int, size: tuple[int, int]) -> object:
        """Return the mask (H, W) of frame `index` at `size`, bool, or float with 1 = person."""
        ...


def background_plate(image: UInt8[np.ndarray, "H W 3"], matte: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "H W 3"]:
    """Remove the person from a photo.

    The matte is grown over soft edges, fringes and contact shadows; a further band is continued but never copied.

    Args:
        image: RGB photo.
        matte: share of the person in every pixel, 1 = person.

    Raises:
        InputError: shapes disagree, or the person covers the whole photo.
    """
    if matte.shape != image.shape[:2]:
        raise InputError(f"matte has shape {matte.shape}, wanted {image.shape[:2]} as the image")
    hole = person_hole(image, matte)
    if not hole.any():
        return image.copy()
    band = grow(hole, _BAND)
    source = ~band if (~band).sum() > 0.25 * (~hole).sum() else ~hole
    return inpaint(image, hole, source=source, context=~hole, guide=_place_guide((hole.shape[0], hole.shape[1])))


def person_hole(image: UInt8[np.ndarray, "H W 3"], matte: Float[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """Return where a photo holds a trace of the person: fringes, narrow gaps, contact shadow, reflection."""
    person = matte > _PERSON
    hole = grow(person, _MARGIN)
    rows = np.flatnonzero(person.any(1))
    if len(rows) and rows[-1] < person.shape[0] - 2:
        feet = person.copy()
        feet[: rows[-1] - round(_FEET * (rows[-1] - rows[0]))] = False
        hole |= grow(feet, 2 * _MARGIN)
        hole |= _reflection(image, hole, feet)
    radius = _radius(hole, 1.5 * _MARGIN)  # gaps between the legs show little else than fringes
    padded = np.pad(hole.astype(np.uint8), 2 * radius, mode="edge")
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, _disc(radius))[
        2 * radius : -2 * radius, 2 * radius : -2 * radius
    ]
    _, label, stats, _ = cv2.connectedComponentsWithStats(1 - closed)
    island = stats[:, cv2.CC_STAT_AREA] < _ISLAND * closed.size
    return closed.astype(bool) | island[label]


def _reflection(image: np.ndarray, hole: np.ndarray, feet: np.ndarray) -> np.ndarray:
    """Return what hangs together with the feet's hole below them and differs from the floor left and right of it."""
    height, width = hole.shape
    columns = np.flatnonzero(feet.any(0))
    margin = 2 * _radius(hole, _MARGIN)
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
        stain[row, left:right] = (off > np.maximum(_STAIN, 4 * spread)).any(1)
    count, label = cv2.connectedComponents((stain | hole).astype(np.uint8))
    part = np.zeros(count, bool)
    part[np.unique(label[feet])] = True
    return grow(stain & part[label], _MARGIN / 2) if (stain & part[label]).any() else stain & False


def _radius(mask: np.ndarray, share: float) -> int:
    return max(2, round(share * max(mask.shape)))


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def grow(mask: Bool[np.ndarray, "H W"], share: float) -> Bool[np.ndarray, "H W"]:
    """Widen a mask by a disc whose radius is a share of the long side, at least two pixels."""
    return cv2.dilate(mask.astype(np.uint8), _disc(_radius(mask, share))).astype(bool)


def clip_plate(
    frames: Iterable[UInt8[np.ndarray, "H W 3"]],
    masks: ClipMasks | Iterable[np.ndarray],
    size: tuple[int, int],
) -> tuple[UInt8[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
    """Take the background of a standing camera from a whole clip: the median of what is free in some sixty frames.

    Each frame's brightness and tint are first brought to those of the first frame. What was never free is completed by
    `inpaint`.

    Args:
        frames: RGB frames, read once and lazily.
        masks: the person's mask of every frame: an object with `.frame(index, size)`, or one (H, W) array per frame
            (bool, or float with 1 = person).
        size: (height, width) of the plate.

    Returns:
        The plate, and where it was really seen.

    Raises:
        InputError: there is no frame, masks run out before frames, or the person always covers everything.
    """
    pictures, persons = _sample(frames, masks, size)
    if not pictures:
        raise InputError("clip_plate got no frame; check that the clip can be read and is not empty")
    stack, free = np.stack(pictures), ~np.stack(persons)
    plate, count = _free_median(stack, free, _flicker(stack, free))
    known = count >= max(min(3, len(stack)), round(_SEEN * len(stack)))
    if not known.any():
        raise InputError("clip_plate found no background: the person covers every frame; pass a picture as background")
    return inpaint(plate, ~known, guide=_place_guide(size)), known


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


def _place_guide(size: tuple[int, int]) -> np.ndarray:
    rows = np.linspace(0, _ALONG_HEIGHT, size[0], dtype=np.float32)
    columns = np.linspace(0, _ALONG_WIDTH, size[1], dtype=np.float32)
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), -1)


def _resize(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if picture.shape[:2] == tuple(size):
        return picture.copy()
    smaller = picture.shape[0] > size[0]
    return cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def _sample(
    frames: Iterable[np.ndarray], masks: ClipMasks | Iterable[np.ndarray], size: tuple[int, int]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Keep every n-th frame and its grown mask, where n doubles whenever there are too many."""
    each = iter(()) if isinstance(masks, ClipMasks) else iter(masks)
    pictures: list[np.ndarray] = []
    persons: list[np.ndarray] = []
    stride = 1
    for index, frame in enumerate(frames):
        if index % stride and isinstance(masks, ClipMasks):
            continue
        mask = masks.frame(index, size) if isinstance(masks, ClipMasks) else next(each, None)
        if mask is None:
            raise InputError(f"clip_plate got {index} masks but more frames; pass one mask per frame")
        if index % stride:
            continue
        share = _resize(np.ascontiguousarray(np.asarray(mask), dtype=np.float32), size)
        pictures.append(_resize(frame, size))
        persons.append(grow(share > _PERSON, _MARGIN))
        if len(pictures) > _SAMPLES:
            pictures, persons, stride = pictures[::2], persons[::2], stride * 2
    return pictures, persons


def _flicker(stack: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return (T, 3) gains that bring every frame's brightness and tint to the first frame's."""
    gains = np.ones((len(stack), 3), np.float32)
    for t in range(1, len(stack)):
        both = free[0] & free[t]
        both &= (stack[0] > 8).all(2) & (stack[0] < 247).all(2) & (stack[t] > 8).all(2) & (stack[t] < 247).all(2)
        if both.sum() >= 64:
            gains[t] = np.median(stack[0][both].astype(np.float32) / stack[t][both], axis=0)
    return gains


def _free_median(stack: np.ndarray, free: np.ndarray, gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median over time of free pixels (H, W, 3) uint8 and how many there were (H, W)."""
    count = free.sum(0)
    plate = np.zeros(stack.shape[1:], np.uint8)
    for row in range(stack.shape[1]):  # a row at a time keeps the sorted copy small
        values = stack[:, row].astype(np.float32) * gains[:, None]
        values[~free[:, row]] = np.inf
        values.sort(axis=0)
        some = np.maximum(count[row], 1)
        low = np.take_along_axis(values, ((some - 1) // 2)[None, :, None], 0)[0]
        high = np.take_along_axis(values, (some // 2)[None, :, None], 0)[0]
        middle = np.where((count[row] > 0)[:, None], low, 0) * 0.5 + np.where((count[row] > 0)[:, None], high, 0) * 0.5
        plate[row] = np.clip(np.rint(middle), 0, 255).astype(np.uint8)
    return plate, count
