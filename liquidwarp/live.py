"""A camera or a video drives a person, into a window, a file, a virtual camera or a stream, as it comes."""

import time
from collections.abc import Generator as Generates
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8

from liquidwarp.console import typed_line
from liquidwarp.media import PreviewWindow, UdpStream, VirtualCamera, Webcam, open_video, to_uint8
from liquidwarp.methods import Method
from liquidwarp.tasks import LiveFrame, SourceState, Synthesis, imitate_live, write_video
from liquidwarp.tasks.synthesize import BackgroundChoice


@runtime_checkable
class Sink(Protocol):
    """Where live pictures go, beside files and windows."""

    def send(self, rgb: UInt8[np.ndarray, "H W 3"]) -> None:
        """Take a picture."""

    def close(self) -> None:
        """End in order."""


def run_live(
    person: SourceState,
    *,
    motion: str | Path | None = None,
    webcam: int = 0,
    output: str | Path | None = None,
    virtual_camera: bool = False,
    stream: str | None = None,
    preview: bool = False,
    mirror: bool = False,
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

    The space bar in the window, or Enter in the console, stops and starts the pictures: while they are stopped the last
    one stays, and a file grows no longer. q ends.

    Args:
        person: from `encode_source` or `transfer_appearance`.
        motion: a video that drives; the camera if None.
        webcam: which camera.
        output: a video to write; without it, and without a virtual camera or stream, a window shows the pictures.
        virtual_camera: show the pictures as a camera of this machine.
        stream: address to stream to, such as `udp://127.0.0.1:5000`.
        preview: show a window beside a virtual camera or a stream.
        mirror: the person moves as the driver's mirror image; clothes and background are not turned round.
        seconds: end after so long; with the driver if None.
        mute: leave the video's sound out.
        camera, size, background, method, motion_person, device: as in `tasks.imitate_live`.

    Raises:
        InputError: the driver cannot be read, the stream's address is none, or a virtual camera lacks its package.
        OutputError: the file cannot be written, or no window or virtual camera can be opened.
    """
    driver = Webcam(webcam) if motion is None else open_video(motion)
    sinks: list[Sink] = []
    delays: list[float] = []
    started = time.perf_counter()
    with ExitStack() as opened:
        if isinstance(driver, Webcam):
            opened.enter_context(closing(driver))
        if stream is not None:
            sinks.append(opened.enter_context(closing(UdpStream(stream, driver.fps))))
        if virtual_camera:
            sinks.append(opened.enter_context(closing(VirtualCamera(driver.fps))))
        frames = imitate_live(
            person,
            (np.ascontiguousarray(frame[:, ::-1]) for frame in driver) if mirror else driver,
            fps=driver.fps,
            camera=camera,
            size=size,
            background=background,
            method=method,
            motion_person=motion_person,
            device=device,
        )
        with closing(_timed(frames, delays, seconds)) as pictures:
            if output is not None:
                sound = None if mute else motion
                write_video(_while_running(pictures), output, fps=driver.fps, sound=sound, progress=True)
            elif sinks:
                _send(_paced(pictures, driver.fps) if motion is not None else pictures, sinks, preview)
            else:
                _send(pictures, [], preview=True)
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


def _paced(pictures: Iterable[Synthesis], fps: float) -> Iterator[Synthesis]:
    """Yield pictures no sooner than they are due: a video is read faster than it plays."""
    started = time.perf_counter()
    for index, picture in enumerate(pictures):
        time.sleep(max(0.0, started + index / fps - time.perf_counter()))
        yield picture


def _while_running(pictures: Iterable[Synthesis]) -> Iterator[Synthesis]:
    """Yield the pictures between the console's starts and stops, until its end."""
    stopped = False
    for picture in pictures:
        stopped, ended = _steered(stopped)
        if ended:
            return
        if not stopped:
            yield picture


def _steered(stopped: bool) -> tuple[bool, bool]:
    """Return what the console says: whether pictures are stopped, and whether to end."""
    typed = typed_line()
    return stopped ^ (typed == ""), typed == "q"


def _send(pictures: Iterable[Synthesis], sinks: Sequence[Sink], preview: bool) -> None:
    """Hand pictures on; while they are stopped, the last one again and again, as a camera would."""
    shown: UInt8[np.ndarray, "H W 3"] | None = None
    stopped = False
    with closing(PreviewWindow("liquidwarp")) as window:
        for picture in pictures:
            if shown is None or not (stopped or window.stopped):
                shown = to_uint8(picture.image)
            for sink in sinks:
                sink.send(shown)
            stopped, ended = _steered(stopped)
            if ended or (preview and not window.show(shown)):
                return


def _pace(delays: list[float], seconds: float) -> str:
    if not delays:
        return "no frame came"
    middle, late = (1000 * np.quantile(delays, [0.5, 0.95])).round().astype(int)
    return (
        f"{len(delays)} frames, {len(delays) / seconds:.1f} a second; from frame to picture {middle} ms (median), "
        f"{late} ms (95 of 100)"
    )
