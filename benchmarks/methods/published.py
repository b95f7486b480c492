"""Ours beside few-shot vid2vid's own published comparison, as one sheet.

    python benchmarks/methods/published.py few_shot_vid2vid_comparison.mp4 [--few-shot LABEL=FILE ...] [--frames 3]
                                           [-o outputs/published]

The published clip shows two people, one below the other, each in eight columns: pose, example, five other methods, and
few-shot vid2vid. The last column drives ours; the example is the photo.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import liquidwarp as lw
from liquidwarp.detect import detect_clip
from liquidwarp.media import open_video, to_uint8, write_image
from liquidwarp.methods import Method, make_method
from liquidwarp.viz import Row, contact_sheet

SIZE = (558, 1136)  # height and width of the published clip
CELL = (254, 126)  # of each picture in it
TOPS = (1, 273)
LEFTS = {"example": 145, "PoseWarp (theirs)": 721, "few-shot vid2vid (theirs)": 1009}
DRIVER = "few-shot vid2vid (theirs)"


def main(arguments: list[str] | None = None) -> int:
    """Make the sheet; 0 if it was made, 2 for input that cannot be used."""
    options = parse(arguments)
    try:
        methods: dict[str, str | Method] = {"surface (ours)": "surface", "compact (ours)": "compact"}
        for given in options.few_shot:
            label, _, file = given.rpartition("=")
            methods[label or "few-shot vid2vid (ours)"] = make_method("few-shot-vid2vid", weights=file)
        clip = open_video(options.clip)
        if clip.size != SIZE:
            raise lw.InputError(f"{options.clip}: {clip.size[1]}x{clip.size[0]}; the published clip is 1136x558")
        frames = list(clip)
        rows = [row for top in TOPS for row in person(frames, clip.fps, top, methods, options.frames)]
        write_image(options.output / "published.png", contact_sheet(rows, gap=2))
    except lw.LiquidwarpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"written to {options.output / 'published.png'}")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, help="the published clip")
    parser.add_argument(
        "--few-shot", nargs="+", default=[], metavar="LABEL=FILE", help="weights of few-shot vid2vid that we trained"
    )
    parser.add_argument("--frames", type=int, default=3, help="shown of each person")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/published"))
    return parser.parse_args(arguments)


def person(
    frames: Sequence[np.ndarray], fps: float, top: int, methods: dict[str, str | Method], count: int
) -> list[Row]:
    """Return rows of one person: what was published, and what ours make of the same example and motion."""
    columns = {name: [cut(frame, top, left) for frame in frames] for name, left in LEFTS.items()}
    seen = detect_clip(iter(columns[DRIVER]), fps=fps, size=CELL, source=f"the published person at {top}")
    motion, example = lw.recover(seen), lw.encode_source(columns["example"][0])
    shown = [round(place) for place in np.linspace(0, len(frames) - 1, count + 2)[1:-1]]
    wanted = sorted({index for frame in shown for index in (max(frame - 1, 0), frame)})  # some draw from the one before
    for name, method in methods.items():
        made = lw.imitate(example, motion[wanted], camera="copy", size=max(CELL), method=method)
        pictures = dict(zip(wanted, (to_uint8(answer.image) for answer in made), strict=True))
        columns[name] = [pictures.get(index, frames[index]) for index in range(len(frames))]
    return [Row([column[index] for column in columns.values()], labels=list(columns)) for index in shown]


def cut(frame: np.ndarray, top: int, left: int) -> np.ndarray:
    """Return one of the pictures in a frame."""
    return np.ascontiguousarray(frame[top : top + CELL[0], left : left + CELL[1]])


if __name__ == "__main__":
    sys.exit(main())
