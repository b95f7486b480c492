"""A small body made by code, for tests: capsules along a skeleton of the 22 canonical joints."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from liquidwarp.bodies.landmarks import COCO, MEDIAPIPE, OPENPOSE
from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import CANONICAL_JOINTS, Topology
from liquidwarp.bodies.rigged import Landmarks, LinearPoints, RiggedBody
from liquidwarp.bodies.skinning import SkinWeights
from liquidwarp.bodies.symmetry import mirror_map

_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
_AROUND = 8  # vertices of a ring
_SHAPES = 4  # stature, girth, legs, arms

# Places of the middle and left joints in metres: x to the person's left, y down, z to the back; the pelvis is at 0.
_PLACES = {
    "pelvis": (0.0, 0.0, 0.0),
    "left_hip": (0.09, 0.05, 0.0),
    "spine1": (0.0, -0.10, 0.0),
    "left_knee": (0.11, 0.47, 0.0),
    "spine2": (0.0, -0.23, 0.0),
    "left_ankle": (0.12, 0.87, 0.01),
    "spine3": (0.0, -0.33, 0.0),
    "left_foot": (0.13, 0.93, -0.12),
    "neck": (0.0, -0.50, 0.0),
    "left_collar": (0.07, -0.42, 0.0),
    "head": (0.0, -0.60, -0.01),
    "left_shoulder": (0.19, -0.44, 0.0),
    "left_elbow": (0.36, -0.25, 0.01),
    "left_wrist": (0.52, -0.06, -0.03),
}


@dataclass(frozen=True)
class _Capsule:
    """A closed tube from `start` to `end`, which joint `joint` carries, its first ring half carried by its parent."""

    part: str
    joint: str
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius: float
    rings: int


def _joint_places(shape: np.ndarray) -> np.ndarray:
    """Place the joints for (stature, girth, legs, arms); linear in `shape`."""
    stature, _, legs, arms = shape
    places = np.zeros((len(CANONICAL_JOINTS), 3))
    for index, name in enumerate(CANONICAL_JOINTS):
        x, y, z = _PLACES[name.replace("right_", "left_")]
        place = np.array([x, y, z]) * (1 + 0.05 * stature)
        if any(word in name for word in ("knee", "ankle", "foot")):
            place += np.array([0, y - 0.05, 0]) * 0.05 * legs
        if any(word in name for word in ("elbow", "wrist")):
            place += (np.array([x, y, z]) - _PLACES["left_shoulder"]) * 0.05 * arms
        places[index] = place * (-1, 1, 1) if name.startswith("right_") else place
    return places


def _capsules() -> list[_Capsule]:
    at = _PLACES
    hand = (0.60, 0.04, -0.06)
    middle = [  # radii differ, so that no two vertices share a place and mirrors are unique
        _Capsule("torso", "pelvis", (0.0, 0.06, 0.0), (0.0, -0.06, 0.0), 0.14, 3),
        _Capsule("torso", "spine1", (0.0, -0.06, 0.0), (0.0, -0.20, 0.0), 0.13, 3),
        _Capsule("torso", "spine2", (0.0, -0.20, 0.0), (0.0, -0.31, 0.0), 0.132, 3),
        _Capsule("torso", "spine3", (0.0, -0.31, 0.0), (0.0, -0.46, 0.0), 0.13, 3),
        _Capsule("head", "neck", (0.0, -0.46, 0.0), (0.0, -0.60, -0.01), 0.05, 3),
        _Capsule("head", "head", (0.0, -0.60, -0.01), (0.0, -0.84, -0.01), 0.09, 9),
    ]
    left = [
        _Capsule("torso", "left_collar", at["left_collar"], at["left_shoulder"], 0.07, 3),
        _Capsule("left_upper_arm", "left_shoulder", at["left_shoulder"], at["left_elbow"], 0.05, 4),
        _Capsule("left_lower_arm", "left_elbow", at["left_elbow"], at["left_wrist"], 0.04, 4),
        _Capsule("left_hand", "left_wrist", at["left_wrist"], hand, 0.035, 4),
        _Capsule("left_upper_leg", "left_hip", at["left_hip"], at["left_knee"], 0.08, 5),
        _Capsule("left_lower_leg", "left_knee", at["left_knee"], at["left_ankle"], 0.055, 5),
        _Capsule("left_foot", "left_ankle", (0.12, 0.90, 0.05), at["left_foot"], 0.045, 4),
        _Capsule("left_foot", "left_foot", at["left_foot"], (0.135, 0.945, -0.19), 0.035, 3),
    ]
    return middle + left


def _tube(capsule: _Capsule) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return places along the axis (0 to 1), directions off it, and triangles of a closed tube."""
    axis = np.subtract(capsule.end, capsule.start)
    axis = axis / np.linalg.norm(axis)
    side = np.cross(axis, (0, 0, 1.0) if abs(axis[2]) < 0.9 else (0, 1.0, 0))
    side /= np.linalg.norm(side)
    front = np.cross(axis, side)
    angles = 2 * math.pi * np.arange(_AROUND) / _AROUND
    ring = np.cos(angles)[:, None] * side + np.sin(angles)[:, None] * front
    along = np.linspace(0, 1, capsule.rings)
    width = (
        np.sqrt(np.clip(1 - (np.abs(along - 0.5) / 0.62) ** 4, 0.05, 1))
        if capsule.part == "head"
        else np.ones_like(along)
    )
    fractions = np.concatenate([np.repeat(along, _AROUND), [0, 1]])
    outward = np.concatenate([(width[:, None, None] * ring).reshape(-1, 3), -0.6 * axis[None], 0.6 * axis[None]])
    triangles = []
    for r in range(capsule.rings - 1):
        for k in range(_AROUND):
            a, b = r * _AROUND + k, r * _AROUND + (k + 1) % _AROUND
            c, d = a + _AROUND, b + _AROUND
            triangles += [(a, b, d), (a, d, c)]
    last = (capsule.rings - 1) * _AROUND
    for k in range(_AROUND):
        n = (k + 1) % _AROUND
        triangles += [(last + _AROUND, n, k), (last + _AROUND + 1, last + k, last + n)]
    return fractions, outward, np.array(triangles)


