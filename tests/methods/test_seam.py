"""Methods of one's own, outside the package: recurrent ones, and ones that draw frames together."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_people import ToyDetector, toy_photo

import liquidwarp as lw
from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.cli import main
from liquidwarp.media import open_video
from liquidwarp.methods import (
    METHODS,
    BackgroundPicture,
    ClipSession,
    Frame,
    Method,
    MethodEntry,
    Session,
    SurfaceMethod,
    Synthesis,
    make_method,
    register,
)
from liquidwarp.tasks.live import imitate_live

SIZE = (96, 72)
RED = np.tile(np.array((200, 40, 40), np.uint8), (16, 1))


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body("anny")


@pytest.fixture(scope="module")
def person(body: BodyModel) -> lw.SourceState:
    photo = toy_photo(body, RED, size=SIZE)
    return lw.encode_source(photo.rgb, body=body, detector=ToyDetector(photo))


@pytest.fixture
def methods(monkeypatch: pytest.MonkeyPatch) -> dict[str, MethodEntry]:
    """The registry, as it was before afterwards."""
    own = dict(METHODS)
    monkeypatch.setattr("liquidwarp.methods.registry.METHODS", own)
    return own


@dataclass(frozen=True)
class CountingSession:
    """Draws nobody; the brightness says how many pictures came before."""

    background: BackgroundPicture
    step: float
    told: list[Frame]

    def draw(self, frame: Frame) -> Synthesis:
        self.told.append(frame)
        nobody = torch.zeros(frame.camera.size)
        image = torch.from_numpy(self.background.picture).permute(2, 0, 1) * 0
        if frame.previous is not None:
            image = frame.previous.picture.image + self.step
        return Synthesis(image, nobody, nobody.to(torch.uint8))


class CountingMethod:
    """A recurrent method."""

    name = "counting"
    recurrent = True

    def __init__(self, step: float = 1 / 16) -> None:
        self.told: list[Frame] = []
        self.asked: list[tuple[lw.SourceState, tuple[int, int], BackgroundPicture]] = []
        self._step = step

    def prepare(self, state: lw.SourceState, size: tuple[int, int], background: BackgroundPicture) -> CountingSession:
        self.asked.append((state, size, background))
        return CountingSession(background, self._step, self.told)


def build_counting(*, step: float = 1 / 16, slow: bool = False, frames: int = 0) -> CountingMethod:
    return CountingMethod(step * (0.5 if slow else 1) + frames)


@dataclass(frozen=True)
class WindowSession:
    """Draws three frames together: each picture's brightness is the number of its window."""

    read: list[int]

    def draw(self, frame: Frame) -> Synthesis:
        return next(self.draw_clip(iter([frame])))

    def draw_clip(self, frames: Iterator[Frame]) -> Iterator[Synthesis]:
        number = 0
        while window := list(islice(frames, 3)):
            self.read.extend(frame.index for frame in window)
            for frame in window:
                nobody = torch.zeros(frame.camera.size)
                yield Synthesis(torch.full((3, *frame.camera.size), number / 8), nobody, nobody.to(torch.uint8))
            number += 1


class WindowMethod:
    name = "window"
    recurrent = True

    def __init__(self) -> None:
        self.read: list[int] = []

    def prepare(self, state: lw.SourceState, size: tuple[int, int], background: BackgroundPicture) -> WindowSession:
        return WindowSession(self.read)


def brightness(pictures: Iterator[Synthesis]) -> list[float]:
    return [round(float(picture.image.mean()), 4) for picture in pictures]


def test_the_protocols_are_met() -> None:
    for method in (CountingMethod(), WindowMethod(), SurfaceMethod()):
        assert isinstance(method, Method)
    told = CountingSession(BackgroundPicture(np.zeros((2, 2, 3), np.float32), kept=False), 0.1, [])
    assert isinstance(told, Session)
    assert not isinstance(told, ClipSession)
    assert isinstance(WindowSession([]), ClipSession)


def test_a_recurrent_method_is_given_the_frame_before(person: lw.SourceState) -> None:
    method = CountingMethod()
    pictures = list(lw.novel_view(person, frames=20, size=48, method=method))
    assert brightness(iter(pictures)) == [round(index / 16, 4) for index in range(20)]
    assert [frame.index for frame in method.told] == list(range(20))
    first, *later = method.told
    assert first.previous is None
    for frame, before, picture in zip(later, method.told, pictures, strict=False):
        assert frame.previous is not None
        assert frame.previous.picture is picture
        assert torch.equal(frame.previous.frame.vertices, before.vertices)
        assert frame.previous.frame.previous is None, "the whole history would stay in memory"


def test_a_frame_holds_all_that_labels_are_drawn_from(person: lw.SourceState) -> None:
    method = CountingMethod()
    motion = replace(person.track[[0, 0]], fps=25.0)
    list(lw.imitate(person, motion, camera="source", method=method))
    body, track = person.body, person.track
    for frame in method.told:
        torch.testing.assert_close(frame.pose.global_orient, track.global_orient[0])
        torch.testing.assert_close(frame.pose.body_pose, track.body_pose[0])
        posed = body.vertices(
            body.identity(track.betas),
            frame.pose.global_orient[None],
            frame.pose.body_pose[None],
            frame.pose.transl[None],
            offsets=person.offsets,
        )
        torch.testing.assert_close(frame.vertices, posed[0])
        assert frame.camera.size == SIZE


