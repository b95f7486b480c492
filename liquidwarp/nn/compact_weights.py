"""Weights of the compact generator: float16 safetensors with a card."""

import json
from functools import lru_cache
from pathlib import Path

import torch

from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path
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
    from safetensors.torch import save

    told = card | {"configuration": _CONFIGURATION, "widths": list(generator.widths)}
    tensors = {name: value.half().contiguous() for name, value in generator.state_dict().items()}
    with atomic_path(path) as partial:
        partial.write_bytes(save(tensors, {"card": json.dumps(told, sort_keys=True)}))


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
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            card = json.loads((file.metadata() or {}).get("card", "{}"))
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 -- not a dict
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as weights ({error}); give a safetensors file") from error
    if card.get("configuration") != _CONFIGURATION:
        raise InputError(f"{path}: weights of {card.get('configuration', 'an unknown network')!r}, wanted 'compact'")
    generator = CompactGenerator(tuple(card["widths"])).eval().requires_grad_(False)
    try:
        generator.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path}: does not fit the compact network ({str(error).splitlines()[-1].strip()})") from error
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # the same function, quicker
    return generator
