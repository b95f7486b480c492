"""People who are small in a large picture, and dark pictures."""

import logging
from itertools import pairwise

import cv2
import numpy as np
import pytest
from model_samples import needs_models

from liquidwarp.demo import asset
from liquidwarp.detect import Detection, LiteRtDetector, detect_clip, detect_people
from liquidwarp.detect.light import brightened
from liquidwarp.detect.litert.search import part_sides
from liquidwarp.detect.tuning import SearchTuning
from liquidwarp.errors import NoPersonError
from liquidwarp.media import read_image

DEMO = "woman_stripes.jpg"
PERSON = (159, 132, 353, 624)  # left, top, right, bottom of the demo's person


@pytest.fixture(scope="module")
def detector() -> LiteRtDetector:
    return LiteRtDetector()


def meadow(size: tuple[int, int]) -> np.ndarray:
    """Return a picture of (height, width) with soft colours and grain."""
    generator = np.random.default_rng(1)
    soft = generator.integers(60, 200, (max(2, size[0] // 64), max(2, size[1] // 64), 3)).astype(np.uint8)
    picture = cv2.resize(soft, size[::-1], interpolation=cv2.INTER_CUBIC).astype(np.int16)
    picture += generator.integers(-12, 12, picture.shape, dtype=np.int16)
    return picture.clip(0, 255).astype(np.uint8)


def with_person(picture: np.ndarray, height: int, x: int, y: int) -> np.ndarray:
    """Return the picture with the demo's person so many pixels tall, their top-left corner at (x, y)."""
    left, top, right, bottom = PERSON
    scale = height / (bottom - top)
    rgb = read_image(asset(DEMO)).rgb
    wall = np.abs(rgb.astype(int) - np.median(rgb[:300], (0, 1))).max(-1)
    mask = cv2.morphologyEx((wall > 30).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)).astype(np.float32)
    crop, mask = (
        cv2.resize(
            part[top:bottom, left:right].astype(np.float32), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
        for part in (rgb, mask)
    )
    out = picture.copy()
    place = out[y : y + crop.shape[0], x : x + crop.shape[1]]
    place[:] = mask[..., None] * crop + (1 - mask[..., None]) * place
    return out


def check_place(person: Detection, height: int, x: int, y: int) -> None:
    left, top, right, bottom = person.box
    width = height * (PERSON[2] - PERSON[0]) / (PERSON[3] - PERSON[1])
    assert abs((left + right) / 2 - x - width / 2) < 0.15 * height
    assert abs(bottom - y - height) < 0.12 * height
    assert abs(bottom - top - 0.92 * height) < 0.2 * height  # landmarks end at the eyes


@needs_models
@pytest.mark.parametrize("height", [80, 130, 257])
def test_a_person_is_found_however_small_in_the_picture(detector: LiteRtDetector, height: int) -> None:
    picture = with_person(meadow((720, 960)), height, 610, 330)
    check_place(detect_people(picture, detector=detector)[0], height, 610, 330)


@needs_models
@pytest.mark.slow
@pytest.mark.parametrize("size", [(1080, 1920), (3000, 4000)])
@pytest.mark.parametrize("height", [80, 100, 150, 200, 257, 350, 450, 600])
def test_all_heights_in_large_pictures(detector: LiteRtDetector, size: tuple[int, int], height: int) -> None:
    x, y = size[1] // 5, size[0] - height - 40
    picture = with_person(meadow(size), height, x, y)
    found = detect_clip(iter([picture]), fps=0.0, size=size, detector=detector)
    check_place(found.detection(0), height, x, y)


@needs_models
def test_below_that_the_error_says_how_tall_a_person_has_to_be(detector: LiteRtDetector) -> None:
    picture = with_person(np.full((360, 480, 3), (120, 140, 110), np.uint8), 24, 200, 200)
    with pytest.raises(NoPersonError, match=r"in far.jpg; try .* at least 80 pixels tall"):
        detect_clip(iter([picture]), fps=0.0, size=(360, 480), detector=detector, source="far.jpg")


@needs_models
def test_in_a_clip_a_small_person_is_looked_for_once_and_followed(detector: LiteRtDetector, monkeypatch) -> None:
    searched = []
    search = LiteRtDetector.search
    monkeypatch.setattr(LiteRtDetector, "search", lambda self, frame: searched.append(1) or search(self, frame))
    ground = meadow((540, 720))
    frames = [with_person(ground, 100, 300 + 3 * step, 200) for step in range(8)]
    found = detect_clip(iter(frames), fps=25.0, size=(540, 720), detector=detector)
    assert found.keypoints.present.all()
    assert len(searched) == 1
    for step in (0, 4, 7):
        check_place(found.detection(step), 100, 300 + 3 * step, 200)


class Watcher:
    """Sees nobody, and counts how often it is asked to look closely."""

    name = "watcher"

    def __init__(self) -> None:
        self.searched = 0

    def detect(self, frame: np.ndarray) -> list[Detection]:
        return []

    def search(self, frame: np.ndarray) -> list[Detection]:
        self.searched += 1
        return []


def test_a_clip_of_nobody_is_not_searched_in_every_frame() -> None:
    watcher = Watcher()
    with pytest.raises(NoPersonError):
        detect_clip((np.full((8, 8, 3), 200, np.uint8) for _ in range(200)), fps=25.0, size=(8, 8), detector=watcher)
    assert watcher.searched == 4  # after 0, 1, 3 and 7 seconds


@pytest.mark.parametrize("size", [(480, 640), (1080, 1920), (6000, 8000)])
def test_parts_reach_down_to_what_shows_eighty_pixels(size: tuple[int, int]) -> None:
    tuning = SearchTuning()
    sides = part_sides(size, tuning)
    assert sides[0] == max(size) / 2
    assert sides[-1] == tuning.least_side <= 80 / 0.28
    assert all(finer >= coarser / 2 for coarser, finer in pairwise(sides))
    assert part_sides((200, 300), tuning) == []


@pytest.mark.parametrize("light", [1.0, 0.6, 0.3, 0.12, 0.05])
def test_dark_pictures_get_daylight_and_others_stay(light: float) -> None:
    picture = meadow((90, 120))
    dark = np.rint(picture * light).astype(np.uint8)
    lit = brightened(dark)
    if light >= 0.6:
        assert lit is dark
    else:
        assert np.abs(lit.astype(int) - dark * (225 / np.percentile(dark.max(-1), 99))).mean() < 6
    night = np.zeros((90, 120, 3), np.uint8)
    assert brightened(night) is night
    night[10:30, 10:40] = 250  # a lamp
    assert brightened(night) is night


@needs_models
@pytest.mark.parametrize("linear", [False, True])
def test_a_person_in_the_dark_is_found_where_daylight_shows_it(
    detector: LiteRtDetector, linear: bool, caplog: pytest.LogCaptureFixture
) -> None:
    photo = read_image(asset(DEMO)).rgb
    dark = 255 * 0.12 ** (1 / 2.2 if linear else 1) * (photo / 255)
    dark = np.rint(dark).astype(np.uint8)
    before = dark.copy()

    def look(picture: np.ndarray) -> Detection:
        size = (picture.shape[0], picture.shape[1])
        return detect_clip(iter([picture, picture]), fps=0.0, size=size, detector=detector, source="me.jpg").detection(
            0
        )

    with caplog.at_level(logging.WARNING):
        found, wanted = look(dark), look(photo)
    assert np.abs(found.image - wanted.image).mean() < 0.005 * photo.shape[0]
    assert np.minimum(found.mask, wanted.mask).sum() > 0.97 * np.maximum(found.mask, wanted.mask).sum()
    assert [record.message for record in caplog.records] == [
        "me.jpg: dark; brightened to find the person, its own colours are kept"
    ]
    np.testing.assert_array_equal(dark, before)
