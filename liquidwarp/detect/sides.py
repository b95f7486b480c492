"""Left and right taken for each other: found by the leaps that they make, and put right.

A detector that sees a person from the front may answer, from one frame to the next, as if it saw the person's back:
all landmarks stay where they are in the picture and change their names, and depth turns over. Nobody turns around
within a frame, so a clip tells where the answer leapt. Which of the two is right is told by how the feet point (the
camera looks down on toes, so those of who faces it are below the heels), by whether hands look like the hands that they
are said to be, by faces, and by what the detector says in most frames.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float

from liquidwarp.bodies.landmarks import opposite
from liquidwarp.detect.details import Face, Hands
from liquidwarp.detect.tuning import SIDE_TUNING, SideTuning
from liquidwarp.types import Keypoints, shots_of

_log = logging.getLogger(__name__)

_PAIRS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot_index")
_FEET = ("left_heel", "left_foot_index", "right_heel", "right_foot_index")
_MOST_NAMED = 6  # runs of frames that a message names one by one
_CHAIN = (("shoulder", "hip"), ("hip", "knee"), ("knee", "ankle"))


@dataclass(frozen=True, eq=False)
class SideRepair:
    """What was found of left and right in a clip.

    Attributes:
        exchanged: frames whose left and right were taken for each other.
        unsure: frames of which nothing tells which is which.
    """

    exchanged: Bool[np.ndarray, "T"]
    unsure: Bool[np.ndarray, "T"]


def put_sides_right(
    keypoints: Keypoints,
    hands: Sequence[Hands | None] = (),
    faces: Sequence[Face | None] = (),
    *,
    source: str = "the frames",
    tuning: SideTuning = SIDE_TUNING,
) -> tuple[Keypoints, tuple[Hands | None, ...]]:
    """Find frames whose left and right were taken for each other and exchange them; say so where nothing tells which.

    Args:
        keypoints: what a detector saw of a clip.
        hands: of each frame; empty if nobody looked.
        faces: of each frame; empty if nobody looked.
        source: what messages call the frames, such as a file name.
        tuning: what is a leap, and what signs are worth.
    """
    found = find_exchanged(keypoints, hands, faces, tuning=tuning)
    if not found.exchanged.any():
        return keypoints, tuple(hands)
    doubtful = bool(found.unsure.any())
    _log.log(
        logging.WARNING if doubtful else logging.INFO,
        "%s: left and right were taken for each other in %s; %s",
        source,
        _frame_words(found.unsure if doubtful else found.exchanged),
        "nothing tells for sure that it is not the other frames" if doubtful else "exchanged",
    )
    turned = tuple(_other_hands(seen) if swap else seen for seen, swap in zip(hands, found.exchanged, strict=False))
    return with_sides_exchanged(keypoints, found.exchanged, tuning=tuning), turned


def _other_hands(hands: Hands | None) -> Hands | None:
    if hands is None:
        return None
    left, right = (None if hand is None else replace(hand, side=1 - hand.side) for hand in (hands.right, hands.left))
    return Hands(left, right)


def _frame_words(which: np.ndarray) -> str:
    """Name runs of frames: "frames 42-65, 67-74 and 81"."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], which.astype(int), [0]])))
    runs = [str(a) if b == a + 1 else f"{a}-{b - 1}" for a, b in edges.reshape(-1, 2)]
    if len(runs) > _MOST_NAMED:
        return f"{int(which.sum())} of {len(which)} frames"
    listed = runs[0] if len(runs) == 1 else f"{', '.join(runs[:-1])} and {runs[-1]}"
    return f"frame{'s' if which.sum() > 1 else ''} {listed}"


def find_exchanged(
    keypoints: Keypoints,
    hands: Sequence[Hands | None] = (),
    faces: Sequence[Face | None] = (),
    *,
    tuning: SideTuning = SIDE_TUNING,
) -> SideRepair:
    """Find the frames of a clip in which left and right were taken for each other.

    Each frame is taken as it is or exchanged, such that the landmarks move as smoothly as they can (the least sum of
    robust accelerations, found by dynamic programming) and the signs of which side is which agree. Frames of a shot
    are exchanged only between leaps: signs alone are not believed. Unrelated pictures (`fps` 0) are left as they are.

    Args:
        keypoints: what a detector saw.
        hands: of each frame; empty if nobody looked.
        faces: of each frame; empty if nobody looked.
        tuning: what is a leap, and what signs are worth.
    """
    frames = len(keypoints.present)
    exchanged, unsure = np.zeros(frames, dtype=bool), np.zeros(frames, dtype=bool)
    pairs = [(f"left_{name}", f"right_{name}") for name in _PAIRS if f"left_{name}" in keypoints.names]
    if keypoints.fps <= 0 or len(pairs) < len(_PAIRS):
        return SideRepair(exchanged, unsure)
    columns = np.array([[keypoints.names.index(name) for name in pair] for pair in pairs])
    image = keypoints.image.double().numpy()
    confidence = keypoints.confidence.double().numpy() * keypoints.present.numpy()[:, None]
    height = _height(image, confidence, columns)
    spots, trust = image[:, columns] / height, confidence[:, columns].min(2)
    signs = _signs(keypoints, image / height, confidence, hands, faces, tuning)
    for shot in shots_of(keypoints.cuts, frames):
        path = _smoothest(spots[shot], trust[shot], signs[shot], tuning)
        if path.any() and not path.all():
            exchanged[shot] = path
            votes = np.where(path, -signs[shot], signs[shot]).sum()
            unsure[shot] = path & (votes < tuning.least_votes)
    return SideRepair(exchanged, unsure)


