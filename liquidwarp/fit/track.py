"""Fit one body to a followed person: a shape, and a pose and place per frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

import liquidwarp
from liquidwarp.bodies.hands import relax_hands
from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel
from liquidwarp.checks import check_shape
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.fit.chain import slerp_rotations
from liquidwarp.fit.evidence import (
    Evidence,
    height_in_pixels,
    limb_directions,
    stand_upright,
    standing_feet,
    trust,
    view_along_ray,
)
from liquidwarp.fit.own_terms import own_terms
from liquidwarp.fit.prior import make_prior
from liquidwarp.fit.skeleton import Skeleton, State, make_skeleton, pose_skeleton
from liquidwarp.fit.solve import Problem, solve_poses, solve_shape
from liquidwarp.fit.start import bridge, start_place, start_rotations, yaw_from_picture
from liquidwarp.fit.term import Term
from liquidwarp.fit.tuning import FIT_TUNING, FIT_WEIGHTS, FitTuning, FitWeights
from liquidwarp.geometry import (
    axis_angle_to_matrix,
    default_camera,
    matrix_to_axis_angle,
    pose_to_camera,
    pose_to_world,
    project_with_jacobian,
)
from liquidwarp.parallel import one_thread
from liquidwarp.types import BodyTrack, Camera, Keypoints, shots_of

WINDOW = 400
"""Frames that are solved for at once."""

OVERLAP = 48
"""Frames that neighbouring windows share."""

_MIN_LANDMARKS = 4


@dataclass(frozen=True, eq=False)
class FitResult:
    """What a fit found.

    Attributes:
        track: the body through time.
        names: landmarks that were compared.
        reprojection: distance in the picture between each landmark and the body's, as a part of the person's standing
            height in that frame; NaN where the landmark was not seen.
        standing: trust, 0 to 1, that the left and right foot stand still in each frame.
    """

    track: BodyTrack
    names: tuple[str, ...]
    reprojection: Float[Tensor, "T L"]
    standing: Float[Tensor, "T 2"]

    def held(self, frame: int, count: int) -> "FitResult":
        """Return one of the frames again and again, as nobody sees it."""
        track = self.track[[frame] * count]
        hidden = replace(
            track, confidence=torch.zeros(count, dtype=torch.float32), observed=torch.zeros(count, dtype=torch.bool)
        )
        unknown = torch.full((count, self.reprojection.shape[1]), torch.nan, dtype=torch.float32)
        return FitResult(hidden, self.names, unknown, torch.zeros(count, 2, dtype=torch.float32))


def fit_track(
    body: BodyModel,
    keypoints: Keypoints,
    *,
    camera: Camera | None = None,
    betas: Float[Tensor, "K"] | None = None,
    initial: BodyTrack | None = None,
    steps: int = 14,
    still: bool | None = None,
    window: int = WINDOW,
    terms: Sequence[Term] = (),
    weights: FitWeights = FIT_WEIGHTS,
    tuning: FitTuning = FIT_TUNING,
    progress: bool = False,
) -> FitResult:
    """Fit a body to landmarks: one shape for the clip, pose and place per frame, one fixed camera.

    Minimises a sum of terms over all frames at once, by Levenberg-Marquardt with analytic derivatives: the distance of
    landmarks in the picture (Geman-McClure), the direction of limbs in space (detector's world landmarks), ranges of
    joints (`fit.prior`), speeds and accelerations, the speed of feet that stand, and `terms` of your own. Runs on the
    CPU; the same input gives the same bytes. Shots are fitted each by itself, with one shape for all.

    Convention: camera axes and pixels as `Camera`; `track.transl` in the world of `camera`.

    Args:
        body: the body model.
        keypoints: what the detector saw.
        camera: the clip's camera; by default `geometry.default_camera` of the pictures' size.
        betas: the person's shape if it is known; else it is estimated.
        initial: a track of the same frames to start from.
        steps: most steps of the solver.
        still: True for unrelated pictures of one person (no motion terms); by default so if there is one frame or the
            keypoints have no frame rate.
        window: most frames solved for at once; longer clips are fitted in overlapping windows, in constant memory.
        terms: what else to add to the cost, also while the shape is estimated (terms that look at one frame):
            `autodiff_term` makes one of a function.
        weights: how much each of the fit's own terms counts.
        tuning: standard deviations, robust widths, steps of the solver.
        progress: show a progress bar.

    Raises:
        NoPersonError: no frame shows a person.
        InputError: shapes do not match, body and keypoints share fewer than four landmarks, or one of `terms` gives
            arrays of other shapes than `Term` asks for or numbers that are not finite.
    """
    _check(body, keypoints, camera, betas, initial, window)
    camera = camera if camera is not None else default_camera(keypoints.size)
    still = still if still is not None else (len(keypoints.present) == 1 or keypoints.fps <= 0)
    fps = 0.0 if still else keypoints.fps
    with torch.no_grad(), one_thread():
        fitter = Fitter(body, keypoints, camera, fps, terms=terms, weights=weights, tuning=tuning)
        if betas is None:
            fitter.find_shape(steps)
        else:
            fitter.skeleton = fitter.skeleton.at(betas.detach().double())
        if keypoints.cuts and not still:
            shape = fitter.skeleton.betas
            return _fit_shots(body, keypoints, camera, shape, initial, steps, window, terms, weights, tuning, progress)
        state = fitter.start() if initial is None else read_state(body, initial, camera)
        state, evidence = fitter.run(state, steps, window, progress)
        return result_of(body, keypoints, camera, fitter, state, evidence, 0.0 if still else keypoints.fps)


def _fit_shots(
    body: BodyModel,
    keypoints: Keypoints,
    camera: Camera,
    betas: Float[Tensor, "K"],
    initial: BodyTrack | None,
    steps: int,
    window: int,
    terms: Sequence[Term],
    weights: FitWeights,
    tuning: FitTuning,
    progress: bool,
) -> FitResult:
    """Fit the shots that show the person one by one; those that do not hold the pose of their neighbour."""
    found: list[FitResult | None] = []
    shots = shots_of(keypoints.cuts, len(keypoints.present))
    for shot in shots:
        if not bool(keypoints.present[shot].any()):
            found.append(None)
            continue
        one = fit_track(
            body,
            keypoints[shot],
            camera=camera,
            betas=betas,
            initial=None if initial is None else initial[shot],
            steps=steps,
            window=window,
            terms=[term[shot] for term in terms],
            weights=weights,
            tuning=tuning,
            progress=progress,
        )
        found.append(one)
    return join_shots(found, shots, keypoints)


def join_shots(found: Sequence[FitResult | None], shots: Sequence[slice], keypoints: Keypoints) -> FitResult:
    """Put the fits of a clip's shots together.

    Args:
        found: of each shot; None where it does not show the person: the last pose before (or the first one after)
            stays.
        shots: the frames of each.
        keypoints: of the whole clip.
    """
    shown = [number for number, one in enumerate(found) if one is not None]
    parts = []
    for number, (one, shot) in enumerate(zip(found, shots, strict=True)):
        if one is None:
            before = max((other for other in shown if other < number), default=shown[0])
            near = found[before]
            assert near is not None
            one = near.held(-1 if before < number else 0, shot.stop - shot.start)
        parts.append(one)
    tracks = [part.track for part in parts]
    track = replace(
        tracks[0],
        fps=keypoints.fps,
        global_orient=torch.cat([one.global_orient for one in tracks]),
        body_pose=torch.cat([one.body_pose for one in tracks]),
        transl=torch.cat([one.transl for one in tracks]),
        confidence=torch.cat([one.confidence for one in tracks]),
        observed=keypoints.present.clone(),
        cuts=keypoints.cuts,
    )
    reprojection = torch.cat([part.reprojection for part in parts])
    standing = torch.cat([part.standing for part in parts])
    return FitResult(track, parts[0].names, reprojection, standing)


def _check(
    body: BodyModel,
    keypoints: Keypoints,
    camera: Camera | None,
    betas: Tensor | None,
    initial: BodyTrack | None,
    window: int,
) -> None:
    if camera is not None and tuple(camera.size) != tuple(keypoints.size):
        raise InputError(
            f"camera is for {camera.size} pictures, keypoints for {keypoints.size}; use camera.resized(size)"
        )
    if betas is not None:
        check_shape("betas", betas, (body.num_betas,))
    if initial is not None and (len(initial) != len(keypoints.present) or initial.body != body.name):
        raise InputError(
            f"initial has {len(initial)} frames of body {initial.body!r}, "
            f"wanted {len(keypoints.present)} of {body.name!r}"
        )
    if window < 2 * OVERLAP:
        raise InputError(f"window={window} is too short; use at least {2 * OVERLAP} frames")
    if not bool(keypoints.present.any()):
        raise NoPersonError(f"no person in any of the {len(keypoints.present)} frames; try a lower detection threshold")
    shared = [name for name in keypoints.names if name in body.landmark_names]
    if len(shared) < _MIN_LANDMARKS:
        raise InputError(f"body {body.name!r} has {len(shared)} of the keypoints' landmarks; at least 4 are needed")


class Fitter:
    """One person's landmarks, made ready, and what is known of the body so far."""

    def __init__(
        self,
        body: BodyModel,
        keypoints: Keypoints,
        camera: Camera,
        fps: float,
        *,
        terms: Sequence[Term] = (),
        weights: FitWeights = FIT_WEIGHTS,
        tuning: FitTuning = FIT_TUNING,
    ) -> None:
        for term in terms:
            if not isinstance(term, Term):
                raise InputError(f"{term!r} is no term of the fit; make one of a function with fit.autodiff_term")
        self.terms, self.weights, self.tuning = tuple(terms), weights, tuning
        self.names = tuple(name for name in keypoints.names if name in body.landmark_names)
        pick = [keypoints.names.index(name) for name in self.names]
        self.camera, self.fps, self.present = camera.at_origin(), fps, keypoints.present
        self.image = keypoints.image[:, pick].double()
        self.confidence = keypoints.confidence[:, pick].double() * keypoints.present[:, None]
        self.weight = trust(self.confidence, self.image, keypoints.size, tuning=tuning.evidence)
        self.world = keypoints.world[:, pick].double() if keypoints.world is not None else None
        if self.world is not None:
            self.world = view_along_ray(self.camera, self.world, self.image, self.weight)
            if keypoints.profile.leans:
                down = camera.turn_to_camera(torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64))
                self.world = stand_upright(self.names, self.world, self.weight, down=down, tuning=tuning.evidence)
        self.depth_sigma = keypoints.profile.depth_sigma if fps > 0 else tuning.evidence.still_depth_sigma
        skeleton = make_skeleton(body, self.names, torch.zeros(body.num_betas, dtype=torch.float64))
        offsets = keypoints.profile.offsets_on(body.landmark_definition, self.names)
        self.skeleton = replace(skeleton, points=skeleton.points + offsets)
        self.body = body

    def start(self, frames: Tensor | None = None) -> State:
        """Pose and place every frame (or some) in closed form."""
        index = torch.arange(len(self.present)) if frames is None else frames
        prior = make_prior(self.skeleton.joints, tuning=self.tuning.prior)
        image, confidence, tuning = self.image[index], self.confidence[index], self.tuning.start
        if self.world is not None:
            world = self.world[index]
            rotations = start_rotations(self.skeleton, prior, self.names, world, confidence, tuning=tuning)
        else:
            rotations = prior.relaxed_rotations.repeat(len(index), 1, 1, 1)
            yaw = yaw_from_picture(self.names, image, confidence, tuning=tuning)
            rotations[:, 0] = axis_angle_to_matrix(torch.stack([0 * yaw, yaw, 0 * yaw], dim=-1))
        place = start_place(self.skeleton, self.camera, rotations, image, self.weight[index], tuning=tuning)
        if frames is None:
            rotations, place = bridge(rotations, place, self.present)
        return State(rotations, place)

    def evidence(self, state: State, frames: Tensor | None = None) -> Evidence:
        """Gather what was seen in all frames (or in some, which are then unrelated), given about where it was."""
        part = slice(None) if frames is None else frames
        tuning = self.tuning.evidence
        image, weight = self.image[part], self.weight[part]
        world = self.world[part] if self.world is not None else None
        limbs, directions, worth = limb_directions(self.names, world, weight, self.skeleton.points, tuning=tuning)
        height = height_in_pixels(self.camera, self.stature(), state.place)
        fps = self.fps if frames is None else 0.0
        feet, standing = standing_feet(self.names, image, weight, height, fps, tuning=tuning)
        unit = tuning.landmark_sigma * height
        return Evidence(image, weight, unit, limbs, directions, worth, feet, standing, self.depth_sigma)

    def problem(self, evidence: Evidence, state: State, frames: Tensor | None = None) -> Problem:
        """Turn what was seen into terms, and add what is known of people and the caller's own terms."""
        part = slice(None) if frames is None else frames
        fps = self.fps if frames is None else 0.0
        own = own_terms(
            self.camera,
            evidence,
            make_prior(self.skeleton.joints, tuning=self.tuning.prior),
            state.place,
            self.present[part],
            linked=fps > 0,
            weights=self.weights,
            tuning=self.tuning,
        )
        longest = len(state) if fps > 0 else 1
        theirs = [term[part] for term in self.terms if term.span <= longest]
        return Problem(self.skeleton, (*own, *theirs), fps)

    def stature(self) -> float:
        """Return the height of the resting body in metres."""
        rows = self.body.identity(self.skeleton.betas.float()).vertices[:, 1]
        return float(rows.max() - rows.min())

    def find_shape(self, steps: int) -> None:
        """Estimate the shape from some frames that show much of the person."""
        frames = self.telling_frames()
        tuning = self.tuning.solver
        pull = self.weights.shape * (tuning.shape_pull + tuning.shape_pull_per_frame * len(frames))
        for _ in range(self.tuning.shape_rounds):
            state = self.start(frames)
            problem = self.problem(self.evidence(state, frames), state, frames)
            self.skeleton, state = solve_shape(problem, state, steps, pull, tuning=tuning)

    def telling_frames(self) -> Int[Tensor, "N"]:
        """Choose the frames that tell the shape: of each of some equal stretches that with most landmarks seen."""
        seen, most = self.weight.sum(dim=1), self.tuning.shape_frames
        pieces = torch.arange(len(seen)).tensor_split(min(most, len(seen)))
        best = torch.stack([piece[seen[piece].argmax()] for piece in pieces])
        shown = best[self.present[best]]
        return shown if len(shown) else self.present.nonzero()[:, 0][:most]

    def run(self, state: State, steps: int, window: int, progress: bool) -> tuple[State, Evidence]:
        """Fit all frames, window by window."""
        from liquidwarp.console import progress_bar

        evidence = self.evidence(state)
        problem = self.problem(evidence, state)
        spans = windows(len(self.present), window) if self.fps > 0 else pieces(len(self.present), window)
        done: State | None = None
        for first, last in progress_bar(spans, desc="fitting", unit="window", shown=progress):
            part = slice(first, last)
            solved = solve_poses(problem[part], state[part], steps, tuning=self.tuning.solver)
            done = solved if done is None else join(done, solved, first)
        assert done is not None
        return done, evidence


