"""The people and the dance of the demo."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from liquidwarp import __version__
from liquidwarp.geometry import default_camera, distance_of_length
from liquidwarp.synth.motion.stances import PoseSequence, Stance, blend_stances, pose_from_stance
from liquidwarp.synth.people.dressed_person import DressedPerson, PersonAppearance, dress_person
from liquidwarp.synth.people.fabrics import Fabric
from liquidwarp.synth.people.garments import Garment
from liquidwarp.synth.people.hair import HairStyle
from liquidwarp.synth.people.skin import Complexion
from liquidwarp.synth.render.procedural_renderer import RenderedPicture, RenderSettings, render_procedural
from liquidwarp.synth.scenes.backdrops import Backdrop
from liquidwarp.synth.scenes.lighting import Lighting
from liquidwarp.types import BodyTrack, Camera

FPS = 25
SECONDS = 4.0


@dataclass(frozen=True)
class Portrait:
    """A person, a pose and a backdrop.

    Attributes:
        appearance: who.
        stance: how.
        backdrop: where.
        fill: fraction of the picture's height that the person takes.
    """

    appearance: PersonAppearance
    stance: Stance
    backdrop: Backdrop
    fill: float = 0.74


_INDOORS = Lighting(-0.65, 0.75, 0.25, (0.95, 0.91, 0.85), (0.52, 0.56, 0.62), (0.32, 0.29, 0.26))
_STUDIO = Lighting(0.55, 0.8, 0.4, (0.9, 0.9, 0.9), (0.62, 0.63, 0.65), (0.4, 0.4, 0.4))
_DAYLIGHT = Lighting(-0.8, 0.85, 0.15, (1.05, 0.98, 0.86), (0.55, 0.64, 0.78), (0.30, 0.30, 0.26))

_WHITE = Fabric("plain", (0.9, 0.9, 0.88))

PORTRAITS: dict[str, Portrait] = {
    "woman_stripes": Portrait(
        PersonAppearance(
            {"gender": 0.9, "weight": -0.35, "muscle": -0.1, "proportions": 0.9, "height": 0.1, "age": -0.2},
            Complexion((0.86, 0.67, 0.57), (0.70, 0.36, 0.36), (0.33, 0.24, 0.16), (0.22, 0.14, 0.10), makeup=0.6),
            HairStyle((0.27, 0.16, 0.09), length=0.75, volume=0.018),
            (
                Garment("shoes", Fabric("leather", (0.72, 0.22, 0.2)), trim=_WHITE),
                Garment("trousers", Fabric("denim", (0.22, 0.30, 0.45), (0.55, 0.63, 0.74)), length=0.96),
                Garment("top", Fabric("stripes", (0.88, 0.87, 0.84), (0.12, 0.17, 0.33), 0.045), 0.4, 0.36),
            ),
        ),
        Stance(left_arm=(0.42, 0.9, 0.03), right_arm=(-0.42, 0.9, 0.03)),
        Backdrop("plaster", _INDOORS, (0.70, 0.69, 0.66), (0.52, 0.37, 0.25), seed=3),
    ),
    "man_jacket": Portrait(
        PersonAppearance(
            {"gender": -0.9, "weight": -0.1, "muscle": 0.25, "height": 0.2, "proportions": 0.9},
            Complexion((0.76, 0.56, 0.44), (0.62, 0.37, 0.33), (0.22, 0.15, 0.10), (0.12, 0.08, 0.06), stubble=0.6),
            HairStyle((0.13, 0.09, 0.07), volume=0.022, part=0.03, seed=4),
            (
                Garment("shoes", Fabric("leather", (0.30, 0.18, 0.11)), trim=Fabric("plain", (0.78, 0.75, 0.68))),
                Garment("trousers", Fabric("denim", (0.20, 0.26, 0.38), (0.50, 0.58, 0.70), seed=2), 0.97, ease=0.014),
                Garment("top", Fabric("print", (0.86, 0.86, 0.84), (0.16, 0.32, 0.34), 0.075), 0.8, 0.3, neck=0.098),
                Garment(
                    "jacket",
                    Fabric("plain", (0.16, 0.24, 0.22), seed=5),
                    length=0.55,
                    sleeve=0.94,
                    ease=0.02,
                    neck=0.108,
                    trim=Fabric("knit", (0.10, 0.14, 0.13), scale=0.006),
                ),
            ),
        ),
        Stance(left_arm=(0.44, 0.89, 0.05), right_arm=(-0.44, 0.89, 0.05), turn=0.12),
        Backdrop("brick", _DAYLIGHT, (0.55, 0.31, 0.25), (0.55, 0.54, 0.52), seed=5),
    ),
    "woman_checks": Portrait(
        PersonAppearance(
            {"gender": 0.85, "weight": 0.0, "muscle": 0.0, "height": -0.1, "proportions": 0.8},
            Complexion((0.55, 0.36, 0.26), (0.50, 0.22, 0.22), (0.16, 0.09, 0.05), (0.06, 0.04, 0.03), makeup=0.7),
            HairStyle((0.07, 0.05, 0.045), volume=0.02, part=0.0, bun=True, seed=8),
            (
                Garment("shoes", Fabric("leather", (0.80, 0.68, 0.30)), trim=_WHITE),
                Garment("trousers", Fabric("plain", (0.33, 0.37, 0.28), seed=6), length=0.13, ease=0.022),
                Garment(
                    "top", Fabric("checks", (0.80, 0.76, 0.68), (0.55, 0.13, 0.16), 0.05, seed=3), 0.4, 0.72, ease=0.014
                ),
            ),
        ),
        Stance(left_arm=(0.45, 0.88, 0.0), right_arm=(-0.45, 0.88, 0.0), turn=-0.1),
        Backdrop("park", _DAYLIGHT, floor_color=(0.62, 0.60, 0.56), wall_distance=4.0, seed=2),
    ),
}
"""The source pictures by name."""

DANCER = PersonAppearance(
    {"gender": -0.5, "weight": -0.3, "muscle": 0.1, "height": 0.1, "proportions": 0.8},
    Complexion((0.68, 0.48, 0.36), (0.58, 0.32, 0.29), (0.20, 0.13, 0.09), (0.10, 0.07, 0.05)),
    HairStyle((0.10, 0.08, 0.07), volume=0.018, part=-0.03, seed=14),
    (
        Garment("shoes", Fabric("leather", (0.80, 0.80, 0.80)), trim=_WHITE),
        Garment("trousers", Fabric("plain", (0.20, 0.21, 0.25), seed=11), length=0.97, ease=0.014),
        Garment("top", Fabric("plain", (0.80, 0.36, 0.16), seed=12), 0.4, 0.34, ease=0.014),
    ),
)
"""Who dances in the motion."""

_DANCE_FILL = 0.68
_DANCE_BACKDROP = Backdrop("studio", _STUDIO, (0.74, 0.76, 0.78), wall_distance=1.4, seed=9)


def photograph(portrait: Portrait, size: tuple[int, int], settings: RenderSettings | None = None) -> RenderedPicture:
    """Take a source picture; the same portrait gives the same bytes."""
    person = dress_person(portrait.appearance)
    camera = default_camera(size)
    pose, floor = _place(person, portrait.stance, camera, portrait.fill)
    return render_procedural(person, pose, camera, portrait.backdrop, floor=floor, settings=settings)


def dance_frames(
    size: tuple[int, int],
    *,
    frames: int | None = None,
    settings: RenderSettings | None = None,
    stances: Sequence[Stance] | None = None,
) -> Iterator[RenderedPicture]:
    """Yield the pictures of the dance, or of other stances of the dancer's."""
    person = dress_person(DANCER)
    camera = default_camera(size)
    settings = settings or RenderSettings(supersample=2, rays=20, grain=0.8, blur=0.0)
    for number, stance in enumerate((stances or _stances())[:frames]):
        pose, floor = _place(person, stance, camera, _DANCE_FILL)
        yield render_procedural(person, pose, camera, _DANCE_BACKDROP, floor=floor, settings=settings, seed=number)


