"""Measure systems on people whom no training met, as `quality` does: the same photo, motion, frames and floors."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from methods_systems import System
from methods_train import Trained
from quality_measure import FLOORS, METRICS, RecoveredClip, Result, evaluate, find_pairs, first_frame

import liquidwarp as lw

KINDS = ("synthetic", "real")


@dataclass(frozen=True, eq=False)
class Measured:
    """What the systems gave on one pair of clips.

    Attributes:
        kind: one of `KINDS`.
        result: of `quality`.
        ready: the systems, those that were trained on this person last.
    """

    kind: str
    result: Result
    ready: tuple[Trained, ...]

    def seconds(self, name: str) -> float | None:
        """Return the seconds that a picture takes a system; None if it made none."""
        stage = f"render {name}"
        frames = self.result.frames.get(stage, 0)
        return self.result.seconds[stage] / frames if frames else None


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
        found.append(Measured(kind, result, both))
    return found


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
