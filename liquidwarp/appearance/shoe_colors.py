"""Shoes where the photo does not show them: one level band of sole all round, and the upper above it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.appearance.layers import FILLED, Layer, usual_colors
from liquidwarp.appearance.tuning import SHOE_LOOK_TUNING, ShoeLookTuning

_PER_METRE = 1000  # rows
_TALLEST = 0.2  # metres


@dataclass(frozen=True, eq=False)
class ShoeColors:
    """What a shoe looks like at each height above the ground.

    Attributes:
        layer: one column, the ground first.
        top: height from which on the leg goes on, metres.
    """

    layer: Layer
    top: float

    def place(self, raised: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N 2"]:
        """Return where in the layer surface of such heights lies."""
        return np.stack([np.full_like(raised, 0.5), raised * _PER_METRE], -1).astype(np.float32)

    def fraction(self, raised: Float[np.ndarray, "*N"], *, tuning: ShoeLookTuning) -> Float[np.ndarray, "*N"]:
        """Return how much surface of such heights is shoe rather than leg."""
        return np.clip((self.top - raised) / tuning.soft + 0.5, 0, 1)


def shoe_colors(
    colors: UInt8[np.ndarray, "N 3"],
    height: Float[np.ndarray, "N"],
    ankle: float,
    *,
    tuning: ShoeLookTuning = SHOE_LOOK_TUNING,
) -> ShoeColors | None:
    """Tell sole and upper from what photos show of both feet; None if that is nothing.

    Args:
        colors: of pixels.
        height: above the ground, metres.
        ankle: where the surface of feet ends, metres.
        tuning: where soles and shoes end.
    """
    if len(colors) < tuning.few_beside:
        return None
    colors, whole = colors.astype(np.float32), (tuning.soles[1], tuning.openings[0])
    upper = _usual(colors[(height >= whole[0]) & (height < whole[1])], tuning)
    upper = _usual(colors, tuning) if upper is None else upper
    assert upper is not None  # of some colours, one is usual
    unlike = np.abs(colors - upper).max(1)
    line, top = (_border(where, unlike, height, tuning) for where in (tuning.soles, tuning.openings))
    line = tuning.sole if line is None else line
    top = min(tuning.top if top is None else top, ankle - tuning.soft)
    below = _usual(colors[height < line], tuning)
    sole = upper if below is None else below
    at = (np.arange(round(_TALLEST * _PER_METRE)) + 0.5) / _PER_METRE
    fraction = np.clip((at - line) / tuning.seam + 0.5, 0, 1)[:, None]
    rgb = (1 - fraction) * sole + fraction * upper
    rgba = np.concatenate([rgb, np.full((len(at), 1), 255)], 1)[:, None]
    return ShoeColors(Layer((rgba + 0.5).astype(np.uint8), np.full((len(at), 1), FILLED, np.uint8), (0, 0)), top)


def _usual(colors: Float[np.ndarray, "N 3"], tuning: ShoeLookTuning) -> Float[np.ndarray, "3"] | None:
    """Return the colour that most of some have, and no mixture of several; None of none."""
    means, count = usual_colors(colors, tuning.unlike)
    return means[count.argmax()] if len(count) else None


def _border(
    places: tuple[float, float, int],
    unlike: Float[np.ndarray, "N"],
    height: Float[np.ndarray, "N"],
    tuning: ShoeLookTuning,
) -> float | None:
    """Return the height beside which pixels differ most in how unlike the upper they are; None if hardly.

    A sole ends where colours become the upper's, and a shoe where they cease to be.
    """
    inwards = 1 if places == tuning.soles else -1
    most, found = tuning.unlike, None
    for place in np.linspace(*places):
        below = unlike[(height >= place - tuning.beside) & (height < place)]
        above = unlike[(height >= place) & (height < place + tuning.beside)]
        if min(len(below), len(above)) >= tuning.few_beside:
            apart = inwards * float(below.mean() - above.mean())
            if apart > most:
                most, found = apart, float(place)
    return found
