"""Personalisation on small made-up pairs."""

from collections.abc import Callable
from copy import copy
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_people import ToyDetector, toy_photo

import liquidwarp as lw
from liquidwarp.appearance import Appearance
from liquidwarp.detect import Detection, LiteRtDetector
from liquidwarp.errors import OutputError
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.tasks import SourceState, encode_source
from liquidwarp.testing import toy_body
from liquidwarp.train import personalize as module
from liquidwarp.train.pairs import PairClip
from liquidwarp.train.personalize import fine_tune, personalize
from liquidwarp.types import DetectorProfile

SIDE = 64


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CROP", (SIDE, SIDE))


def pairs(brighter: int = 40) -> PairClip:
    """The truth is the renderer's picture, but brighter."""
    rng = np.random.default_rng(0)
    rendered = np.zeros((2, SIDE, SIDE, 4), np.uint8)
    rendered[:, 12:52, 20:44] = (*rng.integers(60, 120, 3), 255)
    background = np.full((SIDE, SIDE, 3), 150, np.uint8)
    target = np.where(rendered[..., 3:] > 0, rendered, np.concatenate([background, 0 * background[..., :1]], -1)[None])
    target[..., :3] += np.where(rendered[..., 3:] > 0, brighter, 0).astype(np.uint8)
    still = np.zeros((SIDE, SIDE, 3), np.int8)
    return PairClip(
        rendered=rendered,
        background=background,
        target=target,
        normals=np.zeros((2, SIDE, SIDE, 3), np.int8),
        kinds=(rendered[..., 3] > 0).astype(np.uint8) * 5,
        grid=np.zeros((2, SIDE, SIDE, 2), np.float16),
        source=rendered[0],
        source_normals=still,
        boxes=np.zeros((2, 5, 4), np.float32),
    )


def start() -> CompactGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return CompactGenerator((8, 8, 8, 8)).eval()


def error(network: CompactGenerator) -> float:
    batch = pairs().read(0, slice(None), slice(None))
    with torch.no_grad():
        picture, _ = network(batch.transfer, batch.source, batch.flow)
    inside = batch.truth.alpha[:, None] > 0.5
    return float(((picture - batch.truth.picture).abs() * inside).sum() / inside.sum())


def test_it_learns_what_the_pairs_show_and_leaves_the_start_alone() -> None:
    before = start()
    untouched = {name: value.clone() for name, value in before.state_dict().items()}
    after = fine_tune(before, pairs(), steps=12, rate=1e-2)
    assert error(after) < 0.8 * error(before)
    assert all(torch.equal(value, untouched[name]) for name, value in before.state_dict().items())


