"""Make the picture of the README from the synthetic people that come with the package.

python docs/pictures/make.py [-o docs/pictures/overview.jpg]
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import liquidwarp as lw
from liquidwarp.demo import asset
from liquidwarp.media import open_video, read_image, to_uint8, write_image
from liquidwarp.viz import Row, contact_sheet

COLUMNS = 5
CELL = (168, 118)  # height and width of a picture


def pictures(frames: Iterator[lw.Synthesis]) -> list[np.ndarray]:
    """Return all frames as bytes."""
    return [to_uint8(frame.image) for frame in frames]


def make(path: Path) -> None:
    """Imitate, dress and walk around, and write a sheet of it."""
    photo, other = asset("woman_stripes.jpg"), asset("man_jacket.jpg")
    woman, man = lw.encode_source(photo), lw.encode_source(other)
    motion = lw.recover(asset("motion.mp4"))
    times = [round((column + 0.5) * len(motion) / COLUMNS) for column in range(COLUMNS)]
    seen = [frame for index, frame in enumerate(open_video(asset("motion.mp4"))) if index in times]
    dressed = lw.transfer_appearance(woman, {"upper": man})
    her, him = read_image(photo).rgb, read_image(other).rgb
    rows = [
        Row([None, *seen], "a motion, from a video (people and clip are synthetic)"),
        Row([her, *pictures(lw.imitate(woman, motion[times]))], "imitation: who is in the photo on the left does it"),
        Row([him, *pictures(lw.imitate(dressed, motion[times]))], "transfer: she does, in the jacket on the left"),
        Row([him, *pictures(lw.novel_view(man, frames=COLUMNS))], "novel views: the photo on the left, from all sides"),
    ]
    write_image(path, contact_sheet(rows, cell=CELL, crop=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("overview.jpg"))
    make(parser.parse_args().output)
