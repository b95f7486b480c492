"""BVH files: skeletons with motion, as animation programs write them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies import CANONICAL_JOINTS, BodyModel
from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path
from liquidwarp.motion.bone_names import canonical_bones
from liquidwarp.motion.bvh_text import BvhClip, read_clip
from liquidwarp.motion.joint_search import UnknownSkeletonError, canonical_picks, find_joints
from liquidwarp.motion.skeleton import PARENTS, SkeletonMotion, local_turns, skeleton_of
from liquidwarp.motion.standing import (
    WORLDS,
    ahead,
    legs_hang,
    rest_axes,
    standing_frames,
    standing_turns,
    stands_at_rest,
    straightest,
    with_hanging_arm,
    world_up,
)
from liquidwarp.types import BodyTrack

_TO_CAMERA = np.diag([1.0, -1.0, -1.0])  # BVH: x to the person's left, y up, z to the front
_LEG = (0.4, 1.4)  # metres that a leg may have, hip to ankle
_USUAL_LEG = 0.82
_Y_UP = (0, 1, 0)


def read_bvh(path: Path, joint_map: Mapping[str, str] | None = None) -> SkeletonMotion:
    """Read the motion of a BVH file whose skeleton is a person's.

    Which joint is which is found by names and by the tree (see `find_joints`), units by the length of the legs, and the
    world's up by how the person moves in it (see `world_up`). Frames of joints are reset by a pose in which the person
    stands: the rest pose if somebody could stand so, else the frames in which the person stands the straightest.

    Args:
        path: the file.
        joint_map: names of the file's joints by canonical name, where they are not found or wrong.

    Raises:
        InputError: the file is damaged, its joints are not found, or its person stands neither at rest nor in a frame.
    """
    clip = read_clip(path)
    try:
        joints = find_joints(clip.tree, joint_map)
    except UnknownSkeletonError as error:
        raise InputError(f"{path}: an unknown skeleton: {error}; say which joint is which with --joint-map") from error
    picks = canonical_picks(clip.tree, joints)
    places = clip.tree.places[:, picks]
    up = world_up(places, _Y_UP)
    world = WORLDS[up]
    zero = _posed(clip, np.broadcast_to(np.eye(3), clip.turns.shape[1:]))[picks]
    axes = rest_axes(zero)
    if stands_at_rest(zero @ axes.T):
        if np.array_equal(-axes[1], up):
            world = axes  # who faces the front at rest faces the camera
        standing = np.broadcast_to(axes, clip.turns.shape[1:])
    else:
        standing = _standing(path, clip, picks, world)
    rest = _posed(clip, standing)[picks]
    rest = rest - rest[0]
    turns = world @ clip.turns[:, picks] @ standing[picks].transpose(0, 2, 1)
    size = _unit(rest)
    root = places[:, 0] @ world.T * size
    return SkeletonMotion(torch.from_numpy(rest * size), torch.from_numpy(turns), torch.from_numpy(root), clip.fps)


def _standing(
    path: Path, clip: BvhClip, picks: Sequence[int], world: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "N 3 3"]:
    """Return how joints are oriented in a person that stands, from the frames in which this one does."""
    tree, places = clip.tree, clip.tree.places[:, picks] @ world.T
    frames = standing_frames(places)
    if not len(frames):
        zero = _posed(clip, np.broadcast_to(np.eye(3), clip.turns.shape[1:]))[picks]
        if legs_hang(zero):
            return np.broadcast_to(rest_axes(zero), clip.turns.shape[1:])
        raise InputError(
            f"{path}: at rest its legs and its spine point the same way, and in no frame its person stands; "
            "export it with a standing rest pose, such as a T"
        )

    def mean(chosen: Int[np.ndarray, "S"]) -> Float[np.ndarray, "N 3 3"]:
        return standing_turns(places[chosen], world @ clip.turns[chosen])

    turns = mean(straightest(places, frames))
    picked = dict(zip(CANONICAL_JOINTS, picks, strict=True))
    for side in ("left", "right"):
        own = picked["spine3"] not in tree.below(picked[f"{side}_collar"])
        arm = tree.below(picked[f"{side}_collar" if own else f"{side}_shoulder"])
        turns[arm] = mean(with_hanging_arm(places, frames, side))[arm]
    rest = _posed(clip, turns)
    for side in ("left", "right"):
        ankle, toes = picked[f"{side}_ankle"], picked[f"{side}_foot"]
        if toes != ankle:
            foot = tree.below(ankle)
            turns[foot] = ahead(rest[toes] - rest[ankle], side == "left") @ turns[foot]
    return turns


def _posed(clip: BvhClip, turns: Float[np.ndarray, "N 3 3"]) -> Float[np.ndarray, "N 3"]:
    """Place the joints for given orientations, the root at the origin."""
    steps = np.median(clip.steps, axis=0)
    places = np.zeros_like(steps)
    for joint, parent in enumerate(clip.tree.parents):
        if parent >= 0:
            places[joint] = places[parent] + turns[parent] @ steps[joint]
    return places


def _unit(rest: Float[np.ndarray, "C 3"]) -> float:
    """Return metres per unit: metres, centimetres or inches, else what makes the legs those of a grown-up."""
    hip, knee, ankle = (rest[CANONICAL_JOINTS.index(f"left_{name}")] for name in ("hip", "knee", "ankle"))
    leg = float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))
    for unit in (1.0, 0.01, 0.0254, 0.001):
        if _LEG[0] <= leg * unit <= _LEG[1]:
            return unit
    return float(_USUAL_LEG / max(leg, 1e-9))


def write_bvh(path: str | Path, track: BodyTrack, body: BodyModel, *, names: str = "own") -> None:
    """Write a track as BVH, atomically: 22 joints named as animation programs know them, centimetres, y up.

    Args:
        path: a name that ends in .bvh.
        track: the motion.
        body: the body of the track.
        names: what bones are called, one of `BONE_NAMES`.

    Raises:
        InputError: no such naming.
        OutputError: the file cannot be written.
    """
    called = canonical_bones(names)
    motion = skeleton_of(body, track)
    axes = torch.from_numpy(_TO_CAMERA)
    angles = _euler(axes @ local_turns(motion.turns) @ axes)
    rest, root = (100 * motion.rest @ axes).numpy(), (100 * motion.root @ axes).numpy()
    lines = ["HIERARCHY"]
    order: list[int] = []
    _write_joint(lines, order, called, rest, 0, 0)
    rate = track.fps or 25.0
    lines += ["MOTION", f"Frames: {len(track)}", f"Frame Time: {1 / rate:.9f}"]
    for place, frame in zip(root, angles[:, order].numpy(), strict=True):
        lines.append(" ".join(f"{number:.6f}" for number in (*place, *frame.ravel())))
    with atomic_path(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_joint(
    lines: list[str], order: list[int], names: tuple[str, ...], rest: np.ndarray, joint: int, depth: int
) -> None:
    pad, inner = "  " * depth, "  " * (depth + 1)
    parent = PARENTS[joint]
    offset = rest[joint] - rest[parent] if parent >= 0 else np.zeros(3)
    kind, channels = ("ROOT", "6 Xposition Yposition Zposition") if parent < 0 else ("JOINT", "3")
    order.append(joint)
    lines += [f"{pad}{kind} {names[joint]}", f"{pad}{{", f"{inner}OFFSET " + " ".join(f"{x:.6f}" for x in offset)]
    lines.append(f"{inner}CHANNELS {channels} Zrotation Xrotation Yrotation")
    children = [child for child, above in enumerate(PARENTS) if above == joint]
    for child in children:
        _write_joint(lines, order, names, rest, child, depth + 1)
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
