"""Means over squares against torch's pooling."""

import pytest
import torch
from torch.nn.functional import avg_pool2d

from liquidwarp.nn.box import box_mean


@pytest.mark.parametrize("beyond", [True, False])
@pytest.mark.parametrize("side", [1, 3, 9])
def test_box_mean_is_average_pooling(side: int, beyond: bool) -> None:
    planes = torch.rand(2, 3, 12, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = avg_pool2d(planes, side, 1, side // 2, count_include_pad=beyond)
    torch.testing.assert_close(box_mean(planes, side, beyond=beyond), wanted, rtol=1e-13, atol=1e-13)


def test_box_mean_has_exact_gradients_and_leaves_its_input_alone() -> None:
    planes = torch.rand(1, 2, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    before = planes.clone()
    assert torch.autograd.gradcheck(lambda x: box_mean(x, 3, beyond=False), (planes.requires_grad_(),))
    assert torch.equal(planes, before)
