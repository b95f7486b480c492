"""Bodies of the SMPL family, from the arrays of the official files; nothing of them is part of this package.

Source: Loper et al., "SMPL: A Skinned Multi-Person Linear Model", 2015; Romero et al., "Embodied Hands", 2017 (SMPL-H);
Pavlakos et al., "Expressive Body Capture", 2019 (SMPL-X). Pose-dependent corrections are not applied.
"""

import importlib
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import CANONICAL_JOINTS, Topology
from liquidwarp.bodies.rigged import Landmarks, LinearPoints, RiggedBody
from liquidwarp.bodies.skinning import SkinWeights
from liquidwarp.bodies.symmetry import mirror_map
from liquidwarp.errors import InputError

NUM_BETAS = 10
_KEYS = ("v_template", "shapedirs", "J_regressor", "weights", "kintree_table", "f")
_TO_CAMERA = np.array([1, -1, -1])  # SMPL: +X left, +Y up, +Z front; a half turn about X
_ASYMMETRY = 0.02  # metres by which official templates may differ from their mirror image

_PART_JOINTS = {
    "head": ("neck", "head", "jaw", "left_eye", "right_eye"),
    "upper_arm": ("shoulder",),
    "lower_arm": ("elbow",),
    "hand": ("wrist", "hand", "index", "middle", "pinky", "ring", "thumb"),
    "upper_leg": ("hip",),
    "lower_leg": ("knee",),
    "foot": ("ankle", "foot"),
}
_SURFACE_LANDMARKS = {  # landmark: (joint that carries it, its name among smplx's vertices)
    "nose": ("head", "nose"),
    "left_eye": ("head", "leye"),
    "right_eye": ("head", "reye"),
    "left_ear": ("head", "lear"),
    "right_ear": ("head", "rear"),
    "left_foot_index": ("left_foot", "LBigToe"),
    "right_foot_index": ("right_foot", "RBigToe"),
    "left_small_toe": ("left_foot", "LSmallToe"),
    "right_small_toe": ("right_foot", "RSmallToe"),
    "left_heel": ("left_ankle", "LHeel"),
    "right_heel": ("right_ankle", "RHeel"),
}
_JOINT_LANDMARKS = {  # landmark: (joint that carries it, joints whose middle it is)
    **{
        name: (name, (name,))
        for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for name in (f"left_{joint}", f"right_{joint}")
    },
    "neck": ("spine3", ("left_shoulder", "right_shoulder")),
    "mid_hip": ("pelvis", ("left_hip", "right_hip")),
    **{
        f"{side}_{finger}": (f"{side}_wrist", (f"{side}_{finger}{knuckle}",))
        for side in ("left", "right")
        for finger, knuckle in (("index", 1), ("pinky", 1))
    },
    "left_thumb": ("left_thumb1", ("left_thumb2",)),
    "right_thumb": ("right_thumb1", ("right_thumb2",)),
}


def smpl_body(name: str, path: Path | None = None) -> RiggedBody:
    """Load a body of the SMPL family from an official-format npz.

    Args:
        name: "smpl", "smplh" or "smplx".
        path: the file; by default `body_models/<name>/<NAME>_NEUTRAL.npz`, under the working folder or the repository.

    Raises:
        InputError: the file is missing, needs pickles, or lacks an array.
    """
    arrays = _read(name, path or _default_path(name))
    template = arrays["v_template"].astype(np.float64) * _TO_CAMERA
    basis = np.moveaxis(arrays["shapedirs"][..., :NUM_BETAS].astype(np.float64), -1, 0) * _TO_CAMERA
    regressor = arrays["J_regressor"].astype(np.float64)
    parents = (-1, *(int(parent) for parent in arrays["kintree_table"][0, 1:]))
    names = _joint_names(name, len(parents))
    joints, joint_basis = regressor @ template, regressor @ basis
    labels = _vertex_parts(template, arrays["weights"], names)
    faces = arrays["f"].astype(np.int32)
    corners = np.sort(labels[faces], axis=1)
    topology = Topology(
        faces=torch.from_numpy(faces),
        face_part=torch.from_numpy(np.where(corners[:, 1] == corners[:, 2], corners[:, 1], corners[:, 0])),
        vertex_part=torch.from_numpy(labels),
        mirror=torch.from_numpy(mirror_map(template, _ASYMMETRY)),
        uv=None,
        face_uv=None,
    )
    return RiggedBody(
        name,
        names,
        parents,
        topology,
        _points(template, basis),
        _points(joints, joint_basis),
        SkinWeights.from_dense(arrays["weights"]),
        _landmarks(names, template, basis, joints, joint_basis),
        tuple(range(len(CANONICAL_JOINTS))),
    )


