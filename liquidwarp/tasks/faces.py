"""Faces in motion, for tasks that let a person move."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from liquidwarp.face import Expressions, FaceMotionTuning, PhotoFace, read_expressions
from liquidwarp.face.tuning import FACE_MOTION_TUNING
from liquidwarp.person import SourceState, find_face
from liquidwarp.types import BodyTrack

FACES = ("move", "still")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class MovingFace:
    """A face of a photo in T frames; where its points are is worked out when somebody asks.

    Attributes:
        face: of the photo.
        moves: of the driver.
        frames: which of the driver's frames each is.
        tuning: the numbers of carrying one over to the other.
    """

    face: PhotoFace
    moves: Expressions
    frames: Int[np.ndarray, "T"]
    tuning: FaceMotionTuning = FACE_MOTION_TUNING

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, frames: Sequence[int]) -> "MovingFace":
        """Return some frames, in their order."""
        return replace(self, frames=self.frames[list(frames)])

    def vertices(self, frame: int) -> Float[np.ndarray, "M 3"]:
        """Return where the points are in a frame, pixels of the photo (`face.PhotoFace.carried`)."""
        return self.face.carried(self.moves, int(self.frames[frame]), tuning=self.tuning)


def move_face(
    person: SourceState, motion: BodyTrack, *, tuning: FaceMotionTuning = FACE_MOTION_TUNING
) -> MovingFace | None:
    """Return how the person's face moves in its photo during a motion; None where it stays still.

    It moves where the photo shows it about from the front, and the motion knows a face (`BodyTrack.face`): 20 pixels
    wide or more in both. What is in the way is said once.

    Args:
        person: whose face it is.
        motion: of the driver; motions from other files than ours know no faces.
        tuning: the numbers.
    """
    if motion.face is None:
        return None
    moves = read_expressions(motion.face, fps=motion.fps, cuts=motion.cuts, tuning=tuning)
    if moves is None:
        _log.info("the motion's face is too small, or turned away; the face stays still")
        return None
    found = find_face(person, tuning=tuning)
    if found is None:
        _log.warning(
            "the person's photo shows no face from about the front, 20 pixels wide and without a mask; it stays still"
        )
        return None
    return MovingFace(found.face, moves, np.arange(len(moves)), tuning)
