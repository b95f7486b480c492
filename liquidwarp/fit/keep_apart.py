"""Hands and forearms do not go through thighs, trunk and head.

A fit compares landmarks, which know no thickness. What is inside of the body is led out by the least turn of shoulder
and elbow, mostly along the view, which the picture tells worst; the change comes and goes smoothly, and where nothing
touches, nothing is changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies.hands import SIDES
from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel
from liquidwarp.fit.capsules import BodyCapsules, body_capsules
from liquidwarp.fit.skeleton import Posed, State
from liquidwarp.fit.track import read_state
from liquidwarp.fit.tuning import FIT_TUNING, ApartTuning
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from liquidwarp.parallel import one_thread
from liquidwarp.types import BodyTrack, shots_of

_UNKNOWNS = 4  # of an arm: a turn of the shoulder, a bend of the elbow


def arm_depths(
    body: BodyModel, track: BodyTrack, *, tuning: ApartTuning = FIT_TUNING.apart
) -> Float[Tensor, "T N"] | None:
    """Return how deep hands and forearms are in thighs, trunk or head, metres; negative outside.

    Args:
        body: the track's body.
        track: the motion.
        tuning: where a body is measured.

    Returns:
        Depths of balls along the left arm, then the right, from the elbow outward; None for a body that lacks one of
        the parts.
    """
    shape = body_capsules(body, track.betas, tuning=tuning)
    if shape is None:
        return None
    with torch.no_grad():
        state = read_state(body, track, track.camera)
        return shape.depths(shape.posed(state.rotations, state.place))[0]


def keep_apart(body: BodyModel, track: BodyTrack, *, tuning: ApartTuning = FIT_TUNING.apart) -> BodyTrack:
    """Lead hands and forearms out of thighs, trunk and head.

    Args:
        body: the track's body.
        track: the motion; frames in which nothing touches, and that are not next to such, stay as they are, bit for
            bit, and a track without any is returned itself.
        tuning: how thick a body is, and what may move.
    """
    shape = body_capsules(body, track.betas, tuning=tuning)
    if shape is None:
        return track
    with torch.no_grad(), one_thread():
        state = read_state(body, track, track.camera)
        posed = shape.posed(state.rotations, state.place)
        inside = (shape.depths(posed)[0] > tuning.touch).unflatten(1, (len(SIDES), -1)).any(dim=2)
        if not bool(inside.any()):
            return track
        pose = track.body_pose.clone()
        fps = track.fps if len(track) > 1 else 0.0
        reach = round(tuning.reach * fps)
        for number, side in enumerate(SIDES):
            spans = _spans(inside[:, number], shots_of(track.cuts, len(track)), reach)
            if not len(spans.frames):
                continue
            turned = _Arm(shape, state, posed, side, spans, fps, tuning).led_out()
            for name, rotations in turned.items():
                pose[spans.frames, body.canonical(name) - 1] = matrix_to_axis_angle(rotations).float()
    return replace(track, body_pose=pose)


@dataclass(frozen=True, eq=False)
class _Spans:
    """Frames that may change, and what ties them: the matrix of squared second differences within shots.

    A change is zero in the frames of the shot that may not change; beyond the shot there is nothing.
    """

    frames: Int[Tensor, "S"]
    own: Float[Tensor, "S"]
    ties: tuple[Float[Tensor, "S"], Float[Tensor, "S"]]


def _spans(inside: Tensor, shots: Sequence[slice], reach: int) -> _Spans:
    near = torch.zeros_like(inside)
    before, after = torch.zeros(2, len(inside), dtype=torch.int64)
    for shot in shots:
        part = inside[shot].float()[None, None]
        near[shot] = torch.nn.functional.max_pool1d(part, 2 * reach + 1, stride=1, padding=reach)[0, 0] > 0
        before[shot] = torch.arange(part.shape[-1])
        after[shot] = before[shot].flip(0)
    frames = near.nonzero()[:, 0]
    before, after = before[frames], after[frames]
    own = 2.0 * 2.0 * ((before >= 1) & (after >= 1)) + 1.0 * (before >= 2) + 1.0 * (after >= 2)
    next1 = -2.0 * (before >= 1) - 2.0 * (after >= 2)
    followed = []
    for lag in (1, 2):
        to = torch.zeros(len(frames), dtype=torch.bool)
        to[:-lag] = (frames[lag:] == frames[:-lag] + lag) & (after[:-lag] >= lag)
        followed.append(to)
    return _Spans(frames, own.double(), ((next1 * followed[0]).double(), followed[1].double()))


class _Arm:
    """One arm in the frames that may change."""

    def __init__(
        self,
        shape: BodyCapsules,
        state: State,
        posed: Posed,
        side: str,
        spans: _Spans,
        fps: float,
        tuning: ApartTuning,
    ) -> None:
        self._shape, self._spans, self._fps, self._tuning = shape, spans, fps, tuning
        self._start = state[spans.frames]
        self._names = f"{side}_shoulder", f"{side}_elbow"
        self._shoulder, self._elbow = (CANONICAL_JOINTS.index(name) for name in self._names)
        self._wrist = CANONICAL_JOINTS.index(f"{side}_wrist")
        half = len(shape.arms.joint) // len(SIDES)
        self._mine = slice(SIDES.index(side) * half, (SIDES.index(side) + 1) * half)
        self._posed = Posed(posed.turns[spans.frames], posed.joints[spans.frames], posed.points[spans.frames])
        self._hinge = self._hinge_of(self._posed)

    def led_out(self) -> dict[str, Tensor]:
        """Return the local rotations of shoulder and elbow."""
        kept = self._kept(self._posed)
        change = kept.new_zeros(len(kept), _UNKNOWNS)
        posed = self._posed
        for _ in range(self._tuning.rounds):
            step = self._tuning.stride * self._step(posed, kept, change)
            if float(step.abs().amax()) < self._tuning.smallest:
                break
            change = change + step
            change = change * (self._tuning.most / change.norm(dim=1, keepdim=True).clamp_min(self._tuning.most))
            posed = self._turned(change)
        return dict(zip(self._names, self._locals(change), strict=True))

    def _locals(self, change: Tensor) -> tuple[Tensor, Tensor]:
        """Turn the shoulder in its own axes, and the elbow about its hinge."""
        shoulder, elbow = (self._start.rotations[:, joint] for joint in (self._shoulder, self._elbow))
        return (
            shoulder @ axis_angle_to_matrix(change[:, :3]),
            elbow @ axis_angle_to_matrix(change[:, 3:] * self._hinge),
        )

    def _turned(self, change: Tensor) -> Posed:
        """Return the pose after a change; nothing but the arm moves."""
        turns, joints = self._posed.turns.clone(), self._posed.joints.clone()
        chain = (self._shoulder, self._elbow, self._wrist)
        above = self._shape.parents[self._shoulder]
        for joint, local in zip(chain, (*self._locals(change), self._start.rotations[:, self._wrist]), strict=True):
            bone = self._shape.joints[joint] - self._shape.joints[above]
            joints[:, joint] = joints[:, above] + turns[:, above] @ bone
            turns[:, joint] = turns[:, above] @ local
            above = joint
        return Posed(turns, joints, self._posed.points)

    def _hinge_of(self, posed: Posed) -> Float[Tensor, "S 3"]:
        """Return the axis about which the elbow bends, in the axes of the forearm."""
        upper = posed.joints[:, self._elbow] - posed.joints[:, self._shoulder]
        lower = posed.joints[:, self._wrist] - posed.joints[:, self._elbow]
        cross = torch.linalg.cross(upper, lower) / (upper.norm(dim=1) * lower.norm(dim=1))[:, None]
        axis = cross / cross.norm(dim=1, keepdim=True).clamp_min(self._tuning.straight)
        return (posed.turns[:, self._elbow].transpose(1, 2) @ axis[..., None])[..., 0]

    def _kept(self, posed: Posed) -> Float[Tensor, "S 3 3"]:
        hand = self._shape.arms.at(posed)[:, self._mine][:, -1]
        return torch.stack([posed.joints[:, self._elbow], posed.joints[:, self._wrist], hand], dim=1)

    def _step(self, posed: Posed, kept: Tensor, change: Tensor) -> Float[Tensor, "S P"]:
        """Take a step of least squares in which balls are pushed out, and never pulled in."""
        tuning = self._tuning
        aims = self._kept(posed)
        sigma = aims.new_tensor(tuning.keep)
        rows = (self._slopes(posed, aims) / sigma[:, None]).flatten(1, 2)
        stray = ((aims - kept) / sigma).flatten(1)
        matrix = rows.mT @ rows + torch.eye(_UNKNOWNS, dtype=rows.dtype) / tuning.turn**2
        right = -(rows.mT @ stray[..., None])[..., 0] - change / tuning.turn**2
        depth, out = (value[:, self._mine] for value in self._shape.depths(posed))
        balls = self._shape.arms.at(posed)[:, self._mine]
        leave = -(out[..., None, :] @ self._slopes(posed, balls))[..., 0, :]  # derivative of the depth
        pushed, step = depth > 0, change
        for _ in range(tuning.choices):
            force = leave.mT * (pushed / tuning.surface**2)[:, None]
            step = self._solved(matrix + force @ leave, right - (force @ depth[..., None])[..., 0], change)
            inside = depth + (leave @ step[..., None])[..., 0] > 0
            if torch.equal(inside, pushed):
                break
            pushed = inside
        return step

    def _slopes(self, posed: Posed, points: Tensor) -> Float[Tensor, "S N 3 P"]:
        """Return the derivative of points of the arm by the change."""
        shoulder, elbow = posed.joints[:, None, self._shoulder], posed.joints[:, None, self._elbow]
        turns = posed.turns[:, self._shoulder].transpose(1, 2)[:, None]  # rows are the shoulder's own axes
        about = torch.linalg.cross(turns, (points - shoulder)[:, :, None], dim=-1).transpose(2, 3)
        hinge = (posed.turns[:, self._elbow] @ self._hinge[..., None])[:, None, :, 0]
        bend = torch.linalg.cross(hinge.expand_as(points), points - elbow, dim=-1)
        return torch.cat([about, bend[..., None]], dim=-1)

    def _solved(self, matrix: Tensor, right: Tensor, change: Tensor) -> Float[Tensor, "S P"]:
        """Solve for a step; changes of neighbouring frames are tied by their acceleration, and are zero outside."""
        if self._fps <= 0:
            return torch.linalg.solve(matrix, right)
        from scipy.linalg import solveh_banded

        stiff = (self._fps**2 / self._tuning.turn_change) ** 2
        count = len(right)
        band = np.zeros((2 * _UNKNOWNS + 1, count, _UNKNOWNS))
        spans = self._spans
        own = (matrix + stiff * spans.own[:, None, None] * torch.eye(_UNKNOWNS, dtype=matrix.dtype)).numpy()
        for below in range(_UNKNOWNS):
            for column in range(_UNKNOWNS - below):
                band[below, :, column] = own[:, column + below, column]
        pull = spans.own[:, None] * change
        for lag, tie in enumerate(spans.ties, start=1):
            band[lag * _UNKNOWNS] += stiff * tie.numpy()[:, None]
            pull[:-lag] += tie[:-lag, None] * change[lag:]
            pull[lag:] += tie[:-lag, None] * change[:-lag]
        force = (right - stiff * pull).numpy()
        step = solveh_banded(band.reshape(len(band), -1), force.reshape(-1), lower=True, check_finite=False)
        return torch.from_numpy(step).view(count, _UNKNOWNS)
