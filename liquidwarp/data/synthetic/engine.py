"""The data engine: clips of clothed people who do not exist, as many as wanted, with everything known about them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from liquidwarp import __version__
from liquidwarp.checks import check_positive
from liquidwarp.data.clip import Clip
from liquidwarp.data.synthetic import fast_kernels as kernels
from liquidwarp.data.synthetic.atlas import BENDS, Baked, bake
from liquidwarp.data.synthetic.fast import draw_person, pose_vertices
from liquidwarp.data.synthetic.layers import Bare
from liquidwarp.data.synthetic.looks import random_look
from liquidwarp.data.synthetic.motions import Moment, random_motion
from liquidwarp.data.synthetic.people import dress_up
from liquidwarp.data.synthetic.places import Place, prepare_place
from liquidwarp.data.synthetic.poses import strike
from liquidwarp.data.synthetic.scenes import Setting, random_scene
from liquidwarp.data.synthetic.sensor import Sensor, expose, random_sensor
from liquidwarp.data.synthetic.truth import SurfaceTruth
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from liquidwarp.types import BodyTrack, Camera

Rng = np.random.Generator

_SWING_LIMIT = 0.14  # metres
_SUBSTEPS = 6


def synthetic_clip(
    seed: int | Sequence[int],
    frames: int = 24,
    size: tuple[int, int] = (256, 256),
    *,
    kind: str | None = None,
    motions: Sequence[BodyTrack] = (),
    shadows: bool = True,
    truth: bool = True,
) -> Clip:
    """Make a clip of somebody in some place who does something; the same arguments give the same bytes.

    Args:
        seed: a number or several, such as (data set, clip).
        frames: how many frames.
        size: (height, width) of a frame.
        kind: of motion (`motions.MOTIONS`); random by default.
        motions: tracks of the open body ("anny") to move like, instead of invented motions, each other clip.
        shadows: whether the person throws a shadow on the place.
        truth: whether the clip carries its true flow.
    """
    check_positive("frames", frames)
    rng = np.random.default_rng(seed)
    look_rng, scene_rng, motion_rng, sensor_rng = rng.spawn(4)
    person = dress_up(random_look(look_rng), fine=False)
    baked = bake(person, texel=1.2 / min(size))
    fps = float(motion_rng.choice([4.0, 8.0, 12.5, 25.0]))
    poses = _poses(person.bare, random_motion(motion_rng, frames, fps, kind=kind))
    shot = _frame(scene_rng, person.bare, size)
    setting = (shot.setting.scene, shot.camera, shot.level, shot.distance)
    place = prepare_place(*setting, boxes=shot.setting.boxes, blur=shot.blur)
    track = BodyTrack(
        "anny",
        person.bare.betas,
        poses.orient,
        poses.pose,
        poses.transl + torch.tensor([[shot.across, shot.level, shot.distance]]),
        shot.camera,
        fps,
        torch.ones(frames),
        torch.ones(frames, dtype=torch.bool),
        "synthetic",
        __version__,
    )
    name = "-".join(f"{part:06d}" for part in np.atleast_1d(seed).tolist())
    clip = film(baked, track, place, random_sensor(sensor_rng), sensor_rng, name=name, shadows=shadows)
    return clip if truth else replace(clip, truth=None)


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
    for number in range(len(track)):
        vertices = pose_vertices(baked, transforms[number])
        if track.fps > 0:
            kernels.face_normals(vertices, baked.faces, normals)
            first = number == 0
            step = 1 / track.fps
            spring = (_SWING_LIMIT, 160.0, 11.0, step, max(_SUBSTEPS, int(np.ceil(step / 0.02))))
            kernels.swing(vertices, state, speed, baked.loose, normals, *spring, first, before)
        yield vertices, (baked.bends @ angles[number]).astype(np.float32)


def _bend_angles(bare: Bare, track: BodyTrack) -> Float[np.ndarray, "T 10"]:
    """Return how strongly each of `BENDS` folds cloth in each frame."""
    joints = [bare.body.canonical(name) - 1 for name in BENDS]
    angles = torch.linalg.norm(track.body_pose[:, joints], dim=-1).numpy()
    return np.clip(angles * np.array([1, 1, 1, 1, 1, 1, 0.8, 0.8, 3, 3]), 0, 1.6).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Poses:
    orient: torch.Tensor
    pose: torch.Tensor
    transl: torch.Tensor


def _poses(bare: Bare, moments: list[Moment]) -> _Poses:
    """Return the moments' poses over a floor at Y = 0 around X = Z = 0."""
    struck = [strike(bare, moment.stance) for moment in moments]
    orient = torch.cat([pose.global_orient for pose in struck])
    transl = torch.cat([pose.transl for pose in struck])
    heading = torch.tensor([[0.0, -moment.heading, 0.0] for moment in moments], dtype=torch.float32)
    turn = axis_angle_to_matrix(heading)
    root = bare.body.rest_joints(bare.betas)[0]
    moved = (turn @ (root + transl)[..., None])[..., 0] - root
    moved = moved + torch.tensor([[moment.across, 0.0, moment.away] for moment in moments], dtype=torch.float32)
    orient = matrix_to_axis_angle(turn @ axis_angle_to_matrix(orient))
    return _Poses(orient, torch.cat([pose.body_pose for pose in struck]), moved)


@dataclass(frozen=True, eq=False)
class _Shot:
    setting: Setting
    camera: Camera
    level: float
    distance: float
    across: float
    blur: float


def _frame(rng: Rng, bare: Bare, size: tuple[int, int]) -> _Shot:
    """Choose a place and a camera that has the standing person in view."""
    setting = random_scene(rng)
    tall = float(bare.piece.rest[:, 1].max() - bare.piece.rest[:, 1].min()) + 0.04
    height, width = size
    field = float(rng.uniform(0.45, 0.95))
    focal = max(size) / 2 / np.tan(field / 2)
    fill = float(rng.uniform(0.6, 0.88))
    distance = tall * focal / (fill * height)
    level = float(np.clip(rng.normal(1.1, 0.3), 0.3, 1.7))
    middle = (level - tall / 2) * focal / distance  # of the person, below the optical axis, pixels
    center_y = height * (0.5 + rng.uniform(-0.3, 0.5) * (1 - fill) * 0.5) - middle
    center_x = width * (0.5 + rng.normal() * 0.03)
    across = float(rng.normal() * 0.08)
    camera = Camera.create(float(focal), size, (float(center_x), float(center_y)))
    blur = float(rng.choice([0.3, 0.6, rng.uniform(0.6, 3.5)])) * height / 256
    return _Shot(setting, camera, level, distance, across, blur)
