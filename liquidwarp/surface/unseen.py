"""Plain colours for the parts of a person of which the photo shows nothing."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from jaxtyping import Bool, Float, UInt8

from liquidwarp.surface.layers import FILLED, LAYER_GROUPS, Layer

_FEW = 25  # pixels; fewer say nothing of a colour
_NEAR = 0.25  # of a neighbour's pixels: those nearest to the part that wants a colour
_BROWS = 5  # percent: the darkest of a head's pixels are brows, lashes and beard
_TROUSERS, _SHOES = (0.5, 45.0, 100.0), (0.6, 35.0, 60.0)  # brightness beside what is above; least and most, of 255
_TINT = 0.25  # how much of the colour above stays in a dark neutral
_UNKNOWN = (96, 96, 96)
_SIDEWAYS = 0.72  # brightness of what looks aside, beside what faces the camera
_SHADES = 16

_NAMES = tuple(names[0] for names in LAYER_GROUPS)
_LIKE = {
    "upper_leg": ("lower_leg",),
    "lower_leg": ("upper_leg",),
    "upper_arm": ("lower_arm", "torso"),
    "lower_arm": ("upper_arm", "torso"),
    "hand": ("head", "lower_arm"),
    "head": ("hand", "lower_arm"),
    "torso": ("upper_arm", "upper_leg"),
}
_ABOVE = {"lower_leg": ("upper_leg", None), "upper_leg": ("torso", _TROUSERS), "foot": ("lower_leg", _SHOES)}


def plain_color(
    group: int, rgb: UInt8[np.ndarray, "H W 3"], known: Sequence[Bool[np.ndarray, "H W"]], place: Float[np.ndarray, "2"]
) -> UInt8[np.ndarray, "3"]:
    """Return the colour of a group, or, if the photo shows nothing of it, one that goes with what it shows.

    That is the colour of the same part on the other side, of the limb nearby, of the face for hands, of the brows for
    hair; for legs and feet of which no more is known, a dark neutral beside what is worn above: no bare legs under a
    shirt.

    Args:
        group: index into `LAYER_GROUPS`.
        rgb: the photo, free of background colour.
        known: per group, the pixels that show it beyond doubt.
        place: (x, y) of the group's middle in the photo's pixels; it may lie beyond the photo.
    """
    side, kind = _split(_NAMES[group])
    for relative in _relatives(side, kind):
        pixels = known[_NAMES.index(relative)]
        if pixels.sum() >= _FEW:
            nearby = _split(relative)[1] not in (kind, "head")
            return np.median(rgb[_nearest(pixels, place) if nearby else pixels], 0).astype(np.uint8)
    head = known[_NAMES.index("head")]
    if kind == "hair" and head.sum() >= _FEW:
        dark = rgb[head].sum(1)
        return np.median(rgb[head][dark <= np.percentile(dark, _BROWS)], 0).astype(np.uint8)
    if kind not in _ABOVE:
        return np.array(_UNKNOWN, np.uint8)
    above, neutral = _ABOVE[kind]
    worn = plain_color(_NAMES.index(above if above == "torso" else f"{side}{above}"), rgb, known, place)
    return worn if neutral is None else _dark_neutral(worn, *neutral)


def plain_layer(color: UInt8[np.ndarray, "3"]) -> Layer:
    """Return a layer of one colour, opaque and invented; its columns go from what looks aside to what faces the
    camera."""
    shade = np.linspace(_SIDEWAYS, 1, _SHADES)[None, :, None]
    rgba = np.concatenate([shade * color, np.full((1, _SHADES, 1), 255)], -1)
    return Layer((rgba + 0.5).astype(np.uint8), np.full((1, _SHADES), FILLED, np.uint8), (0, 0))


def plain_place(facing: Float[np.ndarray, "*B"]) -> Float[np.ndarray, "*B 2"]:
    """Return where in a `plain_layer` surface looks that faces the camera by so much: 1 squarely, 0 sideways."""
    return np.stack([0.5 + np.abs(facing) * (_SHADES - 1), np.full_like(facing, 0.5)], -1).astype(np.float32)


def _split(name: str) -> tuple[str, str]:
    """Return "left_", "right_" or nothing, and the kind of part."""
    for side in ("left_", "right_"):
        if name.startswith(side):
            return side, name.removeprefix(side)
    return "", name


def _relatives(side: str, kind: str) -> list[str]:
    """Return the group itself, its twin, and what is most likely to look like it, best first."""
    sides = ("right_", "left_") if side == "right_" else ("left_", "right_")
    names = [name for like, prefix in product((kind, *_LIKE.get(kind, ())), (*sides, "")) if (name := prefix + like)]
    return [name for name in names if name in _NAMES]


def _nearest(pixels: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns of those pixels that lie nearest to a place."""
    y, x = np.nonzero(pixels)
    order = np.argsort(np.hypot(x + 0.5 - place[0], y + 0.5 - place[1]), kind="stable")
    few = order[: max(_FEW, int(_NEAR * len(order)))]
    return y[few], x[few]


def _dark_neutral(color: np.ndarray, share: float, least: float, most: float) -> np.ndarray:
    brightness = max(float(color @ np.array([0.299, 0.587, 0.114])), 1.0)
    wanted = float(np.clip(share * brightness, least, most))
    return (wanted * (1 - _TINT + _TINT * color / brightness)).clip(0, 255).astype(np.uint8)
