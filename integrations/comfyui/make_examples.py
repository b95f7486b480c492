"""Write the example workflows anew: each as ComfyUI's page opens it, and as its API takes it.

python integrations/comfyui/make_examples.py

The pictures and the clip that they name come with liquidwarp (`liquidwarp/demo_assets`); copy them into ComfyUI's input
folder.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent / "examples"
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN"}
"""Types whose inputs are widgets unless something is connected; so are lists of choices."""

CORE: dict[str, tuple[dict[str, Any], tuple[str, ...], tuple[object, ...]]] = {
    "LoadImage": ({"image": ["a file"]}, ("IMAGE", "MASK"), ("image",)),
    "LoadVideo": ({"file": ["a file"]}, ("VIDEO",), ("image",)),
    "GetVideoComponents": ({"video": "VIDEO"}, ("IMAGE", "AUDIO", "FLOAT"), ()),
    "CreateVideo": ({"images": "IMAGE", "fps": "FLOAT", "audio": "AUDIO"}, ("VIDEO",), ()),
    "SaveVideo": (
        {"video": "VIDEO", "filename_prefix": "STRING", "format": ["auto"], "codec": ["auto"]},
        (),
        (),
    ),
    "SaveImage": ({"images": "IMAGE", "filename_prefix": "STRING"}, (), ()),
    "MaskToImage": ({"mask": "MASK"}, ("IMAGE",), ()),
}
"""ComfyUI's own nodes in the examples: their inputs, their outputs, and values of widgets that only its page has."""


@dataclass(frozen=True)
class Out:
    """What comes out of a node of a workflow: the node's number, and which output."""

    node: str
    slot: int


@dataclass
class Workflow:
    """Nodes by number; inputs are values, or what comes out of other nodes."""

    nodes: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def add(self, kind: str, **inputs: object) -> tuple[Out, ...]:
        """Add a node; return what comes out of it."""
        number = str(len(self.nodes) + 1)
        given = _defaults(kind) | inputs
        self.nodes[number] = kind, {name: given[name] for name in _inputs(kind) if name in given}
        return tuple(Out(number, slot) for slot in range(len(_outputs(kind))))

    def as_api(self) -> dict[str, Any]:
        """Return it as ComfyUI's API takes it."""
        return {
            number: {
                "class_type": kind,
                "inputs": {
                    name: [value.node, value.slot] if isinstance(value, Out) else value
                    for name, value in inputs.items()
                },
            }
            for number, (kind, inputs) in self.nodes.items()
        }

    def as_page(self) -> dict[str, Any]:
        """Return it as ComfyUI's page opens it."""
        links: list[list[Any]] = []
        nodes: list[dict[str, Any]] = []
        depth: dict[str, int] = {}
        rows: dict[int, int] = {}
        for order, (number, (kind, inputs)) in enumerate(self.nodes.items()):
            sources = [value.node for value in inputs.values() if isinstance(value, Out)]
            depth[number] = 1 + max((depth[source] for source in sources), default=-1)
            row = rows.setdefault(depth[number], 0)
            rows[depth[number]] += 1
            types = _inputs(kind)
            slots: list[dict[str, Any]] = []
            for name, wanted in types.items():
                value, shown = inputs.get(name), wanted if isinstance(wanted, str) else "COMBO"
                if not isinstance(value, Out) and _is_widget(wanted):
                    continue
                slot: dict[str, Any] = {"name": name, "type": shown, "link": None}
                if _is_widget(wanted):
                    slot["widget"] = {"name": name}
                if isinstance(value, Out):
                    slot["link"] = len(links) + 1
                    links.append([len(links) + 1, int(value.node), value.slot, int(number), len(slots), shown])
                slots.append(slot)
            nodes.append(
                {
                    "id": int(number),
                    "type": kind,
                    "pos": [40 + 380 * depth[number], 60 + 420 * row],
                    "size": [330, 120 + 26 * len(types)],
                    "flags": {},
                    "order": order,
                    "mode": 0,
                    "inputs": slots,
                    "outputs": [],
                    "properties": {"Node name for S&R": kind},
                    "widgets_values": _widget_values(kind, inputs),
                }
            )
        for node in nodes:
            for slot, shown in enumerate(_outputs(node["type"])):
                own = [link[0] for link in links if link[1:3] == [node["id"], slot]]
                name = _output_names(node["type"])[slot]
                node["outputs"].append({"name": name, "type": shown, "links": own or None, "slot_index": slot})
        return {
            "last_node_id": len(nodes),
            "last_link_id": len(links),
            "nodes": nodes,
            "links": links,
            "groups": [],
            "config": {},
            "extra": {},
            "version": 0.4,
        }


def _ours() -> dict[str, type]:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    try:
        from comfyui import NODE_CLASS_MAPPINGS
    finally:
        sys.path.pop(0)
    return dict(NODE_CLASS_MAPPINGS)


