"""Work that runs ahead: a thread makes the next items while the caller uses the last one."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

_WAIT = 0.1  # seconds between two looks whether anybody still wants the items


def ahead(items: Iterable[T], *, depth: int = 4) -> Generator[T, None, None]:
    """Yield `items` in their order, made by a thread that is at most `depth` of them ahead.

    An error of the items comes out where the item would have. Whoever stops early (closes the iterator, or leaves a
    loop over it) stops the thread, and a generator of items is closed.

    Args:
        items: made by the thread, all of them; nobody else may use them.
        depth: how many finished items may wait, so that memory stays bounded.
    """
    finished: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(depth)
    unwanted = threading.Event()

    def put(more: bool, value: T | BaseException | None) -> None:
        while not unwanted.is_set():
            try:
                finished.put((more, value), timeout=_WAIT)
            except queue.Full:
                continue
            return

    def make() -> None:
        made = iter(items)
        try:
            for item in made:
                put(True, item)
                if unwanted.is_set():
                    break
            put(False, None)
        except BaseException as error:  # also a Ctrl-C that this thread met: the caller has to see it
            put(False, error)
        finally:
            close = getattr(made, "close", None)
            if close is not None:
                close()

    worker = threading.Thread(target=make, name="ahead", daemon=True)
    worker.start()
    try:
        while True:
            more, value = finished.get()
            if not more:
                if isinstance(value, BaseException):
                    raise value
                return
            yield value
    finally:
        unwanted.set()
        worker.join()
