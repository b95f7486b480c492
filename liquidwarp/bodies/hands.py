"""Hands of a body: which joints are fingers, and how a hand hangs that nobody moves.

Convention: a palm has axes of its own: ahead (from the wrist to the knuckles), towards the thumb, and out of the palm.
"""

import math
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies.protocol import BodyModel
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
"""Fingers in the order of `HandJoints`."""

SIDES = ("left", "right")

_SCHEMES = (  # names of a finger's joint in bodies that we know: Anny's, and SMPL-H's and SMPL-X's
    lambda side, finger, knuckle: f"finger{FINGERS.index(finger) + 1}-{knuckle}.{side[0].upper()}",
    lambda side, finger, knuckle: f"{side}_{finger}{knuckle}",
)
_PROBE = 0.5  # radians by which a finger's last joint is turned to see which vertices follow
_FOLLOWS = 0.9  # part of the turn from which on a vertex is the last joint's own

# A relaxed hand, in degrees: how far each bone of a finger is bent out of the palm's plane, and its way to the thumb.
_BENT = {"index": (14, 40, 56), "middle": (19, 48, 66), "ring": (23, 53, 72), "pinky": (25, 52, 70)}
_ASIDE = {"index": -4.0, "middle": -1.0, "ring": 3.0, "pinky": 7.0}
# The same for the thumb, as directions (ahead, towards the thumb, out of the palm).
_THUMB = ((0.72, 0.50, 0.48), (0.90, 0.20, 0.38), (0.95, 0.02, 0.31))


@dataclass(frozen=True, eq=False)
class HandJoints:
    """One hand in a body.

    Attributes:
        wrist: the joint that carries it.
        joints: the three joints of each of `FINGERS`, from the palm outward.
        tips: the vertex at each finger's tip.
    """

    wrist: int
    joints: Int[Tensor, "5 3"]
    tips: Int[Tensor, "5"]


@dataclass(frozen=True, eq=False)
class RestHand:
    """One hand of a person at rest, in the body's axes, metres.

    Attributes:
        wrist: place of the wrist.
        joints: places of the fingers' joints.
        tips: places of their tips.
        palm: rows are the palm's axes: ahead, towards the thumb, out of the palm.
    """

    wrist: Float[Tensor, "3"]
    joints: Float[Tensor, "5 3 3"]
    tips: Float[Tensor, "5 3"]
    palm: Float[Tensor, "3 3"]

    @property
    def bones(self) -> Float[Tensor, "5 3 3"]:
        """From each joint to the next, and from the last to the tip."""
        return torch.cat([self.joints[:, 1:], self.tips[:, None]], dim=1) - self.joints

    @property
    def length(self) -> float:
        """Length of the stretched hand: from the wrist to the middle finger's knuckle and along it to its tip."""
        middle = FINGERS.index("middle")
        return float((self.joints[middle, 0] - self.wrist).norm() + self.bones[middle].norm(dim=-1).sum())


def find_hand(body: BodyModel, side: str) -> HandJoints | None:
    """Return where a body has a hand; None where it has no joints of fingers.

    Args:
        body: the body.
        side: "left" or "right", the person's own.
    """
    kept = _KNOWN.setdefault(body, {})
    if side not in kept:
        kept[side] = _search(body, side)
    return kept[side]


def rest_hand(
    joints: HandJoints, side: str, rest_joints: Float[Tensor, "J 3"], vertices: Float[Tensor, "V 3"]
) -> RestHand:
    """Return a hand of a person at rest (`Identity`)."""
    wrist, fingers = rest_joints[joints.wrist], rest_joints[joints.joints]
    return RestHand(wrist, fingers, vertices[joints.tips], palm_axes(wrist, fingers[1:, 0], side))


