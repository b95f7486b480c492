"""Write frames as a video: lazily, atomically, with sound, marked as synthetic media, same bytes every time."""

import itertools
from collections.abc import Iterable, Iterator, Sized
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image

from liquidwarp.console import progress_bar
from liquidwarp.errors import InputError, OutputError
from liquidwarp.files import atomic_path
from liquidwarp.media.provenance import append_gif_comment, append_mp4_xmp, provenance_text
from liquidwarp.media.sound import sound_into
from liquidwarp.parallel import prefetch

_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP | Interpolation.BITEXACT
_LIMITED_RANGE = 1  # AVCOL_RANGE_MPEG
_BT709 = 1  # AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709
_THREADS = 2  # fixed: the encoder's bytes depend on the number, which must not depend on the machine


@dataclass(frozen=True)
class _VideoKind:
    """A kind of video file: its encoder, and how it writes."""

    codec: str
    pixels: str
    container: dict[str, str]


_MP4 = {"movflags": "+faststart", "fflags": "+bitexact"}
_KINDS = {
    ".mp4": _VideoKind("libx264", "yuv420p", _MP4),
    ".m4v": _VideoKind("libx264", "yuv420p", _MP4),
    ".mov": _VideoKind("libx264", "yuv420p", _MP4),
    ".mkv": _VideoKind("libx264", "yuv420p", {"fflags": "+bitexact"}),
    ".webm": _VideoKind("libvpx-vp9", "yuv420p", {"fflags": "+bitexact"}),
    ".gif": _VideoKind("gif", "pal8", {"loop": "0"}),
}
_TRANSPARENT = "yuva420p"
VIDEO_ENDINGS = tuple(_KINDS)
"""What the name of a video to write may end in."""


def write_video(
    frames: Iterable[UInt8[np.ndarray, "H W C"]],
    path: str | Path,
    *,
    fps: float | int | Fraction,
    sound: str | Path | None = None,
    total: int | None = None,
    progress: bool = False,
    crf: int = 16,
    quick: bool = False,
    comment: str | None = None,
) -> Path:
    """Write frames as a video, one by one as they come; a thread makes the next ones meanwhile.

    H.264 (.mp4, .m4v, .mov, .mkv), VP9 (.webm) or GIF by the ending of `path`. BT.709 colours in limited range; odd
    sizes are padded to even ones by repeating the last row or column (not for GIF). The file is the old one or the
    whole new one, whatever happens; the same frames give the same bytes.

    Args:
        frames: sRGB frames of one size; for .webm they may have opacity as a fourth channel (colours not multiplied by
            it), and the video is transparent.
        path: where to.
        fps: frames a second.
        sound: a file whose first sound track is carried over, from its first picture on, and cut at the length of the
            new video. Copied untouched where the format allows, else encoded as AAC (.webm: Opus). A file without
            sound is fine; a GIF has none.
        total: the number of frames, for the progress bar; by default `len(frames)` where it has one.
        progress: show a bar on stderr.
        crf: quality: 0 is the best, 16 looks like the frames, 23 is small.
        quick: encode H.264 in a third of the time, into files half as large again: for what is looked at once.
        comment: a line to put behind the mark of synthetic origin.

    Returns:
        `path`.

    Raises:
        InputError: no frames, frames of different sizes or types, a bad rate, or `sound` is missing or damaged.
        OutputError: the ending is unknown or the place cannot be written to.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in _KINDS:
        raise OutputError(f"cannot write {path}: unknown kind of video; name it {', '.join(_KINDS)}")
    if not 0 < fps <= 1000:
        raise InputError(f"fps={fps} must be greater than 0 and at most 1000")
    if not 0 <= crf <= 51:
        raise InputError(f"crf={crf} must be from 0 (best) to 51")
    rate = Fraction(fps).limit_denominator(10_000)
    text = provenance_text(comment)
    if total is None and isinstance(frames, Sized):
        total = len(frames)
    with atomic_path(path) as partial, closing(prefetch(frames)) as made:
        checked = _checked(_shown(made, total, progress), path)
        first = next(checked)
        try:
            with av.open(f"file:{partial}", "w", options=_KINDS[ending].container) as output:
                output.metadata.update({"comment": text, "description": text})
                sound_path = None if sound is None else Path(sound)
                whole = itertools.chain([first], checked)
                _encode(output, whole, first.shape, rate, crf, sound_path, ending, quick)
        except av.FFmpegError as error:
            cause = error.strerror or str(error)
            raise OutputError(f"cannot write {path}: {cause}; free space or choose another place") from error
        if ending == ".gif":
            append_gif_comment(partial, text)
        elif ending in (".mp4", ".m4v", ".mov"):
            append_mp4_xmp(partial, text)
    return path


def _encode(
    output: OutputContainer,
    frames: Iterable[UInt8[np.ndarray, "H W C"]],
    shape: tuple[int, ...],
    rate: Fraction,
    crf: int,
    sound_path: Path | None,
    ending: str,
    quick: bool,
) -> None:
    stream = _add_stream(output, _KINDS[ending], shape, rate, crf, quick)
    to_frame = _to_palette if ending == ".gif" else ToYuv()
    with sound_into(output, sound_path, ending) as sound:
        for index, rgb in enumerate(frames):
            frame = to_frame(rgb)
            frame.pts = index
            frame.time_base = 1 / rate
            for packet in stream.encode(frame):
                output.mux(packet)
            if sound is not None:
                sound.advance((index + 1) / rate)
        for packet in stream.encode(None):
            output.mux(packet)


def _add_stream(
    output: OutputContainer, kind: _VideoKind, shape: tuple[int, ...], rate: Fraction, crf: int, quick: bool
) -> VideoStream:
    options = {}
    if kind.codec == "libx264":
        # Without "cpu-independent" a SIMD kernel of x264 reads past its rows: other bytes from run to run.
        preset = "ultrafast" if quick else "veryfast"
        options = {"crf": str(crf), "preset": preset, "x264-params": "cpu-independent=1"}
    elif kind.codec == "libvpx-vp9":
        # VP9's scale runs to 63; 10 more looks about alike.
        options = {"crf": str(min(63, crf + 10)), "deadline": "good", "cpu-used": "4", "b": "0"}
    stream = cast(VideoStream, output.add_stream(kind.codec, rate=rate, options=options))
    even = kind.codec != "gif"
    stream.height, stream.width = (side + side % 2 if even else side for side in shape[:2])
    stream.pix_fmt = kind.pixels if shape[2] == 3 else _TRANSPARENT
    stream.codec_context.thread_count = _THREADS
    if even:
        tag_colors(stream)
    return stream


def tag_colors(stream: VideoStream) -> None:
    """Let a stream say which colours `ToYuv` writes."""
    context = stream.codec_context
    context.color_range = _LIMITED_RANGE
    context.colorspace = context.color_primaries = context.color_trc = _BT709


class ToYuv:
    """Convert RGB arrays to BT.709 YUV 4:2:0 frames of even size; keeps the scaler between frames."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, rgb: UInt8[np.ndarray, "H W C"]) -> VideoFrame:
        """Convert a frame, of three channels, or of four with its alpha."""
        height, width, channels = rgb.shape
        if height % 2 or width % 2:
            rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24" if channels == 3 else "rgba")
        return self._reformatter.reformat(
            frame,
            format="yuv420p" if channels == 3 else _TRANSPARENT,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=_LIMITED_RANGE,
            interpolation=_SCALING,
            threads=1,
        )


