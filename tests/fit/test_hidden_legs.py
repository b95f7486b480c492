"""Legs that no frame shows stand still."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from fit_samples import SIZE, dance, film, relaxed

from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.demo import asset
from liquidwarp.detect import FollowTuning, shots_without_legs
from liquidwarp.detect.hidden_legs import describe_hidden_legs
from liquidwarp.fit import foot_points, stand_still
from liquidwarp.geometry import axis_angle_to_matrix, default_camera
from liquidwarp.media import open_video
from liquidwarp.tasks import encode_source, recover
from liquidwarp.tasks.target import feet_level, imitation_target
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack, Keypoints

LEGS = ("hip", "knee", "ankle", "heel", "foot_index")


@pytest.fixture(scope="module")
def body():
    return toy_body()


def seen(body, seconds: float = 1.0) -> Keypoints:
    pose, place = dance(body, seconds, 25.0)
    return film(body, torch.zeros(body.num_betas), pose, place, 25.0).keypoints


def hidden(keypoints: Keypoints, frames: slice, how: str) -> Keypoints:
    """Hide knees and what is below, from hips on as detectors do: guessed beyond the picture, or not trusted."""
    below = [n for n, name in enumerate(keypoints.names) if name.rpartition("_")[0] != "" and name.endswith(LEGS[1:])]
    below += [n for n, name in enumerate(keypoints.names) if name.endswith("foot_index") and n not in below]
    image, confidence = keypoints.image.clone(), keypoints.confidence.clone()
    if how == "beyond":
        image[frames, below, 1] = 1.2 * keypoints.size[0]
    else:
        confidence[frames, below] = 0.1
    return replace(keypoints, image=image, confidence=confidence)


@pytest.mark.parametrize("how", ["beyond", "doubtful"])
def test_it_is_told_which_shots_show_no_legs(body, how) -> None:
    keypoints = seen(body)
    everywhere = hidden(keypoints, slice(None), how)
    assert shots_without_legs(keypoints) == []
    assert shots_without_legs(everywhere) == [0]
    assert describe_hidden_legs(everywhere) == "no frame shows the legs; they stand still"
    assert shots_without_legs(hidden(keypoints, slice(5, 25), how)) == []  # a fifth of the frames shows them
    cut = replace(keypoints, cuts=(10,))
    assert shots_without_legs(hidden(cut, slice(10, 25), how)) == [1]
    assert describe_hidden_legs(hidden(cut, slice(10, 25), how)) == (
        "no frame of shot 2 shows the legs; they stand still"
    )
    assert shots_without_legs(replace(everywhere, fps=0.0)) == []  # photos end where they end
    assert shots_without_legs(replace(everywhere, present=torch.zeros(25, dtype=torch.bool))) == []


def test_what_is_shown_is_told_by_one_s_own_tuning(body) -> None:
    keypoints = hidden(seen(body), slice(None), "doubtful")
    assert describe_hidden_legs(keypoints, tuning=FollowTuning(shown_leg=0.05)) == ""
    shown = hidden(seen(body), slice(5, 25), "doubtful")  # in a fifth of the frames
    assert describe_hidden_legs(shown, tuning=FollowTuning(least_shown_legs=0.5)) != ""


def dancer(body, seconds: float) -> BodyTrack:
    pose, place = dance(body, seconds, 25.0)
    place[:, 1] += 0.1 * torch.sin(0.5 * torch.arange(len(place)))  # bobs up and down
    orient, rest = body.expand_pose(pose)
    still = torch.ones(len(pose))
    return BodyTrack(
        body.name, torch.zeros(body.num_betas), orient, rest, place, default_camera(SIZE), 25.0, still, still.bool()
    )


def test_feet_stand_on_one_level_and_the_rest_does_what_it_did(body) -> None:
    track = dancer(body, 3.0)
    still = stand_still(body, track, [0])
    feet, before = foot_points(body, still), foot_points(body, track)
    speed = 25 * feet.diff(dim=0).norm(dim=-1)
    assert float(speed.quantile(0.95)) < 0.35 < float((25 * before.diff(dim=0).norm(dim=-1)).quantile(0.5))
    assert float(np.ptp(feet[..., 1].amax(1).numpy())) < 0.04 < float(np.ptp(before[..., 1].amax(1).numpy())) / 4
    turned = axis_angle_to_matrix(still.body_pose.double()).transpose(-1, -2) @ axis_angle_to_matrix(
        track.body_pose.double()
    )
    angle = torch.rad2deg(torch.acos(((turned.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1)))
    arms = [body.canonical(name) - 1 for name in CANONICAL_JOINTS if name.endswith(("shoulder", "elbow", "head"))]
    assert float(angle[:, arms].quantile(0.9)) < 6
    knees = [body.canonical(f"{side}_knee") - 1 for side in ("left", "right")]
    bend = torch.rad2deg(still.body_pose[:, knees].norm(dim=-1))
    assert float(bend.max()) < 35
    assert torch.equal(still.betas, track.betas)
    assert stand_still(body, track, []) is track


def test_only_the_shots_asked_for(body) -> None:
    track = replace(dancer(body, 1.2), cuts=(10, 20))
    still = stand_still(body, track, [1])
    for name in ("global_orient", "body_pose", "transl"):
        changed = (getattr(still, name) != getattr(track, name)).flatten(1).any(1)
        assert not changed[:10].any()
        assert not changed[20:].any()
    assert bool((still.body_pose != track.body_pose).flatten(1).any(1)[10:20].all())


def test_who_stands_relaxed_stays_as_it_is(body) -> None:
    place = torch.tensor([[0.0, 0.0, 3.0]]).repeat(8, 1)
    orient, pose = body.expand_pose(relaxed(body, 8))
    track = replace(dancer(body, 0.32), global_orient=orient, body_pose=pose, transl=place)
    still = stand_still(body, track, [0])
    for name in ("global_orient", "body_pose", "transl"):
        torch.testing.assert_close(getattr(still, name), getattr(track, name), atol=1e-3, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("lowest", [0.5, 0.62])  # of the picture's height: at the belly, below the hips
def test_the_upper_half_of_the_demo_s_dance(lowest, caplog) -> None:
    frames = np.stack([frame[: int(lowest * len(frame))] for frame in open_video(asset("motion.mp4"))])
    with caplog.at_level(logging.WARNING):
        motion = recover(frames, regressor="landmarks")
    assert "the array: no frame shows the legs; they stand still" in caplog.text
    person = encode_source(asset("woman_stripes.jpg"))
    target = imitation_target(person.body, person.track, motion)
    moves = (target.global_orient, target.body_pose, target.transl)
    level = feet_level(person.body, person.track.betas, *moves).amax(1)
    floor = feet_level(
        person.body,
        person.track.betas,
        person.track.global_orient,
        person.track.body_pose,
        person.track.transl,
    ).amax()
    assert float((level - floor).abs().max()) < 0.04
    feet = person.body.landmarks(("left_heel", "right_heel"), person.track.betas, *moves)
    assert float((motion.fps * feet.diff(dim=0).norm(dim=-1)).quantile(0.95)) < 0.3
