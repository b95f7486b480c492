"""People who are small in a large picture: overlapping parts of it are looked at, finer and finer."""

import numpy as np
from jaxtyping import UInt8

from liquidwarp.detect.litert.looks import LookPair, PoseAnswer
from liquidwarp.detect.litert.regions import SquareRegion
from liquidwarp.detect.protocol import box_iou, landmark_box
from liquidwarp.detect.tuning import SearchTuning


def search_parts(looks: LookPair, frame: UInt8[np.ndarray, "H W 3"], tuning: SearchTuning) -> list[PoseAnswer]:
    """Return the people of the coarsest scale at which anybody is found for sure, the surest first; else who is likely.

    The finder sees people who are about a quarter of what it looks at or more. So parts are half as long as the
    picture, then a quarter, and so on, down to `tuning.least_side`; each overlaps its neighbours by half.

    Args:
        looks: the networks.
        frame: an RGB picture.
        tuning: how fine to look, and who counts.
    """
    size = (frame.shape[0], frame.shape[1])
    likely: list[PoseAnswer] = []
    for side in part_sides(size, tuning):
        parts = [SquareRegion(x, y, side) for y in part_middles(size[0], side) for x in part_middles(size[1], side)]
        people = _look_closely(looks, frame, looks.find_in(frame, parts), tuning)
        sure = [one for one in people if one.score >= tuning.sure]
        if sure:
            return sure
        likely = likely or people
    return likely


def part_sides(size: tuple[int, int], tuning: SearchTuning) -> list[float]:
    """Return the sides of the parts of a picture of (height, width), in pixels, the largest first."""
    sides = [max(size) / 2]
    while sides[-1] > tuning.least_side:
        sides.append(max(sides[-1] / 2, tuning.least_side))
    return [side for side in sides if side >= tuning.least_side]


def part_middles(length: int, side: float) -> list[float]:
    """Return where parts stand along a side of the picture: evenly, none farther than half a part from the next."""
    if length <= side:
        return [length / 2]
    steps = int(np.ceil((length - side) / (side / 2)))
    return np.linspace(side / 2, length - side / 2, steps + 1).tolist()


def _look_closely(
    looks: LookPair, frame: np.ndarray, found: list[tuple[float, SquareRegion]], tuning: SearchTuning
) -> list[PoseAnswer]:
    """Return who is really there, of what the finder saw in some part."""
    people: list[PoseAnswer] = []
    seen: list[SquareRegion] = []
    for score, region in sorted(found, key=lambda item: -item[0]):
        if len(people) == tuning.most_people or len(seen) == tuning.most_looks:
            break
        if score < tuning.least_found or any(_same_place(region, other, tuning) for other in seen):
            continue
        seen.append(region)
        answer = looks.look(frame, looks.twins(region))
        if answer is None or answer.score < tuning.least_score:
            continue
        box = landmark_box(answer.image, answer.confidence)
        if all(box_iou(box, landmark_box(other.image, other.confidence)) < tuning.same for other in people):
            people.append(answer)
    return people


def _same_place(a: SquareRegion, b: SquareRegion, tuning: SearchTuning) -> bool:
    return float(np.hypot(a.x - b.x, a.y - b.y)) < tuning.same_place * min(a.side, b.side)
