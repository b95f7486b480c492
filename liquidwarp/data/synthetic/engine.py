"""The data engine: clips of clothed people who do not exist, as many as wanted, with everything known about them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp import __version__
from liquidwarp.checks import check_positive
from liquidwarp.data.clip import Clip
from liquidwarp.data.synthetic import cloth_kernels
from liquidwarp.data.synthetic import fast_kernels as kernels
from liquidwarp.data.synthetic.acting import Poses, act, choose_frames, curl_fingers, follow
from liquidwarp.data.synthetic.atlas import BENDS, Baked, bake
from liquidwarp.data.synthetic.fast import draw_person, pose_vertices
from liquidwarp.data.synthetic.layers import Bare
from liquidwarp.data.synthetic.looks import random_look
from liquidwarp.data.synthetic.motions import random_kind, random_motion
from liquidwarp.data.synthetic.people import dress_up
from liquidwarp.data.synthetic.places import Place, prepare_place
from liquidwarp.data.synthetic.sensor import Sensor, expose, random_sensor
from liquidwarp.data.synthetic.shots import choose_shot
from liquidwarp.data.synthetic.truth import SurfaceTruth
from liquidwarp.types import BodyTrack

Rng = np.random.Generator

_SWING_LIMIT = 0.14  # metres
_SUBSTEPS = 6


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
    place: Seed | None = None,
    shadows: bool = True,
    truth: bool = True,
) -> Clip:
    """Make a clip of somebody in some place who does something; the same arguments give the same bytes.

    Args:
        seed: of everything that has no seed of its own.
        frames: how many frames.
        size: (height, width) of a frame.
        kind: of motion (`motions.MOTIONS`); random by default.
        fps: frames a second; random by default, 0 for poses that have nothing to do with each other.
        motions: tracks of the open body ("anny") to move like, instead of invented motions, each other clip.
        person: seed of body, complexion and hair.
        outfit: seed of the clothes.
        place: seed of place and camera.
        shadows: whether the person throws a shadow on the place.
        truth: whether the clip carries its true flow.

    Raises:
        InputError: no frames, an unknown kind, or a track of another body.
    """
    check_positive("frames", frames)
    chances = np.random.default_rng(seed).spawn(5)
    given = zip((person, outfit, place), chances[:3], strict=True)
    own = [chance if one is None else np.random.default_rng(one) for one, chance in given]
    dressed = dress_up(random_look(own[0], own[1]), fine=False)
    baked = bake(dressed, texel=1.2 / min(size))
    poses, rate = _move(chances[3], dressed.bare, frames, kind, fps, motions)
    poses = curl_fingers(dressed.bare, poses, chances[3])
    shot = choose_shot(own[2], dressed.bare, poses, size)
    scenery = prepare_place(shot.setting, shot.camera, shot.level, shot.distance, blur=shot.blur)
    track = BodyTrack(
        dressed.bare.body.name,
        dressed.bare.betas,
        poses.orient,
        poses.pose,
        poses.transl + torch.tensor([[shot.across, shot.level, shot.distance]]),
        shot.camera,
        rate,
        torch.ones(frames),
        torch.ones(frames, dtype=torch.bool),
        "synthetic",
        __version__,
    )
    name = "-".join(f"{part:06d}" for part in np.atleast_1d(seed).tolist())
    clip = film(baked, track, scenery, random_sensor(chances[4]), chances[4], name=name, shadows=shadows)
    return clip if truth else replace(clip, truth=None)


def _move(
    rng: Rng, bare: Bare, frames: int, kind: str | None, fps: float | None, motions: Sequence[BodyTrack]
) -> tuple[Poses, float]:
    if motions and kind is None and rng.random() < 0.5:
        track = motions[int(rng.integers(len(motions)))]
        chosen, rate = choose_frames(rng, track, frames)
        return follow(bare, track, chosen), rate
    kind = kind or random_kind(rng)
    rate = float(rng.choice([4.0, 8.0, 12.5, 25.0])) if fps is None else float(fps)
    moments = random_motion(rng, frames, rate or 8.0, kind=kind)
    return act(bare, moments), 0.0 if kind == "stills" else rate


def film(
    baked: Baked, track: BodyTrack, place: Place, sensor: Sensor, rng: Rng, *, name: str = "", shadows: bool = True
) -> Clip:
    """Take the pictures of a person who moves along a track in a place.

    Args:
        baked: the person; the track's shape must be its own.
        track: poses of the open body.
        place: where, prepared for the track's camera.
        sensor: how pictures come out.
        rng: of the sensor's noise.
        name: of the clip.
        shadows: whether the person throws a shadow on the place.
    """
    count, (height, width) = len(track), track.camera.size
    images, alphas = np.empty((count, height, width, 3), np.uint8), np.empty((count, height, width), np.uint8)
    faces = np.empty((count, height, width), np.int32)
    screen = np.empty((count, len(baked.rest), 3), np.float32)
    if not shadows:
        place = replace(place, share=np.zeros_like(place.share), level=np.inf)
    for number, (vertices, gain) in enumerate(_moving(baked, track)):
        rendered = draw_person(baked, vertices, gain, place, track.camera)
        images[number] = expose(rendered.light, sensor, rng)
        alphas[number] = (rendered.alpha * 255 + 0.5).clip(0, 255).astype(np.uint8)
        faces[number], screen[number] = rendered.face, rendered.screen
    plate = expose(place.plate, replace(sensor, grain=0.0, quality=None), rng)
    return Clip(name, images, alphas, track, plate, name, SurfaceTruth(baked.faces, faces, screen))


def _moving(baked: Baked, track: BodyTrack) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield vertices and folds of every frame; loose cloth lags behind where frames follow one another."""
    body = baked.bare.body
    rest = body.rest_joints(track.betas)
    rotation, translation = body.transforms(rest, track.global_orient, track.body_pose)
    translation = translation + track.transl[:, None]
    transforms = torch.cat([rotation, translation[..., None]], -1).flatten(2).numpy()
    angles = _bend_angles(baked.bare, track)
    state, speed, before = (np.zeros_like(baked.rest) for _ in range(3))
    normals = np.zeros_like(baked.rest)
    legs = _legs(baked.bare, rotation, translation) if baked.drapes.any() else None
    for number in range(len(track)):
        vertices = pose_vertices(baked, transforms[number])
        if track.fps > 0 or legs:
            kernels.face_normals(vertices, baked.faces, normals)
        if legs:
            starts, ends, *radii = legs
            cloth_kernels.push_out(vertices, baked.drapes, normals, starts[number], ends[number], *radii)
        if track.fps > 0:
            first = number == 0
            step = 1 / track.fps
            spring = (_SWING_LIMIT, 160.0, 11.0, step, max(_SUBSTEPS, int(np.ceil(step / 0.02))))
            cloth_kernels.swing(vertices, state, speed, baked.loose, normals, *spring, first, before)
        yield vertices, (baked.bends @ angles[number]).astype(np.float32)


