"""Keypoints and masks to a body track: skeleton, terms, solver, start, masks, feet, filters."""

from liquidwarp.fit.autodiff import BodyPoints, autodiff_term
from liquidwarp.fit.contacts import find_stands, foot_points
from liquidwarp.fit.foot_lock import plant_feet
from liquidwarp.fit.hidden_legs import hang_legs, stand_still
from liquidwarp.fit.masks import refine_with_masks
from liquidwarp.fit.robust import GemanMcClure, Kernel, PseudoHuber, Quadratic
from liquidwarp.fit.term import Term, Window
from liquidwarp.fit.track import FitResult, fit_track
from liquidwarp.fit.tuning import (
    ContactTuning,
    EvidenceTuning,
    FitTuning,
    FitWeights,
    FootLockTuning,
    MotionTuning,
    OutlineTuning,
    PriorTuning,
    SolverTuning,
    StartTuning,
    SteadyTuning,
    TermTuning,
)

__all__ = [
    "BodyPoints",
    "ContactTuning",
    "EvidenceTuning",
    "FitResult",
    "FitTuning",
    "FitWeights",
    "FootLockTuning",
    "GemanMcClure",
    "Kernel",
    "MotionTuning",
    "OutlineTuning",
    "PriorTuning",
    "PseudoHuber",
    "Quadratic",
    "SolverTuning",
    "StartTuning",
    "SteadyTuning",
    "Term",
    "TermTuning",
    "Window",
    "autodiff_term",
    "find_stands",
    "fit_track",
    "foot_points",
    "hang_legs",
    "plant_feet",
    "refine_with_masks",
    "stand_still",
]