def palm_axes(wrist: Float[Tensor, "*B 3"], knuckles: Float[Tensor, "*B 4 3"], side: str) -> Float[Tensor, "*B 3 3"]:
    """Return the axes of a palm as rows.

    Args:
        wrist: place of the wrist.
        knuckles: places of the first joints of index, middle, ring and little finger.
        side: "left" or "right".
    """
    ahead = torch.nn.functional.normalize(knuckles.mean(dim=-2) - wrist, dim=-1)
    aside = knuckles[..., 0, :] - knuckles[..., 3, :]
    aside = torch.nn.functional.normalize(aside - (aside * ahead).sum(-1, keepdim=True) * ahead, dim=-1)
    out = torch.linalg.cross(ahead, aside)
    return torch.stack([ahead, aside, out if side == "left" else -out], dim=-2)


def relaxed_turns(hand: RestHand) -> Float[Tensor, "5 3 3 3"]:
    """Return the rotation of each finger's joints that makes a hand hang relaxed: curled a little, thumb beside it."""
    wanted = _relaxed_directions().to(hand.palm) @ hand.palm
    bones = hand.bones
    above = torch.eye(3, dtype=torch.float32).to(bones).expand(5, 3, 3)
    turns = []
    for joint in range(3):
        turn = _shortest(bones[:, joint], (above.transpose(1, 2) @ wanted[:, joint, :, None])[..., 0])
        turns.append(turn)
        above = above @ turn
    return torch.stack(turns, dim=1)


def relax_hands(body: BodyModel, body_pose: Float[Tensor, "B P 3"]) -> Float[Tensor, "B P 3"]:
    """Return poses with fingers that hang relaxed; poses of a body without fingers stay as they are.

    Examples:
        >>> import torch
        >>> from liquidwarp.bodies import load_body, relax_hands
        >>> body = load_body()
        >>> _, flat = body.expand_pose(torch.zeros(1, 22, 3))
        >>> relaxed = relax_hands(body, flat)
        >>> moved = (relaxed != flat).any(-1)[0]
        >>> int(moved.sum()), moved[body.joint_names.index("finger2-2.L") - 1].item()
        (30, True)
    """
    kept = _RELAXED.get(body)
    if kept is None:
        kept = _RELAXED[body] = _relaxed_pose(body)
    joints, pose = kept
    if not len(joints):
        return body_pose
    relaxed = body_pose.clone()
    relaxed[:, joints.to(body_pose.device) - 1] = pose.to(body_pose)
    return relaxed


def finger_joints(body: BodyModel) -> Int[Tensor, "N"]:
    """Return the joints of all fingers of a body; none where it has no hands."""
    hands = [find_hand(body, side) for side in SIDES]
    return torch.cat(
        [torch.zeros(0, dtype=torch.int64), *(hand.joints.flatten() for hand in hands if hand is not None)]
    )


def with_hands_of(
    body: BodyModel, body_pose: Float[Tensor, "B P 3"], other: Float[Tensor, "B P 3"]
) -> Float[Tensor, "B P 3"]:
    """Return poses with the fingers of other poses of the same body."""
    rows = finger_joints(body) - 1
    taken = body_pose.clone()
    taken[:, rows] = other[:, rows]
    return taken


def with_fingers_of(
    body: BodyModel, body_pose: Float[Tensor, "B P 3"], source: BodyModel, theirs: Float[Tensor, "B Q 3"]
) -> Float[Tensor, "B P 3"]:
    """Return poses in which fingers are bent, against the relaxed hand, as those of another body are.

    Args:
        body: the body of the poses; one without fingers keeps its own.
        body_pose: poses.
        source: the other body; where it has no fingers hands relax.
        theirs: its poses.
    """
    pose = relax_hands(body, body_pose)
    for side in SIDES:
        mine, other = find_hand(body, side), find_hand(source, side)
        if mine is None or other is None:
            continue
        (palm, relaxed), (their_palm, their_relaxed) = (
            (hand.palm, relaxed_turns(hand)) for hand in (_mean_hand(body, mine, side), _mean_hand(source, other, side))
        )
        turns = axis_angle_to_matrix(theirs[:, other.joints.flatten() - 1]).unflatten(1, (5, 3))
        across = palm.T @ their_palm
        bent = relaxed @ across @ their_relaxed.transpose(-1, -2) @ turns @ across.T
        pose[:, mine.joints.flatten() - 1] = matrix_to_axis_angle(bent).flatten(1, 2)
    return pose


