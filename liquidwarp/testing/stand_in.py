"""A stand-in for a model file of the SMPL family: the open body in a family's layout, to try what needs such a file.

It has the counts, joints, keys and axes of the official files, and nothing of their contents.
"""

import math
from pathlib import Path

import numpy as np
import torch

from liquidwarp.bodies.anny import anny_body
from liquidwarp.bodies.protocol import CANONICAL_JOINTS
from liquidwarp.bodies.smpl_files import FAMILIES
from liquidwarp.checks import check_choice
from liquidwarp.files import write_arrays

_UP = np.array([1, -1, -1])  # camera axes to SMPL's, and back
_FACES = {"smpl": 13776, "smplh": 13776, "smplx": 20908}
_SHAPES = 10
_NEAR = 40  # vertices that a joint is computed from
_FINGERS = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
_BODY_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)


def write_stand_in(path: str | Path, family: str = "smpl") -> Path:
    """Write the open body as a model file of the SMPL family would be; same family, same bytes.

    Args:
        path: a name that ends in .npz.
        family: "smpl", "smplh" or "smplx".

    Raises:
        InputError: an unknown family.
        OutputError: the file cannot be written.
    """
    write_arrays(path, stand_in_arrays(family))
    return Path(path)


def stand_in_arrays(family: str) -> dict[str, np.ndarray]:
    """Resample the open body to a family's counts, symmetric, with its joints and weights, in its axes (y up).

    Raises:
        InputError: an unknown family.
    """
    from scipy.spatial import cKDTree

    check_choice("family", family, FAMILIES)
    body, kind = anny_body(), FAMILIES[family]
    vertices, joints, shapes = _levelled()
    mirror = body.topology.mirror.numpy()
    kept = _spread(vertices, mirror, kind.vertices)
    nearest = np.empty(len(vertices), dtype=np.int64)
    half = vertices[:, 0] >= 0
    nearest[half] = cKDTree(vertices[kept]).query(vertices[half])[1]
    place = {vertex: index for index, vertex in enumerate(kept)}
    other = np.array([place[mirror[vertex]] for vertex in kept])
    nearest[mirror[half]] = other[nearest[half]]
    names = [source_joint(name) for name in kind.joints]
    wanted = joints[[body.joint_names.index(name) for name in names]].copy()
    if family == "smplx":
        wanted[kind.joints.index("jaw")] += (0, 0.02, 0.03)
    template = vertices[kept]
    faces = body.topology.faces.numpy()
    thinned = _thinned(vertices[faces], template[nearest[faces]], nearest[faces], _FACES[family])
    return {
        "v_template": template,
        "shapedirs": shapes[kept],
        "J_regressor": _regressor(template, wanted),
        "weights": _gather(body.weights.dense.numpy()[kept], names),
        "kintree_table": np.array([[2**32 - 1, *_parents(kind.joints)[1:]], range(len(kind.joints))], dtype=np.uint32),
        "f": thinned.astype(np.uint32),
    }


def source_joint(name: str) -> str:
    """Return the open body's joint for a joint of the family."""
    side = name[0].upper()
    if name in CANONICAL_JOINTS:
        body = anny_body()
        return body.joint_names[body.canonical(name)]
    if name.endswith("_hand"):
        return f"finger3-1.{side}"
    if name.endswith("_socket"):
        return f"eye.{side}"
    if name == "jaw":
        return "head"
    finger, knuckle = name.split("_")[1][:-1], name[-1]
    return f"finger{_FINGERS[finger]}-{knuckle}.{side}"


