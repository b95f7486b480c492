"""Results as JSON that a schema checks, as Markdown and LaTeX tables beside quoted rows, and as sheets."""

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from iper_measure import METRICS
from iper_metrics import QUOTED_FROM, set_scores
from PIL import Image

from liquidwarp.metrics import METRICS as LIBRARY
from liquidwarp.metrics import Stream

SCHEMA = "liquidwarp-iper/2"
SUMMARY = ("mean", "median", "p10", "p90", "count", "video_mean")

QUOTED = {  # Liu et al., ICCV 2019, table 1 as its authors updated it; another evaluator, other body fits
    "PG2": (0.854, 0.135, 3.242, 0.353),
    "SHUP": (0.832, 0.099, 3.371, 0.324),
    "DSC": (0.829, 0.129, 3.321, 0.342),
    "W_C": (0.821, 0.128, 3.213, 0.341),
    "W_T": (0.822, 0.113, 3.353, 0.347),
    "W_F": (0.830, 0.103, 3.358, 0.325),
    "LWB": (0.840, 0.087, 3.419, 0.317),
}
QUOTED_METRICS = {"ssim": "self", "lpips": "self", "is": "cross", "freid": "cross"}
ABSENT = {
    "lpips": "needs AlexNet and LPIPS weights",
    "is": "needs Inception weights",
    "freid": "needs re-identification weights",
}
COLUMNS = {
    "ssim": ("SSIM", "up"),
    "lpips": ("LPIPS", "down"),
    "is": ("IS", "up"),
    "freid": ("FReID", "down"),
    "person_ssim": ("person SSIM", "up"),
    "person_psnr": ("person PSNR (dB)", "up"),
    "haarpsi": ("HaarPSI", "up"),
    "iou": ("silhouette IoU", "up"),
    "flicker": ("flicker", "down"),
    "seen": ("seen fraction", ""),
}
_NOTE = (
    "Rows marked 'quoted' are from Liu et al., ICCV 2019, table 1 (updated by its authors), made with their evaluator, "
    "body fits and resolution; they cannot be reproduced with the evaluator they released and are not measured here."
)


def summarize(values: Sequence[Sequence[float]]) -> dict[str, float | int | None]:
    """Return mean and spread over the frames of all videos, and the mean of the videos' means."""
    pooled = [value for video in values for value in video]
    if not pooled:
        return dict.fromkeys(SUMMARY, None) | {"count": 0}
    p10, median, p90 = (float(value) for value in np.percentile(pooled, [10, 50, 90]))
    means = float(np.mean([np.mean(video) for video in values if video]))
    mean = float(np.mean(pooled))
    return {"mean": mean, "median": median, "p10": p10, "p90": p90, "count": len(pooled), "video_mean": means}


def to_json(
    runs: Sequence[dict],
    arguments: dict,
    protocol: dict,
    missing: Mapping[str, str],
    failed: dict,
    stream: Stream | None = None,
) -> dict:
    """Put runs, each with its settings, `rows` and `folder`, into the form that `check` asks for."""
    more = () if stream is None else stream.frame_keys
    absent = (
        dict(ABSENT)
        if stream is None
        else {
            key: stream.absent.get(name, "was not asked for")
            for key, name in QUOTED_FROM.items()
            if name not in (*stream.frame_keys, *stream.set_keys)
        }
    )
    groups: dict[tuple, list[dict]] = {}
    for run in runs:
        groups.setdefault((run["task"], run["renderer"], run["count"]), []).append(run)
    return {
        "schema": SCHEMA,
        "arguments": arguments,
        "machine": {"system": platform.platform(terse=True), "cores": os.cpu_count(), "threads": _threads()},
        "versions": {name: version(name) for name in ("liquidwarp", "torch", "numpy", "numba", "scipy")},
        "protocol": protocol,
        "quoted": {name: dict(zip(QUOTED_METRICS, row, strict=True)) for name, row in QUOTED.items()},
        "metrics": [*METRICS, *more],
        "sets": [] if stream is None else list(stream.set_keys),
        "absent": absent,
        "missing": dict(missing),
        "failed": failed,
        "runs": [
            {key: value for key, value in run.items() if key not in ("rows", "folder")}
            | {"answered": len(run["rows"]), "scores": _over([run], more), "sets": _sets([run], stream)}
            for run in runs
        ],
        "summary": [
            {
                "task": task,
                "renderer": renderer,
                "sources": count,
                "runs": len(group),
                "asked": sum(run["asked"] for run in group),
                "answered": sum(len(run["rows"]) for run in group),
                "scores": _over(group, more),
                "sets": _sets(group, stream),
            }
            for (task, renderer, count), group in groups.items()
        ],
    }


