import numpy as np
import pytest
import torch

from liquidwarp.geometry import denormalize_pixels, enlarged, normalize_pixels, pixel_centers

SIZES = [(1, 1), (3, 5), (64, 17)]


def test_pixel_centers_start_at_a_half_and_are_x_y() -> None:
    centers = pixel_centers((2, 3))
    assert centers[0, 0].tolist() == [0.5, 0.5]
    assert centers[1, 2].tolist() == [2.5, 1.5]


def test_minus_one_and_one_are_the_outer_edges() -> None:
    corners = torch.tensor([[0.0, 0.0], [5.0, 3.0]])
    assert normalize_pixels(corners, (3, 5)).tolist() == [[-1, -1], [1, 1]]


def test_normalised_pixels_come_back() -> None:
    for size in SIZES:
        centers = pixel_centers(size)
        torch.testing.assert_close(denormalize_pixels(normalize_pixels(centers, size), size), centers)


def test_sampling_at_the_centres_returns_the_picture() -> None:
    """Ties the convention to `grid_sample`, the one place where a half pixel gets lost."""
    for size in SIZES:
        picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
        grid = normalize_pixels(pixel_centers(size), size)[None]
        sampled = torch.nn.functional.grid_sample(picture, grid, align_corners=False, padding_mode="border")
        torch.testing.assert_close(sampled, picture, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16])
def test_labels_are_enlarged_to_the_nearest(dtype: type) -> None:
    labels = np.array([[0, 1], [1, 0]], dtype)
    large = enlarged(labels, (4, 6))
    assert large.dtype == dtype
    assert np.array_equal(large, labels.repeat(2, 0).repeat(3, 1))
    assert enlarged(labels, (2, 2)) is labels
