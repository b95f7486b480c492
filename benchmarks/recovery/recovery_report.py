"""Results as JSON that a schema checks, and as tables."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import recovery_close
import recovery_real
from recovery_measure import METRICS, TRUTH_METRICS, Scores

sys.path.append(str(Path(__file__).parents[1] / "quality"))
from quality_report import check_origin, check_summary, need, origin, summarize

SCHEMA = "liquidwarp-recovery/2"
PARTS = {"synthetic": METRICS, "truth": TRUTH_METRICS, "real": recovery_real.METRICS, "close": recovery_close.METRICS}

_HEADINGS = {
    "mpjpe": "MPJPE (mm)",
    "pa_mpjpe": "PA-MPJPE (mm)",
    "pve": "PVE (mm)",
    "acceleration": "acceleration error (m/s²)",
    "skate": "skate (mm/frame)",
    "reprojection": "reprojection median / p95 (% of height)",
    "milliseconds": "CPU ms a frame",
    "iou": "silhouette IoU",
    "jitter": "jitter (10² m/s³)",
    "tips": "finger tips (% of the hand)",
    "head": "head median / p95 (degrees)",
}
_DIGITS = {"mpjpe": 1, "pa_mpjpe": 1, "pve": 1, "iou": 3, "reprojection": 2}
_MEDIANS = ("reprojection", "head")


def to_json(
    synthetic: Mapping[str, Mapping[str, Scores]],
    truth: Mapping[str, Mapping[str, Scores]],
    real: Sequence[recovery_real.RealClip],
    arguments: dict[str, object],
    peak_memory: int,
    *,
    close: Mapping[str, Mapping[str, Scores]] | None = None,
) -> dict:
    """Put the results of a run into the form that `check` asks for; parts that were not run are empty."""
    clips = {clip.name: clip.scores for clip in real}
    if len(clips) > 1:
        clips["all clips"] = pooled([clip.scores for clip in real], recovery_real.METRICS)
    near = dict(close or {})
    if len(near) > 1:
        near["all"] = pooled(list(near.values()), recovery_close.METRICS)
    return {
        **origin(SCHEMA, arguments, peak_memory),
        "synthetic": {level: summarized(ways) for level, ways in synthetic.items()},
        "truth": {name: summarized(ways) for name, ways in truth.items()},
        "real": {name: summarized(ways) for name, ways in clips.items()},
        "close": {name: summarized(ways) for name, ways in near.items()},
        "clips": [
            {
                "name": clip.name,
                "frames": clip.frames,
                "size": list(clip.size),
                "fps": clip.fps,
                "milliseconds": clip.milliseconds,
            }
            for clip in real
        ],
    }


def pooled(parts: Sequence[Mapping[str, Scores]], metrics: Sequence[str]) -> dict[str, Scores]:
    """Put the values of several parts together."""
    whole: dict[str, Scores] = {}
    for part in parts:
        for way, scores in part.items():
            one = whole.setdefault(way, Scores.of(metrics))
            for metric, values in scores.values.items():
                one.add(metric, values)
            for name, errors in scores.joints.items():
                one.joints.setdefault(name, []).extend(errors)
    return whole


def summarized(ways: Mapping[str, Scores]) -> dict[str, dict]:
    """Summarise the scores of each way."""
    return {
        way: {
            "metrics": {
                metric: summarize(values) | {"p95": float(np.percentile(values, 95)) if values else None}
                for metric, values in scores.values.items()
            },
            "joints": {name: float(np.mean(errors)) for name, errors in scores.joints.items()},
        }
        for way, scores in ways.items()
    }


def check(data: dict) -> None:
    """Raise `ValueError` unless `data` has the form that `to_json` writes.

    Raises:
        ValueError: naming the first thing that is wrong.
    """
    check_origin(data, SCHEMA)
    for name in PARTS:
        need(isinstance(data.get(name), dict), f"{name} must be a dict")
    need(any(data[part] for part in PARTS), "one of the parts must have something in it")
    for part, metrics in PARTS.items():
        for name, ways in data[part].items():
            need(isinstance(ways, dict) and ways, f"{part}.{name} must have ways")
            for way, scores in ways.items():
                _check_way(scores, metrics, f"{part}.{name}.{way}")
    need(isinstance(data.get("clips"), list), "clips must be a list")
    for number, clip in enumerate(data["clips"]):
        for chain, stages in clip["milliseconds"].items():
            for stage, taken in stages.items():
                need(stage in recovery_real.STAGES, f"clips[{number}]: {stage} is no stage")
                need(_finite(taken), f"clips[{number}].{chain}.{stage} must be a finite number")


def _check_way(scores: object, metrics: Sequence[str], where: str) -> None:
    need(isinstance(scores, dict) and set(scores) == {"metrics", "joints"}, f"{where} must have metrics and joints")
    need(set(scores["metrics"]) == set(metrics), f"{where}.metrics must be {tuple(metrics)}")
    for metric, summary in scores["metrics"].items():
        spread = dict(summary)
        p95 = spread.pop("p95", "missing")
        check_summary(spread, f"{where}.{metric}")
        need(_finite(p95) or (p95 is None and summary["count"] == 0), f"{where}.{metric}.p95 must be a finite number")
    for name, error in scores["joints"].items():
        need(_finite(error), f"{where}.joints.{name} must be a finite number")


def _finite(value: object) -> bool:
    return isinstance(value, float) and bool(np.isfinite(value))


def table(data: dict) -> str:
    """Return the results as Markdown."""
    lines: list[str] = []
    if data["synthetic"]:
        lines += ["### Synthetic people", "", *_rows(data["synthetic"], METRICS, "noise"), ""]
        level = "1" if "1" in data["synthetic"] else next(iter(data["synthetic"]))
        lines += [f"Per joint, MPJPE in mm at noise {level}:", "", *_joints(data["synthetic"][level]), ""]
    if data["truth"]:
        lines += ["### Data sets with truth", "", *_rows(data["truth"], TRUTH_METRICS, "sequence"), ""]
    if data["real"]:
        shown = {"all clips": data["real"]["all clips"]} if "all clips" in data["real"] else data["real"]
        lines += ["### Real clips", "", *_rows(shown, recovery_real.METRICS, "clip"), ""]
        if "all clips" in data["real"]:
            lines += [*_clips(data), ""]
        lines += [*_stages(data["clips"]), ""]
    if data["close"]:
        lines += ["### Hands and faces", "", *_rows(data["close"], recovery_close.METRICS, "picture"), ""]
    lines.append("Means (10th to 90th percentile).")
    return "\n".join(lines) + "\n"


def _rows(parts: Mapping[str, Mapping[str, dict]], metrics: Sequence[str], first: str) -> list[str]:
    headings = " | ".join(_HEADINGS[metric] for metric in metrics)
    lines = [f"| {first} | way | {headings} |", "|---" * (len(metrics) + 2) + "|"]
    for name, ways in parts.items():
        for way, scores in ways.items():
            cells = [_cell(scores["metrics"][metric], metric) for metric in metrics]
            lines.append(f"| {name} | {way} | {' | '.join(cells)} |")
    return lines


def _joints(ways: Mapping[str, dict]) -> list[str]:
    """Return a table of joints, left and right together."""
    names = list(dict.fromkeys(_sideless(name) for way in ways.values() for name in way["joints"]))
    lines = [f"| way | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for way, scores in ways.items():
        cells = []
        for wanted in names:
            both = [error for name, error in scores["joints"].items() if _sideless(name) == wanted]
            cells.append(f"{np.mean(both):.0f}")
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return lines


def _sideless(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_").replace("_", " ")


def _clips(data: dict) -> list[str]:
    """Return the whole way's scores by clip."""
    metrics = recovery_real.METRICS
    lines = [f"| clip | frames | {' | '.join(_HEADINGS[m] for m in metrics)} |", "|---" * (len(metrics) + 2) + "|"]
    for clip in data["clips"]:
        scores = data["real"][clip["name"]]["recover"]["metrics"]
        cells = [_cell(scores[metric], metric) for metric in metrics]
        lines.append(f"| {clip['name']} | {clip['frames']} | {' | '.join(cells)} |")
    return ["`recover` by clip:", "", *lines]


