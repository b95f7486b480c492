"""Synthetic people in motion, with known truth."""

from dataclasses import dataclass

import torch
from torch import Tensor

from liquidwarp.bodies import CANONICAL_JOINTS, BodyModel
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.fit.prior import make_prior
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, matrix_to_axis_angle, project
from liquidwarp.types import BodyTrack, Keypoints

SIZE = (512, 512)
JOINT = {name: index for index, name in enumerate(CANONICAL_JOINTS)}


@dataclass(frozen=True, eq=False)
class Truth:
    """A motion and what a detector would see of it."""

    betas: Tensor
    rotations: Tensor
    transl: Tensor
    joints: Tensor
    keypoints: Keypoints


def relaxed(body: BodyModel, frames: int) -> Tensor:
    """Return axis-angle poses of a person who stands with hanging arms."""
    joints = body.rest_joints(torch.zeros(body.num_betas))[[body.canonical(name) for name in CANONICAL_JOINTS]]
    stance = make_prior(joints).relaxed_rotations
    return matrix_to_axis_angle(stance).float().repeat(frames, 1, 1)


def track_of(body: BodyModel, canonical: Tensor, fps: float, size: tuple[int, int]) -> BodyTrack:
    """Return a track of the mean shape, three metres before a camera, by turns (T, 22, 3) of the canonical joints."""
    frames = len(canonical)
    orient, pose = body.expand_pose(canonical)
    return BodyTrack(
        body.name,
        torch.zeros(body.num_betas),
        orient,
        pose,
        torch.tensor([[0.0, 0.0, 3.0]]).repeat(frames, 1),
        default_camera(size),
        fps,
        torch.ones(frames),
        torch.ones(frames, dtype=torch.bool),
    )


def dance(body: BodyModel, seconds: float, fps: float) -> tuple[Tensor, Tensor]:
    """Return poses (T, 22, 3) and places (T, 3) of somebody who swings arms and legs, turns and walks about."""
    time = torch.arange(round(seconds * fps)) / fps
    pose = relaxed(body, len(time))

    def wave(size: float, rate: float, phase: float = 0.0) -> Tensor:
        return size * torch.sin(6.2832 * rate * time + phase)

    pose[:, 0, 1] += wave(0.9, 0.15)
    pose[:, JOINT["spine1"], 0] += 0.2 + wave(0.2, 0.5)
    pose[:, JOINT["spine2"], 1] += wave(0.2, 0.4)
    pose[:, JOINT["head"], 1] += wave(0.4, 0.3)
    swing = axis_angle_to_matrix(torch.stack([wave(0.8, 0.6), wave(0.2, 0.3), wave(0.4, 0.45)], dim=-1))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder = axis_angle_to_matrix(pose[:, JOINT[f"{side}_shoulder"]])
        pose[:, JOINT[f"{side}_shoulder"]] = matrix_to_axis_angle(
            (swing if sign > 0 else swing.transpose(1, 2)) @ shoulder
        )
        bend = make_prior_axes(body)[JOINT[f"{side}_elbow"], 1]
        pose[:, JOINT[f"{side}_elbow"]] = bend * (0.9 + wave(0.6, 0.7, sign))[:, None]
        pose[:, JOINT[f"{side}_hip"], 0] -= 0.3 + wave(0.3, 0.5, sign)
        pose[:, JOINT[f"{side}_knee"], 0] += 0.5 + wave(0.4, 0.5, sign)
    place = torch.stack([wave(0.3, 0.2), wave(0.03, 0.9), 3.2 + wave(0.4, 0.1)], dim=-1)
    return pose, place


def make_prior_axes(body: BodyModel) -> Tensor:
    """Return the axes about which joints bend."""
    joints = body.rest_joints(torch.zeros(body.num_betas))[[body.canonical(name) for name in CANONICAL_JOINTS]]
    return make_prior(joints).axes.float()


def film(
    body: BodyModel,
    betas: Tensor,
    pose: Tensor,
    transl: Tensor,
    fps: float,
    *,
    noise: float = 0.0,
    depth_noise: float = 0.0,
    seed: int = 0,
) -> Truth:
    """Look at a motion as a detector would: `noise` in pixels, `depth_noise` in metres."""
    rotations = axis_angle_to_matrix(pose)
    points = body.canonical_landmarks(MEDIAPIPE, betas, rotations, transl)
    orient, rest = body.expand_pose(pose)
    own = [body.canonical(name) for name in CANONICAL_JOINTS]
    turn, shift = body.transforms(body.rest_joints(betas), orient, rest)
    joints = (turn @ body.rest_joints(betas)[:, :, None])[..., 0] + shift + transl[:, None]
    generator = torch.Generator().manual_seed(seed)
    image = project(default_camera(SIZE), points)[..., :2]
    image = image + noise * torch.randn(image.shape, generator=generator)
    hips = points[:, [MEDIAPIPE.index("left_hip"), MEDIAPIPE.index("right_hip")]].mean(dim=1, keepdim=True)
    world = points - hips + depth_noise * torch.randn(points.shape, generator=generator)
    keypoints = Keypoints(
        MEDIAPIPE,
        image,
        torch.ones(image.shape[:2]),
        world,
        torch.ones(len(image), dtype=torch.bool),
        SIZE,
        fps,
        "truth",
    )
    return Truth(betas, rotations, transl, joints[:, own], keypoints)


def fitted_joints(body: BodyModel, track) -> Tensor:
    """Return the canonical joints of a track."""
    rest = body.rest_joints(track.betas)
    turn, shift = body.transforms(rest, track.global_orient, track.body_pose)
    joints = (turn @ rest[:, :, None])[..., 0] + shift + track.transl[:, None]
    return joints[:, [body.canonical(name) for name in CANONICAL_JOINTS]]


def joint_error(body: BodyModel, track, truth: Truth) -> Tensor:
    """Return the distance of each joint from the truth in metres, the pelvis laid on the pelvis (MPJPE)."""
    joints = fitted_joints(body, track)
    return ((joints - joints[:, :1]) - (truth.joints - truth.joints[:, :1])).norm(dim=-1)
