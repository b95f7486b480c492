"""Results as JSON that a schema checks, as tables, and as one picture."""

from collections.abc import Mapping, Sequence

import numpy as np
from methods_measure import KINDS, Measured, names, scores
from methods_systems import PUBLISHED, SYSTEMS, TOLD
from quality_measure import FLOORS, METRICS
from quality_report import check_origin, check_summary, need, origin, summarize

from liquidwarp import viz

SCHEMA = "liquidwarp-methods/1"

_HEADINGS = ("SSIM", "person SSIM", "person PSNR (dB)", "HaarPSI", "silhouette IoU", "flicker")
_PEOPLE = {"synthetic": "People: synthetic, held out", "real": "People: real"}
_TOLD = {
    PUBLISHED: "each told what its paper tells it",
    "mesh-enriched": "told the mesh's parts, normals and flow besides; not to be compared with the table above",
}


def to_json(
    found: Sequence[Measured], absent: Mapping[str, str], arguments: dict[str, object], peak_memory: int
) -> dict:
    """Put the results of a run into the form that `check` asks for."""
    trained = {each.system.name: each for one in reversed(found) for each in one.ready}
    systems = []
    for name, system in SYSTEMS.items():
        if name not in trained and name not in absent:
            continue
        ready = trained.get(name)
        times = [one.seconds[name] for one in found if name in one.seconds]
        systems.append(
            {
                "name": name,
                "method": system.method,
                "configuration": system.kind,
                "told": system.told,
                "personal": system.personal,
                "absent": absent.get(name, ""),
                "parameters": ready.parameters if ready else 0,
                "steps": ready.steps if ready else 0,
                "samples": ready.samples if ready else 0,
                "training_seconds": ready.seconds if ready else None,
                "picture_seconds": summarize(times),
            }
        )
    return {
        **origin(SCHEMA, arguments, peak_memory),
        "systems": systems,
        "people": {kind: sum(one.kind == kind for one in found) for kind in KINDS},
        "scores": {
            kind: {
                name: {metric: summarize(values) for metric, values in scores(found, kind, name).items()}
                for name in names(found)
            }
            for kind in dict.fromkeys(one.kind for one in found)
        },
    }


def check(data: dict) -> None:
    """Raise `ValueError` unless `data` has the form that `to_json` writes.

    Raises:
        ValueError: naming the first thing that is wrong.
    """
    check_origin(data, SCHEMA)
    need(isinstance(data.get("scores"), dict), "scores must be a dict")
    need(isinstance(data.get("systems"), list) and data["systems"], "systems must be a list with something in it")
    there = []
    for number, system in enumerate(data["systems"]):
        where = f"systems[{number}]"
        for name in ("name", "method", "configuration", "absent"):
            need(isinstance(system.get(name), str), f"{where}.{name} must be a string")
        need(system.get("told") in TOLD, f"{where}.told must be one of {TOLD}")
        for name in ("parameters", "steps", "samples"):
            need(isinstance(system.get(name), int) and system[name] >= 0, f"{where}.{name} must be a count")
        check_summary(system.get("picture_seconds"), f"{where}.picture_seconds")
        seconds = system.get("training_seconds")
        need(
            bool(system["absent"]) or (isinstance(seconds, float) and np.isfinite(seconds)),
            f"{where}.training_seconds must be seconds, or absent say why there are none",
        )
        there += [] if system["absent"] else [system["name"]]
    samples = {system["samples"] for system in data["systems"] if system["samples"]}
    need(len(samples) <= 1, f"systems were trained on different numbers of samples: {sorted(samples)}")
    need(data["scores"] and set(data["scores"]) <= set(KINDS), f"scores must be of some of {KINDS}")
    for kind, methods in data["scores"].items():
        need(set(methods) == {*there, *FLOORS}, f"scores.{kind} must have {(*there, *FLOORS)}")
        for name, measured in methods.items():
            need(set(measured) == set(METRICS), f"scores.{kind}.{name} must have the metrics {METRICS}")
            for metric, summary in measured.items():
                check_summary(summary, f"scores.{kind}.{name}.{metric}")


def tables(data: dict) -> str:
    """Return the results as Markdown: a table for each kind of people and of what networks are told."""
    lines = []
    for kind, measured in data["scores"].items():
        for told in TOLD:
            systems = [system for system in data["systems"] if system["told"] == told]
            if not systems:
                continue
            lines += [f"**{_PEOPLE[kind]}** ({data['people'][kind]}); {_TOLD[told]}.", ""]
            lines.append(f"| method | parameters | training | a picture | {' | '.join(_HEADINGS)} |")
            lines.append("|---" * (4 + len(_HEADINGS)) + "|")
            lines += [_row(system, measured.get(system["name"])) for system in systems]
            lines += [f"| {floor} | | | | {' | '.join(_cells(measured[floor]))} |" for floor in FLOORS]
            lines.append("")
    lines.append("Mean over frames (10th to 90th percentile); flicker in code values, lower is better.")
    return "\n".join(lines) + "\n"


def sheet(found: Sequence[Measured], shown: Sequence[str] | None = None) -> np.ndarray:
    """Return a row for each person: photo, real frame, and what every system made of it.

    Args:
        found: all that was measured.
        shown: names of the columns; by default all.
    """
    columns = shown or ("copy the photo", "real", *names(found)[: -len(FLOORS)], "background only")
    rows = []
    for each in found:
        tiles = [tile for tile in each.result.tiles if tile.shown]
        tile = tiles[len(tiles) // 2]
        labels = [tile.label if name == "real" else name for name in columns]
        rows.append(viz.Row([tile.pictures.get(name) for name in columns], labels=labels))
    return viz.contact_sheet(rows, gap=2)


def _row(system: dict, measured: dict | None) -> str:
    count = f"{system['parameters'] / 1e6:.1f} M" if system["parameters"] else ""
    if system["absent"] or measured is None:
        return f"| {system['name']} | {count} | absent: {system['absent']} |" + " |" * (1 + len(_HEADINGS))
    training = f"{system['training_seconds']:.0f} s" if system["steps"] else ""
    picture = system["picture_seconds"]["median"]
    speed = "" if picture is None else f"{1000 * picture:.0f} ms"
    return f"| {system['name']} | {count} | {training} | {speed} | {' | '.join(_cells(measured))} |"


def _cells(measured: dict) -> list[str]:
    return [_cell(measured[metric], metric) for metric in METRICS]


def _cell(summary: dict, metric: str) -> str:
    if summary["mean"] is None:
        return ""
    digits = 2 if metric in ("person_psnr", "flicker") else 3
    return f"{summary['mean']:.{digits}f} ({summary['p10']:.{digits}f}-{summary['p90']:.{digits}f})"
