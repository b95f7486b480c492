"""Motion in and out of files."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from test_retarget import bone_angles, random_track

from liquidwarp.bodies import CANONICAL_JOINTS, load_body
from liquidwarp.errors import InputError
from liquidwarp.motion import (
    OTHER_MOTIONS,
    joint_places,
    read_amass,
    read_bvh,
    read_motion,
    skeleton_of,
    write_amass,
    write_bvh,
)
from liquidwarp.testing import toy_body

LIMBS = [
    CANONICAL_JOINTS.index(f"{side}_{name}") - 1
    for side in ("left", "right")
    for name in ("knee", "ankle", "elbow", "wrist")
]


@pytest.fixture(autouse=True)
def no_smpl_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIQUIDWARP_BODY_MODELS", str(tmp_path / "none"))


@pytest.mark.parametrize("kind", ["npz", "bvh"])
def test_out_and_in_again(tmp_path: Path, kind: str) -> None:
    body = load_body("anny")
    track = random_track(body)
    path = tmp_path / f"dance.{kind}"
    (write_amass if kind == "npz" else write_bvh)(path, track, body)
    again = read_motion(path, body)
    assert (again.body, len(again), again.fps) == ("anny", 6, 30.0)
    angles = bone_angles(track, body, again, body)
    assert angles[:, LIMBS].max() < 0.1
    assert angles.max() < 6
    ours, theirs = (joint_places(skeleton_of(body, each))[:, 0] for each in (track, again))
    torch.testing.assert_close(ours - ours[0], theirs - theirs[0], atol=2e-3, rtol=0)
    first = path.read_bytes()
    (write_amass if kind == "npz" else write_bvh)(path, track, body)
    assert path.read_bytes() == first


def test_amass_has_its_arrays_and_axes(tmp_path: Path) -> None:
    body = load_body("anny")
    write_amass(tmp_path / "a.npz", random_track(body), body)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert archive["poses"].shape == (6, 156)
        assert archive["betas"].shape == (16,)
        assert archive["trans"].shape == (6, 3)
        assert float(archive["mocap_framerate"]) == 30
    poses = np.zeros((2, 156))
    poses[:, :3] = (np.pi / 2, 0, 0)  # stands upright in a world whose z points up
    np.savez(
        tmp_path / "up.npz",
        poses=poses,
        trans=np.array([[0, 0, 0.9], [1, 0, 1.0]]),
        betas=np.zeros(16),
        mocap_framerate=120.0,
    )
    motion = read_amass(tmp_path / "up.npz")
    assert motion.fps == 120
    torch.testing.assert_close(motion.turns, torch.eye(3, dtype=torch.float64).expand(2, 22, 3, 3))
    torch.testing.assert_close(motion.root[1] - motion.root[0], torch.tensor([1, -0.1, 0], dtype=torch.float64))
    np.savez(tmp_path / "y.npz", smpl_poses=np.zeros((2, 24, 3)), smpl_trans=np.array([[0, 0.9, 0], [1, 1, 0]]))
    motion = read_amass(tmp_path / "y.npz")
    torch.testing.assert_close(motion.turns, torch.eye(3, dtype=torch.float64).expand(2, 22, 3, 3))
    torch.testing.assert_close(motion.root[1] - motion.root[0], torch.tensor([1, -0.1, 0], dtype=torch.float64))


def test_published_results_stand_where_they_stood(tmp_path: Path) -> None:
    pose = np.zeros((3, 72), dtype=np.float32)
    pose[:, 0] = np.pi  # as such regressors see who stands: y points down
    cams = np.array([[0.8, 0.0, 0.1], [0.8, 0.1, 0.1], [0.4, 0.1, 0.1]], dtype=np.float32)
    path = tmp_path / "pose_shape.pkl"
    path.write_bytes(pickle.dumps({"cams": cams, "pose": pose, "shape": np.zeros((3, 10))}, protocol=2))
    track = read_motion(path, toy_body())
    places = joint_places(skeleton_of(toy_body(), track))
    assert places[0, CANONICAL_JOINTS.index("head"), 1] < places[0, 0, 1]
    assert float(places[1, 0, 0] - places[0, 0, 0]) == pytest.approx(0.1, abs=1e-5)
    assert float(places[2, 0, 2] / places[0, 0, 2]) == pytest.approx(2, abs=0.05)


MIXAMO = """HIERARCHY
ROOT mixamorig:Hips
{ OFFSET 0 100 0 CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT mixamorig:Spine { OFFSET 0 10 0 CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT mixamorig:Neck { OFFSET 0 40 0 CHANNELS 3 Zrotation Xrotation Yrotation
      JOINT mixamorig:Head { OFFSET 0 10 0 CHANNELS 3 Zrotation Xrotation Yrotation End Site { OFFSET 0 10 0 } } }
%s%s } %s%s }
MOTION
Frames: 2
Frame Time: 0.041666667
%s
%s
"""


def mixamo(renamed: tuple[str, str] = ("", "")) -> str:
    turn = "CHANNELS 3 Zrotation Xrotation Yrotation"

    def limb(names: list[str], offsets: list[str]) -> str:
        text = "".join(
            f"JOINT mixamorig:{name} {{ OFFSET {offset} {turn} " for name, offset in zip(names, offsets, strict=True)
        )
        return text + "End Site { OFFSET 1 1 1 } " + "} " * len(names)

    arms = [
        limb(
            [f"{side}{name}" for name in ("Shoulder", "Arm", "ForeArm", "Hand")],
            [f"{sign}5 35 0", f"{sign}12 0 0", f"{sign}27 0 0", f"{sign}25 0 0"],
        )
        for side, sign in (("Left", ""), ("Right", "-"))
    ]
    legs = [
        limb(
            [f"{side}{name}" for name in ("UpLeg", "Leg", "Foot", "ToeBase")],
            [f"{sign}9 -4 0", "0 -42 0", "0 -42 0", "0 -6 14"],
        )
        for side, sign in (("Left", ""), ("Right", "-"))
    ]
    joints = 1 + 3 + 8 + 8
    rest = "0 100 0 " + "0 " * (3 * joints)
    moved = "50 100 0 " + "0 0 0 " + "0 0 0 " * 3 + "0 0 0 90 0 0 " + "0 " * (3 * joints - 18)  # the left arm is raised
    return (MIXAMO % (*arms, *legs, rest, moved)).replace(*renamed)


def test_a_bvh_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "walk.bvh"
    path.write_text(mixamo())
    motion = read_bvh(path)
    assert motion.fps == pytest.approx(24, abs=1e-3)
    places = joint_places(motion)
    wrist, shoulder = CANONICAL_JOINTS.index("left_wrist"), CANONICAL_JOINTS.index("left_shoulder")
    torch.testing.assert_close(places[1, wrist] - places[1, shoulder], torch.tensor([0, -0.52, 0], dtype=torch.float64))
    torch.testing.assert_close(places[1, 0] - places[0, 0], torch.tensor([0.5, 0, 0], dtype=torch.float64))
    body = load_body("anny")
    track = read_motion(path, body)
    arm = joint_places(skeleton_of(body, track))[1]
    assert (arm[wrist] - arm[shoulder])[1] < -0.3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            mixamo(("ForeArm", "Tentacle")).replace("OFFSET 27 0 0", "OFFSET 99 0 0").replace("Hand", "Thing"),
            r"unknown skeleton: found left_hip \(mixamorig:LeftUpLeg\), .*missing left_elbow \(such as LeftForeArm or ",
        ),
        (mixamo()[:-200], "numbers, wanted 2 frames of"),
        (mixamo(("MOTION", "")), "no HIERARCHY and MOTION"),
        (mixamo(("Frames: 2", "Frames: 0")), "0 frames"),
        ("HIERARCHY ROOT a { JOINT b {\nMOTION\nFrames: 1\nFrame Time: 0.1\n0\n", "not one whole tree"),
        ("", "no HIERARCHY"),
    ],
)
def test_bvh_files_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "odd.bvh"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"odd.bvh: .*{message}") as error:
        read_motion(path, toy_body())
    assert "\n" not in str(error.value)


def test_npz_and_pickles_that_cannot_be_used(tmp_path: Path) -> None:
    toy, path = toy_body(), tmp_path / "odd.npz"
    for arrays, message in (
        ({"poses": np.zeros((2, 10))}, r"poses of shape \(2, 10\), wanted"),
        ({"poses": np.full((2, 72), np.nan)}, "NaN"),
        ({"poses": np.zeros((2, 72)), "trans": np.zeros((3, 3))}, r"trans has shape \(3, 3\)"),
        ({"poses": np.zeros((2, 72)), "mocap_framerate": 0.0}, "0.0 frames a second"),
        ({"trans": np.zeros((3, 3))}, "looked for poses"),
        ({"a": np.zeros(3)}, "no motion in it; .* found a; write what there is so: numpy.savez"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(InputError, match=message):
            read_motion(path, toy)
    pickled = tmp_path / "odd.pkl"
    pickled.write_bytes(pickle.dumps({"vertices": np.zeros(3)}))
    with pytest.raises(InputError, match=r"looked for poses, .* found vertices"):
        read_motion(pickled, toy)
    with pytest.raises(InputError, match=r"not a motion; give a file that ends in .npz, .bvh, .pkl"):
        read_motion(tmp_path / "a.xyz", toy)
    for ending in OTHER_MOTIONS:
        with pytest.raises(InputError, match=rf"a\{ending.upper()}: .*(export|convert|write)") as error:
            read_motion(tmp_path / f"a{ending.upper()}", toy)
        assert "\n" not in str(error.value)


def test_arguments_that_do_not_fit_the_file(tmp_path: Path) -> None:
    toy, track = toy_body(), random_track(toy_body())
    track.save(tmp_path / "t.npz")
    write_bvh(tmp_path / "t.bvh", track, toy)
    for name in ("t.npz", "t.bvh"):
        assert len(read_motion(tmp_path / name, toy, person=0)) == len(track)
        with pytest.raises(InputError, match="holds one person, so there is no number 1; leave --motion-person out"):
            read_motion(tmp_path / name, toy, person=1)
    with pytest.raises(InputError, match=r"--joint-map is for \.bvh; leave it out"):
        read_motion(tmp_path / "t.npz", toy, joint_map={"left_hip": "a"})


def test_a_track_of_another_body_is_retargeted(tmp_path: Path) -> None:
    anny, toy = load_body("anny"), toy_body()
    track = random_track(anny)
    track.save(tmp_path / "t.npz")
    read = read_motion(tmp_path / "t.npz", toy)
    assert read.body == "toy"
    assert bone_angles(track, anny, read, toy)[:, LIMBS].max() < 0.1
    from dataclasses import replace

    replace(track, body="smplx").save(tmp_path / "s.npz")
    with pytest.raises(
        InputError, match=r"s.npz: a track of body 'smplx', which is not at hand: .*SMPLX_NEUTRAL.npz: no such file"
    ):
        read_motion(tmp_path / "s.npz", toy)
