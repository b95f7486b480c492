"""Video files as upright sRGB frames at a constant rate, decoded lazily."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import Int, UInt8

from liquidwarp.errors import InputError
from liquidwarp.media.animation import AnimatedPicture
from liquidwarp.media.folder import PictureFolder, picture_files
from liquidwarp.media.probe import holds_video, is_animation, open_stream
from liquidwarp.media.timing import Stamp, choose_rate, constant_rate
from liquidwarp.parallel import OneProcess

_LOG = logging.getLogger(__name__)
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
_WIDEST_PIXEL = 4  # pixel shapes beyond 4:1 are nonsense in the header
_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_HDR_CURVES = {16, 18}  # AVCOL_TRC_SMPTE2084 (PQ), AVCOL_TRC_ARIB_STD_B67 (HLG)
_SRGB_CURVE = 13  # AVCOL_TRC_IEC61966_2_1
_BT709_PRIMARIES = 1  # AVCOL_PRI_BT709


def is_video(path: str | Path) -> bool:
    """Tell whether `path` is a file with a moving picture or a folder of pictures, by its content.

    An animated WebP, GIF or PNG moves; one of a single frame is a photo.
    """
    path = Path(path)
    if path.is_dir():
        return bool(picture_files(path))
    return holds_video(path)


class VideoReader:
    """A video file as upright RGB frames at a constant rate.

    Rotation and mirroring by metadata are applied; pixels that are not square are made square by enlarging one side;
    a variable frame rate becomes constant (nearest frame in time, see `timing.constant_rate`); transparency goes onto
    black; HDR (PQ, HLG) is mapped to sRGB. All frames have the first one's size. A damaged file yields
    what can be decoded, with a warning in the log.

    Attributes:
        path: the file.
        fps: frames a second (`rate` has it as a fraction).
        size: height and width of the frames, after rotation.
        has_sound: whether there is a sound track.

    Raises:
        InputError: missing, empty, no video, or not one frame can be decoded.
    """

    def __init__(self, path: str | Path, *, fps: float | int | None = None):
        self.path = Path(path)
        with open_stream(self.path) as (container, stream):
            own = choose_rate(stream.average_rate, stream.guessed_rate)
            self.rate = own if fps is None else Fraction(fps).limit_denominator(10_000)
            self.fps = float(self.rate)
            self.has_sound = bool(container.streams.audio)
            first = next(_decoded(container, stream, self.path), None)
            if first is None:
                raise InputError(f"{self.path} has no frame that can be decoded; copy or export the video again")
            self._layout = _Layout.of(first, stream)
            self.size = self._layout.size

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        to_rgb, here = _ToRgb(self._layout), OneProcess(f"reading {self.path}")
        with open_stream(self.path) as (container, stream):
            stamped = ((_stamp(frame), frame) for frame in _decoded(container, stream, self.path))
            for frame in constant_rate(stamped, self.rate):
                yield to_rgb(frame)
                here.check()

    @cached_property
    def frame_count(self) -> int:
        """How many frames iterating yields: exact, unless the file is damaged; reads the file's packets once."""
        with open_stream(self.path) as (container, stream):
            stamps = [
                _stamp(packet) for packet in _packets(container, stream) if packet.size > 0 and not packet.is_discard
            ]
        if all(stamp.time is not None for stamp in stamps):
            stamps.sort(key=lambda stamp: stamp.time or 0)
        return sum(1 for _ in constant_rate(((stamp, None) for stamp in stamps), self.rate))

    @property
    def duration(self) -> float:
        """Length in seconds, of the frames that iterating yields."""
        return float(self.frame_count / self.rate)


MovingPicture = (
    VideoReader | AnimatedPicture | PictureFolder
)  # what moves: path, fps, size, frame_count, duration, has_sound, and its frames


def open_video(path: str | Path, *, fps: float | int | None = None) -> MovingPicture:
    """Open a video file, an animated WebP, GIF or PNG, or a folder of pictures.

    Frames are decoded when iterated, afresh each time.

    Args:
        path: the file or folder.
        fps: the rate wanted; by default the file's own, and 25 for a folder.

    Raises:
        InputError: missing, empty, damaged beyond the first frame, or no video.
    """
    if fps is not None and not 0 < fps <= 1000:
        raise InputError(f"fps={fps} must be greater than 0 and at most 1000")
    path = Path(path)
    if path.is_dir():
        return PictureFolder(path, fps=fps or 25.0)
    if is_animation(path):
        return AnimatedPicture(path, fps=fps)
    return VideoReader(path, fps=fps)


