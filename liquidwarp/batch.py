"""Many commands, such as imitations from one table: what rows share is learnt once, and a second run goes on.

Every step is a command of its own in a process of its own, so a row gives the same bytes as alone, gives its memory
back, and takes nobody with it if it fails or is killed.
"""

import csv
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import liquidwarp
from liquidwarp.errors import InputError, LiquidwarpError
from liquidwarp.files import atomic_path

if TYPE_CHECKING:
    from distributed import Client

_NEEDED = ("photo", "motion", "output")
_OF_PERSON = ("person", "fov", "wear")
_OF_MOTION = {"motion_person": "person", "motion_fov": "fov"}
_OF_PICTURES = ("camera", "size", "smooth", "background", "renderer", "method", "weights", "device")
_SHARED = ("body", "models")
_FLAGS = ("hands", "mute")
COLUMNS = (*_NEEDED, *_OF_PERSON, *_OF_MOTION, *_OF_PICTURES, *_SHARED, *_FLAGS)
"""Columns that a table of jobs may have: those of 'liquidwarp imitate', with several values apart by semicolons."""

_SEVERAL = ("photo", "wear", "smooth")
_YES, _NO = ("1", "yes", "true"), ("", "0", "no", "false")
_MOST_TRIES = 2  # of a step whose process was killed


@dataclass(frozen=True)
class Step:
    """One command and the steps that it waits for.

    Attributes:
        name: what it is called in the work folder.
        arguments: of the command line, or a script and its arguments (see `run_command`).
        output: the file that it writes.
        needs: names of steps.
        inputs: files that it reads.
    """

    name: str
    arguments: tuple[str, ...]
    output: Path
    needs: tuple[str, ...] = ()
    inputs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Job:
    """A row of the table: its line, and its step."""

    line: int
    step: str
    output: Path


@dataclass
class Plan:
    """All steps, by name, and the rows that they serve."""

    steps: dict[str, Step] = field(default_factory=dict)
    rows: list[Job] = field(default_factory=list)

    def add(self, line: int, step: Step) -> None:
        """Add a row, and the step that does it."""
        self.steps[step.name] = step
        self.rows.append(Job(line, step.name, step.output))


@dataclass(frozen=True)
class Outcome:
    """What became of a step: no cause means that it went well; `fresh` is False if it had been done before."""

    cause: str | None = None
    fresh: bool = True


@runtime_checkable
class Runner(Protocol):
    """Runs commands, several at once."""

    def submit(self, arguments: Sequence[str]) -> "Future[str | None]":
        """Start a command, as `run_command` does; the result is None, or the cause of its failure in one line."""
        ...


def read_jobs(table: str | Path, work: str | Path | None = None) -> Plan:
    """Read a table of jobs and lay out the steps.

    Args:
        table: a CSV file with a header; paths in it are relative to its folder.
        work: where people and motions are kept; by default beside the table.

    Raises:
        InputError: the table cannot be read, names a column that does not exist, lacks one that is needed, or two of
            its rows write one file.
    """
    table = Path(table)
    work = Path(work) if work is not None else table.with_suffix(".work")
    plan, owners = Plan(), dict[Path, int]()
    for line, cells in _rows(table):
        output = _plan_row(plan, table.parent, work, line, cells, table)
        target = output.resolve()
        if target in owners:
            raise InputError(f"{table}, line {line}: {output} is written by line {owners[target]} too; rename one")
        owners[target] = line
    if not plan.rows:
        raise InputError(f"{table}: no job in it; give a header ({', '.join(_NEEDED)}) and a row per job")
    return plan