def _to_palette(rgb: UInt8[np.ndarray, "H W 3"]) -> VideoFrame:
    """Convert an RGB array to 256 colours of its own."""
    quantized = Image.fromarray(rgb).quantize(256, method=Image.Quantize.MEDIANCUT)
    palette = np.full((256, 4), 255, dtype=np.uint8)  # ARGB
    colours = np.array(quantized.getpalette(), dtype=np.uint8).reshape(-1, 3)
    palette[: len(colours), 1:] = colours
    return VideoFrame.from_ndarray((np.array(quantized), palette), format="pal8")  # type: ignore[arg-type]


def _shown(
    frames: Iterable[UInt8[np.ndarray, "H W C"]], total: int | None, progress: bool
) -> Iterator[UInt8[np.ndarray, "H W C"]]:
    """Yield the frames under a progress bar."""
    with progress_bar(total=total, shown=progress, unit="frame") as bar:
        for frame in frames:
            yield frame
            bar.update()


def _checked(frames: Iterable[UInt8[np.ndarray, "H W C"]], path: Path) -> Iterator[UInt8[np.ndarray, "H W C"]]:
    """Yield the frames, and raise `InputError` when there is none or one is not like the first."""
    shape: tuple[int, ...] | None = None
    channels = (3, 4) if path.suffix.lower() == ".webm" else (3,)
    for index, rgb in enumerate(frames):
        if (
            not isinstance(rgb, np.ndarray)
            or rgb.dtype != np.uint8
            or rgb.ndim != 3
            or rgb.shape[2] not in channels
            or not rgb.size
        ):
            what = f"{rgb.dtype} {tuple(rgb.shape)}" if hasattr(rgb, "shape") else type(rgb).__name__
            raise InputError(f"frame {index} for {path} is {what}; wanted uint8 arrays (height, width, 3)")
        if shape is not None and rgb.shape != shape:
            raise InputError(f"frame {index} for {path} has shape {rgb.shape}, the first had {shape}; give one size")
        shape = rgb.shape
        yield rgb
    if shape is None:
        raise InputError(f"there are no frames to write to {path}; give at least one")
