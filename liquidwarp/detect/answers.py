"""What detectors that look twice need: left and right exchanged, and how far two answers are apart."""

import numpy as np
from jaxtyping import Float

from liquidwarp.bodies.landmarks import MEDIAPIPE


def distance(a: Float[np.ndarray, "L 2"], b: Float[np.ndarray, "L 2"]) -> float:
    """Return how far two sets of landmarks are apart: the median, in units of the longer person's longest side."""
    longest = max(np.ptp(a, axis=0).max(), np.ptp(b, axis=0).max(), 1e-6)
    return float(np.median(np.linalg.norm(a - b, axis=-1)) / longest)


def _twin(name: str) -> str:
    for side, other in (("left", "right"), ("right", "left")):
        if side in name:
            return name.replace(side, other)
    return name


TWIN = np.array([MEDIAPIPE.index(_twin(name)) for name in MEDIAPIPE])
"""For each of MediaPipe's landmarks the place of its mirror image."""
