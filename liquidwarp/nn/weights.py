"""Any generator from a file."""

import json
from pathlib import Path

from liquidwarp.errors import InputError
from liquidwarp.nn.checkpoints import load_published
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.nn.compact_weights import load_compact
from liquidwarp.nn.liquid import LiquidGenerator

Generator = CompactGenerator | LiquidGenerator


def load_generator(path: str | Path | None = None) -> Generator:
    """Read a generator by the card of its file; the bundled compact one by default.

    Raises:
        InputError: no such file, a damaged one, one that was not imported yet, or of an unknown network.
    """
    if path is None:
        return load_compact()
    if Path(path).suffix != ".safetensors":
        raise InputError(f"{path}: not a safetensors file; 'liquidwarp weights import {path}' makes one")
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(Path(path), "pt") as file:
            card = json.loads((file.metadata() or {}).get("card", "{}"))
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as weights ({error}); give a safetensors file") from error
    return load_compact(path) if card.get("configuration") == "compact" else load_published(path)
