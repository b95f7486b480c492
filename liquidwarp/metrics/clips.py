"""Pairs of clips, from arrays and from folders of pictures or videos."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from liquidwarp.detect.protocol import Detection
from liquidwarp.errors import InputError
from liquidwarp.media import VIDEO_ENDINGS, is_image, is_video, open_video, read_image

Frames = Iterable[np.ndarray] | str | Path
"""Pictures, or the path of a video or of a folder of pictures."""

_MOST_NAMED = 5


@dataclass(frozen=True, eq=False)
class ClipPair:
    """A clip that was made and the real one, frame for frame.

    Every field is read once per evaluation, lazily; arrays of `T H W 3`, lists and video readers all do.

    Attributes:
        name: of the video.
        made: uint8 RGB pictures.
        real: uint8 RGB pictures of the same sizes (in the mode "published" of any).
        masks: where the real person is, bool or uint8 (from 128 on: person), for everything about the person.
        made_masks: where the person made is.
        coverage: how the pixels made were come by: 0 background, 1 seen, 2 mirrored, 3 filled.
        made_landmarks: the person made, as another detector found them; None in a frame without.
        real_landmarks: the real person, by the same detector.
    """

    name: str
    made: Iterable[np.ndarray]
    real: Iterable[np.ndarray]
    masks: Iterable[np.ndarray] | None = None
    made_masks: Iterable[np.ndarray] | None = None
    coverage: Iterable[np.ndarray] | None = None
    made_landmarks: Iterable[Detection | None] | None = None
    real_landmarks: Iterable[Detection | None] | None = None


def open_pairs(
    made: str | Path,
    real: str | Path,
    *,
    masks: str | Path | None = None,
    made_masks: str | Path | None = None,
    coverage: str | Path | None = None,
) -> list[ClipPair]:
    """Find the clips in folders; those of one relative name (a video's ending left out) belong together.

    Each path is a picture, a video, a folder of pictures, or a folder that holds such at any depth. Masks are white
    where the person is; coverage has the values 0 to 3. Real clips that were not made are left out.

    Raises:
        InputError: a path has no clip, or a clip made has no real one, mask or coverage.
    """
    found = {name: _clips(Path(path)) for name, path in (("made", made), ("real", real))}
    extras = {"masks": masks, "made_masks": made_masks, "coverage": coverage}
    others = {name: _clips(Path(path)) for name, path in extras.items() if path is not None}
    single = len(found["made"]) == 1 and all(set(clips) == {""} for clips in (found["made"], found["real"]))
    for name, clips in {"real": found["real"], **others}.items():
        lacking = sorted(found["made"].keys() - clips.keys())
        if lacking:
            raise InputError(
                f"{real if name == 'real' else extras[name]}: {len(lacking)} of {len(found['made'])} clips are missing "
                f"({', '.join(lacking[:_MOST_NAMED])}); give the same names as in {made}"
            )
    return [
        ClipPair(
            name=Path(made).stem if single else key,
            made=frames_of(path),
            real=frames_of(found["real"][key]),
            **{name: frames_of(clips[key]) for name, clips in others.items()},  # type: ignore[arg-type]
        )
        for key, path in found["made"].items()
    ]


def frames_of(values: Frames) -> Iterable[np.ndarray]:
    """Return pictures as they are, or open those at a path; a picture is a clip of one frame."""
    if not isinstance(values, str | Path):
        return values
    if is_image(values) and not is_video(values):
        return [read_image(values).rgb]
    return open_video(values)


def _clips(root: Path) -> dict[str, Path]:
    """Return the clips at a path by their names relative to it; one that is the path itself has an empty name."""
    if not root.exists():
        raise InputError(f"{root}: not there; give a video, a picture, a folder of pictures, or a folder of such")
    if is_video(root) or is_image(root):
        return {"": root}
    found = {path.relative_to(root).with_suffix("").as_posix(): path for path in _inside(root)}
    if not found:
        raise InputError(
            f"{root}: holds no picture and no video; give a folder of pictures, or of such folders or videos"
        )
    return found


def _inside(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if is_video(path):
                yield path
            yield from _inside(path)
        elif path.suffix.lower() in VIDEO_ENDINGS:
            yield path
