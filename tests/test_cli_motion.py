"""The command line's motions of other programs, and bodies of the SMPL family."""

import pickle
from pathlib import Path

import numpy as np
import pytest

import liquidwarp as lw
from liquidwarp import tasks
from liquidwarp.cli import main
from liquidwarp.media import open_video


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch, encoded: lw.SourceState) -> None:
    monkeypatch.setattr(tasks, "encode_source", lambda source, **options: encoded)


@pytest.mark.parametrize("ending", ["npz", "bvh"])
def test_a_motion_goes_out_and_comes_in(sources, tmp_path: Path, ending: str) -> None:
    out, clip = tmp_path / f"dance.{ending}", tmp_path / "out.mp4"
    assert main(["export", str(sources.track), "-o", str(out)]) == 0
    assert main(["imitate", str(sources.photo), "--motion", str(out), "-o", str(clip), "--size", "64"]) == 0
    assert open_video(clip).frame_count == 6


def test_a_person_goes_out_as_glb(sources, tmp_path: Path) -> None:
    out = tmp_path / "me.glb"
    assert main(["export", str(sources.track), "--photo", str(sources.photo), "-o", str(out)]) == 0
    assert out.read_bytes()[:4] == b"glTF"
    assert b"image/png" in out.read_bytes()
    assert main(["export", str(sources.track), "-o", str(tmp_path / "grey.glb")]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{track}", "-o", "a.fbx"], "cannot write a.fbx: give a name that ends in one of these (.npz, .bvh, .glb)"),
        (["{track}", "--photo", "{photo}", "-o", "{tmp}/a.bvh"], "--photo: .bvh holds no picture"),
        (["{photo}", "-o", "{tmp}/a.bvh"], "not a motion; make one with 'liquidwarp recover'"),
        (["{odd}", "-o", "{tmp}/a.bvh"], "no motion in it; looked for poses"),
        (["{tmp}/a.glb", "-o", "{tmp}/a.bvh"], "glTF is written, not read; export its animation as .bvh"),
        (["{track}", "--motion-person", "1", "-o", "{tmp}/a.bvh"], "holds one person, so there is no number 1"),
        (["{track}", "--joint-map", "{tmp}/none.txt", "-o", "{tmp}/a.bvh"], "none.txt: no such file"),
        (["{track}", "-o", "{track}"], "it is one of the inputs"),
        (["{track}", "--body", "smplx", "-o", "{tmp}/a.bvh"], "SMPLX_NEUTRAL.npz: no such file"),
    ],
)
def test_what_cannot_be_written(sources, tmp_path: Path, capsys, monkeypatch, arguments, message) -> None:
    monkeypatch.setenv("LIQUIDWARP_BODY_MODELS", str(tmp_path))
    np.savez(tmp_path / "odd.npz", trans=np.zeros(3))
    names = {"track": sources.track, "photo": sources.photo, "tmp": tmp_path, "odd": tmp_path / "odd.npz"}
    assert main(["export", *(argument.format(**names) for argument in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("motion", "options", "message"),
    [
        ("dance.fbx", [], "FBX is not read; export its animation as .bvh"),
        ("dance.glb", [], "glTF is written, not read; export its animation as .bvh"),
        ("dance.txt", [], "or give a motion (.npz, .bvh, .pkl, .pickle)"),
        ("dance.txt", ["--joint-map", "map.txt"], "--joint-map is for a motion that ends in .bvh"),
    ],
)
def test_motions_that_cannot_be_read(sources, tmp_path: Path, capsys, motion: str, options: list[str], message) -> None:
    (tmp_path / motion).write_text("no motion")
    arguments = [
        "imitate",
        str(sources.photo),
        "--motion",
        str(tmp_path / motion),
        *options,
        "-o",
        str(tmp_path / "a.mp4"),
    ]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_map_of_joints_and_a_person_by_number(sources, tmp_path: Path) -> None:
    out, odd, joints = tmp_path / "a.bvh", tmp_path / "odd.bvh", tmp_path / "map.txt"
    assert main(["export", str(sources.track), "-o", str(out)]) == 0
    text = out.read_text()
    odd.write_text(
        text.replace("LeftUpLeg", "LeftToeBone").replace("LeftFoot", "LeftUpLeg").replace("LeftToeBone", "LeftFoot")
    )
    joints.write_text("left_hip = LeftFoot\nleft_ankle = LeftUpLeg\n")
    again = tmp_path / "again.bvh"
    assert main(["export", str(odd), "--joint-map", str(joints), "-o", str(again)]) == 0
    assert main(["export", str(out), "-o", str(tmp_path / "plain.bvh")]) == 0
    assert again.read_text() == (tmp_path / "plain.bvh").read_text()
    several = tmp_path / "people.pkl"
    people = {
        number: {"pose": np.zeros((frames, 72)), "pred_cam": np.ones((frames, 3))}
        for number, frames in ((2, 3), (5, 4))
    }
    several.write_bytes(pickle.dumps(people))
    for option, frames in (([], 4), (["--motion-person", "2"], 3)):
        assert main(["export", str(several), *option, "-o", str(tmp_path / "person.bvh")]) == 0
        assert f"Frames: {frames}\n" in (tmp_path / "person.bvh").read_text()
