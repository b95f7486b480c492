"""The light of a place, guessed from a picture of it: nothing of what shines on a person from before is in the picture.

It is taken to be brighter from where the picture is brighter, and of the picture's colour. That is a tint and a slope,
bounded, and no more.
"""

import numpy as np
import torch
from jaxtyping import Float

from liquidwarp.appearance.light import LUMA, Light
from liquidwarp.appearance.light_tuning import RELIGHT_TUNING, RelightTuning

_DARKEST = 0.02  # of what a picture shows
_AHEAD = (3, 8)  # functions of `light.basis` that say how surface darkens where it looks aside
_X, _Y = 1, 2


def light_of_place(
    picture: Float[np.ndarray, "H W 3"],
    own: Float[np.ndarray, "h w 3"],
    light: Light,
    *,
    tuning: RelightTuning = RELIGHT_TUNING,
) -> Light:
    """Return the light that a person stands in before another background.

    Args:
        picture: the other background, in [0, 1].
        own: the photo's background, in [0, 1].
        light: the photo's; how surface darkens where it looks aside stays.
        tuning: how much of what the picture tells is believed.
    """
    high, wide = (max(1, round(tuning.side * length)) for length in picture.shape[:2])
    across = tuning.across * (_mean_log(picture[:, -wide:]) - _mean_log(picture[:, :wide]))
    down = tuning.across * (_mean_log(picture[-high:]) - _mean_log(picture[:high]))
    change = _mean_log(picture) - _mean_log(own)
    brighter = float(change @ np.array(LUMA))
    tint = np.clip(tuning.tint * (change - brighter), -tuning.most_tint, tuning.most_tint)
    exposure = np.clip(tuning.exposure * brighter, -tuning.most_exposure, tuning.most_exposure)
    found = light.coefficients.new_zeros(3, 9)
    found[:, 0] = torch.from_numpy(tint + exposure)
    found[:, _X], found[:, _Y] = (
        torch.from_numpy(np.clip(slope, -tuning.most_across, tuning.most_across)) for slope in (across, down)
    )
    for function in _AHEAD:
        found[:, function] = light.coefficients[:, function]
    return Light(found)


def _mean_log(picture: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "3"]:
    """Return the logarithm of the mean colour."""
    return np.log(np.maximum(picture.mean((0, 1), dtype=np.float64), _DARKEST))
