"""The iPER benchmark: self-imitation, cross-imitation, appearance transfer, novel views.

    python benchmarks/iper/run.py --data ROOT --task self|cross|transfer|view [--sources 1,2,3,4,8|iccv]
                                  [--method surface gan copy published:FILE] [-o outputs/iper]
                                  [--jobs 2 | --dask tcp://scheduler:8786 | --shard 0/4]
                                  [--metric-weights FOLDER] [--metrics NAME ...] [--keep-pictures]

ROOT is a folder that datasets/iper/prepare.py or datasets/synthetic/make.py wrote. A killed run goes on where it
stopped, frame by frame. Several runs at once: --jobs on this machine, --dask on a cluster whose workers see the same
files under the same names (a process a run), or shards by hand, which may share the output folder or be copied into
one. README.md has the contract.
"""

import argparse
import json
import sys
from pathlib import Path

from iper_measure import Renderer, judged, make_renderer, measure, read_rows, run_folder, settings_of, write_text
from iper_metrics import make_stream
from iper_report import check, latex, markdown, stack, to_json
from tqdm import tqdm

import liquidwarp as lw
from liquidwarp.batch import Plan, Step, run_plan
from liquidwarp.data import Protocol, Run, load_iper, load_protocol, missing_videos, protocol_runs
from liquidwarp.data.protocols import ALONE, TASKS, outfit_pairs
from liquidwarp.media import write_image
from liquidwarp.metrics import Stream

SYNTHETIC = "synthetic_iPER_protocol.json"


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 if all of it ran, 1 if runs are missing or failed, 2 for input that cannot be used."""
    options = parse(arguments)
    try:
        return run(options)
    except lw.LiquidwarpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="prepared folder")
    parser.add_argument("--task", nargs="+", choices=TASKS, required=True)
    parser.add_argument("--sources", type=source_counts, default=[1], help=f"numbers of source photos, or {ALONE}")
    parser.add_argument(
        "--method",
        "--renderer",
        dest="renderer",
        nargs="+",
        default=["surface", "copy"],
        help="copy, gan, published:FILE, or what 'liquidwarp methods' lists, such as liquid:temporal=true,weights=FILE",
    )
    parser.add_argument("--protocol", help="name or file; by default that of the folder, else iPER's")
    parser.add_argument("--size", type=int, help="longer side of the pictures; by default that of the videos")
    parser.add_argument("--limit", type=int, help="only the first frames of each run, for a quick look")
    parser.add_argument("--metric-weights", type=Path, help="folder with the files that docs/metrics.md names")
    parser.add_argument("--metrics", nargs="+", help="more metrics; by default those that the weights make possible")
    parser.add_argument("--keep-pictures", action="store_true", help="write all frames, for 'liquidwarp evaluate'")
    parser.add_argument("--shard", type=shard, default=(0, 1), help="i/n does the i-th of n parts, counted from 0")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=int, help="runs at once, each in a process of its own")
    where.add_argument("--dask", metavar="ADDRESS", help="let a Dask cluster do it, whose workers see the same files")
    where.add_argument("--no-report", action="store_true", help="only measure: a step of --jobs or --dask")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/iper"))
    return parser.parse_args(arguments)


def source_counts(text: str) -> list[int | str]:
    """Read "1,2,8" or "iccv"."""
    parts = text.split(",")
    if not all(part == ALONE or (part.isdigit() and int(part) > 0) for part in parts):
        raise argparse.ArgumentTypeError(f"{text}: give numbers such as 1,2,8, or {ALONE}")
    return [part if part == ALONE else int(part) for part in parts]


def shard(text: str) -> tuple[int, int]:
    """Read "i/n"."""
    index, _, count = text.partition("/")
    if not (index.isdigit() and count.isdigit() and int(index) < int(count)):
        raise argparse.ArgumentTypeError(f"{text}: shards count from 0/N to N-1/N")
    return int(index), int(count)


def find_protocol(options: argparse.Namespace, task: str) -> Protocol:
    """Return the protocol asked for, else the folder's own, else iPER's."""
    own = options.data / SYNTHETIC
    name = options.protocol or (own if own.exists() else "iper_transfer" if task == "transfer" else "iper")
    protocol = load_protocol(name)
    return outfit_pairs(protocol) if task == "transfer" and not protocol.pairs else protocol


def run(options: argparse.Namespace) -> int:
    """Do this shard's runs, then report on all that are finished in the output folder."""
    if options.limit is not None and options.limit < 1:
        raise lw.InputError(f"--limit {options.limit} must be at least 1")
    stream = make_stream(options.metrics, options.metric_weights)
    protocols = {task: find_protocol(options, task) for task in options.task}
    runs = [r for task, p in protocols.items() for n in options.sources for r in protocol_runs(p, task, n)]
    needs = {name: count for p in protocols.values() for name, count in p.needs().items()}
    wanted = {video for item in runs for video in item.videos}
    missing = missing_videos(options.data, {name: count for name, count in needs.items() if name in wanted})
    for name, why in missing.items():
        print(f"missing: {name}: {why}", file=sys.stderr)
    usable = [item for item in runs if not set(item.videos) & set(missing)]
    if not usable:
        raise lw.InputError(
            f"{options.data}: {len(missing)} of {len(wanted)} videos are missing or incomplete, and no run is left; "
            "prepare them with datasets/iper/prepare.py"
        )
    renderers = [make_renderer(name) for name in options.renderer]
    jobs = [(item, renderer) for item in usable for renderer in renderers]
    if options.jobs or options.dask:
        failed = measure_side_by_side(options, jobs)
    else:
        failed = measure_here(options, jobs, stream)
    if options.no_report:
        for cause in failed.values():
            raise lw.InputError(cause)
        return 0
    report(options, protocols, runs, jobs, missing, failed, stream)
    return 1 if missing or failed else 0


