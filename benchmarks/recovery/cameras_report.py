"""Results of several calibrated cameras as JSON that a schema checks, as tables, and as a picture."""

from collections.abc import Sequence

import numpy as np
from cameras_measure import ANGLES, COMPARED, METRICS, Measured
from recovery_report import check_summary, need, origin, pooled, summarized

from liquidwarp import viz

SCHEMA = "liquidwarp-cameras/1"
PARTS = ("all frames", "without swaps")
_HEADINGS = ("MPJPE", "PA", "x", "y", "depth", *(f"{name} (degrees)" for name in ANGLES), "overlap")


def to_json(
    measured: Sequence[Measured], turned: dict[str, list[float]], arguments: dict[str, object], peak_memory: int
) -> dict:
    """Put the results of a run into the form that `check` asks for."""
    return {
        **origin(SCHEMA, arguments, peak_memory),
        "cameras": [
            {
                "camera": one.camera,
                "frames": one.frames,
                "valid": one.valid,
                "swapped_by_detector": one.swapped,
                "swapped": one.swaps,
                "agreement_px": one.agreement,
                "turned_degrees": turned[one.camera],
                "signed_degrees": one.signed,
                "all frames": summarized(one.scores),
                "without swaps": summarized(one.unswapped),
            }
            for one in measured
        ],
        "all frames": summarized(pooled([one.scores for one in measured], METRICS)),
        "without swaps": summarized(pooled([one.unswapped for one in measured], METRICS)),
        "swapped": {way: sum(one.swaps[way] for one in measured) for way in measured[0].swaps},
    }


def check(data: dict) -> None:
    """Raise `ValueError` unless `data` has the form that `to_json` writes.

    Raises:
        ValueError: naming the first thing that is wrong.
    """
    need(data.get("schema") == SCHEMA, f"schema must be {SCHEMA!r}, not {data.get('schema')!r}")
    for name in ("arguments", "machine", "versions", "swapped", *PARTS):
        need(isinstance(data.get(name), dict), f"{name} must be a dict")
    need(isinstance(data.get("cameras"), list) and data["cameras"], "cameras must be a list with something in it")
    for number, camera in enumerate(data["cameras"]):
        where = f"cameras[{number}]"
        need(isinstance(camera.get("camera"), str), f"{where}.camera must be a string")
        for name in ("frames", "valid", "swapped_by_detector"):
            need(isinstance(camera.get(name), int) and camera[name] >= 0, f"{where}.{name} must be a count")
        need(camera["valid"] <= camera["frames"], f"{where}: more frames valid than there are")
        need(np.isfinite(camera["agreement_px"]), f"{where}.agreement_px must be a finite number")
        for part in PARTS:
            _check_ways(camera[part], f"{where}.{part}")
    for part in PARTS:
        _check_ways(data[part], part)


def _check_ways(ways: dict, where: str) -> None:
    need(isinstance(ways, dict) and ways, f"{where} must have ways")
    for way, scores in ways.items():
        need(set(scores["metrics"]) == set(METRICS), f"{where}.{way}.metrics must be {METRICS}")
        for metric, summary in scores["metrics"].items():
            spread = {name: value for name, value in summary.items() if name != "p95"}
            check_summary(spread, f"{where}.{way}.{metric}")
        need(set(scores["joints"]) <= set(COMPARED), f"{where}.{way}.joints must be of {COMPARED}")


def table(data: dict) -> str:
    """Return the results as Markdown."""
    lines = []
    for part in PARTS:
        lines += [f"### {part.capitalize()}", "", f"| way | {' | '.join(_HEADINGS)} | swapped |"]
        lines += ["|---" * (len(_HEADINGS) + 2) + "|"]
        for way, scores in data[part].items():
            cells = [_mean(scores["metrics"][metric], metric) for metric in METRICS]
            lines.append(f"| {way} | {' | '.join(cells)} | {data['swapped'][way]} |")
        lines.append("")
    kinds = list(dict.fromkeys(name.split("_", 1)[1] for name in COMPARED))
    lines += ["### By joint, without swaps", "", f"| way | {' | '.join(kinds)} |", "|---" * (len(kinds) + 1) + "|"]
    for way, scores in data["without swaps"].items():
        cells = [f"{np.mean([scores['joints'][f'{side}_{kind}'] for side in ('left', 'right')]):.0f}" for kind in kinds]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    ways = list(data["all frames"])
    lines += [
        "",
        "### By camera: MPJPE / depth, all frames; signed error of trunk, neck, elbows, knees without swaps",
        "",
    ]
    lines += [
        f"| camera | agreement (px) | swapped by the detector | {' | '.join(ways)} |",
        "|---" * (len(ways) + 3) + "|",
    ]
    for camera in data["cameras"]:
        cells = []
        for way in ways:
            metrics, signed = camera["all frames"][way]["metrics"], camera["signed_degrees"][way]
            angles = ", ".join(f"{signed[name]:+.0f}" for name in ANGLES)
            cells.append(f"{_mean(metrics['mpjpe'], 'mpjpe')} / {_mean(metrics['depth'], 'depth')} ({angles})")
        swapped = f"{camera['swapped_by_detector']} of {camera['valid']}"
        lines.append(f"| {camera['camera']} | {camera['agreement_px']:.1f} | {swapped} | {' | '.join(cells)} |")
    lines += ["", "Means, mm where nothing else is said; the person's size is the true one."]
    return "\n".join(lines) + "\n"


def _mean(summary: dict, metric: str) -> str:
    return "none" if summary["mean"] is None else f"{summary['mean']:.{3 if metric == 'overlap' else 0}f}"


def sheet(measured: Sequence[Measured]) -> np.ndarray:
    """Return a row per camera: a photo, and as each other camera sees it the person and both outlines (white: both,
    red: the real one alone, blue: ours alone) with their overlap.
    """
    rows = [viz.Row(list(one.pictures.values()), labels=list(one.pictures)) for one in measured if one.pictures]
    return viz.contact_sheet(rows, cell=(320, 180), gap=2)
