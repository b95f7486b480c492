"""How far a recovered body is from the true one, and from what was seen; how it moves.

Convention: places in metres, +Y down; errors in metres too. Arrays are `T` frames of `L` points.
"""

import numpy as np
import torch
from jaxtyping import Float, Int

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.geometry import length_in_pixels, project
from liquidwarp.types import BodyTrack, Keypoints

HIPS = ("left_hip", "right_hip")
"""Joints whose middle is the root of usual evaluations."""

_SEEN = 0.5  # confidence


def track_points(
    track: BodyTrack, names: tuple[str, ...], *, body: BodyModel | None = None
) -> Float[np.ndarray, "T L 3"]:
    """Return joints of a track in the axes of its camera.

    Args:
        track: the body through time.
        names: of `CANONICAL_JOINTS`, or "head_top", the highest point of the resting body, which turns with the head.
        body: the track's body, if it is at hand.
    """
    body = body or load_body(track.body)
    with torch.no_grad():
        rest = body.rest_joints(track.betas)
        turns, shifts = body.transforms(rest, track.global_orient, track.body_pose)
        joints = [body.canonical("head" if name == "head_top" else name) for name in names]
        points = rest[joints].clone()
        if "head_top" in names:
            vertices = body.identity(track.betas).vertices
            points[names.index("head_top")] = vertices[int(vertices[:, 1].argmin())]
        places = (turns[:, joints] @ points[..., None])[..., 0] + shifts[:, joints] + track.transl[:, None]
        places = track.camera.to_camera(places)
    return places.double().numpy()


def middle_of_hips(points: Float[np.ndarray, "T L 3"], names: tuple[str, ...]) -> Float[np.ndarray, "T 3"]:
    """Return the root of usual evaluations."""
    return points[:, [names.index(name) for name in HIPS]].mean(axis=1)


def joint_errors(
    points: Float[np.ndarray, "T L 3"],
    truth: Float[np.ndarray, "T L 3"],
    *,
    root: Float[np.ndarray, "T 3"] | None = None,
    true_root: Float[np.ndarray, "T 3"] | None = None,
) -> Float[np.ndarray, "T L"]:
    """Return distances between points and the true ones; their mean over joints is MPJPE, over vertices PVE.

    Args:
        points: found.
        truth: true.
        root: a place that is moved, frame by frame, onto `true_root` first.
        true_root: see `root`.
    """
    apart = points - truth
    if root is not None and true_root is not None:
        apart = apart - (root - true_root)[:, None]
    return np.linalg.norm(apart, axis=-1)


def similarity_aligned(
    points: Float[np.ndarray, "T L 3"], truth: Float[np.ndarray, "T L 3"]
) -> Float[np.ndarray, "T L 3"]:
    """Move, turn and scale each frame as a whole so that it lies as near to the truth as it can (least squares).

    `joint_errors` after it are PA-MPJPE. Mirror images are no turns.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991.
    """
    middle, true_middle = points.mean(1, keepdims=True), truth.mean(1, keepdims=True)
    here, there = points - middle, truth - true_middle
    u, stretch, v = np.linalg.svd(there.transpose(0, 2, 1) @ here)
    sign = np.ones_like(stretch)
    sign[:, 2] = np.sign(np.linalg.det(u @ v))
    turn = (u * sign[:, None]) @ v
    size = (here**2).sum((1, 2))
    scale = np.where(size > 0, (stretch * sign).sum(1) / np.where(size > 0, size, 1), 1.0)
    return scale[:, None, None] * (here @ turn.transpose(0, 2, 1)) + true_middle


def accelerations(points: Float[np.ndarray, "T L 3"], fps: float) -> Float[np.ndarray, "U L 3"]:
    """Return accelerations at all frames but the first and the last, in m/s^2; the difference between two motions' is
    the acceleration error (one mm per frame^2 at 25 frames a second is 0.625 m/s^2).
    """
    return (points[2:] - 2 * points[1:-1] + points[:-2]) * fps**2


def jerks(points: Float[np.ndarray, "T L 3"], fps: float) -> Float[np.ndarray, "U L"]:
    """Return the sizes of jerks (the change of acceleration), in m/s^3: how a motion jitters where no truth is known.

    Source: Yi et al., "TransPose", 2021, who give its mean as "jitter".
    """
    return np.linalg.norm(np.diff(points, n=3, axis=0), axis=-1) * fps**3


def standing_speeds(
    points: Float[np.ndarray, "T N 3"], stands: Int[np.ndarray, "T N"], fps: float
) -> Float[np.ndarray, "M"]:
    """Return how fast points move between neighbouring frames in which they should stand, in m/s: foot skate.

    Args:
        points: of feet.
        stands: number of the stand that a point is in (`fit.find_stands`, of the true motion where it is known);
            -1 where it does not stand.
        fps: frames per second.
    """
    still = (stands[1:] >= 0) & (stands[1:] == stands[:-1])
    return np.linalg.norm(np.diff(points, axis=0), axis=-1)[still] * fps


def reprojection_errors(
    track: BodyTrack, keypoints: Keypoints, *, body: BodyModel | None = None
) -> Float[np.ndarray, "T"]:
    """Return per frame the median distance in the picture between seen landmarks and the body's.

    In parts of the person's standing height in that frame; NaN where no landmark was seen (confidence over 0.5).
    """
    body = body or load_body(track.body)
    names = tuple(name for name in keypoints.names if name in body.landmark_names)
    columns = [keypoints.names.index(name) for name in names]
    with torch.no_grad():
        points = body.landmarks(names, track.betas, track.global_orient, track.body_pose, track.transl)
        spots = project(track.camera, points)
        rest = body.identity(track.betas).vertices[:, 1]
    height = length_in_pixels(track.camera, float(rest.amax() - rest.amin()), spots[..., 2].mean(dim=1, keepdim=True))
    error = ((spots[..., :2] - keypoints.image[:, columns]).norm(dim=-1) / height).double()
    seen = keypoints.confidence[:, columns] > _SEEN
    return torch.where(seen, error, torch.nan).nanmedian(dim=1).values.numpy()
