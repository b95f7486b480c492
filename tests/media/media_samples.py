"""Pictures and videos made for the tests, by Pillow and PyAV alone: nothing of liquidwarp's writers is used."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Colorspace

_OPTIONS = {"libx264": {"crf": "10"}, "libx265": {"crf": "4", "x265-params": "log-level=none"}}
RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 30), (30, 30, 220), (240, 240, 240)


def corners(height=48, width=64):
    """Red top left, green top right, blue bottom left, white bottom right."""
    rgb = np.empty((height, width, 3), np.uint8)
    h, w = height // 2, width // 2
    rgb[:h, :w], rgb[:h, w:], rgb[h:, :w], rgb[h:, w:] = RED, GREEN, BLUE, WHITE
    return rgb


def greys(count, height=32, width=48, step=8):
    """Flat frames whose level tells their number."""
    return [np.full((height, width, 3), 16 + step * i, np.uint8) for i in range(count)]


def numbers(frames, step=8):
    """Read the frame numbers of `greys` back."""
    return [round((float(f.mean()) - 16) / step) for f in frames]


def make_video(
    path: Path,
    frames,
    *,
    rate=25,
    times=None,
    codec="libx264",
    pix_fmt="yuv420p",
    rotation=None,
    hflip=False,
    shape=None,
    sound=None,
    sound_offset=0.0,
    options=None,
    movflags="",
    tagged=True,
    hdr=None,
):
    """Write a video; `times` are ticks of 1/1000 s, `sound` is (codec, seconds), `shape` the pixel's aspect."""
    with av.open(str(path), "w", options={"movflags": movflags} if movflags else {}) as output:
        stream = output.add_stream(codec, rate=rate, options=options or _OPTIONS.get(codec, {}))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if rotation is not None:
            stream.set_display_rotation(rotation, hflip=hflip)
        if shape is not None:
            stream.codec_context.sample_aspect_ratio = shape
        if tagged:
            stream.codec_context.color_range, stream.codec_context.colorspace = 1, 1
        if hdr is not None:
            stream.codec_context.colorspace = stream.codec_context.color_primaries = 9  # BT.2020
            stream.codec_context.color_trc = hdr
        base = Fraction(1, 1000) if times is not None else 1 / Fraction(rate)
        if times is not None:
            stream.codec_context.time_base = base
        track = output.add_stream(sound[0], rate=44100, layout="mono") if sound else None
        for i, rgb in enumerate(frames):
            kind = "rgba" if rgb.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(rgb, format=kind)
            if pix_fmt == "gray" and codec == "libx264":  # limited range, as H.264 has it without a tag
                frame = frame.reformat(format="yuv420p", dst_color_range=1).reformat(format="yuv420p")
                frame = av.VideoFrame.from_ndarray(frame.to_ndarray()[: rgb.shape[0]].copy(), format="gray")
            elif pix_fmt.startswith("yuv"):
                matrix = Colorspace.ITU709 if hdr is None else Colorspace.BT2020
                frame = frame.reformat(format=pix_fmt, dst_colorspace=matrix, dst_color_range=1)
            else:
                frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = (i if times is None else times[i]), base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if track is not None:
            _beep(output, track, sound[1], sound_offset)
    return path


def make_sound(path: Path, codec, seconds):
    with av.open(str(path), "w") as output:
        _beep(output, output.add_stream(codec, rate=44100, layout="mono"), seconds, 0.0)
    return path


def _beep(output, track, seconds, offset):
    """A click (a short loud burst) every half second, so that time can be read from the samples."""
    rate = 44100
    samples = np.zeros(int(seconds * rate), np.float32)
    for start in range(0, len(samples), rate // 2):
        burst = np.sin(np.arange(min(441, len(samples) - start)) * 0.3)
        samples[start : start + 441] = 0.8 * burst
    for start in range(0, len(samples), 1024):
        block = samples[start : start + 1024]
        if track.codec_context.name.startswith("pcm"):
            frame = av.AudioFrame.from_ndarray((block * 32767).astype(np.int16)[None], format="s16", layout="mono")
        else:
            frame = av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        frame.pts, frame.time_base = start + round(offset * rate), Fraction(1, rate)
        output.mux(track.encode(frame))
    output.mux(track.encode(None))


def clicks(path: Path):
    """Return the times of the clicks in a file's sound, in seconds, and the codec."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        times, values = [], []
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=44100)
        for frame in container.decode(stream):
            for block in resampler.resample(frame):
                data = block.to_ndarray()[0]
                times.append(float(block.pts * block.time_base) + np.arange(len(data)) / 44100)
                values.append(np.abs(data))
        time, value = np.concatenate(times), np.concatenate(values)
        loud = time[value > 0.3]
        starts = loud[np.r_[True, np.diff(loud) > 0.2]]
        return starts, stream.codec_context.name, time[-1]
