"""Bodies and landmarks over pictures."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from liquidwarp.bodies import PARTS, BodyModel, Topology, load_body
from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.geometry import project
from liquidwarp.media import is_video, open_video, read_image, write_image, write_video
from liquidwarp.mesh.facing import vertex_facing
from liquidwarp.parallel import pool_map, thread_count
from liquidwarp.raster import interpolate, rasterize
from liquidwarp.types import BodyTrack, Camera, Fragments
from liquidwarp.viz.pictures import PAPER, Color, Viewable, as_picture, resized

PART_COLORS: dict[str, Color] = {
    "torso": (117, 112, 179),
    "head": (230, 171, 2),
    "face": (246, 214, 148),
    "hair": (140, 86, 40),
    "left_upper_arm": (27, 158, 119),
    "right_upper_arm": (217, 95, 2),
    "left_lower_arm": (102, 194, 165),
    "right_lower_arm": (252, 141, 98),
    "left_hand": (178, 226, 209),
    "right_hand": (253, 205, 172),
    "left_upper_leg": (31, 120, 180),
    "right_upper_leg": (200, 38, 80),
    "left_lower_leg": (104, 172, 222),
    "right_lower_leg": (240, 120, 150),
    "left_foot": (189, 220, 240),
    "right_foot": (250, 190, 205),
}
"""Colour of each part: left cold, right warm (the person's own left and right), brighter towards hands and feet."""

_CLAY = (205, 205, 212)
_COLORINGS = ("part", "clay")
_LEFT, _RIGHT, _MIDDLE = (40, 160, 255), (255, 120, 30), (250, 225, 60)
_CHAINS = (
    ("{}_shoulder", "{}_elbow", "{}_wrist", "{}_index"),
    ("{}_wrist", "{}_pinky", "{}_index"),
    ("{}_wrist", "{}_thumb"),
    ("{}_shoulder", "{}_hip", "{}_knee", "{}_ankle", "{}_heel", "{}_foot_index"),
    ("{}_ankle", "{}_foot_index"),
    ("nose", "{}_eye", "{}_ear"),
)
_BONES = (
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    ("mouth_left", "mouth_right"),
    *(
        (one.format(side), other.format(side))
        for side in ("left", "right")
        for chain in _CHAINS
        for one, other in pairwise(chain)
    ),
)
_LARGE = 1080 * 1920  # pixels of a picture from which on nobody sees the steps of an outline
_SUBPIXEL = 4  # bits behind the point of the coordinates that are drawn at


def shaded_body(
    vertices: Float[Tensor, "V 3"], topology: Topology, camera: Camera, *, colors: str = "part"
) -> tuple[UInt8[np.ndarray, "H W 3"], Bool[np.ndarray, "H W"]]:
    """Draw a body under a headlight; return the picture and where the body is.

    Args:
        vertices: world vertices of the posed body.
        topology: of the body.
        camera: its size is the picture's.
        colors: "part" paints each part in its colour of `PART_COLORS`, "clay" all of it grey.
    """
    check_choice("colors", colors, _COLORINGS)
    fragments = rasterize(vertices[None], topology.faces, camera)
    facing = vertex_facing(vertices[None], topology.faces, camera)[0].clamp_min(0)
    light = 0.3 + 0.7 * interpolate(fragments, topology.faces, facing[:, None])[0, ..., 0]
    paint = part_map(fragments, topology) if colors == "part" else np.full((*camera.size, 3), _CLAY, np.uint8)
    picture = (paint * light[..., None].numpy() + 0.5).astype(np.uint8)
    return picture, fragments.mask[0].numpy()


def draw_body(
    picture: Viewable | None,
    vertices: Float[Tensor, "V 3"],
    topology: Topology,
    camera: Camera,
    *,
    colors: str = "part",
    opacity: float | int = 0.65,
) -> UInt8[np.ndarray, "H W 3"]:
    """Draw a shaded body over a picture, or on paper where there is none.

    Args:
        picture: of the camera's size, or scaled to it.
        vertices: world vertices of the posed body.
        topology: of the body.
        camera: its size is the result's.
        colors: "part" or "clay", see `shaded_body`.
        opacity: of the body; on paper it is opaque.

    The outline is smooth (four samples a pixel), but for pictures of full HD and more.
    """
    from liquidwarp.viz.body_kernels import lay_over  # compiles: not before it is needed

    check_choice("colors", colors, _COLORINGS)
    height, width = camera.size
    if picture is None:
        out = np.full((height, width, 3), PAPER, np.uint8)
    else:
        out = resized(as_picture(picture), camera.size, crop=True).copy()
    left, top, right, bottom = _box(vertices, camera)
    if left >= right or top >= bottom:
        return out
    samples = 1 if height * width >= _LARGE else 2
    size = samples * (bottom - top), samples * (right - left)
    fine = camera.resized((samples * height, samples * width)).cropped((samples * left, samples * top), size)
    fragments = rasterize(vertices[None], topology.faces, fine)
    lay_over(
        out[top:bottom, left:right],
        fragments.face_index[0].numpy(),
        fragments.bary[0].numpy(),
        topology.faces.numpy(),
        vertex_facing(vertices[None], topology.faces, camera)[0].clamp_min(0).numpy(),
        _face_colors(topology, colors),
        samples,
        np.float32(1 if picture is None else opacity),
    )
    return out


def _face_colors(topology: Topology, colors: str) -> np.ndarray:
    if colors == "clay":
        return np.full((len(topology.faces), 3), _CLAY, np.uint8)
    return np.array([PART_COLORS[part] for part in PARTS], np.uint8)[topology.face_part.numpy()]


def _box(vertices: Float[Tensor, "V 3"], camera: Camera) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of the pixels that a body can touch; all of them if it reaches the camera."""
    height, width = camera.size
    places = project(camera, vertices)
    if not places.isfinite().all() or places[:, 2].amin() <= 0:
        return 0, 0, width, height
    low, high = places[:, :2].amin(0).floor() - 1, places[:, :2].amax(0).ceil() + 1
    (left, top), (right, bottom) = low.tolist(), high.tolist()
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))


def draw_track(
    frames: Iterable[Viewable],
    track: BodyTrack,
    *,
    body: BodyModel | None = None,
    offsets: Float[Tensor, "V 3"] | None = None,
    colors: str = "part",
    opacity: float | int = 0.65,
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Yield each frame with the body of a track over it, lazily; ends with the shorter of the two.

    As many frames are drawn at once as torch may use threads, each by one; they are read a few ahead.

    Args:
        frames: pictures.
        track: the body through time.
        body: the track's body; by default `load_body(track.body)`.
        offsets: clothes and hair, metres from the rest body, such as `SourceState.offsets`.
        colors: "part" or "clay", see `shaded_body`.
        opacity: of the body.
    """
    body = body or load_body(track.body)
    identity = body.identity(track.betas)

    def draw(item: tuple[int, Viewable]) -> np.ndarray:
        index, frame = item
        now = track[index]
        with torch.no_grad():  # each thread has a switch of its own
            vertices = body.vertices(identity, now.global_orient, now.body_pose, now.transl, offsets=offsets)[0]
            return draw_body(frame, vertices, body.topology, track.camera_of(index), colors=colors, opacity=opacity)

    return pool_map(draw, zip(range(len(track)), frames, strict=False), workers=thread_count())


def draw_overlay(
    source: str | Path, track: BodyTrack, path: str | Path, *, body: BodyModel | None = None, progress: bool = False
) -> Path:
    """Write a video (or photo) with the body that was recovered from it drawn over it, to check it by eye.

    Args:
        source: what the body was recovered from.
        track: the body through time.
        path: of the video or picture.
        body: the track's body; by default `load_body(track.body)`.
        progress: show a progress bar.

    Raises:
        InputError: the source cannot be read.
        OutputError: the file cannot be written.
    """
    if is_video(source) or Path(source).is_dir():
        video = open_video(source)
        frames = draw_track(video, track, body=body)
        quick = video.size[0] * video.size[1] >= _LARGE
        return write_video(
            frames, path, fps=video.fps, sound=video.path, total=len(track), progress=progress, quick=quick
        )
    return write_image(path, next(draw_track([read_image(source).rgb], track, body=body)))


def part_map(fragments: Fragments, topology: Topology, *, item: int = 0) -> UInt8[np.ndarray, "H W 3"]:
    """Return a picture in which each body part has its colour of `PART_COLORS`.

    Args:
        fragments: what a camera sees of the body.
        topology: of the body.
        item: which picture of the batch.
    """
    index = fragments.face_index[item].long()
    colors = np.array([PART_COLORS[part] for part in PARTS], np.uint8)
    picture = colors[topology.face_part.long()[index.clamp_min(0)].numpy()]
    return np.where(fragments.mask[item].numpy()[..., None], picture, np.array(PAPER, np.uint8))


def draw_landmarks(
    picture: Viewable,
    names: Sequence[str],
    points: Float[Tensor, "L 2"] | Float[np.ndarray, "L 2"],
    *,
    confidence: Float[Tensor, "L"] | Float[np.ndarray, "L"] | None = None,
    least: float | int = 0.3,
) -> UInt8[np.ndarray, "H W 3"]:
    """Draw landmarks and the bones between them: the person's left in blue, right in orange.

    Convention: pixels, origin at the top-left corner of the picture, first pixel centre at (0.5, 0.5).

    Args:
        picture: what the landmarks were found in.
        names: of `bodies.landmarks`, one per point; unknown names get a dot and no bone.
        points: such as `Keypoints.image[frame]`, or a body's landmarks through `geometry.project`.
        confidence: per point; all are drawn if None.
        least: points of less confidence are left out.

    Raises:
        InputError: not a name for each point.
    """
    import cv2

    places = torch.as_tensor(points).detach().double()
    if len(names) != len(places):
        raise InputError(f"{len(names)} names for {len(places)} points; give one for each")
    shown = places.isfinite().all(-1)
    if confidence is not None:
        shown &= torch.as_tensor(confidence) >= least
    canvas = as_picture(picture).copy()
    thick = max(1, round(max(canvas.shape[:2]) / 220))
    at = {
        # OpenCV counts pixel centres as whole numbers.
        name: tuple(round((value - 0.5) * 2**_SUBPIXEL) for value in place.tolist())
        for name, place, good in zip(names, places, shown.tolist(), strict=True)
        if good and bool((place.abs() < 1e5).all())
    }
    for one, other in _BONES:
        if one in at and other in at:
            cv2.line(canvas, at[one], at[other], _side(one, other), thick, cv2.LINE_AA, _SUBPIXEL)
    for name, place in at.items():
        radius = round(1.2 * thick * 2**_SUBPIXEL)
        cv2.circle(canvas, place, radius, (20, 20, 20), -1, cv2.LINE_AA, _SUBPIXEL)
        cv2.circle(canvas, place, radius * 2 // 3, _side(name, name), -1, cv2.LINE_AA, _SUBPIXEL)
    return canvas


def _side(one: str, other: str) -> Color:
    sides = ["left" in name for name in (one, other)] + ["right" in name for name in (one, other)]
    if any(sides[:2]) and not any(sides[2:]):
        return _LEFT
    return _RIGHT if any(sides[2:]) and not any(sides[:2]) else _MIDDLE
