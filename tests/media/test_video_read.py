import logging
import shutil
from fractions import Fraction

import numpy as np
import pytest
from media_samples import corners, greys, make_sound, make_video, numbers
from PIL import Image

from liquidwarp.errors import InputError
from liquidwarp.media import PictureFolder, VideoReader, is_video, open_video, read_image
from liquidwarp.media.timing import Stamp, choose_rate, constant_rate


def close(a, b, levels=8):
    """Compare away from colour edges, which 4:2:0 smears."""
    difference = np.abs(a.astype(int) - b.astype(int)).max(-1)
    return a.shape == b.shape and np.quantile(difference, 0.8) <= levels


def test_reads_frames_again_each_time(tmp_path):
    path = make_video(tmp_path / "a.mp4", greys(12), rate=30)
    clip = open_video(path)
    assert isinstance(clip, VideoReader)
    assert (clip.fps, clip.size, clip.frame_count, clip.has_sound) == (30.0, (32, 48), 12, False)
    assert clip.duration == pytest.approx(0.4)
    first, second = list(clip), list(clip)
    assert numbers(first) == list(range(12))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert first[0].dtype == np.uint8
    assert first[0].flags.c_contiguous


def test_two_iterations_side_by_side_do_not_disturb_each_other(tmp_path):
    clip = open_video(make_video(tmp_path / "a.mp4", greys(6)))
    assert all(np.array_equal(a, b) for a, b in zip(clip, clip, strict=True))


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), 25, 60, 12])
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_constant_rates_pass_one_to_one(tmp_path, rate, ending):
    clip = open_video(make_video(tmp_path / f"a.{ending}", greys(25), rate=rate))
    assert clip.fps == pytest.approx(float(rate), rel=1e-6)
    assert numbers(clip) == list(range(25))
    assert clip.frame_count == 25


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_rotation_metadata(tmp_path, angle):
    clip = open_video(make_video(tmp_path / "a.mp4", [corners()] * 2, rotation=angle))
    frame = next(iter(clip))
    expected = np.rot90(corners(), k=angle // 90)  # the display matrix turns counter-clockwise
    assert clip.size == expected.shape[:2]
    assert close(frame, expected)


def test_mirroring_metadata(tmp_path):
    clip = open_video(make_video(tmp_path / "a.mp4", [corners()] * 2, rotation=0, hflip=True))
    assert close(next(iter(clip)), corners()[:, ::-1])


@pytest.mark.parametrize(("shape", "size"), [(Fraction(2), (48, 128)), (Fraction(1, 2), (96, 64))])
def test_pixels_that_are_not_square(tmp_path, shape, size):
    clip = open_video(make_video(tmp_path / "a.mp4", [corners()] * 2, shape=shape))
    assert clip.size == size
    assert close(next(iter(clip)), corners(*size))


def test_not_square_and_rotated(tmp_path):
    clip = open_video(make_video(tmp_path / "a.mp4", [corners()] * 2, shape=Fraction(2), rotation=90))
    assert clip.size == (128, 48)
    assert close(next(iter(clip)), np.rot90(corners(48, 128)))


def test_variable_rate_becomes_constant(tmp_path):
    times = [0, 40, 80, 280, 320, 360, 400]  # a pause of 200 ms after the third frame
    clip = open_video(make_video(tmp_path / "a.mp4", greys(7), times=times, options={"bf": "0"}), fps=25)
    got = numbers(clip)
    assert got[:11] == [0, 1, 2, 2, 2, 3, 3, 3, 4, 5, 6]
    assert clip.frame_count == len(got)


def test_variable_rate_keeps_the_length_by_itself(tmp_path):
    times = np.cumsum([0, *([20, 60] * 12)]).tolist()
    clip = open_video(make_video(tmp_path / "a.mkv", greys(25), times=times))
    frames = list(clip)
    assert len(frames) == clip.frame_count
    assert len(frames) / clip.fps == pytest.approx(1.0, abs=0.1)
    assert numbers(frames) == sorted(numbers(frames))


def test_constant_rate_takes_the_nearest_frame():
    stamps = [Fraction(t, 1000) for t in (5, 20, 61, 99, 142, 200, 230)]
    frames = [(Stamp(t, Fraction(1, 25)), i) for i, t in enumerate(stamps)]
    got = list(constant_rate(frames, Fraction(25)))
    for tick, index in enumerate(got):
        distance = [abs(t - stamps[0] - Fraction(tick, 25)) for t in stamps]
        assert distance[index] == min(distance)
    assert len(got) == 7


def test_clocks_that_are_missing_or_broken():
    rate, some = Fraction(10), Fraction(1, 10)
    assert list(constant_rate([(Stamp(None, None), i) for i in range(5)], rate)) == [0, 1, 2, 3, 4]
    jumps = [0, 1, 2, 90_000, 90_001, 3, 4]  # a clock that leaps for hours and steps back
    assert list(constant_rate([(Stamp(Fraction(t, 10), some), i) for i, t in enumerate(jumps)], rate)) == list(range(7))
    assert list(constant_rate([], rate)) == []
    assert list(constant_rate([(Stamp(Fraction(7), None), "only")], rate)) == ["only"]


def test_rates_that_make_no_sense():
    assert choose_rate(None, None) == 25
    assert choose_rate(Fraction(299, 10), Fraction(30)) == 30
    assert choose_rate(Fraction(20), Fraction(90_000)) == 20
    assert choose_rate(None, Fraction(1000)) == 240


@pytest.mark.parametrize(("codec", "pix_fmt"), [("libx264", "gray"), ("ffv1", "gray")])
def test_greyscale(tmp_path, codec, pix_fmt):
    path = make_video(tmp_path / "a.mkv", greys(5), codec=codec, pix_fmt=pix_fmt, tagged=False)
    frames = list(open_video(path))
    assert frames[0].shape == (32, 48, 3)
    assert numbers(frames) == list(range(5))


def test_odd_size(tmp_path):
    frames = [corners(47, 63)] * 2
    clip = open_video(make_video(tmp_path / "a.mkv", frames, codec="ffv1", pix_fmt="bgr0", tagged=False))
    assert clip.size == (47, 63)
    assert np.array_equal(next(iter(clip)), frames[0])


def test_ten_bits(tmp_path):
    clip = open_video(make_video(tmp_path / "a.mkv", greys(3), codec="ffv1", pix_fmt="yuv420p10le"))
    assert numbers(clip) == [0, 1, 2]


def test_transparency_goes_onto_black(tmp_path):
    rgba = np.dstack([corners(), np.full((48, 64), 255, np.uint8)])
    rgba[:, 32:, 3] = 0
    clip = open_video(make_video(tmp_path / "a.mkv", [rgba] * 2, codec="ffv1", pix_fmt="bgra", tagged=False))
    frame = next(iter(clip))
    assert np.array_equal(frame[:, :32], corners()[:, :32])
    assert frame[:, 32:].max() == 0


def test_high_definition_without_a_tag_is_bt709(tmp_path):
    frame = np.full((720, 64, 3), (200, 60, 90), np.uint8)
    clip = open_video(make_video(tmp_path / "a.mp4", [frame] * 2, tagged=False))
    assert np.abs(next(iter(clip)).astype(int) - frame).max() <= 3


@pytest.mark.slow  # swscale's tables for it take seconds
@pytest.mark.parametrize(("curve", "white"), [(18, 191), (16, 148)])  # HLG, PQ: the code of diffuse white, 203 nits
def test_high_dynamic_range_is_mapped(tmp_path, curve, white):
    ramp = np.repeat(np.arange(0, 256, 16, dtype=np.uint8), 8)
    frame = np.dstack([np.tile(ramp, (64, 1))] * 3)
    frame[:, :32] = white
    path = make_video(tmp_path / "a.mkv", [frame] * 2, codec="ffv1", pix_fmt="yuv420p10le", hdr=curve)
    got = next(iter(open_video(path)))
    assert got[0, 10].min() > 190  # white looks white
    assert (np.diff(got[0, 36::8, 1].astype(int)) >= 0).all()
    assert np.ptp(got.astype(int), axis=2).max() <= 4  # grey stays grey


def test_gif(tmp_path):
    images = [Image.fromarray(f) for f in greys(4, step=40)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=100)
    clip = open_video(tmp_path / "a.gif")
    assert clip.fps == 10
    assert numbers(clip, step=40) == [0, 1, 2, 3]
    assert clip.frame_count == 4
    assert is_video(tmp_path / "a.gif")


def test_one_frame(tmp_path):
    clip = open_video(make_video(tmp_path / "a.mp4", greys(1)))
    assert numbers(clip) == [0]
    assert clip.frame_count == 1


def test_names_with_spaces_and_other_scripts(tmp_path):
    folder = tmp_path / "мои видео"
    folder.mkdir()
    path = make_video(tmp_path / "a.mp4", greys(3)).rename(folder / "舞 踊: 100%d été.mp4")
    assert numbers(open_video(path)) == [0, 1, 2]


def test_wanted_rate(tmp_path):
    path = make_video(tmp_path / "a.mp4", greys(20), rate=20)
    half = open_video(path, fps=10)
    assert numbers(half) == list(range(0, 20, 2))
    assert half.frame_count == 10
    assert len(list(open_video(path, fps=40))) == 40
    with pytest.raises(InputError, match="fps=0"):
        open_video(path, fps=0)


def test_truncated_after_its_index_yields_what_is_there(tmp_path, caplog):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (64, 64, 3), dtype=np.uint8) for _ in range(30)]
    whole = make_video(tmp_path / "whole.mp4", frames, movflags="+faststart", options={"g": "5", "crf": "20"})
    data = whole.read_bytes()
    part = tmp_path / "part.mp4"
    part.write_bytes(data[: len(data) * 2 // 3])
    clip = open_video(part)
    with caplog.at_level(logging.WARNING):
        count = len(list(clip))
    assert 10 <= count < 30
    assert "part.mp4 is damaged or incomplete" in caplog.text


def test_damage_in_the_middle(tmp_path):
    whole = make_video(tmp_path / "a.mp4", greys(30), movflags="+faststart", options={"g": "5"})
    data = bytearray(whole.read_bytes())
    middle = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[middle : middle + 60] = bytes(60)
    whole.write_bytes(bytes(data))
    frames = list(open_video(whole))
    assert len(frames) >= 20
    assert numbers(frames[:3]) == [0, 1, 2]


def bad_files(folder):
    whole = make_video(folder / "whole.mp4", greys(5)).read_bytes()
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("this is not a video\n" * 50)
    (folder / "text.txt").write_text("this is not a video\n" * 50)
    (folder / "no_index.mp4").write_bytes(whole[: whole.index(b"moov")])
    (folder / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nwhole.mp4\n#EXT-X-ENDLIST\n")
    (folder / "zeros.mp4").write_bytes(bytes(10_000))
    Image.fromarray(corners()).save(folder / "photo.jpg")
    shutil.copy(folder / "photo.jpg", folder / "photo.mp4")
    make_sound(folder / "sound.m4a", "aac", 0.5)
    (folder / "no pictures").mkdir()
    header = whole.index(b"mdat") + 4
    end = whole.index(b"moov") - 4
    (folder / "blank.mp4").write_bytes(whole[:header] + bytes(end - header) + whole[end:])
    return {
        "missing.mp4": "does not exist",
        "empty.mp4": "is empty",
        "text.mp4": "not a video",
        "text.txt": "not a video",
        "no_index.mp4": "damaged or incomplete",
        "list.m3u8": "not a video",
        "zeros.mp4": "not a video",
        "photo.jpg": "is a picture, not a video",
        "photo.mp4": "is a picture, not a video",
        "sound.m4a": "only sound",
        "no pictures": "folder without pictures",
        "blank.mp4": "no frame that can be decoded",
    }


def test_bad_files_say_in_one_line_what_is_wrong(tmp_path):
    for name, words in bad_files(tmp_path).items():
        with pytest.raises(InputError, match=words) as caught:
            open_video(tmp_path / name)
        message = str(caught.value)
        assert name in message
        assert "\n" not in message
        assert name == "blank.mp4" or not is_video(tmp_path / name)


def test_frames_are_decoded_lazily(tmp_path):
    path = make_video(tmp_path / "a.mp4", greys(20))
    frames = iter(open_video(path))
    next(frames)
    path.unlink()
    frames.close()  # type: ignore[attr-defined]


def test_folder_of_pictures(tmp_path):
    for i, rgb in enumerate(greys(12)):
        Image.fromarray(rgb).save(tmp_path / f"frame {i}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    clip = open_video(tmp_path)
    assert isinstance(clip, PictureFolder)
    assert (clip.fps, clip.size, clip.frame_count, clip.has_sound) == (25.0, (32, 48), 12, False)
    assert numbers(clip) == list(range(12))
    assert numbers(clip) == list(range(12))
    assert open_video(tmp_path, fps=10).duration == pytest.approx(1.2)
    assert is_video(tmp_path)
    Image.fromarray(corners()).save(tmp_path / "frame 12.png")
    with pytest.raises(InputError, match=r"frame 12.png is 64x48, but frame 0.png is 48x32"):
        list(open_video(tmp_path))


def test_a_video_is_no_photo(tmp_path):
    path = make_video(tmp_path / "a.mp4", greys(2))
    with pytest.raises(InputError, match="is a video, not a photo"):
        read_image(path)
