"""Pictures of the parts of a person of which the photo shows nothing: a neighbour's cloth, or a plain colour."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from jaxtyping import Bool, Float, UInt8

from liquidwarp.appearance.layers import FILLED, LAYER_GROUPS, Layer, front_layer
from liquidwarp.appearance.tuning import UNSEEN_TUNING, UnseenTuning

FEW = 25
"""Pixels; fewer say nothing of a colour."""

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_UNKNOWN = (96, 96, 96)
_SHADES = 16

_NAMES = tuple(names[0] for names in LAYER_GROUPS)
SHINS = {_NAMES.index(f"{side}_lower_leg"): _NAMES.index(f"{side}_upper_leg") for side in ("left", "right")}
"""Groups on which the cloth of another goes on beyond the photo: legs leave it straight, and arms aslant."""

_LIKE = {
    "upper_leg": ("lower_leg",),
    "lower_leg": ("upper_leg",),
    "upper_arm": ("lower_arm", "torso"),
    "lower_arm": ("upper_arm", "torso"),
    "hand": ("head", "lower_arm"),
    "head": ("hand", "lower_arm"),
    "torso": ("upper_arm", "upper_leg"),
}
_BEFORE = {
    "upper_leg": "torso",
    "lower_leg": "upper_leg",
    "foot": "lower_leg",
    "upper_arm": "torso",
    "lower_arm": "upper_arm",
}
_ABOVE = {"lower_leg": "upper_leg", "upper_leg": "torso", "foot": "lower_leg"}


def plain_color(
    group: int,
    rgb: UInt8[np.ndarray, "H W 3"],
    known: Sequence[Bool[np.ndarray, "H W"]],
    place: Float[np.ndarray, "2"],
    *,
    tuning: UnseenTuning = UNSEEN_TUNING,
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
        tuning: which pixels count, and how dark a neutral is.
    """
    side, kind = _split(_NAMES[group])
    for relative in _relatives(side, kind):
        pixels = known[_NAMES.index(relative)]
        if pixels.sum() >= FEW:
            if relative == "head":
                return np.median(rgb[skin_pixels(rgb, pixels, tuning=tuning)], 0).astype(np.uint8)
            nearby = _split(relative)[1] != kind
            return np.median(rgb[_nearest(pixels, place, tuning.near) if nearby else pixels], 0).astype(np.uint8)
    head = known[_NAMES.index("head")]
    if kind == "hair" and head.sum() >= FEW:
        return np.median(rgb[_between(rgb, head, *tuning.brows)], 0).astype(np.uint8)
    if kind not in _ABOVE:
        return np.array(_UNKNOWN, np.uint8)
    above = _ABOVE[kind]
    worn = plain_color(_NAMES.index(above if above == "torso" else f"{side}{above}"), rgb, known, place, tuning=tuning)
    neutral = {"upper_leg": tuning.trousers, "foot": tuning.shoes}.get(kind)
    return worn if neutral is None else _dark_neutral(worn, *neutral, tuning.tint)


def skin_pixels(
    rgb: UInt8[np.ndarray, "H W 3"], head: Bool[np.ndarray, "H W"], *, tuning: UnseenTuning = UNSEEN_TUNING
) -> Bool[np.ndarray, "H W"]:
    """Return the pixels of a head, of which there are some, that are lit skin and no brows, eyes or shadows."""
    return _between(rgb, head, *tuning.skin)


def unlike_neighbour(
    group: int,
    rgb: UInt8[np.ndarray, "H W 3"],
    known: Sequence[Bool[np.ndarray, "H W"]],
    place: Float[np.ndarray, "2"],
    *,
    tuning: UnseenTuning = UNSEEN_TUNING,
) -> Bool[np.ndarray, "H W"]:
    """Return the known pixels of a limb that have none of the colours of the part it begins at; if few, none.

    Of a limb that the photo's edge leaves a sliver of, the sliver may be the hem or the cuff of what ends there. Hands
    are told nothing by it: the face knows their colour better.

    Args:
        group: see `plain_color`.
        rgb: see `plain_color`.
        known: see `plain_color`.
        place: see `plain_color`.
        tuning: what is alike.
    """
    side, kind = _split(_NAMES[group])
    if kind not in _BEFORE:
        return np.zeros_like(known[group])
    before = _BEFORE[kind]
    neighbour = known[_NAMES.index(before if before == "torso" else side + before)]
    own = known[group]
    if neighbour.sum() >= FEW:
        low, high = np.percentile(rgb[_nearest(neighbour, place, tuning.near)], tuning.range, axis=0)
        own = own & ((rgb < low - tuning.alike) | (rgb > high + tuning.alike)).any(-1)
    return own if own.sum() >= FEW else np.zeros_like(own)


def continued_layer(
    rgb: UInt8[np.ndarray, "H W 3"],
    alpha: Float[np.ndarray, "H W"],
    neighbour: Bool[np.ndarray, "H W"],
    box: tuple[int, int, int, int],
    texture: tuple[float, float],
) -> Layer | None:
    """Return a picture for a group beyond the photo, on which the cloth of a neighbour goes on that the edge cuts, or
    None if the edge cuts hardly any.

    Args:
        rgb: the photo, free of background colour.
        alpha: the person, 1 = person.
        neighbour: the neighbour's pixels.
        box: x0, y0, x1, y1 around the group.
        texture: see `front_layer`.
    """
    depth = int(texture[0]) + 1
    near = neighbour.copy()
    near[depth:-depth, depth:-depth] = False
    if near.sum() < FEW:
        return None
    y, x = np.nonzero(near)
    around = (min(box[0], x.min()), min(box[1], y.min()), max(box[2], x.max() + 1), max(box[3], y.max() + 1))
    x0, y0, x1, y1 = (int(value) for value in around)
    layer = front_layer(rgb, alpha, near, (x0, y0, x1, y1), seeds=near, texture=texture)
    return replace(layer, kind=np.full_like(layer.kind, FILLED))


def plain_layer(color: UInt8[np.ndarray, "3"], *, tuning: UnseenTuning = UNSEEN_TUNING) -> Layer:
    """Return a layer of one colour, opaque and invented; its columns go from what looks aside to what faces the
    camera."""
    shade = np.linspace(tuning.sideways, 1, _SHADES)[None, :, None]
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


def _nearest(pixels: np.ndarray, place: np.ndarray, part: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns of those pixels that lie nearest to a place."""
    y, x = np.nonzero(pixels)
    order = np.argsort(np.hypot(x + 0.5 - place[0], y + 0.5 - place[1]), kind="stable")
    few = order[: max(FEW, int(part * len(order)))]
    return y[few], x[few]


def _between(rgb: np.ndarray, pixels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return those of some pixels, bool (H, W), whose brightness lies between two percentiles of theirs."""
    brightness = rgb.sum(-1, dtype=np.int64)
    least, most = np.percentile(brightness[pixels], (low, high))
    return pixels & (brightness >= least) & (brightness <= most)


def _dark_neutral(color: np.ndarray, fraction: float, least: float, most: float, tint: float) -> np.ndarray:
    brightness = max(float(color @ _LUMA), 1.0)
    wanted = float(np.clip(fraction * brightness, least, most))
    return (wanted * (1 - tint + tint * color / brightness)).clip(0, 255).astype(np.uint8)
