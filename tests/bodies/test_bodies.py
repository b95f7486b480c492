import time
from functools import partial

import numpy as np
import pytest
import torch

from liquidwarp.bodies import CANONICAL_JOINTS, PARTS, load_body
from liquidwarp.bodies.landmarks import COCO, MEDIAPIPE, OPENPOSE
from liquidwarp.bodies.rigged import RiggedBody
from liquidwarp.errors import InputError
from liquidwarp.geometry import axis_angle_to_matrix
from liquidwarp.testing import toy_body


def other(name: str) -> str:
    return name.replace("left", "#").replace("right", "left").replace("#", "right")


@pytest.fixture(scope="module", params=[toy_body, load_body], ids=["toy", "anny"])
def body(request: pytest.FixtureRequest) -> RiggedBody:
    return request.param()


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def random_pose(body: RiggedBody, count: int, generator: torch.Generator, dtype: torch.dtype = torch.float32):
    canonical = torch.randn(count, len(CANONICAL_JOINTS), 3, generator=generator, dtype=dtype) * 0.4
    return canonical, *body.expand_pose(canonical), torch.randn(count, 3, generator=generator, dtype=dtype)


def random_betas(body: RiggedBody, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(body.num_betas, generator=generator, dtype=dtype)


def test_rest_pose_is_the_identity(body: RiggedBody, generator: torch.Generator):
    identity = body.identity(random_betas(body, generator))
    pose = torch.zeros(1, len(body.parents), 3)
    transl = torch.tensor([[1.0, 2.0, 3.0]])
    vertices = body.vertices(identity, pose[:, 0], pose[:, 1:], transl)
    torch.testing.assert_close(vertices[0], identity.vertices + transl, atol=2e-6, rtol=0)


def test_a_person_stands_upright_and_faces_the_camera(body: RiggedBody):
    identity = body.identity(torch.zeros(body.num_betas))
    joints = identity.joints
    stature = float(np.ptp(identity.vertices[:, 1].numpy()))
    assert 1.6 <= stature <= 1.9
    assert (
        joints[body.canonical("head"), 1]
        < joints[body.canonical("pelvis"), 1]
        < joints[body.canonical("left_ankle"), 1]
    )
    assert joints[body.canonical("left_wrist"), 0] > 0 > joints[body.canonical("right_wrist"), 0]
    feet = identity.vertices[body.topology.vertex_part == PARTS.index("left_foot"), 2]
    assert abs(feet.min()) > feet.max()  # toes reach further to the camera than heels away from it
    assert torch.allclose(joints[0], torch.zeros(3), atol=1e-5)


def test_faces_look_outwards(body: RiggedBody):
    vertices, faces = body.identity(torch.zeros(body.num_betas)).vertices.double(), body.topology.faces.long()
    corners = vertices[faces]
    volume = (torch.linalg.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]).sum() / 6
    assert 0.04 < volume < 0.12
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    forward = {tuple(edge) for edge in edges.tolist()}
    assert len(forward) == len(edges)  # no edge is walked twice in one direction
    assert {(b, a) for a, b in forward} == forward  # closed


def test_mirror_is_a_symmetry_of_the_mesh(body: RiggedBody):
    topology = body.topology
    mirror = topology.mirror
    assert torch.equal(mirror[mirror], torch.arange(len(mirror)))
    rest = body.identity(torch.zeros(body.num_betas)).vertices
    torch.testing.assert_close(rest[mirror] * torch.tensor([-1, 1, 1]), rest, atol=1e-4, rtol=0)
    parts = torch.tensor([PARTS.index(other(part)) for part in PARTS])
    assert torch.equal(parts[topology.vertex_part.long()], topology.vertex_part[mirror].long())


def test_every_part_is_there_and_symmetric(body: RiggedBody):
    counts = np.bincount(body.topology.face_part.numpy(), minlength=len(PARTS))
    assert counts.min() > 0
    for index, part in enumerate(PARTS):
        assert counts[index] == counts[PARTS.index(other(part))]


