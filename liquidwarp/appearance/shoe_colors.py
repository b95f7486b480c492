"""Shoes where the photo does not show them: one band of sole all round, the upper above it, the leg above that."""

import numpy as np
from jaxtyping import Bool, Float

from liquidwarp.appearance.tuning import SHOE_LOOK_TUNING, ShoeLookTuning


def in_shoes(
    rgb: Float[np.ndarray, "H W 3"],
    known: Bool[np.ndarray, "H W"],
    foot: Bool[np.ndarray, "H W"],
    raised: Float[np.ndarray, "H W"],
    *,
    tuning: ShoeLookTuning = SHOE_LOOK_TUNING,
) -> Float[np.ndarray, "H W 3"]:
    """Return an unrolled leg with the unseen part of its shoe filled: level, from what is seen of it.

    Args:
        rgb: one turn, of 255; its unseen pixels are as the leg would go on.
        known: what the photo shows.
        foot: what is foot.
        raised: how high the foot's pixels are above the ground, metres.
        tuning: where soles and shoes end.
    """
    seen = foot & known
    if not seen.any():
        return rgb
    colors, height = rgb[seen], raised[seen]
    sole = _border(colors, height, tuning.soles, tuning.beside, tuning)
    top = _border(
        colors[height > tuning.upper - tuning.beside],
        height[height > tuning.upper - tuning.beside],
        tuning.openings,
        tuning.beside,
        tuning,
    )
    line, end = tuning.sole if sole is None else sole, np.inf if top is None else top
    out = rgb.copy()
    below, above = height < line, (height >= line) & (height < end)
    for part, own in (((raised < line), below), ((raised >= line) & (raised < end), above)):
        shown = own if own.any() else np.ones_like(own)
        out[foot & ~known & part] = np.median(colors[shown], 0)
    return out


def _border(
    colors: Float[np.ndarray, "N 3"],
    height: Float[np.ndarray, "N"],
    places: tuple[float, float, int],
    beside: float,
    tuning: ShoeLookTuning,
) -> float | None:
    """Return the height at which colours differ most between what is just below and just above; None if hardly."""
    best, found = tuning.unlike, None
    for place in np.linspace(*places):
        sides = [
            colors[(height >= low) & (height < high)]
            for low, high in ((place - beside, place), (place, place + beside))
        ]
        if min(map(len, sides)) >= tuning.few_beside:
            apart = float(np.abs(np.median(sides[0], 0) - np.median(sides[1], 0)).max())
            if apart > best:
                best, found = apart, float(place)
    return found
