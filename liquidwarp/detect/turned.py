"""People whom a detector finds only when the picture is turned."""

from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from liquidwarp.detect.protocol import Detection, Detector
from liquidwarp.detect.tuning import FOLLOW_TUNING, FollowTuning


def detect_turned(
    detector: Detector, frame: UInt8[np.ndarray, "H W 3"], *, tuning: FollowTuning = FOLLOW_TUNING
) -> list[Detection]:
    """Return the people that are surely found when a picture is turned by 90, 180 or 270 degrees, whichever is best.

    Convention: as `Detection`, in the picture as it is.
    """
    size = (frame.shape[0], frame.shape[1])
    best: list[Detection] = []
    for quarters in (2, 1, 3):
        turned = np.ascontiguousarray(np.rot90(frame, quarters))
        seen = [person for person in detector.detect(turned) if person.score > tuning.surely_turned]
        people = [turn_back(person, quarters, size) for person in seen]
        if people and (not best or people[0].score > best[0].score):
            best = people
    return best


def turn_back(person: Detection, quarters: int, size: tuple[int, int]) -> Detection:
    """Return somebody found in a picture that `np.rot90` turned, in the picture as it was.

    Args:
        person: in the turned picture.
        quarters: how often it was turned by 90 degrees against the clock.
        size: (height, width) of the picture as it was.
    """
    image, world = person.image, person.world
    height, width = size if quarters % 2 == 0 else (size[1], size[0])  # of the turned picture
    for _ in range(quarters % 4):  # a quarter with the clock takes (x, y) to (height - y, x)
        image = np.stack([height - image[:, 1], image[:, 0]], 1).astype(np.float32)
        height, width = width, height
        if world is not None:
            world = np.stack([-world[:, 1], world[:, 0], world[:, 2]], 1).astype(np.float32)
    mask = None if person.mask is None else np.ascontiguousarray(np.rot90(person.mask, -quarters))
    return replace(person, image=image, world=world, mask=mask, hands=None, face=None)
