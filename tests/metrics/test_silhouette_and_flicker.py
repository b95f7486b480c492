import numpy as np
import pytest

from liquidwarp.errors import InputError
from liquidwarp.metrics import flicker, iou, person_region


def test_iou_by_counting() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.random((2, 17, 23)) > 0.5
    both = sum(bool(p and q) for p, q in zip(a.flat, b.flat, strict=True))
    either = sum(bool(p or q) for p, q in zip(a.flat, b.flat, strict=True))
    assert iou(a, b) == both / either


def test_iou_of_equal_disjoint_and_empty_masks() -> None:
    left = np.zeros((4, 8), dtype=bool)
    left[:, :4] = True
    assert iou(left, left) == 1
    assert iou(left, ~left) == 0
    assert iou(left & ~left, left & ~left) == 1


def test_person_region_grows_a_pixel_to_a_square() -> None:
    alpha = np.zeros((20, 20), np.float32)
    alpha[10, 10], alpha[0, 19] = 0.51, 0.5  # 0.5 itself is not the person
    expected = np.zeros((20, 20), dtype=bool)
    expected[6:15, 6:15] = True
    np.testing.assert_array_equal(person_region(alpha), expected)


def clip(seed: int, frames: int = 5) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 256, (frames, 6, 7, 3), dtype=np.uint8))


def test_flicker_equals_the_formula() -> None:
    ours, real = clip(0), clip(1)
    a, b = np.stack(ours).astype(float), np.stack(real).astype(float)
    assert flicker(ours, real) == pytest.approx(np.abs(np.diff(a, axis=0) - np.diff(b, axis=0)).mean(), abs=1e-9)


def test_flicker_of_equal_clips_and_of_a_constant_error_is_zero() -> None:
    real = [frame // 2 for frame in clip(2)]
    assert flicker(real, real) == 0
    assert flicker([frame + np.uint8(40) for frame in real], real) == 0


def test_flicker_never_wraps() -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert flicker([black, white], [white, black]) == 510


def test_flicker_reads_lazily() -> None:
    frames = iter(clip(3))
    assert flicker(frames, iter(clip(3))) == 0


@pytest.mark.parametrize(
    ("ours", "real", "message"),
    [
        (1, 1, "at least two frames"),
        (3, 4, "different numbers of frames"),
    ],
)
def test_flicker_of_clips_that_do_not_fit_is_refused(ours: int, real: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        flicker(clip(0, ours), clip(0, real))


def test_flicker_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="frame 1 is"):
        flicker(clip(0, 2), [clip(0, 1)[0], np.zeros((2, 2, 3), np.uint8)])
