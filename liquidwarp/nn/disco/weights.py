"""DisCo's weights: recognised in published checkpoints, kept with a card, and read back."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from liquidwarp.cards import Card, differing_names, fill_network, load_with_card, read_card, save_with_card
from liquidwarp.checks import check_memory
from liquidwarp.errors import InputError
from liquidwarp.files import read_checkpoint
from liquidwarp.nn.disco.extra import check_packages
from liquidwarp.nn.disco.network import BACKGROUND, DiscoNetwork, initialize_branches_, initialize_projection_
from liquidwarp.nn.disco.shape import SHAPES, DiscoShape, configuration_of, shape_from

PUBLISHED_FILE = "mp_rank_00_model_states.pt"
"""As DeepSpeed names it, in the folder of a published training."""

WEIGHTS_FILE = "disco.safetensors"
"""In a folder of weights."""

_POSITIONS = "clip_image_encoder.vision_model.embeddings.position_ids"
_OLD_ATTENTION = re.compile(r"(vae\.\w+\.mid_block\.attentions\.0\.)(query|key|value|proj_attn)(?=\.)")
_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_NAMED = 3  # parameters that an error message names
_BASE = {"unet": "unet", "vae": "vae", "image_encoder": "clip_image_encoder"}
_FULL = 4  # bytes of a number in memory


@dataclass(frozen=True, eq=False)
class DiscoWeights:
    """A network and what its file says of it.

    Attributes:
        network: ready to answer.
        configuration: one of `SHAPES`.
        drops_foreground: whether it was trained with the foreground left out now and then, so that an empty picture
            stands for none.
    """

    network: DiscoNetwork
    configuration: str
    drops_foreground: bool


def is_disco(names: Iterable[str]) -> bool:
    """Return whether parameters look like DisCo's."""
    return "refer_clip_proj.weight" in set(names)


def renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return published parameters under the names of `DiscoNetwork`.

    Attention of the autoencoder had other names in diffusers 0.14; CLIP's numbers of positions are no parameters; and
    the single control branch of human-attribute pretraining is the background's.
    """
    single = not any(key.startswith("controlnet.nets.") for key in tensors)
    found = {}
    for key, value in tensors.items():
        if key == _POSITIONS:
            continue
        key = _OLD_ATTENTION.sub(lambda match: match[1] + _ATTENTION[match[2]], key)
        if single and key.startswith("controlnet."):
            key = f"controlnet.nets.{BACKGROUND}.{key.removeprefix('controlnet.')}"
        found[key] = value
    return found


def read_published(
    path: str | Path, tensors: Mapping[str, Tensor], *, base: DiscoShape | None = None
) -> tuple[DiscoShape, dict[str, Tensor]]:
    """Return the shape of a published network, and its parameters under our names.

    Args:
        path: of their file, for messages.
        tensors: as the file holds them.
        base: the shape of its image model; by default the published one, since a file tells no numbers of heads.

    Raises:
        InputError: parameters are missing, too many or of another shape, some are named; or the packages are missing.
    """
    own = renamed(tensors)
    temporal, pose = any(".tem_" in key for key in own), any(key.startswith("controlnet.nets.0.") for key in own)
    shape = replace(base or SHAPES["disco"], temporal=temporal, pose=pose)
    with torch.device("meta"):
        wanted = {key: tuple(value.shape) for key, value in DiscoNetwork(shape).state_dict().items()}
    found = {key: tuple(value.shape) for key, value in own.items()}
    wrong = differing_names(wanted, found)
    told = [f"{len(keys)} {what} ({', '.join(keys[:_NAMED])})" for what, keys in wrong.items() if keys]
    if told:
        raise InputError(
            f"{path}: not a published {configuration_of(shape)}: {'; '.join(told)}; variants with LoRA are not known"
        )
    return shape, own


def is_base(folder: Path) -> bool:
    """Return whether a folder looks like the image-variation model that DisCo begins with, as diffusers lays it out."""
    return all((folder / part).is_dir() for part in _BASE)


def begun(folder: str | Path, *, base: DiscoShape | None = None) -> DiscoNetwork:
    """Return the network that human-attribute pretraining begins with: an image-variation model of Stable Diffusion.

    The background branch begins as a copy of the denoiser, of no effect, and the projection as CLIP's own.

    Args:
        folder: holds `unet`, `vae` and `image_encoder`, each a folder with a file of weights; nothing is executed.
        base: the shape; by default the published one.

    Raises:
        InputError: a file is missing, damaged or of another network; packages or memory are missing.
    """
    folder, shape = Path(folder), replace(base or SHAPES["disco"], pose=False, temporal=False)
    files = {part: _file_in(folder / part) for part in _BASE}
    with torch.device("meta"):
        plan = DiscoNetwork(shape)
    check_memory(2 * _FULL * count_parameters(plan), f"reading {folder}")
    network = DiscoNetwork(shape)
    for part, name in _BASE.items():
        found = load_with_card(files[part])[1] if files[part].suffix == ".safetensors" else read_checkpoint(files[part])
        whole = renamed({f"{name}.{key}": value for key, value in found.items()})
        inside = {key.removeprefix(f"{name}."): value for key, value in whole.items()}
        fill_network(getattr(network, name), inside, files[part], name=f"{part} of {configuration_of(shape)}")
    initialize_branches_(network, (BACKGROUND,))
    initialize_projection_(network)
    return network.eval().requires_grad_(False)


def _file_in(folder: Path) -> Path:
    for name in ("diffusion_pytorch_model", "model", "pytorch_model"):
        for ending in (".safetensors", ".bin"):
            if (folder / f"{name}{ending}").is_file():
                return folder / f"{name}{ending}"
    raise InputError(f"{folder} holds no weights; give the whole model, in the layout of diffusers")


def disco_card(shape: DiscoShape, *, drops_foreground: bool) -> Card:
    """Return what a file says of its network."""
    return {
        "configuration": configuration_of(shape),
        "shape": asdict(shape),
        "drops_foreground": drops_foreground,
        "pictures": "RGB in [-1, 1]; foregrounds as CLIP takes them, drawings in [0, 1]",
    }


def save_disco(
    network: DiscoNetwork, path: str | Path, card: Mapping[str, object], *, drops_foreground: bool = True
) -> None:
    """Write weights with a card.

    Args:
        network: the network.
        path: a safetensors file.
        card: what else there is to say.
        drops_foreground: see `DiscoWeights`.

    Raises:
        OutputError: the file cannot be written.
    """
    told = dict(card) | disco_card(network.shape, drops_foreground=drops_foreground)
    save_with_card(network.state_dict(), path, told)


def find_weights(path: str | Path) -> Path:
    """Return the file of weights that is meant: itself, or the one in a folder.

    Raises:
        InputError: a folder without weights, or a published file that was not imported yet.
    """
    path = Path(path)
    if path.is_dir():
        if (path / WEIGHTS_FILE).is_file():
            return path / WEIGHTS_FILE
        if (path / PUBLISHED_FILE).is_file():
            raise InputError(
                f"{path} holds {PUBLISHED_FILE}, not imported yet; "
                f"'liquidwarp weights import {path / PUBLISHED_FILE} -o {path / WEIGHTS_FILE}' does it"
            )
        raise InputError(f"{path} holds no {WEIGHTS_FILE}; give a folder or a file from 'liquidwarp weights import'")
    if path.suffix != ".safetensors":
        raise InputError(f"{path}: not a safetensors file; 'liquidwarp weights import {path}' makes one")
    return path


def load_disco(path: str | Path) -> DiscoWeights:
    """Read a file that `import_weights` or a training wrote, ready to answer on the CPU.

    Args:
        path: the file, or a folder that holds `disco.safetensors`.

    Raises:
        InputError: no such file, a damaged one, weights of another network, packages missing, or too little memory.
    """
    path, shape = find_weights(path), load_disco_shape(path)
    check_packages()
    with torch.device("meta"):
        network = DiscoNetwork(shape)
    card = fill_planned(network, network.clip_image_encoder.vision_model.embeddings, path)
    return DiscoWeights(network, card["configuration"], bool(card.get("drops_foreground", True)))


def fill_planned(network: nn.Module, embeddings: Any, path: Path) -> Card:
    """Read a file into a network that was made without memory, so that it is ready to answer; return the file's card.

    Args:
        network: is changed; made on "meta".
        embeddings: of its CLIP encoder.
        path: of the file, which is of this network.

    Raises:
        InputError: a damaged file, one that does not fit, or too little memory.
    """
    check_memory(path.stat().st_size + _FULL * count_parameters(network), f"reading {path}")
    card, tensors = load_with_card(path)
    whole = {key: value.float() for key, value in tensors.items()}
    fill_network(network, whole, path, name=card["configuration"], assign=True)
    embeddings.position_ids = torch.arange(embeddings.num_positions)[None]  # no parameter, so the file has none
    network.eval().requires_grad_(False)
    return card


def load_disco_shape(path: str | Path) -> DiscoShape:
    """Read of what shape a file's network is.

    Args:
        path: the file, or a folder that holds `disco.safetensors`.

    Raises:
        InputError: no such file, a damaged one, or weights of another network.
    """
    path = find_weights(path)
    card = read_card(path)
    name = card.get("configuration", "an unknown network")
    if name not in SHAPES:
        raise InputError(f"{path}: weights of {name!r}, wanted DisCo's ({', '.join(SHAPES)})")
    try:
        return shape_from(dict(card["shape"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: its card does not tell the network's shape ({error}); import or train it anew"
        ) from error


def count_parameters(network: nn.Module) -> int:
    """Return of how many numbers a network is."""
    return sum(parameter.numel() for parameter in network.parameters())
