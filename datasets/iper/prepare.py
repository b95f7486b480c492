"""Bring iPER, as it was downloaded, into the layout that training and the benchmark read.

python datasets/iper/prepare.py ROOT --out DIR [--tracks published|recovered] [--protocol iper]
                                [--jobs 2 | --dask tcp://scheduler:8786 | --shard 0/8]

Clips that are finished are not done again. Several at once: --jobs on this machine, --dask on a cluster whose workers
see the same files under the same names (a process a clip: one that is killed costs no other), or shards by hand. At the
end every video that is missing or incomplete is listed. --verify compares what is there with the checksums of when it
was prepared.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import liquidwarp as lw
from liquidwarp.batch import Plan, Step, run_plan
from liquidwarp.bodies import load_body
from liquidwarp.data import Analysis, load_protocol, missing_videos
from liquidwarp.data.iper_prepare import (
    PreparationOutcome,
    card_of,
    list_clips,
    prepare_iper,
    published_track,
    verify,
)
from liquidwarp.files import atomic_path
from liquidwarp.tasks.recover import detect_source, fit_clip


def main(arguments: list[str] | None = None) -> int:
    """Prepare this shard; 0 if all is there, 1 if videos are missing, 2 for input that cannot be used."""
    options = parse(arguments)
    try:
        return prepare(options)
    except lw.LiquidwarpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="folder that iPER was unpacked to")
    parser.add_argument("--out", type=Path, required=True, help="prepared folder; may be the same")
    parser.add_argument(
        "--tracks", choices=("published", "recovered"), default="recovered", help="where the bodies come from"
    )
    parser.add_argument("--body", default="anny", help="the body that the tracks are of; smpl needs its file")
    parser.add_argument("--protocol", default="iper", help="whose videos are needed; 'all' takes what is there")
    parser.add_argument("--size", type=int, help="side of the stored pictures; by default they are kept as they are")
    parser.add_argument("--shard", default="0/1", help="i/n prepares the i-th of n parts, counted from 0")
    parser.add_argument("--clip", help="prepare this clip alone, such as 001/1/1; lists are left as they are")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=int, help="clips at once, each in a process of its own")
    where.add_argument("--dask", metavar="ADDRESS", help="let a Dask cluster do it, whose workers see the same files")
    parser.add_argument("--verify", action="store_true", help="only compare with the checksums")
    return parser.parse_args(arguments)


def prepare(options: argparse.Namespace) -> int:
    """Do this shard's clips, write the lists, and say what is missing."""
    if options.clip:
        return prepare_one(options)
    everything = options.protocol == "all"
    needs = {} if everything else load_protocol(options.protocol).needs()
    names = list_clips(options.root) if everything else list(needs)
    if options.verify:
        wrong = verify(options.out, names)
        return tell(wrong, f"{len(names) - len(wrong)} of {len(names)} clips are as they were prepared")
    index, _, count = options.shard.partition("/")
    if not (index.isdigit() and count.isdigit()):
        raise lw.InputError(f"--shard {options.shard}: give i/n, such as 0/8")
    if options.jobs or options.dask:
        outcome = prepare_side_by_side(options, names[int(index) :: int(count)])
    else:
        outcome = prepare_here(options, names, (int(index), int(count)))
    write_lists(options, names)
    here = {name: needs.get(name, 1) for name in outcome.done}
    lacks = outcome.missing | missing_videos(options.out, here)
    return tell(lacks, f"{len(outcome.done)} clips ready in {options.out}")


def prepare_here(
    options: argparse.Namespace, names: list[str], shard: tuple[int, int] = (0, 1), *, progress: bool = True
) -> PreparationOutcome:
    """Do clips one after another."""
    return prepare_iper(
        options.root,
        options.out,
        names,
        lambda source, name: analyse(source, name, options),
        size=options.size,
        shard=shard,
        progress=progress,
    )


def prepare_one(options: argparse.Namespace) -> int:
    """Do one clip, as a step of a batch."""
    outcome = prepare_here(options, [options.clip], progress=False)
    for why in outcome.missing.values():
        raise lw.InputError(why)
    return 0


def prepare_side_by_side(options: argparse.Namespace, names: list[str]) -> PreparationOutcome:
    """Do clips through the batch engine, each in a process of its own."""
    if not options.root.is_dir():
        raise lw.InputError(f"{options.root}: no such folder; give the folder that iPER was unpacked to")
    left = [name for name in names if not card_of(options.out, name).exists()]
    plan = plan_clips(options, left)
    outcomes = run_plan(plan, options.out / "prepared.work", jobs=options.jobs or 1, dask=options.dask, progress=True)
    causes = {name: outcome.cause for name, outcome in zip(left, outcomes, strict=True) if outcome.cause}
    return PreparationOutcome(tuple(name for name in names if name not in causes), causes)


def plan_clips(options: argparse.Namespace, names: list[str]) -> Plan:
    """Return a step a clip."""
    plan, out = Plan(), options.out.resolve()
    shared = ("--out", str(out), "--tracks", options.tracks, "--body", options.body)
    size = () if options.size is None else ("--size", str(options.size))
    for line, name in enumerate(names, start=1):
        arguments = (str(Path(__file__).resolve()), str(options.root.resolve()), *shared, *size, "--clip", name)
        plan.add(line, Step(f"clip_{name.replace('/', '_')}", arguments, card_of(out, name)))
    return plan


def analyse(source: Path, name: str, options: argparse.Namespace) -> Analysis:
    """Find the person's masks, and the body as published or by fitting."""
    body = load_body(options.body)
    found = detect_source(source, None, 0, False)
    assert found.masks is not None
    masks: list[np.ndarray] = [found.masks.frame(index).numpy() for index in range(len(found.masks))]
    if options.tracks == "published":
        pickle = options.root / "smpls" / name / "pose_shape.pkl"
        return Analysis(published_track(pickle, body, found.keypoints.size), masks)
    return Analysis(fit_clip(body, found), masks)


def write_lists(options: argparse.Namespace, names: list[str]) -> None:
    """Copy iPER's train.txt and val.txt; without them, what the protocol names is val and all else is train."""
    held = set(load_protocol("iper").entries)
    parts = {"val": [name for name in names if name in held], "train": [name for name in names if name not in held]}
    for part, own in parts.items():
        given, path = options.root / f"{part}.txt", options.out / f"{part}.txt"
        text = given.read_text() if given.exists() else "".join(f"{name}\n" for name in own)
        if not path.exists() or path.read_text() != text:
            with atomic_path(path) as partial:
                partial.write_text(text)


def tell(lacks: dict[str, str], summary: str) -> int:
    """Print a summary and one line a video that is not as it should be."""
    print(summary + (f"; {len(lacks)} are not:" if lacks else ""))
    for name, why in lacks.items():
        print(f"  {name}: {why}")
    return 1 if lacks else 0


if __name__ == "__main__":
    sys.exit(main())
