"""Turn: the person of a photo, under the mouse."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from liquidwarp.errors import LiquidwarpError
from liquidwarp.web.desk import Desks, JobView, say_error
from liquidwarp.web.examples import PEOPLE, photo_of
from liquidwarp.web.parts import faces, person_view, photo_upload, ready_people, status
from liquidwarp.web.tab_imitate import add_exports
from liquidwarp.web.uploads import bring

_PLACE = "turn"


def turn_tab(desks: Desks) -> None:
    """Lay the tab out.

    Args:
        desks: whose jobs are whose.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=260):
            photo = photo_upload("Photo of a person", height=300, elem_id="turn-photo")
            faces()
            person = ready_people("or ready:")
            learnt = gr.File(label="or a learnt person (.person)", file_types=[".person"], height=100)
        with gr.Column(scale=3, min_width=320):
            view = person_view("The person, turning")
            said = status()
            taken = gr.HTML(value="", elem_classes="lw-files", label="Files")
            with gr.Row():
                exports = {"glb": gr.Button("Make GLB", size="sm"), "bvh": gr.Button("Make BVH", size="sm")}

    def run(given: str | None, request: gr.Request) -> Iterator[tuple[Any, Any, Any]]:
        if given is None:
            return
        path = photo_of(given) if given in PEOPLE else given
        try:
            job = desks.begin(
                request.session_hash or "", _PLACE, "learn", lambda folder: {"photo": bring(path, folder, "photo")}
            )
        except LiquidwarpError as error:
            yield {}, say_error(error), ""
            return
        for step in desks.follow(job):
            yield turned(step), step.said, step.link("me.person") if step.event.kind == "done" else ""

    for source, event in ((photo, photo.input), (person, person.input), (learnt, learnt.upload)):
        event(
            run,
            source,
            [view, said, taken],
            api_visibility="private",
            concurrency_limit=None,
            trigger_mode="always_last",
        )
    add_exports(desks, _PLACE, exports, said, taken)


def turned(step: JobView) -> Any:
    """Return what turns at a step."""
    if step.event.kind != "done":
        return gr.skip()
    shares = step.event.values
    told = ", ".join(f"{round(100 * shares[kind])}% {kind}" for kind in ("seen", "mirrored", "invented"))
    return {"glb": step.address("turn.glb"), "coverage": step.address("coverage.bin"), "said": told}
