"""Smoothing of a motion limb by limb, without delay.

A joint's turns are averaged over time by a Gaussian that looks as far ahead as back, so nothing comes later or sooner
than it did. Hands that meet are left as they were while they touch, or claps would fall apart; feet that stand go on
standing where they stood, and what a smoother arm would cut through is kept out.

Convention: seconds. "0.5" takes out what goes there and back within half a second: a swing of that period keeps 0.71 of
its size, one of half the period 0.25.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies.hands import SIDES
from liquidwarp.bodies.protocol import BodyModel
from liquidwarp.errors import InputError
from liquidwarp.fit.chain import slerp_rotations
from liquidwarp.fit.contacts import find_stands
from liquidwarp.fit.foot_lock import plant_feet
from liquidwarp.fit.keep_apart import keep_apart
from liquidwarp.fit.tuning import FIT_TUNING, FitTuning
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from liquidwarp.types import BodyTrack, shots_of

_ARM, _LEG = ("shoulder", "elbow"), ("hip", "knee", "ankle", "foot")
_SIDED = {"arm": _ARM, "hand": ("wrist",), "leg": _LEG}

LIMBS: dict[str, tuple[str, ...]] = {
    "pelvis": ("pelvis",),
    "trunk": ("spine1", "spine2", "spine3", "left_collar", "right_collar"),
    "head": ("neck", "head"),
    **{f"{limb}s": tuple(f"{side}_{joint}" for side in SIDES for joint in of) for limb, of in _SIDED.items()},
    **{f"{side}_{limb}": tuple(f"{side}_{joint}" for joint in of) for limb, of in _SIDED.items() for side in SIDES},
}
"""Limbs that can be smoothed, with their canonical joints: "pelvis" is turn and place of the whole person, a hand its
wrist and fingers."""

ALL_LIMBS = "all"
"""Stands for every limb that is not named itself."""

_LEAST_FRAMES = 3
_PERIOD = math.sqrt(math.log(2)) / (2 * math.pi)  # sigma of a Gaussian that keeps 0.71 of a period of 1


def check_smoothing(seconds: Mapping[str, float]) -> None:
    """Check seconds by limb.

    Raises:
        InputError: an unknown limb, or no number of seconds from 0 on.
    """
    known = (*LIMBS, ALL_LIMBS)
    for limb, value in seconds.items():
        if limb not in known:
            raise InputError(f"smooth: there is no limb {limb!r}; choose from {', '.join(known)}")
        if not 0 <= value < math.inf:
            raise InputError(f"smooth: {limb}={value} is no number of seconds from 0 on; 0.5 is calm, 0 as recovered")


def smooth_limbs(
    body: BodyModel, track: BodyTrack, seconds: Mapping[str, float], *, tuning: FitTuning = FIT_TUNING
) -> BodyTrack:
    """Smooth a motion limb by limb, without delay.

    Args:
        body: the track's body.
        track: the motion; returned itself where nothing is to be smoothed or its frames are unrelated (`fps` 0).
        seconds: by limb (`LIMBS`, or "all" for those that are not named): what goes there and back within that time is
            taken out. A side that is named wins over both, whatever their order.
        tuning: when hands touch and feet stand.

    Raises:
        InputError: as `check_smoothing`.
    """
    check_smoothing(seconds)
    joints = {joint: value for joint, value in _by_joint(seconds).items() if value > 0}
    if not joints or track.fps <= 0 or len(track) < _LEAST_FRAMES:
        return track
    with torch.no_grad():
        smooth = _averaged(body, track, joints, tuning)
    if any(name.rpartition("_")[2] in (*_LEG, "pelvis") for name in joints):
        stands = find_stands(body, track, tuning=tuning.feet.contacts)
        smooth = plant_feet(body, smooth, stands=stands, tuning=tuning.feet)
    return keep_apart(body, smooth, tuning=tuning.apart)


def _averaged(body: BodyModel, track: BodyTrack, joints: Mapping[str, float], tuning: FitTuning) -> BodyTrack:
    own = {body.canonical(name): value for name, value in joints.items()}
    for wrist in [body.canonical(f"{side}_wrist") for side in SIDES]:
        if wrist in own:
            own |= dict.fromkeys(_below(body, wrist), own[wrist])
    arms = [body.canonical(f"{side}_{joint}") for side in SIDES for joint in (*_ARM, "wrist")]
    pose, transl = torch.cat([track.global_orient[:, None], track.body_pose], dim=1), track.transl.clone()
    apart = _apart(body, track, tuning.limbs.together)[:, None]
    for value in set(own.values()):
        chosen = torch.tensor([joint for joint, other in own.items() if other == value])
        held = torch.isin(chosen, torch.tensor(arms))
        sigma, reach = value * _PERIOD * track.fps, tuning.limbs.reach
        for shot in shots_of(track.cuts, len(track)):
            before = axis_angle_to_matrix(pose[shot][:, chosen].double())
            after = _nearest_rotations(_mean(before.flatten(1), sigma, reach).view_as(before))
            amount = torch.where(held, apart[shot], torch.ones_like(apart[shot]))
            pose[shot.start : shot.stop, chosen] = matrix_to_axis_angle(slerp_rotations(before, after, amount)).float()
            if 0 in chosen:
                transl[shot] = _mean(transl[shot].double(), sigma, reach).float()
    return replace(track, global_orient=pose[:, 0], body_pose=pose[:, 1:], transl=transl)


def _by_joint(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return seconds by canonical joint; the closer name wins."""
    joints = {}
    if ALL_LIMBS in seconds:
        joints = {joint: seconds[ALL_LIMBS] for limb in LIMBS.values() for joint in limb}
    for limb, of in LIMBS.items():  # both sides come before either
        if limb in seconds:
            joints |= dict.fromkeys(of, seconds[limb])
    return joints


