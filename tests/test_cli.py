"""The command line does what it says."""

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import liquidwarp as lw
from liquidwarp import demo, doctor, tasks
from liquidwarp.cli import main
from liquidwarp.geometry import field_of_view
from liquidwarp.media import open_video, read_image, read_provenance

COMMANDS = (
    "imitate",
    "guides",
    "batch",
    "learn",
    "live",
    "transfer",
    "view",
    "recover",
    "demo",
    "body",
    "export",
    "weights",
    "methods",
    "evaluate",
    "doctor",
)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, encoded: lw.SourceState) -> list[tuple[object, ...]]:
    """Encode nobody anew; tell who was asked for."""
    asked: list[tuple[object, ...]] = []

    def encode(
        source: object,
        *,
        body: object = None,
        detector: object = None,
        person: int = 0,
        fov: float | None = None,
        progress: bool = False,
    ) -> lw.SourceState:
        asked.append((source, person) if fov is None else (source, person, fov))
        return encoded

    monkeypatch.setattr(tasks, "encode_source", encode)
    return asked


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert f"liquidwarp {command}" in capsys.readouterr().out.split("examples:")[1]


@pytest.mark.parametrize(
    "words",
    [
        ["imitate", "me.jpg", "--motion", "dance.npz", "-o", "out.mp4"],
        ["transfer", "me.jpg", "--wear", "upper=her.jpg", "-o", "out.png"],
        ["view", "me.jpg", "-o", "out.mp4"],
        ["live", "me.jpg"],
        ["demo", "-o", "out"],
    ],
    ids=lambda words: words[0],
)
def test_a_device_that_is_not_there_is_one_line(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    for name, why in (("cuda", "there is cpu"), ("tpu", "choose one of auto, cpu, cuda, mps")):
        assert main([*words, "--device", name]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"device='{name}'" in line
        assert why in line
    assert not any(tmp_path.iterdir())


def test_a_device_is_where_pictures_are_made(
    known: list[tuple[object, int]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[object] = []
    novel_view = tasks.novel_view

    def noted(*person: object, device: object, **options: object) -> object:
        asked.append(device)
        return novel_view(*person, device="cpu", **options)

    monkeypatch.setattr(tasks, "novel_view", noted)
    photo = demo.asset("woman_stripes.jpg")
    for words in ([], ["--device", "auto"]):
        assert main(["view", str(photo), "--frames", "1", "-o", str(tmp_path / "out.png"), *words]) == 0
    assert asked == ["cpu", "auto"]


def test_help_is_quick() -> None:
    def seconds() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "liquidwarp.cli", "--help"], check=True, capture_output=True)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 0.5


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"liquidwarp {lw.__version__}\n"


def test_imitate_a_track(sources, known, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.mp4"
    options = ["--size", "96", "--camera", "copy", "--background", "plain", "--wear", f"upper={sources.two}"]
    assert main(["imitate", str(sources.photo), "--motion", str(sources.track), "-o", str(out), *options]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert known == [(str(sources.photo), 0), (str(sources.two), 0)]
    video = open_video(out)
    assert (video.size, video.fps, video.frame_count) == ((96, 96), 25, 6)
    assert "synthetic" in str(read_provenance(out)).lower()
    corner = next(iter(video))[:8, :8].astype(int)
    assert abs(corner - 225).max() <= 4


def test_guides_of_a_track(sources, known, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "guides"
    command = ["guides", str(sources.photo), "--motion", str(sources.track), "-o", str(out), "--size", "96"]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert len(known) == 1
    assert {len(list(folder.iterdir())) for folder in out.iterdir() if folder.is_dir()} == {6}
    assert main([*command[:-4], "-o", str(tmp_path)]) == 2
    assert "it holds other files; give a new or empty folder" in capsys.readouterr().err


def test_imitate_several_photos(sources, known, tmp_path: Path) -> None:
    photos = [str(sources.photo), str(sources.two)]
    arguments = ["imitate", *photos, "--motion", str(sources.track), "-o", str(tmp_path / "a.gif"), "--size", "32"]
    assert main([*arguments, "--person", "1"]) == 0
    assert known == [(photos, 1)]


def test_view_a_turn(sources, known, tmp_path: Path) -> None:
    out = tmp_path / "turn.mp4"
    arguments = ["view", str(sources.photo), "-o", str(out), "--frames", "4", "--fps", "10", "--size", "97"]
    assert main([*arguments, "--pose", "a", "--elevation", "90"]) == 0
    video = open_video(out)
    assert (video.size, video.fps, video.frame_count) == ((98, 78), 10, 4)


@pytest.mark.parametrize("ending", ["png", "JPG", "webp"])
def test_view_from_behind(sources, known, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"behind.{ending}"
    assert main(["view", str(sources.photo), "-o", str(out), "--frames", "1", "--start", "180"]) == 0
    assert read_image(out).size == (320, 256)


def test_transfer(sources, known, tmp_path: Path) -> None:
    wear = ["--wear", f"upper={sources.two}", "--wear", f"shoes={sources.two}"]
    out = tmp_path / "dressed.png"
    assert main(["transfer", str(sources.photo), *wear, "-o", str(out), "--size", "160"]) == 0
    assert known == [(str(sources.photo), 0), (str(sources.two), 0)]  # who is worn twice is encoded once
    assert read_image(out).size == (160, 128)
    out = tmp_path / "dressed.webm"
    motion = ["--motion", str(sources.track)]
    assert main(["transfer", str(sources.photo), *wear, *motion, "-o", str(out), "--size", "64", "--mute"]) == 0
    assert open_video(out).frame_count == 6


def test_recover_with_overlay(sources, dance: list[np.ndarray], tmp_path: Path, capsys) -> None:
    track, overlay = tmp_path / "track.npz", tmp_path / "overlay.mp4"
    assert main(["recover", str(sources.motion), "-o", str(track), "--overlay", str(overlay)]) == 0
    assert capsys.readouterr().out == f"{track}\n{overlay}\n"
    assert len(lw.BodyTrack.load(track)) == len(dance)
    drawn = next(iter(open_video(overlay))).astype(int)
    assert 0.03 < (abs(drawn - dance[0]).max(-1) > 30).mean() < 0.3


def test_recover_a_photo(sources, tmp_path: Path) -> None:
    track, overlay = tmp_path / "photo.npz", tmp_path / "overlay.jpg"
    assert main(["recover", str(sources.photo), "-o", str(track), "--overlay", str(overlay)]) == 0
    assert (len(lw.BodyTrack.load(track)), read_image(overlay).size) == (1, (320, 256))


def test_lenses_can_be_told(sources, known, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    track, photo, clip = tmp_path / "photo.npz", str(sources.photo), str(sources.motion)
    assert main(["recover", photo, "-o", str(track), "--fov", "55.5"]) == 0
    assert field_of_view(lw.BodyTrack.load(track).camera) == pytest.approx(55.5, abs=1e-3)
    learn = ["learn", photo, "-o", str(tmp_path / "me.person"), "--fov"]
    assert main([*learn, "30"]) == 0
    assert known == [(photo, 0, 30.0)]
    told: list[float | None] = []

    def recover(learn: object, motion: str, *, fov: float | None, **_: object) -> None:
        told.append(fov)
        raise lw.InputError("enough")

    def encode_everyone(*_: object, **__: object) -> None:
        raise lw.InputError("what is wrong is said before the long work")

    monkeypatch.setattr(tasks, "recover_meanwhile", recover)
    monkeypatch.setattr(tasks, "encode_everyone", encode_everyone)
    out = ["-o", str(tmp_path / "out.mp4")]
    assert main(["imitate", photo, "--motion", clip, *out, "--motion-fov", "65"]) == 2
    assert told == [65.0]
    for words, cause in (
        ([*learn, "200"], "200 is no field of view; give 2 to 150 degrees"),
        (["imitate", photo, "--motion", str(track), *out, "--motion-fov", "65"], "--motion-fov is for a video"),
        (
            ["imitate", photo, "--person", "all", "--motion", str(track), *out, "--motion-fov", "65"],
            "--motion-fov is for a video",
        ),
        (["imitate", photo, "--pair", "0:0", "1:1", "--motion", str(track), *out], f"--pair: {track} is one motion"),
        (["transfer", photo, "--wear", f"upper={photo}", "-o", "a.png", "--motion-fov", "65"], "goes with --motion"),
    ):
        capsys.readouterr()
        assert main(words) == 2
        assert cause in capsys.readouterr().err


def test_hands_can_be_left_out(sources, known, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    looked: list[bool] = []
    monkeypatch.setattr("liquidwarp.detect.default_detector", lambda *, hands: looked.append(hands))
    for words in ([], ["--no-hands"], ["--hands"]):
        assert main(["learn", str(sources.photo), "-o", str(tmp_path / "me.person"), *words]) == 0
    assert looked == [True, False, True]


def test_paths_with_spaces_and_other_scripts(sources, known, tmp_path: Path) -> None:
    """With a motion that has to be recovered first."""
    folder = tmp_path / "фото и видео 写真"
    folder.mkdir()
    photo, motion, out = folder / "мама & 'пап\"а.png", folder / "танец 舞.mp4", folder / "نتيجة: конец.mp4"
    photo.write_bytes(sources.photo.read_bytes())
    motion.write_bytes(sources.motion.read_bytes())
    assert main(["imitate", str(photo), "--motion", str(motion), "-o", str(out), "--size", "64"]) == 0
    assert sorted(folder.iterdir()) == sorted([photo, motion, out])
    assert open_video(out).frame_count == 6


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert lw.__version__ in said
    assert "FAILED" not in said
    assert "MISSING" not in said
    assert re.search(r"method disco: diffusers .*\d+ GiB of memory to read them", said)


def test_doctor_says_what_is_ill(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def ill() -> str:
        raise RuntimeError("no codec")

    for check in ("_body", "_rasteriser", "_detector"):
        monkeypatch.setattr(doctor, check, lambda: "well")
    monkeypatch.setattr(doctor, "_video", ill)
    assert main(["doctor"]) == 2
    said = capsys.readouterr()
    assert "video: FAILED: RuntimeError: no codec" in said.out
    assert said.err.count("\n") == 1
