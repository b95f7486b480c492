"""Kinds of data that a training can draw its samples from."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.train.config import Config
from liquidwarp.train.pairs import PairFile
from liquidwarp.train.samples import PairSamples, Samples, open_pairs

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Sources:
    """What a training draws from.

    Attributes:
        training: samples to learn from.
        held_out: samples of other clips, to measure on; None if none are kept.
        clips: how many clips the training samples come from.
        broken: what could not be read, and why.
    """

    training: Samples
    held_out: Samples | None
    clips: int
    broken: dict[str, str]


def open_sources(config: Config, folder: Path) -> Sources:
    """Open the data of a configuration; damaged clips are left out and listed.

    Args:
        config: the configuration.
        folder: of the run, for what has to be made first.

    Raises:
        InputError: an unknown kind of data, or no usable clip.
    """
    check_choice("data.kind", config.data.kind, KINDS)
    sources = KINDS[config.data.kind](config, folder)
    for name, reason in sources.broken.items():
        _log.warning("%s left out: %s", name, reason)
    return sources


def _pairs(config: Config, _: Path) -> Sources:
    if not config.data.path:
        raise InputError("data.path is empty; give the folder of the training pairs")
    files, broken = open_pairs(config.data.path)
    return split(files, broken, config)


def split(files: list[PairFile], broken: dict[str, str], config: Config) -> Sources:
    """Keep every so many-th clip for validation."""
    every = config.data.held_out
    kept = [file for index, file in enumerate(files) if every and index % every == every - 1]
    used = [file for index, file in enumerate(files) if not (every and index % every == every - 1)]
    seed = config.train.seed
    held_out = PairSamples(kept, config.data, seed=seed, varied=False) if kept else None
    return Sources(PairSamples(used, config.data, seed=seed), held_out, len(used), broken)


KINDS: dict[str, Callable[[Config, Path], Sources]] = {"pairs": _pairs}
"""How each kind of data is opened."""
