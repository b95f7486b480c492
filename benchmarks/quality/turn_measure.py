"""Turn a person who was learnt from one frame by the angles of the other frames, and compare outlines."""

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from quality_measure import EQUAL_PSNR, Picture

import liquidwarp as lw
from liquidwarp.detect import detect_clip
from liquidwarp.geometry import axis_angle_to_matrix
from liquidwarp.media import open_video, to_uint8
from liquidwarp.metrics import iou, psnr

ANGLES = tuple(range(45, 360, 45))
GROUPS = {"all angles": ANGLES, "side (90, 270)": (90, 270), "back (180)": (180,)}
FLOORS = ("front", "mirrored front")
METHODS = ("turned", *FLOORS)
_FARTHEST = 12.0  # degrees: a frame that is farther from an angle does not stand for it
_HEIGHT, _WIDTH = 240, 288  # pixels of the pictures that outlines are compared in; people fill the height


@dataclass(frozen=True)
class View:
    """One angle: the frame that stands for it, and how well each method meets it.

    Attributes:
        angle: degrees, as asked for.
        frame: of the clip.
        turned: degrees by which that frame is truly turned from frame 0.
        overlap: intersection over union of the outlines, by method.
        psnr: decibels where both pictures show the person, by method.
        pictures: to look at: the real frame, ours, both outlines.
    """

    angle: int
    frame: int
    turned: float
    overlap: dict[str, float]
    psnr: dict[str, float]
    pictures: dict[str, np.ndarray]


@dataclass
class Turn:
    """What one clip gave; angles that the person never turns to are missing."""

    clip: str
    clip_frames: int
    views: list[View] = field(default_factory=list)


def find_turns(folder: Path, names: list[str] | None = None) -> list[Path]:
    """Return the clips NAME_A.mp4 of a folder, by name.

    Raises:
        InputError: there is none, or one that was asked for is missing.
    """
    found = {path.name.removesuffix("_A.mp4"): path for path in sorted(folder.glob("*_A.mp4"))}
    if not found:
        raise lw.InputError(f"{folder}: no clip NAME_A.mp4; give the folder of the clips by --data")
    missing = [name for name in names or [] if name not in found]
    if missing:
        raise lw.InputError(f"{folder}: no clip {missing[0]}_A.mp4; there are {', '.join(found)}")
    return [found[name] for name in names or found]


def yaw(track: lw.BodyTrack) -> np.ndarray:
    """Return how far the body is turned in each frame, in degrees: what `novel_view` calls the angle of a view."""
    turn = axis_angle_to_matrix(track.global_orient)
    return np.degrees(torch.atan2(turn[:, 0, 2], turn[:, 2, 2]).double().numpy())


def frames_of_angles(turned: np.ndarray) -> dict[int, int]:
    """Return the frame that is nearest to each angle, if one is near.

    Args:
        turned: degrees from frame 0, per frame.
    """
    chosen = {}
    for angle in ANGLES:
        apart = np.abs((turned - angle + 180) % 360 - 180)
        frame = int(apart.argmin())
        if apart[frame] <= _FARTHEST:
            chosen[angle] = frame
    return chosen


def measure_turn(path: Path) -> Turn:
    """Learn the person of frame 0 alone, turn it by the angles of other frames, and compare with these."""
    clip = open_video(path)
    found = detect_clip(iter(clip), fps=clip.fps, size=clip.size, mask_size=max(clip.size), source=str(path))
    track = lw.recover(found)
    degrees = yaw(track)
    turned = (degrees - degrees[0]) % 360
    chosen = frames_of_angles(turned)
    frames = {
        index: Picture(frame, found.masks.frame(index, frame.shape[:2]).numpy() > 0.5)
        for index, frame in enumerate(islice(iter(clip), max(chosen.values(), default=0) + 1))
        if index == 0 or index in chosen.values()
    }
    person = lw.encode_source(frames[0].rgb)
    front = normalized(Picture(frames[0].rgb, person.alpha > 0.5))
    floors = {"front": front, "mirrored front": Picture(front.rgb[:, ::-1], front.mask[:, ::-1])}
    result = Turn(path.name.removesuffix(".mp4"), len(track))
    for angle, index in chosen.items():
        view = next(lw.novel_view(person, start=float(turned[index]), frames=1))
        ours = normalized(Picture(to_uint8(view.image), view.alpha.cpu().numpy() > 0.5))
        result.views.append(compare(angle, index, float(turned[index]), normalized(frames[index]), ours, floors))
    return result


def compare(angle: int, frame: int, turned: float, real: Picture, ours: Picture, floors: dict[str, Picture]) -> View:
    """Measure one view of every method against the real one; all are `normalized`."""
    methods = {"turned": ours, **floors}
    overlap = {name: iou(picture.mask, real.mask) for name, picture in methods.items()}
    similar = {
        name: min(psnr(picture.rgb, real.rgb, both), EQUAL_PSNR)
        for name, picture in methods.items()
        if (both := picture.mask & real.mask).any()
    }
    shown = {"real": real.rgb, "ours": ours.rgb, "outlines": outlines(real.mask, ours.mask)}
    return View(angle, frame, turned, overlap, similar, shown)


def normalized(picture: Picture) -> Picture:
    """Scale a person to fill the height of a picture, and move the outline's centroid to the middle of its width."""
    rows, columns = np.nonzero(picture.mask)
    if not len(rows):
        return Picture(np.zeros((_HEIGHT, _WIDTH, 3), np.uint8), np.zeros((_HEIGHT, _WIDTH), dtype=bool))
    top, bottom = rows.min(), rows.max() + 1
    scale = (bottom - top) / _HEIGHT
    left = columns.mean() + 0.5 - scale * _WIDTH / 2
    form = (scale, 0, left, 0, scale, top)
    size = (_WIDTH, _HEIGHT)
    rgb = Image.fromarray(picture.rgb).transform(size, Image.Transform.AFFINE, form, Image.Resampling.BILINEAR)
    mask = Image.fromarray(picture.mask.astype(np.uint8) * 255)
    mask = mask.transform(size, Image.Transform.AFFINE, form, Image.Resampling.BILINEAR)
    return Picture(np.asarray(rgb), np.asarray(mask) > 127)


def outlines(real: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """Paint where both are (white), only the real one (red), and only ours (blue)."""
    return (np.stack([real, real & ours, ours], -1) * 255).astype(np.uint8)
