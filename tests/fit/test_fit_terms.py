import pytest
import torch
from fit_samples import JOINT, dance, film, relaxed

from liquidwarp.bodies import load_body
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.detect import MEDIAPIPE_PROFILE
from liquidwarp.fit.chain import Chain, solve_chain, solve_stills
from liquidwarp.fit.evidence import limb_directions, standing_feet, trust, view_along_ray
from liquidwarp.fit.pose_terms import AccelerationTerm, SpeedTerm, motion_scales
from liquidwarp.fit.robust import PseudoHuber
from liquidwarp.fit.skeleton import (
    STATE,
    State,
    landmark_jacobian,
    make_skeleton,
    pose_skeleton,
    shape_jacobian,
)
from liquidwarp.fit.solve import cost_of, normal_equations
from liquidwarp.fit.start import bridge, start_place
from liquidwarp.fit.term import Window
from liquidwarp.geometry import axis_angle_to_matrix, default_camera
from liquidwarp.testing import toy_body
from liquidwarp.types import DetectorProfile


@pytest.fixture(scope="module")
def body():
    return toy_body()


def _random_state(frames, seed=0):
    generator = torch.Generator().manual_seed(seed)
    turns = axis_angle_to_matrix(0.5 * torch.randn(frames, 22, 3, generator=generator).double())
    return State(turns, torch.randn(frames, 3, generator=generator).double() + torch.tensor([0, 0, 4.0]))


@pytest.mark.parametrize("make", [toy_body, load_body], ids=["toy", "anny"])
def test_skeleton_is_the_bodys_own(make):
    body = make()
    betas = 0.5 * torch.randn(body.num_betas, generator=torch.Generator().manual_seed(0)).double()
    state = _random_state(3)
    skeleton = make_skeleton(body, MEDIAPIPE, torch.zeros(body.num_betas)).at(betas)
    points = pose_skeleton(skeleton, state.rotations, state.place).points
    wanted = body.canonical_landmarks(MEDIAPIPE, betas, state.rotations, state.place - skeleton.joints[0])
    torch.testing.assert_close(points, wanted, atol=1e-6, rtol=0)


def test_landmark_and_shape_slopes_agree_with_differences(body):
    state = _random_state(2)
    skeleton = make_skeleton(body, MEDIAPIPE, torch.zeros(body.num_betas))
    posed = pose_skeleton(skeleton, state.rotations, state.place)
    slope, shape_slope = landmark_jacobian(skeleton, posed), shape_jacobian(skeleton, posed)
    for unknown in range(STATE):
        step = torch.zeros(2, STATE, dtype=torch.float64)
        step[:, unknown] = 1e-6
        ahead, behind = state.moved(step), state.moved(-step)
        change = (
            pose_skeleton(skeleton, ahead.rotations, ahead.place).points
            - pose_skeleton(skeleton, behind.rotations, behind.place).points
        )
        torch.testing.assert_close(slope[..., unknown], change / 2e-6, atol=1e-6, rtol=1e-6)
    for unknown in range(body.num_betas):
        betas = torch.zeros(body.num_betas).double()
        betas[unknown] = 1.0
        change = pose_skeleton(skeleton.at(betas), state.rotations, state.place).points - posed.points
        torch.testing.assert_close(shape_slope[..., unknown], change, atol=1e-9, rtol=1e-6)


def _motion():
    speed, acceleration = motion_scales()
    return SpeedTerm(speed, PseudoHuber(2.0)), AccelerationTerm(acceleration, PseudoHuber(2.0))


def _dense(chain):
    frames, width = chain.right.shape
    full = torch.zeros(frames, width, frames, width, dtype=torch.float64)
    for frame in range(frames):
        full[frame, :, frame] = chain.diagonal[frame]
        for lag, blocks in ((1, chain.next1), (2, chain.next2)):
            if frame + lag < frames:
                full[frame + lag, :, frame] = blocks[frame]
                full[frame, :, frame + lag] = blocks[frame].T
    return full.view(frames * width, -1)


@pytest.mark.parametrize("frames", [2, 3, 7])
def test_chain_is_solved_as_the_dense_equations_are(body, frames):
    skeleton = make_skeleton(body, MEDIAPIPE, torch.zeros(body.num_betas))
    chain = normal_equations(_motion(), Window(skeleton, _random_state(frames), 24.0), 1.0)
    noise = torch.randn(frames, STATE, STATE, generator=torch.Generator().manual_seed(1)).double()
    chain.diagonal.add_(noise @ noise.transpose(1, 2))
    chain.next1[:-1].add_(0.2 * noise[:-1])
    dense = _dense(chain) + 3.0 * torch.eye(frames * STATE)
    wanted = torch.linalg.solve(dense, chain.right.flatten()).view(frames, STATE)
    torch.testing.assert_close(solve_chain(chain, 3.0), wanted, atol=1e-8, rtol=1e-6)


def test_chain_of_one_frame_is_a_still():
    chain = Chain.zeros(1)
    chain.right.add_(1.0)
    torch.testing.assert_close(solve_chain(chain, 2.0), solve_stills(chain, 2.0))


