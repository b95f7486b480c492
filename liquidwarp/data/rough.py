"""True tracks made as rough as recovered ones, so that what is trained on made clips holds on filmed ones."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from liquidwarp.bodies import CANONICAL_JOINTS, BodyModel, relax_hands
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from liquidwarp.types import BodyTrack

_TURN = np.array([0.06, 0.06, 0.012], np.float32)
"""Errors of a limb's direction, radians: towards the camera and away, which pictures show badly, and across."""
_SHAPE, _SCALE, _SHIFT = 0.08, 0.004, 0.003  # of coefficients, of distance (fraction), of place (metres)
_STEADY = 0.7  # fraction of the errors' variance that stays through a clip
_SMOOTH = 0.12  # seconds over which the errors of frames go together


def roughen(body: BodyModel, track: BodyTrack, rng: np.random.Generator, *, amount: float = 1.0) -> BodyTrack:
    """Return a track with the kind of errors that recovery from pictures leaves.

    Limbs point a little elsewhere, each by itself (recovery holds on to landmarks, so errors do not add up along an
    arm), mostly in depth; mostly the same way through the clip; shape and distance are a little off; joints that
    recovery does not see are at rest, and hands are relaxed.

    Args:
        body: the track's body.
        track: a true track.
        rng: where chance comes from.
        amount: 1 for errors as good footage has them; 0 only lets go of the unseen joints.
    """
    count, width = len(track), _SMOOTH * track.fps
    seen = [body.canonical(name) for name in CANONICAL_JOINTS]
    pose = torch.cat([track.global_orient[:, None], track.body_pose], 1)[:, seen]
    whole = axis_angle_to_matrix(pose)
    above = _parents(body, seen)
    for joint, parent in _from_the_root(above):
        whole[:, joint] = whole[:, parent] @ whole[:, joint]
    error = _TURN * _errors(rng, (count, len(seen), 3), width)
    whole = axis_angle_to_matrix(torch.from_numpy(amount * error).float()) @ whole
    local = whole.clone()
    for joint, parent in _from_the_root(above):
        local[:, joint] = whole[:, parent].transpose(1, 2) @ whole[:, joint]
    orient, body_pose = body.expand_pose(matrix_to_axis_angle(local))
    body_pose = relax_hands(body, body_pose)
    shape = torch.from_numpy(rng.normal(0, _SHAPE, track.betas.shape)).float()
    scale = 1 + amount * _SCALE * torch.from_numpy(_errors(rng, (count, 1), width))
    shift = amount * _SHIFT * torch.from_numpy(_errors(rng, (count, 3), width))
    return replace(
        track,
        betas=track.betas + amount * shape,
        global_orient=orient,
        body_pose=body_pose,
        transl=track.transl * scale + shift,
        detector=f"{track.detector}, roughened",
    )


def _parents(body: BodyModel, seen: list[int]) -> list[int]:
    """Return the number in `seen` of the nearest seen joint above each; -1 for the root."""
    above = []
    for joint in seen:
        parent = body.parents[joint]
        while parent >= 0 and parent not in seen:
            parent = body.parents[parent]
        above.append(seen.index(parent) if parent >= 0 else -1)
    return above


def _from_the_root(above: list[int]) -> list[tuple[int, int]]:
    """Return pairs of joint and parent, parents' own pairs first."""
    done, pairs = {joint for joint, parent in enumerate(above) if parent < 0}, []
    while len(done) < len(above):
        level = [(joint, parent) for joint, parent in enumerate(above) if joint not in done and parent in done]
        pairs += level
        done |= {joint for joint, _ in level}
    return pairs


def _errors(rng: np.random.Generator, shape: tuple[int, ...], width: float) -> Float[np.ndarray, "..."]:
    """Return errors of unit spread: one part stays, the other changes smoothly over `width` frames."""
    steady, error = rng.normal(size=(1, *shape[1:])), rng.normal(size=shape)
    if width > 0.3 and shape[0] > 1:
        error = gaussian_filter1d(error, width, axis=0, mode="nearest") * np.sqrt(2 * np.sqrt(np.pi) * width)
    return (np.sqrt(_STEADY) * steady + np.sqrt(1 - _STEADY) * error).astype(np.float32)
