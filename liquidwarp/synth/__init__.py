"""Synthetic people: clips of clothed people who do not exist, made from the open body by code alone."""

from liquidwarp.synth.clips import render_clip, synthetic_clip
from liquidwarp.synth.dataset import SyntheticClips
from liquidwarp.synth.ground_truth import SurfaceTruth
from liquidwarp.synth.keypoint_samples import MOVING_KINDS, moving_person, simulate_keypoints
from liquidwarp.synth.motion.animation import animate
from liquidwarp.synth.motion.generators import random_motion
from liquidwarp.synth.people.body_layers import BareBody
from liquidwarp.synth.people.random_people import random_appearance

__all__ = [
    "MOVING_KINDS",
    "BareBody",
    "SurfaceTruth",
    "SyntheticClips",
    "animate",
    "moving_person",
    "random_appearance",
    "random_motion",
    "render_clip",
    "simulate_keypoints",
    "synthetic_clip",
]
