"""One queue of jobs, each in its own folder, in a process that can be ended."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from liquidwarp.errors import InputError
from liquidwarp.web.desk import Desks, say
from liquidwarp.web.jobs import Jobs, QueuedJob
from liquidwarp.web.worker import Event


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *([before] if before else [])])
    queue = Jobs(tmp_path_factory.mktemp("jobs"), "toy_work")
    yield queue
    queue.close()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def test_a_job_works_in_its_own_folder_and_tells_how_it_goes(jobs: Jobs) -> None:
    folder = jobs.folder()
    job = jobs.submit("count", folder, upto=3, seconds=0.15)
    events = [event for event in job.events() if event is not None]
    assert [(e.text, e.done, e.total) for e in events[:-1]] == [("counting", n, 3) for n in range(3)]
    assert events[-1].kind == "done"
    assert events[-1].values["here"] == str(folder)
    assert (folder / "counted.txt").read_text() == "3"
    assert jobs.folder_of(folder.name) == folder
    jobs.forget(job)
    assert not folder.exists()
    assert jobs.folder_of(folder.name) is None


def test_what_the_library_tells_a_console_is_told_to_the_page(jobs: Jobs) -> None:
    bars = [event for event in jobs.submit("bars", jobs.folder()).events() if event is not None]
    assert ("walking", 3) in {(event.text, event.total) for event in bars}
    warned = [event for event in jobs.submit("warn", jobs.folder()).events() if event is not None]
    assert [(event.kind, event.text) for event in warned] == [
        ("note", "dance.mp4: frames 3 to 5 show nobody"),
        ("done", ""),
    ]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("mistake", "photo.jpg: no person found; give another photo"),
        ("memory", "out of memory; give a smaller size or smaller pictures"),
        ("fault", "unexpected fault (ZeroDivisionError); this is a mistake of liquidwarp's, not yours"),
        ("dead", "the job's process ended by itself"),
    ],
)
def test_what_went_wrong_is_said_in_one_line_and_the_next_job_runs(jobs: Jobs, how: str, said: str) -> None:
    end = jobs.submit("fail", jobs.folder(), how=how).result()
    assert end.kind == "failed"
    assert end.text.startswith(said)
    assert "\n" not in end.text
    assert jobs.submit("count", jobs.folder(), upto=1).result().kind == "done"


def test_a_cancelled_job_ends_with_its_process_and_those_that_wait_do_not(jobs: Jobs) -> None:
    running = jobs.submit("count", jobs.folder(), upto=1000, seconds=0.05)
    first = next(event for event in running.events() if event is not None)
    assert first.kind == "progress"
    waiting = jobs.submit("count", jobs.folder(), upto=2)
    dropped = jobs.submit("count", jobs.folder(), upto=3)
    assert [jobs.before(job) for job in (running, waiting, dropped)] == [0, 1, 2]
    dropped.cancel()
    running.cancel()
    assert running.result().kind == "cancelled"
    assert waiting.result().values["upto"] == 2
    assert dropped.result().kind == "cancelled"
    for job in (running, waiting, dropped):
        jobs.forget(job)
        assert not job.folder.exists()


def test_a_job_hears_what_is_sent_to_it(jobs: Jobs) -> None:
    job = jobs.submit("echo", jobs.folder())
    said = iter(job.events())
    for item in (b"one", b"two"):
        while not job.send(item):
            time.sleep(0.01)
        assert next(event for event in said if event is not None).picture == "x.jpg"
    job.send(None)
    assert job.result().values == {"heard": [b"one", b"two"]}


def test_a_place_of_a_tab_has_one_job_and_its_folder_goes_with_the_next(jobs: Jobs) -> None:
    desks = Desks(jobs)
    first = desks.begin("tab", "place", "count", lambda folder: {"upto": 1})
    other = desks.begin("other", "place", "count", lambda folder: {"upto": 1})
    assert first.result().kind == other.result().kind == "done"
    more = desks.go_on("tab", "place", "count", upto=2)
    assert more is not None
    assert more.result().values["here"] == str(first.folder)
    second = desks.begin("tab", "place", "count", lambda folder: {"upto": 1})
    assert not first.folder.exists()
    assert other.folder.exists()
    steps = list(desks.follow(second))
    assert steps[-1].said.startswith("<p>Done in ")

    def mistake(folder: Path) -> dict[str, int]:
        raise InputError("no photo given")

    with pytest.raises(InputError, match="no photo"):
        desks.begin("tab", "place", "count", mistake)
    assert not second.folder.exists()
    assert desks.go_on("tab", "nowhere", "count", upto=2) is None
    desks.leave("other")
    assert not other.folder.exists()


def test_what_is_said_of_a_job_is_html_without_anybodys_tags() -> None:
    event = Event("failed", "<script>alert(1)</script>.jpg: no picture")
    assert "<script>" not in say(event, 1.0, 0, ["<b>"])
    assert "2 before you" in say(Event("progress", "painting"), 1.0, 2, [])
    assert 'value="3"' in say(Event("progress", "painting", 3, 10), 1.0, 0, [])


@pytest.mark.slow
def test_twenty_jobs_of_five_tabs_one_cancelled_one_bad(tmp_path: Path) -> None:
    """All others end well, one after the other, and memory is back where it was."""
    from psutil import Process

    from liquidwarp.web.examples import PEOPLE, photo_of
    from liquidwarp.web.uploads import bring

    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    photos = [photo_of(person) for person in PEOPLE]
    root = tmp_path / "jobs"
    root.mkdir()
    jobs = Jobs(root)
    desks = Desks(jobs)

    def held() -> int:
        here = Process()
        return sum(each.memory_info().rss for each in (here, *here.children(recursive=True)))

    def begin(number: int) -> QueuedJob:
        path = bad if number == 7 else photos[number % len(photos)]
        return desks.begin(
            f"tab {number % 5}", f"place {number}", "learn", lambda folder: {"photo": bring(path, folder, "photo")}
        )

    try:
        assert begin(0).result().kind == "done"
        before = held()
        under_way = [begin(number) for number in range(20)]
        under_way[12].cancel()
        ends = [job.result() for job in under_way]
        assert [number for number, end in enumerate(ends) if end.kind != "done"] == [7, 12]
        assert ends[7].kind == "failed"
        assert "photo.jpg" in ends[7].text
        assert ends[12].kind == "cancelled"
        for tab in range(5):
            desks.leave(f"tab {tab}")
        assert list(root.iterdir()) == []
        assert held() < before + 200 * 2**20
    finally:
        jobs.close()
    assert not root.exists()
