"""Signed provenance: what was changed is seen, whose certificate it is is said."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from liquidwarp.cli import main
from liquidwarp.errors import InputError
from liquidwarp.media import write_image, write_video
from liquidwarp.media.credentials import FOLDER_VARIABLE, read_credential, sign_file

INSTALLED = importlib.util.find_spec("c2pa") is not None
needs_extra = pytest.mark.skipif(not INSTALLED, reason="needs the extra credentials")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "own"))
    frames = [np.random.default_rng(seed).integers(0, 255, (64, 64, 3)).astype(np.uint8) for seed in range(3)]

    def make(name: str) -> Path:
        path = tmp_path / name
        if path.suffix == ".mp4":
            write_video(frames, path, fps=25)
        else:
            write_image(path, frames[0])
        return path

    return make


@needs_extra
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.mp4"])
def test_a_changed_byte_is_seen(name: str, made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(name)
    path = tmp_path / name
    photo = write_image(tmp_path / "photo.png", np.zeros((8, 8, 3), np.uint8))
    assert read_credential(path) is None
    assert main(["sign", str(path), "--from", str(photo)]) == 0
    assert "local certificate" in capsys.readouterr().out
    found = read_credential(path)
    assert found is not None
    assert (found.whole, found.local, len(found.ingredients)) == (True, True, 1)
    assert main(["verify", str(path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("mark: Synthetic media made by liquidwarp")
    assert "not changed since it was signed" in said
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    path.write_bytes(data)
    assert main(["verify", str(path)]) == 2
    assert "changed" in capsys.readouterr().err
    key = tmp_path / "own" / "local-credential.pem"
    assert key.stat().st_mode & 0o077 == 0


@needs_extra
def test_what_cannot_be_signed(made, tmp_path: Path) -> None:
    path = made("a.png")
    with pytest.raises(InputError, match="go together"):
        sign_file(path, key="key.pem")
    (tmp_path / "a.webm").write_bytes(b"x")
    with pytest.raises(InputError, match=r"a\.webm: cannot be signed"):
        sign_file(tmp_path / "a.webm")
    (tmp_path / "no.pem").write_text("nothing")
    with pytest.raises(InputError, match=r"a\.png: cannot be signed"):
        sign_file(path, certificate=tmp_path / "no.pem", key=tmp_path / "no.pem")


@pytest.mark.skipif(INSTALLED, reason="the extra is here")
def test_without_the_extra_the_plain_mark_is_read(made, capsys: pytest.CaptureFixture[str]) -> None:
    path = made("a.png")
    assert main(["verify", str(path)]) == 0
    assert "not looked for; pip install 'liquidwarp[credentials]'" in capsys.readouterr().out
    assert main(["sign", str(path)]) == 2
    assert "pip install 'liquidwarp[credentials]' adds it" in capsys.readouterr().err
