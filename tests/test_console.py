"""Whatever becomes of what a program prints, its work is done."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from liquidwarp.cli import main
from liquidwarp.console import hearing_progress, progress_bar, steady_console
from liquidwarp.errors import OutputError

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="the shell's way to close descriptors")


class Broken(io.StringIO):
    def __init__(self, number: int) -> None:
        super().__init__()
        self._error = OSError(number, os.strerror(number))

    def write(self, _: str) -> int:
        raise self._error

    def flush(self) -> None:
        raise self._error


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("ascii", "Фо ü.png", rb"\u0424\u043e \xfc.png"),
        ("latin-1", "Ф ü.png", rb"\u0424 " + "ü.png".encode("latin-1")),
        ("utf-8", "bad\udcff.png", rb"bad\udcff.png"),
        ("utf-8", "Фо ü.png", "Фо ü.png".encode()),
    ],
)
def test_letters_that_a_console_lacks(monkeypatch: pytest.MonkeyPatch, encoding: str, text: str, shown: bytes) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    with steady_console():
        print(text)
    assert written.getvalue().splitlines() == [shown]


@pytest.mark.parametrize("name", ["stdout", "stderr"])
@pytest.mark.parametrize("stream", [None, Broken(errno.EPIPE), closed()])
def test_nobody_reads(monkeypatch: pytest.MonkeyPatch, name: str, stream: object) -> None:
    monkeypatch.setattr(sys, name, stream)
    with steady_console():
        print("said", file=getattr(sys, name))
        getattr(sys, name).flush()
    assert getattr(sys, name) is stream
    assert main(["--nonsense"]) == 2
    if name == "stderr":
        assert list(progress_bar(range(3), shown=True)) == [0, 1, 2]
        with progress_bar(total=1, shown=True) as bar:
            bar.update()


def test_a_full_disk_under_the_output_is_told(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(errno.ENOSPC))
    with pytest.raises(OutputError, match="cannot write to standard output: No space left"), steady_console():
        print("said")
    assert main(["methods"]) == 2
    assert "error: cannot write to standard output: No space left on device; the work itself" in capsys.readouterr().err


def shell(command: str, *, where: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    run = f"{sys.executable} -W ignore {command}"
    return subprocess.run(
        ["bash", "-c", run], cwd=where, env={**os.environ, **(environment or {})}, capture_output=True, text=True
    )


@POSIX
@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", ">&-", "2>&-"])
def test_no_file_gets_the_number_of_a_closed_stream(tmp_path: Path, closed: str) -> None:
    program = (
        "from liquidwarp.console import open_descriptors as o; o(); print(open('n', 'w').fileno(), file=open('n', 'w'))"
    )
    assert shell(f'-c "{program}" {closed}', where=tmp_path).returncode == 0
    assert int((tmp_path / "n").read_text()) > 2


def test_progress_is_told_to_who_listens_and_not_to_the_console(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[tuple[str, int, int | None]] = []
    with hearing_progress(lambda *told: heard.append(told)):
        list(progress_bar(range(3), shown=False, desc="walk"))
        with progress_bar(total=None, shown=True, desc="wait", unit="frame") as bar:
            bar.update(2)
            bar.refresh()
    assert heard[0] == ("walk", 0, 3)
    assert heard[-1] == ("wait", 2, None)
    assert capsys.readouterr().err == ""
    list(progress_bar(range(3), shown=True, desc="walk"))
    assert "3/3" in capsys.readouterr().err
    assert heard[-1] == ("wait", 2, None)


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("way", ["<&- >&- 2>&-", "2>&-", ">&-", "| true", "2> /dev/full", "2> >(true)"])
def test_a_job_whose_console_is_not_there(sources, tmp_path: Path, way: str) -> None:
    done = shell(f"-m liquidwarp.cli recover {sources.motion} -o track.npz {way}", where=tmp_path)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["track.npz"]


@POSIX
@pytest.mark.slow
def test_the_library_without_standard_error(sources, tmp_path: Path) -> None:
    program = "import sys; assert sys.stderr is None; import liquidwarp as lw; lw.recover(sys.argv[1], progress=True)"
    done = shell(f'-c "{program}.save(sys.argv[2])" {sources.motion} track.npz 2>&-', where=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "track.npz").is_file()


@POSIX
@pytest.mark.slow
def test_a_name_that_the_console_cannot_print(sources, tmp_path: Path) -> None:
    done = shell(
        f"-m liquidwarp.cli recover {sources.motion} -o ünï.npz",
        where=tmp_path,
        environment={"PYTHONIOENCODING": "ascii", "LANG": "C"},
    )
    assert (done.returncode, done.stdout) == (0, "\\xfcn\\xef.npz\n")
    assert (tmp_path / "ünï.npz").is_file()
