"""A folder of numbered pictures as a clip."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from liquidwarp.errors import InputError
from liquidwarp.media.image import read_image

_ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


class PictureFolder:
    """The pictures of a folder as frames, in natural order of their names (`2.png` before `10.png`).

    Iterating reads them lazily, and again from the start each time.

    Attributes:
        path: the folder.
        fps: frames a second, as told: pictures do not say.
        size: height and width of the first picture; all others must agree.
        frame_count: exact.
        duration: seconds.
        has_sound: always False.
    """

    def __init__(self, path: str | Path, *, fps: float | int = 25.0):
        self.path = Path(path)
        self.fps = float(fps)
        self.has_sound = False
        self._files = picture_files(self.path)
        if not self._files:
            raise InputError(f"{path} is a folder without pictures; give a video or a folder of .png or .jpg frames")
        self.size = read_image(self._files[0]).size
        self.frame_count = len(self._files)
        self.duration = self.frame_count / self.fps

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        for file in self._files:
            picture = read_image(file)
            if picture.size != self.size:
                (height, width), (first_height, first_width) = picture.size, self.size
                raise InputError(
                    f"{file} is {width}x{height}, but {self._files[0].name} is {first_width}x{first_height}; "
                    "all frames of a folder must have one size"
                )
            yield picture.rgb


def picture_files(folder: Path) -> list[Path]:
    """Return the pictures in `folder` in natural order, hidden files left out."""
    files = (f for f in folder.iterdir() if f.suffix.lower() in _ENDINGS and not f.name.startswith(".") and f.is_file())
    return sorted(files, key=_natural)


def _natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    parts = re.split(r"(\d+)", path.name.lower())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts], path.name
