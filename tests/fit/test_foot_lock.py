"""Feet that stand: found, held, and let go."""

from dataclasses import replace

import pytest
import torch
from fit_samples import film
from walk_samples import walk

from liquidwarp.errors import InputError
from liquidwarp.fit import find_stands, fit_track, foot_points, plant_feet
from liquidwarp.fit.contacts import foot_height, foot_speed, hysteresis, stand_places
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle, project
from liquidwarp.testing import toy_body


@pytest.fixture(scope="module")
def body():
    return toy_body()


def _filmed_walk(body, fps, yaw):
    betas = torch.zeros(body.num_betas)
    pose, place, stands = walk(body, betas, 3.0, fps, yaw)
    place = place + torch.tensor([0.5, 0.0, 4.0])
    truth = film(body, betas, pose, place, fps, noise=1.0, depth_noise=0.03)
    fitted = fit_track(body, truth.keypoints, betas=betas).track
    orient, rest = body.expand_pose(pose)
    exact = replace(fitted, global_orient=orient, body_pose=rest, transl=place)
    return exact, fitted, stands.repeat_interleave(2, dim=1), truth.keypoints


@pytest.fixture(scope="module", params=[(24.0, 1.2), (24.0, 0.3), (50.0, 1.2), (12.0, 0.3)], ids=str)
def filmed(request, body):
    return _filmed_walk(body, *request.param)


def _speeds(points, fps):
    return points.diff(dim=0).norm(dim=-1) * fps


def _inside(stands, fps):
    """Steps within a stand, 50 ms from its ends: the fit smooths the moment of touching down by about that."""
    gone = (~stands).float().T[:, None]
    reach = max(1, round(0.05 * fps))
    near = torch.nn.functional.max_pool1d(gone, 2 * reach + 1, stride=1, padding=reach)[:, 0].T > 0
    return ~near[1:] & ~near[:-1]


def test_the_walk_is_what_it_says(body, filmed):
    exact, _, stands, _ = filmed
    speed = _speeds(foot_points(body, exact), exact.fps)
    assert float(speed[stands[1:] & stands[:-1]].amax()) < 1e-4
    assert float(speed.amax()) > 1.5


def test_stands_are_found_in_noise(body, filmed):
    exact, fitted, stands, _ = filmed
    found = find_stands(body, fitted) >= 0
    assert float(found[stands].float().mean()) > 0.9
    assert float(found[~stands].float().mean()) < 0.05
    swinging = foot_speed(foot_points(body, exact), exact.fps, torch.tensor([0.0, 0.0, 1.0])) > 1.0
    assert not bool(found[swinging].any())


def test_planted_feet_move_less_than_three_millimetres_a_frame(body, filmed):
    exact, fitted, stands, _ = filmed
    planted = plant_feet(body, fitted)
    before, after = (
        _speeds(foot_points(body, track), exact.fps)[_inside(stands, exact.fps)] for track in (fitted, planted)
    )
    assert float(after.amax()) < 0.003 * 24
    assert float(after.mean()) < 0.4 * float(before.mean())


def test_what_stands_once_feet_are_planted_is_planted_too(body, filmed):
    _, fitted, _, _ = filmed
    planted = plant_feet(body, fitted)
    stands = find_stands(body, planted)
    lasting = (stands[1:] >= 0) & (stands[1:] == stands[:-1])
    assert float(_speeds(foot_points(body, planted), planted.fps)[lasting].amax()) < 0.003 * planted.fps


def test_feet_that_only_seem_to_move_along_the_view_are_held_in_full(body):
    exact, _, _, _ = _filmed_walk(body, 24.0, 1.2)
    still = exact[[30] * 24]
    depth = 0.12 * torch.sin(torch.arange(24) * 0.8)  # what a single view tells worst
    away = torch.zeros(24, 3)
    away[:, 2] = depth
    shaken = replace(still, transl=still.transl + away)
    planted = plant_feet(body, shaken, stands=torch.zeros(24, 4, dtype=torch.int64))
    assert float(_speeds(foot_points(body, shaken), 24.0).mean()) > 0.05 * 24
    assert float(_speeds(foot_points(body, planted), 24.0).amax()) < 0.004 * 24


