"""Networks that look once at a person instead of fitting for seconds."""

from liquidwarp.recovery.regressors.clip import regress_clip
from liquidwarp.recovery.regressors.image import load_image_network, regress_pictures, save_image_network
from liquidwarp.recovery.regressors.image_network import ImageNetwork
from liquidwarp.recovery.regressors.landmark_network import LandmarkNetwork
from liquidwarp.recovery.regressors.landmarks import (
    load_landmark_network,
    regress_landmarks,
    save_landmark_network,
    with_places,
)
from liquidwarp.recovery.regressors.live import LiveRegressor
from liquidwarp.recovery.regressors.noise import Detected, simulate_detector
from liquidwarp.recovery.regressors.protocol import BodyPieces, Regressor, from_smpl_axes, place_by_weak_perspective
from liquidwarp.recovery.regressors.published import PUBLISHED_REGRESSORS, PublishedRegressor, load_regressor

__all__ = [
    "PUBLISHED_REGRESSORS",
    "BodyPieces",
    "Detected",
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
    "simulate_detector",
    "with_places",
]
