"""Published weights: recognised, read without executing anything, and written anew with a card."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from liquidwarp.cards import differing_names, filled_network, load_with_card, save_with_card
from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.files import read_checkpoint
from liquidwarp.nn.disco.shape import configuration_of as disco_configuration
from liquidwarp.nn.disco.weights import begun, disco_card, is_base, is_disco, save_disco
from liquidwarp.nn.disco.weights import read_published as read_disco
from liquidwarp.nn.few_shot_vid2vid.weights import (
    PUBLISHED_SIZES,
    configuration_of,
    few_shot_card,
    is_few_shot,
    read_published,
)
from liquidwarp.nn.liquid import LiquidGenerator
from liquidwarp.nn.published import GENERATORS, SHAPES, from_published, make_generator, published_name, shape_of

_NAMED = 3  # parameters that an error message names


def import_weights(path: str | Path, output: str | Path | None = None, *, configuration: str | None = None) -> Path:
    """Turn a published `.pth` into safetensors with a card; return where it went.

    The card says which configuration it is, how pictures are normalised, which alignment rules it was trained under and
    what its mask means. Nothing in the file is executed: it is read with `torch.load(weights_only=True)`.

    Args:
        path: a published checkpoint of a generator; or the folder of the image-variation model that training DisCo
            begins with, in the layout of diffusers.
        output: a `.safetensors` file; by default beside `path`.
        configuration: which of `GENERATORS` it is; needed only where several have the same parameters.

    Raises:
        InputError: no such file, a damaged one, one with code in it, one of another network, or an ambiguous one.
        OutputError: the result cannot be written.
    """
    path = Path(path)
    where = path.with_suffix(".safetensors") if output is None else Path(output)
    if path.is_dir() and is_base(path):
        save_disco(begun(path), where, {"source": path.name})
        return where
    tensors = read_checkpoint(path, halves=True)
    if is_disco(tensors):
        plan, own = read_disco(path, tensors)
        if configuration is not None:
            check_choice("configuration", configuration, (disco_configuration(plan),))
        save_with_card(own, where, {**disco_card(plan, drops_foreground=True), **_origin(path)})
        return where
    tensors = {key: value.float() for key, value in tensors.items()}
    if is_few_shot(tensors):
        few_shot, own = read_published(path, tensors)
        own_name = configuration_of(few_shot)
        if configuration is not None:
            check_choice("configuration", configuration, (own_name,))
        save_with_card(own, where, {**few_shot_card(few_shot, PUBLISHED_SIZES[own_name]), **_origin(path)})
        return where
    names = recognise(path, tensors)
    if configuration is not None:
        check_choice("configuration", configuration, names)
    elif len(names) > 1:
        raise InputError(f"{path}: fits {' and '.join(names)} alike; say which it is with --as {names[0]}")
    name = configuration or names[0]
    shape = SHAPES[name]
    card: dict[str, object] = {
        "configuration": name,
        "pictures": "RGB in [-1, 1]",
        "mask": "1 = background",
        "align_corners": {"sampling": shape.corners, "resizing": shape.resize_corners},
    }
    save_with_card(from_published(name, tensors), where, {**card, **_origin(path)})
    return where


def _origin(path: Path) -> dict[str, str]:
    with open(path, "rb") as file:
        return {"source": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def recognise(path: str | Path, tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Return the configurations whose parameters have these names and shapes; variants without own parameters tie.

    Raises:
        InputError: there is none; the message names the closest one, and what is missing or too much.
    """
    shapes = {key: tuple(value.shape) for key, value in tensors.items()}
    fitting, closest, least = [], "", None
    for name in GENERATORS:
        with torch.device("meta"):
            network = make_generator(name)
        wanted = {published_name(name, key): tuple(value.shape) for key, value in network.state_dict().items()}
        if wanted == shapes:
            fitting.append(name)
        wrong = wanted.items() ^ shapes.items()
        if least is None or len(wrong) < least:
            told = [
                f"{len(keys)} {what} ({', '.join(keys[:_NAMED])}{', ...' if len(keys) > _NAMED else ''})"
                for what, keys in differing_names(wanted, shapes).items()
                if keys
            ]
            closest, least = f"{name}: {'; '.join(told)}", len(wrong)
    if fitting:
        return tuple(fitting)
    raise InputError(f"{path}: not a published generator; the closest is {closest}")


def load_published(path: str | Path) -> LiquidGenerator:
    """Read a file that `import_weights` or a training wrote, ready to answer.

    Raises:
        InputError: no such file, a damaged one, or of no published configuration.
    """
    card, tensors = load_with_card(path)
    name = card.get("configuration")
    if name not in (*GENERATORS, "W_F"):
        raise InputError(f"{path}: weights of {name or 'an unknown network'!r}, wanted one of {', '.join(GENERATORS)}")
    width = card.get("width", 1.0)
    return filled_network(lambda: LiquidGenerator(shape_of(name, width)), width, tensors, path, name=name)
