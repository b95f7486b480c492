import math

import pytest
import torch
from fit_samples import JOINT

from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.fit.prior import (
    inverse_right_jacobian,
    joint_angles,
    make_prior,
    prior_residuals,
    shortest_rotation,
)
from liquidwarp.geometry import axis_angle_to_matrix
from liquidwarp.testing import toy_body


@pytest.fixture(scope="module")
def prior():
    body = toy_body()
    return make_prior(
        body.rest_joints(torch.zeros(body.num_betas))[[body.canonical(name) for name in CANONICAL_JOINTS]]
    )


def _outside(prior, rotations):
    return prior_residuals(prior, rotations)[0][..., 3:].abs().amax(dim=-1)


def _bent(prior, joint, angle, axis=1):
    rotations = prior.relaxed_rotations[None].clone()
    rotations[0, JOINT[joint]] = axis_angle_to_matrix(prior.axes[JOINT[joint], axis] * math.radians(angle))
    return rotations


def test_relaxed_stance_costs_nothing(prior):
    residual, _ = prior_residuals(prior, prior.relaxed_rotations[None])
    assert residual.abs().max() < 1e-6


@pytest.mark.parametrize("joint", ["left_knee", "right_knee", "left_elbow", "right_elbow"])
def test_hinges_bend_one_way(prior, joint):
    assert _outside(prior, _bent(prior, joint, 100))[0, JOINT[joint]] == 0
    assert _outside(prior, _bent(prior, joint, -20))[0, JOINT[joint]] > 3
    assert _outside(prior, _bent(prior, joint, 25, axis=2))[0, JOINT[joint]] > 3


def test_knee_bends_heel_to_the_back_and_elbow_hand_to_the_front(prior):
    for side in ("left", "right"):
        for joint, sign in ((f"{side}_knee", 1.0), (f"{side}_elbow", -1.0)):
            bone = prior.axes[JOINT[joint], 0]
            assert (_bent(prior, joint, 80)[0, JOINT[joint]] @ bone)[2] * sign > 0.8


@pytest.mark.parametrize("flex", [0.0, 40.0, 120.0])
@pytest.mark.parametrize("twist", [-50.0, 0.0, 70.0])
def test_hinge_angles_are_measured_apart(prior, flex, twist):
    index = JOINT["left_elbow"]
    bone, bend = prior.axes[index, 0], prior.axes[index, 1]
    rotations = prior.relaxed_rotations[None].clone()
    turn = axis_angle_to_matrix(bend * math.radians(flex)) @ axis_angle_to_matrix(bone * math.radians(twist))
    rotations[0, index] = turn
    angles = joint_angles(prior, rotations)[0][0, index].rad2deg()
    torch.testing.assert_close(angles, torch.tensor([twist, flex, 0.0]).double(), atol=1e-6, rtol=0)


def test_ranges_are_mirrored(prior):
    generator = torch.Generator().manual_seed(0)
    vector = 0.8 * torch.randn(1, 22, 3, generator=generator).double()
    swap = [CANONICAL_JOINTS.index(_other(name)) for name in CANONICAL_JOINTS]
    mirrored = vector[:, swap] * torch.tensor([1.0, -1, -1])
    here, _ = prior_residuals(prior, axis_angle_to_matrix(vector))
    there, _ = prior_residuals(prior, axis_angle_to_matrix(mirrored))
    torch.testing.assert_close(here.abs(), there[:, swap].abs(), atol=1e-6, rtol=1e-6)


def _other(name):
    if name.startswith("left_"):
        return "right_" + name[5:]
    return "left_" + name[6:] if name.startswith("right_") else name


def test_slopes_agree_with_differences(prior):
    generator = torch.Generator().manual_seed(1)
    rotations = axis_angle_to_matrix(torch.randn(3, 22, 3, generator=generator).double())
    _, slope = prior_residuals(prior, rotations)
    for axis in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[axis] = 1e-6
        ahead, _ = prior_residuals(prior, rotations @ axis_angle_to_matrix(step))
        behind, _ = prior_residuals(prior, rotations @ axis_angle_to_matrix(-step))
        torch.testing.assert_close(slope[..., axis], (ahead - behind) / 2e-6, atol=1e-5, rtol=1e-5)


def test_inverse_right_jacobian_is_identity_at_zero():
    torch.testing.assert_close(inverse_right_jacobian(torch.zeros(3).double()), torch.eye(3).double())


def test_shortest_rotation_turns_start_to_end():
    generator = torch.Generator().manual_seed(2)
    start, end = torch.randn(2, 50, 3, generator=generator).double()
    turned = (shortest_rotation(start, end) @ start[..., None])[..., 0]
    cosine = torch.cosine_similarity(turned, end, dim=-1)
    torch.testing.assert_close(cosine, torch.ones_like(cosine))
