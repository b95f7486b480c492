"""Results as JSON that a schema checks, as a table, and as pictures."""

import json
import os
import platform
import resource
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from quality_measure import FLOORS, METRICS, WORST, Result, Tile

from liquidwarp import viz
from liquidwarp.files import atomic_path

SCHEMA = "liquidwarp-quality/2"
STAGES = ("detect", "fit", "encode")
SUMMARY = ("mean", "median", "p10", "p90", "count")

_HEADINGS = ("SSIM", "person SSIM", "person PSNR (dB)", "HaarPSI", "silhouette IoU", "flicker")


def summarize(values: Sequence[float]) -> dict[str, float | int | None]:
    """Return mean, median and spread; all None where there is nothing."""
    if not values:
        return dict.fromkeys(SUMMARY[:-1], None) | {"count": 0}
    p10, median, p90 = np.percentile(values, [10, 50, 90])
    mean = float(np.mean(values))
    return {"mean": mean, "median": float(median), "p10": float(p10), "p90": float(p90), "count": len(values)}


def to_json(results: Sequence[Result], arguments: dict[str, object], peak_memory: int) -> dict:
    """Put the results of a run into the form that `check` asks for."""
    settings = list(dict.fromkeys(result.setting for result in results))
    return {
        **origin(SCHEMA, arguments, peak_memory),
        "pairs": [_pair(result) for result in results],
        "summary": {setting: _over_pairs([r for r in results if r.setting == setting]) for setting in settings},
    }


def most_memory() -> int:
    """Return the most bytes that the process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def write_results(folder: Path, data: dict, text: str, name: str = "results") -> None:
    """Write results as JSON and as Markdown, each whole or not at all."""
    with atomic_path(folder / f"{name}.json") as partial:
        partial.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    with atomic_path(folder / f"{name}.md") as partial:
        partial.write_text(text, encoding="utf-8")


def origin(schema: str, arguments: dict[str, object], peak_memory: int) -> dict[str, object]:
    """Return how every result begins: what it is, when, from what and on what it was made."""
    return {
        "schema": schema,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "arguments": arguments,
        "machine": machine(peak_memory),
        "versions": versions(),
    }


def check_origin(data: dict, schema: str) -> None:
    """Raise `ValueError` unless a result begins as `origin` has it."""
    need(data.get("schema") == schema, f"schema must be {schema!r}, not {data.get('schema')!r}")
    for name, kind in (("created", str), ("arguments", dict), ("machine", dict), ("versions", dict)):
        need(isinstance(data.get(name), kind), f"{name} must be a {kind.__name__}")


def machine(peak_memory: int) -> dict[str, object]:
    """Return what a result was made on."""
    return {
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "peak_memory_bytes": peak_memory,
    }


def versions() -> dict[str, str]:
    """Return the versions of the packages that matter."""
    return {name: version(name) for name in ("liquidwarp", "torch", "numpy", "numba", "ai-edge-litert", "av", "scipy")}


def check(data: dict) -> None:
    """Raise `ValueError` unless `data` has the form that `to_json` writes.

    Raises:
        ValueError: naming the first thing that is wrong.
    """
    check_origin(data, SCHEMA)
    need(isinstance(data.get("summary"), dict), "summary must be a dict")
    need(isinstance(data.get("pairs"), list) and data["pairs"], "pairs must be a list with something in it")
    for number, pair in enumerate(data["pairs"]):
        where = f"pairs[{number}]"
        for name in ("pair", "setting"):
            need(isinstance(pair.get(name), str), f"{where}.{name} must be a string")
        for name in ("clip_frames", "asked", "answered"):
            need(isinstance(pair.get(name), int) and pair[name] >= 0, f"{where}.{name} must be a count")
        need(pair["answered"] <= pair["asked"], f"{where}: more frames answered than asked")
        need(isinstance(pair.get("renderers"), list) and pair["renderers"], f"{where}.renderers must name some")
        methods = (*pair["renderers"], *FLOORS)
        for stage in _stages(pair):
            seconds = pair.get("seconds", {}).get(stage)
            need(isinstance(seconds, float) and seconds >= 0, f"{where}.seconds.{stage} must be seconds")
        check_summary(pair.get("reprojection"), f"{where}.reprojection")
        _check_methods(pair.get("methods"), methods, where)
    for setting, methods in data["summary"].items():
        _check_methods(methods, (*data["pairs"][0]["renderers"], *FLOORS), f"summary.{setting}")


def table(data: dict) -> str:
    """Return the results as Markdown: the mean over all frames of all pairs, and the speed by stage."""
    lines = [f"| setting | method | {' | '.join(_HEADINGS)} |", "|---" * (len(_HEADINGS) + 2) + "|"]
    for setting, methods in data["summary"].items():
        for method, scores in methods.items():
            cells = [_cell(scores[metric], metric) for metric in METRICS]
            lines.append(f"| {setting} | {method} | {' | '.join(cells)} |")
    lines += ["", "Mean over frames (10th to 90th percentile); flicker in code values, lower is better.", ""]
    stages = _stages(data["pairs"][0])
    lines += [
        f"| pair | setting | answered | reprojection median / p95 | {' | '.join(stages)} |",
        "|---" * (4 + len(stages)) + "|",
    ]
    for pair in data["pairs"]:
        rates = [_rate(pair, stage) for stage in stages]
        error = pair["reprojection"]
        errors = (
            "none"
            if error["median"] is None
            else f"{100 * error['median']:.2f}% / {100 * pair['reprojection_p95']:.2f}%"
        )
        answered = f"{pair['answered']} of {pair['asked']}"
        lines.append(f"| {pair['pair']} | {pair['setting']} | {answered} | {errors} | {' | '.join(rates)} |")
    peak = data["machine"]["peak_memory_bytes"] / 2**30
    lines += ["", f"Stages in frames a second (encode: seconds a photo); peak memory of the process {peak:.2f} GiB."]
    return "\n".join(lines) + "\n"


def contact_sheet(results: Sequence[Result]) -> np.ndarray:
    """Return all shown frames, a row each: the photo (the copying floor), real, each renderer, the background floor."""
    return _sheet([tile for result in results for tile in result.tiles if tile.shown])


def worst_sheet(results: Sequence[Result]) -> np.ndarray:
    """Return the frames where the person's structural similarity is lowest."""
    tiles = sorted((tile for result in results for tile in result.tiles), key=lambda tile: tile.score)
    return _sheet(tiles[:WORST])


