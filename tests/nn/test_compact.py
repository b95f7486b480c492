"""The compact generator: what holds for any weights, and what holds before any training."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import liquidwarp as lw
from liquidwarp.flow import identity_flow
from liquidwarp.nn.compact import STRIDE, CompactAnswer, CompactGenerator, continued, finish
from liquidwarp.nn.compact_weights import load_compact, save_compact

SIZE = (48, 32)


def generator(*, trained: bool) -> CompactGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = CompactGenerator((8, 8, 16, 16)).eval()
        if trained:
            torch.nn.init.normal_(network.head.weight, std=0.1)
    return network


def batch(size: tuple[int, int] = SIZE, photos: int = 1, count: int = 2) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    height, width = size
    alpha = torch.zeros(count, height, width)
    alpha[:, 8:-8, 8:-8] = 1
    alpha[:, 8, 8:-8] = 0.4
    rendered = torch.rand(count, 3, height, width, generator=random) * alpha[:, None]
    plate = torch.rand(count, 3, height, width, generator=random)
    rest = torch.rand(count, 6, height, width, generator=random)
    grid = identity_flow(size).grid[:, None].expand(count, photos, -1, -1, -1)
    valid = torch.ones(count, photos, height, width, dtype=torch.bool)
    valid[..., : height // 2, :] = False
    return {
        "transfer": torch.cat([rendered, alpha[:, None], plate, rest], 1),
        "source": torch.rand(count, photos, 7, height, width, generator=random),
        "grid": grid,
        "valid": valid,
        "rendered": rendered,
        "rendered_alpha": alpha,
        "plate": plate,
    }


def test_it_fits_the_package() -> None:
    count = sum(parameter.numel() for parameter in CompactGenerator().parameters())
    assert count <= 8_000_000


def test_an_untrained_head_leaves_the_surface_renderers_picture() -> None:
    inputs = batch()
    picture, mask = generator(trained=False)(inputs)
    alpha = inputs["rendered_alpha"]
    composite = inputs["rendered"] + (1 - alpha[:, None]) * inputs["plate"]
    torch.testing.assert_close(mask, alpha, atol=0.02, rtol=0)
    torch.testing.assert_close(picture, composite, atol=0.025, rtol=0)


@pytest.mark.parametrize("size", [(STRIDE, STRIDE), (3 * STRIDE, 5 * STRIDE), (256, 64)])
def test_any_multiple_of_the_stride_works(size: tuple[int, int]) -> None:
    with torch.no_grad():
        picture, mask = generator(trained=True)(batch(size, count=1))
    assert picture.shape == (1, 3, *size)
    assert mask.shape == (1, *size)
    assert 0 <= float(mask.min()) <= float(mask.max()) <= 1


def test_features_computed_once_serve_every_target() -> None:
    network, inputs = generator(trained=True), batch()
    same = inputs | {"source": inputs["source"][:1].expand(2, -1, -1, -1, -1)}
    with torch.no_grad():
        together, _ = network(same)
        answer = network.answer(
            inputs["transfer"], network.encode(inputs["source"][0]), inputs["grid"], inputs["valid"]
        )
    once = finish(answer, inputs["rendered"], inputs["rendered_alpha"], inputs["plate"])
    torch.testing.assert_close(once, together)


def test_a_photo_that_shows_nothing_has_no_say() -> None:
    network, inputs = generator(trained=True), batch(photos=2)
    inputs["valid"][:, 1] = False
    with torch.no_grad():
        before, _ = network(inputs)
        changed = inputs["source"].clone()
        changed[:, 1] = 1 - changed[:, 1]
        after, _ = network(inputs | {"source": changed})
        seen, _ = network(inputs | {"source": 1 - inputs["source"]})
    torch.testing.assert_close(after, before)
    assert float((seen - before).abs().max()) > 1e-4


def test_the_order_of_photos_does_not_matter() -> None:
    network, inputs = generator(trained=True), batch(photos=3)
    with torch.no_grad():
        first, _ = network(inputs)
        turned = {name: inputs[name].flip(1) for name in ("source", "grid", "valid")}
        second, _ = network(inputs | turned)
    torch.testing.assert_close(first, second)


def test_the_outline_learns_even_where_the_renderer_is_certain() -> None:
    network, inputs = generator(trained=False), batch()
    _, mask = network(inputs)
    mask[inputs["rendered_alpha"] == 0].sum().backward()
    assert float(network.head.bias.grad.abs().max()) > 0


def test_colours_are_kept_inside_and_continued_outside() -> None:
    alpha = torch.zeros(1, 24, 24)
    alpha[:, :, :12] = 1
    color = torch.tensor([0.8, 0.4, 0.2])[None, :, None, None]
    shown = continued(color * alpha[:, None], alpha)
    torch.testing.assert_close(shown[..., :12], color.expand(1, 3, 24, 12))
    torch.testing.assert_close(shown[..., 12:15], color.expand(1, 3, 24, 3))


def test_the_ground_shows_through_where_nobody_is() -> None:
    plate = torch.rand(1, 3, 16, 16)
    nobody = CompactAnswer(torch.rand(1, 3, 16, 16), torch.zeros(1, 16, 16), torch.ones(1, 1, 16, 16))
    assert torch.equal(finish(nobody, torch.zeros(1, 3, 16, 16), torch.zeros(1, 16, 16), plate), plate)


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
    network, inputs = generator(trained=True), batch((64, 64), count=1)
    kinds, answers = {"seen": 0, "invented": 2}, {}
    for name, channel in kinds.items():
        transfer = inputs["transfer"].clone()
        transfer[:, 7:10] = 0
        transfer[:, 7 + channel] = transfer[:, 3]
        transfer[:, :3] = 0.3 + 0.4 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
        with torch.no_grad():
            color = network.answer(transfer, network.encode(inputs["source"][0]), inputs["grid"], inputs["valid"]).color
        inner = color[:, :, 20:44, 20:44]
        answers[name] = float(inner.diff(dim=3).abs().mean() / inner.std())
    assert answers["seen"] < 0.3 * answers["invented"]
