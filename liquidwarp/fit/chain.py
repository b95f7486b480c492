"""Gauss-Newton equations of a chain of frames, each tied to the next two, and their solver."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.fit.skeleton import STATE
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle


@dataclass(frozen=True, eq=False)
class Chain:
    """Normal equations of T frames with P unknowns each: symmetric, with two side diagonals of blocks.

    Attributes:
        diagonal: `diagonal[t]` couples frame t with itself.
        next1: `next1[t]` is the block at row t + 1, column t.
        next2: `next2[t]` is the block at row t + 2, column t.
        right: right-hand side.
    """

    diagonal: Float[Tensor, "T P P"]
    next1: Float[Tensor, "T P P"]
    next2: Float[Tensor, "T P P"]
    right: Float[Tensor, "T P"]

    @staticmethod
    def zeros(frames: int, width: int = STATE) -> "Chain":
        """Start empty."""
        zero = torch.zeros(frames, width, width, dtype=torch.float64)
        return Chain(zero, zero.clone(), zero.clone(), torch.zeros(frames, width, dtype=torch.float64))

    def add_rows_(self, residual: Float[Tensor, "S R"], slopes: tuple[Float[Tensor, "S R P"], ...]) -> None:
        """Add the squares of residuals of spans of frames; `slopes` are their derivatives by each frame of the span."""
        count = len(residual)
        for first, slope in enumerate(slopes):
            turned = slope.transpose(1, 2)
            self.right[first : first + count].sub_((turned @ residual[..., None])[..., 0])
            for second, other in enumerate(slopes[: first + 1]):
                self._lagging(first - second)[second : second + count].add_(turned @ other)

    def add_joints_(
        self,
        residual: Float[Tensor, "S U D"],
        slopes: tuple[Float[Tensor, "S U D 3"], ...],
        weight: Float[Tensor, "S U"],
    ) -> None:
        """Add weighted squares of residuals that depend on one joint each: unit u on the unknowns from 3 u on."""
        count, units = residual.shape[:2]
        index = torch.arange(units)
        for first, slope in enumerate(slopes):
            weighted = slope.transpose(-1, -2) * weight[..., None, None]
            force = (weighted @ residual[..., None])[..., 0].flatten(1)
            self.right[first : first + count, : 3 * units].sub_(force)
            for second, other in enumerate(slopes[: first + 1]):
                # block at row `first`, column `second`
                blocks = self._lagging(first - second)[second : second + count, : 3 * units, : 3 * units]
                view = blocks.unflatten(1, (units, 3)).unflatten(3, (units, 3))
                view[:, index, :, index] += (weighted @ other).transpose(0, 1)

    def _lagging(self, lag: int) -> Float[Tensor, "T P P"]:
        return (self.diagonal, self.next1, self.next2)[lag]


def solve_chain(chain: Chain, damping: float) -> Float[Tensor, "T P"]:
    """Solve the damped normal equations by a block Cholesky factorisation along the chain."""
    frames, width = chain.right.shape
    both = slice(width, 3 * width)
    eye = damping * torch.eye(width, dtype=torch.float64)
    # A window of three frames slides along: the first is eliminated from the two after it.
    window = torch.zeros(3 * width, 3 * width, dtype=torch.float64)
    window[:width, :width] = chain.diagonal[0]
    if frames > 1:
        window[width : 2 * width, width : 2 * width] = chain.diagonal[1]
        window[width : 2 * width, :width] = chain.next1[0]
    factors, sides, reduced = [], [], []
    right = torch.cat([chain.right, chain.right.new_zeros(2, width)])
    for frame in range(frames):
        if frame + 2 < frames:
            window[2 * width :, 2 * width :] = chain.diagonal[frame + 2]
            window[2 * width :, width : 2 * width] = chain.next1[frame + 1]
            window[2 * width :, :width] = chain.next2[frame]
        else:
            window[2 * width :] = 0
        factor = torch.linalg.cholesky(window[:width, :width] + eye)
        joined = torch.cat([window[both, :width].T, right[frame, :, None]], dim=1)
        solved = torch.linalg.solve_triangular(factor, joined, upper=False)
        side, known = solved[:, :-1], solved[:, -1]
        window[: 2 * width, : 2 * width] = window[both, both] - side.T @ side
        right[frame + 1 : frame + 3] -= (side.T @ known).view(2, width)
        factors.append(factor)
        sides.append(side)
        reduced.append(known)
    step = right.new_zeros(frames + 2, width)
    for frame in reversed(range(frames)):
        known = reduced[frame] - sides[frame] @ step[frame + 1 : frame + 3].flatten()
        step[frame] = torch.linalg.solve_triangular(factors[frame].T, known[:, None], upper=True)[:, 0]
    return step[:frames]


def solve_stills(chain: Chain, damping: float) -> Float[Tensor, "T P"]:
    """Solve the damped normal equations of frames that are not tied to each other."""
    eye = torch.eye(chain.right.shape[1], dtype=chain.right.dtype)
    return torch.cholesky_solve(chain.right[..., None], torch.linalg.cholesky(chain.diagonal + damping * eye))[..., 0]


def slerp_rotations(
    start: Float[Tensor, "*B 3 3"], end: Float[Tensor, "*B 3 3"], amount: Float[Tensor, "*B"]
) -> Float[Tensor, "*B 3 3"]:
    """Turn from one rotation to another along the shortest way."""
    way = matrix_to_axis_angle(start.transpose(-1, -2) @ end)
    return start @ axis_angle_to_matrix(way * amount[..., None])