def _levelled() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the open body's vertices and joints with level arms, as the family's templates have them, and shapes."""
    body = anny_body()
    identity = body.identity(torch.zeros(body.num_betas, dtype=torch.float32))
    pose = torch.zeros(1, 22, 3, dtype=torch.float32)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder, wrist = (identity.joints[body.canonical(f"{side}_{joint}")] for joint in ("shoulder", "wrist"))
        arm = wrist - shoulder
        pose[0, CANONICAL_JOINTS.index(f"{side}_shoulder"), 2] = -sign * math.atan2(float(arm[1]), abs(float(arm[0])))
    orient, full = body.expand_pose(pose)
    still = torch.zeros(1, 3, dtype=torch.float32)
    rotation, translation = body.transforms(identity.joints, orient, full)
    joints = ((rotation @ identity.joints[..., None])[..., 0] + translation)[0]
    vertices = body.vertices(identity, orient, full, still)[0]
    turn = body.vertex_rotations(identity, orient, full)[0]
    taller = (turn @ body._surface.basis.permute(1, 2, 0)).numpy()
    return vertices.numpy() * _UP, joints.numpy() * _UP, taller[..., :_SHAPES] * _UP[:, None]


def _thinned(before: np.ndarray, after: np.ndarray, faces: np.ndarray, count: int) -> np.ndarray:
    """Return `count` of the faces whose corners moved together: the largest of those that did not turn over.

    Args:
        before: corners where they were, (F, 3, 3).
        after: corners where they are now.
        faces: their vertices now.
        count: the last face is repeated where fewer are left.
    """
    normals = _normals(after)
    upright = np.flatnonzero((_normals(before) * normals).sum(1) > 0)
    _, first = np.unique(np.sort(faces[upright], axis=1), axis=0, return_index=True)
    chosen = upright[first]
    largest = np.argsort(-np.linalg.norm(normals[chosen], axis=1), kind="stable")[:count]
    faces = faces[np.sort(chosen[largest])]
    return np.concatenate([faces, np.repeat(faces[-1:], count - len(faces), axis=0)])


def _normals(corners: np.ndarray) -> np.ndarray:
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _spread(vertices: np.ndarray, mirror: np.ndarray, count: int) -> np.ndarray:
    """Choose `count` vertices, each with its mirror image."""
    from scipy.spatial import cKDTree

    middle = np.flatnonzero(mirror == np.arange(len(mirror)))
    left = np.flatnonzero((vertices[:, 0] > 0) & (mirror != np.arange(len(mirror))))
    middle = middle[(count - len(middle)) % 2 :]
    distances = cKDTree(vertices[left]).query(vertices[left], k=2)[0][:, 1]
    dense_first = np.argsort(distances, kind="stable")
    wanted = (count - len(middle)) // 2
    # Thin out evenly along the order of density, so that neither fingers nor the trunk lose all.
    chosen = np.sort(left[dense_first[np.linspace(0, len(left) - 1, wanted).round().astype(int)]])
    return np.sort(np.concatenate([middle, chosen, mirror[chosen]]))


def _parents(names: tuple[str, ...]) -> list[int]:
    body = list(_BODY_PARENTS)
    for name in names[22:]:
        if name == "jaw" or name.endswith("_socket"):
            parent = "head"
        elif name.endswith("_hand") or name.endswith("1"):
            parent = f"{name.split('_')[0]}_wrist"
        else:
            parent = f"{name[:-1]}{int(name[-1]) - 1}"
        body.append(names.index(parent))
    return body


def _gather(weights: np.ndarray, names: list[str]) -> np.ndarray:
    """Give the weight of the open body's joints to the nearest joint above that the family has."""
    body = anny_body()
    gathered = np.zeros((len(weights), len(names)))
    for joint in range(len(body.parents)):
        above = joint
        while body.joint_names[above] not in names:
            above = body.parents[above]
        gathered[:, names.index(body.joint_names[above])] += weights[:, joint]
    return gathered / gathered.sum(axis=1, keepdims=True)


def _regressor(template: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Return sparse rows that sum to 1 and give the joints from nearby vertices."""
    from scipy.spatial import cKDTree

    rows = np.zeros((len(joints), len(template)))
    for joint, near in enumerate(cKDTree(template).query(joints, k=_NEAR)[1]):
        system = np.c_[template[near], np.ones(len(near))].T
        rows[joint, near] = np.linalg.pinv(system) @ np.append(joints[joint], 1.0)
    return rows
