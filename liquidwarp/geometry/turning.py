"""Views from one place: what turns and zooms between two pictures of a camera that stays where it is."""

import numpy as np
from jaxtyping import Float64

_FARTHEST = 0.1  # cosine of the angle to the view's axis: what is farther aside is in no picture
_SOLVED = 1e-7  # radians, or parts of the focal length
_DAMPING = 1e-12  # of the trace: keeps normal equations from being singular


def turn_pixels(
    pixels: Float64[np.ndarray, "N 2"],
    center: tuple[float, float],
    focals: tuple[float, float],
    rotation: Float64[np.ndarray, "3 3"],
) -> Float64[np.ndarray, "N 2"]:
    """Return where another view from the same place shows what pixels show.

    Convention: pixels as `Camera`; `rotation` turns the axes of the first view into those of the second.

    Args:
        pixels: in the first view.
        center: principal point of both.
        focals: focal lengths of both, pixels.
        rotation: between them; what it turns out of sight lands far outside.
    """
    rays = np.concatenate([(pixels - center) / focals[0], np.ones((len(pixels), 1))], 1) @ rotation.T
    return rays[:, :2] / np.maximum(rays[:, 2:], _FARTHEST) * focals[1] + center


def turn_homography(
    center: tuple[float, float], focals: tuple[float, float], rotation: Float64[np.ndarray, "3 3"]
) -> Float64[np.ndarray, "3 3"]:
    """Return `turn_pixels` as a matrix for homogeneous pixels."""
    first, second = (np.array([[focal, 0, center[0]], [0, focal, center[1]], [0, 0, 1]]) for focal in focals)
    matrix: np.ndarray = second @ rotation @ np.linalg.inv(first)
    return matrix / matrix[2, 2]


def find_turn(
    pixels: Float64[np.ndarray, "N 2"],
    seen: Float64[np.ndarray, "N 2"],
    center: tuple[float, float],
    focals: tuple[float, float],
    rotation: Float64[np.ndarray, "3 3"],
    *,
    width: float,
    steps: int = 6,
) -> tuple[Float64[np.ndarray, "3 3"], float, Float64[np.ndarray, "N"]]:
    """Find the turn and the zoom that bring pixels of one view to where another shows them.

    Minimises a Geman-McClure cost by Gauss-Newton steps; four points are enough.

    Convention: see `turn_pixels`.

    Args:
        pixels: in the first view.
        seen: the same in the second.
        center: principal point of both.
        focals: focal lengths: of the first view, and of the second to start from.
        rotation: to start from.
        width: pixels of error at which a point counts for little.
        steps: most steps.

    Returns:
        The rotation, the second focal length, and the distance that is left of each point in pixels.
    """
    flat = np.concatenate([(pixels - center) / focals[0], np.ones((len(pixels), 1))], 1)
    focal, middle = focals[1], np.asarray(center)
    for _ in range(steps):
        rays = flat @ rotation.T
        deep = np.maximum(rays[:, 2], _FARTHEST)
        x, y = rays[:, 0] / deep, rays[:, 1] / deep
        error = np.stack([x, y], 1) * focal + middle - seen
        weight = (width**2 / (width**2 + (error**2).sum(1))) ** 2
        # Derivatives by a turn of the second view's axes, and by the logarithm of its focal length.
        slope = focal * np.stack([np.stack([-x * y, 1 + x * x, -y, x], 1), np.stack([-(1 + y * y), x * y, x, y], 1)], 1)
        pull = slope * weight[:, None, None]
        normal = np.einsum("nij,nik->jk", pull, slope)
        right = np.einsum("nij,ni->j", pull, error)
        step = -np.linalg.solve(normal + _DAMPING * np.trace(normal) * np.eye(4), right)
        rotation = _rotation(step[:3]) @ rotation
        focal *= float(np.exp(step[3].clip(-1, 1)))
        if np.abs(step).max() < _SOLVED:
            break
    error = turn_pixels(pixels, center, (focals[0], focal), rotation) - seen
    return rotation, focal, np.linalg.norm(error, axis=1)


def _rotation(turn: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "3 3"]:
    """Rodrigues' formula."""
    angle = float(np.linalg.norm(turn))
    cross = np.array([[0, -turn[2], turn[1]], [turn[2], 0, -turn[0]], [-turn[1], turn[0], 0]])
    half = np.sinc(angle / (2 * np.pi))
    matrix: np.ndarray = np.eye(3) + np.sinc(angle / np.pi) * cross + half**2 / 2 * cross @ cross
    return matrix
