"""Weights with a card: safetensors whose metadata tell what network they are of, what made it, and what it reaches."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path

if TYPE_CHECKING:
    from torch import Tensor, nn

    N = TypeVar("N", bound=nn.Module)

Card = dict[str, Any]

_LARGEST = 1 << 16  # of the numbers of channels, layers and pixels that make a network


def save_with_card(tensors: "Mapping[str, Tensor]", path: str | Path, card: Mapping[str, object]) -> None:
    """Write tensors as they are.

    Args:
        tensors: by name.
        path: of the safetensors file.
        card: goes into the file's metadata as JSON; `configuration` says of what network they are.

    Raises:
        OutputError: the file cannot be written.
    """
    from safetensors.torch import save

    whole = {name: value.contiguous() for name, value in tensors.items()}
    with atomic_path(path) as partial:
        partial.write_bytes(save(whole, {"card": json.dumps(dict(card), sort_keys=True)}))


def halved(network: "nn.Module") -> "dict[str, Tensor]":
    """Return a network's weights with float16 in place of other floats, as they are shipped."""
    return {name: v.half() if v.is_floating_point() else v for name, v in network.state_dict().items()}


def read_card(path: str | Path) -> Card:
    """Return the card of a file; an empty one if it has none.

    Raises:
        InputError: no such file, or a damaged one.
    """
    return _read(path, tensors=False)[0]


def load_with_card(path: str | Path, configuration: str | None = None) -> "tuple[Card, dict[str, Tensor]]":
    """Return the card and the tensors of a file.

    Raises:
        InputError: no such file, a damaged one, or weights of another network than `configuration` names.
    """
    card, tensors = _read(path, tensors=True)
    found = card.get("configuration", "an unknown network")
    if configuration is not None and found != configuration:
        raise InputError(f"{path}: weights of {found!r}, wanted {configuration!r}")
    return card, tensors


def fill_network(
    network: "nn.Module",
    tensors: "Mapping[str, Tensor]",
    path: str | Path,
    *,
    name: str = "the network",
    assign: bool = False,
) -> None:
    """Put a file's tensors into a network; float16 becomes what the network has.

    Args:
        network: is changed.
        tensors: from `load_with_card`.
        path: of their file, for the message.
        name: of the network, for the message.
        assign: the tensors themselves become the network's, as one that was made without memory needs; they keep their
            dtype.

    Raises:
        InputError: they do not fit.
    """
    try:
        network.float().load_state_dict(tensors, assign=assign)  # who made it may have another default than float32
    except RuntimeError as error:
        raise InputError(f"{path}: does not fit {name} ({str(error).splitlines()[-1].strip()})") from error


def filled_network(
    make: "Callable[[], N]",
    sizes: object,
    tensors: "Mapping[str, Tensor]",
    path: str | Path,
    *,
    name: str = "the network",
) -> "N":
    """Make the network that a card tells of, filled and ready to answer, if the file's tensors fit it.

    It is made without memory first: a card may ask for any size.

    Args:
        make: the network.
        sizes: numbers of the card that `make` goes by, in lists and dictionaries.
        tensors: from `load_with_card`.
        path: of their file, for the message.
        name: of the network, for the message.

    Raises:
        InputError: the card tells of no network, or of another one than the tensors'.
    """
    import torch

    try:
        _check_sizes(sizes)
        with torch.device("meta"):
            planned = {key: tuple(value.shape) for key, value in make().state_dict().items()}
    except Exception as error:  # sizes of nonsense fail in any way
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: its card does not tell the shape of {name} ({reason}); train it anew") from error
    differing = differing_names(planned, {key: tuple(value.shape) for key, value in tensors.items()})
    wrong = [f"{keys[0]} is {what}" for what, keys in differing.items() if keys]
    if wrong:
        raise InputError(f"{path}: does not fit {name} ({', '.join(wrong)})")
    network = make().eval().requires_grad_(False)
    fill_network(network, tensors, path, name=name)
    return network


def _check_sizes(sizes: object) -> None:
    """Raise `ValueError` where a number is larger than any network's."""
    if isinstance(sizes, dict | list | tuple):
        for size in sizes.values() if isinstance(sizes, dict) else sizes:
            _check_sizes(size)
    elif isinstance(sizes, int | float) and not 0 <= sizes <= _LARGEST:
        raise ValueError(f"a size of {sizes}")


def differing_names(
    wanted: "Mapping[str, tuple[int, ...]]", found: "Mapping[str, tuple[int, ...]]"
) -> dict[str, list[str]]:
    """Return the names of parameters that a file lacks, has too many, or has of another shape, by which of it.

    Args:
        wanted: the shapes of a network's parameters.
        found: those of a file.
    """
    return {
        "missing": sorted(wanted.keys() - found.keys()),
        "not known": sorted(found.keys() - wanted.keys()),
        "of another shape": sorted(key for key in wanted.keys() & found.keys() if wanted[key] != found[key]),
    }


def _read(path: str | Path, *, tensors: bool) -> "tuple[Card, dict[str, Tensor]]":
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(Path(path), "pt") as file:
            card = json.loads((file.metadata() or {}).get("card", "{}"))
            found = {name: file.get_tensor(name) for name in file.keys()} if tensors else {}  # noqa: SIM118 -- no dict
    except (SafetensorError, OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        # Unknown kinds of numbers are attribute errors of the reader's.
        raise InputError(f"{path}: cannot be read as weights ({error}); give a safetensors file") from error
    if not isinstance(card, dict) or not isinstance(card.get("configuration", ""), str):
        raise InputError(f"{path}: its card does not tell what network it is of; give weights that liquidwarp wrote")
    return card, found
