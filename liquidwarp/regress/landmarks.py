"""Our own regressor: landmarks of a few frames to pose, shape and place of the open body."""

import math
from collections.abc import Callable
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

import liquidwarp
from liquidwarp.bodies import BodyModel, load_body, relax_hands
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.cards import filled_network, halved, load_with_card, save_with_card
from liquidwarp.detect.profiles import MEDIAPIPE_PROFILE
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.fit.evidence import straighten_knees
from liquidwarp.fit.prior import PosePrior, make_prior
from liquidwarp.fit.skeleton import Skeleton, make_skeleton, pose_skeleton
from liquidwarp.fit.start import bridge, start_rotations, yaw_from_picture
from liquidwarp.fit.track import read_state
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, matrix_to_axis_angle, pose_to_world
from liquidwarp.regress.landmark_network import Estimate, LandmarkNetwork, place_by_landmarks
from liquidwarp.regress.observed import Observed, observe
from liquidwarp.types import BodyTrack, Camera, Keypoints, shots_of

BUNDLED = Path(__file__).parent / "assets" / "landmarks.safetensors"
_DEPTH_SIGMA = 0.12  # of limbs' directions along the view, where a detector's guess has 0.2
_FALSE_BEND = math.radians(15)  # of standing people's knees, against real side views
_RATE = 25.0  # frames per second that the network knows
_CONFIGURATION = "landmarks"
MISSED = 0.045  # metres; answers that are right miss by half of it


def regressor_skeleton(body: BodyModel) -> Skeleton:
    """Return the skeleton with the landmarks that the network compares, where the detector puts them."""
    skeleton = make_skeleton(body, MEDIAPIPE, torch.zeros(body.num_betas, dtype=torch.float64))
    return replace(skeleton, points=skeleton.points + MEDIAPIPE_PROFILE.offsets_on(body.landmark_definition, MEDIAPIPE))


def first_poses(skeleton: Skeleton, prior: PosePrior, observed: Observed) -> Float[Tensor, "B J 3 3"]:
    """Pose every frame in closed form: from the guessed places, or from the picture where there are none."""
    weight = observed.weight.double()
    turned = start_rotations(skeleton, prior, MEDIAPIPE, observed.world.double(), weight)
    blind = prior.relaxed_rotations.repeat(len(weight), 1, 1, 1)
    yaw = yaw_from_picture(MEDIAPIPE, observed.picture.double(), weight)
    blind[:, 0] = axis_angle_to_matrix(torch.stack([0 * yaw, yaw, 0 * yaw], dim=-1))
    return torch.where(observed.guessed[..., None, None] > 0, turned, blind).float()


def regress_landmarks(
    keypoints: Keypoints, *, camera: Camera | None = None, network: LandmarkNetwork | None = None
) -> BodyTrack:
    """Answer a track of the open body for a clip's landmarks, without fitting; under a millisecond a frame.

    The shape is the weighted mean over frames. Frames without the person are bridged, and so are those of a clip whose
    answer misses the landmarks by far.

    Convention: pixels and camera axes as `Camera`; a pinhole camera; `track.transl` in the world of `camera`.

    Args:
        keypoints: what a detector saw; of frames at no rate (`fps` 0) each is looked at alone.
        camera: the clip's camera; by default `geometry.default_camera`.
        network: by default the one that comes with liquidwarp.

    Raises:
        NoPersonError: no frame shows a person.
        InputError: an orthographic camera, or one for pictures of another size.
    """
    return regress_with(keypoints, camera, network, None)


def regress_with(
    keypoints: Keypoints,
    camera: Camera | None,
    network: LandmarkNetwork | None,
    correct: Callable[[Observed, Estimate, Camera], Estimate] | None,
) -> BodyTrack:
    """Do what `regress_landmarks` does, with the network's answers corrected by a function of all frames."""
    present = keypoints.present
    if not bool(present.any()):
        raise NoPersonError(f"no person in any of the {len(present)} frames; try a lower detection threshold")
    camera = camera if camera is not None else default_camera(keypoints.size)
    check_view(camera, keypoints.size)
    network = network or load_landmark_network()
    with torch.no_grad():
        observed = observe(keypoints, camera)
        start = first_poses(*regressor_start(), observed)
        shots = shots_of(keypoints.cuts, len(present))
        answers = _answer_shots(network, observed, start, keypoints, shots)
        if correct is not None:
            answers = correct(observed, answers, camera)
        shape = mean_shape(answers.betas, observed.weight.mean(1) * present)
        rotations, place, miss = settle(network, observed, answers.rotations, shape)
    told = present & (miss < MISSED) if keypoints.fps > 0 else present
    rotations, place = bridge(rotations.double(), place.double(), told if bool(told.any()) else present, keypoints.cuts)
    confidence = observed.weight.mean(1) * present
    return track_of(rotations, place, shape, camera, keypoints, confidence)


