"""Landmarks of the SMPL family, found on the template of the user's own file.

Joints and the shape of the template at rest (a T: arms level, palms down, toes forward) say where everything is, so no
list of vertices is needed. Lengths below are for a body 1.7 m tall and scale with the template.
"""

from dataclasses import dataclass

import numpy as np
import torch

from liquidwarp.bodies.rigged import Landmarks, LinearPoints

_HEIGHT = 1.7
_FACE = {  # landmark of the left half: metres (outward, down) from the tip of the nose, seen from the front
    "left_eye_inner": (0.018, -0.036),
    "left_eye": (0.032, -0.037),
    "left_eye_outer": (0.046, -0.036),
    "mouth_left": (0.025, 0.034),
}
_FACE_POINTS_START = 17  # number of SMPL-X's first face landmark in the scheme of 68 points (the outline comes first)
_JOINT_LANDMARKS = {  # landmark: (joint that carries it, joints whose middle it is)
    **{
        name: (name, (name,))
        for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for name in (f"left_{joint}", f"right_{joint}")
    },
    "neck": ("spine3", ("left_shoulder", "right_shoulder")),
    "mid_hip": ("pelvis", ("left_hip", "right_hip")),
}
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")


@dataclass(frozen=True, eq=False)
class RestBody:
    """A template at rest, in camera axes, with everything that landmarks are found by.

    Attributes:
        names: joint names.
        vertices: (V, 3), and `basis` (K, V, 3), what each shape coefficient adds.
        joints: (J, 3), and `joint_basis` (K, J, 3).
        owner: the joint that moves each vertex most, (V,).
        mirror: each vertex's partner on the other side, (V,).
        face_points: (L, V) weights of vertices for SMPL-X's face landmarks; None where the file has none.
    """

    names: tuple[str, ...]
    vertices: np.ndarray
    basis: np.ndarray
    joints: np.ndarray
    joint_basis: np.ndarray
    owner: np.ndarray
    mirror: np.ndarray
    face_points: tuple[np.ndarray, np.ndarray] | None = None

    def joint(self, name: str) -> np.ndarray:
        """Return a joint's place."""
        return self.joints[self.names.index(name)]

    def owned(self, *names: str) -> np.ndarray:
        """Return the vertices that some joints move most; all vertices if there are none."""
        wanted = [self.names.index(name) for name in names if name in self.names]
        found = np.flatnonzero(np.isin(self.owner, wanted))
        return found if len(found) else np.arange(len(self.vertices))


@dataclass(frozen=True, eq=False)
class _Point:
    """A landmark: the joint that carries it, its place, and what each shape coefficient adds."""

    joint: str
    place: np.ndarray
    basis: np.ndarray


def find_landmarks(rest: RestBody) -> Landmarks:
    """Find MediaPipe's landmarks, toes, and where the body has them fingers' joints and tips and points of the face."""
    scale = float(np.ptp(rest.vertices[:, 1])) / _HEIGHT
    points = {name: _middle(rest, carrier, joints) for name, (carrier, joints) in _JOINT_LANDMARKS.items()}
    left = _head(rest, scale) | _foot(rest)
    points |= {name: _vertex(rest, joint, vertex) for name, (joint, vertex) in left.items()}
    for name, (joint, vertex) in left.items():
        if "left" in name:
            points[_other(name)] = _vertex(rest, _other(joint), int(rest.mirror[vertex]))
    for side in ("left", "right"):
        points |= _hand(rest, side, scale)
    if rest.face_points is not None:
        points |= _face(rest, *rest.face_points)
    ordered = list(points.values())
    places = np.stack([point.place for point in ordered]).astype(np.float32)
    bases = np.stack([point.basis for point in ordered], axis=1).astype(np.float32)
    carriers = tuple(rest.names.index(point.joint) for point in ordered)
    return Landmarks(tuple(points), carriers, LinearPoints(torch.from_numpy(places), torch.from_numpy(bases)))


def _other(name: str) -> str:
    return name.replace("left", "right")


def _middle(rest: RestBody, carrier: str, joints: tuple[str, ...]) -> _Point:
    index = [rest.names.index(joint) for joint in joints]
    return _Point(carrier, rest.joints[index].mean(0), rest.joint_basis[:, index].mean(1))


def _vertex(rest: RestBody, joint: str, vertex: int) -> _Point:
    return _Point(joint, rest.vertices[vertex], rest.basis[:, vertex])


