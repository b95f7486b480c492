"""Smooth values over a mesh."""

import numpy as np
from jaxtyping import Bool, Float, Int


def smooth_over_surface(
    values: Float[np.ndarray, "V *C"],
    faces: Int[np.ndarray, "F 3"],
    *,
    steps: int,
    fixed: Bool[np.ndarray, "V"] | None = None,
) -> Float[np.ndarray, "V *C"]:
    """Average each vertex with its neighbours, `steps` times over, but for those that are fixed."""
    from scipy.sparse import coo_matrix, diags

    count = len(values)
    start, end = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    ones = np.ones(2 * len(start))
    links = coo_matrix((ones, (np.append(start, end), np.append(end, start))), (count, count)).tocsr()
    links.data[:] = 1
    average = diags(1 / np.maximum(links.sum(1).A1, 1)) @ links
    kept = values if fixed is None else values[fixed]
    for _ in range(steps):
        values = 0.5 * values + 0.5 * (average @ values)
        if fixed is not None:
            values[fixed] = kept
    return values
