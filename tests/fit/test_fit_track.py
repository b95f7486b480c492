from dataclasses import replace

import pytest
import torch
from fit_samples import JOINT, SIZE, dance, film, fitted_joints, joint_error, relaxed

from liquidwarp.bodies.landmarks import COCO, MEDIAPIPE
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.fit import fit_track
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, project
from liquidwarp.testing import toy_body
from liquidwarp.types import Camera

LEGS = ("hip", "knee", "ankle", "heel", "foot_index")


@pytest.fixture(scope="module")
def body():
    return toy_body()


@pytest.fixture(scope="module")
def truth(body):
    pose, place = dance(body, 2.5, 24)
    return film(body, torch.tensor([0.8, 0.0, 0.5, -0.4]), pose, place, 24.0)


def test_known_shape_is_followed_closely(body, truth):
    result = fit_track(body, truth.keypoints, betas=truth.betas)
    error = joint_error(body, result.track, truth)
    assert error.mean() < 0.023
    assert error.flatten().quantile(0.95) < 0.08
    assert result.reprojection.median() < 0.001
    assert (fitted_joints(body, result.track) - truth.joints).norm(dim=-1).mean() < 0.05
    assert result.track.observed.all()
    assert result.track.confidence.min() > 0.9


def test_shape_is_found(body, truth):
    track = fit_track(body, truth.keypoints).track
    error = joint_error(body, track, truth)
    assert error.mean() < 0.028
    assert track.betas[0] > 0.2
    assert track.betas[2] > 0.1
    assert (track.betas == fit_track(body, truth.keypoints).track.betas).all()


def test_noise_is_smoothed(body):
    pose, place = dance(body, 2.5, 24)
    shape = torch.zeros(body.num_betas)
    noisy = film(body, shape, pose, place, 24.0, noise=1.0, depth_noise=0.03)
    track = fit_track(body, noisy.keypoints, betas=shape).track
    stills = fit_track(body, noisy.keypoints, betas=shape, still=True).track
    assert joint_error(body, track, noisy).mean() < 0.03
    jerk, still_jerk, true_jerk = (
        joints.diff(n=2, dim=0).norm(dim=-1).mean()
        for joints in (fitted_joints(body, track), fitted_joints(body, stills), noisy.joints)
    )
    assert jerk < 4 * true_jerk
    assert jerk < 0.3 * still_jerk


def test_bowing_person_keeps_size_and_place(body):
    frames = 48
    pose = relaxed(body, frames)
    lean = torch.linspace(0, 3.1416, frames).sin()
    pose[:, 0, 0] += 1.0 * lean
    for side in ("left", "right"):
        pose[:, JOINT[f"{side}_hip"], 0] -= 1.0 * lean
    for joint in ("spine1", "spine2", "spine3"):
        pose[:, JOINT[joint], 0] += 0.2 * lean
    place = torch.tensor([0.1, 0.0, 3.0]).repeat(frames, 1)
    seen = film(body, torch.zeros(body.num_betas), pose, place, 24.0, noise=1.0, depth_noise=0.03)
    # The detector does not know whether the trunk leans toward the camera: it answers with a flat, short one.
    world = seen.keypoints.world.clone()
    upper = [index for index, name in enumerate(MEDIAPIPE) if not any(part in name for part in LEGS)]
    world[:, upper, 2] *= 0.3
    track = fit_track(body, replace(seen.keypoints, world=world)).track
    joints = fitted_joints(body, track)
    feet = [JOINT["left_ankle"], JOINT["right_ankle"]]
    assert (joints[:, feet] - joints[:1, feet]).norm(dim=-1).max() < 0.07
    leaning = (joints[:, JOINT["neck"], 2] - joints[:, 0, 2])[20:28]
    assert leaning.max() < -0.3


def test_person_who_walks_toward_the_camera_is_followed(body):
    frames = 72
    pose = relaxed(body, frames)
    time = torch.arange(frames) / 24.0
    stride = torch.sin(6.2832 * 0.9 * time)
    pose[:, JOINT["left_hip"], 0] -= 0.35 * stride
    pose[:, JOINT["right_hip"], 0] += 0.35 * stride
    place = torch.stack([0 * time, 0 * time, 5.0 - 0.8 * time], dim=-1)
    seen = film(body, torch.zeros(body.num_betas), pose, place, 24.0, noise=0.7, depth_noise=0.03)
    track = fit_track(body, seen.keypoints, betas=torch.zeros(body.num_betas)).track
    assert (track.transl - place)[:, 2].abs().max() < 0.15
    assert (track.transl - place)[:, 2].abs().mean() < 0.05


