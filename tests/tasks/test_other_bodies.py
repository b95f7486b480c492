"""A person does the motion of any body, and leaves with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import liquidwarp as lw
from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.testing import toy_body

FRAMES = 4
ARM = tuple(CANONICAL_JOINTS.index(f"left_{name}") for name in ("shoulder", "elbow"))


@pytest.fixture(scope="module")
def amass(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody who stands, z up, and raises the left arm from level to straight up."""
    poses = np.zeros((FRAMES, 52, 3))
    poses[:, 0] = [np.pi / 2, 0, 0]
    poses[:, ARM[0], 2] = np.linspace(0, np.pi / 2, FRAMES)
    path = tmp_path_factory.mktemp("amass") / "raise.npz"
    trans = np.tile([0.0, 0.0, 0.9], (FRAMES, 1))
    np.savez(path, poses=poses.reshape(FRAMES, -1), trans=trans, betas=np.zeros(16), mocap_framerate=30.0)
    return path


@pytest.fixture(scope="module")
def motion(amass: Path) -> lw.BodyTrack:
    return lw.read_motion(amass, toy_body())


def upper_arm(track: lw.BodyTrack) -> torch.Tensor:
    """Return where the left upper arm points, per frame."""
    body = lw.load_body(track.body)
    names = ("left_shoulder", "left_elbow")
    places = body.landmarks(names, track.betas, track.global_orient, track.body_pose, track.transl)
    return torch.nn.functional.normalize(places[:, 1] - places[:, 0], dim=-1)


def test_a_motion_of_amass_drives_a_person_of_another_body(encoded: lw.SourceState, motion: lw.BodyTrack) -> None:
    assert (motion.body, motion.fps, len(motion)) == ("toy", 30.0, FRAMES)
    arm = upper_arm(motion)
    assert float(arm[0, 0]) > 0.95
    assert float(arm[-1, 1]) < -0.95
    assert encoded.track.body == "anny"
    pictures = list(lw.imitate(encoded, motion, background="plain", size=64))
    assert len(pictures) == FRAMES
    assert all(float(picture.alpha.mean()) > 0.03 for picture in pictures)
    rows = [picture.alpha.amax(1).nonzero()[0, 0] for picture in pictures]
    assert int(rows[-1]) < int(rows[0]), "the raised arm reaches over the head"
    # What imitate does by itself is what `retarget` does.
    ready = lw.retarget(motion, lw.load_body("anny"))
    assert ready.body == "anny"
    for one, other in zip(pictures, lw.imitate(encoded, ready, background="plain", size=64), strict=True):
        assert torch.equal(one.image, other.image)


def test_a_track_saved_for_one_body_is_read_for_another(motion: lw.BodyTrack, tmp_path: Path) -> None:
    motion.save(tmp_path / "track.npz")
    read = lw.read_motion(tmp_path / "track.npz")
    assert read.body == "anny"
    torch.testing.assert_close(upper_arm(read), upper_arm(motion), atol=0.05, rtol=0)


def test_a_person_leaves_with_the_motion_of_another_body(
    encoded: lw.SourceState, motion: lw.BodyTrack, tmp_path: Path
) -> None:
    lw.export_glb(encoded, motion, tmp_path / "a.glb")
    lw.export_glb(encoded, lw.retarget(motion, lw.load_body()), tmp_path / "b.glb")
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes()


@pytest.mark.parametrize("ending", ["npz", "bvh"])
def test_motion_goes_out_for_other_programs(motion: lw.BodyTrack, tmp_path: Path, ending: str) -> None:
    lw.write_motion(motion, tmp_path / f"out.{ending}")
    again = lw.read_motion(tmp_path / f"out.{ending}", toy_body())
    torch.testing.assert_close(upper_arm(again), upper_arm(motion), atol=0.02, rtol=0)


def test_what_cannot_drive_a_person_is_one_line(encoded: lw.SourceState, motion: lw.BodyTrack, tmp_path: Path) -> None:
    for track, message in (
        (replace(motion, body="smplx-male"), r"^a track of body 'smplx-male', which is not at hand: .*SMPLX_MALE.npz"),
        (replace(motion, body="nobody"), r"^a track of body 'nobody', which is not at hand: "),
        (
            replace(motion, body_pose=motion.body_pose[:, :3]),
            r"^the track has 3 joints and .*recover it anew$",
        ),
        (replace(encoded.track, betas=torch.zeros(2)), r"^the track has \d+ joints and 2 shape coefficients"),
    ):
        for use in (
            lambda track: lw.imitate(encoded, track),
            lambda track: lw.export_glb(encoded, track, tmp_path / "x.glb"),
            lambda track: lw.retarget(track, lw.load_body()),
        ):
            with pytest.raises(lw.InputError, match=message) as error:
                use(track)
            assert "\n" not in str(error.value)
    with pytest.raises(lw.OutputError, match=r"x.fbx: give a name that ends in \.npz, \.bvh, \.glb"):
        lw.write_motion(motion, tmp_path / "x.fbx")
    assert not list(tmp_path.glob("x.*"))