def _below(body: BodyModel, joint: int) -> list[int]:
    inside = {joint}
    for child, above in enumerate(body.parents):
        if above in inside:
            inside.add(child)
    return sorted(inside - {joint})


def _mean(values: Float[Tensor, "T C"], sigma: float, reach: float) -> Float[Tensor, "T C"]:
    """Return the mean over time by a Gaussian of `sigma` frames: as far ahead as back, so less far at the ends."""
    total, weight = values.clone(), torch.ones(len(values), 1, dtype=values.dtype)
    for lag in range(1, min(math.ceil(reach * sigma), (len(values) - 1) // 2) + 1):
        part = math.exp(-0.5 * (lag / sigma) ** 2)
        total[lag:-lag] += part * (values[: -2 * lag] + values[2 * lag :])
        weight[lag:-lag] += 2 * part
    return total / weight


def _nearest_rotations(matrices: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 3 3"]:
    left, _, right = torch.linalg.svd(matrices)
    sign = torch.ones(*matrices.shape[:-1], dtype=matrices.dtype)
    sign[..., 2] = torch.linalg.det(left @ right)
    return (left * sign[..., None, :]) @ right


def _apart(body: BodyModel, track: BodyTrack, together: tuple[float, float]) -> Float[Tensor, "T"]:
    """Return 0 where the hands touch, 1 where they are apart, and in between where they meet."""
    hands = tuple(f"{side}_{point}" for side in SIDES for point in ("index", "pinky"))
    if any(name not in body.landmark_names for name in hands):
        return torch.ones(len(track), dtype=torch.float64)
    points = body.landmarks(hands, track.betas, track.global_orient, track.body_pose, track.transl).double()
    left, right = points[:, :2].mean(1), points[:, 2:].mean(1)
    near, far = together
    part = (((left - right).norm(dim=-1) - near) / (far - near)).clamp(0, 1)
    return part * part * (3 - 2 * part)