def test_standing_feet_do_not_skate(body):
    frames = 48
    pose = relaxed(body, frames)
    sway = 0.15 * torch.sin(torch.arange(frames) / 24.0 * 6.2832 * 0.5)
    pose[:, JOINT["spine1"], 2] += sway
    place = torch.tensor([0.0, 0.0, 3.0]).repeat(frames, 1)
    seen = film(body, torch.zeros(body.num_betas), pose, place, 24.0, noise=1.5, depth_noise=0.04)
    result = fit_track(body, seen.keypoints, betas=torch.zeros(body.num_betas))
    ankles = fitted_joints(body, result.track)[:, [JOINT["left_ankle"], JOINT["right_ankle"]]]
    assert result.standing[:-1].min() > 0.3
    assert (ankles.diff(dim=0).norm(dim=-1) * 24).mean() < 0.04


@pytest.mark.parametrize("rate", [1.0, 2.5])
@pytest.mark.slow
def test_smoothing_does_not_depend_on_the_frame_rate(body, rate):
    sizes = []
    for fps in (24.0, 48.0):
        time = torch.arange(round(2 * fps)) / fps
        pose = relaxed(body, len(time))
        pose[:, JOINT["left_hip"], 0] -= 0.5 + 0.5 * torch.sin(6.2832 * rate * time)
        place = torch.tensor([0.0, 0.0, 3.0]).repeat(len(time), 1)
        pose[:, JOINT["left_knee"], 0] += 0.4
        seen = film(body, torch.zeros(body.num_betas), pose, place, fps)
        track = fit_track(body, seen.keypoints, betas=torch.zeros(body.num_betas)).track
        knee = fitted_joints(body, track)[:, JOINT["left_knee"], 1]
        sizes.append(float(knee.std() / seen.joints[:, JOINT["left_knee"], 1].std()))
    assert sizes[0] == pytest.approx(sizes[1], abs=0.02)
    assert sizes[0] > 0.95


def test_gaps_are_bridged_and_flagged(body, truth):
    present = truth.keypoints.present.clone()
    present[:3] = False
    present[20:28] = False
    confidence = truth.keypoints.confidence * present[:, None]
    image = torch.where(present[:, None, None], truth.keypoints.image, torch.zeros(()))
    world = torch.where(present[:, None, None], truth.keypoints.world, torch.zeros(()))
    keypoints = replace(truth.keypoints, present=present, confidence=confidence, image=image, world=world)
    result = fit_track(body, keypoints, betas=truth.betas)
    assert (result.track.observed == present).all()
    assert result.track.confidence[~present].max() == 0
    assert result.reprojection[~present].isnan().all()
    error = joint_error(body, result.track, truth).mean(dim=1)
    assert error[20:28].max() < 0.09
    assert error[present].mean() < 0.03
    steps = fitted_joints(body, result.track).diff(dim=0).norm(dim=-1).amax(dim=1)
    assert steps.max() < 2 * truth.joints.diff(dim=0).norm(dim=-1).max()


def test_unseen_legs_stand_straight(body):
    pose = relaxed(body, 1)
    place = torch.tensor([[0.0, 0.5, 1.6]])
    seen = film(body, torch.zeros(body.num_betas), pose, place, 0.0).keypoints
    confidence = seen.confidence.clone()
    confidence[:, [index for index, name in enumerate(MEDIAPIPE) if any(part in name for part in LEGS[1:])]] = 0.02
    joints = fitted_joints(body, fit_track(body, replace(seen, confidence=confidence)).track)[0]
    for side in ("left", "right"):
        leg = joints[JOINT[f"{side}_ankle"]] - joints[JOINT[f"{side}_hip"]]
        assert leg[1] / leg.norm() > 0.97
        upper = joints[JOINT[f"{side}_knee"]] - joints[JOINT[f"{side}_hip"]]
        assert torch.cosine_similarity(upper, leg, dim=0) > 0.97


