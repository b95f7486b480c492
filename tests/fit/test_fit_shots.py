"""Shots are taken each by itself: nothing is smoothed across a cut."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fit_samples import SIZE, dance, film

from liquidwarp.bodies import load_body
from liquidwarp.detect import MaskStack
from liquidwarp.errors import InputError
from liquidwarp.fit import find_stands, fit_track, plant_feet, refine_with_masks
from liquidwarp.regress import regress_landmarks
from liquidwarp.tasks.target import imitation_target
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack, Keypoints, shots_of

CUTS = (12, 20)
FRAMES = 30


@pytest.fixture(scope="module")
def body():
    return toy_body()


def seen(body) -> Keypoints:
    """Three shots of a dancer: seen from three sides, at three places, doing something else each time."""
    pose, place = dance(body, 4.0, 25.0)
    parts = [slice(0, 12), slice(40, 48), slice(80, 90)]
    pose, place = (torch.cat([value[part] for part in parts]) for value in (pose, place))
    for number, shot in enumerate(shots_of(CUTS, FRAMES)):
        pose[shot, 0, 1] += 0.9 * number
        place[shot] += torch.tensor([0.4, 0.1, 0.8]) * number
    keypoints = film(body, torch.zeros(body.num_betas), pose, place, 25.0, noise=1.0, depth_noise=0.03).keypoints
    return replace(keypoints, cuts=CUTS)


def same(a: BodyTrack, b: BodyTrack) -> None:
    for name in ("betas", "global_orient", "body_pose", "transl"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), atol=1e-6, rtol=0)


@pytest.fixture(scope="module")
def fitted(body) -> BodyTrack:
    return fit_track(body, seen(body), betas=torch.zeros(body.num_betas), steps=6).track


def test_every_shot_is_fitted_as_if_it_were_alone(body, fitted) -> None:
    keypoints = seen(body)
    assert fitted.cuts == CUTS
    for shot in shots_of(CUTS, FRAMES):
        same(fitted[shot], fit_track(body, keypoints[shot], betas=fitted.betas, steps=6).track)


def test_masks_and_feet_stay_inside_of_their_shots(body, fitted) -> None:
    disc = (np.hypot(*(np.mgrid[:64, :64] - 32)) < 20).astype(np.float32)
    masks = MaskStack.pack([disc] * FRAMES, (64, 64))
    whole = refine_with_masks(body, seen(body), fitted, masks, rounds=1).track
    held, stands = plant_feet(body, fitted), find_stands(body, fitted)
    assert whole.cuts == held.cuts == CUTS
    for shot in shots_of(CUTS, FRAMES):
        part = MaskStack(masks.packed[shot], masks.size)
        same(whole[shot], refine_with_masks(body, seen(body)[shot], fitted[shot], part, rounds=1).track)
        same(held[shot], plant_feet(body, fitted[shot]))
        assert torch.equal(stands[shot], find_stands(body, fitted[shot]))


def test_one_shape_for_all_shots_and_nobody_in_one_of_them(body) -> None:
    keypoints = seen(body)
    present = keypoints.present.clone()
    present[CUTS[0] : CUTS[1]] = False
    track = fit_track(body, replace(keypoints, present=present), steps=2).track
    assert torch.equal(track.observed, present)
    same(track[CUTS[0] : CUTS[1]], track[[CUTS[0] - 1] * (CUTS[1] - CUTS[0])])


def test_the_regressor_looks_at_each_shot_alone() -> None:
    keypoints = seen(load_body())
    track = regress_landmarks(keypoints)
    assert track.cuts == CUTS
    for shot in shots_of(CUTS, FRAMES):
        alone = regress_landmarks(keypoints[shot])
        torch.testing.assert_close(track[shot].body_pose, alone.body_pose, atol=1e-5, rtol=0)


@pytest.mark.parametrize("camera", ["smooth", "source"])
def test_imitation_begins_anew_after_a_cut(body, fitted, camera) -> None:
    source = fitted[0]
    target = imitation_target(body, source, fitted, camera=camera, size=64)
    for shot in shots_of(CUTS, FRAMES):
        alone = imitation_target(body, source, fitted[shot], camera=camera, size=64)
        for name in ("global_orient", "body_pose", "transl"):
            assert torch.equal(getattr(target, name)[shot], getattr(alone, name))
    first = [shot.start for shot in shots_of(CUTS, FRAMES)]
    if camera == "smooth":
        apart = (target.transl[first] - source.transl)[:, [0, 2]].norm(dim=-1)
        assert float(apart.max()) < 0.1  # standing feet are held where they stand on the whole


def test_a_track_keeps_its_cuts(fitted, tmp_path) -> None:
    fitted.save(tmp_path / "a.npz")
    assert BodyTrack.load(tmp_path / "a.npz").cuts == CUTS
    assert fitted[10:25].cuts == (2, 10)
    assert fitted[::5].cuts == (3, 4)
    assert fitted[[0, 25, 1]].cuts == (1, 2)
    assert fitted[12:20].cuts == ()
    whole = replace(fitted, cuts=())
    whole.save(tmp_path / "b.npz")
    assert "cuts" not in np.load(tmp_path / "b.npz")  # as files were before
    replace(fitted, cuts=(20, 12)).save(tmp_path / "c.npz")
    with pytest.raises(InputError, match=r"not a body track \(its cuts \[20, 12\] are not those of 30 frames\)"):
        BodyTrack.load(tmp_path / "c.npz")
    assert fitted.camera.size == SIZE
