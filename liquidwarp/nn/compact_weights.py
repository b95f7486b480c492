"""Weights of the compact generator: float16 safetensors with a card."""

from functools import lru_cache
from pathlib import Path

import torch

from liquidwarp.cards import filled_network, halved, load_with_card, save_with_card
from liquidwarp.errors import InputError
from liquidwarp.nn.compact import CompactGenerator

BUNDLED = Path(__file__).parent / "assets" / "compact.safetensors"
_CONFIGURATION = "compact"


def save_compact(generator: CompactGenerator, path: str | Path, card: dict[str, object]) -> None:
    """Write weights as float16 with a card: what they were made of, and what they reach.

    Args:
        generator: the network.
        path: a safetensors file.
        card: goes into the file's metadata as JSON; `configuration` and `widths` are added.

    Raises:
        OutputError: the file cannot be written.
    """
    told = card | {"configuration": _CONFIGURATION, "widths": list(generator.widths)}
    save_with_card(halved(generator), path, told)


def load_compact(path: str | Path | None = None) -> CompactGenerator:
    """Read a generator, ready to answer; the bundled one by default.

    Raises:
        InputError: no such file, a damaged one, or weights of another network.
    """
    where = BUNDLED if path is None else Path(path)
    if path is None and not where.exists():
        raise InputError(f"{where}: the shipped weights are missing; install again, or use renderer='surface'")
    return _load(where, where.stat().st_mtime_ns if where.exists() else 0)


@lru_cache(maxsize=2)
def _load(path: Path, _changed: int) -> CompactGenerator:
    card, tensors = load_with_card(path, _CONFIGURATION)
    widths = card.get("widths")
    generator = filled_network(
        lambda: CompactGenerator(tuple(widths or ())), widths, tensors, path, name="the compact network"
    )
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # the same function, quicker
    return generator
