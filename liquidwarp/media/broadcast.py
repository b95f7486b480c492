"""Pictures as they come, to other programs: as a camera of this machine, or as a stream over the network."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from urllib.parse import urlsplit

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream as AvStream
from jaxtyping import UInt8

from liquidwarp.errors import InputError, OutputError
from liquidwarp.media.encode import ToYuv, tag_colors
from liquidwarp.media.provenance import MARK, provenance_text

_CLOCK = Fraction(1, 90_000)  # of MPEG transport streams
_PACKET = 1316  # bytes: seven packets of a transport stream, what networks carry in one piece


class VirtualCamera:
    """A camera of this machine that shows pictures, for OBS, calls and browsers.

    It is opened with the first picture, whose size all have.

    Args:
        fps: rate that is told to other programs.

    Raises:
        InputError: `pyvirtualcam` is not installed.
    """

    def __init__(self, fps: float) -> None:
        try:
            import pyvirtualcam
        except ImportError:
            raise InputError(
                "a virtual camera needs the package pyvirtualcam: pip install 'liquidwarp[virtualcam]'"
            ) from None
        self._maker, self._fps = pyvirtualcam, fps
        self._camera: pyvirtualcam.Camera | None = None

    def send(self, rgb: UInt8[np.ndarray, "H W 3"]) -> None:
        """Show a picture.

        Raises:
            OutputError: no virtual camera can be opened here.
        """
        if self._camera is None:
            height, width = rgb.shape[:2]
            try:
                self._camera = self._maker.Camera(width=width, height=height, fps=self._fps)
            except RuntimeError as error:
                raise OutputError(
                    f"no virtual camera can be opened: {error}; install OBS (Linux: load the module v4l2loopback)"
                ) from error
        self._camera.send(np.ascontiguousarray(rgb))

    def close(self) -> None:
        """Let the camera go."""
        if self._camera is not None:
            self._camera.close()


class UdpStream:
    """Pictures as H.264 in an MPEG transport stream over UDP, each at the time at which it is sent.

    Players open it by its address: `ffplay udp://127.0.0.1:5000`. Its service is named as synthetic media.

    Args:
        address: `udp://HOST:PORT`.
        fps: rate that is told to players.

    Raises:
        InputError: another address.
    """

    def __init__(self, address: str, fps: float) -> None:
        check_stream_address(address)
        self._address, self._rate = address, Fraction(fps).limit_denominator(10_000)
        self._to_frame = ToYuv()
        self._output: av.container.OutputContainer | None = None
        self._stream: AvStream | None = None
        self._started = 0.0
        self._last = -1

    def send(self, rgb: UInt8[np.ndarray, "H W 3"]) -> None:
        """Encode a picture and send it.

        Raises:
            OutputError: the address cannot be reached.
        """
        frame = self._to_frame(rgb)
        with self._reaching():
            if self._stream is None:
                self._stream = self._open(frame.width, frame.height)
            frame.time_base = _CLOCK
            frame.pts = self._last = max(self._last + 1, round((time.monotonic() - self._started) / _CLOCK))
            self._encode(frame)

    def close(self) -> None:
        """Send what is left, and end.

        Raises:
            OutputError: the address cannot be reached.
        """
        if self._output is None or self._stream is None:
            return
        with self._reaching():
            try:
                self._encode(None)
            finally:
                output, self._output, self._stream = self._output, None, None
                output.close()

    def _encode(self, frame: VideoFrame | None) -> None:
        assert self._output is not None
        assert self._stream is not None
        for packet in self._stream.encode(frame):
            self._output.mux(packet)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            cause = error.strerror or str(error)
            raise OutputError(f"cannot stream to {self._address}: {cause}; check the address") from error

    def _open(self, width: int, height: int) -> AvStream:
        joint = "&" if "?" in self._address else "?"
        url = self._address if "pkt_size=" in self._address else f"{self._address}{joint}pkt_size={_PACKET}"
        self._output = av.open(url, "w", format="mpegts")
        self._output.metadata.update({"service_name": provenance_text(), "service_provider": MARK})
        options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23"}
        stream = self._output.add_stream("libx264", rate=self._rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = _CLOCK
        stream.codec_context.gop_size = max(1, round(2 * self._rate))  # who comes later waits two seconds at most
        tag_colors(stream)
        self._started = time.monotonic()
        return stream


def check_stream_address(address: str) -> None:
    """Fail before long work rather than after it.

    Raises:
        InputError: not `udp://HOST:PORT`.
    """
    try:
        parts = urlsplit(address)
        good = parts.scheme == "udp" and bool(parts.hostname) and bool(parts.port)
    except ValueError:
        good = False
    if not good:
        raise InputError(f"stream {address!r}: give an address such as udp://127.0.0.1:5000")
