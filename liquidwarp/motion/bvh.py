"""BVH files: skeletons with motion, as animation programs write them."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies import CANONICAL_JOINTS, BodyModel
from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path
from liquidwarp.motion.skeleton import PARENTS, SkeletonMotion, local_turns, skeleton_of
from liquidwarp.types import BodyTrack

_TO_CAMERA = np.diag([1.0, -1.0, -1.0])  # BVH: x to the person's left, y up, z to the front
_LEG = (0.4, 1.4)  # metres that a leg may have, hip to ankle
_USUAL_LEG = 0.82
_MOST_NUMBERS = 200_000_000
_WRITTEN = (
    *("Hips", "LeftUpLeg", "RightUpLeg", "Spine", "LeftLeg", "RightLeg", "Spine1", "LeftFoot", "RightFoot", "Spine2"),
    *("LeftToeBase", "RightToeBase", "Neck", "LeftShoulder", "RightShoulder", "Head", "LeftArm", "RightArm"),
    *("LeftForeArm", "RightForeArm", "LeftHand", "RightHand"),
)
_NAMES = {  # canonical joint of the middle or the left: what programs call it, in small letters without marks
    "pelvis": ("hips", "pelvis", "hip", "root"),
    "left_hip": ("leftupleg", "lefthip", "lhip", "leftupperleg", "lthigh", "leftthigh", "thighl", "upperlegl"),
    "left_knee": ("leftleg", "leftknee", "lknee", "leftlowerleg", "lshin", "leftshin", "shinl", "calfl", "lcalf"),
    "left_ankle": ("leftfoot", "leftankle", "lankle", "lfoot", "footl"),
    "left_foot": ("lefttoebase", "lefttoe", "lefttoes", "ltoe", "toel", "balll"),
    "neck": ("neck", "neck1", "neck01"),
    "head": ("head",),
    "left_collar": ("leftshoulder", "leftcollar", "lcollar", "leftclavicle", "claviclel", "lclavicle", "shoulderl"),
    "left_shoulder": ("leftarm", "leftupperarm", "lshldr", "lshoulder", "upperarml", "lupperarm", "leftuparm"),
    "left_elbow": (
        "leftforearm",
        "leftelbow",
        "lelbow",
        "leftlowerarm",
        "lforearm",
        "forearml",
        "lowerarml",
        "leftlowarm",
    ),
    "left_wrist": ("lefthand", "leftwrist", "lwrist", "lhand", "handl"),
}
_NEEDED = ("pelvis", "left_hip", "left_knee", "left_ankle", "left_shoulder", "left_elbow", "left_wrist")


@dataclass
class _Node:
    name: str
    parent: int
    offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    channels: list[str] = field(default_factory=list)


def read_bvh(path: Path) -> SkeletonMotion:
    """Read the motion of a BVH file whose skeleton is a person's.

    Units are found by the length of the legs; axes by where the head and the left leg are at rest.

    Raises:
        InputError: the file is damaged, or its joints are called as no known program calls them.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name") from error
    try:
        nodes, frames, rate = _parse(text)
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: a damaged BVH file ({error or 'it ends too early'}); export it again") from error
    joints = _find_joints(path, nodes)
    local, shifts = _local(nodes, frames)
    rest = np.zeros((len(nodes), 3))
    turns, places = np.zeros_like(local), np.zeros((len(frames), len(nodes), 3))
    for index, node in enumerate(nodes):
        offset = np.array(node.offset)
        moved = shifts[:, index] if index == 0 or shifts[:, index].any() else np.broadcast_to(offset, (len(frames), 3))
        if node.parent < 0:
            rest[index], turns[:, index], places[:, index] = offset, local[:, index], moved
        else:
            rest[index] = rest[node.parent] + offset
            turns[:, index] = turns[:, node.parent] @ local[:, index]
            places[:, index] = places[:, node.parent] + (turns[:, node.parent] @ moved[..., None])[..., 0]
    try:
        axes = _axes(rest, joints)
    except ValueError as error:
        raise InputError(f"{path}: at rest its skeleton {error}; export it in a standing rest pose") from error
    rest, places = (rest - rest[joints["pelvis"]]) @ axes.T, places @ axes.T
    turns = axes @ turns @ axes.T
    size = _unit(rest, joints)
    picks = _canonical_picks(nodes, joints)
    return SkeletonMotion(
        torch.from_numpy(rest[picks] * size),
        torch.from_numpy(np.ascontiguousarray(turns[:, picks])),
        torch.from_numpy(places[:, joints["pelvis"]] * size),
        rate,
    )


