"""The canonical skeleton of a body with its landmarks: forward kinematics and exact Jacobians, without the mesh.

Convention: camera or world axes as the body's (`BodyModel`). Steps of a joint are taken on the right:
`rotation <- rotation @ exp(step)`, with the step in the joint's own turned axes.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel
from liquidwarp.errors import InputError
from liquidwarp.fit.tuning import FIT_TUNING, SolverTuning
from liquidwarp.geometry import axis_angle_to_matrix

JOINTS = len(CANONICAL_JOINTS)
STATE = 3 * JOINTS + 3
"""Unknowns of one frame: a turn of each canonical joint, then the place of the pelvis."""


@dataclass(frozen=True, eq=False)
class Skeleton:
    """A body's canonical joints and some landmarks, linear in the shape around one shape.

    Attributes:
        names: names of the landmarks.
        parents: canonical parent of each canonical joint; -1 for the pelvis.
        betas: the shape around which it is linear.
        joints: rest joints at `betas`.
        joints_basis: their change with each shape coefficient.
        points: rest landmarks at `betas`.
        points_basis: their change with each shape coefficient.
        carrier: canonical joint that carries each landmark.
        below: `below[j, l]` says whether joint j moves landmark l.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    betas: Float[Tensor, "K"]
    joints: Float[Tensor, "J 3"]
    joints_basis: Float[Tensor, "K J 3"]
    points: Float[Tensor, "L 3"]
    points_basis: Float[Tensor, "K L 3"]
    carrier: Int[Tensor, "L"]
    below: Bool[Tensor, "J L"]

    def at(self, betas: Float[Tensor, "K"]) -> "Skeleton":
        """Return the skeleton of another shape, by the linear model."""
        change = betas - self.betas
        return replace(
            self,
            betas=betas,
            joints=self.joints + torch.einsum("k,kjc->jc", change, self.joints_basis),
            points=self.points + torch.einsum("k,klc->lc", change, self.points_basis),
        )


@dataclass(frozen=True, eq=False)
class State:
    """Pose and place per frame: local rotations of the canonical joints, place of the pelvis in camera axes."""

    rotations: Float[Tensor, "T J 3 3"]
    place: Float[Tensor, "T 3"]

    def __len__(self) -> int:
        return len(self.place)

    def __getitem__(self, index: slice | Tensor) -> "State":
        """Return some frames."""
        return State(self.rotations[index], self.place[index])

    def moved(self, step: Float[Tensor, "T P"], *, tuning: SolverTuning = FIT_TUNING.solver) -> "State":
        """Take a step, turns and ways shortened to a safe length."""
        turn = step[:, : 3 * JOINTS].unflatten(1, (JOINTS, 3))
        turn = turn * (tuning.longest_turn / turn.norm(dim=-1, keepdim=True).clamp_min(tuning.longest_turn))
        way = step[:, -3:].clamp(-tuning.longest_way, tuning.longest_way)
        return State(self.rotations @ axis_angle_to_matrix(turn), self.place + way)


@dataclass(frozen=True, eq=False)
class Posed:
    """A posed skeleton.

    Attributes:
        turns: global rotation of each joint.
        joints: place of each joint.
        points: place of each landmark.
    """

    turns: Float[Tensor, "T J 3 3"]
    joints: Float[Tensor, "T J 3"]
    points: Float[Tensor, "T L 3"]


def canonical_parents(body: BodyModel) -> tuple[int, ...]:
    """Return the canonical parent of each canonical joint in the body's own tree; -1 for the pelvis."""
    own = [body.canonical(name) for name in CANONICAL_JOINTS]
    parents = []
    for joint in own:
        above = body.parents[joint]
        while above >= 0 and above not in own:
            above = body.parents[above]
        parents.append(own.index(above) if above >= 0 else -1)
    if any(parent >= joint for joint, parent in enumerate(parents)) or parents.count(-1) != 1 or parents[0] != -1:
        raise InputError(f"body {body.name!r} orders its joints unlike the canonical skeleton; fit another body")
    return tuple(parents)


def _rest(body: BodyModel, names: tuple[str, ...], betas: Float[Tensor, "K"]) -> tuple[Tensor, Tensor]:
    own = [body.canonical(name) for name in CANONICAL_JOINTS]
    still = torch.eye(3, dtype=betas.dtype).expand(1, JOINTS, 3, 3)
    points = body.canonical_landmarks(names, betas, still, betas.new_zeros(1, 3))[0]
    return body.rest_joints(betas)[own], points


