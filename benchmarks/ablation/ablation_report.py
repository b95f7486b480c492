"""Results as JSON that a schema checks, as a table, and as pictures."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import zip_longest

import numpy as np
import torch
from ablation_measure import METRICS, Result

from liquidwarp import viz

SCHEMA = "liquidwarp-ablation/1"
SUMMARY = ("mean", "median", "p10", "p90", "count")
KINDS = ("synthetic", "real")

_HEADINGS = ("seen PSNR", "unseen PSNR", "person PSNR", "person SSIM", "HaarPSI", "silhouette IoU")
_ENLARGED = 2


def summarize(values: Sequence[float]) -> dict[str, float | int | None]:
    """Return mean, median and spread; all None where there is nothing."""
    if not values:
        return dict.fromkeys(SUMMARY[:-1], None) | {"count": 0}
    p10, median, p90 = (float(value) for value in np.percentile(values, [10, 50, 90]))
    return {"mean": float(np.mean(values)), "median": median, "p10": p10, "p90": p90, "count": len(values)}


def to_json(results: Sequence[Result], arguments: dict[str, object], peak_memory: int) -> dict:
    """Put the results of a run into the form that `check` asks for."""
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "arguments": arguments,
        "machine": {
            "system": platform.platform(terse=True),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "peak_memory_bytes": peak_memory,
        },
        "versions": {name: version(name) for name in ("liquidwarp", "torch", "numpy", "numba", "scipy")},
        "results": [
            {
                "method": result.method,
                "seed": result.seed,
                "parameters": result.parameters,
                "steps": result.steps,
                "seconds": result.seconds,
                "scores": {
                    kind: {metric: summarize(values) for metric, values in scores.items()}
                    for kind, scores in result.scores.items()
                },
            }
            for result in results
        ],
    }


def check(data: dict) -> None:
    """Raise `ValueError` unless `data` has the form that `to_json` writes.

    Raises:
        ValueError: naming the first thing that is wrong.
    """
    _need(data.get("schema") == SCHEMA, f"schema must be {SCHEMA!r}, not {data.get('schema')!r}")
    for name, kind in (("created", str), ("arguments", dict), ("machine", dict), ("versions", dict)):
        _need(isinstance(data.get(name), kind), f"{name} must be a {kind.__name__}")
    _need(isinstance(data.get("results"), list) and data["results"], "results must be a list with something in it")
    for number, result in enumerate(data["results"]):
        where = f"results[{number}]"
        _need(isinstance(result.get("method"), str), f"{where}.method must be a string")
        for name in ("parameters", "steps"):
            _need(isinstance(result.get(name), int) and result[name] >= 0, f"{where}.{name} must be a count")
        seconds = result.get("seconds")
        _need(seconds is None or (isinstance(seconds, float) and seconds >= 0), f"{where}.seconds must be seconds")
        _need("synthetic" in result.get("scores", {}), f"{where}.scores.synthetic is missing")
        for kind, scores in result["scores"].items():
            _need(kind in KINDS and set(scores) == set(METRICS), f"{where}.scores.{kind} must have {METRICS}")
            for metric, summary in scores.items():
                _check_summary(summary, f"{where}.scores.{kind}.{metric}")


def table(data: dict) -> str:
    """Return the results as Markdown, a table for each kind of people."""
    lines = []
    for kind in KINDS:
        rows = [result for result in data["results"] if kind in result["scores"]]
        if not rows:
            continue
        lines += [f"People: {kind}.", ""]
        lines.append(f"| method | seed | parameters | steps | seconds | {' | '.join(_HEADINGS)} |")
        lines.append("|---" * (5 + len(_HEADINGS)) + "|")
        for result in rows:
            cells = [_cell(result["scores"][kind][metric], metric) for metric in METRICS]
            seconds = "" if result["seconds"] is None else f"{result['seconds']:.0f}"
            seed = "" if result["seed"] is None else str(result["seed"])
            count = f"{result['parameters'] / 1e6:.2f} M" if result["parameters"] else ""
            lines.append(
                f"| {result['method']} | {seed} | {count} | {result['steps']} | {seconds} | {' | '.join(cells)} |"
            )
        lines.append("")
    lines.append("Mean over pictures (10th to 90th percentile); PSNR in dB, higher is better everywhere.")
    return "\n".join(lines) + "\n"


def contact_sheet(results: Sequence[Result], kind: str) -> np.ndarray:
    """Return a row for each shown picture: photo, truth, and what every method made of it."""
    columns = [column for result in results for column in _columns(result, kind)]
    labels = [name for name, _ in columns]
    rows = [viz.Row(pictures, labels=labels) for pictures in zip_longest(*(pictures for _, pictures in columns))]
    cell = (_ENLARGED * columns[0][1][0].shape[0], _ENLARGED * columns[0][1][0].shape[1]) if rows else None
    return viz.contact_sheet(rows, cell=cell, gap=0)


def _columns(result: Result, kind: str) -> list[tuple[str, list[np.ndarray]]]:
    tiles = result.tiles.get(kind, [])
    names = list(tiles[0][1]) if tiles else []
    suffix = "" if result.seed is None else f", {result.seed}"
    return [(name + suffix, [pictures[name] for _, pictures in tiles]) for name in names]


def _cell(summary: dict, metric: str) -> str:
    if summary["mean"] is None:
        return ""
    digits = 2 if metric.endswith("psnr") else 3
    return f"{summary['mean']:.{digits}f} ({summary['p10']:.{digits}f}-{summary['p90']:.{digits}f})"


def _need(holds: object, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _check_summary(summary: object, where: str) -> None:
    _need(isinstance(summary, dict) and set(summary) == set(SUMMARY), f"{where} must have {SUMMARY}")
    _need(isinstance(summary["count"], int), f"{where}.count must be a count")
    for name in SUMMARY[:-1]:
        value = summary[name]
        empty = value is None and summary["count"] == 0
        _need(empty or (isinstance(value, float) and np.isfinite(value)), f"{where}.{name} must be a finite number")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            return next(line.split(":", 1)[1].strip() for line in stream if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
