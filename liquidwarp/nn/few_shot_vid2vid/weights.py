"""Weights of few-shot vid2vid: recognised in published checkpoints, kept with a card, and read back."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from liquidwarp.cards import Card, differing_names, filled_network, load_with_card, save_with_card
from liquidwarp.errors import InputError
from liquidwarp.nn.few_shot_vid2vid.generator import FewShotGenerator
from liquidwarp.nn.few_shot_vid2vid.published import from_published, published_names, without_wrappers
from liquidwarp.nn.few_shot_vid2vid.shape import FIRST, IMAGINAIRE, GeneratorShape

CONFIGURATIONS = (
    "fsvid2vid-pose",
    "fsvid2vid-imaginaire-pose",
    "fsvid2vid-mesh",
    "fsvid2vid-face",
    "fsvid2vid-imaginaire-face",
    "fsvid2vid-face-refiner",
    "fsvid2vid-labels",
    "fsvid2vid-imaginaire-labels",
)
"""What a network draws from what kind of label, in which layout; the card's `shape` says the rest."""

PUBLISHED_SIZES = {
    "fsvid2vid-pose": (512, 256),
    "fsvid2vid-imaginaire-pose": (512, 256),
    "fsvid2vid-face": (256, 256),
    "fsvid2vid-imaginaire-face": (512, 512),
    "fsvid2vid-face-refiner": (128, 128),
    "fsvid2vid-labels": (256, 512),
    "fsvid2vid-imaginaire-labels": (256, 512),
}
"""(height, width) of the pictures that published networks were trained on."""

_log = logging.getLogger(__name__)
_LAYOUTS = {"first": FIRST, "imaginaire": IMAGINAIRE}
_KINDS = {6: "pose", 1: "face"}
_BESIDE = ("num_updates_tracked",)
_DERIVED = ("weight_u", "weight_v")
_NAMED = 3  # parameters that an error message names
_GAIN = 0.02  # of the numbers that a network begins with


@dataclass(frozen=True, eq=False)
class FewShotWeights:
    """A network and what its file says of it.

    Attributes:
        generator: ready to answer.
        configuration: one of `CONFIGURATIONS`.
        size: (height, width) of the pictures that it was trained on.
    """

    generator: FewShotGenerator
    configuration: str
    size: tuple[int, int]


def configuration_of(shape: GeneratorShape) -> str:
    """Return which of `CONFIGURATIONS` a network of a shape is."""
    if shape.given_flow:
        return "fsvid2vid-mesh"
    if shape.labels == 3 and not shape.warp_previous and shape.halvings == 4:
        return "fsvid2vid-face-refiner"
    layout = "imaginaire-" if shape.layout == IMAGINAIRE else ""
    return f"fsvid2vid-{layout}{_KINDS.get(shape.labels, 'labels')}"


def is_few_shot(tensors: Mapping[str, Tensor]) -> bool:
    """Return whether parameters look like a generator of few-shot vid2vid, in either layout."""
    inside = without_wrappers(tensors)
    return any(key.startswith(("ref_img_first.", "weight_generator.ref_img_first.")) for key in inside)


def read_published(path: str | Path, tensors: Mapping[str, Tensor]) -> tuple[GeneratorShape, dict[str, Tensor]]:
    """Return the shape of a published generator, and its parameters under our names.

    Args:
        path: of their file, for messages.
        tensors: as the file holds them, wrappers and all.

    Raises:
        InputError: parameters are missing, too many or of another shape; some are named.
    """
    inside = {key: value for key, value in without_wrappers(tensors).items() if key not in _BESIDE}
    try:
        shape = _shape_in(inside)
        _check_names(path, shape, inside)
        return shape, from_published(shape, inside)
    except KeyError as error:
        raise InputError(
            f"{path}: not a whole generator of few-shot vid2vid ({error.args[0]} is missing); give the file of G "
            "(..._net_G.pth, or imaginaire's checkpoint)"
        ) from error


def save_few_shot(
    generator: FewShotGenerator, path: str | Path, card: Mapping[str, object], *, size: tuple[int, int]
) -> None:
    """Write weights with a card.

    Args:
        generator: the network.
        path: a safetensors file.
        card: what else there is to say.
        size: (height, width) of the pictures that it was trained on.

    Raises:
        OutputError: the file cannot be written.
    """
    save_with_card(generator.state_dict(), path, dict(card) | few_shot_card(generator.shape, size))


