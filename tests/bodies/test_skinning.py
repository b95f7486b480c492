import numpy as np
import pytest
import torch

from liquidwarp.bodies.kinematics import carry_points, forward_kinematics
from liquidwarp.bodies.skinning import (
    SkinWeights,
    Tree,
    carry_points_torch,
    forward_kinematics_torch,
    skin,
    skin_fast,
    skin_torch,
)
from liquidwarp.geometry import axis_angle_to_matrix

PARENTS = (-1, 0, 0, 1, 2, 2, 4, 0)


def random_rotations(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return axis_angle_to_matrix(torch.randn(*shape, 3, generator=generator, dtype=dtype))


def naive_kinematics(rest: np.ndarray, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """4x4 matrices, one joint after another."""
    turned, placed = np.zeros_like(rotations), np.zeros((len(rotations), len(PARENTS), 3))
    for b in range(len(rotations)):
        world = []
        for joint, parent in enumerate(PARENTS):
            local = np.eye(4)
            local[:3, :3] = rotations[b, joint]
            local[:3, 3] = rest[joint] - (rest[parent] if parent >= 0 else 0)
            world.append(local if parent < 0 else world[parent] @ local)
            turned[b, joint], placed[b, joint] = world[-1][:3, :3], world[-1][:3, 3]
    return turned, placed


@pytest.mark.parametrize("kinematics", [forward_kinematics, forward_kinematics_torch])
def test_kinematics_equals_a_loop_over_joints(kinematics):
    rest = torch.randn(len(PARENTS), 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rotations = random_rotations(5, len(PARENTS))
    turned, placed = kinematics(Tree.create(PARENTS), rest[None], rotations)
    expected = naive_kinematics(rest.numpy(), rotations.numpy())
    np.testing.assert_allclose(turned.numpy(), expected[0], atol=1e-12)
    np.testing.assert_allclose(placed.numpy(), expected[1], atol=1e-12)


@pytest.mark.parametrize("kinematics", [forward_kinematics, forward_kinematics_torch])
def test_a_skeleton_may_differ_from_pose_to_pose(kinematics):
    rest = torch.randn(5, len(PARENTS), 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rotations = random_rotations(5, len(PARENTS))
    tree = Tree.create(PARENTS)
    both = kinematics(tree, rest, rotations)
    for b in range(5):
        one = kinematics(tree, rest[b : b + 1], rotations[b : b + 1])
        torch.testing.assert_close(both[0][b : b + 1], one[0])
        torch.testing.assert_close(both[1][b : b + 1], one[1])


@pytest.mark.parametrize("shared", [True, False])
def test_kinematics_gradients(shared: bool):
    rest = torch.randn(1 if shared else 2, len(PARENTS), 3, dtype=torch.float64, requires_grad=True)
    rotations = random_rotations(2, len(PARENTS)).requires_grad_()
    tree = Tree.create(PARENTS)
    assert torch.autograd.gradcheck(lambda r, x: forward_kinematics(tree, r, x), (rest, rotations))


@pytest.mark.parametrize(("rests", "points"), [(1, 1), (3, 3), (1, 3), (3, 1)])
def test_carried_points_equal_their_twin_with_gradients(rests: int, points: int):
    generator = torch.Generator().manual_seed(2)
    tree, carriers = Tree.create(PARENTS), torch.tensor([3, 0, 6, 3, 7])

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    values = (random(rests, len(PARENTS), 3), random(points, 5, 3), random(3, len(PARENTS), 3, 3))
    pull = random(3, 5, 3)
    results = []
    for function in (carry_points, carry_points_torch):
        inputs = [value.clone().requires_grad_() for value in values]
        out = function(tree, carriers, *inputs)
        results.append((out, *torch.autograd.grad((out * pull).sum(), inputs)))
    for ours, twins in zip(*results, strict=True):
        torch.testing.assert_close(ours, twins)


def some_weights(vertices: int, joints: int) -> SkinWeights:
    rng = np.random.default_rng(0)
    dense = rng.random((vertices, joints)) * (rng.random((vertices, joints)) < 0.4)
    dense[:, 0] += 0.01
    return SkinWeights.from_dense(dense / dense.sum(axis=1, keepdims=True))


def test_weights_hold_the_same_twice():
    weights = some_weights(30, 6)
    rebuilt = torch.zeros_like(weights.dense)
    for vertex in range(30):
        for entry in range(int(weights.start[vertex]), int(weights.start[vertex + 1])):
            rebuilt[vertex, weights.joint[entry]] = weights.weight[entry]
    assert torch.equal(rebuilt, weights.dense)
    torch.testing.assert_close(weights.dense.sum(dim=1), torch.ones(30))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_fast_skinning_equals_its_twin(dtype: torch.dtype):
    weights = some_weights(50, 6)
    rest, translation = torch.randn(50, 3, dtype=dtype), torch.randn(4, 6, 3, dtype=dtype)
    rotation = random_rotations(4, 6, dtype=dtype)
    expected = skin_torch(weights, rest[None], rotation, translation)
    torch.testing.assert_close(skin_fast(weights, rest, rotation, translation), expected, atol=2e-6, rtol=0)


def test_skinning_keeps_gradients_where_they_are_wanted():
    weights = some_weights(4, 3)
    rest = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    rotation = random_rotations(2, 3).requires_grad_()
    translation = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *x: skin(weights, *x), (rest, rotation, translation))
    with torch.no_grad():
        assert not skin(weights, rest, rotation, translation).requires_grad
