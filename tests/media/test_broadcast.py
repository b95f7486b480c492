"""Pictures to other programs: a stand-in for a virtual camera, and a real receiver of the stream."""

import io
import socket
import sys
from types import ModuleType

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace

from liquidwarp.errors import InputError, OutputError
from liquidwarp.media import UdpStream, VirtualCamera, check_stream_address
from liquidwarp.media.provenance import MARK

COLORS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (120, 120, 120))


def pictures(size: tuple[int, int] = (48, 65)) -> list[np.ndarray]:
    return [np.full((*size, 3), color, np.uint8) for color in COLORS]


@pytest.fixture
def cameras(monkeypatch: pytest.MonkeyPatch) -> list:
    """The cameras that are opened."""
    opened: list = []

    class Camera:
        def __init__(self, *, width: int, height: int, fps: float) -> None:
            self.told, self.shown, self.closed = (width, height, fps), [], False
            opened.append(self)

        def send(self, rgb: np.ndarray) -> None:
            assert rgb.flags.c_contiguous
            assert rgb.shape == (self.told[1], self.told[0], 3)
            self.shown.append(rgb)

        def close(self) -> None:
            self.closed = True

    module = ModuleType("pyvirtualcam")
    module.Camera = Camera  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    return opened


def test_a_virtual_camera_shows_every_picture(cameras: list) -> None:
    camera = VirtualCamera(30.0)
    camera.close()
    assert not cameras, "nothing is opened before the first picture"
    for picture in pictures():
        camera.send(picture[:, ::-1])
    camera.close()
    (used,) = cameras
    assert used.told == (65, 48, 30.0)
    assert [tuple(shown[0, 0]) for shown in used.shown] == list(COLORS)
    assert used.closed


def test_without_package_or_driver_it_is_said(monkeypatch: pytest.MonkeyPatch, cameras: list) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("'obs' backend: virtual camera output could not be started")

    monkeypatch.setattr(sys.modules["pyvirtualcam"], "Camera", fail)
    with pytest.raises(OutputError, match=r"'obs' backend.*; install OBS"):
        VirtualCamera(25.0).send(pictures()[0])
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(InputError, match=r"pip install 'liquidwarp\[virtualcam\]'"):
        VirtualCamera(25.0)


def received(listener: socket.socket) -> bytes:
    """Return all that came; nothing more comes."""
    listener.settimeout(0.2)
    parts = []
    try:
        while True:
            parts.append(listener.recv(65536))
    except TimeoutError:
        return b"".join(parts)


def test_a_receiver_sees_what_was_streamed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        stream = UdpStream(f"udp://127.0.0.1:{listener.getsockname()[1]}", 25.0)
        for picture in pictures():
            stream.send(picture)
        stream.close()
        data = received(listener)
    assert len(data) % 188 == 0
    assert MARK.encode() in data, "it says that it is synthetic"
    with av.open(io.BytesIO(data), format="mpegts") as container:
        frames = list(container.decode(video=0))
    assert [(frame.width, frame.height) for frame in frames] == [(66, 48)] * len(COLORS)  # H.264 has even sides
    for frame, color in zip(frames, COLORS, strict=True):
        assert frame.colorspace == Colorspace.ITU709, "it says which colours it has"
        shown = frame.reformat(format="rgb24", src_colorspace=Colorspace.ITU709).to_ndarray()
        np.testing.assert_allclose(shown[24, 32], color, atol=6)
    times = [frame.pts for frame in frames]
    assert times == sorted(set(times))


@pytest.mark.parametrize("address", ["127.0.0.1:5000", "http://a:1", "udp://host", "udp://:5000", "udp://a:99999", ""])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(InputError, match=r"udp://127.0.0.1:5000"):
        check_stream_address(address)


def test_nobody_to_reach_is_said() -> None:
    stream = UdpStream("udp://no-such-host.invalid:5000", 25.0)
    with pytest.raises(OutputError, match=r"cannot stream to udp://no-such-host.invalid:5000: "):
        stream.send(pictures()[0])
    stream.close()