def write_bvh(path: str | Path, track: BodyTrack, body: BodyModel) -> None:
    """Write a track as BVH, atomically: 22 joints named as animation programs know them, centimetres, y up.

    Raises:
        OutputError: the file cannot be written.
    """
    motion = skeleton_of(body, track)
    axes = torch.from_numpy(_TO_CAMERA)
    angles = _euler(axes @ local_turns(motion.turns) @ axes)
    rest, root = (100 * motion.rest @ axes).numpy(), (100 * motion.root @ axes).numpy()
    lines = ["HIERARCHY"]
    order: list[int] = []
    _write_joint(lines, order, rest, 0, 0)
    rate = track.fps or 25.0
    lines += ["MOTION", f"Frames: {len(track)}", f"Frame Time: {1 / rate:.9f}"]
    for place, frame in zip(root, angles[:, order].numpy(), strict=True):
        lines.append(" ".join(f"{number:.6f}" for number in (*place, *frame.ravel())))
    with atomic_path(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_joint(lines: list[str], order: list[int], rest: np.ndarray, joint: int, depth: int) -> None:
    pad, inner = "  " * depth, "  " * (depth + 1)
    parent = PARENTS[joint]
    offset = rest[joint] - rest[parent] if parent >= 0 else np.zeros(3)
    kind, channels = ("ROOT", "6 Xposition Yposition Zposition") if parent < 0 else ("JOINT", "3")
    order.append(joint)
    lines += [f"{pad}{kind} {_WRITTEN[joint]}", f"{pad}{{", f"{inner}OFFSET " + " ".join(f"{x:.6f}" for x in offset)]
    lines.append(f"{inner}CHANNELS {channels} Zrotation Xrotation Yrotation")
    children = [child for child, above in enumerate(PARENTS) if above == joint]
    for child in children:
        _write_joint(lines, order, rest, child, depth + 1)
    if not children:
        tip = 0.5 * offset
        lines += [
            f"{inner}End Site",
            f"{inner}{{",
            f"{inner}  OFFSET " + " ".join(f"{x:.6f}" for x in tip),
            f"{inner}}}",
        ]
    lines.append(f"{pad}}}")


def _euler(turns: Float[Tensor, "T C 3 3"]) -> Float[Tensor, "T C 3"]:
    """Return degrees about z, x, y of rotations `Rz Rx Ry`."""
    x = torch.asin(turns[..., 2, 1].clamp(-1, 1))
    z = torch.atan2(-turns[..., 0, 1], turns[..., 1, 1])
    y = torch.atan2(-turns[..., 2, 0], turns[..., 2, 2])
    level = turns[..., 2, 1].abs() > 1 - 1e-9  # looking along the axis, z and y turn alike
    z = torch.where(level, torch.atan2(turns[..., 1, 0], turns[..., 0, 0]), z)
    return torch.rad2deg(torch.stack([z, x, torch.where(level, torch.zeros_like(y), y)], dim=-1))


def _parse(text: str) -> tuple[list[_Node], np.ndarray, float]:
    """Return the joints, parents first, the table of channels, and the frames per second."""
    head, motion, table = text.partition("MOTION")
    words = head.split()
    if not words or words[0] != "HIERARCHY" or not motion:
        raise ValueError("no HIERARCHY and MOTION in it")
    nodes: list[_Node] = []
    stack: list[int] = []
    position, ends = 1, 0
    while position < len(words):
        word = words[position]
        if word in ("ROOT", "JOINT"):
            stop = words.index("{", position)
            nodes.append(_Node(" ".join(words[position + 1 : stop]), stack[-1] if stack else -1))
            stack.append(len(nodes) - 1)
            position = stop + 1
        elif word == "End":
            position, ends = words.index("{", position) + 1, ends + 1
        elif word == "OFFSET":
            if not ends:
                nodes[stack[-1]].offset = tuple(float(number) for number in words[position + 1 : position + 4])
            position += 4
        elif word == "CHANNELS":
            count = int(words[position + 1])
            nodes[stack[-1]].channels = [channel.lower() for channel in words[position + 2 : position + 2 + count]]
            position += 2 + count
        elif word == "}":
            if ends:
                ends -= 1
            else:
                stack.pop()
            position += 1
        else:
            raise ValueError(f"{word[:20]!r} where a joint is wanted")
    if stack or ends or not nodes or sum(node.parent < 0 for node in nodes) != 1:
        raise ValueError("its skeleton is not one whole tree")
    counts = re.match(r"\s*Frames:\s*(\d+)\s+Frame Time:\s*([0-9.eE+-]+)\s", table)
    if not counts:
        raise ValueError("no number of frames and frame time")
    frames, width, time = int(counts[1]), sum(len(node.channels) for node in nodes), float(counts[2])
    if frames < 1 or frames * width > _MOST_NUMBERS or not 1e-4 < time < 10:
        raise ValueError(f"{frames} frames of {time} seconds")
    numbers = np.array(table[counts.end() :].split(), dtype=np.float64)
    if len(numbers) < frames * width or not np.isfinite(numbers).all():
        raise ValueError(f"{len(numbers)} numbers, wanted {frames} frames of {width}")
    rate = round(1 / time, 3)
    return nodes, numbers[: frames * width].reshape(frames, width), rate


def _local(nodes: list[_Node], frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn channels into a rotation and, where there are position channels, a place per joint and frame."""
    turns = np.tile(np.eye(3), (len(frames), len(nodes), 1, 1))
    shifts = np.zeros((len(frames), len(nodes), 3))
    column = 0
    for index, node in enumerate(nodes):
        for channel in node.channels:
            axis = "xyz".find(channel[:1])
            if axis < 0 or channel[1:] not in ("position", "rotation"):
                continue
            values = frames[:, column + node.channels.index(channel)]
            if channel.endswith("position"):
                shifts[:, index, axis] = values
            else:
                turns[:, index] = turns[:, index] @ _about(axis, np.radians(values))
        column += len(node.channels)
    return turns, shifts


def _about(axis: int, angles: np.ndarray) -> np.ndarray:
    turns = np.tile(np.eye(3), (len(angles), 1, 1))
    one, two = (axis + 1) % 3, (axis + 2) % 3
    turns[:, one, one] = turns[:, two, two] = np.cos(angles)
    turns[:, one, two], turns[:, two, one] = -np.sin(angles), np.sin(angles)
    return turns


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", re.split(r"[:|]", name.lower())[-1].replace("mixamorig", ""))


def _find_joints(path: Path, nodes: list[_Node]) -> dict[str, int]:
    """Match the file's joints with the canonical ones."""
    index = {_plain(node.name): place for place, node in reversed(list(enumerate(nodes)))}
    table = dict(_NAMES)
    if not set(table["left_shoulder"]) & set(index):  # "LeftShoulder" is the arm where nothing is called LeftArm
        table["left_shoulder"], table["left_collar"] = table["left_collar"], ()
    found: dict[str, int] = {}
    for joint, names in table.items():
        for side in ("left", "right") if "left" in joint else ("",):
            known = [index[own] for name in names if (own := _sided(name, side)) in index]
            if known:
                found[joint.replace("left", side) if side else joint] = known[0]
    found.setdefault("pelvis", 0)
    wanted = [name.replace("left", side) for name in _NEEDED for side in ("left", "right")]
    missing = sorted(set(wanted) - set(found))
    if missing:
        looked = ", ".join(f"{name}: {' or '.join(_spelled(name)[:3])}" for name in missing[:4])
        raise InputError(
            f"{path}: an unknown skeleton: no {', '.join(missing[:4])} (looked for {looked}); rename its joints so"
        )
    return found


def _sided(name: str, side: str) -> str:
    """Give a name of the left side to a side."""
    if side != "right":
        return name
    if "left" in name:
        return name.replace("left", "right")
    return "r" + name[1:] if name.startswith("l") and not name.startswith("lower") else name[:-1] + "r"


def _spelled(joint: str) -> list[str]:
    side = joint.split("_")[0]
    names = _NAMES[joint.replace("right", "left")]
    return [_sided(name, side).replace("left", "Left").replace("right", "Right") for name in names]


def _canonical_picks(nodes: list[_Node], joints: dict[str, int]) -> list[int]:
    """Choose a node for each canonical joint; what the file lacks follows the joint above it."""
    above = nodes[joints["left_shoulder"]].parent
    right = set(_chain(nodes, joints["right_shoulder"]))
    trunk = [node for node in _chain(nodes, above) if node in right]
    spine = [node for node in reversed(trunk) if node not in _chain(nodes, joints["pelvis"])] or [joints["pelvis"]]
    spread = {f"spine{number + 1}": spine[round(number * (len(spine) - 1) / 2)] for number in range(3)}
    picks: list[int] = []
    for name, parent in zip(CANONICAL_JOINTS, PARENTS, strict=True):
        known = joints | spread
        picks.append(known.get(name, picks[parent] if parent >= 0 else 0))
    return picks


def _chain(nodes: list[_Node], node: int) -> list[int]:
    chain = []
    while node >= 0:
        chain.append(node)
        node = nodes[node].parent
    return chain


def _axes(rest: np.ndarray, joints: dict[str, int]) -> np.ndarray:
    """Return the rotation from the file's axes at rest to the camera's; whole quarter turns, as axes are."""
    shoulders = (rest[joints["left_shoulder"]] + rest[joints["right_shoulder"]]) / 2
    up = shoulders - rest[joints["pelvis"]]
    left = rest[joints["left_hip"]] - rest[joints["right_hip"]]
    rows = []
    for direction, sign in ((left, 1.0), (up, -1.0)):
        row = np.zeros(3)
        largest = int(np.abs(direction).argmax())
        row[largest] = sign * np.sign(direction[largest])
        rows.append(row)
    if abs(rows[0] @ rows[1]) > 0 or not (np.abs(rows).sum(1) == 1).all():
        raise ValueError("does not stand upright")
    return np.array([*rows, np.cross(rows[0], rows[1])])


def _unit(rest: np.ndarray, joints: dict[str, int]) -> float:
    """Return metres per unit: metres, centimetres or inches, else what makes the legs those of a grown-up."""
    hip, knee, ankle = (rest[joints[f"left_{name}"]] for name in ("hip", "knee", "ankle"))
    leg = float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))
    for unit in (1.0, 0.01, 0.0254, 0.001):
        if _LEG[0] <= leg * unit <= _LEG[1]:
            return unit
    return float(_USUAL_LEG / max(leg, 1e-9))
