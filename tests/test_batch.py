"""Many jobs: the table, what is shared, what a second run does, failures, killed processes, a Dask cluster."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from liquidwarp.batch import dask_runner, read_jobs, run_command, run_jobs, run_table
from liquidwarp.cli import main
from liquidwarp.errors import InputError
from liquidwarp.media import write_video


class Recorder:
    """Stands in for processes: writes the output of each command, or fails those that name a word."""

    def __init__(self, fails: str = "nothing") -> None:
        self.done: list[tuple[str, ...]] = []
        self._fails = fails

    def submit(self, arguments: Sequence[str]) -> "Future[str | None]":
        self.done.append(tuple(arguments))
        answer: Future[str | None] = Future()
        if any(self._fails in argument for argument in arguments[1:-2]):
            answer.set_result(f"{self._fails}: no person found")
        else:
            Path(arguments[-1]).parent.mkdir(parents=True, exist_ok=True)
            Path(arguments[-1]).write_text("made")
            answer.set_result(None)
        return answer

    @property
    def kinds(self) -> list[str]:
        return [arguments[0] for arguments in self.done]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.jpg", "walk.bvh"):
        (tmp_path / name).write_text(name)
    write_video([np.zeros((32, 32, 3), np.uint8)] * 2, tmp_path / "dance.mp4", fps=25)
    path = tmp_path / "jobs.csv"
    path.write_text(
        "photo,motion,output,camera,smooth,wear,mute\n"
        "a.jpg,dance.mp4,out/a_dance.mp4,copy,arms=0.5;legs=0.2,,\n"
        "b.jpg,dance.mp4,out/b_dance.mp4,,,,yes\n"
        "\n"
        "a.jpg,walk.bvh,out/a_walk.mp4,,,upper=b.jpg,no\n"
        "a.jpg,walk.bvh,out/a_walk_bare.mp4,,,,\n"
    )
    return path


def test_what_rows_share_is_learnt_once(table: Path) -> None:
    runner, work = Recorder(), table.with_suffix(".work")
    outcomes = run_jobs(read_jobs(table), work, runner)
    assert [outcome.cause for outcome in outcomes] == [None] * 4
    assert sorted(runner.kinds) == ["imitate"] * 4 + ["learn"] * 3 + ["recover"]
    first = next(arguments for arguments in runner.done if arguments[-1].endswith("a_dance.mp4"))
    text = " ".join(first)
    assert "--camera copy --smooth arms=0.5 --smooth legs=0.2" in text
    assert f"--sound {table.parent / 'dance.mp4'}" in text
    assert "--mute" in next(arguments for arguments in runner.done if arguments[-1].endswith("b_dance.mp4"))
    assert any(f"upper={table.parent / 'b.jpg'}" in arguments for arguments in runner.done)


def test_a_second_run_does_what_is_left_or_has_changed(table: Path) -> None:
    work = table.with_suffix(".work")
    run_jobs(read_jobs(table), work, Recorder())
    again = Recorder()
    assert not any(outcome.fresh for outcome in run_jobs(read_jobs(table), work, again))
    assert again.done == []
    (table.parent / "out" / "b_dance.mp4").unlink()
    run_jobs(read_jobs(table), work, again)
    assert again.kinds == ["imitate"]
    (table.parent / "a.jpg").write_text("another picture")
    anew = Recorder()
    fresh = [outcome.fresh for outcome in run_jobs(read_jobs(table), work, anew)]
    assert fresh == [True, False, True, True]
    assert sorted(anew.kinds) == ["imitate"] * 3 + ["learn"] * 2


def test_a_failure_costs_only_the_rows_that_need_it(table: Path) -> None:
    runner, work = Recorder(fails="b.jpg"), table.with_suffix(".work")
    causes = [outcome.cause for outcome in run_jobs(read_jobs(table), work, runner)]
    assert causes == [None, "b.jpg: no person found", "b.jpg: no person found", None]
    mended = Recorder()
    assert [outcome.fresh for outcome in run_jobs(read_jobs(table), work, mended)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"column 'photo' is missing; a row needs photo, motion, output"),
        ("photo,motion,output\n", r"no job in it"),
        ("photo,motion,output,colour\na,b,c,d\n", r"no column 'colour'; there are photo, motion, output"),
        ("photo,motion,output\na.jpg,dance.mp4\n", r"line 2: 2 cells, the header has 3"),
        ("photo,motion,output\na.jpg,,x.mp4\n", r"line 2: no motion"),
        ("photo,motion,output\na,b,x.mp4\na,c,x.mp4\n", r"line 3: .*x.mp4 is written by line 2 too; rename one"),
        ("photo,motion,output,mute\na,b,x.mp4,perhaps\n", r"line 2: mute='perhaps'; write yes or no"),
        ("photo,motion,output\na,b,x\0.mp4\n", r"line 2: a zero byte, which no path has"),
        ("photo,motion,output,photo\na,b,c,d\n", r"a column is there twice"),
    ],
)
def test_bad_tables_are_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_jobs(path)


def test_a_table_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "jobs.csv").write_bytes(b"\xff\xfe\x00p")
    assert main(["batch", str(tmp_path / "jobs.csv")]) == 2
    assert "no text in UTF-8" in capsys.readouterr().err
    assert main(["batch", str(tmp_path / "none.csv")]) == 2
    assert "none.csv does not exist" in capsys.readouterr().err


def test_the_cause_of_a_failure_is_one_line() -> None:
    assert run_command(["learn", "nobody.jpg", "-o", "a.person"]) == (
        "nobody.jpg does not exist; check the path of the photo"
    )


def test_a_process_that_is_killed_is_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    script = f"import os, signal; open({str(tries)!r}, 'a').write('x'); os.kill(os.getpid(), signal.SIGKILL)"
    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda _, **more: real([sys.executable, "-c", script], **more))
    assert run_command(["methods"]) == ("its process was killed (signal 9); if memory ran out, run fewer jobs at once")
    assert tries.read_text() == "xx"


@pytest.mark.slow
def test_rows_give_the_bytes_that_they_give_alone(sources, tmp_path: Path) -> None:
    table = tmp_path / "jobs.csv"
    rows = [
        (sources.photo, sources.motion, "a.mp4", "48"),
        (sources.photo, sources.track, "b.mp4", "64"),
        (sources.nobody, sources.track, "c.mp4", "64"),
    ]
    with open(table, "w", newline="") as stream:
        csv.writer(stream).writerows([("photo", "motion", "output", "size"), *rows])
    assert main(["batch", str(table), "--jobs", "2"]) == 2
    with open(tmp_path / "jobs.report.csv", newline="") as stream:
        report = list(csv.DictReader(stream))
    assert [row["status"] for row in report] == ["made", "made", "failed"]
    assert "no person" in report[2]["cause"]
    for photo, motion, name, size in rows[:2]:
        alone = tmp_path / f"alone_{name}"
        assert main(["imitate", str(photo), "--motion", str(motion), "--size", size, "-o", str(alone)]) == 0
        assert alone.read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.slow
def test_a_lost_worker_of_a_cluster_costs_only_its_row(sources, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    table = tmp_path / "jobs.csv"
    rows = [(sources.photo, sources.track, f"{number}.mp4", str(48 + 16 * number)) for number in range(4)]
    with open(table, "w", newline="") as stream:
        csv.writer(stream).writerows([("photo", "motion", "output", "size"), *rows])
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        plan = read_jobs(table)
        killed = []

        def kill_one(done: int, _: int) -> None:
            if done == 2 and not killed:
                time.sleep(0.5)
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)

        with dask_runner(cluster.scheduler_address) as runner:
            outcomes = run_jobs(plan, table.with_suffix(".work"), runner, told=kill_one)
    assert killed
    assert [outcome.cause for outcome in outcomes] == [None] * 4
    run_table(table)
    made = {name: (tmp_path / name).read_bytes() for _, _, name, _ in rows}
    alone = tmp_path / "alone.mp4"
    main(["imitate", str(sources.photo), "--motion", str(sources.track), "--size", "96", "-o", str(alone)])
    assert made["3.mp4"] == alone.read_bytes()
