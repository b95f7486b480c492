"""Put invented people in skirts, dresses, coats and long hair in motion from one frame, and compare with the truth."""

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy.spatial import cKDTree
from skimage.color import rgb2lab

import liquidwarp as lw
from liquidwarp.geometry import project
from liquidwarp.media import to_uint8
from liquidwarp.metrics import iou
from liquidwarp.synth.clips import render_clip
from liquidwarp.synth.motion.animation import animate
from liquidwarp.synth.motion.generators import Moment, random_motion
from liquidwarp.synth.people.body_layers import BareBody
from liquidwarp.synth.people.dressed_person import PersonAppearance, dress_person
from liquidwarp.synth.people.fabrics import Fabric
from liquidwarp.synth.people.garments import Garment
from liquidwarp.synth.people.hair import HairStyle
from liquidwarp.synth.people.mesh_colors import bake_person
from liquidwarp.synth.people.random_people import random_appearance
from liquidwarp.synth.render.camera_sensor import random_sensor
from liquidwarp.synth.scenes.backgrounds import render_background
from liquidwarp.synth.scenes.framing import choose_shot
from liquidwarp.tasks import source_from_tracks, synthesize
from liquidwarp.tasks.target import Target
from liquidwarp.types import BodyTrack, Camera, Clip

KINDS = ("dress", "skirt", "coat", "hair")
VIEWS = {
    "dress": ("turned", "walking"),
    "skirt": ("turned", "walking"),
    "coat": ("turned", "walking"),
    "hair": ("90", "180"),
}
METRICS = ("overlap", "near", "part", "ceiling")
_STEP, _TURNS = 45, 8  # degrees between the views of a turn, and how many there are
_WALK, _WALK_FPS = 17, 12.5
_WALK_SHOWN = (5, 8, 11, 14)
_NEAR = 0.06  # of the person's height around the true skirt or hair
_PERSON, _SAME, _HANGS = 1, 2, 3  # what a pixel shows; `_SAME` is the bodice of a dress
_SAMPLES = 400  # pixels of the photo that say which colour is whose


@dataclass(frozen=True, eq=False)
class DrapeView:
    """One pose or view of one person.

    Attributes:
        group: one of `VIEWS`.
        label: what it is.
        scores: by `METRICS`.
        pictures: to look at: real, ours, outlines, real part, ours.
    """

    group: str
    label: str
    scores: dict[str, float]
    pictures: dict[str, np.ndarray]


@dataclass
class Draped:
    """What one person gave."""

    kind: str
    seed: int
    photo: np.ndarray
    views: list[DrapeView] = field(default_factory=list)


def measure_person(kind: str, seed: int, size: int) -> Draped:
    """Learn a person from the first frame of a turn, whose body is known, and paint views and poses whose truth is.

    Args:
        kind: one of `KINDS`.
        seed: of everything about the person.
        size: side of the pictures.
    """
    still, walk, labels = _clips(kind, seed, size)
    photo, alpha = still.images[0], still.alphas[0].astype(np.float32) / 255
    person = source_from_tracks([photo], [alpha], [still.track[0]])
    colors = _Colors.of(photo, labels[0][0])
    result = Draped(kind, seed, photo)
    turned = [number for number in range(1, _TURNS) if kind != "hair" or number % 2 == 0]
    angles = {number: number * _STEP for number in turned}
    groups = {n: "turned" if kind != "hair" else "180" if angle == 180 else "90" for n, angle in angles.items()}
    _add(result, person, still, labels[0], colors, {n: (groups[n], f"{angles[n]}") for n in turned})
    if walk is not None:
        shown = {number: ("walking", f"step {number}") for number in _WALK_SHOWN}
        _add(result, person, walk, labels[1], colors, shown)
    return result


def _add(
    result: Draped,
    person: lw.SourceState,
    clip: Clip,
    labels: np.ndarray,
    colors: "_Colors",
    shown: dict[int, tuple[str, str]],
) -> None:
    track = clip.track
    drawn = synthesize(person, Target(track.global_orient, track.body_pose, track.transl, (track.camera,), track.fps))
    for number, picture in enumerate(drawn):
        if number not in shown:
            continue
        group, label = shown[number]
        ours, mine = to_uint8(picture.image), picture.alpha.cpu().numpy() > 0.5
        result.views.append(_compare(group, label, clip.images[number], labels[number], ours, mine, colors))


