"""Networks that look once at a person instead of fitting for seconds."""

from liquidwarp.regress.clip import regress_clip
from liquidwarp.regress.image import load_image_network, regress_pictures, save_image_network
from liquidwarp.regress.image_network import ImageNetwork
from liquidwarp.regress.landmark_network import LandmarkNetwork
from liquidwarp.regress.landmarks import (
    load_landmark_network,
    regress_landmarks,
    save_landmark_network,
    see_in_space,
    with_places,
)
from liquidwarp.regress.live import LiveRegressor
from liquidwarp.regress.pose_noise import Detected, DetectorNoise, simulate_detector
from liquidwarp.regress.protocol import BodyPieces, Regressor, from_smpl_axes, place_by_weak_perspective
from liquidwarp.regress.published import PUBLISHED_REGRESSORS, PublishedRegressor, load_regressor

__all__ = [
    "PUBLISHED_REGRESSORS",
    "BodyPieces",
    "Detected",
    "DetectorNoise",
    "ImageNetwork",
    "LandmarkNetwork",
    "LiveRegressor",
    "PublishedRegressor",
    "Regressor",
    "from_smpl_axes",
    "load_image_network",
    "load_landmark_network",
    "load_regressor",
    "place_by_weak_perspective",
    "regress_clip",
    "regress_landmarks",
    "regress_pictures",
    "save_image_network",
    "save_landmark_network",
    "see_in_space",
    "simulate_detector",
    "with_places",
]
