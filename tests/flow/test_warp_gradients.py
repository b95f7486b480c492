"""The compiled gradients of warping are those of the plain way."""

import pytest
import torch

from liquidwarp.flow import identity_flow, warp
from liquidwarp.flow.warp import finite_grid, sample_bilinear
from liquidwarp.types import Flow


def plain(source: torch.Tensor, flow: Flow) -> torch.Tensor:
    sampled = sample_bilinear(source.expand(len(flow.valid), -1, -1, -1), finite_grid(flow))
    return torch.where(flow.valid[:, None], sampled, sampled.new_zeros(()))


@pytest.mark.parametrize("sources", [1, 3])
@pytest.mark.parametrize("channels", [1, 4, 19])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_those_of_grid_sample(
    sources: int, channels: int, layout: torch.memory_format, generator: torch.Generator
) -> None:
    source = torch.randn(sources, channels, 9, 7, generator=generator)
    grid = 2.6 * torch.rand(3, 11, 70, 2, generator=generator) - 1.3  # some of it beyond the border
    valid = torch.rand(3, 11, 70, generator=generator) < 0.8
    valid[:, 3], valid[:, 4] = True, False
    grid[~valid] = torch.nan  # what is not believed must not reach anything
    pull = torch.randn(3, channels, 11, 70, generator=generator)
    found = []
    for way, kept in ((warp, layout), (plain, torch.contiguous_format)):
        picture = source.clone(memory_format=kept).requires_grad_()
        place = grid.clone().requires_grad_()
        result = way(picture, Flow(place, valid))
        result.backward(pull)
        assert torch.equal(way(picture.detach(), Flow(grid, valid)), result.detach())
        found.append((result.detach(), picture.grad, place.grad))
    (made, mine, my_slope), (expected, theirs, their_slope) = found
    assert made.is_contiguous(memory_format=layout)
    torch.testing.assert_close(made, expected, atol=2e-5, rtol=1e-5)
    torch.testing.assert_close(mine, theirs, atol=4e-5, rtol=1e-4)
    torch.testing.assert_close(my_slope, their_slope, atol=5e-4, rtol=1e-4)
    assert float(my_slope[~valid].abs().max()) == 0


def test_slopes_of_held_places_count_for_nothing_even_beside_infinity() -> None:
    source = torch.zeros(1, 9, 4, 4)
    source[..., 0, 1] = torch.inf
    grid = torch.tensor([-1.0, -1.0]).expand(1, 2, 2, 2).clone().requires_grad_()
    warped = warp(source, Flow(grid, torch.ones(1, 2, 2, dtype=torch.bool)))
    assert float(warped.detach().abs().max()) == 0
    warped.sum().backward()
    assert grid.grad is not None
    assert float(grid.grad.abs().max()) == 0


def test_at_pixel_centres_the_source_gets_back_what_was_pulled(generator: torch.Generator) -> None:
    source = torch.randn(1, 3, 8, 6, generator=generator).requires_grad_()
    pull = torch.randn(1, 3, 8, 6, generator=generator)
    warp(source, identity_flow((8, 6))).backward(pull)
    assert source.grad is not None
    torch.testing.assert_close(source.grad, pull, atol=1e-5, rtol=1e-5)


def test_gradients_are_the_same_every_time(generator: torch.Generator) -> None:
    source = torch.randn(1, 8, 32, 32, generator=generator).requires_grad_()
    grid = (2 * torch.rand(1, 64, 64, 2, generator=generator) - 1).requires_grad_()
    flow = Flow(grid, torch.ones(1, 64, 64, dtype=torch.bool))
    pull = torch.randn(1, 8, 64, 64, generator=generator)
    first, second = (torch.autograd.grad(warp(source, flow), (source, grid), pull) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
