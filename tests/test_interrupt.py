"""Ctrl-C, a request to end, and a killed process midway: the old file stays, and nothing half-written beside it."""

import importlib
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import liquidwarp as lw
from liquidwarp.files import check_writable
from liquidwarp.interrupt import leaving_in_order

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")

# Draws what this process has encoded, one frame after the other for ever, and says so after the third.
PROGRAM = """
import sys, torch
from liquidwarp import cli, tasks
tasks.encode_source = lambda *_, **__: torch.load(sys.argv[1], weights_only=False)
draw = tasks.novel_view
def told(*arguments, **options):
    for number, frame in enumerate(draw(*arguments, **options)):
        if number == 3:
            print("drawing", flush=True)
        yield frame
tasks.novel_view = told
sys.exit(cli.main(sys.argv[2:]))
"""


def stop_midway(number: int, encoded: lw.SourceState, photo: Path, folder: Path) -> tuple[int, str, Path]:
    """Send a signal to a process that is writing `turn.mp4`; return its exit code, its words and the file."""
    state, out = folder / "person.pt", folder / "out" / "turn.mp4"
    out.parent.mkdir()
    out.write_bytes(b"the old film")
    torch.save(encoded, state)
    arguments = ["view", str(photo), "-o", str(out), "--frames", "20000", "--size", "64"]
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(state), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell's `&` switches it off
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "drawing\n"
        time.sleep(0.1)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    return process.returncode, said, out


def test_ctrl_c(encoded: lw.SourceState, sources, tmp_path: Path) -> None:
    code, said, out = stop_midway(signal.SIGINT, encoded, sources.photo, tmp_path)
    assert code == 130, said
    assert said.endswith("liquidwarp: interrupted; no unfinished file was left\n")
    assert "Traceback" not in said
    assert out.read_bytes() == b"the old film"
    assert list(out.parent.iterdir()) == [out]


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C is as in a program, whoever runs the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_import_ends_before_ctrl_c_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "interrupted_module.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\nwhole = True")

    def work() -> None:
        assert importlib.import_module("interrupted_module").whole
        time.sleep(10)

    with pytest.raises(KeyboardInterrupt), leaving_in_order():
        work()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("ctrl_c")
def test_a_program_that_runs_in_an_import_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "running_module.py").write_text(
        "import signal\nfrom liquidwarp.interrupt import leaving_in_order\n"
        "with leaving_in_order():\n    signal.raise_signal(signal.SIGINT)\n    raise RuntimeError"
    )
    with pytest.raises(KeyboardInterrupt):
        importlib.import_module("running_module")


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize(("number", "meaning"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_what_a_callback_swallows_comes_again(number: int, meaning: type[BaseException]) -> None:
    def work() -> None:
        watched = {"it"}
        reference = weakref.ref(watched, lambda _: signal.raise_signal(number))
        del watched
        assert reference() is None
        time.sleep(10)

    with pytest.raises(meaning), leaving_in_order():
        work()


@pytest.mark.usefixtures("ctrl_c")
def test_other_errors_of_callbacks_go_where_they_went(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: told.append(lost.exc_type))
    watched = {"it"}
    reference = weakref.ref(watched, lambda _: 1 // 0)
    with leaving_in_order():
        del watched
    assert reference() is None
    assert told == [ZeroDivisionError]


@pytest.fixture(scope="module")
def long_motion(dance: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that keeps a job busy for much longer than anybody waits here."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    lw.write_video(dance * 100, path, fps=25)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.3, 1.0, 1.5, 1.8, 2.1, 2.4, 2.7, 3.0, 4.0, 6.0])
def test_ctrl_c_at_any_moment_of_a_job(sources, long_motion: Path, tmp_path: Path, seconds: float) -> None:
    """Imports, two detectors that start, learning and following at once: it is told, and nothing is left or said."""
    out = tmp_path / "new" / "out.mp4"
    program = "import sys; from liquidwarp import cli; print('began', flush=True); sys.exit(cli.main(sys.argv[1:]))"
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, "imitate", sources.photo, "--motion", long_motion, "-o", out],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "began\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.endswith("liquidwarp: interrupted; no unfinished file was left\n")
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_request_to_end(encoded: lw.SourceState, sources, tmp_path: Path) -> None:
    code, said, out = stop_midway(signal.SIGTERM, encoded, sources.photo, tmp_path)
    assert code == 143
    assert "Traceback" not in said
    assert out.read_bytes() == b"the old film"
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.slow
def test_killed(encoded: lw.SourceState, sources, tmp_path: Path) -> None:
    """Nobody can clean up then: a hidden file is left, and the next one that writes there removes it."""
    code, _, out = stop_midway(signal.SIGKILL, encoded, sources.photo, tmp_path)
    assert code == -signal.SIGKILL
    assert out.read_bytes() == b"the old film"
    (left,) = (path for path in out.parent.iterdir() if path != out)
    assert left.name.startswith(".")
    assert left.suffixes == [".partial", ".mp4"]
    os.utime(left, (0, 0))
    check_writable(out)
    assert list(out.parent.iterdir()) == [out]
