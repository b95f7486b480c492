"""Forward kinematics over a tree of joints and linear blend skinning.

Convention: rest joints and vertices in any one frame; a joint's rotation acts about axes parallel to that frame at
rest, about the joint's own place, and carries all joints below it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class SkinLevel:
    """Joints at one depth of a tree, and their parents."""

    joints: tuple[int, ...]
    parents: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Tree:
    """A skeleton's tree, prepared for forward kinematics in as few steps as it is deep.

    Attributes:
        parents: parent of each joint, before it in order; -1 for the only root, joint 0.
        levels: the joints below the root, by depth.
        order: place of each joint in the concatenation of root and levels.
    """

    parents: tuple[int, ...]
    levels: tuple[SkinLevel, ...]
    order: tuple[int, ...]

    @staticmethod
    def create(parents: tuple[int, ...]) -> "Tree":
        """Prepare a tree; parents come before their children and joint 0 is the only root."""
        assert parents[0] == -1
        assert all(0 <= parent < joint for joint, parent in enumerate(parents) if joint)
        depth = [0] * len(parents)
        for joint, parent in enumerate(parents[1:], start=1):
            depth[joint] = depth[parent] + 1
        levels: list[SkinLevel] = []
        flat = [0]
        for level in range(1, max(depth) + 1):
            joints = tuple(joint for joint, d in enumerate(depth) if d == level)
            before = levels[-1].joints if levels else (0,)
            levels.append(SkinLevel(joints, tuple(before.index(parents[joint]) for joint in joints)))
            flat += joints
        return Tree(parents, tuple(levels), tuple(flat.index(joint) for joint in range(len(parents))))


def forward_kinematics_torch(
    tree: Tree, rest_joints: Float[Tensor, "#B J 3"], rotations: Float[Tensor, "B J 3 3"]
) -> tuple[Float[Tensor, "B J 3 3"], Float[Tensor, "B J 3"]]:
    """Compose joint rotations down a tree.

    Returns:
        Rotation and place of each joint: `place[j] = place[p] + rotation[p] @ (rest[j] - rest[p])` and
        `rotation[j] = rotation[p] @ rotations[j]` for p the parent of j. A rest point x that hangs on joint j goes to
        `rotation[j] @ (x - rest[j]) + place[j]`.
    """
    count = rotations.shape[0]
    turned, placed = [rotations[:, :1]], [rest_joints[:, :1].expand(count, 1, 3)]
    parents = torch.tensor((0, *tree.parents[1:]), device=rotations.device)
    bones = (rest_joints - rest_joints[:, parents]).expand(count, -1, 3)
    for level in tree.levels:
        joints, above = list(level.joints), list(level.parents)
        up = turned[-1] if above == list(range(turned[-1].shape[1])) else turned[-1][:, above]
        at = placed[-1] if up is turned[-1] else placed[-1][:, above]
        step = torch.cat([rotations[:, joints], bones[:, joints, :, None]], dim=-1)
        moved = up @ step
        turned.append(moved[..., :3])
        placed.append(moved[..., 3] + at)
    order = list(tree.order)
    return torch.cat(turned, 1)[:, order], torch.cat(placed, 1)[:, order]


def carry_points_torch(
    tree: Tree,
    carriers: Int[Tensor, "L"],
    rest_joints: Float[Tensor, "#B J 3"],
    points: Float[Tensor, "#B L 3"],
    rotations: Float[Tensor, "B J 3 3"],
) -> Float[Tensor, "B L 3"]:
    """Move rest points that hang on the joints `carriers`."""
    rotation, place = forward_kinematics_torch(tree, rest_joints, rotations)
    arms = (points - rest_joints[:, carriers])[..., None]
    return (rotation[:, carriers] @ arms)[..., 0] + place[:, carriers]


@dataclass(frozen=True, eq=False)
class SkinWeights:
    """Weights of vertices on joints, held twice: as a matrix (gradients) and as compressed rows (speed).

    Attributes:
        dense: weight of each vertex on each joint; rows sum to 1.
        start: `start[v]` to `start[v + 1]` are the entries of vertex v in `joint` and `weight`.
        joint: joint of each entry.
        weight: weight of each entry.
    """

    dense: Float[Tensor, "V J"]
    start: Int[Tensor, "V1"]
    joint: Int[Tensor, "N"]
    weight: Float[Tensor, "N"]

    @staticmethod
    def create(joints: np.ndarray, weights: np.ndarray, joint_count: int) -> "SkinWeights":
        """Hold weights given as (V, W) joints and (V, W) weights; entries of weight 0 do not count."""
        vertex, entry = np.nonzero(weights)
        joint, weight = joints[vertex, entry].astype(np.int32), weights[vertex, entry].astype(np.float32)
        dense = np.zeros((len(weights), joint_count), dtype=np.float32)
        dense[vertex, joint] = weight
        start = np.concatenate([[0], np.cumsum((weights != 0).sum(axis=1))]).astype(np.int32)
        return SkinWeights(*(torch.from_numpy(array) for array in (dense, start, joint, weight)))

    @staticmethod
    def from_dense(dense: np.ndarray) -> "SkinWeights":
        """Hold the weights of a (V, J) matrix."""
        return SkinWeights.create(np.broadcast_to(np.arange(dense.shape[1]), dense.shape), dense, dense.shape[1])


def blend_rotations(weights: SkinWeights, rotation: Float[Tensor, "B J 3 3"]) -> Float[Tensor, "B V 3 3"]:
    """Blend joint rotations per vertex (not orthonormal where joints disagree)."""
    return (weights.dense.to(rotation) @ rotation.flatten(2)).unflatten(-1, (3, 3))


def skin_torch(
    weights: SkinWeights,
    rest: Float[Tensor, "#B V 3"],
    rotation: Float[Tensor, "B J 3 3"],
    translation: Float[Tensor, "B J 3"],
) -> Float[Tensor, "B V 3"]:
    """Move rest vertices: `out[v] = sum_j w[v, j] (rotation[j] @ rest[v] + translation[j])`."""
    joined = torch.cat([rotation, translation[..., None]], dim=-1).flatten(2)
    blend = (weights.dense.to(joined) @ joined).unflatten(-1, (3, 4))
    return (blend[..., :3] * rest[..., None, :]).sum(-1) + blend[..., 3]


def skin_fast(
    weights: SkinWeights,
    rest: Float[Tensor, "V 3"],
    rotation: Float[Tensor, "B J 3 3"],
    translation: Float[Tensor, "B J 3"],
) -> Float[Tensor, "B V 3"]:
    """Do as `skin_torch` for one rest mesh on the CPU, without gradients."""
    from liquidwarp.bodies.kernels import skin_rows

    joined = torch.cat([rotation, translation[..., None]], dim=-1).flatten(2).detach().contiguous()
    out = torch.empty((len(joined), *rest.shape), dtype=rest.dtype)
    rows = (weights.start.numpy(), weights.joint.numpy(), weights.weight.to(rest.dtype).numpy())
    skin_rows(rest.detach().contiguous().numpy(), *rows, joined.numpy(), out.numpy())
    return out


def skin(
    weights: SkinWeights,
    rest: Float[Tensor, "V 3"],
    rotation: Float[Tensor, "B J 3 3"],
    translation: Float[Tensor, "B J 3"],
) -> Float[Tensor, "B V 3"]:
    """Move rest vertices by linear blend skinning, by the quickest way that keeps the gradients that are wanted."""
    wants_grad = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (rest, rotation, translation))
    if wants_grad or rest.device.type != "cpu":
        return skin_torch(weights, rest[None], rotation, translation)
    return skin_fast(weights, rest, rotation, translation)


def skin_each(
    weights: SkinWeights,
    rest: Float[Tensor, "B V 3"],
    rotation: Float[Tensor, "B J 3 3"],
    translation: Float[Tensor, "B J 3"],
) -> Float[Tensor, "B V 3"]:
    """Do as `skin` where every pose has rest vertices of its own."""
    if not len(rest):
        return rest
    posed = [skin(weights, *frame) for frame in zip(rest, rotation[:, None], translation[:, None], strict=True)]
    return torch.cat(posed)
