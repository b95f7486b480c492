"""Learning a person and recovering a motion side by side changes nothing but the time it takes."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from toy_people import ToyDetector, ToyPhoto, toy_photo

from liquidwarp.bodies import BodyModel
from liquidwarp.detect import Detection
from liquidwarp.detect.protocol import Follower
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.tasks import encode_source, recover, recover_meanwhile
from liquidwarp.testing import toy_body


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return toy_body()


@pytest.fixture(scope="module")
def photo(body: BodyModel) -> ToyPhoto:
    return toy_photo(body, np.full((16, 3), 60, np.uint8), size=(64, 48))


class Counting(ToyDetector):
    """Follows too, and counts the frames it was shown."""

    frames = 0

    def follow(self, frame: np.ndarray, person: Detection) -> Follower:
        return self

    def next(self, frame: np.ndarray) -> Detection | None:
        self.frames += 1
        return self.detect(frame)[0]


@pytest.mark.parametrize("kind", [ToyDetector, Counting])
def test_both_are_as_they_would_be_alone(body: BodyModel, photo: ToyPhoto, kind: type[ToyDetector]) -> None:
    clip = np.stack([photo.rgb] * 3)
    threads = torch.get_num_threads()
    learnt, track = recover_meanwhile(torch.get_num_threads, clip, body=body, detector=kind(photo))
    alone = recover(clip, body=body, detector=kind(photo))
    assert learnt == 1
    assert torch.equal(track.body_pose, alone.body_pose)
    assert torch.equal(track.transl, alone.transl)
    assert torch.get_num_threads() == threads


def test_an_error_of_the_learner_ends_the_recovery(body: BodyModel, photo: ToyPhoto) -> None:
    detector = Counting(photo)

    def fail() -> None:
        raise InputError("no such photo")

    with pytest.raises(InputError, match="no such photo"):
        recover_meanwhile(fail, np.stack([photo.rgb] * 2000), body=body, detector=detector)
    assert detector.frames < 1990


def soon(done: Callable[[], bool]) -> bool:
    """Tell whether something comes true within ten seconds."""
    for _ in range(200):
        if done():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def slow_learner(body: BodyModel, photo: ToyPhoto) -> Callable[[], None]:
    """Learns for minutes."""

    def learn() -> None:
        for _ in range(1000):
            encode_source(photo.rgb, body=body, detector=ToyDetector(photo))

    return learn


def test_an_error_of_the_recovery_ends_the_learner(
    body: BodyModel, photo: ToyPhoto, slow_learner: Callable[[], None]
) -> None:
    nobody, before = np.zeros((2, 64, 48, 3), np.uint8), threading.active_count()
    with pytest.raises(NoPersonError):
        recover_meanwhile(slow_learner, nobody, body=body, detector=ToyDetector(photo))
    assert soon(lambda: threading.active_count() == before)


def test_ctrl_c_ends_the_learner(body: BodyModel, photo: ToyPhoto, slow_learner: Callable[[], None]) -> None:
    class Interrupted(ToyDetector):
        def detect(self, frame: np.ndarray) -> list[Detection]:
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        recover_meanwhile(slow_learner, photo.rgb[None], body=body, detector=Interrupted(photo))
    assert soon(lambda: threading.active_count() == before)
