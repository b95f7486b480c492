"""Work that runs ahead changes nothing but the time it takes."""

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from liquidwarp.ahead import ahead, one_thread, side_by_side


def test_items_come_in_their_order() -> None:
    assert list(ahead(range(50), depth=3)) == list(range(50))
    assert list(ahead([])) == []


def test_the_next_items_are_made_while_the_last_is_used() -> None:
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        made.set()
        yield 1

    running = ahead(items())
    assert next(running) == 0
    assert made.wait(5)
    assert list(running) == [1]


def test_no_more_are_made_than_may_wait() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(1, 100):
            made.append(number)
            yield number

    running = ahead(items(), depth=2)
    assert next(running) == 1
    time.sleep(0.05)
    assert len(made) <= 1 + 2 + 1  # used, waiting, in hand
    running.close()


def test_an_error_comes_out_where_its_item_would() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken frame")

    running = ahead(items())
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
    for item in ahead(items(), depth=2):
        if item == 3:
            break
    del item
    assert closed.wait(5)
    assert threading.active_count() == before


def test_items_side_by_side_come_in_their_order() -> None:
    def work(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(side_by_side(work, range(40), workers=3)) == [number * number for number in range(40)]
    assert list(side_by_side(work, [], workers=2)) == []


def test_several_are_worked_on_at_once() -> None:
    both = threading.Barrier(2, timeout=5)
    assert len(list(side_by_side(lambda _: both.wait(), range(4), workers=2))) == 4


def test_few_are_read_ahead_and_none_after_the_end() -> None:
    read = []

    def items() -> Iterator[int]:
        for number in range(1, 100):
            read.append(number)
            yield number

    before = threading.active_count()
    running = side_by_side(lambda number: number, items(), workers=2)
    assert next(running) == 1
    running.close()
    assert len(read) <= 4
    assert threading.active_count() == before


def test_an_error_of_one_of_many_comes_out_in_its_turn() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise ValueError("broken frame")
        return number

    running = side_by_side(work, range(9), workers=2)
    assert [next(running) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="broken frame"):
        next(running)


def test_one_thread_is_for_the_caller_and_for_a_while() -> None:
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
