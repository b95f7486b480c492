"""How far two sets of features lie apart: FID, KID and their kin, and the Inception score."""

import numpy as np
from jaxtyping import Float

from liquidwarp.errors import InputError

_ROWS = 1024


def frechet_distance(a: Float[np.ndarray, "N D"], b: Float[np.ndarray, "M D"]) -> float:
    """Compute the Fréchet distance of two Gaussians fitted to features; lower is better, range [0, inf).

    `|mean(a) - mean(b)|^2 + tr(A + B - 2 (A B)^(1/2))` with sample covariances A and B. The trace of the root is the
    sum of singular values of `F^T G` for any factors `F F^T = A`, `G G^T = B`. With fewer samples than dimensions the
    centred samples are such factors, so wide features cost no root of a large matrix, and singular covariances no
    trick.

    Source: Heusel et al., "GANs trained by a two time-scale update rule", 2017, equation 6 (FID).

    Raises:
        InputError: a set has fewer than two samples.
    """
    x, y = _checked(a, "first"), _checked(b, "second")
    mean_gap = x.mean(0) - y.mean(0)
    first, second = _factor(x), _factor(y)
    cross = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    return float(max(mean_gap @ mean_gap + (first**2).sum() + (second**2).sum() - 2 * cross, 0.0))


def kernel_distance(a: Float[np.ndarray, "N D"], b: Float[np.ndarray, "M D"]) -> float:
    """Compute the squared maximum mean discrepancy with the kernel `(x.y / D + 1)^3`; lower is better.

    The unbiased estimate over all samples at once, which may be slightly below zero; range (-inf, inf), 0 for one
    distribution. The usual mean over random subsets estimates the same number, with noise.

    Source: Binkowski et al., "Demystifying MMD GANs", 2018, equation 4 (KID).

    Raises:
        InputError: a set has fewer than two samples.
    """
    x, y = _checked(a, "first"), _checked(b, "second")
    return _within(x) + _within(y) - 2 * _kernel_sum(x, y) / (len(x) * len(y))


def inception_score(logits: Float[np.ndarray, "N K"]) -> float:
    """Compute `exp(mean KL(p(y|x) || p(y)))` over one set; higher is better, range [1, K].

    Of one set and not held against any other. All pictures form one split: the usual ten splits need thousands of
    pictures.

    Source: Salimans et al., "Improved techniques for training GANs", 2016.

    Raises:
        InputError: the set is empty.
    """
    if len(logits) == 0:
        raise InputError("the Inception score needs at least one picture")
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    log_given = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    given = np.exp(log_given)
    log_overall = np.log(np.maximum(given.mean(0, keepdims=True), np.finfo(np.float64).tiny))
    return float(np.exp((given * (log_given - log_overall)).sum(1).mean()))


def cosine(a: Float[np.ndarray, "D"], b: Float[np.ndarray, "D"]) -> float:
    """Compute the cosine of two feature vectors; higher is better, range [-1, 1], 1 for equal directions."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    lengths = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / lengths if lengths > 0 else 0.0


def _checked(features: np.ndarray, which: str) -> Float[np.ndarray, "N D"]:
    if len(features) < 2:
        raise InputError(f"the {which} set has {len(features)} samples; a distribution needs at least 2")
    return features.astype(np.float64)


def _factor(samples: np.ndarray) -> Float[np.ndarray, "K D"]:
    """Return F with `F^T F` the sample covariance, and no more rows than dimensions."""
    centred = (samples - samples.mean(0)) / np.sqrt(len(samples) - 1)
    return centred if len(centred) <= centred.shape[1] else np.asarray(np.linalg.qr(centred, mode="r"))


def _kernel_sum(x: np.ndarray, y: np.ndarray) -> float:
    """Add the kernel of every pair, some rows at a time: of a large set the whole table would not fit into memory."""
    parts = (x[start : start + _ROWS] for start in range(0, len(x), _ROWS))
    return float(sum(((part @ y.T / x.shape[1] + 1) ** 3).sum() for part in parts))


def _within(x: np.ndarray) -> float:
    """Average the kernel over pairs of different samples."""
    alone = (((x**2).sum(1) / x.shape[1] + 1) ** 3).sum()
    return float(_kernel_sum(x, x) - alone) / (len(x) * (len(x) - 1))
