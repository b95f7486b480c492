import cv2
import numpy as np
import pytest

from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.detect import Detection, MaskStack
from liquidwarp.matting import ForegroundTuning, foreground_colors, refine_alpha
from liquidwarp.matting.closed_form import matting_laplacian, solve_alpha


def scene(size: int = 160, plain: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a photo of a doll with thin arms, its true alpha and a coarse mask of it."""
    big = np.zeros((size * 4, size * 4), np.uint8)
    unit = size * 4 / 100

    def at(x: float, y: float) -> tuple[int, int]:
        return round(x * unit), round(y * unit)

    cv2.circle(big, at(50, 18), round(7 * unit), 255, -1)
    cv2.rectangle(big, at(41, 25), at(59, 60), 255, -1)
    for side in (-1, 1):
        cv2.line(big, at(50 + 8 * side, 28), at(50 + 25 * side, 50), 255, round(4 * unit))
        cv2.line(big, at(50 + 5 * side, 60), at(50 + 7 * side, 90), 255, round(6 * unit))
    alpha = cv2.resize(big, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    rng = np.random.default_rng(0)
    rows = np.linspace(0, 1, size)[:, None, None]
    person = np.array([0.2, 0.3, 0.7]) * (1 - rows) + np.array([0.5, 0.15, 0.1]) * rows + np.zeros((size, size, 3))
    ground = np.full((size, size, 3), 0.93)
    if not plain:
        ground = np.array([0.3, 0.6, 0.3]) + cv2.GaussianBlur(rng.normal(0, 1, (size, size, 3)), (0, 0), 2) * 0.4
    photo = alpha[..., None] * person + (1 - alpha[..., None]) * ground + rng.normal(0, 0.005, (size, size, 3))
    spread = 0.018 * size
    coarse = cv2.GaussianBlur(cv2.dilate(alpha, np.ones((3, 3))), (0, 0), spread * 0.5)
    return np.rint(photo.clip(0, 1) * 255).astype(np.uint8), alpha, coarse.clip(0, 1)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a > 0.5) & (b > 0.5)).sum() / ((a > 0.5) | (b > 0.5)).sum())


@pytest.mark.parametrize("plain", [True, False])
def test_alpha_is_nearer_to_the_truth(plain):
    photo, alpha, coarse = scene(plain=plain)
    refined = refine_alpha(photo, coarse)
    assert refined.dtype == np.float32
    assert refined.min() >= 0
    assert refined.max() <= 1
    assert iou(refined, alpha) > 0.96
    assert np.abs(refined - alpha).mean() < 0.4 * np.abs(coarse - alpha).mean()


@pytest.mark.slow
def test_alpha_of_a_large_photo_is_sharp():
    photo, alpha, coarse = scene(size=1000)
    refined = refine_alpha(photo, coarse)
    assert refined.shape == (1000, 1000)
    assert iou(refined, alpha) > 0.985
    soft = (refined > 0.05) & (refined < 0.95)
    assert soft.sum() < 0.25 * ((coarse > 0.05) & (coarse < 0.95)).sum()


def test_specks_are_dropped_and_nothing_moves_twice():
    photo, _, coarse = scene()
    spoiled = coarse.copy()
    spoiled[150:156, 4:10] = 1.0
    refined = refine_alpha(photo, spoiled)
    assert refined[145:, :15].max() == 0
    np.testing.assert_array_equal(refined, refine_alpha(photo, spoiled))


def test_hand_lost_by_the_detector_comes_back_with_landmarks():
    photo, alpha, coarse = scene()
    short = coarse.copy()
    short[72:, 115:] *= 0.25
    image = np.full((33, 2), 80, np.float32)
    confidence = np.zeros(33, np.float32)
    for name, point in {"left_index": (119, 79), "left_wrist": (114, 73)}.items():
        image[MEDIAPIPE.index(name)] = point
        confidence[MEDIAPIPE.index(name)] = 1
    person = Detection(MEDIAPIPE, image, confidence, None, short, 1.0)
    corner = np.s_[72:90, 112:130]
    with_marks, without = refine_alpha(photo, short, landmarks=person), refine_alpha(photo, short)
    assert np.abs(with_marks - alpha)[corner].sum() < np.abs(without - alpha)[corner].sum()


def test_given_alpha_is_kept_for_the_person_alone():
    photo, alpha, coarse = scene()
    given = alpha.copy()
    given[150:156, 4:10] = 1.0
    refined = refine_alpha(photo, coarse, alpha=given)
    np.testing.assert_allclose(refined, np.where(given > 0.06, alpha, refined), atol=1e-6)
    assert refined[150:, :12].max() == 0
    np.testing.assert_array_equal(refine_alpha(photo, coarse, alpha=np.ones_like(alpha)), refine_alpha(photo, coarse))


def test_nobody_stays_nobody():
    photo, _, coarse = scene()
    assert refine_alpha(photo, coarse * 0).max() == 0


def test_whole_picture_person():
    photo, _, coarse = scene()
    assert refine_alpha(photo, np.ones_like(coarse)).min() == 1


def test_foreground_colours_have_no_background_in_them():
    rng = np.random.default_rng(1)
    alpha = cv2.GaussianBlur((np.hypot(*(np.indices((64, 64)) - 32)) < 18).astype(np.float32), (0, 0), 3)
    blue, white = np.array([30, 60, 200.0]), np.array([250, 250, 250.0])
    photo = alpha[..., None] * blue + (1 - alpha[..., None]) * white + rng.normal(0, 0.5, (64, 64, 3))
    photo = np.rint(photo.clip(0, 255)).astype(np.uint8)
    colours = foreground_colors(photo, alpha)
    assert colours.dtype == np.uint8
    edge = (alpha > 0.1) & (alpha < 0.9)
    assert np.abs(colours[edge] - blue).mean() < 6
    assert np.abs(photo[edge] - blue).mean() > 60
    sure = alpha >= 0.999
    np.testing.assert_array_equal(colours[sure], photo[sure])


def test_laplacian_is_the_sum_over_windows():
    rng = np.random.default_rng(2)
    image, epsilon = rng.random((5, 6, 3)), 1e-3
    got = matting_laplacian(image, np.ones((5, 6), bool), epsilon).toarray()
    want = np.zeros((30, 30))
    for y in range(1, 4):
        for x in range(1, 5):
            pixels = [(y + dy) * 6 + x + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
            colours = image.reshape(-1, 3)[pixels]
            middle = colours.mean(0)
            spread = np.linalg.inv(np.cov(colours.T, bias=True) + epsilon / 9 * np.eye(3))
            for a, i in enumerate(pixels):
                for b, j in enumerate(pixels):
                    want[i, j] += (a == b) - (1 + (colours[a] - middle) @ spread @ (colours[b] - middle)) / 9
    np.testing.assert_allclose(got, want, atol=1e-9)
    np.testing.assert_allclose(got.sum(1), 0, atol=1e-9)


def test_solver_restores_an_affine_alpha():
    rng = np.random.default_rng(3)
    alpha = cv2.GaussianBlur(rng.random((24, 24)), (0, 0), 2)
    alpha = (alpha - alpha.min()) / np.ptp(alpha)
    image = alpha[..., None] * np.array([0.1, 0.8, 0.3]) + (1 - alpha[..., None]) * np.array([0.9, 0.2, 0.5])
    unknown = np.zeros((24, 24), bool)
    unknown[6:18, 6:18] = True
    got = solve_alpha(image, np.where(unknown, 0.5, alpha), unknown, epsilon=1e-9, iterations=2000)
    np.testing.assert_allclose(got, alpha, atol=0.02)
    np.testing.assert_array_equal(got[~unknown], alpha[~unknown])


def test_mask_stack_round_trip():
    rng = np.random.default_rng(4)
    mask = cv2.GaussianBlur(rng.random((40, 30)).astype(np.float32), (0, 0), 3)
    stack = MaskStack.pack([mask, None], (40, 30))
    np.testing.assert_allclose(stack.frame(0).numpy(), mask, atol=0.5 / 255 + 1e-6)
    assert stack.frame(1, (8, 9)).shape == (8, 9)
    assert stack.stack([1]).sum() == 0
    assert stack.frame(0, (80, 60)).shape == (80, 60)


@pytest.mark.parametrize("times", [1, 3])
def test_colours_under_a_soft_alpha_are_the_foregrounds_alone(times: int):
    rows, columns = np.mgrid[:120, :160].astype(np.float32)
    alpha = ((columns - 40 - 0.2 * rows) / 8).clip(0, 1)
    front, back = np.array([200.0, 60, 40]), np.array([20.0, 90, 220])
    photo = np.rint(alpha[..., None] * front + (1 - alpha[..., None]) * back).astype(np.uint8)
    found = foreground_colors(photo, alpha, tuning=ForegroundTuning(most_pixels=alpha.size // times**2))
    assert np.abs(found[alpha > 0.02] - front).max() < 12
    np.testing.assert_array_equal(found[alpha == 1], photo[alpha == 1])
