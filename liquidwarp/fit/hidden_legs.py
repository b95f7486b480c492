"""Legs that a clip does not show stand still.

A detector guesses where they are, and a fit makes them kick and slide. Instead the feet stand on one level, where the
person is on the whole, turned as it is on the whole; above them pelvis and trunk sway.

Convention: world axes, +Y down; metres, seconds.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel
from liquidwarp.fit.contacts import foot_points
from liquidwarp.fit.foot_lock import plant_feet
from liquidwarp.fit.prior import relaxed_stance
from liquidwarp.fit.tuning import FIT_TUNING, FootLockTuning
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from liquidwarp.types import BodyTrack, shots_of

_LEGS = tuple(f"{side}_{joint}" for joint in ("hip", "knee", "ankle", "foot") for side in ("left", "right"))


def stand_still(
    body: BodyModel, track: BodyTrack, shots: Sequence[int], *, tuning: FootLockTuning = FIT_TUNING.feet
) -> BodyTrack:
    """Let the legs stand still in some shots of a track.

    Args:
        body: the track's body.
        track: the motion.
        shots: numbers of the shots that do not show the legs.
        tuning: how slowly feet follow the person, and how firmly they are held.
    """
    if not shots:
        return track
    parts = [
        _standing(body, track[shot], tuning) if number in shots else track[shot]
        for number, shot in enumerate(shots_of(track.cuts, len(track)))
    ]
    return track.posed_as(parts)


def _standing(body: BodyModel, track: BodyTrack, tuning: FootLockTuning) -> BodyTrack:
    settled = hang_legs(body, track, tuning=tuning)
    points = foot_points(body, settled)
    lowest = points[..., 1].amax(1)
    down = torch.zeros_like(track.transl)
    down[:, 1] = lowest.median() - lowest
    points = points + down[:, None]
    places = smoothed(points.flatten(1), track.fps, tuning.hidden_settle).unflatten(1, (-1, 3))
    # A straight leg that leans reaches less far down.
    joints = body.rest_joints(track.betas)
    leg = (joints[body.canonical("left_ankle")] - joints[body.canonical("left_hip")]).norm()
    aside = (places - points)[..., [0, 2]].norm(dim=-1).amax(1).clamp(max=float(leg) / 2)
    down[:, 1] += leg - (leg**2 - aside**2).sqrt()
    return plant_feet(body, replace(settled, transl=settled.transl + down), places=places, tuning=tuning)


def hang_legs(body: BodyModel, track: BodyTrack, *, tuning: FootLockTuning = FIT_TUNING.feet) -> BodyTrack:
    """Let straight legs hang from the pelvis, however that is tilted, turned as the person is on the whole."""
    rest = body.rest_joints(track.betas)[[body.canonical(name) for name in CANONICAL_JOINTS]]
    legs = relaxed_stance(_LEGS, rest).repeat(len(track), 1, 1, 1)
    pelvis = axis_angle_to_matrix(track.global_orient).double()
    ahead = smoothed(-pelvis[:, :, 2], track.fps, tuning.hidden_settle)
    turn = torch.zeros_like(ahead)
    turn[:, 1] = torch.atan2(-ahead[:, 0], -ahead[:, 2])
    legs[:, :2] = (pelvis.transpose(1, 2) @ axis_angle_to_matrix(turn))[:, None] @ legs[:, :2]
    pose = track.body_pose.clone()
    pose[:, [body.canonical(name) - 1 for name in _LEGS]] = matrix_to_axis_angle(legs).to(pose)
    return replace(track, body_pose=pose)


def smoothed(values: Float[Tensor, "T C"], fps: float, seconds: float) -> Float[Tensor, "T C"]:
    """Return the running mean by a Gaussian of a standard deviation in seconds; the ends go on as they are."""
    reach = math.ceil(3 * seconds * fps)
    if not reach:
        return values
    weight = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float32) / (seconds * fps)) ** 2).to(values)
    padded = torch.nn.functional.pad(values.T[:, None], (reach, reach), mode="replicate")
    return torch.nn.functional.conv1d(padded, (weight / weight.sum())[None, None])[:, 0].T
