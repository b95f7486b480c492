"""The camera of a clip that says nothing of its lens, or of how it was held.

Three numbers are unknown: field of view, pitch and roll. Who stands straight tells pitch and roll by the direction in
which a detector sees him lean, whichever way he faces. The lens shows in how near and far parts of a body differ in
size: the fit of some frames is done with several lenses, and the one that costs least is taken, held to what is usual.
"""

import math
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from liquidwarp.bodies.protocol import BodyModel
from liquidwarp.fit.evidence import knows_standing, standing_line, trust, view_along_ray
from liquidwarp.fit.prior import shortest_rotation
from liquidwarp.fit.skeleton import Skeleton, State
from liquidwarp.fit.solve import cost_of, solve_shape
from liquidwarp.fit.track import Fitter
from liquidwarp.fit.tuning import FIT_TUNING, FitTuning
from liquidwarp.geometry import default_camera, with_lens
from liquidwarp.parallel import one_thread
from liquidwarp.types import Camera, Keypoints


def find_camera(
    body: BodyModel, keypoints: Keypoints, *, fov: float | None = None, tuning: FitTuning = FIT_TUNING
) -> Camera:
    """Estimate the camera of a clip or a picture from the person in it.

    The world of the result is upright (+Y down, as people stand), with the camera at its origin. The lens is estimated
    for clips; a picture has the default one.

    Convention: `Camera`; the fields of view are along the picture's longer side.

    Args:
        body: the body that is fitted.
        keypoints: what a detector saw; without places in space the camera is level.
        fov: degrees, if the lens is known.
        tuning: what is usual.

    Raises:
        InputError: `fov` is none.
    """
    known = tuning.viewpoint
    camera = upright_camera(default_camera(keypoints.size, fov=fov), keypoints, tuning=tuning)
    frames = int(keypoints.present.sum())
    if fov is not None or keypoints.fps <= 0 or frames < known.least_frames or keypoints.world is None:
        return camera
    found = _find_fov(body, keypoints, camera, tuning)
    return upright_camera(default_camera(keypoints.size, fov=found), keypoints, tuning=tuning)


def upright_camera(camera: Camera, keypoints: Keypoints, *, tuning: FitTuning = FIT_TUNING) -> Camera:
    """Return a camera of the same lens at the origin of a world in which the person stands upright.

    Args:
        camera: the lens.
        keypoints: what a detector saw.
        tuning: what part of a lean is the camera's.
    """
    camera = camera.at_origin()
    if keypoints.world is None or not knows_standing(keypoints.names) or camera.orthographic:
        return camera
    image = keypoints.image.double()
    weight = keypoints.confidence.double() * keypoints.present[:, None]
    weight = trust(weight, image, keypoints.size, tuning=tuning.evidence)
    world = view_along_ray(camera, keypoints.world.double(), image, weight)
    along, straight = standing_line(keypoints.names, world, weight, tuning=tuning.evidence)
    upright = straight & _upright(keypoints.names, world, tuning)
    telling = upright if bool(upright.any()) or keypoints.fps <= 0 else straight
    if not bool(telling.any()):
        return camera
    known, pitch = tuning.viewpoint, torch.atan2(along[:, 2], along[:, 1])[telling].median()
    part = known.pitch_part if keypoints.profile.leans else 1.0
    pitch = (part * pitch).clamp(-known.most_pitch, known.most_pitch)
    roll = torch.zeros_like(pitch)
    if bool(upright.any()):
        roll = torch.atan2(along[:, 0], along[:, 1])[upright].median()
        roll = roll**3 / (roll**2 + known.roll_sigma**2)
    down = torch.stack([roll.tan(), torch.ones_like(roll), pitch.tan()])
    down = down / down.norm()
    turn = shortest_rotation(down.new_tensor([0.0, 1.0, 0.0]), down[None])[0]
    return replace(camera, rotation=turn.float())


