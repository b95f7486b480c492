"""A whole training: from a configuration to weights."""

import logging
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import torch

from liquidwarp.console import progress_bar
from liquidwarp.devices import moved
from liquidwarp.errors import InputError, OutputError
from liquidwarp.files import atomic_path, check_writable
from liquidwarp.train.batch import Batch
from liquidwarp.train.build import build_objective
from liquidwarp.train.checkpoint import NAME, load_checkpoint, save_checkpoint
from liquidwarp.train.config import Config, dump_config, load_config
from liquidwarp.train.export import export_weights
from liquidwarp.train.journal import Journal, used_memory
from liquidwarp.train.objective import Objective, mean_figures
from liquidwarp.train.processes import Processes, join_processes
from liquidwarp.train.samples import Samples, batches
from liquidwarp.train.sources import Sources, open_sources
from liquidwarp.train.trainer import Progress, Trainer

WEIGHTS = "weights.safetensors"
_CONFIG = "config.toml"
_ALONE = ("edn", "pg2")  # features are looked at beside answers; a stage whose answers no loss looks at
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingOutcome:
    """How a training ended.

    Attributes:
        progress: how far it came.
        reason: steps, minutes or interrupted.
        weights: the file of averaged weights.
        figures: of the last validation.
        broken: what could not be read, and why.
    """

    progress: Progress
    reason: str
    weights: Path
    figures: dict[str, float]
    broken: dict[str, str]


def train(
    config: Config,
    folder: str | Path,
    *,
    objective: Objective | None = None,
    sources: Sources | None = None,
    stop_after: int | None = None,
    progress: bool = False,
) -> TrainingOutcome:
    """Train, or go on with what the folder holds; write checkpoints, figures, pictures and at last weights.

    Sample k of step s is the same whatever happened before, so that a run which was killed and resumed has the same
    numbers as one that was not. With `torchrun`, all processes call this. Ctrl-C ends it in order.

    Args:
        config: the configuration.
        folder: of the run.
        objective: networks and losses; the configuration's by default.
        sources: samples to train and to validate on; the configuration's by default.
        stop_after: end after so many steps of this call, as an interruption would.
        progress: show a bar.

    Raises:
        InputError: the configuration, the data or the checkpoint cannot be used, or the training diverged.
        OutputError: the folder cannot be written.
    """
    folder = Path(folder)
    with join_processes(config.train.device) as processes:
        if processes.world > 1 and config.model.kind in _ALONE:
            raise InputError(f"model.kind={config.model.kind!r} is trained by one process; start it without torchrun")
        if processes.first:
            check_writable(folder / NAME)
        run = _Run(config, folder, objective or build_objective(config), sources, processes)
        with _interruptible() as interrupted:
            return run.go(interrupted, stop_after, bar=progress and processes.first)


