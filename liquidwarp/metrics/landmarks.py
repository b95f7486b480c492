"""Whether the person made stands as the real one does, by landmarks of one detector on both."""

import numpy as np

from liquidwarp.detect.protocol import Detection

SURE = 0.5
"""Confidence from which a landmark counts as found."""


def landmark_distance(made: Detection | None, real: Detection | None) -> float | None:
    """Return the mean distance of landmarks found in both pictures; lower is better, range [0, inf).

    In percent of the real person's height, the side of the box around the landmarks found. None where nothing is found
    in both, so read it together with `missing_fraction`. A detector that also drove the motion favours its own
    mistakes; use another one. Known as average keypoint distance (AKD), there in pixels.
    """
    found = _found(real)
    both = sorted(found.keys() & _found(made).keys())
    if not both:
        return None
    points = np.stack(list(found.values()))
    height = float(points[:, 1].max() - points[:, 1].min())
    if height <= 0:
        return None
    ours = _found(made)
    return 100 * float(np.mean([np.linalg.norm(ours[name] - found[name]) for name in both])) / height


def missing_fraction(made: Detection | None, real: Detection | None) -> float | None:
    """Return how much of the real person's landmarks is not found in the picture made, [0, 1]; lower is better.

    None where the real picture shows none. Known as missing keypoint rate (MKR).
    """
    found = _found(real)
    return len(found.keys() - _found(made).keys()) / len(found) if found else None


def _found(person: Detection | None) -> dict[str, np.ndarray]:
    if person is None:
        return {}
    every = zip(person.names, person.image, person.confidence, strict=True)
    return {name: point for name, point, confidence in every if confidence >= SURE}
