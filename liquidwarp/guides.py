"""What other generators are guided by: skeleton, depth, normals, parts and masks of a person who does a motion."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import tee
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

import liquidwarp
from liquidwarp.bodies import BodyModel
from liquidwarp.checks import check_choice, check_type
from liquidwarp.devices import find_device, moved
from liquidwarp.errors import OutputError
from liquidwarp.files import atomic_path, check_writable
from liquidwarp.fit import smooth_limbs
from liquidwarp.labels import body_skeleton, draw_limbs
from liquidwarp.media import to_uint8, write_image
from liquidwarp.methods import Frame, Method, Synthesis
from liquidwarp.methods.drawn_surface import DrawnSurface
from liquidwarp.motion import retarget
from liquidwarp.person import SourceState
from liquidwarp.raster import pixel_normals, rasterize
from liquidwarp.tasks.synthesize import (
    BackgroundChoice,
    before_turning,
    choose_method,
    draw_frames,
    open_session,
    posed_frames,
)
from liquidwarp.tasks.target import Target, imitation_target
from liquidwarp.types import BodyTrack
from liquidwarp.viz import COVERAGE_COLORS, PART_COLORS, coverage_map, part_map

LAYOUTS: Mapping[str, Mapping[str, str]] = {
    "control": {
        name: name for name in ("skeleton", "depth", "normal", "parts", "mask", "invented", "coverage", "first_pass")
    },
    "champ": {"skeleton": "dwpose", "depth": "depth", "normal": "normal", "parts": "semantic_map", "mask": "mask"},
}
"""Folder of each guide, by layout: "control" has them all, under their own names; "champ" is what mesh-guided animators
such as Champ read."""

_INDEX = "guides.json"
_NUMBERED = re.compile(r"\d{4,}\.png")
_FARTHEST_GREY = 64  # of 255, so that the farthest point of the person stands out from nothing
_DRAWN_AT = 512  # pixels of the shorter side that skeletons are drawn at: strokes have one width
_CHUNK = 16
_TOWARDS = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float32)[
    :, None, None
]  # pictures of normals: up and towards the camera are positive

_CONVENTIONS = {
    "skeleton": "OpenPose's 18 points and limbs in their usual colours, on black",
    "depth": "grey, near is bright: 255 is the nearest point of the whole clip, 64 the farthest, 0 nothing",
    "normal": "camera axes as (x + 1) / 2: red to the right, green up, blue towards the camera; black is nothing",
    "parts": "one colour a body part, see part_colors; black is nothing",
    "mask": "255 is the person, with clothes",
    "invented": "255 is what no photo shows: what a finisher may repaint",
    "coverage": "seen, mirrored or filled, see coverage_colors",
    "first_pass": "the person before the background, as liquidwarp paints it",
}


@dataclass(frozen=True, eq=False)
class Guides:
    """The guides of one frame; all pictures are of one size.

    Attributes:
        skeleton: OpenPose's 18 points, drawn in colours.
        depth: near is bright, over the range of the whole clip; 0 is nothing.
        normal: of the clothed surface in camera axes: right, up and towards the camera are red, green and blue.
        parts: one colour of `viz.PART_COLORS` a body part, black elsewhere.
        mask: 255 is the person.
        invented: 255 is what no photo of the person shows.
        coverage: `viz.coverage_map`.
        first_pass: the picture that liquidwarp makes.
    """

    skeleton: UInt8[np.ndarray, "H W 3"]
    depth: UInt8[np.ndarray, "H W 3"]
    normal: UInt8[np.ndarray, "H W 3"]
    parts: UInt8[np.ndarray, "H W 3"]
    mask: UInt8[np.ndarray, "H W 3"]
    invented: UInt8[np.ndarray, "H W 3"]
    coverage: UInt8[np.ndarray, "H W 3"]
    first_pass: UInt8[np.ndarray, "H W 3"]


def draw_guides(
    person: SourceState,
    motion: BodyTrack,
    *,
    camera: str = "smooth",
    size: int | None = None,
    smooth: Mapping[str, float] | None = None,
    background: BackgroundChoice = "plain",
    method: str | Method | None = None,
    device: str | torch.device | None = None,
) -> Iterator[Guides]:
    """Yield what guides a generator that is to paint the person doing the motion, a frame at a time, lazily.

    Args:
        person: from `encode_source` or `transfer_appearance`.
        motion: as for `imitate`.
        camera: as for `imitate`.
        size: longer side of the pictures; by default the photo's (`copy`: the reference's).
        smooth: seconds by limb, as in `recover`.
        background: of the first pass; see `synthesize`.
        method: of the first pass; see `synthesize`.
        device: where the first pass is made; see `synthesize`.

    Raises:
        InputError: the motion is of a body that is not at hand, or an argument cannot be used.
        TypeError: a file's name in place of a person or a motion.

    Examples:
        >>> from liquidwarp.guides import draw_guides
        >>> guides = next(draw_guides(person, motion, size=64))
        >>> guides.depth.shape == guides.first_pass.shape, int(guides.depth.max()) > 64
        (True, True)
    """
    check_type("person", person, SourceState, "learn one with encode_source(photo)")
    check_type("motion", motion, BodyTrack, "recover(video), read_motion(file) or BodyTrack.load(file)")
    here = person.to("cpu")
    moves = smooth_limbs(here.body, retarget(motion.to("cpu"), here.body), smooth or {})
    target = imitation_target(here.body, here.track, moves, camera=camera, size=size)
    chosen = choose_method(method)
    there = person.to(find_device(person.device if device is None else device))
    session = open_session(chosen, there, target.camera(0).size, background)
    near, far = depth_range(here, target)
    target = moved(target, there.device)
    frames, again = tee(posed_frames(there, target))
    drawn = draw_frames(chosen, session, frames, there.device)
    pictures = before_turning(drawn, chosen, there, target, background)
    surface = DrawnSurface(here)
    return (_guides(here, surface, frame, picture, near, far) for frame, picture in zip(again, pictures, strict=True))


def depth_range(person: SourceState, target: Target) -> tuple[float, float]:
    """Return the least and the greatest distance along the view of the clothed person over a clip, in metres."""
    body, identity = person.body, person.body.identity(person.track.betas)
    near, far = np.inf, -np.inf
    for start in range(0, len(target), _CHUNK):
        window = slice(start, start + _CHUNK)
        pose = target.global_orient[window], target.body_pose[window], target.transl[window]
        with torch.no_grad():
            vertices = body.vertices(identity, *pose, offsets=person.offsets)
        for index, points in enumerate(vertices, start):
            depth = target.camera(index).to_camera(points)[:, 2]
            near, far = min(near, float(depth.min())), max(far, float(depth.max()))
    return near, far


def _guides(
    person: SourceState, surface: DrawnSurface, frame: Frame, picture: Synthesis, near: float, far: float
) -> Guides:
    frame = moved(frame, "cpu")
    topology, vertices = surface.topology, surface.vertices(frame)[None]
    with torch.no_grad():
        fragments = rasterize(vertices, topology.faces, frame.camera)
        normals = pixel_normals(fragments, vertices, topology.faces, frame.camera)[0]
    inside = fragments.mask[0].numpy()[..., None]
    kinds = picture.coverage.cpu()
    return Guides(
        _drawn_skeleton(person.body, person.track.betas, frame),
        _grey(_depth(fragments.depth[0], near, far)),
        np.where(inside, to_uint8((normals * _TOWARDS + 1) / 2), 0).astype(np.uint8),
        np.where(inside, part_map(fragments, topology), 0).astype(np.uint8),
        _grey((255 * picture.alpha.cpu().numpy() + 0.5).astype(np.uint8)),
        _grey(np.where(kinds.numpy() > 1, 255, 0).astype(np.uint8)),
        coverage_map(kinds, legend=False),
        to_uint8(picture.image),
    )


def _drawn_skeleton(body: BodyModel, betas: Float[Tensor, "K"], frame: Frame) -> UInt8[np.ndarray, "H W 3"]:
    height, width = frame.camera.size
    scale = _DRAWN_AT / min(height, width)
    drawn = frame.camera.resized((round(height * scale), round(width * scale)))
    picture = draw_limbs(body_skeleton(body, betas, frame.pose, drawn), drawn.size)
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BOX))


def _depth(depth: Float[Tensor, "H W"], near: float, far: float) -> UInt8[np.ndarray, "H W"]:
    part = ((far - depth) / max(far - near, 1e-6)).clamp(0, 1)
    grey = (_FARTHEST_GREY + (255 - _FARTHEST_GREY) * part + 0.5).numpy().astype(np.uint8)
    return np.where(torch.isfinite(depth).numpy(), grey, 0).astype(np.uint8)


def _grey(plane: UInt8[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W 3"]:
    return np.repeat(plane[..., None], 3, axis=2)


def check_guides_folder(folder: str | Path) -> None:
    """Fail before long work rather than after it.

    Raises:
        OutputError: the folder cannot be written to, or holds something else than guides.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"cannot write {folder}: it is a file; guides need a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _INDEX).exists():
        raise OutputError(f"cannot write {folder}: it holds other files; give a new or empty folder")
    check_writable(folder / _INDEX)


