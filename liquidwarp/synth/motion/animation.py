"""Poses of a person's own body, from invented moments or from somebody else's track."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from liquidwarp.synth.motion.generators import Moment
from liquidwarp.synth.motion.stances import PoseSequence, pose_from_stance
from liquidwarp.synth.people.body_layers import BareBody
from liquidwarp.types import BodyTrack

_FEET = ("left_ankle", "right_ankle", "left_foot", "right_foot")
_JUMP = 0.6  # metres
_ROAM = 0.35  # how far from the middle a person may go, metres


def animate(bare: BareBody, moments: Sequence[Moment]) -> PoseSequence:
    """Return the poses of moments."""
    poses = [pose_from_stance(bare, moment.stance) for moment in moments]
    orient = torch.cat([pose.global_orient for pose in poses])
    transl = torch.cat([pose.transl for pose in poses])
    turn = axis_angle_to_matrix(
        torch.tensor([[0.0, -float(moment.heading), 0.0] for moment in moments], dtype=torch.float32)
    )
    root = bare.body.rest_joints(bare.betas)[0]
    moved = (turn @ (root + transl)[..., None])[..., 0] - root
    moved = moved + torch.tensor(
        [[float(moment.across), 0.0, float(moment.away)] for moment in moments], dtype=torch.float32
    )
    orient = matrix_to_axis_angle(turn @ axis_angle_to_matrix(orient))
    return PoseSequence(orient, torch.cat([pose.body_pose for pose in poses]), moved)


def follow_track(bare: BareBody, track: BodyTrack, frames: Sequence[int]) -> PoseSequence:
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
    sole = float(bare.mesh.rest[:, 1].max()) + 0.02 - float(_rest_foot(bare))
    sideways = part.transl - part.transl.median(0).values
    moved = torch.clamp(sideways, -_ROAM, _ROAM)
    moved[:, 1] = jump - own - sole
    return PoseSequence(part.global_orient, part.body_pose, moved)


def _rest_foot(bare: BareBody) -> Tensor:
    joints = bare.body.rest_joints(bare.betas)
    return joints[[bare.body.canonical(name) for name in _FEET], 1].max()


def _lowest_foot(bare: BareBody, betas: Tensor, track: BodyTrack) -> Float[Tensor, "T"]:
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


def curl_fingers(bare: BareBody, poses: PoseSequence, rng: np.random.Generator) -> PoseSequence:
    """Return the poses with fingers bent towards the palms, each hand in its own way through the clip."""
    rest = bare.body.rest_joints(bare.betas).numpy()
    pose = poses.body_pose.clone()
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
    return PoseSequence(poses.global_orient, pose, poses.transl)
