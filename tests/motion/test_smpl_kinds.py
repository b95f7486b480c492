"""Files of the SMPL family, in every layout, give the motion that they were made of."""

import logging
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from smpl_samples import FPS, FRAMES, KINDS, camera_layouts, joblib_bytes, sample, world_layouts

from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.bodies.pickles import read_pickle
from liquidwarp.errors import InputError
from liquidwarp.motion import SkeletonMotion, joint_places, read_motion, read_smpl, skeleton_of
from liquidwarp.testing import toy_body

CASES = Path(__file__).parents[1] / "cases"
INDEX = {name: number for number, name in enumerate(CANONICAL_JOINTS)}
SEEN = camera_layouts()


@pytest.fixture(autouse=True)
def no_smpl_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIQUIDWARP_BODY_MODELS", str(tmp_path / "none"))


def written(folder: Path, values: dict[Any, Any], how: str = "npz") -> Path:
    path = folder / f"a.{'npz' if how == 'npz' else 'pkl'}"
    if how == "npz":
        np.savez(
            path, **{str(name): np.array(value) if isinstance(value, dict) else value for name, value in values.items()}
        )
    else:
        path.write_bytes(joblib_bytes(values) if how == "joblib" else pickle.dumps(values))
    return path


def wanted(folder: Path) -> SkeletonMotion:
    folder = folder / "wanted"
    folder.mkdir(exist_ok=True)
    return read_smpl(written(folder, world_layouts()["AMASS"])).motion


def same(read: SkeletonMotion, truth: SkeletonMotion, atol: float = 1e-4) -> None:
    ours, theirs = joint_places(read), joint_places(truth)
    torch.testing.assert_close(ours - ours[:1, :1], theirs - theirs[:1, :1], atol=atol, rtol=0)
    torch.testing.assert_close(read.turns, truth.turns, atol=atol, rtol=0)


@pytest.mark.parametrize("how", ["npz", "pickle"])
@pytest.mark.parametrize("layout", world_layouts())
def test_every_layout_in_a_world(tmp_path: Path, layout: str, how: str) -> None:
    read = read_smpl(written(tmp_path, world_layouts()[layout], how)).motion
    same(read, wanted(tmp_path))
    assert read.fps == FPS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "layout", ["AMASS", "AMASS, SMPL-X", "SMPL with y up", "smplx, apart", "smplx, y up", "VPoser"]
)
def test_every_form_of_rotations(tmp_path: Path, layout: str, kind: str) -> None:
    same(read_smpl(written(tmp_path, world_layouts(kind)[layout])).motion, wanted(tmp_path))


@pytest.mark.parametrize("how", ["pickle", "joblib", "npz"])
@pytest.mark.parametrize("layout", SEEN)
def test_every_layout_of_people_that_a_camera_saw(tmp_path: Path, layout: str, how: str) -> None:
    """All turn as they did; where the file has places, and not only a weak perspective, they are there too."""
    values = SEEN[layout]
    if how == "npz" and layout in ("VIBE", "WHAM", "PHALP"):
        values = {"results": {str(name): value for name, value in values.items()}}
    read, truth = read_smpl(written(tmp_path, values, how)), wanted(tmp_path)
    torch.testing.assert_close(read.motion.turns, truth.turns, atol=1e-4, rtol=0)
    assert read.seen == (layout in ("iPER", "VIBE"))
    if not read.seen:
        same(read.motion, truth)
    assert len(read.motion) == FRAMES


@pytest.mark.parametrize(
    ("layout", "numbers", "frames"),
    [
        ("VIBE", {1: 4, 7: FRAMES}, FRAMES),
        ("WHAM", {0: 4, 3: FRAMES}, FRAMES),
        ("PHALP", {2: FRAMES, 4: 4}, FRAMES),
        ("CLIFF", {0: FRAMES, 1: FRAMES}, FRAMES),
        ("ROMP", {0: FRAMES, 1: FRAMES}, FRAMES),
        ("SLAHMR", {0: FRAMES, 1: FRAMES}, FRAMES),
        ("ROMP, followed", {5: FRAMES}, FRAMES),
    ],
)
def test_people_by_number(tmp_path: Path, caplog, layout: str, numbers: dict[int, int], frames: int) -> None:
    """The one with most frames is taken, with a word about the others; any may be asked for."""
    body, path = toy_body(), written(tmp_path, SEEN[layout], "pickle")
    with caplog.at_level(logging.WARNING):
        track = read_motion(path, body)
    assert len(track) == frames
    said = [record.getMessage() for record in caplog.records if "--motion-person" in record.getMessage()]
    assert len(said) == (len(numbers) > 1)
    for word in said:
        assert ", ".join(f"{number} ({count} frames)" for number, count in numbers.items()) in word
    for number, count in numbers.items():
        assert len(read_smpl(path, person=number).motion) == count
    with pytest.raises(InputError, match=r"no person 99 in it, only .*; choose one of these with --motion-person"):
        read_smpl(path, person=99)


