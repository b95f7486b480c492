"""What a person's first photo shows, also of who wears another's clothes."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.flow import visibility
from liquidwarp.inpaint import background_from
from liquidwarp.methods.drawn_surface import DrawnSurface, hanging_in_photo
from liquidwarp.methods.protocol import Frame
from liquidwarp.person import SourceState, SourceView
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
    pose = state.track.pose(0)
    with torch.no_grad():
        vertices = state.body.vertices(
            state.body.identity(state.track.betas),
            pose.global_orient[None],
            pose.body_pose[None],
            pose.transl[None],
            offsets=state.offsets,
        )[0]
    camera = state.track.camera
    drawn = DrawnSurface(state).draw(Frame(0, vertices, camera, pose, hanging=hanging_in_photo(state)))
    return DressedView(pose, vertices, camera, drawn.rgb, drawn.alpha)


@dataclass(frozen=True, eq=False)
class ShownPhoto:
    """A person in a photo, background and all; of who wears another's clothes, a picture of it.

    Attributes:
        pose: of the body.
        vertices: the same, clothed.
        camera: of the photo.
        picture: in [0, 1].
    """

    pose: Pose
    vertices: Float[Tensor, "V 3"]
    camera: Camera
    picture: Float[Tensor, "3 H W"]


def shown_photo(state: SourceState) -> ShownPhoto:
    """Return the first photo as networks look at it."""
    if is_dressed(state):
        seen = dressed_view(state)
        picture = seen.rgb + (1 - seen.alpha) * known_background(state, seen.camera.size)
        return ShownPhoto(seen.pose, seen.vertices, seen.camera, picture)
    view = state.views[0]
    return ShownPhoto(view.pose, view.vertices, view.camera, photo_picture(state, view))


def photo_picture(state: SourceState, view: SourceView) -> Float[Tensor, "3 H W"]:
    """Return a photo in [0, 1]; only of the first one the background is known."""
    if view is state.views[0] and state.photo.shape[:2] == view.picture.shape[:2]:
        return torch.from_numpy(state.photo).to(state.device).permute(2, 0, 1).float() / 255
    color, alpha = (torch.from_numpy(view.picture).to(state.device).permute(2, 0, 1).float() / 255).split([3, 1])
    return alpha * color + (1 - alpha) * known_background(state, (view.picture.shape[0], view.picture.shape[1]))


def known_background(state: SourceState, size: tuple[int, int]) -> Float[Tensor, "3 H W"]:
    """Return the first photo without the person, at a (height, width)."""
    picture = background_from(state.background, size).astype(np.float32) / 255
    return torch.from_numpy(picture).to(state.device).permute(2, 0, 1)
