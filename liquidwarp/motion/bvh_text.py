"""The text of a BVH file: joints, and how they turn and lie in every frame."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from liquidwarp.errors import InputError
from liquidwarp.motion.joint_search import JointTree

_MOST_NUMBERS = 200_000_000
_MOST_CHANNELS = 64  # of a joint
_MOST_STILL, _MOST_JOINTS = 1_000_000, 4  # joints times frames, in all or for each number: no file takes more memory
_FARTHEST = 1e9  # of any number: what is larger is damage
_MOTION = re.compile(r"^[ \t]*MOTION[ \t]*$", re.MULTILINE | re.IGNORECASE)
_COUNTS = re.compile(r"\s*Frames\s*:?\s*(\d+)\s+Frame\s*Time\s*:?\s*([0-9.eE+-]+)", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_CODINGS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, eq=False)
class BvhClip:
    """What a BVH file says, in its own axes and units.

    Attributes:
        tree: the joints; the ends of limbs among them.
        turns: orientation of each joint in the world, per frame; the identity where all channels are 0.
        steps: from the parent to the joint in the parent's own axes, per frame; for the root its place.
        fps: frames per second.
    """

    tree: JointTree
    turns: Float[np.ndarray, "T N 3 3"]
    steps: Float[np.ndarray, "T N 3"]
    fps: float


@dataclass
class _Node:
    name: str
    parent: int
    end: bool = False
    offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    channels: list[str] = field(default_factory=list)


def read_clip(path: Path) -> BvhClip:
    """Read a BVH file as it is: of any rotation order, with position channels at any joint, in any letter case.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a .bvh file") from error
    coding = next((coding for mark, coding in _CODINGS if data.startswith(mark)), "utf-8")
    text = re.sub(r"\r\n?", "\n", data.decode(coding, errors="replace"))
    try:
        nodes, frames, fps = _parse(text)
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: a damaged BVH file ({error or 'it ends too early'}); export it again") from error
    local, steps = _local(nodes, frames)
    turns, places = np.zeros_like(local), np.zeros_like(steps)
    for index, node in enumerate(nodes):
        if node.parent < 0:
            turns[:, index], places[:, index] = local[:, index], steps[:, index]
        else:
            above = turns[:, node.parent]
            turns[:, index] = above @ local[:, index]
            places[:, index] = places[:, node.parent] + (above @ steps[:, index, :, None])[..., 0]
    tree = JointTree(
        names=[node.name for node in nodes],
        parents=[node.parent for node in nodes],
        offsets=np.array([node.offset for node in nodes]),
        ends=np.array([node.end for node in nodes]),
        places=places,
    )
    return BvhClip(tree, turns, steps, fps)


def _parse(text: str) -> tuple[list[_Node], Float[np.ndarray, "T W"], float]:
    """Return the joints, parents first, the table of channels, and the frames per second."""
    head, *tables = _MOTION.split(text, maxsplit=1)
    if tables and "." not in tables[0]:
        head, tables = _DECIMAL_COMMA.sub(".", head), [_DECIMAL_COMMA.sub(".", tables[0])]
    words = head.split()
    if not words or words[0].upper() != "HIERARCHY" or not tables:
        raise ValueError("no HIERARCHY and MOTION in it")
    nodes = _parse_tree(words)
    counts = _COUNTS.match(tables[0])
    if not counts:
        raise ValueError("no number of frames and frame time")
    frames, width, time = int(counts[1]), sum(len(node.channels) for node in nodes), float(counts[2])
    if frames < 1 or frames * width > _MOST_NUMBERS or not 1e-4 < time < 10:
        raise ValueError(f"{frames} frames of {time} seconds")
    if frames * len(nodes) > max(_MOST_STILL, _MOST_JOINTS * frames * width):
        raise ValueError(f"{frames} frames of {len(nodes)} joints, of which hardly any moves")
    numbers = np.array(tables[0][counts.end() :].split(), dtype=np.float64)
    if len(numbers) < frames * width or not (np.abs(numbers) < _FARTHEST).all():
        raise ValueError(f"{len(numbers)} numbers, wanted {frames} frames of {width}")
    return nodes, numbers[: frames * width].reshape(frames, width), round(1 / time, 3)


