import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from liquidwarp.errors import InputError, OutputError
from liquidwarp.files import atomic_path, check_writable

POSIX_USER = hasattr(os, "geteuid") and os.geteuid() != 0


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "Фото ü.png"
    with atomic_path(target) as partial:
        partial.write_bytes(b"half")
        assert not target.exists()
        assert partial.suffix == ".png"
        assert partial.parent == target.parent
    assert target.read_bytes() == b"half"
    assert list(target.parent.iterdir()) == [target]


def fail_halfway(target: Path, error: BaseException) -> None:
    with atomic_path(target) as partial:
        partial.write_bytes(b"new")
        raise error


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), InputError("bad frame"), SystemExit(3)])
def test_any_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    with pytest.raises(type(error)):
        fail_halfway(target, error)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_check_writable_leaves_everything_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    check_writable(target)
    assert list(tmp_path.iterdir()) == []
    target.write_bytes(b"old")
    check_writable(target)
    assert target.read_bytes() == b"old"
    with pytest.raises(OutputError, match="it is a folder"):
        check_writable(tmp_path)


def test_folders_stay_only_for_a_file(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deep" / "out.mp4"
    check_writable(target)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt):
        fail_halfway(target, KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="name too long"):
        check_writable(target.parent / ("x" * 300) / "out.mp4")
    assert list(tmp_path.iterdir()) == []
    with atomic_path(target) as partial:
        check_writable(target.parent / "other" / "out.mp4")
        partial.write_bytes(b"whole")
    assert target.read_bytes() == b"whole"
    check_writable(target.with_name("other.mp4"))
    assert list(target.parent.iterdir()) == [target]
    target.parent.joinpath("mine").mkdir()
    check_writable(target.parent / "mine" / "out.mp4")
    assert (target.parent / "mine").is_dir()  # it was there


@pytest.mark.parametrize("name", ["", ".", "..", "folder"])
def test_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="it is a folder; give a file name"), atomic_path(name):
        pass


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(OutputError, match=r"cannot write .*; choose another place"),
        atomic_path(tmp_path / "file" / "x"),
    ):
        pass


@pytest.mark.skipif(not POSIX_USER, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"), atomic_path(tmp_path / "x.png"):
        pass


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="name too long"), atomic_path(tmp_path / ("x" * 300)):
        pass


@pytest.mark.parametrize(
    ("length", "suffix"),
    [(length, suffix) for suffix in ("", ".mp4", ".safetensors", "." + "y" * 100) for length in (18, 25, 60, 254, 255)],
)
@pytest.mark.parametrize("letter", ["x", "ü", "🕺"])
def test_names_as_long_as_the_system_allows(tmp_path: Path, length: int, letter: str, suffix: str) -> None:
    room, wide = max(length - len(suffix), 5), len(letter.encode())
    target = tmp_path / (letter * (room // wide) + "x" * (room % wide) + suffix)
    check_writable(target)
    with atomic_path(target) as partial:
        assert len(partial.name.encode()) <= max(len(target.name.encode()), 17 + len(suffix))
        assert suffix not in (".mp4", ".safetensors") or partial.suffix == suffix
        partial.write_text("whole")
    with pytest.raises(KeyboardInterrupt):
        fail_halfway(target, KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    for name in (b"bad\xff.npz", b"\xff" * 251 + b".npz"):
        target = tmp_path / os.fsdecode(name)
        with atomic_path(target) as partial:
            partial.write_text("whole")
    assert len(list(tmp_path.iterdir())) == 2


def test_what_was_left_is_removed_whatever_the_name(tmp_path: Path) -> None:
    for name in ("a.txt", "x" * 251 + ".txt", "[a] " * 20 + ".txt"):
        target = tmp_path / name
        with atomic_path(target) as partial:
            partial.write_text("whole")
        partial.write_text("left")
        os.utime(partial, (0, 0))
        check_writable(target)
        assert not partial.exists()


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No space left on device; free space"), atomic_path(tmp_path / "x.png"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_error_about_another_file_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"sound\.wav"), atomic_path(tmp_path / "x.mp4"):
        open(tmp_path / "sound.wav").close()
    with pytest.raises(BrokenPipeError), atomic_path(tmp_path / "x.mp4"):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_killed_process_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")
    program = (
        "import sys, time; from liquidwarp.files import atomic_path, check_writable\n"
        "with atomic_path(sys.argv[1]) as partial:\n"
        "    partial.write_text('new'); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
    time.sleep(0.05)
    assert target.read_text() == "old"
    (left,) = [path for path in tmp_path.iterdir() if path != target]
    assert left.name.startswith(".")
    assert left.name.endswith(".partial.txt")
    os.utime(left, (0, 0))
    check_writable(target)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_two_who_write_one_file_leave_each_other_alone(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    with atomic_path(target) as first:
        os.utime(first, (0, 0))
        with atomic_path(target) as second:
            second.write_text("second")
        first.write_text("first")
    assert target.read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]
