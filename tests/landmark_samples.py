"""Synthetic people as a detector sees them, where the detector puts its landmarks."""

import torch
from fit_samples import SIZE, dance
from torch import Tensor

from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.detect import MEDIAPIPE_PROFILE
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, project
from liquidwarp.regress import simulate_detector
from liquidwarp.regress.landmark_network import Kinematics
from liquidwarp.regress.landmarks import regressor_start
from liquidwarp.types import Camera, Keypoints

STATURE = 1.68


def moving_person(
    body: BodyModel, seconds: float, *, fps: float = 25.0, seed: int = 0, turned: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Return joints (T, 22, 3) and landmarks (T, 33, 3) before the camera of somebody who dances."""
    generator = torch.Generator().manual_seed(seed)
    pose, place = dance(body, seconds, fps)
    rotations = axis_angle_to_matrix(pose)
    rotations[:, 0] = axis_angle_to_matrix(torch.tensor([0.0, turned, 0.0])) @ rotations[:, 0]
    betas = 0.5 * torch.randn(body.num_betas, generator=generator)
    joints, points = Kinematics(regressor_start()[0])(rotations, betas.expand(len(pose), -1))
    return joints + place[:, None], points + place[:, None]


def seen_by_detector(
    points: Tensor, *, level: float = 0.0, fps: float = 25.0, seed: int = 0, camera: Camera | None = None
) -> Keypoints:
    """Return what a detector says of landmarks before a camera (`level`: see `simulate_detector`)."""
    camera = camera or default_camera(SIZE)
    generator = torch.Generator().manual_seed(seed)
    found = simulate_detector(points[None], STATURE, generator, level=level)
    ones = torch.ones_like(found.flat[0, ..., :1])
    image = project(camera, torch.cat([found.flat[0], ones], dim=-1))[..., :2]
    present = torch.ones(len(points), dtype=torch.bool)
    sure, world = found.confidence[0], found.world[0]
    return Keypoints(MEDIAPIPE, image, sure, world, present, camera.size, fps, "simulated", MEDIAPIPE_PROFILE)


def mean_errors(joints: Tensor, truth: Tensor) -> tuple[float, float]:
    """Return MPJPE (pelvis on pelvis) and PA-MPJPE (after the best similarity) in millimetres."""
    plain = ((joints - joints[:, :1]) - (truth - truth[:, :1])).norm(dim=-1).mean()
    here, there = joints - joints.mean(1, keepdim=True), truth - truth.mean(1, keepdim=True)
    u, s, v = torch.linalg.svd(here.transpose(1, 2) @ there)
    sign = torch.ones_like(s)
    sign[:, 2] = torch.linalg.det(u @ v).sign()
    scale = (s * sign).sum(1) / (here**2).sum((1, 2))
    aligned = scale[:, None, None] * here @ ((u * sign[:, None]) @ v)
    return 1000 * float(plain), 1000 * float((aligned - there).norm(dim=-1).mean())
