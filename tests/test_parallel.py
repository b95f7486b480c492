"""Threads change nothing but the time that work takes."""

import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numba
import pytest
import torch

from liquidwarp.parallel import Stopped, checkpoint, one_thread, pool_map, prefetch, run_kernel, stop_when, use_threads

T = TypeVar("T")


@pytest.fixture
def three_threads() -> Iterator[None]:
    """Torch has three threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def in_a_new_thread(work: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as fresh:
        return fresh.submit(work).result()


def test_items_come_in_their_order() -> None:
    assert list(prefetch(range(50), depth=3)) == list(range(50))
    assert list(prefetch([])) == []


def test_the_next_items_are_made_while_the_last_is_used() -> None:
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        made.set()
        yield 1

    running = prefetch(items())
    assert next(running) == 0
    assert made.wait(5)
    assert list(running) == [1]


def test_no_more_are_made_than_may_wait() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(1, 100):
            made.append(number)
            yield number

    running = prefetch(items(), depth=2)
    assert next(running) == 1
    time.sleep(0.05)
    assert len(made) <= 1 + 2 + 1  # used, waiting, in hand
    running.close()


def test_an_error_comes_out_where_its_item_would() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken frame")

    running = prefetch(items())
    assert next(running) == 1
    with pytest.raises(ValueError, match="broken frame"):
        next(running)


def test_who_stops_early_stops_the_work_and_closes_it() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            number = 0
            while True:
                yield (number := number + 1)
        finally:
            closed.set()

    before = threading.active_count()
    for item in prefetch(items(), depth=2):
        if item == 3:
            break
    del item
    assert closed.wait(5)
    assert threading.active_count() == before


def test_items_of_a_pool_come_in_their_order() -> None:
    def work(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(pool_map(work, range(40), workers=3)) == [number * number for number in range(40)]
    assert list(pool_map(work, [], workers=2)) == []


def test_several_are_worked_on_at_once() -> None:
    both = threading.Barrier(2, timeout=5)
    assert len(list(pool_map(lambda _: both.wait(), range(4), workers=2))) == 4


def test_pools_side_by_side_have_one_budget() -> None:
    lock, in_hand, most = threading.Lock(), 0, []

    def work(_: int) -> int:
        nonlocal in_hand
        with lock:
            in_hand += 1
            most.append(in_hand)
        inner = sum(pool_map(lambda number: number, range(3), workers=1))
        time.sleep(0.002)
        with lock:
            in_hand -= 1
        return inner

    films = [threading.Thread(target=lambda: list(pool_map(work, range(20), workers=2))) for _ in range(3)]
    for film in films:
        film.start()
    for film in films:
        film.join()
    assert len(most) == 60
    assert max(most) == 2


def test_few_are_read_ahead_and_none_after_the_end() -> None:
    read = []

    def items() -> Iterator[int]:
        for number in range(1, 100):
            read.append(number)
            yield number

    before = threading.active_count()
    running = pool_map(lambda number: number, items(), workers=2)
    assert next(running) == 1
    running.close()
    assert len(read) <= 4
    assert threading.active_count() == before


def test_an_error_of_one_of_many_comes_out_in_its_turn() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise ValueError("broken frame")
        return number

    running = pool_map(work, range(9), workers=2)
    assert [next(running) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="broken frame"):
        next(running)


@pytest.mark.usefixtures("three_threads")
def test_one_thread_is_for_the_caller_and_for_a_while() -> None:
    with one_thread():
        assert torch.get_num_threads() == 1
        assert in_a_new_thread(torch.get_num_threads) == 3
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == in_a_new_thread(torch.get_num_threads) == 3


@pytest.mark.usefixtures("three_threads")
def test_a_number_that_the_user_sets_meanwhile_stays() -> None:
    with one_thread():
        in_a_new_thread(lambda: torch.set_num_threads(2))
    assert in_a_new_thread(torch.get_num_threads) == 2
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_threads_that_overlap_leave_the_number_as_it_was() -> None:
    def region(_: int) -> int:
        for _ in range(20):
            with one_thread():
                assert torch.get_num_threads() == 1
        return torch.get_num_threads()

    with ThreadPoolExecutor(8) as users:
        assert list(users.map(region, range(16))) == [3] * 16
    assert torch.get_num_threads() == in_a_new_thread(torch.get_num_threads) == 3


@pytest.mark.parametrize("moment", range(4))
@pytest.mark.usefixtures("three_threads")
def test_an_interrupted_change_leaves_every_thread_its_number(monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    wait, waits = threading.Event.wait, iter(range(10))

    def interrupted(event: threading.Event, timeout: float | None = None) -> bool:
        done = wait(event, timeout)
        if threading.current_thread() is threading.main_thread() and next(waits) == moment:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(threading.Event, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt), one_thread():
        pass
    monkeypatch.undo()
    assert torch.get_num_threads() == 3
    assert any(in_a_new_thread(torch.get_num_threads) == 3 for _ in range(50))


@pytest.mark.usefixtures("three_threads")
def test_each_of_a_pool_has_one_thread_and_others_keep_theirs() -> None:
    assert list(pool_map(lambda _: torch.get_num_threads(), range(4), workers=2)) == [1] * 4
    running = pool_map(lambda _: torch.get_num_threads(), range(4), workers=2)
    assert next(running) == 1
    assert torch.get_num_threads() == 3
    assert any(in_a_new_thread(torch.get_num_threads) == 3 for _ in range(50))  # as soon as both have begun
    running.close()
    assert in_a_new_thread(torch.get_num_threads) == 3


@pytest.mark.usefixtures("three_threads")
def test_items_are_made_with_the_number_of_the_process() -> None:
    assert list(prefetch(torch.get_num_threads() for _ in range(2))) == [3, 3]


def test_unwanted_work_stops_at_its_next_step() -> None:
    unwanted = threading.Event()

    def steps() -> Iterator[int]:
        yield from range(100)

    with stop_when(unwanted):
        checkpoint()
        running, pooled = prefetch(steps()), pool_map(lambda number: number, range(100), workers=1)
        assert next(running) == next(pooled) == 0
        unwanted.set()
        for step in (
            checkpoint,
            lambda: next(running),
            lambda: next(pooled),
            lambda: run_kernel(int, int),
            lambda: one_thread().__enter__(),
        ):
            with pytest.raises(Stopped):
                step()
        in_a_new_thread(checkpoint)  # others go on
    checkpoint()


def test_stopped_is_no_error() -> None:
    """So that nobody who puts up with errors takes it for one."""
    assert not issubclass(Stopped, Exception)


@pytest.mark.usefixtures("three_threads")
def test_a_kernel_has_as_many_threads_as_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 2)
    before = numba.get_num_threads()
    told = lambda kind, end: (kind, end, numba.get_num_threads())  # noqa: E731
    assert run_kernel(lambda end: told("serial", end), lambda end: told("parallel", end), 7) == ("parallel", 7, 2)
    with one_thread():
        assert run_kernel(lambda end: ("serial", end), lambda end: told("parallel", end), 7) == ("serial", 7)
    assert numba.get_num_threads() == before


def _kernel_of_a_child(answer: "multiprocessing.Queue[str]") -> None:
    with one_thread():
        pass
    answer.put(run_kernel(lambda: "serial", lambda: "parallel"))


@pytest.mark.skipif(sys.platform == "win32", reason="no forks there")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.usefixtures("three_threads")
def test_a_forked_process_has_one_thread_and_waits_for_no_lock() -> None:
    forks = multiprocessing.get_context("fork")
    busy = threading.Event()

    def switch() -> None:
        while not busy.wait(0):
            with one_thread():
                pass

    switching = threading.Thread(target=switch)
    switching.start()
    try:
        for _ in range(5):
            answer = forks.Queue()
            child = forks.Process(target=_kernel_of_a_child, args=(answer,))
            child.start()
            assert answer.get(timeout=20) == "serial"
            child.join(20)
    finally:
        busy.set()
        switching.join()


def test_threads_need_no_numba() -> None:
    program = "import sys, liquidwarp.parallel; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.usefixtures("three_threads")
def test_a_thread_may_keep_its_number() -> None:
    def own() -> int:
        use_threads(2)
        return torch.get_num_threads()

    assert in_a_new_thread(own) == 2
    assert torch.get_num_threads() == in_a_new_thread(torch.get_num_threads) == 3
