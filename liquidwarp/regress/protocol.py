"""What a network that looks once at a person has to offer, and help in putting one behind it."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies import BodyModel
from liquidwarp.fit.prior import shortest_rotation
from liquidwarp.geometry import distance_of_length
from liquidwarp.types import Camera

HALF_TURN = (1.0, -1.0, -1.0)
"""Diagonal that takes SMPL's axes at rest (+Y up, +Z to the front) to ours, and back."""

_SMPL_PELVIS = (0.0, -0.22, 0.03)  # metres: about where it is on SMPL's mean body at rest
_LEAST_SCALE = 1e-3  # a weak perspective below it is no answer


@dataclass(frozen=True, eq=False)
class BodyPieces:
    """One body per crop.

    Convention: camera axes (+X right, +Y down, +Z away), metres. A person at rest stands along -Y and faces -Z;
    `rotations[:, 0]` turns the body into the camera's axes, the others turn joints against their parents, about axes
    parallel to the world's at rest.

    Attributes:
        rotations: of the 22 canonical joints.
        place: of the pelvis, before the camera.
        betas: shape coefficients of `Regressor.body`; None if the network knows nothing of the shape.
    """

    rotations: Float[Tensor, "B J 3 3"]
    place: Float[Tensor, "B 3"]
    betas: Float[Tensor, "B K"] | None


@runtime_checkable
class Regressor(Protocol):
    """A network that answers a body for a crop of a picture.

    Attributes:
        name: of the network, for the track.
        body: whose resting pose and shape coefficients the answers are for; None for SMPL's where it is not at hand.
        side: width and height of a crop in pixels.
        enlarge: side of the square that is cropped, in longer sides of the box around the person's landmarks.
    """

    name: str
    body: BodyModel | None
    side: int
    enlarge: float

    def regress(self, crops: Float[Tensor, "B 3 S S"], boxes: Float[Tensor, "B 3"], camera: Camera) -> BodyPieces:
        """Answer a body per crop.

        Args:
            crops: RGB in [0, 1].
            boxes: where the crops were in the picture: left, top and side in pixels.
            camera: of the whole picture, at the world's origin.
        """
        ...


def place_by_weak_perspective(
    weak: Float[Tensor, "B 3"], rotations: Float[Tensor, "B J 3 3"], boxes: Float[Tensor, "B 3"], camera: Camera
) -> tuple[Float[Tensor, "B J 3 3"], Float[Tensor, "B 3"]]:
    """Turn a weak perspective of crops into places before the camera of the whole picture.

    A network sees a crop as if the camera looked at its middle, so the body is also turned as the ray to it is
    (Li et al., "CLIFF", 2022).

    Convention: `weak` is (scale, x, y) with `crop = scale * (point + (x, y))` in [-1, 1], y down, the pelvis being
        `point = 0`. The distance is where a metre is `scale * side / 2` pixels long.

    Returns:
        Rotations in the camera's axes, and the place of the pelvis.
    """
    scale = weak[:, 0].clamp_min(_LEAST_SCALE)
    pixels = scale * boxes[:, 2] / 2  # a metre's length
    spot = boxes[:, :2] + boxes[:, 2:] / 2 + pixels[:, None] * weak[:, 1:]
    flat = camera.on_plane(spot)
    if camera.orthographic:
        return rotations, torch.cat([flat, torch.zeros_like(flat[:, :1])], dim=1)
    distance = distance_of_length(camera, 1.0, pixels)
    ray = torch.cat([flat, torch.ones_like(flat[:, :1])], dim=1)
    turn = shortest_rotation(ray.new_tensor([0.0, 0, 1]), ray)
    turned = torch.cat([turn[:, None] @ rotations[:, :1], rotations[:, 1:]], dim=1)
    return turned, ray * distance[:, None]


def from_smpl_axes(rotations: Float[Tensor, "B J 3 3"]) -> Float[Tensor, "B J 3 3"]:
    """Bring SMPL's rotations, as networks answer them for a camera that looks along +Z with y down, to ours."""
    flip = torch.diag(rotations.new_tensor(HALF_TURN))
    return torch.cat([rotations[:, :1] @ flip, flip @ rotations[:, 1:] @ flip], dim=1)


def smpl_pelvis(body: BodyModel | None, betas: Float[Tensor, "K"]) -> Float[Tensor, "3"]:
    """Return the place of SMPL's pelvis at rest in SMPL's own axes; about so where the user has no SMPL body."""
    if body is None:
        return betas.new_tensor(_SMPL_PELVIS)
    return body.rest_joints(shape_of(body, betas))[body.canonical("pelvis")] * betas.new_tensor(HALF_TURN)


def shape_of(body: BodyModel, betas: Float[Tensor, "K"] | None) -> Float[Tensor, "K2"]:
    """Return as many shape coefficients as a body has; those that are not given are 0."""
    shape = torch.zeros(body.num_betas, dtype=torch.float32)
    if betas is not None:
        shape[: len(betas)] = betas[: body.num_betas]
    return shape
