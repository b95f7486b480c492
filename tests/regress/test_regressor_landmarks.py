"""The landmark regressor: accuracy of its weights, cameras, live answers, files, the command line."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fit_samples import SIZE, fitted_joints
from landmark_samples import mean_errors, moving_person, seen_by_detector
from torch import Tensor

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.cli import main
from liquidwarp.detect import MEDIAPIPE_PROFILE
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.fit.skeleton import pose_skeleton
from liquidwarp.fit.track import fit_track, read_state
from liquidwarp.geometry import axis_angle_to_matrix, default_camera
from liquidwarp.regress import (
    LandmarkNetwork,
    LiveRegressor,
    load_landmark_network,
    regress_landmarks,
    save_landmark_network,
    see_in_space,
    with_places,
)
from liquidwarp.regress.landmarks import BUNDLED, regressor_start
from liquidwarp.regress.observed import observe
from liquidwarp.tasks import recover
from liquidwarp.types import BodyTrack, Camera, Keypoints


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body("anny")


def frames_of(keypoints: Keypoints, index: slice) -> Keypoints:
    names = ("image", "confidence", "world", "present")
    return replace(keypoints, **{name: getattr(keypoints, name)[index] for name in names})


def landmarks_of(body: BodyModel, track: BodyTrack) -> Tensor:
    """Return where a track's landmarks are in the axes of its camera, as the detector would put them."""
    state = read_state(body, track, track.camera)
    skeleton = regressor_start()[0].at(track.betas.double())
    return pose_skeleton(skeleton, state.rotations, state.place).points.float()


def test_the_weights_are_small_and_tell_what_they_are() -> None:
    from safetensors import safe_open

    assert BUNDLED.stat().st_size < 4_000_000
    with safe_open(BUNDLED, "pt") as file:
        card = json.loads(file.metadata()["card"])
    assert {"steps", "seed", "trained_on", "cpu_minutes", "version"} <= card.keys()


def test_people_are_recovered_from_what_a_detector_says(body: BodyModel) -> None:
    errors = []
    for seed in range(6):
        joints, points = moving_person(body, 1.0, seed=seed, turned=float(seed))
        track = regress_landmarks(seen_by_detector(points, level=1.0, seed=seed))
        errors.append(mean_errors(fitted_joints(body, track), joints))
    plain, aligned = np.mean(errors, axis=0)
    assert plain < 70
    assert aligned < 45


def test_the_person_falls_where_landmarks_are(body: BodyModel) -> None:
    _, points = moving_person(body, 0.6)
    keypoints = seen_by_detector(points)
    track = regress_landmarks(keypoints)
    again = seen_by_detector(landmarks_of(body, track))
    height = track.camera.focal.mean() * 1.68 / points[..., 2].mean()
    off = (again.image - keypoints.image).norm(dim=-1) / height
    assert float(off.median()) < 0.015


def test_a_turned_camera_turns_the_body_with_it(body: BodyModel) -> None:
    points = moving_person(body, 0.4)[1]
    turn = axis_angle_to_matrix(torch.tensor([0.0, 0.25, 0.0]))
    plain = regress_landmarks(seen_by_detector(points))
    turned = regress_landmarks(seen_by_detector(points @ turn.T))
    there = fitted_joints(body, plain) @ turn.T
    assert float((fitted_joints(body, turned) - there).norm(dim=-1).max()) < 0.03


def test_a_camera_elsewhere_in_the_world(body: BodyModel) -> None:
    keypoints = seen_by_detector(moving_person(body, 0.4)[1], level=1.0)
    plain = default_camera(SIZE)
    turn, shift = axis_angle_to_matrix(torch.tensor([0.1, 0.7, -0.2])), torch.tensor([0.3, -0.2, 0.5])
    moved = Camera(plain.focal, plain.center, plain.size, turn, shift)
    here, there = (fitted_joints(body, regress_landmarks(keypoints, camera=camera)) for camera in (plain, moved))
    torch.testing.assert_close(there @ turn.T + shift, here, atol=1e-3, rtol=0)


