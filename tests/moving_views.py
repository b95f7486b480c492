"""A made place, filmed by a camera that turns and zooms as it is told."""

import math

import cv2
import numpy as np

from liquidwarp.geometry import turn_homography

SIZE = (120, 160)
FOCAL = 170.0  # pixels


def fov() -> float:
    """Field of view of `film` along the longer side, degrees."""
    return 2 * math.degrees(math.atan(max(SIZE) / 2 / FOCAL))


def place(seed: int = 0, size: tuple[int, int] = (400, 520)) -> np.ndarray:
    """Return a large picture full of corners."""
    rng = np.random.default_rng(seed)
    picture = cv2.resize(rng.integers(60, 200, (12, 15, 3)).astype(np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    for _ in range(260):
        x, y = rng.integers(0, size[1]), rng.integers(0, size[0])
        corner = (int(x + rng.integers(8, 30)), int(y + rng.integers(8, 30)))
        cv2.rectangle(picture, (int(x), int(y)), corner, rng.integers(0, 255, 3).tolist(), -1)
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


def turn(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Return the rotation of degrees to the right, down and clockwise."""
    matrix = np.eye(3)
    for axis, angle in ((1, -yaw), (0, pitch), (2, roll)):
        vector = np.zeros(3)
        vector[axis] = math.radians(angle)
        matrix = cv2.Rodrigues(vector)[0] @ matrix
    return matrix


def film(picture: np.ndarray, rotations: np.ndarray, zooms: np.ndarray, noise: float = 1.5) -> list[np.ndarray]:
    """Film a picture that stands far away; the person is not in it."""
    rng, frames = np.random.default_rng(1), []
    there = picture.shape[1] / 2 - 0.5, picture.shape[0] / 2 - 0.5
    here = SIZE[1] / 2 - 0.5, SIZE[0] / 2 - 0.5
    shift = np.eye(3)
    shift[:2, 2] = np.subtract(here, there)
    for rotation, zoom in zip(rotations, zooms, strict=True):
        matrix = turn_homography(here, (FOCAL, FOCAL * zoom), rotation) @ shift
        seen = cv2.warpPerspective(picture, matrix, SIZE[::-1], flags=cv2.INTER_LINEAR)
        frames.append((seen + rng.normal(0, noise, seen.shape)).clip(0, 255).astype(np.uint8))
    return frames


def wander(frames: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Return the turns and zooms of a camera that pans, tilts, rolls, zooms and shakes."""
    time, rng = np.linspace(0, 1, frames), np.random.default_rng(2)
    shake = rng.normal(0, 0.25, (3, frames))
    yaw, pitch, roll = (size * np.sin(2 * math.pi * time + phase) for size, phase in ((9, 0), (2, 1), (1.5, 2)))
    rotations = np.stack(
        [turn(*angles) for angles in zip(yaw + shake[0], pitch + shake[1], roll + shake[2], strict=True)]
    )
    return rotations, 1 + 0.15 * np.sin(2 * math.pi * time)