def test_frames_come_lazily(person: lw.SourceState) -> None:
    method = CountingMethod()
    pictures = lw.novel_view(person, frames=50, size=48, method=method)
    next(pictures)
    next(pictures)
    pictures.close()
    assert len(method.told) <= 4, "one waits, and one is in hand"


@pytest.mark.parametrize(("choice", "kept"), [("keep", True), ("plain", False), ((1, 2, 3), False)])
def test_a_method_knows_whose_background_it_is(person: lw.SourceState, choice: object, kept: bool) -> None:
    method = CountingMethod()
    list(lw.novel_view(person, frames=1, size=48, background=choice, method=method))
    ((state, size, background),) = method.asked
    assert state is person
    assert size == background.picture.shape[:2] == (48, 36)
    assert background.kept is kept
    assert background.picture.dtype == np.float32
    assert 0 <= background.picture.min() <= background.picture.max() <= 1


def test_a_session_may_draw_frames_together(person: lw.SourceState) -> None:
    method = WindowMethod()
    pictures = lw.novel_view(person, frames=7, size=48, method=method)
    next(pictures)
    assert method.read == [0, 1, 2], "no more than are drawn together"
    assert brightness(pictures) == [0, 0, 0.125, 0.125, 0.125, 0.25]


def test_live_gives_the_frame_before_too(person: lw.SourceState, body: BodyModel) -> None:
    photos = [toy_photo(body, RED, size=SIZE, turn=0.3 * step) for step in range(3)]
    frames, seen = [photo.rgb for photo in photos], ToyDetector(*photos)
    method = CountingMethod()
    made = imitate_live(person, frames, fps=25.0, detector=seen, method=method)
    assert brightness(frame.synthesis for frame in made) == [0, 0.0625, 0.125]
    assert [frame.index for frame in method.told] == [0, 1, 2]
    together = imitate_live(person, frames, fps=25.0, detector=seen, method=WindowMethod())
    assert brightness(frame.synthesis for frame in together) == [0, 0, 0]


def test_a_registered_method_goes_by_its_name(person: lw.SourceState, methods: dict[str, MethodEntry]) -> None:
    register(MethodEntry(name="counting", about="counts", build=build_counting))
    assert brightness(lw.novel_view(person, frames=3, size=48, method="counting")) == [0, 0.0625, 0.125]
    told = "counting:step=0.25,slow=yes"
    assert brightness(lw.novel_view(person, frames=3, size=48, method=told)) == [0, 0.125, 0.25]
    assert isinstance(make_method("counting", options={"step": 0.5}), CountingMethod)
    with pytest.raises(lw.InputError, match="method 'counting' is there already"):
        register(MethodEntry(name="counting", about="counts again", build=build_counting))
    with pytest.raises(lw.InputError, match="must be of letters"):
        register(MethodEntry(name="counting:fast", about="counts", build=build_counting))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("counting:pace=3", "method 'counting' has no option 'pace'; it has step, slow, frames"),
        ("counting:step=much", "counting:step='much' must be a number"),
        ("counting:frames=1.5", "counting:frames='1.5' must be a whole number"),
        ("counting:slow=maybe", "counting:slow='maybe' must be true or false"),
        ("counting:slow", "give options as NAME:OPTION=VALUE"),
        ("surface:weights=w.safetensors", "method 'surface' has no option 'weights'; it has light, shadow, relight"),
    ],
)
def test_options_that_cannot_be_are_told(asked: str, told: str, methods: dict[str, MethodEntry]) -> None:
    register(MethodEntry(name="counting", about="counts", build=build_counting))
    with pytest.raises(lw.InputError, match=told):
        make_method(asked)


def test_the_command_line_takes_it(
    person: lw.SourceState,
    methods: dict[str, MethodEntry],
    sources,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from liquidwarp import tasks

    register(MethodEntry(name="counting", about="counts", build=build_counting))
    monkeypatch.setattr(tasks, "encode_source", lambda *_, **__: person)
    out = tmp_path / "turn.mp4"
    view = ["view", str(sources.photo), "--frames", "3", "--size", "64", "-o", str(out)]
    assert main([*view, "--method", "counting:step=0.25"]) == 0
    means = [frame.mean() for frame in open_video(out)]
    np.testing.assert_allclose(means, [0, 64, 128], atol=3)
    capsys.readouterr()
    assert main([*view, "--method", "other"]) == 2
    told = capsys.readouterr().err
    assert "method='other' is not known; choose one of surface, compact, liquid, " in told
    assert ", counting, gan" in told
    assert main([*view, "--method", "counting", "--renderer", "gan"]) == 2
    assert "not allowed with argument" in capsys.readouterr().err
    assert main([*view, "--method", "counting", "--personalize"]) == 2
    assert "--personalize fits compact weights, but --method counting is" in capsys.readouterr().err
