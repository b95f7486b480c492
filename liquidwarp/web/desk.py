"""What each open tab of a browser has under way: one job a place, whose folder goes when the next one begins."""

import html
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liquidwarp.errors import LiquidwarpError
from liquidwarp.web.jobs import Jobs, QueuedJob
from liquidwarp.web.worker import Event

_STALE = 24 * 3600.0  # seconds after which a tab that never said goodbye is forgotten


@dataclass(frozen=True)
class JobView:
    """What a page shows of a job at a moment.

    Attributes:
        said: HTML of the line below.
        event: what came last.
        job: the job.
    """

    said: str
    event: Event
    job: QueuedJob

    def address(self, name: str, *, save: bool = False) -> str:
        """Return where a file of the job is got; one that changes gets a new address each time.

        Args:
            name: of the file.
            save: to be saved by the browser, not shown.
        """
        return f"/results/{self.job.name}/{name}?{'save=1' if save else f'at={time.monotonic_ns()}'}"

    def link(self, name: str, said: str | None = None) -> str:
        """Return a link that saves a file of the job, as HTML; it is called by its name unless another is said."""
        return f'<a href="{self.address(name, save=True)}" download>{said or name}</a>'


class Desks:
    """The jobs of every tab.

    Args:
        jobs: the queue.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._lock = threading.Lock()
        self._under_way: dict[str, dict[str, QueuedJob]] = {}
        self._since: dict[str, float] = {}

    def begin(self, tab: str, place: str, work: str, bring: Callable[[Path], dict[str, Any]]) -> QueuedJob:
        """Begin a job in a new folder; what the place had is ended, and its folder removed.

        Args:
            tab: whose.
            place: of the page.
            work: name of the function.
            bring: puts files into the folder, and returns the work's arguments.

        Raises:
            InputError: from `bring`; nothing is begun then.
        """
        self.leave_place(tab, place)
        self._sweep()
        folder = self._jobs.folder()
        try:
            arguments = bring(folder)
        except LiquidwarpError:
            self._jobs.forget_folder(folder)
            raise
        return self._note(tab, place, self._jobs.submit(work, folder, **arguments))

    def go_on(self, tab: str, place: str, work: str, **arguments: Any) -> QueuedJob | None:
        """Begin another job in the folder that a place has; None where there is none."""
        before = self.at(tab, place)
        if before is None or not before.over.is_set():
            return None
        return self._note(tab, place, self._jobs.submit(work, before.folder, **arguments))

    def at(self, tab: str, place: str) -> QueuedJob | None:
        """Return the job of a place."""
        with self._lock:
            return self._under_way.get(tab, {}).get(place)

    def cancel(self, tab: str, place: str) -> None:
        """End what a place has under way."""
        job = self.at(tab, place)
        if job is not None:
            job.cancel()

    def leave_place(self, tab: str, place: str) -> None:
        """End what a place has, and remove its folder."""
        with self._lock:
            job = self._under_way.get(tab, {}).pop(place, None)
        if job is not None:
            self._jobs.forget(job)

    def leave(self, tab: str) -> None:
        """End and remove everything of a tab."""
        with self._lock:
            places = list(self._under_way.pop(tab, {}).values())
            self._since.pop(tab, None)
        for job in places:
            self._jobs.forget(job)

    def follow(self, job: QueuedJob) -> Iterator[JobView]:
        """Yield what to show, up to the end: at least once a second."""
        since = time.monotonic()
        event, notes = Event("progress", "getting ready"), []
        for came in job.events():
            if came is not None and came.kind == "note":
                notes.append(came.text)
            elif came is not None:
                event = came
            yield JobView(say(event, time.monotonic() - since, self._jobs.before(job), notes), event, job)

    def _note(self, tab: str, place: str, job: QueuedJob) -> QueuedJob:
        with self._lock:
            self._under_way.setdefault(tab, {})[place] = job
            self._since[tab] = time.monotonic()
        return job

    def _sweep(self) -> None:
        with self._lock:
            stale = [tab for tab, at in self._since.items() if time.monotonic() - at > _STALE]
        for tab in stale:
            self.leave(tab)


def say(event: Event, seconds: float, before: int, notes: list[str]) -> str:
    """Return what is known of a job as HTML.

    Args:
        event: what came last.
        seconds: since it was asked for.
        before: how many jobs come first.
        notes: warnings so far.
    """
    warned = "".join(f'<p class="lw-note">{html.escape(note)}</p>' for note in notes)
    if event.kind == "failed":
        return f"{say_wrong(event.text)}{warned}"
    if event.kind == "cancelled":
        return f"<p>Cancelled; everything of it is removed.</p>{warned}"
    if event.kind == "done":
        return f"<p>Done in {seconds:.1f} s.</p>{warned}"
    if before:
        return f"<p>In the queue: {before} before you, {seconds:.0f} s</p>{warned}"
    if not event.total:
        return f"<p>{html.escape(event.text)}, {seconds:.0f} s</p><progress></progress>{warned}"
    return (
        f"<p>{html.escape(event.text)}: {event.done} of {event.total}, {seconds:.0f} s</p>"
        f'<progress max="{event.total}" value="{event.done}" aria-label="{html.escape(event.text)}"></progress>{warned}'
    )


def say_error(error: LiquidwarpError) -> str:
    """Return a mistake as HTML."""
    return say_wrong(" ".join(str(error).split()))


def say_wrong(text: str) -> str:
    """Return what is wrong as HTML."""
    return f'<p class="lw-bad" role="alert">{html.escape(text)}</p>'
