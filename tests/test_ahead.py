"""Work that runs ahead changes nothing but the time it takes."""

import threading
import time
from collections.abc import Iterator

import pytest

from liquidwarp.ahead import ahead


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
