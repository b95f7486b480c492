"""The image regressor: a clip through it, pictures of every kind, files, the command line."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fit_samples import SIZE, fitted_joints
from landmark_samples import mean_errors, moving_person, seen_by_detector

from liquidwarp.bodies import load_body
from liquidwarp.cli import main
from liquidwarp.errors import InputError
from liquidwarp.fit.skeleton import pose_skeleton
from liquidwarp.fit.track import read_state
from liquidwarp.geometry import default_camera
from liquidwarp.regress import (
    ImageNetwork,
    load_image_network,
    regress_landmarks,
    regress_pictures,
    save_image_network,
)
from liquidwarp.regress.image import BUNDLED
from liquidwarp.regress.landmarks import BUNDLED as LANDMARKS
from liquidwarp.regress.landmarks import regressor_start
from liquidwarp.synth import synthetic_clip
from liquidwarp.tasks import recover
from liquidwarp.types import Clip, Keypoints

SCRIPTS = Path(__file__).parents[2] / "datasets" / "synthetic"


def small_network() -> ImageNetwork:
    torch.manual_seed(0)
    network = ImageNetwork(regressor_start()[0], (4, 6, 6, 8), 16, 3)
    torch.nn.init.normal_(network.correct[-1].weight, std=0.02)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def network() -> ImageNetwork:
    return small_network()


@pytest.fixture(scope="module")
def keypoints() -> Keypoints:
    return seen_by_detector(moving_person(load_body("anny"), 0.2)[1], level=1.0)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return (
        np.random.default_rng(0)
        .integers(0, 255, (5, SIZE[0] // 8, SIZE[1] // 8, 3), np.uint8)
        .repeat(8, 1)
        .repeat(8, 2)
    )


def frame_of(keypoints: Keypoints, index: slice) -> Keypoints:
    names = ("image", "confidence", "world", "present")
    return replace(keypoints, **{name: getattr(keypoints, name)[index] for name in names})


def test_a_network_that_changes_nothing_leaves_the_landmarks_answer(frames, keypoints) -> None:
    network = small_network()
    network.correct[-1].weight.zero_()
    track = regress_pictures(iter(frames), keypoints, network=network)
    plain = regress_landmarks(keypoints)
    torch.testing.assert_close(track.body_pose, plain.body_pose, atol=1e-4, rtol=0)
    torch.testing.assert_close(track.transl, plain.transl, atol=1e-4, rtol=0)


def test_single_pictures_are_looked_at_alone(frames, keypoints, network) -> None:
    stills = replace(keypoints, fps=0.0)
    together = regress_pictures(iter(frames), stills, network=network)
    alone = regress_pictures(iter(frames[3:4]), frame_of(stills, slice(3, 4)), network=network)
    torch.testing.assert_close(together.body_pose[3], alone.body_pose[0], atol=1e-4, rtol=0)


def test_pixels_matter_and_only_those_of_the_frame(frames, keypoints, network) -> None:
    other = frames.copy()
    other[2] = 255 - other[2]
    plain, changed = (regress_pictures(iter(f), keypoints, network=network).body_pose for f in (frames, other))
    moved = (plain - changed).abs().amax((1, 2))
    assert float(moved[2]) > 1e-4
    torch.testing.assert_close(moved[[0, 1, 3, 4]], torch.zeros(4), atol=1e-6, rtol=0)


def test_a_person_cut_off_by_the_border(frames, keypoints, network) -> None:
    shift = torch.tensor([-float(SIZE[1]) / 2, 0.0])
    beside = replace(keypoints, image=keypoints.image + shift)
    track = regress_pictures(iter(frames), beside, network=network)
    assert bool(track.body_pose.isfinite().all())


def test_landmarks_that_are_missing(frames, keypoints, network) -> None:
    legless = replace(keypoints, confidence=keypoints.confidence.clone())
    legless.confidence[:, 25:] = 0
    track = regress_pictures(iter(frames), legless, network=network)
    assert bool(track.body_pose.isfinite().all())


def test_frames_without_the_person_are_bridged(frames, keypoints, network) -> None:
    present = torch.tensor([True, True, False, True, True])
    gap = replace(keypoints, present=present)
    black = frames.copy()
    black[2] = 0
    found = regress_pictures(iter(frames), gap, network=network)
    assert found.observed.tolist() == present.tolist()
    same = regress_pictures(iter(black), gap, network=network)
    torch.testing.assert_close(found.body_pose, same.body_pose, atol=0, rtol=0)


def test_the_pictures_size_does_not_matter(frames, keypoints, network) -> None:
    half = replace(keypoints, image=keypoints.image / 2, size=(SIZE[0] // 2, SIZE[1] // 2))
    small = frames[:, ::2, ::2]  # every pixel stands four times as large in both
    one, other = (
        regress_pictures(iter(f), k, network=network).body_pose for f, k in ((frames, keypoints), (small, half))
    )
    assert float((one - other).abs().max()) < 0.05


def test_an_answer_that_misses_the_landmarks_is_not_taken(frames, keypoints) -> None:
    wild = small_network()
    torch.nn.init.normal_(wild.correct[-1].weight, std=20.0)
    torch.testing.assert_close(
        regress_pictures(iter(frames), keypoints, network=wild).body_pose,
        regress_landmarks(keypoints).body_pose,
        atol=1e-5,
        rtol=0,
    )


def test_fewer_pictures_than_keypoints(frames, keypoints, network) -> None:
    with pytest.raises(InputError, match="3 pictures with a person, but keypoints of 5; give those of the clip"):
        regress_pictures(iter(frames[:3]), keypoints, network=network)


def test_keypoints_alone_are_refused(keypoints, network) -> None:
    with pytest.raises(InputError, match="the image regressor looks at pictures, the source has none"):
        recover(keypoints, regressor=network)


def test_a_file_keeps_the_network(tmp_path: Path, frames, keypoints, network) -> None:
    path = tmp_path / "small.safetensors"
    save_image_network(network, path, {"steps": 0})
    loaded = load_image_network(path)
    assert (loaded.widths, loaded.inner, loaded.local) == ((4, 6, 6, 8), 16, 3)
    one, other = (regress_pictures(iter(frames), keypoints, network=n).body_pose for n in (network, loaded))
    torch.testing.assert_close(one, other, atol=5e-3, rtol=0)


def test_wrong_files_are_refused_in_one_line(tmp_path: Path, network, capsys: pytest.CaptureFixture[str]) -> None:
    from safetensors.torch import save_file

    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    save_image_network(network, whole, {})
    cut.write_bytes(whole.read_bytes()[:5000])
    sizeless, odd = tmp_path / "sizeless.safetensors", tmp_path / "odd.safetensors"
    save_file({"a": torch.zeros(2)}, sizeless, {"card": json.dumps({"configuration": "image"})})
    card = {"configuration": "image", "widths": [4, 6, 6, 8], "inner": 16, "local": 3}
    save_file({"a": torch.zeros(2)}, odd, {"card": json.dumps(card)})
    cases = {
        LANDMARKS: "weights of 'landmarks', wanted 'image'",
        cut: "cannot be read as weights",
        sizeless: "its card does not tell how large the network is",
        odd: "does not fit the network",
        tmp_path / "none.safetensors": "cannot be read as weights",
    }
    for path, words in cases.items():
        with pytest.raises(InputError, match=words) as caught:
            load_image_network(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_the_weights_of_both_networks_are_small_and_tell_what_they_are() -> None:
    from safetensors import safe_open

    assert BUNDLED.stat().st_size + LANDMARKS.stat().st_size < 4_000_000
    with safe_open(BUNDLED, "pt") as file:
        card = json.loads(file.metadata()["card"])
    assert {"steps", "seed", "trained_on", "cpu_minutes", "hardware", "version"} <= card.keys()


def test_the_bundled_network_on_grey_pictures(frames, keypoints) -> None:
    grey = frames.mean(-1, keepdims=True).astype(np.uint8).repeat(3, -1)
    track, plain = regress_pictures(iter(grey), keypoints), regress_landmarks(keypoints)
    off = (fitted_joints(load_body("anny"), track) - fitted_joints(load_body("anny"), plain)).norm(dim=-1)
    assert float(off.mean()) < 0.2  # noise on a grey screen: nonsense to see, but no nonsense to answer


@pytest.mark.slow
def test_it_is_no_worse_than_the_landmark_network_where_the_real_detector_errs(tmp_path: Path) -> None:
    before, after = [], []
    for seed in range(4):
        clip = synthetic_clip((7, seed), 6, (256, 256), fps=12.5)
        errors = [_errors(clip, name) for name in ("landmarks", "image")]
        before.append(errors[0])
        after.append(errors[1])
    assert np.mean(after) < 1.03 * np.mean(before)  # which has learnt these errors; before that it was a tenth better


def _errors(clip: Clip, regressor: str) -> float:
    body = load_body("anny")
    camera = default_camera(clip.size)
    pictures = np.stack([clip.images[i] for i in range(len(clip))])
    track = recover(pictures, camera=camera, regressor=regressor, fit=False)
    state = read_state(body, clip.track, camera)
    skeleton = regressor_start()[0].at(clip.track.betas.double())
    truth = pose_skeleton(skeleton, state.rotations, state.place).joints.float()
    return mean_errors(fitted_joints(body, track), truth)[0]


@pytest.mark.slow
def test_the_command_line(sources, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "quick.npz"
    common = ["recover", str(sources.motion), "-o", str(out), "--regressor", "image"]
    assert main([*common, "--no-fit"]) == 0
    assert out.exists()
    assert main([*common, "--weights", str(LANDMARKS)]) == 2
    assert "wanted 'image'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_few_steps_of_training_lower_the_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    import make_people
    import train_image_regressor as recipe

    make_people.make_people(tmp_path, range(3))
    generator = torch.Generator().manual_seed(0)
    people = recipe.load_people(tmp_path, 3, generator)
    torch.manual_seed(0)
    losses = recipe.train(ImageNetwork(regressor_start()[0]), people, 40, 2e-3, generator)
    assert np.mean(losses[-8:]) < 0.9 * np.mean(losses[:8])
