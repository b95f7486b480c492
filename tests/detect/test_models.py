"""Model files: where they are looked for, that they are checked, and how they come here."""

import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from liquidwarp import cli
from liquidwarp.cli import main
from liquidwarp.detect.litert import models
from liquidwarp.detect.litert.fetch import set_up_models
from liquidwarp.detect.litert.models import MODELS, ModelFile, find_model, model_folders, read_model
from liquidwarp.errors import InputError, OutputError

FINDER, LITE = b"finder" * 100, b"lite" * 100


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A world with two small models, an empty home, and no installed MediaPipe."""
    small = {
        "pose_finder": ModelFile("finder.tflite", "pose_detection", sha(FINDER)),
        "pose_lite": ModelFile("lite.tflite", "pose_landmark", sha(LITE), shipped=False),
    }
    for name in list(MODELS):
        monkeypatch.delitem(MODELS, name)
    for name, model in small.items():
        monkeypatch.setitem(MODELS, name, model)
    folder = tmp_path / "home"
    folder.mkdir()
    for variable in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(folder))
    for variable in ("LIQUIDWARP_CACHE", "LIQUIDWARP_MODELS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(models, "_mediapipe", lambda: None)
    return folder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let pip reach nothing but a port that nobody listens to."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))


def wheel(path: Path, finder: bytes = FINDER) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mediapipe/modules/pose_detection/finder.tflite", finder)
        file.writestr("mediapipe-0.10.21.dist-info/LICENSE", "Apache License")
    return path


def package(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as file:
        member = tarfile.TarInfo("package/lite.tflite")
        member.size = len(LITE)
        file.addfile(member, io.BytesIO(LITE))
    return path


def test_pinned_sums_are_sums() -> None:
    assert all(len(model.sha256) == 64 and int(model.sha256, 16) for model in MODELS.values())
    assert len({model.file for model in MODELS.values()}) == len(MODELS)


def test_places_are_looked_at_in_order(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "site" / "mediapipe" / "modules"
    monkeypatch.setattr(models, "_mediapipe", lambda: installed)
    monkeypatch.setenv("LIQUIDWARP_MODELS", str(tmp_path / "named"))
    given, named, cache, last = model_folders(tmp_path / "given")
    assert (given, named, last) == (tmp_path / "given", tmp_path / "named", installed)
    assert home in cache.parents
    for place in (installed / "pose_detection", cache, named, given):
        place.mkdir(parents=True)
        (place / "finder.tflite").write_bytes(FINDER)
        assert find_model("pose_finder", tmp_path / "given") == place / "finder.tflite"
    assert read_model("pose_finder", given) == FINDER


def test_a_missing_model_is_one_line_that_says_what_to_do(home: Path) -> None:
    with pytest.raises(InputError, match=r"finder\.tflite is not here; run 'liquidwarp setup' once$"):
        read_model("pose_finder")
    with pytest.raises(InputError, match=r"lite\.tflite is not here; .*@mediapipe/pose.*setup --wheel FILE'$"):
        read_model("pose_lite")


@pytest.mark.parametrize("data", [FINDER[:-1], FINDER.replace(b"f", b"g"), b""])
def test_a_truncated_or_altered_model_is_refused_and_fetched_anew(home: Path, tmp_path: Path, data: bytes) -> None:
    (found,) = set_up_models(archives=[wheel(tmp_path / "a.whl")]).values()
    found.write_bytes(data)
    with pytest.raises(InputError, match=r"finder\.tflite: cut short or altered .* run 'liquidwarp setup' again"):
        read_model("pose_finder")
    set_up_models(archives=[wheel(tmp_path / "a.whl")])
    assert read_model("pose_finder") == FINDER


def test_setup_takes_models_and_licence_out_of_archives(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--wheel", str(wheel(tmp_path / "a.whl")), "--wheel", str(package(tmp_path / "b.tgz"))]
    assert main(["setup", *given]) == 0
    found = [Path(line) for line in capsys.readouterr().out.split()]
    assert [path.read_bytes() for path in found] == [FINDER, LITE]
    folder = found[0].parent
    assert home in folder.parents
    assert sorted(path.name for path in folder.iterdir()) == ["LICENSE.txt", "finder.tflite", "lite.tflite"]
    assert (folder / "LICENSE.txt").read_text() == "Apache License"


def test_setup_fetches_nothing_that_is_here(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "site" / "mediapipe" / "modules"
    (installed / "pose_detection").mkdir(parents=True)
    (installed / "pose_detection" / "finder.tflite").write_bytes(FINDER)
    (tmp_path / "site" / "mediapipe-0.10.21.dist-info").mkdir()
    (tmp_path / "site" / "mediapipe-0.10.21.dist-info" / "LICENSE").write_text("Apache License")
    monkeypatch.setattr(models, "_mediapipe", lambda: installed)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("pip was called"))
    assert set_up_models() == {"pose_finder": installed / "pose_detection" / "finder.tflite"}
    assert list(home.iterdir()) == []
    folder = tmp_path / "models"
    assert set_up_models(folder) == {"pose_finder": folder / "finder.tflite"}
    assert (folder / "LICENSE.txt").read_text() == "Apache License"


def test_setup_without_network_is_one_line(
    home: Path, no_network: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["setup"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "pip cannot fetch mediapipe==0.10.21" in error
    assert "--wheel FILE" in error
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert main(["setup"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("kind", ["missing", "text", "zip", "tgz"])
def test_bad_archives_are_named(home: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bad.whl"
    if kind == "text":
        path.write_text("no archive")
    elif kind != "missing":
        whole = wheel(path) if kind == "zip" else package(path)
        whole.write_bytes(whole.read_bytes()[: -200 if kind == "zip" else -20])
    with pytest.raises(InputError, match=r"bad\.whl: (no such file|damaged)"):
        set_up_models(archives=[path])


def test_archives_of_something_else_are_named(home: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"its finder\.tflite is another .* give the wheel of mediapipe==0\.10\.21"):
        set_up_models(archives=[wheel(tmp_path / "a.whl", finder=b"other")])
    with zipfile.ZipFile(tmp_path / "b.whl", "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match=r"b\.whl: no model in it"):
        set_up_models(archives=[tmp_path / "b.whl"])


def test_a_cache_that_cannot_be_written_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*; name another folder with --models or LIQUIDWARP_MODELS"):
        set_up_models(tmp_path / "file" / "models", archives=[wheel(tmp_path / "a.whl")])


def test_a_home_that_is_not_there_is_no_place(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.rmdir()
    with pytest.raises(InputError, match="run 'liquidwarp setup'"):
        read_model("pose_finder")
    with pytest.raises(OutputError, match=r"no home folder .*; name another folder with --models or LIQUIDWARP_MODELS"):
        set_up_models(archives=[wheel(tmp_path / "a.whl")])
    assert not home.exists()
    monkeypatch.setenv("LIQUIDWARP_MODELS", str(tmp_path / "named"))
    set_up_models(archives=[wheel(tmp_path / "a.whl")])
    assert read_model("pose_finder") == FINDER


def test_two_setups_at_once_leave_whole_files(home: Path, tmp_path: Path) -> None:
    archive = wheel(tmp_path / "a.whl")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: set_up_models(archives=[archive]), range(16)))
    assert all(one == found[0] for one in found)
    folder = found[0]["pose_finder"].parent
    assert read_model("pose_finder") == FINDER
    assert sorted(path.name for path in folder.iterdir()) == ["LICENSE.txt", "finder.tflite"]


PICTURE = ["photo.jpg", "-o", "out.mp4"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["imitate", *PICTURE, "--motion", "m.npz"],
        ["transfer", *PICTURE, "--wear", "upper=a.jpg"],
        ["learn", *PICTURE],
        ["live", *PICTURE],
        ["view", *PICTURE],
        ["recover", *PICTURE],
        ["export", *PICTURE],
        ["demo"],
        ["evaluate"],
        ["doctor"],
    ],
)
def test_commands_that_look_at_pictures_take_a_folder_of_models(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []
    monkeypatch.setattr(cli, f"_{arguments[0]}", lambda options: seen.append((options.models, model_folders()[0])))
    monkeypatch.setenv("LIQUIDWARP_MODELS", "/elsewhere")
    assert cli.main([*arguments, "--models", str(tmp_path)]) == 0
    assert seen == [(str(tmp_path), tmp_path)]
    assert os.environ["LIQUIDWARP_MODELS"] == "/elsewhere"
    monkeypatch.delenv("LIQUIDWARP_MODELS")
    assert cli.main([*arguments, "--models", str(tmp_path)]) == 0
    assert "LIQUIDWARP_MODELS" not in os.environ
    assert cli.main([*arguments, "--models", str(tmp_path / "none")]) == 2
    said = f"--models {tmp_path / 'none'}: no such folder; 'liquidwarp setup --models {tmp_path / 'none'}' makes it"
    assert said in capsys.readouterr().err
