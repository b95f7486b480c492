"""Parts of the page that Gradio has not: the person under the mouse, the wiper, joints as handles."""

from importlib import resources

import gradio as gr

from liquidwarp.web.examples import PEOPLE

_VIEW = """<div class="lw-view">
<canvas tabindex="0" role="application" aria-label="The person in space. Drag, or use the arrow keys, to turn; plus and
minus come nearer; c shows what was seen, mirrored and invented; space plays the motion."></canvas>
<div class="lw-bar">
<button type="button" class="cover" aria-pressed="false">Coverage (c)</button>
<button type="button" class="play" aria-pressed="false" hidden>Play (space)</button>
<span class="lw-key lw-seen">seen</span><span class="lw-key lw-mirrored">mirrored</span>
<span class="lw-key lw-invented">invented</span><span class="said" role="status"></span>
</div></div>"""
_WIPER = """<div class="lw-wiper">
<div class="stage" data-state="empty">
<div class="pair">
<video class="over" loop muted playsinline autoplay aria-label="The result"></video>
<div class="clip"><video class="under" loop muted playsinline aria-label="The reference"></video></div>
</div>
<img alt="The newest frame">
</div>
<div class="lw-bar">
<button type="button" class="play" aria-pressed="true">Play</button>
<button type="button" class="sound" aria-pressed="false">Sound</button>
<label hidden>Reference <input type="range" min="0" max="100" value="50" aria-label="Border between reference and
result"> Result</label></div></div>"""
_COPYABLE = """<div class="lw-copy"><div class="head"><span>{label}</span>
<button type="button" disabled aria-label="Copy: {label}">Copy</button></div>
<pre tabindex="0" role="region" aria-label="{label}"></pre></div>"""
_HANDLES = '<div class="lw-handles"><div class="stage"></div></div>'


def script(name: str) -> str:
    """Return a script that comes with the page."""
    return (resources.files("liquidwarp") / "web" / "static" / name).read_text(encoding="utf-8")


def person_view(label: str) -> gr.HTML:
    """Return a person that turns: a value has `glb`, and may have `coverage` and `said`."""
    return gr.HTML(
        value={}, label=label, html_template=_VIEW, js_on_load=script("turn.js"), elem_classes="lw-turn", padding=False
    )


def wiper(value: dict[str, str]) -> gr.HTML:
    """Return a result beside its reference: a value has `result`, `reference`, or `picture` meanwhile."""
    return gr.HTML(
        value=value,
        label="Result",
        html_template=_WIPER,
        js_on_load=script("wiper.js"),
        elem_classes="lw-result",
        padding=False,
    )


def joint_handles() -> gr.HTML:
    """Return a photo with handles: a value has `picture`, `size`, `people`, `person` and `moved`."""
    return gr.HTML(
        value={},
        label="Joints",
        html_template=_HANDLES,
        js_on_load=script("handles.js"),
        elem_classes="lw-joints",
        padding=False,
    )


def photo_upload(label: str, *, height: int, elem_id: str | None = None) -> gr.Image:
    """Return where a photo is dropped, taken or pasted; it comes as the file that it is."""
    return gr.Image(
        label=label,
        type="filepath",
        image_mode=None,
        sources=["upload", "webcam", "clipboard"],
        height=height,
        elem_id=elem_id,
    )


def ready_people(label: str, *, chosen: str | None = None) -> gr.Radio:
    """Return a choice of the people who are ready."""
    return gr.Radio([(said, name) for name, said in PEOPLE.items()], value=chosen, label=label)


def faces() -> gr.HTML:
    """Return pictures of the people who are ready."""
    each = "".join(
        f'<figure><img src="/examples/{name}.jpg" alt="" loading="lazy"><figcaption>{said}</figcaption></figure>'
        for name, said in PEOPLE.items()
    )
    return gr.HTML(value=f'<div class="lw-faces">{each}</div>', padding=False)


def copyable(label: str) -> gr.HTML:
    """Return a text with a button that copies it."""
    return gr.HTML(
        value="",
        label=label,
        html_template=_COPYABLE.format(label=label),
        js_on_load=script("copy.js"),
    )


def status() -> gr.HTML:
    """Return the line that says how a job goes."""
    return gr.HTML(
        value="", html_template='<div role="status" aria-live="polite">${value}</div>', elem_classes="lw-status"
    )
