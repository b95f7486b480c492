"""The demo: imitate, transfer an outfit and walk around, with the synthetic people that come with the package."""

from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from liquidwarp.devices import find_device
from liquidwarp.files import check_writable
from liquidwarp.media import open_video, read_image, to_uint8, write_image
from liquidwarp.tasks import (
    Synthesis,
    encode_source,
    imitate,
    novel_view,
    recover,
    transfer_appearance,
    write_video,
)
from liquidwarp.viz import Row, contact_sheet

PEOPLE = ("woman_stripes", "man_jacket", "woman_checks")
"""Names of the people whose pictures come with the package."""

_VIEWS = 90
_COLUMNS = 8
_SOURCES = 2  # most pictures that a row was made from
_CELL = (240, 192)  # height and width of a picture on the contact sheet

Frame = UInt8[np.ndarray, "H W 3"]


def asset(name: str) -> Path:
    """Return the path of a file that comes with the demo: `woman_stripes.jpg`, `motion.mp4`, ..."""
    return Path(str(resources.files("liquidwarp") / "demo_assets" / name))


def run_demo(
    output: str | Path, *, size: int | None = None, device: str | torch.device | None = None, progress: bool = False
) -> list[Path]:
    """Run the main jobs on the people and the motion that come with the package.

    Args:
        output: folder to write to; it is made if it does not exist.
        size: longer side of the videos; by default the pictures' own (640).
        device: where the pictures are made, see `tasks.synthesize`.
        progress: show progress bars and say what happens.

    Returns:
        The files written: imitation, transfer and orbit as videos, and a contact sheet of everything.

    Raises:
        InputError: a device that is not there.
        OutputError: the folder cannot be written to.
    """
    where = None if device is None else find_device(device)
    folder = Path(output)
    paths = [folder / name for name in ("imitate.mp4", "transfer.mp4", "view.mp4", "contact_sheet.png")]
    for path in paths:
        check_writable(path)
    tell = print if progress else _silent
    tell("recovering the motion of motion.mp4")
    motion = recover(asset("motion.mp4"), progress=progress)
    times = _spread(len(motion))
    people = {}
    for name in PEOPLE:
        tell(f"encoding {name}.jpg")
        people[name] = encode_source(asset(f"{name}.jpg"))
    photos = {name: read_image(asset(f"{name}.jpg")).rgb for name in PEOPLE}
    woman, man, other = (people[name] for name in PEOPLE)

    def film(frames: Iterator[Synthesis], path: Path, total: int, fps: float) -> list[Frame]:
        tell(f"writing {path}")
        picked: list[Frame] = []
        seen = _keep(frames, _spread(total), picked)
        write_video(seen, path, fps=fps, total=total, progress=progress)
        return picked

    reference = _pick(open_video(asset("motion.mp4")), times)
    dressed = transfer_appearance(woman, {"upper": man})
    imitation = film(imitate(woman, motion, size=size, device=where), paths[0], len(motion), motion.fps)
    wearing = film(imitate(dressed, motion, size=size, device=where), paths[1], len(motion), motion.fps)
    orbit = film(novel_view(man, frames=_VIEWS, size=size, device=where), paths[2], _VIEWS, 25.0)
    second = [to_uint8(frame.image) for frame in imitate(other, motion[times], size=size, device=where)]
    sheet = [
        _row("the motion, recovered from video", [], reference),
        _row("imitation: one photo does the motion", [photos[PEOPLE[0]]], imitation),
        _row("imitation, somebody else", [photos[PEOPLE[2]]], second),
        _row("transfer: her, in his jacket", [photos[PEOPLE[0]], photos[PEOPLE[1]]], wearing),
        _row("novel views, from one photo", [photos[PEOPLE[1]]], orbit),
    ]
    tell(f"writing {paths[3]}")
    write_image(paths[3], contact_sheet(sheet, cell=_CELL, crop=True))
    return paths


def _row(caption: str, sources: Sequence[np.ndarray], frames: Sequence[np.ndarray]) -> Row:
    """Return a row of the contact sheet: the pictures it was made from, and beside them frames of the result."""
    return Row([*sources, *[None] * (_SOURCES - len(sources)), *frames], caption)


def _spread(total: int) -> list[int]:
    """Return evenly spaced frame numbers, one for each column of the contact sheet."""
    return [round((column + 0.5) * total / _COLUMNS) for column in range(_COLUMNS)]


def _keep(frames: Iterable[Synthesis], numbers: Sequence[int], into: list[Frame]) -> Iterator[Synthesis]:
    """Pass frames on, and keep some of them."""
    for number, frame in enumerate(frames):
        if number in numbers:
            into.append(to_uint8(frame.image))
        yield frame


def _pick(frames: Iterable[Frame], numbers: Sequence[int]) -> list[Frame]:
    return [frame for number, frame in enumerate(frames) if number in numbers]


def _silent(text: str) -> None:
    """Say nothing."""
