"""A published generator over our own bodies: everything arrives where it belongs, the frame before too."""

import json
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from toy_people import ToyDetector, toy_photo

import liquidwarp as lw
from liquidwarp import tasks
from liquidwarp.bodies import BodyModel
from liquidwarp.cli import main
from liquidwarp.inpaint import background_from
from liquidwarp.media import open_video
from liquidwarp.methods import BackgroundPicture, Frame, LiquidMethod, PreviousFrame, Synthesis, make_method
from liquidwarp.nn.liquid import ChartedPicture, Earlier, LiquidGenerator, SourceLook
from liquidwarp.nn.published import SHAPES, make_generator
from liquidwarp.tasks import SourceState, encode_source, synthesize
from liquidwarp.tasks.synthesize import open_session
from liquidwarp.tasks.target import Target
from liquidwarp.testing import toy_body

SIZE = (104, 80)  # multiples of 8: no resizing on the way to the network
RED = np.tile(np.array((200, 40, 40), np.uint8), (16, 1))


@pytest.fixture(scope="module")
def body() -> BodyModel:
    """The toy body, each vertex its own texture coordinate."""
    body = copy(toy_body())
    count = body.topology.vertex_part.shape[0]
    uv = torch.stack([torch.linspace(0.1, 0.9, count), torch.linspace(0.9, 0.1, count)], 1)
    body.topology = replace(body.topology, uv=uv, face_uv=body.topology.faces)
    return body


@pytest.fixture(scope="module")
def person(body: BodyModel) -> SourceState:
    photo = toy_photo(body, RED, size=SIZE)
    return encode_source(photo.rgb, body=body, detector=ToyDetector(photo))


def network(name: str = "AddLWB", *, mask: float | None = None) -> LiquidGenerator:
    """A narrow generator with random weights, whose masks say `mask` everywhere if given."""
    made = LiquidGenerator(SHAPES[name].narrowed(1 / 16)).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    for parameter in made.parameters():
        parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    if mask is not None:
        paint = made.paint

        def painted(*inputs: object, **options: object) -> tuple[torch.Tensor, torch.Tensor]:
            colors, masks = paint(*inputs, **options)
            return colors, torch.full_like(masks, mask)

        made.paint = painted
    return made


def at_home(person: SourceState) -> Target:
    track = person.track
    return Target(track.global_orient, track.body_pose, track.transl, (track.camera,))


def photo_frame(person: SourceState) -> Frame:
    """The person as they stand in the photo."""
    track = person.track
    pose = track.pose(0)
    return Frame(0, person.views[0].vertices, track.camera, pose)


def black(size: tuple[int, int]) -> BackgroundPicture:
    return BackgroundPicture(np.zeros((*size, 3), np.float32), kept=False)


@pytest.mark.parametrize("name", ["ICCV", "AttLWB-SPADE", "TextureWarping", "InputConcat"])
def test_every_kind_of_network_draws_the_same_picture_twice(name: str, person: SourceState) -> None:
    first, second = (
        next(synthesize(person, at_home(person), renderer="gan", generator=network(name))) for _ in range(2)
    )
    assert first.image.shape == (3, *SIZE)
    assert 0 <= float(first.image.min()) <= float(first.image.max()) <= 1
    assert all(torch.equal(getattr(first, key), getattr(second, key)) for key in ("image", "alpha", "coverage"))


def test_where_the_mask_says_background_there_is_the_network_s_own(person: SourceState) -> None:
    empty = network(mask=1.0)
    drawn = next(synthesize(person, at_home(person), renderer="gan", generator=empty))
    completed = open_session(LiquidMethod(empty), person, SIZE).completed
    assert completed.shape == (*SIZE, 3)
    assert torch.equal(drawn.image, torch.from_numpy(completed.astype(np.float32) / 255).permute(2, 0, 1))
    assert not drawn.alpha.any()
    assert not drawn.coverage.any()
    plain = next(synthesize(person, at_home(person), renderer="gan", generator=empty, background=(1, 2, 3)))
    wanted = background_from((1, 2, 3), SIZE).astype(np.float32) / 255
    assert torch.equal(plain.image, torch.from_numpy(wanted).permute(2, 0, 1))


