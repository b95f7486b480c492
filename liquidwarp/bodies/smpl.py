"""Bodies of the SMPL family, from the user's official files; nothing of them is part of this package.

Source: Loper et al., "SMPL: A Skinned Multi-Person Linear Model", 2015; Romero et al., "Embodied Hands", 2017 (SMPL-H);
Pavlakos et al., "Expressive Body Capture", 2019 (SMPL-X).
"""

from pathlib import Path

import numpy as np
import torch

from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import CANONICAL_JOINTS, Topology
from liquidwarp.bodies.rigged import LinearPoints, RiggedBody
from liquidwarp.bodies.skinning import SkinWeights
from liquidwarp.bodies.smpl_files import FAMILIES, SmplFile, find_smpl_file, read_smpl_file
from liquidwarp.bodies.smpl_landmarks import RestBody, find_landmarks
from liquidwarp.bodies.symmetry import mirror_map
from liquidwarp.errors import InputError

NUM_BETAS = 10
_TO_CAMERA = np.array([1, -1, -1])  # SMPL: +X left, +Y up, +Z front; a half turn about X
_ASYMMETRY = 0.03  # metres by which official templates may differ from their mirror image

_PART_JOINTS = {
    "head": ("neck", "head", "jaw", "left_eye", "right_eye"),
    "upper_arm": ("shoulder",),
    "lower_arm": ("elbow",),
    "hand": ("wrist", "hand", "index", "middle", "pinky", "ring", "thumb"),
    "upper_leg": ("hip",),
    "lower_leg": ("knee",),
    "foot": ("ankle", "foot"),
}


def smpl_body(family: str, path: Path | None = None, *, gender: str = "neutral") -> RiggedBody:
    """Load a body of the SMPL family; neither the package smplx nor chumpy is needed.

    Args:
        family: "smpl", "smplh" or "smplx".
        path: an official pickle or npz, or what `convert_smpl_file` made of one; by default where `find_smpl_file`
            looks for it.
        gender: of the file to look for: "neutral", "female" or "male".

    Raises:
        InputError: the file is missing, damaged, or of another family or gender.
    """
    found = path or find_smpl_file(family, gender)
    model = read_smpl_file(found)
    if model.family != family:
        joints = len(FAMILIES[model.family].joints)
        raise InputError(f"{found}: a {model.family} file ({joints} joints), wanted {family}; give the {family} file")
    if path is None and model.gender not in ("", gender):
        raise InputError(f"{found}: holds the {model.gender} body, wanted {gender}; put the {gender} file there")
    name = family if gender == "neutral" else f"{family}-{gender}"
    return body_from_file(name if path is None else str(path), model)


def body_from_file(name: str, model: SmplFile, *, num_betas: int = NUM_BETAS) -> RiggedBody:
    """Make the body of a model file; `name` is what tracks will call it, `num_betas` how many shapes are taken."""
    arrays, names = model.arrays, FAMILIES[model.family].joints
    template = arrays["v_template"] * _TO_CAMERA
    basis = np.moveaxis(arrays["shapedirs"][..., :num_betas], -1, 0) * _TO_CAMERA
    regressor, weights = arrays["J_regressor"], arrays["weights"]
    joints, joint_basis = regressor @ template, regressor @ basis
    faces = arrays["f"].astype(np.int32)
    mirror = mirror_map(template, _ASYMMETRY)
    labels = _vertex_parts(template, weights, names)
    corners = np.sort(labels[faces], axis=1)
    topology = Topology(
        faces=torch.from_numpy(faces),
        face_part=torch.from_numpy(np.where(corners[:, 1] == corners[:, 2], corners[:, 1], corners[:, 0])),
        vertex_part=torch.from_numpy(labels),
        mirror=torch.from_numpy(mirror),
        uv=torch.from_numpy((arrays["vt"] * [1, -1] + [0, 1]).astype(np.float32)) if "ft" in arrays else None,
        face_uv=torch.from_numpy(arrays["ft"].astype(np.int32)) if "ft" in arrays else None,
    )
    face_points = None
    if "lmk_faces_idx" in arrays and "lmk_bary_coords" in arrays:
        face_points = (faces[arrays["lmk_faces_idx"]], arrays["lmk_bary_coords"])
    rest = RestBody(names, template, basis, joints, joint_basis, weights.argmax(axis=1), mirror, face_points)
    return RiggedBody(
        name,
        names,
        (-1, *(int(parent) for parent in arrays["kintree_table"][0, 1:])),
        topology,
        _points(template, basis),
        _points(joints, joint_basis),
        SkinWeights.from_dense(weights / weights.sum(axis=1, keepdims=True)),
        find_landmarks(rest),
        tuple(range(len(CANONICAL_JOINTS))),
        corrections=_corrections(arrays.get("posedirs")),
    )


def _corrections(posedirs: np.ndarray | None) -> torch.Tensor | None:
    """Bring pose blend shapes into camera axes: there a rotation R is M R M, with M the half turn about X."""
    if posedirs is None:
        return None
    entries = np.tile(np.outer(_TO_CAMERA, _TO_CAMERA).ravel(), posedirs.shape[2] // 9)
    turned = posedirs * _TO_CAMERA[:, None] * entries
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(turned, -1, 0), dtype=np.float32))


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


def _points(mean: np.ndarray, basis: np.ndarray) -> LinearPoints:
    return LinearPoints(torch.from_numpy(mean.astype(np.float32)), torch.from_numpy(basis.astype(np.float32)))
