"""Forked processes, as of a server that loads everything first, work or refuse in one line; none waits for good."""

import multiprocessing
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import liquidwarp as lw
from liquidwarp.parallel import HelperThread, pool_map, prefetch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no forks there")

PATIENCE = 60  # seconds after which a child is taken to wait for good


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """Torch has three threads, and they have been at work."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    _multiply()
    yield
    torch.set_num_threads(before)


def in_a_child(work: Callable[[], Any]) -> Any:
    """Return what a forked process makes of something, an error as its text."""
    forks = multiprocessing.get_context("fork")
    answers = forks.Queue()

    def run() -> None:
        try:
            answers.put(work())
        except lw.LiquidwarpError as error:
            answers.put(f"{type(error).__name__}: {error}")

    child = forks.Process(target=run)
    child.start()
    try:
        return answers.get(timeout=PATIENCE)
    finally:
        child.kill()
        child.join()


def _multiply() -> float:
    square = torch.ones(600, 600)
    return float((square @ square * 2).sum())


def test_torch_has_one_thread_in_a_child() -> None:
    assert in_a_child(lambda: (torch.get_num_threads(), _multiply())) == (1, _multiply())
    assert torch.get_num_threads() == 3


def test_a_helper_begins_anew() -> None:
    helper = HelperThread("helper")
    assert helper.submit(lambda: 1).result() == 1
    assert in_a_child(lambda: helper.submit(lambda: 2).result()) == 2
    assert helper.submit(lambda: 3).result() == 3
    helper.shutdown()


@pytest.mark.parametrize("make", [prefetch, lambda items: pool_map(abs, items, workers=2)])
def test_what_is_under_way_is_refused(make: Callable[[range], Iterator[int]]) -> None:
    items = make(range(20))
    assert next(items) == 0
    said = in_a_child(lambda: list(items))
    assert said == "InputError: an iteration began before this process was forked and cannot go on in it; begin it anew"
    assert list(items) == list(range(1, 20))
    assert in_a_child(lambda: list(make(range(5)))) == [0, 1, 2, 3, 4]


def test_a_video_that_is_being_read_is_refused(sources) -> None:
    frames = iter(lw_open(sources.motion))
    first = next(frames)
    assert in_a_child(lambda: [*frames]).startswith(f"InputError: reading {sources.motion} began before")
    assert np.array_equal(in_a_child(lambda: next(iter(lw_open(sources.motion)))), first)


def lw_open(path: object) -> Any:
    from liquidwarp.media import open_video

    return open_video(path)


def test_a_detector_that_was_in_use_works_in_a_child(dance: list[np.ndarray]) -> None:
    from liquidwarp.detect import LiteRtDetector

    detector = LiteRtDetector()
    look = lambda: detector.detect(dance[0])[0].image  # noqa: E731
    expected = look()
    assert np.array_equal(in_a_child(look), expected)
    assert np.array_equal(look(), expected)


def test_a_network_that_another_thread_uses_works_in_a_child() -> None:
    from liquidwarp.detect.litert.network import Network

    network, enough = Network("face_finder"), threading.Event()
    look = lambda: network.run(np.full((network.size, network.size, 3), 99, np.uint8))[0]  # noqa: E731
    expected = look()

    def go_on() -> None:
        while not enough.is_set():
            look()

    busy = threading.Thread(target=go_on)
    busy.start()
    try:
        assert all(np.array_equal(in_a_child(look), expected) for _ in range(4))
    finally:
        enough.set()
        busy.join()


def test_a_child_compiles() -> None:
    from liquidwarp.jit import njit

    @njit(cache=False)
    def doubled(value):
        return 2 * value

    assert doubled(2) == 4
    assert in_a_child(lambda: doubled(1.5)) == 3.0


@pytest.mark.slow
def test_the_whole_job_in_a_child(sources, dance: list[np.ndarray], encoded: lw.SourceState) -> None:
    def job() -> list[np.ndarray]:
        motion = lw.recover(np.stack(dance[:3]))
        made = [f.image.numpy() for way in ("surface", "gan") for f in lw.imitate(encoded, motion, renderer=way)]
        return [motion.body_pose.numpy(), lw.encode_source(sources.photo).background, *made]

    expected = job()
    assert all(np.array_equal(a, b) for a, b in zip(in_a_child(job), expected, strict=True))