def test_where_the_mask_says_person_there_is_no_background(person: SourceState) -> None:
    full = network(mask=0.0)
    one, two = (
        next(synthesize(person, at_home(person), renderer="gan", generator=full, background=background))
        for background in ("plain", "keep")
    )
    assert torch.equal(one.image, two.image)
    assert set(one.coverage.unique().tolist()) == {1, 3}


def test_the_network_is_told_what_the_photo_shows(person: SourceState) -> None:
    """At home the warped photo is the photo's person, the map of the target is the source's, the flow stays put."""
    told: list[torch.Tensor] = []
    spy = network()
    paint = spy.paint

    def listen(
        look: SourceLook,
        transfer: ChartedPicture,
        grid: torch.Tensor,
        valid: torch.Tensor,
        *,
        earlier: Earlier | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        assert earlier is None
        told.extend((look.pictures.stacked()[0, 0], transfer.stacked()[0, 0], grid[0, 0, 0], valid[0, 0, 0]))
        return paint(look, transfer, grid, valid)

    spy.paint = listen
    LiquidMethod(spy).prepare(person, SIZE, black(SIZE)).draw(photo_frame(person))
    source, transfer, grid, valid = told
    assert torch.equal(source[3:], transfer[3:])
    nobody = source[5] == 1
    assert 0.6 < float(nobody.float().mean()) < 0.95
    assert torch.equal(source[3:5, nobody], torch.zeros(2, int(nobody.sum())))
    assert float((source[3:5, ~nobody]).min()) >= 0.1
    assert not (valid & nobody).any()
    torch.testing.assert_close(transfer[:3, valid], source[:3, valid], atol=5e-3, rtol=0)
    assert not transfer[:3, ~valid].any()
    rows, columns = ((2 * torch.arange(count) + 1) / count - 1 for count in SIZE)
    still = torch.stack([columns.expand(*SIZE), rows[:, None].expand(*SIZE)], -1)
    torch.testing.assert_close(grid[valid], still[valid], atol=1e-3, rtol=0)  # half a pixel would be 1e-2
    red = 2 * torch.tensor([200, 40, 40]) / 255 - 1
    sure = valid & ((source[:3] - red[:, None, None]).abs().amax(0) < 0.2)
    assert int(sure.sum()) > 0.6 * int(valid.sum())


def test_large_pictures_are_worked_on_at_the_size_of_training(person: SourceState) -> None:
    made = network("ICCV")
    large = replace(photo_frame(person), camera=person.track.camera.resized((301, 207)))
    session = LiquidMethod(made).prepare(person, (301, 207), black((301, 207)))
    assert session._working_size((1000, 700)) == (256, 176)
    drawn = session.draw(large)
    assert drawn.image.shape == (3, 301, 207)
    assert drawn.alpha.shape == drawn.coverage.shape == (301, 207)


def test_a_body_without_texture_coordinates_is_refused(person: SourceState) -> None:
    bare = replace(person, body=toy_body())
    with pytest.raises(lw.InputError, match="'toy' has no texture coordinates"):
        synthesize(bare, at_home(bare), renderer="gan", generator=network())


def heard(made: LiquidGenerator) -> list[tuple[tuple, Earlier | None]]:
    """Note what the network is told, of earlier pictures too."""
    told: list[tuple[tuple, Earlier | None]] = []
    paint = made.paint

    def listen(*inputs: object, earlier: Earlier | None) -> tuple[torch.Tensor, torch.Tensor]:
        told.append((inputs, earlier))
        return paint(*inputs, earlier=earlier)

    made.paint = listen
    return told


def test_the_previous_picture_reaches_the_network_as_one_more_source(person: SourceState) -> None:
    """Standing still, with the photo as the previous picture, all is as if the photo had been given twice."""
    made = network("AttLWB-SPADE")
    told = heard(made)
    session = LiquidMethod(made, temporal=True).prepare(person, SIZE, black(SIZE))
    frame, view = photo_frame(person), person.views[0]
    colors, alpha = torch.from_numpy(view.picture).permute(2, 0, 1).float().div(255).split([3, 1])
    photo = Synthesis(colors, alpha[0], torch.zeros(SIZE, dtype=torch.uint8))
    session.draw(replace(frame, previous=PreviousFrame(frame, photo)))
    ((inputs, earlier),) = told
    assert earlier is not None
    source = session._look.pictures
    torch.testing.assert_close(earlier.look.pictures.color, source.color)
    assert torch.equal(earlier.look.pictures.chart, source.chart)
    assert earlier.grid.shape == (1, 1, *SIZE, 2)
    _, _, grid, valid = inputs
    assert torch.equal(earlier.valid, valid[:, :, 0])
    assert bool(earlier.valid.any())
    torch.testing.assert_close(earlier.grid[earlier.valid], grid[:, :, 0][earlier.valid])


def test_pictures_depend_on_those_before_where_it_is_asked_for(person: SourceState) -> None:
    made, track = network("AttLWB-SPADE"), person.track
    turned = track.global_orient + torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.4, 0.0], [0.0, 0.8, 0.0]])
    target = Target(turned, track.body_pose.expand(3, -1, -1), track.transl.expand(3, -1), (track.camera,))
    told = heard(made)
    apart = list(synthesize(person, target, method=LiquidMethod(made)))
    assert [earlier for _, earlier in told] == [None] * 3
    told.clear()
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        joined = list(synthesize(person, target, method="liquid:temporal=true", generator=made))
        torch.set_num_threads(2)
        again = list(synthesize(person, target, method="liquid:temporal=true", generator=made))
    finally:
        torch.set_num_threads(threads)
    assert [earlier is None for _, earlier in told] == 2 * [True, False, False]
    assert torch.equal(joined[0].image, apart[0].image)
    assert not torch.equal(joined[1].image, apart[1].image)
    assert all(torch.equal(one.image, two.image) for one, two in zip(joined, again, strict=True))