def _answer_shots(
    network: LandmarkNetwork, observed: Observed, start: Tensor, keypoints: Keypoints, shots: list[slice]
) -> Estimate:
    """Run the network over each shot that shows the person."""
    parts: list[Estimate | None] = []
    for shot in shots:
        present = keypoints.present[shot]
        part = pick(observed, torch.arange(shot.start, shot.stop))
        shown = bool(present.any())
        parts.append(answer_frames(network, part, start[shot], present, keypoints.fps) if shown else None)
    known = next(part for part in parts if part is not None)
    empty = [
        Estimate(*(value.new_zeros(shot.stop - shot.start, *value.shape[1:]) for value in known)) for shot in shots
    ]
    filled = [blank if part is None else part for part, blank in zip(parts, empty, strict=True)]
    return Estimate(*(torch.cat(values) for values in zip(*filled, strict=True)))


def with_places(keypoints: Keypoints, track: BodyTrack, network: str) -> Keypoints:
    """Return keypoints whose places in space are those of a network's answer, for a fit that starts from it.

    A fit leans on the detector's limb directions, and would give back what the network knows better.

    Args:
        keypoints: what the answer was made of; as they are if they name landmarks that the network does not know.
        track: the network's answer, of the open body.
        network: its name, for files and messages.
    """
    if any(name not in MEDIAPIPE for name in keypoints.names):
        return keypoints
    return _named(keypoints, _along_ray(observe(keypoints, track.camera), track)[0], network)


def see_in_space(
    keypoints: Keypoints,
    *,
    fov: float | None = None,
    camera: Camera | None = None,
    network: LandmarkNetwork | None = None,
) -> Keypoints:
    """Return keypoints with places in space from the network that knows how a detector errs.

    A picture whose landmarks the answer misses keeps the detector's own.

    Args:
        keypoints: of a clip, or of unrelated pictures (`fps` 0); as they are if their detector is not one that leans
            (`DetectorProfile.leans`), or knows other landmarks.
        fov: field of view along the longer side, degrees, if it is known.
        camera: the camera, if more than that is known.
        network: by default the one that comes with liquidwarp.

    Raises:
        NoPersonError: no picture shows a person.
        InputError: a camera for pictures of another size.
    """
    unknown = any(name not in MEDIAPIPE for name in keypoints.names)
    if not keypoints.profile.leans or keypoints.world is None or unknown:
        return keypoints
    camera = camera if camera is not None else default_camera(keypoints.size, fov=fov)
    if camera.orthographic:
        return keypoints
    answer = regress_landmarks(keypoints, camera=camera, network=network)
    observed = observe(keypoints, camera)
    points, place = _along_ray(observed, answer)
    told = missed_by(points, place, observed) < MISSED
    if not bool(told.any()):
        return keypoints
    seen = _named(keypoints, points, "landmarks")
    assert seen.world is not None
    return replace(seen, world=torch.where(told[:, None, None], seen.world, keypoints.world))


def _along_ray(observed: Observed, track: BodyTrack) -> tuple[Float[Tensor, "T L 3"], Float[Tensor, "T 3"]]:
    """Return a track's landmarks about its place, and that place, in the axes of what was observed."""
    skeleton = regressor_start()[0].at(track.betas.double())
    state = read_state(open_body(), track, track.camera)
    points = pose_skeleton(skeleton, state.rotations, torch.zeros_like(state.place)).points
    ray = observed.ray.double()
    return (points @ ray).float(), (state.place[:, None] @ ray)[:, 0].float()


def _named(keypoints: Keypoints, points: Float[Tensor, "T L 3"], network: str) -> Keypoints:
    """Return keypoints at a network's landmarks; a detector's axes are those of a camera that looks there."""
    world = points[:, [MEDIAPIPE.index(name) for name in keypoints.names]]
    world = straighten_knees(keypoints.names, world, _FALSE_BEND)
    profile = replace(keypoints.profile, depth_sigma=_DEPTH_SIGMA, leans=False)
    return replace(keypoints, world=world, detector=f"{keypoints.detector} + {network}", profile=profile)


def check_view(camera: Camera, size: tuple[int, int]) -> None:
    """Raise `InputError` for a camera that the network cannot look through."""
    if camera.orthographic:
        raise InputError("landmarks are regressed for a pinhole camera, this one is orthographic; fit instead")
    if tuple(camera.size) != tuple(size):
        raise InputError(f"camera is for {camera.size} pictures, keypoints for {size}; use camera.resized(size)")


def stride_of(fps: float) -> int:
    """Return how many frames apart the network wants neighbours, so that they are about as far apart as it learned."""
    return max(1, round(fps / _RATE))