def _pair(result: Result) -> dict:
    errors = result.reprojection
    return {
        "pair": result.pair,
        "setting": result.setting,
        "renderers": list(result.renderers),
        "clip_frames": result.clip_frames,
        "asked": result.asked,
        "answered": result.answered,
        "seconds": result.seconds,
        "frames": result.frames,
        "reprojection": summarize(errors),
        "reprojection_p95": float(np.percentile(errors, 95)) if errors else None,
        "methods": {
            method: {metric: summarize(values) for metric, values in scores.items()}
            for method, scores in result.scores.items()
        },
    }


def _over_pairs(results: Sequence[Result]) -> dict:
    """Summarise the frames of all pairs together."""
    return {
        method: {
            metric: summarize([value for result in results for value in result.scores[method][metric]])
            for metric in METRICS
        }
        for method in results[0].scores
    }


def need(holds: object, message: str) -> None:
    """Raise `ValueError` unless something holds."""
    if not holds:
        raise ValueError(message)


def _check_methods(methods: object, wanted: tuple[str, ...], where: str) -> None:
    need(isinstance(methods, dict) and set(methods) == set(wanted), f"{where} must have the methods {wanted}")
    for method, scores in methods.items():
        need(set(scores) == set(METRICS), f"{where}.{method} must have the metrics {METRICS}")
        for metric, summary in scores.items():
            check_summary(summary, f"{where}.{method}.{metric}")


def check_summary(summary: object, where: str) -> None:
    """Raise `ValueError` unless `summary` is what `summarize` returns."""
    need(isinstance(summary, dict) and set(summary) == set(SUMMARY), f"{where} must have {SUMMARY}")
    need(isinstance(summary["count"], int), f"{where}.count must be a count")
    for name in SUMMARY[:-1]:
        value = summary[name]
        empty = value is None and summary["count"] == 0
        need(empty or (isinstance(value, float) and np.isfinite(value)), f"{where}.{name} must be a finite number")


def _cell(summary: dict, metric: str) -> str:
    if summary["mean"] is None:
        return "none"
    digits = 2 if metric in ("person_psnr", "flicker") else 3
    return f"{summary['mean']:.{digits}f} ({summary['p10']:.{digits}f}-{summary['p90']:.{digits}f})"


def _stages(pair: dict) -> list[str]:
    return [*STAGES, *(f"render {renderer}" for renderer in pair["renderers"])]


def _rate(pair: dict, stage: str) -> str:
    seconds, frames = pair["seconds"][stage], pair["frames"][stage]
    if stage == "encode":
        return f"{seconds:.1f} s"
    return f"{frames / seconds:.1f}" if seconds > 0 else "none"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            return next(line.split(":", 1)[1].strip() for line in stream if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _sheet(tiles: Sequence[Tile]) -> np.ndarray:
    return viz.contact_sheet([viz.Row(list(tile.pictures.values()), labels=_labels(tile)) for tile in tiles], gap=0)


def _labels(tile: Tile) -> list[str]:
    return [f"{tile.label}  {tile.score:.3f}" if name == "real" else name for name in tile.pictures]
