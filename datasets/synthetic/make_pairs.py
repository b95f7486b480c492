"""Make training pairs for the compact generator from synthetic people.

    python datasets/synthetic/make_pairs.py --clips 400 [--first 0] [--frames 20] [--shard 0/2] -o outputs/pairs

Each clip shows somebody who does not exist; it goes through the whole product (detection, fit, clothes, background,
surface renderer) and is written as one file of pairs. Files that are there already are kept, so a stopped run goes on;
several processes with different --shard share the work. The same clip number gives the same file.
"""

import argparse
import logging
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

import liquidwarp as lw
from liquidwarp.geometry import axis_angle_to_matrix
from liquidwarp.synth import synthetic_clip
from liquidwarp.train.pairs import make_pairs

SIZES = (256, 320, 384, 512)
SHARES = (0.55, 0.2, 0.17, 0.08)  # of the clips; smaller ones are made faster
SET = 71  # number of this data set, so that no other use of the engine meets the same people


def main(arguments: list[str] | None = None) -> int:
    """Make the pairs; 0 when done."""
    options = parse(arguments)
    own = range(options.first + options.shard[0], options.first + options.clips, options.shard[1])
    lost = 0
    for number in tqdm(own, unit="clip"):
        path = options.output / f"clip{number:06d}.safetensors"
        if not path.exists():
            lost += not write(number, options.frames, path)
    print(f"{len(own) - lost} clips in {options.output}, {lost} left out because nobody was found in them")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=400, help="how many clips over all shards")
    parser.add_argument("--first", type=int, default=0, help="number of the first clip")
    parser.add_argument("--frames", type=int, default=20, help="frames of each clip")
    parser.add_argument("--shard", type=shard, default=(0, 1), help="i/n: this process makes every n-th clip from i")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/pairs"))
    return parser.parse_args(arguments)


def shard(text: str) -> tuple[int, int]:
    """Read i/n."""
    index, _, count = text.partition("/")
    if not (index.isdigit() and count.isdigit() and int(index) < int(count)):
        raise argparse.ArgumentTypeError("give i/n with i < n, such as 0/2")
    return int(index), int(count)


def write(number: int, frames: int, path: Path) -> bool:
    """Make the pairs of one clip; False if the detector finds nobody in it."""
    rng = np.random.default_rng((SET, number))
    size = int(rng.choice(SIZES, p=SHARES))
    clip = synthetic_clip((SET, number), frames, (size, size))
    facing = axis_angle_to_matrix(clip.track.global_orient)[:, 2, 2].abs().numpy()
    photo = 0 if rng.random() < 0.5 else int(rng.choice(np.argsort(-facing)[: max(1, frames // 2)]))
    try:
        pairs = make_pairs(clip.images, clip.alphas.astype(np.float32) / 255, photo=photo, fps=max(clip.track.fps, 1.0))
    except lw.NoPersonError:
        return False
    pairs.save(path)
    return True


if __name__ == "__main__":
    logging.getLogger("liquidwarp").setLevel(logging.ERROR)
    sys.exit(main())
