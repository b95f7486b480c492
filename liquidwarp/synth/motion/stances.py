"""Poses from what one would say to a dancer: where feet stand, how pelvis and chest are, where arms point."""

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS
from liquidwarp.geometry import matrix_to_axis_angle
from liquidwarp.synth.people.body_layers import BareBody

Vector = tuple[float, float, float]

_FORWARD = np.array([0.0, 0.0, -1.0])


@dataclass(frozen=True)
class Stance:
    """One pose.

    Convention: camera axes (+X right, +Y down, +Z away), metres and radians; the person faces -Z at turn 0. A positive
    turn is to the person's left. Directions of arms are in the frame of the chest.

    Attributes:
        pelvis: shift of the pelvis from where it is above straight legs.
        turn: turn of the pelvis about the vertical.
        lean: bend of the trunk forward, and to the person's left.
        twist: turn of the chest over the pelvis.
        head: nod forward, turn, and tilt to the person's left, over the chest.
        left_foot: shift across, lift, shift away, and turn of the foot from straight under the hip.
        right_foot: same for the other.
        left_arm: where the upper arm points.
        left_forearm: where the forearm points.
        right_arm: same for the other.
        right_forearm: same for the other.
    """

    pelvis: Vector = (0.0, 0.012, 0.0)
    turn: float = 0.0
    lean: tuple[float, float] = (0.0, 0.0)
    twist: float = 0.0
    head: Vector = (0.12, 0.0, 0.0)
    left_foot: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.2)
    right_foot: tuple[float, float, float, float] = (0.0, 0.0, 0.0, -0.2)
    left_arm: Vector = (0.36, 0.93, 0.03)
    left_forearm: Vector = (0.26, 0.94, -0.2)
    right_arm: Vector = (-0.36, 0.93, 0.03)
    right_forearm: Vector = (-0.26, 0.94, -0.2)


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """Poses of one person over a floor at Y = 0, around X = Z = 0.

    Attributes:
        global_orient: turn of the root.
        body_pose: turns of the other joints.
        transl: places.
    """

    global_orient: Float[Tensor, "T 3"]
    body_pose: Float[Tensor, "T P 3"]
    transl: Float[Tensor, "T 3"]


def blend_stances(times: list[float], stances: list[Stance], at: Float[np.ndarray, "T"]) -> list[Stance]:
    """Interpolate key poses smoothly; what two neighbouring keys share stays still between them."""
    keys = np.stack([_flatten(stance) for stance in stances])
    return [_unflatten(row) for row in PchipInterpolator(times, keys, axis=0)(at)]