def _legs(bare: Bare, rotation: Tensor, translation: Tensor) -> tuple[np.ndarray, ...]:
    """Return where thighs and shins begin and end in every frame, (T, 4, 3) each, and how thick they are there."""
    rest = bare.body.rest_joints(bare.betas)
    pairs = [
        (f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    points = []
    for end in (0, 1):
        joints = [bare.body.canonical(pair[end]) for pair in pairs]
        points.append(((rotation[:, joints] @ rest[joints][..., None])[..., 0] + translation[:, joints]).numpy())
    bones = (bare.piece.weights[:, bare.joint("left_knee")].toarray()[:, 0] > 0.3) & (bare.piece.rest[:, 0] > 0)
    knee = rest[bare.body.canonical("left_knee")].numpy()
    near = bare.piece.rest[bones & (np.abs(bare.piece.rest[:, 1] - knee[1]) < 0.05)]
    thick = float(np.quantile(np.linalg.norm(near[:, [0, 2]] - knee[[0, 2]], axis=1), 0.8)) + 0.012
    return points[0], points[1], thick * np.array([1.35, 1.0, 1.35, 1.0]), thick * np.array([1.0, 0.8, 1.0, 0.8])


def _bend_angles(bare: Bare, track: BodyTrack) -> Float[np.ndarray, "T 10"]:
    """Return how strongly each of `BENDS` folds cloth in each frame."""
    joints = [bare.body.canonical(name) - 1 for name in BENDS]
    angles = torch.linalg.norm(track.body_pose[:, joints], dim=-1).numpy()
    return np.clip(angles * np.array([1, 1, 1, 1, 1, 1, 0.8, 0.8, 3, 3]), 0, 1.6).astype(np.float32)
