"""The compact method: what it must not change, at any size, and pairs made for its training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_people import ToyDetector, ToyPhoto, toy_photo

from liquidwarp.bodies import BodyModel
from liquidwarp.methods import CompactMethod
from liquidwarp.methods.compact import NETWORK_SIZE, working_size
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.tasks import SourceState, encode_source, novel_view, transfer_appearance
from liquidwarp.tasks.synthesize import synthesize
from liquidwarp.tasks.target import Target
from liquidwarp.testing import toy_body
from liquidwarp.train.pairs import PairFile, photo_pairs

SIZE = (97, 73)  # odd on purpose
RED = np.tile(np.array((200, 40, 40), np.uint8), (16, 1))


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return toy_body()


@pytest.fixture(scope="module")
def photo(body: BodyModel) -> ToyPhoto:
    return toy_photo(body, RED, size=SIZE)


@pytest.fixture(scope="module")
def person(body: BodyModel, photo: ToyPhoto) -> SourceState:
    return encode_source(photo.rgb, body=body, detector=ToyDetector(photo))


def network(*, trained: bool = False) -> CompactGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        made = CompactGenerator((8, 8, 8, 8)).eval().requires_grad_(False)
        if trained:
            torch.nn.init.normal_(made.head.weight, std=0.2)
    return made


@pytest.mark.parametrize("size", [97, 64, 150])
def test_an_untrained_generator_leaves_the_surface_renderers_picture(person: SourceState, size: int) -> None:
    (surface,) = novel_view(person, frames=1, size=size, renderer="surface")
    (finished,) = novel_view(person, frames=1, size=size, method=CompactMethod(network()))
    assert finished.image.shape == surface.image.shape
    assert float((finished.image - surface.image).abs().max()) < 0.04
    assert float((finished.alpha - surface.alpha).abs().max()) < 0.04
    assert torch.equal(finished.coverage, surface.coverage)


def test_only_the_person_and_the_ground_nearby_change(person: SourceState) -> None:
    """In a wide picture, what lies further from the person than the network looks stays the ground to the bit."""
    track, beside = person.track, 100
    camera = replace(
        track.camera,
        center=track.camera.center + torch.tensor([float(beside), 0.0]),
        size=(SIZE[0], SIZE[1] + 2 * beside),
    )
    target = Target(track.global_orient, track.body_pose, track.transl, (camera,))
    surface, finished = (
        next(synthesize(person, target, background=(10, 200, 30), renderer=renderer, generator=generator))
        for renderer, generator in (("surface", None), ("gan", network(trained=True)))
    )
    (columns,) = (surface.alpha > 0).any(0).nonzero().unbind(1)
    far = torch.ones(camera.size[1], dtype=torch.bool)
    far[int(columns.min()) - 24 : int(columns.max()) + 24] = False
    assert int(far.sum()) > beside
    assert torch.equal(finished.image[:, :, far], surface.image[:, :, far])
    assert float((finished.image - surface.image).abs().max()) > 0.05
    assert 0 <= float(finished.image.min()) <= float(finished.image.max()) <= 1


def test_the_same_picture_twice(person: SourceState) -> None:
    first, second = (
        next(novel_view(person, frames=1, renderer="gan", generator=network(trained=True))) for _ in range(2)
    )
    assert torch.equal(first.image, second.image)


def test_a_wearers_photo_has_no_say_about_what_is_worn(person: SourceState, body: BodyModel) -> None:
    dressed = transfer_appearance(person, {"upper": person})
    own, others = dressed.views
    assert not bool((own.faces & others.faces).any())
    assert torch.equal(own.faces | others.faces, person.views[0].faces)
    assert bool(others.faces.any())


def test_where_nobody_is_there_is_the_ground_alone(person: SourceState) -> None:
    away = replace(person, track=replace(person.track, transl=person.track.transl + torch.tensor([[50.0, 0.0, 0.0]])))
    (picture,) = novel_view(away, frames=1, renderer="gan", generator=network(trained=True), background=(10, 200, 30))
    assert not picture.alpha.any()
    assert not picture.coverage.any()
    ground = torch.tensor([10, 200, 30])[:, None, None] / 255
    torch.testing.assert_close(picture.image, ground.expand_as(picture.image), atol=1e-6, rtol=0)


def test_a_large_region_is_looked_at_smaller() -> None:
    assert working_size((96, 64)) == (96, 64)
    height, width = working_size((2000, 1000))
    assert max(height, width) <= NETWORK_SIZE
    assert height % 16 == width % 16 == 0


def test_pairs_of_a_photo_show_it_as_the_truth(
    person: SourceState, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pairs = photo_pairs(person, 2)
    assert pairs.frames == 2
    whole = pairs.read(0, slice(None), slice(None))
    height, width = pairs.size
    seen = (whole.truth.picture[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    inside = whole.truth.alpha[0].numpy() > 0.9
    assert (np.abs(seen[inside].astype(int) - (200, 40, 40)).max(-1) < 3).mean() > 0.95
    assert not torch.equal(whole.transfer.rendered, pairs.read(1, slice(None), slice(None)).transfer.rendered)
    pairs.save(tmp_path / "pairs.safetensors")
    file = PairFile.open(tmp_path / "pairs.safetensors")
    assert (file.frames, file.size) == (2, (height, width))
    window = slice(3, height - 2), slice(4, width - 1)
    kept, written = pairs.read(1, *window), file.read(1, *window)
    for name, value in vars(kept).items():
        assert all(torch.equal(plane, getattr(getattr(written, name), key)) for key, plane in vars(value).items())
