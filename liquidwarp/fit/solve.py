"""Levenberg-Marquardt over all frames of a clip at once, and over a person's shape."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.fit.chain import Chain, add_motion_, motion_cost, solve_chain, solve_stills
from liquidwarp.fit.prior import PosePrior, prior_residuals
from liquidwarp.fit.skeleton import (
    JOINTS,
    Posed,
    Skeleton,
    landmark_jacobian,
    pose_skeleton,
    shape_jacobian,
)
from liquidwarp.fit.terms import (
    Evidence,
    add_standing_,
    direction_terms,
    picture_terms,
    standing_cost,
)
from liquidwarp.geometry import axis_angle_to_matrix
from liquidwarp.types import Camera

_REACH = (16.0, 8.0, 6.0)  # widths of the robust cost, in standard deviations, from the first step on
_LONGEST_TURN = 0.7  # radians in one step
_DEPTH_PULL = 1.5  # metres
_ABSENT = 0.01  # weight of the pose prior where nobody was seen: the motion bridges


@dataclass(frozen=True, eq=False)
class State:
    """Pose and place per frame: local rotations of the canonical joints, place of the pelvis in camera axes."""

    rotations: Float[Tensor, "T J 3 3"]
    place: Float[Tensor, "T 3"]

    def __getitem__(self, index: slice | Tensor) -> "State":
        """Return some frames."""
        return State(self.rotations[index], self.place[index])

    def moved(self, step: Float[Tensor, "T P"]) -> "State":
        """Take a step, turns shortened to a safe length."""
        turn = step[:, : 3 * JOINTS].unflatten(1, (JOINTS, 3))
        turn = turn * (_LONGEST_TURN / turn.norm(dim=-1, keepdim=True).clamp_min(_LONGEST_TURN))
        return State(self.rotations @ axis_angle_to_matrix(turn), self.place + step[:, -3:].clamp(-0.5, 0.5))


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything that the fit holds fixed.

    Attributes:
        skeleton: the body.
        prior: ranges of its joints.
        camera: the clip's camera, at the origin of camera axes.
        evidence: what was seen.
        fps: frames per second; 0 where frames are unrelated.
        prior_weight: weight of the pose prior per frame.
        depth: usual distance of the person, metres.
    """

    skeleton: Skeleton
    prior: PosePrior
    camera: Camera
    evidence: Evidence
    fps: float
    prior_weight: Float[Tensor, "T"]
    depth: float

    def __getitem__(self, index: slice | Tensor) -> "Problem":
        """Return the problem of some frames."""
        return replace(self, evidence=self.evidence[index], prior_weight=self.prior_weight[index])


def _frame_terms(
    problem: Problem, state: State, posed: Posed, jacobian: Tensor, reach: float
) -> tuple[Tensor, Tensor, Tensor]:
    # Residuals and slopes by landmarks, and the cost per frame of all that frames do not share.
    seen, seen_slope, cost = picture_terms(problem.evidence, problem.camera, posed, jacobian, reach)
    way, way_slope, way_cost = direction_terms(problem.evidence, posed, jacobian)
    pull, _ = prior_residuals(problem.prior, state.rotations)
    cost = cost + way_cost + problem.prior_weight * (pull**2).sum(dim=(1, 2))
    return torch.cat([seen, way], dim=1), torch.cat([seen_slope, way_slope], dim=1), cost + _depth(problem, state) ** 2


def _depth(problem: Problem, state: State) -> Tensor:
    return (state.place[:, 2] - problem.depth) / _DEPTH_PULL


def _add_prior_(problem: Problem, state: State, diagonal: Tensor, right: Tensor) -> None:
    residual, slope = prior_residuals(problem.prior, state.rotations)
    weighted = slope.transpose(-1, -2) * problem.prior_weight[:, None, None, None]
    right[:, :-3] -= (weighted @ residual[..., None])[..., 0].flatten(1)
    view = diagonal[:, :-3, :-3].unflatten(1, (JOINTS, 3)).unflatten(3, (JOINTS, 3))
    index = torch.arange(JOINTS)
    view[:, index, :, index] += (weighted @ slope).transpose(0, 1)
    diagonal[:, -1, -1] += 1 / _DEPTH_PULL**2
    right[:, -1] -= _depth(problem, state) / _DEPTH_PULL


def cost_of(problem: Problem, state: State, reach: float) -> float:
    """Return the whole cost of a state."""
    posed = pose_skeleton(problem.skeleton, state.rotations, state.place)
    empty = posed.points.new_zeros(*posed.points.shape, 0)
    cost = float(_frame_terms(problem, state, posed, empty, reach)[2].sum())
    if problem.fps > 0:
        cost += motion_cost(state.rotations, state.place, problem.fps)
        cost += standing_cost(problem.evidence, posed, problem.fps, reach)
    return cost