def pose_from_stance(bare: BareBody, stance: Stance, *, sole: float = 0.02) -> PoseSequence:
    """Return the pose, a sequence of one, of a person who stands about X = Z = 0 on a floor at Y = 0.

    Args:
        bare: the person.
        stance: the pose.
        sole: thickness of the shoes' soles.
    """
    joints = bare.body.rest_joints(bare.betas).numpy().astype(np.float64)

    def at(name: str) -> np.ndarray:
        return joints[bare.body.canonical(name)]

    floor = float(bare.mesh.rest[:, 1].max()) + sole
    turns = {name: np.eye(3) for name in CANONICAL_JOINTS}
    root = _about(1, -stance.turn)
    turns["pelvis"] = root
    third = _about(0, stance.lean[0] / 3) @ _about(2, stance.lean[1] / 3) @ _about(1, -stance.twist / 3)
    for name in ("spine1", "spine2", "spine3"):
        turns[name] = third
    nod = _about(1, -stance.head[1] / 2) @ _about(0, stance.head[0] / 2) @ _about(2, stance.head[2] / 2)
    turns["neck"] = turns["head"] = nod
    pelvis = np.array([0.0, at("pelvis")[1] - floor, 0.0]) + np.array(stance.pelvis)
    for side, foot in (("left", stance.left_foot), ("right", stance.right_foot)):
        hip, knee, ankle = at(f"{side}_hip"), at(f"{side}_knee"), at(f"{side}_ankle")
        start = pelvis + root @ (hip - at("pelvis"))
        target = np.array([ankle[0] * 0.72, ankle[1] - floor, ankle[2]]) + np.array([foot[0], -foot[1], foot[2]])
        toes = _about(1, -foot[3])
        ahead = toes @ _FORWARD + 0.35 * (root @ _FORWARD)
        thigh, shin = _reach(target - start, _length(knee - hip), _length(ankle - knee), ahead)
        upper = _swing(knee - hip, root.T @ thigh)
        lower = upper.T @ _swing(upper @ (ankle - knee), root.T @ shin) @ upper
        turns[f"{side}_hip"], turns[f"{side}_knee"] = upper, lower
        flat = toes @ _about(0, 1.6 * min(foot[1], 0.25)) @ _about(1, 0.12 if side == "left" else -0.12)
        turns[f"{side}_ankle"] = (root @ upper @ lower).T @ flat
        arm, forearm = getattr(stance, f"{side}_arm"), getattr(stance, f"{side}_forearm")
        shoulder, elbow, wrist = at(f"{side}_shoulder"), at(f"{side}_elbow"), at(f"{side}_wrist")
        upper = _swing(elbow - shoulder, np.array(arm))
        raised = max(0.0, -float(np.array(arm)[1] / np.linalg.norm(arm)))
        turns[f"{side}_collar"] = _about(2, (-0.25 if side == "left" else 0.25) * raised)
        upper = turns[f"{side}_collar"].T @ upper
        whole = turns[f"{side}_collar"] @ upper
        lower = whole.T @ _swing(whole @ (wrist - elbow), np.array(forearm)) @ whole
        turns[f"{side}_shoulder"], turns[f"{side}_elbow"] = upper, lower
    matrices = torch.from_numpy(np.stack([turns[name] for name in CANONICAL_JOINTS])).float()
    orient, pose = bare.body.expand_pose(matrix_to_axis_angle(matrices)[None])
    transl = torch.from_numpy(pelvis - at("pelvis")).float()[None]
    return PoseSequence(orient, pose, transl)


def _reach(target: np.ndarray, first: float, second: float, ahead: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions of two bones that reach a target with the joint between them bent ahead."""
    distance = min(float(np.linalg.norm(target)), 0.9995 * (first + second))
    straight = target / np.linalg.norm(target)
    cosine = (first**2 + distance**2 - second**2) / (2 * first * distance)
    side = ahead - straight * (ahead @ straight)
    side /= np.linalg.norm(side)
    bend = np.sqrt(max(0.0, 1 - cosine**2))
    upper = straight * cosine + side * bend
    lower = straight * distance - upper * first
    return upper, lower / np.linalg.norm(lower)


def _length(vector: np.ndarray) -> float:
    return float(np.linalg.norm(vector))


def _swing(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the smallest rotation from one direction to another."""
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(a, b)
    sine, cosine = np.linalg.norm(axis), a @ b
    if sine < 1e-9:
        return np.eye(3)
    return _rotation(axis / sine * np.arctan2(sine, cosine))


def _about(axis: int, angle: float) -> np.ndarray:
    return _rotation(np.eye(3)[axis] * angle)


def _rotation(vector: np.ndarray) -> np.ndarray:
    """Return the matrix of an axis-angle vector (Rodrigues); numpy, since tensors cost more than the sum here."""
    angle = float(np.sqrt(vector @ vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def _flatten(stance: Stance) -> np.ndarray:
    return np.concatenate([np.atleast_1d(value) for value in astuple(stance)]).astype(np.float64)


def _unflatten(row: np.ndarray) -> Stance:
    sizes = [np.size(value) for value in astuple(Stance())]
    parts = np.split(row, np.cumsum(sizes)[:-1])
    values: list[Any] = [
        float(part[0]) if size == 1 else tuple(map(float, part)) for part, size in zip(parts, sizes, strict=True)
    ]
    return Stance(*values)
