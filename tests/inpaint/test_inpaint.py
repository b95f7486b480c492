import cv2
import numpy as np
import pytest

from liquidwarp.errors import InputError
from liquidwarp.inpaint.blend import _solve, membrane, spread
from liquidwarp.inpaint.fill import _without_drift, inpaint
from liquidwarp.inpaint.tuning import INPAINT_TUNING


def _square(size: tuple[int, int], top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def _noise(size: tuple[int, int], seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).random((*size, 3)).astype(np.float32)


@pytest.mark.slow
def test_a_periodic_texture_is_completed_nearly_exactly():
    tile = _noise((8, 8))
    image = np.tile(tile, (12, 12, 1))
    hole = _square((96, 96), 30, 36, 32, 24)
    filled = inpaint(np.where(hole[..., None], 0, image).astype(np.float32), hole)
    error = np.abs(filled - image)[hole]
    assert np.median(error) < 1e-3
    assert (error < 0.02).mean() > 0.97


@pytest.mark.slow
def test_a_line_goes_on_through_the_hole():
    image = np.full((80, 120, 3), 0.8, np.float32)
    image[50:] = (0.4, 0.25, 0.15)
    image[48:50] = 0.05
    hole = _square((80, 120), 20, 45, 50, 28)
    filled = inpaint(np.where(hole[..., None], 0.5, image).astype(np.float32), hole)
    assert np.abs(filled - image).max() < 0.01


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_constant_stays_constant(value: float):
    image = np.full((60, 50, 3), value, np.float32)
    hole = _square((60, 50), 10, 10, 40, 20)
    filled = inpaint(np.where(hole[..., None], 1 - value, image).astype(np.float32), hole)
    assert np.abs(filled - image).max() < 1e-5


@pytest.mark.slow
def test_a_shaded_wall_stays_as_smooth_as_it_is():
    y, x = np.mgrid[:96, :96] / 96
    image = np.stack([0.5 + 0.3 * y + 0.1 * x, 0.6 + 0.2 * y, 0.7 + 0.1 * x], -1).astype(np.float32)
    hole = _square((96, 96), 15, 33, 75, 30)
    filled = inpaint(image * ~hole[..., None], hole)
    assert np.abs(filled - image).max() < 1.5 / 255


@pytest.mark.slow
def test_a_vignette_has_no_blotches():
    y, x = np.mgrid[:96, :96] / 48 - 1
    image = np.repeat((0.9 - 0.2 * (x**2 + y**2))[..., None], 3, 2).astype(np.float32)
    hole = _square((96, 96), 15, 33, 75, 30)
    filled = inpaint(image * ~hole[..., None], hole)
    curvature = np.abs(np.diff(filled[..., 0], 2, axis=1))[hole[:, 1:-1]]
    assert curvature.max() < 2 / 255
    assert np.abs(filled - image).max() < 0.1


@pytest.mark.slow
def test_the_hole_at_the_border_is_filled_as_well():
    image = np.tile(_noise((6, 6)), (14, 14, 1))
    hole = _square((84, 84), 0, 30, 84, 20) | _square((84, 84), 70, 0, 14, 60)
    filled = inpaint(image * ~hole[..., None], hole)
    assert (np.abs(filled - image)[hole] < 0.02).mean() > 0.9


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_same_bytes_again_and_nothing_outside_of_the_hole_changes(dtype: type):
    image = (_noise((48, 56)) * (255 if dtype == np.uint8 else 1)).astype(dtype)
    hole = _square((48, 56), 12, 20, 24, 16)
    before = image.copy()
    first, second = inpaint(image, hole), inpaint(image, hole)
    assert first.dtype == dtype
    assert first.tobytes() == second.tobytes()
    assert (image == before).all()
    assert (first[~hole] == image[~hole]).all()


@pytest.mark.slow
def test_what_lies_in_the_hole_does_not_matter():
    image, hole = _noise((48, 56)), _square((48, 56), 12, 20, 24, 16)
    other = image.copy()
    other[hole] = (1, 0, 0)
    assert inpaint(image, hole)[hole].tobytes() == inpaint(other, hole)[hole].tobytes()


@pytest.mark.slow
def test_colours_outside_of_the_source_never_show():
    image = _noise((64, 64)) * np.array([0.1, 1, 1], np.float32)
    image[:, 34:] = (1, 0, 0)  # red, right at the hole's border
    hole = _square((64, 64), 20, 18, 24, 16)
    source = np.zeros_like(hole)
    source[:, :34] = True
    filled = inpaint(image, hole, source=source)
    assert filled[hole][:, 0].max() <= 0.1 + 1e-6
    untouched = image.copy()
    untouched[:, 34:] = (0, 0, 1)
    assert (inpaint(untouched, hole, source=source)[hole] == filled[hole]).all()


@pytest.mark.slow
def test_a_guide_chooses_between_two_sources():
    image = np.full((60, 90, 3), 0.5, np.float32)
    image[:, :30], image[:, 60:] = 0.2, 0.9
    hole = _square((60, 90), 0, 30, 60, 30)
    guide = np.zeros((60, 90, 1), np.float32)
    guide[:, 30:] = 1
    filled = inpaint(image, hole, guide=guide, context=np.zeros_like(hole))
    assert np.abs(filled[:, 38:60] - 0.9).max() < 0.02  # patches centred left of the hole reach into it


@pytest.mark.parametrize("pixels", [1, 3, 20, 60])
def test_a_tiny_source_gives_its_own_colours(pixels: int):
    image = np.zeros((40, 40, 3), np.float32)
    source = np.zeros((40, 40), bool)
    rows, columns = np.unravel_index(np.arange(pixels) * 7 % 100, (10, 10))
    source[rows + 5, columns + 5] = True
    image[source] = (0.2, 0.6, 0.4)
    filled = inpaint(image, _square((40, 40), 18, 18, 15, 12), source=source)
    assert np.abs(filled[18:33, 18:30] - (0.2, 0.6, 0.4)).max() < 1e-4


def test_patches_of_an_irregular_source_fill_a_far_hole():
    image = np.tile(_noise((5, 5)), (12, 12, 1))
    y, x = np.mgrid[:60, :60]
    source = (y - 15) ** 2 + (x - 15) ** 2 < 100
    filled = inpaint(image, _square((60, 60), 40, 35, 12, 20), source=source)
    texture = filled[40:52, 35:55]
    assert texture.std() > 0.5 * image.std()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hole": np.ones((20, 20), bool)}, "covers the whole image"),
        ({"source": np.zeros((20, 20), bool)}, "no pixel to copy from"),
        ({"hole": np.zeros((20, 21), bool)}, "hole has shape"),
        ({"patch": 4}, "patch=4 must be odd"),
    ],
)
def test_errors_say_what_is_wrong(change: dict, message: str):
    arguments = {"image": np.zeros((20, 20, 3), np.float32), "hole": _square((20, 20), 5, 5, 5, 5)} | change
    image, hole = arguments.pop("image"), arguments.pop("hole")
    with pytest.raises(InputError, match=message):
        inpaint(image, hole, **arguments)


