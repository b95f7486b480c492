"""Keypoints and masks to a body track: skeleton, terms, solver, start, masks, feet, filters."""

from liquidwarp.fit.autodiff import BodyPoints, autodiff_term
from liquidwarp.fit.close_looks import close_terms, face_track, without_seen_hands
from liquidwarp.fit.contacts import find_stands, foot_points
from liquidwarp.fit.fingers import fit_hands
from liquidwarp.fit.foot_lock import plant_feet
from liquidwarp.fit.hidden_legs import hang_legs, stand_still
from liquidwarp.fit.keep_apart import arm_depths, keep_apart
from liquidwarp.fit.limbs import LIMBS, smooth_limbs
from liquidwarp.fit.masks import refine_with_masks
from liquidwarp.fit.moving_camera import SteadyView, hold_still
from liquidwarp.fit.robust import GemanMcClure, Kernel, PseudoHuber, Quadratic
from liquidwarp.fit.surface_points import SurfaceTerm, TrackedPoints
from liquidwarp.fit.term import Term, Window
from liquidwarp.fit.track import FitResult, fit_track
from liquidwarp.fit.tuning import (
    ApartTuning,
    CloseTuning,
    ContactTuning,
    EvidenceTuning,
    FingerTuning,
    FitTuning,
    FitWeights,
    FootLockTuning,
    LimbTuning,
    MotionTuning,
    MovingTuning,
    OutlineTuning,
    PriorTuning,
    SolverTuning,
    StartTuning,
    SteadyTuning,
    SurfaceTuning,
    TermTuning,
    ViewpointTuning,
)
from liquidwarp.fit.viewpoint import find_camera, upright_camera

__all__ = [
    "LIMBS",
    "ApartTuning",
    "BodyPoints",
    "CloseTuning",
    "ContactTuning",
    "EvidenceTuning",
    "FingerTuning",
    "FitResult",
    "FitTuning",
    "FitWeights",
    "FootLockTuning",
    "GemanMcClure",
    "Kernel",
    "LimbTuning",
    "MotionTuning",
    "MovingTuning",
    "OutlineTuning",
    "PriorTuning",
    "PseudoHuber",
    "Quadratic",
    "SolverTuning",
    "StartTuning",
    "SteadyTuning",
    "SteadyView",
    "SurfaceTerm",
    "SurfaceTuning",
    "Term",
    "TermTuning",
    "TrackedPoints",
    "ViewpointTuning",
    "Window",
    "arm_depths",
    "autodiff_term",
    "close_terms",
    "face_track",
    "find_camera",
    "find_stands",
    "fit_hands",
    "fit_track",
    "foot_points",
    "hang_legs",
    "hold_still",
    "keep_apart",
    "plant_feet",
    "refine_with_masks",
    "smooth_limbs",
    "stand_still",
    "upright_camera",
    "without_seen_hands",
]