def test_the_largest_of_every_frame(tmp_path: Path) -> None:
    values = {**SEEN["CLIFF"], "pose": SEEN["CLIFF"]["pose"].copy()}
    values["pose"][::2, 3] += 1.0  # the small ones lift a leg
    path = written(tmp_path, values)
    torch.testing.assert_close(read_smpl(path).motion.turns, wanted(tmp_path).turns, atol=1e-4, rtol=0)
    other = read_smpl(path, person=1).motion
    assert (other.turns - wanted(tmp_path).turns).abs().max() > 0.5


def test_frames_that_are_left_out_are_bridged(tmp_path: Path) -> None:
    kept = np.array([0, 1, 2, 5, 6, 7, 8, 11])
    values = {name: value[kept] for name, value in SEEN["VIBE"][7].items()}
    track = read_motion(written(tmp_path, {3: values}, "joblib"), toy_body())
    assert track.observed.tolist() == [frame in kept for frame in range(FRAMES)]
    read = read_smpl(written(tmp_path, {3: values}, "joblib")).motion
    torch.testing.assert_close(read.turns[kept], wanted(tmp_path).turns[kept], atol=1e-4, rtol=0)
    every_second = {**SEEN["VIBE"][7], "frame_ids": 2 * np.arange(FRAMES)}
    assert bool(read_motion(written(tmp_path, {3: every_second}, "joblib"), toy_body()).observed.all())


@pytest.mark.parametrize(
    "rate",
    [
        {name: value}
        for name in ("mocap_framerate", "mocap_frame_rate", "mocapFrameRate", "fps", "frame_rate", "framerate", "FPS")
        for value in (120.0, 120, np.array([120.0]), np.array([[120]]), np.array("120"), np.array(120.0, np.float32))
    ],
    ids=lambda rate: (
        f"{next(iter(rate))} {np.asarray(next(iter(rate.values()))).dtype} {np.ndim(next(iter(rate.values())))}"
    ),
)
def test_every_way_to_say_a_rate(tmp_path: Path, rate: dict[str, Any]) -> None:
    poses, trans = sample()
    values = {"poses": poses.reshape(FRAMES, -1), "trans": trans, **rate}
    assert read_smpl(written(tmp_path, values)).motion.fps == 120


@pytest.mark.parametrize(
    ("values", "rate"),
    [
        ({"smpl_poses": np.zeros((2, 72)), "smpl_trans": np.zeros((2, 3)), "smpl_scaling": np.ones(1)}, 60),
        ({"smpl_poses": np.zeros((2, 72)), "smpl_trans": np.zeros((2, 3)), "full_pose": np.zeros((2, 24, 3))}, 30),
        ({"poses": np.zeros((2, 72))}, 25),
    ],
)
def test_a_file_without_a_rate_gets_one_and_a_word(tmp_path: Path, caplog, values: dict[str, Any], rate: float) -> None:
    with caplog.at_level(logging.WARNING):
        assert read_motion(written(tmp_path, values), toy_body()).fps == rate
    assert f"says no frame rate; taking {rate} a second" in caplog.text


def lie_down(up: str, standing: int, lying: int) -> tuple[np.ndarray, np.ndarray]:
    """Return somebody who stands and then lies on the back on the same floor: axis-angles (T, 24, 3), translations."""
    poses = np.zeros((standing + lying, 24, 3))
    trans = np.zeros((standing + lying, 3))
    poses[:standing, 0] = (np.pi / 2, 0, 0) if up == "z" else (0, 0, 0)
    poses[standing:, 0] = (0, 0, 0) if up == "z" else (-np.pi / 2, 0, 0)
    height, pelvis = (2, 0.0) if up == "z" else (1, 0.22)
    trans[:standing, height], trans[standing:, height] = 0.9 + pelvis, 0.12 + pelvis
    return poses, trans


