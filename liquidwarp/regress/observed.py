"""Landmarks of a followed person as a network sees them: along the ray to the person, whatever the camera."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.fit.evidence import trust
from liquidwarp.fit.prior import shortest_rotation
from liquidwarp.types import Camera, Keypoints

_LEAST_DEPTH = 0.05  # what is nearer, in focal lengths, is seen as if it were here


@dataclass(frozen=True, eq=False)
class Observed:
    """Landmarks in `MEDIAPIPE`'s order, seen by a camera that looks at the person's middle with a focal length of 1.

    Attributes:
        picture: where landmarks are in that camera's picture, 0 being its middle.
        weight: trust in each, 0 to 1; 0 for landmarks that the detector does not know.
        world: places as the detector guesses them, in that camera's axes, metres from the middle of the hips.
        guessed: 1 where there is a guess, else 0.
        ray: turns that camera's axes into the real camera's.
    """

    picture: Float[Tensor, "*B L 2"]
    weight: Float[Tensor, "*B L"]
    world: Float[Tensor, "*B L 3"]
    guessed: Float[Tensor, "*B 1"]
    ray: Float[Tensor, "*B 3 3"]


def look_at_person(
    flat: Float[Tensor, "*B L 2"], weight: Float[Tensor, "*B L"]
) -> tuple[Float[Tensor, "*B L 2"], Float[Tensor, "*B 3 3"]]:
    """Turn a camera of focal length 1 toward the landmarks; return what it sees, and its axes in the old ones."""
    weight = weight[..., None] + 1e-6
    middle = (flat * weight).sum(-2) / weight.sum(-2)
    toward = torch.cat([middle, torch.ones_like(middle[..., :1])], dim=-1)
    ray = shortest_rotation(toward.new_tensor([0.0, 0, 1]), toward)
    seen = torch.cat([flat, torch.ones_like(flat[..., :1])], dim=-1) @ ray
    return seen[..., :2] / seen[..., 2:].clamp_min(_LEAST_DEPTH), ray


def observe(keypoints: Keypoints, camera: Camera) -> Observed:
    """Make a clip's keypoints ready.

    Convention: a pinhole camera; only its focal length and middle matter.
    """
    slots = [MEDIAPIPE.index(name) for name in keypoints.names if name in MEDIAPIPE]
    picks = [index for index, name in enumerate(keypoints.names) if name in MEDIAPIPE]
    frames = len(keypoints.present)
    image = keypoints.image[:, picks].float()
    certain = trust(keypoints.confidence[:, picks].float() * keypoints.present[:, None], image, keypoints.size)
    flat, weight = (
        torch.zeros(frames, len(MEDIAPIPE), 2, dtype=torch.float32),
        torch.zeros(frames, len(MEDIAPIPE), dtype=torch.float32),
    )
    flat[:, slots] = camera.on_plane(image)
    weight[:, slots] = certain
    world = torch.zeros(frames, len(MEDIAPIPE), 3, dtype=torch.float32)
    if keypoints.world is not None:
        world[:, slots] = keypoints.world[:, picks].float()
    picture, ray = look_at_person(flat, weight)
    return Observed(
        picture, weight, world, torch.full((frames, 1), float(keypoints.world is not None), dtype=torch.float32), ray
    )
