"""The process in which jobs are done, one after the other: what runs in it, and how it is spoken to."""

import contextlib
import gc
import importlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from tqdm import tqdm

from liquidwarp.console import hearing_progress
from liquidwarp.errors import LiquidwarpError
from liquidwarp.faults import fault_line, ran_out_of_memory

_PATIENCE = 0.02  # seconds between two looks whether a job was cancelled or something was sent to it
_SELDOM = 0.1  # seconds between two tellings of one stage
_DIED = "the job's process ended by itself, probably for want of memory; give a smaller size or smaller files"
_NO_MEMORY = "out of memory; give a smaller size or smaller pictures"

Order = tuple[str, str, dict[str, Any]]
"""Name of the work, the folder, the arguments."""


@dataclass(frozen=True)
class Event:
    """Something that became known of a job.

    Attributes:
        kind: "progress", "note", "done", "failed" or "cancelled"; the last three end the job.
        text: what is under way, or what to say.
        done: how much of it is done.
        total: of how much, if that is known.
        picture: a file of the job's folder to look at meanwhile.
        values: what the job returned.
    """

    kind: str
    text: str = ""
    done: int = 0
    total: int | None = None
    picture: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def last(self) -> bool:
        """Whether nothing comes after it."""
        return self.kind in ("done", "failed", "cancelled")


class WorkProcess:
    """A process that is started ahead, does jobs, and can be ended at any moment.

    Args:
        works: see `serve`.

    Attributes:
        done: how many jobs it was given.
    """

    def __init__(self, works: str) -> None:
        self.done = 0
        context = multiprocessing.get_context("spawn")
        self._line, far = context.Pipe()
        self._process = context.Process(target=serve, args=(far, works), name="liquidwarp-work", daemon=True)
        self._process.start()
        far.close()

    @property
    def alive(self) -> bool:
        """Whether it can do another job."""
        return self._process.is_alive()

    def do(self, order: Order, sent: Callable[[], Iterable[Any]], unwanted: threading.Event) -> Iterator[Event]:
        """Let it do a job, and yield what it tells, up to the last.

        Args:
            order: the job.
            sent: returns what the job is to hear.
            unwanted: ends the job, and the process with it.
        """
        self.done += 1
        try:
            self._line.send(order)
            while not unwanted.is_set():
                for item in sent():
                    self._line.send(item)
                if self._line.poll(_PATIENCE):
                    event = self._line.recv()
                    yield event
                    if event.last:
                        return
        except (EOFError, OSError):
            self.end()
            yield Event("failed", _DIED)
            return
        self.end()
        yield Event("cancelled")

    def end(self) -> None:
        """End the process at once; all that it held is free."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


class Teller:
    """What a job tells while it is at work; a stage that goes on is told a few times a second at most.

    Args:
        line: where to.
    """

    def __init__(self, line: Connection) -> None:
        self._line, self._stage, self._told = line, "", 0.0
        self._lock = threading.Lock()

    def __call__(self, stage: str, done: int = 0, total: int | None = None, *, picture: str | None = None) -> None:
        """Say what is under way, how much of it is done, and which file of the folder to look at meanwhile."""
        with self._lock:
            now = time.monotonic()
            if stage == self._stage and picture is None and now - self._told < _SELDOM:
                return
            self._stage, self._told = stage, now
            self._line.send(Event("progress", stage, done, total, picture))

    def note(self, text: str) -> None:
        """Say something that stays in the page."""
        with self._lock:
            self._line.send(Event("note", text))

    def hear(self) -> Any:
        """Wait for the next thing that is sent to the job."""
        return self._line.recv()


class _Notes(logging.Handler):
    """Tells the library's warnings."""

    def __init__(self, tell: Teller) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell.note(record.getMessage())


def serve(line: Connection, works: str) -> None:
    """Do jobs as they come, until nobody is at the other end of the line.

    Args:
        line: brings orders, and takes events.
        works: a module. A job's work is one of its functions: called with a `Teller` and the job's arguments, in the
            job's folder, it returns plain values by name. Its function `prepare` is called first.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started this process
    tqdm.set_lock(threading.RLock())  # its own would be known to other processes, which outlives this one
    home = os.getcwd()
    module = importlib.import_module(works)
    module.prepare()
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            order = line.recv()
            if not isinstance(order, tuple):
                continue  # sent to a job that is over
            try:
                line.send(_done(Teller(line), module, order))
            finally:
                os.chdir(home)
            gc.collect()


def _done(tell: Teller, module: Any, order: Order) -> Event:
    name, folder, arguments = order
    notes, log = _Notes(tell), logging.getLogger("liquidwarp")
    log.addHandler(notes)
    try:
        os.chdir(folder)  # so that messages call files by their bare names
        with hearing_progress(tell):
            return Event("done", values=getattr(module, name)(tell, **arguments))
    except LiquidwarpError as error:
        return Event("failed", " ".join(str(error).split()).replace(f"{folder}{os.sep}", ""))
    except (EOFError, BrokenPipeError):
        raise
    except Exception as error:
        if ran_out_of_memory(error):
            return Event("failed", _NO_MEMORY)
        return Event("failed", fault_line(error, ["web", name], known=("web", name)))
    finally:
        log.removeHandler(notes)
