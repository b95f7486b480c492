"""Small files that ask for a lot, or for something to be run or opened: refused at once, with the file's name."""

import io
import json
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from readers import READERS
from test_fuzz import bounded

from liquidwarp.bodies.smpl_files import read_smpl_file
from liquidwarp.cards import save_with_card
from liquidwarp.errors import InputError
from liquidwarp.media import is_image, is_video, open_video, read_image
from liquidwarp.media.timing import choose_rate
from liquidwarp.motion import read_motion
from liquidwarp.nn.weights import load_generator
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded by what Linux has for it")


def npz(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return out.getvalue()


def header(shape: str, kind: str = "<f8") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def swollen(data: bytes) -> bytes:
    """Let an archive's directory claim four gigabytes of contents."""
    at = data.rindex(b"PK\x01\x02") + 24
    return data[:at] + struct.pack("<I", 2**32 - 2) + data[at + 4 :]


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")


def still_gif(side: int, frames: int) -> bytes:
    start = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return start + frame * frames + b"\x3b"


ROOT = "HIERARCHY\nROOT Hips { OFFSET 0 0 0\n"
TAIL = "End Site {{ OFFSET 0 1 0 }} }}\nMOTION\nFrames: {frames}\nFrame Time: 0.03\n"
HUGE = header("(100000000000,)")
MOTIONS = {
    "claims.npz": npz(poses=HUGE),
    "negative.npz": npz(poses=header("(-1, 72)")),
    "swollen.npz": swollen(npz(poses=header("(30, 72)") + bytes(8 * 30 * 72))),
    "deep.npz": npz(poses=header("(" * 3000)),
    "still.bvh": (ROOT + "CHANNELS 0\n" + TAIL.format(frames=10**12)).encode(),
    "backwards.bvh": (ROOT + "CHANNELS -2\n" + TAIL.format(frames=1)).encode(),
    "wide.bvh": (ROOT + "CHANNELS 1000000000\n" + TAIL.format(frames=1)).encode(),
    "array.pkl": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x00.",
    "long.pkl": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".",
}


@pytest.mark.parametrize("name", MOTIONS)
def test_motions(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(MOTIONS[name])
    with bounded(), pytest.raises(InputError, match=name):
        read_motion(tmp_path / name, toy_body())


@pytest.mark.parametrize("read", [BodyTrack.load, read_smpl_file, READERS["truth"].read])
def test_archives(read: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "claims.npz"
    names = ("format", "body", "transl", "v_template", "joints_3d")
    path.write_bytes(npz(**dict.fromkeys(names, HUGE)))
    assert path.stat().st_size < 2000
    with bounded(), pytest.raises(InputError, match=r"claims\.npz"):
        read(path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("wide.png", png(100_000, 100_000)),
        ("high.png", png(1, 2**31 - 1)),
        ("run.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(out.txt) (w) file closefile\n"),
        ("run.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(out.txt) (w) file closefile\n"),
    ],
)
def test_pictures(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with bounded(), pytest.raises(InputError, match=name):
        read_image(tmp_path / name)
    assert not (name.startswith("run") and is_image(tmp_path / name))


def test_postscript_by_its_ending(tmp_path: Path) -> None:
    """Pillow would have it drawn by another program."""
    path = tmp_path / "picture.png"
    Image.new("RGB", (9, 9)).save(path, "EPS")
    with pytest.raises(InputError, match="not a picture"):
        read_image(path)


def test_an_animation_of_many_large_frames(tmp_path: Path) -> None:
    path = tmp_path / "many.gif"
    path.write_bytes(still_gif(8000, 1000))
    assert path.stat().st_size < 30_000
    with bounded(), pytest.raises(InputError, match="1000 frames of 8000x8000"):
        open_video(path)


@pytest.mark.parametrize(
    "text", ["ffconcat version 1.0\nfile secret.mp4\n", "#EXTM3U\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n"]
)
def test_playlists_open_nothing(text: str, sources, tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(sources.motion.read_bytes())
    path = tmp_path / "list.mp4"
    path.write_text(text)
    assert not is_video(path)
    with pytest.raises(InputError, match=r"list\.mp4"):
        open_video(path)


def test_a_clock_of_ticks_is_no_frame_rate() -> None:
    from fractions import Fraction

    assert choose_rate(Fraction(90_000), Fraction(90_000)) <= 1000
    assert choose_rate(Fraction(480), Fraction(480)) == 480


@pytest.mark.parametrize("widths", [[10**9] * 4, [10**6] * 4, [-1] * 4, [8] * 10**4, "wide", None, [1e9] * 4])
def test_cards_that_ask_for_large_networks(widths: object, tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    save_with_card({"a": torch.zeros(1)}, path, {"configuration": "compact", "widths": widths})
    with bounded(), pytest.raises(InputError, match=r"large\.safetensors"):
        load_generator(path)


@pytest.mark.parametrize("card", ["[1]", '"text"', "1", "9" * 5000, "[" * 100_000, '{"configuration": []}'])
def test_cards_that_are_none(card: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    content = json.dumps({"__metadata__": {"card": card}}).encode()
    path.write_bytes(struct.pack("<Q", len(content)) + content)
    with pytest.raises(InputError, match=r"odd\.safetensors"):
        load_generator(path)


def test_an_animation_whose_pauses_differ(tmp_path: Path) -> None:
    """Two that are nothing like each other have a median like neither."""
    path = tmp_path / "pause.gif"
    first, second = (Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (0, 255))
    first.save(path, save_all=True, append_images=[second], duration=[20, 5000])
    assert open_video(path).frame_count == sum(1 for _ in open_video(path)) > 1
