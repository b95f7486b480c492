"""Motion without a body: how the 22 canonical joints turn and where the pelvis goes."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies import CANONICAL_JOINTS, BodyModel, load_body, relax_hands
from liquidwarp.geometry import matrix_to_axis_angle
from liquidwarp.types import BodyTrack

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
"""Parent of each canonical joint."""


@dataclass(frozen=True, eq=False)
class SkeletonMotion:
    """How a skeleton of the canonical joints moves.

    Convention: camera axes (+X right, +Y down, +Z away), metres; at rest the person stands upright and faces -Z.

    Attributes:
        rest: places of the joints at rest.
        turns: orientation of each joint in the world, per frame; the identity at rest.
        root: place of the pelvis per frame.
        fps: frames per second.
    """

    rest: Float[Tensor, "C 3"]
    turns: Float[Tensor, "T C 3 3"]
    root: Float[Tensor, "T 3"]
    fps: float

    def __len__(self) -> int:
        return self.root.shape[0]


def local_turns(turns: Float[Tensor, "T C 3 3"]) -> Float[Tensor, "T C 3 3"]:
    """Turn orientations in the world into rotations against the parents."""
    parents = list(PARENTS[1:])
    return torch.cat([turns[:, :1], turns[:, parents].transpose(-1, -2) @ turns[:, 1:]], dim=1)


def global_turns(local: Float[Tensor, "T C 3 3"]) -> Float[Tensor, "T C 3 3"]:
    """Turn rotations against the parents into orientations in the world."""
    turns: list[Tensor] = []
    for joint, parent in enumerate(PARENTS):
        turns.append(local[:, joint] if parent < 0 else turns[parent] @ local[:, joint])
    return torch.stack(turns, dim=1)


def joint_places(motion: SkeletonMotion) -> Float[Tensor, "T C 3"]:
    """Place the joints of a motion in the world."""
    places: list[Tensor] = []
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            places.append(motion.root)
        else:
            bone = motion.rest[joint] - motion.rest[parent]
            places.append(places[parent] + motion.turns[:, parent] @ bone)
    return torch.stack(places, dim=1)


def canonical_rest(body: BodyModel, betas: Float[Tensor, "K"]) -> Float[Tensor, "C 3"]:
    """Return the places of a body's canonical joints at rest."""
    return body.rest_joints(betas)[[body.canonical(joint) for joint in CANONICAL_JOINTS]]


def skeleton_of(body: BodyModel, track: BodyTrack) -> SkeletonMotion:
    """Take the motion of a body's canonical joints out of a track."""
    joints = body.rest_joints(track.betas)
    turns, _ = body.transforms(joints, track.global_orient, track.body_pose)
    picks = [body.canonical(joint) for joint in CANONICAL_JOINTS]
    return SkeletonMotion(
        joints[picks].double(), turns[:, picks].double(), (track.transl + joints[0]).double(), track.fps
    )


def body_pose_of(
    body: BodyModel, turns: Float[Tensor, "T C 3 3"]
) -> tuple[Float[Tensor, "T 3"], Float[Tensor, "T P 3"]]:
    """Turn orientations of the canonical joints into a body's pose, with relaxed hands."""
    orient, pose = body.expand_pose(matrix_to_axis_angle(local_turns(turns)).float())
    return orient, relax_hands(body, pose)


@lru_cache(maxsize=1)
def level_rest() -> Float[Tensor, "C 3"]:
    """Return the joints of a person with level arms, the rest of SMPL's family, from the open body.

    It stands in for SMPL's own where its file is not at hand; motion needs only the directions of its limbs.
    """
    body = load_body("anny")
    joints = canonical_rest(body, torch.zeros(body.num_betas, dtype=torch.float32)).double()
    places: list[Tensor] = []
    for joint, parent in enumerate(PARENTS):
        bone = joints[joint] - joints[max(parent, 0)]
        if CANONICAL_JOINTS[joint].endswith(("elbow", "wrist")):
            bone = torch.stack([bone[0].sign() * bone.norm(), bone.new_zeros(()), bone.new_zeros(())])
        places.append(bone + places[parent] if parent >= 0 else bone)
    return torch.stack(places)
