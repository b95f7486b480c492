"""The command line takes a learnt person wherever it takes a photo."""

from collections.abc import Callable
from pathlib import Path

import pytest

import liquidwarp as lw
from liquidwarp import tasks
from liquidwarp.bodies import BODIES
from liquidwarp.cli import main
from liquidwarp.media import open_video
from liquidwarp.testing import toy_body


@pytest.fixture
def learnt(encoded: lw.SourceState, tmp_path: Path) -> Path:
    path = tmp_path / "me.person"
    encoded.save(path)
    return path


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, encoded: lw.SourceState) -> Callable[[], None]:
    """Return what makes every photo the known person's, without looking at it."""
    return lambda: monkeypatch.setattr(tasks, "encode_source", lambda *_, **__: encoded)


def test_learn(sources, known, learnt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known()
    out = tmp_path / "again.person"
    assert main(["learn", str(sources.photo), "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert out.read_bytes() == learnt.read_bytes()
    dressed = tmp_path / "dressed.person"
    assert main(["learn", str(sources.photo), "--wear", f"upper={sources.two}", "-o", str(dressed)]) == 0
    assert lw.SourceState.load(dressed).digest() != lw.SourceState.load(out).digest()


COMMANDS = {
    "imitate": ["--motion", "{track}", "-o", "{out}.mp4", "--size", "64"],
    "transfer": ["--wear", "upper={photo}", "-o", "{out}.png", "--size", "64"],
    "view": ["-o", "{out}.mp4", "--frames", "3", "--size", "64"],
    "learn": ["--wear", "lower={photo}", "-o", "{out}.person"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_learnt_person_does_what_the_photo_does(command: str, sources, known, learnt: Path, tmp_path: Path) -> None:
    def made(who: Path, out: str) -> bytes:
        names = {"track": sources.track, "photo": who, "out": tmp_path / out}
        arguments = [option.format(**names) for option in COMMANDS[command]]
        assert main([command, str(who), *arguments]) == 0
        (path,) = tmp_path.glob(f"{out}.*")
        return path.read_bytes()

    alone = made(learnt, "one")
    known()
    assert made(sources.photo, "two") == alone


def test_a_learnt_person_leaves_as_glb(sources, known, learnt: Path, tmp_path: Path) -> None:
    arguments = ["export", str(sources.track), "-o", str(tmp_path / "me.glb"), "--photo"]
    assert main([*arguments, str(learnt)]) == 0
    first = (tmp_path / "me.glb").read_bytes()
    known()
    assert main([*arguments, str(sources.photo)]) == 0
    assert (tmp_path / "me.glb").read_bytes() == first


@pytest.mark.slow
def test_a_learnt_person_is_driven_live_and_by_a_video(sources, learnt: Path, tmp_path: Path) -> None:
    for command in ("live", "imitate"):
        out = tmp_path / f"{command}.mp4"
        arguments = [command, str(learnt), "--motion", str(sources.motion), "-o", str(out), "--size", "64"]
        assert main(arguments) == 0
        assert open_video(out).frame_count == 6


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main([str(argument) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error.removeprefix("liquidwarp: error: ")


def test_what_a_learnt_person_cannot_be(sources, learnt: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    def too_late(*_: object, **__: object) -> None:
        raise AssertionError("the long work has begun")

    for name in ("encode_source", "recover"):
        monkeypatch.setattr(tasks, name, too_late)
    monkeypatch.chdir(tmp_path)
    photo, track = sources.photo, sources.track
    view = ["-o", "x.mp4"]
    assert "a learnt person among 2 photos; give it alone" in refused(capsys, "view", photo, learnt, *view)
    assert "no person 1 in a learnt person's file" in refused(capsys, "view", learnt, "--person", "1", *view)
    assert "a learnt person, not a motion" in refused(capsys, "imitate", photo, "--motion", learnt, *view)
    assert "a learnt person, not a motion" in refused(capsys, "recover", learnt, "-o", "x.npz")
    assert "a learnt person is a .person file" in refused(capsys, "learn", photo, "-o", "x.npz")
    assert "it is one of the inputs" in refused(capsys, "learn", learnt, "-o", learnt)
    said = refused(capsys, "learn", photo, "--wear", "wings=a.jpg", "-o", "x.person")
    assert "part='wings' is not known" in said
    (tmp_path / "cut.person").write_bytes(learnt.read_bytes()[:5000])
    for arguments in (
        ["view", "cut.person", *view],
        ["imitate", "cut.person", "--motion", track, *view],
        ["transfer", photo, "--wear", "upper=cut.person", "-o", "x.png"],
        ["export", track, "--photo", "cut.person", "-o", "x.glb"],
        ["live", "cut.person", "--motion", sources.motion, *view],
    ):
        assert refused(capsys, *arguments).startswith("cut.person: not a learnt person (")
    assert not list(tmp_path.glob("x.*"))


def test_the_body_of_a_learnt_person_is_its_own(sources, learnt: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setitem(BODIES, "stick", toy_body)
    other = ["view", learnt, "--body", "stick", "-o", tmp_path / "x.mp4"]
    assert "learnt on body 'anny' (13718 vertices" in refused(capsys, *other)
    wear = ["transfer", sources.photo, "--body", "stick", "--wear", f"upper={learnt}", "-o", tmp_path / "x.png"]
    assert "not on body 'toy'" in refused(capsys, *wear)
