"""The process's threads: work ahead, work side by side, work nobody wants any more, and threads inside of operations.

torch knows two numbers of threads: each thread's own, and the process's, which a thread makes its own when it first
uses torch. `torch.set_num_threads` writes both. Who calls it for a while takes threads from everybody who begins
meanwhile, and two who overlap leave the wrong number behind for good. `use_threads` and `one_thread` change the calling
thread's own number alone, so that nothing has to be put right afterwards, whoever else is at work or gives up midway.

A forked process has the memory of its parent and none of its threads. There OpenMP may not start any, torch has one
thread, `HelperThread` begins anew, and what was under way (`OneProcess`) refuses to go on instead of waiting for good.
"""

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import torch

from liquidwarp.errors import InputError

S = TypeVar("S")
T = TypeVar("T")

_WAIT = 0.1  # seconds between two looks whether anybody still wants the items
_HOME_PROCESS = os.getpid()
_NUMBER = threading.Lock()  # torch's number for the process is being changed and put back
_TURN = threading.Lock()  # not every threading layer of numba may be entered by two threads at once
_here = threading.local()


class _Budget:
    """Counts the items that all pools of the process have in hand."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._in_hand = 0

    @contextmanager
    def place(self, most: int) -> Iterator[None]:
        """Wait until fewer than `most` items are in hand."""
        with self._changed:
            self._changed.wait_for(lambda: self._in_hand < most)
            self._in_hand += 1
        _here.has_place = True
        try:
            yield
        finally:
            _here.has_place = False
            with self._changed:
                self._in_hand -= 1
                self._changed.notify_all()


_budget = _Budget()


def _begin_child() -> None:
    global _budget
    _budget = _Budget()
    _NUMBER.release()
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # a child must not inherit a lock that nobody will give back
    os.register_at_fork(before=_NUMBER.acquire, after_in_parent=_NUMBER.release, after_in_child=_begin_child)


class OneProcess:
    """What has threads that a process forked from this one will not have.

    Args:
        what: it is, for the message.
    """

    def __init__(self, what: str) -> None:
        self._what, self._process = what, os.getpid()

    def check(self) -> None:
        """Refuse to go on in a forked process.

        Raises:
            InputError: this is another process than the one it began in.
        """
        if os.getpid() != self._process:
            raise InputError(f"{self._what} began before this process was forked and cannot go on in it; begin it anew")


class HelperThread:
    """A thread that does one thing after the other; a forked process gets another one.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._begin()

    def _begin(self) -> None:
        self._process, self._pool = os.getpid(), ThreadPoolExecutor(1, thread_name_prefix=self._name)

    def submit(self, work: Callable[..., T], *arguments: Any) -> "Future[T]":
        """Let the thread do something."""
        if os.getpid() != self._process:
            self._begin()
        return self._pool.submit(work, *arguments)

    def shutdown(self) -> None:
        """Wait for what the thread does, and end it."""
        self._pool.shutdown()


def prefetch(items: Iterable[T], *, depth: int = 4) -> Generator[T, None, None]:
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
        thread_count()  # takes the process's number
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

    worker = threading.Thread(target=make, name="prefetch", daemon=True)
    worker.start()
    here = OneProcess("an iteration")
    try:
        while True:
            checkpoint()
            here.check()
            more, value = finished.get()
            if not more:
                if isinstance(value, BaseException):
                    raise value
                return
            yield value
    finally:
        unwanted.set()
        worker.join()


def pool_map(work: Callable[[S], T], items: Iterable[S], *, workers: int) -> Generator[T, None, None]:
    """Yield `work(item)` for all items in their order; threads work on several items at once, each by one torch thread.

    Pools side by side together have no more items in hand than the process has threads, or one of them workers.
    An error of an item comes out in its turn. Whoever stops early waits for the items in hand.

    Args:
        work: must not depend on which items were done before, and may be called by several threads at once.
        items: read by the caller's thread, at most `2 * workers` ahead, so that memory stays bounded.
        workers: how many threads.
    """
    most = max(workers, thread_count())
    within = getattr(_here, "has_place", False)  # items of an item have its place

    def work_in_place(item: S) -> T:
        with nullcontext() if within else _budget.place(most):
            return work(item)

    waiting: deque[Future[T]] = deque()
    here = OneProcess("an iteration")
    with ThreadPoolExecutor(workers, "pool-map", initializer=use_threads, initargs=(1,)) as pool:
        try:
            for item in items:
                checkpoint()
                waiting.append(pool.submit(work_in_place, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
                    here.check()
            while waiting:
                yield waiting.popleft().result()
                here.check()
        finally:
            for unwanted in waiting:
                unwanted.cancel()


class Stopped(BaseException):
    """Nobody waits for this work any more; no error that `except Exception` may take for one."""


@contextmanager
def stop_when(unwanted: threading.Event) -> Iterator[None]:
    """Let work in the calling thread end with `Stopped`, at its next `checkpoint`, once nobody wants it any more."""
    before = getattr(_here, "unwanted", None)
    _here.unwanted = unwanted
    try:
        yield
    finally:
        _here.unwanted = before


def checkpoint() -> None:
    """Raise `Stopped` if this thread's work is unwanted; free to call.

    `prefetch` and `pool_map` (with every item), `one_thread` and `run_kernel` call it by themselves.
    """
    unwanted = getattr(_here, "unwanted", None)
    if unwanted is not None and unwanted.is_set():
        raise Stopped


def thread_count() -> int:
    """Return how many threads torch uses in the calling thread; one that uses torch for the first time gets its own."""
    with _NUMBER:
        return torch.get_num_threads()


def use_threads(count: int) -> None:
    """Let torch use `count` threads in the calling thread from now on, and leave every other thread as it is.

    A number that somebody sets for the process (`torch.set_num_threads`) stays. What torch does not allow is to change
    both at once: a thread that first uses torch in the moment between, without having asked for `thread_count`, begins
    with `count`. So change seldom.
    """
    ready, done = threading.Event(), threading.Event()

    def keep() -> None:
        number = torch.get_num_threads()  # a new thread's own is the process's
        ready.set()
        done.wait()
        torch.set_num_threads(number)

    with _NUMBER:
        if torch.get_num_threads() == count:
            return
        keeper = threading.Thread(target=keep, name="keeper", daemon=True)
        try:
            keeper.start()
            ready.wait()
            torch.set_num_threads(count)
        finally:  # also where Ctrl-C comes between
            done.set()
        keeper.join()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread inside: small operations gain nothing by more, and results must not depend on them."""
    checkpoint()
    before = thread_count()
    try:
        use_threads(1)
        yield
    finally:
        try:
            use_threads(before)
        except BaseException:  # a second Ctrl-C
            torch.set_num_threads(before)
            raise


def run_kernel(serial: Any, parallel: Any, *arguments: Any) -> Any:
    """Call the compiled loop `parallel`, or its twin `serial` where there is one thread; they give the same bytes.

    Kernels use as many threads as torch does in the calling thread, and one in a forked process, where OpenMP may not
    start.
    """
    checkpoint()
    count = thread_count() if os.getpid() == _HOME_PROCESS else 1
    if count > 1:
        import numba  # here, since most who want threads compile nothing

        count = min(count, numba.config.NUMBA_NUM_THREADS)
    if count == 1:
        return serial(*arguments)
    with _TURN:
        before = numba.get_num_threads()
        numba.set_num_threads(count)
        try:
            return parallel(*arguments)
        finally:
            numba.set_num_threads(before)
