"""What a file holds, by its content: a picture, something that moves, or neither; and how to open it safely."""

import ctypes
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image

from liquidwarp.errors import InputError

_THREADS = 4  # the decoder's; they change the speed, never the frames
_open: set[InputContainer] = set()
# Demuxers that make "video" of pictures, text and playlists.
_NO_VIDEO_FORMATS = {"image2", "tty", "hls", "dash", "concat", "bin", "xbin", "adf", "idf", "lavfi", "txd", "ico"}
_NO_VIDEO_FORMATS |= {"gif", "apng", "webp"}  # read by `media.animation`
_ANIMATED = ("WEBP", "GIF", "PNG")  # TIFF and MPO hold several pictures too, but none that moves
# What Pillow's decoders raise on files that are damaged.
DAMAGED_PICTURE = (
    OSError,
    SyntaxError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    EOFError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
)
# What Pillow decodes by itself: it would hand PostScript to another program, which runs what a file says.
_PICTURES = (
    *("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "HEIF", "JPEG2000", "PPM", "TGA", "ICO"),
    *("ICNS", "PCX", "SGI", "QOI", "PSD", "DDS"),
)
# Demuxers of films: no playlists, scripts or devices, which open other files.
_FILMS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,mjpeg,wtv,flv,asf,ogg,ivf,yuv4mpegpipe,nut,mxf,gxf,dv,rm,vob"
_FILMS += ",h264,hevc,av1,obu,m4v"
_SOUNDS = "wav,w64,mp3,aac,flac,aiff,ac3,eac3,caf,au,amr,ape,tta,wv"
_SAFELY = {"protocol_whitelist": "file", "format_whitelist": f"{_FILMS},{_SOUNDS}"}
_LARGEST_FRAME = 8192 * 8192  # pixels, before a decoder makes room for them


def open_picture(path: str | Path) -> Image.Image:
    """Open a picture of a kind that is decoded here; raises what Pillow raises."""
    Image.init()
    return Image.open(Path(path), formats=[kind for kind in _PICTURES if kind in Image.OPEN])


def is_image(path: str | Path) -> bool:
    """Tell whether `path` is a file with a picture that can be read, judged by its content, not its name.

    An animated picture counts too (`is_video` tells whether it moves).
    """
    try:
        with quiet_pillow(), open_picture(path):
            return True
    except (*DAMAGED_PICTURE, Image.DecompressionBombError):
        return False


def is_animation(path: Path) -> bool:
    """Tell whether a file is a WebP, GIF or PNG of several frames."""
    try:
        with quiet_pillow(), open_picture(path) as image:
            return image.format in _ANIMATED and bool(getattr(image, "is_animated", False))
    except (*DAMAGED_PICTURE, Image.DecompressionBombError):
        return False


def holds_video(path: Path) -> bool:
    """Tell whether a file holds a moving picture (an animated WebP, GIF or PNG counts)."""
    if is_animation(path):
        return True
    try:
        with open_stream(path):
            return True
    except (InputError, OSError):
        return False


def check_file(path: Path, noun: str) -> None:
    """Raise `InputError` unless `path` is a file with something in it."""
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path of the {noun}")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the {noun} file itself")
    try:
        with open(path, "rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}; check its permissions") from error
    if empty:
        raise InputError(f"{path} is empty; copy or export the {noun} again")


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Silence Pillow's warnings: about large pictures (we have a bound of our own) and odd metadata (unused)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def open_container(path: Path, noun: str) -> Iterator[InputContainer]:
    """Open a media file for reading, local files only.

    Raises:
        InputError: the file is missing, empty or in no known format.
    """
    check_file(path, noun)
    try:
        # 'file:' keeps names with colons from being taken for protocols.
        container = av.open(f"file:{path}", options=_SAFELY)
    except (av.FFmpegError, ValueError, UnicodeError) as error:
        raise InputError(_why_not_opened(path, noun, error)) from error
    _open.add(container)
    try:
        yield container
    finally:
        if container in _open:
            _open.remove(container)
            container.close()


def _keep_for_good() -> None:
    """Never free what was decoded when this process was forked: FFmpeg would wait for threads that are not here."""
    for container in _open:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(container))
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_for_good)


@contextmanager
def open_stream(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the first stream of moving pictures in a media file.

    Raises:
        InputError: the file is missing, empty, in no known format, or holds nothing that moves.
    """
    with open_container(path, "video") as container:
        kinds = set(container.format.name.split(","))
        if kinds & _NO_VIDEO_FORMATS or container.format.name.endswith("_pipe"):
            raise InputError(_why_not_opened(path, "video", None))
        moving = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if not moving:
            what = "only sound" if container.streams.audio else "no video stream"
            raise InputError(f"{path} has {what}, no pictures that move; give a video file")
        stream = moving[0]
        if stream.codec_context is None:
            raise InputError(f"{path} uses a video codec that cannot be decoded; convert it to H.264 (.mp4)")
        stream.codec_context.options = {"max_pixels": str(_LARGEST_FRAME)}
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = _THREADS
        yield container, stream


def _why_not_opened(path: Path, noun: str, error: Exception | None) -> str:
    if is_image(path):
        return f"{path} is a picture, not a {noun}; give a video file (.mp4, .mov, .webm, .gif)"
    with open(path, "rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return f"{path} is damaged or incomplete (its index is missing); copy or record the {noun} again"
    cause = f" ({getattr(error, 'strerror', None) or error})" if error is not None else ""
    return f"{path} is not a {noun} that can be read{cause}; give an .mp4, .mov, .webm or .gif file"
