"""Poses of a person's own body, from invented moments or from somebody else's track."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.data.synthetic.layers import Bare
from liquidwarp.data.synthetic.motions import Moment
from liquidwarp.data.synthetic.poses import strike
from liquidwarp.errors import InputError
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from liquidwarp.types import BodyTrack

_FEET = ("left_ankle", "right_ankle", "left_foot", "right_foot")
_JUMP = 0.6  # metres
_ROAM = 0.35  # how far from the middle a person may go, metres


@dataclass(frozen=True, eq=False)
class Poses:
    """Poses over a floor at Y = 0, around X = Z = 0.

    Attributes:
        orient: turn of the root.
        pose: turns of the other joints.
        transl: places.
    """

    orient: Float[Tensor, "T 3"]
    pose: Float[Tensor, "T P 3"]
    transl: Float[Tensor, "T 3"]


def act(bare: Bare, moments: Sequence[Moment]) -> Poses:
    """Return the poses of moments."""
    struck = [strike(bare, moment.stance) for moment in moments]
    orient = torch.cat([pose.global_orient for pose in struck])
    transl = torch.cat([pose.transl for pose in struck])
    turn = axis_angle_to_matrix(torch.tensor([[0.0, -float(moment.heading), 0.0] for moment in moments]))
    root = bare.body.rest_joints(bare.betas)[0]
    moved = (turn @ (root + transl)[..., None])[..., 0] - root
    moved = moved + torch.tensor([[float(moment.across), 0.0, float(moment.away)] for moment in moments])
    orient = matrix_to_axis_angle(turn @ axis_angle_to_matrix(orient))
    return Poses(orient, torch.cat([pose.body_pose for pose in struck]), moved)


def follow(bare: Bare, track: BodyTrack, frames: Sequence[int]) -> Poses:
    """Return the poses of some frames of a track, with the person's own proportions and on the floor.

    Raises:
        InputError: the track is of another body model.
    """
    if track.body != bare.body.name or track.body_pose.shape[1] != len(bare.body.parents) - 1:
        raise InputError(
            f"motions hold a track of body {track.body!r}; synthetic people move by tracks of {bare.body.name!r}"
        )
    part = track[list(frames)]
    theirs = _lowest_foot(bare, part.betas, part) + part.transl[:, 1]
    own = _lowest_foot(bare, bare.betas, part)
    floor = torch.quantile(theirs, 0.9)
    jump = torch.clamp(theirs - floor, -_JUMP, 0.0)
    sole = float(bare.piece.rest[:, 1].max()) + 0.02 - float(_rest_foot(bare))
    sideways = part.transl - part.transl.median(0).values
    moved = torch.clamp(sideways, -_ROAM, _ROAM)
    moved[:, 1] = jump - own - sole
    return Poses(part.global_orient, part.body_pose, moved)


def _rest_foot(bare: Bare) -> Tensor:
    joints = bare.body.rest_joints(bare.betas)
    return joints[[bare.body.canonical(name) for name in _FEET], 1].max()


def _lowest_foot(bare: Bare, betas: Tensor, track: BodyTrack) -> Float[Tensor, "T"]:
    """Return the height (down) of the lowest joint of the feet, without the track's own place."""
    rest = bare.body.rest_joints(betas)
    rotation, translation = bare.body.transforms(rest, track.global_orient, track.body_pose)
    feet = [bare.body.canonical(name) for name in _FEET]
    places = (rotation[:, feet] @ rest[feet][..., None])[..., 0] + translation[:, feet]
    return places[..., 1].max(1).values


def choose_frames(rng: np.random.Generator, track: BodyTrack, count: int) -> tuple[list[int], float]:
    """Return `count` frames of a track at a random pace, and how many of them are a second; runs back at its end."""
    total = len(track)
    stride = int(rng.integers(1, max(2, min(8, total // max(count, 1) + 1))))
    start = int(rng.integers(0, total))
    there_and_back = np.concatenate([np.arange(total), np.arange(total - 2, 0, -1)])
    return there_and_back[(start + stride * np.arange(count)) % len(there_and_back)].tolist(), track.fps / stride


def curl_fingers(bare: Bare, poses: Poses, rng: np.random.Generator) -> Poses:
    """Return the poses with fingers bent towards the palms, each hand in its own way through the clip."""
    rest = bare.body.rest_joints(bare.betas).numpy()
    pose = poses.pose.clone()
    for side in ("L", "R"):
        bases = [bare.joint(f"finger{finger}-1.{side}") for finger in range(2, 6)]
        thumb = bare.joint(f"finger1-3.{side}")
        ahead = rest[bases].mean(0) - rest[bare.joint(f"wrist.{side}")]
        palm = np.cross(rest[bases[0]] - rest[bases[-1]], ahead)
        palm *= np.sign(palm @ (rest[thumb] - rest[bases[0]]))
        closed = float(
            rng.choice([rng.uniform(0.0, 0.3), rng.uniform(0.2, 0.7), rng.uniform(0.8, 1.4)], p=[0.3, 0.5, 0.2])
        )
        for finger in range(1, 6):
            bend = closed * float(rng.uniform(0.7, 1.2)) * (0.35 if finger == 1 else 1.0)
            for knuckle in (1, 2, 3):
                joint = bare.joint(f"finger{finger}-{knuckle}.{side}")
                if knuckle < 3:
                    along = rest[bare.joint(f"finger{finger}-{knuckle + 1}.{side}")] - rest[joint]
                axis = np.cross(along, palm)
                pose[:, joint - 1] += torch.from_numpy(bend * axis / np.linalg.norm(axis)).float()
    return Poses(poses.orient, pose, poses.transl)
