"""Joints as handles on a photo: where they are, and a detector that sees them where somebody put them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import UInt8

from liquidwarp.detect import Detection, default_detector, detect_people, profile_of

HANDLES = {
    "nose": "head",
    "left_shoulder": "left shoulder",
    "right_shoulder": "right shoulder",
    "left_elbow": "left elbow",
    "right_elbow": "right elbow",
    "left_wrist": "left wrist",
    "right_wrist": "right wrist",
    "left_hip": "left hip",
    "right_hip": "right hip",
    "left_knee": "left knee",
    "right_knee": "right knee",
    "left_ankle": "left ankle",
    "right_ankle": "right ankle",
}
"""Landmarks that can be dragged, and what the page calls them; left and right are the person's own."""

_CARRIED = {
    "left_wrist": ("left_pinky", "left_index", "left_thumb"),
    "right_wrist": ("right_pinky", "right_index", "right_thumb"),
    "left_ankle": ("left_heel", "left_foot_index"),
    "right_ankle": ("right_heel", "right_foot_index"),
    "nose": (
        *("left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer"),
        *("left_ear", "right_ear", "mouth_left", "mouth_right"),
    ),
}
"""What goes with a handle."""

_SURE = 1.0  # confidence in what somebody put there


def handles_of(person: Detection) -> dict[str, Any]:
    """Return a person's handles as plain values: name, place in pixels, confidence."""
    joints = [
        {"name": name, "said": said, "x": float(x), "y": float(y), "sure": float(person.confidence[row])}
        for name, said in HANDLES.items()
        if name in person.names
        for row in [person.names.index(name)]
        for x, y in [person.image[row]]
    ]
    return {"joints": joints}


class DraggedDetector:
    """The usual detector, but some joints of one person are where somebody says.

    What was seen closely of that person (hands, face) is left out where its joint was moved.

    Args:
        person: which person, 0 is the largest.
        moved: landmark to its place, pixels of the photo.
    """

    def __init__(self, person: int, moved: Mapping[str, Sequence[float]]) -> None:
        self._person, self._moved, self._own = person, dict(moved), default_detector()
        self.profile = profile_of(self._own)

    @property
    def name(self) -> str:
        """Name and version."""
        return f"{self._own.name}, {len(self._moved)} joints by hand"

    def detect(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Detection]:
        """Return every person, the chosen one as it was put right."""
        people = detect_people(frame, detector=self._own)
        if self._person < len(people):
            people[self._person] = put_right(people[self._person], self._moved)
        return people


def put_right(person: Detection, moved: Mapping[str, Sequence[float]]) -> Detection:
    """Return a person with landmarks where somebody dragged them, and what goes with them.

    Args:
        person: as detected.
        moved: landmark to its place, pixels; unknown names are left out.
    """
    image, confidence = person.image.copy(), person.confidence.copy()
    for name, place in moved.items():
        if name not in HANDLES or name not in person.names:
            continue
        row = person.names.index(name)
        by = np.asarray(place, image.dtype) - image[row]
        for carried in (name, *_CARRIED.get(name, ())):
            if carried in person.names:
                image[person.names.index(carried)] += by
        confidence[row] = _SURE
    hands = None if {"left_wrist", "right_wrist"} & moved.keys() else person.hands
    face = None if "nose" in moved else person.face
    return replace(person, image=image, confidence=confidence, hands=hands, face=face)
