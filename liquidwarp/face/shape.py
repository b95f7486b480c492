"""Shapes of faces: seen from the front, with lips and lids apart or together."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from liquidwarp.face.landmarks import (
    CHIN,
    EYES_APART,
    FOREHEAD,
    LIP_CORNERS,
    LOWER_LIP,
    MOUTH_CORNERS,
    UPPER_LIP,
)

_UPPER, _LOWER = list(UPPER_LIP[0]), list(LOWER_LIP[0])


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """How a head stands in a picture.

    Convention:
        Pixels as `Camera`, z away from the camera. In the head's own axes x runs along the eyes to the picture's right,
        y down to the chin, z into the head; the unit is the distance of the eyes' outer corners.

    Attributes:
        axes: the head's axes as rows, in the picture's.
        place: of the head's origin, between the eyes, pixels.
        unit: pixels.
    """

    axes: Float[np.ndarray, "3 3"]
    place: Float[np.ndarray, "3"]
    unit: float

    @staticmethod
    def of(points: Float[np.ndarray, "468 3"]) -> "HeadFrame":
        """Return the frame of a mesh in pixels."""
        right, left = points[EYES_APART[0]].astype(np.float64), points[EYES_APART[1]].astype(np.float64)
        across = left - right
        unit = max(float(np.linalg.norm(across)), 1e-6)
        x = across / unit
        down = (points[CHIN] - points[FOREHEAD]).astype(np.float64)
        down = down - (down @ x) * x
        y = down / max(float(np.linalg.norm(down)), 1e-6)
        return HeadFrame(np.stack([x, y, np.cross(x, y)]), (right + left) / 2, unit)

    def own(self, points: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
        """Return points of the picture in the head's axes and unit."""
        return (points - self.place) @ self.axes.T / self.unit

    def picture(self, points: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
        """Return points of the head in the picture."""
        return points @ self.axes * self.unit + self.place

    @property
    def yaw(self) -> float:
        """How far the face looks away from the camera, degrees."""
        return float(np.degrees(np.arccos(np.clip(self.axes[2, 2], -1, 1))))


def mouth_width(shape: Float[np.ndarray, "*T 468 3"]) -> Float[np.ndarray, "*T"]:
    """Return the distance of the mouth's corners."""
    return np.asarray(np.linalg.norm(shape[..., MOUTH_CORNERS[0], :] - shape[..., MOUTH_CORNERS[1], :], axis=-1))


def mouth_gaps(shape: Float[np.ndarray, "*T 468 3"]) -> Float[np.ndarray, "*T 9"]:
    """Return how far the lips are apart, column by column, in widths of the mouth."""
    apart = shape[..., _LOWER, 1] - shape[..., _UPPER, 1]
    return apart / np.maximum(mouth_width(shape), 1e-6)[..., None]


def opened_by(shape: Float[np.ndarray, "468 3"], gaps: Float[np.ndarray, "9"]) -> Float[np.ndarray, "468"]:
    """Return how far down every point goes, in the shape's unit, where the lower lip's border goes down by `gaps`.

    The lower lip goes down as its border does, the chin with the middle, cheeks and neck less the farther they are.

    Args:
        shape: a face in its own axes.
        gaps: per column, in the shape's unit.
    """
    corners = shape[list(MOUTH_CORNERS), :2]
    columns = shape[_LOWER, 0]
    along = np.concatenate([[corners[0, 0]], columns, [corners[1, 0]]])
    steps = np.concatenate([[0.0], gaps, [0.0]])
    order = np.argsort(along, kind="stable")
    per_column = np.interp(shape[:, 0], along[order], steps[order], left=0.0, right=0.0)
    half = max(float(corners[1, 0] - corners[0, 0]) / 2, 1e-6)
    line = float(corners[:, 1].mean())
    middle = float(corners[:, 0].mean())
    below = (shape[:, 1] - line) / half
    aside = np.abs(shape[:, 0] - middle) / half
    deep = _ramp(below, 0.5, 1.2)
    jaw = float(gaps[3:6].mean()) * (1 - _ramp(aside, 1.0, 2.6)) * _ramp(below, 0.0, 1.0)
    down = deep * jaw + (1 - deep) * np.where(below > 0, per_column * (1 - _ramp(below, 0.8, 2.0)), 0.0)
    down = np.maximum(down, jaw * (aside > 1))
    for row in LOWER_LIP:
        down[list(row)] = gaps
    down[[point for row in (*UPPER_LIP, *LIP_CORNERS) for point in row]] = 0.0
    return down


def with_closed_lips(
    shape: Float[np.ndarray, "468 3"], left: Float[np.ndarray, "9"] | float = 0.0
) -> Float[np.ndarray, "468 3"]:
    """Return a face whose lower lip and jaw went up until the lips meet.

    Args:
        shape: a face in its own axes.
        left: what stays open of each column, in the shape's unit, if it is open so far.
    """
    apart = np.maximum(shape[_LOWER, 1] - shape[_UPPER, 1] - left, 0)
    closed = shape.copy()
    closed[:, 1] -= opened_by(shape, apart)
    return closed


def _ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    return soft_step((value - low) / (high - low))


def soft_step(value: Float[np.ndarray, "*N"] | float) -> Float[np.ndarray, "*N"]:
    """Return 0 below 0, 1 above 1, and a smooth way between."""
    part = np.clip(value, 0, 1)
    return np.asarray(part * part * (3 - 2 * part))
