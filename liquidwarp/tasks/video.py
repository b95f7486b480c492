"""Results to files."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from liquidwarp import media
from liquidwarp.media import PictureLike
from liquidwarp.methods import Synthesis
from liquidwarp.parallel import pool_map


def write_video(
    frames: Iterable[Synthesis | PictureLike],
    path: str | Path,
    *,
    fps: float | int,
    sound: str | Path | None = None,
    total: int | None = None,
    progress: bool = False,
) -> Path:
    """Write pictures as a video that says it is synthetic media; the file is always the old or the whole new one.

    Args:
        frames: from `imitate`, `novel_view` or `synthesize`, on any device, or pictures as
            `media.read_picture` takes them.
        path: .mp4, .mkv, .mov, .webm or .gif.
        fps: frames per second.
        sound: a file whose sound is carried over, such as the reference video; one without sound is fine.
        total: number of frames, for the progress bar.
        progress: show a progress bar.

    Raises:
        OutputError: the file cannot be written.

    Examples:
        >>> from liquidwarp.media import open_video
        >>> from liquidwarp.tasks import novel_view, write_video
        >>> path = write_video(novel_view(person, frames=4), "turn.mp4", fps=25)
        >>> sum(1 for frame in open_video(path))
        4
    """
    pictures = pool_map(_picture, frames, workers=1)  # one thread, beside threads that paint
    return media.write_video(pictures, path, fps=fps, sound=sound, total=total, progress=progress)


def _picture(frame: Synthesis | PictureLike) -> UInt8[np.ndarray, "H W 3"]:
    return media.to_uint8(frame.image) if isinstance(frame, Synthesis) else media.read_picture(frame, "frame").rgb