def _stages(clips: Sequence[dict]) -> list[str]:
    """Return CPU milliseconds a frame by stage: the median over clips, with the least and the most."""
    stages = recovery_real.STAGES
    lines = [f"| CPU ms a frame | {' | '.join(stages)} | all but detect |", "|---" * (len(stages) + 2) + "|"]
    for chain in dict.fromkeys(chain for clip in clips for chain in clip["milliseconds"]):
        taken = [clip["milliseconds"][chain] for clip in clips if chain in clip["milliseconds"]]
        columns = [[one[stage] for one in taken if stage in one] for stage in stages]
        columns.append([sum(one.values()) - one["detect"] for one in taken])
        cells = [f"{np.median(c):.1f} ({min(c):.1f}-{max(c):.1f})" if c else "" for c in columns]
        lines.append(f"| {chain} | {' | '.join(cells)} |")
    return [*lines, "", "Medians over clips (least to most); one thread."]


def _cell(summary: dict, metric: str) -> str:
    if summary["mean"] is None:
        return "none"
    digits = _DIGITS.get(metric, 1)
    if metric in _MEDIANS:
        return f"{summary['median']:.{digits}f} / {summary['p95']:.{digits}f}"
    return f"{summary['mean']:.{digits}f} ({summary['p10']:.{digits}f}-{summary['p90']:.{digits}f})"
