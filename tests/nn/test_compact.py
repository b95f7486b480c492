"""The compact generator: what holds for any weights, and what holds before any training."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import liquidwarp as lw
from liquidwarp.flow import identity_flow
from liquidwarp.nn.compact import (
    STRIDE,
    CompactAnswer,
    CompactGenerator,
    SourceInput,
    TransferInput,
    continued,
    finish,
)
from liquidwarp.nn.compact_weights import load_compact, save_compact
from liquidwarp.nn.planes import PhotoFlow, joined

SIZE = (48, 32)


def generator(*, trained: bool) -> CompactGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = CompactGenerator((8, 8, 16, 16)).eval()
        if trained:
            torch.nn.init.normal_(network.head.weight, std=0.1)
    return network


def inputs(
    size: tuple[int, int] = SIZE, photos: int = 1, count: int = 2
) -> tuple[TransferInput, SourceInput, PhotoFlow]:
    random = torch.Generator().manual_seed(1)
    height, width = size
    alpha = torch.zeros(count, height, width)
    alpha[:, 8:-8, 8:-8] = 1
    alpha[:, 8, 8:-8] = 0.4
    rendered = torch.rand(count, 3, height, width, generator=random) * alpha[:, None]
    background, coverage, normals = (torch.rand(count, 3, height, width, generator=random) for _ in range(3))
    grid = identity_flow(size).grid[:, None].expand(count, photos, -1, -1, -1)
    valid = torch.ones(count, photos, height, width, dtype=torch.bool)
    valid[..., : height // 2, :] = False
    foreground, turns = (torch.rand(count, photos, 3, height, width, generator=random) for _ in range(2))
    source = SourceInput(foreground, torch.rand(count, photos, height, width, generator=random), turns)
    return TransferInput(rendered, alpha, background, coverage, normals), source, PhotoFlow(grid, valid)


def changed(source: SourceInput, which: object = slice(None)) -> SourceInput:
    """Turn some photos into their negatives."""
    planes = [plane.clone() for plane in (source.foreground, source.alpha, source.normals)]
    for plane in planes:
        plane[which] = 1 - plane[which]
    return SourceInput(*planes)


def test_planes_are_stacked_in_the_order_that_the_weights_know() -> None:
    transfer, source, _ = inputs()
    stack = transfer.stacked()
    assert stack.shape[1] == TransferInput.channels
    for first, name in ((0, "rendered"), (4, "background"), (7, "coverage"), (10, "normals")):
        assert torch.equal(stack[:, first : first + 3], getattr(transfer, name))
    assert torch.equal(stack[:, 3], transfer.alpha)
    photos = source.stacked()
    assert photos.shape[2] == SourceInput.channels
    assert torch.equal(photos[:, :, :3], source.foreground)
    assert torch.equal(photos[:, :, 3], source.alpha)
    assert torch.equal(photos[:, :, 4:], source.normals)


def test_values_are_joined_plane_by_plane() -> None:
    transfer, source, flow = inputs()
    for value in (transfer, source, flow):
        twice = joined([value, value])
        assert type(twice) is type(value)
        assert all(torch.equal(getattr(twice, name), torch.cat([plane] * 2)) for name, plane in vars(value).items())


def test_mirrored_twice_is_as_before_and_normals_turn_round() -> None:
    for value in inputs():
        again = value.mirrored().mirrored()
        assert all(torch.equal(getattr(again, name), plane) for name, plane in vars(value).items())
    transfer, source, _ = inputs()
    assert torch.equal(transfer.mirrored().normals[:, 0], -transfer.normals[:, 0].flip(-1))
    assert torch.equal(transfer.mirrored().normals[:, 1:], transfer.normals[:, 1:].flip(-1))
    assert torch.equal(source.mirrored().normals[:, :, 0], -source.normals[:, :, 0].flip(-1))


def test_another_light_changes_colours_alone() -> None:
    gains = torch.tensor([0.5, 1.0, 0.25])
    transfer, source, _ = inputs()
    for value, colors in ((transfer, {"rendered", "background"}), (source, {"foreground"})):
        lit = value.tinted(gains)
        for name, plane in vars(value).items():
            wanted = plane * gains[:, None, None] if name in colors else plane
            assert torch.equal(getattr(lit, name), wanted)


def test_thin_colours_of_a_photo_fade() -> None:
    alpha = torch.tensor([[[1.0, 0.5, 1e-6]]])
    made = SourceInput.create(alpha[:, None].expand(-1, 3, -1, -1), alpha, torch.zeros(1, 3, 1, 3))
    torch.testing.assert_close(made.foreground[0, 0, 0, :2], alpha[0, 0, :2])
    assert float(made.foreground[..., 2].max()) < 1e-7


def test_it_fits_the_package() -> None:
    count = sum(parameter.numel() for parameter in CompactGenerator().parameters())
    assert count <= 8_000_000


def test_an_untrained_head_leaves_the_surface_renderers_picture() -> None:
    transfer, source, flow = inputs()
    picture, alpha = generator(trained=False)(transfer, source, flow)
    torch.testing.assert_close(alpha, transfer.alpha, atol=0.02, rtol=0)
    torch.testing.assert_close(picture, transfer.composite(), atol=0.025, rtol=0)


@pytest.mark.parametrize("size", [(STRIDE, STRIDE), (3 * STRIDE, 5 * STRIDE), (256, 64)])
def test_any_multiple_of_the_stride_works(size: tuple[int, int]) -> None:
    with torch.no_grad():
        picture, alpha = generator(trained=True)(*inputs(size, count=1))
    assert picture.shape == (1, 3, *size)
    assert alpha.shape == (1, *size)
    assert 0 <= float(alpha.min()) <= float(alpha.max()) <= 1


def test_features_computed_once_serve_every_target() -> None:
    network = generator(trained=True)
    transfer, source, flow = inputs()
    first = SourceInput(source.foreground[0], source.alpha[0], source.normals[0])
    same = SourceInput(*(plane[:1].expand(2, *plane.shape[1:]) for plane in vars(source).values()))
    with torch.no_grad():
        together, _ = network(transfer, same, flow)
        answer = network.answer(transfer, network.encode(first), flow)
    once = finish(answer, transfer.rendered, transfer.alpha, transfer.background)
    torch.testing.assert_close(once, together)


def test_a_photo_that_shows_nothing_has_no_say() -> None:
    network = generator(trained=True)
    transfer, source, flow = inputs(photos=2)
    flow.valid[:, 1] = False
    with torch.no_grad():
        before, _ = network(transfer, source, flow)
        after, _ = network(transfer, changed(source, (slice(None), 1)), flow)
        seen, _ = network(transfer, changed(source), flow)
    torch.testing.assert_close(after, before)
    assert float((seen - before).abs().max()) > 1e-4


def test_the_order_of_photos_does_not_matter() -> None:
    network = generator(trained=True)
    transfer, source, flow = inputs(photos=3)
    turned = SourceInput(*(plane.flip(1) for plane in vars(source).values()))
    with torch.no_grad():
        first, _ = network(transfer, source, flow)
        second, _ = network(transfer, turned, PhotoFlow(flow.grid.flip(1), flow.valid.flip(1)))
    torch.testing.assert_close(first, second)


def test_the_outline_learns_even_where_the_renderer_is_certain() -> None:
    network = generator(trained=False)
    transfer, source, flow = inputs()
    _, alpha = network(transfer, source, flow)
    alpha[transfer.alpha == 0].sum().backward()
    assert float(network.head.bias.grad.abs().max()) > 0


def test_colours_are_kept_inside_and_continued_outside() -> None:
    alpha = torch.zeros(1, 24, 24)
    alpha[:, :, :12] = 1
    color = torch.tensor([0.8, 0.4, 0.2])[None, :, None, None]
    shown = continued(color * alpha[:, None], alpha)
    torch.testing.assert_close(shown[..., :12], color.expand(1, 3, 24, 12))
    torch.testing.assert_close(shown[..., 12:15], color.expand(1, 3, 24, 3))


def test_the_background_shows_through_where_nobody_is() -> None:
    background = torch.rand(1, 3, 16, 16)
    nobody = CompactAnswer(torch.rand(1, 3, 16, 16), torch.zeros(1, 16, 16), torch.ones(1, 1, 16, 16))
    assert torch.equal(finish(nobody, torch.zeros(1, 3, 16, 16), torch.zeros(1, 16, 16), background), background)


def test_weights_go_to_a_file_and_back(tmp_path: Path) -> None:
    network = generator(trained=True)
    save_compact(network, tmp_path / "w.safetensors", {"steps": 3})
    back = load_compact(tmp_path / "w.safetensors")
    assert back.widths == network.widths
    for name, value in back.state_dict().items():
        torch.testing.assert_close(value, network.state_dict()[name].half().float())


def test_wrong_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(lw.InputError, match=r"nowhere\.safetensors: cannot be read as weights"):
        load_compact(tmp_path / "nowhere.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"\x08\x00")
    with pytest.raises(lw.InputError, match=r"cut\.safetensors: cannot be read as weights"):
        load_compact(tmp_path / "cut.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors", {"card": '{"configuration": "AddLWB"}'})
    with pytest.raises(lw.InputError, match="'AddLWB', wanted 'compact'"):
        load_compact(tmp_path / "other.safetensors")
    card = '{"configuration": "compact", "widths": [8, 8, 16, 16]}'
    save_file({"a": torch.zeros(1)}, tmp_path / "short.safetensors", {"card": card})
    with pytest.raises(lw.InputError, match=r"short\.safetensors: does not fit the compact network"):
        load_compact(tmp_path / "short.safetensors")


def test_only_broad_changes_of_colour_are_made_where_a_photo_shows_the_surface() -> None:
    network = generator(trained=True)
    transfer, source, flow = inputs((64, 64), count=1)
    kinds, answers = {"seen": 0, "invented": 2}, {}
    for name, channel in kinds.items():
        coverage = torch.zeros_like(transfer.coverage)
        coverage[:, channel] = transfer.alpha
        rendered = 0.3 + 0.4 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
        given = replace(transfer, rendered=rendered, coverage=coverage)
        with torch.no_grad():
            color = network.answer(given, network.encode(source), flow).color
        inner = color[:, :, 20:44, 20:44]
        answers[name] = float(inner.diff(dim=3).abs().mean() / inner.std())
    assert answers["seen"] < 0.3 * answers["invented"]