def check(data: dict) -> None:
    """Raise `ValueError`, naming the first thing that is wrong, unless `data` has the form that `to_json` writes."""
    _need(data.get("schema") == SCHEMA, f"schema must be {SCHEMA!r}, not {data.get('schema')!r}")
    for name in ("arguments", "machine", "versions", "protocol", "quoted", "absent", "missing", "failed"):
        _need(isinstance(data.get(name), dict), f"{name} must be a dictionary")
    for name in ("metrics", "sets", "runs", "summary"):
        _need(isinstance(data.get(name), list), f"{name} must be a list")
    _need(set(METRICS) <= set(data["metrics"]), f"metrics must have {METRICS}")
    for name in ("runs", "summary"):
        for number, item in enumerate(data[name]):
            where = f"{name}[{number}]"
            for key in ("asked", "answered"):
                _need(isinstance(item.get(key), int) and item[key] >= 0, f"{where}.{key} must be a count")
            _need(item["answered"] <= item["asked"], f"{where}: more frames answered than asked")
            scores = item.get("scores")
            wanted = data["metrics"]
            _need(isinstance(scores, dict) and set(scores) == set(wanted), f"{where}.scores must have {wanted}")
            sets = item.get("sets")
            _need(isinstance(sets, dict) and set(sets) == set(data["sets"]), f"{where}.sets must have {data['sets']}")
            for metric, found in sets.items():
                _check_set(found, f"{where}.sets.{metric}")
            for metric, summary in scores.items():
                _check_summary(summary, f"{where}.scores.{metric}")


def markdown(data: dict) -> str:
    """Return one table a task."""
    lines = [f"Protocol {data['protocol']['name']}; scores of our 'corrected' kind: mean over all frames.", ""]
    for task in dict.fromkeys(item["task"] for item in data["summary"]):
        keys = _columns(data, task)
        heads = [f"{_title(key)}{_arrow(key)}" for key in keys]
        lines += [f"**{task}**", "", f"| method | sources | frames | {' | '.join(heads)} |"]
        lines += ["|---" * (3 + len(keys)) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in _rows(data, task, keys)]
        lines.append("")
    lines += _notes(data)
    return "\n".join(lines) + "\n"


def latex(data: dict) -> str:
    """Return one tabular a task."""
    lines = []
    for task in dict.fromkeys(item["task"] for item in data["summary"]):
        keys = _columns(data, task)
        arrows = {" ↑": r" $\uparrow$", " ↓": r" $\downarrow$", "": ""}
        heads = [_title(key) + arrows[_arrow(key)] for key in keys]
        lines += [rf"% {task}", rf"\begin{{tabular}}{{ll{'r' * (1 + len(keys))}}}", r"\hline"]
        lines += [" & ".join(["method", "sources", "frames", *heads]) + r" \\", r"\hline"]
        lines += [" & ".join(cell.replace("_", r"\_") for cell in row) + r" \\" for row in _rows(data, task, keys)]
        lines += [r"\hline", r"\end{tabular}", ""]
    return "\n".join(lines + [f"% {line}" for line in _notes(data) if line]) + "\n"