def few_shot_card(shape: GeneratorShape, size: tuple[int, int]) -> Card:
    """Return what a file says of its network."""
    layout = next(name for name, known in _LAYOUTS.items() if known == shape.layout)
    return {
        "configuration": configuration_of(shape),
        "shape": asdict(shape) | {"layout": layout},
        "size": list(size),
        "pictures": "RGB in [-1, 1]",
        "mask": "1 = generated",
    }


def load_few_shot(path: str | Path) -> FewShotWeights:
    """Read a file that `import_weights` or a training wrote, ready to answer.

    Raises:
        InputError: no such file, a damaged one, or weights of another network.
    """
    if Path(path).suffix != ".safetensors":
        raise InputError(f"{path}: not a safetensors file; 'liquidwarp weights import {path}' makes one")
    card, tensors = load_with_card(path)
    name = card.get("configuration", "an unknown network")
    if name not in CONFIGURATIONS:
        raise InputError(f"{path}: weights of {name!r}, wanted few-shot vid2vid's ({', '.join(CONFIGURATIONS)})")
    try:
        told = dict(card["shape"])
        shape = GeneratorShape(**{**told, "layout": _LAYOUTS[told["layout"]]})
        height, width = (int(side) for side in card["size"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: its card does not tell the network's shape ({error}); import or train it anew"
        ) from error
    network = filled_network(lambda: FewShotGenerator(shape), (card["shape"], card["size"]), tensors, path, name=name)
    return FewShotWeights(network, name, (height, width))


def initialize_(network: nn.Module) -> None:
    """Fill a network as it was published before training: Xavier's normal numbers times 0.02, no biases."""
    for module in network.modules():
        kernel = getattr(module, "weight_orig", getattr(module, "weight", None))
        if not isinstance(module, nn.Conv2d | nn.Linear) or kernel is None:
            continue
        nn.init.xavier_normal_(kernel, gain=_GAIN)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _shape_in(tensors: Mapping[str, Tensor]) -> GeneratorShape:
    imaginaire = any(key.startswith("weight_generator.") for key in tensors)
    before, inside = ("weight_generator.", ".layers.conv") if imaginaire else ("", ".conv")

    def starts(*prefixes: str) -> bool:
        return any(key.startswith(prefixes) for key in tensors)

    width, labels = _kernel(tensors, f"{before}ref_label_first{inside}").shape[:2]
    halvings = sum(starts(f"{before}ref_img_down_{number}.") for number in range(16))
    warp_reference, warp_previous = starts("flow_network_ref."), starts("flow_network_temp.")
    flow_width = int(width)
    if warp_reference or warp_previous:
        flow = "flow_network_ref" if warp_reference else "flow_network_temp"
        flow_width = len(_kernel(tensors, f"{flow}.down_flow.0" + (".layers.conv" if imaginaire else ".0")))
    conditions = starts("up_0.bn_0.mlp_gamma2.", "up_0.conv_block_0.layers.norm.mlps.1.")
    return GeneratorShape(
        int(labels),
        int(width),
        flow_width,
        halvings,
        attention=starts(f"{before}atn_"),
        warp_reference=warp_reference,
        warp_previous=warp_previous,
        conditions=conditions,
        layout=IMAGINAIRE if imaginaire else FIRST,
    )


def _kernel(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    return tensors[f"{name}.weight_orig" if f"{name}.weight_orig" in tensors else f"{name}.weight"]


def _check_names(path: str | Path, shape: GeneratorShape, tensors: Mapping[str, Tensor]) -> None:
    with torch.device("meta"):
        own = FewShotGenerator(shape).state_dict()
    wanted = {name: tuple(value.shape) for key, value in own.items() for name in published_names(shape, key)}
    divided = {key for key in wanted if key.endswith("weight_orig") and key.removesuffix("_orig") in tensors}
    for key in divided:  # an averaged model, whose spectral norms were divided out
        stem = key.removesuffix("_orig")
        wanted[stem] = wanted.pop(key)
        for name in _DERIVED:
            wanted.pop(f"{stem.removesuffix('weight')}{name}")
    found = {key: tuple(value.shape) for key, value in tensors.items()}
    wrong = differing_names(wanted, found)
    told = [f"{len(keys)} {what} ({', '.join(keys[:_NAMED])})" for what, keys in wrong.items() if keys]
    if told:
        raise InputError(f"{path}: not a published {configuration_of(shape)}: {'; '.join(told)}")
    for key in own:
        first, *others = published_names(shape, key)
        if any(not torch.equal(tensors[first], tensors[other]) for other in others if first in tensors):
            _log.warning(
                "%s: %s and %s differ, where published networks have one; the former is used", path, first, others[0]
            )
            return
