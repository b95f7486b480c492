"""Legs that a clip does not show."""

import torch
from jaxtyping import Bool
from torch import Tensor

from liquidwarp.detect.tuning import FOLLOW_TUNING, FollowTuning
from liquidwarp.types import Keypoints, shots_of

_LEGS = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("knee", "ankle"))


def shots_without_legs(keypoints: Keypoints, *, tuning: FollowTuning = FOLLOW_TUNING) -> list[int]:
    """Return the numbers of a clip's shots in which (almost) no frame shows a knee or an ankle.

    None of unrelated pictures (`fps` 0), of shots without the person, and of detectors that do not know legs.
    """
    if keypoints.fps <= 0:
        return []
    shown, found = legs_shown(keypoints, tuning=tuning), []
    for number, shot in enumerate(shots_of(keypoints.cuts, len(keypoints.present))):
        seen = shown[shot][keypoints.present[shot]]
        if len(seen) and float(seen.float().mean()) < tuning.least_shown_legs:
            found.append(number)
    return found


def legs_shown(keypoints: Keypoints, *, tuning: FollowTuning = FOLLOW_TUNING) -> Bool[Tensor, "T"]:
    """Return which frames show a knee or an ankle; all, by a detector that does not know legs."""
    if any(name not in keypoints.names for name in _LEGS):
        return torch.ones_like(keypoints.present)
    legs = [keypoints.names.index(name) for name in _LEGS]
    spots, (height, width) = keypoints.image[:, legs], keypoints.size
    inside = (spots >= 0).all(-1) & (spots[..., 0] <= width) & (spots[..., 1] <= height)
    return (inside & (keypoints.confidence[:, legs] > tuning.shown_leg)).any(1)


def describe_hidden_legs(keypoints: Keypoints, *, tuning: FollowTuning = FOLLOW_TUNING) -> str:
    """Say in one line in which shots legs are not shown; an empty string if they are in all.

    "no frame shows the legs; they stand still"
    """
    hidden = shots_without_legs(keypoints, tuning=tuning)
    shots = len(keypoints.cuts) + 1
    if not hidden:
        return ""
    which = "" if shots == 1 else f" of shot{'s' if len(hidden) > 1 else ''} {', '.join(str(n + 1) for n in hidden)}"
    return f"no frame{which} shows the legs; they stand still"
