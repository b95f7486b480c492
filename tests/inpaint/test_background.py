import numpy as np
import pytest

from liquidwarp.errors import InputError
from liquidwarp.inpaint import BackgroundTuning
from liquidwarp.inpaint.background import background_from, clip_background, grow, photo_background

SIZE = (72, 96)


def _scene() -> np.ndarray:
    generator = np.random.default_rng(7)
    image = np.full((*SIZE, 3), (180, 190, 200), np.uint8)
    image[50:] = (110, 80, 60)
    return (image + generator.integers(0, 12, image.shape)).astype(np.uint8)


def _moving_square(count: int, gain: float = 0.0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    frames, masks = [], []
    for t in range(count):
        frame, mask = _scene().astype(np.float32), np.zeros(SIZE, bool)
        frame *= 1 + gain * np.sin(2.0 * t)
        left = round(70 * t / max(1, count - 1))
        mask[20:60, left : left + 12] = True
        frame[mask] = (220, 30, 40)
        frames.append(np.rint(frame).astype(np.uint8))
        masks.append(mask)
    return frames, masks


def test_the_background_has_no_skin_and_goes_on_behind_the_person():
    scene = _scene()
    photo, alpha = scene.copy(), np.zeros(SIZE, np.float32)
    photo[15:65, 40:54] = (225, 150, 120)
    alpha[15:65, 40:54] = 1
    photo[14, 40:54] = (200, 170, 160)  # a fringe that the alpha misses
    background = photo_background(photo, alpha)
    assert np.abs(background.astype(int) - scene).max() < 30
    assert np.abs(background[5:46].astype(float).mean((0, 1)) - scene[5:46].mean((0, 1))).max() < 2
    assert (background[:, :28] == photo[:, :28]).all()


@pytest.mark.slow
def test_a_reflection_on_a_plain_floor_goes_as_well():
    photo = np.full((*SIZE, 3), (120, 90, 70), np.uint8)
    photo[:30] = 220
    clean, alpha = photo.copy(), np.zeros(SIZE, np.float32)
    alpha[10:50, 44:52] = 1
    photo[10:50, 44:52] = (20, 30, 40)
    photo[50:68, 45:51] = (80, 55, 40)
    assert np.abs(photo_background(photo, alpha).astype(int) - clean).max() <= 4


def test_the_hole_of_a_large_photo_is_filled_at_a_smaller_size_and_has_its_grain():
    generator = np.random.default_rng(3)
    scene = np.full((120, 160, 3), (150, 140, 130), np.uint8)
    scene[80:] = (110, 80, 60)
    scene = (scene + generator.integers(-9, 10, scene.shape)).astype(np.uint8)
    photo, alpha = scene.copy(), np.zeros(scene.shape[:2], np.float32)
    photo[30:100, 65:90], alpha[30:100, 65:90] = (225, 90, 220), 1
    tuning = BackgroundTuning(most_pixels=alpha.size // 6)
    background = photo_background(photo, alpha, tuning=tuning)
    filled = (background != photo).any(-1)
    assert filled[30:100, 65:90].mean() > 0.99
    assert not filled[:, :45].any()
    assert not filled[:, 110:].any()
    for rows in (slice(30, 75), slice(85, 100)):
        inside, truth = background[rows, 65:90].astype(float), scene[rows, 65:90].astype(float)
        assert np.abs(inside.mean((0, 1)) - truth.mean((0, 1))).max() < 3
        assert inside.std((0, 1)).mean() > 0.7 * truth.std((0, 1)).mean(), (
            "the grain of the photo, not of the small one"
        )
    with pytest.raises(InputError, match="alpha has shape"):
        photo_background(photo, alpha[::5, ::5], tuning=tuning)


def test_no_person_leaves_the_photo_alone():
    assert (photo_background(_scene(), np.zeros(SIZE, np.float32)) == _scene()).all()


def test_a_person_everywhere_is_an_error():
    with pytest.raises(InputError, match="covers the whole image"):
        photo_background(_scene(), np.ones(SIZE, np.float32))
    with pytest.raises(InputError, match="alpha has shape"):
        photo_background(_scene(), np.ones((3, 4), np.float32))


def test_the_median_of_a_clip_is_exact_where_it_was_seen():
    frames, masks = _moving_square(40)
    background, known = clip_background(iter(frames), iter(masks), SIZE)
    assert known.all()
    assert (background == _scene()).all()


def test_flicker_is_taken_out():
    frames, masks = _moving_square(31, gain=0.08)
    background, _ = clip_background(frames, masks, SIZE)
    assert np.abs(background.astype(int) - frames[0])[~grow(masks[0], 0.02)].max() <= 3


def test_a_long_clip_is_sampled_and_mask_stacks_are_asked_by_index():
    frames, masks = _moving_square(130)
    asked: list[int] = []

    class Stack:
        def frame(self, index: int, size: tuple[int, int]) -> np.ndarray:
            asked.append(index)
            assert size == SIZE
            return masks[index].astype(np.float32)

    background, known = clip_background(frames, Stack(), SIZE)
    assert known.all()
    assert (background == _scene()).all()
    assert len(asked) < 130


@pytest.mark.slow
def test_what_was_never_seen_is_completed():
    frames = [_scene()] * 6
    mask = np.zeros(SIZE, bool)
    mask[10:45, 40:55] = True
    for frame in frames:
        frame[mask] = (255, 0, 0)
    background, known = clip_background(frames, [mask] * 6, SIZE)
    assert not known[mask].any()
    assert background[mask][:, 0].max() < 200


def test_a_background_of_another_size():
    frames, masks = _moving_square(12)
    background, known = clip_background(frames, masks, (36, 48))
    assert background.shape == (36, 48, 3)
    assert known.shape == (36, 48)


def test_clip_errors():
    frames, masks = _moving_square(5)
    with pytest.raises(InputError, match="no frame"):
        clip_background([], [], SIZE)
    with pytest.raises(InputError, match="got 3 masks"):
        clip_background(frames, masks[:3], SIZE)
    with pytest.raises(InputError, match="covers every frame"):
        clip_background(frames, [np.ones(SIZE, bool)] * 5, SIZE)


def test_a_users_picture_covers_the_size():
    picture = np.zeros((50, 200, 3), np.uint8)
    picture[:, 50:150] = 200
    assert (background_from(picture, (40, 80)) == 200).all()
    assert background_from(picture, (300, 120)).shape == (300, 120, 3)
    assert (background_from((1, 2, 3), (4, 5)) == (1, 2, 3)).all()
    with pytest.raises(InputError, match="not \\(red, green, blue\\)"):
        background_from((1, 2, 300), (4, 5))
