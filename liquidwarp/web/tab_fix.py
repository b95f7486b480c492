"""Fix: joints are handles on the photo; what is dragged is evidence for a new fit."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from liquidwarp.errors import LiquidwarpError
from liquidwarp.web.desk import Desks, say_error, say_wrong
from liquidwarp.web.examples import PEOPLE, photo_of
from liquidwarp.web.parts import joint_handles, person_view, photo_upload, ready_people, status
from liquidwarp.web.tab_turn import turned
from liquidwarp.web.uploads import bring

_FIND, _FIX = "find", "fix"


def fix_tab(desks: Desks) -> None:
    """Lay the tab out.

    Args:
        desks: whose jobs are whose.
    """
    source = gr.State(None)
    found = gr.State({})
    moved = gr.State({})
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            photo = photo_upload("Photo", height=200, elem_id="fix-photo")
            ready = ready_people("or ready:")
            who = gr.Radio([], label="Who", visible=False)
            handles = joint_handles()
            with gr.Row():
                go = gr.Button("Fit anew", variant="primary", elem_id="fix-go")
                undo = gr.Button("As it was")
            said = status()
        with gr.Column(scale=3, min_width=320):
            fitted = gr.HTML(value="", elem_classes="lw-picture", label="The fit over the photo")
            view = person_view("The person, fitted anew")
            taken = gr.HTML(value="", elem_classes="lw-files", label="Files")

    def find(given: str | None, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        if given is None:
            return
        path = str(photo_of(given)) if given in PEOPLE else given
        try:
            job = desks.begin(
                request.session_hash or "", _FIND, "find", lambda folder: {"photo": bring(path, folder, "photo")}
            )
        except LiquidwarpError as error:
            yield None, {}, {}, {}, gr.skip(), say_error(error)
            return
        for step in desks.follow(job):
            if step.event.kind != "done":
                yield *(gr.skip() for _ in range(5)), step.said
                continue
            known = {**step.event.values, "picture": step.address("upright.jpg")}
            count = len(known["people"])
            choose = gr.Radio(
                [(f"person {number}", number) for number in range(count)], value=0, visible=count > 1, label="Who"
            )
            told = step.said if count else say_wrong("Nobody found; give another photo.")
            yield path, known, {}, {**known, "person": 0, "moved": {}}, choose, told

    outputs = [source, found, moved, handles, who, said]
    for part, event in ((photo, photo.input), (ready, ready.input)):
        event(find, part, outputs, api_visibility="private", concurrency_limit=None)

    def choose(found: dict[str, Any], number: int) -> tuple[Any, Any]:
        return {}, {**found, "person": number, "moved": {}}

    who.input(choose, [found, who], [moved, handles], queue=False, api_visibility="private")
    undo.click(choose, [found, who], [moved, handles], queue=False, api_visibility="private")

    def note(event: gr.EventData) -> dict[str, Any]:
        return dict(event._data.get("moved", {}))

    handles.change(note, None, moved, queue=False, api_visibility="private", show_progress="hidden")

    def run(
        source: str | None, moved: dict[str, Any], number: int | None, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        try:
            job = desks.begin(
                request.session_hash or "",
                _FIX,
                "fix",
                lambda folder: {"photo": bring(source, folder, "photo"), "person": int(number or 0), "moved": moved},
            )
        except LiquidwarpError as error:
            yield "", {}, "", say_error(error)
            return
        for step in desks.follow(job):
            if step.event.kind != "done":
                yield gr.skip(), gr.skip(), gr.skip(), step.said
                continue
            picture = f'<img src="{step.address("fixed.png")}" alt="the body over the photo">'
            yield picture, turned(step), step.link("me.person"), step.said

    go.click(run, [source, moved, who], [fitted, view, taken, said], api_visibility="private", concurrency_limit=None)
