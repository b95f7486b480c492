"""A driver is registered on their own surface, on a toy person painted with patches whose true motion is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fit_samples import JOINT, SIZE, film, relaxed
from torch import Tensor

from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.detect import ClipDetection, MaskStack
from liquidwarp.errors import InputError
from liquidwarp.fit import FitWeights, SurfaceTerm, TrackedPoints, Window, refine_with_masks
from liquidwarp.fit.skeleton import make_skeleton
from liquidwarp.fit.track import read_state
from liquidwarp.geometry import default_camera, project
from liquidwarp.raster import rasterize
from liquidwarp.tasks import recover
from liquidwarp.tasks.register import register_surface
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack

FRAMES = 12
REGISTERED = FitWeights(surface=1.0)
MISREAD = slice(6, 10)
SPINE = ("spine1", "spine2")


@pytest.fixture(scope="module")
def body():
    return toy_body()


def _track(body, pose: Tensor) -> BodyTrack:
    orient, rest = body.expand_pose(pose)
    count = len(pose)
    place = torch.tensor([[0.0, 0.0, 3.0]]).repeat(count, 1)
    sure = torch.ones(count)
    return BodyTrack(
        body.name, torch.zeros(body.num_betas), orient, rest, place, default_camera(SIZE), 24.0, sure, sure.bool()
    )


def _filmed(body, pose: Tensor, seen: Tensor, *, plain: bool = False) -> tuple[ClipDetection, list[np.ndarray]]:
    """Film somebody who moves by `pose`, and whom a detector takes to move by `seen`."""
    track = _track(body, pose)
    vertices = body.vertices(body.identity(track.betas), track.global_orient, track.body_pose, track.transl)
    fragments = rasterize(vertices, body.topology.faces, track.camera)
    # Patches a few centimetres wide on the resting body.
    rest = body.identity(track.betas).vertices.numpy()[body.topology.faces.numpy()].mean(1)
    cell = np.floor(rest / 0.07).astype(np.int64) @ np.array([73856093, 19349663, 83492791])
    color = np.full(len(cell), 120, np.uint8) if plain else (40 + cell % 7 * 30).astype(np.uint8)
    face, shown = fragments.face_index.numpy(), fragments.mask.numpy()
    gray = np.where(shown, color[face.clip(0)], 230).astype(np.uint8)
    masks = MaskStack.pack((one.astype(np.float32) for one in shown), (256, 256))
    keypoints = film(body, track.betas, seen, track.transl, 24.0).keypoints
    return ClipDetection(keypoints, masks, torch.zeros(len(pose), 4), 0), list(np.repeat(gray[..., None], 3, -1))


def _bowing(body) -> tuple[Tensor, Tensor]:
    """Return the poses of somebody who bows slowly, and the same taken to bow by 6 degrees more for some frames."""
    pose = relaxed(body, FRAMES)
    for name in SPINE:
        pose[:, JOINT[name], 0] += torch.linspace(0.0, 0.2, FRAMES)
    wrong = pose.clone()
    for name in SPINE:
        wrong[MISREAD, JOINT[name], 0] += np.radians(6.0) / len(SPINE)
    return pose, wrong


def _error(body, track: BodyTrack, pose: Tensor) -> float:
    """Return how far the upper body's landmarks are from the truth in the misread frames, pixels."""
    names = tuple(name for name in MEDIAPIPE if "shoulder" in name or "ear" in name)
    spots = []
    for one in (track, _track(body, pose)):
        places = body.landmarks(names, one.betas, one.global_orient, one.body_pose, one.transl)
        spots.append(project(one.camera, places)[MISREAD, :, :2])
    return float((spots[0] - spots[1]).norm(dim=-1).mean())


@pytest.fixture(scope="module")
def masks_alone(body):
    """The error that masks leave of a bow that was misread."""
    pose, wrong = _bowing(body)
    found, _ = _filmed(body, pose, wrong)
    track = refine_with_masks(body, found.keypoints, _track(body, wrong), found.masks, rounds=6).track
    return _error(body, track, pose)


