"""Turn a folder of videos into a folder of clips for training.

python datasets/footage/prepare.py VIDEOS --out DIR [--size 256] [--shard 0/4]

Detection and fitting take seconds to minutes a clip; what is finished is not done again. Videos that cannot be used are
listed at the end and in DIR/skipped.json.
"""

import argparse
import logging
from pathlib import Path

from liquidwarp.bodies import load_body
from liquidwarp.data import Analysis, prepare_footage
from liquidwarp.tasks.recover import detect_source, fit_clip


def main() -> None:
    """Prepare what this shard has to prepare."""
    parser = argparse.ArgumentParser(description="Turn a folder of videos into a folder of clips for training.")
    parser.add_argument("videos", type=Path, help="folder of videos, one person each")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--size", type=int, default=256, help="side of the stored pictures")
    parser.add_argument("--shard", default="0/1", help="i/n prepares the i-th of n parts, counted from 0")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    index, count = (int(part) for part in options.shard.split("/"))
    result = prepare_footage(options.videos, options.out, analyse, size=options.size, shard=(index, count))
    print(f"{len(result.done)} clips ready, {len(result.skipped)} skipped")
    for name, why in result.skipped.items():
        print(f"  {name}: {why}")


def analyse(path: Path) -> Analysis:
    """Find the person in a video and fit the open body to it."""
    found = detect_source(path, None, 0, True)
    assert found.masks is not None
    masks = [found.masks.frame(index).numpy() for index in range(len(found.masks))]
    return Analysis(fit_clip(load_body(), found, progress=True), masks)


if __name__ == "__main__":
    main()
