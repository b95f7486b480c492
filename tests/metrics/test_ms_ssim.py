import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from liquidwarp.errors import InputError
from liquidwarp.metrics import ms_ssim


def pattern(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([(x * 5 + y * 3) % 256, (x * y) % 256, (x * x + 2 * y) % 256], 2).astype(np.uint8)


def twin(a: np.ndarray, b: np.ndarray) -> float:
    """Every window by itself, as the paper writes it."""
    offsets = np.arange(11) - 5
    bell = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / 4.5)
    bell /= bell.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    scores = []
    for channel in range(a.shape[2]):
        x, y = a[..., channel].astype(float), b[..., channel].astype(float)
        product = 1.0
        for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
            p, q = sliding_window_view(x, (11, 11)), sliding_window_view(y, (11, 11))
            mean_p, mean_q = (p * bell).sum((2, 3)), (q * bell).sum((2, 3))
            from_p, from_q = p - mean_p[..., None, None], q - mean_q[..., None, None]
            spread = (from_p**2 * bell).sum((2, 3)) + (from_q**2 * bell).sum((2, 3))
            answer = (2 * (from_p * from_q * bell).sum((2, 3)) + c2) / (spread + c2)
            if scale == 4:
                answer = answer * (2 * mean_p * mean_q + c1) / (mean_p**2 + mean_q**2 + c1)
            product *= max(answer.mean(), 0) ** weight
            h, w = x.shape[0] // 2, x.shape[1] // 2
            x, y = (v[: 2 * h, : 2 * w].reshape(h, 2, w, 2).mean((1, 3)) for v in (x, y))
        scores.append(product)
    return float(np.mean(scores))


@pytest.mark.parametrize("size", [(201, 181)])
def test_equals_the_plain_twin(size: tuple[int, int]) -> None:
    a = pattern(*size)
    for b in ((a // 2 + 40).astype(np.uint8), np.roll(a, 1, axis=1)):
        assert ms_ssim(a, b) == pytest.approx(twin(a, b), abs=1e-9)


@pytest.mark.parametrize(("size", "value"), [((176, 192), 0.8083018803064224), ((200, 181), 0.8083567247527498)])
def test_is_near_torchmetrics(size: tuple[int, int], value: float) -> None:
    a = pattern(*size)[..., :1]  # of one channel: torchmetrics takes the mean of channels before the product
    assert ms_ssim(a, (a // 2 + 40).astype(np.uint8)) == pytest.approx(value, abs=1e-4)  # torchmetrics 1.9.0


def test_is_one_for_equal_pictures_and_symmetric() -> None:
    a = pattern(176, 180)
    b = (a // 2).astype(np.uint8)
    assert ms_ssim(a, a) == pytest.approx(1, abs=1e-12)
    assert ms_ssim(a, b) == pytest.approx(ms_ssim(b, a), abs=1e-12)


def test_a_region_counts_what_lies_in_it() -> None:
    a = pattern(190, 190)
    b = a.copy()
    b[:, :40] = 255 - b[:, :40]
    left = np.zeros((190, 190), dtype=bool)
    left[:, :30] = True
    corner = np.zeros_like(left)
    corner[-1, -1] = True  # lies in the odd row and column that halving leaves out
    assert ms_ssim(a, b, left) < 0.2 < 0.9 < ms_ssim(a, b, corner)
    with pytest.raises(InputError, match="region has no pixel"):
        ms_ssim(a, b, np.zeros_like(left))


def test_a_small_picture_says_so() -> None:
    with pytest.raises(InputError, match="160x200 is too small"):
        ms_ssim(pattern(160, 200), pattern(160, 200))
