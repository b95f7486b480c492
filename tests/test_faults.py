"""A fault of ours: one line, exit code 70, and a report that tells of no user."""

import tempfile
from pathlib import Path

import pytest

from liquidwarp import cli, tasks
from liquidwarp.faults import EXIT_CODE, write_report


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where reports go; the work itself is done elsewhere."""
    folder, work = tmp_path / "reports", tmp_path / "work"
    folder.mkdir()
    work.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(work)
    return folder


def break_down(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(*_: object, **__: object) -> None:
        try:
            raise KeyError("/home/jane doe/albums/jane doe.jpg")
        except KeyError:
            raise error  # noqa: B904 -- as a mistake would

    monkeypatch.setattr(tasks, "encode_source", broken)


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), AssertionError(), SystemError("no cause")])
def test_one_line_and_a_report(
    error: Exception, reports: Path, sources, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_down(monkeypatch, error)
    photo = Path("jane doe.png")
    photo.write_bytes(sources.photo.read_bytes())
    arguments = ["view", str(photo), "-o", "out of jane.png", "--frames", "1", "--device", "cpu", "--pose", "a"]
    assert cli.main(arguments) == EXIT_CODE == 70
    (report,) = reports.iterdir()
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(f"liquidwarp: error: unexpected fault ({type(error).__name__}); ")
    assert str(report) in said.err
    text = report.read_text()
    assert "command: liquidwarp view FILE1.png -o FILE2.png --frames 1 --device cpu --pose a\n" in text
    assert f"\n{type(error).__name__}: {error}\n" in text
    assert "  liquidwarp/cli.py, line " in text
    assert "torch " in text
    assert not [word for word in ("jane", "doe", str(Path.home()), str(reports.parent)) if word in text]
    assert [path.name for path in Path.cwd().iterdir()] == [photo.name]


@pytest.mark.parametrize(
    "message",
    [
        "cannot read me/jane.jpg",
        "no 'jane doe.mp4' here",
        'in Path("/data/jane")',
        "jane.person: bad",
        "C:\\jane\\x.bvh",
        "value jane",
    ],
)
def test_messages_name_nobody(message: str, reports: Path) -> None:
    assert "jane" not in write_report(ValueError(message), ["imitate", "--wear=upper=jane"]).read_text()


def test_a_report_that_cannot_be_written(
    reports: Path, sources, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(sources.photo / "no folder"))
    break_down(monkeypatch, RuntimeError("it broke"))
    assert cli.main(["view", str(sources.photo), "-o", "x.mp4"]) == EXIT_CODE
    assert "no report could be written" in capsys.readouterr().err


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_a_lack_of_memory_is_no_fault(
    error: Exception, reports: Path, sources, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_down(monkeypatch, error)
    assert cli.main(["view", str(sources.photo), "-o", "x.mp4"]) == 2
    assert "out of memory; give a smaller --size" in capsys.readouterr().err
    assert list(reports.iterdir()) == []
