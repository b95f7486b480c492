"""Does a talking head open its mouth and close its eyes as the driver does, and stay itself?

    python benchmarks/quality/face.py [--photo FACE.png] --clip TALKING.mp4 [--size 512] -o outputs/face

The driver's face is found again in the pictures that were made. ../README.md has the contract.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from quality_report import check_origin, most_memory, need, origin, write_results

from liquidwarp import viz
from liquidwarp.detect import Face, FaceDetector
from liquidwarp.face import HeadFrame, PhotoFace, read_expressions
from liquidwarp.face.shape import mouth_gaps
from liquidwarp.fit import face_track
from liquidwarp.media import open_video, read_image, write_image
from liquidwarp.tasks import talk

SCHEMA = "liquidwarp-face/1"
SCORES = ("mouth", "mouth_range", "eyes", "eyes_range", "identity")
_COLUMNS = slice(3, 6)  # of the mouth, its middle
_SHOWN = 8  # moments of a sheet


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    options = parse(arguments)
    clip = open_video(options.clip)
    driver = list(clip)
    detector = FaceDetector()
    seen = detector.follow(driver)
    photo = driver[least_open(seen)] if options.photo is None else read_image(options.photo).rgb
    made = list(talk(photo, options.clip, size=options.size, detector=detector, progress=True))
    scores = measure(seen, detector.follow(made), talk_rest(photo, detector), clip.fps)
    told = {"photo": "the clip's own" if options.photo is None else options.photo.name, "size": options.size}
    data = to_json(scores, told, len(made), most_memory())
    check(data)
    write_results(options.output, data, table(data))
    write_image(options.output / "sheet.png", sheet(driver, made, seen))
    print(table(data))
    print(f"written to {options.output}: results.json, results.md, sheet.png")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, help="default: the frame of the clip whose mouth is least open")
    parser.add_argument("--clip", type=Path, required=True, help="of somebody who talks")
    parser.add_argument("--size", type=int, default=512, help="longer side of the pictures")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/face"))
    return parser.parse_args(arguments)


def openings(faces: tuple[Face | None, ...]) -> np.ndarray:
    """Return how far the mouth is open in each frame, in its widths; NaN where there is no face."""
    return np.array(
        [np.nan if f is None else mouth_gaps(HeadFrame.of(f.points).own(f.points))[_COLUMNS].mean() for f in faces]
    )


def least_open(faces: tuple[Face | None, ...]) -> int:
    """Return the frame with the least open mouth."""
    return int(np.nanargmin(openings(faces)))


def talk_rest(photo: np.ndarray, detector: FaceDetector) -> np.ndarray:
    """Return the photo's face at rest, lips closed, in its own axes and distances of the eyes."""
    return PhotoFace.of(photo, detector.pick(photo).points).neutral


def measure(
    driver: tuple[Face | None, ...], made: tuple[Face | None, ...], rest: np.ndarray, fps: float
) -> dict[str, float]:
    """Return correlations and ranges of what the detector sees in both, and how far the face at rest is off."""
    theirs, ours = openings(driver), openings(made)
    both = np.isfinite(theirs) & np.isfinite(ours)
    tracks = [face_track(faces) for faces in (driver, made)]
    need(all(track is not None for track in tracks), "a face must be seen in the driver and in what was made")
    lids = [track.closed.numpy().mean(1)[both] for track in tracks if track is not None and track.closed is not None]
    moves = read_expressions(tracks[1], fps=fps) if tracks[1] is not None else None
    need(moves is not None, "the face that was made must be large enough")
    assert moves is not None
    return {
        "mouth": _correlation(theirs[both], ours[both]),
        "mouth_range": float(np.ptp(ours[both]) / max(float(np.ptp(theirs[both])), 1e-6)),
        "eyes": _correlation(*lids),
        "eyes_range": float(np.ptp(lids[1]) / max(float(np.ptp(lids[0])), 1e-6)),
        "identity": float(np.linalg.norm((moves.rest - rest)[:, :2], axis=1).mean()),
    }


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if a.std() < 1e-6 or b.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def to_json(scores: dict[str, float], arguments: dict[str, object], frames: int, peak_memory: int) -> dict:
    """Put the results of a run into the form that `check` asks for."""
    return {
        **origin(SCHEMA, arguments, peak_memory),
        "frames": frames,
        "scores": scores,
    }


def check(data: dict) -> None:
    """Raise `ValueError` unless `data` has the form that `to_json` writes.

    Raises:
        ValueError: naming the first thing that is wrong.
    """
    check_origin(data, SCHEMA)
    need(isinstance(data.get("frames"), int), "frames must be a int")
    for name in SCORES:
        value = data["scores"].get(name)
        need(isinstance(value, float) and np.isfinite(value), f"scores.{name} must be a number")


def table(data: dict) -> str:
    """Return the results as Markdown."""
    heads = "| frames | mouth opening, correlation | its range | eye closing, correlation | its range | face at rest |"
    cells = " | ".join(f"{data['scores'][name]:.3f}" for name in SCORES)
    return f"{heads}\n{'|---' * 6}|\n| {data['frames']} | {cells} |\n"


def sheet(driver: list[np.ndarray], made: list[np.ndarray], seen: tuple[Face | None, ...]) -> np.ndarray:
    """Return the driver above what was made, where the mouth is open by even steps."""
    order = np.argsort(np.nan_to_num(openings(seen)), kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(_SHOWN, len(order))).astype(int)]
    rows = [viz.Row([clip[i] for i in chosen], labels=[str(i) for i in chosen]) for clip in (driver, made)]
    return viz.contact_sheet(rows, gap=2)


if __name__ == "__main__":
    sys.exit(main())
