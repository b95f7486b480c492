"""A quick correction of a detector's mask for every frame of a clip."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

_SPREAD = 0.02
_NOISE = 2e-3
_MOST_VOTE = 3.0
_VOTE_GAIN = 0.7
_HALO = 0.3


def refine_mask_fast(rgb: UInt8[np.ndarray, "H W 3"], coarse: Float[np.ndarray, "H W"]) -> Float[np.ndarray, "H W"]:
    """Let the colours nearby decide where a coarse mask is unsure; about 5 ms at 256x256.

    In the band around the outline every pixel is compared with two normal distributions of colour, of the sure person
    and of the sure background around it (weighted by a Gaussian of 2% of the person's height). The log-likelihood ratio
    is added to the coarse mask's log-odds.
    """
    rows, columns = np.nonzero(coarse > 0.2)
    if len(rows) == 0 or float(coarse.max()) < 0.5:
        return coarse.astype(np.float32)
    extent = max(int(np.ptp(rows)), int(np.ptp(columns)), 8)
    margin = round(4 * _SPREAD * extent) + 2
    window = (
        slice(max(0, int(rows.min()) - margin), int(rows.max()) + margin + 1),
        slice(max(0, int(columns.min()) - margin), int(columns.max()) + margin + 1),
    )
    out = coarse.astype(np.float32)
    out[window] = _refine(rgb[window], out[window], max(2.0, _SPREAD * extent))
    return out


def _refine(rgb: np.ndarray, coarse: np.ndarray, spread: float) -> np.ndarray:
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) / 100
    cross = np.ones((3, 3), np.uint8)
    person = cv2.erode((coarse > 0.7).astype(np.uint8), cross)
    ground = 1 - cv2.dilate((coarse > 0.2).astype(np.uint8), cross)
    towards_person = _log_likelihood(lab, person.astype(np.float32), spread)
    towards_ground = _log_likelihood(lab, ground.astype(np.float32), spread)
    vote = (towards_person - towards_ground).clip(-_MOST_VOTE, _MOST_VOTE) * _VOTE_GAIN
    place = coarse.clip(0.02, 0.98)
    refined = 1 / (1 + (1 - place) / place * np.exp(_HALO - vote))  # the detector's masks are a little wide
    return np.where(person > 0, 1.0, np.where(ground > 0, 0.0, refined)).astype(np.float32)


def _log_likelihood(lab: np.ndarray, weight: np.ndarray, spread: float) -> np.ndarray:
    """Return the log-likelihood (up to a constant) of each pixel's colour among the weighted colours nearby."""

    def near(x: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(x, (0, 0), spread)

    total = near(weight) + 1e-4
    mean = near(lab * weight[..., None]) / total[..., None]
    variance = near((lab * lab).sum(2) * weight) / total - (mean * mean).sum(2)
    variance = variance.clip(0) + _NOISE
    return -((lab - mean) ** 2).sum(2) / variance - 1.5 * np.log(variance)