@pytest.mark.parametrize("yaw", [0.0, 1.57, 3.14, -1.57])
def test_photos_from_any_side(body, yaw):
    pose = relaxed(body, 1)
    pose[:, 0, 1] = yaw
    seen = film(body, torch.zeros(body.num_betas), pose, torch.tensor([[0.3, 0.0, 3.0]]), 0.0)
    track = fit_track(body, seen.keypoints).track
    assert joint_error(body, track, seen).mean() < 0.04
    assert track.fps == 0


@pytest.mark.parametrize("yaw", [0.0, 3.14])
def test_coco_keypoints_without_depth(body, yaw):
    pose = relaxed(body, 1)
    pose[:, 0, 1] = yaw
    seen = film(body, torch.zeros(body.num_betas), pose, torch.tensor([[0.0, 0.0, 3.0]]), 0.0)
    pick = [MEDIAPIPE.index(name) for name in COCO]
    flat = replace(
        seen.keypoints,
        names=COCO,
        image=seen.keypoints.image[:, pick],
        confidence=seen.keypoints.confidence[:, pick],
        world=None,
    )
    result = fit_track(body, flat)
    assert result.reprojection.median() < 0.01
    assert joint_error(body, result.track, seen).mean() < 0.08


@pytest.mark.slow
def test_same_input_gives_the_same_bytes_with_any_number_of_threads(body, truth):
    threads = torch.get_num_threads()
    tracks = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            tracks.append(fit_track(body, truth.keypoints).track)
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    for name in ("betas", "global_orient", "body_pose", "transl", "confidence"):
        assert torch.equal(getattr(tracks[0], name), getattr(tracks[1], name))


@pytest.mark.slow
def test_windows_agree_with_the_whole(body):
    pose, place = dance(body, 6, 24)
    seen = film(body, torch.zeros(body.num_betas), pose, place, 24.0, noise=1.0, depth_noise=0.02)
    shape = torch.zeros(body.num_betas)
    whole = fitted_joints(body, fit_track(body, seen.keypoints, betas=shape).track)
    parts = fitted_joints(body, fit_track(body, seen.keypoints, betas=shape, window=100).track)
    difference = (whole - parts).norm(dim=-1)
    assert difference.mean() < 0.002
    assert difference.max() < 0.04


@pytest.mark.slow
def test_other_cameras(body, truth):
    full = truth.keypoints
    per_frame = {name: getattr(full, name)[:1] for name in ("image", "confidence", "world", "present")}
    seen = replace(full, **per_frame)
    turn = axis_angle_to_matrix(torch.tensor([0.1, 0.4, 0.0]))
    moved = replace(default_camera(SIZE), rotation=turn, translation=torch.tensor([0.2, -0.1, 0.5]))
    plain, other = fit_track(body, seen).track, fit_track(body, seen, camera=moved).track
    here = project(plain.camera, fitted_joints(body, plain))
    there = project(moved, fitted_joints(body, other))
    torch.testing.assert_close(here, there, atol=0.02, rtol=1e-4)
    flat = Camera.create(215.0, SIZE, orthographic=True)
    result = fit_track(body, seen, camera=flat)
    assert result.reprojection.median() < 0.02


@pytest.mark.slow
def test_initial_track_is_taken_up(body, truth):
    first = fit_track(body, truth.keypoints).track
    again = fit_track(body, truth.keypoints, betas=first.betas, initial=first, steps=0).track
    torch.testing.assert_close(fitted_joints(body, again), fitted_joints(body, first), atol=1e-4, rtol=0)


def test_messages(body, truth):
    seen = truth.keypoints
    with pytest.raises(NoPersonError, match="no person in any of the 60 frames"):
        fit_track(body, replace(seen, present=torch.zeros(60, dtype=torch.bool)))
    with pytest.raises(InputError, match="betas has shape"):
        fit_track(body, seen, betas=torch.zeros(3))
    with pytest.raises(InputError, match="camera is for"):
        fit_track(body, seen, camera=default_camera((100, 100)))
    with pytest.raises(InputError, match="window=10 is too short"):
        fit_track(body, seen, window=10)
    with pytest.raises(InputError, match="landmarks; at least 4"):
        fit_track(body, replace(seen, names=tuple(f"x{i}" for i in range(33))))
    track = fit_track(body, seen, steps=0).track
    with pytest.raises(InputError, match="initial has 5 frames"):
        fit_track(body, seen, initial=track[:5])
