"""Compare the baked body's posing with Anny's own.

Usage: python body_models/anny/verify.py
"""

import sys

import anny
import numpy as np
import torch
from bake import ATTRIBUTES, TO_CAMERA, Skeleton

from liquidwarp.bodies.anny import anny_body
from liquidwarp.bodies.protocol import Identity
from liquidwarp.geometry import axis_angle_to_matrix

TOLERANCE = 1e-4


def largest_difference(poses: int, generator: torch.Generator) -> float:
    """Pose one person at random with Anny and with the baked body; return the largest distance of vertices in metres.

    Anny gets world orientations of its bones and finds their places by its own kinematics.
    """
    model = anny.Anny(local_changes="default").to(torch.float32)
    body, skeleton = anny_body(), Skeleton.create(model)
    kept = [skeleton.names.index(name) for name in model.bone_labels]
    to_camera = torch.from_numpy(TO_CAMERA).float()
    phenotype = {name: torch.full((poses,), mean) for name, (mean, _) in ATTRIBUTES.items()}
    identity = torch.eye(4).expand(poses, model.bone_count, 4, 4)
    with torch.no_grad():
        rest = model(pose_parameters=identity, phenotype_kwargs=phenotype)
    places = torch.from_numpy(skeleton.from_anny).float() @ rest["rest_bone_heads"][0] @ to_camera.T
    person = Identity(torch.zeros(body.num_betas), rest["rest_vertices"][0] @ to_camera.T, places)
    pose = torch.randn(poses, len(skeleton.names), 3, generator=generator) * 0.4
    pose[:, [skeleton.names.index(f"ball.{side}") for side in "LR"]] = 0
    transl = torch.randn(poses, 3, generator=generator)
    ours = body.vertices(person, pose[:, 0], pose[:, 1:], transl)

    turned = body.transforms(person.joints, pose[:, 0], pose[:, 1:])[0][:, kept]
    orientation = to_camera.T @ turned @ to_camera @ rest["rest_bone_poses"][..., :3, :3]
    delta = torch.eye(4).repeat(poses, model.bone_count, 1, 1)
    delta[..., :3, :3] = orientation
    delta[:, 0, :3, 3] = (places[0] + transl) @ to_camera
    with torch.no_grad():
        theirs = model(pose_parameters=delta, phenotype_kwargs=phenotype, pose_parameterization="world-orient")
    assert np.allclose(axis_angle_to_matrix(pose[:, 0]), turned[:, 0], atol=1e-5)
    return float((theirs["vertices"] @ to_camera.T - ours).norm(dim=-1).max())


if __name__ == "__main__":
    difference = largest_difference(8, torch.Generator().manual_seed(0))
    print(f"largest distance to Anny's own posing: {difference * 1000:.4f} mm")
    sys.exit(difference > TOLERANCE)
