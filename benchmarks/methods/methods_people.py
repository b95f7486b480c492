"""Synthetic people to learn from, and others to be measured on; made once and kept."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from liquidwarp.bodies import load_body
from liquidwarp.data import roughen, save_clip
from liquidwarp.media import write_video
from liquidwarp.synth import synthetic_clip

_SET = 97  # number of this data set, so that no other use of the engine meets the same people
_HELD_OUT = 1_000_000  # number of the first held-out person
_FPS = 24.0
_KINDS = ("walk", "dance", "reach", "dance")


def training_clips(options: argparse.Namespace) -> Path:
    """Make the clips that all learn from, with bodies as roughly known as recovery knows them; return their folder."""
    folder = options.output / "people" / "training"
    for number in range(options.clips):
        place = folder / f"person{number:04d}"
        if (place / "clip.json").exists():  # written last
            continue
        clip = synthetic_clip((_SET, number), options.frames, _sides(options.source_size), truth=False)
        rough = roughen(load_body(clip.track.body), clip.track, np.random.default_rng((_SET, number)))
        save_clip(replace(clip, track=rough), place)
    return folder


def held_out_pairs(options: argparse.Namespace) -> Path:
    """Make NAME_A.mp4 and NAME_random.mp4 of people whom no training meets, as `quality` reads them."""
    folder = options.output / "people" / "held_out"
    for number in range(options.held_out):
        one = _HELD_OUT + number
        for name, kind, count in (("A", "turn", 2), ("random", _KINDS[number % len(_KINDS)], options.held_out_frames)):
            path = folder / f"synthetic{number}_{name}.mp4"
            if path.exists():
                continue
            size = _sides(options.source_size)
            clip = synthetic_clip((_SET, one), count, size, kind=kind, fps=_FPS, truth=False)  # one camera and light
            write_video((clip.images[frame] for frame in range(count)), path, fps=_FPS, crf=12)
    return folder


def _sides(side: int) -> tuple[int, int]:
    return side, side
