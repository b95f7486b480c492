"""Make the moving picture of the README from the synthetic people that come with the package.

python docs/pictures/moving.py [-o docs/pictures/moving.webp]
"""

import argparse
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

import liquidwarp as lw
from liquidwarp.demo import asset
from liquidwarp.files import atomic_path
from liquidwarp.media import open_video, provenance_text, read_image, to_uint8
from liquidwarp.media.provenance import xmp_packet

HEIGHT = 240
STEP = 2  # every other frame of the clip
QUALITY = 60
GAP = 4  # pixels between pictures
KEPT = slice(16, -16)  # of a picture's width: people are in the middle


def panel(pictures: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Return pictures at the size of a panel."""
    shrunk = []
    for picture in pictures:
        height, width = picture.shape[:2]
        small = Image.fromarray(picture).resize((round(width * HEIGHT / height), HEIGHT), Image.Resampling.LANCZOS)
        shrunk.append(np.pad(np.asarray(small)[:, KEPT], ((0, 0), (0, GAP), (0, 0)), constant_values=255))
    return shrunk


def made(frames: Iterable[lw.Synthesis]) -> list[np.ndarray]:
    """Return frames of ours at the size of a panel."""
    return panel(to_uint8(frame.image) for frame in frames)


def make(path: Path) -> None:
    """Write photo, clip, imitation, imitation in another's jacket, and a turn, side by side."""
    photo, other = asset("woman_stripes.jpg"), asset("man_jacket.jpg")
    woman, man = lw.encode_source(photo), lw.encode_source(other)
    motion = lw.recover(asset("motion.mp4"))[::STEP]
    total = len(motion)
    panels = [
        panel([read_image(photo).rgb]) * total,
        panel(islice(open_video(asset("motion.mp4")), 0, None, STEP)),
        made(lw.imitate(woman, motion)),
        made(lw.imitate(lw.transfer_appearance(woman, {"upper": man}), motion)),
        made(lw.novel_view(man, frames=total)),
    ]
    frames = [Image.fromarray(np.concatenate(row, axis=1)[:, :-GAP]) for row in zip(*panels, strict=True)]
    first, *rest = frames
    with atomic_path(path) as partial:
        first.save(
            partial,
            "WEBP",
            save_all=True,
            append_images=rest,
            duration=round(1000 * STEP / 25),
            loop=0,
            quality=QUALITY,
            method=6,
            xmp=xmp_packet(provenance_text()),
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("moving.webp"))
    make(parser.parse_args().output)
