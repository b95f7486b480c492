"""The Liquid Warping Block and its fusions: what they promise whatever the weights."""

import pytest
import torch
from torch import Tensor, nn

from liquidwarp.flow import identity_flow
from liquidwarp.nn.discriminators import CropDiscriminators, PatchDiscriminator, boxes_of_points
from liquidwarp.nn.fusion import Add, Attention, Gate, Keep, Mean
from liquidwarp.nn.liquid import BackgroundInput, ChartedPicture, Earlier, LiquidGenerator
from liquidwarp.nn.published import ABLATION, SHAPES

SIZE = (32, 24)
SHARE = 1 / 16
FUSIONS = {
    "keep": Keep,
    "add": Add,
    "mean": Mean,
    "gate": lambda: Gate(8, mean=False),
    "gate mean": lambda: Gate(8, mean=True),
    "attention": lambda: Attention(8, 16),
}


@pytest.fixture
def draw(generator: torch.Generator) -> object:
    return lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def charted(draw) -> object:
    return lambda *lead, size=SIZE: ChartedPicture(draw(*lead, 3, *size), draw(*lead, 3, *size))


def some(pictures: ChartedPicture, *which: slice) -> ChartedPicture:
    return ChartedPicture(pictures.color[which], pictures.chart[which])


def make(name: str, generator: torch.Generator, shapes: dict = SHAPES) -> LiquidGenerator:
    network = LiquidGenerator(shapes[name].narrowed(SHARE)).double().eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network


def still(batch: int, targets: int, sources: int) -> tuple[Tensor, Tensor]:
    flow = identity_flow(SIZE)
    lead = (batch, targets, sources)
    return flow.grid[0].double().expand(*lead, *SIZE, 2), flow.valid[0].expand(*lead, *SIZE)


@pytest.mark.parametrize("name", FUSIONS)
def test_the_order_of_the_sources_does_not_matter(name: str, draw) -> None:
    torch.manual_seed(0)
    fusion = FUSIONS[name]().double()
    target, warped = draw(2, 3, 8, 5, 4), draw(2, 3, 4, 8, 5, 4)
    found = fusion(target, warped)
    assert found.shape == target.shape
    torch.testing.assert_close(fusion(target, warped[:, :, [2, 0, 3, 1]]), found)


@pytest.mark.parametrize("name", ["mean", "gate mean", "attention"])
def test_the_same_source_twice_says_nothing_new(name: str, draw) -> None:
    torch.manual_seed(0)
    fusion = FUSIONS[name]().double()
    target, one = draw(1, 2, 8, 5, 4), draw(1, 2, 1, 8, 5, 4)
    if name == "mean":
        torch.testing.assert_close(fusion(target, target[:, :, None]), target)
    else:
        torch.testing.assert_close(fusion(target, one.expand(-1, -1, 3, -1, -1, -1)), fusion(target, one))


@pytest.mark.parametrize("fusion", [Add(), Mean(), Gate(4, mean=True), Gate(4, mean=False), Attention(4, 8)])
def test_fusions_have_gradients_to_both_sides(fusion: nn.Module, draw) -> None:
    target, warped = draw(1, 1, 4, 3, 3).requires_grad_(), draw(1, 1, 2, 4, 3, 3).requires_grad_()
    assert torch.autograd.gradcheck(fusion.double(), (target, warped))


@pytest.mark.parametrize("name", SHAPES)
def test_batch_targets_and_repetition_are_independent(name: str, draw, charted, generator) -> None:
    network = make(name, generator)
    background, source, transfer = (draw(2, 1, 3, *SIZE), draw(2, 1, 1, *SIZE)), charted(2, 3), charted(2, 2)
    grid, valid = still(2, 2, 3)
    answer = network(BackgroundInput(*background), source, transfer, 0.7 * grid, valid)
    assert answer.compose().shape == (2, 2, 3, *SIZE)
    assert float(answer.target_mask.min()) >= 0
    second, first = slice(1, None), slice(None, 1)
    alone = network(
        BackgroundInput(*(plane[1:] for plane in background)),
        some(source, second),
        some(transfer, second, first),
        0.7 * grid[1:, :1],
        valid[1:, :1],
    )
    torch.testing.assert_close(alone.target_color[0, 0], answer.target_color[1, 0])
    torch.testing.assert_close(alone.target_mask[0, 0], answer.target_mask[1, 0])


@pytest.mark.parametrize("name", ["ICCV", "AddLWB", "SoftGateAddLWB"])
def test_without_flow_nothing_of_the_sources_arrives(name: str, charted, generator) -> None:
    network = make(name, generator)
    transfer = charted(1, 1)
    grid, valid = still(1, 1, 1)
    one, two = (network.look(charted(1, 1)) for _ in range(2))
    nowhere = torch.zeros_like(valid)
    assert torch.equal(network.paint(one, transfer, grid, nowhere)[0], network.paint(two, transfer, grid, nowhere)[0])
    assert not torch.equal(network.paint(one, transfer, grid, valid)[0], network.paint(two, transfer, grid, valid)[0])


