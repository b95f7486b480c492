"""Hands: a palm finder around the wrists, and the landmark network of a hand."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.detect.details import Hand
from liquidwarp.detect.litert.finder import PALM, Finder, Found
from liquidwarp.detect.litert.network import Network
from liquidwarp.detect.litert.regions import SquareRegion, upright
from liquidwarp.detect.protocol import Detection
from liquidwarp.detect.tuning import HandTuning

_PALM = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)  # landmarks that stay together, whatever the fingers do
_WRIST, _INDEX, _MIDDLE, _RING = 0, 5, 9, 13
_PALM_WRIST, _PALM_MIDDLE = 0, 2  # of the finder's points
_FOUND_SCALE, _FOUND_SHIFT = 2.6, 0.5  # from a palm's box to the square that the network wants (MediaPipe's numbers)
_NEXT_SCALE, _NEXT_SHIFT = 2.0, 0.1  # the same from a hand's landmarks


class HandNetworks:
    """Finds one hand of a person whose body landmarks are known.

    Args:
        folder: where models are looked for first.
        tuning: when a hand is large enough, and sure enough.
    """

    def __init__(self, folder: str | Path | None, tuning: HandTuning) -> None:
        self._finder = Finder(PALM, folder)
        self._network = Network("hand", folder)
        self._tuning = tuning

    def find(
        self,
        frame: UInt8[np.ndarray, "H W 3"],
        person: Detection,
        side: str,
        last: Hand | None = None,
        *,
        followed: bool = False,
    ) -> Hand | None:
        """Return a hand, or None where it is too small, or not seen.

        Args:
            frame: an RGB picture.
            person: whose landmarks lead to the hand.
            side: "left" or "right", the person's own.
            last: the hand a frame ago; where it is still there, nobody has to search.
            followed: the picture is a frame of a clip, in which only larger hands are worth a look.
        """
        area = self._area(person, side, self._tuning.least_followed if followed else self._tuning.least_length)
        if area is None:
            return None
        if last is not None:
            hand = self._look(frame, hand_region(last.image), side)
            if hand is not None and self._is_near(hand, area):
                return hand
        palms = self._finder.find(frame, area, least=self._tuning.least_palm)
        near = min(palms, key=lambda palm: float(np.linalg.norm(palm.points[_PALM_WRIST] - 0.5)), default=None)
        hand = self._look(frame, palm_region(near, area) if near is not None else self._guess(person, side), side)
        return hand if hand is not None and self._is_near(hand, area) else None

    def _area(self, person: Detection, side: str, least: float) -> SquareRegion | None:
        """Return where to search: a square around the wrist, the forearm's direction up; None for a hand too small."""
        elbow, wrist, knuckles = _arm(person, side)
        known = self._tuning
        length = max(
            float(np.linalg.norm(knuckles - wrist)), known.least_palm_fraction * float(np.linalg.norm(wrist - elbow))
        )
        if length < least or person.confidence[person.names.index(f"{side}_wrist")] < known.least_wrist:
            return None
        along = SquareRegion.spanned(wrist, wrist + (wrist - elbow), 1.0)
        return SquareRegion(float(wrist[0]), float(wrist[1]), known.search * length, along.angle)

    def _guess(self, person: Detection, side: str) -> SquareRegion:
        """Return where the hand should be, by the body's landmarks alone."""
        _, wrist, knuckles = _arm(person, side)
        tips = 2 * knuckles - wrist
        return SquareRegion.spanned(knuckles, tips, self._tuning.guess)

    def _is_near(self, hand: Hand, area: SquareRegion) -> bool:
        """Return whether a hand hangs on the wrist that was asked for."""
        apart = float(np.linalg.norm(hand.image[_WRIST] - np.array([area.x, area.y])))
        return apart < self._tuning.most_apart * area.side / self._tuning.search

    def _look(self, frame: np.ndarray, region: SquareRegion, side: str) -> Hand | None:
        values, presence, right, world = self._network.run(region.crop(frame, self._network.size))
        if presence[0] < self._tuning.least_presence:
            return None
        points = values.reshape(-1, 3)[:, :2].astype(np.float64) / self._network.size
        return Hand(
            region.to_picture(points).astype(np.float32),
            region.turn_back(world.reshape(-1, 3).astype(np.float64)).astype(np.float32),
            float(presence[0]),
            float(right[0] if side == "right" else 1 - right[0]),
        )


def palm_region(palm: Found, area: SquareRegion) -> SquareRegion:
    """Return the square that the network wants, from a palm that was found in an area."""
    box = area.inside(palm.box.astype(np.float64))
    points = palm.points.astype(np.float64)
    turn = SquareRegion.spanned(points[_PALM_WRIST], points[_PALM_MIDDLE], 1.0).angle
    return box.turned(area.angle + turn).moved_up(_FOUND_SHIFT).scaled(_FOUND_SCALE)


def hand_region(image: Float[np.ndarray, "21 2"]) -> SquareRegion:
    """Return the square that the network wants, from the landmarks of a frame ago."""
    points = image.astype(np.float64)
    knuckles = ((points[_INDEX] + points[_RING]) / 2 + points[_MIDDLE]) / 2
    turn = SquareRegion.spanned(points[_WRIST], knuckles, 1.0).angle
    return upright(points[list(_PALM)], turn).moved_up(_NEXT_SHIFT).scaled(_NEXT_SCALE)


def _arm(person: Detection, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return elbow, wrist and the middle of the knuckles."""
    elbow, wrist, index, pinky = (
        person.image[person.names.index(f"{side}_{name}")].astype(np.float64)
        for name in ("elbow", "wrist", "index", "pinky")
    )
    return elbow, wrist, (index + pinky) / 2
