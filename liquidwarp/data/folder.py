"""Prepared footage: a folder with one folder per clip, made once from videos and read lazily ever after.

FOLDER/NAME/frames/00000.jpg ...   frames/00000.jpg of a still
FOLDER/NAME/masks/00000.png ...    255 = person
FOLDER/NAME/background.png              the place without the person
FOLDER/NAME/track.npz              `BodyTrack`, for the stored size
FOLDER/NAME/clip.json              written last: a clip without it is not finished
FOLDER/skipped.json                what could not be prepared, and why
"""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from liquidwarp.errors import InputError, LiquidwarpError
from liquidwarp.files import atomic_path
from liquidwarp.inpaint.background import clip_background
from liquidwarp.media import VIDEO_ENDINGS, is_video, open_video, read_image
from liquidwarp.types import BodyTrack, Clip

_log = logging.getLogger(__name__)

_FORMAT = 1
_MARGIN = 0.12  # around the person, fraction of the box's longer side
_PERSON = 25  # masks above this are the person where the background is concerned


@dataclass(frozen=True, eq=False)
class Analysis:
    """What recovery found in a video.

    Attributes:
        track: the person, for the video's own size.
        masks: the person's mask in every frame, any size, 1 = person.
    """

    track: BodyTrack
    masks: Sequence[Float[np.ndarray, "H W"]]


class ImageFiles:
    """Pictures in files, read when they are asked for; a `Frames`."""

    def __init__(self, files: Sequence[Path], *, gray: bool = False) -> None:
        """Hold the files of a clip; `gray` reads masks `H W` instead of pictures `H W 3`."""
        self.files = tuple(files)
        self.gray = gray

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int, /) -> UInt8[np.ndarray, "..."]:
        """Return one picture.

        Raises:
            InputError: the file is missing or damaged.
        """
        rgb = read_image(self.files[index]).rgb
        return np.ascontiguousarray(rgb[..., 0]) if self.gray else rgb


class ClipFolder:
    """The clips of a prepared folder; a clip's files are opened when it is asked for.

    Attributes:
        path: the folder.
        names: of the clips that can be used, sorted.
        skipped: why the others cannot, by name.
    """

    def __init__(self, path: str | Path) -> None:
        """List a folder that `prepare_footage` or `save_clip` wrote to.

        Raises:
            InputError: it is no folder, or holds no clip that can be used.
        """
        self.path = Path(path)
        if not self.path.is_dir():
            raise InputError(f"{path}: no such folder; prepare one with datasets/footage/prepare.py")
        self.skipped: dict[str, str] = {}
        names = []
        for folder in sorted(entry for entry in self.path.iterdir() if entry.is_dir()):
            try:
                _check_clip(folder)
            except LiquidwarpError as error:
                self.skipped[folder.name] = str(error)
                _log.warning("%s skipped: %s", folder.name, error)
            else:
                names.append(folder.name)
        self.names = tuple(names)
        if not names:
            why = "; ".join(self.skipped.values()) or "it holds no prepared clips"
            raise InputError(f"{path}: nothing to use: {why}; prepare it with datasets/footage/prepare.py")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Clip:
        """Return one clip, its frames still on the disk."""
        return read_clip(self.path / self.names[index])


def load_clips(path: str | Path) -> ClipFolder:
    """Return the clips of a prepared folder, lazily; broken ones are skipped, listed and logged.

    Raises:
        InputError: it is no folder, or holds no clip that can be used.
    """
    return ClipFolder(path)


def read_clip(folder: Path) -> Clip:
    """Return one prepared clip.

    Raises:
        InputError: something is missing or damaged.
    """
    card = _check_clip(folder)
    frames, masks = _numbered(folder / "frames", ".jpg"), _numbered(folder / "masks", ".png")
    track = BodyTrack.load(folder / "track.npz")
    if len(track) != len(frames):
        raise InputError(f"{folder}: {len(frames)} frames but a track of {len(track)}; prepare the clip again")
    background = folder / "background.png"
    place = read_image(background).rgb if background.exists() else None
    person = str(card.get("person", folder.name))
    return Clip(folder.name, ImageFiles(frames), ImageFiles(masks, gray=True), track, place, person)


