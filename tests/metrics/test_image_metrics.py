import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from liquidwarp.errors import InputError
from liquidwarp.metrics import psnr, ssim, ssim_map

SIZES = [(7, 7), (32, 48), (61, 33)]


def pair(size: tuple[int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    a = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
    noise = generator.integers(-60, 61, a.shape)
    return a, np.clip(a.astype(int) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_ssim_equals_scikit_image(size: tuple[int, int]) -> None:
    a, b = pair(size)
    mean, full = structural_similarity(a, b, channel_axis=2, full=True)
    np.testing.assert_allclose(ssim_map(a, b), full, atol=1e-9)
    assert ssim(a, b) == pytest.approx(mean, abs=1e-9)


def test_ssim_of_a_region_is_the_mean_of_the_map() -> None:
    a, b = pair((40, 30))
    region = np.zeros((40, 30), dtype=bool)
    region[:12, 20:] = True  # touches the picture's edge
    _, full = structural_similarity(a, b, channel_axis=2, full=True)
    assert ssim(a, b, region) == pytest.approx(full[region].mean(), abs=1e-9)


def test_ssim_is_symmetric_and_one_only_for_equal_pictures() -> None:
    a, b = pair((32, 32))
    assert ssim(a, a) == pytest.approx(1, abs=1e-12)
    assert ssim(a, b) == pytest.approx(ssim(b, a), abs=1e-12)
    assert ssim(a, b) < 1


def test_ssim_of_a_tiny_picture_says_so() -> None:
    a, b = pair((6, 20))
    with pytest.raises(InputError, match="6x20 is too small"):
        ssim(a, b)


@pytest.mark.parametrize("size", SIZES)
def test_psnr_equals_scikit_image(size: tuple[int, int]) -> None:
    a, b = pair(size)
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b), abs=1e-9)


def test_psnr_never_wraps() -> None:
    black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    assert psnr(black, white) == pytest.approx(0, abs=1e-12)
    assert psnr(white, black) == pytest.approx(0, abs=1e-12)


def test_psnr_of_equal_pictures_is_infinite() -> None:
    a, _ = pair((8, 8))
    assert psnr(a, a) == float("inf")


def test_psnr_of_a_region_ignores_the_rest() -> None:
    a, b = pair((20, 20))
    region = np.zeros((20, 20), dtype=bool)
    region[4:9, 3:17] = True
    changed = b.copy()
    changed[~region] = 255 - changed[~region]
    assert psnr(a, b, region) == psnr(a, changed, region)
    error = ((a[region] / 255.0 - b[region] / 255.0) ** 2).mean()
    assert psnr(a, b, region) == pytest.approx(-10 * np.log10(error), abs=1e-9)


@pytest.mark.parametrize("metric", [ssim, psnr])
def test_an_empty_region_is_refused(metric) -> None:
    a, b = pair((16, 16))
    with pytest.raises(InputError, match="region has no pixel"):
        metric(a, b, np.zeros((16, 16), dtype=bool))
