"""Do skirts, dresses, coats and long hair look like the truth when they turn and walk?

    python benchmarks/quality/drape.py [--people 5] [--size 256] [--kinds dress skirt coat hair] -o outputs/drape

Invented people with known bodies are learnt from one frame, and painted in other views and poses whose pictures are
known. ../README.md has the contract.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from drape_measure import KINDS, METRICS, VIEWS, Draped, measure_person
from quality_report import check_origin, check_summary, most_memory, need, origin, summarize, write_results

from liquidwarp import viz
from liquidwarp.media import write_image

SCHEMA = "liquidwarp-drape/1"


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    options = parse(arguments)
    people = []
    for kind in options.kinds:
        for seed in range(options.first, options.first + options.people):
            print(f"{kind} {seed} ...", flush=True)
            people.append(measure_person(kind, seed, options.size))
            write_image(options.output / f"{kind}-{seed}.png", sheet(people[-1]))
    told = {"people": options.people, "size": options.size, "kinds": options.kinds, "first": options.first}
    data = to_json(people, told, most_memory())
    check(data)
    text = table(data)
    write_results(options.output, data, text)
    print(text)
    print(f"written to {options.output}: results.json, results.md, KIND-SEED.png")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=5, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    parser.add_argument("--size", type=int, default=256, help="side of the pictures")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/drape"))
    return parser.parse_args(arguments)


def to_json(people: Sequence[Draped], arguments: dict[str, object], peak_memory: int) -> dict:
    """Put the results of a run into the form that `check` asks for."""
    kinds = list(dict.fromkeys(person.kind for person in people))
    return {
        **origin(SCHEMA, arguments, peak_memory),
        "people": [
            {
                "kind": person.kind,
                "seed": person.seed,
                "views": [{"group": view.group, "label": view.label} | view.scores for view in person.views],
            }
            for person in people
        ],
        "summary": {kind: {group: _over(people, kind, group) for group in VIEWS[kind]} for kind in kinds},
    }


def _over(people: Sequence[Draped], kind: str, group: str) -> dict:
    views = [view for person in people if person.kind == kind for view in person.views if view.group == group]
    return {metric: summarize([view.scores[metric] for view in views]) for metric in METRICS}


def check(data: dict) -> None:
    """Raise `ValueError` unless `data` has the form that `to_json` writes.

    Raises:
        ValueError: naming the first thing that is wrong.
    """
    check_origin(data, SCHEMA)
    need(isinstance(data.get("people"), list) and data["people"], "people must be a list with something in it")
    for number, person in enumerate(data["people"]):
        where = f"people[{number}]"
        need(person.get("kind") in KINDS, f"{where}.kind must be one of {KINDS}")
        for view in person["views"]:
            need(view.get("group") in VIEWS[person["kind"]], f"{where}: the group must be one of {VIEWS}")
            for metric in METRICS:
                need(
                    isinstance(view.get(metric), float) and 0 <= view[metric] <= 1, f"{where}: {metric} must be 0 to 1"
                )
    for kind, groups in data["summary"].items():
        need(set(groups) == set(VIEWS[kind]), f"summary.{kind} must have {VIEWS[kind]}")
        for group, scores in groups.items():
            for metric in METRICS:
                check_summary(scores.get(metric), f"summary.{kind}.{group}.{metric}")


def table(data: dict) -> str:
    """Return the results as Markdown."""
    lines = ["| kind | views | overlap | near | part | ceiling |", "|---" * 6 + "|"]
    for kind, groups in data["summary"].items():
        for group, scores in groups.items():
            cells = [_mean(scores[metric]) for metric in METRICS]
            lines.append(f"| {kind} | {group} | {' | '.join(cells)} |")
    lines += [
        "",
        "Means over views of all people: intersection over union of whole outlines, of outlines near the skirt or",
    ]
    lines += ["hair, and of the skirt or hair itself as told by its colours; the ceiling is the true picture's own."]
    return "\n".join(lines) + "\n"


def _mean(summary: dict) -> str:
    return "none" if summary["mean"] is None else f"{summary['mean']:.3f}"


def sheet(person: Draped) -> np.ndarray:
    """Return all views, a column each: real, ours, outlines, and the part alone (red: real alone, blue: ours alone)."""
    rows = []
    for name in ("real", "ours", "outlines", "part"):
        score = {"outlines": "near", "part": "part"}.get(name)
        labels = [view.label if score is None else f"{score} {view.scores[score]:.3f}" for view in person.views]
        first = person.photo if name == "real" else person.photo * 0
        rows.append(viz.Row([first, *(view.pictures[name] for view in person.views)], labels=["photo", *labels]))
    return viz.contact_sheet(rows, gap=2)


if __name__ == "__main__":
    sys.exit(main())
