"""People in parts of other people's pictures: what is worn above ends at its hem, what is worn below begins there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from liquidwarp.appearance.appearance import Appearance, concatenated
from liquidwarp.appearance.layers import FILLED, usual_colors
from liquidwarp.appearance.tuning import GARMENT_TUNING, GarmentTuning
from liquidwarp.bodies.parts import part_labels
from liquidwarp.bodies.protocol import Topology
from liquidwarp.mesh import smooth_over_surface

_TINY = 1e-6
_FAR = 255.0  # from every colour
_LEGS = ("left_upper_leg", "right_upper_leg")


def dress(
    topology: Topology,
    person: Appearance,
    garments: Mapping[str, Appearance],
    *,
    heights: Float[np.ndarray, "V"] | None = None,
    tuning: GarmentTuning = GARMENT_TUNING,
) -> Appearance:
    """Return `person` with the named parts or groups looking at other people's pictures.

    Where trunk and thighs come from different people, what the one wears above ends at its own hem, and not where the
    trunk does; below it, nothing of what the other wears above is left.

    Args:
        topology: the body that all share.
        person: who is dressed.
        garments: part or group name (`bodies.parts`) to the wearer it is taken from.
        heights: how far down each vertex lies on the body at rest, metres; without them there are no hems.
        tuning: how hems are found, and how soft borders are.
    """
    items = [person, *garments.values()]
    part = topology.face_part.numpy()
    owner = np.zeros(len(part), np.int64)
    for number, name in enumerate(garments, start=1):
        owner[np.isin(part, part_labels(name))] = number
    fraction = _fractions(topology, owner, len(items), tuning)
    trunk, thigh = (
        np.isin(part, [label for name in names for label in part_labels(name)]) for names in (("torso",), _LEGS)
    )
    if heights is not None and trunk.any() and thigh.any():
        above, below = int(np.median(owner[trunk])), int(np.median(owner[thigh]))
        hem = find_hem(topology, items[above], heights, tuning=tuning) if above != below else None
        if hem is not None:
            hips = trunk | thigh
            up = np.clip((hem - heights[topology.faces.numpy()[hips]]) / tuning.hem_width + 0.5, 0, 1)
            fraction[:, hips] = 0
            fraction[above, hips], fraction[below, hips] = up, 1 - up
            items[below] = _without_upper(topology, items[below], heights, hips, hem, tuning)
    merged = concatenated(items)
    counts = [item.slot_layer.shape[1] for item in items]
    worn = np.repeat(fraction, counts, axis=0).transpose(1, 0, 2)
    return replace(merged, slot_weight=(merged.slot_weight * worn).astype(np.float32))


def find_hem(
    topology: Topology, look: Appearance, heights: Float[np.ndarray, "V"], *, tuning: GarmentTuning = GARMENT_TUNING
) -> float | None:
    """Return how far down what somebody wears above ends, metres, or None for what shows no border, such as a dress.

    It is the level that best parts the colours of the chest from those of the thighs.

    Args:
        topology: of the body.
        look: what it looks like.
        heights: how far down each vertex lies on the body at rest, metres.
        tuning: where there is nothing but the one or the other.
    """
    cloth = _cloth(topology, look, heights, tuning)
    hem = _level(cloth, cloth.lower, tuning)
    return _level(cloth, cloth.like_legs, tuning) if hem is None else hem


def _level(cloth: "_Cloth", lower: np.ndarray, tuning: GarmentTuning) -> float | None:
    """Return the level that best parts faces by how much they are of what is worn below, if they differ there."""
    low, high = cloth.doubtful
    doubtful = np.flatnonzero(cloth.hips & (cloth.place >= low) & (cloth.place < high))
    doubtful = doubtful[np.argsort(cloth.place[doubtful], kind="stable")]
    first = int(np.append(0, np.cumsum(lower[doubtful])).argmin())  # so many are upper
    ends = np.concatenate([[low], cloth.place[doubtful], [high]])
    hem = float((ends[first] + ends[first + 1]) / 2)
    above, below = (
        lower[cloth.hips & (cloth.place >= start) & (cloth.place < start + tuning.beside)]
        for start in (hem - tuning.beside, hem)
    )
    apart = below.mean() - above.mean() if len(above) and len(below) else 0.0
    return hem if apart >= tuning.evidence else None


@dataclass(frozen=True, eq=False)
class _Cloth:
    """What trunk and thighs wear.

    Attributes:
        hips: their faces, bool (F,).
        place: how far down each face lies.
        doubtful: between which heights what is worn above may end.
        lower: how much more a face's colour is that of the thighs than that of the chest, grey levels (F,).
        like_legs: how much it is that of the thighs at all, grey levels (F,).
    """

    hips: np.ndarray
    place: np.ndarray
    doubtful: tuple[float, float]
    lower: np.ndarray
    like_legs: np.ndarray


def _cloth(topology: Topology, look: Appearance, heights: np.ndarray, tuning: GarmentTuning) -> _Cloth:
    part, place = topology.face_part.numpy(), heights[topology.faces.numpy()].mean(1)
    trunk = np.isin(part, part_labels("torso"))
    thigh = np.isin(part, [label for name in _LEGS for label in part_labels(name)])
    top, bottom, knee = place[trunk].min(), place[trunk].max(), place[thigh].max()
    low, waist = (top + fraction * (bottom - top) for fraction in tuning.chest)
    leg = bottom + tuning.thigh * (knee - bottom)
    color = look.face_colors().astype(np.float32)
    chest = _main_colors(color[trunk & (place >= low) & (place < waist)], tuning)
    legs = _main_colors(color[thigh & (place >= leg)], tuning)
    to_chest, to_legs = (
        np.min([np.abs(color - shade).max(-1) for shade in shades], 0, initial=_FAR) for shades in (chest, legs)
    )
    lower, like_legs = (
        np.clip(other - to_legs, -tuning.clear, tuning.clear) for other in (to_chest, np.float32(tuning.unlike))
    )
    return _Cloth(trunk | thigh, place, (float(waist), float(leg)), lower, like_legs)


def _main_colors(colors: Float[np.ndarray, "N 3"], tuning: GarmentTuning) -> Float[np.ndarray, "K 3"]:
    """Return the colours that many of some have."""
    means, count = usual_colors(colors, tuning.alike)
    return means[count >= tuning.least_color * len(colors)]


def _fractions(topology: Topology, owner: np.ndarray, count: int, tuning: GarmentTuning) -> Float[np.ndarray, "N F 3"]:
    """Return how much of the corners of faces belongs to each of some owners; borders are smooth, as faces are not."""
    faces = topology.faces.numpy()
    own = np.zeros((count, len(topology.mirror)))
    times = np.bincount(faces.ravel(), minlength=len(topology.mirror))
    for number in range(count):
        mine = np.bincount(faces[owner == number].ravel(), minlength=len(topology.mirror)) / np.maximum(times, 1)
        own[number] = smooth_over_surface(mine, faces, steps=tuning.seam_steps)
    own = np.clip((own - own.max(0)) * tuning.seam + 1, 0, 1)
    return (own / np.maximum(own.sum(0), _TINY))[:, faces]


def _without_upper(
    topology: Topology,
    look: Appearance,
    heights: np.ndarray,
    hips: Bool[np.ndarray, "F"],
    hem: float,
    tuning: GarmentTuning,
) -> Appearance:
    """Return somebody without what hangs over the hips from above: there the colour below goes on."""
    own_hem = find_hem(topology, look, heights, tuning=tuning)
    if own_hem is None:
        return look
    cloth = _cloth(topology, look, heights, tuning)
    near = hips & (cloth.place > hem - tuning.beside) & (cloth.place < own_hem + tuning.beside)
    hung = near & ((cloth.place < own_hem + tuning.ragged) | ((cloth.lower < 0) & (cloth.like_legs < 0)))
    below = near & ~hung
    if not hung.any() or not below.any():
        return look
    color = np.append(np.median(look.face_colors()[below], 0), 255).astype(np.uint8)
    slot_layer, slot_xy, slot_weight = look.slot_layer.copy(), look.slot_xy.copy(), look.slot_weight.copy()
    trust = slot_weight[hung].sum(1)
    slot_layer[hung], slot_weight[hung] = -1, 0
    slot_layer[hung, 0], slot_xy[hung, 0], slot_weight[hung, 0] = len(look.table), 0.5, trust
    return replace(
        look,
        texels=np.concatenate([look.texels, color[None]]),
        kinds=np.append(look.kinds, np.uint8(FILLED)),
        table=np.concatenate([look.table, [[len(look.texels), 1, 1]]]),
        slot_layer=slot_layer,
        slot_xy=slot_xy,
        slot_weight=slot_weight,
    )
