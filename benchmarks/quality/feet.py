"""Do feet stand where the driver's feet stand?

    python benchmarks/quality/feet.py [--data FOLDER [--pairs NAME ...]] [--photo PHOTO --motion CLIP]
                                      [--frames 24] [--size 256] [--method surface] -o outputs/feet

The person of a photo is put into the motion of a clip (`camera="copy"`), landmarks are found again in our pictures, and
compared with those found in the clip's own frames. ../README.md has the contract.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from quality_measure import RecoveredClip, chosen_frames, find_pairs, first_frame, resized
from quality_report import check_summary, most_memory, need, origin, summarize, write_results

import liquidwarp as lw
from liquidwarp.detect import detect_clip
from liquidwarp.geometry import length_in_pixels, project
from liquidwarp.media import read_image, to_uint8

SCHEMA = "liquidwarp-feet/1"
POINTS = {
    "shoulder": "shoulder",
    "hip": "hip",
    "knee": "knee",
    "ankle": "ankle",
    "heel": "heel",
    "toe": "foot_index",
}
_SEEN = 0.5  # confidence from which a landmark counts, in both pictures


@dataclass(frozen=True)
class Case:
    """A photo's person, and the clip that drives it."""

    name: str
    photo: np.ndarray
    clip: Path


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 if it ran, 2 for input that cannot be used."""
    options = parse(arguments)
    try:
        write({case.name: measure(case, options) for case in cases_of(options)}, options)
    except lw.LiquidwarpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with NAME_A.mp4 and NAME_random.mp4")
    parser.add_argument("--pairs", nargs="+", metavar="NAME", help="only these pairs")
    parser.add_argument("--photo", type=Path, help="a photo, for --motion")
    parser.add_argument("--motion", type=Path, help="a clip, for --photo")
    parser.add_argument("--frames", type=int, default=24, help="frames of each clip, evenly spread")
    parser.add_argument("--size", type=int, default=256, help="longer side of our pictures and of the clip's")
    parser.add_argument("--method", default="surface", help="what 'liquidwarp methods' lists")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/feet"))
    return parser.parse_args(arguments)


def cases_of(options: argparse.Namespace) -> list[Case]:
    """Return what is to be measured.

    Raises:
        InputError: nothing, or a photo without a motion.
    """
    if (options.photo is None) != (options.motion is None):
        raise lw.InputError("--photo and --motion belong together; give both")
    pairs = find_pairs(options.data, options.pairs) if options.data else []
    cases = [Case(pair.name, first_frame(pair.photo_clip), pair.motion_clip) for pair in pairs]
    if options.photo is not None:
        cases.append(Case(options.photo.stem, read_image(options.photo).rgb, options.motion))
    if not cases:
        raise lw.InputError("nothing to measure; give --data, or --photo and --motion")
    return cases


def measure(case: Case, options: argparse.Namespace) -> dict[str, list[float]]:
    """Return, per kind of point, how much lower it is in our pictures than in the clip: parts of the person's height.

    Both feet (knees, hips, shoulders) count; frames in which either picture does not show the point do not.
    """
    print(f"{case.name} ...", flush=True)
    clip = RecoveredClip(case.clip, regressor="landmarks")
    frames = chosen_frames(len(clip.motion), options.frames)
    motion = replace(clip.motion[frames], fps=0.0, cuts=())  # frames that do not follow on one another
    person = lw.encode_source(case.photo)
    made = lw.imitate(person, motion, camera="copy", size=options.size, method=options.method)
    ours = [to_uint8(picture.image) for picture in made]
    real = [resized(clip.frame(index), ours[0].shape[:2]) for index in frames]
    found = [detect_clip(iter(pictures), fps=0.0, size=ours[0].shape[:2]).keypoints for pictures in (ours, real)]
    height = heights(motion) * (max(ours[0].shape[:2]) / max(motion.camera.size))
    return {name: lower_by(point, found, height) for name, point in POINTS.items()}


def heights(motion: lw.BodyTrack) -> np.ndarray:
    """Return how tall the person would stand in each frame's picture, pixels."""
    body = lw.load_body(motion.body)
    identity = body.identity(motion.betas)
    stature = float(identity.vertices[:, 1].max() - identity.vertices[:, 1].min())
    depth = project(motion.camera, motion.transl + identity.joints[0])[:, 2]
    return length_in_pixels(motion.camera, stature, depth).numpy()