def _height(image: np.ndarray, confidence: np.ndarray, columns: np.ndarray) -> float:
    """Return the person's size in pixels, as a median over frames: the trunk and the legs along."""
    middle = image[:, columns].mean(2)  # T, pairs, 2
    way = [middle[:, _PAIRS.index(two)] - middle[:, _PAIRS.index(one)] for one, two in _CHAIN]
    length = sum(np.linalg.norm(part, axis=-1) for part in way)
    seen = confidence.max(1) > 0
    return max(float(np.median(length[seen])) if seen.any() else 1.0, 1.0)


def _signs(
    keypoints: Keypoints,
    spots: np.ndarray,
    confidence: np.ndarray,
    hands: Sequence[Hands | None],
    faces: Sequence[Face | None],
    tuning: SideTuning,
) -> Float[np.ndarray, "T"]:
    """Return how much speaks for left and right as they are said to be, per frame; negative: against."""
    names = keypoints.names
    total = np.full(len(spots), tuning.as_said) * keypoints.present.numpy()

    def across(kind: str) -> np.ndarray:
        return (spots[:, names.index(f"left_{kind}")] - spots[:, names.index(f"right_{kind}")])[:, 0]

    facing = np.clip((across("shoulder") + across("hip")) / 2 / tuning.broad, -1, 1)  # 1: as who faces the camera
    if all(name in names for name in _FEET):
        heels, toes = (spots[:, [names.index(name) for name in _FEET[end::2]], 1].mean(1) for end in (0, 1))
        sure = confidence[:, [names.index(name) for name in _FEET]].min(1)
        total += tuning.feet * sure * facing * np.clip((toes - heels) / tuning.foot_drop, -1, 1)
    for frame, seen in enumerate(hands):
        for hand in (seen.left, seen.right) if seen is not None else ():
            if hand is not None:
                total[frame] += tuning.hands * hand.presence * (2 * hand.side - 1)
    for frame, face in enumerate(faces):
        if face is not None:
            total[frame] += tuning.faces * face.presence * facing[frame]
    return total


def _smoothest(spots: np.ndarray, trust: np.ndarray, signs: np.ndarray, tuning: SideTuning) -> Bool[np.ndarray, "T"]:
    """Return which frames to exchange; spots (T, pairs, 2, 2) in heights, trust (T, pairs)."""
    time = np.flatnonzero(~_blends(spots, trust, tuning))
    if len(time) < 3:
        return np.zeros(len(spots), dtype=bool)
    leaps = _leaps(spots[time], trust[time], time, tuning)
    chosen = _believed(_cheapest(leaps, signs[time], tuning), leaps, tuning)
    near = time[np.searchsorted((time[1:] + time[:-1]) / 2, np.arange(len(spots)))]
    path = np.zeros(len(spots), dtype=bool)
    path[time] = chosen
    usual = np.where(path[:, None, None, None], spots[:, :, ::-1], spots)[near]
    worth = trust * trust[near]
    plain, crossed = (
        (np.linalg.norm(one - usual, axis=-1).sum(-1) * worth).sum(-1) for one in (spots, spots[:, :, ::-1])
    )
    between = near != np.arange(len(spots))
    path[between] = (crossed < tuning.shrunk * plain)[between]
    return path


def _blends(spots: np.ndarray, trust: np.ndarray, tuning: SideTuning) -> Bool[np.ndarray, "T"]:
    """Return frames in which left and right are suddenly close: the mean of both answers, which fits either."""
    from scipy.ndimage import median_filter

    width = (np.linalg.norm(spots[:, :, 0] - spots[:, :, 1], axis=-1) * trust).sum(1)
    return (width < tuning.shrunk * median_filter(width, 2 * tuning.reach + 1, mode="nearest")) | (trust.max(1) == 0)