def test_feet_in_swing_stay_on_their_path(body, filmed):
    exact, fitted, _, _ = filmed
    planted = plant_feet(body, fitted)
    swinging = _speeds(foot_points(body, exact), exact.fps) > 1.2
    moved = (foot_points(body, planted) - foot_points(body, fitted)).norm(dim=-1)[1:][swinging]
    assert float(moved.median()) < 0.012
    kept = _speeds(foot_points(body, planted), exact.fps).amax() / _speeds(foot_points(body, fitted), exact.fps).amax()
    assert float(kept) > 0.9


def test_the_picture_hardly_changes(body, filmed):
    _, fitted, _, seen = filmed
    planted = plant_feet(body, fitted)

    def error(track):
        points = body.landmarks(seen.names, track.betas, track.global_orient, track.body_pose, track.transl)
        return (project(track.camera, points)[..., :2] - seen.image).norm(dim=-1)

    assert float(error(planted).median()) < float(error(fitted).median()) + 0.1  # pixels; the noise is one
    assert float(error(planted).quantile(0.95)) < float(error(fitted).quantile(0.95)) * 1.15


def test_a_planted_track_stays_as_it_is(body):
    exact, _, stands, _ = _filmed_walk(body, 24.0, 0.7)
    again = plant_feet(body, exact)
    moved = (foot_points(body, again) - foot_points(body, exact)).norm(dim=-1)
    assert float(moved.amax()) < 0.012
    assert float(_speeds(foot_points(body, again), 24.0)[_inside(stands, 24.0)].amax()) < 0.01


@pytest.mark.slow
def test_same_bytes_and_another_camera(body):
    _, fitted, _, _ = _filmed_walk(body, 24.0, 1.2)
    stands = find_stands(body, fitted)
    first, second = plant_feet(body, fitted), plant_feet(body, fitted)
    assert torch.equal(first.body_pose, second.body_pose)
    # A world turned about the vertical, its camera with it, changes nothing but the world.
    turn = axis_angle_to_matrix(torch.tensor([0.0, 0.8, 0.0]))
    pelvis = body.rest_joints(fitted.betas)[0]
    turned = replace(
        fitted,
        global_orient=matrix_to_axis_angle(turn @ axis_angle_to_matrix(fitted.global_orient)),
        transl=(fitted.transl + pelvis) @ turn.T - pelvis,
        camera=replace(fitted.camera, rotation=fitted.camera.rotation @ turn.T),
    )
    held, other = (plant_feet(body, track, stands=stands) for track in (fitted, turned))
    torch.testing.assert_close(foot_points(body, other), foot_points(body, held) @ turn.T, atol=2e-4, rtol=0)


def test_unrelated_frames_have_no_stands(body):
    _, fitted, _, _ = _filmed_walk(body, 12.0, 0.3)
    stills = replace(fitted, fps=0.0)
    assert int(find_stands(body, stills).amax()) == -1
    assert plant_feet(body, stills) is stills
    with pytest.raises(InputError, match="stands"):
        plant_feet(body, fitted, stands=torch.zeros(3, 4, dtype=torch.int64))


def test_hysteresis_keeps_what_began():
    begins = torch.tensor([0, 0, 1, 0, 0, 0, 0, 0, 0, 1], dtype=torch.bool)
    holds = torch.tensor([0, 1, 1, 1, 0, 1, 1, 0, 0, 1], dtype=torch.bool)
    assert hysteresis(begins, holds) == [(1, 4), (9, 10)]


def test_places_of_stands_are_means_in_time():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(40, 1, 3, generator=generator)
    stands = torch.full((40, 1), -1)
    stands[5:9], stands[20:40] = 0, 1
    places = stand_places(points, stands, 24.0)
    assert torch.equal(places[stands[:, 0] < 0], points[stands[:, 0] < 0])
    for first, last in ((5, 9), (20, 40)):
        for frame in range(first, last):
            weight = torch.exp(-0.5 * ((torch.arange(first, last) - frame) / 24 / 0.6) ** 2)
            wanted = (weight[:, None] * points[first:last, 0]).sum(dim=0) / weight.sum()
            torch.testing.assert_close(places[frame, 0], wanted)


def test_height_is_above_the_lowest_of_the_same_kind():
    points = torch.zeros(50, 4, 3)
    points[:, [1, 3], 1] = 0.05  # toes lie lower than heels
    points[25, 2, 1] = -0.3  # the right heel is lifted once
    height = foot_height(points, 25.0)
    assert float(height[25, 2]) == pytest.approx(0.3)
    assert float(height.sum()) == pytest.approx(0.3)