@dataclass(frozen=True, eq=False)
class _CapsuleMesh:
    vertices: np.ndarray
    basis: np.ndarray
    weights: np.ndarray
    parts: np.ndarray
    faces: np.ndarray


def _mesh_of(capsule: _Capsule, joints: np.ndarray, joint_basis: np.ndarray) -> _CapsuleMesh:
    fractions, outward, faces = _tube(capsule)
    joint = CANONICAL_JOINTS.index(capsule.joint)
    below = [j for j, parent in enumerate(_PARENTS) if parent == joint and capsule.part != "head"]
    nearest = min(below, key=lambda j: np.linalg.norm(joints[j] - capsule.end), default=joint)
    axis = np.add(capsule.start, fractions[:, None] * np.subtract(capsule.end, capsule.start))
    vertices = axis + capsule.radius * outward
    basis = (1 - fractions)[:, None] * joint_basis[:, None, joint] + fractions[:, None] * joint_basis[:, None, nearest]
    if capsule.joint == "head":
        basis = basis + 0.05 * np.eye(_SHAPES)[0][:, None, None] * (axis - joints[joint])
    basis = basis + 0.10 * capsule.radius * np.eye(_SHAPES)[1][:, None, None] * outward
    weights = np.zeros((len(vertices), len(CANONICAL_JOINTS)))
    weights[:, joint] = 1
    if joint:
        start = np.isclose(fractions, 0)
        weights[start, joint], weights[start, _PARENTS[joint]] = 0.5, 0.5
    parts = np.full(len(vertices), PARTS.index(capsule.part))
    if capsule.joint == "head":
        front = (outward[:, 2] < -0.3) & (fractions > 0.05) & (fractions < 0.7)
        parts[front] = PARTS.index("face")
        parts[~front & (fractions > 0.35)] = PARTS.index("hair")
    return _CapsuleMesh(vertices, basis, weights, parts, faces)


def _other_side(names: tuple[str, ...]) -> np.ndarray:
    """Return the index of the counterpart of each name."""
    swap = {"left_": "right_", "right_": "left_"}
    others = []
    for name in names:
        side = name[: name.find("_") + 1]
        others.append(names.index(swap[side] + name.removeprefix(side) if side in swap else name))
    return np.array(others)