def _declared(kind: str) -> dict[str, tuple]:
    """Return the inputs of a node of ours, without those that only a newer ComfyUI has."""
    told = _ours()[kind].INPUT_TYPES()
    declared = told["required"] | told.get("optional", {})
    return {name: one for name, one in declared.items() if one[0] != "VIDEO"}


def _inputs(kind: str) -> dict[str, Any]:
    return CORE[kind][0] if kind in CORE else {name: one[0] for name, one in _declared(kind).items()}


def _defaults(kind: str) -> dict[str, Any]:
    if kind in CORE:
        return {}
    return {name: one[1]["default"] for name, one in _declared(kind).items() if "default" in one[1]}


def _outputs(kind: str) -> tuple[str, ...]:
    return CORE[kind][1] if kind in CORE else tuple(one for one in _ours()[kind].RETURN_TYPES if one != "VIDEO")


def _output_names(kind: str) -> tuple[str, ...]:
    return CORE[kind][1] if kind in CORE else _ours()[kind].RETURN_NAMES


def _is_widget(wanted: object) -> bool:
    return isinstance(wanted, list) or wanted in WIDGETS


def _widget_values(kind: str, inputs: dict[str, Any]) -> list[Any]:
    """Return the values of a node's widgets; one to which something is connected keeps its default."""
    values = []
    for name, wanted in _inputs(kind).items():
        if _is_widget(wanted):
            value = inputs.get(name)
            standing = _defaults(kind).get(name, 25.0)
            values.append(standing if isinstance(value, Out) else value)
    return values + list(CORE[kind][2] if kind in CORE else ())


def imitate() -> Workflow:
    """Put the person of a photo in the motion of a video."""
    flow = Workflow()
    photo, _ = flow.add("LoadImage", image="woman_stripes.jpg")
    (clip,) = flow.add("LoadVideo", file="motion.mp4")
    frames, sound, fps = flow.add("GetVideoComponents", video=clip)
    person, _, _ = flow.add("LiquidwarpLearnPerson", photos=photo)
    motion, rate, heard = flow.add("LiquidwarpRecoverMotion", images=frames, fps=fps, audio=sound)
    images, *_ = flow.add("LiquidwarpImitate", person=person, motion=motion)
    (video,) = flow.add("CreateVideo", images=images, fps=rate, audio=heard)
    flow.add("SaveVideo", video=video, filename_prefix="liquidwarp/imitation", format="auto", codec="auto")
    return flow


def dress_and_turn() -> Workflow:
    """Dress a person in another's jacket, show it from all sides, and write it as GLB."""
    flow = Workflow()
    photo, _ = flow.add("LoadImage", image="woman_stripes.jpg")
    outfit, _ = flow.add("LoadImage", image="man_jacket.jpg")
    person, _, _ = flow.add("LiquidwarpLearnPerson", photos=photo)
    wearer, _, _ = flow.add("LiquidwarpLearnPerson", photos=outfit)
    (dressed,) = flow.add("LiquidwarpDress", person=person, wearer=wearer, part="upper")
    images, _, _, fps = flow.add("LiquidwarpTurn", person=dressed)
    (video,) = flow.add("CreateVideo", images=images, fps=fps)
    flow.add("SaveVideo", video=video, filename_prefix="liquidwarp/turn", format="auto", codec="auto")
    flow.add("LiquidwarpExportGlb", person=dressed, names="mixamo")
    return flow


def guides() -> Workflow:
    """Draw skeleton, depth, normals, parts, first pass and masks for other models."""
    flow = Workflow()
    photo, _ = flow.add("LoadImage", image="woman_stripes.jpg")
    (clip,) = flow.add("LoadVideo", file="motion.mp4")
    frames, _, fps = flow.add("GetVideoComponents", video=clip)
    person, _, _ = flow.add("LiquidwarpLearnPerson", photos=photo)
    motion, *_ = flow.add("LiquidwarpRecoverMotion", images=frames, fps=fps)
    skeleton, depth, normal, parts, _, first, mask, invented, _ = flow.add(
        "LiquidwarpGuides", person=person, motion=motion
    )
    named = {"skeleton": skeleton, "depth": depth, "normal": normal, "parts": parts, "first_pass": first}
    for name, plane in (("mask", mask), ("invented", invented)):
        (named[name],) = flow.add("MaskToImage", mask=plane)
    for name, pictures in named.items():
        flow.add("SaveImage", images=pictures, filename_prefix=f"liquidwarp/{name}")
    return flow


WORKFLOWS = {"imitate": imitate, "dress_and_turn": dress_and_turn, "guides": guides}


def written() -> dict[str, str]:
    """Return the text of every example by its file's name."""
    found = {}
    for name, make in WORKFLOWS.items():
        flow = make()
        found[f"{name}.json"] = json.dumps(flow.as_page(), indent=1) + "\n"
        found[f"{name}_api.json"] = json.dumps(flow.as_api(), indent=1) + "\n"
    return found


if __name__ == "__main__":
    for file, text in written().items():
        (EXAMPLES / file).write_text(text, encoding="utf-8")
