"""MediaPipe Pose as a detector: 33 landmarks in image and world, and a mask, from models inside its wheel."""

import inspect

import cv2
import numpy as np
from jaxtyping import UInt8

from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.checks import check_positive
from liquidwarp.detect.mediapipe_graph import Answer, CropView, PosePair, average_answers, distance
from liquidwarp.detect.profiles import MEDIAPIPE_PROFILE
from liquidwarp.detect.protocol import Box, Detection, box_area, box_iou, is_same, landmark_box
from liquidwarp.detect.tuning import MEDIAPIPE_TUNING, MediaPipeTuning
from liquidwarp.errors import InputError

_NO_WEIGHT = 1e-4  # below it there is nothing known to blur


class MediaPipeDetector:
    """Finds people with MediaPipe Pose 0.10.21 (its "full" model; the "heavy" one is not in the wheel).

    Every picture is looked at twice, as it is and mirrored left to right, in two threads; the two answers are averaged,
    which halves their error. Someone who is followed is looked for around the place where it was a frame ago, which
    also finds bent and twisted bodies that the person finder does not know; every few frames the finder looks too.

    Convention: MediaPipe's world axes are the library's own (+X right, +Y down, +Z away from the camera, metres).

    Args:
        mirror: average with the mirrored picture's answer.
        min_confidence: what the person finder asks for, 0 to 1.
        search_every: someone who is followed is also searched in every so many-th frame, and always where the tracker
            has lost the person. On real clips 1 gives nothing over 4 and takes 1.7 times as long (docs/performance.md).
        tuning: how people are looked for and told apart.
    """

    profile = MEDIAPIPE_PROFILE

    def __init__(
        self,
        *,
        mirror: bool = True,
        min_confidence: float = 0.3,
        search_every: int = 4,
        tuning: MediaPipeTuning = MEDIAPIPE_TUNING,
    ) -> None:
        if not 0 <= min_confidence <= 1:
            raise InputError(f"min_confidence={min_confidence} must lie between 0 and 1")
        check_positive("search_every", search_every)
        self.tuning = tuning
        self._mirror = mirror
        self._min_confidence = min_confidence
        self._search_every = search_every
        self._stills: PosePair | None = None

    @property
    def name(self) -> str:
        """Name and version, and what is set otherwise than by default."""
        settings = {"mirror": self._mirror, "min_confidence": self._min_confidence, "search_every": self._search_every}
        usual = inspect.signature(MediaPipeDetector).parameters
        other = ", ".join(f"{name}={value}" for name, value in settings.items() if value != usual[name].default)
        return f"mediapipe-0.10.21 ({other})" if other else "mediapipe-0.10.21"

    def detect(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Detection]:
        """Return every person that can be found (four at most), the largest first.

        MediaPipe finds one person at a time: each is blurred away before the next is looked for.
        """
        found: list[Detection] = []
        rest = frame
        while len(found) < self.tuning.most_people:
            answer = self.look_everywhere(rest)
            if answer is None:
                break
            person = to_detection(answer)
            if person.score < self.tuning.least_score or any(_overlap(person, other, self.tuning) for other in found):
                break
            if found and not _is_another(person, found[0], self.tuning):
                break
            found.append(person)
            rest = _erase(rest, person, self.tuning)
        return sorted(found, key=lambda d: -box_area(d.box))

    def follow(self, frame: UInt8[np.ndarray, "H W 3"], person: Detection) -> "MediaPipeFollower":
        """Start to follow `person`, seen in `frame`; the follower's first picture is the one after `frame`."""
        return MediaPipeFollower(self, frame, person, self._search_every)

    def make_tracker(self) -> PosePair:
        """Return graphs that look where they saw somebody a frame ago."""
        return PosePair(tracking=True, mirror=self._mirror, min_confidence=self._min_confidence)

    def look_everywhere(self, frame: np.ndarray) -> Answer | None:
        """Find somebody in the whole picture, then look again closely."""
        rough = self._stills_pair().look(frame, _whole((frame.shape[0], frame.shape[1]), self.tuning))
        if rough is None:
            return None
        close = self.look_near(frame, box_of(rough))
        same = close is not None and box_iou(box_of(close), box_of(rough)) > self.tuning.close_overlap
        return close if same else rough

    def look_near(self, frame: np.ndarray, box: Box) -> Answer | None:
        """Find somebody in a square around `box`."""
        return self._stills_pair().look(frame, _around(box, self.tuning))

    def _stills_pair(self) -> PosePair:
        if self._stills is None:
            self._stills = PosePair(tracking=False, mirror=self._mirror, min_confidence=self._min_confidence)
        return self._stills