def test_a_mirrored_pose_gives_a_mirrored_mesh(body: RiggedBody, generator: torch.Generator):
    identity = body.identity(torch.zeros(body.num_betas))
    canonical, orient, pose, _ = random_pose(body, 2, generator)
    swap = [CANONICAL_JOINTS.index(other(name)) for name in CANONICAL_JOINTS]
    mirrored = canonical[:, swap] * torch.tensor([1, -1, -1])
    still = torch.zeros(2, 3)
    expected = body.vertices(identity, orient, pose, still)[:, body.topology.mirror] * torch.tensor([-1, 1, 1])
    actual = body.vertices(identity, *body.expand_pose(mirrored), still)
    torch.testing.assert_close(actual, expected, atol=3e-4, rtol=0)


def test_a_turn_is_about_world_axes_through_the_joint(body: RiggedBody):
    identity = body.identity(torch.zeros(body.num_betas))
    elbow = body.canonical("left_elbow")
    pose = torch.zeros(1, len(body.parents), 3)
    pose[0, elbow] = torch.tensor([0.0, 0.3, 0.0])
    moved = body.vertices(identity, pose[:, 0], pose[:, 1:], torch.zeros(1, 3))[0]
    hand = (body.weights.dense[:, body.canonical("left_wrist")] > 0.999).nonzero()[:, 0]
    turn = axis_angle_to_matrix(pose[0, elbow])
    expected = (identity.vertices[hand] - identity.joints[elbow]) @ turn.T + identity.joints[elbow]
    torch.testing.assert_close(moved[hand], expected, atol=1e-5, rtol=0)
    right = body.topology.vertex_part == PARTS.index("right_hand")
    torch.testing.assert_close(moved[right], identity.vertices[right], atol=1e-5, rtol=0)


def test_offsets_are_carried(body: RiggedBody, generator: torch.Generator):
    identity = body.identity(random_betas(body, generator))
    _, orient, pose, transl = random_pose(body, 2, generator)
    offsets = torch.randn(identity.vertices.shape, generator=generator) * 0.01
    moved = body.vertices(identity, orient, pose, transl, offsets=offsets)
    turned = (body.vertex_rotations(identity, orient, pose) @ offsets[None, ..., None])[..., 0]
    torch.testing.assert_close(moved, body.vertices(identity, orient, pose, transl) + turned, atol=1e-5, rtol=0)


def test_gradients_and_speed_paths_agree(body: RiggedBody, generator: torch.Generator):
    betas = random_betas(body, generator)
    _, orient, pose, transl = random_pose(body, 2, generator)
    with torch.no_grad():
        fast = body.vertices(body.identity(betas), orient, pose, transl)
    slow = body.vertices(body.identity(betas.requires_grad_()), orient, pose, transl)
    assert slow.requires_grad
    torch.testing.assert_close(fast, slow.detach(), atol=1e-5, rtol=0)


def test_landmarks_cover_every_vocabulary(body: RiggedBody):
    assert set(body.landmark_names) == {*MEDIAPIPE, *COCO, *OPENPOSE}


def test_canonical_landmarks_equal_landmarks(body: RiggedBody, generator: torch.Generator):
    betas = random_betas(body, generator)
    canonical, orient, pose, transl = random_pose(body, 4, generator)
    full = body.landmarks(body.landmark_names, betas, orient, pose, transl)
    rotations = axis_angle_to_matrix(canonical)
    quick = body.canonical_landmarks(body.landmark_names, betas, rotations, transl)
    torch.testing.assert_close(quick, full, atol=2e-6, rtol=0)
    each = body.canonical_landmarks(body.landmark_names, betas.expand(4, -1), rotations, transl)
    torch.testing.assert_close(each, full, atol=2e-6, rtol=0)
    few = body.canonical_landmarks(("left_wrist", "nose"), betas, rotations, transl)
    order = [body.landmark_names.index(name) for name in ("left_wrist", "nose")]
    torch.testing.assert_close(few, full[:, order], atol=2e-6, rtol=0)


