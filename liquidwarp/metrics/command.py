"""`liquidwarp evaluate`: from paths to a table."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from liquidwarp.detect.protocol import Detection, Detector
from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path, check_writable
from liquidwarp.metrics.clips import ClipPair, open_pairs
from liquidwarp.metrics.evaluate import evaluate
from liquidwarp.metrics.frames import REGIONS
from liquidwarp.metrics.registry import METRICS, available
from liquidwarp.types import Keypoints

DEFAULT = ("psnr", "ssim", "haarpsi", "flicker", "warp-error")
"""What is computed if nothing is named: what needs no weights, at any size."""


def run(options: argparse.Namespace) -> str:
    """Compute what the options ask for, write it if they say where, and return it as text.

    Raises:
        InputError: options or clips that cannot be used.
        OutputError: the JSON cannot be written.
    """
    if options.list:
        return describe(options.weights, options.mode)
    if options.pred is None or options.truth is None:
        raise InputError("evaluate needs what was made and what is real: --pred PATH --truth PATH (or --list)")
    if options.json is not None:
        check_writable(options.json)
    pairs = open_pairs(
        options.pred,
        options.truth,
        masks=options.masks,
        made_masks=options.pred_masks,
        coverage=options.coverage,
    )
    table = evaluate(
        _with_landmarks(pairs, options),
        options.metrics or DEFAULT,
        mode=options.mode,
        regions=options.regions or _known_regions(options),
        weights=options.weights,
        detector=_detector(options.detector),
        size=options.size,
        device=options.device,
        progress=True,
    )
    if options.json is not None:
        with atomic_path(options.json) as partial:
            partial.write_text(json.dumps(table.to_json(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return table.markdown()


def describe(weights: str | None, mode: str) -> str:
    """Return a line per metric: what it means, and whether it can be computed."""
    lacking = available(weights, mode=mode)
    lines = [f"| metric | better | range | regions | modes | {mode} |", "|---" * 6 + "|"]
    for name, metric in METRICS.items():
        regions, modes = " ".join(metric.regions), " ".join(metric.modes)
        ends = f"[{metric.low:g}, {metric.high:g}]"
        lines.append(f"| {name} | {metric.better} | {ends} | {regions} | {modes} | {lacking[name] or 'ready'} |")
    return "\n".join(lines) + "\n"


def _known_regions(options: argparse.Namespace) -> Sequence[str]:
    """Return the regions that the given files tell."""
    told = (True, options.masks is not None, options.coverage is not None, options.coverage is not None)
    return [region for region, known in zip(REGIONS, told, strict=True) if known]


def _detector(name: str) -> Detector | None:
    if name == "none":
        return None
    from liquidwarp.detect import LiteRtDetector, MediaPipeDetector

    return MediaPipeDetector() if name == "mediapipe" else LiteRtDetector()


def _with_landmarks(pairs: list[ClipPair], options: argparse.Namespace) -> list[ClipPair]:
    if options.pred_keypoints is None and options.keypoints is None:
        return pairs
    if options.pred_keypoints is None or options.keypoints is None:
        raise InputError("landmarks are compared: give both --pred-keypoints and --keypoints, by one detector")
    if len(pairs) > 1:
        raise InputError(f"--keypoints is for one clip, and there are {len(pairs)}; evaluate them one by one")
    pair = pairs[0]
    made, real = (
        _landmarks(path, clip) for path, clip in ((options.pred_keypoints, pair.made), (options.keypoints, pair.real))
    )
    return [replace(pair, made_landmarks=made, real_landmarks=real)]


def _landmarks(path: str, clip: object) -> list[Detection | None]:
    """Read OpenPose's folder of JSON files, or a COCO file."""
    from liquidwarp.detect import read_coco_keypoints, read_openpose

    size, frames = clip.size, clip.frame_count  # type: ignore[attr-defined]
    if Path(path).is_dir():
        return detections(read_openpose(path, size=size, fps=25.0))
    return detections(read_coco_keypoints(path, size=size, fps=25.0, frames=frames))


def detections(keypoints: Keypoints) -> list[Detection | None]:
    """Return a clip's keypoints frame by frame; None in a frame without a person."""
    every = zip(keypoints.image.numpy(), keypoints.confidence.numpy(), keypoints.present.tolist(), strict=True)
    return [
        Detection(keypoints.names, image, confidence, None, None, 1.0) if present else None
        for image, confidence, present in every
    ]