def test_a_network_that_warps_no_features_has_no_use_for_the_picture_before() -> None:
    with pytest.raises(lw.InputError, match="temporal=true needs a generator with Liquid Warping Blocks"):
        make_method("liquid:temporal=true", generator=network("TextureWarping"))


@pytest.mark.slow
def test_imitate_with_a_published_checkpoint(
    sources, encoded: SourceState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """From the authors' file to a video, by the command line alone."""
    monkeypatch.setattr(tasks, "encode_source", lambda *_, **__: encoded)
    torch.manual_seed(0)
    small = replace(SHAPES["AddLWB"].narrowed(1 / 16), longest=64)
    monkeypatch.setitem(SHAPES, "AddLWB", small)
    monkeypatch.setitem(SHAPES, "AvgLWB", small)
    from liquidwarp.nn.published import published_name

    weights = {f"module.{published_name('AddLWB', key)}": t for key, t in make_generator("AddLWB").state_dict().items()}
    torch.save(weights, tmp_path / "net.pth")
    assert main(["weights", "import", str(tmp_path / "net.pth")]) == 2
    assert "fits AddLWB and AvgLWB alike" in capsys.readouterr().err
    assert main(["weights", "import", str(tmp_path / "net.pth"), "--as", "AddLWB"]) == 0
    imitate = ["imitate", str(sources.photo), "--motion", str(sources.track), "--size", "64"]
    out = tmp_path / "out.mp4"
    assert main([*imitate, "--weights", str(tmp_path / "net.safetensors"), "-o", str(out)]) == 0
    assert (open_video(out).size, open_video(out).frame_count) == ((64, 52), 6)
    capsys.readouterr()
    assert main([*imitate, "--weights", str(tmp_path / "net.pth"), "-o", str(out)]) == 2
    assert "liquidwarp weights import" in capsys.readouterr().err
    card = json.dumps({"configuration": "Unheard"})
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors", {"card": card})
    assert main([*imitate, "--weights", str(tmp_path / "other.safetensors"), "-o", str(out)]) == 2
    assert "Unheard" in capsys.readouterr().err
