"""Our own regressor: landmarks of a few frames to pose, shape and place of the open body."""

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

import liquidwarp
from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.files import atomic_path
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, matrix_to_axis_angle
from liquidwarp.recovery.fit_bias import landmark_offsets
from liquidwarp.recovery.fit_skeleton import JOINTS, Skeleton, make_skeleton
from liquidwarp.recovery.fit_start import bridge, start_rotations, yaw_from_picture
from liquidwarp.recovery.prior import PosePrior, make_prior
from liquidwarp.recovery.regressors.landmark_network import LandmarkNetwork, place_by_landmarks
from liquidwarp.recovery.regressors.observed import Observed, observe
from liquidwarp.types import BodyTrack, Camera, Keypoints

BUNDLED = Path(__file__).parents[1] / "assets" / "landmarks.safetensors"
_BODY, _DETECTOR = "anny", "mediapipe"
_RATE = 25.0  # frames per second that the network knows
_CONFIGURATION = "landmarks"


def regressor_skeleton(body: BodyModel) -> Skeleton:
    """Return the skeleton with the landmarks that the network compares, where the detector puts them."""
    skeleton = make_skeleton(body, MEDIAPIPE, torch.zeros(body.num_betas, dtype=torch.float64))
    return replace(skeleton, points=skeleton.points + landmark_offsets(_BODY, _DETECTOR, MEDIAPIPE))


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
    """Answer a track of the open body for a clip's landmarks, without fitting; about a millisecond a frame.

    The shape is the weighted mean over frames. Frames without the person are bridged.

    Convention: pixels and camera axes as `Camera`; a pinhole camera; `track.transl` in the world of `camera`.

    Args:
        keypoints: what a detector saw; of frames at no rate (`fps` 0) each is looked at alone.
        camera: the clip's camera; by default `geometry.default_camera`.
        network: by default the one that comes with liquidwarp.

    Raises:
        NoPersonError: no frame shows a person.
        InputError: an orthographic camera.
    """
    if not bool(keypoints.present.any()):
        raise NoPersonError(f"no person in any of the {len(keypoints.present)} frames; try a lower detection threshold")
    camera = camera if camera is not None else default_camera(keypoints.size)
    if camera.orthographic:
        raise InputError("landmarks are regressed for a pinhole camera, this one is orthographic; fit instead")
    network = network or load_landmark_network()
    body = load_body(_BODY)
    skeleton, prior = _skeleton()
    with torch.no_grad():
        observed = observe(keypoints, camera)
        start = first_poses(skeleton, prior, observed)
        rotations, betas, place, trust = _answer(network, observed, start, keypoints.present, keypoints.fps)
    rotations, place = bridge(rotations.double(), place.double(), keypoints.present)
    turn, shift = camera.rotation.double(), camera.translation.double()
    rotations[:, 0] = turn.T @ rotations[:, 0]
    orient, pose = body.expand_pose(matrix_to_axis_angle(rotations).float())
    pelvis = body.rest_joints(betas)[body.canonical("pelvis")].double()
    return BodyTrack(
        body=body.name,
        betas=betas,
        global_orient=orient,
        body_pose=pose,
        transl=((place - shift) @ turn - pelvis).float(),
        camera=camera,
        fps=keypoints.fps,
        confidence=trust * keypoints.present,
        observed=keypoints.present.clone(),
        detector=f"{keypoints.detector} + landmark regressor",
        version=liquidwarp.__version__,
    )


def _answer(
    network: LandmarkNetwork, observed: Observed, start: Tensor, present: Bool[Tensor, "T"], fps: float
) -> tuple[Float[Tensor, "T J 3 3"], Float[Tensor, "K"], Float[Tensor, "T 3"], Float[Tensor, "T"]]:
    """Run the network over frames at about the rate that it knows; the shape is one for all."""
    frames = len(start)
    stride = max(1, round(fps / _RATE)) if fps > 0 else 1
    rows = [torch.arange(first, frames, stride) for first in range(min(stride, frames))]
    rows = rows if fps > 0 else list(torch.arange(frames)[:, None])
    rotations, place = torch.zeros(frames, JOINTS, 3, 3), torch.zeros(frames, 3)
    betas = torch.zeros(frames, network.kinematics.joints_basis.shape[0])
    for row in rows:
        found = network(_pick(observed, row), start[row][None])[-1]
        rotations[row], betas[row], place[row] = found.rotations, found.betas, found.place
    share = observed.weight.mean(1) * present
    shape = (betas * share[:, None]).sum(0) / share.sum().clamp_min(1e-6)
    # Places depend on the shape: the mean's are solved for anew.
    _, points = network.kinematics(rotations, shape.expand(frames, -1))
    place = place_by_landmarks(points, observed.picture, observed.weight)
    rotations[:, 0] = observed.ray @ rotations[:, 0]
    return rotations, shape, (observed.ray @ place[..., None])[..., 0], observed.weight.mean(1)


def _pick(observed: Observed, row: Tensor) -> Observed:
    return Observed(
        observed.picture[row][None],
        observed.weight[row][None],
        observed.world[row][None],
        observed.guessed[row][None],
        observed.ray[row][None],
    )


@lru_cache(maxsize=1)
def _skeleton() -> tuple[Skeleton, PosePrior]:
    skeleton = regressor_skeleton(load_body(_BODY))
    return skeleton, make_prior(skeleton.joints)


def save_landmark_network(network: LandmarkNetwork, path: str | Path, card: dict[str, object]) -> None:
    """Write weights as float16 safetensors with a card: what they were trained on, and what they reach.

    Raises:
        OutputError: the file cannot be written.
    """
    from safetensors.torch import save

    told = card | {"configuration": _CONFIGURATION, "width": network.width, "inner": network.inner}
    tensors = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    with atomic_path(path) as partial:
        partial.write_bytes(save(tensors, {"card": json.dumps(told, sort_keys=True)}))


@lru_cache(maxsize=2)
def load_landmark_network(path: Path = BUNDLED) -> LandmarkNetwork:
    """Read a network, ready to answer; the bundled one by default.

    Raises:
        InputError: no such file, a damaged one, or weights of another network.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            card = json.loads((file.metadata() or {}).get("card", "{}"))
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 -- not a dict
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as weights ({error}); give a safetensors file") from error
    if card.get("configuration") != _CONFIGURATION:
        found = card.get("configuration", "an unknown network")
        raise InputError(f"{path}: weights of {found!r}, wanted {_CONFIGURATION!r}")
    network = LandmarkNetwork(_skeleton()[0], card["width"], card["inner"]).eval().requires_grad_(False)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path}: does not fit the network ({str(error).splitlines()[-1].strip()})") from error
    return network
