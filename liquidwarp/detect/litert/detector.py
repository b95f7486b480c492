"""The default detector: MediaPipe's networks on LiteRT."""

import inspect
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.checks import check_choice, check_positive
from liquidwarp.detect.answers import distance
from liquidwarp.detect.litert.close_looks import CloseLooks
from liquidwarp.detect.litert.looks import LookPair, PoseAnswer
from liquidwarp.detect.litert.pose import PoseLook, body_region
from liquidwarp.detect.litert.regions import SquareRegion, wrap
from liquidwarp.detect.litert.search import search_parts
from liquidwarp.detect.litert.steady import OneEuro
from liquidwarp.detect.people import find_people
from liquidwarp.detect.profiles import MEDIAPIPE_PROFILE
from liquidwarp.detect.protocol import Box, Detection, box_area, box_iou, is_same, landmark_box
from liquidwarp.detect.tuning import LITERT_TUNING, LiteRtTuning
from liquidwarp.errors import InputError

SIZES = ("lite", "full", "heavy")
"""Sizes of the landmark network."""


class LiteRtDetector:
    """Finds people with the networks of MediaPipe Pose 0.10.21, without MediaPipe.

    Every picture is looked at twice, as it is and mirrored left to right, in two threads; the two answers are averaged,
    which halves their error. Someone who is followed is looked for around the place where it was a frame ago, which
    also finds bent and twisted bodies that the person finder does not know; every few frames the finder looks too.

    The networks are loaded when first used; an `InputError` then says which model file is not there, or altered.

    Convention: the networks' world axes are the library's own (+X right, +Y down, +Z away from the camera, metres).

    Args:
        model: size of the landmark network: "full", "lite" (a quarter quicker) or "heavy" (three times as slow, nearer
            to the truth in the picture, not in space).
        mirror: average with the mirrored picture's answer.
        min_confidence: what the person finder asks for, 0 to 1.
        search_every: someone who is followed is also searched in every so many-th frame, and always where the tracker
            has lost the person.
        hands: also look at hands that are large enough: `Detection.hands`. Up to 10 ms a hand.
        face: also look at the face: `Detection.face`. 2 ms.
        models: folder to look for the model files first; see `litert.models.model_folders`.
        tuning: how people are looked for and told apart.

    Raises:
        InputError: an argument that cannot be used.
    """

    profile = MEDIAPIPE_PROFILE

    def __init__(
        self,
        model: str = "full",
        *,
        mirror: bool = True,
        min_confidence: float = 0.3,
        search_every: int = 4,
        hands: bool = False,
        face: bool = False,
        models: str | Path | None = None,
        tuning: LiteRtTuning = LITERT_TUNING,
    ) -> None:
        check_choice("model", model, SIZES)
        if not 0 <= min_confidence <= 1:
            raise InputError(f"min_confidence={min_confidence} must lie between 0 and 1")
        check_positive("search_every", search_every)
        self.tuning = tuning
        self._model, self._mirror, self._min_confidence = model, mirror, min_confidence
        self._search_every = search_every
        self._hands, self._face, self._models = hands, face, models

    @property
    def name(self) -> str:
        """Name and version, and what is set otherwise than by default."""
        settings = {"mirror": self._mirror, "min_confidence": self._min_confidence, "search_every": self._search_every}
        usual = inspect.signature(LiteRtDetector).parameters
        other = ", ".join(f"{name}={value}" for name, value in settings.items() if value != usual[name].default)
        return f"litert-{self._model} ({other})" if other else f"litert-{self._model}"

    def detect(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Detection]:
        """Return every person that can be found (four at most), the largest first."""
        people = find_people(frame, self._find_one, self.tuning.people)
        return [self._close.complete(frame, person) for person in people]

    def search(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Detection]:
        """Return people who are too small for `detect`, the largest first: down to 80 pixels tall where they stand.

        Overlapping parts of the picture are looked at, finer and finer until somebody is found: a second for a picture
        of 8 million pixels in which nobody is.
        """
        found = search_parts(self._looks, frame, self.tuning.search)
        people = sorted((self._look_again(frame, rough) for rough in found), key=lambda person: -box_area(person.box))
        return [self._close.complete(frame, person) for person in people]

    def follow(self, frame: UInt8[np.ndarray, "H W 3"], person: Detection) -> "LiteRtFollower":
        """Start to follow `person`, seen in `frame`; the follower's first picture is the one after `frame`."""
        return LiteRtFollower(self._looks, self._close, frame, person, self._search_every, self.tuning)

    def look_near(self, frame: UInt8[np.ndarray, "H W 3"], box: Box) -> Detection | None:
        """Return somebody in a square around `box`."""
        answer = look_near(self._looks, frame, box, self.tuning)
        return None if answer is None else to_detection(answer, (frame.shape[0], frame.shape[1]))

    @cached_property
    def _looks(self) -> LookPair:
        """The networks: who only asks for the name loads none."""
        return LookPair(
            self._model,
            mirror=self._mirror,
            min_confidence=self._min_confidence,
            folder=self._models,
            tuning=self.tuning,
        )

    @cached_property
    def _close(self) -> CloseLooks:
        return CloseLooks(
            hands=self._hands, face=self._face, helper=self._looks.helper, folder=self._models, tuning=self.tuning
        )

    def _find_one(self, frame: np.ndarray) -> Detection | None:
        """Find somebody in the whole picture, then look again closely."""
        size = (frame.shape[0], frame.shape[1])
        rough = self._looks.look(frame, self._looks.find(frame, SquareRegion.whole(size), blank=True))
        if rough is None:
            return None
        return self._look_again(frame, rough)

    def _look_again(self, frame: np.ndarray, rough: PoseAnswer) -> Detection:
        """Look closely at somebody who was found; the first answer stays where that shows somebody else."""
        close = look_near(self._looks, frame, box_of(rough), self.tuning)
        better = close is not None and box_iou(box_of(close), box_of(rough)) > self.tuning.close_overlap
        return to_detection(close if close is not None and better else rough, (frame.shape[0], frame.shape[1]))