def _default_path(name: str) -> Path:
    inside = Path("body_models") / name / f"{name.upper()}_NEUTRAL.npz"
    repository = Path(__file__).resolve().parents[2] / inside
    return repository if repository.is_file() and not inside.is_file() else inside


def _read(name: str, path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in _KEYS}
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such file; the {name} body needs its official model as npz there "
            f"(body_models/{name}/README.md says where to get it)"
        ) from error
    except KeyError as error:
        raise InputError(f"{path}: not a body of the SMPL family: {error.args[0]}; give the official npz") from error
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(
            f"{path}: not a plain npz ({error}); save the official arrays as npz without pickles"
        ) from error
    return arrays


def _joint_names(name: str, count: int) -> tuple[str, ...]:
    names = _smplx("joint_names")

    known = {
        "smpl": (*CANONICAL_JOINTS, "left_hand", "right_hand"),
        "smplh": tuple(names.SMPLH_JOINT_NAMES[:52]),
        "smplx": tuple(names.JOINT_NAMES[:55]),
    }[name]
    if count != len(known):
        raise InputError(f"the {name} file has {count} joints, wanted {len(known)}; give the official npz of {name}")
    return known


def _vertex_parts(template: np.ndarray, weights: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Label vertices by the joints that move them; the head by its geometry into face, scalp and the rest."""
    votes = np.zeros((len(template), len(PARTS)))
    for joint, name in enumerate(names):
        stems = [part for part, words in _PART_JOINTS.items() if any(word in name for word in words)]
        stem = stems[0] if stems else "torso"
        side = "" if stem in ("torso", "head") else name.split("_")[0] + "_"
        votes[:, PARTS.index(side + stem)] += weights[:, joint]
    labels = votes.argmax(axis=1).astype(np.int32)
    skull = (labels == PARTS.index("head")) & (weights.argmax(axis=1) != names.index("neck"))
    if skull.any():
        labels[skull] = _skull_parts(template[skull])
    return labels


def _skull_parts(points: np.ndarray) -> np.ndarray:
    """Split a skull by a line that falls from the hairline to the nape, and by a plane in front of the ears."""
    low, high = points.min(axis=0), points.max(axis=0)
    down, back = ((points - low) / np.maximum(high - low, 1e-9))[:, 1:].T
    labels = np.where(back < 0.42, PARTS.index("face"), PARTS.index("head"))
    return np.where(down < 0.2 + 0.5 * back, PARTS.index("hair"), labels).astype(np.int32)


def _landmarks(
    names: tuple[str, ...], template: np.ndarray, basis: np.ndarray, joints: np.ndarray, joint_basis: np.ndarray
) -> Landmarks:
    """Hang landmarks on joints; those on the surface only where the mesh has a layout that `smplx` knows."""
    vertex_ids = _smplx("vertex_ids").vertex_ids

    layout = {6890: "smplh", 10475: "smplx"}.get(len(template))
    rows = []
    for landmark, (carrier, middle_of) in _JOINT_LANDMARKS.items():
        if all(joint in names for joint in (carrier, *middle_of)):
            index = [names.index(joint) for joint in middle_of]
            rows.append((landmark, carrier, joints[index].mean(0), joint_basis[:, index].mean(1)))
    for landmark, (carrier, vertex) in _SURFACE_LANDMARKS.items() if layout else ():
        index = vertex_ids[layout][vertex]
        rows.append((landmark, carrier, template[index], basis[:, index]))
    landmark_names, carriers, places, bases = zip(*rows, strict=True)
    points = _points(np.stack(places), np.stack(bases, axis=1))
    return Landmarks(landmark_names, tuple(names.index(carrier) for carrier in carriers), points)


def _points(mean: np.ndarray, basis: np.ndarray) -> LinearPoints:
    return LinearPoints(torch.from_numpy(mean.astype(np.float32)), torch.from_numpy(basis.astype(np.float32)))


def _smplx(module: str) -> ModuleType:
    try:
        return importlib.import_module(f"smplx.{module}")
    except ImportError as error:
        raise InputError("SMPL bodies need the package smplx; pip install 'liquidwarp[smpl]'") from error
