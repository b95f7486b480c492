"""Several people in one picture, for detectors that see one at a time."""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import UInt8

from liquidwarp.detect.protocol import Detection, box_area, box_iou
from liquidwarp.detect.tuning import PeopleTuning

_NO_WEIGHT = 1e-4  # below it there is nothing known to blur


def find_people(
    frame: UInt8[np.ndarray, "H W 3"], find_one: Callable[[np.ndarray], Detection | None], tuning: PeopleTuning
) -> list[Detection]:
    """Return every person that can be found (four at most), the largest first.

    Each is blurred away before the next is looked for.

    Args:
        frame: an RGB picture.
        find_one: finds the most conspicuous person of a picture.
        tuning: who counts as a person, and as another one.
    """
    found: list[Detection] = []
    rest = frame
    while len(found) < tuning.most_people:
        person = find_one(rest)
        if person is None or person.score < tuning.least_score:
            break
        if any(_overlap(person, other, tuning) for other in found):
            break
        if found and not _is_another(person, found[0], tuning):
            break
        found.append(person)
        rest = _erase(rest, person, tuning)
    return sorted(found, key=lambda d: -box_area(d.box))


def _erase(frame: np.ndarray, person: Detection, tuning: PeopleTuning) -> np.ndarray:
    """Return the picture with a person painted over by the colours around it."""
    height, width = frame.shape[:2]
    reach = max(3, round(tuning.erased_reach * max(height, width)))
    hidden = np.zeros((height, width), np.uint8)
    if person.mask is not None:
        hidden = (person.mask > tuning.erased_mask).astype(np.uint8)
    points = np.rint(person.image[person.confidence > tuning.erased_confidence]).astype(np.int32)
    for x, y in points:
        cv2.circle(hidden, (int(x), int(y)), reach, 1, -1)
    hidden = cv2.dilate(hidden, np.ones((reach, reach), np.uint8))
    span = tuning.erased_blur * max(height, width)
    small = (max(1, width // 8), max(1, height // 8))  # a wide blur needs no full resolution

    def blurred(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(
            cv2.resize(values.astype(np.float32), small, interpolation=cv2.INTER_AREA), (0, 0), span / 8
        )

    known, erased = 1 - hidden, hidden > 0
    weight = np.maximum(blurred(known), _NO_WEIGHT)
    out = frame.copy()
    for channel in range(frame.shape[2]):  # one by one: photos may be large
        fill = cv2.resize(blurred(frame[..., channel] * known) / weight, (width, height))
        out[erased, channel] = fill[erased].clip(0, 255).astype(np.uint8)
    return out


def _overlap(a: Detection, b: Detection, tuning: PeopleTuning) -> bool:
    """Return whether two detections are the same person."""
    if a.mask is None or b.mask is None:
        return box_iou(a.box, b.box) > tuning.same_mask
    first, second = a.mask > 0.5, b.mask > 0.5
    smaller = max(1, min(int(first.sum()), int(second.sum())))
    return int((first & second).sum()) / smaller > tuning.same_mask


def _is_another(person: Detection, first: Detection, tuning: PeopleTuning) -> bool:
    """Return whether what was found after the first person was erased is likely to be a person too."""
    tall = person.box[3] - person.box[1] >= tuning.least_other_height * (first.box[3] - first.box[1])
    return person.score >= tuning.least_other_score and tall
