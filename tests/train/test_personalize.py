"""Personalisation on small made-up pairs."""

from pathlib import Path

import numpy as np
import pytest
import torch

import liquidwarp as lw
from liquidwarp.appearance import Appearance
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.tasks import SourceState
from liquidwarp.testing import toy_body
from liquidwarp.train import personalize as module
from liquidwarp.train.pairs import PairClip
from liquidwarp.train.personalize import fine_tune, personalize
from liquidwarp.types import BodyTrack, Camera

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


def person(shade: int) -> SourceState:
    track = BodyTrack(
        "toy",
        torch.zeros(2),
        torch.zeros(1, 3),
        torch.zeros(1, 4, 3),
        torch.zeros(1, 3),
        Camera.create(50.0, (8, 8)),
        0.0,
        torch.ones(1),
        torch.ones(1, dtype=torch.bool),
    )
    photo = np.full((8, 8, 3), shade, np.uint8)
    nothing = np.zeros(0, np.uint8)
    look = Appearance(nothing, nothing, nothing, nothing, nothing, nothing, nothing)
    return SourceState(toy_body(), track, torch.zeros(4, 3), look, photo, photo, np.ones((8, 8), np.float32), ())


def test_results_are_kept_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def fake(network: CompactGenerator, *_: object, **__: object) -> CompactGenerator:
        made.append(network)
        return network

    monkeypatch.setattr(module, "fine_tune", fake)
    monkeypatch.setattr(module, "photo_pairs", lambda person: pairs())
    for shade, count in ((10, 1), (10, 1), (11, 2), (10, 2)):
        module.personalize(person(shade), generator=start(), cache=tmp_path)
        assert len(made) == count
    other = start()
    torch.nn.init.ones_(other.head.bias)
    module.personalize(person(10), generator=other, cache=tmp_path)
    assert len(made) == 3
    assert len(list((tmp_path / "personal").glob("*.safetensors"))) == 3


def test_a_clip_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "track.npz").write_bytes(b"")
    with pytest.raises(lw.InputError, match=r"track\.npz: not a video"):
        personalize(person(1), clip=tmp_path / "track.npz", generator=start(), cache=tmp_path)
