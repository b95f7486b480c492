import logging
from pathlib import Path

import numpy as np
import pytest
from media_samples import corners, greys, numbers
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from liquidwarp.bodies.landmarks import COCO
from liquidwarp.detect import Detection
from liquidwarp.errors import InputError
from liquidwarp.media import AnimatedPicture, is_image, is_video, open_video, read_image
from liquidwarp.metrics.clips import frames_of
from liquidwarp.tasks.recover import detect_source

ENDINGS = [".webp", ".gif", ".png"]
CASE = Path(__file__).parents[1] / "cases" / "case15_animated.webp"


def animation(path: Path, frames, duration) -> Path:
    images = [Image.fromarray(frame) for frame in frames]
    exact = {"lossless": True, "exact": True} if path.suffix == ".webp" else {}
    moving = {"save_all": True, "append_images": images[1:], "duration": duration} if len(images) > 1 else {}
    images[0].save(path, **moving, **exact)
    return path


def test_the_case() -> None:
    clip = open_video(CASE)
    assert is_video(CASE)
    assert (clip.frame_count, clip.fps, clip.size) == (30, 25.0, (256, 256))
    assert sum(1 for _ in clip) == 30


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("durations", "fps", "shown"),
    [
        ([40] * 5, 25, [0, 1, 2, 3, 4]),
        ([30, 30, 40, 30, 30, 40], 30, [0, 1, 2, 3, 4, 5]),  # 30 a second on a clock of hundredths
        ([40, 40, 200, 40, 40], 25, [0, 1, 2, 2, 2, 2, 2, 3, 4]),
        ([0, 0, 0], 10, [0, 1, 2]),  # as browsers show them
        ([0], 0, None),
    ],
)
def test_every_frame_is_shown_for_its_time(tmp_path, ending, durations, fps, shown) -> None:
    path = animation(tmp_path / f"a{ending}", greys(len(durations)), durations)
    assert is_image(path)
    assert is_video(path) == (shown is not None)
    assert numbers([read_image(path).rgb]) == [0]  # as a photo it is its first frame
    if shown is None:
        with pytest.raises(InputError, match="is a picture, not a video"):
            open_video(path)
        return
    clip = open_video(path)
    assert clip.fps == pytest.approx(fps)
    assert numbers(clip) == numbers(clip) == shown
    assert clip.frame_count == len(shown)
    assert clip.duration == pytest.approx(len(shown) / fps)
    assert len(list(open_video(path, fps=2 * fps))) == 2 * len(shown)


@pytest.mark.parametrize("ending", ENDINGS)
def test_transparency_goes_onto_black(tmp_path, ending) -> None:
    opacity = np.zeros((48, 64, 1), np.uint8)
    opacity[:24] = 255
    frames = [np.concatenate([picture, opacity], 2) for picture in (corners(), corners()[:, ::-1])]
    for rgb, frame in zip(open_video(animation(tmp_path / f"a{ending}", frames, 100)), frames, strict=True):
        assert np.abs(rgb[:24].astype(int) - frame[:24, :, :3]).max() <= 8
        assert not rgb[24:].any()


def test_a_still_before_the_animation_is_no_frame_of_it(tmp_path) -> None:
    still, *moving = [Image.fromarray(frame) for frame in greys(4)]
    still.save(tmp_path / "a.png", save_all=True, append_images=moving, default_image=True, duration=40)
    assert numbers(open_video(tmp_path / "a.png")) == [1, 2, 3]
    assert numbers([read_image(tmp_path / "a.png").rgb]) == [0]


def test_one_frame_at_a_time_is_decoded(tmp_path, monkeypatch) -> None:
    clip = AnimatedPicture(animation(tmp_path / "a.gif", greys(8), 40))
    sought: list[int] = []
    seek = GifImageFile.seek
    monkeypatch.setattr(GifImageFile, "seek", lambda self, frame: (sought.append(frame), seek(self, frame))[1])
    frames = iter(clip)
    next(frames)
    next(frames)
    assert max(sought) <= 2


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_breaks_off_yields_what_is_there(tmp_path, ending, caplog) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (6, 40, 60, 3), dtype=np.uint8)
    path = animation(tmp_path / f"a{ending}", list(noise), 40)
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    if ending == ".webp":  # Pillow asks for the whole file
        with pytest.raises(InputError, match=r"damaged or incomplete|cannot be read|not a video"):
            open_video(path)
        return
    with caplog.at_level(logging.WARNING):
        frames = list(open_video(path))
    assert 0 < len(frames) < 6
    assert f"{path} is damaged or incomplete" in caplog.text


class Everybody:
    """Finds the same person in every picture."""

    name = "everybody"

    def detect(self, frame: np.ndarray) -> list[Detection]:
        points = np.linspace(4, 28, 2 * len(COCO), dtype=np.float32).reshape(-1, 2)
        return [Detection(COCO, points, np.ones(len(COCO), np.float32), None, None, 1.0)]


@pytest.mark.parametrize("ending", ENDINGS)
def test_it_is_a_clip_for_metrics_and_recovery_and_a_photo_is_not(tmp_path, ending) -> None:
    path, still = (animation(tmp_path / f"{count}{ending}", greys(count), 40) for count in (3, 1))
    assert numbers(frames_of(path)) == [0, 1, 2]
    moving = detect_source(path, Everybody(), 0, False).keypoints
    assert (len(moving.present), moving.fps) == (3, 25.0)
    standing = detect_source(still, Everybody(), 0, False).keypoints
    assert (len(standing.present), standing.fps) == (1, 0.0)
