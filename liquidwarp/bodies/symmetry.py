"""Left-right symmetry of a mesh at rest."""

import numpy as np

from liquidwarp.errors import InputError


def mirror_map(vertices: np.ndarray, tolerance: float = 1e-3) -> np.ndarray:
    """Match each vertex with the one at its place on the other side of the plane x = 0.

    Args:
        vertices: rest vertices, shape (V, 3), of a body that is symmetric up to `tolerance` (metres).
        tolerance: largest distance between a vertex and its partner's reflection.

    Returns:
        An involution of the vertices, shape (V,), int64.

    Raises:
        InputError: the mesh is not symmetric.
    """
    from scipy.spatial import cKDTree

    vertices = np.asarray(vertices, dtype=np.float64)
    reflected = vertices * (-1, 1, 1)
    near = min(8, len(vertices))
    distances, candidates = cKDTree(vertices).query(reflected, k=near)
    mirror = np.full(len(vertices), -1, dtype=np.int64)
    pairs = np.lexsort((np.repeat(np.arange(len(vertices)), near), distances.round(7).ravel()))
    for pair in pairs:
        vertex, partner = pair // near, candidates.flat[pair]
        if distances.flat[pair] > tolerance:
            break
        if mirror[vertex] < 0 and mirror[partner] < 0:
            mirror[vertex], mirror[partner] = partner, vertex
    if (mirror < 0).any():
        lost = int((mirror < 0).sum())
        raise InputError(f"the body is not symmetric: {lost} vertices have no partner within {tolerance} m")
    return mirror
