"""Forward kinematics by compiled kernels on the CPU, with gradients; elsewhere by the torch twins in `skinning`."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from liquidwarp.bodies.skinning import Tree, carry_points_torch, forward_kinematics_torch


def forward_kinematics(
    tree: Tree, rest_joints: Float[Tensor, "#B J 3"], rotations: Float[Tensor, "B J 3 3"]
) -> tuple[Float[Tensor, "B J 3 3"], Float[Tensor, "B J 3"]]:
    """Do as `skinning.forward_kinematics_torch`, quicker where that is possible."""
    if rotations.device.type != "cpu":
        return forward_kinematics_torch(tree, rest_joints, rotations)
    return _Turn.apply(torch.tensor(tree.parents, device="cpu"), rest_joints.to(rotations), rotations)


def carry_points(
    tree: Tree,
    carriers: Int[Tensor, "L"],
    rest_joints: Float[Tensor, "#B J 3"],
    points: Float[Tensor, "#B L 3"],
    rotations: Float[Tensor, "B J 3 3"],
) -> Float[Tensor, "B L 3"]:
    """Do as `skinning.carry_points_torch`, quicker where that is possible."""
    if rotations.device.type != "cpu":
        return carry_points_torch(tree, carriers, rest_joints, points, rotations)
    parents = torch.tensor(tree.parents, device="cpu")
    return _Carry.apply(parents, carriers, rest_joints.to(rotations), points.to(rotations), rotations)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _turn(parents: Tensor, rest: Tensor, rotations: Tensor) -> tuple[Tensor, Tensor]:
    from liquidwarp.bodies.kernels import turn_joints

    turned = torch.empty_like(rotations, memory_format=torch.contiguous_format)
    placed = rotations.new_empty(rotations.shape[:3])
    turn_joints(_array(parents), _array(rest), _array(rotations), turned.numpy(), placed.numpy())
    return turned, placed


def _turn_backward(
    parents: Tensor, rest: Tensor, rotations: Tensor, turned: Tensor, d_turned: Tensor, d_placed: Tensor, d_rest: Tensor
) -> Tensor:
    """Return the gradient of the rotations; add that of the rest joints to `d_rest`; eat the others."""
    from liquidwarp.bodies.kernels import turn_joints_backward

    d_rotations = torch.empty_like(turned)
    inputs = (_array(tensor) for tensor in (parents, rest, rotations, turned))
    turn_joints_backward(*inputs, d_turned.numpy(), d_placed.numpy(), d_rest.numpy(), d_rotations.numpy())
    return d_rotations


def _zeros(like: Tensor) -> Tensor:
    return torch.zeros_like(like, memory_format=torch.contiguous_format)


class _Turn(torch.autograd.Function):
    """`kernels.turn_joints` with gradients."""

    @staticmethod
    def forward(ctx: Any, parents: Tensor, rest: Tensor, rotations: Tensor) -> tuple[Tensor, Tensor]:
        turned, placed = _turn(parents, rest, rotations)
        ctx.save_for_backward(parents, rest, rotations, turned)
        return turned, placed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_turned: Tensor, d_placed: Tensor) -> tuple[None, Tensor, Tensor]:
        parents, rest, rotations, turned = ctx.saved_tensors
        d_rest = _zeros(rest)
        d_turned = d_turned.clone(memory_format=torch.contiguous_format)
        d_placed = d_placed.clone(memory_format=torch.contiguous_format)
        return None, d_rest, _turn_backward(parents, rest, rotations, turned, d_turned, d_placed, d_rest)


class _Carry(torch.autograd.Function):
    """`kernels.turn_joints`, then `kernels.carry_points`, with gradients."""

    @staticmethod
    def forward(ctx: Any, parents: Tensor, carriers: Tensor, rest: Tensor, points: Tensor, rotations: Tensor) -> Tensor:
        from liquidwarp.bodies.kernels import carry_points as carry

        turned, placed = _turn(parents, rest, rotations)
        out = rotations.new_empty(len(rotations), len(carriers), 3)
        inputs = (_array(tensor) for tensor in (carriers, rest, points, turned, placed))
        carry(*inputs, out.numpy())
        ctx.save_for_backward(parents, carriers, rest, points, rotations, turned)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[None, None, Tensor, Tensor, Tensor]:
        from liquidwarp.bodies.kernels import carry_points_backward

        parents, carriers, rest, points, rotations, turned = ctx.saved_tensors
        d_rest, d_points, d_turned = _zeros(rest), _zeros(points), _zeros(turned)
        d_placed = turned.new_zeros(turned.shape[:3])
        inputs = (_array(tensor) for tensor in (carriers, rest, points, turned, d_out))
        carry_points_backward(*inputs, *(grad.numpy() for grad in (d_rest, d_points, d_turned, d_placed)))
        d_rotations = _turn_backward(parents, rest, rotations, turned, d_turned, d_placed, d_rest)
        return None, None, d_rest, d_points, d_rotations
