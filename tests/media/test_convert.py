import numpy as np
import torch

from liquidwarp.media import to_tensor, to_uint8


def test_every_level_survives_the_round_trip():
    rgb = np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None].repeat(3, axis=2)
    tensor = to_tensor(rgb)
    assert tensor.shape == (3, 16, 16)
    assert tensor.dtype == torch.float32
    assert (tensor.min(), tensor.max()) == (0.0, 1.0)
    assert np.array_equal(to_uint8(tensor), rgb)
    assert to_uint8(tensor).flags.c_contiguous


def test_views_and_order_of_axes():
    rgb = np.zeros((4, 6, 3), np.uint8)
    rgb[1, 2] = (255, 0, 51)
    tensor = to_tensor(rgb[:, ::-1])
    assert torch.allclose(tensor[:, 1, 3], torch.tensor([1.0, 0.0, 0.2]))


def test_values_are_rounded_and_clamped():
    image = torch.tensor([-1.0, 0.4999 / 255, 0.5001 / 255, 2.0, float("nan"), float("inf")]).expand(3, 1, 6)
    assert to_uint8(image)[0, :, 0].tolist() == [0, 0, 1, 255, 0, 255]


def test_gradients_do_not_matter():
    assert to_uint8(torch.full((3, 2, 2), 0.5, requires_grad=True)).shape == (2, 2, 3)