class LiteRtFollower:
    """Follows one person: the network looks where the body was a frame ago; now and then the finder looks too.

    The tracker so keeps hold of bent and twisted bodies, for which the finder answers nonsense. It is started anew
    where it has lost the person, or the finder has been surer for long.
    """

    def __init__(
        self,
        looks: LookPair,
        close: CloseLooks,
        frame: np.ndarray,
        person: Detection,
        search_every: int,
        tuning: LiteRtTuning,
    ) -> None:
        self._looks, self._close, self._tuning = looks, close, tuning
        self._first: np.ndarray | None = frame
        self._last = person
        self._box = person.box
        self._doubts = 0
        self._search_every, self._frames = search_every, 0
        self._track = _Track([], [])

    def next(self, frame: UInt8[np.ndarray, "H W 3"]) -> Detection | None:
        """Return the person in the next frame, or None."""
        if self._first is not None:  # as late as this: most pictures have no next one
            start = look_near(self._looks, self._first, self._box, self._tuning)
            self._first = None
            if start is not None:
                self._track = self._restart(start)
        tracked = self._looks.look(frame, self._track.regions, self._last.image) if self._track.regions else None
        if tracked is not None and not is_same(box_of(tracked), self._box):
            tracked = None
        self._frames += 1
        answer = tracked
        if tracked is None or self._frames % self._search_every == 0:
            answer = self._settle(frame, tracked)
        if answer is None:
            return None
        self._box = box_of(answer)
        if answer is tracked:
            self._track = self._track.go_on(self._looks, answer)
        else:
            self._doubts = 0
            self._track = self._restart(answer)
        person = to_detection(answer, (frame.shape[0], frame.shape[1]))
        self._last = self._close.complete(frame, person, self._last)
        return self._last

    def _settle(self, frame: np.ndarray, tracked: PoseAnswer | None) -> PoseAnswer | None:
        """Let the finder look; choose between its answer and the tracker's, and count how long it has been surer."""
        if tracked is not None:
            found = self._looks.find_once(frame, _around(self._box, self._tuning))
            if found is None:
                return tracked
            if _alike(found, tracked.looks[0].following, self._tuning):
                self._doubts = 0
                return tracked
        searched = look_near(self._looks, frame, self._box, self._tuning)
        known = self._tuning
        if searched is not None and (
            searched.score < known.people.least_score or not is_same(box_of(searched), self._box)
        ):
            searched = None
        if tracked is None or searched is None:
            return tracked or searched
        if distance(tracked.image, searched.image) < known.agree:
            self._doubts = 0
            return tracked
        self._doubts = self._doubts + 1 if searched.score > tracked.score + known.surer else 0
        return searched if self._doubts >= known.most_doubts else tracked

    def _restart(self, answer: PoseAnswer) -> "_Track":
        return _Track.start(self._looks, answer)


@dataclass(frozen=True, eq=False)
class _Track:
    """Where the looks go in the next frame, and what steadies these squares."""

    regions: list[SquareRegion]
    filters: list[OneEuro]

    @staticmethod
    def start(looks: LookPair, answer: PoseAnswer) -> "_Track":
        regions = looks.twins(SquareRegion(0.0, 0.0, 1.0))
        track = _Track(regions, [OneEuro() for _ in regions])
        return track.go_on(looks, answer)

    def go_on(self, looks: LookPair, answer: PoseAnswer) -> "_Track":
        """Return the squares after an answer; a look that saw nobody, or somebody else, follows the other one."""
        by_side: dict[bool, PoseLook] = {look.region.mirrored: look for look in answer.looks}
        regions = []
        for region, steady in zip(self.regions, self.filters, strict=True):
            look = by_side.get(region.mirrored, answer.looks[0])
            anchors = steady.follow(look.anchors, 2 * float(np.linalg.norm(look.anchors[1] - look.anchors[0])))
            regions.append(body_region(anchors, mirrored=region.mirrored))
        return _Track(regions, self.filters)


def look_near(looks: LookPair, frame: UInt8[np.ndarray, "H W 3"], box: Box, tuning: LiteRtTuning) -> PoseAnswer | None:
    """Search somebody in a square around `box`."""
    return looks.look(frame, looks.find(frame, _around(box, tuning)))


def to_detection(answer: PoseAnswer, size: tuple[int, int]) -> Detection:
    """Turn an answer about a picture of (height, width) into a detection."""
    confidence = answer.confidence
    return Detection(MEDIAPIPE, answer.image, confidence, answer.world, answer.mask(size), float(confidence.mean()))


def box_of(answer: PoseAnswer) -> Box:
    """Return the box around what was seen."""
    return landmark_box(answer.image, answer.confidence)


def _around(box: Box, tuning: LiteRtTuning) -> SquareRegion:
    """Return a square around a box, with a margin."""
    side = max(box[2] - box[0], box[3] - box[1], tuning.least_side) * tuning.margin
    return SquareRegion((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, side)


def _alike(a: SquareRegion, b: SquareRegion, tuning: LiteRtTuning) -> bool:
    """Return whether two squares show the same body in the same place."""
    apart = float(np.hypot(a.x - b.x, a.y - b.y)) / max(a.side, b.side)
    ratio = max(a.side, b.side) / max(min(a.side, b.side), 1e-6)
    turned = abs(wrap(a.angle - b.angle))
    return apart < tuning.agree_place and ratio < tuning.agree_size and turned < tuning.agree_turn
