"""Results of turned people as JSON that a schema checks, as a table, and as pictures."""

from collections.abc import Sequence

import numpy as np
from quality_report import check_origin, check_summary, need, origin, summarize
from turn_measure import ANGLES, GROUPS, METHODS, Turn

from liquidwarp import viz

SCHEMA = "liquidwarp-turn/1"
METRICS = ("overlap", "psnr")


def to_json(turns: Sequence[Turn], arguments: dict[str, object], peak_memory: int) -> dict:
    """Put the results of a run into the form that `check` asks for."""
    return {
        **origin(SCHEMA, arguments, peak_memory),
        "clips": [
            {
                "clip": turn.clip,
                "clip_frames": turn.clip_frames,
                "views": [
                    {
                        "angle": view.angle,
                        "frame": view.frame,
                        "turned": view.turned,
                        "overlap": view.overlap,
                        "psnr": view.psnr,
                    }
                    for view in turn.views
                ],
            }
            for turn in turns
        ],
        "summary": {group: _over(turns, angles) for group, angles in GROUPS.items()},
        "angles": {str(angle): _over(turns, (angle,)) for angle in ANGLES},
    }


def _over(turns: Sequence[Turn], angles: Sequence[int]) -> dict:
    """Summarise the views at some angles of all clips together."""
    views = [view for turn in turns for view in turn.views if view.angle in angles]
    return {
        method: {
            "overlap": summarize([view.overlap[method] for view in views]),
            "psnr": summarize([view.psnr[method] for view in views if method in view.psnr]),
        }
        for method in METHODS
    }


def check(data: dict) -> None:
    """Raise `ValueError` unless `data` has the form that `to_json` writes.

    Raises:
        ValueError: naming the first thing that is wrong.
    """
    check_origin(data, SCHEMA)
    need(isinstance(data.get("clips"), list) and data["clips"], "clips must be a list with something in it")
    for number, clip in enumerate(data["clips"]):
        need(isinstance(clip.get("clip"), str), f"clips[{number}].clip must be a string")
        for view in clip["views"]:
            where = f"clips[{number}], angle {view.get('angle')}"
            need(view.get("angle") in ANGLES, f"{where}: the angle must be one of {ANGLES}")
            need(set(view["overlap"]) == set(METHODS), f"{where}: overlap must have the methods {METHODS}")
            for method, value in view["overlap"].items():
                need(isinstance(value, float) and 0 <= value <= 1, f"{where}: overlap of {method} must be 0 to 1")
    for part, names in (("summary", tuple(GROUPS)), ("angles", tuple(map(str, ANGLES)))):
        need(set(data.get(part, {})) == set(names), f"{part} must have {names}")
        for name, methods in data[part].items():
            need(set(methods) == set(METHODS), f"{part}.{name} must have the methods {METHODS}")
            for method, scores in methods.items():
                need(set(scores) == set(METRICS), f"{part}.{name}.{method} must have the metrics {METRICS}")
                for metric, summary in scores.items():
                    check_summary(summary, f"{part}.{name}.{method}.{metric}")


def table(data: dict) -> str:
    """Return the results as Markdown: by group, by angle, and by clip."""
    lines = [
        f"| method | {' | '.join(f'overlap, {group}' for group in GROUPS)} | PSNR, back (dB) |",
        "|---" * (len(GROUPS) + 2) + "|",
    ]
    for method in METHODS:
        cells = [_mean(data["summary"][group][method]["overlap"], 3) for group in GROUPS]
        back = _mean(data["summary"]["back (180)"][method]["psnr"], 2)
        lines.append(f"| {method} | {' | '.join(cells)} | {back} |")
    lines += ["", f"| overlap at | {' | '.join(map(str, ANGLES))} |", "|---" * (len(ANGLES) + 1) + "|"]
    for method in METHODS:
        cells = [_mean(data["angles"][str(angle)][method]["overlap"], 3) for angle in ANGLES]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    for clip in data["clips"]:
        found = {view["angle"]: view["overlap"]["turned"] for view in clip["views"]}
        cells = [f"{found[angle]:.3f}" if angle in found else "none" for angle in ANGLES]
        lines.append(f"| {clip['clip']} | {' | '.join(cells)} |")
    lines += ["", "Means over clips; PSNR where both show the person."]
    return "\n".join(lines) + "\n"


def _mean(summary: dict, digits: int) -> str:
    return "none" if summary["mean"] is None else f"{summary['mean']:.{digits}f}"


def sheet(turn: Turn) -> np.ndarray:
    """Return all views of a clip, a column each: real, ours, both outlines (red: real alone, blue: ours alone)."""
    rows = []
    for name in ("real", "ours", "outlines"):
        labels = [f"{view.angle}: {view.overlap['turned']:.3f}" if name == "outlines" else name for view in turn.views]
        rows.append(viz.Row([view.pictures[name] for view in turn.views], labels=labels))
    return viz.contact_sheet(rows, gap=2)