def _compare(
    group: str,
    label: str,
    image: np.ndarray,
    labels: np.ndarray,
    ours: np.ndarray,
    mine: np.ndarray,
    colors: "_Colors",
) -> DrapeView:
    real = labels > 0
    margin = int(_NEAR * np.ptp(np.flatnonzero(real.any(1))))
    near = _box(labels == _HANGS, margin)
    part = (labels >= _SAME) & near
    real_part, our_part = colors.part(image, real) & near, colors.part(ours, mine) & near
    scores = {
        "overlap": iou(mine, real),
        "near": iou(mine & near, real & near),
        "part": iou(our_part, part),
        "ceiling": iou(real_part, part),
    }
    pictures = {
        "real": image,
        "ours": ours,
        "outlines": _outlines(real, mine),
        "part": _outlines(part, our_part),
    }
    return DrapeView(group, label, scores, pictures)


def _box(part: np.ndarray, margin: int) -> np.ndarray:
    """Return the rectangle around a part, bool (H, W)."""
    rows, columns = np.nonzero(part)
    near = np.zeros_like(part)
    if len(rows):
        near[
            max(rows.min() - margin, 0) : rows.max() + margin, max(columns.min() - margin, 0) : columns.max() + margin
        ] = True
    return near


def _outlines(real: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """Paint where both are (white), only the real one (red), and only ours (blue)."""
    return (np.stack([real, real & ours, ours], -1) * 255).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class _Colors:
    """Which colours of a person are those of the part."""

    tree: cKDTree
    is_part: np.ndarray

    @staticmethod
    def of(photo: np.ndarray, labels: np.ndarray) -> "_Colors":
        rng = np.random.default_rng(0)
        lab = rgb2lab(photo)
        chosen = [rng.permutation(lab[where])[:_SAMPLES] for where in (labels == _PERSON, labels >= _SAME)]
        is_part = np.repeat([False, True], [len(values) for values in chosen])
        return _Colors(cKDTree(np.concatenate(chosen)), is_part)

    def part(self, picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return the pixels of a person that have the part's colours, bool (H, W)."""
        found = np.zeros(mask.shape, bool)
        if mask.any():
            found[mask] = self.is_part[self.tree.query(rgb2lab(picture)[mask], k=5)[1]].mean(-1) > 0.5
        return found


def appearance_of(kind: str, seed: int) -> PersonAppearance:
    """Return somebody who wears a dress, a skirt or a coat, or has long hair, in colours that can be told apart."""
    rng = np.random.default_rng((seed, KINDS.index(kind)))
    somebody = random_appearance(np.random.default_rng((seed, 7)))
    shape = somebody.shape | {"gender": float(rng.uniform(0.4, 1.0)), "age": 0.0}
    cloth, other, shoe = _apart(rng, somebody.complexion.skin)
    length, sleeve = float(rng.uniform(0.3, 1.0)), float(rng.choice([0.1, 0.3, 1.0]))
    ease = float(rng.uniform(0.012, 0.045))
    shoes = Garment("shoes", shoe)
    trousers = Garment("trousers", other, 1.0, ease=float(rng.uniform(0.002, 0.015)))
    top = Garment("top", other, float(rng.uniform(0.0, 0.5)), sleeve, 0.012)
    worn = {
        "dress": (shoes, Garment("dress", cloth, length, sleeve, ease, 0.1)),
        "skirt": (shoes, replace(top, length=-0.9), Garment("skirt", cloth, length, ease=ease)),
        "coat": (shoes, trousers, Garment("dress", cloth, 0.6 * length, 1.0, ease, 0.1)),
        "hair": (shoes, trousers, top),
    }[kind]
    hair = HairStyle((0.1, 0.07, 0.05), volume=0.014, seed=seed)
    if kind == "hair":
        color = somebody.hair.color if somebody.hair is not None else hair.color
        volume = float(rng.uniform(0.01, 0.035))
        hair = replace(hair, color=color, length=float(rng.uniform(0.35, 1.1)), volume=volume)
    return PersonAppearance(shape, somebody.complexion, hair, worn)


def _apart(rng: np.random.Generator, skin: Sequence[float]) -> list[Fabric]:
    """Return three plain fabrics whose hues lie apart from skin and from each other."""
    start = float(rng.uniform(0.25, 0.45))
    hues = (start, start + 0.25, start + 0.45)
    values = [colorsys.hsv_to_rgb(hue % 1, 0.65, float(rng.uniform(0.4, 0.8))) for hue in hues]
    return [Fabric("plain", value, seed=int(rng.integers(99))) for value in values]


def _clips(kind: str, seed: int, size: int) -> tuple[Clip, Clip | None, list[np.ndarray]]:
    """Make the clip of a turn, and of a walk; and per clip what each pixel is (`_HANGS`)."""
    rng = np.random.default_rng((seed, 1))
    appearance = appearance_of(kind, seed)
    dressed = dress_person(appearance, fine=kind == "hair")
    if kind == "hair":
        first = len(dress_person(replace(appearance, hair=None), fine=True).layers)
        what = np.where(np.arange(len(dressed.layers)) >= first, _HANGS, _PERSON)
    else:
        what = np.array([_HANGS if layer.drapes else _PERSON for layer in dressed.layers])
        if kind != "skirt":  # the bodice lies below the skirt
            what[what.argmax() - 1] = _SAME
    baked = bake_person(dressed, texel=1.2 / size)
    turn = random_motion(rng, _TURNS, 0.0, kind="turn")
    moments = [replace(moment, heading=math.radians(number * _STEP)) for number, moment in enumerate(turn)]
    clips = [(moments, 0.0)]
    if kind != "hair":
        clips.append(
            (_ahead(random_motion(rng, _WALK, _WALK_FPS, kind="walk"), float(rng.uniform(-1.2, 1.2))), _WALK_FPS)
        )
    every = animate(dressed.bare, [moment for some, _ in clips for moment in some])
    shot = choose_shot(np.random.default_rng((seed, 3)), dressed.bare, every, (size, size))
    camera, made, start = shot.camera, [], 0
    place = torch.tensor([[shot.across, shot.floor, shot.distance]], dtype=torch.float32)
    if kind == "hair":
        camera = _closer(dressed.bare, every.global_orient, every.body_pose, every.transl + place, camera, size)
    background = render_background(shot.scene, camera, shot.floor, shot.distance, blur=shot.blur)
    sensor = replace(random_sensor(np.random.default_rng((seed, 4))), quality=None)
    for some, fps in clips:
        window = slice(start, start + len(some))
        track = _track(
            dressed.bare,
            every.global_orient[window],
            every.body_pose[window],
            every.transl[window] + place,
            camera,
            fps,
        )
        made.append(
            render_clip(baked, track, background, sensor, np.random.default_rng((seed, 5)), name=f"{kind}-{seed}")
        )
        start += len(some)
    labels = []
    for clip in made:
        index = clip.truth.face_index
        labels.append(np.where(index < 0, 0, what[baked.face_layers.layer[index.clip(0)]]))
    return made[0], made[1] if len(made) > 1 else None, labels


def _ahead(moments: Sequence[Moment], heading: float) -> list[Moment]:
    """Return a walk that begins in a direction, on the spot."""
    first = moments[0].heading
    return [replace(moment, heading=moment.heading - first + heading, across=0.0, away=0.0) for moment in moments]


def _track(
    bare: BareBody, orient: torch.Tensor, pose: torch.Tensor, transl: torch.Tensor, camera: Camera, fps: float
) -> BodyTrack:
    sure = torch.ones(len(transl))
    return BodyTrack(bare.body.name, bare.betas, orient, pose, transl, camera, fps, sure, sure > 0, "synthetic")


def _closer(
    bare: BareBody, orient: torch.Tensor, pose: torch.Tensor, transl: torch.Tensor, camera: Camera, size: int
) -> Camera:
    """Return the camera that shows head and shoulders, down to the waist."""
    body = bare.body
    vertices = body.vertices(body.identity(bare.betas), orient, pose, transl)
    joint = body.canonical("spine1")
    rotation, translation = body.transforms(body.rest_joints(bare.betas), orient, pose)
    waist = (rotation[:, joint] @ body.rest_joints(bare.betas)[joint][:, None])[..., 0] + translation[:, joint] + transl
    top = project(camera, vertices.flatten(0, 1))[:, 1].min()
    low = project(camera, waist)[:, 1].max()
    middle = project(camera, waist)[:, 0].mean()
    side = float(low - top) * 1.15
    origin = (round(float(middle) - side / 2), round(float(top) - 0.1 * side))
    return camera.cropped(origin, (round(side), round(side))).resized((size, size))
