"""Recover known bodies in several ways and measure each way's errors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import process_time

import numpy as np
import torch

import liquidwarp as lw
from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.landmarks import LSP
from liquidwarp.data.recovery_truth import TruthSequence
from liquidwarp.fit import find_stands, fit_track, foot_points, plant_feet
from liquidwarp.metrics.pose import (
    accelerations,
    joint_errors,
    middle_of_hips,
    reprojection_errors,
    similarity_aligned,
    standing_speeds,
    track_points,
)
from liquidwarp.synth import MOVING_KINDS, moving_person, simulate_keypoints

SET = 197  # number of this data set, so that no training meets the same people
FLOORS = ("rest pose", "closed form")
WAYS = (*FLOORS, "regressor", "regressor, short fit", "fit", "fit, planted feet")
METRICS = ("mpjpe", "pa_mpjpe", "pve", "acceleration", "skate", "reprojection", "milliseconds")
TRUTH_METRICS = ("mpjpe", "pa_mpjpe", "acceleration", "reprojection", "milliseconds")
SKATE_RATE = 24.0  # frames a second that skate is given for
_STILL = 0.04  # m/s: feet that truly move faster do not stand
_MESH_STRIDE = 4  # vertices of every fourth frame are compared


@dataclass
class Scores:
    """What one way reached: lists of values by metric, and errors by joint (mm)."""

    values: dict[str, list[float]]
    joints: dict[str, list[float]] = field(default_factory=dict)

    @staticmethod
    def of(metrics: Sequence[str]) -> "Scores":
        return Scores({metric: [] for metric in metrics})

    def add(self, metric: str, values: np.ndarray | Sequence[float], factor: float = 1.0) -> None:
        """Add values that are numbers."""
        flat = np.ravel(np.asarray(values, dtype=np.float64)) * factor
        self.values[metric] += flat[np.isfinite(flat)].tolist()


@dataclass
class Recovered:
    """A track, and the CPU time that it took from keypoints to track."""

    track: lw.BodyTrack
    seconds: float


class Clock:
    """CPU time of one thread: a busy machine does not count."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        start = process_time()
        yield
        self.seconds += process_time() - start


def timed(work: Callable[[], lw.BodyTrack], before: float = 0.0) -> Recovered:
    """Do some work; `before` is CPU time that it rests on."""
    clock = Clock()
    with clock.running():
        track = work()
    return Recovered(track, before + clock.seconds)


def rest_pose(body: BodyModel, track: lw.BodyTrack) -> lw.BodyTrack:
    """Return somebody average who rests and faces the camera, where a track's pelvis is."""
    pelvis = body.rest_joints(track.betas)[0]
    average = torch.zeros(body.num_betas)
    return replace(
        track,
        betas=average,
        global_orient=torch.zeros_like(track.global_orient),
        body_pose=torch.zeros_like(track.body_pose),
        transl=track.transl + pelvis - body.rest_joints(average)[0],
    )


def closed_form(body: BodyModel, keypoints: lw.Keypoints, camera: lw.Camera | None = None) -> lw.BodyTrack:
    """Return where the fit starts: an average body, posed limb by limb, placed by least squares."""
    return fit_track(body, keypoints, camera=camera, betas=torch.zeros(body.num_betas), steps=0).track


def recover_all(
    body: BodyModel, keypoints: lw.Keypoints, camera: lw.Camera | None, ways: Sequence[str]
) -> dict[str, Recovered]:
    """Recover a clip in some ways, in turn."""
    options = {"body": body, "camera": camera}
    found: dict[str, Recovered] = {}
    if set(FLOORS) & set(ways):
        start = timed(lambda: closed_form(body, keypoints, camera))
        found |= {"closed form": start, "rest pose": timed(lambda: rest_pose(body, start.track), start.seconds)}
    if "regressor" in ways:
        found["regressor"] = timed(lambda: lw.recover(keypoints, regressor="landmarks", fit=False, **options))
    if "regressor, short fit" in ways:
        found["regressor, short fit"] = timed(lambda: lw.recover(keypoints, regressor="landmarks", **options))
    if {"fit", "fit, planted feet"} & set(ways):
        fit = timed(lambda: lw.recover(keypoints, **options))
        found |= {"fit": fit, "fit, planted feet": timed(lambda: plant_feet(body, fit.track), fit.seconds)}
    return {way: found[way] for way in ways}


def ways_at_hand(wanted: Sequence[str] = WAYS) -> list[str]:
    """Return those of some ways that can be gone; the regressor needs its weights."""
    at_hand = regressor_at_hand()
    return [way for way in wanted if at_hand or "regressor" not in way]


def regressor_at_hand() -> bool:
    """Tell whether the weights of the landmark regressor are there."""
    from liquidwarp.regress import load_landmark_network

    try:
        load_landmark_network()
    except lw.InputError:
        return False
    return True


