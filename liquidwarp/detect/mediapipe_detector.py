"""MediaPipe Pose as a detector: 33 landmarks in image and world, and a mask, from models inside its wheel."""

import inspect

import numpy as np
from jaxtyping import UInt8

from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.checks import check_positive
from liquidwarp.detect.answers import distance
from liquidwarp.detect.mediapipe_graph import Answer, CropView, PosePair, average_answers
from liquidwarp.detect.people import find_people
from liquidwarp.detect.profiles import MEDIAPIPE_PROFILE
from liquidwarp.detect.protocol import Box, Detection, box_iou, is_same, landmark_box
from liquidwarp.detect.tuning import MEDIAPIPE_TUNING, MediaPipeTuning
from liquidwarp.errors import InputError


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
        """Return every person that can be found (four at most), the largest first."""
        return find_people(frame, self._find_one, self.tuning.people)

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

    def _find_one(self, frame: np.ndarray) -> Detection | None:
        answer = self.look_everywhere(frame)
        return None if answer is None else to_detection(answer)

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
            searched.score < self._tuning.people.least_score or not is_same(box_of(searched), self._box)
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