def save_clip(clip: Clip, folder: str | Path) -> Path:
    """Write a clip as a prepared one; it counts as finished only when all of it is written.

    Raises:
        OutputError: the place cannot be written to.
    """
    frames, masks = (clip.images[index] for index in range(len(clip))), (clip.alphas[i] for i in range(len(clip)))
    return _write(Path(folder), frames, masks, clip.track, clip.background, clip.person or clip.name)


def _write(
    folder: Path,
    frames: Iterable[np.ndarray],
    masks: Iterable[np.ndarray],
    track: BodyTrack,
    background: np.ndarray | None,
    person: str,
) -> Path:
    count = 0
    for count, (frame, mask) in enumerate(zip(frames, masks, strict=False), start=1):
        _write_picture(folder / "frames" / f"{count - 1:05d}.jpg", frame)
        _write_picture(folder / "masks" / f"{count - 1:05d}.png", mask)
    if count != len(track):
        raise InputError(f"{folder.name}: {count} frames but a track of {len(track)}; recover the track again")
    if background is not None:
        _write_picture(folder / "background.png", background)
    track.save(folder / "track.npz")
    card = {"format": _FORMAT, "frames": count, "size": list(track.camera.size), "person": person}
    _write_json(folder / "clip.json", card)
    return folder


def _write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture without the mark of synthetic media: what is prepared is mostly filmed."""
    with atomic_path(path) as partial:
        Image.fromarray(np.ascontiguousarray(picture)).save(partial, quality=95, subsampling=0, compress_level=4)


@dataclass(frozen=True)
class Prepared:
    """What became of a folder of videos.

    Attributes:
        done: names of the clips that are ready.
        skipped: why others are not, by file name.
    """

    done: tuple[str, ...]
    skipped: dict[str, str]


def prepare_footage(
    videos: str | Path,
    out: str | Path,
    analyse: Callable[[Path], Analysis],
    *,
    size: int = 256,
    shard: tuple[int, int] = (0, 1),
) -> Prepared:
    """Turn a folder of videos into a folder of clips; what is finished is not done again.

    Frames are cut to a square around the person (all of it that any mask shows, and a margin) and resized. The order
    of the videos is that of their names; broken videos and videos without a person are skipped and listed.

    Args:
        videos: folder of videos, one person each; sub-folders count too.
        out: folder of clips.
        analyse: finds person and masks in a video, such as detection and `fit_clip` one after another.
        size: side of the stored pictures.
        shard: (i, n) does the i-th of n parts, counted from 0.

    Raises:
        InputError: no folder, no videos, or a shard that does not exist.
        OutputError: the place cannot be written to.
    """
    videos, out = Path(videos), Path(out)
    if not videos.is_dir():
        raise InputError(f"{videos}: no such folder; give a folder of videos")
    if not 0 <= shard[0] < shard[1]:
        raise InputError(f"shard={shard[0]}/{shard[1]}; shards count from 0 to n - 1")
    files = sorted(file for file in videos.rglob("*") if file.is_file() and _claims_video(file))
    if not files:
        raise InputError(f"{videos}: no videos in it; give a folder of .mp4 or the like")
    done, skipped = [], {}
    for file in files[shard[0] :: shard[1]]:
        name = "_".join(file.relative_to(videos).with_suffix("").parts)
        try:
            if not (out / name / "clip.json").exists():
                _prepare(file, out / name, analyse, size)
            done.append(name)
        except InputError as error:  # a full disk is no fault of the video and ends the work
            skipped[str(file.relative_to(videos))] = str(error)
            _log.warning("%s skipped: %s", file, error)
    suffix = f"-{shard[0]}-of-{shard[1]}" if shard[1] > 1 else ""
    _write_json(out / f"skipped{suffix}.json", skipped)
    return Prepared(tuple(done), skipped)


def _claims_video(file: Path) -> bool:
    """Return whether a file is a video, or says so by its ending (then it is damaged, and listed as such)."""
    return not file.name.startswith(".") and (file.suffix.lower() in VIDEO_ENDINGS or is_video(file))


def _prepare(file: Path, folder: Path, analyse: Callable[[Path], Analysis], size: int) -> None:
    found = analyse(file)
    video = open_video(file)
    track = found.track
    height, width = track.camera.size
    box = _square(found.masks, (height, width))
    camera = track.camera.cropped((box[0], box[1]), (box[2], box[2])).resized((size, size))
    cut = Cut((height, width), box, size)
    masks = [(255 * cut(mask[..., None].astype(np.float32))[..., 0]).round().astype(np.uint8) for mask in found.masks]
    background, _ = clip_background(map(cut, video), [mask > _PERSON for mask in masks], (size, size))
    _write(folder, map(cut, video), masks, replace(track, camera=camera), background, folder.name)


@dataclass(frozen=True)
class Cut:
    """A square of a picture, brought to a size; beyond the picture its border goes on.

    Attributes:
        whole: (height, width) that the box is given in.
        box: left, top and side in pixels; may reach over the picture.
        size: side of the result.
    """

    whole: tuple[int, int]
    box: tuple[int, int, int]
    size: int

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Return the square of a picture, `H W C`."""
        import cv2

        if picture.shape[:2] != self.whole:
            resized = cv2.resize(picture, (self.whole[1], self.whole[0]), interpolation=cv2.INTER_LINEAR)
            picture = resized.reshape(*self.whole, -1)
        left, top, side = self.box
        rows = np.clip(np.arange(top, top + side), 0, self.whole[0] - 1)
        columns = np.clip(np.arange(left, left + side), 0, self.whole[1] - 1)
        square = picture[rows][:, columns]
        way = cv2.INTER_AREA if side > self.size else cv2.INTER_CUBIC
        out = cv2.resize(square, (self.size, self.size), interpolation=way).reshape(self.size, self.size, -1)
        return np.clip(out, 0, 255 if picture.dtype == np.uint8 else 1)


