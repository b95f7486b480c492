"""How far finger tips and heads are from hands and faces that were looked at closely, in clips and photos."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from recovery_measure import Scores

import liquidwarp as lw
from liquidwarp.bodies import BodyModel
from liquidwarp.detect import ClipDetection, Detector, LiteRtDetector, detect_clip
from liquidwarp.detect.tuning import LITERT_TUNING
from liquidwarp.media import is_image, is_video, open_video, read_image
from liquidwarp.metrics.close import head_errors, tip_errors
from liquidwarp.tasks.recover import fit_clip, fit_photo

METRICS = ("tips", "head")
WAYS = ("body alone", "hands and face")


def find_pictures(paths: Sequence[Path]) -> list[Path]:
    """Return the clips and photos of folders, by name, and those that are named themselves.

    Raises:
        InputError: a path is neither, and no folder with one.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        known = [file for file in inside if is_video(file) or is_image(file)]
        if not known:
            raise lw.InputError(f"{path}: no clip and no photo; give some, or folders of them, by --close")
        found += known
    return found


def close_detector(least_hand: float | None) -> Detector:
    """Return a detector that looks at hands and face; in clips at hands of so many pixels from wrist to knuckles."""
    hands = LITERT_TUNING.hands
    if least_hand is not None:
        hands = replace(hands, least_followed=least_hand)
    return LiteRtDetector(hands=True, face=True, tuning=replace(LITERT_TUNING, hands=hands))


def measure_close(path: Path, body: BodyModel, detector: Detector) -> dict[str, Scores]:
    """Fit one clip or photo without and with what was seen closely."""
    if is_video(path):
        video = open_video(path)
        found = detect_clip(iter(video), fps=video.fps, size=video.size, detector=detector, source=str(path))
    else:
        rgb = read_image(path).rgb
        found = detect_clip([rgb], fps=0.0, size=(rgb.shape[0], rgb.shape[1]), detector=detector, source=str(path))
    return compare(body, found)


def compare(body: BodyModel, found: ClipDetection) -> dict[str, Scores]:
    """Fit what was found without and with hands and face; finger tips in % of the hand's length, heads in degrees."""
    fit = fit_clip if len(found.keypoints.present) > 1 else fit_photo
    tracks = zip(WAYS, (fit(body, replace(found, hands=(), faces=())), fit(body, found)), strict=True)
    scores = {}
    for way, track in tracks:
        one = scores[way] = Scores.of(METRICS)
        one.add("tips", tip_errors(track, found.hands, body=body), 100)
        one.add("head", head_errors(track, found.faces, body=body))
    return scores
