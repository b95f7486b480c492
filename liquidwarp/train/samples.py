"""Samples by number: what sample i is depends on the seed and on i alone."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from liquidwarp.errors import InputError
from liquidwarp.nn.planes import joined
from liquidwarp.train.batch import Batch, PairBatch
from liquidwarp.train.config import DataConfig
from liquidwarp.train.pairs import PairFile

_TRIES = 8  # files looked into for one sample before giving up


@runtime_checkable
class Samples(Protocol):
    """Endless samples, each found by its number alone."""

    broken: dict[str, str]
    """What could not be read, and why."""

    def sample(self, index: int) -> Batch:
        """Return sample number `index`, a batch of one (or of two successive frames)."""
        ...


@runtime_checkable
class Pairs(Protocol):
    """Training pairs of one person, on disk or in memory."""

    @property
    def frames(self) -> int:
        """How many pairs there are."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of a pair."""
        ...

    def read(self, frame: int, rows: slice, columns: slice) -> PairBatch:
        """Return one pair, cropped, as a batch of one."""
        ...


class PairSamples:
    """Random crops of training pairs.

    Args:
        files: pairs of several people; each is as likely as the others.
        config: size of a sample and how it is varied.
        seed: of the choice.
        varied: False takes the middle of a picture as it is, for validation.
    """

    def __init__(self, files: Sequence[Pairs], config: DataConfig, *, seed: int, varied: bool = True) -> None:
        if not files:
            raise InputError("no training pairs; make some with datasets/synthetic/make_pairs.py")
        self.files = files
        self.broken: dict[str, str] = {}
        self._config, self._seed, self._varied = config, seed, varied

    def sample(self, index: int) -> PairBatch:
        """Return sample number `index`; a file that turns out to be damaged is listed and another one taken.

        Raises:
            InputError: several files in a row are damaged.
        """
        rng, damage = np.random.default_rng((self._seed, index)), None
        for _ in range(_TRIES):
            file = self.files[int(rng.integers(len(self.files)))]
            more = int(self._config.neighbours)
            frame = int(rng.integers(max(1, file.frames - more)))
            window = _window(file.size, self._config.size, rng if self._varied else None)
            frames = range(frame, frame + 1 + more)
            try:
                parts = [_framed(file, min(k, file.frames - 1), window, self._config.size) for k in frames]
            except InputError as error:
                damage = error
                self.broken[_name(file)] = str(error)
                continue
            return self._vary(joined(parts), rng)
        raise InputError(f"{_TRIES} files in a row cannot be used; the last: {damage}") from damage

    def _vary(self, batch: PairBatch, rng: np.random.Generator) -> PairBatch:
        batch = batch.with_sources_of(self._config.source_size)
        if not self._varied:
            return batch
        if self._config.mirror and rng.random() < 0.5:
            batch = batch.mirrored()
        gains = 1 - self._config.tint * rng.random(3).astype(np.float32)
        return batch.tinted(torch.from_numpy(gains))


def open_pairs(folder: str | Path) -> tuple[list[PairFile], dict[str, str]]:
    """Return the files of pairs in a folder, in the order of their names, and the damaged ones with the reason.

    Raises:
        InputError: there is no such folder, or nothing usable in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"data.path={folder} is no folder; make pairs with datasets/synthetic/make_pairs.py")
    good, broken = [], {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            good.append(PairFile.open(path))
        except InputError as error:
            broken[str(path)] = str(error)
    if not good:
        raise InputError(f"{folder}: no usable file of pairs ({len(broken)} damaged); make some with make_pairs.py")
    return good, broken


def _name(pairs: Pairs) -> str:
    return str(getattr(pairs, "path", "pairs in memory"))


def _window(whole: tuple[int, int], size: tuple[int, int], rng: np.random.Generator | None) -> tuple[slice, slice]:
    """Choose where to cut a window of a size; the middle without chance."""
    spans = []
    for length, wanted in zip(whole, size, strict=True):
        spare = max(0, length - wanted)
        start = spare // 2 if rng is None else int(rng.integers(spare + 1))
        spans.append(slice(start, min(length, start + wanted)))
    return spans[0], spans[1]


def _framed(file: Pairs, frame: int, window: tuple[slice, slice], size: tuple[int, int]) -> PairBatch:
    """Cut a window out of a pair, and continue its background to a size where the pair is smaller."""
    batch = file.read(frame, *window)
    height, width = batch.truth.alpha.shape[-2:]
    rows, columns = size[0] - height, size[1] - width
    if rows or columns:
        return batch.padded((columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
    return batch


class _Steps(Dataset[tuple[Batch, dict[str, str]]]):
    """One process's part of the batch of each step."""

    def __init__(self, samples: Samples, first: Callable[[int], int], count: int) -> None:
        self._samples, self._first, self._count = samples, first, count

    def __getitem__(self, step: int) -> tuple[Batch, dict[str, str]]:
        start = self._first(step)
        parts = [self._samples.sample(index) for index in range(start, start + self._count)]
        return joined(parts), dict(self._samples.broken)


class _Part:
    """Number of a process's first sample in a step; a class, since workers are sent it."""

    def __init__(self, batch: int, rank: int, world: int) -> None:
        self._batch, self._offset = batch, rank * (batch // world)

    def __call__(self, step: int) -> int:
        return step * self._batch + self._offset


def batches(
    samples: Samples, *, start: int, stop: int, batch: int, rank: int = 0, world: int = 1, workers: int = 0
) -> Iterator[tuple[Batch, dict[str, str]]]:
    """Yield this process's part of the batches of steps `start` to `stop`, and what was found broken so far.

    Sample k of step s is number `s * batch + k`, whatever the number of processes and workers.

    Raises:
        InputError: `batch` cannot be shared evenly.
    """
    if batch % world:
        raise InputError(f"train.batch={batch} cannot be shared by {world} processes; give a multiple of {world}")
    steps = _Steps(samples, _Part(batch, rank, world), batch // world)
    loader = DataLoader(
        steps,
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        worker_init_fn=_ignore_interrupts if workers else None,
        prefetch_factor=2 if workers else None,
    )
    return iter(loader)


def _ignore_interrupts(_: int) -> None:
    """Let the main process decide what Ctrl-C means."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
