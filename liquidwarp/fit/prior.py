"""What poses a human body takes: ranges of joints and a relaxed stance.

Every canonical joint's rotation is measured by three angles. Hinges (knees, elbows) are split into a bend about one
axis, a twist of the lower bone about itself and a sideways error; ball joints by the rotation vector from a reference.
A weak pull goes to a relaxed stance (upright, arms hanging), a strong one back into the joint's range.

Convention: the body at rest stands along -Y and faces -Z (`BodyModel`); the person's left is +X.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS
from liquidwarp.fit.tuning import FIT_TUNING, PriorTuning
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle

_HINGES = ("elbow", "knee")
_ARM = ("collar", "shoulder", "elbow", "wrist")
_CHILD = {"collar": "shoulder", "shoulder": "elbow", "elbow": "wrist", "hip": "knee", "knee": "ankle"}
_LEAST_ANGLE, _HALF_TURN_LESS = 1e-4, math.pi - 1e-3  # between them quotients of sines are exact enough


@dataclass(frozen=True, eq=False)
class PosePrior:
    """Ranges of the 22 canonical joints of one skeleton.

    Attributes:
        axes: three rows per joint: the axes that its angles are about.
        reference: the rotation from which a ball joint's angles are measured.
        relaxed_rotations: the relaxed stance.
        hinge: True for knees and elbows.
        relaxed: angles of the relaxed stance, radians.
        spread: standard deviations around it, radians; infinite where free.
        low: lowest angles, radians.
        high: highest angles, radians.
    """

    axes: Float[Tensor, "J 3 3"]
    reference: Float[Tensor, "J 3 3"]
    relaxed_rotations: Float[Tensor, "J 3 3"]
    hinge: Bool[Tensor, "J"]
    relaxed: Float[Tensor, "J 3"]
    spread: Float[Tensor, "J 3"]
    low: Float[Tensor, "J 3"]
    high: Float[Tensor, "J 3"]


def hinge_axes(bone: Float[Tensor, "3"], toward: Float[Tensor, "3"]) -> Float[Tensor, "3 3"]:
    """Return rows (bone, axis about which the bone bends toward a direction, the third)."""
    bone = bone / bone.norm()
    bend = torch.linalg.cross(bone, toward)
    bend = bend / bend.norm()
    return torch.stack([bone, bend, torch.linalg.cross(bend, bone)])


def shortest_rotation(start: Float[Tensor, "*#B 3"], end: Float[Tensor, "*#B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Return the smallest rotation that turns one direction into another."""
    start, end = torch.broadcast_tensors(start, end)
    start, end = start / start.norm(dim=-1, keepdim=True), end / end.norm(dim=-1, keepdim=True)
    axis = torch.linalg.cross(start, end)
    sine = axis.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, (start * end).sum(dim=-1, keepdim=True))
    return axis_angle_to_matrix(axis / sine.clamp_min(1e-9) * angle)


def make_prior(rest_joints: Float[Tensor, "J 3"], *, tuning: PriorTuning = FIT_TUNING.prior) -> PosePrior:
    """Lay the ranges on a skeleton's 22 canonical rest joints."""
    place = _places(rest_joints)
    parts = [_range_of(name, place, tuning) for name in CANONICAL_JOINTS]
    axes, reference, stance, table = (torch.stack(rows) for rows in zip(*parts, strict=True))
    hinge = torch.tensor([name.rpartition("_")[2] in _HINGES for name in CANONICAL_JOINTS])
    return PosePrior(axes, reference, stance, hinge, *table.unbind(-1))


def relaxed_stance(
    names: Sequence[str], rest_joints: Float[Tensor, "J 3"], *, tuning: PriorTuning = FIT_TUNING.prior
) -> Float[Tensor, "N 3 3"]:
    """Return the rotations of some joints alone in the relaxed stance (`PosePrior.relaxed_rotations`)."""
    place = _places(rest_joints)
    return torch.stack([_range_of(name, place, tuning)[2] for name in names])


def _places(rest_joints: Float[Tensor, "J 3"]) -> dict[str, Tensor]:
    return dict(zip(CANONICAL_JOINTS, rest_joints.detach().double(), strict=True))