def dance_track(size: tuple[int, int]) -> BodyTrack:
    """Return the true motion of the dance."""
    person = dress_person(DANCER)
    camera = default_camera(size)
    poses = [_place(person, stance, camera, _DANCE_FILL)[0] for stance in _stances()]
    return BodyTrack(
        "anny",
        person.bare.betas,
        torch.cat([pose.global_orient for pose in poses]),
        torch.cat([pose.body_pose for pose in poses]),
        torch.cat([pose.transl for pose in poses]),
        camera,
        float(FPS),
        torch.ones(len(poses), dtype=torch.float32),
        torch.ones(len(poses), dtype=torch.bool),
        "synthetic",
        __version__,
    )


def _place(person: DressedPerson, stance: Stance, camera: Camera, fill: float) -> tuple[PoseSequence, float]:
    """Put a standing person in the middle of a picture, and return the height of the floor too."""
    rest = person.bare.mesh.rest
    height = float(rest[:, 1].max() - rest[:, 1].min()) + 0.04
    distance = distance_of_length(camera, height / fill, float(camera.size[0]))
    floor = 0.445 * height / fill
    pose = pose_from_stance(person.bare, stance)
    return replace(pose, transl=pose.transl + torch.tensor([[0.0, floor, distance]], dtype=torch.float32)), floor


