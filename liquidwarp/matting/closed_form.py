"""Closed-form alpha matting inside a band of unknown pixels.

Levin, Lischinski, Weiss: "A Closed-Form Solution to Natural Image Matting", PAMI 2008.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy import sparse
from scipy.sparse.linalg import cg

_TOLERANCE = 1e-4  # of the right-hand side's size: far below one step of 8 bits


def solve_alpha(
    image: Float[np.ndarray, "H W 3"],
    alpha: Float[np.ndarray, "H W"],
    unknown: Bool[np.ndarray, "H W"],
    *,
    prior_weight: float = 0.0,
    epsilon: float = 1e-5,
    iterations: int = 300,
) -> Float[np.ndarray, "H W"]:
    """Replace `alpha` where it is `unknown` by the alpha that is locally an affine function of the colours.

    Minimises `a^T L a + prior_weight * |a - alpha|^2` over the unknown pixels with the matting Laplacian L (equation
    12) of the 3x3 windows that touch them; known pixels keep their alpha and bound the solution.

    Args:
        image: colours in [0, 1].
        alpha: known alpha, and a guess where it is unknown.
        unknown: which pixels to solve for.
        prior_weight: pull of unknown pixels to the guess.
        epsilon: regularisation of the colours' covariance.
        iterations: most steps of the conjugate gradient solver.
    """
    if not unknown.any():
        return alpha
    laplacian = matting_laplacian(image, unknown, epsilon)
    inside = np.flatnonzero(unknown)
    rows = laplacian[inside]
    flat = alpha.reshape(-1).astype(np.float64)
    known = np.where(unknown.reshape(-1), 0.0, flat)
    system = rows[:, inside] + prior_weight * sparse.identity(len(inside), format="csr")
    right = prior_weight * flat[inside] - rows @ known
    jacobi = sparse.diags(1.0 / np.maximum(system.diagonal(), 1e-12))
    solution, _ = cg(system, right, x0=flat[inside], rtol=_TOLERANCE, maxiter=iterations, M=jacobi)
    out = alpha.copy()
    out[unknown] = solution.clip(0, 1)
    return out


def matting_laplacian(
    image: Float[np.ndarray, "H W 3"], unknown: Bool[np.ndarray, "H W"], epsilon: float
) -> sparse.csr_matrix:
    """Return the matting Laplacian (pixels by pixels, row by row) of the 3x3 windows that touch an unknown pixel."""
    height, width = unknown.shape
    offsets = np.array([(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    touched = np.zeros_like(unknown)
    for dy, dx in offsets:
        touched[1:-1, 1:-1] |= unknown[1 + dy : height - 1 + dy, 1 + dx : width - 1 + dx]
    y, x = np.nonzero(touched)
    index = (y[:, None] + offsets[:, 0]) * width + x[:, None] + offsets[:, 1]
    colours = image.reshape(-1, 3).astype(np.float64)[index]
    centred = colours - colours.mean(1, keepdims=True)
    covariance = np.einsum("wic,wid->wcd", centred, centred) / 9 + np.eye(3) * (epsilon / 9)
    weights = (1 + np.einsum("wic,wcd,wjd->wij", centred, np.linalg.inv(covariance), centred, optimize=True)) / 9
    values = np.eye(9) - weights
    rows = np.repeat(index, 9, axis=1).reshape(-1)
    columns = np.tile(index, (1, 9)).reshape(-1)
    return sparse.csr_matrix((values.reshape(-1), (rows, columns)), shape=(height * width, height * width))
