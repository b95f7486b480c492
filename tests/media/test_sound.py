from fractions import Fraction

import numpy as np
import pytest
from media_samples import clicks, greys, make_sound, make_video

from liquidwarp.errors import InputError
from liquidwarp.media import open_video, write_video

HALVES = np.arange(0, 3.9, 0.5)
FRAME = 0.03  # seconds; within a frame of the video, sound is in step


def flat(count):
    return greys(count, step=0)


@pytest.fixture
def dance(tmp_path):
    return make_video(tmp_path / "dance.mp4", flat(75), sound=("aac", 3.0))


@pytest.mark.parametrize(
    ("ending", "codec"), [(".mp4", "aac"), (".mov", "aac"), (".m4v", "aac"), (".mkv", "aac"), (".webm", "opus")]
)
def test_sound_is_carried_over_in_step(tmp_path, dance, ending, codec):
    out = write_video(flat(75), tmp_path / f"out{ending}", fps=25, sound=dance)
    assert open_video(out).has_sound
    times, name, _ = clicks(out)
    assert name == codec
    assert np.abs(times - HALVES[:6]).max() < FRAME


@pytest.mark.parametrize(("codec", "ending"), [("pcm_s16le", ".wav"), ("libmp3lame", ".mp3"), ("flac", ".flac")])
@pytest.mark.parametrize("out", ["out.mp4", "out.webm"])
def test_sound_files_of_other_kinds(tmp_path, codec, ending, out):
    sound = make_sound(tmp_path / f"a{ending}", codec, 2.0)
    path = write_video(flat(50), tmp_path / out, fps=25, sound=sound)
    times, _, _ = clicks(path)
    assert np.abs(times - HALVES[:4]).max() < FRAME


def test_sound_ends_with_the_pictures(tmp_path, dance):
    out = write_video(flat(25), tmp_path / "out.mp4", fps=25, sound=dance)
    times, _, end = clicks(out)
    assert len(times) == 2
    assert end == pytest.approx(1.0, abs=0.05)
    assert open_video(out).duration == pytest.approx(1.0)


def test_sound_shorter_than_the_pictures(tmp_path, dance):
    out = write_video(flat(150), tmp_path / "out.mp4", fps=25, sound=dance)
    assert open_video(out).frame_count == 150
    assert len(clicks(out)[0]) == 6


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
@pytest.mark.parametrize("codec", ["aac", "flac"])
def test_sound_that_starts_later_than_the_pictures(tmp_path, ending, codec):
    source = make_video(tmp_path / "a.mkv", flat(50), sound=(codec, 1.0), sound_offset=0.7)
    out = write_video(flat(50), tmp_path / f"out{ending}", fps=25, sound=source)
    assert np.abs(clicks(out)[0] - [0.7, 1.2]).max() < FRAME


@pytest.mark.parametrize("codec", ["aac", "flac"])
def test_sound_that_starts_before_the_pictures(tmp_path, codec):
    times = [700 + 40 * i for i in range(50)]
    source = make_video(tmp_path / "a.mkv", flat(50), times=times, sound=(codec, 3.0))
    out = write_video(flat(50), tmp_path / "out.mp4", fps=25, sound=source)
    assert np.abs(clicks(out)[0] - [0.3, 0.8, 1.3, 1.8]).max() < FRAME


def test_other_rate_than_the_source(tmp_path, dance):
    out = write_video(flat(60), tmp_path / "out.mp4", fps=Fraction(30000, 1001), sound=dance)
    assert np.abs(clicks(out)[0] - HALVES[:5][: len(clicks(out)[0])]).max() < FRAME
    assert len(clicks(out)[0]) in (4, 5)


def test_same_bytes(tmp_path, dance):
    for sound, ending in [
        (dance, ".mp4"),
        (make_sound(tmp_path / "a.wav", "pcm_s16le", 1.0), ".mp4"),
        (dance, ".webm"),
    ]:
        a = write_video(flat(20), tmp_path / f"x{ending}", fps=25, sound=sound).read_bytes()
        assert write_video(flat(20), tmp_path / f"y{ending}", fps=25, sound=sound).read_bytes() == a


def test_no_sound_is_fine(tmp_path):
    silent = make_video(tmp_path / "silent.mp4", flat(3))
    (tmp_path / "frames").mkdir()
    for sound in (silent, tmp_path / "frames", None):
        assert not open_video(write_video(flat(3), tmp_path / "out.mp4", fps=25, sound=sound)).has_sound


def test_a_gif_has_no_sound(tmp_path, dance):
    assert not open_video(write_video(flat(3), tmp_path / "out.gif", fps=25, sound=dance)).has_sound


def test_sound_that_cannot_be_read(tmp_path):
    (tmp_path / "text.mp3").write_text("hello")
    for name, words in [("missing.mp3", "does not exist"), ("text.mp3", "is not a sound")]:
        with pytest.raises(InputError, match=words):
            write_video(flat(3), tmp_path / "out.mp4", fps=25, sound=tmp_path / name)
    assert not (tmp_path / "out.mp4").exists()


def test_sound_of_a_truncated_file_is_carried_as_far_as_it_goes(tmp_path):
    whole = make_video(tmp_path / "a.mp4", flat(75), sound=("aac", 3.0), movflags="+faststart").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 3 // 4])
    out = write_video(flat(75), tmp_path / "out.mp4", fps=25, sound=tmp_path / "cut.mp4")
    assert open_video(out).frame_count == 75