def _stances() -> list[Stance]:
    times, stances = zip(*_KEYS, strict=True)
    at = np.arange(round(SECONDS * FPS)) / FPS
    return blend_stances(list(times), list(stances), at)


_LEFT, _RIGHT = (0.02, 0.0, 0.0, 0.25), (-0.02, 0.0, 0.0, -0.25)
_WIDE_LEFT, _WIDE_RIGHT = (0.17, 0.0, 0.0, 0.4), (-0.17, 0.0, 0.0, -0.4)
_QUARTER = math.pi / 2

_KEYS: tuple[tuple[float, Stance], ...] = (
    (0.0, Stance(left_foot=_LEFT, right_foot=_RIGHT)),
    (
        0.3,  # weight to the right, left foot lifted
        Stance(
            pelvis=(-0.07, 0.04, 0.0),
            left_foot=(0.10, 0.07, -0.02, 0.35),
            right_foot=_RIGHT,
            left_arm=(0.75, 0.66, -0.1),
            left_forearm=(0.5, 0.5, -0.7),
            right_arm=(-0.7, 0.7, -0.1),
            right_forearm=(-0.4, 0.4, -0.8),
        ),
    ),
    (
        0.6,  # side step, arms open
        Stance(
            pelvis=(0.07, 0.08, 0.0),
            left_foot=_WIDE_LEFT,
            right_foot=_RIGHT,
            lean=(0.08, 0.06),
            left_arm=(0.98, 0.1, -0.1),
            left_forearm=(0.95, -0.25, -0.1),
            right_arm=(-0.98, 0.1, -0.1),
            right_forearm=(-0.95, -0.25, -0.1),
            head=(0.0, 0.2, 0.0),
        ),
    ),
    (
        0.9,
        Stance(
            pelvis=(0.15, 0.04, 0.0),
            left_foot=_WIDE_LEFT,
            right_foot=(0.04, 0.09, 0.02, -0.2),
            left_arm=(0.8, -0.5, -0.1),
            left_forearm=(0.35, -0.93, -0.1),
            right_arm=(-0.7, 0.65, -0.1),
            right_forearm=(0.1, 0.5, -0.85),
            twist=0.2,
        ),
    ),
    (
        1.3,  # feet together on the left, arm up
        Stance(
            pelvis=(0.14, 0.03, 0.0),
            left_foot=_WIDE_LEFT,
            right_foot=(0.15, 0.0, 0.0, -0.2),
            lean=(0.0, -0.1),
            left_arm=(0.35, -0.92, -0.1),
            left_forearm=(0.15, -0.98, 0.0),
            right_arm=(-0.6, 0.75, -0.05),
            right_forearm=(-0.3, 0.8, -0.5),
            head=(-0.15, 0.15, 0.05),
        ),
    ),
    (
        1.65,
        Stance(
            pelvis=(0.03, 0.07, 0.0),
            left_foot=_WIDE_LEFT,
            right_foot=(-0.08, 0.06, 0.0, -0.35),
            left_arm=(0.85, 0.3, -0.2),
            left_forearm=(0.4, -0.2, -0.9),
            right_arm=(-0.85, 0.3, -0.2),
            right_forearm=(-0.4, -0.2, -0.9),
        ),
    ),
    (
        2.0,  # wide and low
        Stance(
            pelvis=(0.0, 0.16, 0.0),
            left_foot=_WIDE_LEFT,
            right_foot=_WIDE_RIGHT,
            lean=(0.15, 0.0),
            left_arm=(0.9, 0.35, -0.2),
            left_forearm=(0.25, -0.95, -0.2),
            right_arm=(-0.9, 0.35, -0.2),
            right_forearm=(-0.25, -0.95, -0.2),
        ),
    ),
    (
        2.3,
        Stance(
            pelvis=(-0.08, 0.05, 0.0),
            turn=0.35,
            left_foot=(0.06, 0.08, -0.05, 0.5),
            right_foot=_WIDE_RIGHT,
            left_arm=(0.7, 0.6, -0.3),
            left_forearm=(0.0, 0.4, -0.9),
            right_arm=(-0.8, 0.5, 0.1),
            right_forearm=(-0.7, 0.6, -0.3),
        ),
    ),
    (
        2.65,  # turned to the left side, arms in front and behind
        Stance(
            pelvis=(-0.10, 0.06, 0.0),
            turn=0.55 * _QUARTER,
            twist=0.25,
            left_foot=(-0.02, 0.0, -0.10, 0.9),
            right_foot=(-0.17, 0.0, 0.0, 0.3),
            left_arm=(0.9, 0.25, 0.25),
            left_forearm=(0.95, 0.1, 0.1),
            right_arm=(-0.35, 0.2, -0.9),
            right_forearm=(-0.1, -0.1, -0.98),
        ),
    ),
    (
        3.0,
        Stance(
            pelvis=(-0.05, 0.05, 0.0),
            turn=-0.2,
            left_foot=(-0.02, 0.0, -0.10, 0.9),
            right_foot=(-0.08, 0.08, -0.02, -0.2),
            left_arm=(0.7, 0.6, -0.3),
            left_forearm=(0.2, 0.3, -0.9),
            right_arm=(-0.8, -0.4, -0.2),
            right_forearm=(-0.5, -0.85, -0.1),
        ),
    ),
    (
        3.35,  # both arms up
        Stance(
            pelvis=(-0.03, 0.02, 0.0),
            turn=-0.1,
            left_foot=(0.0, 0.05, -0.04, 0.4),
            right_foot=(-0.06, 0.0, 0.0, -0.2),
            left_arm=(0.5, -0.85, -0.1),
            left_forearm=(0.25, -0.96, -0.05),
            right_arm=(-0.5, -0.85, -0.1),
            right_forearm=(-0.25, -0.96, -0.05),
            head=(-0.2, 0.0, 0.0),
        ),
    ),
    (
        3.7,
        Stance(
            pelvis=(-0.01, 0.03, 0.0),
            left_foot=_LEFT,
            right_foot=(-0.06, 0.0, 0.0, -0.2),
            left_arm=(0.85, 0.5, -0.1),
            left_forearm=(0.7, 0.65, -0.3),
            right_arm=(-0.85, 0.5, -0.1),
            right_forearm=(-0.7, 0.65, -0.3),
        ),
    ),
    (SECONDS, Stance(left_foot=_LEFT, right_foot=(-0.06, 0.0, 0.0, -0.2))),
)
