"""People in motion before a camera, and what a landmark detector would say of them: truth for body recovery."""

import math
from dataclasses import replace

import numpy as np
import torch
from torch.nn.functional import pad

from liquidwarp import __version__
from liquidwarp.bodies import load_body
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.checks import check_positive
from liquidwarp.detect import MEDIAPIPE_PROFILE
from liquidwarp.errors import InputError
from liquidwarp.fit.skeleton import pose_skeleton
from liquidwarp.fit.track import read_state
from liquidwarp.geometry import axis_angle_to_matrix, default_camera
from liquidwarp.regress.landmarks import regressor_skeleton
from liquidwarp.regress.pose_noise import simulate_detector
from liquidwarp.synth.motion.animation import animate
from liquidwarp.synth.motion.generators import random_motion
from liquidwarp.synth.people.body_layers import BareBody
from liquidwarp.synth.people.random_people import random_appearance
from liquidwarp.types import BodyTrack, Camera, Keypoints

MOVING_KINDS = ("turn", "walk", "dance", "reach")
"""Kinds of motion that are motions; "stills" are poses that have nothing to do with each other."""

_TALL = 1.75  # metres, that the picture's height is measured by
_MIDDLE = -0.85  # height (down) of a person's middle, metres
_DETECTOR = "mediapipe-simulated"


def moving_person(
    seed: int | tuple[int, ...],
    frames: int = 48,
    *,
    kind: str = "dance",
    fps: float = 25.0,
    size: tuple[int, int] = (512, 512),
) -> BodyTrack:
    """Invent a person of the open body, a motion, and a camera with a lens of its own; the same seed, the same track.

    The lens is between 0.8 and 1.5 times as long as `geometry.default_camera`'s, the camera tilted by some degrees,
    the person 45 to 90 per cent of the picture's height.

    Args:
        seed: where chance comes from.
        frames: how many.
        kind: of motion, see `motion.generators.MOTIONS`.
        fps: frames a second.
        size: (height, width) of the picture.

    Raises:
        InputError: no frames, or an unknown kind.
    """
    check_positive("frames", frames)
    rng = np.random.default_rng(seed)
    bare = BareBody.create(random_appearance(rng).shape)
    poses = animate(bare, random_motion(rng, frames, fps, kind=kind))
    return BodyTrack(
        body=bare.body.name,
        betas=bare.betas,
        global_orient=poses.global_orient,
        body_pose=poses.body_pose,
        transl=poses.transl,
        camera=_camera(rng, size),
        fps=fps,
        confidence=torch.ones(frames, dtype=torch.float32),
        observed=torch.ones(frames, dtype=torch.bool),
        detector="truth",
        version=__version__,
    )


def _camera(rng: np.random.Generator, size: tuple[int, int]) -> Camera:
    focal = float(default_camera(size).lens[0]) * math.exp(rng.uniform(math.log(0.8), math.log(1.5)))
    fill = rng.uniform(0.45, 0.9)
    away = focal * _TALL / (fill * size[0])
    pitch, roll = np.deg2rad([6.0, 1.0]) * rng.normal(size=2)
    rotation = axis_angle_to_matrix(torch.tensor([float(pitch), 0.0, 0.0], dtype=torch.float32))
    rotation = axis_angle_to_matrix(torch.tensor([0.0, 0.0, float(roll)], dtype=torch.float32)) @ rotation
    aside, up = rng.uniform(-0.12, 0.12, 2) * (1 - fill) * away
    place = torch.tensor([float(aside), float(up), float(away)], dtype=torch.float32)
    camera = Camera.create(focal, size)
    middle = torch.tensor([0.0, _MIDDLE, 0.0], dtype=torch.float32)
    return replace(camera, rotation=rotation, translation=place - rotation @ middle)


def simulate_keypoints(track: BodyTrack, seed: int, *, level: float = 1.0) -> Keypoints:
    """Return what MediaPipe would say of a person, with its errors (`recovery.regressors.noise`).

    Convention: `Keypoints.world` in the camera's axes as detectors guess them; the camera's lens stays unsaid.

    Args:
        track: the true motion, of the open body; joints beyond the canonical ones are taken to rest.
        seed: where chance comes from; the same seed gives the same errors, larger with the level.
        level: 1 is as measured on real clips, 0 is the truth.

    Raises:
        InputError: the track is of another body, or its camera is orthographic.
    """
    body = load_body()
    if track.body != body.name or track.camera.orthographic:
        raise InputError(f"a detector is simulated for {body.name!r} before a pinhole camera, not for {track.body!r}")
    camera = track.camera
    state = read_state(body, track, camera)
    skeleton = regressor_skeleton(body).at(track.betas.double())
    points = pose_skeleton(skeleton, state.rotations, state.place).points.float()
    rest = body.identity(track.betas).vertices[:, 1]
    stature = float(rest.amax() - rest.amin())
    generator = torch.Generator().manual_seed(seed)
    found = simulate_detector(points[None], stature, generator, level=float(level))
    return Keypoints(
        names=MEDIAPIPE,
        image=camera.to_pixels(pad(found.flat[0], (0, 1), value=1.0)),
        confidence=found.confidence[0],
        world=found.world[0],
        present=torch.ones(len(track), dtype=torch.bool),
        size=camera.size,
        fps=track.fps,
        detector=_DETECTOR,
        profile=MEDIAPIPE_PROFILE,
    )