def test_no_hole_is_a_copy():
    image = _noise((20, 20))
    filled = inpaint(image, np.zeros((20, 20), bool))
    assert (filled == image).all()
    assert filled is not image


def test_the_multigrid_solution_is_that_of_a_dense_solver():
    generator = np.random.default_rng(5)
    height, width = 13, 18
    inside = generator.random((height, width)) > 0.3
    right, down = np.zeros((height, width)), np.zeros((height, width))
    right[:, :-1] = generator.random((height, width - 1)) * (inside[:, :-1] & inside[:, 1:])
    down[:-1] = generator.random((height - 1, width)) * (inside[:-1] & inside[1:])
    diagonal = right + down + 0.01
    diagonal[:, 1:] += right[:, :-1]
    diagonal[1:] += down[:-1]
    diagonal *= inside
    rhs = generator.standard_normal((height, width, 3)) * inside[..., None]
    index = np.arange(height * width).reshape(height, width)
    dense = np.diag(np.where(inside, diagonal, 1).ravel())
    for weight, one, two in ((right[:, :-1], index[:, :-1], index[:, 1:]), (down[:-1], index[:-1], index[1:])):
        dense[one.ravel(), two.ravel()] -= weight.ravel()
        dense[two.ravel(), one.ravel()] -= weight.ravel()
    wanted = np.linalg.solve(dense, rhs.reshape(-1, 3)).reshape(rhs.shape)
    found = _solve(right, down, diagonal, rhs, np.zeros_like(rhs))
    assert np.abs(found - wanted).max() < 1e-3 * np.abs(wanted).max()


def test_spread_and_membrane_keep_what_is_known():
    image, known = _noise((33, 47)), np.random.default_rng(1).random((33, 47)) > 0.9
    assert np.abs(spread(image, known) - image)[known].max() < 1e-6
    filled = membrane(image, ~known, known)
    assert (filled[known] == image[known]).all()
    assert filled.min() >= image[known].min() - 1e-4
    assert filled.max() <= image[known].max() + 1e-4


def test_differences_that_add_up_make_no_stain():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:96, :96]
    hole = (x - 48) ** 2 + (y - 48) ** 2 < 30**2
    wall = np.full((96, 96, 3), 0.6)
    stain = (0.2 * np.exp(-((x - 48) ** 2 + (y - 48) ** 2) / 18**2))[..., None]
    grain = 0.01 * rng.standard_normal((96, 96, 1))
    given, smooth = wall + grain, wall - 0.02  # such as a shadow that the border draws on
    kept = _without_drift(wall - stain + grain, given, smooth, hole, INPAINT_TUNING)
    darkest = cv2.GaussianBlur(kept, (0, 0), INPAINT_TUNING.shading)[hole].min()
    assert darkest > 0.6 - 0.02 - INPAINT_TUNING.drift - 0.03  # without it .42; beside the hole nothing changes
    assert np.abs(np.diff(kept - grain, axis=0)).max() < 0.02  # all of the grain, and no edge
    between = wall - 0.01 + grain
    np.testing.assert_allclose(_without_drift(between, given, smooth, hole, INPAINT_TUNING), between, atol=1e-7)
