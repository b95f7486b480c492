"""Model files as the SMPL family's are handed out, with the open body inside: right sizes, keys, types and pickling."""

import io
import pickle
import struct
import sys
import types
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.bodies.anny import anny_body
from liquidwarp.bodies.smpl_files import FAMILIES

UP = np.array([1, -1, -1])
FACES = {"smpl": 13776, "smplh": 13776, "smplx": 20908}
NAMES = {
    "smpl": "basicModel_neutral_lbs_10_207_0_v1.0.0.pkl",
    "smplh": "SMPLH_FEMALE.pkl",
    "smplx": "SMPLX_NEUTRAL.pkl",
}
_FINGERS = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}


def source_joint(name: str) -> str:
    """Return Anny's joint for a joint of the family."""
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
    """Return Anny's vertices and joints with level arms, as the family's templates have them, and shape directions."""
    import math

    import torch

    body = anny_body()
    identity = body.identity(torch.zeros(body.num_betas))
    pose = torch.zeros(1, 22, 3)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder, wrist = (identity.joints[body.canonical(f"{side}_{joint}")] for joint in ("shoulder", "wrist"))
        arm = wrist - shoulder
        pose[0, CANONICAL_JOINTS.index(f"{side}_shoulder"), 2] = -sign * math.atan2(float(arm[1]), abs(float(arm[0])))
    orient, full = body.expand_pose(pose)
    still = torch.zeros(1, 3)
    rotation, translation = body.transforms(identity.joints, orient, full)
    joints = ((rotation @ identity.joints[..., None])[..., 0] + translation)[0]
    vertices = body.vertices(identity, orient, full, still)[0]
    turn = body.vertex_rotations(identity, orient, full)[0]
    taller = (turn @ body._surface.basis.permute(1, 2, 0)).numpy()
    return vertices.numpy() * UP, joints.numpy() * UP, taller[..., :10] * UP[:, None]


@lru_cache(maxsize=3)
def official_arrays(family: str) -> dict[str, np.ndarray]:
    """Resample Anny's surface to a family's counts, symmetric, with its joints and weights, in its axes (y up)."""
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
    faces = nearest[body.topology.faces.numpy()]
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    faces = faces[whole]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    faces = faces[np.sort(first)][: FACES[family]]
    faces = np.concatenate([faces, np.repeat(faces[-1:], FACES[family] - len(faces), axis=0)])
    names = [source_joint(name) for name in kind.joints]
    parents = _parents(kind.joints)
    template = vertices[kept]
    weights = _gather(body.weights.dense.numpy()[kept], names)
    wanted = joints[[body.joint_names.index(name) for name in names]].copy()
    if family == "smplx":
        wanted[kind.joints.index("jaw")] += (0, 0.02, 0.03)
    generator = np.random.default_rng(0)
    count = 9 * (len(kind.joints) - 1)
    arrays = {
        "v_template": template,
        "shapedirs": shapes[kept],
        "posedirs": generator.normal(size=(kind.vertices, 3, count)) * 1e-3 if family == "smpl" else None,
        "J_regressor": _regressor(template, wanted),
        "weights": weights,
        "kintree_table": np.array([[2**32 - 1, *parents[1:]], range(len(parents))], dtype=np.uint32),
        "f": faces.astype(np.uint32),
    }
    if family == "smplx":
        head = np.flatnonzero(weights[faces[:, 0]].argmax(1) == kind.joints.index("head"))
        arrays["lmk_faces_idx"] = head[:: len(head) // 51][:51]
        arrays["lmk_bary_coords"] = np.full((51, 3), 1 / 3)
    if family != "smpl":
        arrays["posedirs"] = np.zeros((kind.vertices, 3, count))
        arrays["posedirs"][..., :9] = generator.normal(size=(kind.vertices, 3, 9)) * 1e-3
        for side in "lr":
            arrays |= {f"hands_components{side}": np.eye(45), f"hands_mean{side}": np.zeros(45)}
    return arrays


def _spread(vertices: np.ndarray, mirror: np.ndarray, count: int) -> np.ndarray:
    """Choose `count` vertices, each with its mirror image: the half that is farthest from its neighbours first."""
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
    body = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
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
    """Give the weight of Anny's joints to the nearest joint above that the family has."""
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
    rows = np.zeros((len(joints), len(template)))
    for joint, near in enumerate(cKDTree(template).query(joints, k=40)[1]):
        system = np.c_[template[near], np.ones(len(near))].T
        rows[joint, near] = np.linalg.pinv(system) @ np.append(joints[joint], 1.0)
    return rows


class _Python2Pickler(pickle._Pickler):
    """Writes texts and bytes as Python 2 wrote its strings."""

    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)

    def _save_string(self, value: Any) -> None:
        data = value.encode("latin1") if isinstance(value, str) else value
        self.write(b"T" + struct.pack("<i", len(data)) + data)

    dispatch[bytes] = _save_string
    dispatch[str] = _save_string


def python2_pickle(value: Any) -> bytes:
    """Pickle by protocol 2 as Python 2 did, with the module names of its day."""
    stream = io.BytesIO()
    _Python2Pickler(stream, protocol=2).dump(value)
    return stream.getvalue().replace(b"cscipy.sparse._csc\n", b"cscipy.sparse.csc\n")


def write_official(path: Path, family: str, **changes: Any) -> Path:
    """Write a family's official pickle: chumpy arrays, a sparse regressor, texts and things that nobody needs."""
    arrays = official_arrays(family)
    module = types.ModuleType("chumpy.ch")
    chumpy = type("Ch", (), {"__module__": "chumpy.ch"})
    module.Ch = chumpy  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in ("chumpy", "chumpy.ch")}
    sys.modules["chumpy"], sys.modules["chumpy.ch"] = types.ModuleType("chumpy"), module
    try:
        shapes = chumpy()
        shapes.__dict__ = {"x": arrays["shapedirs"], "_dirty_vars": None, "_cache": {"r": None, "drs": {}}}
        values = {
            **arrays,
            "shapedirs": shapes,
            "J_regressor": sparse.csc_matrix(arrays["J_regressor"]),
            "bs_type": "lrotmin",
            "bs_style": "lbs",
            "J": arrays["J_regressor"] @ arrays["v_template"],
        }
        values = {key: value for key, value in {**values, **changes}.items() if value is not None}
        path.write_bytes(python2_pickle(values))
    finally:
        for name, old in before.items():
            if old is None:
                del sys.modules[name]
            else:
                sys.modules[name] = old
    return path
