"""Who is who after two people crossed: by the way they went, their size, where they stand, and what they look like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.detect.person_colors import PersonColors
from liquidwarp.detect.protocol import Detection, box_iou
from liquidwarp.detect.tuning import FOLLOW_TUNING, FollowTuning


@dataclass(eq=False)
class _Way:
    """Where somebody was, while apart from others: seconds, and middle, foot and height of the box in pixels."""

    times: list[float] = field(default_factory=list)
    spots: list[np.ndarray] = field(default_factory=list)
    look: PersonColors | None = None

    @property
    def height(self) -> float:
        return max(float(np.median([spot[2] for spot in self.spots])), 1.0)

    def expected(self, time: float) -> Float[np.ndarray, "3"]:
        """Return where they are if they went on as they did."""
        last = self.spots[-1]
        passed = self.times[-1] - self.times[0]
        speed = (last[0] - self.spots[0][0]) / passed if passed > 0 else 0.0
        foot = float(np.median([spot[1] for spot in self.spots]))
        return np.array([last[0] + speed * (time - self.times[-1]), foot, self.height])


class Crossings:
    """Watches the people near the one who is followed, and tells them apart when they have crossed.

    Each is expected where a steady way leads, as tall and with the feet as low as before, and looking the same. While
    two are too near to each other nothing is believed; when both are seen apart again, both ways of telling who is who
    are compared, frame by frame, until one is clear.

    Args:
        fps: frames per second.
        tuning: what counts how much.
    """

    def __init__(self, fps: float, *, tuning: FollowTuning = FOLLOW_TUNING) -> None:
        self.undecided: list[int] = []
        self._fps, self._tuning = fps, tuning.crossings
        self._own = _Way()
        self._others: list[_Way] = []
        self._rival: _Way | None = None
        self._votes: list[float] = []
        self._since = 0.0
        self._next_look, self._wait = 0.0, self._tuning.look_seconds

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
        if self._fps <= 0 or not self._own.spots:
            return False, near
        time = number / self._fps
        if self._rival is not None:
            return self._tell(number, time, frame, near, detect(frame))
        expected = self._own.expected(time)
        close = [way for way in self._others if self._apart(expected, way.expected(time)) < self._tuning.near]
        if close or time >= self._next_look:
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
        if near is not None:
            mine = _spot(near)
            touching = [way for way in self._others if self._apart(mine, way.expected(time)) < self._tuning.touching]
            if touching:
                self._rival = min(touching, key=lambda way: self._apart(mine, way.expected(time)))
                self._votes, self._since = [], time
            else:
                self._add(self._own, time, frame, near)
        return False, near

    def _tell(
        self, number: int, time: float, frame: np.ndarray, near: Detection | None, people: list[Detection]
    ) -> tuple[bool, Detection | None]:
        """Compare who is seen apart with both who crossed."""
        known, rival = self._tuning, self._rival
        assert rival is not None
        leads = [self._cost(rival, time, frame, one) - self._cost(self._own, time, frame, one) for one in people]
        tall = self._own.height
        two = [n for n, one in enumerate(people) if _spot(one)[2] > known.least_height * tall]
        two = sorted(two, key=lambda n: abs(_spot(people[n])[0] - self._own.expected(time)[0]))[:2]
        chosen: Detection | None = None
        over = self._apart(self._own.expected(time), rival.expected(time)) > known.touching
        if not over:
            self._votes = []  # of who was left and who was right before
        if len(two) == 2 and self._apart(*(_spot(people[n]) for n in two)) > known.touching:
            first, second = sorted(two, key=lambda n: _spot(people[n])[0])  # from left to right
            self._votes.append(leads[first] - leads[second])
            chosen = people[first if sum(self._votes) > 0 else second]
        elif near is not None and over:
            lead = self._cost(rival, time, frame, near) - self._cost(self._own, time, frame, near)
            if lead < -known.clearly:
                return True, None
        settled = len(self._votes) >= max(2, round(known.settle_seconds * self._fps))
        if settled or time - self._since > known.most_seconds:
            if abs(sum(self._votes)) < known.clearly * max(len(self._votes), 1):
                self.undecided.append(number)
            self._rival = None
            for way, one in ((self._own, chosen), (rival, None)):
                way.times, way.spots = [time], [way.expected(time) if one is None else _spot(one)]
        if chosen is None or (near is not None and box_iou(chosen.box, near.box) > known.same):
            return False, near
        return True, chosen

    def _cost(self, way: _Way, time: float, frame: np.ndarray, one: Detection) -> float:
        """Return what speaks against somebody being who went a way, in squared standard deviations."""
        known = self._tuning
        spot, expected = _spot(one), way.expected(time)
        passed = time - way.times[-1]
        off = [
            (spot[0] - expected[0]) / (way.height * (known.place + known.place_per_second * passed)),
            (spot[1] - expected[1]) / (way.height * known.foot),
            np.log(max(spot[2], 1.0) / expected[2]) / known.size,
        ]
        look = PersonColors.of(frame, one) if way.look is not None else None
        if look is not None and way.look is not None:
            off.append((1 - way.look.like(look)) / known.look)
        return float(np.minimum(np.square(off), known.most).sum())

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