def make_skeleton(body: BodyModel, names: tuple[str, ...], betas: Float[Tensor, "K"]) -> Skeleton:
    """Read a body's canonical skeleton and landmarks around a shape, in double precision.

    Raises:
        InputError: the body lacks a landmark, or its tree is unlike the canonical skeleton.
    """
    betas = betas.detach().double()
    parents = canonical_parents(body)
    with torch.no_grad():
        joints, points = _rest(body, names, betas)
        moved = [_rest(body, names, betas + unit) for unit in torch.eye(len(betas), dtype=betas.dtype)]
        turned = torch.eye(3, dtype=betas.dtype).repeat(2 * JOINTS, JOINTS, 1, 1)
        for joint in range(JOINTS):
            for half in range(2):
                tilt = betas.new_zeros(3)
                tilt[half] = 0.5
                turned[2 * joint + half, joint] = axis_angle_to_matrix(tilt)
        places = body.canonical_landmarks(names, betas, turned, betas.new_zeros(len(turned), 3))
    below = (places - points).norm(dim=-1).view(JOINTS, 2, -1).amax(dim=1) > 1e-6
    # Joints come after their parents, so the last joint that moves a landmark is the deepest.
    carrier = (below * torch.arange(JOINTS)[:, None]).amax(dim=0)
    empty = betas.new_zeros(0, 1, 3)
    return Skeleton(
        names,
        parents,
        betas,
        joints,
        torch.stack([a - joints for a, _ in moved]) if moved else empty.expand(0, JOINTS, 3),
        points,
        torch.stack([b - points for _, b in moved]) if moved else empty.expand(0, len(names), 3),
        carrier,
        below,
    )


def pose_chain(
    parents: tuple[int, ...],
    rest: Float[Tensor, "J 3"],
    rotations: Float[Tensor, "T J 3 3"],
    place: Float[Tensor, "T 3"],
) -> tuple[Float[Tensor, "T J 3 3"], Float[Tensor, "T J 3"]]:
    """Run forward kinematics of the canonical joints: their global rotations and places.

    Args:
        parents: canonical parent of each joint.
        rest: rest places of the joints.
        rotations: local rotations.
        place: where the pelvis goes.
    """
    turns, joints = [rotations[:, 0]], [place]
    for joint in range(1, JOINTS):
        above = parents[joint]
        joints.append(joints[above] + turns[above] @ (rest[joint] - rest[above]))
        turns.append(turns[above] @ rotations[:, joint])
    return torch.stack(turns, dim=1), torch.stack(joints, dim=1)


def pose_skeleton(skeleton: Skeleton, rotations: Float[Tensor, "T J 3 3"], place: Float[Tensor, "T 3"]) -> Posed:
    """Run forward kinematics; `place` is where the pelvis goes."""
    turn, at = pose_chain(skeleton.parents, skeleton.joints, rotations, place)
    arms = (skeleton.points - skeleton.joints[skeleton.carrier])[..., None]
    return Posed(turn, at, at[:, skeleton.carrier] + (turn[:, skeleton.carrier] @ arms)[..., 0])


def landmark_jacobian(skeleton: Skeleton, posed: Posed) -> Float[Tensor, "T L 3 P"]:
    """Return the derivative of each landmark by a frame's unknowns (`STATE`)."""
    return _turning(posed, posed.points, skeleton.below)


def joint_jacobian(skeleton: Skeleton, posed: Posed) -> Float[Tensor, "T J 3 P"]:
    """Return the derivative of each joint by a frame's unknowns (`STATE`): its own turn does not move it."""
    below = torch.zeros(JOINTS, JOINTS, dtype=torch.bool)
    for joint in range(1, JOINTS):
        above = skeleton.parents[joint]
        below[:, joint] = below[:, above]
        below[above, joint] = True
    return _turning(posed, posed.joints, below)


def _turning(posed: Posed, points: Tensor, below: Tensor) -> Tensor:
    frames, count = points.shape[:2]
    jacobian = points.new_zeros(frames, count, 3, STATE)
    for joint in range(JOINTS):
        moved = below[joint].nonzero()[:, 0]
        if len(moved):
            arms = points[:, moved] - posed.joints[:, None, joint]
            axes = posed.turns[:, joint].transpose(1, 2)[:, None]
            turned = torch.linalg.cross(axes, arms[:, :, None], dim=-1)
            jacobian[:, moved, :, 3 * joint : 3 * joint + 3] = turned.transpose(2, 3)
    jacobian[..., -3:] = torch.eye(3, dtype=jacobian.dtype)
    return jacobian


def shape_jacobian(skeleton: Skeleton, posed: Posed) -> Float[Tensor, "T L 3 K"]:
    """Return the derivative of each landmark by the shape, the pelvis held in place."""
    joints = joint_shape_jacobian(skeleton, posed)[:, skeleton.carrier]
    arms = (skeleton.points_basis - skeleton.joints_basis[:, skeleton.carrier]).permute(1, 2, 0)
    return joints + posed.turns[:, skeleton.carrier] @ arms


def joint_shape_jacobian(skeleton: Skeleton, posed: Posed) -> Float[Tensor, "T J 3 K"]:
    """Return the derivative of each joint by the shape, the pelvis held in place."""
    at: list[Tensor] = [posed.points.new_zeros(len(posed.points), 3, len(skeleton.betas))]
    for joint in range(1, JOINTS):
        above = skeleton.parents[joint]
        bone = (skeleton.joints_basis[:, joint] - skeleton.joints_basis[:, above]).T
        at.append(at[above] + posed.turns[:, above] @ bone)
    return torch.stack(at, dim=1)
