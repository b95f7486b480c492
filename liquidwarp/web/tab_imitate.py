"""Imitate: a photo and a motion make a video."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from liquidwarp.errors import LiquidwarpError
from liquidwarp.web.desk import Desks, JobView, say_error, say_wrong
from liquidwarp.web.examples import DANCES, motion_of, photo_of
from liquidwarp.web.parts import copyable, faces, photo_upload, ready_people, status, wiper
from liquidwarp.web.recipes import as_command, as_python
from liquidwarp.web.uploads import bring

_PLACE = "imitate"
_LIMBS = ("arms", "hands", "legs", "trunk", "head")
_SIZES = {"as the photo": None, "384": 384, "512": 512, "768": 768, "1024": 1024}
_EXPORTS = {"Transparent WebM": "webm", "PNG sequence": "png", "GLB": "glb", "BVH": "bvh"}
_MADE = (("out.mp4", "MP4"), ("me.person", "me.person"), ("motion.npz", "motion file"))


def imitate_tab(desks: Desks) -> None:
    """Lay the tab out.

    Args:
        desks: whose jobs are whose.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=260):
            photo = photo_upload("Photo of a person", height=260)
            faces()
            person = ready_people("or ready:", chosen="woman_stripes")
            motion = gr.Video(
                label="Motion: a video of somebody",
                sources=["upload", "webcam"],
                webcam_options=gr.WebcamOptions(mirror=False),
                height=260,
            )
            dance = gr.Radio([(said, name) for name, said in DANCES.items()], value="step", label="or ready:")
        with gr.Column(scale=3, min_width=320):
            result = wiper(ready("woman_stripes", "step"))
            said = status()
            with gr.Row():
                go = gr.Button("Imitate", variant="primary", elem_id="imitate-go")
                stop = gr.Button("Cancel", variant="stop", elem_id="imitate-stop")
            taken = gr.HTML(value="", elem_classes="lw-files", label="Files")
            with gr.Row():
                exports = {kind: gr.Button(f"Make {name}", size="sm") for name, kind in _EXPORTS.items()}
    with gr.Accordion("More: size, camera, background, who, how calm", open=False):
        with gr.Row():
            size = gr.Dropdown(list(_SIZES), value="512", label="Longer side, pixels")
            camera = gr.Dropdown(["smooth", "copy", "source"], value="smooth", label="Camera")
            background = gr.Dropdown(["keep", "plain"], value="keep", label="Background")
            number = gr.Number(0, label="Which person of the photo (0: largest)", precision=0, minimum=0, maximum=9)
            mover = gr.Number(0, label="Which person of the motion", precision=0, minimum=0, maximum=9)
        with gr.Row():
            calm = [gr.Slider(0, 1, 0, step=0.1, label=f"Calm {limb}, seconds") for limb in _LIMBS]
        with gr.Row():
            learnt = gr.File(label="A learnt person (.person) in place of the photo", file_types=[".person"])
            moves = gr.File(label="A motion (.npz, .bvh) in place of the video", file_types=[".npz", ".bvh", ".pkl"])
    with gr.Row():
        command = copyable("The same as a command line")
        python = copyable("The same as Python")

    given = [photo, person, motion, dance, learnt, moves]
    how = [size, camera, background, number, mover, *calm]

    def run(
        request: gr.Request,
        photo: str | None,
        person: str,
        motion: str | None,
        dance: str,
        learnt: str | None,
        moves: str | None,
        size: str,
        camera: str,
        background: str,
        number: int,
        mover: int,
        *calm: float,
    ) -> Iterator[tuple[Any, ...]]:
        tab = request.session_hash or ""
        smooth = {limb: seconds for limb, seconds in zip(_LIMBS, calm, strict=True) if seconds}
        options = {"person": int(number or 0), "motion_person": int(mover or 0), "camera": camera}
        options |= {"background": background, "size": _SIZES[size]}
        who, does = learnt or photo or photo_of(person), moves or motion or motion_of(dance)

        def bring_all(folder: Path) -> dict[str, Any]:
            names = {"photo": bring(who, folder, "photo"), "motion": bring(does, folder, "motion")}
            return {**names, **options, "smooth": smooth}

        try:
            job = desks.begin(tab, _PLACE, "dance", bring_all)
        except LiquidwarpError as error:
            yield {}, say_error(error), "", "", ""
            return
        yield {}, "", "", "", ""
        for step in desks.follow(job):
            yield shown(step), step.said, files(step), gr.skip(), gr.skip()
            if step.event.kind == "done":
                names = Path(who).name, Path(does).name
                yield (
                    *(gr.skip(), gr.skip(), gr.skip()),
                    *(write(*names, options, smooth) for write in (as_command, as_python)),
                )

    outputs = [result, said, taken, command, python]
    go.click(run, [*given, *how], outputs, api_visibility="private", concurrency_limit=None)

    def cancel(request: gr.Request) -> None:
        desks.cancel(request.session_hash or "", _PLACE)

    stop.click(cancel, queue=False, api_visibility="private")

    for choice in (person, dance):
        choice.input(ready, [person, dance], result, queue=False, api_visibility="private")
    add_exports(desks, _PLACE, exports, said, taken)


def ready(person: str, dance: str) -> dict[str, str]:
    """Return what is shown of a pair that is ready."""
    return {"result": f"/examples/{person}_{dance}.mp4", "reference": f"/examples/{dance}.mp4"}


def shown(step: JobView) -> Any:
    """Return what the wiper shows at a step."""
    if step.event.kind == "done":
        value = {"result": step.address("out.mp4")}
        return value | ({"reference": step.address("reference.mp4")} if step.event.values["filmed"] else {})
    if step.event.picture:
        return {"picture": step.address(step.event.picture)}
    return gr.skip()


def files(step: JobView) -> Any:
    """Return links to what a job made, as HTML."""
    if step.event.kind != "done":
        return ""
    return "".join(step.link(name, said) for name, said in _MADE if (step.job.folder / name).is_file())


def add_exports(desks: Desks, place: str, buttons: dict[str, gr.Button], said: gr.HTML, taken: gr.HTML) -> None:
    """Let buttons make further files of what a place made.

    Args:
        desks: whose jobs are whose.
        place: whose job it goes on with.
        buttons: by kind of file.
        said: the line below.
        taken: where links are shown.
    """

    def make(kind: str) -> Any:
        def run(links: str, request: gr.Request) -> Iterator[tuple[Any, Any]]:
            job = desks.go_on(request.session_hash or "", place, "export", kind=kind)
            if job is None:
                yield say_wrong("Nothing to write yet: make a result first."), gr.skip()
                return
            for step in desks.follow(job):
                yield step.said, gr.skip()
                if step.event.kind == "done":
                    yield gr.skip(), (links or "") + step.link(step.event.values["file"])

        return run

    for kind, button in buttons.items():
        button.click(make(kind), taken, [said, taken], api_visibility="private", concurrency_limit=None)