def measure_here(
    options: argparse.Namespace, jobs: list[tuple[Run, Renderer]], stream: Stream | None
) -> dict[str, str]:
    """Do this shard's runs one after another; return why some failed."""
    index, count = options.shard
    mine = jobs[index::count]
    data = load_iper(options.data, sorted({video for item, _ in mine for video in item.videos}))
    failed: dict[str, str] = {}
    for item, renderer in tqdm(mine, unit="run", disable=options.no_report):
        try:
            measure(
                item,
                renderer,
                data,
                options.output,
                size=options.size,
                limit=options.limit,
                stream=stream,
                keep=options.keep_pictures,
            )
        except lw.InputError as error:  # a damaged video costs its own runs; a full disk ends the work
            failed[f"{renderer.name} {item.name}"] = str(error)
    return failed


def measure_side_by_side(options: argparse.Namespace, jobs: list[tuple[Run, Renderer]]) -> dict[str, str]:
    """Do this shard's runs through the batch engine, each in a process of its own; return why some failed."""
    plan = plan_runs(options, jobs)
    work = options.output / "runs.work"
    outcomes = run_plan(plan, work, jobs=options.jobs or 1, dask=options.dask, progress=True)
    index, count = options.shard
    names = [f"{renderer.name} {item.name}" for item, renderer in jobs[index::count]]
    return {name: outcome.cause for name, outcome in zip(names, outcomes, strict=True) if outcome.cause}


def plan_runs(options: argparse.Namespace, jobs: list[tuple[Run, Renderer]]) -> Plan:
    """Return a step a run of this shard: this command, of which it does one part of as many as there are runs."""
    index, count = options.shard
    plan, script, out = Plan(), Path(__file__).resolve(), options.output.resolve()
    shared = ["--data", str(options.data.resolve()), "-o", str(out), "--task", *options.task]
    shared += ["--sources", ",".join(map(str, options.sources)), "--method", *options.renderer]
    shared += ["--metrics", *options.metrics] if options.metrics else []
    shared += ["--keep-pictures"] if options.keep_pictures else []
    for name in ("protocol", "size", "limit", "metric_weights"):
        value = getattr(options, name)
        if value is not None:
            path = Path(str(value))
            shared += [f"--{name.replace('_', '-')}", str(path.resolve() if path.exists() else value)]
    for place in range(index, len(jobs), count):
        item, renderer = jobs[place]
        part = ("--no-report", "--shard", f"{place}/{len(jobs)}")
        output = run_folder(out, item, renderer) / "frames.jsonl"
        plan.add(place, Step(f"run_{place}_of_{len(jobs)}", (str(script), *shared, *part), output))
    return plan


def report(
    options: argparse.Namespace,
    protocols: dict[str, Protocol],
    runs: list[Run],
    jobs: list[tuple[Run, Renderer]],
    missing: dict[str, str],
    failed: dict[str, str],
    stream: Stream | None,
) -> None:
    """Write results.json, results.md, results.tex and the sheets of all that is finished, and print the table."""
    found, shown, worst = [], [], []
    for item, renderer in jobs:
        folder = run_folder(options.output, item, renderer)
        settings = settings_of(item, renderer, options.size, options.limit, stream)
        card = folder / "run.json"
        if not card.exists() or json.loads(card.read_text(encoding="utf-8")) != settings:
            continue
        rows = read_rows(folder)
        asked = len(judged(item, options.limit))
        found.append(
            settings | {"name": item.name, "count": item.count, "asked": asked, "rows": rows, "folder": folder}
        )
        if renderer.name != "copy":
            shown += sorted(folder.glob("shown_*.png"))
            scores = [row["person_ssim"] for row in rows if row["person_ssim"] is not None]
            worst += [(min(scores), folder / "worst.png")] if scores else []
    arguments = {
        "data": options.data.name,
        "task": options.task,
        "sources": options.sources,
        "renderer": [Path(name).name for name in options.renderer],
        "size": options.size,
        "limit": options.limit,
    }
    names = ", ".join(dict.fromkeys(protocol.name for protocol in protocols.values()))
    described = {"name": names, "runs": len(runs), "frames": sum(len(item.judged) for item in runs)}
    data = to_json(found, arguments, described, missing, failed, stream)
    check(data)
    out = options.output
    write_text(out / "results.json", json.dumps(data, indent=1, allow_nan=False) + "\n")
    write_text(out / "results.md", markdown(data))
    write_text(out / "results.tex", latex(data))
    write_image(out / "sheet.png", stack(shown))
    write_image(out / "worst.png", stack([path for _, path in sorted(worst)], most=12))
    print(markdown(data))
    unfinished = sum(len(run["rows"]) < run["asked"] for run in found) + len(jobs) - len(found)
    if unfinished:
        print(f"{unfinished} of {len(jobs)} runs are not finished; other shards, or this command again, finish them")
    print(f"written to {out}: results.json, results.md, results.tex, sheet.png, worst.png")


if __name__ == "__main__":
    sys.exit(main())
