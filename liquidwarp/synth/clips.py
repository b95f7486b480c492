"""Synthetic clips: clothed people who do not exist, as many as wanted, with everything known about them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from liquidwarp import __version__
from liquidwarp.checks import check_positive
from liquidwarp.synth.ground_truth import SurfaceTruth
from liquidwarp.synth.motion.animation import animate, choose_frames, curl_fingers, follow_track
from liquidwarp.synth.motion.cloth import move_person
from liquidwarp.synth.motion.generators import random_kind, random_motion
from liquidwarp.synth.motion.stances import PoseSequence
from liquidwarp.synth.people.body_layers import BareBody
from liquidwarp.synth.people.dressed_person import dress_person
from liquidwarp.synth.people.mesh_colors import BakedPerson, bake_person
from liquidwarp.synth.people.random_people import random_appearance
from liquidwarp.synth.render.baked_renderer import render_baked
from liquidwarp.synth.render.camera_sensor import CameraSensor, expose, random_sensor
from liquidwarp.synth.scenes.backgrounds import Background, render_background
from liquidwarp.synth.scenes.framing import choose_shot
from liquidwarp.types import BodyTrack, Clip

Rng = np.random.Generator

Seed = int | Sequence[int]
"""A number, or several such as (data set, clip); every seed gives other chances."""


def synthetic_clip(
    seed: Seed,
    frames: int = 24,
    size: tuple[int, int] = (256, 256),
    *,
    kind: str | None = None,
    fps: float | None = None,
    motions: Sequence[BodyTrack] = (),
    person: Seed | None = None,
    outfit: Seed | None = None,
    scene: Seed | None = None,
    shadows: bool = True,
    truth: bool = True,
) -> Clip:
    """Make a clip of somebody in some scene who does something; the same arguments give the same bytes.

    Args:
        seed: of everything that has no seed of its own.
        frames: how many frames.
        size: (height, width) of a frame.
        kind: of motion (`motion.generators.MOTIONS`); random by default.
        fps: frames a second; random by default, 0 for poses that have nothing to do with each other.
        motions: tracks of the open body ("anny") to move like, instead of invented motions, each other clip.
        person: seed of body, complexion and hair.
        outfit: seed of the clothes.
        scene: seed of scene and camera.
        shadows: whether the person throws a shadow on the background.
        truth: whether the clip carries its true flow.

    Raises:
        InputError: no frames, an unknown kind, or a track of another body.
    """
    check_positive("frames", frames)
    chances = np.random.default_rng(seed).spawn(5)
    given = zip((person, outfit, scene), chances[:3], strict=True)
    own = [chance if one is None else np.random.default_rng(one) for one, chance in given]
    dressed = dress_person(random_appearance(own[0], own[1]), fine=False)
    baked = bake_person(dressed, texel=1.2 / min(size))
    poses, rate = _choose_motion(chances[3], dressed.bare, frames, kind, fps, motions)
    poses = curl_fingers(dressed.bare, poses, chances[3])
    shot = choose_shot(own[2], dressed.bare, poses, size)
    background = render_background(shot.scene, shot.camera, shot.floor, shot.distance, blur=shot.blur)
    track = BodyTrack(
        dressed.bare.body.name,
        dressed.bare.betas,
        poses.global_orient,
        poses.body_pose,
        poses.transl + torch.tensor([[shot.across, shot.floor, shot.distance]], dtype=torch.float32),
        shot.camera,
        rate,
        torch.ones(frames, dtype=torch.float32),
        torch.ones(frames, dtype=torch.bool),
        "synthetic",
        __version__,
    )
    name = "-".join(f"{part:06d}" for part in np.atleast_1d(seed).tolist())
    sensor = random_sensor(chances[4])
    clip = render_clip(baked, track, background, sensor, chances[4], name=name, shadows=shadows)
    return clip if truth else replace(clip, truth=None)


def _choose_motion(
    rng: Rng, bare: BareBody, frames: int, kind: str | None, fps: float | None, motions: Sequence[BodyTrack]
) -> tuple[PoseSequence, float]:
    if motions and kind is None and rng.random() < 0.5:
        track = motions[int(rng.integers(len(motions)))]
        chosen, rate = choose_frames(rng, track, frames)
        return follow_track(bare, track, chosen), rate
    kind = kind or random_kind(rng)
    rate = float(rng.choice([4.0, 8.0, 12.5, 25.0])) if fps is None else float(fps)
    moments = random_motion(rng, frames, rate or 8.0, kind=kind)
    return animate(bare, moments), 0.0 if kind == "stills" else rate


def render_clip(
    baked: BakedPerson,
    track: BodyTrack,
    background: Background,
    sensor: CameraSensor,
    rng: Rng,
    *,
    name: str = "",
    shadows: bool = True,
) -> Clip:
    """Take the pictures of a person who moves along a track.

    Args:
        baked: the person; the track's shape must be its own.
        track: poses of the open body.
        background: where, rendered for the track's camera.
        sensor: how pictures come out.
        rng: of the sensor's noise.
        name: of the clip.
        shadows: whether the person throws a shadow on the background.
    """
    count, (height, width) = len(track), track.camera.size
    images, alphas = np.empty((count, height, width, 3), np.uint8), np.empty((count, height, width), np.uint8)
    face_index = np.empty((count, height, width), np.int32)
    screen = np.empty((count, len(baked.rest), 3), np.float32)
    if not shadows:
        background = replace(background, key_fraction=np.zeros_like(background.key_fraction), floor=np.inf)
    for number, (vertices, fold_gain) in enumerate(move_person(baked, track)):
        rendered = render_baked(baked, vertices, fold_gain, background, track.camera)
        images[number] = expose(rendered.radiance, sensor, rng)
        alphas[number] = (rendered.alpha * 255 + 0.5).clip(0, 255).astype(np.uint8)
        face_index[number], screen[number] = rendered.face_index, rendered.screen
    empty = expose(background.radiance, replace(sensor, grain=0.0, quality=None), rng)
    return Clip(name, images, alphas, track, empty, name, SurfaceTruth(baked.faces, face_index, screen))
