"""Pixel grids.

Convention: origin at the top-left corner of the picture, first pixel centre at (0.5, 0.5), y down. Normalised
coordinates are `2x/W - 1` (`align_corners=False`): -1 and 1 are the picture's outer edges.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor


def shrunk(picture: Shaped[np.ndarray, "H W *C"], size: tuple[int, int]) -> Shaped[np.ndarray, "h w *C"]:
    """Return a picture at a smaller (height, width), each pixel the mean of its area; itself if it has that size."""
    if picture.shape[:2] == tuple(size):
        return picture
    import cv2  # not before it is needed: rasteriser and flow alone load no codec

    return cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_AREA)


def enlarged(labels: Shaped[np.ndarray, "h w"], size: tuple[int, int]) -> Shaped[np.ndarray, "H W"]:
    """Return a mask, or labels, at a larger (height, width), each pixel as the nearest; itself if it has that size."""
    if labels.shape == tuple(size):
        return labels
    import cv2  # not before it is needed, as above

    if labels.dtype == bool:
        return cv2.resize(labels.astype(np.uint8), (size[1], size[0]), interpolation=cv2.INTER_NEAREST) > 0
    return cv2.resize(labels, (size[1], size[0]), interpolation=cv2.INTER_NEAREST)


def bounded_size(size: tuple[int, int], most_pixels: int) -> tuple[int, int]:
    """Return a picture's (height, width), or, of more than so many pixels, that of a smaller one of its shape."""
    height, width = size
    scale = math.sqrt(most_pixels / (height * width))
    return size if scale >= 1 else (max(1, int(height * scale)), max(1, int(width * scale)))


def pixel_centers(size: tuple[int, int], *, device: torch.device | str | None = None) -> Float[Tensor, "H W 2"]:
    """Return the (x, y) of every pixel centre of a (height, width) picture."""
    height, width = size
    rows, columns = (torch.arange(length, device=device) + 0.5 for length in (height, width))
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y], dim=-1)


def normalize_pixels(xy: Float[Tensor, "*B 2"], size: tuple[int, int]) -> Float[Tensor, "*B 2"]:
    """Map pixels to normalised coordinates of a (height, width) picture."""
    return xy * xy.new_tensor([2 / size[1], 2 / size[0]]) - 1


def denormalize_pixels(grid: Float[Tensor, "*B 2"], size: tuple[int, int]) -> Float[Tensor, "*B 2"]:
    """Map normalised coordinates to pixels of a (height, width) picture; inverse of `normalize_pixels`."""
    return (grid + 1) * grid.new_tensor([size[1] / 2, size[0] / 2])
