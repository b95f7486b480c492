"""What photos say of their lens."""

import math
from pathlib import Path

import pytest
from PIL import Image

from liquidwarp.media import read_image, read_picture

FOCAL, WIDTH, HEIGHT = 0xA405, 0xA002, 0xA003


def photo(path: Path, size: tuple[int, int], tags: dict[int, object], turned: int = 1) -> Path:
    exif = Image.Exif()
    exif[0x0112] = turned
    exif.get_ifd(0x8769).update(tags)
    Image.new("RGB", size, (90, 80, 70)).save(path, exif=exif)
    return path


def test_the_equivalent_focal_length_is_the_angle_across_the_diagonal(tmp_path: Path) -> None:
    picture = read_image(photo(tmp_path / "a.jpg", (120, 80), {FOCAL: 50}))  # the proportions of a 35 mm film
    assert picture.fov == pytest.approx(2 * math.degrees(math.atan(18 / 50)))
    phone = read_image(photo(tmp_path / "b.jpg", (80, 60), {FOCAL: 26}))
    assert phone.fov == pytest.approx(2 * math.degrees(math.atan(math.hypot(36, 24) * 0.8 / 26 / 2)))
    upright = read_image(photo(tmp_path / "c.jpg", (80, 60), {FOCAL: 26, WIDTH: 80, HEIGHT: 60}, turned=6))
    assert upright.size == (80, 60)
    assert upright.fov == pytest.approx(phone.fov)
    assert read_picture(Image.open(tmp_path / "b.jpg")).fov == pytest.approx(phone.fov)


@pytest.mark.parametrize(
    "tags", [{}, {FOCAL: 0}, {FOCAL: 65535}, {FOCAL: 26, WIDTH: 80, HEIGHT: 80}], ids=["none", "0", "huge", "cropped"]
)
def test_who_does_not_say_or_was_cropped_has_no_lens(tmp_path: Path, tags: dict[int, object]) -> None:
    assert read_image(photo(tmp_path / "a.jpg", (80, 60), tags)).fov is None


def test_broken_exif_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (80, 60)).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\xff\xff\0\0")
    assert read_image(path).fov is None
