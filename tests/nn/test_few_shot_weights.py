"""Checkpoints of few-shot vid2vid come in whole, in both layouts and unexecuted, or are refused in one line."""

from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from published_samples import filled_b, wave

from liquidwarp.cards import read_card
from liquidwarp.errors import InputError
from liquidwarp.nn.checkpoints import import_weights
from liquidwarp.nn.few_shot_vid2vid.generator import FewShotGenerator, Previous
from liquidwarp.nn.few_shot_vid2vid.published import SHAPES, published_names
from liquidwarp.nn.few_shot_vid2vid.sequence import SequenceFlow, SequenceGenerator
from liquidwarp.nn.few_shot_vid2vid.shape import GeneratorShape
from liquidwarp.nn.few_shot_vid2vid.warping import GivenFlow, warp
from liquidwarp.nn.few_shot_vid2vid.weights import FewShotWeights, initialize_, load_few_shot, save_few_shot
from liquidwarp.nn.weights import load_generator

KINDS = {
    "pose": ("fsvid2vid-pose", {"attention": True}),
    "face": ("fsvid2vid-face", {}),
    "street": ("fsvid2vid-labels", {}),
    "face-refiner": ("fsvid2vid-face-refiner", {"flow_width": 2}),
    "imaginaire-pose": ("fsvid2vid-imaginaire-pose", {}),
    "imaginaire-face": ("fsvid2vid-imaginaire-face", {"warp_previous": False}),
}


@cache
def tiny(name: str = "pose", **changes: object) -> FewShotGenerator:
    """Return a network with two channels where the published one has 32, filled by the rule."""
    network = FewShotGenerator(replace(SHAPES[name], **{"width": 2, "flow_width": 3, **changes})).eval()
    network.load_state_dict(filled_b({key: list(value.shape) for key, value in network.state_dict().items()}))
    return network.requires_grad_(False)


def published(network: FewShotGenerator) -> dict[str, torch.Tensor]:
    return {name: value for key, value in network.state_dict().items() for name in published_names(network.shape, key)}


def frame(network: FewShotGenerator) -> torch.Tensor:
    channels, size = network.shape.labels, (64, 64)
    label, references = wave((1, channels, *size)), wave((1, 1, channels, *size), 0.3)
    encoding = network.encode(references, wave((1, 1, 3, *size), 0.6), label)
    return network(label, encoding).image


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in ("pose", "imaginaire-face") else pytest.mark.slow) for name in KINDS],
)
def test_a_checkpoint_is_recognised_and_means_the_same(name: str, tmp_path: Path) -> None:
    configuration, changes = KINDS[name]
    network = tiny(name, **changes)
    tensors = published(network)
    imaginaire = name.startswith("imaginaire")
    path = tmp_path / ("epoch_00010_iteration_000000100_checkpoint.pt" if imaginaire else "latest_net_G.pth")
    held = {f"module.module.{key}": value for key, value in tensors.items()}
    torch.save({"net_G": held, "net_D": {}, "current_epoch": 3} if imaginaire else tensors, path)
    where = import_weights(path)
    assert read_card(where)["source"] == path.name
    found = load_few_shot(where)
    assert (found.configuration, found.generator.shape) == (configuration, network.shape)
    assert torch.equal(frame(found.generator), frame(network))
    assert isinstance(load_generator(where), FewShotGenerator)


def test_of_an_averaged_model_the_average_is_taken(tmp_path: Path) -> None:
    network = tiny("imaginaire-face")
    tensors = published(network)
    held: dict[str, torch.Tensor] = {"module.num_updates_tracked": torch.tensor(7)}
    for key, value in tensors.items():
        held[f"module.module.{key}"] = value + 1
        if key.endswith("weight_orig"):
            left, right = (tensors[key.replace("orig", part)] for part in "uv")
            divided = value / (left @ value.flatten(1) @ right)
            held[f"module.averaged_model.{key.removesuffix('_orig')}"] = divided
        elif not key.endswith(("weight_u", "weight_v")):
            held[f"module.averaged_model.{key}"] = value
    torch.save({"net_G": held}, tmp_path / "c.pt")
    found = load_few_shot(import_weights(tmp_path / "c.pt"))
    torch.testing.assert_close(frame(found.generator), frame(network), atol=1e-4, rtol=0)


def test_weights_come_back_with_their_shape_and_size(tmp_path: Path) -> None:
    network = tiny(given_flow=True, attention=True)
    save_few_shot(network, tmp_path / "own.safetensors", {"steps": 3}, size=(96, 64))
    found = load_few_shot(tmp_path / "own.safetensors")
    assert isinstance(found, FewShotWeights)
    assert (found.configuration, found.size, found.generator.shape) == ("fsvid2vid-mesh", (96, 64), network.shape)
    assert not found.generator.training
    assert read_card(tmp_path / "own.safetensors")["steps"] == 3


def broken(change: str) -> dict[str, torch.Tensor]:
    tensors = published(tiny())
    if change == "missing":
        del tensors["conv_img.bias"]
    elif change == "none":
        del tensors["ref_label_first.conv.weight_orig"]
    elif change == "more":
        tensors["up_9.more"] = torch.zeros(2)
    elif change == "shape":
        tensors["conv_img.weight"] = torch.zeros(3, 5, 3, 3)
    return tensors


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("missing", r"not a published fsvid2vid-pose: 1 missing \(conv_img.bias\)"),
        ("none", "not a whole generator of few-shot vid2vid .*ref_label_first.conv.weight is missing"),
        ("more", r"1 not known \(up_9.more\)"),
        ("shape", r"1 of another shape \(conv_img.weight\)"),
    ],
)
def test_what_does_not_fit_is_named(change: str, words: str, tmp_path: Path) -> None:
    torch.save(broken(change), tmp_path / "w.pth")
    with pytest.raises(InputError, match=words) as caught:
        import_weights(tmp_path / "w.pth")
    assert str(caught.value).startswith(str(tmp_path / "w.pth"))