_KNOWN: WeakKeyDictionary[BodyModel, dict[str, HandJoints | None]] = WeakKeyDictionary()
_RELAXED: WeakKeyDictionary[BodyModel, tuple[Tensor, Tensor]] = WeakKeyDictionary()


def _mean_hand(body: BodyModel, joints: HandJoints, side: str) -> RestHand:
    person = body.identity(torch.zeros(body.num_betas, dtype=torch.float32, device=body.topology.faces.device))
    return rest_hand(joints, side, person.joints, person.vertices)


def _relaxed_pose(body: BodyModel) -> tuple[Int[Tensor, "N"], Float[Tensor, "N 3"]]:
    """Return the joints of both hands' fingers, and how they turn in the mean person's relaxed hands."""
    with torch.no_grad():
        joints, turns = [torch.zeros(0, dtype=torch.int64)], [torch.zeros(0, 3, dtype=torch.float32)]
        for side in SIDES:
            hand = find_hand(body, side)
            if hand is not None:
                joints.append(hand.joints.flatten().cpu())
                relaxed = relaxed_turns(_mean_hand(body, hand, side))
                turns.append(matrix_to_axis_angle(relaxed).flatten(0, 1).cpu())
    return torch.cat(joints), torch.cat(turns)


def _relaxed_directions() -> Float[Tensor, "5 3 3"]:
    rows: list[tuple[tuple[float, ...], ...]] = [_THUMB]
    for finger in FINGERS[1:]:
        aside = math.radians(_ASIDE[finger])
        bends = [math.radians(bend) for bend in _BENT[finger]]
        rows.append(tuple((math.cos(b) * math.cos(aside), math.cos(b) * math.sin(aside), math.sin(b)) for b in bends))
    return torch.nn.functional.normalize(torch.tensor(rows, dtype=torch.float32), dim=-1)


def _shortest(start: Float[Tensor, "*B 3"], end: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    axis = torch.linalg.cross(start, end)
    sine = axis.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, (start * end).sum(-1, keepdim=True))
    return axis_angle_to_matrix(axis / sine.clamp_min(1e-12) * angle)


def _search(body: BodyModel, side: str) -> HandJoints | None:
    for scheme in _SCHEMES:
        names = [[scheme(side, finger, knuckle) for knuckle in (1, 2, 3)] for finger in FINGERS]
        if all(name in body.joint_names for finger in names for name in finger):
            joints = torch.tensor([[body.joint_names.index(name) for name in finger] for finger in names])
            return HandJoints(body.canonical(f"{side}_wrist"), joints, _tips(body, joints))
    return None


@torch.no_grad()
def _tips(body: BodyModel, joints: Int[Tensor, "5 3"]) -> Int[Tensor, "5"]:
    """Return the vertex farthest out on each finger, among those that its last joint carries."""
    person = body.identity(torch.zeros(body.num_betas, dtype=torch.float32, device=body.topology.faces.device))
    last = joints[:, 2]
    along = torch.nn.functional.normalize(person.joints[last] - person.joints[joints[:, 1]], dim=-1)
    pose = person.joints.new_zeros(5, len(body.parents) - 1, 3)
    across = torch.linalg.cross(along, torch.roll(along, 1, dims=-1))
    pose[torch.arange(5), last - 1] = _PROBE * torch.nn.functional.normalize(across, dim=-1)
    still = person.joints.new_zeros(5, 3)
    moved = (body.vertices(person, still, pose, still) - person.vertices).norm(dim=-1)
    arm = person.vertices - person.joints[last][:, None]
    rigid = (axis_angle_to_matrix(pose[torch.arange(5), last - 1])[:, None] @ arm[..., None])[..., 0] - arm
    own = moved > _FOLLOWS * rigid.norm(dim=-1)
    own &= moved > 1e-6
    reach = torch.where(own, (arm * along[:, None]).sum(-1), -torch.inf)
    return reach.argmax(dim=1).cpu()