def video_comments(path: str | Path) -> list[str]:
    """Return every text that a video file carries about itself."""
    with open_stream(Path(path)) as (container, _):
        return list(container.metadata.values())


def first_time(path: Path) -> Fraction | None:
    """Return when the first frame of a video file is shown, on the file's own clock; None for a file without video."""
    try:
        with open_stream(path) as (container, stream):
            frame = next(_decoded(container, stream, path), None)
            return None if frame is None else _stamp(frame).time
    except InputError:
        return None


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
    """Yield the packets of a stream up to the end or to where the file breaks off."""
    try:
        yield from container.demux(stream)
    except av.FFmpegError as error:
        _LOG.warning("%s is damaged: reading stops early (%s)", container.name, error.strerror or error)


def _decoded(container: InputContainer, stream: VideoStream, path: Path) -> Iterator[VideoFrame]:
    """Yield the frames that can be decoded; say so in the log when some cannot."""
    count = damaged = 0
    for packet in _packets(container, stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            damaged += 1
            continue
        for frame in frames:
            count += 1
            yield frame
    expected = stream.frames
    if count and (damaged or count < expected):
        of = f" of {expected}" if expected else ""
        _LOG.warning("%s is damaged or incomplete: %d%s frames could be decoded", path, count, of)


def _stamp(item: VideoFrame | av.Packet) -> Stamp:
    base = item.time_base
    if base is None:
        return Stamp(None, None)
    return Stamp(None if item.pts is None else item.pts * base, item.duration * base if item.duration else None)


@dataclass(frozen=True)
class _Layout:
    """How decoded frames become upright ones: scale to `width` x `height`, then transpose, then flip."""

    width: int
    height: int
    transpose: bool
    flip_x: bool
    flip_y: bool

    @classmethod
    def of(cls, frame: VideoFrame, stream: VideoStream) -> "_Layout":
        width, height = frame.width, frame.height
        shape = stream.sample_aspect_ratio
        if shape and shape != 1 and 1 <= max(shape, 1 / shape) <= _WIDEST_PIXEL:
            width, height = (round(width * shape), height) if shape > 1 else (width, round(height / shape))
        matrix = _display_matrix(frame)
        if matrix is None:
            return cls(width, height, False, False, False)
        # Points map as x' = a x + c y, y' = b x + d y (av_display_rotation_get, libavutil/display.h).
        (a, b), (c, d) = matrix
        if abs(b) > abs(a):
            return cls(width, height, True, bool(c < 0), bool(b < 0))
        return cls(width, height, False, bool(a < 0), bool(d < 0))

    @property
    def size(self) -> tuple[int, int]:
        return (self.width, self.height) if self.transpose else (self.height, self.width)


def _display_matrix(frame: VideoFrame) -> Int[np.ndarray, "2 2"] | None:
    for item in cast(Iterable[SideData], frame.side_data):  # a mapping that iterates over its values
        if item.type.name == "DISPLAYMATRIX":
            return np.frombuffer(bytes(item), dtype=np.int32).reshape(3, 3)[:2, :2]
    return None


class _ToRgb:
    """Convert decoded frames to upright sRGB arrays; keeps the scaler between frames."""

    def __init__(self, layout: _Layout):
        self._layout = layout
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> UInt8[np.ndarray, "H W 3"]:
        layout = self._layout
        hdr = frame.color_trc in _HDR_CURVES  # mapped by swscale, whose tables take some seconds once per iteration
        transparent = any(component.is_alpha for component in frame.format.components)
        pixels = self._reformatter.reformat(
            frame,
            width=layout.width,
            height=layout.height,
            format="rgba" if transparent else "rgb24",
            src_colorspace=_colorspace(frame),
            dst_color_range=_FULL_RANGE,
            dst_color_trc=_SRGB_CURVE if hdr else None,
            dst_color_primaries=_BT709_PRIMARIES if hdr else None,
            interpolation=_SCALING,
            threads=1,
        ).to_ndarray()
        if transparent:
            opacity = pixels[..., 3:].astype(np.uint16)
            pixels = ((pixels[..., :3] * opacity + 127) // 255).astype(np.uint8)
        if layout.transpose:
            pixels = pixels.transpose(1, 0, 2)
        if layout.flip_x:
            pixels = pixels[:, ::-1]
        if layout.flip_y:
            pixels = pixels[::-1]
        return np.ascontiguousarray(pixels)


def _colorspace(frame: VideoFrame) -> int | None:
    """Return the YUV matrix to read a frame with; HD without a tag is BT.709, as players have it."""
    if frame.colorspace == _UNSPECIFIED:
        return int(Colorspace.ITU709 if frame.height > 576 or frame.width >= 1280 else Colorspace.ITU601)
    return None
