"""Work that runs ahead: threads make the next items while the caller uses the last one."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

S = TypeVar("S")
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


def side_by_side(
    work: Callable[[S], T], items: Iterable[S], *, workers: int, begin: Callable[[], None] | None = None
) -> Generator[T, None, None]:
    """Yield `work(item)` for all items in their order; threads work on several items at once.

    An error of an item comes out in its turn. Whoever stops early waits for the items in hand.

    Args:
        work: must not depend on which items were done before, and may be called by several threads at once.
        items: read by the caller's thread, at most `2 * workers` ahead, so that memory stays bounded.
        workers: how many threads.
        begin: called once by each thread before its first item.
    """
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers, "side-by-side", begin or _nothing) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for unwanted in waiting:
                unwanted.cancel()


def _nothing() -> None:
    pass


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread inside: small operations gain nothing by more, and results must not depend on them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