@pytest.mark.parametrize("standing", [0, 8])
@pytest.mark.parametrize("case", ["z mocap_framerate", "z fps", "z none", "y fps", "y none"])
def test_who_lies_down_lies(tmp_path: Path, caplog, case: str, standing: int) -> None:
    """In AMASS's files z is up; elsewhere the person who stood before, or the floor, tells which axis is."""
    up, rate = case.split()
    poses, trans = lie_down(up, standing, 33)
    name = "poses" if up == "z" else "smpl_poses"
    values = {name: poses.reshape(-1, 72), "smpl_trans" if up == "y" else "trans": trans, rate: 30.0}
    with caplog.at_level(logging.WARNING):
        track = read_motion(written(tmp_path, values), toy_body())
    places = joint_places(skeleton_of(toy_body(), track))
    trunk = torch.nn.functional.normalize(places[:, INDEX["neck"]] - places[:, 0], dim=-1)
    assert (trunk[:standing, 1] < -0.95).all()
    assert (trunk[standing:, 1].abs() < 0.2).all()
    assert ("nobody stands in it" in caplog.text) == (rate == "mocap_framerate" and not standing)


@pytest.mark.parametrize(
    ("said", "up"), [("y", "y"), ("Y_UP", "y"), ("z-up", "z"), (np.array([0, 0, 1]), "z"), (np.array([0.0, 1, 0]), "y")]
)
def test_a_file_that_says_which_axis_is_up_is_believed(tmp_path: Path, said: Any, up: str) -> None:
    poses, trans = lie_down(up, 0, 5)
    values = {"poses": poses.reshape(-1, 72), "trans": trans, "mocap_framerate": 30.0, "up_axis": said}
    places = joint_places(read_smpl(written(tmp_path, values)).motion)
    assert float((places[:, INDEX["neck"]] - places[:, 0])[:, 1].abs().max()) < 0.1


def test_case_04_scaling_is_honoured() -> None:
    scaled, plain = read_smpl(CASES / "case04_aistpp_smpl_poses.pkl"), read_smpl(CASES / "case06b_smplx_world.npz")
    assert scaled.motion.fps == 60
    same(scaled.motion, plain.motion)


def test_cases_05_joblib_and_pickle_are_the_same(caplog) -> None:
    body = toy_body()
    one, other = (read_motion(CASES / f"case05{name}.pkl", body) for name in ("_vibe_output", "b_vibe_plain"))
    torch.testing.assert_close(one.body_pose, other.body_pose)
    turned = read_smpl(CASES / "case05b_vibe_plain.pkl").motion.turns
    torch.testing.assert_close(turned, read_smpl(CASES / "case06b_smplx_world.npz").motion.turns, atol=1e-5, rtol=0)


def test_cases_06_and_09_rates_and_places() -> None:
    for case in ("case06b_smplx_world", "case09b_amass_rate_array"):
        motion = read_smpl(CASES / f"{case}.npz").motion
        assert motion.fps == 6.25
        same(motion, read_smpl(CASES / "case09b_amass_rate_array.npz").motion)


def test_case_17_stands_and_then_lies() -> None:
    places = joint_places(read_smpl(CASES / "case17_amass_stand_then_lie.npz").motion)
    trunk = torch.nn.functional.normalize(places[:, INDEX["neck"]] - places[:, 0], dim=-1)
    assert (trunk[:8, 1] < -0.95).all()
    assert (trunk[8:, 1].abs() < 0.2).all()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("alignment", [16, None])
@pytest.mark.parametrize("compress", ["", "zlib", "gzip", "bz2", "xz", "lzma"])
def test_joblib_arrays_come_back(tmp_path: Path, protocol: int, alignment: int | None, compress: str) -> None:
    given = {
        "floats": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32),
        "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "empty": np.zeros((0, 3)),
        "scalar": np.array(2.5),
        "big_endian": np.arange(4, dtype=">i4"),
        "texts": np.array(["a", "bb"]),
        "lists": [np.ones(2), np.ones(3)],
        "ordered": OrderedDict(a=np.ones(2)),
    }
    again = given["floats"]
    data = joblib_bytes(
        {"person": {np.int64(3): {**given, "again": again}}}, protocol=protocol, alignment=alignment, compress=compress
    )
    (tmp_path / "a.pkl").write_bytes(data)
    read = read_pickle(tmp_path / "a.pkl")["person"]["3"]
    for name in ("floats", "fortran", "empty", "scalar", "big_endian", "texts"):
        np.testing.assert_array_equal(read[name], given[name])
    np.testing.assert_array_equal(read["again"], again)
    np.testing.assert_array_equal(read["ordered"]["a"], np.ones(2))
    assert [len(item) for item in read["lists"]] == [2, 3]