def write_guides(
    frames: Iterable[Guides],
    folder: str | Path,
    *,
    fps: float | int,
    layout: str = "control",
    total: int | None = None,
    progress: bool = False,
) -> Path:
    """Write guides as folders of numbered PNGs, and what they mean into guides.json; earlier guides there go.

    Args:
        frames: from `draw_guides`.
        folder: a new or empty one, or one of earlier guides.
        fps: frames per second, noted in guides.json.
        layout: see `LAYOUTS`.
        total: number of frames, for the progress bar.
        progress: show a progress bar.

    Raises:
        InputError: an unknown layout.
        OutputError: the folder cannot be written to, or holds something else than guides.

    Examples:
        >>> from liquidwarp.guides import draw_guides, write_guides
        >>> folder = write_guides(draw_guides(person, motion, size=64), "guides", fps=25, layout="champ")
        >>> sorted(item.name for item in folder.iterdir())
        ['depth', 'dwpose', 'guides.json', 'mask', 'normal', 'semantic_map']
    """
    from liquidwarp.console import progress_bar

    check_choice("layout", layout, tuple(LAYOUTS))
    folder, places = Path(folder), LAYOUTS[layout]
    check_guides_folder(folder)
    _sweep(folder)
    _write_index(folder, layout, places, fps, 0)
    count, size = 0, None
    with progress_bar(total=total, desc="guides", unit="frame", shown=progress) as bar:
        for count, guides in enumerate(frames, start=1):
            size = guides.mask.shape[:2]
            for field in fields(guides):
                if field.name in places:
                    name = f"{count - 1:0{max(4, len(str(total or 0)))}d}.png"
                    write_image(folder / places[field.name] / name, getattr(guides, field.name))
            bar.update()
    _write_index(folder, layout, places, fps, count, size)
    return folder


def _sweep(folder: Path) -> None:
    """Remove the pictures of earlier guides, of any layout."""
    for place in {place for layout in LAYOUTS.values() for place in layout.values()}:
        for path in (folder / place).glob("*.png"):
            if _NUMBERED.fullmatch(path.name):
                path.unlink()


def _write_index(
    folder: Path,
    layout: str,
    places: Mapping[str, str],
    fps: float | int,
    frames: int,
    size: tuple[int, int] | None = None,
) -> None:
    """Say what the folders hold; no frames mean that they are not complete."""
    index = {
        "schema": "liquidwarp-guides/1",
        "made_by": f"liquidwarp {liquidwarp.__version__}; synthetic media",
        "layout": layout,
        "frames": frames,
        "fps": fps,
        "height_width": size,
        "folders": {places[name]: text for name, text in _CONVENTIONS.items() if name in places},
        "part_colors": {part: list(color) for part, color in PART_COLORS.items()},
        "coverage_colors": {kind: list(color) for kind, color in COVERAGE_COLORS.items()},
    }
    with atomic_path(folder / _INDEX) as partial:
        partial.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
