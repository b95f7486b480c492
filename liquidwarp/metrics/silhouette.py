"""Where the person is."""

import numpy as np
from jaxtyping import Bool, Shaped


def iou(a: Bool[np.ndarray, "H W"], b: Bool[np.ndarray, "H W"]) -> float:
    """Compute intersection over union of two masks; higher is better, range [0, 1], 1 where both are empty."""
    union = int((a | b).sum())
    return 1.0 if union == 0 else int((a & b).sum()) / union


def person_region(
    alpha: Shaped[np.ndarray, "H W"], *, threshold: float = 0.5, window: int = 9
) -> Bool[np.ndarray, "H W"]:
    """Return the pixels that person metrics are taken over: `alpha > threshold`, dilated by a square window (odd)."""
    from scipy.ndimage import maximum_filter

    return maximum_filter(alpha > threshold, size=window, mode="constant", cval=False)
