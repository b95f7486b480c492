"""The variants on real clips: frame 0 of one clip put into the motion of another."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ablation_measure import Result, measures
from ablation_trained import Trained
from PIL import Image

import liquidwarp as lw
from liquidwarp.detect import detect_clip
from liquidwarp.media import open_video, to_uint8
from liquidwarp.methods import LiquidMethod


def find_pairs(folder: Path, names: Sequence[str] | None) -> list[tuple[Path, Path]]:
    """Return the pairs NAME_A.mp4 and NAME_random.mp4 of a folder, by name.

    Raises:
        InputError: there is none, or one that was asked for is missing.
    """
    found = {path.name.removesuffix("_A.mp4"): path for path in sorted(folder.glob("*_A.mp4"))}
    both = {name: (path, path.with_name(f"{name}_random.mp4")) for name, path in found.items()}
    both = {name: pair for name, pair in both.items() if pair[1].exists()}
    missing = [name for name in names or () if name not in both]
    if missing or not both:
        name = missing[0] if missing else "NAME"
        raise lw.InputError(f"{folder}: no pair {name}_A.mp4, {name}_random.mp4; give the folder of clips by --data")
    return [both[name] for name in names or both]


def measure_real(trained: Sequence[Trained], results: Sequence[Result], options: argparse.Namespace) -> None:
    """Add scores and tiles of real clips to the results of the trained variants and of the copying floor."""
    by_run = {(result.method, result.seed): result for result in results}
    for photo_clip, motion_clip in find_pairs(options.data, options.pairs):
        print(f"{motion_clip.stem} ...", flush=True)
        photo = next(iter(open_video(photo_clip)))
        clip = open_video(motion_clip)
        found = detect_clip(iter(clip), fps=clip.fps, size=clip.size, source=str(motion_clip))
        motion, person = lw.recover(found), lw.encode_source(photo)
        scored = np.linspace(0, len(motion) - 1, options.real_frames + 1).round().astype(int)[1:].tolist()
        frames = {index: frame for index, frame in enumerate(clip) if index in scored}
        assert found.masks is not None
        answers = {
            (each.variant, each.seed): list(
                lw.imitate(
                    person,
                    motion[scored],
                    camera="copy",
                    size=options.size,
                    method=LiquidMethod(each.generator),
                )
            )
            for each in trained
        }
        for place, index in enumerate(scored):
            shape = tuple(next(iter(answers.values()))[place].alpha.shape)
            real, mask = _resized(frames[index], shape), found.masks.frame(index, shape).numpy() > 0.5
            copied = _resized(photo, shape)
            floor = by_run["copy the photo", None]
            floor.add("real", measures(copied, _resized(person.alpha, shape) > 0.5, real, mask))
            shown = place == len(scored) // 2
            if shown:
                floor.show("real", motion_clip.stem, {"photo": copied, "truth": real})
            for run, made in answers.items():
                picture = to_uint8(made[place].image)
                by_run[run].add("real", measures(picture, made[place].alpha.numpy() > 0.5, real, mask))
                if shown:
                    by_run[run].show("real", motion_clip.stem, {run[0]: picture})


def _resized(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))
