"""Faces in motion: what a driver's face does, carried to the face of a photo."""

from liquidwarp.face.lids import eyes_closed
from liquidwarp.face.motion import Expressions, read_expressions
from liquidwarp.face.paint import FacePainter
from liquidwarp.face.photo import PhotoFace, mouth_is_covered
from liquidwarp.face.shape import HeadFrame
from liquidwarp.face.tuning import FaceMotionTuning, FacePaintTuning

__all__ = [
    "Expressions",
    "FaceMotionTuning",
    "FacePaintTuning",
    "FacePainter",
    "HeadFrame",
    "PhotoFace",
    "eyes_closed",
    "mouth_is_covered",
    "read_expressions",
]