def _head(rest: RestBody, scale: float) -> dict[str, tuple[str, int]]:
    """Find the nose (the foremost point of the middle), and on the left the ear (the outermost), eye and mouth."""
    head = rest.owned("head", "jaw", "left_eye_socket", "right_eye_socket")
    x, y, z = rest.vertices[head].T
    centre = (z.min() + z.max()) / 2
    middle = np.abs(x) <= max(0.012 * scale, np.abs(x).min() + 1e-6)
    nose = head[np.where(middle, z, np.inf).argmin()]
    tip = rest.vertices[nose]
    level = (np.abs(y - tip[1]) < 0.06 * scale) & (np.abs(z - centre) < 0.07 * scale)
    found = {"nose": ("head", int(nose)), "left_ear": ("head", int(head[np.where(level, x, -np.inf).argmax()]))}
    for name, (outward, down) in _FACE.items():
        away = np.hypot(x - tip[0] - outward * scale, y - tip[1] - down * scale)
        away += 0.5 * (z - tip[2])  # rather the lids than what is behind them
        found[name] = ("head", int(head[np.where(z < centre, away, np.inf).argmin()]))
    return found


def _foot(rest: RestBody) -> dict[str, tuple[str, int]]:
    """Find the left heel (the hindmost below the ankle) and toes (the foremost of the inner and the outer half)."""
    ankle, toes = rest.owned("left_ankle"), rest.owned("left_foot")
    _, y, z = rest.vertices[ankle].T
    sole = y > (rest.joint("left_ankle")[1] + y.max()) / 2
    x, _, front = rest.vertices[toes].T
    across = (x - x.min()) / max(float(np.ptp(x)), 1e-9)
    return {
        "left_heel": ("left_ankle", int(ankle[np.where(sole, z, -np.inf).argmax()])),
        "left_foot_index": ("left_foot", int(toes[np.where(across <= 0.5, front, np.inf).argmin()])),
        "left_small_toe": ("left_foot", int(toes[np.where(across >= 0.8, front, np.inf).argmin()])),
    }


def _hand(rest: RestBody, side: str, scale: float) -> dict[str, _Point]:
    """Place the knuckles of thumb, index and little finger, by the fingers' joints or else by the palm's."""
    if f"{side}_index1" not in rest.names:
        return _mitten(rest, side, scale)
    found = {f"{side}_thumb": _middle(rest, f"{side}_thumb2", (f"{side}_thumb2",))}
    for finger in ("index", "pinky"):
        found[f"{side}_{finger}"] = _middle(rest, f"{side}_{finger}1", (f"{side}_{finger}1",))
    for finger in _FINGERS:
        for knuckle in (1, 2, 3):
            name = f"{side}_{finger}{knuckle}"
            found[name] = _middle(rest, name, (name,))
        last = f"{side}_{finger}3"
        along = rest.joint(last) - rest.joint(f"{side}_{finger}2")
        owned = rest.owned(last)
        found[f"{side}_{finger}_tip"] = _vertex(rest, last, int(owned[(rest.vertices[owned] @ along).argmax()]))
    return found


def _mitten(rest: RestBody, side: str, scale: float) -> dict[str, _Point]:
    wrist, palm = rest.joint(f"{side}_wrist"), f"{side}_hand"
    out = rest.joint(palm) - wrist
    index = rest.names.index(palm)
    places = {  # metres from the palm's joint: (along the hand, backwards)
        "index": (0.0, -0.028),
        "pinky": (-0.012, 0.034),
        "thumb": (-0.045, -0.055),
    }
    along = out / max(float(np.linalg.norm(out)), 1e-9)
    back = np.array([0.0, 0.0, 1.0]) - along[2] * along
    return {
        f"{side}_{finger}": _Point(
            f"{side}_wrist", rest.joints[index] + scale * (far * along + behind * back), rest.joint_basis[:, index]
        )
        for finger, (far, behind) in places.items()
    }


def _face(rest: RestBody, corners: np.ndarray, weights: np.ndarray) -> dict[str, _Point]:
    found = {}
    for number, (corner, weight) in enumerate(zip(corners, weights, strict=True), start=_FACE_POINTS_START):
        owner = int(np.bincount(rest.owner[corner], minlength=len(rest.names)).argmax())
        found[f"face_{number}"] = _Point(
            rest.names[owner], weight @ rest.vertices[corner], np.einsum("c,kcx->kx", weight, rest.basis[:, corner])
        )
    return found
