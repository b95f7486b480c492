"""Limbs are smoothed without delay, each by itself; hands that meet still meet."""

from dataclasses import replace

import pytest
import torch
from fit_samples import track_of

from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.errors import InputError
from liquidwarp.fit import LIMBS, FitTuning, find_stands, foot_points, smooth_limbs
from liquidwarp.fit.tuning import LimbTuning
from liquidwarp.options import LIMBS as NAMED
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack

FPS, FRAMES = 25.0, 61
TIME = (torch.arange(FRAMES) - FRAMES // 2) / FPS


@pytest.fixture(scope="module")
def body():
    return toy_body()


def moving(body, **turns) -> BodyTrack:
    """Somebody whose joints turn: name -> axis-angle (T 3), or an angle (T) about the view."""
    canonical = torch.zeros(FRAMES, 22, 3)
    for name, turn in turns.items():
        canonical[:, CANONICAL_JOINTS.index(name)] = turn if turn.dim() == 2 else turn[:, None] * torch.eye(3)[2]
    return track_of(body, canonical, FPS, (128, 128))


def angle(body, track, name):
    return track.body_pose[:, body.canonical(name) - 1].norm(dim=-1)


def clapping(body) -> BodyTrack:
    ahead = 0.8 + 0.6 * torch.exp(-((TIME / 0.06) ** 2))
    pair = torch.stack([0 * ahead, ahead, 0.4 + 0 * ahead], dim=1)
    return moving(body, left_shoulder=pair, right_shoulder=pair * torch.tensor([1.0, -1.0, -1.0]))


def between_hands(body, track):
    points = body.landmarks(
        ("left_index", "left_pinky", "right_index", "right_pinky"),
        track.betas,
        track.global_orient,
        track.body_pose,
        track.transl,
    )
    return (points[:, :2].mean(1) - points[:, 2:].mean(1)).norm(dim=-1)


def test_a_symmetric_bump_keeps_its_time(body) -> None:
    track = moving(body, left_elbow=0.8 * torch.exp(-((TIME / 0.1) ** 2)))
    bump = angle(body, smooth_limbs(body, track, {"arms": 0.5}), "left_elbow")
    assert int(bump.argmax()) == FRAMES // 2
    torch.testing.assert_close(bump, bump.flip(0), atol=1e-6, rtol=0)
    assert 0.3 < float(bump.max()) < 0.7


@pytest.mark.parametrize(("period", "kept"), [(0.5, 0.707), (0.25, 0.25), (2.0, 0.979)])
def test_seconds_are_the_period_of_which_half_the_power_is_kept(body, period, kept) -> None:
    swing = 0.3 * torch.cos(2 * torch.pi * TIME / period)
    smooth = smooth_limbs(body, moving(body, left_elbow=swing), {"left_arm": 0.5})
    middle = angle(body, smooth, "left_elbow")[FRAMES // 2]
    assert float(middle) == pytest.approx(0.3 * kept, rel=0.02)


def test_hands_that_clap_stay_together(body) -> None:
    track = clapping(body)
    assert float(between_hands(body, track).min()) < 0.15
    smooth = smooth_limbs(body, track, {"arms": 0.5, "hands": 0.5})
    at = FRAMES // 2
    assert float(between_hands(body, smooth)[at]) == pytest.approx(float(between_hands(body, track)[at]), abs=2e-3)
    careless = FitTuning(limbs=LimbTuning(together=(0.0, 1e-3)))
    apart = smooth_limbs(body, track, {"arms": 0.5, "hands": 0.5}, tuning=careless)
    assert float(between_hands(body, apart)[at]) > 0.2


def test_only_what_is_named_changes_and_a_side_wins(body) -> None:
    shake = 0.2 * torch.sin(torch.arange(FRAMES) * 1.9)
    track = moving(body, **dict.fromkeys(("left_elbow", "right_elbow", "head", "left_wrist"), shake))
    smooth = smooth_limbs(body, track, {"left_arm": 0.0, "arms": 0.5, "head": 0.2})
    left = body.canonical("left_elbow") - 1
    assert torch.equal(smooth.body_pose[:, left], track.body_pose[:, left])
    everything = smooth_limbs(body, track, {"all": 0.2})
    torch.testing.assert_close(angle(body, everything, "head"), angle(body, smooth, "head"), atol=0.01, rtol=0)
    right, head = (angle(body, smooth, name)[10:-10].amax() for name in ("right_elbow", "head"))
    assert float(right) < 0.2 * float(head)
    one = smooth_limbs(body, track, {"head": 0.5})
    changed = (one.body_pose != track.body_pose).any(dim=2).any(dim=0).nonzero()[:, 0] + 1
    assert changed.tolist() == [body.canonical("head")]
    assert torch.equal(one.transl, track.transl)


def test_nothing_asked_changes_nothing(body) -> None:
    track = clapping(body)
    assert smooth_limbs(body, track, {}) is track
    assert smooth_limbs(body, track, {"arms": 0.0}) is track
    stills = replace(track, fps=0.0)
    assert smooth_limbs(body, stills, {"arms": 0.5}) is stills


def test_shots_are_smoothed_each_by_itself(body) -> None:
    track = replace(moving(body, left_elbow=0.1 * TIME.sign() + 0.2), cuts=(FRAMES // 2 + 1,))
    shots = (slice(0, FRAMES // 2 + 1), slice(FRAMES // 2 + 1, FRAMES))
    smooth = smooth_limbs(body, track, {"arms": 0.4})
    for shot in shots:
        alone = smooth_limbs(body, track[shot], {"arms": 0.4})
        torch.testing.assert_close(smooth.body_pose[shot], alone.body_pose)


def test_feet_that_stand_go_on_standing(body) -> None:
    sway = 0.05 * torch.sin(torch.arange(FRAMES) / FPS * 2 * torch.pi / 0.9)
    legs = dict.fromkeys(("left_hip", "right_hip"), sway)
    track = moving(body, pelvis=-sway, **legs)
    held = find_stands(body, track) >= 0
    smooth = smooth_limbs(body, track, {"pelvis": 1.0})
    still = held[1:] & held[:-1]
    assert int(still.sum()) > FRAMES
    speed = foot_points(body, smooth).diff(dim=0).norm(dim=-1)[still]
    assert float(speed.mean()) < 0.002


@pytest.mark.parametrize("seconds", [{"wings": 0.5}, {"arms": -1.0}, {"arms": float("nan")}])
def test_mistakes_are_named(body, seconds) -> None:
    with pytest.raises(InputError, match="left_arm" if "wings" in seconds else "arms="):
        smooth_limbs(body, clapping(body), seconds)


def test_the_command_line_names_the_same_limbs() -> None:
    assert (*LIMBS, "all") == NAMED