def pieces(frames: int, window: int) -> list[tuple[int, int]]:
    """Cut frames into spans without overlap."""
    return [(first, min(first + window, frames)) for first in range(0, frames, window)]


def windows(frames: int, window: int) -> list[tuple[int, int]]:
    """Cut frames into about equal spans that overlap by `OVERLAP`."""
    if frames <= window:
        return [(0, frames)]
    count = -(-(frames - OVERLAP) // (window - OVERLAP))
    stride = -(-(frames - OVERLAP) // count)
    return [(first, min(first + stride + OVERLAP, frames)) for first in range(0, frames - OVERLAP, stride)]


def join(done: State, new: State, first: int) -> State:
    """Append a window that begins at frame `first`, turning smoothly from one to the other where they overlap."""
    shared = len(done.place) - first
    if shared == 0:
        return State(torch.cat([done.rotations, new.rotations]), torch.cat([done.place, new.place]))
    # Ends of windows know less: the middle half of the overlap turns from one to the other.
    amount = ((torch.arange(shared, dtype=torch.float64) + 0.5) / shared * 2 - 0.5).clamp(0, 1)[:, None]
    joints = new.rotations.shape[1]
    mixed = slerp_rotations(done.rotations[first:], new.rotations[:shared], amount.expand(-1, joints))
    place = done.place[first:] + amount * (new.place[:shared] - done.place[first:])
    return State(
        torch.cat([done.rotations[:first], mixed, new.rotations[shared:]]),
        torch.cat([done.place[:first], place, new.place[shared:]]),
    )


def read_state(body: BodyModel, track: BodyTrack, camera: Camera) -> State:
    """Return the canonical pose of a track in the axes of `camera`."""
    pose = torch.cat([track.global_orient[:, None], track.body_pose], dim=1).double()
    rotations = axis_angle_to_matrix(pose[:, [body.canonical(name) for name in CANONICAL_JOINTS]])
    pelvis = body.rest_joints(track.betas)[body.canonical("pelvis")].double()
    rotations[:, 0], place = pose_to_camera(camera, rotations[:, 0], track.transl.double() + pelvis)
    return State(rotations, place)


def result_of(
    body: BodyModel,
    keypoints: Keypoints,
    camera: Camera,
    fitter: Fitter,
    state: State,
    evidence: Evidence,
    fps: float,
) -> FitResult:
    """Turn a state in camera axes into a track in the world, with its residuals."""
    skeleton: Skeleton = fitter.skeleton
    spots, _ = project_with_jacobian(fitter.camera, pose_skeleton(skeleton, state.rotations, state.place).points)
    height = height_in_pixels(fitter.camera, fitter.stature(), state.place)
    error = (spots - fitter.image).norm(dim=-1) / height[:, None]
    seen = fitter.weight > 0
    close = torch.exp(-((error / fitter.tuning.good_landmark) ** 2))
    quality = (fitter.confidence * close).sum(dim=1) / fitter.confidence.shape[1]
    rotations = state.rotations.clone()
    rotations[:, 0], place = pose_to_world(camera, rotations[:, 0], state.place)
    orient, pose = body.expand_pose(matrix_to_axis_angle(rotations).float())
    pose = relax_hands(body, pose)
    standing = evidence.standing.new_zeros(len(place), 2)
    if len(evidence.feet):
        standing = evidence.standing.view(len(place), 2, -1).amax(dim=2)
    track = BodyTrack(
        body=body.name,
        betas=skeleton.betas.float(),
        global_orient=orient,
        body_pose=pose,
        transl=(place - skeleton.joints[0]).float(),
        camera=camera,
        fps=fps,
        confidence=quality.float().clamp(0, 1),
        observed=keypoints.present.clone(),
        detector=keypoints.detector,
        version=liquidwarp.__version__,
        cuts=keypoints.cuts,
    )
    return FitResult(track, fitter.names, torch.where(seen, error, torch.nan).float(), standing.float())