class _Run:
    """A training under way."""

    def __init__(
        self, config: Config, folder: Path, objective: Objective, sources: Sources | None, processes: Processes
    ) -> None:
        self._config, self._folder, self._processes = config, folder, processes
        self._sources = sources or open_sources(config, folder)
        self._trainer = Trainer(
            objective, config.train, adversary_from=config.loss.adversarial_from, processes=processes
        )
        self._progress = self._resume()
        self._figures: dict[str, float] = {}
        self._broken = dict(self._sources.broken)
        self._saved = (self._progress.step, time.monotonic())

    def go(self, interrupted: Callable[[], bool], stop_after: int | None, *, bar: bool) -> TrainingOutcome:
        """Train until the end, and write the weights."""
        journal = None
        if self._processes.first:
            journal = Journal(self._folder, tensorboard=self._config.log.tensorboard)
            with atomic_path(self._folder / _CONFIG) as partial:
                partial.write_text(dump_config(self._config), encoding="utf-8")
        try:
            reason = self._loop(journal, interrupted, stop_after, bar=bar)
            if journal is not None:
                self._validate(journal)
                self._save()
                self._export()
        finally:
            if journal is not None:
                journal.close()
        return TrainingOutcome(self._progress, reason, self._folder / WEIGHTS, self._figures, self._broken)

    def _loop(
        self, journal: Journal | None, interrupted: Callable[[], bool], stop_after: int | None, *, bar: bool
    ) -> str:
        config, first = self._config, self._progress.step
        last = config.train.steps if stop_after is None else min(config.train.steps, first + stop_after)
        reason = "steps" if last == config.train.steps else "interrupted"
        shown = progress_bar(total=config.train.steps, initial=first, unit="step", shown=bar)
        began, before = time.monotonic(), self._progress.seconds
        lap = (first, began)
        with shown:
            for batch, broken in self._batches(first, last):
                self._note_broken(broken)
                told = self._trainer.step(moved(batch, self._processes.device), self._progress)
                seconds = before + time.monotonic() - began
                paced = config.train.paced and bool(config.train.minutes)
                seconds = self._processes.latest(seconds) if paced else seconds
                self._progress = Progress(self._progress.step + 1, seconds)
                step = self._progress.step
                shown.update()
                if journal is not None and step % config.log.every == 0:
                    now = time.monotonic()
                    told["samples_per_second"] = config.train.batch * (step - lap[0]) / max(now - lap[1], 1e-9)
                    told["memory_mb"], told["minutes"] = used_memory(self._processes.device), seconds / 60
                    lap = (step, now)
                    journal.figures(step, told)
                    shown.set_postfix(loss=f"{told.get('pixel', sum(told.values())):.4f}", refresh=False)
                if journal is not None and step % config.log.pictures == 0:
                    self._validate(journal)
                self._save_when_due()
                if self._processes.any(interrupted()):
                    return "interrupted"
                if config.train.minutes and self._processes.any(seconds >= 60 * config.train.minutes):
                    return "minutes"
        return reason

    def _batches(self, first: int, last: int) -> Iterator[tuple[Batch, dict[str, str]]]:
        return batches(
            self._sources.training,
            start=first,
            stop=last,
            batch=self._config.train.batch,
            rank=self._processes.rank,
            world=self._processes.world,
            workers=self._config.data.workers,
        )

    def _validate(self, journal: Journal) -> None:
        """Measure and show the averaged weights on samples that never change."""
        samples: Samples | None = self._sources.held_out
        if samples is None or not self._config.log.samples:
            return
        found, sheets = [], []
        per_batch = min(self._config.train.batch, self._config.log.samples)
        count = max(1, self._config.log.samples // per_batch)
        for batch, broken in batches(samples, start=0, stop=count, batch=per_batch):
            self._note_broken(broken)
            there = moved(batch, self._processes.device)
            attempt = self._trainer.look(there)
            found.append(self._trainer.objective.figures(attempt, there))
            sheets.append([picture.cpu() for picture in self._trainer.objective.pictures(attempt, there)])
        self._figures = mean_figures(found)
        journal.figures(self._progress.step, {f"held_out/{name}": value for name, value in self._figures.items()})
        journal.sheet(self._progress.step, [torch.cat(column) for column in zip(*sheets, strict=True)])

    def _resume(self) -> Progress:
        state = load_checkpoint(self._folder)
        if state is None:
            return Progress(0, 0.0)
        if (self._folder / _CONFIG).exists():
            self._tell_changes(load_config(self._folder / _CONFIG))
        self._trainer.restore(state["trainer"])
        return Progress(state["step"], state["seconds"])

    def _tell_changes(self, before: Config) -> None:
        if replace(before.model, start="") != replace(self._config.model, start=""):
            raise InputError(
                f"{self._folder} holds a run of another [model]; resume with its own configuration, "
                "or choose another folder"
            )
        old, new = dump_config(before).splitlines(), dump_config(self._config).splitlines()
        for was, now in zip(old, new, strict=True):
            if was != now:
                _log.warning("resumes with %s (before: %s); the numbers will differ from here", now, was)

    def _save_when_due(self) -> None:
        step, when = self._saved
        log = self._config.log
        late = time.monotonic() - when >= 60 * log.checkpoint_minutes
        if not self._processes.first or (self._progress.step - step < log.checkpoint and not late):
            return
        self._saved = (self._progress.step, time.monotonic())
        try:
            self._save()
        except OutputError as error:
            _log.warning("%s; the checkpoint before stays, and the training goes on", error)

    def _save(self) -> None:
        save_checkpoint(
            self._folder,
            {"step": self._progress.step, "seconds": self._progress.seconds, "trainer": self._trainer.state()},
        )

    def _export(self) -> None:
        device = self._processes.device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "CPU"
        threads = "" if device.type == "cuda" else f", {torch.get_num_threads()} threads"
        export_weights(
            self._trainer.averaged,
            self._folder / WEIGHTS,
            self._config,
            self._progress,
            figures=self._figures,
            hardware=f"{self._processes.world} x {name}{threads}",
            clips=self._sources.clips,
        )

    def _note_broken(self, broken: dict[str, str]) -> None:
        for name, reason in broken.items():
            if name not in self._broken:
                self._broken[name] = reason
                _log.warning("%s left out: %s", name, reason)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C, or a request to end, into an orderly end; the second one is an interruption at once."""
    said = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may ask for signals
        yield said.is_set
        return

    def note(_: int, __: FrameType | None) -> None:
        if said.is_set():
            raise KeyboardInterrupt
        said.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield said.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
