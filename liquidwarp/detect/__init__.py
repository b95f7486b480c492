"""Frames to keypoints and masks of one person: detectors, following, readers of other programs' files."""

from liquidwarp.detect.details import Face, Hand, Hands
from liquidwarp.detect.faces import FaceDetector
from liquidwarp.detect.following import (
    ClipDetection,
    ClipFollower,
    collect_keypoints,
    default_detector,
    describe_gaps,
    detect_clip,
    detect_people,
)
from liquidwarp.detect.hidden_legs import legs_shown, shots_without_legs
from liquidwarp.detect.litert.detector import LiteRtDetector
from liquidwarp.detect.masks import MaskStack
from liquidwarp.detect.mediapipe_detector import MediaPipeDetector
from liquidwarp.detect.profiles import MEDIAPIPE_PROFILE, profile_of
from liquidwarp.detect.protocol import Detection, Detector, FollowingDetector
from liquidwarp.detect.readers import read_coco_keypoints, read_openpose
from liquidwarp.detect.sides import put_sides_right
from liquidwarp.detect.tuning import FollowTuning, LiteRtTuning, MediaPipeTuning

__all__ = [
    "MEDIAPIPE_PROFILE",
    "ClipDetection",
    "ClipFollower",
    "Detection",
    "Detector",
    "Face",
    "FaceDetector",
    "FollowTuning",
    "FollowingDetector",
    "Hand",
    "Hands",
    "LiteRtDetector",
    "LiteRtTuning",
    "MaskStack",
    "MediaPipeDetector",
    "MediaPipeTuning",
    "collect_keypoints",
    "default_detector",
    "describe_gaps",
    "detect_clip",
    "detect_people",
    "legs_shown",
    "profile_of",
    "put_sides_right",
    "read_coco_keypoints",
    "read_openpose",
    "shots_without_legs",
]
