import gc
import subprocess
import sys
import weakref
from fractions import Fraction

import av
import numpy as np
import pytest
from media_samples import corners, greys, numbers

from liquidwarp.errors import InputError, OutputError
from liquidwarp.media import open_video, write_video

ENDINGS = [".mp4", ".m4v", ".mov", ".mkv", ".webm", ".gif"]
FLAT = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
    (128, 128, 128),
    (200, 150, 120),
    (30, 60, 90),
]


@pytest.mark.parametrize("ending", ENDINGS)
def test_round_trip(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    assert write_video(iter(greys(12)), path, fps=10) == path
    clip = open_video(path)
    assert (clip.fps, clip.size, clip.frame_count, clip.has_sound) == (10, (32, 48), 12, False)
    assert numbers(clip) == list(range(12))
    assert [f.name for f in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_same_frames_same_bytes(tmp_path, ending):
    frames = [np.roll(corners(), i, axis=1) for i in range(8)]
    a = write_video(frames, tmp_path / f"a{ending}", fps=30).read_bytes()
    b = write_video(frames, tmp_path / f"b{ending}", fps=30).read_bytes()
    assert a == b


@pytest.mark.parametrize("colour", FLAT)
def test_colours_survive(tmp_path, colour):
    frame = np.full((64, 64, 3), colour, np.uint8)
    for back in open_video(write_video([frame] * 3, tmp_path / "a.mp4", fps=25)):
        assert np.abs(back.astype(int) - frame).max() <= 2


def test_detail_survives(tmp_path):
    y, x = np.mgrid[:128, :128]
    frames = [np.dstack([x + y // 2, 255 - y, (x + 3 * i) % 128 + 60]).astype(np.uint8) for i in range(5)]
    back = list(open_video(write_video(frames, tmp_path / "a.mp4", fps=25)))
    error = np.mean([(a.astype(float) - b) ** 2 for a, b in zip(frames, back, strict=True)])
    assert 10 * np.log10(255**2 / error) > 36


def test_what_players_are_told(tmp_path):
    path = write_video(greys(5), tmp_path / "a.mp4", fps=25)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1, 1)
        assert "creation_time" not in container.metadata
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # plays while it loads


@pytest.mark.parametrize(("size", "padded"), [((33, 47), (34, 48)), ((32, 47), (32, 48)), ((1, 1), (2, 2))])
def test_odd_sizes_repeat_the_edge(tmp_path, size, padded):
    frame = corners(*size) if min(size) > 1 else np.full((1, 1, 3), 90, np.uint8)
    clip = open_video(write_video([frame] * 2, tmp_path / "a.mp4", fps=25, crf=4))
    assert clip.size == padded
    expected = np.pad(frame, ((0, padded[0] - size[0]), (0, padded[1] - size[1]), (0, 0)), mode="edge")
    assert np.quantile(np.abs(next(iter(clip)).astype(int) - expected), 0.8) <= 6


@pytest.mark.parametrize("fps", [24, 29.97002997, Fraction(30000, 1001), 12.5, 60.0, 1])
def test_rates(tmp_path, fps):
    clip = open_video(write_video(greys(6), tmp_path / "a.mp4", fps=fps))
    assert clip.fps == pytest.approx(float(fps), rel=1e-6)
    assert clip.duration == pytest.approx(6 / float(fps), rel=1e-6)
    assert numbers(clip) == list(range(6))


def test_a_view_of_a_larger_array(tmp_path):
    frames = [np.dstack([f, f[..., :1]])[:, ::-1, :3] for f in greys(3)]
    assert numbers(open_video(write_video(frames, tmp_path / "a.mp4", fps=25))) == [0, 1, 2]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, GeneratorExit])
@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_interrupted(tmp_path, error, before, ending):
    def frames():
        yield from greys(before)
        raise error("stop")

    path = tmp_path / "new" / f"a{ending}"
    with pytest.raises(error, match="stop"):
        write_video(frames(), path, fps=25)
    assert list(tmp_path.iterdir()) == []
    path.parent.mkdir()
    path.write_bytes(b"the old one")
    with pytest.raises(error, match="stop"):
        write_video(frames(), path, fps=25)
    assert [f.read_bytes() for f in path.parent.iterdir()] == [b"the old one"]


def test_an_error_of_the_frames_stays_itself(tmp_path):
    def frames():
        yield from greys(2)
        raise InputError("frame 2 of dance.mp4 is odd; mend it")

    with pytest.raises(InputError, match=r"dance\.mp4 is odd"):
        write_video(frames(), tmp_path / "a.mp4", fps=25)
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.mp4").mkdir()

    def untouched():
        raise AssertionError("no frame must be made for a place that cannot be written to")
        yield

    for path, words in [
        (tmp_path / "file" / "a.mp4", "cannot write"),
        (tmp_path / "folder.mp4", "is a folder"),
        (tmp_path / "a.xyz", "unknown kind of video"),
        (tmp_path / "a", "unknown kind of video"),
    ]:
        with pytest.raises(OutputError, match=words) as caught:
            write_video(untouched(), path, fps=25)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_full_disk(tmp_path):
    script = """
import resource, sys
import numpy as np
from liquidwarp.errors import OutputError
from liquidwarp.media import write_video
rng = np.random.default_rng(0)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_video((rng.integers(0, 255, (256, 256, 3), dtype=np.uint8) for _ in range(30)), sys.argv[1], fps=25)
except OutputError as error:
    print(error)
"""
    path = tmp_path / "a.mp4"
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write {path}: ")
    assert done.stdout.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_frames_that_cannot_be_used(tmp_path):
    grey = np.zeros((32, 32), np.uint8)
    for frames, words in [
        ([], "no frames"),
        ([grey], r"frame 0 .* uint8 \(32, 32\)"),
        ([corners() / 255.0], "frame 0 .* float64"),
        (["photo.png"], "frame 0 .* str"),
        ([corners(), corners(32, 32)], r"frame 1 .* \(32, 32, 3\), the first had \(48, 64, 3\)"),
    ]:
        with pytest.raises(InputError, match=words):
            write_video(iter(frames), tmp_path / "a.mp4", fps=25)
    for fps in (0, -1, float("nan"), 10_000):
        with pytest.raises(InputError, match="fps="):
            write_video(greys(2), tmp_path / "a.mp4", fps=fps)
    with pytest.raises(InputError, match="crf=99"):
        write_video(greys(2), tmp_path / "a.mp4", fps=25, crf=99)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_frames_are_not_collected(tmp_path):
    alive: list[weakref.ref] = []
    most = 0

    def frames():
        nonlocal most
        for i in range(1000):
            frame = np.full((16, 16, 3), i % 256, np.uint8)
            alive.append(weakref.ref(frame))
            yield frame
            del frame
            if i % 100 == 99:
                gc.collect()
                most = max(most, sum(ref() is not None for ref in alive))

    path = write_video(frames(), tmp_path / "a.mp4", fps=25)
    assert most <= 8  # four wait, the others are being made, checked and encoded
    assert open_video(path).frame_count == 1000


def test_progress(tmp_path, capsys):
    write_video(greys(4), tmp_path / "a.mp4", fps=25, progress=True)
    shown = capsys.readouterr()
    assert "4/4" in shown.err
    assert shown.out == ""
    write_video(iter(greys(4)), tmp_path / "a.mp4", fps=25, progress=True, total=4)
    assert "4/4" in capsys.readouterr().err
    write_video(greys(4), tmp_path / "a.mp4", fps=25)
    assert capsys.readouterr().err == ""


def test_names_with_spaces_and_other_scripts(tmp_path):
    path = tmp_path / "мои видео" / "舞 踊: 100%d été.mp4"
    write_video(greys(3), path, fps=25)
    assert numbers(open_video(path)) == [0, 1, 2]


def opacity(frame: av.VideoFrame) -> np.ndarray:
    """Return a frame's alpha plane as it was decoded: conversion to RGBA by several threads tears it."""
    plane = frame.planes[3]
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width].copy()


def test_a_webm_keeps_opacity(tmp_path):
    colors = np.full((48, 33, 3), (200, 60, 40), np.uint8)
    alphas = [np.where(np.arange(33)[None] < 10 + 4 * i, 255, 0).repeat(48, 0).astype(np.uint8) for i in range(4)]
    path = write_video([np.dstack([colors, alpha]) for alpha in alphas], tmp_path / "a.webm", fps=10)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.metadata["alpha_mode"] == "1"
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        shown = [
            (frame.to_ndarray(format="rgb24")[:48, :33], opacity(frame)[:48, :33])
            for packet in container.demux(stream)
            for frame in decoder.decode(packet)
        ]
    assert len(shown) == 4
    for (rgb, found), alpha in zip(shown, alphas, strict=True):
        assert np.abs(found.astype(int) - alpha).mean() < 3
        assert np.abs(rgb[alpha > 0].astype(int) - (200, 60, 40)).mean() < 12
    with pytest.raises(InputError, match=r"wanted uint8 arrays \(height, width, 3\)"):
        write_video([np.dstack([colors, alphas[0]])], tmp_path / "a.mp4", fps=10)