def test_a_flow_network_apart_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tensors = dict(published(tiny()))
    tensors["flow_network_temp.conv_mask.0.bias"] = torch.ones(1)
    torch.save(tensors, tmp_path / "w.pth")
    found = load_few_shot(import_weights(tmp_path / "w.pth"))
    assert torch.equal(frame(found.generator), frame(tiny()))
    assert "flow_network_temp.conv_mask.0.bias differ, where published networks have one" in caplog.text


def test_another_name_than_the_file_s_is_refused(tmp_path: Path) -> None:
    torch.save(published(tiny()), tmp_path / "w.pth")
    with pytest.raises(InputError, match="'ICCV' is not known; choose one of fsvid2vid-pose"):
        import_weights(tmp_path / "w.pth", configuration="ICCV")
    with pytest.raises(InputError, match=r"w\.pth: not a safetensors file; 'liquidwarp weights import"):
        load_few_shot(tmp_path / "w.pth")


def given(flow: torch.Tensor, valid: torch.Tensor) -> GivenFlow:
    return GivenFlow(flow.expand(1, 2, 64, 64), valid.expand(1, 1, 64, 64))


def test_a_network_that_is_given_flow_trusts_it_only_where_it_is_valid() -> None:
    network = tiny(given_flow=True)
    label, references = wave((1, 6, 64, 64)), wave((1, 1, 6, 64, 64), 0.3)
    images = wave((1, 1, 3, 64, 64), 0.6)
    encoding = network.encode(references, images, label)
    shift, half = torch.tensor([2.0, 0.0])[None, :, None, None], torch.zeros(1, 1, 64, 64)
    half[..., :32] = 1
    seen = network(label, encoding, flow=given(shift, half)).reference
    assert seen is not None
    assert (seen.mask[..., 32:] == 1).all(), "what no picture shows is to be made"
    assert (seen.mask[..., :32] < 1).all()
    torch.testing.assert_close(seen.image, half * warp(images[:, 0], shift.expand(1, 2, 64, 64)))
    with pytest.raises(InputError, match="is given flow with its labels"):
        network(label, encoding)
    own = tiny()
    with pytest.raises(InputError, match="computes flow itself"):
        own(label, own.encode(references, images, label), flow=given(shift, half))


def test_copies_of_a_reference_and_their_order_change_nothing() -> None:
    network = deepcopy(tiny(attention=True)).double()
    random = torch.Generator().manual_seed(0)
    label = torch.randn(1, 6, 64, 64, generator=random, dtype=torch.float64)
    labels = torch.randn(1, 2, 6, 64, 64, generator=random, dtype=torch.float64)
    images = torch.randn(1, 2, 3, 64, 64, generator=random, dtype=torch.float64)

    def picture(order: list[int]) -> torch.Tensor:
        return network(label, network.encode(labels[:, order], images[:, order], label)).image

    torch.testing.assert_close(picture([0, 1]), picture([1, 0]), atol=1e-9, rtol=0)
    torch.testing.assert_close(picture([0]), picture([0, 0]), atol=1e-9, rtol=0)
    alone = deepcopy(tiny()).double()
    kernels = [alone.encode(labels[:, :1], images[:, :1], target).kernels[0].first.weight for target in (label, -label)]
    assert torch.equal(*kernels), "with one reference they depend on it alone"
    mixed = [network.encode(labels, images, target).kernels[0].first.weight for target in (label, -label)]
    assert not torch.equal(*mixed)


def no_flow(frames: int) -> SequenceFlow:
    return SequenceFlow(
        torch.zeros(1, frames, 1, 2, 64, 64),
        torch.ones(1, frames, 1, 1, 64, 64),
        torch.zeros(1, frames, 2, 64, 64),
        torch.ones(1, frames, 1, 64, 64),
    )


@pytest.mark.parametrize("given_flow", [False, True])
def test_a_sequence_is_drawn_frame_by_frame(given_flow: bool) -> None:
    network = tiny(given_flow=given_flow)
    labels, examples = wave((1, 3, 6, 64, 64)), (wave((1, 1, 6, 64, 64), 0.3), wave((1, 1, 3, 64, 64), 0.6))
    frames = SequenceGenerator(network).eval()(labels, *examples, no_flow(3))
    flow = given(torch.zeros(1, 2, 1, 1), torch.ones(1, 1, 1, 1)) if given_flow else None
    before = None
    for label, made in zip(labels.unbind(1), frames, strict=True):
        wanted = network(label, network.encode(*examples, label), before, flow=flow)
        torch.testing.assert_close(made.image, wanted.image)
        before = Previous(label, wanted.image, flow)


def test_the_previous_frames_embedding_begins_as_the_references() -> None:
    network = SequenceGenerator(FewShotGenerator(GeneratorShape(6, width=2, flow_width=2))).train()
    initialize_(network)
    assert network.network.previous is not None
    assert network.network.reference is not None
    pair = [next(iter(each.parameters())) for each in (network.network.previous, network.network.reference)]
    labels, examples = wave((1, 2, 6, 64, 64)), (wave((1, 1, 6, 64, 64), 0.3), wave((1, 1, 3, 64, 64), 0.6))
    network(labels[:, :1], *examples, no_flow(1))
    assert not torch.equal(*pair)
    assert not network.began
    network(labels, *examples, no_flow(2))
    assert torch.equal(*pair)
    with torch.no_grad():
        pair[0].zero_()
    network(labels, *examples, no_flow(2))
    assert not torch.equal(*pair), "it begins once"
    assert network.network.color.bias.abs().max() == 0