def test_joblib_arrays_of_objects(tmp_path: Path) -> None:
    data = joblib_bytes({"people": np.array([{"pose": np.ones(3)}, None], dtype=object)})
    (tmp_path / "a.pkl").write_bytes(data)
    first, second = read_pickle(tmp_path / "a.pkl")["people"]
    np.testing.assert_array_equal(first["pose"], np.ones(3))
    assert second is None


class Harm:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("compress", ["", "zlib"])
def test_nothing_in_a_joblib_file_runs(tmp_path: Path, compress: str) -> None:
    mark = tmp_path / "mark"
    for value in ({"a": np.ones(3), "b": Harm(mark)}, {"a": np.array([Harm(mark)], dtype=object)}):
        (tmp_path / "a.pkl").write_bytes(joblib_bytes(value, compress=compress))
        with pytest.raises(InputError, match=r"refused: it asks to run \w+\.system"):
            read_motion(tmp_path / "a.pkl", toy_body())
        assert not mark.exists()


def tensor_pickle() -> bytes:
    """A pickle of PyTorch's tensors."""
    return pickle.dumps({"pose": torch.zeros(2, 72)}, protocol=2)


class Other:
    """An object of some package."""


Other.__module__ = "some.package"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tensor_pickle(), "holds PyTorch tensors, where arrays of numpy are read; nothing in it was run; convert it"),
        (b"csome.package\nOther\n(tR.", r"holds an object of some\.package\.Other, .*numpy.savez"),
        (b"PK\x03\x04 and more", "a zip archive, such as numpy's .npz or PyTorch's .pt"),
        (b"\x04\x22\x4d\x18 and more", "compressed by lz4"),
        (b"\x78\x9c and more", "damaged, or compressed in an unknown way"),
        (joblib_bytes({"a": np.ones(99)}, compress="zlib")[:-8], "end too early"),
        (joblib_bytes({"a": np.ones(99)})[:-600], "a damaged pickle"),
        (pickle.dumps({"v_template": np.zeros((3, 3))}), "a body model, not a motion; give it with --body"),
        (pickle.dumps({"joints3d": np.zeros((2, 24, 3))}), "found joints3d .places of joints are no motion of a body"),
        (
            pickle.dumps({"global_orient": np.zeros((2, 3)), "body_pose": np.zeros((2, 32))}),
            r"bodypose of shape \(2, 32\)",
        ),
        (pickle.dumps({"body_pose": np.zeros((2, 63))}), "a body_pose without its global_orient"),
        (pickle.dumps({"poses": np.full((2, 24, 3, 3), 2.0)}), "poses of matrices that are no rotations"),
        (pickle.dumps({"poses": np.zeros((2, 72)), "smpl_scaling": np.zeros(1), "trans": np.zeros((2, 3))}), "scaling"),
        (pickle.dumps({"pose": np.zeros((2, 72)), "cams": np.zeros((2, 3))}), "wanted .2, 3. with scales above 0"),
    ],
)
def test_what_is_no_motion_is_told_what_it_is(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"a\.pkl: .*{message}") as error:
        read_motion(path, toy_body())
    assert "\n" not in str(error.value)
    assert "refused" not in str(error.value)
    assert "official" not in str(error.value)


def test_a_track_says_so(tmp_path: Path) -> None:
    """Arrays with the names of a track's are SMPL's, unless the file says that it is a track."""
    poses, trans = sample("y")
    values = {
        "betas": np.zeros(10),
        "global_orient": poses[:, 0],
        "body_pose": poses[:, 1:24],
        "transl": trans,
        "fps": FPS,
    }
    same(read_smpl(written(tmp_path, values)).motion, wanted(tmp_path))
    assert read_motion(written(tmp_path, values), toy_body()).fps == FPS
