import numpy as np
import pytest
from scipy.signal import convolve2d

from liquidwarp.metrics import haarpsi


def pattern(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([(x * 5 + y * 3) % 256, (x * y) % 256, (x * x + 2 * y) % 256], 2).astype(np.uint8)


def noisy(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, strength, image.shape)
    return np.clip(image + noise, 0, 255).round().astype(np.uint8)


def twin(a: np.ndarray, b: np.ndarray) -> float:
    """The paper's formulas with plain two-dimensional kernels."""

    def same(image, kernel):  # MATLAB's conv2(..., 'same')
        return np.rot90(convolve2d(np.rot90(image, 2), np.rot90(kernel, 2), mode="same"), 2)

    def channels(image):
        red, green, blue = (image[..., k].astype(float) for k in range(3))
        yiq = (
            0.299 * red + 0.587 * green + 0.114 * blue,
            0.596 * red - 0.274 * green - 0.322 * blue,
            0.211 * red - 0.523 * green + 0.312 * blue,
        )
        return [same(channel, np.ones((2, 2)) / 4)[::2, ::2] for channel in yiq]

    def haar(image, scale, transpose):
        kernel = np.ones((2**scale, 2**scale)) / 2**scale
        kernel[: 2**scale // 2] *= -1
        return np.abs(same(image, kernel.T if transpose else kernel))

    def alike(p, q):
        return (2 * p * q + 30) / (p * p + q * q + 30)

    left, right = channels(a), channels(b)
    maps, weights = [], []
    for transpose in (False, True):
        maps.append(sum(alike(haar(left[0], s, transpose), haar(right[0], s, transpose)) for s in (1, 2)) / 2)
        weights.append(np.maximum(haar(left[0], 3, transpose), haar(right[0], 3, transpose)))
    box = np.ones((2, 2)) / 4
    maps.append(sum(alike(np.abs(same(left[k], box)), np.abs(same(right[k], box))) for k in (1, 2)) / 2)
    weights.append((weights[0] + weights[1]) / 2)
    squashed = sum((w / (1 + np.exp(-4.2 * m))).sum() for w, m in zip(weights, maps, strict=True))
    squashed /= sum(w.sum() for w in weights)
    return float((np.log(squashed / (1 - squashed)) / 4.2) ** 2)


@pytest.mark.parametrize("size", [(64, 64), (48, 80), (33, 47)])
def test_equals_the_plain_twin(size: tuple[int, int]) -> None:
    a = pattern(*size)
    for b in (255 - a, np.roll(a, 1, axis=1), a // 2, noisy(a, 20)):
        assert haarpsi(a, b) == pytest.approx(twin(a, b), abs=1e-9)


def test_equals_piq_on_an_inverted_picture() -> None:
    a = pattern(64, 64)
    assert haarpsi(a, 255 - a) == pytest.approx(0.9146095973261056, abs=1e-9)  # piq 0.8.0, data_range=255


def test_is_one_for_equal_pictures_and_symmetric() -> None:
    a = pattern(40, 56)
    assert haarpsi(a, a) == pytest.approx(1, abs=1e-9)
    assert haarpsi(a, noisy(a, 30)) == pytest.approx(haarpsi(noisy(a, 30), a), abs=1e-12)


def test_falls_with_noise() -> None:
    a = pattern(64, 64)
    values = [haarpsi(a, noisy(a, strength)) for strength in (0, 5, 15, 40, 90)]
    assert values == sorted(values, reverse=True)
    assert 0 < values[-1] < 0.6


def test_black_pictures_are_equal() -> None:
    black = np.zeros((32, 32, 3), np.uint8)
    assert haarpsi(black, black) == pytest.approx(1, abs=1e-9)
