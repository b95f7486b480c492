"""Recover people in real clips, where only the picture tells what is right."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from recovery_measure import Clock, Scores, closed_form, rest_pose, skate

import liquidwarp as lw
from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.landmarks import LSP
from liquidwarp.detect import ClipDetection, detect_clip
from liquidwarp.fit import find_stands, plant_feet
from liquidwarp.media import is_video, open_video
from liquidwarp.metrics import iou
from liquidwarp.metrics.pose import jerks, reprojection_errors, track_points
from liquidwarp.raster import rasterize
from liquidwarp.regress import with_places
from liquidwarp.tasks.recover import correct_by_masks

METRICS = ("reprojection", "iou", "skate", "jitter")
STAGES = ("detect", "regress", "fit", "masks", "plant")
WAYS = (
    "rest pose",
    "closed form",
    "regressor",
    "regressor, short fit",
    "regressor, short recover",
    "fit",
    "fit, masks",
    "recover",
)
_MASK_STRIDE = 5  # outlines of every fifth frame are compared
_MASK_SIDE = 256  # pixels


@dataclass
class RealClip:
    """What one clip gave: scores by way, and CPU milliseconds a frame by stage."""

    name: str
    frames: int
    size: tuple[int, int]
    fps: float
    scores: dict[str, Scores] = field(default_factory=dict)
    milliseconds: dict[str, dict[str, float]] = field(default_factory=dict)


def find_clips(paths: Sequence[Path]) -> list[Path]:
    """Return the clips of folders, by name, and those that are named themselves.

    Raises:
        InputError: a path is no video and no folder with one.
    """
    clips: list[Path] = []
    for path in paths:
        inside = sorted(file for file in path.iterdir() if is_video(file)) if path.is_dir() else [path]
        if not inside or not all(is_video(file) for file in inside):
            raise lw.InputError(f"{path}: no video in it; give clips, or folders of clips, by --data")
        clips += inside
    return clips


def measure_clip(path: Path, body: BodyModel, *, regressor: bool) -> RealClip:
    """Recover one clip in every way."""
    video = open_video(path)
    clock = Clock()
    with clock.running():
        found = detect_clip(iter(video), fps=video.fps, size=video.size, source=str(path))
    frames = len(found.keypoints.present)
    clip = RealClip(path.stem, frames, (int(video.size[0]), int(video.size[1])), float(video.fps))
    tracks, seconds = go_all_ways(body, found, regressor=regressor)
    stands = find_stands(body, tracks["fit"])
    for way, track in tracks.items():
        clip.scores[way] = judge(body, found, track, stands)
    for chain, stages in seconds.items():
        stages["detect"] = clock.seconds
        clip.milliseconds[chain] = {stage: 1000 * taken / frames for stage, taken in stages.items()}
    return clip


def go_all_ways(
    body: BodyModel, found: ClipDetection, *, regressor: bool
) -> tuple[dict[str, lw.BodyTrack], dict[str, dict[str, float]]]:
    """Return a track per way, and CPU seconds by stage of the ways that are whole: `recover`'s, step by step."""
    keypoints = found.keypoints
    start = closed_form(body, keypoints)
    tracks, seconds = {"rest pose": rest_pose(body, start), "closed form": start}, {}
    if regressor:
        stages = {stage: Clock() for stage in ("regress", "fit", "masks", "plant")}
        with stages["regress"].running():
            tracks["regressor"] = lw.recover(keypoints, body=body, regressor="landmarks", fit=False)
        with stages["fit"].running():
            short = lw.recover(keypoints, body=body, regressor="landmarks")
        stages["fit"].seconds -= stages["regress"].seconds
        tracks["regressor, short fit"] = short
        with stages["masks"].running():
            told = replace(found, keypoints=with_places(keypoints, tracks["regressor"], "landmarks"))
            corrected = correct_by_masks(body, told, short, short=True)
        with stages["plant"].running():
            tracks["regressor, short recover"] = plant_feet(body, corrected)
        seconds["regressor, short recover"] = {name: clock.seconds for name, clock in stages.items()}
    stages = {stage: Clock() for stage in ("fit", "masks", "plant")}
    with stages["fit"].running():
        tracks["fit"] = lw.recover(keypoints, body=body)
    with stages["masks"].running():
        tracks["fit, masks"] = correct_by_masks(body, found, tracks["fit"])
    with stages["plant"].running():
        tracks["recover"] = plant_feet(body, tracks["fit, masks"])
    seconds["recover"] = {name: clock.seconds for name, clock in stages.items()}
    return tracks, seconds


def judge(body: BodyModel, found: ClipDetection, track: lw.BodyTrack, stands: torch.Tensor) -> Scores:
    """Measure one track of a clip."""
    scores = Scores.of(METRICS)
    scores.add("reprojection", reprojection_errors(track, found.keypoints, body=body), 100)
    scores.add("iou", outline_overlaps(body, found, track))
    scores.add("skate", skate(body, track, stands))
    scores.add("jitter", jerks(track_points(track, LSP, body=body), track.fps).mean(1), 0.01)
    return scores


def outline_overlaps(body: BodyModel, found: ClipDetection, track: lw.BodyTrack) -> list[float]:
    """Compare the bare body's outline with the detector's mask of the (clothed) person."""
    if found.masks is None:
        return []
    height, width = track.camera.size
    scale = min(1.0, _MASK_SIDE / max(height, width))
    camera = track.camera.resized((round(height * scale), round(width * scale)))
    identity = body.identity(track.betas)
    overlaps = []
    for index in range(0, len(track), _MASK_STRIDE):
        real = found.masks.frame(index, camera.size).numpy() > 0.5
        if not real.any():
            continue
        one = track[index]
        with torch.no_grad():
            vertices = body.vertices(identity, one.global_orient, one.body_pose, one.transl)
        drawn = rasterize(vertices, body.topology.faces, camera).face_index[0].numpy() >= 0
        overlaps.append(iou(np.asarray(drawn), real))
    return overlaps
