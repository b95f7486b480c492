"""Feet that stand stay where they stand.

The least change of a motion that holds every standing heel and toe in its place: pins on them, springs that keep all
landmarks where they were (weak along the view, so that the picture hardly changes), joints inside their ranges, and a
change that comes and goes smoothly. Solved over all frames at once by Gauss-Newton, with the pelvis free: a straight
leg can follow its foot only if the pelvis follows too.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel
from liquidwarp.checks import check_shape
from liquidwarp.fit.chain import Chain, solve_chain
from liquidwarp.fit.contacts import FEET, find_stands, foot_points, stand_places
from liquidwarp.fit.prior import PosePrior, make_prior, prior_residuals
from liquidwarp.fit.skeleton import JOINTS, Skeleton, landmark_jacobian, make_skeleton, pose_skeleton
from liquidwarp.fit.solve import State
from liquidwarp.fit.track import join, read_state, windows
from liquidwarp.geometry import matrix_to_axis_angle, pose_to_world
from liquidwarp.parallel import one_thread
from liquidwarp.types import BodyTrack

_PIN = 1e-3  # metres
_STRAY = 0.04  # metres: a pin this far from the foot holds four times less
_KEEP = (3e-3, 3e-3, 5e-2)  # metres: how far other landmarks may move across and along the view
_TURN = 0.3  # radians of change of a joint
_TURN_CHANGE, _PLACE_CHANGE = 20.0, 4.0  # rad/s^2, m/s^2: how the change may set in
_ROUNDS = 4
_DAMPING = 1e-3
_WINDOW = 400
_KEPT = ("nose", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def plant_feet(body: BodyModel, track: BodyTrack, *, stands: Int[Tensor, "T 4"] | None = None) -> BodyTrack:
    """Hold standing feet in their places, and change the rest of a track as little as possible.

    Args:
        body: the track's body.
        track: the motion; returned as it is if its frames are unrelated (`fps` 0) or no foot stands.
        stands: number of the stand of each of `contacts.FEET` per frame, -1 for none; by default found in the track.

    Raises:
        InputError: `stands` has another shape.
    """
    places = foot_points(body, track)
    stands = find_stands(body, track) if stands is None else stands
    check_shape("stands", stands, (len(track), len(FEET)))
    if track.fps <= 0 or len(track) < 3 or not bool((stands >= 0).any()):
        return track
    kept = tuple(name for name in body.landmark_names if name.rpartition("_")[2] in _KEPT)
    with torch.no_grad(), one_thread():
        skeleton = make_skeleton(body, (*FEET, *kept), track.betas)
        prior = make_prior(skeleton.joints)
        state = read_state(body, track, track.camera)
        seen = track.camera.to_camera(places.double())
        pins = stand_places(seen, stands, track.fps)
        strayed = (seen - pins).norm(dim=-1)
        trust = (stands >= 0) / (1 + (strayed / _STRAY) ** 2) ** 2
        done: State | None = None
        for first, last in windows(len(track), _WINDOW):
            part = slice(first, last)
            task = _Task(skeleton, prior, state[part], pins[part], trust[part], track.fps)
            held = _hold(task)
            done = held if done is None else join(done, held, first)
        assert done is not None
    return _written(body, track, skeleton, done)


@dataclass(frozen=True, eq=False)
class _Task:
    """What to hold, in camera axes: the first landmarks of the skeleton are `FEET`."""

    skeleton: Skeleton
    prior: PosePrior
    start: State
    pins: Tensor
    trust: Tensor
    fps: float


def _hold(task: _Task) -> State:
    aims = pose_skeleton(task.skeleton, task.start.rotations, task.start.place).points
    feet = len(FEET)
    aims = torch.cat([torch.where(task.trust[..., None] > 0, task.pins, aims[:, :feet]), aims[:, feet:]], dim=1)
    sigma = aims.new_tensor(_KEEP).repeat(*aims.shape[:2], 1)
    sigma[:, :feet] = (task.trust[..., None] / _PIN**2 + (1 - task.trust[..., None]) / sigma[:, :feet] ** 2).rsqrt()
    state = task.start
    for _ in range(_ROUNDS):
        chain = Chain.zeros(len(aims))
        posed = pose_skeleton(task.skeleton, state.rotations, state.place)
        slope = (landmark_jacobian(task.skeleton, posed) / sigma[..., None]).flatten(1, 2)
        error = ((posed.points - aims) / sigma).flatten(1)
        chain.diagonal.add_(slope.transpose(1, 2) @ slope)
        chain.right.sub_((slope.transpose(1, 2) @ error[..., None])[..., 0])
        _add_ranges_(chain, task.prior, state)
        _add_change_(chain, task.start, state, task.fps)
        state = state.moved(solve_chain(chain, _DAMPING))
    return state


def _add_ranges_(chain: Chain, prior: PosePrior, state: State) -> None:
    residual, slope = (part[:, :, 3:] for part in prior_residuals(prior, state.rotations))
    turned = slope.transpose(-1, -2)
    chain.right[:, :-3] -= (turned @ residual[..., None])[..., 0].flatten(1)
    blocks = torch.nn.functional.pad(turned @ slope, (0, 0, 0, 0, 0, 1))
    chain.add_blocks_(0, slice(None), blocks)


def _add_change_(chain: Chain, start: State, state: State, fps: float) -> None:
    # The change so far, as one 3-vector per joint and one for the place; steps are small, so they add to it.
    turn = matrix_to_axis_angle(start.rotations.transpose(-1, -2) @ state.rotations)
    change = torch.cat([turn, (state.place - start.place)[:, None]], dim=1)
    sigma = torch.tensor([_TURN_CHANGE] * JOINTS + [_PLACE_CHANGE], dtype=change.dtype)[:, None] / fps**2
    weight = torch.eye(3, dtype=change.dtype) / (sigma**2)[..., None]
    bend = change[2:] - 2 * change[1:-1] + change[:-2]
    count = len(bend)
    shares = (1.0, -2.0, 1.0)
    for first, share in enumerate(shares):
        chain.right[first : first + count] -= (share * bend / sigma**2).flatten(1)
        for second, other in enumerate(shares[: first + 1]):
            blocks = (share * other * weight).expand(count, -1, -1, -1)
            chain.add_blocks_(first - second, slice(second, second + count), blocks)
    chain.diagonal.diagonal(dim1=1, dim2=2)[:, :-3] += 1 / _TURN**2
    chain.right[:, :-3] -= (turn / _TURN**2).flatten(1)


def _written(body: BodyModel, track: BodyTrack, skeleton: Skeleton, state: State) -> BodyTrack:
    """Return the track with a new pose of the canonical joints, given in camera axes; others stay."""
    rotations = state.rotations.clone()
    rotations[:, 0], place = pose_to_world(track.camera, rotations[:, 0], state.place)
    vectors = matrix_to_axis_angle(rotations).float()
    pose = track.body_pose.clone()
    own = torch.tensor([body.canonical(name) for name in CANONICAL_JOINTS[1:]])
    pose[:, own - 1] = vectors[:, 1:]
    transl = place - skeleton.joints[0]
    return replace(track, global_orient=vectors[:, 0], body_pose=pose, transl=transl.float())