def normal_equations(problem: Problem, state: State, reach: float) -> Chain:
    """Return the Gauss-Newton equations of a step from a state."""
    chain = Chain.zeros(len(state.place))
    posed = pose_skeleton(problem.skeleton, state.rotations, state.place)
    jacobian = landmark_jacobian(problem.skeleton, posed)
    residual, slope, _ = _frame_terms(problem, state, posed, jacobian, reach)
    chain.diagonal.add_(slope.transpose(1, 2) @ slope)
    chain.right.sub_((slope.transpose(1, 2) @ residual[..., None])[..., 0])
    _add_prior_(problem, state, chain.diagonal, chain.right)
    if problem.fps > 0:
        add_motion_(chain, state.rotations, state.place, problem.fps)
        add_standing_(chain, problem.evidence, posed, jacobian, problem.fps, reach)
    return chain


def solve_poses(problem: Problem, state: State, steps: int, tolerance: float = 3e-4) -> State:
    """Fit pose and place of every frame with the shape held fixed.

    Args:
        problem: what is known.
        state: where to start.
        steps: most steps to take.
        tolerance: stop when a step lowers the cost by less than this part.
    """
    solve = solve_chain if problem.fps > 0 and len(state.place) > 1 else solve_stills
    damping = 30.0
    for step in range(steps):
        reach = _REACH[min(step // 2, len(_REACH) - 1)]
        before = cost_of(problem, state, reach)
        chain = normal_equations(problem, state, reach)
        for _ in range(4):
            trial = state.moved(solve(chain, damping))
            after = cost_of(problem, trial, reach)
            if after < before:
                break
            damping *= 10
        if after >= before:
            break
        state, damping = trial, max(damping / 5, 0.1)
        if step >= 2 * len(_REACH) and before - after < tolerance * before:
            break
    return state


def solve_shape(problem: Problem, state: State, steps: int, betas_weight: float) -> tuple[Skeleton, State]:
    """Fit one shape and the poses of some unrelated frames together.

    The normal equations have the shape of an arrow: poses are eliminated frame by frame, then the shape is solved for.
    """
    skeleton, damping = problem.skeleton, 30.0
    size = len(skeleton.betas)
    eye = torch.eye(state.rotations.shape[1] * 3 + 3, dtype=torch.float64)
    for step in range(steps):
        reach = _REACH[min(step // 2, len(_REACH) - 1)]
        problem = replace(problem, skeleton=skeleton)
        before = cost_of(problem, state, reach) + betas_weight * float((skeleton.betas**2).sum())
        posed = pose_skeleton(skeleton, state.rotations, state.place)
        joined = torch.cat([landmark_jacobian(skeleton, posed), shape_jacobian(skeleton, posed)], dim=-1)
        residual, slope, _ = _frame_terms(problem, state, posed, joined, reach)
        full, right = slope.transpose(1, 2) @ slope, -(slope.transpose(1, 2) @ residual[..., None])[..., 0]
        width = full.shape[1] - size
        diagonal, force = full[:, :width, :width].clone(), right[:, :width].clone()
        _add_prior_(problem, state, diagonal, force)
        side = full[:, :width, width:]
        for _ in range(4):
            factor = torch.linalg.cholesky(diagonal + damping * eye)
            solved = torch.cholesky_solve(torch.cat([side, force[..., None]], dim=-1), factor)
            corner = full[:, width:, width:].sum(dim=0) - (side.transpose(1, 2) @ solved[..., :-1]).sum(dim=0)
            corner = corner + (betas_weight + damping * 0.01) * torch.eye(size, dtype=torch.float64)
            push = right[:, width:].sum(dim=0) - (side.transpose(1, 2) @ solved[..., -1:]).sum(dim=0)[:, 0]
            shape_step = torch.linalg.solve(corner, push - betas_weight * skeleton.betas)
            trial_state = state.moved(solved[..., -1] - (solved[..., :-1] @ shape_step))
            trial = skeleton.at(skeleton.betas + shape_step)
            after = cost_of(replace(problem, skeleton=trial), trial_state, reach)
            after += betas_weight * float((trial.betas**2).sum())
            if after < before:
                break
            damping *= 10
        if after >= before:
            break
        state, skeleton, damping = trial_state, trial, max(damping / 5, 0.1)
    return skeleton, state


def absent_weight(present: Tensor) -> Float[Tensor, "T"]:
    """Return the weight of the pose prior per frame."""
    return torch.where(present, 1.0, _ABSENT).double()