class MediaPipeFollower:
    """Follows one person: where MediaPipe's tracker and its person finder agree, their mean; else the tracker.

    The tracker looks where the body was a frame ago and so keeps hold of bent and twisted bodies, for which the finder
    answers nonsense. It is started anew where it has lost the person, or the finder has been surer for long.
    """

    def __init__(
        self,
        detector: MediaPipeDetector,
        frame: np.ndarray,
        person: Detection,
        search_every: int,
    ) -> None:
        self._detector, self._tuning = detector, detector.tuning
        self._first: np.ndarray | None = frame
        self._last = person.image
        self._box = person.box
        self._doubts = 0
        self._search_every, self._frames = search_every, 0

    def next(self, frame: UInt8[np.ndarray, "H W 3"]) -> Detection | None:
        """Return the person in the next frame, or None."""
        if self._first is not None:  # as late as this: most pictures have no next one, and graphs are dear
            self._tracker = self._detector.make_tracker()
            self._start(self._first)
            self._first = None
        tracked = self._tracker.look(frame, self._view, self._last)
        if tracked is not None and not is_same(box_of(tracked), self._box):
            tracked = None
        self._frames += 1
        due = tracked is None or self._frames % self._search_every == 0
        searched = self._detector.look_near(frame, self._box) if due else None
        if searched is not None and (
            searched.score < self._tuning.least_score or not is_same(box_of(searched), self._box)
        ):
            searched = None
        answer = self._settle(tracked, searched)
        if answer is None:
            return None
        self._last, self._box = answer.image, box_of(answer)
        if tracked is None or self._doubts >= self._tuning.most_doubts:
            self._start(frame)
        return to_detection(answer)

    def _settle(self, tracked: Answer | None, searched: Answer | None) -> Answer | None:
        """Choose between the two answers, or take their mean; count how long the finder has been the surer."""
        if tracked is None or searched is None:
            return tracked or searched
        if distance(tracked.image, searched.image) < self._tuning.agree:
            self._doubts = 0
            return average_answers([tracked, searched])
        self._doubts = self._doubts + 1 if searched.score > tracked.score + self._tuning.surer else 0
        return searched if self._doubts >= self._tuning.most_doubts else tracked

    def _start(self, frame: np.ndarray) -> None:
        """Let the tracker begin at the person's box, in a view that shows the person large enough."""
        self._doubts = 0
        height, width = frame.shape[:2]
        side = max(self._box[2] - self._box[0], self._box[3] - self._box[1], 1.0)
        known = self._tuning
        scale = float(np.clip(known.view / (known.margin * side), known.least_zoom, known.most_zoom))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        self._view = CropView(np.array([[size[1] / width, 0, 0], [0, size[0] / height, 0]]), size)
        self._tracker.forget()
        self._tracker.look(_only(frame, self._box, known), self._view)


def to_detection(answer: Answer) -> Detection:
    """Turn MediaPipe's answer into a detection."""
    return Detection(
        MEDIAPIPE, answer.image, answer.confidence, answer.world, answer.mask, float(answer.confidence.mean())
    )


def box_of(answer: Answer) -> Box:
    """Return the box around what was seen."""
    return landmark_box(answer.image, answer.confidence)


def _whole(size: tuple[int, int], tuning: MediaPipeTuning) -> CropView:
    """View the whole picture, small pictures twice as large and large ones smaller."""
    scale = 2.0 if max(size) < tuning.small_picture else min(1.0, tuning.large_picture / max(size))
    target = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    return CropView(np.array([[target[1] / size[1], 0, 0], [0, target[0] / size[0], 0]]), target)


def _around(box: Box, tuning: MediaPipeTuning) -> CropView:
    """View a square around a box, with a margin."""
    side = max(box[2] - box[0], box[3] - box[1], tuning.least_side) * tuning.margin
    scale = tuning.view / side
    left, top = (box[0] + box[2] - side) / 2, (box[1] + box[3] - side) / 2
    return CropView(np.array([[scale, 0, -left * scale], [0, scale, -top * scale]]), (tuning.view, tuning.view))


def _grow(box: Box, factor: float, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return a box grown about its middle as whole pixels inside of the picture."""
    half = max(box[2] - box[0], box[3] - box[1]) * factor / 2
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left, top = int(np.clip(x - half, 0, size[1] - 1)), int(np.clip(y - half, 0, size[0] - 1))
    right, bottom = int(np.clip(x + half + 1, left + 1, size[1])), int(np.clip(y + half + 1, top + 1, size[0]))
    return left, top, right, bottom


def _only(frame: np.ndarray, box: Box, tuning: MediaPipeTuning) -> np.ndarray:
    """Return the picture with everything far from `box` blanked out, so that nobody else is found there."""
    left, top, right, bottom = _grow(box, tuning.margin, (frame.shape[0], frame.shape[1]))
    alone = np.full_like(frame, 127)
    alone[top:bottom, left:right] = frame[top:bottom, left:right]
    return alone


def _erase(frame: np.ndarray, person: Detection, tuning: MediaPipeTuning) -> np.ndarray:
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
    known = 1 - hidden[..., None].astype(np.float32)
    span = tuning.erased_blur * max(height, width)
    small = (max(1, width // 8), max(1, height // 8))  # a wide blur needs no full resolution
    colour = cv2.GaussianBlur(cv2.resize(frame * known, small, interpolation=cv2.INTER_AREA), (0, 0), span / 8)
    weight = cv2.GaussianBlur(cv2.resize(known, small, interpolation=cv2.INTER_AREA), (0, 0), span / 8)
    fill = cv2.resize(colour / np.maximum(weight, _NO_WEIGHT)[..., None], (width, height))
    return np.where(known > 0, frame, fill.clip(0, 255)).astype(np.uint8)


def _overlap(a: Detection, b: Detection, tuning: MediaPipeTuning) -> bool:
    """Return whether two detections are the same person."""
    if a.mask is None or b.mask is None:
        return box_iou(a.box, b.box) > tuning.same_mask
    first, second = a.mask > 0.5, b.mask > 0.5
    smaller = max(1, min(int(first.sum()), int(second.sum())))
    return int((first & second).sum()) / smaller > tuning.same_mask


def _is_another(person: Detection, first: Detection, tuning: MediaPipeTuning) -> bool:
    """Return whether what was found after the first person was erased is likely to be a person too."""
    tall = person.box[3] - person.box[1] >= tuning.least_other_height * (first.box[3] - first.box[1])
    return person.score >= tuning.least_other_score and tall