def test_the_same_input_gives_the_same_result() -> None:
    first, second = (fine_tune(start(), pairs(), steps=3, rate=1e-3).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def person() -> SourceState:
    body = toy_body()
    photo = toy_photo(body, np.tile(np.array((200, 40, 40), np.uint8), (16, 1)))
    return encode_source(photo.rgb, body=body, detector=ToyDetector(photo))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[CompactGenerator]:
    """Train nothing; tell what was asked for."""
    asked: list[CompactGenerator] = []

    def fake(network: CompactGenerator, *_: object, **__: object) -> CompactGenerator:
        asked.append(network)
        return network

    monkeypatch.setattr(module, "fine_tune", fake)
    monkeypatch.setattr(module, "photo_pairs", lambda person: pairs())
    monkeypatch.setattr(module, "make_pairs", lambda *_, **__: pairs())
    return asked


def nudged(value: object, name: str) -> object:
    """Return a value with another first number in one of its arrays."""
    array = np.array(getattr(value, name))
    first = array.reshape(-1)[:1]
    first[:] = ~first if array.dtype == bool else first + 1
    kept = getattr(value, name)
    return replace(value, **{name: torch.from_numpy(array) if isinstance(kept, torch.Tensor) else array})


def another_body(person: SourceState) -> SourceState:
    body = copy(person.body)
    body.topology = replace(body.topology, faces=body.topology.faces.roll(1, 0))
    return replace(person, body=body)


def another_rest(person: SourceState) -> SourceState:
    body = copy(person.body)
    body._surface = replace(body._surface, mean=1.01 * body._surface.mean)
    return replace(person, body=body)


CHANGES: dict[str, Callable[[SourceState], SourceState]] = {
    **{name: partial(nudged, name=name) for name in ("offsets", "background", "photo", "alpha")},
    **{
        f"track.{name}": lambda person, name=name: replace(person, track=nudged(person.track, name))
        for name in ("betas", "global_orient", "body_pose", "transl")
    },
    "track.camera": lambda p: replace(p, track=replace(p.track, camera=nudged(p.track.camera, "focal"))),
    **{
        f"appearance.{field.name}": lambda p, name=field.name: replace(p, appearance=nudged(p.appearance, name))
        for field in fields(Appearance)
    },
    **{
        f"view.{name}": lambda person, name=name: replace(person, views=(nudged(person.views[0], name),))
        for name in ("picture", "vertices", "faces")
    },
    "more views": lambda person: replace(person, views=person.views * 2),
    "body": another_body,
    "body at rest": another_rest,
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_of_the_person_alone_is_another_result(
    change: str, person: SourceState, made: list[CompactGenerator], tmp_path: Path
) -> None:
    for who, count in ((person, 1), (person, 1), (CHANGES[change](person), 2), (person, 2)):
        personalize(who, generator=start(), cache=tmp_path)
        assert len(made) == count
    assert len(list((tmp_path / "personal").glob("*.safetensors"))) == 2


def test_results_are_kept_by_what_goes_in(
    person: SourceState, made: list[CompactGenerator], sources, tmp_path: Path
) -> None:
    other = start()
    torch.nn.init.ones_(other.head.bias)
    copied = tmp_path / "copy.mp4"
    copied.write_bytes(sources.motion.read_bytes())
    clip = {"generator": start(), "clip": sources.motion}
    for options, count in (
        ({"generator": start()}, 1),
        ({"generator": other}, 2),
        (clip, 3),
        (clip | {"clip": copied}, 3),
        (clip | {"detector": LiteRtDetector()}, 3),
        (clip | {"detector": LiteRtDetector(mirror=False)}, 4),
        (clip | {"detector": Named("litert-full")}, 5),
        (clip | {"detector": Named("another")}, 6),
        (clip | {"detector": Named("another")}, 6),
        (clip | {"detector": Named("another", DetectorProfile(leans=True))}, 7),
    ):
        personalize(person, cache=tmp_path, **options)
        assert len(made) == count, options
    assert len(list((tmp_path / "personal").glob("*.safetensors"))) == len(made)


class Named:
    """A detector of which nothing is asked but who it is."""

    def __init__(self, name: str, profile: DetectorProfile | None = None) -> None:
        self.name, self.profile = name, profile

    def detect(self, frame: np.ndarray) -> list[Detection]:
        raise AssertionError(frame.shape)


def test_a_cache_that_cannot_be_written(
    person: SourceState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "fine_tune", lambda first, *_, **__: first)
    expected = personalize(person, generator=start(), cache=tmp_path).state_dict()
    (tmp_path / "file").touch()
    monkeypatch.setenv("LIQUIDWARP_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        personalize(person, generator=start(), cache=tmp_path / "file")
    found = [personalize(person, generator=start())]
    assert "set LIQUIDWARP_CACHE to a folder that can be written" in caplog.text
    monkeypatch.delenv("LIQUIDWARP_CACHE")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    found.append(personalize(person, generator=start()))
    assert "not kept: there is no home folder" in caplog.text
    for network in found:
        assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


def test_a_clip_of_somebody_is_looked_at_on_the_person_s_body(
    person: SourceState, made: list[CompactGenerator], sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = []
    monkeypatch.setattr(module, "make_pairs", lambda *_, body, **__: bodies.append(body) or pairs())
    personalize(person, clip=sources.motion, generator=start(), cache=tmp_path)
    assert bodies == [person.body]


def test_a_clip_that_is_none_is_named(person: SourceState, tmp_path: Path) -> None:
    (tmp_path / "track.npz").write_bytes(b"")
    with pytest.raises(lw.InputError, match=r"track\.npz: not a video"):
        personalize(person, clip=tmp_path / "track.npz", generator=start(), cache=tmp_path)
