import numpy as np
import pytest
from scipy.linalg import sqrtm

from liquidwarp.errors import InputError
from liquidwarp.metrics import distributions, frechet_distance, inception_score, kernel_distance
from liquidwarp.metrics.distributions import cosine


def sets(n: int, m: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(d, d))
    return rng.normal(size=(n, d)) @ mixing, 0.7 * rng.normal(size=(m, d)) + 0.3


def frechet_twin(a: np.ndarray, b: np.ndarray) -> float:
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(first @ second).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root))


@pytest.mark.parametrize(("n", "m", "d"), [(40, 60, 8), (50, 12, 16), (6, 30, 16)])
def test_frechet_equals_the_root_of_the_product(n: int, m: int, d: int) -> None:
    a, b = sets(n, m, d)
    assert frechet_distance(a, b) == pytest.approx(frechet_twin(a, b), abs=1e-4)


def test_frechet_is_zero_for_one_set_and_the_shift_for_a_shifted_one() -> None:
    a, _ = sets(30, 30, 10)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + 2.0) == pytest.approx(40, abs=1e-9)
    assert frechet_distance(a[:5], a[5:]) == pytest.approx(frechet_distance(a[5:], a[:5]), abs=1e-9)


def test_frechet_of_few_wide_features_needs_no_large_matrix() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(6, 12288)), rng.normal(size=(5, 12288))
    assert np.isfinite(frechet_distance(a.astype(np.float32), b.astype(np.float32)))


def test_kernel_distance_equals_the_double_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributions, "_ROWS", 4)  # so that the last rows are fewer
    a, b = sets(9, 7, 5)

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((sum(p * q for p, q in zip(x, y, strict=True)) / 5 + 1) ** 3)

    def within(x: np.ndarray) -> float:
        pairs = [kernel(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]
        return sum(pairs) / len(pairs)

    across = sum(kernel(p, q) for p in a for q in b) / (len(a) * len(b))
    assert kernel_distance(a, b) == pytest.approx(within(a) + within(b) - 2 * across, abs=1e-9)


def test_inception_score_equals_the_loop_and_knows_its_ends() -> None:
    logits = np.random.default_rng(0).normal(size=(20, 7)) * 3
    given = [[np.exp(v) / sum(np.exp(w) for w in row) for v in row] for row in logits]
    overall = [sum(row[k] for row in given) / 20 for k in range(7)]
    divergence = sum(p * np.log(p / q) for row in given for p, q in zip(row, overall, strict=True)) / 20
    assert inception_score(logits) == pytest.approx(np.exp(divergence), abs=1e-9)
    assert inception_score(np.eye(6) * 1e4) == pytest.approx(6)  # sure, and each of another class
    assert inception_score(np.zeros((5, 4))) == pytest.approx(1)


def test_cosine() -> None:
    assert cosine(np.array([1.0, 0.0]), np.array([3.0, 3.0])) == pytest.approx(np.sqrt(0.5))
    assert cosine(np.zeros(3), np.ones(3)) == 0


def test_too_few_samples_are_an_error() -> None:
    a, b = sets(5, 5, 3)
    for measure in (frechet_distance, kernel_distance):
        with pytest.raises(InputError, match="second set has 1 samples"):
            measure(a, b[:1])
    with pytest.raises(InputError, match="at least one"):
        inception_score(np.zeros((0, 3)))