def test_frames_without_the_person_are_bridged_and_disturb_nobody(body: BodyModel) -> None:
    joints, points = moving_person(body, 1.0)
    keypoints = seen_by_detector(points)
    present = keypoints.present.clone()
    present[10:12] = False
    image = torch.where(present[:, None, None], keypoints.image, torch.zeros(()))
    gap = replace(keypoints, present=present, image=image, world=keypoints.world * present[:, None, None])
    track = regress_landmarks(gap)
    assert track.observed.tolist() == present.tolist()
    assert mean_errors(fitted_joints(body, track), joints)[0] < 60
    whole = fitted_joints(body, regress_landmarks(keypoints))
    assert float((fitted_joints(body, track) - whole)[present].norm(dim=-1).mean()) < 0.02


def test_an_answer_that_misses_the_landmarks_is_bridged(body: BodyModel) -> None:
    joints, points = moving_person(body, 0.6)
    keypoints = seen_by_detector(points)
    broken = replace(keypoints, image=keypoints.image.clone())
    broken.image[7] = broken.image[7].flip(0)  # landmarks of one frame under each other's names
    track = regress_landmarks(broken)
    assert bool(track.observed.all())
    assert float((fitted_joints(body, track) - joints)[7].norm(dim=-1).mean()) < 0.2


def test_pictures_at_no_rate_are_looked_at_alone(body: BodyModel) -> None:
    keypoints = replace(seen_by_detector(moving_person(body, 0.3)[1], level=1.0), fps=0.0)
    together = regress_landmarks(keypoints)
    alone = regress_landmarks(frames_of(keypoints, slice(4, 5)))
    torch.testing.assert_close(together.body_pose[4], alone.body_pose[0], atol=1e-4, rtol=0)


def test_a_detector_without_places_in_space(body: BodyModel) -> None:
    joints, points = moving_person(body, 0.6)
    keypoints = replace(seen_by_detector(points), world=None)
    assert mean_errors(fitted_joints(body, regress_landmarks(keypoints)), joints)[1] < 90


def test_live_answers_follow_without_a_look_ahead(body: BodyModel) -> None:
    points = moving_person(body, 0.7)[1]
    keypoints = seen_by_detector(points, level=1.0)
    live = LiveRegressor(25.0)
    answers = [live.answer(frames_of(keypoints, slice(i, i + 1))) for i in range(len(points))]
    assert all(len(answer) == 1 for answer in answers)
    found = torch.cat([fitted_joints(body, answer) for answer in answers])
    whole = regress_landmarks(keypoints)
    # The last frame of a clip has no future either.
    torch.testing.assert_close(answers[-1].body_pose, whole.body_pose[-1:], atol=1e-4, rtol=0)
    assert mean_errors(found, fitted_joints(body, whole))[0] < 15
    away = replace(frames_of(keypoints, slice(0, 1)), present=torch.zeros(1, dtype=torch.bool))
    kept = live.answer(away)
    assert not bool(kept.observed)
    torch.testing.assert_close(kept.body_pose, answers[-1].body_pose)


@pytest.mark.slow
def test_live_at_twice_the_rate_sees_as_far_back(body: BodyModel) -> None:
    points = moving_person(body, 0.4, fps=50.0)[1]
    keypoints = seen_by_detector(points, fps=50.0)
    fast, slow = LiveRegressor(50.0), LiveRegressor(25.0)
    last = [fast.answer(frames_of(keypoints, slice(i, i + 1))) for i in range(17)][-1]
    same = [slow.answer(frames_of(keypoints, slice(i, i + 1))) for i in range(0, 17, 2)][-1]
    torch.testing.assert_close(last.body_pose, same.body_pose, atol=1e-5, rtol=0)


