import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from liquidwarp.errors import InputError
from liquidwarp.metrics import compute, find_motion, warp_errors


def texture(size: int = 80) -> np.ndarray:
    values = gaussian_filter(np.random.default_rng(0).uniform(size=(size, size, 3)), (2, 2, 0))
    return (255 * (values - values.min()) / np.ptp(values)).astype(np.uint8)


def test_warp_errors_equal_the_loop() -> None:
    rng = np.random.default_rng(1)
    before, now = rng.integers(0, 256, (2, 7, 9, 3), dtype=np.uint8)
    motion = rng.uniform(-2, 2, (7, 9, 2))
    found = warp_errors(before, now, motion)
    for y in range(7):
        for x in range(9):
            u, v = np.clip(x + motion[y, x, 0], 0, 8), np.clip(y + motion[y, x, 1], 0, 6)
            left, top = min(int(u), 7), min(int(v), 5)
            a, b = u - left, v - top
            four = before[top : top + 2, left : left + 2].astype(float)
            moved = (1 - b) * ((1 - a) * four[0, 0] + a * four[0, 1]) + b * ((1 - a) * four[1, 0] + a * four[1, 1])
            assert found[y, x] == pytest.approx(((moved - now[y, x]) ** 2).mean() / 255**2, abs=1e-12)


def test_motion_points_to_where_a_pixel_was() -> None:
    before = texture()
    now = np.roll(before, (2, 3), (0, 1))  # two down, three to the right
    motion, told = find_motion(before, now)
    assert np.median(motion[20:60, 20:60].reshape(-1, 2), 0) == pytest.approx([-3, -2], abs=0.1)
    assert told[20:60, 20:60].mean() > 0.95


def test_a_clip_that_moves_with_the_real_one_has_less_error_than_a_still_one() -> None:
    real = np.stack([np.roll(texture(), 2 * index, 1) for index in range(4)])
    other = 255 - real  # other colours, the same motion
    still = np.repeat(other[:1], 4, 0)
    scores = {
        name: compute(clip, real, ["warp-error"], regions=["full"])["warp-error"].value
        for name, clip in {"real": real, "other": other, "still": still}.items()
    }
    assert scores["real"] < 0.001
    assert scores["other"] == pytest.approx(scores["real"], abs=1e-6)
    assert scores["still"] > 5 * scores["real"]


def test_small_pictures_say_so() -> None:
    small = texture(8)
    with pytest.raises(InputError, match="no optical flow"):
        find_motion(small, small)
    table = compute(np.stack([small, small]), np.stack([small, small]), ["warp-error"], regions=["full"])
    assert table["warp-error"].absent == "pictures are smaller than 12x12"
