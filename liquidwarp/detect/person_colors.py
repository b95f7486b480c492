"""What somebody looks like: colours of head, trunk and legs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.detect.protocol import Detection
from liquidwarp.detect.tuning import FOLLOW_TUNING, PersonColorTuning

_ENDS = (("shoulder", "nose"), ("hip", "shoulder"), ("ankle", "hip"))  # of head, trunk and legs: below, above


@dataclass(frozen=True, eq=False)
class PersonColors:
    """Colours of somebody's head, trunk and legs in one picture.

    Attributes:
        colours: square roots of a histogram over RGB for each part; zeros where it was not seen.
    """

    colours: Float[np.ndarray, "3 C"]

    def like(self, other: "PersonColors", *, tuning: PersonColorTuning = FOLLOW_TUNING.colors) -> float:
        """Return how much alike two looks are, 0 to 1: the Bhattacharyya coefficient, a mean over parts seen in both.

        0 where no part was.
        """
        both = (self.colours.sum(1) > 0) & (other.colours.sum(1) > 0)
        weight = np.asarray(tuning.weights) * both
        alike = (self.colours * other.colours).sum(1)
        return float((weight * alike).sum() / max(float(weight.sum()), 1e-6))

    def mixed(self, new: "PersonColors", part: float) -> "PersonColors":
        """Return the look with a part of a new one in it; what is seen for the first time is taken as it is."""
        known = (self.colours.sum(1, keepdims=True) > 0) & (new.colours.sum(1, keepdims=True) > 0)
        both = np.sqrt((1 - part) * self.colours**2 + part * new.colours**2)
        return PersonColors(np.where(known, both, np.maximum(self.colours, new.colours)))

    @staticmethod
    def of(
        frame: UInt8[np.ndarray, "H W 3"],
        person: Detection,
        *,
        tuning: PersonColorTuning = FOLLOW_TUNING.colors,
    ) -> "PersonColors | None":
        """Return what somebody looks like; None without landmarks of shoulders and hips, or where nothing shows."""
        spots = {name: _middle(person, name) for name in ("nose", "shoulder", "hip", "ankle")}
        length = np.linalg.norm(spots["shoulder"] - spots["hip"])
        if not length > 1:
            return None
        height, width = frame.shape[:2]
        left, top, right, bottom = person.box
        reach = float(tuning.breadth * length)
        x0, x1 = (int(np.clip(x, 0, width)) for x in (left - reach, right + reach))
        y0, y1 = (int(np.clip(y, 0, height)) for y in (top - reach, bottom + reach))
        step = max(1, int(length / tuning.trunk_pixels))
        if x1 - x0 < step or y1 - y0 < step:
            return None
        part = frame[y0:y1:step, x0:x1:step]
        y, x = np.mgrid[y0:y1:step, x0:x1:step] + 0.5
        inside = np.ones(part.shape[:2], bool) if person.mask is None else person.mask[y0:y1:step, x0:x1:step] > 0.5
        colours = np.stack(
            [
                _histogram(part[inside & _along(x, y, spots[below], spots[above], reach)], tuning)
                for below, above in _ENDS
            ]
        )
        return PersonColors(colours) if colours[1].any() else None


def _middle(person: Detection, kind: str) -> Float[np.ndarray, "2"]:
    """Return where a joint is, between left and right; NaN where the detector does not know it."""
    wanted = (kind,) if kind == "nose" else (f"left_{kind}", f"right_{kind}")
    if any(name not in person.names for name in wanted):
        return np.full(2, np.nan)
    return person.image[[person.names.index(name) for name in wanted]].astype(np.float64).mean(0)


def _along(
    x: Float[np.ndarray, "H W"], y: Float[np.ndarray, "H W"], below: np.ndarray, above: np.ndarray, reach: float
) -> np.ndarray:
    """Return which pixels lie beside the line between two joints, and not farther off than `reach`."""
    way = above - below
    length = max(float(np.hypot(*way)), 1e-5)
    along = ((x - below[0]) * way[0] + (y - below[1]) * way[1]) / length**2
    across = np.abs((x - below[0]) * way[1] - (y - below[1]) * way[0]) / length
    return (along > 0) & (along < 1) & (across < reach)


def _histogram(pixels: UInt8[np.ndarray, "N 3"], tuning: PersonColorTuning) -> Float[np.ndarray, "C"]:
    """Return the square roots of a histogram that shares each pixel between the bins around its colour."""
    bins = tuning.bins
    if not len(pixels) or len(pixels) < tuning.least_pixels:
        return np.zeros(bins**3, np.float64)
    place = pixels.T.astype(np.float64) / 255 * (bins - 1)
    low = np.minimum(place.astype(int), bins - 2)
    rest = place - low
    weights, steps = np.stack([1 - rest, rest]), np.array([bins**2, bins, 1])
    corners = np.array(list(np.ndindex(2, 2, 2)))
    weight = weights[corners, [0, 1, 2]].prod(1)
    number = steps @ low + (corners @ steps)[:, None]
    return np.sqrt(np.bincount(number.ravel(), weight.ravel(), bins**3) / len(pixels))


class KnownPeople:
    """What the person who is followed has looked like so far, and what the others look like who were met.

    Args:
        tuning: who looks like whom.
    """

    def __init__(self, tuning: PersonColorTuning) -> None:
        self._tuning = tuning
        self._own: list[PersonColors] = []
        self._others: list[PersonColors] = []
        self._last: tuple[Detection | None, PersonColors | None] = (None, None)

    def look(self, frame: UInt8[np.ndarray, "H W 3"], person: Detection) -> PersonColors | None:
        """Return what somebody looks like: `PersonColors.of`, remembered for who was looked at last."""
        if self._last[0] is not person:
            self._last = person, PersonColors.of(frame, person, tuning=self._tuning)
        return self._last[1]

    def begin(self, frame: UInt8[np.ndarray, "H W 3"], people: Sequence[Detection], person: int) -> None:
        """Keep the looks of all people in a frame; number `person` is the one to follow."""
        looks = [self.look(frame, other) for other in people]
        own = looks.pop(person)
        self._own = [] if own is None else [own]
        self._others = [look for look in looks if look is not None]

    def learn(self, frame: UInt8[np.ndarray, "H W 3"], person: Detection) -> None:
        """Take in what the person looks like in the next frame: people turn, and light changes."""
        look = self.look(frame, person)
        if look is None:
            return
        if not self._own or self.is_changed(look):
            self._own.append(look)
        elif not self._others or self._lead(look) > self._tuning.clearly:
            nearest = max(range(len(self._own)), key=lambda number: self._like(self._own[number], look))
            self._own[nearest] = self._own[nearest].mixed(look, self._tuning.learnt)

    def meet(self, frame: UInt8[np.ndarray, "H W 3"], people: Sequence[Detection]) -> None:
        """Keep the looks of those who are clearly less like the person than the one who is most."""
        looks = [look for other in people if (look := self.look(frame, other)) is not None]
        likeness = [self._own_like(look) for look in looks]
        for look, like in zip(looks, likeness, strict=True):
            known = any(self._like(other, look) > like for other in self._others)
            if self._own and like < max(likeness) - self._tuning.clearly and not known:
                self._others.append(look)

    def is_another(self, look: PersonColors) -> bool:
        """Return whether a look is clearly that of somebody else who was met."""
        return bool(self._own) and bool(self._others) and self._lead(look) < -self._tuning.clearly

    def is_changed(self, look: PersonColors) -> bool:
        """Return whether the person never looked like this."""
        return bool(self._own) and self._own_like(look) < self._tuning.changed

    def without_others(self, frame: UInt8[np.ndarray, "H W 3"], people: Sequence[Detection]) -> list[Detection]:
        """Return the people who are not clearly somebody else."""
        if not self._others:
            return list(people)
        looks = [self.look(frame, other) for other in people]
        return [other for other, look in zip(people, looks, strict=True) if look is None or not self.is_another(look)]

    def most_alike(self, frame: UInt8[np.ndarray, "H W 3"], people: Sequence[Detection]) -> Detection | None:
        """Return who looks most like the person; of several who look about as much, the first."""
        looks = [self.look(frame, other) for other in people]
        likeness = [0.0 if look is None else self._own_like(look) for look in looks]
        near = (n for n, like in enumerate(likeness) if like > max(likeness) - self._tuning.clearly)
        return people[next(near)] if people else None

    def _lead(self, look: PersonColors) -> float:
        """Return how much more a look is like the person than like the most similar other."""
        return self._own_like(look) - max(self._like(other, look) for other in self._others)

    def _own_like(self, look: PersonColors) -> float:
        return max((self._like(own, look) for own in self._own), default=0.0)

    def _like(self, one: PersonColors, other: PersonColors) -> float:
        return one.like(other, tuning=self._tuning)
