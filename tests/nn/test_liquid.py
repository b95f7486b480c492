"""Properties of the Liquid Warping generator that hold for any weights."""

import pytest
import torch

from liquidwarp.flow import identity_flow
from liquidwarp.nn.discriminators import CropDiscriminators, PatchDiscriminator, boxes_of_points, cut_boxes
from liquidwarp.nn.fusion import Add, Attention, Gate, Mean
from liquidwarp.nn.liquid import Earlier, LiquidGenerator
from liquidwarp.nn.published import SHAPES

SIZE = 32


def small(name: str) -> LiquidGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return LiquidGenerator(SHAPES[name].narrowed(1 / 16)).eval()


def inputs(sources: int = 2, targets: int = 1) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(5)

    def noise(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=random) * 2 - 1

    grid = identity_flow((SIZE, SIZE)).grid.expand(1, targets, sources, SIZE, SIZE, 2)
    valid = torch.ones(1, targets, sources, SIZE, SIZE, dtype=torch.bool)
    pictures = noise(1, sources, 4, SIZE, SIZE), noise(1, sources, 6, SIZE, SIZE), noise(1, targets, 6, SIZE, SIZE)
    return (*pictures, grid, valid)


@pytest.mark.parametrize("name", SHAPES)
def test_several_targets_at_once_are_each_alone(name: str) -> None:
    network = small(name)
    background, source, transfer, grid, valid = inputs(targets=3)
    with torch.no_grad():
        together = network(background, source, transfer, grid, valid)
        alone = network(background, source, transfer[:, 1:2], grid[:, 1:2], valid[:, 1:2])
    torch.testing.assert_close(together.target_color[:, 1:2], alone.target_color, atol=1e-5, rtol=0)
    assert together.compose().shape == (1, 3, 3, SIZE, SIZE)


@pytest.mark.parametrize("name", ["AddLWB", "AvgLWB", "SoftGateAvgLWB", "AttLWB-SPADE"])
def test_the_order_of_sources_does_not_matter(name: str) -> None:
    network = small(name)
    background, source, transfer, grid, valid = inputs(sources=3)
    valid = valid.clone()
    valid[:, :, 0, :10] = False
    with torch.no_grad():
        first = network(background, source, transfer, grid, valid)
        second = network(background, source.flip(1), transfer, grid.flip(2), valid.flip(2))
    torch.testing.assert_close(first.target_color, second.target_color, atol=1e-5, rtol=0)


def test_without_flow_a_source_has_no_say_in_a_sum() -> None:
    network = small("AddLWB")
    background, source, transfer, grid, valid = inputs()
    with torch.no_grad():
        one = network(background, source, transfer, grid, torch.zeros_like(valid))
        other = network(background, -source, transfer, grid, torch.zeros_like(valid))
    assert torch.equal(one.target_color, other.target_color)


def test_the_previous_picture_joins_as_one_more_source() -> None:
    network = small("AttLWB-SPADE")
    background, source, transfer, grid, valid = inputs(sources=2)
    with torch.no_grad():
        both = network(background, source, transfer, grid, valid)
        split = network(
            background[:, :1],
            source[:, :1],
            transfer,
            grid[:, :, :1],
            valid[:, :, :1],
            earlier=Earlier(network.look(source[:, 1:]), grid[:, :, 1], valid[:, :, 1]),
        )
    torch.testing.assert_close(split.target_color, both.target_color, atol=1e-5, rtol=0)


@pytest.mark.parametrize("fusion", [Add(), Mean(), Gate(4, mean=True), Gate(4, mean=False), Attention(4, 8)])
def test_fusions_have_gradients_to_both_sides(fusion: torch.nn.Module) -> None:
    torch.manual_seed(0)
    fusion = fusion.double()
    target = torch.randn(1, 1, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    warped = torch.randn(1, 1, 2, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(fusion, (target, warped))


def test_a_mean_of_equals_is_that() -> None:
    features = torch.rand(1, 1, 4, 3, 3)
    torch.testing.assert_close(Mean()(features, features[:, :, None].expand(-1, -1, 3, -1, -1, -1)), features)


def test_patches_are_142_pixels_wide() -> None:
    network = PatchDiscriminator(1, 2, widest=4).double()
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.ones_(layer.weight)
    network.model = torch.nn.Sequential(*(layer for layer in network.model if isinstance(layer, torch.nn.Conv2d)))
    picture = torch.zeros(1, 1, 320, 320, dtype=torch.float64, requires_grad=True)
    score = network(picture)
    score[0, 0, score.shape[2] // 2, score.shape[3] // 2].backward()
    seen = (picture.grad[0, 0].abs().sum(0) > 0).nonzero()[:, 0]
    assert int(seen.max() - seen.min()) + 1 == 142


def test_crops_are_cut_where_the_boxes_are_and_empty_ones_left_out() -> None:
    picture = torch.rand(2, 6, 64, 64)
    boxes = torch.tensor([[8.0, 16.0, 40.0, 48.0], [0.0, 0.0, 0.0, 0.0]])
    cut = cut_boxes(picture, boxes, 32)
    assert torch.equal(cut, picture[:1, :, 16:48, 8:40])
    points = torch.tensor([[[10.0, 20.0], [30.0, 60.0]]])
    torch.testing.assert_close(boxes_of_points(points, size=(64, 64)), torch.tensor([[8.0, 16.0, 32.0, 64.0]]))
    judges = CropDiscriminators({"head": 64, "body": 96}, width=4)
    scores = judges(picture, {"head": boxes, "body": torch.zeros(2, 4)})
    assert set(scores) == {"whole", "head"}
    assert scores["head"].shape[0] == 1