def stack(files: Sequence[Path], most: int = 60) -> np.ndarray:
    """Return pictures under each other, three to a row."""
    tiles = [np.asarray(Image.open(file).convert("RGB")) for file in files[:most]]
    if not tiles:
        return np.full((8, 8, 3), 255, np.uint8)
    height, width = max(tile.shape[0] for tile in tiles), max(tile.shape[1] for tile in tiles)
    sheet = np.full((height * -(-len(tiles) // 3), width * min(3, len(tiles)), 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        y, x = index // 3 * height, index % 3 * width
        sheet[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    return sheet


def _over(runs: Sequence[dict], more: Sequence[str]) -> dict[str, dict]:
    return {
        metric: summarize([[row[metric] for row in run["rows"] if row[metric] is not None] for run in runs])
        for metric in (*METRICS, *more)
    }


def _sets(runs: Sequence[dict], stream: Stream | None) -> dict[str, dict]:
    return {} if stream is None else set_scores(stream, [(run["folder"], run["rows"]) for run in runs])


def _columns(data: dict, task: str) -> list[str]:
    """Return the quoted columns, ours, and those of more metrics; over the seen and unseen apart in the JSON alone."""
    quoted = [key for key, home in QUOTED_METRICS.items() if home == task]
    shown = {QUOTED_FROM.get(key) for key in quoted}
    more = [key for key in data["metrics"] if key not in METRICS] if task != "cross" else []
    more = [key for key in (*more, *data["sets"]) if key not in shown and not key.endswith(("/seen", "/unseen"))]
    return [*quoted, "seen", *more] if task == "cross" else [*(quoted or ["ssim"]), *METRICS[1:], *more]


def _rows(data: dict, task: str, keys: Sequence[str]) -> list[list[str]]:
    rows = []
    if task in QUOTED_METRICS.values():
        for name, values in data["quoted"].items():
            rows.append(
                [f"{name} (quoted)", "1", "-", *(f"{values[key]:.3f}" if key in values else "-" for key in keys)]
            )
    for item in data["summary"]:
        if item["task"] == task:
            cells = ["absent" if key in data["absent"] else _cell(item, QUOTED_FROM.get(key, key)) for key in keys]
            frames = f"{item['answered']} of {item['asked']}"
            rows.append([f"ours: {item['renderer']}", item["sources"], frames, *cells])
    return rows


def _cell(item: dict, key: str) -> str:
    value = item["scores"][key]["mean"] if key in item["scores"] else item["sets"][key]["value"]
    if key in COLUMNS:
        decimals = 2 if key in ("person_psnr", "flicker") else 3
    else:
        decimals = LIBRARY[key.split("/")[0]].decimals
    return "-" if value is None else f"{value:.{decimals}f}"


def _title(key: str) -> str:
    if key in COLUMNS:
        return COLUMNS[key][0]
    name, _, region = key.partition("/")
    return f"{region} {LIBRARY[name].title}".strip()


def _arrow(key: str) -> str:
    if key in COLUMNS:
        return {"up": " ↑", "down": " ↓", "": ""}[COLUMNS[key][1]]
    return " ↑" if LIBRARY[key.split("/")[0]].better == "higher" else " ↓"


def _notes(data: dict) -> list[str]:
    lines = [_NOTE]
    if data["absent"]:
        lines.append("absent: " + "; ".join(f"{COLUMNS[key][0]} {why}" for key, why in data["absent"].items()) + ".")
    if data["missing"]:
        lines.append(f"{len(data['missing'])} videos are missing or incomplete; their runs are left out.")
    if data["failed"]:
        lines.append(f"{len(data['failed'])} runs failed: " + "; ".join(f"{k}: {v}" for k, v in data["failed"].items()))
    return lines


def _check_summary(summary: object, where: str) -> None:
    _need(isinstance(summary, dict) and set(summary) == set(SUMMARY), f"{where} must have {SUMMARY}")
    _need(isinstance(summary["count"], int), f"{where}.count must be a count")
    for name in SUMMARY:
        value = summary[name]
        empty = value is None and summary["count"] == 0
        _need(empty or (isinstance(value, float | int) and np.isfinite(value)), f"{where}.{name} must be finite")


def _check_set(found: object, where: str) -> None:
    _need(isinstance(found, dict) and set(found) == {"value", "count"}, f"{where} must have value and count")
    assert isinstance(found, dict)
    value = found["value"]
    _need(value is None or (isinstance(value, float) and np.isfinite(value)), f"{where}.value must be finite")


def _threads() -> int:
    return int(torch.get_num_threads())


def _need(holds: object, message: str) -> None:
    if not holds:
        raise ValueError(message)