def answer_frames(
    network: LandmarkNetwork, observed: Observed, start: Tensor, present: Bool[Tensor, "T"], fps: float
) -> Estimate:
    """Run the network over frames at about the rate that it knows; frames without the person count as none."""
    known = present.nonzero()[:, 0]
    if fps > 0:
        stride = stride_of(fps)
        rows = [row for first in range(stride) if len(row := known[known % stride == first])]
        found = [network(pick(observed, row[None]), start[row][None])[-1] for row in rows]
    else:
        rows, found = [known], [network(pick(observed, known[:, None]), start[known][:, None])[-1]]
    order = torch.cat(rows)
    answers = []
    for values in zip(*found, strict=True):
        joined = torch.cat(values)
        whole = joined.new_zeros(len(present), *joined.shape[1:])
        whole[order] = joined
        answers.append(whole)
    return Estimate(*answers)


def mean_shape(betas: Float[Tensor, "T K"], weight: Float[Tensor, "T"]) -> Float[Tensor, "K"]:
    """Return one shape for all frames."""
    return (betas * weight[:, None]).sum(0) / weight.sum().clamp_min(1e-6)


def settle(
    network: LandmarkNetwork, observed: Observed, rotations: Float[Tensor, "T J 3 3"], shape: Float[Tensor, "K"]
) -> tuple[Float[Tensor, "T J 3 3"], Float[Tensor, "T 3"], Float[Tensor, "T"]]:
    """Place people of one shape anew, and turn them into the camera's axes.

    Returns:
        Rotations, places, and by how many metres the landmarks miss the picture's, as a mean.
    """
    _, points = network.kinematics(rotations, shape.expand(len(rotations), -1))
    place = place_by_landmarks(points, observed.picture, observed.weight)
    miss = missed_by(points, place, observed)
    root = observed.ray @ rotations[:, 0]
    return torch.cat([root[:, None], rotations[:, 1:]], dim=1), (observed.ray @ place[..., None])[..., 0], miss


def missed_by(points: Float[Tensor, "T L 3"], place: Float[Tensor, "T 3"], observed: Observed) -> Float[Tensor, "T"]:
    """Return by how many metres landmarks miss the picture's, as a mean."""
    spots = points + place[:, None]
    miss = ((spots[..., :2] / spots[..., 2:] - observed.picture) * place[:, None, 2:]).norm(dim=-1)
    return (miss * observed.weight).sum(1) / observed.weight.sum(1).clamp_min(1e-6)


def track_of(
    rotations: Float[Tensor, "T J 3 3"],
    place: Float[Tensor, "T 3"],
    betas: Float[Tensor, "K"],
    camera: Camera,
    keypoints: Keypoints,
    confidence: Float[Tensor, "T"],
) -> BodyTrack:
    """Write poses and places in the camera's axes as a track of the open body."""
    body = open_body()
    root, place = pose_to_world(camera, rotations[:, 0].double(), place.double())
    rotations = torch.cat([root[:, None], rotations[:, 1:].double()], dim=1)
    orient, pose = body.expand_pose(matrix_to_axis_angle(rotations).float())
    pose = relax_hands(body, pose)
    pelvis = body.rest_joints(betas)[body.canonical("pelvis")].double()
    return BodyTrack(
        body=body.name,
        betas=betas,
        global_orient=orient,
        body_pose=pose,
        transl=(place - pelvis).float(),
        camera=camera,
        fps=keypoints.fps,
        confidence=confidence,
        observed=keypoints.present.clone(),
        detector=f"{keypoints.detector} + landmark regressor",
        version=liquidwarp.__version__,
        cuts=keypoints.cuts,
    )


def pick(observed: Observed, index: Int[Tensor, "*B T"]) -> Observed:
    """Return some frames, cut into clips."""
    return Observed(*(getattr(observed, field.name)[index] for field in fields(observed)))


@lru_cache(maxsize=1)
def open_body() -> BodyModel:
    """Return the body of which the network answers."""
    return load_body()


@lru_cache(maxsize=1)
def regressor_start() -> tuple[Skeleton, PosePrior]:
    """Return what `first_poses` starts from."""
    skeleton = regressor_skeleton(open_body())
    return skeleton, make_prior(skeleton.joints)


def save_landmark_network(network: LandmarkNetwork, path: str | Path, card: dict[str, object]) -> None:
    """Write weights as float16 safetensors with a card: what they were trained on, and what they reach.

    Raises:
        OutputError: the file cannot be written.
    """
    made_of = {name: getattr(network, name) for name in ("width", "inner", "depth")}
    save_with_card(halved(network), path, card | made_of | {"configuration": _CONFIGURATION})


@lru_cache(maxsize=2)
def load_landmark_network(path: Path = BUNDLED) -> LandmarkNetwork:
    """Read a network, ready to answer; the bundled one by default.

    Raises:
        InputError: no such file, a damaged one, or weights of another network.
    """
    card, tensors = load_with_card(path, _CONFIGURATION)
    sizes = (card.get("width", 0), card.get("inner", 0), card.get("depth", 2))
    skeleton = regressor_start()[0]  # before: what is made inside has no memory at first
    return filled_network(lambda: LandmarkNetwork(skeleton, *sizes), sizes, tensors, path)
