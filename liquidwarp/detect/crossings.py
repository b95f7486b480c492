"""Who is who after two people crossed: by the way they went, their size, where they stand, and what they look like."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.detect.person_colors import PersonColors
from liquidwarp.detect.protocol import Detection, box_iou
from liquidwarp.detect.tuning import FOLLOW_TUNING, CrossingTuning, FollowTuning


@dataclass(eq=False)
class _Way:
    """Where somebody was, while apart from others: seconds, and middle, foot and height of the box in pixels."""

    times: list[float] = field(default_factory=list)
    spots: list[np.ndarray] = field(default_factory=list)
    look: PersonColors | None = None

    @property
    def height(self) -> float:
        return max(float(np.median([spot[2] for spot in self.spots])), 1.0)

    def is_seen(self, time: float, tuning: CrossingTuning) -> bool:
        """Return whether they were seen in more than one frame, and lately: detectors also take things for people."""
        return self.times[-1] > self.times[0] and time - self.times[-1] < tuning.memory_seconds

    def expected(self, time: float) -> Float[np.ndarray, "3"]:
        """Return where they are if they went on as they did."""
        last = self.spots[-1]
        passed = self.times[-1] - self.times[0]
        speed = (last[0] - self.spots[0][0]) / passed if passed > 0 else 0.0
        foot = float(np.median([spot[1] for spot in self.spots]))
        return np.array([last[0] + speed * (time - self.times[-1]), foot, self.height])


class _Seen(NamedTuple):
    """Somebody in a frame: middle, foot and height of the box in pixels, and what they look like."""

    spot: Float[np.ndarray, "3"]
    look: PersonColors | None


class _Cost(NamedTuple):
    """What speaks against somebody being who went a way, in squared standard deviations."""

    way: float
    looks: float

    @property
    def total(self) -> float:
        return self.way + self.looks


class Crossings:
    """Watches the people near the one who is followed, and tells them apart when they have crossed.

    Each is expected where a steady way leads, as tall and with the feet as low as before, and looking the same. While
    two are too near to each other nothing is believed; when both are seen apart again, both ways of telling who is who
    are compared, frame by frame, until one is clear. People who walk past each other and people who meet and turn back
    end in the same places: where height, feet and colours do not say who is who, that is a guess, and the frame is kept
    in `undecided`.

    Args:
        fps: frames per second.
        tuning: what counts how much.
    """

    def __init__(self, fps: float, *, tuning: FollowTuning = FOLLOW_TUNING) -> None:
        self._undecided: list[int] = []
        self._fps, self._tuning = fps, tuning.crossings
        self._own = _Way()
        self._others: list[_Way] = []
        self._rival: _Way | None = None
        self._votes: list[_Cost] = []
        self._third: list[float] = []
        self._since = 0
        self._next_look, self._wait = 0.0, self._tuning.look_seconds
        self._every = max(1, math.ceil(self._tuning.least_seconds * fps))
        self._looked = -self._every

    @property
    def undecided(self) -> list[int]:
        """Frames in which people met who could not be told apart afterwards, or not so far."""
        if self._rival is not None and self._votes and not self._is_told(self._rival):
            return [*self._undecided, self._since]
        return self._undecided

    @property
    def is_begun(self) -> bool:
        """Whether anybody is known."""
        return bool(self._own.spots)

    def begin(self, number: int, frame: UInt8[np.ndarray, "H W 3"], people: Sequence[Detection], person: int) -> None:
        """Know the people of a frame; number `person` of them is the one who is followed."""
        ways = [_Way([number / max(self._fps, 1e-6)], [_spot(one)], PersonColors.of(frame, one)) for one in people]
        self._own = ways.pop(person)
        self._others = ways

    def check(
        self,
        number: int,
        frame: UInt8[np.ndarray, "H W 3"],
        near: Detection | None,
        detect: Callable[[UInt8[np.ndarray, "H W 3"]], list[Detection]],
    ) -> tuple[bool, Detection | None]:
        """Return whether the person is somebody else than who was followed, and who it is (None: hidden).

        Args:
            number: of the frame.
            frame: the picture.
            near: who was followed.
            detect: finds everybody; it is asked where somebody is near, and now and then.
        """
        if self._fps <= 0 or not self.is_begun:
            return False, near
        time = number / self._fps
        due = number - self._looked >= self._every
        if self._rival is not None:
            if not due:
                return False, near
            self._looked = number
            return self._tell(time, frame, near, detect(frame), self._rival)
        expected = self._own.expected(time)
        close = [way for way in self._others if self._apart(expected, way.expected(time)) < self._tuning.near]
        if (close and due) or time >= self._next_look:
            self._looked = number
            self._wait = self._tuning.look_seconds if self._others else 2 * self._wait
            self._next_look = time + self._wait
            people = detect(frame)
            rest = [one for one in people if near is None or box_iou(one.box, near.box) < self._tuning.same]
            for way in self._others:
                spots = [self._apart(way.expected(time), _spot(one)) for one in rest]
                if spots and min(spots) < self._tuning.step:
                    self._add(way, time, frame, rest.pop(int(np.argmin(spots))))
            if near is not None:
                self._others += [_Way([time], [_spot(one)], PersonColors.of(frame, one)) for one in rest]
        mine = expected if near is None else _spot(near)
        touching = [
            way
            for way in self._others
            if way.is_seen(time, self._tuning) and self._apart(mine, way.expected(time)) < self._tuning.touching
        ]
        if touching:
            self._rival = min(touching, key=lambda way: self._apart(mine, way.expected(time)))
            self._votes, self._third, self._since = [], [], number
        elif near is not None:
            self._add(self._own, time, frame, near)
        return False, near

    def _tell(
        self, time: float, frame: np.ndarray, near: Detection | None, people: list[Detection], rival: _Way
    ) -> tuple[bool, Detection | None]:
        """Compare who is seen apart with both who crossed."""
        known = self._tuning
        third = [way for way in self._others if way is not rival]
        seen = [_Seen(_spot(one), PersonColors.of(frame, one)) for one in people]
        leads = [self._lead(rival, time, one) for one in seen]
        tall = self._own.height
        two = [
            n
            for n, one in enumerate(seen)
            if one.spot[2] > known.least_height * tall
            and not any(self._is_rather(way, (self._own, rival), time, one) for way in third)
        ]
        two = sorted(two, key=lambda n: abs(seen[n].spot[0] - self._own.expected(time)[0]))[:2]
        chosen: int | None = None
        over = self._apart(self._own.expected(time), rival.expected(time)) > known.touching
        if not over:
            self._votes = []  # of who was left and who was right before
        if len(two) == 2 and self._apart(*(seen[n].spot for n in two)) > known.touching:
            first, second = sorted(two, key=lambda n: seen[n].spot[0])  # from left to right
            self._votes.append(_Cost(leads[first].way - leads[second].way, leads[first].looks - leads[second].looks))
            chosen = first if sum(vote.total for vote in self._votes) > 0 else second
            self._third += [
                self._lead(way, time, seen[chosen]).looks
                for way in third
                if self._apart(way.expected(time), seen[chosen].spot) < known.near
            ]
        elif near is not None and over:
            alone = _Seen(_spot(near), PersonColors.of(frame, near))
            if self._lead(rival, time, alone).total < -known.clearly:
                return True, None
        enough = max(2, round(known.settle_seconds * self._fps / self._every))
        if len(self._votes) >= enough or time - self._since / self._fps > known.most_seconds:
            if not self._is_told(rival):
                self._undecided.append(self._since)
            self._rival = None
            for way, one in ((self._own, chosen), (rival, None)):
                way.times, way.spots = [time], [way.expected(time) if one is None else seen[one].spot]
        if chosen is None or (near is not None and box_iou(people[chosen].box, near.box) > known.same):
            return False, near
        return True, people[chosen]

    def _is_told(self, rival: _Way) -> bool:
        """Return whether it is clear who is who after a crossing, by more than the way that each went."""
        known, own = self._tuning, self._own.look
        if self._third and np.mean(self._third) < known.alike / 2:
            return False
        if own is not None and rival.look is not None and own.like(rival.look) < known.unlike:
            return True
        if not self._votes:
            return False
        total, looks = (np.mean([getattr(vote, name) for vote in self._votes]) for name in ("total", "looks"))
        return bool(abs(total) >= known.clearly and looks * np.sign(total) >= known.alike)

    def _lead(self, other: _Way, time: float, one: _Seen) -> _Cost:
        """Return by how much more somebody is the one who is followed than who went another way."""
        theirs, own = self._cost(other, time, one), self._cost(self._own, time, one)
        return _Cost(theirs.way - own.way, theirs.looks - own.looks)

    def _is_rather(self, way: _Way, others: tuple[_Way, _Way], time: float, one: _Seen) -> bool:
        """Return whether somebody clearly looks more like who went a way than like either of two others."""
        looks = min(self._cost(other, time, one).looks for other in others)
        return self._cost(way, time, one).looks < looks - self._tuning.alike

    def _cost(self, way: _Way, time: float, one: _Seen) -> _Cost:
        known, expected = self._tuning, way.expected(time)
        passed = time - way.times[-1]
        off = [
            (one.spot[0] - expected[0]) / (way.height * (known.place + known.place_per_second * passed)),
            (one.spot[1] - expected[1]) / (way.height * known.foot),
            np.log(max(one.spot[2], 1.0) / expected[2]) / known.size,
        ]
        if one.look is not None and way.look is not None:
            off.append((1 - way.look.like(one.look)) / known.look)
        costs = np.minimum(np.square(off), known.most)
        return _Cost(float(costs[0]), float(costs[1:].sum()))

    def _add(self, way: _Way, time: float, frame: np.ndarray, one: Detection) -> None:
        way.times.append(time)
        way.spots.append(_spot(one))
        while time - way.times[0] > self._tuning.memory_seconds:
            del way.times[0], way.spots[0]
        if way.look is None or way.times[-1] - way.times[0] > 0:
            new = PersonColors.of(frame, one)
            way.look = way.look.mixed(new, self._tuning.learnt) if way.look is not None and new is not None else new

    def _apart(self, one: np.ndarray, other: np.ndarray) -> float:
        """Return the distance of two people in the picture, in their mean height."""
        return float(abs(one[0] - other[0]) / max((one[2] + other[2]) / 2, 1.0))


def _spot(one: Detection) -> Float[np.ndarray, "3"]:
    left, top, right, bottom = one.box
    return np.array([(left + right) / 2, bottom, max(bottom - top, 1.0)])
