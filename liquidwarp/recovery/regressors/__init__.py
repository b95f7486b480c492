"""Networks that look once at a person instead of fitting for seconds."""

from liquidwarp.recovery.regressors.clip import regress_clip
from liquidwarp.recovery.regressors.protocol import BodyPieces, Regressor, from_smpl_axes, place_by_weak_perspective
from liquidwarp.recovery.regressors.published import PUBLISHED_REGRESSORS, PublishedRegressor, load_regressor

__all__ = [
    "PUBLISHED_REGRESSORS",
    "BodyPieces",
    "PublishedRegressor",
    "Regressor",
    "from_smpl_axes",
    "load_regressor",
    "place_by_weak_perspective",
    "regress_clip",
]
