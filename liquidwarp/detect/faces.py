"""Faces without bodies: found in pictures and followed through clips."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from liquidwarp.console import progress_bar
from liquidwarp.detect.details import Face
from liquidwarp.detect.light import brightened
from liquidwarp.detect.litert.face import FaceNetworks
from liquidwarp.detect.tuning import LITERT_TUNING, FaceTuning
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.parallel import prefetch


class FaceDetector:
    """Finds faces and their meshes, with or without bodies.

    Args:
        models: folder to look for the model files first.
        tuning: when a face is large enough, and sure enough.

    Examples:
        >>> from liquidwarp.demo import asset
        >>> from liquidwarp.detect import FaceDetector
        >>> from liquidwarp.media import read_image
        >>> [face.points.shape for face in FaceDetector().detect(read_image(asset("woman_stripes.jpg")).rgb)]
        [(468, 3)]
    """

    def __init__(self, *, models: str | Path | None = None, tuning: FaceTuning = LITERT_TUNING.face) -> None:
        self._networks = FaceNetworks(models, tuning)

    def detect(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Face]:
        """Return the faces of an RGB picture, the largest first."""
        return self._networks.find_all(brightened(frame))

    def pick(self, frame: UInt8[np.ndarray, "H W 3"], number: int = 0, *, source: str = "the picture") -> Face:
        """Return one face of an RGB picture.

        Args:
            frame: the picture.
            number: which, 0 is the largest.
            source: what messages call the picture.

        Raises:
            NoPersonError: there is none.
            InputError: there are not so many.
        """
        faces = self.detect(frame)
        if not faces:
            raise NoPersonError(
                f"no face found in {source}; give one that shows a face from the front, 40 pixels wide or more, "
                "without a mask or a hand before it"
            )
        return _numbered(faces, number, source)

    def follow(
        self,
        frames: Iterable[UInt8[np.ndarray, "H W 3"]],
        number: int = 0,
        *,
        progress: bool = False,
        total: int | None = None,
        source: str = "the frames",
    ) -> tuple[Face | None, ...]:
        """Return one face in every frame of a clip; None where it is not seen.

        Args:
            frames: RGB pictures of one size, read once.
            number: which face of the first frame that shows any, 0 is the largest.
            progress: show a progress bar.
            total: number of frames, for the progress bar.
            source: what messages call the clip.

        Raises:
            NoPersonError: no frame shows a face.
            InputError: there are not so many.
        """
        found: list[Face | None] = []
        last: Face | None = None
        with (
            closing(prefetch(frames)) as read,
            progress_bar(read, desc="faces", total=total, shown=progress, unit="frame") as bar,
        ):
            for frame in bar:
                lit = brightened(frame)
                if last is not None:
                    face = self._networks.follow(lit, last)
                else:
                    faces = self._networks.find_all(lit)
                    face = _numbered(faces, number, source) if faces else None
                last = face or last
                found.append(face)
        if last is None:
            raise NoPersonError(f"{source}: no frame shows a face; give a clip of somebody who looks at the camera")
        return tuple(found)


def _numbered(faces: list[Face], number: int, source: str) -> Face:
    if number >= len(faces):
        which = f"0 to {len(faces) - 1}" if len(faces) > 1 else "0"
        raise InputError(
            f"{source}: there is no face {number}, only {len(faces)} found; choose --person {which} (in a motion "
            "--motion-person)"
        )
    return faces[number]
