"""How the camera of a clip turns and zooms, by what stands behind the person."""

from liquidwarp.camera_motion.motion import CameraKind, CameraMotion, find_fov, judge
from liquidwarp.camera_motion.tuning import CAMERA_MOTION_TUNING, CameraMotionTuning
from liquidwarp.camera_motion.watcher import BackgroundWatcher, Match, View

__all__ = [
    "CAMERA_MOTION_TUNING",
    "BackgroundWatcher",
    "CameraKind",
    "CameraMotion",
    "CameraMotionTuning",
    "Match",
    "View",
    "find_fov",
    "judge",
]