def test_weights_survive_a_file(tmp_path: Path, body: BodyModel) -> None:
    torch.manual_seed(0)
    network = LandmarkNetwork(regressor_start()[0], width=8, inner=12)
    path = tmp_path / "small.safetensors"
    save_landmark_network(network, path, {"steps": 0})
    loaded = load_landmark_network(path)
    assert (loaded.width, loaded.inner) == (8, 12)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value.half().float(), atol=0, rtol=0)
    keypoints = seen_by_detector(moving_person(body, 0.2)[1])
    torch.testing.assert_close(
        regress_landmarks(keypoints, network=network).body_pose,
        regress_landmarks(keypoints, network=loaded).body_pose,
        atol=5e-3,
        rtol=0,
    )


def test_wrong_files_are_refused_in_one_line(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    other, cut = tmp_path / "other.safetensors", tmp_path / "cut.safetensors"
    save_file({"a": torch.zeros(2)}, other)
    cut.write_bytes(BUNDLED.read_bytes()[:5000])
    odd = tmp_path / "odd.safetensors"
    card = json.dumps({"configuration": "landmarks", "width": 8, "inner": 12})
    save_file({"look.weight": torch.zeros(2)}, odd, {"card": card})
    cases = {
        other: "weights of 'an unknown network', wanted 'landmarks'",
        cut: "cannot be read as weights",
        odd: "does not fit the network",
        tmp_path / "none.safetensors": "cannot be read as weights",
    }
    for path, words in cases.items():
        with pytest.raises(InputError, match=words) as caught:
            load_landmark_network(path)
        assert "\n" not in str(caught.value)


def test_refusals(body: BodyModel) -> None:
    keypoints = seen_by_detector(moving_person(body, 0.2)[1])
    nobody = replace(keypoints, present=torch.zeros_like(keypoints.present))
    with pytest.raises(NoPersonError, match="no person in any of the 5 frames"):
        regress_landmarks(nobody)
    with pytest.raises(NoPersonError, match="no person in any frame so far"):
        LiveRegressor(25.0).answer(frames_of(nobody, slice(0, 1)))
    with pytest.raises(InputError, match="5 frames at once"):
        LiveRegressor(25.0).answer(keypoints)
    with pytest.raises(InputError, match="is no rate"):
        LiveRegressor(0.0)
    flat = replace(default_camera(SIZE), orthographic=True)
    with pytest.raises(InputError, match="orthographic"):
        regress_landmarks(keypoints, camera=flat)
    with pytest.raises(InputError, match=r"use camera\.resized"):
        regress_landmarks(keypoints, camera=default_camera((64, 64)))
    with pytest.raises(InputError, match="regressor='eyes' is not known"):
        recover(keypoints, regressor="eyes")


def test_it_starts_a_short_fit(body: BodyModel) -> None:
    joints, points = moving_person(body, 0.6)
    keypoints = seen_by_detector(points)
    camera = default_camera(keypoints.size)
    alone = recover(keypoints, camera=camera, regressor="landmarks", fit=False)
    fitted = recover(keypoints, camera=camera, regressor="landmarks")
    assert mean_errors(fitted_joints(body, fitted), joints)[0] < 60
    off = [(seen_by_detector(landmarks_of(body, t)).image - keypoints.image).norm(dim=-1) for t in (alone, fitted)]
    assert float(off[1].median()) < 0.8 * float(off[0].median())
    assert torch.equal(fitted.body_pose, recover(keypoints, camera=camera, regressor="landmarks").body_pose)


def test_a_fit_keeps_what_the_network_knows_of_depth(body: BodyModel) -> None:
    keypoints = seen_by_detector(moving_person(body, 0.3)[1])
    known = regress_landmarks(keypoints)
    assert keypoints.world is not None
    turned = replace(keypoints, world=keypoints.world * torch.tensor([1.0, 1.0, -1.0]))
    told = with_places(turned, known, "landmarks")
    assert told.detector == "simulated + landmarks"
    assert told.profile.depth_sigma < keypoints.profile.depth_sigma
    assert keypoints.profile.leans
    assert not told.profile.leans
    assert told.profile.offsets == MEDIAPIPE_PROFILE.offsets
    assert told.world is not None
    hips = told.world[:, [MEDIAPIPE.index("left_hip"), MEDIAPIPE.index("right_hip")]].mean(1, keepdim=True)
    assert float((told.world - hips - keypoints.world).norm(dim=-1).mean()) < 0.06  # in the detector's own axes
    truth = fitted_joints(body, known)
    errors = [
        mean_errors(fitted_joints(body, fit_track(body, seen, initial=known, steps=3).track), truth)[0]
        for seen in (turned, told)
    ]
    assert errors[1] < 0.7 * errors[0], errors
    few = replace(keypoints, names=("unknown", *keypoints.names[1:]))
    assert with_places(few, known, "landmarks") is few


@pytest.mark.parametrize("fps", [0.0, 25.0], ids=["photos", "clip"])
def test_pictures_are_seen_better_in_space_than_the_detector_guesses(body: BodyModel, fps: float) -> None:
    _, points = moving_person(body, 1.6, turned=0.5)
    keypoints = replace(seen_by_detector(points, level=1.0), fps=fps)
    seen = see_in_space(keypoints)
    truth = (points - points[:, [MEDIAPIPE.index("left_hip"), MEDIAPIPE.index("right_hip")]].mean(1, keepdim=True)) @ (
        observe(keypoints, default_camera(SIZE)).ray
    )
    names = ("shoulder", "elbow", "wrist", "knee", "ankle")
    columns = [MEDIAPIPE.index(f"{side}_{name}") for side in ("left", "right") for name in names]

    def depth_error(world: Tensor) -> Tensor:
        hips = world[:, [MEDIAPIPE.index("left_hip"), MEDIAPIPE.index("right_hip")], 2].mean(1, keepdim=True)
        return (world[:, columns, 2] - hips - truth[:, columns, 2]).abs().mean()

    assert seen.world is not None
    assert keypoints.world is not None
    assert depth_error(seen.world) < 0.75 * depth_error(keypoints.world)
    assert not seen.profile.leans
    assert torch.equal(seen.image, keypoints.image)


def test_what_the_network_does_not_know_or_misses_keeps_the_detectors_places(body: BodyModel) -> None:
    _, points = moving_person(body, 0.2)
    keypoints = replace(seen_by_detector(points), fps=0.0)
    assert keypoints.world is not None
    upright = replace(keypoints, profile=replace(MEDIAPIPE_PROFILE, leans=False))
    assert see_in_space(upright) is upright
    assert see_in_space(replace(keypoints, world=None)).world is None
    assert see_in_space(keypoints, camera=replace(default_camera(SIZE), orthographic=True)) is keypoints
    astray = keypoints.image.clone()
    astray[2] = astray[2][torch.randperm(33, generator=torch.Generator().manual_seed(0))]
    kept = see_in_space(replace(keypoints, image=astray))
    assert kept.world is not None
    assert torch.equal(kept.world[2], keypoints.world[2])
    assert not torch.equal(kept.world[1], keypoints.world[1])


def test_recovery_sees_clips_in_space(body: BodyModel) -> None:
    joints, points = moving_person(body, 0.4)
    keypoints = seen_by_detector(points, level=1.0)
    camera = default_camera(SIZE)
    track = recover(keypoints, body=body, camera=camera)
    assert track.detector == "simulated + landmarks"
    alone = fit_track(body, keypoints, camera=camera).track
    assert mean_errors(fitted_joints(body, track), joints)[0] < mean_errors(fitted_joints(body, alone), joints)[0]


@pytest.mark.slow
def test_the_command_line_needs_no_weights(sources, tmp_path: Path) -> None:
    out = tmp_path / "quick.npz"
    assert main(["recover", str(sources.motion), "-o", str(out), "--regressor", "landmarks", "--no-fit"]) == 0
    track = BodyTrack.load(out)
    assert len(track) == 6
    assert "landmark regressor" in track.detector


def test_the_command_line_takes_other_weights(sources, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["recover", str(sources.motion), "-o", str(tmp_path / "track.npz"), "--regressor", "landmarks"]
    assert main([*common, "--weights", str(tmp_path / "none.safetensors")]) == 2
    error = capsys.readouterr().err
    assert "none.safetensors: cannot be read as weights" in error
    assert error.count("\n") == 1
