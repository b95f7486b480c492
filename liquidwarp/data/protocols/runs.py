"""The single runs that a protocol asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from liquidwarp.data.protocols.entries import Entry, FrameWindow, Protocol
from liquidwarp.errors import InputError

TASKS = ("self", "cross", "transfer", "view")

ALONE = "iccv"
"""The way of the ICCV 2019 paper: three runs of each video, with one source photo each (front, side, partly hidden)."""


@dataclass(frozen=True)
class Run:
    """One person in one motion.

    Attributes:
        task: of `TASKS`.
        video: whose person it is.
        sources: frames of `video` that are the source photos.
        motion: what is imitated; for "view" the frames of `video` to be seen from where they show the person.
        real: frames of the same length that the pictures are held against, in order.
        paired: whether picture and real frame show the same pose; if not, they are compared as sets only.
        wear: (video, frames) of the clothes, for "transfer".
        frames: the frames of `motion` that are made, where not all of them are.
        count: number of source photos, or `ALONE`.
    """

    task: str
    video: str
    sources: tuple[int, ...]
    motion: FrameWindow
    real: FrameWindow
    paired: bool
    wear: tuple[str, tuple[int, ...]] | None = None
    frames: tuple[int, ...] = ()
    count: str = ""

    @property
    def name(self) -> str:
        """A name that no other run of the protocol has, fit for a file."""
        parts = [self.task, self.count, self.video.replace("/", "-"), "_".join(map(str, self.sources[:1]))]
        if self.wear is not None:
            parts.append(self.wear[0].replace("/", "-"))
        return ".".join(parts)

    @property
    def videos(self) -> tuple[str, ...]:
        """Every video that it looks at."""
        worn = (self.wear[0],) if self.wear else ()
        return tuple(dict.fromkeys((self.video, *worn, self.motion.video, self.real.video)))

    @property
    def judged(self) -> tuple[int, ...]:
        """Frames of `motion` that are made, in order."""
        return self.frames or tuple(self.motion.frames)


def protocol_runs(protocol: Protocol, task: str, sources: int | str = 1) -> list[Run]:
    """Return the runs of a task, in the protocol's order.

    Args:
        protocol: the evaluation.
        task: "self" (a video's own motion), "cross" (another's), "transfer" (another's clothes) or "view" (from the
            sides that other frames of a turn show).
        sources: how many source photos, or `ALONE`.

    Raises:
        InputError: an unknown task, or one that the protocol does not have, or not with that many sources.
    """
    if task not in TASKS:
        raise InputError(f"task={task!r}; choose from {', '.join(TASKS)}")
    runs: list[Run] = []
    if task == "transfer":
        for person, worn in protocol.pairs:
            wears = [(worn, chosen) for chosen in _chosen(protocol.entries[worn], sources)]
            real = protocol.entries[worn].real
            for chosen, wear in zip(_chosen(protocol.entries[person], sources), wears, strict=True):
                runs.append(Run(task, person, chosen, real, real, True, wear, count=str(sources)))
    else:
        for entry in protocol.entries.values():
            runs += [run for chosen in _chosen(entry, sources) if (run := _of_entry(entry, task, chosen, sources))]
    if not runs:
        raise InputError(f"protocol {protocol.name!r} has no task {task!r}; choose another task or protocol")
    return runs


def _chosen(entry: Entry, sources: int | str) -> Sequence[tuple[int, ...]]:
    wanted = 3 if sources == ALONE else sources
    if wanted not in entry.sources:
        raise InputError(
            f"{entry.video}: the protocol names no {wanted} sources; it has {', '.join(map(str, entry.sources))}"
        )
    chosen = entry.sources[int(wanted)]
    return [(frame,) for frame in chosen] if sources == ALONE else [chosen]


def _of_entry(entry: Entry, task: str, chosen: tuple[int, ...], sources: int | str) -> Run | None:
    count = str(sources)
    if task == "self":
        return Run(task, entry.video, chosen, entry.own, entry.own, True, count=count) if entry.own else None
    if task == "cross":
        return Run(task, entry.video, chosen, entry.other, entry.real, False, count=count) if entry.other else None
    views = tuple(frame for frame in entry.views if frame not in chosen)
    if not (entry.novel_view and views):
        return None
    window = FrameWindow(entry.video, min(views), max(views))
    return Run(task, entry.video, chosen, window, window, True, frames=views, count=count)


def outfit_pairs(protocol: Protocol) -> Protocol:
    """Return the protocol with pairs for appearance transfer, made as iPER's are.

    Videos are named subject/outfit/action; a person in an A-pose (action 1) wears each of the same subject's outfits
    whose name sorts before theirs, held against every video that shows it.

    Raises:
        InputError: no subject has two outfits.
    """
    names = list(protocol.entries)
    pairs = tuple(
        (person, worn)
        for person in names
        for worn in names
        if person.endswith("/1") and person.split("/")[0] == worn.split("/")[0]
        if person.rsplit("/", 1)[0] > worn.rsplit("/", 1)[0]
    )
    if not pairs:
        raise InputError(f"protocol {protocol.name!r} has no subject with two outfits; appearance transfer needs them")
    return replace(protocol, pairs=pairs)
