"""The terms that every fit has."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from liquidwarp.fit.evidence import Evidence
from liquidwarp.fit.landmark_terms import DirectionTerm, PictureTerm, StandingTerm
from liquidwarp.fit.pose_terms import AccelerationTerm, DistanceTerm, PosePriorTerm, SpeedTerm, motion_scales
from liquidwarp.fit.prior import PosePrior
from liquidwarp.fit.robust import GemanMcClure, PseudoHuber
from liquidwarp.fit.term import Term
from liquidwarp.fit.tuning import FitTuning, FitWeights
from liquidwarp.types import Camera


def own_terms(
    camera: Camera,
    evidence: Evidence,
    prior: PosePrior,
    place: Float[Tensor, "T 3"],
    present: Bool[Tensor, "T"],
    *,
    linked: bool,
    weights: FitWeights,
    tuning: FitTuning,
) -> list[Term]:
    """Make terms of what was seen and of how people pose and move; those with weight 0 are left out.

    Args:
        camera: the camera, at the origin of camera axes.
        evidence: what was seen.
        prior: ranges of the skeleton's joints.
        place: about where the pelvis is in each frame.
        present: which frames show the person.
        linked: whether frames follow each other in time.
        weights: how much each term counts.
        tuning: standard deviations and widths.
    """
    known = tuning.terms
    terms: list[Term] = []
    if weights.landmarks > 0:
        kernel = GemanMcClure(known.landmark_width)
        weight = evidence.weight * weights.landmarks
        terms.append(PictureTerm(camera, evidence.image, evidence.unit, weight, kernel))
    if weights.directions > 0 and len(evidence.limbs):
        across = tuning.evidence.direction_sigma
        sigma = evidence.directions.new_tensor([across, across, evidence.depth_sigma])
        weight = evidence.limb_weight * weights.directions
        huber = PseudoHuber(known.direction_width)
        terms.append(DirectionTerm(evidence.limbs, evidence.directions, sigma, weight, huber))
    if weights.pose_prior > 0:
        weight = torch.where(present, 1.0, known.absent_prior).float().to(place)
        terms.append(PosePriorTerm(prior, weight * weights.pose_prior, known.limit_sigma))
    if weights.distance > 0 and bool(present.any()):
        distance = float(place[present, 2].median())
        terms.append(DistanceTerm(distance, known.distance_sigma, weights.distance))
    if linked and weights.motion > 0:
        speed, acceleration = motion_scales(tuning.motion)
        huber = PseudoHuber(tuning.motion.width)
        terms += [SpeedTerm(speed, huber, weights.motion), AccelerationTerm(acceleration, huber, weights.motion)]
    if linked and weights.standing > 0 and len(evidence.feet):
        kernel = GemanMcClure(known.slide_width)
        terms.append(StandingTerm(evidence.feet, evidence.standing, known.slide_sigma, kernel, weights.standing))
    return terms
