"""Frozen values that cross rooms."""

from liquidwarp.types.camera import Camera
from liquidwarp.types.clip import Clip, Frames, Truth
from liquidwarp.types.face import FACE_POINTS, FaceTrack
from liquidwarp.types.keypoints import Keypoints
from liquidwarp.types.path import CameraPath
from liquidwarp.types.pose import Pose
from liquidwarp.types.profile import DetectorProfile
from liquidwarp.types.render import Flow, Fragments
from liquidwarp.types.shots import cuts_among, shots_of
from liquidwarp.types.track import BodyTrack

__all__ = [
    "FACE_POINTS",
    "BodyTrack",
    "Camera",
    "CameraPath",
    "Clip",
    "DetectorProfile",
    "FaceTrack",
    "Flow",
    "Fragments",
    "Frames",
    "Keypoints",
    "Pose",
    "Truth",
    "cuts_among",
    "shots_of",
]