def _rows(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = table.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{table} does not exist; check the path of the jobs") from None
    except UnicodeDecodeError:
        raise InputError(f"{table}: no text in UTF-8; save the table as CSV in UTF-8") from None
    if "\0" in text:
        raise InputError(
            f"{table}, line {text[: text.index(chr(0))].count(chr(10)) + 1}: a zero byte, which no path has"
        )
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(table, header)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise InputError(f"{table}, line {reader.line_num}: {len(cells)} cells, the header has {len(header)}")
            yield reader.line_num, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    except csv.Error as error:
        raise InputError(f"{table}, line {reader.line_num}: {error}; save the table as CSV") from error


def _check_header(table: Path, header: list[str]) -> None:
    for name in header:
        if name not in COLUMNS:
            raise InputError(f"{table}: no column {name!r}; there are {', '.join(COLUMNS)}")
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise InputError(f"{table}: column {missing[0]!r} is missing; a row needs {', '.join(_NEEDED)}")
    if len(set(header)) < len(header):
        raise InputError(f"{table}: a column is there twice")


def _plan_row(plan: Plan, home: Path, work: Path, line: int, cells: Mapping[str, str], table: Path) -> Path:
    """Add a row and its steps; return the file that it writes."""
    from liquidwarp.media import is_video

    for name in _NEEDED:
        if not cells[name]:
            raise InputError(f"{table}, line {line}: no {name}")
    shared = (*_given(cells, _SHARED, home), *_hands(cells, table, line))
    before = [_person_step(home, work, cells, shared), _motion_step(home, work, cells, shared)]
    plan.steps |= {step.name: step for step in before if step is not None}
    person, motion = (str(step.output) if step is not None else None for step in before)
    given, output = str(home / cells["motion"]), home / cells["output"]
    heard = motion is not None and is_video(given)
    sound = ("--mute",) if _is_yes(cells, "mute", table, line) else ("--sound", given) if heard else ()
    own = _given(cells, ("motion_person",), home) if motion is None else ()
    arguments = (
        *("imitate", person or str(home / cells["photo"]), "--motion", motion or given),
        *(*own, *sound, *_given(cells, _OF_PICTURES, home), *shared, "-o", str(output)),
    )
    inputs = [home / cells["photo"]] * (person is None) + [Path(given)] * (motion is None)
    needs = tuple(step.name for step in before if step is not None)
    plan.add(line, Step(_name("row", arguments), arguments, output, needs, tuple(inputs)))
    return output


def _person_step(home: Path, work: Path, cells: Mapping[str, str], shared: tuple[str, ...]) -> Step | None:
    from liquidwarp.person import PERSON_ENDING

    photos = [home / name.strip() for name in cells["photo"].split(";")]
    options = _given(cells, _OF_PERSON, home)
    if len(photos) == 1 and photos[0].suffix == PERSON_ENDING and not options:
        return None
    arguments = ("learn", *map(str, photos), *options, *shared)
    name = _name("person", arguments)
    output = work / f"{name}{PERSON_ENDING}"
    worn = [home / value.partition("=")[2].strip() for value in cells.get("wear", "").split(";") if value.strip()]
    return Step(name, (*arguments, "-o", str(output)), output, (), (*photos, *worn))


def _motion_step(home: Path, work: Path, cells: Mapping[str, str], shared: tuple[str, ...]) -> Step | None:
    from liquidwarp.motion import is_motion_file

    motion = home / cells["motion"]
    if is_motion_file(motion):
        return None
    options: list[str] = []
    for column, option in _OF_MOTION.items():
        if cells.get(column):
            options += [f"--{option}", cells[column]]
    arguments = ("recover", str(motion), "--regressor", "landmarks", *options, *shared)
    name = _name("motion", arguments)
    output = work / f"{name}.npz"
    return Step(name, (*arguments, "-o", str(output)), output, (), (motion,))


def _given(cells: Mapping[str, str], columns: Sequence[str], home: Path) -> tuple[str, ...]:
    """Return the options of some columns as arguments; files are taken from the table's folder."""
    arguments: list[str] = []
    for name in columns:
        values = cells.get(name, "").split(";") if name in _SEVERAL else [cells.get(name, "")]
        for value in filter(None, map(str.strip, values)):
            arguments += [f"--{name.replace('_', '-')}", _located(name, value, home)]
    return tuple(arguments)


def _located(name: str, value: str, home: Path) -> str:
    if name == "wear":
        part, _, photo = value.partition("=")
        return f"{part}={home / photo}"
    if name in ("background", "weights", "models") and (home / value).exists():
        return str(home / value)
    return value


def _hands(cells: Mapping[str, str], table: Path, line: int) -> tuple[str, ...]:
    return () if not cells.get("hands") or _is_yes(cells, "hands", table, line) else ("--no-hands",)


def _is_yes(cells: Mapping[str, str], name: str, table: Path, line: int) -> bool:
    value = cells.get(name, "").lower()
    if value not in (*_YES, *_NO):
        raise InputError(f"{table}, line {line}: {name}={value!r}; write yes or no")
    return value in _YES


def _name(kind: str, arguments: Sequence[str]) -> str:
    return f"{kind}_{hashlib.sha256(json.dumps(list(arguments)).encode()).hexdigest()[:16]}"


def run_jobs(
    plan: Plan,
    work: str | Path,
    runner: Runner,
    *,
    told: "Callable[[int, int], None] | None" = None,
) -> list[Outcome]:
    """Run what has not been done yet; return what became of each row.

    Args:
        plan: from `read_jobs`.
        work: its work folder.
        runner: what runs the commands.
        told: is called with the numbers of steps that are done and of all after each step.
    """
    work = Path(work)
    outcomes: dict[str, Outcome] = {}
    running: dict[Future[str | None], Step] = {}
    waiting = dict(plan.steps)
    while waiting or running:
        for step in list(waiting.values()):
            before = [outcomes.get(name) for name in step.needs]
            if any(outcome is None for outcome in before):
                continue
            del waiting[step.name]
            failed = next((outcome for outcome in before if outcome is not None and outcome.cause), None)
            anew = any(outcome is not None and outcome.fresh for outcome in before)
            if failed is not None:
                outcomes[step.name] = failed
            elif not anew and _is_done(work, step):
                outcomes[step.name] = Outcome(fresh=False)
            else:
                running[runner.submit(step.arguments)] = step
        if running and told is not None:
            told(len(outcomes), len(plan.steps))
        if not running:
            continue
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            step = running.pop(future)
            cause = future.result()
            outcomes[step.name] = Outcome(cause)
            if cause is None:
                _mark_done(work, step)
    if told is not None:
        told(len(outcomes), len(plan.steps))
    return [outcomes[row.step] for row in plan.rows]


def _fingerprint(step: Step) -> dict[str, object]:
    def look(path: Path) -> list[object]:
        try:
            found = path.stat()
        except OSError:
            return [str(path)]
        return [str(path), found.st_size, found.st_mtime_ns]

    return {
        "version": liquidwarp.__version__,
        "arguments": list(step.arguments),
        "files": [look(path) for path in (*step.inputs, step.output)],
    }


def _is_done(work: Path, step: Step) -> bool:
    try:
        known = json.loads((work / f"{step.name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(step.output.exists() and known == _fingerprint(step))


def _mark_done(work: Path, step: Step) -> None:
    with atomic_path(work / f"{step.name}.json") as partial:
        partial.write_text(json.dumps(_fingerprint(step)), encoding="utf-8")


def run_command(arguments: Sequence[str], stop: threading.Event | None = None) -> str | None:
    """Run a command of liquidwarp in a process of its own; return None, or the cause of its failure in one line.

    Args:
        arguments: of the command line, or the path of a Python script (.py) and its arguments. A script says what went
            wrong as "error: ..." on standard error.
        stop: ends the process, as Ctrl-C would, once it is set.
    """
    for left in reversed(range(_MOST_TRIES)):
        code, said = _run(arguments, stop)
        if code >= 0 or left == 0 or (stop is not None and stop.is_set()):
            break
    if code == 0:
        return None
    if code < 0:
        return f"its process was killed (signal {-code}); if memory ran out, run fewer jobs at once"
    lines = [line.strip() for line in said.replace("\r", "\n").splitlines() if line.strip()]
    errors = [line.partition("error: ")[2] for line in lines if line.startswith(("liquidwarp: error: ", "error: "))]
    return (errors or lines or [f"exit code {code}"])[-1]


def _run(arguments: Sequence[str], stop: threading.Event | None) -> tuple[int, str]:
    own = [] if arguments[0].endswith(".py") else ["-m", "liquidwarp.cli"]
    command = [sys.executable, *own, *arguments]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        while True:
            try:
                said = process.communicate(timeout=0.2)[1]
                return process.returncode, said
            except subprocess.TimeoutExpired:
                if stop is not None and stop.is_set():
                    process.terminate()


class LocalRunner:
    """Runs some commands at once on this machine."""

    def __init__(self, jobs: int) -> None:
        self._pool, self._stop = ThreadPoolExecutor(jobs), threading.Event()

    def submit(self, arguments: Sequence[str]) -> "Future[str | None]":
        """Start a command as soon as there is room."""
        return self._pool.submit(run_command, arguments, self._stop)

    def close(self) -> None:
        """End what runs, and wait for it."""
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)


class DaskRunner:
    """Runs commands on the workers of a Dask cluster, which see the same files under the same names."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def submit(self, arguments: Sequence[str]) -> "Future[str | None]":
        """Hand a command to the cluster, which gives it to another worker if the first is lost."""
        there = self._client.submit(run_command, tuple(arguments), pure=False)
        here: Future[str | None] = Future()

        def done(_: object) -> None:
            error = there.exception()
            here.set_result(there.result() if error is None else f"the cluster failed: {error}")

        there.add_done_callback(done)
        return here


@contextmanager
def local_runner(jobs: int) -> Iterator[LocalRunner]:
    """Yield a runner on this machine; commands that still run at the end are ended in order."""
    runner = LocalRunner(jobs)
    try:
        yield runner
    finally:
        runner.close()


@contextmanager
def dask_runner(address: str) -> Iterator[DaskRunner]:
    """Yield a runner on a Dask cluster.

    Raises:
        InputError: `distributed` is not installed, or nobody answers there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--dask needs the package distributed: pip install 'liquidwarp[dask]'") from None
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--dask {address}: no Dask scheduler answers ({error}); start one, or check the address"
        ) from None
    with client:
        yield DaskRunner(client)


def write_report(table: str | Path, plan: Plan, outcomes: Sequence[Outcome]) -> Path:
    """Write what became of each row beside the table, as CSV; return the file."""
    path = Path(table).with_suffix(".report.csv")
    with atomic_path(path) as partial, open(partial, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("line", "output", "status", "cause"))
        for row, outcome in zip(plan.rows, outcomes, strict=True):
            status = "failed" if outcome.cause else "made" if outcome.fresh else "kept"
            writer.writerow((row.line, row.output, status, outcome.cause or ""))
    return path


def run_plan(
    plan: Plan, work: str | Path, *, jobs: int = 1, dask: str | None = None, progress: bool = False
) -> list[Outcome]:
    """Run what has not been done yet, here or on a cluster; return what became of each row.

    Args:
        plan: from `read_jobs`, or of a script's own commands.
        work: a folder of its own, which tells a second run what is done.
        jobs: how many commands run at once on this machine.
        dask: address of the scheduler of a Dask cluster that does the work instead.
        progress: show a progress bar.

    Raises:
        InputError: see `dask_runner`.
    """
    from liquidwarp.console import progress_bar

    Path(work).mkdir(parents=True, exist_ok=True)
    with (
        progress_bar(total=len(plan.steps), desc="steps", unit="step", shown=progress) as bar,
        dask_runner(dask) if dask else local_runner(jobs) as runner,
    ):
        return run_jobs(plan, work, runner, told=lambda done, _: bar.update(done - bar.n))


def run_table(
    table: str | Path,
    *,
    jobs: int = 1,
    dask: str | None = None,
    work: str | Path | None = None,
    progress: bool = False,
) -> Path:
    """Do every job of a table; return the report. A second run does what is left, or has changed.

    Args:
        table: a CSV file, see `read_jobs`.
        jobs: how many commands run at once on this machine.
        dask: address of the scheduler of a Dask cluster that does the work instead.
        work: where people and motions are kept; by default `TABLE.work` beside the table.
        progress: show a progress bar.

    Raises:
        InputError: see `read_jobs` and `dask_runner`.
        LiquidwarpError: rows failed; the others are done, and the report says why.
    """
    plan = read_jobs(table, work)
    place = Path(work) if work is not None else Path(table).with_suffix(".work")
    outcomes = run_plan(plan, place, jobs=jobs, dask=dask, progress=progress)
    report = write_report(table, plan, outcomes)
    failed = [(row, outcome) for row, outcome in zip(plan.rows, outcomes, strict=True) if outcome.cause]
    if failed:
        row, outcome = failed[0]
        raise LiquidwarpError(
            f"{len(failed)} of {len(plan.rows)} jobs failed, the first in line {row.line}: {outcome.cause}; "
            f"all are in {report}; run the same command again for what is left"
        )
    return report