def _reflected(mesh: _CapsuleMesh) -> _CapsuleMesh:
    flip = np.array([-1, 1, 1])
    weights = mesh.weights[:, _other_side(CANONICAL_JOINTS)]
    return _CapsuleMesh(
        mesh.vertices * flip, mesh.basis * flip, weights, _other_side(PARTS)[mesh.parts], mesh.faces[:, ::-1]
    )


def _toy_landmarks(joints: np.ndarray, joint_basis: np.ndarray) -> Landmarks:
    """Hang landmarks on joints; those off the skeleton at fixed offsets."""
    off = {
        "nose": ("head", (0, -0.08, -0.11)),
        "left_eye": ("head", (0.03, -0.12, -0.08)),
        "left_eye_inner": ("head", (0.015, -0.12, -0.085)),
        "left_eye_outer": ("head", (0.045, -0.12, -0.075)),
        "left_ear": ("head", (0.085, -0.10, 0)),
        "left_mouth": ("head", (0.025, -0.04, -0.085)),
        "left_pinky": ("left_wrist", (0.06, 0.09, 0.0)),
        "left_index": ("left_wrist", (0.075, 0.09, -0.04)),
        "left_thumb": ("left_wrist", (0.035, 0.04, -0.05)),
        "left_heel": ("left_ankle", (0, 0.06, 0.06)),
        "left_foot_index": ("left_foot", (0, 0.02, -0.07)),
        "left_small_toe": ("left_foot", (0.04, 0.02, -0.04)),
        "mid_hip": ("pelvis", (0, 0.05, 0)),
    }
    names = tuple(dict.fromkeys((*MEDIAPIPE, *COCO, *OPENPOSE)))
    carriers, places = [], []
    for name in names:
        plain = f"{name.split('_')[1]}_mouth" if name.startswith("mouth_") else name
        left = plain.replace("right_", "left_")
        joint, offset = off.get(left, (left, (0, 0, 0)))
        right = plain.startswith("right_")
        carrier = CANONICAL_JOINTS.index(joint.replace("left_", "right_") if right else joint)
        carriers.append(carrier)
        places.append(joints[carrier] + np.multiply(offset, (-1, 1, 1) if right else (1, 1, 1)))
    points = LinearPoints(_tensor(np.array(places)), _tensor(joint_basis[:, carriers]))
    return Landmarks(names, tuple(carriers), points)


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def toy_body() -> RiggedBody:
    """Build the toy body: a few hundred vertices, 22 joints, 4 shape coefficients, no texture coordinates."""
    joints = _joint_places(np.zeros(_SHAPES))
    joint_basis = np.stack([_joint_places(unit) - joints for unit in np.eye(_SHAPES)])
    meshes = []
    for capsule in _capsules():
        mesh = _mesh_of(capsule, joints, joint_basis)
        meshes += [mesh, _reflected(mesh)] if "left_" in capsule.joint else [mesh]
    counts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    vertices = np.concatenate([mesh.vertices for mesh in meshes])
    faces = np.concatenate([mesh.faces + first for mesh, first in zip(meshes, counts, strict=False)])
    parts = np.concatenate([mesh.parts for mesh in meshes])
    topology = Topology(
        faces=torch.from_numpy(faces.astype(np.int32)),
        face_part=torch.from_numpy(np.sort(parts[faces], axis=1)[:, 1].astype(np.int32)),
        vertex_part=torch.from_numpy(parts.astype(np.int32)),
        mirror=torch.from_numpy(mirror_map(vertices, 1e-6)),
        uv=None,
        face_uv=None,
    )
    return RiggedBody(
        "toy",
        CANONICAL_JOINTS,
        _PARENTS,
        topology,
        LinearPoints(_tensor(vertices), _tensor(np.concatenate([mesh.basis for mesh in meshes], axis=1))),
        LinearPoints(_tensor(joints), _tensor(joint_basis)),
        SkinWeights.from_dense(np.concatenate([mesh.weights for mesh in meshes])),
        _toy_landmarks(joints, joint_basis),
        tuple(range(len(CANONICAL_JOINTS))),
        {
            "height": torch.tensor([1.0, 0, 0, 0], dtype=torch.float32),
            "weight": torch.tensor([0, 1.0, 0, 0], dtype=torch.float32),
        },
    )
