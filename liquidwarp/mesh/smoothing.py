"""Smooth values over a mesh."""

import numpy as np
from jaxtyping import Float, Int


def smooth_over_surface(
    values: Float[np.ndarray, "V"], faces: Int[np.ndarray, "F 3"], *, steps: int
) -> Float[np.ndarray, "V"]:
    """Average each vertex with its neighbours, `steps` times over."""
    from scipy.sparse import coo_matrix, diags

    count = len(values)
    start, end = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    ones = np.ones(2 * len(start))
    links = coo_matrix((ones, (np.append(start, end), np.append(end, start))), (count, count)).tocsr()
    links.data[:] = 1
    average = diags(1 / np.maximum(links.sum(1).A1, 1)) @ links
    for _ in range(steps):
        values = 0.5 * values + 0.5 * (average @ values)
    return values