def add_pose_errors(scores: Scores, points: np.ndarray, truth: np.ndarray, names: tuple[str, ...]) -> None:
    """Add MPJPE with the middle of the hips as root, per joint too, and PA-MPJPE, in mm."""
    errors = joint_errors(points, truth, root=middle_of_hips(points, names), true_root=middle_of_hips(truth, names))
    scores.add("mpjpe", errors.mean(1), 1000)
    scores.add("pa_mpjpe", joint_errors(similarity_aligned(points, truth), truth).mean(1), 1000)
    for number, name in enumerate(names):
        scores.joints.setdefault(name, []).append(1000 * float(errors[:, number].mean()))


def add_mesh_errors(scores: Scores, body: BodyModel, track: lw.BodyTrack, truth: lw.BodyTrack) -> None:
    """Add PVE in mm, with the middle of the hips as root."""
    surfaces, roots = [], []
    for one in (track[::_MESH_STRIDE], truth[::_MESH_STRIDE]):
        with torch.no_grad():
            vertices = body.vertices(body.identity(one.betas), one.global_orient, one.body_pose, one.transl)
        surfaces.append(one.camera.to_camera(vertices).double().numpy())
        roots.append(middle_of_hips(track_points(one, LSP, body=body), LSP))
    scores.add("pve", joint_errors(*surfaces, root=roots[0], true_root=roots[1]).mean(1), 1000)


def measure_synthetic(
    clips: int, frames: int, levels: Sequence[float], seed: int, *, lens: str, ways: Sequence[str]
) -> dict[str, dict[str, Scores]]:
    """Recover synthetic people at every level of noise; return scores by level and way."""
    body = lw.load_body()
    scores = {f"{level:g}": {way: Scores.of(METRICS) for way in ways} for level in levels}
    warm_up(body, ways)
    for clip in range(clips):
        kind = MOVING_KINDS[clip % len(MOVING_KINDS)]
        truth = moving_person((SET, seed, clip), frames, kind=kind)
        true_points, stands = track_points(truth, LSP, body=body), true_stands(body, truth)
        print(f"synthetic clip {clip + 1} of {clips}, {kind}, {int((stands >= 0).sum())} standing points", flush=True)
        for level in levels:
            keypoints = simulate_keypoints(truth, 1000 * seed + clip, level=level)
            camera = truth.camera.at_origin() if lens == "known" else None
            for way, found in recover_all(body, keypoints, camera, ways).items():
                one, track = scores[f"{level:g}"][way], found.track
                points = track_points(track, LSP, body=body)
                add_pose_errors(one, points, true_points, LSP)
                add_mesh_errors(one, body, track, truth)
                apart = accelerations(points, truth.fps) - accelerations(true_points, truth.fps)
                one.add("acceleration", np.linalg.norm(apart, axis=-1).mean(1))
                one.add("skate", skate(body, track, stands))
                one.add("reprojection", reprojection_errors(track, keypoints, body=body), 100)
                one.add("milliseconds", [1000 * found.seconds / frames])
    return scores


def true_stands(body: BodyModel, truth: lw.BodyTrack) -> torch.Tensor:
    """Return where feet truly stand: the feet of invented motions slide where those of people would step."""
    stands = find_stands(body, truth)
    slides = foot_points(body, truth).diff(dim=0).norm(dim=-1) * truth.fps > _STILL
    stands[1:][slides] = -1
    stands[:-1][slides] = -1
    return stands


def warm_up(body: BodyModel, ways: Sequence[str]) -> None:
    """Go every way once: what is built or compiled at first use is not charged to a clip."""
    truth = moving_person((SET, 0, 0), 12)
    recover_all(body, simulate_keypoints(truth, 0), None, ways)


def skate(body: BodyModel, track: lw.BodyTrack, stands: torch.Tensor) -> np.ndarray:
    """Return by how much feet that should stand move, in mm per frame at 24 frames a second."""
    points = foot_points(body, track).double().numpy()
    return standing_speeds(points, stands.numpy(), track.fps) * 1000 / SKATE_RATE


def measure_truth(sequence: TruthSequence, body: BodyModel, ways: Sequence[str]) -> dict[str, Scores]:
    """Recover a person of a data set from what was seen, and compare joints with the true ones.

    Raises:
        InputError: the data set does not say what was seen.
    """
    seen = sequence.keypoints
    if seen is None:
        raise lw.InputError(f"{sequence.name}: no 2D joints in the file, so there is nothing to recover from")
    scores = {way: Scores.of(TRUTH_METRICS) for way in ways}
    valid = sequence.valid & seen.present.numpy()
    for way, found in recover_all(body, seen, sequence.camera, ways).items():
        points = track_points(found.track, sequence.names, body=body)
        add_pose_errors(scores[way], points[valid], sequence.joints[valid], sequence.names)
        if sequence.fps > 0 and len(points) > 2:
            apart = accelerations(points, sequence.fps) - accelerations(sequence.joints, sequence.fps)
            steady = valid[2:] & valid[1:-1] & valid[:-2]
            scores[way].add("acceleration", np.linalg.norm(apart, axis=-1).mean(1)[steady])
        scores[way].add("reprojection", reprojection_errors(found.track, seen, body=body)[valid], 100)
        scores[way].add("milliseconds", [1000 * found.seconds / len(sequence)])
    return scores
