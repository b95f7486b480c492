"""Trained weights as a file with a card."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from torch import nn

from liquidwarp.cards import save_with_card
from liquidwarp.errors import InputError
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.nn.compact_weights import save_compact
from liquidwarp.nn.liquid import LiquidGenerator
from liquidwarp.train.config import Config
from liquidwarp.train.liquid_objective import LIQUID_SHAPES
from liquidwarp.train.trainer import Progress


def export_weights(
    generator: nn.Module,
    path: str | Path,
    config: Config,
    progress: Progress,
    *,
    figures: dict[str, float],
    hardware: str,
    clips: int,
) -> None:
    """Write (averaged) weights with a card that says what they were made of and what they reach.

    Args:
        generator: the network.
        path: a safetensors file.
        config: of the training.
        progress: how far it came.
        figures: of the last validation.
        hardware: that it ran on.
        clips: that it could draw from.

    Raises:
        InputError: no way is known to write such a generator.
        OutputError: the file cannot be written.
    """
    liquid = config.model.kind in LIQUID_SHAPES
    if config.model.kind not in WRITERS and not liquid:
        raise InputError(f"weights of model.kind={config.model.kind} cannot be exported")
    card: dict[str, object] = {
        "data": f"{config.data.kind}, {clips} clips",
        "figures": {name: round(value, 4) for name, value in figures.items()},
        "hardware": hardware,
        "losses": {name: value for name, value in asdict(config.loss).items() if value and name != "vgg"},
        "minutes": round(progress.seconds / 60, 1),
        "seed": config.train.seed,
        "size": list(config.data.size),
        "steps": progress.step,
        "batch": config.train.batch,
    }
    if liquid:
        _write_liquid(config.model.kind, config.model.share, generator, path, card)
    else:
        WRITERS[config.model.kind](generator, path, card)


def _write_compact(generator: nn.Module, path: str | Path, card: dict[str, object]) -> None:
    assert isinstance(generator, CompactGenerator)
    save_compact(generator, path, card)


def _write_liquid(kind: str, share: float, generator: nn.Module, path: str | Path, card: dict[str, object]) -> None:
    """Write what `nn.checkpoints.load_published` reads."""
    assert isinstance(generator, LiquidGenerator)
    whole = {**card, "configuration": kind, "share": share, "pictures": "RGB in [-1, 1]", "mask": "1 = background"}
    save_with_card(generator.state_dict(), path, whole)


WRITERS: dict[str, Callable[[nn.Module, str | Path, dict[str, object]], None]] = {"compact": _write_compact}
"""How the weights of each kind of model are written."""
