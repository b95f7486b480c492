"""From frames to a body track: detectors, matting, fitting."""

from liquidwarp.recovery.contacts import find_stands, foot_points
from liquidwarp.recovery.detector import Detection, Detector, FollowingDetector
from liquidwarp.recovery.fast_mask import refine_mask_fast
from liquidwarp.recovery.fit import FitResult, fit_track
from liquidwarp.recovery.fit_masks import refine_with_masks
from liquidwarp.recovery.foreground import foreground_colors
from liquidwarp.recovery.masks import MaskStack
from liquidwarp.recovery.matte import refine_matte
from liquidwarp.recovery.mediapipe_detector import MediaPipeDetector
from liquidwarp.recovery.people import (
    ClipDetection,
    ClipFollower,
    collect_keypoints,
    describe_gaps,
    detect_clip,
    detect_people,
)
from liquidwarp.recovery.plant import plant_feet
from liquidwarp.recovery.readers import read_coco_keypoints, read_openpose

__all__ = [
    "ClipDetection",
    "ClipFollower",
    "Detection",
    "Detector",
    "FitResult",
    "FollowingDetector",
    "MaskStack",
    "MediaPipeDetector",
    "collect_keypoints",
    "describe_gaps",
    "detect_clip",
    "detect_people",
    "find_stands",
    "fit_track",
    "foot_points",
    "foreground_colors",
    "plant_feet",
    "read_coco_keypoints",
    "read_openpose",
    "refine_mask_fast",
    "refine_matte",
    "refine_with_masks",
]
