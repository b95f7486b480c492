"""Clips side by side."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from liquidwarp.errors import InputError
from liquidwarp.media import open_video, write_video
from liquidwarp.viz.pictures import Viewable, side_by_side

Frames = str | Path | Iterable[Viewable]
"""A video's path, or pictures."""


def compare_clips(
    clips: Sequence[Frames], *, labels: Sequence[str] = (), height: int | None = None
) -> Iterator[np.ndarray]:
    """Yield clips side by side, frame by frame, lazily; ends with the shortest.

    Args:
        clips: paths of videos, or pictures of any kind that `as_picture` takes.
        labels: what each is, above it.
        height: of the pictures; that of the first clip by default.

    Raises:
        InputError: no clip, not a label for each, or a video that cannot be read.
    """
    if not clips:
        raise InputError("there is no clip to lay side by side; give at least one")
    opened = [open_video(clip) if isinstance(clip, str | Path) else clip for clip in clips]
    return (side_by_side(pictures, labels=labels, height=height) for pictures in zip(*opened, strict=False))


def write_comparison(
    clips: Sequence[Frames],
    path: str | Path,
    *,
    fps: float | int,
    labels: Sequence[str] = (),
    height: int | None = None,
    sound: str | Path | None = None,
    total: int | None = None,
    progress: bool = False,
) -> Path:
    """Write clips side by side as one video that says it is synthetic media.

    Args:
        clips: see `compare_clips`.
        path: .mp4, .mkv, .mov, .webm or .gif.
        fps: frames per second.
        labels: see `compare_clips`.
        height: see `compare_clips`.
        sound: a file whose sound is carried over.
        total: number of frames, for the progress bar.
        progress: show a progress bar.

    Raises:
        InputError: see `compare_clips`.
        OutputError: the file cannot be written.
    """
    frames = compare_clips(clips, labels=labels, height=height)
    return write_video(frames, path, fps=fps, sound=sound, total=total, progress=progress)