def test_a_bow_that_was_misread_comes_back(body, masks_alone):
    pose, wrong = _bowing(body)
    found, frames = _filmed(body, pose, wrong)
    track = _track(body, wrong)
    after = _error(body, register_surface(body, found, track, frames, weights=REGISTERED), pose)
    assert after < 0.5 * _error(body, track, pose)  # although the landmarks insist on it
    assert after < 0.6 * masks_alone


@pytest.mark.slow
def test_a_right_track_stays(body):
    pose, _ = _bowing(body)
    found, frames = _filmed(body, pose, pose)
    registered = register_surface(body, found, _track(body, pose), frames, weights=REGISTERED)
    assert _error(body, registered, pose) < 0.5


@pytest.mark.slow
def test_plain_cloth_tells_nothing(body, masks_alone):
    pose, wrong = _bowing(body)
    found, frames = _filmed(body, pose, wrong, plain=True)
    registered = register_surface(body, found, _track(body, wrong), frames, weights=REGISTERED)
    assert _error(body, registered, pose) == pytest.approx(masks_alone, abs=0.1)


@pytest.mark.parametrize("what", ["nobody", "left out", "no pictures", "one frame"])
def test_what_shows_no_surface_changes_nothing(body, what):
    pose, wrong = _bowing(body)
    found, frames = _filmed(body, pose, wrong)
    track, weights = _track(body, wrong), FitWeights() if what == "left out" else REGISTERED
    if what == "nobody":
        found = replace(found, masks=MaskStack((b"",) * FRAMES, (256, 256)))
    if what == "no pictures":
        frames = []
    if what == "one frame":
        track, frames = track[:1], frames[:1]
    registered = register_surface(body, found, track, frames, weights=weights)
    assert torch.equal(registered.body_pose, track.body_pose)


def test_pictures_of_another_size_are_refused(body):
    pose, _ = _bowing(body)
    found, frames = _filmed(body, pose[:2], pose[:2])
    with pytest.raises(InputError, match="pictures of 256x256 for a track of 512x512"):
        register_surface(body, found, _track(body, pose[:2]), [frame[::2, ::2] for frame in frames], weights=REGISTERED)


def test_pictures_go_with_what_was_detected_in_them(body):
    _, frames = _filmed(body, *(pose[:2] for pose in _bowing(body)))
    with pytest.raises(InputError, match="pictures goes with a ClipDetection"):
        recover(np.stack(frames), body=body, pictures=np.stack(frames))


def test_derivatives_of_the_term_are_those_of_its_residuals(body):
    pose, _ = _bowing(body)
    track = _track(body, pose[:2])
    state = read_state(body, track, track.camera)
    skeleton = make_skeleton(body, ("nose", "left_wrist"), track.betas)
    window = Window(skeleton, state)
    influence = torch.zeros(2, 2, len(skeleton.parents), dtype=torch.float64)
    influence[:, 0, [0, JOINT["spine1"]]] = 1.0  # carried by the spine alone
    influence[:, 1, 0] = 1.0
    points = window.joints[:, :2] + 0.1
    target = project(track.camera.at_origin(), points)[..., :2].double()
    seen = TrackedPoints(points, influence, target, torch.eye(2, dtype=torch.float64).expand(2, 2, 2, 2))
    term = SurfaceTerm.create(body, track, seen)
    (slope,) = term.jacobian(window)
    step = 1e-5
    for unknown in (0, 2, 3 * JOINT["spine1"], 3 * JOINT["spine1"] + 1, slope.shape[-1] - 1):
        move = torch.zeros(2, slope.shape[-1], dtype=torch.float64)
        move[:, unknown] = step
        ahead, back = (Window(skeleton, state.moved(sign * move)) for sign in (1, -1))
        measured = (term.residual(ahead) - term.residual(back)) / (2 * step)
        torch.testing.assert_close(slope[..., unknown], measured, rtol=0.05, atol=0.05 * float(measured.abs().max()))