@pytest.mark.parametrize("corners", [True, False])
def test_what_is_not_valid_has_no_say(corners: bool, charted, generator) -> None:
    """Neither in the features nor, by way of resizing, in the flow beside it."""
    network = make("AddLWB", generator)
    object.__setattr__(network.shape, "resize_corners", corners)
    look, transfer = network.look(charted(1, 1)), charted(1, 1)
    grid, valid = still(1, 1, 1)
    valid = valid & (torch.arange(SIZE[1]) < 11)
    wild = torch.where(valid[..., None], grid, torch.full_like(grid, 0.9))
    assert torch.equal(network.paint(look, transfer, wild, valid)[0], network.paint(look, transfer, grid, valid)[0])


def test_an_identity_flow_adds_the_source_s_own_features(charted, generator) -> None:
    """Under the library's own rules of alignment, at every size."""
    network = make("AddLWB", generator)
    object.__setattr__(network.shape, "resize_corners", False)
    grid, valid = (tensor[0] for tensor in still(1, 1, 1))
    for features in network.look(charted(1, 1)).features:
        size = (features.shape[-2], features.shape[-1])
        torch.testing.assert_close(network._warp(features, grid, valid, size), features, atol=1e-5, rtol=1e-4)


def test_the_previous_picture_joins_as_one_more_source(charted, generator) -> None:
    network = make("AttLWB-SPADE", generator)
    pictures, transfer = charted(1, 2), charted(1, 1)
    grid, valid = still(1, 1, 2)
    both = network.paint(network.look(pictures), transfer, grid, valid)
    whole, now, before = slice(None), slice(None, 1), slice(1, None)
    past = Earlier(network.look(some(pictures, whole, before)), grid[:, :, 1], valid[:, :, 1])
    joined = network.paint(
        network.look(some(pictures, whole, now)), transfer, grid[:, :, :1], valid[:, :, :1], earlier=past
    )
    torch.testing.assert_close(joined, both)


def test_gradients_reach_every_stream(draw, charted) -> None:
    network = LiquidGenerator(SHAPES["AttLWB-SPADE"].narrowed(SHARE)).double()
    background = BackgroundInput(draw(1, 1, 3, *SIZE), draw(1, 1, 1, *SIZE))
    answer = network(background, charted(1, 2), charted(1, 1), *still(1, 1, 2))
    assert answer.source_color is not None
    assert answer.source_mask is not None
    (answer.compose().square().mean() + answer.source_color.mean() + answer.source_mask.mean()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_feature_warping_warps_once(draw, generator) -> None:
    network = make("W_F", generator, ABLATION)
    assert [type(fusion) for fusion in network.fusions] == [Keep, Keep, Add] + [Keep] * 6


def test_sources_and_targets_may_differ_in_size(charted, generator) -> None:
    for name in ("AddLWB", "InputConcat"):
        network = make(name, generator)
        look = network.look(charted(1, 1, size=(48, 40)))
        color, _ = network.paint(look, charted(1, 1), *still(1, 1, 1))
        assert color.shape[-2:] == SIZE


def test_boxes_hold_their_points() -> None:
    points = torch.tensor([[[4.0, 2.0], [14.0, 12.0], [28.0, 7.0]]])
    torch.testing.assert_close(boxes_of_points(points, margin=0.25, size=(20, 30)), torch.tensor([[0, 0, 30, 14.5]]))


def test_every_crop_is_scored(generator) -> None:
    network = CropDiscriminators({"body": 64, "left_hand": 32}, inputs=3, width=4)
    picture = torch.rand(2, 3, 64, 48, generator=generator)
    boxes = {"body": torch.tensor([[0.0, 0.0, 48.0, 64.0]]).expand(2, 4), "left_hand": torch.zeros(2, 4)}
    boxes["left_hand"][0] = torch.tensor([8.0, 8.0, 24.0, 24.0])
    seen = network(picture, boxes)
    assert list(seen) == ["whole", "body", "left_hand"]
    assert all(len(features[-1]) == 2 for features in seen.values())
    elsewhere = picture.clone()
    elsewhere[:, :, 30:] = 0
    again = network(elsewhere, boxes)
    assert torch.equal(again["left_hand"][-1], seen["left_hand"][-1])
    assert not torch.equal(again["body"][-1], seen["body"][-1])
    single = PatchDiscriminator(3, 4)
    assert len(single.features(picture)) == 6
    assert torch.equal(single.features(picture)[-1], single(picture))
    assert isinstance(single.model[0], nn.Conv2d)


def test_patches_are_142_pixels_wide() -> None:
    network = PatchDiscriminator(1, 2, widest=4).double()
    network.model = nn.Sequential(*(layer for layer in network.model if isinstance(layer, nn.Conv2d)))
    for layer in network.model:
        nn.init.ones_(layer.weight)
    picture = torch.zeros(1, 1, 320, 320, dtype=torch.float64, requires_grad=True)
    score = network(picture)
    score[0, 0, score.shape[2] // 2, score.shape[3] // 2].backward()
    seen = (picture.grad[0, 0].abs().sum(0) > 0).nonzero()[:, 0]
    assert int(seen.max() - seen.min()) + 1 == 142
