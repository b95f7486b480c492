"""Unrolled layers: what a photo tells of a trunk, a head or a limb all around, and what goes round where it tells
nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from torch import Tensor

from liquidwarp.appearance.around import fill_around
from liquidwarp.appearance.layers import (
    FEET,
    FILLED,
    HAIR,
    HEAD,
    SEEN,
    TORSO,
    Layer,
    pull_push,
    repeat_picture,
    usual_colors,
)
from liquidwarp.appearance.shoe_colors import ShoeColors
from liquidwarp.appearance.tubes import Tube
from liquidwarp.appearance.tuning import TUBE_TUNING, TubeTuning
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

_TINY = 1e-6
_MIDDLE = 128  # of the range of a pixel


@dataclass(frozen=True, eq=False)
class PhotoSurface:
    """Where a photo shows the faces of a mesh, and what.

    Attributes:
        group: layer group of each face.
        corners: where their corners lie in the photo, pixels.
        facing: how squarely the surface looks at the camera there: 1 facing, 0 edge-on, -1 away; of small parts, which
            are mostly edge, as much more as makes `TubeTuning.oblique` their limit, too.
        front: whether a face shows its outside.
        layers: the front layer of each group, None where the photo shows nothing of it.
        size: (height, width) of the photo.
        shod: whether feet are in shoes.
    """

    group: Int[np.ndarray, "F"]
    corners: Float[np.ndarray, "F 3 2"]
    facing: Float[np.ndarray, "F 3"]
    front: Bool[np.ndarray, "F"]
    layers: list[Layer | None]
    size: tuple[int, int]
    shod: bool = False


@dataclass(frozen=True, eq=False)
class _Chart:
    """What the pixels of a chart are in the photo.

    Attributes:
        rgba: of the front layers there, of 255.
        kind: of the front layers there, 0 where there is no surface.
        facing: how squarely it looks at the camera.
        group: layer group, -1 where there is no surface.
        beyond: whether it lies beyond the photo.
    """

    rgba: np.ndarray
    kind: np.ndarray
    facing: np.ndarray
    group: np.ndarray
    beyond: np.ndarray


@dataclass(frozen=True, eq=False)
class Wraps:
    """Unrolled layers, and where faces lie in them: each in its own tube's, and beside a seam in the neighbour's, too.

    Attributes:
        layers: the unrolled pictures.
        layer: (F, 2) index of a face's pictures among them, -1 for none.
        corners: (F, 2, 3, 2) where its corners lie in them, pixels.
        part: (F, 2, 3) how much of each corner is of which picture; sums to 1 where there is one.
    """

    layers: list[Layer]
    layer: Int[np.ndarray, "F 2"]
    corners: Float[np.ndarray, "F 2 3 2"]
    part: Float[np.ndarray, "F 2 3"]


def wrap_surface(
    tubes: Sequence[Tube], surface: PhotoSurface, shown: Bool[np.ndarray, "F"], *, tuning: TubeTuning = TUBE_TUNING
) -> Wraps:
    """Unroll what a photo shows of tubes, and fill the rest.

    Args:
        tubes: which.
        surface: what the photo shows.
        shown: the faces that may look into unrolled layers; those of groups of which the photo shows nothing do not.
        tuning: what counts as seen, and what goes round.
    """
    count = len(shown)
    layers: list[Layer] = []
    layer, corners = np.full((count, 2), -1), np.zeros((count, 2, 3, 2), np.float32)
    part = np.zeros((count, 2, 3), np.float32)
    for tube in tubes:
        picture = wrap_layer(tube, surface, tuning=tuning)
        if picture is None:
            continue
        # Of several neighbours at a corner of three tubes, the one that reaches farthest counts.
        better = tube.own | (tube.part.mean(1) > part[tube.faces, 1].mean(1))
        here = np.flatnonzero(better & shown[tube.faces])
        faces, slot = tube.faces[here], np.where(tube.own[here], 0, 1)
        layer[faces, slot] = len(layers)
        corners[faces, slot] = tube.corners[here]
        part[faces, slot] = tube.part[here]
        layers.append(picture)
    part[layer[:, 0] < 0] = 0
    layer[layer[:, 0] < 0] = -1
    part[:, 0] += (layer[:, :1] >= 0) & (part.sum(1) <= 0)
    return Wraps(layers, layer, corners, part / np.maximum(part.sum(1, keepdims=True), _TINY))


def in_shoes(
    wraps: Wraps,
    feet: Bool[np.ndarray, "F"],
    raised: Float[np.ndarray, "F 3"],
    shoes: ShoeColors,
    *,
    tuning: TubeTuning = TUBE_TUNING,
) -> Wraps:
    """Return unrolled layers and those of shoes, into which feet look up to the opening.

    Args:
        wraps: of legs and feet.
        feet: faces of feet.
        raised: how high corners of faces are above the ground, metres.
        shoes: what shoes look like.
        tuning: how soft borders are.
    """
    mine = feet & (wraps.layer[:, 0] >= 0)
    layer, corners, part = wraps.layer.copy(), wraps.corners.copy(), wraps.part.copy()
    fraction = shoes.fraction(raised[mine], tuning=tuning.shoes)
    layer[mine, 1], corners[mine, 1] = len(wraps.layers), shoes.place(raised[mine])
    part[mine] = np.stack([1 - fraction, fraction], 1)
    return Wraps([*wraps.layers, shoes.layer], layer, corners, part)


def wrap_layer(tube: Tube, surface: PhotoSurface, *, tuning: TubeTuning = TUBE_TUNING) -> Layer | None:
    """Unroll what a photo shows of a tube, and fill the rest; None if the photo shows nothing of it.

    Args:
        tube: which.
        surface: what the photo shows.
        tuning: what counts as seen.
    """
    shown = _chart(tube, surface)
    squarely = shown.facing >= tuning.oblique
    known = squarely & ((shown.kind == SEEN) | ((shown.kind > 0) & shown.beyond))
    if not known.any():
        known = squarely & (shown.kind > 0)
    if not known.any():
        return None
    if tube.is_head:
        rgb = _head(shown.rgba[..., :3], known, shown.group, tuning)
    else:
        worn, bare = _worn(shown, known, surface, tuning) if (shown.group == TORSO).any() else (None, None)
        rgb = fill_around(shown.rgba[..., :3], known, worn=worn, bare=bare, tuning=tuning)
        if not surface.shod:
            rgb = _barefoot(rgb, known, np.isin(shown.group, FEET), tuning)
    alpha = np.where(shown.kind > 0, shown.rgba[..., 3], 255)
    kind = np.where(known & (shown.kind == SEEN), SEEN, FILLED)
    rgba = np.dstack([rgb, alpha])
    margins = ((0, 0), (tube.margin, tube.margin))
    rgba, kind = np.pad(rgba, (*margins, (0, 0)), "wrap"), np.pad(kind, margins, "wrap")
    return Layer((rgba + 0.5).clip(0, 255).astype(np.uint8), kind.astype(np.uint8), (0, 0))


def filled_from_wrap(
    layer: Layer,
    wrap: Layer,
    mine: Bool[np.ndarray, "F"],
    corners: Float[np.ndarray, "F 3 2"],
    surface: PhotoSurface,
    mesh: tuple[Float[Tensor, "V 3"], Int[Tensor, "F 3"]],
    camera: Camera,
    *,
    tuning: TubeTuning = TUBE_TUNING,
) -> Layer:
    """Return a front layer that is seen where surface looks squarely alone; elsewhere it is like its unrolled layer.

    Args:
        layer: of a group.
        wrap: the unrolled layer of its tube.
        mine: faces of the group in that.
        corners: where the corners of faces lie in the unrolled layer.
        surface: what the photo shows.
        mesh: vertices as the body stands in the photo, and faces.
        camera: of the photo.
        tuning: what counts as seen.
    """
    number = np.flatnonzero(mine)
    near = camera.cropped(layer.origin, (layer.kind.shape[0], layer.kind.shape[1]))
    fragments = rasterize(mesh[0][None], mesh[1][torch.from_numpy(number)], near, cull=True)
    y, x = np.nonzero(fragments.mask[0].numpy())
    left, top = layer.origin
    inside = (x + left >= 0) & (y + top >= 0) & (x + left < surface.size[1]) & (y + top < surface.size[0])
    y, x = y[inside], x[inside]
    face, bary = number[fragments.face_index[0].numpy()[y, x]], fragments.bary[0].numpy()[y, x]
    grazing = np.einsum("nk,nk->n", bary, surface.facing[face]) < tuning.oblique
    change = grazing | (layer.kind[y, x] == FILLED)
    y, x, face, bary = y[change], x[change], face[change], bary[change]
    rgba, kind = layer.rgba.copy(), layer.kind.copy()
    rgba[y, x, :3] = _bilinear(wrap.rgba[..., :3], np.einsum("nk,nkc->nc", bary, corners[face])[:, None])[:, 0]
    kind[y, x] = FILLED
    return replace(layer, rgba=rgba, kind=kind)


def _chart(tube: Tube, surface: PhotoSurface) -> _Chart:
    """Look up in the photo what lies at the pixels of a chart; what looks away has no facing, and its alpha alone."""
    told = np.array([layer is not None for layer in surface.layers])[surface.group[tube.faces]]
    fragments = tube.fragments(told & tube.own)
    index, bary = fragments.face_index[0].numpy(), fragments.bary[0].numpy()
    there = index >= 0
    face = tube.faces[index.clip(0)]
    xy = np.einsum("hwk,hwkc->hwc", bary, surface.corners[face])
    facing = np.where(there & surface.front[face], np.einsum("hwk,hwk->hw", bary, surface.facing[face]), -1)
    group = np.where(there, surface.group[face], -1)
    rgba, kind = np.zeros((*index.shape, 4), np.float32), np.zeros(index.shape, np.uint8)
    for number in np.unique(group[there]):
        layer, mine = surface.layers[number], group == number
        assert layer is not None
        place = xy[mine] - np.array(layer.origin)
        rgba[mine] = _bilinear(layer.rgba, place[:, None])[:, 0]
        last = np.array(layer.kind.shape)[::-1] - 1
        x, y = np.clip(place.astype(np.int64), 0, last).T
        kind[mine] = layer.kind[y, x]
    beyond = there & ((xy < 0) | (xy >= np.array(surface.size)[::-1])).any(-1)
    return _Chart(rgba, kind, facing, group, beyond)


def _bilinear(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Sample a picture at (N, 1, 2) places, pixels; cv2 is given no more than fits its maps."""
    most = 32000
    parts = [places[start : start + most].astype(np.float32) - np.float32(0.5) for start in range(0, len(places), most)]
    drawn = [
        cv2.remap(picture, np.ascontiguousarray(part), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for part in parts
    ]
    return np.concatenate(drawn) if drawn else np.zeros((0, 1, picture.shape[2]), picture.dtype)


def _worn(shown: _Chart, known: np.ndarray, surface: PhotoSurface, tuning: TubeTuning) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels of a trunk, bool (H, W), are of what is worn on the chest, and which are hair or skin."""
    top, bottom = (round(part * len(known)) for part in tuning.chest)
    rgb = shown.rgba[..., :3]
    chest = rgb[top:bottom][known[top:bottom]]
    worn, bare = np.zeros_like(known), np.zeros_like(known)
    if not len(chest):
        return worn, bare
    means, count = usual_colors(chest, tuning.alike)
    for color in means[count >= tuning.least_color * len(chest)]:
        worn[:bottom] |= _apart(rgb[:bottom], color) < tuning.alike
    print_colors = means[count >= tuning.least_print * len(chest)]
    to_chest = np.min([_apart(rgb[:bottom], color) for color in print_colors], 0, initial=np.inf)
    for group in (HEAD, HAIR):
        layer = surface.layers[group]
        if layer is not None and (layer.kind == SEEN).any():
            to_head = _apart(rgb[:bottom], np.median(layer.rgba[layer.kind == SEEN], 0)[:3])
            bare[:bottom] |= (to_head < tuning.like_head) & (to_head < to_chest)
    return worn & known, bare & known & ~worn


def _apart(picture: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Return by how much a picture's pixels differ from a colour in the channel that differs most."""
    return np.abs(picture - color).max(-1)


def _barefoot(rgb: np.ndarray, known: np.ndarray, foot: np.ndarray, tuning: TubeTuning) -> np.ndarray:
    """Return a leg's picture whose unseen foot has the usual colour of the seen one, and a sole."""
    rows = np.flatnonzero(foot.any(1))
    seen = foot & known
    if not len(rows) or not seen.any():
        return rgb
    y = np.arange(len(rgb))[:, None]
    sole = y > rows[-1] - tuning.sole * (rows[-1] - rows[0])
    out = rgb.copy()
    for part in (sole, ~sole):
        shown = seen & part if (seen & part).any() else seen
        out[foot & ~known & part] = np.median(rgb[shown], 0)
    return out


def _head(picture: np.ndarray, known: np.ndarray, group: np.ndarray, tuning: TubeTuning) -> np.ndarray:
    """Fill a head: hair where the scalp is, skin elsewhere, and a smooth line between."""
    turn = known.shape[1]
    sigma = tuning.hairline * turn
    hair, skin = known & (group == HAIR), known & (group != HAIR)
    if not skin.any() or not hair.any():
        return np.where(known[..., None], picture, _spread(picture, known, sigma))
    core = np.median(picture[hair], 0)
    off = np.abs(picture - core).max(-1)
    hair &= off <= tuning.hair_spread * np.median(off[hair])
    even = _spread(picture, hair, sigma)
    around, wanted = np.tile(hair, 3), np.zeros((len(hair), 3 * turn), bool)
    wanted[:, turn:-turn] = True
    detail = np.where(hair[..., None], picture - even, 0)
    texture = np.tile((detail + _MIDDLE).clip(0, 255), (1, 3, 1)).astype(np.uint8)
    strip = max(2.0, np.sqrt(hair.sum()) / 2)
    hairy = even + repeat_picture(texture, around, wanted, strip, np.inf).reshape(picture.shape) - np.float32(_MIDDLE)
    scalp, surface = (
        ndimage.gaussian_filter(mask.astype(np.float32), sigma, mode=("nearest", "wrap"))
        for mask in (group == HAIR, group >= 0)
    )
    line = scalp / np.maximum(surface, _TINY)
    part = np.clip((line - 0.5) * sigma + 0.5, 0, 1)[..., None]
    return np.where(known[..., None], picture, part * hairy + (1 - part) * _spread(picture, skin, sigma))


def _spread(picture: np.ndarray, known: np.ndarray, sigma: float) -> np.ndarray:
    """Return known colours spread smoothly, also over the ends of a turn, where the pyramid alone leaves a seam."""
    turn = known.shape[1]
    wide = pull_push(np.tile(picture, (1, 3, 1)), np.tile(known, 3).astype(np.float32))
    return ndimage.gaussian_filter(wide[:, turn:-turn], (sigma, sigma, 0), mode=("nearest", "wrap", "nearest"))
