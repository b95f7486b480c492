"""A camera or a video drives a person, into a window or a file, as it comes."""

import time
from collections.abc import Generator as Generates
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from liquidwarp.media import PreviewWindow, Webcam, open_video, to_uint8
from liquidwarp.methods import Method
from liquidwarp.tasks import LiveFrame, SourceState, Synthesis, imitate_live, write_video
from liquidwarp.tasks.synthesize import BackgroundChoice


def run_live(
    person: SourceState,
    *,
    motion: str | Path | None = None,
    webcam: int = 0,
    output: str | Path | None = None,
    seconds: float | None = None,
    mute: bool = False,
    camera: str = "smooth",
    size: int | None = None,
    background: BackgroundChoice = "keep",
    method: str | Method = "surface",
    motion_person: int = 0,
    device: str | torch.device | None = None,
) -> str:
    """Let a person do what comes; return in words how many pictures were made and how late they were.

    Args:
        person: from `encode_source` or `transfer_appearance`.
        motion: a video that drives; the camera if None.
        webcam: which camera.
        output: a video to write; a window if None, until it is closed or q is pressed.
        seconds: end after so long; with the driver if None.
        mute: leave the video's sound out.
        camera, size, background, method, motion_person, device: as in `tasks.imitate_live`.

    Raises:
        InputError: the driver cannot be read.
        OutputError: the file cannot be written, or no window opened.
    """
    driver = Webcam(webcam) if motion is None else open_video(motion)
    delays: list[float] = []
    started = time.perf_counter()
    try:
        frames = imitate_live(
            person,
            driver,
            fps=driver.fps,
            camera=camera,
            size=size,
            background=background,
            method=method,
            motion_person=motion_person,
            device=device,
        )
        with closing(_timed(frames, delays, seconds)) as pictures:
            if output is None:
                _show(pictures)
            else:
                write_video(pictures, output, fps=driver.fps, sound=None if mute else motion, progress=True)
    finally:
        if isinstance(driver, Webcam):
            driver.close()
    return _pace(delays, time.perf_counter() - started)


def _timed(
    frames: Generates[LiveFrame, None, None], delays: list[float], seconds: float | None
) -> Generates[Synthesis, None, None]:
    """Yield pictures and note how late each is, for some seconds."""
    started = time.perf_counter()
    with closing(frames):
        for frame in frames:
            delays.append(frame.delay)
            yield frame.synthesis
            if seconds is not None and time.perf_counter() - started > seconds:
                return


def _show(pictures: Iterable[Synthesis]) -> None:
    with closing(PreviewWindow("liquidwarp")) as window:
        for picture in pictures:
            if not window.show(to_uint8(picture.image)):
                return


def _pace(delays: list[float], seconds: float) -> str:
    if not delays:
        return "no frame came"
    middle, late = (1000 * np.quantile(delays, [0.5, 0.95])).round().astype(int)
    return (
        f"{len(delays)} frames, {len(delays) / seconds:.1f} a second; from frame to picture {middle} ms (median), "
        f"{late} ms (95 of 100)"
    )
