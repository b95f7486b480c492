"""Levenberg-Marquardt over all frames of a clip at once, and over a person's shape.

The solver sums terms (`fit.term`) and knows nothing of what they compare.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.fit.chain import Chain, solve_chain, solve_stills
from liquidwarp.fit.skeleton import STATE, Skeleton, State
from liquidwarp.fit.term import LONGEST_SPAN, Term, Window
from liquidwarp.fit.tuning import FIT_TUNING, SolverTuning


@dataclass(frozen=True, eq=False)
class Problem:
    """What the fit holds fixed.

    Attributes:
        skeleton: the body.
        terms: what is summed.
        fps: frames per second; 0 where frames are unrelated.
    """

    skeleton: Skeleton
    terms: tuple[Term, ...]
    fps: float

    def __getitem__(self, index: slice | Tensor) -> "Problem":
        """Return the problem of some frames."""
        return replace(self, terms=tuple(term[index] for term in self.terms))

    @property
    def linked(self) -> bool:
        """Whether any term ties frames to each other."""
        return any(term.span > 1 for term in self.terms)

    def window(self, state: State, *, with_shape: bool = False) -> Window:
        """Return what terms look at."""
        return Window(self.skeleton, state, self.fps, with_shape)


def cost_of(terms: Sequence[Term], window: Window, widening: float) -> float:
    """Return the whole cost of a state."""
    return sum(float(_costs(term, window, widening).sum()) for term in terms)


def _costs(term: Term, window: Window, widening: float) -> Tensor:
    return term.weight * term.kernel.cost((term.residual(window) ** 2).sum(dim=-1), widening)


def normal_equations(terms: Sequence[Term], window: Window, widening: float) -> Chain:
    """Return the Gauss-Newton equations of a step from a state.

    Rows of single frames are stacked into one product; everything else is added term by term.

    Raises:
        InputError: a term's arrays have other shapes than `Term` asks for, or are not finite.
    """
    chain = Chain.zeros(len(window), window.unknowns)
    rows: list[Tensor] = []
    slopes: list[Tensor] = []
    for term in terms:
        residual, slope = _linearised(term, window)
        weight = term.weight * term.kernel.weight((residual**2).sum(dim=-1), widening)
        if slope[0].shape[-1] != window.unknowns:
            chain.add_joints_(residual, slope, weight)
            continue
        root = weight.sqrt()[..., None]
        scaled = (residual * root).flatten(1), tuple((part * root[..., None]).flatten(1, 2) for part in slope)
        if term.span == 1:
            rows.append(scaled[0])
            slopes.append(scaled[1][0])
        else:
            chain.add_rows_(*scaled)
    if rows:
        chain.add_rows_(torch.cat(rows, dim=1), (torch.cat(slopes, dim=1),))
    if not bool(chain.right.isfinite().all()):
        raise _not_finite(terms, window)
    return chain


def _linearised(term: Term, window: Window) -> tuple[Tensor, tuple[Tensor, ...]]:
    residual, slopes = term.residual(window), term.jacobian(window)
    spans = max(0, len(window) - term.span + 1)
    width = slopes[0].shape[-1] if slopes else 0
    wanted = (*residual.shape, width)
    if (
        not 1 <= term.span <= LONGEST_SPAN
        or residual.dim() != 3
        or residual.shape[0] != spans
        or len(slopes) != term.span
        or any(slope.shape != wanted for slope in slopes)
        or width not in (3, window.unknowns)
        or (width == 3 and residual.shape[1] > STATE // 3)
    ):
        raise InputError(
            f"the term {_name(term)} of span {term.span} gave residuals {tuple(residual.shape)} with derivatives "
            f"{[tuple(slope.shape) for slope in slopes]} for {len(window)} frames; wanted ({spans}, G, D) and "
            f"{term.span} of ({spans}, G, D, {window.unknowns})"
        )
    return residual, slopes


def _name(term: Term) -> str:
    return getattr(term, "name", type(term).__name__)


def _not_finite(terms: Sequence[Term], window: Window) -> InputError:
    """Say which term is to blame for what is not a number."""
    for term in terms:
        residual, slopes = _linearised(term, window)
        flat = torch.cat([slope.flatten(2) for slope in slopes], dim=2)
        for what, values in (("residuals", residual), ("derivatives", flat)):
            bad = (~values.isfinite()).flatten(1).any(dim=1)
            if bool(bad.any()):
                return InputError(
                    f"the {what} of the term {_name(term)} are not finite in frame {int(bad.nonzero()[0])} of the "
                    "window; keep it from dividing by zero (clamp_min) and from the square root of zero"
                )
    return InputError("the fit's equations are not finite; a weight of a term may be")


class _Damping:
    """How far a step goes: less after steps that did not lower the cost."""

    def __init__(self, tuning: SolverTuning) -> None:
        self.tuning, self.value = tuning, tuning.damping

    def stiffen(self) -> None:
        self.value *= self.tuning.stiffen

    def relax(self) -> None:
        self.value = max(self.value / self.tuning.relax, self.tuning.least_damping)


def _widening(step: int, tuning: SolverTuning) -> float:
    return tuning.widening[min(step // tuning.stage_steps, len(tuning.widening) - 1)]


def solve_poses(problem: Problem, state: State, steps: int, *, tuning: SolverTuning = FIT_TUNING.solver) -> State:
    """Fit pose and place of every frame with the shape held fixed.

    Args:
        problem: what is known.
        state: where to start.
        steps: most steps to take.
        tuning: how to step.

    Raises:
        InputError: as `normal_equations`.
    """
    solve = solve_chain if problem.linked and len(state) > 1 else solve_stills
    damping, window = _Damping(tuning), problem.window(state)
    for step in range(steps):
        widening = _widening(step, tuning)
        before = cost_of(problem.terms, window, widening)
        chain = normal_equations(problem.terms, window, widening)
        for _ in range(tuning.tries):
            trial = problem.window(window.state.moved(solve(chain, damping.value), tuning=tuning))
            after = cost_of(problem.terms, trial, widening)
            if after < before:
                break
            damping.stiffen()
        if not after < before:
            break
        window = trial
        damping.relax()
        if step >= tuning.stage_steps * len(tuning.widening) and before - after < tuning.tolerance * before:
            break
    return window.state


def solve_shape(
    problem: Problem, state: State, steps: int, pull: float, *, tuning: SolverTuning = FIT_TUNING.solver
) -> tuple[Skeleton, State]:
    """Fit one shape and the poses of some unrelated frames together.

    The normal equations have the shape of an arrow: poses are eliminated frame by frame, then the shape is solved for.

    Args:
        problem: what is known; no term may tie frames to each other.
        state: where to start.
        steps: most steps to take.
        pull: weight of the pull to the body's mean shape.
        tuning: how to step.

    Raises:
        InputError: as `normal_equations`.
    """
    damping, size = _Damping(tuning), len(problem.skeleton.betas)
    pose, shape = slice(0, STATE), slice(STATE, STATE + size)
    eye, shape_eye = torch.eye(STATE, dtype=torch.float64), torch.eye(size, dtype=torch.float64)
    window = problem.window(state, with_shape=True)
    for step in range(steps):
        widening = _widening(step, tuning)
        skeleton = window.skeleton
        before = cost_of(problem.terms, window, widening) + pull * float((skeleton.betas**2).sum())
        chain = normal_equations(problem.terms, window, widening)
        side, force = chain.diagonal[:, pose, shape], chain.right[:, pose]
        for _ in range(tuning.tries):
            factor = torch.linalg.cholesky(chain.diagonal[:, pose, pose] + damping.value * eye)
            solved = torch.cholesky_solve(torch.cat([side, force[..., None]], dim=-1), factor)
            corner = chain.diagonal[:, shape, shape].sum(dim=0) - (side.transpose(1, 2) @ solved[..., :-1]).sum(dim=0)
            corner = corner + (pull + damping.value * tuning.shape_damping) * shape_eye
            push = chain.right[:, shape].sum(dim=0) - (side.transpose(1, 2) @ solved[..., -1:]).sum(dim=0)[:, 0]
            shape_step = torch.linalg.solve(corner, push - pull * skeleton.betas)
            moved = window.state.moved(solved[..., -1] - (solved[..., :-1] @ shape_step), tuning=tuning)
            trial = replace(window, skeleton=skeleton.at(skeleton.betas + shape_step), state=moved)
            after = cost_of(problem.terms, trial, widening) + pull * float((trial.skeleton.betas**2).sum())
            if after < before:
                break
            damping.stiffen()
        if not after < before:
            break
        window = trial
        damping.relax()
    return window.skeleton, window.state
