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
def test_gradients_are_those_of_grid_sample(sources: int, generator: torch.Generator) -> None:
    source = torch.randn(sources, 4, 9, 7, generator=generator)
    grid = 2.6 * torch.rand(3, 11, 13, 2, generator=generator) - 1.3  # some of it beyond the border
    valid = torch.rand(3, 11, 13, generator=generator) < 0.8
    grid[~valid] = torch.nan  # what is not believed must not reach anything
    pull = torch.randn(3, 4, 11, 13, generator=generator)
    found = []
    for way in (warp, plain):
        picture, place = source.clone().requires_grad_(), grid.clone().requires_grad_()
        way(picture, Flow(place, valid)).backward(pull)
        found.append((picture.grad, place.grad))
    (mine, my_slope), (theirs, their_slope) = found
    torch.testing.assert_close(mine, theirs, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(my_slope, their_slope, atol=2e-4, rtol=1e-4)
    assert float(my_slope[~valid].abs().max()) == 0


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