def test_joint_landmarks_follow_the_joints(body: RiggedBody, generator: torch.Generator):
    betas = random_betas(body, generator)
    _, orient, pose, transl = random_pose(body, 3, generator)
    rest = body.rest_joints(betas)
    rotation, translation = body.transforms(rest, orient, pose)
    names = ("left_elbow", "right_knee", "left_wrist", "right_hip")
    joints = [body.canonical(name) for name in names]
    expected = (rotation[:, joints] @ rest[joints][..., None])[..., 0] + translation[:, joints] + transl[:, None]
    actual = body.landmarks(names, betas, orient, pose, transl)
    torch.testing.assert_close(actual, expected, atol=2e-3, rtol=0)


def test_left_and_right_landmarks_mirror_each_other(body: RiggedBody):
    pose = torch.zeros(1, len(body.parents), 3)
    places = body.landmarks(body.landmark_names, torch.zeros(body.num_betas), pose[:, 0], pose[:, 1:], pose[:, 0])[0]
    swap = [body.landmark_names.index(other(name)) for name in body.landmark_names]
    torch.testing.assert_close(places[swap] * torch.tensor([-1, 1, 1]), places, atol=1e-3, rtol=0)


def test_everything_is_differentiable_in_float64(generator: torch.Generator):
    body = toy_body()
    betas = random_betas(body, generator, torch.float64).requires_grad_()
    canonical, orient, pose, transl = (x.requires_grad_() for x in random_pose(body, 1, generator, torch.float64))
    orient, pose = orient.detach().requires_grad_(), pose.detach().requires_grad_()
    some = torch.randperm(len(body.topology.mirror), generator=generator)[:4]
    names = ("nose", "left_index", "right_heel")

    def mesh(*inputs: torch.Tensor) -> torch.Tensor:
        return body.vertices(body.identity(inputs[0]), *inputs[1:])[:, some]

    def quick(betas: torch.Tensor, canonical: torch.Tensor, transl: torch.Tensor) -> torch.Tensor:
        return body.canonical_landmarks(names, betas, axis_angle_to_matrix(canonical), transl)

    check = partial(torch.autograd.gradcheck, fast_mode=True)  # along random directions
    assert check(mesh, (betas, orient, pose, transl))
    assert check(lambda *x: body.landmarks(names, *x), (betas, orient, pose, transl))
    assert check(quick, (betas, canonical.detach().requires_grad_(), transl))
    assert check(quick, (betas.detach()[None].requires_grad_(), canonical.detach(), transl))


def test_attributes_change_the_shape_as_they_say(body: RiggedBody):
    assert float(body.phenotype({}).abs().max()) == 0
    tall = body.identity(body.phenotype({"height": 1.0})).vertices
    short = body.identity(body.phenotype({"height": -1.0})).vertices
    assert np.ptp(tall[:, 1].numpy()) > np.ptp(short[:, 1].numpy()) + 0.05
    with pytest.raises(InputError, match="attribute='shoe' is not known; choose one of"):
        body.phenotype({"shoe": 1.0})


def test_errors_say_what_is_wrong(body: RiggedBody):
    with pytest.raises(InputError, match=r"betas has shape \(3,\), wanted"):
        body.identity(torch.zeros(3))
    with pytest.raises(InputError, match="landmark='tail' is not known"):
        body.landmarks(
            ("tail",), torch.zeros(body.num_betas), torch.zeros(1, 3), torch.zeros(1, 1, 3), torch.zeros(1, 3)
        )
    with pytest.raises(InputError, match="joint='tail' is not known"):
        body.canonical("tail")
    with pytest.raises(InputError, match="body_pose has shape"):
        body.transforms(body.rest_joints(torch.zeros(body.num_betas)), torch.zeros(1, 3), torch.zeros(1, 1, 3))
    with pytest.raises(InputError, match="body='cat' is not known; choose one of anny, smpl"):
        load_body("cat")


def test_speed_is_not_far_off():
    body = load_body("anny")
    identity = body.identity(torch.zeros(body.num_betas))
    _, orient, pose, transl = random_pose(body, 32, torch.Generator().manual_seed(0))
    body.vertices(identity, orient, pose, transl)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        body.vertices(identity, orient, pose, transl)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) / 32 < 0.010
