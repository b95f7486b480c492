"""One queue of jobs: each in a folder of its own, in a process that can be ended at any moment.

The process is started ahead and kept warm, so that a job does not wait for imports. Whoever cancels ends the process,
which gives all its memory back, and another one is started; jobs that wait are not touched.
"""

import queue
import secrets
import shutil
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from liquidwarp.web.worker import Event, WorkProcess

_JOBS_A_PROCESS = 12  # what a process may do before its memory is given back by ending it
_ENDS_WITHIN = 10.0  # seconds that a job may take to be ended


class QueuedJob:
    """A piece of work that waits, is under way or is done.

    Attributes:
        name: which nobody can guess; it names the job's folder, too.
        folder: where it works.
        unwanted: whether it was cancelled.
        over: whether it has ended.
    """

    def __init__(self, work: str, folder: Path, arguments: Mapping[str, Any]) -> None:
        self.name, self.folder = folder.name, folder
        self.order = work, str(folder), dict(arguments)
        self.unwanted, self.over = threading.Event(), threading.Event()
        self._events: queue.Queue[Event] = queue.Queue()
        self._inbox: queue.Queue[Any] = queue.Queue(1)

    def cancel(self) -> None:
        """End the job; at once if it is under way."""
        self.unwanted.set()

    def send(self, item: Any) -> bool:
        """Give something to the job while it is at work; False where it has enough to do."""
        try:
            self._inbox.put_nowait(item)
        except queue.Full:
            return False
        return True

    def sent(self) -> Iterator[Any]:
        """Yield what was sent and not taken yet."""
        while True:
            try:
                yield self._inbox.get_nowait()
            except queue.Empty:
                return

    def post(self, event: Event) -> None:
        """Note an event."""
        if not self.over.is_set():
            self._events.put(event)
        if event.last:
            self.over.set()

    def events(self, *, every: float = 1.0) -> Iterator[Event | None]:
        """Yield events as they come, up to the last; None whenever nothing came for `every` seconds."""
        while True:
            try:
                event = self._events.get(timeout=every)
            except queue.Empty:
                yield None
                continue
            yield event
            if event.last:
                return

    def result(self) -> Event:
        """Wait for the end, and return it."""
        return next(event for event in self.events() if event is not None and event.last)


class Jobs:
    """The queue, and the process that does the work.

    Args:
        root: a folder of the queue's own, for the jobs' folders; it goes with the queue.
        works: the module whose functions do the work, see `worker.serve`.
    """

    def __init__(self, root: Path, works: str = "liquidwarp.web.work") -> None:
        self._root, self._works = root, works
        self._waiting: deque[QueuedJob] = deque()
        self._folders: dict[str, Path] = {}
        self._current: QueuedJob | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._process = WorkProcess(works)
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def folder(self) -> Path:
        """Make a folder for a job, under a name that nobody can guess."""
        folder = self._root / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        with self._changed:
            self._folders[folder.name] = folder
        return folder

    def submit(self, work: str, folder: Path, **arguments: Any) -> QueuedJob:
        """Let a function do its work in a folder made by `folder`, after all others that wait.

        Args:
            work: name of the function.
            folder: where; what the job reads lies in it.
            arguments: plain values.
        """
        job = QueuedJob(work, folder, arguments)
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()
        return job

    def folder_of(self, name: str) -> Path | None:
        """Return the folder of that name that was made and is still there."""
        with self._changed:
            folder = self._folders.get(name)
        return folder if folder is not None and folder.is_dir() else None

    def before(self, job: QueuedJob) -> int:
        """Return how many jobs come before one, the one under way too."""
        with self._changed:
            return self._waiting.index(job) + (self._current is not None) if job in self._waiting else 0

    def forget(self, job: QueuedJob) -> None:
        """End a job if it is not over, and remove its folder."""
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                job.post(Event("cancelled"))
        job.cancel()
        job.over.wait(_ENDS_WITHIN)
        self.forget_folder(job.folder)

    def forget_folder(self, folder: Path) -> None:
        """Remove a folder made by `folder`."""
        with self._changed:
            self._folders.pop(folder.name, None)
        shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """End everything, and remove all folders."""
        with self._changed:
            self._closed = True
            for job in (*self._waiting, *((self._current,) if self._current else ())):
                job.cancel()
            self._changed.notify()
        self._thread.join()
        self._process.end()
        shutil.rmtree(self._root, ignore_errors=True)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._current = None
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                job = self._current = self._waiting.popleft()
            if job.unwanted.is_set():
                job.post(Event("cancelled"))
                continue
            for event in self._process.do(job.order, job.sent, job.unwanted):
                job.post(event)
            if not self._closed and (not self._process.alive or self._process.done >= _JOBS_A_PROCESS):
                self._process.end()
                self._process = WorkProcess(self._works)
