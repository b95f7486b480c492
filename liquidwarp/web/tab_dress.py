"""Dress: parts of several people onto one, and everybody in the clothes of everybody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from liquidwarp.errors import InputError, LiquidwarpError
from liquidwarp.web.desk import Desks, say_error
from liquidwarp.web.examples import PEOPLE, photo_of
from liquidwarp.web.parts import faces, status
from liquidwarp.web.uploads import bring

_PLACE = "dress"
_PARTS = {"head": "Head and hair", "upper": "Upper body", "lower": "Legs", "shoes": "Shoes"}
_MOST = 5
_OWN = "their own"


def dress_tab(desks: Desks) -> None:
    """Lay the tab out.

    Args:
        desks: whose jobs are whose.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=260):
            photos = gr.File(
                label=f"Photos of people, 2 to {_MOST}; the first is dressed",
                file_count="multiple",
                file_types=["image", ".person"],
                elem_id="dress-photos",
            )
            faces()
            people = gr.CheckboxGroup(
                [(said, name) for name, said in PEOPLE.items()],
                value=["woman_stripes", "man_jacket"],
                label="and these, who are ready",
            )
            wear = [
                gr.Dropdown(
                    [_OWN, *(f"person {n}" for n in range(2, _MOST + 1))],
                    value="person 2" if part == "upper" else _OWN,
                    label=f"{said} of",
                )
                for part, said in _PARTS.items()
            ]
            with gr.Row():
                go = gr.Button("Dress", variant="primary", elem_id="dress-go")
                table = gr.Button("Table of all in all", elem_id="dress-table")
                stop = gr.Button("Cancel", variant="stop")
            said = status()
        with gr.Column(scale=3, min_width=320):
            shown = gr.HTML(value="", elem_classes="lw-picture", label="Dressed")

    def start(tab: str, photos: list[str] | None, people: list[str], wear: tuple[str, ...], table: bool) -> Any:
        given: list[str | Path] = [*(photos or ()), *(photo_of(name) for name in people)]
        if not 2 <= len(given) <= _MOST:
            raise InputError(f"{len(given)} people; give 2 to {_MOST}, those who are ready counted")
        chosen = {part: int(who.split()[1]) - 1 for part, who in zip(_PARTS, wear, strict=True) if who != _OWN}
        if chosen and max(chosen.values()) >= len(given):
            raise InputError(f"there is no person {max(chosen.values()) + 1}, only {len(given)}; choose another")

        def bring_all(folder: Path) -> dict[str, Any]:
            names = [bring(path, folder, f"photo{number}") for number, path in enumerate(given)]
            return {"photos": names, "wear": chosen, "table": table, "size": 640}

        return desks.begin(tab, _PLACE, "dress", bring_all)

    def run(
        tab: str, photos: list[str] | None, people: list[str], wear: tuple[str, ...], table: bool
    ) -> Iterator[tuple[Any, str]]:
        try:
            job = start(tab, photos, people, wear, table)
        except LiquidwarpError as error:
            yield "", say_error(error)
            return
        for step in desks.follow(job):
            if step.event.kind != "done":
                yield gr.skip(), step.said
                continue
            name = "table.png" if table else "dressed.png"
            alt = "everybody in the clothes of everybody" if table else "the first person, dressed"
            links = f'<p class="lw-files">{step.link(name)}{step.link("me.person")}</p>'
            yield f'<img src="{step.address(name)}" alt="{alt}">{links}', step.said

    def dress(request: gr.Request, photos: list[str] | None, people: list[str], *wear: str) -> Iterator[Any]:
        yield from run(request.session_hash or "", photos, people, wear, False)

    def lay_table(request: gr.Request, photos: list[str] | None, people: list[str], *wear: str) -> Iterator[Any]:
        yield from run(request.session_hash or "", photos, people, wear, True)

    for button, work in ((go, dress), (table, lay_table)):
        button.click(work, [photos, people, *wear], [shown, said], api_visibility="private", concurrency_limit=None)

    def cancel(request: gr.Request) -> None:
        desks.cancel(request.session_hash or "", _PLACE)

    stop.click(cancel, queue=False, api_visibility="private")
