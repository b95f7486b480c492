"""Live: the browser's camera drives a person."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from liquidwarp.errors import LiquidwarpError
from liquidwarp.web.desk import Desks, say_error
from liquidwarp.web.examples import photo_of
from liquidwarp.web.jobs import QueuedJob
from liquidwarp.web.parts import ready_people, status
from liquidwarp.web.uploads import bring

_PLACE = "live"
_EVERY = 0.1  # seconds between two frames of the camera
_LONGEST = 600  # seconds
_TRIES = 30  # to say that it is enough


def live_tab(desks: Desks) -> None:
    """Lay the tab out.

    Args:
        desks: whose jobs are whose.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=260):
            person = ready_people("Who", chosen="woman_stripes")
            photo = gr.Image(
                label="or a photo", type="filepath", image_mode=None, sources=["upload", "clipboard"], height=180
            )
            camera = gr.Image(
                label="Camera", sources=["webcam"], type="numpy", streaming=True, height=260, elem_id="live-camera"
            )
            size = gr.Slider(192, 640, 384, step=64, label="Longer side, pixels")
        with gr.Column(scale=3, min_width=320):
            shown = gr.HTML(value="", elem_classes="lw-picture", label="Live")
            said = status()
            with gr.Row():
                go = gr.Button("Start", variant="primary", elem_id="live-go")
                stop = gr.Button("Stop", variant="stop", elem_id="live-stop")

    def run(person: str, photo: str | None, size: int, request: gr.Request) -> Iterator[tuple[Any, str]]:
        path: str | Path = photo or photo_of(person)
        try:
            job = desks.begin(
                request.session_hash or "",
                _PLACE,
                "live",
                lambda folder: {"photo": bring(path, folder, "photo"), "size": int(size)},
            )
        except LiquidwarpError as error:
            yield "", say_error(error)
            return
        for step in desks.follow(job):
            picture = step.event.picture
            yield f'<img src="{step.address(picture)}" alt="live">' if picture else gr.skip(), step.said

    go.click(run, [person, photo, size], [shown, said], api_visibility="private", concurrency_limit=None)

    def pass_on(frame: np.ndarray | None, request: gr.Request) -> None:
        job = desks.at(request.session_hash or "", _PLACE)
        if frame is not None and job is not None and not job.over.is_set():
            job.send(as_jpeg(frame))

    camera.stream(
        pass_on,
        camera,
        None,
        stream_every=_EVERY,
        time_limit=_LONGEST,
        api_visibility="private",
        show_progress="hidden",
        concurrency_limit=None,
    )

    def end(request: gr.Request) -> None:
        job = desks.at(request.session_hash or "", _PLACE)
        if job is not None:
            finish(job)

    stop.click(end, queue=False, api_visibility="private")


def finish(job: QueuedJob) -> None:
    """Let a job end by itself, so that its process stays warm; end it if it does not listen."""
    for _ in range(_TRIES):
        if job.over.is_set() or job.send(None):
            return
        time.sleep(_EVERY)
    job.cancel()


def as_jpeg(frame: np.ndarray) -> bytes:
    """Return a frame of the camera as JPEG."""
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "JPEG", quality=90)
    return stream.getvalue()
