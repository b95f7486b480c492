"""What a person's first photo shows, also of who wears another's clothes."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.appearance import render_on_device
from liquidwarp.flow import visibility
from liquidwarp.person import SourceState
from liquidwarp.types import Camera, Pose


@dataclass(frozen=True, eq=False)
class DressedView:
    """A person in the pose of the photo, in clothes of other photos, as the surface renderer draws it.

    Attributes:
        pose: of the body.
        vertices: the same, clothed.
        camera: of the photo.
        rgb: times alpha, in [0, 1].
        alpha: 1 = person.
    """

    pose: Pose
    vertices: Float[Tensor, "V 3"]
    camera: Camera
    rgb: Float[Tensor, "3 H W"]
    alpha: Float[Tensor, "H W"]


def is_dressed(state: SourceState) -> bool:
    """Return whether a person wears clothes of other photos, which no photo shows on them."""
    first = state.views[0]
    return not torch.equal(
        visibility(first.vertices[None], state.body.topology.faces, first.camera).face[0], first.faces
    )


def dressed_view(state: SourceState) -> DressedView:
    """Draw a person in the pose of the photo."""
    pose = Pose(state.track.global_orient[0], state.track.body_pose[0], state.track.transl[0])
    with torch.no_grad():
        vertices = state.body.vertices(
            state.body.identity(state.track.betas),
            pose.global_orient[None],
            pose.body_pose[None],
            pose.transl[None],
            offsets=state.offsets,
        )[0]
    camera = state.track.camera
    drawn = render_on_device(state.appearance.tensors(state.device), state.body.topology, vertices, camera)
    return DressedView(pose, vertices, camera, drawn.rgb, drawn.alpha)
