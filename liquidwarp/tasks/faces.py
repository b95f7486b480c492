"""Faces in motion, for tasks that let a person move."""

import logging

import numpy as np
from jaxtyping import Float

from liquidwarp.face import FaceMotionTuning, read_expressions
from liquidwarp.face.tuning import FACE_MOTION_TUNING
from liquidwarp.person import SourceState, find_face
from liquidwarp.types import BodyTrack

FACES = ("move", "still")

_log = logging.getLogger(__name__)


def move_face(
    person: SourceState, motion: BodyTrack, *, tuning: FaceMotionTuning = FACE_MOTION_TUNING
) -> Float[np.ndarray, "T M 3"] | None:
    """Return where the points of the person's face are in its photo during a motion; None where it stays still.

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
    return np.stack([found.face.carried(moves, index, tuning=tuning) for index in range(len(moves))])
