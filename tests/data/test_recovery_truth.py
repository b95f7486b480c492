"""3DPW's and Human3.6M's files, made here in their formats."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from liquidwarp.bodies.landmarks import LSP
from liquidwarp.bodies.smpl_files import FAMILIES
from liquidwarp.data.recovery_truth import H36M, read_truth
from liquidwarp.detect.readers import OPENPOSE_COCO
from liquidwarp.errors import InputError
from liquidwarp.geometry import project

FRAMES = 5
LENS = np.array([[900.0, 0, 270], [0, 910.0, 480], [0, 0, 1]])


def sequence(people: int = 2) -> dict:
    """Return what a sequence file of 3DPW holds, with the fields that nobody needs too."""
    rng = np.random.default_rng(0)
    from scipy.spatial.transform import Rotation

    cameras = np.tile(np.eye(4), (FRAMES, 1, 1))
    cameras[:, :3, :3] = Rotation.from_rotvec(rng.normal(size=(FRAMES, 3)) * 0.3).as_matrix()
    cameras[:, :3, 3] = [0.1, 0.2, 5.0]
    return {
        "sequence": "downtown_test_00",
        "betas": [rng.normal(size=10) for _ in range(people)],
        "poses": [rng.normal(size=(FRAMES, 72)) for _ in range(people)],
        "trans": [rng.normal(size=(FRAMES, 3)) for _ in range(people)],
        "genders": ["m", "f"][:people],
        "jointPositions": [rng.normal(size=(FRAMES, 72)) * 0.5 for _ in range(people)],
        "poses2d": [rng.uniform(1, 400, size=(FRAMES, 3, 18)) for _ in range(people)],
        "cam_poses": cameras,
        "cam_intrinsics": LENS,
        "campose_valid": [np.arange(FRAMES) != 2 + person for person in range(people)],
        "img_frame_ids": np.arange(FRAMES),
        "texture_maps": [],
    }


def write(path: Path, values: dict) -> Path:
    path.write_bytes(pickle.dumps(values, protocol=2))
    return path


def test_a_sequence_of_3dpw_is_a_sequence_per_person(tmp_path: Path) -> None:
    values = sequence()
    found = read_truth(write(tmp_path / "downtown_test_00.pkl", values))
    assert [one.name for one in found] == ["downtown_test_00_0", "downtown_test_00_1"]
    joints = FAMILIES["smpl"].joints
    for person, one in enumerate(found):
        assert one.names == (*LSP[:13], "head")
        assert (one.fps, len(one)) == (30.0, FRAMES)
        np.testing.assert_array_equal(one.valid, np.arange(FRAMES) != 2 + person)
        assert one.camera is not None
        assert one.camera.size == (960, 540)
        for frame in range(FRAMES):
            camera = values["cam_poses"][frame]
            for number, name in enumerate(one.names):
                joint = 3 * joints.index(name)
                world = values["jointPositions"][person][frame][joint : joint + 3]
                seen = camera[:3, :3] @ world + camera[:3, 3]
                np.testing.assert_allclose(one.joints[frame, number], seen, atol=1e-9)
        # The camera is the file's: K X / Z.
        spots = project(one.camera, torch.from_numpy(one.joints).float())[..., :2].numpy()
        flat = one.joints @ LENS.T
        np.testing.assert_allclose(spots, flat[..., :2] / flat[..., 2:], rtol=1e-3)
        assert one.keypoints is not None
        assert one.keypoints.names == OPENPOSE_COCO
        np.testing.assert_allclose(
            one.keypoints.image[3, 4].numpy(), values["poses2d"][person][3, :2, 4].astype(np.float32)
        )


def test_frames_without_detections_or_behind_the_camera_do_not_count(tmp_path: Path) -> None:
    values = sequence(people=1)
    values["poses2d"][0][1] = 0
    values["cam_poses"][4, 2, 3] = -5.0
    del values["campose_valid"]
    (one,) = read_truth(write(tmp_path / "s.pkl", values))
    assert one.name == "s"
    assert one.valid.tolist() == [True, True, True, True, False]
    assert one.keypoints is not None
    assert one.keypoints.present.tolist() == [True, False, True, True, True]


class Harm:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cam_poses": None}, r"s\.pkl: no sequence of 3DPW: it lacks cam_poses; give one of its sequenceFiles"),
        ({"cam_poses": np.zeros((2, 4, 4))}, r"cam_poses \(2, 4, 4\) and cam_intrinsics"),
        ({"poses2d": [np.zeros((FRAMES, 3, 17))]}, r"poses2d has shape \(1, 5, 3, 17\), wanted \(1, 5, 3, 18\)"),
        ({"sequence": Harm()}, r"s\.pkl: refused: it asks to run (posix|nt)\.mkdir"),
    ],
)
def test_other_pickles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "s.pkl", sequence(people=1) | change)
    with pytest.raises(InputError, match=message) as error:
        read_truth(path)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "harm").exists()


def test_human36m_in_either_unit_and_layout(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    joints = rng.normal(size=(FRAMES, 17, 3)) * 0.4 + [0, 0, 4]
    spots = rng.uniform(0, 999, (FRAMES, 17, 2))
    np.savez(tmp_path / "mm.npz", joints_3d=joints * 1000, joints_2d=spots, intrinsics=LENS)
    (one,) = read_truth(tmp_path / "mm.npz")
    assert one.names == LSP
    assert one.fps == 50
    for number, name in enumerate(LSP):
        np.testing.assert_allclose(one.joints[:, number], joints[:, H36M.index(name)])
        assert one.keypoints is not None
        np.testing.assert_allclose(one.keypoints.image[:, number], spots[:, H36M.index(name)], rtol=1e-6)
    assert one.camera is not None
    assert float(one.camera.focal[1]) == 910
    # The same joints under other names, in metres, and in the order that SPIN keeps them in.
    np.savez(tmp_path / "named.npz", joints_3d=joints, joint_names=np.array(H36M), fps=25.0, size=[500, 400])
    (named,) = read_truth(tmp_path / "named.npz")
    np.testing.assert_allclose(named.joints, one.joints)
    assert (named.fps, named.keypoints, named.camera) == (25.0, None, None)
    spin = np.concatenate([one.joints, rng.normal(size=(FRAMES, 10, 3))], axis=1)
    part = np.concatenate([rng.uniform(0, 99, (FRAMES, 24, 2)), np.ones((FRAMES, 24, 1))], axis=2)
    np.savez(tmp_path / "spin.npz", S=np.concatenate([spin, np.ones((FRAMES, 24, 1))], 2), part=part)
    (unrelated,) = read_truth(tmp_path / "spin.npz")
    np.testing.assert_allclose(unrelated.joints, one.joints)
    assert unrelated.fps == 0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"poses": np.zeros((2, 72))}, r"no true joints; looked for joints_3d \(T, J, 3\), found nothing"),
        ({"joints_3d": np.zeros((2, 19, 3))}, "19 joints of unknown names; give 17, 14, or joint_names"),
        ({"joints_3d": np.zeros((2, 2, 3)), "joint_names": np.array(["a", "b"])}, "its joints lack right_ankle, "),
        ({"joints_3d": np.zeros((2, 17, 3)), "joints_2d": np.zeros((2, 16, 2))}, "2D joints of shape"),
        ({"joints_3d": np.zeros((2, 17, 3)), "fps": np.array(-1.0)}, "-1.0 frames a second"),
        ({"joints_3d": np.array([{"a": 1}], dtype=object)}, "not a plain npz"),
    ],
)
def test_other_npz_files_are_refused(tmp_path: Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(InputError, match=message) as error:
        read_truth(tmp_path / "x.npz")
    assert str(error.value).startswith(str(tmp_path / "x.npz"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["missing.pkl", "missing.npz", "x.json"])
def test_missing_files_and_other_kinds(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=name):
        read_truth(tmp_path / name)
