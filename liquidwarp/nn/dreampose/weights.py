"""DreamPose's weights with a card."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from liquidwarp.cards import load_with_card, read_card, save_with_card
from liquidwarp.checks import check_memory
from liquidwarp.errors import InputError
from liquidwarp.nn.disco.extra import check_packages
from liquidwarp.nn.disco.shape import AutoencoderShape, VisionShape
from liquidwarp.nn.disco.weights import count_parameters
from liquidwarp.nn.dreampose.network import DreamPoseNetwork, DreamPoseShape

CONFIGURATION = "dreampose"

_FULL = 4  # bytes of a number in memory


def save_dreampose(network: DreamPoseNetwork, path: str | Path, card: Mapping[str, object]) -> None:
    """Write weights with a card.

    Args:
        network: the network.
        path: a safetensors file.
        card: what else there is to say.

    Raises:
        OutputError: the file cannot be written.
    """
    told = dict(card) | {"configuration": CONFIGURATION, "shape": asdict(network.shape)}
    save_with_card({key: value.clone() for key, value in network.state_dict().items()}, path, told)


def load_dreampose(path: str | Path) -> DreamPoseNetwork:
    """Read a file that `save_dreampose` wrote, ready to answer on the CPU.

    Raises:
        InputError: no such file, a damaged one, weights of another network, packages missing, or too little memory.
    """
    card = read_card(path)
    name = card.get("configuration", "an unknown network")
    if name != CONFIGURATION:
        raise InputError(f"{path}: weights of {name!r}, wanted {CONFIGURATION!r}")
    check_packages(CONFIGURATION)
    try:
        told = _with_tuples(card["shape"])
        told |= {
            "vision": VisionShape(**told["vision"]),
            "autoencoder": AutoencoderShape(**_with_tuples(told["autoencoder"])),
        }
        shape = DreamPoseShape(**told)
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{path}: its card does not tell the network's shape ({error}); write it anew") from error
    with torch.device("meta"):
        network = DreamPoseNetwork(shape)
    check_memory(Path(path).stat().st_size + _FULL * count_parameters(network), f"reading {path}")
    tensors = load_with_card(path)[1]
    try:
        network.load_state_dict({key: value.float() for key, value in tensors.items()}, assign=True)
    except RuntimeError as error:
        raise InputError(f"{path}: does not fit {name} ({str(error).splitlines()[-1].strip()})") from error
    embeddings = network.clip.embeddings
    embeddings.position_ids = torch.arange(embeddings.num_positions)[None]  # no parameter, and made without memory
    return network.eval().requires_grad_(False)


def _with_tuples(told: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