def lower_by(point: str, found: Sequence[lw.Keypoints], height: np.ndarray) -> list[float]:
    """Return our point's Y minus the clip's, left and right, in parts of the height."""
    apart: list[float] = []
    for side in ("left", "right"):
        column = found[0].names.index(f"{side}_{point}")
        seen = [(keypoints.present & (keypoints.confidence[:, column] > _SEEN)).numpy() for keypoints in found]
        ours, real = (keypoints.image[:, column, 1].numpy() for keypoints in found)
        apart += ((ours - real) / height)[seen[0] & seen[1]].tolist()
    return apart


def to_json(scores: dict[str, dict[str, list[float]]], arguments: dict[str, object], peak_memory: int) -> dict:
    """Put the scores into the form that `check` asks for; numbers are percent of the height, positive where ours is
    lower."""
    cases = {
        name: {point: summarize([100 * value for value in values]) for point, values in points.items()}
        for name, points in scores.items()
    }
    return {
        **origin(SCHEMA, arguments, peak_memory),
        "cases": cases,
        "summary": {point: summarize(_medians(cases, point)) for point in POINTS},
    }


def _medians(cases: dict[str, dict], point: str) -> list[float]:
    return [case[point]["median"] for case in cases.values() if case[point]["count"]]


def check(data: dict) -> None:
    """Raise `ValueError` unless `data` has the form that `to_json` writes.

    Raises:
        ValueError: naming the first thing that is wrong.
    """
    need(data.get("schema") == SCHEMA, f"schema must be {SCHEMA!r}, not {data.get('schema')!r}")
    for name in ("arguments", "machine", "versions", "cases", "summary"):
        need(isinstance(data.get(name), dict) and data[name], f"{name} must be a dict with something in it")
    for name, points in {**data["cases"], "summary": data["summary"]}.items():
        need(set(points) == set(POINTS), f"{name} must have {tuple(POINTS)}")
        for point, summary in points.items():
            check_summary(summary, f"{name}.{point}")


def table(data: dict) -> str:
    """Return the scores as Markdown: the median over frames, and the 10th and 90th percentile."""
    lines = [f"| pair | {' | '.join(POINTS)} |", "|---" * (len(POINTS) + 1) + "|"]
    for name, points in data["cases"].items():
        cells = (
            "none" if cell["median"] is None else f"{cell['median']:+.2f} ({cell['p10']:+.1f} to {cell['p90']:+.1f})"
            for cell in (points[point] for point in POINTS)
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    means = (data["summary"][point]["mean"] for point in POINTS)
    lines.append(f"| mean of medians | {' | '.join('none' if mean is None else f'{mean:+.2f}' for mean in means)} |")
    return "\n".join([*lines, "", "Percent of the person's height by which ours is lower than the clip's."]) + "\n"


def write(scores: dict[str, dict[str, list[float]]], options: argparse.Namespace) -> None:
    """Write feet.json and feet.md, and print the table."""
    arguments = {
        "data": options.data.name if options.data else None,
        "photo": options.photo.name if options.photo else None,
        "motion": options.motion.name if options.motion else None,
        "frames": options.frames,
        "size": options.size,
        "method": options.method,
    }
    data = to_json(scores, arguments, most_memory())
    check(data)
    text = table(data)
    write_results(options.output, data, text, "feet")
    print(text)
    print(f"written to {options.output}: feet.json, feet.md")


if __name__ == "__main__":
    sys.exit(main())
