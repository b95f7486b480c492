"""Results to files."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from liquidwarp import media
from liquidwarp.bodies import load_body
from liquidwarp.surface import shaded_body
from liquidwarp.tasks.synthesize import Synthesis
from liquidwarp.types import BodyTrack


def write_video(
    frames: Iterable[Synthesis | np.ndarray],
    path: str | Path,
    *,
    fps: float | int,
    sound: str | Path | None = None,
    total: int | None = None,
    progress: bool = False,
) -> Path:
    """Write pictures as a video that says it is synthetic media; the file is always the old or the whole new one.

    Args:
        frames: from `imitate`, `novel_view` or `synthesize`, or uint8 RGB arrays (H, W, 3).
        path: .mp4, .mkv, .mov, .webm or .gif.
        fps: frames per second.
        sound: a file whose sound is carried over, such as the reference video; one without sound is fine.
        total: number of frames, for the progress bar.
        progress: show a progress bar.

    Raises:
        OutputError: the file cannot be written.
    """
    pictures = (frame if isinstance(frame, np.ndarray) else media.to_uint8(frame.image) for frame in frames)
    return media.write_video(pictures, path, fps=fps, sound=sound, total=total, progress=progress)


def draw_overlay(source: str | Path, track: BodyTrack, path: str | Path, *, progress: bool = False) -> Path:
    """Draw the recovered body over its video (or photo) to check it by eye."""
    if media.is_video(source) or Path(source).is_dir():
        video = media.open_video(source)
        return media.write_video(
            _overlays(video, track), path, fps=video.fps, sound=video.path, total=len(track), progress=progress
        )
    picture = media.read_image(source).rgb
    return media.write_image(path, next(_overlays([picture], track)))


def _overlays(frames: Iterable[np.ndarray], track: BodyTrack) -> Iterator[np.ndarray]:
    body = load_body(track.body)
    identity = body.identity(track.betas)
    for index, frame in enumerate(frames):
        if index >= len(track):
            return
        now = track[index]
        with torch.no_grad():
            vertices = body.vertices(identity, now.global_orient, now.body_pose, now.transl)[0]
        picture, mask = shaded_body(vertices, body.topology, track.camera)
        yield np.where(mask[..., None], (0.35 * frame + 0.65 * picture).astype(np.uint8), frame)
