"""The command line's motions of other programs, and bodies of the SMPL family."""

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
