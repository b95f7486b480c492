"""Feet that stand stay where they stand.

The least change of a motion that holds every standing heel and toe in its place: pins on them, springs that keep all
landmarks where they were (weak along the view, so that the picture hardly changes), joints inside their ranges, and a
change that comes and goes smoothly. Solved over all frames at once by Gauss-Newton, with the pelvis free: a straight
leg can follow its foot only if the pelvis follows too.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel
from liquidwarp.checks import check_shape
from liquidwarp.fit.chain import solve_chain
from liquidwarp.fit.contacts import FEET, find_stands, foot_points, stand_places
from liquidwarp.fit.pose_terms import PosePriorTerm
from liquidwarp.fit.prior import make_prior
from liquidwarp.fit.robust import LEAST_SQUARES
from liquidwarp.fit.skeleton import JOINTS, Skeleton, State, make_skeleton, pose_skeleton
from liquidwarp.fit.solve import normal_equations
from liquidwarp.fit.term import Window
from liquidwarp.fit.track import WINDOW, join, read_state, windows
from liquidwarp.fit.tuning import FIT_TUNING, FootLockTuning
from liquidwarp.geometry import matrix_to_axis_angle, pose_to_world
from liquidwarp.parallel import one_thread
from liquidwarp.types import BodyTrack, shots_of

_KEPT = ("nose", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def plant_feet(
    body: BodyModel,
    track: BodyTrack,
    *,
    stands: Int[Tensor, "T 4"] | None = None,
    places: Float[Tensor, "T 4 3"] | None = None,
    tuning: FootLockTuning = FIT_TUNING.feet,
) -> BodyTrack:
    """Hold standing feet in their places, and change the rest of a track as little as possible.

    Args:
        body: the track's body.
        track: the motion; returned as it is if its frames are unrelated (`fps` 0) or no foot stands.
        stands: number of the stand of each of `contacts.FEET` per frame, -1 for none; by default found in the track,
            and again once those are held: others show then.
        places: where each of `contacts.FEET` is to stand, in the world, in all frames and without doubt.
        tuning: how firmly feet and the rest are held, and when feet stand.

    Raises:
        InputError: `stands` has another shape.
    """
    if stands is None and places is None:
        return _plant_found_feet(body, track, tuning)
    feet = foot_points(body, track)
    if places is not None:
        check_shape("places", places, tuple(feet.shape))
        stands = torch.zeros(feet.shape[:2], dtype=torch.int64)
    assert stands is not None
    check_shape("stands", stands, (len(track), len(FEET)))
    if track.fps <= 0 or len(track) < 3 or not bool((stands >= 0).any()):
        return track
    if track.cuts:
        shots = shots_of(track.cuts, len(track))
        pinned = [None if places is None else places[shot] for shot in shots]
        parts = zip(shots, pinned, strict=True)
        return track.posed_as(
            [plant_feet(body, track[shot], stands=stands[shot], places=pin, tuning=tuning) for shot, pin in parts]
        )
    kept = tuple(name for name in body.landmark_names if name.rpartition("_")[2] in _KEPT)
    with torch.no_grad(), one_thread():
        skeleton = make_skeleton(body, (*FEET, *kept), track.betas)
        state = read_state(body, track, track.camera)
        seen = track.camera.to_camera(feet.double())
        if places is None:
            pins = stand_places(seen, stands, track.fps, tuning=tuning.contacts)
            strayed = ((seen - pins) * seen.new_tensor([1.0, 1.0, tuning.contacts.along])).norm(dim=-1)
            trust = (stands >= 0) / (1 + (strayed / tuning.stray) ** 2) ** 2
        else:
            pins, trust = track.camera.to_camera(places.double()), torch.ones_like(seen[..., 0])
        done: State | None = None
        for first, last in windows(len(track), WINDOW):
            part = slice(first, last)
            held = _hold(skeleton, state[part], pins[part], trust[part], track.fps, tuning)
            done = held if done is None else join(done, held, first)
        assert done is not None
    return _written(body, track, skeleton, done)


def _plant_found_feet(body: BodyModel, track: BodyTrack, tuning: FootLockTuning) -> BodyTrack:
    """Plant feet where they stand, and look again until nothing else stands: held feet show other stands."""
    before: Tensor | None = None
    for _ in range(tuning.searches):
        stands = find_stands(body, track, tuning=tuning.contacts)
        if before is not None and torch.equal(before, stands):
            break
        track, before = plant_feet(body, track, stands=stands, tuning=tuning), stands
    return track


def _hold(skeleton: Skeleton, start: State, pins: Tensor, trust: Tensor, fps: float, tuning: FootLockTuning) -> State:
    """Hold the first landmarks of the skeleton, which are `FEET`, on their pins; all in camera axes."""
    prior = make_prior(skeleton.joints)
    free = replace(prior, spread=torch.full_like(prior.spread, math.inf))  # the pose itself is the relaxed stance
    terms = (
        _AimTerm.create(skeleton, start, pins, trust, tuning),
        PosePriorTerm(free, torch.ones_like(start.place[:, 0]), FIT_TUNING.terms.limit_sigma),
        _BendTerm(start, tuning.turn_change, tuning.place_change),
        _TurnTerm(start, tuning.turn),
    )
    state = start
    for _ in range(tuning.rounds):
        chain = normal_equations(terms, Window(skeleton, state, fps), 1.0)
        state = state.moved(solve_chain(chain, tuning.damping))
    return state


@dataclass(frozen=True, eq=False)
class _AimTerm:
    """Landmarks lie where they are wanted."""

    aims: Float[Tensor, "T L 3"]
    sigma: Float[Tensor, "T L 3"]
    kernel = LEAST_SQUARES
    span = 1
    weight = 1.0

    @staticmethod
    def create(skeleton: Skeleton, start: State, pins: Tensor, trust: Tensor, tuning: FootLockTuning) -> "_AimTerm":
        """Pin the feet that stand as far as they are trusted to; keep everything else where it is."""
        aims = pose_skeleton(skeleton, start.rotations, start.place).points
        feet = len(FEET)
        aims = torch.cat([torch.where(trust[..., None] > 0, pins, aims[:, :feet]), aims[:, feet:]], dim=1)
        sigma = aims.new_tensor(tuning.keep).repeat(*aims.shape[:2], 1)
        sigma[:, :feet] = (trust[..., None] / tuning.pin**2 + (1 - trust[..., None]) / sigma[:, :feet] ** 2).rsqrt()
        return _AimTerm(aims, sigma)

    def __getitem__(self, frames: slice | Tensor) -> "_AimTerm":
        return _AimTerm(self.aims[frames], self.sigma[frames])

    def residual(self, window: Window) -> Float[Tensor, "T L 3"]:
        return (window.landmarks - self.aims) / self.sigma

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "T L 3 P"]]:
        return (window.landmark_jacobian / self.sigma[..., None],)


def _change(start: State, state: State) -> Float[Tensor, "T U 3"]:
    # One 3-vector per joint and one for the place; steps are small, so they add to it.
    turn = matrix_to_axis_angle(start.rotations.transpose(-1, -2) @ state.rotations)
    return torch.cat([turn, (state.place - start.place)[:, None]], dim=1)


@dataclass(frozen=True, eq=False)
class _BendTerm:
    """The change comes and goes smoothly."""

    start: State
    turn: float
    place: float
    kernel = LEAST_SQUARES
    span = 3
    weight = 1.0

    def __getitem__(self, frames: slice | Tensor) -> "_BendTerm":
        return replace(self, start=self.start[frames])

    def _sigma(self, window: Window) -> Float[Tensor, "U 1"]:
        return torch.tensor([self.turn] * JOINTS + [self.place], dtype=torch.float64)[:, None] / window.fps**2

    def residual(self, window: Window) -> Float[Tensor, "S U 3"]:
        change = _change(self.start, window.state)
        return (change[2:] - 2 * change[1:-1] + change[:-2]) / self._sigma(window)

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "S U 3 3"], ...]:
        unit = torch.eye(3, dtype=torch.float64) / self._sigma(window)[..., None]
        spans = max(0, len(window) - 2)
        return tuple((part * unit).expand(spans, -1, -1, -1) for part in (1.0, -2.0, 1.0))


@dataclass(frozen=True, eq=False)
class _TurnTerm:
    """Joints turn little."""

    start: State
    sigma: float
    kernel = LEAST_SQUARES
    span = 1
    weight = 1.0

    def __getitem__(self, frames: slice | Tensor) -> "_TurnTerm":
        return replace(self, start=self.start[frames])

    def residual(self, window: Window) -> Float[Tensor, "T J 3"]:
        return _change(self.start, window.state)[:, :JOINTS] / self.sigma

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "T J 3 3"]]:
        unit = torch.eye(3, dtype=torch.float64) / self.sigma
        return (unit.expand(len(window), JOINTS, 3, 3),)


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