def _upright(names: tuple[str, ...], world: Float[Tensor, "T L 3"], tuning: FitTuning) -> Bool[Tensor, "T"]:
    """Return the frames in which somebody stands on both feet with the trunk above the legs."""
    shoulder, hip, ankle = (
        torch.stack([world[:, names.index(f"{side}_{joint}")] for side in ("left", "right")])
        for joint in ("shoulder", "hip", "ankle")
    )
    trunk, legs = hip.mean(0) - shoulder.mean(0), ankle.mean(0) - hip.mean(0)
    bend = torch.acos(torch.nn.functional.cosine_similarity(trunk, legs, dim=-1).clamp(-1, 1))
    apart = (ankle[0] - ankle[1]).norm(dim=-1) / legs.norm(dim=-1).clamp_min(1e-6)
    return (bend < tuning.viewpoint.most_bend) & (apart < tuning.viewpoint.most_apart)


def _find_fov(body: BodyModel, keypoints: Keypoints, camera: Camera, tuning: FitTuning) -> float:
    """Return the field of view with which the fit of some frames costs least, held to what is usual."""
    known = tuning.viewpoint
    first = known.fovs.index(known.first_fov)
    costs = np.zeros(len(known.fovs))
    tuning = replace(tuning, shape_frames=known.shape_frames)
    with torch.no_grad(), one_thread():
        start = _with_lens(body, keypoints, camera, known.first_fov, tuning)
        frames = start.telling_frames()
        at_first = _solve(start, start.start(frames), frames, known.steps[0])
        for side in (range(first, len(known.fovs)), range(first - 1, -1, -1)):
            skeleton, state, before = *at_first[:2], known.first_fov
            for number in side:
                fitter = _with_lens(body, keypoints, camera, known.fovs[number], tuning)
                fitter.skeleton = skeleton
                nearer = _focal(known.fovs[number]) / _focal(before)
                state = State(state.rotations, state.place * state.place.new_tensor([1.0, 1.0, nearer]))
                skeleton, state, costs[number] = _solve(fitter, state, frames, known.steps[1], fine=True)
                before = known.fovs[number]
    focal = np.log([_focal(fov) for fov in known.fovs])
    usual = (focal - math.log(_focal(known.usual_fov))) / known.lens_sigma
    best = _lowest(focal, known.worth * costs + usual**2 / 2)
    return math.degrees(2 * math.atan(1 / math.exp(best)))


def _with_lens(body: BodyModel, keypoints: Keypoints, camera: Camera, fov: float, tuning: FitTuning) -> Fitter:
    lens = default_camera(keypoints.size, fov=fov)
    return Fitter(body, keypoints, with_lens(camera, lens), keypoints.fps, tuning=tuning)


def _focal(fov: float) -> float:
    """Return a focal length in halves of the longer side."""
    return 1 / math.tan(math.radians(fov) / 2)


def _solve(
    fitter: Fitter, state: State, frames: Tensor, steps: int, *, fine: bool = False
) -> tuple[Skeleton, State, float]:
    """Fit shape and poses of some frames; return their cost too. `fine`: the state is nearly right."""
    tuning = fitter.tuning.solver
    pull = fitter.weights.shape * (tuning.shape_pull + tuning.shape_pull_per_frame * len(frames))
    if fine:
        tuning = replace(tuning, widening=tuning.widening[-1:])
    problem = fitter.problem(fitter.evidence(state, frames), state, frames)
    skeleton, state = solve_shape(problem, state, steps, pull, tuning=tuning)
    problem = replace(problem, skeleton=skeleton)
    cost = cost_of(problem.terms, problem.window(state), tuning.widening[-1])
    return skeleton, state, cost + pull * float((skeleton.betas**2).sum())


def _lowest(places: Float[np.ndarray, "N"], costs: Float[np.ndarray, "N"]) -> float:
    """Return where a parabola through the lowest of some costs and its neighbours is lowest."""
    best = int(costs.argmin())
    if best in (0, len(costs) - 1):
        return float(places[best])
    part = slice(best - 1, best + 2)
    curve, slope, _ = np.polyfit(places[part] - places[best], costs[part], 2)
    return float(places[best] - slope / (2 * curve))
