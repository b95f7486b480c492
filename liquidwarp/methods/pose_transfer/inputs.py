"""What networks of pose transfer are told of a pose: its joints, as a window sees them."""

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.landmarks import OPENPOSE
from liquidwarp.geometry import project
from liquidwarp.labels import CropWindow, SkeletonPoints, person_window
from liquidwarp.types import Camera, Pose

_NAMES = tuple(name for name in OPENPOSE[:19] if name != "mid_hip")
_NECK, _EARS = 1, [16, 17]
_TOP = 1.75  # from the neck to the top of the head, in lengths from the neck to between the ears


def pose_joints(body: BodyModel, betas: Float[Tensor, "K"], pose: Pose, camera: Camera) -> Float[Tensor, "19 3"]:
    """Return the joints of a body as `nn.baselines.pose_transfer` wants them.

    A joint counts as seen where it lies in the picture, whether or not the body itself hides it. The top of the head is
    found from neck and ears.

    Args:
        body: the body.
        betas: the person's shape.
        pose: how it stands.
        camera: who looks.
    """
    with torch.no_grad():
        points = body.landmarks(_NAMES, betas, pose.global_orient[None], pose.body_pose[None], pose.transl[None])
        neck, between = points[:, _NECK], points[:, _EARS].mean(1)
        points = torch.cat([points, (neck + _TOP * (between - neck))[:, None]], 1)
        found = project(camera, points)[0].float()
    xy, depth = found[:, :2] - 0.5, found[:, 2]
    height, width = camera.size
    inside = ((xy > -0.5) & (xy < xy.new_tensor([width, height]) - 0.5)).all(1) & (depth > 0)
    return torch.cat([xy, inside[:, None].to(xy)], 1)


def transfer_window(skeleton: SkeletonPoints, size: tuple[int, int], aspect: float) -> CropWindow:
    """Return the window around a person; the middle of the picture where nobody is in it.

    Args:
        skeleton: of the person.
        size: (height, width) of the picture.
        aspect: width by height of the window.
    """
    if skeleton.body[:, 2].any():
        return person_window(skeleton, size, aspect)
    width = max(1, round(size[0] * aspect))
    return CropWindow(round((size[1] - width) / 2), 0, size[0], width)


def shared_window(
    home: CropWindow,
    photo_size: tuple[int, int],
    skeleton: SkeletonPoints,
    size: tuple[int, int],
    aspect: float,
) -> CropWindow:
    """Return a photo's window in another picture; where it does not hold the person there, one around them.

    Args:
        home: the photo's.
        photo_size: (height, width) of the photo.
        skeleton: of the person in the other picture.
        size: (height, width) of that.
        aspect: width by height of the window.
    """
    down, right = size[0] / photo_size[0], size[1] / photo_size[1]
    own = CropWindow(
        round(home.left * right),
        round(home.top * down),
        max(1, round(home.height * down)),
        max(1, round(home.width * right)),
    )
    if own.holds(skeleton.body[skeleton.body[:, 2] > 0, :2]):
        return own
    return transfer_window(skeleton, size, aspect)
