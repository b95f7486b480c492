"""iPER as it is published, brought into the layout that `load_iper` reads.

Wanted, any of: ROOT/images/SSS/C/A/*.jpg, ROOT/images_HD/SSS/C/A/*.jpg, or videos ROOT/**/SSS_C_A.mp4; and for the
published tracks ROOT/smpls/SSS/C/A/pose_shape.pkl. Written beside pictures, masks and tracks:
OUT/prepared/SSS/C/A.json, last of all, with checksums; a clip without it is not finished.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.pickles import read_pickle
from liquidwarp.bodies.smpl_files import family_of
from liquidwarp.console import progress_bar
from liquidwarp.data.folder import Analysis
from liquidwarp.data.iper import list_frames
from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path
from liquidwarp.media import VIDEO_ENDINGS, open_video, read_image
from liquidwarp.motion import pose_body, read_published
from liquidwarp.types import BodyTrack, Camera

_log = logging.getLogger(__name__)

_FORMAT = 1
_PARTS = ("images", "masks")
_READ_FOCAL = 2.0  # of `read_published`, in half pictures
_FAR_FOCAL = 2 * 5000 / 224  # the lens that the published fits assume, in half pictures: all but orthographic


@dataclass(frozen=True)
class PreparationOutcome:
    """What became of a data set.

    Attributes:
        done: clips that are ready.
        missing: why others are not, by name.
    """

    done: tuple[str, ...]
    missing: dict[str, str]


def prepare_iper(
    root: Path,
    out: Path,
    names: Sequence[str],
    analyse: Callable[[Path, str], Analysis],
    *,
    size: int | None = None,
    shard: tuple[int, int] = (0, 1),
    progress: bool = False,
) -> PreparationOutcome:
    """Prepare clips; what is finished is not done again.

    Args:
        root: iPER as it was got.
        out: where to write; may be `root`, then the pictures stay what they are.
        names: of the clips, `SSS/C/A`.
        analyse: finds body and masks, given a video or a folder of pictures, and the clip's name.
        size: side of the stored pictures; by default they are kept as they are.
        shard: (i, n) does the i-th of n parts, counted from 0.
        progress: show a progress bar.

    Raises:
        InputError: no such folder, or a shard that does not exist.
        OutputError: the place cannot be written to.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; give the folder that iPER was unpacked to")
    if not 0 <= shard[0] < shard[1]:
        raise InputError(f"shard={shard[0]}/{shard[1]}; shards count from 0 to n - 1")
    done, missing = [], {}
    for name in progress_bar(names[shard[0] :: shard[1]], unit="clip", shown=progress):
        try:
            if not card_of(out, name).exists():
                _prepare(find_clip(root, name), out, name, analyse, size)
            done.append(name)
        except InputError as error:  # a full disk is no fault of the clip and ends the work
            missing[name] = str(error)
            _log.warning("%s: %s", name, error)
    return PreparationOutcome(tuple(done), missing)


def find_clip(root: Path, name: str) -> Path:
    """Return the folder of pictures or the video of a clip.

    Raises:
        InputError: there is neither.
    """
    for part in ("images", "images_HD"):
        if list_frames(root, name, part):
            return root / part / name
    stem = name.replace("/", "_")
    videos = sorted(file for file in root.rglob(f"{stem}.*") if file.suffix.lower() in VIDEO_ENDINGS)
    if not videos:
        raise InputError(f"{root}: neither images/{name} nor {stem}.mp4; get or unpack the video")
    return videos[0]


def list_clips(root: Path) -> list[str]:
    """Return the names of all clips that a folder has pictures or a video of."""
    names = set()
    for part in ("images", "images_HD"):
        names |= {
            str(path.relative_to(root / part).as_posix()) for path in (root / part).glob("*/*/*") if path.is_dir()
        }
    for file in root.rglob("*"):
        fields = file.stem.split("_")
        if file.suffix.lower() in VIDEO_ENDINGS and len(fields) == 3 and all(field.isdigit() for field in fields):
            names.add("/".join(fields))
    return sorted(names, key=lambda name: tuple(int(field) if field.isdigit() else 0 for field in name.split("/")))


