"""Our own networks' files: float16 safetensors with a card that tells what the network is made of and reaches."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path


def save_weights(network: nn.Module, path: str | Path, configuration: str, card: Mapping[str, object]) -> None:
    """Write a network's weights.

    Args:
        network: the network.
        path: of the safetensors file.
        configuration: what kind of network it is.
        card: what it is made of, what it was trained on, and what it reaches.

    Raises:
        OutputError: the file cannot be written.
    """
    from safetensors.torch import save

    told = dict(card) | {"configuration": configuration}
    state = network.state_dict()
    tensors = {name: (v.half() if v.is_floating_point() else v).contiguous() for name, v in state.items()}
    with atomic_path(path) as partial:
        partial.write_bytes(save(tensors, {"card": json.dumps(told, sort_keys=True)}))


def read_card(path: str | Path, configuration: str) -> dict[str, Any]:
    """Return the card of a network's file.

    Raises:
        InputError: no such file, a damaged one, or weights of another network.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            card = json.loads((file.metadata() or {}).get("card", "{}"))
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as weights ({error}); give a safetensors file") from error
    found = card.get("configuration", "an unknown network")
    if found != configuration:
        raise InputError(f"{path}: weights of {found!r}, wanted {configuration!r}")
    return dict(card)


def fill_with(network: nn.Module, path: str | Path) -> None:
    """Put a file's weights into a network of the same make.

    Raises:
        InputError: the file is damaged, or does not fit the network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: cannot be read as weights ({error}); give a safetensors file") from error
    try:
        network.load_state_dict({name: v.float() if v.is_floating_point() else v for name, v in tensors.items()})
    except RuntimeError as error:
        raise InputError(f"{path}: does not fit the network ({str(error).splitlines()[-1].strip()})") from error