def _parse_tree(words: list[str]) -> list[_Node]:
    nodes: list[_Node] = []
    stack: list[int] = []
    position = 1
    while position < len(words):
        word = words[position].upper()
        if word in ("ROOT", "JOINT", "END", "ENDSITE"):
            stop = words.index("{", position)
            name, end = " ".join(words[position + 1 : stop]), word.startswith("END")
            parent = stack[-1] if stack else -1
            nodes.append(_Node(f"the end of {nodes[parent].name}" if end else name, parent, end))
            stack.append(len(nodes) - 1)
            position = stop + 1
        elif word == "OFFSET":
            offset = tuple(float(number) for number in words[position + 1 : position + 4])
            if len(offset) != 3 or not np.isfinite(offset).all() or max(map(abs, offset)) > _FARTHEST:
                raise ValueError(f"an offset of {offset}")
            nodes[stack[-1]].offset = offset
            position += 4
        elif word == "CHANNELS":
            count = int(words[position + 1])
            if not 0 <= count <= _MOST_CHANNELS:
                raise ValueError(f"a joint of {count} channels")
            nodes[stack[-1]].channels = [channel.lower() for channel in words[position + 2 : position + 2 + count]]
            position += 2 + count
        elif word == "}":
            stack.pop()
            position += 1
        else:
            raise ValueError(f"{words[position][:20]!r} where a joint is wanted")
    if stack or not nodes or sum(node.parent < 0 for node in nodes) != 1:
        raise ValueError("its skeleton is not one whole tree")
    return nodes


def _local(
    nodes: list[_Node], frames: Float[np.ndarray, "T W"]
) -> tuple[Float[np.ndarray, "T N 3 3"], Float[np.ndarray, "T N 3"]]:
    """Turn channels into a rotation and a step from the parent, per joint and frame."""
    turns = np.tile(np.eye(3), (len(frames), len(nodes), 1, 1))
    steps = np.zeros((len(frames), len(nodes), 3))
    column = 0
    for index, node in enumerate(nodes):
        offset = np.array(node.offset)
        shift = np.tile(np.zeros(3) if node.parent < 0 else offset, (len(frames), 1))
        moved = [False, False, False]
        for channel, values in zip(node.channels, frames[:, column : column + len(node.channels)].T, strict=True):
            axis = "xyz".find(channel[:1])
            if axis >= 0 and channel[1:] == "position":
                shift[:, axis], moved[axis] = values, True
            elif axis >= 0 and channel[1:] == "rotation":
                turns[:, index] = turns[:, index] @ _about(axis, np.radians(values))
        if node.parent >= 0 and any(moved):
            shift = _absolute(shift, offset, np.array(moved))
        steps[:, index] = shift
        column += len(node.channels)
    return turns, steps


def _absolute(
    shift: Float[np.ndarray, "T 3"], offset: Float[np.ndarray, "3"], moved: np.ndarray
) -> Float[np.ndarray, "T 3"]:
    """Return steps from the parent: position channels are such, or in some programs what is added to the offset."""
    replaced = np.abs(shift - offset)[:, moved].mean()
    added = np.abs(shift)[:, moved].mean()
    return np.where(moved, offset + shift, offset) if added < replaced else shift


def _about(axis: int, angles: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T 3 3"]:
    turns = np.tile(np.eye(3), (len(angles), 1, 1))
    one, two = (axis + 1) % 3, (axis + 2) % 3
    turns[:, one, one] = turns[:, two, two] = np.cos(angles)
    turns[:, one, two], turns[:, two, one] = -np.sin(angles), np.sin(angles)
    return turns
