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
    origin = np.repeat(np.arange(len(vertices)), near)
    _match(mirror, origin, candidates.ravel(), distances.ravel(), tolerance)
    if (mirror < 0).any():  # crowded places, where all near ones were taken
        left = np.flatnonzero(mirror < 0)
        apart = np.linalg.norm(reflected[left, None] - vertices[None, left], axis=-1)
        _match(mirror, np.repeat(left, len(left)), np.tile(left, len(left)), apart.ravel(), tolerance)
    if (mirror < 0).any():
        lost = int((mirror < 0).sum())
        raise InputError(f"the body is not symmetric: {lost} vertices have no partner within {tolerance} m")
    return mirror


def _match(mirror: np.ndarray, origin: np.ndarray, partner: np.ndarray, apart: np.ndarray, tolerance: float) -> None:
    """Pair free vertices, the nearest first, in place."""
    near = apart <= tolerance
    origin, partner, apart = origin[near], partner[near], apart[near]
    order = np.lexsort((origin, apart.round(7)))
    for one, two in zip(origin[order].tolist(), partner[order].tolist(), strict=True):
        if mirror[one] < 0 and mirror[two] < 0:
            mirror[one], mirror[two] = two, one
