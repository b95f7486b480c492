"""Motion terms of the fit and its solver: a chain of frames, each tied to the next two.

Accelerations are in rad/s^2 and m/s^2 and each frame counts once, as each frame's landmarks do, so a clip is smoothed
with the same cut-off frequency whatever its frame rate.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS
from liquidwarp.fit.skeleton import JOINTS, STATE
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle

_UNITS = JOINTS + 1
# Usual accelerations of joints, rad/s^2: small near the trunk, large at the ends.
_ACCELERATIONS = {
    "pelvis": 28.0,
    "spine1": 17.0,
    "spine2": 17.0,
    "spine3": 17.0,
    "neck": 28.0,
    "head": 28.0,
    "collar": 21.0,
    "shoulder": 56.0,
    "elbow": 84.0,
    "wrist": 70.0,
    "hip": 42.0,
    "knee": 70.0,
    "ankle": 56.0,
    "foot": 28.0,
}
_SPEED = 3.0  # rad/s
_PLACE_ACCELERATION = (10.0, 10.0, 3.0)  # m/s^2
_PLACE_SPEED = (2.0, 2.0, 0.7)  # m/s
_ROBUST = 2.0  # from this many standard deviations on, cost grows linearly


@dataclass(frozen=True, eq=False)
class Chain:
    """Normal equations of T frames with P unknowns each: symmetric, with two side diagonals of blocks.

    Attributes:
        diagonal: `diagonal[t]` couples frame t with itself.
        next1: `next1[t]` is the block at row t + 1, column t.
        next2: blocks at row t + 2, column t, of 3x3 blocks per joint (the last is the place).
        right: right-hand side.
    """

    diagonal: Float[Tensor, "T P P"]
    next1: Float[Tensor, "T P P"]
    next2: Float[Tensor, "T U 3 3"]
    right: Float[Tensor, "T P"]

    @staticmethod
    def zeros(frames: int) -> "Chain":
        """Start empty."""
        zero = torch.zeros(frames, STATE, STATE, dtype=torch.float64)
        return Chain(zero, zero.clone(), torch.zeros(frames, _UNITS, 3, 3, dtype=torch.float64), zero[:, 0].clone())

    def add_blocks_(self, lag: int, rows: slice, blocks: Float[Tensor, "S U 3 3"]) -> None:
        """Add 3x3 blocks per joint between frames `t` and `t + lag`, for the frames t in `rows`."""
        if lag == 2:
            self.next2[rows] += blocks
            return
        target = (self.diagonal, self.next1)[lag][rows].view(-1, _UNITS, 3, _UNITS, 3)
        index = torch.arange(_UNITS)
        target[:, index, :, index] += blocks.transpose(0, 1)


def motion_scales() -> tuple[Float[Tensor, "U 3"], Float[Tensor, "U 3"]]:
    """Return usual speeds and accelerations of the joints and of the place."""
    turns = [_ACCELERATIONS[name.rpartition("_")[2]] for name in CANONICAL_JOINTS]
    acceleration = torch.tensor([*([a] * 3 for a in turns), _PLACE_ACCELERATION], dtype=torch.float64)
    speed = torch.tensor([*([_SPEED] * 3 for _ in turns), _PLACE_SPEED], dtype=torch.float64)
    return speed, acceleration


def add_motion_(chain: Chain, rotations: Float[Tensor, "T J 3 3"], place: Float[Tensor, "T 3"], fps: float) -> float:
    """Add the costs of speeds and accelerations to the normal equations; return their sum."""
    frames = len(place)
    if frames < 2:
        return 0.0
    speeds, accelerations = motion_scales()
    between = rotations[:-1].transpose(-1, -2) @ rotations[1:]
    velocity = torch.cat([matrix_to_axis_angle(between), (place[1:] - place[:-1])[:, None]], dim=1) * fps
    # d velocity / d step = fps * (step[t + 1] - back @ step[t])
    back = torch.cat([between.transpose(-1, -2), torch.eye(3, dtype=place.dtype).expand(frames - 1, 1, 3, 3)], dim=1)
    ahead = torch.eye(3, dtype=place.dtype).expand_as(back)
    cost = _add_(chain, velocity / speeds, (-back * fps / speeds[..., None], ahead * fps / speeds[..., None]))
    if frames > 2:
        bend = (velocity[1:] - velocity[:-1]) * fps / accelerations
        scale = fps * fps / accelerations[..., None]
        cost += _add_(chain, bend, (back[:-1] * scale, -(ahead[1:] + back[1:]) * scale, ahead[1:] * scale))
    return cost


def _add_(chain: Chain, residual: Tensor, slopes: tuple[Tensor, ...]) -> float:
    count = len(residual)
    size = (residual**2).sum(dim=-1)
    weight = (1 + size / _ROBUST**2).rsqrt()[..., None, None]
    for first, slope in enumerate(slopes):
        weighted = slope.transpose(-1, -2) * weight
        force = -(weighted @ residual[..., None])[..., 0]
        chain.right[first : first + count] += force.flatten(1)
        for second, other in enumerate(slopes[: first + 1]):
            # block at row `first`, column `second`
            chain.add_blocks_(first - second, slice(second, second + count), weighted @ other)
    return float((2 * _ROBUST**2 * ((1 + size / _ROBUST**2).sqrt() - 1)).sum())


def motion_cost(rotations: Float[Tensor, "T J 3 3"], place: Float[Tensor, "T 3"], fps: float) -> float:
    """Return the cost that `add_motion_` adds."""
    if len(place) < 2:
        return 0.0
    speeds, accelerations = motion_scales()
    between = matrix_to_axis_angle(rotations[:-1].transpose(-1, -2) @ rotations[1:])
    velocity = torch.cat([between, (place[1:] - place[:-1])[:, None]], dim=1) * fps
    terms = [velocity / speeds, (velocity[1:] - velocity[:-1]) * fps / accelerations]
    sizes = torch.cat([(term**2).sum(dim=-1).flatten() for term in terms])
    return float((2 * _ROBUST**2 * ((1 + sizes / _ROBUST**2).sqrt() - 1)).sum())


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
    blocks = far_blocks(chain.next2)
    for frame in range(frames):
        if frame + 2 < frames:
            window[2 * width :, 2 * width :] = chain.diagonal[frame + 2]
            window[2 * width :, width : 2 * width] = chain.next1[frame + 1]
            window[2 * width :, :width] = blocks[frame]
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


def far_blocks(units: Float[Tensor, "T U 3 3"]) -> Float[Tensor, "T P P"]:
    """Lay 3x3 blocks on the diagonals of full blocks."""
    frames, count = units.shape[:2]
    full = units.new_zeros(frames, count, 3, count, 3)
    index = torch.arange(count)
    full[:, index, :, index] = units.transpose(0, 1)
    return full.view(frames, 3 * count, 3 * count)


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
