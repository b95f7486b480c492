"""Measure systems on people whom no training met, as `quality` does: the same photo, motion, frames and floors."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from methods_systems import System
from methods_train import Trained
from quality_measure import FLOORS, METRICS, RecoveredClip, Result, evaluate, find_pairs, first_frame

import liquidwarp as lw

KINDS = ("synthetic", "real")
_TIMED = 4  # pictures


@dataclass(frozen=True, eq=False)
class Measured:
    """What the systems gave on one pair of clips.

    Attributes:
        kind: one of `KINDS`.
        result: of `quality`.
        ready: the systems, those that were trained on this person last.
        seconds: of the process that a picture takes each system.
    """

    kind: str
    result: Result
    ready: tuple[Trained, ...]
    seconds: dict[str, float]


def measure(
    folder: Path,
    kind: str,
    ready: Sequence[Trained],
    personal: Sequence[System],
    train: Callable[[System, str, RecoveredClip], Trained],
    options: argparse.Namespace,
) -> list[Measured]:
    """Measure on all pairs of a folder; frames are of the second half of each clip.

    Args:
        folder: with NAME_A.mp4, of which frame 0 is the photo, and NAME_random.mp4.
        kind: of people.
        ready: systems that are trained.
        personal: systems that are trained on the first half of a clip.
        train: does that.
        options: of the command line.
    """
    pairs = find_pairs(folder, options.pairs if kind == "real" else None)
    _warm_up(first_frame(pairs[0].photo_clip), ready, options.size)
    found = []
    for number, pair in enumerate(pairs):
        print(f"{kind}: {pair.name} ...", flush=True)
        clip = RecoveredClip(pair.motion_clip)
        own = [train(system, pair.name, clip) for system in personal if number < options.personal]
        both = (*ready, *own)
        result = evaluate(
            pair,
            "cross",
            clip,
            frames=options.measured,
            size=options.size,
            renderers={each.system.name: each.made for each in both},
            first=len(clip.motion) // 2 + 1,
        )
        seconds = time_alone(lw.encode_source(first_frame(pair.photo_clip)), clip.motion, both, options.size)
        found.append(Measured(kind, result, both, seconds))
    return found


def time_alone(person: lw.SourceState, motion: lw.BodyTrack, ready: Sequence[Trained], size: int) -> dict[str, float]:
    """Return the seconds of the process that one more picture takes each system.

    Pictures are made ahead by threads, so a clock on the wall would charge one system for what another one does.
    """
    seconds = {}
    for each in ready:
        spent = []
        for count in (1, 1 + _TIMED):
            start = process_time()
            for _ in lw.imitate(person, motion[:count], camera="copy", size=size, method=each.made):
                pass
            spent.append(process_time() - start)
        seconds[each.system.name] = max(0.0, spent[1] - spent[0]) / _TIMED
    return seconds


def scores(found: Sequence[Measured], kind: str, name: str) -> dict[str, list[float]]:
    """Return the measures of a system or floor over all frames of all people of a kind."""
    here = [each.result.scores[name] for each in found if each.kind == kind and name in each.result.scores]
    return {metric: [value for each in here for value in each[metric]] for metric in METRICS}


def names(found: Sequence[Measured]) -> tuple[str, ...]:
    """Return the names of all that was measured, floors last."""
    systems = dict.fromkeys(each.system.name for one in found for each in one.ready)
    return (*systems, *FLOORS)


def _warm_up(photo: object, ready: Sequence[Trained], size: int) -> None:
    """Compile what is compiled at first use, so that no system is charged for it."""
    person = lw.encode_source(photo)
    for each in ready:
        for _ in lw.imitate(person, person.track, camera="copy", size=size, method=each.made):
            pass
