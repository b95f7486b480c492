"""DreamPose's weights with a card."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch

from liquidwarp.cards import read_card, save_with_card
from liquidwarp.errors import InputError
from liquidwarp.nn.disco.extra import check_packages
from liquidwarp.nn.disco.shape import AutoencoderShape, VisionShape, with_tuples
from liquidwarp.nn.disco.weights import fill_planned
from liquidwarp.nn.dreampose.network import DreamPoseNetwork, DreamPoseShape

CONFIGURATION = "dreampose"


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
    save_with_card(network.state_dict(), path, told)


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
        told = with_tuples(card["shape"])
        told |= {
            "vision": VisionShape(**told["vision"]),
            "autoencoder": AutoencoderShape(**with_tuples(told["autoencoder"])),
        }
        shape = DreamPoseShape(**told)
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{path}: its card does not tell the network's shape ({error}); write it anew") from error
    with torch.device("meta"):
        network = DreamPoseNetwork(shape)
    fill_planned(network, network.clip.embeddings, Path(path))
    return network
