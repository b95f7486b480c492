"""Places of pixels as the baselines count them.

Convention:
    The centre of the first pixel is at (0, 0). Sizes are (height, width); dtype and device are another tensor's.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def pixel_axes(size: tuple[int, int], like: Float[Tensor, "..."]) -> tuple[Float[Tensor, " W"], Float[Tensor, "H 1"]]:
    """Return x of each column and y of each row."""
    y, x = (torch.arange(length, dtype=like.dtype, device=like.device) for length in size)
    return x, y[:, None]


def pixel_offsets(
    centers: Float[Tensor, "*N 2"], size: tuple[int, int]
) -> tuple[Float[Tensor, "*N 1 W"], Float[Tensor, "*N H 1"]]:
    """Return how far right of each centre each column lies, and how far below it each row."""
    x, y = pixel_axes(size, centers)
    return x - centers[..., 0, None, None], y - centers[..., 1, None, None]


def homogeneous_pixels(size: tuple[int, int], like: Float[Tensor, "..."]) -> Float[Tensor, "3 P"]:
    """Return (x, y, 1) of all pixels, row by row, to be moved by matrices."""
    x, y = pixel_axes(size, like)
    return torch.stack(torch.broadcast_tensors(x, y, torch.ones_like(x))).flatten(1)