def _square(masks: Sequence[np.ndarray], size: tuple[int, int]) -> tuple[int, int, int]:
    """Return left, top and side of a square around all masks, for a picture of `size`."""
    seen = np.zeros(masks[0].shape, bool) if len(masks) else np.zeros((1, 1), bool)
    for mask in masks:
        seen |= mask > 0.5
    if not seen.any():
        raise InputError("nobody is seen in it; use a clip with one person in full view")
    scale = np.array(size) / np.array(seen.shape)
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    low = np.array([rows[0], columns[0]]) * scale
    high = np.array([rows[-1] + 1, columns[-1] + 1]) * scale
    side = round(float((high - low).max()) * (1 + 2 * _MARGIN))
    side = min(side, max(size))
    top, left = np.round((low + high - side) / 2).astype(int)
    # Inside of the picture where there is room, so that borders need not be invented.
    top = int(np.clip(top, min(0, size[0] - side), max(0, size[0] - side)))
    left = int(np.clip(left, min(0, size[1] - side), max(0, size[1] - side)))
    return left, top, side


def _check_clip(folder: Path) -> dict[str, object]:
    card = folder / "clip.json"
    try:
        content = json.loads(card.read_text())
        version, count = int(content["format"]), int(content["frames"])
    except FileNotFoundError as error:
        raise InputError(f"{folder}: not finished (no clip.json); prepare it again") from error
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{card}: damaged ({error}); prepare the clip again") from error
    if version > _FORMAT:
        raise InputError(f"{card}: written by a newer liquidwarp (format {version}); please upgrade")
    for part, ending in (("frames", ".jpg"), ("masks", ".png")):
        there = len(_numbered(folder / part, ending))
        if there != count:
            raise InputError(f"{folder / part}: {there} files of {count}; prepare the clip again")
    if not (folder / "track.npz").exists():
        raise InputError(f"{folder}: track.npz is missing; prepare the clip again")
    return dict(content)


def _numbered(folder: Path, ending: str) -> list[Path]:
    return sorted(folder.glob(f"[0-9]*{ending}")) if folder.is_dir() else []


def _write_json(path: Path, content: object) -> None:
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