def published_track(path: Path, body: BodyModel, size: tuple[int, int], *, fps: float = 25.0) -> BodyTrack:
    """Return the track of a published pose_shape.pkl, in the picture that it was fitted to.

    Its weak perspective becomes a camera so far away that the picture is the same up to some 2% of a body's depth.
    The joints' places are SMPL's where `body` is of its family; another body is retargeted.

    Convention: `cams` are (s, x, y): a point (X, Y) lies at s (X + x, Y + y), -1 to 1 over a square picture, y down.

    Args:
        path: the pickle, which is read without running it.
        body: the body to move.
        size: (height, width) of the pictures.
        fps: frames a second.

    Raises:
        InputError: the file is missing, damaged, or no such motion.
    """
    motion = read_published(path, body)
    values = read_pickle(path)
    scale = torch.from_numpy(np.asarray(values["cams"], dtype=np.float64)[:, 0])
    deeper = torch.zeros_like(motion.root)
    deeper[:, 2] = (_FAR_FOCAL - _READ_FOCAL) / scale
    betas = None
    shape = values.get("shape")
    if family_of(body) is not None and isinstance(shape, np.ndarray) and shape.shape[-1] <= body.num_betas:
        betas = torch.zeros(body.num_betas, dtype=torch.float32)
        betas[: shape.shape[-1]] = torch.from_numpy(shape.reshape(-1, shape.shape[-1]).mean(0)).float()
    track = pose_body(body, replace(motion, root=motion.root + deeper, fps=fps), betas=betas)
    camera = Camera.create(_FAR_FOCAL * max(size) / 2, size)
    return replace(track, camera=camera, detector="published")


def verify(out: Path, names: Iterable[str]) -> dict[str, str]:
    """Return which prepared clips are not what was written, and why; empty where all are.

    Args:
        out: prepared folder.
        names: of the clips.
    """
    wrong = {}
    for name in names:
        try:
            card = json.loads(card_of(out, name).read_text(encoding="utf-8"))
            for part, wanted in card["sha256"].items():
                if _checksum(out, name, part) != wanted:
                    wrong[name] = f"{part} changed since it was prepared; remove prepared/{name}.json and prepare again"
                    break
        except FileNotFoundError:
            wrong[name] = "not prepared"
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            wrong[name] = f"damaged card ({error})"
    return wrong


def _prepare(source: Path, out: Path, name: str, analyse: Callable[[Path, str], Analysis], size: int | None) -> None:
    found = analyse(source, name)
    count, shape = _store_pictures(source, out, name, size)
    if not len(found.track) == len(found.masks) == count:
        raise InputError(
            f"{source}: {count} pictures, {len(found.masks)} masks, a track of {len(found.track)}; "
            "half a download? get the clip again"
        )
    digits = len(str(count))
    for index, mask in enumerate(found.masks):
        picture = Image.fromarray((255 * np.asarray(mask, dtype=np.float32)).round().astype(np.uint8))
        if picture.size != shape[::-1]:
            picture = picture.resize(shape[::-1], Image.Resampling.BILINEAR)
        with atomic_path(out / "masks" / name / f"{index:0{digits}d}.png") as partial:
            picture.save(partial)
    track = out / "tracks" / f"{name}.npz"
    track.parent.mkdir(parents=True, exist_ok=True)
    replace(found.track, camera=found.track.camera.resized(shape)).save(track)
    sums = {part: _checksum(out, name, part) for part in (*_PARTS, "tracks")}
    card = {"format": _FORMAT, "frames": count, "size": list(shape), "detector": found.track.detector, "sha256": sums}
    with atomic_path(card_of(out, name)) as partial:
        partial.write_text(json.dumps(card, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _store_pictures(source: Path, out: Path, name: str, size: int | None) -> tuple[int, tuple[int, int]]:
    """Bring the pictures to their place; return how many there are and their (height, width)."""
    folder = out / "images" / name
    if source == folder and size is None:
        files = list_frames(out, name)
        return len(files), _size_of(files[0])
    if source == folder:
        raise InputError(f"{folder}: another size would overwrite the pictures; choose another output folder")
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was interrupted
    if source.is_dir() and size is None:
        files = list_frames(source.parents[3], name, source.parents[2].name)
        for file in files:
            with atomic_path(folder / file.name) as partial:
                shutil.copyfile(file, partial)
        return len(files), _size_of(files[0])
    pictures = _resized(open_video(source), size) if size else open_video(source)
    count, shape = 0, (0, 0)
    for count, picture in enumerate(pictures, start=1):
        shape = (picture.shape[0], picture.shape[1])
        with atomic_path(folder / f"{count - 1:06d}.jpg") as partial:
            Image.fromarray(picture).save(partial, quality=95, subsampling=0)
    return count, shape


def _resized(pictures: Iterable[np.ndarray], size: int) -> Iterable[np.ndarray]:
    for picture in pictures:
        scale = size / max(picture.shape[:2])
        shape = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        yield np.asarray(Image.fromarray(picture).resize(shape, Image.Resampling.LANCZOS))


def _size_of(file: Path) -> tuple[int, int]:
    height, width = read_image(file).rgb.shape[:2]
    return height, width


def card_of(out: Path, name: str) -> Path:
    """Return the file that says that a clip is prepared.

    Args:
        out: prepared folder.
        name: of the clip.
    """
    return out / "prepared" / f"{name}.json"


def _checksum(out: Path, name: str, part: str) -> str:
    files = [out / "tracks" / f"{name}.npz"] if part == "tracks" else list_frames(out, name, part)
    total = hashlib.sha256()
    for file in files:
        total.update(file.name.encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()