def _range_of(name: str, place: dict[str, Tensor], tuning: PriorTuning) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return axes, reference, relaxed rotation of a joint, and relaxed, spread, low and high of its three angles."""
    rest = place[name]
    side, _, kind = name.rpartition("_")
    mirror = -1.0 if side == "right" else 1.0
    frame, start, stand = torch.eye(3, dtype=rest.dtype), torch.eye(3, dtype=rest.dtype), None
    if kind in (*_ARM, "knee"):
        bone = place[f"{side}_{_CHILD[kind]}"] - rest if kind != "wrist" else rest - place[f"{side}_elbow"]
        frame = hinge_axes(bone, rest.new_tensor([0.0, 0, 1 if kind == "knee" else -1]))
    if kind == "shoulder":
        flip = rest.new_tensor([mirror, 1, 1])
        start = shortest_rotation(bone, rest.new_tensor(tuning.raised) * flip)
        stand = shortest_rotation(bone, rest.new_tensor(tuning.hanging) * flip)
    table = rest.new_tensor(dict(tuning.ranges)[kind or name]).deg2rad()
    if mirror < 0:
        table = _mirrored(table, frame_is_world=kind not in (*_ARM, "knee"), hinge=kind in _HINGES)
    if stand is None:
        vector = (frame.T @ table[:, 0]) if kind not in _HINGES else frame[1] * table[1, 0]
        stand = start @ axis_angle_to_matrix(vector)
    else:
        table[:, 0] = frame @ matrix_to_axis_angle(start.T @ stand)
    return frame, start, stand, table


def _mirrored(table: Float[Tensor, "3 4"], *, frame_is_world: bool, hinge: bool) -> Float[Tensor, "3 4"]:
    # Mirroring flips turns about Y and Z; about a bone, twist and sideways flip, for the bend axis is mirrored with it.
    out = table.clone()
    for row in (1, 2) if frame_is_world else (0, 2):
        out[row] = torch.stack([-table[row, 0], table[row, 1], -table[row, 3], -table[row, 2]])
    return out


def joint_angles(
    prior: PosePrior, rotations: Float[Tensor, "T J 3 3"]
) -> tuple[Float[Tensor, "T J 3"], Float[Tensor, "T J 3 3"]]:
    """Measure the three angles of each joint, and their derivative by a step on the right (`fit_skeleton`)."""
    vector = matrix_to_axis_angle(prior.reference.transpose(1, 2) @ rotations)
    angles = (prior.axes @ vector[..., None])[..., 0]
    slope = prior.axes @ inverse_right_jacobian(vector)
    hinged = prior.hinge.nonzero()[:, 0]
    angle, turn = _hinge_angles(prior.axes[hinged], rotations[:, hinged])
    angles[:, hinged], slope[:, hinged] = angle, turn
    return angles, slope


def inverse_right_jacobian(vector: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Return d log(R exp(step)) / d step for R = exp(vector) (Sola et al., "A micro Lie theory", eq. 144)."""
    angle = vector.norm(dim=-1)[..., None, None].clamp(_LEAST_ANGLE, _HALF_TURN_LESS)
    cross = cross_matrix(vector)
    factor = 1 / angle**2 - (1 + angle.cos()) / (2 * angle * angle.sin())
    return torch.eye(3, dtype=vector.dtype) + cross / 2 + factor * (cross @ cross)


def cross_matrix(vector: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Return the matrix of the cross product with a vector from the left."""
    x, y, z = vector.unbind(dim=-1)
    zero = torch.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def _hinge_angles(axes: Tensor, rotations: Tensor) -> tuple[Tensor, Tensor]:
    bone, bend, side = axes.unbind(dim=-2)
    forward = (rotations @ bone[..., None])[..., 0]
    slope = -rotations @ cross_matrix(bone)
    # A turn by +angle about the bend axis carries the bone toward the third axis.
    along, about, across = ((forward * axis).sum(dim=-1) for axis in (bone, bend, side))
    d_along, d_about, d_across = ((axis[..., None, :] @ slope)[..., 0, :] for axis in (bone, bend, side))
    flex = torch.atan2(across, along)
    norm = (along**2 + across**2).clamp_min(1e-6)[..., None]
    d_flex = (along[..., None] * d_across - across[..., None] * d_along) / norm
    # Swing-twist split: the twist is the quaternion's part along the bone.
    vector = matrix_to_axis_angle(rotations)
    angle = vector.norm(dim=-1, keepdim=True)
    real, imaginary = (angle / 2).cos(), vector / 2 * torch.sinc(angle / 2 / math.pi)
    inline = (imaginary * bone).sum(dim=-1, keepdim=True)
    twist = 2 * torch.atan2(inline, real)[..., 0]
    crossed = torch.linalg.cross(bone.expand_as(imaginary), imaginary)
    d_twist = (real * (real * bone + crossed) + inline * imaginary) / (real**2 + inline**2).clamp_min(1e-6)
    return torch.stack([twist, flex, about], dim=-1), torch.stack([d_twist, d_flex, d_about], dim=-2)


def prior_residuals(
    prior: PosePrior, rotations: Float[Tensor, "T J 3 3"], *, limit_sigma: float = FIT_TUNING.terms.limit_sigma
) -> tuple[Float[Tensor, "T J 6"], Float[Tensor, "T J 6 3"]]:
    """Return distances from the relaxed stance and from the joints' ranges in standard deviations, and their slopes."""
    angles, slope = joint_angles(prior, rotations)
    low, high = angles < prior.low, angles > prior.high
    outside = torch.where(low, angles - prior.low, torch.where(high, angles - prior.high, torch.zeros_like(angles)))
    pull = (angles - prior.relaxed) / prior.spread
    residual = torch.cat([pull, outside / limit_sigma], dim=-1)
    gate = (low | high).to(slope)[..., None] / limit_sigma
    return residual, torch.cat([slope / prior.spread[..., None], gate * slope], dim=-2)
