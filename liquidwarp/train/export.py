"""Trained weights as a file with a card."""

from dataclasses import asdict
from pathlib import Path

from torch import nn

from liquidwarp.errors import InputError
from liquidwarp.methods import entry_of, resolve
from liquidwarp.train.config import Config
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
    entry = entry_of(config.model.kind)
    if entry is None or entry.export is None:
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
    write = resolve(entry.export)
    write(generator, path, card, configuration=config.model.kind, width=config.model.width)
