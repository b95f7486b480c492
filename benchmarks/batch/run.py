"""Time the same table of jobs on a Dask cluster of one worker and of two; print a table and write JSON.

    python benchmarks/batch/run.py [--rows 6] [--frames 48] [--size 256] [--workers 1 2] [--rounds 1]
                                   [--learnt | --idle SECONDS] [--out FILE]

The clusters are local, a process a worker, a thread each (`OMP_NUM_THREADS=1`), so two workers need two cores that are
free. The table puts the three people that come with liquidwarp in the motion that comes with it: three are learnt, and
every row is a command of its own. Clusters take turns, each with a work folder of its own; before the clock starts one
row is run, so that everything compiled is on disk. All clusters must give the same bytes. Needs `liquidwarp[dask]`.
`--idle` has rows that only wait: what is lost then is lost by the engine and the cluster, not by cores that others use.
"""

import argparse
import csv
import hashlib
import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import liquidwarp as lw
from liquidwarp.batch import Plan, Step, read_jobs, run_plan
from liquidwarp.demo import asset
from liquidwarp.types import BodyTrack

sys.path.insert(0, str(Path(__file__).parents[1]))
from timing import machine

SCHEMA = "liquidwarp-batch/1"
PHOTOS = ("woman_stripes.jpg", "man_jacket.jpg", "woman_checks.jpg")


def main(arguments: list[str] | None = None) -> int:
    """Measure, check, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=6, help="imitations in the table")
    parser.add_argument("--frames", type=int, default=48, help="of each")
    parser.add_argument("--size", type=int, default=256, help="longer side of the pictures")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="clusters to compare")
    parser.add_argument("--rounds", type=int, default=1)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--learnt", action="store_true", help="learn one person before the clock: rows alone are timed")
    kind.add_argument("--idle", type=float, metavar="SECONDS", help="rows that wait so long, and do nothing else")
    parser.add_argument("--out", type=Path, default=Path("outputs/batch.json"))
    options = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"  # before workers start: they hand it on to their commands
    seconds: dict[str, list[float]] = {str(count): [] for count in options.workers}
    made: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        track = Path(folder) / "motion.npz"
        BodyTrack.load(asset("motion_truth.npz"))[: options.frames].save(track)
        people = [asset(name) for name in PHOTOS]
        if options.idle:
            people = []
        elif options.learnt:
            people = [Path(folder) / "one.person"]
            lw.encode_source(asset(PHOTOS[0])).save(people[0])
        else:
            warm = Path(folder) / "warm"
            run_on(1, read_jobs(write_table(warm, people, track, 1, options.size)), warm / "jobs.work")
        for turn in range(options.rounds):
            for count in options.workers if turn % 2 == 0 else reversed(options.workers):
                place = Path(folder) / f"{turn}_{count}"
                if options.idle:
                    plan = waiting_plan(place, options.rows, options.idle)
                else:
                    plan = read_jobs(write_table(place, people, track, options.rows, options.size))
                seconds[str(count)].append(run_on(count, plan, place / "jobs.work"))
                made.add(digest(place))
    found = {
        "schema": SCHEMA,
        **machine(),
        "arguments": {
            "rows": options.rows,
            "frames": options.frames,
            "size": options.size,
            "learnt": options.learnt,
            "idle": options.idle,
        },
        "seconds": seconds,
        "same_bytes": len(made) == 1,
    }
    check(found)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table_of(found))
    return 0


def write_table(folder: Path, people: list[Path], track: Path, rows: int, size: int) -> Path:
    """Write a table of jobs into a folder of its own."""
    folder.mkdir()
    table = folder / "jobs.csv"
    with open(table, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("photo", "motion", "output", "size"))
        for row in range(rows):
            writer.writerow((people[row % len(people)], track, f"{row}.mp4", size))
    return table


def waiting_plan(folder: Path, rows: int, seconds: float) -> Plan:
    """Return steps that only wait."""
    folder.mkdir()
    plan, script = Plan(), Path(__file__).resolve().with_name("idle.py")
    for row in range(rows):
        output = folder / f"{row}.mp4"
        plan.add(row, Step(f"row_{row}", (str(script), str(seconds), "-o", str(output)), output))
    return plan


def run_on(workers: int, plan: Plan, work: Path) -> float:
    """Return the seconds that a plan takes on a cluster, whose start does not count."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=40
    ) as cluster:
        cluster.wait_for_workers(workers)
        begin = time.perf_counter()
        outcomes = run_plan(plan, work, dask=cluster.scheduler_address)
        taken = time.perf_counter() - begin
    causes = [outcome.cause for outcome in outcomes if outcome.cause]
    if causes:
        raise lw.LiquidwarpError(f"{len(causes)} rows failed, the first: {causes[0]}")
    return taken


def digest(folder: Path) -> str:
    """Return what tells the videos of a table from others."""
    total = hashlib.sha256()
    for path in sorted(folder.glob("*.mp4")):
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def check(found: dict[str, Any]) -> None:
    """Raise `ValueError` unless this can be a result."""
    if found.get("schema") != SCHEMA:
        raise ValueError(f"schema must be {SCHEMA}")
    if found["same_bytes"] is not True:
        raise ValueError("clusters gave different bytes")
    counts = {len(times) for times in found["seconds"].values()}
    if len(counts) != 1 or not all(
        math.isfinite(time) and time > 0 for times in found["seconds"].values() for time in times
    ):
        raise ValueError(f"seconds: {found['seconds']} are no times")


def table_of(found: dict[str, Any]) -> str:
    """Return the figures as a table."""
    medians = {count: sorted(times)[len(times) // 2] for count, times in found["seconds"].items()}
    first = next(iter(medians.values()))
    lines = ["| workers | seconds | times as fast |", "|---|---|---|"]
    lines += [f"| {count} | {time:.1f} | {first / time:.2f} |" for count, time in medians.items()]
    return "\n".join([*lines, "", f"load {found['machine']['load']:.1f} on {found['machine']['cores']} cores"])


if __name__ == "__main__":
    sys.exit(main())
