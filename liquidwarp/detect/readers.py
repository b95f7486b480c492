"""Keypoints made elsewhere: OpenPose and COCO JSON."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liquidwarp.bodies.landmarks import COCO, OPENPOSE
from liquidwarp.detect.following import collect_keypoints, pick_person
from liquidwarp.detect.protocol import Box, Detection, box_area
from liquidwarp.detect.tuning import FOLLOW_TUNING, FollowTuning
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.types import Keypoints

OPENPOSE_COCO = (
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
)
"""The 18 keypoints of OpenPose's COCO model, in its order."""

_COCO_CONFIDENCE = {0: 0.0, 1: 0.5, 2: 1.0}  # not labelled, labelled but hidden, visible


def read_openpose(
    source: str | Path | Sequence[str | Path],
    *,
    size: tuple[int, int],
    fps: float,
    person: int = 0,
    tuning: FollowTuning = FOLLOW_TUNING,
) -> Keypoints:
    """Read OpenPose's JSON files (BODY_25 or COCO-18), one per frame, and follow one person through them.

    Args:
        source: the folder that OpenPose's `--write_json` filled, read in the order of the names, or the files.
        size: (height, width) of the pictures; coordinates must be in their pixels (OpenPose's default).
        fps: frames per second.
        person: which person of the first frame that shows anybody, 0 is the largest.
        tuning: who is taken to be the same person, and for how long.

    Raises:
        InputError: a file is missing or is not OpenPose JSON.
        NoPersonError: no file holds a person.
    """
    files = _openpose_files(source)
    people = [_openpose_people(path, tuning) for path in files]
    name = str(source) if isinstance(source, str | Path) else f"{files[0]} and {len(files) - 1} more"
    return _follow(people, size=size, fps=fps, person=person, detector="openpose-json", source=name, tuning=tuning)


def read_coco_keypoints(
    path: str | Path,
    *,
    size: tuple[int, int],
    fps: float,
    person: int = 0,
    frames: int | None = None,
    tuning: FollowTuning = FOLLOW_TUNING,
) -> Keypoints:
    """Read a COCO keypoint file (17 keypoints), annotations or results, and follow one person through it.

    Pictures are ordered by the `images` list of an annotation file (by `file_name`), else by `image_id`; numbers as
    `image_id` in a results file are taken as frame numbers where `frames` is given.

    Args:
        path: a JSON file: `{"images": [...], "annotations": [...]}` or a list of results.
        size: (height, width) of the pictures.
        fps: frames per second.
        person: which person of the first frame that shows anybody, 0 is the largest.
        frames: number of frames of the clip; pictures without an entry count as frames without a person.
        tuning: who is taken to be the same person, and for how long.

    Raises:
        InputError: the file is missing or is not COCO keypoint JSON.
        NoPersonError: the file holds no person.
    """
    path = Path(path)
    content = _load_json(path)
    entries, order = _coco_entries(content, path, frames)
    people: list[list[Detection]] = [[] for _ in order]
    place = {image: index for index, image in enumerate(order)}
    for entry in entries:
        if entry["image_id"] not in place:
            raise InputError(f"{path}: image_id {entry['image_id']!r} is not one of the {len(order)} frames")
        detection = _coco_person(entry, path, tuning)
        if detection is not None:
            people[place[entry["image_id"]]].append(detection)
    return _follow(people, size=size, fps=fps, person=person, detector="coco-json", source=str(path), tuning=tuning)


def _follow(
    people: Sequence[list[Detection]],
    *,
    size: tuple[int, int],
    fps: float,
    person: int,
    detector: str,
    source: str,
    tuning: FollowTuning,
) -> Keypoints:
    """Pick one person in every frame by the overlap of boxes."""
    forget = max(1, round(tuning.forget_seconds * fps))
    last: Box | None = None
    lost = 0
    chosen: list[Detection | None] = []
    for here in people:
        if last is None:
            found = _choose(here, person, source)
        else:
            found = pick_person(here, last, lost=lost >= forget, tuning=tuning)
        lost = 0 if found is not None else lost + 1
        last = found.box if found is not None else last
        chosen.append(found)
    if last is None:
        raise NoPersonError(f"{source}: no person in any of {len(people)} frames; check the detector's output")
    return collect_keypoints(chosen, size=size, fps=fps, detector=detector, source=source, tuning=tuning)


