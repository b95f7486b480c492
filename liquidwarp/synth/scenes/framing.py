"""Where the camera stands, and what it has in view."""

from dataclasses import dataclass

import numpy as np
import torch

from liquidwarp.synth.motion.stances import PoseSequence
from liquidwarp.synth.people.body_layers import BareBody
from liquidwarp.synth.scenes.random_scenes import Setting, random_scene
from liquidwarp.types import Camera

_HAND = 0.2  # from a wrist or the top of the neck to where a person ends, metres


@dataclass(frozen=True, eq=False)
class Shot:
    """A camera in a scene.

    Attributes:
        scene: what is seen.
        camera: level, at the world's origin; its centre is shifted instead of tilting it.
        floor: height of the floor below the camera, metres.
        distance: of the person, metres.
        across: shift of the person to the right, metres.
        blur: of the scene behind the person, pixels.
    """

    scene: Setting
    camera: Camera
    floor: float
    distance: float
    across: float
    blur: float


def choose_shot(rng: np.random.Generator, bare: BareBody, poses: PoseSequence, size: tuple[int, int]) -> Shot:
    """Choose a scene and a camera that has the person in view in all poses, or nearly so."""
    scene = random_scene(rng)
    tall, wide = _extent(bare, poses)
    height, width = size
    field = float(rng.uniform(0.45, 0.95))
    focal = max(size) / 2 / np.tan(field / 2)
    fill = float(rng.uniform(0.62, 0.93))
    distance = max(tall * focal / (fill * height), 2 * wide * focal / (0.97 * width))
    if rng.random() < 0.08:  # now and then something is cut off
        distance *= 0.8
    floor = float(np.clip(rng.normal(1.1, 0.3), 0.3, 1.7))
    middle = (floor - tall / 2) * focal / distance  # of the person, below the optical axis, pixels
    spare = max(height - tall * focal / distance, 0.0)
    center_y = height / 2 + rng.uniform(-0.3, 0.45) * spare - middle
    center_x = width * (0.5 + rng.normal() * 0.02)
    camera = Camera.create(float(focal), size, (float(center_x), float(center_y)))
    blur = float(rng.choice([0.3, 0.6, rng.uniform(0.6, 3.5)])) * height / 256
    return Shot(scene, camera, floor, float(distance), float(rng.normal() * 0.05), blur)


def _extent(bare: BareBody, poses: PoseSequence) -> tuple[float, float]:
    """Return how high and how far to the sides a person reaches, metres."""
    rest = bare.body.rest_joints(bare.betas)
    names = ("head", "left_wrist", "right_wrist", "left_elbow", "right_elbow", "left_foot", "right_foot")
    joints = [bare.body.canonical(name) for name in names]
    rotation, translation = bare.body.transforms(rest, poses.global_orient, poses.body_pose)
    places = (rotation[:, joints] @ rest[joints][..., None])[..., 0] + translation[:, joints] + poses.transl[:, None]
    standing = float(bare.mesh.rest[:, 1].max() - bare.mesh.rest[:, 1].min()) + 0.06
    high = float(-torch.quantile(places[..., 1].amin(1), 0.1)) + _HAND
    return max(0.8 * standing, high), float(places[..., 0].abs().max()) + _HAND
