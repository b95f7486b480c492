"""What finds people in a picture: the protocol and its result."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.detect.details import Face, Hands
from liquidwarp.detect.tuning import FOLLOW_TUNING, FollowTuning

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels; the origin is the top-left corner of the picture."""


@dataclass(frozen=True, eq=False)
class Detection:
    """One person in one picture.

    Convention:
        Pixels: origin at the top-left corner, first pixel centre at (0.5, 0.5). World: camera axes, +X right, +Y down,
        +Z away from the camera, metres, relative to the middle of the hips. Left and right are the person's own.

    Attributes:
        names: landmark names, in the vocabulary of `liquidwarp.bodies.landmarks`.
        image: landmarks in pixels.
        confidence: 0 (unseen) to 1 per landmark.
        world: landmarks in metres; None if the detector does not know them.
        mask: person mask in [0, 1] at the picture's size; None if the detector makes none.
        score: how sure the detector is that this is a person, 0 to 1.
        hands: the hands, from detectors that look at them.
        face: the face, from detectors that look at it; None too if none was seen.
    """

    names: tuple[str, ...]
    image: Float[np.ndarray, "L 2"]
    confidence: Float[np.ndarray, "L"]
    world: Float[np.ndarray, "L 3"] | None
    mask: Float[np.ndarray, "H W"] | None
    score: float
    hands: Hands | None = None
    face: Face | None = None

    @property
    def box(self) -> Box:
        """The box around the landmarks that were seen (around all of them if none was)."""
        return landmark_box(self.image, self.confidence)


@runtime_checkable
class Detector(Protocol):
    """Finds every person in a picture.

    What is known of its landmarks it may say in an attribute `profile`, a `DetectorProfile`; without one nothing is.
    """

    @property
    def name(self) -> str:
        """Name and version."""

    def detect(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Detection]:
        """Return every person that can be found in an RGB picture, the largest first."""


@runtime_checkable
class Follower(Protocol):
    """Follows one person; it has a memory, so give it the frames in order."""

    def next(self, frame: UInt8[np.ndarray, "H W 3"]) -> Detection | None:
        """Return the person in the next frame, or None."""


@runtime_checkable
class FollowingDetector(Detector, Protocol):
    """A detector that finds one known person again better than by searching the whole picture."""

    def follow(self, frame: UInt8[np.ndarray, "H W 3"], person: Detection) -> Follower:
        """Start to follow `person`, seen in `frame`; the follower's first picture is the one after `frame`."""


@runtime_checkable
class SearchingDetector(Detector, Protocol):
    """A detector that can also look for people who are small in a large picture, which takes longer."""

    def search(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Detection]:
        """Return people who are too small for `detect`, the largest first."""


def landmark_box(image: np.ndarray, confidence: np.ndarray, *, tuning: FollowTuning = FOLLOW_TUNING) -> Box:
    """Return the box around the confident ones of (L, 2) landmarks."""
    seen = image[confidence > tuning.seen]
    points = seen if len(seen) >= 2 else image
    left, top = points.min(0)
    right, bottom = points.max(0)
    return float(left), float(top), float(right), float(bottom)


def box_area(box: Box) -> float:
    """Return the area of a box in square pixels."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def box_iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes."""
    inner = box_area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    union = box_area(a) + box_area(b) - inner
    return inner / union if union > 0 else 0.0


def box_distance(a: Box, b: Box) -> float:
    """Return how far the middles of two boxes are apart, in units of the longest side of both."""
    apart = np.hypot((a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2)
    longest = max(a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1], 1e-6)
    return float(apart / longest)


def is_same(box: Box, last: Box, *, tuning: FollowTuning = FOLLOW_TUNING) -> bool:
    """Return whether someone can have moved from one box to the other within a frame or a few."""
    return box_iou(box, last) > tuning.same_overlap or box_distance(box, last) < tuning.same_distance


def drop_outside(
    image: Float[np.ndarray, "*T L 2"],
    confidence: Float[np.ndarray, "*T L"],
    size: tuple[int, int],
    *,
    tuning: FollowTuning = FOLLOW_TUNING,
) -> Float[np.ndarray, "*T L"]:
    """Set the confidence of landmarks to 0 that lie outside of the picture by more than a little."""
    height, width = size
    beyond = np.array([width, height], np.float32) * tuning.outside
    inside = (image >= -beyond) & (image <= np.array([width, height], np.float32) + beyond)
    return np.where(inside.all(-1), confidence, 0).astype(np.float32)
