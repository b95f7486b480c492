"""How far a recovered body's finger tips and head are from what was seen of them, closely."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.bodies.hands import FINGERS, SIDES, find_hand, rest_hand
from liquidwarp.detect.details import HAND, Face, Hands
from liquidwarp.fit.close_looks import face_turns, gather_hand
from liquidwarp.geometry import matrix_to_axis_angle, pose_to_camera, project
from liquidwarp.types import BodyTrack

_TIPS = [HAND.index(f"{finger}_tip") for finger in FINGERS]
_SEEN = 0.5  # trust


@torch.no_grad()
def tip_errors(
    track: BodyTrack, hands: Sequence[Hands | None], *, body: BodyModel | None = None
) -> Float[np.ndarray, "N"]:
    """Return the mean distance of a hand's finger tips in the picture, in parts of the hand's length.

    The length is that of the stretched hand as seen, from the wrist to the middle finger's tip.

    Args:
        track: the body through time.
        hands: what a detector saw in each of its frames.
        body: the track's body, if it is at hand.

    Returns:
        One number for each hand that was seen well.
    """
    body = body or load_body(track.body)
    person = body.identity(track.betas)
    turn, shift = body.transforms(person.joints, track.global_orient, track.body_pose)
    errors = [np.zeros(0)]
    for side in SIDES:
        joints = find_hand(body, side)
        if joints is None or not hands:
            continue
        seen = gather_hand(hands, side, track.camera.at_origin(), track.fps)
        last, rest = joints.joints[:, 2], rest_hand(joints, side, person.joints, person.vertices)
        tips = (turn[:, last] @ rest.tips[..., None])[..., 0] + shift[:, last] + track.transl[:, None]
        apart = (project(track.camera, tips)[..., :2] - seen.image[:, _TIPS]).norm(dim=-1).mean(1) / seen.length
        errors.append(apart[seen.trust > _SEEN].double().numpy())
    return np.concatenate(errors)


@torch.no_grad()
def head_errors(
    track: BodyTrack, faces: Sequence[Face | None], *, body: BodyModel | None = None
) -> Float[np.ndarray, "N"]:
    """Return the angle between the head and the mesh of its face, degrees.

    Args:
        track: the body through time.
        faces: what a detector saw in each of its frames.
        body: the track's body, if it is at hand.

    Returns:
        One number for each face that was seen well and is not turned away.
    """
    if not faces:
        return np.zeros(0)
    body = body or load_body(track.body)
    turn, shift = body.transforms(body.rest_joints(track.betas), track.global_orient, track.body_pose)
    joint = body.canonical("head")
    head, _ = pose_to_camera(track.camera, turn[:, joint].double(), shift[:, joint].double())
    seen, trust = face_turns(faces, track.camera.at_origin())
    apart = torch.rad2deg(matrix_to_axis_angle(head.transpose(1, 2) @ seen).norm(dim=-1))
    return apart[trust > _SEEN].numpy()