def _leaps(spots: np.ndarray, trust: np.ndarray, time: np.ndarray, tuning: SideTuning) -> Float[np.ndarray, "2 2 S"]:
    """Return what three frames in a row cost, with the first and the last exchanged against the middle or not."""
    states = np.stack([spots, spots[:, :, ::-1]])
    worth = np.minimum(np.minimum(trust[:-2], trust[1:-1]), trust[2:])
    before, after = (np.diff(time)[part, None, None, None] for part in (slice(None, -1), slice(1, None)))
    cost = np.empty((2, 2, len(worth)))
    for first in range(2):
        for last in range(2):
            leap = (states[last, 2:] - states[0, 1:-1]) / after - (states[0, 1:-1] - states[first, :-2]) / before
            size = np.minimum((leap**2).sum(-1) / tuning.leap**2, tuning.most).sum(-1)
            cost[first, last] = (size * worth).sum(-1)
    return cost


def _cheapest(leaps: np.ndarray, signs: np.ndarray, tuning: SideTuning) -> Bool[np.ndarray, "T"]:
    """Choose for each frame whether it is exchanged, by dynamic programming over the states of two frames in a row."""
    frames = len(signs)
    unary = np.stack([np.maximum(-signs, 0), np.maximum(signs, 0)])
    change = tuning.change * (1 - np.eye(2))
    cost = unary[:, None, 0] + unary[None, :, 1] + change
    apart = np.abs(np.subtract.outer(np.arange(2), np.arange(2)))
    came_from = np.empty((frames, 2, 2), dtype=np.int64)
    for frame in range(2, frames):
        bend = leaps[apart[:, :, None], apart.T[None, :, :], frame - 2]  # before, middle, now
        options = cost[:, :, None] + bend + change[None] + unary[None, None, :, frame]
        came_from[frame], cost = options.argmin(0), options.min(0)
    middle, now = (int(state) for state in np.unravel_index(int(cost.argmin()), (2, 2)))
    path = [now, middle]
    for frame in range(frames - 1, 1, -1):
        middle, now = int(came_from[frame, middle, now]), middle
        path.append(middle)
    return np.array(path[::-1], dtype=bool)


def _believed(chosen: np.ndarray, leaps: np.ndarray, tuning: SideTuning) -> Bool[np.ndarray, "T"]:
    """Leave as they are the runs of frames whose exchange leaves most of the leaps at their ends."""
    changed = np.diff(chosen.astype(int), prepend=0, append=0)
    apart = np.abs(np.diff(chosen.astype(int)))
    before, after = leaps[0, 0], leaps[apart[:-1], apart[1:], np.arange(leaps.shape[-1])]
    believed = chosen.copy()
    for start, stop in zip(np.flatnonzero(changed > 0), np.flatnonzero(changed < 0), strict=True):
        ends = {at for end in (start, stop) for at in (end - 2, end - 1) if 0 < end < len(chosen)}
        near = [at for at in sorted(ends) if 0 <= at < len(before)]
        believed[start:stop] = after[near].sum() <= tuning.relief * before[near].sum()
    return believed


def with_sides_exchanged(
    keypoints: Keypoints, exchanged: Bool[np.ndarray, "T"], *, tuning: SideTuning = SIDE_TUNING
) -> Keypoints:
    """Return keypoints with left and right exchanged in some frames, and depth turned over: the picture stays.

    Landmarks that the detector put between both answers, in the frames between, lose their confidence.

    Args:
        keypoints: what a detector saw.
        exchanged: in which frames.
        tuning: how far off a landmark is between both.
    """
    if not exchanged.any():
        return keypoints
    order = [keypoints.names.index(opposite(name)) for name in keypoints.names]
    which = torch.from_numpy(exchanged)
    image = torch.where(which[:, None, None], keypoints.image[:, order], keypoints.image)
    confidence = torch.where(which[:, None], keypoints.confidence[:, order], keypoints.confidence)
    world = keypoints.world
    if world is not None:
        turned = world[:, order] * torch.tensor([1.0, 1.0, -1.0], dtype=world.dtype)
        world = torch.where(which[:, None, None], turned, world)
    keypoints = replace(keypoints, image=image, confidence=confidence, world=world)
    return replace(keypoints, confidence=_without_blends(keypoints, exchanged, tuning))


def _without_blends(keypoints: Keypoints, exchanged: np.ndarray, tuning: SideTuning) -> torch.Tensor:
    """Take the confidence of landmarks that leave the path of their neighbours, near exchanged frames."""
    from scipy.ndimage import binary_dilation, median_filter

    image = keypoints.image.double().numpy()
    columns = np.array([[keypoints.names.index(f"{side}_{name}") for side in ("left", "right")] for name in _PAIRS])
    height = _height(image, keypoints.confidence.double().numpy(), columns)
    around = binary_dilation(exchanged, iterations=tuning.reach)
    usual = np.empty_like(image)
    for shot in shots_of(keypoints.cuts, len(image)):
        usual[shot] = median_filter(image[shot], size=(2 * tuning.reach + 1, 1, 1), mode="nearest")
    apart = np.linalg.norm(image - usual, axis=-1) / height
    astray = torch.from_numpy((apart > tuning.astray) & around[:, None])
    return torch.where(astray, torch.zeros_like(keypoints.confidence), keypoints.confidence)