def _choose(people: list[Detection], person: int, source: str) -> Detection | None:
    if not people:
        return None
    if not 0 <= person < len(people):
        raise InputError(f"{source}: there is no person {person}, only {len(people)} in the first frame with anybody")
    return sorted(people, key=lambda detection: -box_area(detection.box))[person]


def _openpose_files(source: str | Path | Sequence[str | Path]) -> list[Path]:
    if not isinstance(source, str | Path):
        files = [Path(path) for path in source]
    elif Path(source).is_dir():
        files = sorted(Path(source).glob("*.json"))
    else:
        files = [Path(source)]
    if not files:
        raise InputError(f"{source}: no .json files; give the folder that OpenPose's --write_json filled")
    return files


def _openpose_people(path: Path, tuning: FollowTuning) -> list[Detection]:
    content = _load_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("people"), list):
        raise InputError(f"{path}: not OpenPose JSON ('people' is missing); write it with --write_json")
    found = []
    for entry in content["people"]:
        flat = entry.get("pose_keypoints_2d") if isinstance(entry, dict) else None
        if flat is None and isinstance(entry, dict):
            flat = entry.get("pose_keypoints")
        names = {75: OPENPOSE, 54: OPENPOSE_COCO}.get(len(flat)) if isinstance(flat, list) else None
        if names is None:
            raise InputError(f"{path}: pose_keypoints_2d must hold 25 (BODY_25) or 18 (COCO) triples")
        detection = _from_triples(list(flat or []), names, path, lambda confidence: confidence, tuning.least_landmarks)
        if detection is not None:
            found.append(detection)
    return found


def _coco_entries(content: Any, path: Path, frames: int | None) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return the person entries and the pictures in order."""
    images: list[Any] | None = None
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        entries = content["annotations"]
        if isinstance(content.get("images"), list):
            if not all(
                isinstance(image, dict) and isinstance(image.get("id"), int | str) for image in content["images"]
            ):
                raise InputError(f"{path}: an entry of 'images' without an 'id'; give COCO keypoints")
            named = sorted(content["images"], key=lambda image: str(image.get("file_name", image["id"])))
            images = [image["id"] for image in named]
    elif isinstance(content, list):
        entries = content
    else:
        raise InputError(f"{path}: not COCO keypoint JSON (a list of results, or a dictionary with 'annotations')")
    for entry in entries:
        if not isinstance(entry, dict) or "image_id" not in entry or "keypoints" not in entry:
            raise InputError(f"{path}: an entry without 'image_id' or 'keypoints'; give COCO keypoints, not boxes")
        if not isinstance(entry["image_id"], int | str):
            raise InputError(f"{path}: image_id {entry['image_id']!r} is neither a number nor a name; mend it")
    if images is None:
        images = sorted({entry["image_id"] for entry in entries}, key=_natural)
        if frames is not None and all(isinstance(image, int) for image in images):
            images = list(range(frames))
    return entries, images


def _coco_person(entry: dict[str, Any], path: Path, tuning: FollowTuning) -> Detection | None:
    flat = entry["keypoints"]
    if not isinstance(flat, list) or len(flat) != 3 * len(COCO):
        raise InputError(f"{path}: 'keypoints' must hold 17 triples (x, y, v)")
    labelled = "score" not in entry and all(value in (0, 1, 2) for value in flat[2::3])
    return _from_triples(
        flat,
        COCO,
        path,
        lambda confidence: _COCO_CONFIDENCE[int(confidence)] if labelled else confidence,
        tuning.least_landmarks,
    )


def _from_triples(
    flat: list[Any], names: tuple[str, ...], path: Path, confidence: Callable[[float], float], least: int
) -> Detection | None:
    """Make a detection of x, y, confidence triples; None if hardly anything was seen."""
    try:
        values = np.array(flat, np.float32).reshape(-1, 3)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: keypoints are not numbers ({error})") from error
    if not np.isfinite(values).all():
        raise InputError(f"{path}: keypoints hold numbers that are not finite")
    sure = np.array([confidence(float(value)) for value in values[:, 2]], np.float32).clip(0, 1)
    if int((sure > 0).sum()) < least:
        return None
    return Detection(names, values[:, :2].copy(), sure, None, None, float(sure.mean()))


def _natural(image: Any) -> tuple[int, int, str]:
    """Order numbers by value before names by spelling."""
    return (0, image, "") if isinstance(image, int) else (1, 0, str(image))


def _load_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); write it again") from error