def test_motion_cost_of_a_frame_does_not_depend_on_the_frame_rate(body):
    costs = []
    skeleton = make_skeleton(body, MEDIAPIPE, torch.zeros(body.num_betas))
    for fps in (24.0, 48.0, 96.0):
        pose, place = dance(body, 4, fps)
        state = State(axis_angle_to_matrix(pose.double()), place.double())
        cost = cost_of(_motion(), Window(skeleton, state, fps), 1.0)
        costs.append(cost / len(place))
    assert costs == pytest.approx([costs[-1]] * 3, rel=0.03)


def test_start_place_is_exact_for_a_true_pose(body):
    pose, place = dance(body, 1, 10)
    truth = film(body, torch.zeros(body.num_betas), pose, place, 10.0)
    skeleton = make_skeleton(body, MEDIAPIPE, torch.zeros(body.num_betas))
    weight = torch.ones(len(pose), 33).double()
    camera = default_camera((512, 512))
    found = start_place(skeleton, camera, truth.rotations.double(), truth.keypoints.image.double(), weight)
    torch.testing.assert_close(found, place.double() + skeleton.joints[0], atol=2e-3, rtol=0)


def test_bridge_goes_straight_through_gaps_and_holds_the_ends():
    state = _random_state(5)
    present = torch.tensor([False, True, False, True, False])
    rotations, place = bridge(state.rotations, state.place, present)
    torch.testing.assert_close(place[2], (state.place[1] + state.place[3]) / 2)
    torch.testing.assert_close(place[[0, 4]], state.place[[1, 3]])
    torch.testing.assert_close(rotations[[0, 1, 3, 4]], state.rotations[[1, 1, 3, 3]])


def test_trust_falls_outside_of_the_picture():
    image = torch.tensor([[[50.0, 50.0], [-30.0, 50.0], [50.0, 50.0]]])
    weight = trust(torch.tensor([[1.0, 1.0, 0.1]]), image, (100, 100))
    assert weight[0].tolist() == pytest.approx([1.0, 0.05, 0.0])


def test_short_limbs_say_little_about_their_direction(body):
    names = ("left_shoulder", "right_shoulder", "left_elbow", "left_hip", "right_hip", "right_elbow")
    skeleton = make_skeleton(body, names, torch.zeros(body.num_betas))
    world = skeleton.points[None].clone()
    full = limb_directions(names, world, torch.ones(1, 6).double(), skeleton.points)
    world[0, 2] = world[0, 0] + 0.3 * (world[0, 2] - world[0, 0])
    pairs, _, weight = limb_directions(names, world, torch.ones(1, 6).double(), skeleton.points)
    arm = pairs.tolist().index([0, 2])
    assert full[2][0, arm] == 1
    assert weight[0, arm] < 0.1


def test_world_landmarks_are_seen_along_the_ray():
    camera = default_camera((100, 100))
    image = torch.tensor([[[100.0, 50.0]]]).double()
    turned = view_along_ray(camera, torch.tensor([[[0.0, 0, 1]]]).double(), image, torch.ones(1, 1).double())
    ray = (image[0, 0, 0] - 50) / camera.focal[0]
    assert float(turned[0, 0, 0] / turned[0, 0, 2]) == pytest.approx(float(ray), rel=1e-6)


def test_standing_feet_are_found(body):
    pose = relaxed(body, 48)
    lift = torch.linspace(0, 3.1416, 24).sin()
    pose[24:, JOINT["left_hip"], 0] -= 1.2 * lift
    pose[24:, JOINT["left_knee"], 0] += 1.6 * lift
    place = torch.tensor([0.0, 0, 3.2]).repeat(48, 1)
    seen = film(body, torch.zeros(body.num_betas), pose, place, 24.0, noise=0.5).keypoints
    height = torch.full((48,), 380.0).double()
    feet, standing = standing_feet(MEDIAPIPE, seen.image.double(), torch.ones(48, 33).double(), height, 24.0)
    assert [MEDIAPIPE[index] for index in feet][:2] == ["left_heel", "left_foot_index"]
    assert standing[4:20].min() > 0.5
    assert standing[27:45, :2].mean() < 0.1
    assert standing[30:44, 2:].min() > 0.5


def test_offsets_are_mirrored_and_zero_where_unknown():
    names = ("left_hip", "right_hip", "mouth_left", "mouth_right", "neck")
    rows = MEDIAPIPE_PROFILE.offsets_on(load_body().landmark_definition, names)
    flip = torch.tensor([-1.0, 1, 1])
    torch.testing.assert_close(rows[1], rows[0] * flip)
    torch.testing.assert_close(rows[3], rows[2] * flip)
    assert rows[4].abs().sum() == 0
    assert rows[:4].abs().amin(0).amax() > 0
    assert DetectorProfile().offsets_on(load_body().landmark_definition, names).abs().sum() == 0
    assert MEDIAPIPE_PROFILE.offsets_on(toy_body().landmark_definition, names).abs().sum() == 0
