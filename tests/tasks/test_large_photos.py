"""What is learnt of a large photo is decided at a smaller size and loses nothing that its pictures show."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from toy_people import ToyDetector, toy_photo

import liquidwarp as lw
from liquidwarp.appearance.excerpt import Excerpt
from liquidwarp.appearance.tuning import LAYER_TUNING
from liquidwarp.demo import asset
from liquidwarp.inpaint.tuning import BACKGROUND_TUNING
from liquidwarp.matting.tuning import FOREGROUND_TUNING
from liquidwarp.media import read_image, write_image
from liquidwarp.tasks.source import SOURCE_TUNING, SourceTuning
from liquidwarp.testing import toy_body
from liquidwarp.types import Camera

COLOURS = np.random.default_rng(0).integers(20, 230, (16, 3)).astype(np.uint8)


def working_at(pixels: int) -> SourceTuning:
    """Take photos of more than so many pixels for large ones."""
    return replace(
        SOURCE_TUNING,
        layers=replace(LAYER_TUNING, most_pixels=pixels),
        background=replace(BACKGROUND_TUNING, most_pixels=pixels),
        foreground=replace(FOREGROUND_TUNING, most_pixels=pixels),
    )


@pytest.mark.slow
def test_pictures_of_a_large_photo_are_those_of_the_photo_in_full() -> None:
    body = toy_body()
    photo = toy_photo(body, COLOURS, size=(388, 292))
    whole, quick = (
        lw.encode_source(photo.rgb, body=body, detector=ToyDetector(photo), tuning=tuning)
        for tuning in (SOURCE_TUNING, working_at(388 * 292 // 4))
    )
    assert quick.background.shape == quick.photo.shape == whole.photo.shape
    assert (quick.alpha != whole.alpha).mean() < 0.0005  # beside what is held, which is found in a smaller picture
    untouched = cv2.dilate(whole.alpha, np.ones((81, 81))) == 0
    np.testing.assert_array_equal(quick.background[untouched], photo.rgb[untouched])
    own = 15  # a picture of the photo's own for each group of parts; those that are unrolled may be smaller
    ours, theirs = (person.appearance.table[:own, 1:].astype(int) for person in (quick, whole))
    assert np.abs(ours - theirs).max() <= 1  # heights and widths
    for size in (97, 194):
        views = (lw.novel_view(person, frames=3, size=size) for person in (quick, whole))
        for ours, theirs in zip(*views, strict=True):
            assert float((ours.alpha - theirs.alpha).abs().mean()) < 0.002
            assert float((ours.image - theirs.image).abs().mean()) < 0.01


@pytest.mark.parametrize("most_pixels", [2**21, 40_000, 3_000])
def test_an_excerpt_shows_the_person_where_its_camera_sees_it(most_pixels: int) -> None:
    alpha = np.zeros((600, 400), np.float32)
    alpha[200:500, 150:250] = 1
    points = np.array([[160.0, 210.0], [240.0, 490.0]], np.float32)
    excerpt = Excerpt.of(alpha, points, tuning=replace(LAYER_TUNING, most_pixels=most_pixels))
    assert excerpt.is_all == (most_pixels == 2**21)
    assert np.prod(excerpt.size) <= most_pixels
    mask = alpha > 0.5
    again = excerpt.back(excerpt.cut(alpha) > 0.5)
    off = excerpt.window[0] / excerpt.size[0]
    assert (again != mask).sum() <= 2 * off * (300 + 100) * 0.5
    camera = Camera.create(500.0, (600, 400))
    seen = excerpt.camera(camera)
    assert tuple(seen.size) == excerpt.size
    np.testing.assert_allclose(excerpt.place(camera.center.numpy()), seen.center.numpy(), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("megapixels", "most_gb"), [(12, 1.5), (48, 3.0)])
def test_a_phone_photo_fits_into_memory(megapixels: int, most_gb: float, tmp_path: Path) -> None:
    rgb = read_image(asset("woman_stripes.jpg")).rgb
    scale = (megapixels * 1e6 / rgb[..., 0].size) ** 0.5
    write_image(tmp_path / "large.jpg", cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))
    command = [sys.executable, "-m", "liquidwarp.cli", "learn", str(tmp_path / "large.jpg")]
    script = (
        f"import resource, subprocess; subprocess.run({[*command, '-o', str(tmp_path / 'me.person')]!r}, check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout.split()[-1]) * unit < most_gb * 1e9
