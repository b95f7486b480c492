"""Whatever comes in: a one-line error that names file, cause and remedy, or a sensible result."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

import liquidwarp as lw
from liquidwarp import tasks
from liquidwarp.cli import main
from liquidwarp.demo import asset
from liquidwarp.detect import detect_people
from liquidwarp.media import open_video, read_image, write_image, write_video


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command line on what it must refuse; return its one line."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> str:
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        assert main([str(argument) for argument in arguments]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        (line,) = [part for part in said.err.replace("\r", "\n").splitlines() if part.startswith("liquidwarp: error: ")]
        assert said.err.endswith(f"{line}\n")
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
        return line.removeprefix("liquidwarp: error: ")

    return run


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that takes long may start."""

    def too_late(*_: object, **__: object) -> None:
        raise AssertionError("the long work has begun")

    for name in ("encode_source", "recover"):
        monkeypatch.setattr(tasks, name, too_late)


@pytest.mark.parametrize(
    ("smooth", "said"),
    [("wings=0.5", "pelvis, trunk, head, arms"), ("arms", "arms=0.5"), ("head=0.2,arms=-1", "arms=0.5")],
)
@pytest.mark.parametrize("command", ["imitate", "recover"])
def test_limbs_that_cannot_be_smoothed(
    command: str, smooth: str, said: str, refused: Callable[..., str], early
) -> None:
    more = {"imitate": ["--motion", "dance.mp4", "-o", "x.mp4"], "recover": ["-o", "x.npz"]}[command]
    line = refused(command, "me.jpg", *more, "--smooth", smooth)
    assert "--smooth" in line
    assert said in line


# Nobody, several people, parts of people.


@pytest.mark.parametrize("command", ["view", "recover", "imitate"])
def test_a_photo_of_nobody(command: str, sources, refused: Callable[..., str]) -> None:
    more = {"view": ["-o", "x.png", "--frames", "1"], "recover": ["-o", "x.npz"]}.get(
        command, ["--motion", sources.track, "-o", "x.mp4"]
    )
    assert refused(command, sources.nobody, *more).startswith(f"no person found in {sources.nobody}; try a picture")


def test_a_video_of_nobody(sources, refused: Callable[..., str], tmp_path: Path) -> None:
    write_video([np.full((64, 64, 3), 128, np.uint8)] * 3, tmp_path / "nobody.mp4", fps=25)
    said = refused("recover", "nobody.mp4", "-o", "x.npz", "--overlay", "x.mp4")
    assert said.startswith("no person found in nobody.mp4 (in none of 3 frames); try")


@pytest.mark.slow
def test_the_largest_of_several_people_or_the_one_asked_for(sources, caplog: pytest.LogCaptureFixture) -> None:
    """The woman stands on the right; two photos of one size, so that either may be the largest."""
    places = [float(lw.recover(sources.two, person=person).transl[0, 0]) for person in (0, 1)]
    assert min(places) < -0.2
    assert max(places) > 0.2
    largest = max(detect_people(read_image(sources.two).rgb), key=lambda found: np.ptp(found.image[:, 1]))
    assert (places[0] > 0) == (largest.image[:, 0].mean() > 196)
    words = [record.getMessage() for record in caplog.records]
    assert len(words) == 2
    assert all(f"{sources.two}: 1 other person seen" in line and "--person N" in line for line in words)


@pytest.mark.slow
def test_the_other_person_is_encoded(sources, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    left, right = (Image.open(sources.two).crop(box) for box in ((0, 0, 196, 320), (196, 0, 452, 320)))
    two = Image.new("RGB", (452, 320))
    two.paste(right, (0, 0))
    two.paste(left.resize((157, 256)), (256, 64))  # the man is the smaller one now, on the right
    photo = tmp_path / "двое на фото.png"
    two.save(photo)
    person = lw.encode_source(photo, person=1)
    assert "1 other person seen; taking number 1" in caplog.text
    assert person.alpha[:, 256:].sum() > 20 * person.alpha[:, :256].sum()
    (picture,) = lw.novel_view(person, frames=1)
    assert picture.alpha[:, 256:].sum() > 20 * picture.alpha[:, :256].sum()


def test_a_person_who_is_not_there(sources, refused: Callable[..., str]) -> None:
    said = refused("recover", sources.two, "-o", "x.npz", "--person", "5")
    assert said.startswith(f"{sources.two}: there is no person 5, only 2 found; choose --person 0 to 1")


@pytest.mark.parametrize("part", ["upper", pytest.param("left", marks=pytest.mark.slow)])
def test_half_a_body(sources, part: str) -> None:
    """What is seen is drawn; what is not is made up, finite."""
    whole = read_image(asset("man_jacket.jpg")).rgb[::2, ::2]
    half = {"upper": whole[:170], "left": whole[:, :128]}[part]
    person = lw.encode_source(np.ascontiguousarray(half))
    for frame in lw.imitate(person, lw.BodyTrack.load(sources.track)[[0, 5]], size=128):
        assert bool(torch.isfinite(frame.image).all())
        assert float(frame.alpha.mean()) > 0.02
        assert bool((frame.coverage[frame.alpha > 0.9] > 0).all())


def test_legs_alone_are_nobody(refused: Callable[..., str], tmp_path: Path) -> None:
    """The detector looks for a head and shoulders first."""
    write_image(tmp_path / "legs.png", read_image(asset("man_jacket.jpg")).rgb[340:])
    assert refused("view", "legs.png", "-o", "x.mp4").startswith("no person found in legs.png; try a picture that")


# Files that are not what they should be.


@pytest.fixture
def odd_files(sources, tmp_path: Path) -> Path:
    whole = sources.motion.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[:300])
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "cut.png").write_bytes(sources.photo.read_bytes()[:3000])
    (tmp_path / "noindex.mp4").write_bytes(whole[:4] + b"ftypisom" + bytes(2000))
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cut.mp4", "; "),
        ("noise.mp4", "is not a video that can be read"),
        ("empty.mp4", "is empty; copy or export the video again"),
        ("text.mp4", "is not a video that can be read"),
        ("folder", "is a folder without pictures; give a video"),
        ("missing.mp4", "does not exist; check the path of the video"),
        ("cut.png", "is damaged or incomplete"),
        ("noindex.mp4", "is damaged or incomplete"),
    ],
)
@pytest.mark.usefixtures("early", "odd_files")
def test_motions_that_are_none(name: str, words: str, sources, refused: Callable[..., str]) -> None:
    for arguments in (["recover", name, "-o", "x.npz"], ["imitate", sources.photo, "--motion", name, "-o", "x.mp4"]):
        said = refused(*arguments)
        assert name in said
        assert words in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("text.jpg", "is not a picture; give a .jpg"),
        ("empty.jpg", "is empty; copy or export the photo again"),
        ("folder", "is a folder"),
        ("missing.jpg", "does not exist; check the path of the photo"),
        ("cut.png", "is damaged or incomplete"),
        ("noindex.mp4", "is a damaged or incomplete video, not a photo"),
    ],
)
@pytest.mark.usefixtures("early", "odd_files")
def test_photos_that_are_none(name: str, words: str, sources, refused: Callable[..., str]) -> None:
    motion = ["--motion", sources.track, "-o", "x.mp4"]
    for arguments in (
        ["view", name, "-o", "x.mp4"],
        ["imitate", sources.photo, name, *motion],
        ["imitate", sources.photo, *motion, "--background", name],
        ["transfer", sources.photo, "--wear", f"upper={name}", "-o", "x.png"],
    ):
        said = refused(*arguments)
        assert name in said
        assert words in said


def test_one_frame(
    sources, dance: list[np.ndarray], encoded: lw.SourceState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(dance[:1], "one.mp4", fps=25)
    assert main(["recover", "one.mp4", "-o", "one.npz", "--overlay", "overlay.mp4"]) == 0
    assert len(lw.BodyTrack.load("one.npz")) == open_video("overlay.mp4").frame_count == 1
    monkeypatch.setattr(tasks, "encode_source", lambda *_, **__: encoded)
    assert main(["imitate", str(sources.photo), "--motion", "one.npz", "-o", "out.mp4", "--size", "64"]) == 0
    assert open_video("out.mp4").frame_count == 1


def as_alpha(image: Image.Image) -> Image.Image:
    """Cut the person out roughly."""
    person = detect_people(np.array(image))[0].mask
    image.putalpha(Image.fromarray((np.clip(person, 0, 1) * 255).astype(np.uint8)))
    return image


def as_sixteen_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.array(image.convert("L")).astype(np.uint16) * 257)


KINDS = {
    "grey.png": lambda image: image.convert("L"),
    "grey alpha.png": lambda image: as_alpha(image).convert("LA"),
    "alpha.webp": as_alpha,
    "sixteen.png": as_sixteen_bits,
    "cmyk.jpg": lambda image: image.convert("CMYK"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_photos_of_other_kinds(name: str, sources, tmp_path: Path) -> None:
    KINDS[name](Image.open(sources.photo).convert("RGB")).save(tmp_path / name)
    person = lw.encode_source(tmp_path / name)
    (picture,) = lw.novel_view(person, frames=1)
    assert bool(torch.isfinite(picture.image).all())
    original = torch.from_numpy(read_image(sources.photo).rgb / np.float32(255)).permute(2, 0, 1)
    inside = picture.alpha > 0.95
    apart = (picture.image.mean(0) - original.mean(0)).abs()[inside]
    assert int(inside.sum()) > 5000
    assert float(apart.median()) < 0.06


@pytest.mark.parametrize("name", KINDS)
def test_photos_of_other_kinds_are_read(name: str, sources, tmp_path: Path) -> None:
    KINDS[name](Image.open(sources.photo).convert("RGB")).save(tmp_path / name)
    picture = read_image(tmp_path / name)
    grey = read_image(sources.photo).rgb.mean(-1)
    assert picture.rgb.shape == (320, 256, 3)
    assert (picture.alpha is not None) == ("alpha" in name)
    seen = np.ones_like(grey, bool) if picture.alpha is None else picture.alpha > 250
    assert np.abs(picture.rgb.mean(-1) - grey)[seen].mean() < 8


@pytest.mark.slow
def test_a_video_turned_by_its_metadata(dance: list[np.ndarray], tmp_path: Path) -> None:
    upright, turned = tmp_path / "upright.mp4", tmp_path / "turned.mp4"
    frames = [frame[:, 60:-60] for frame in dance[:3]]
    write_video(frames, upright, fps=25)
    with av.open(str(turned), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height = frames[0].shape[:2]
        stream.set_display_rotation(90)
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.rot90(frame, -1)), format="rgb24")
            picture.pts = number
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    with av.open(str(turned)) as written:
        assert (written.streams.video[0].height, written.streams.video[0].width) == (264, 384)
    a, b = lw.recover(upright), lw.recover(turned)
    assert a.camera.size == b.camera.size == (384, 264)
    assert float((a.transl - b.transl).norm(dim=-1).max()) < 0.1 * float(a.transl[0, 2])
    assert float((a.global_orient - b.global_orient).abs().max()) < 0.3


def test_odd_sizes(sources, dance: list[np.ndarray], encoded: lw.SourceState, tmp_path: Path) -> None:
    odd = tmp_path / "odd.avi"
    with av.open(str(odd), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 383, 381, "bgr0"
        for frame in dance[:2]:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[:383, :381]), format="rgb24")
            output.mux(stream.encode(picture.reformat(format="bgr0")))
        output.mux(stream.encode(None))
    motion = lw.recover(odd)
    assert motion.camera.size == (383, 381)
    out = tmp_path / "odd.mp4"
    lw.write_video(lw.imitate(encoded, motion, camera="copy"), out, fps=25)
    assert open_video(out).size == (384, 382)  # H.264 wants even sizes


@pytest.mark.slow
def test_a_person_who_leaves(dance: list[np.ndarray], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    empty = np.full_like(dance[0], 128)
    write_video([*dance[:2], empty, empty, *dance[4:6]], tmp_path / "away.mp4", fps=25)
    track = lw.recover(tmp_path / "away.mp4")
    assert track.observed.tolist() == [True, True, False, False, True, True]
    assert "away.mp4: frames 2-3 (0.1 s) without a person (bridged)" in caplog.text
    between = (track.transl[1] + track.transl[4]) / 2
    assert bool(torch.isfinite(track.body_pose).all())
    assert float((track.transl[2:4] - between).norm(dim=-1).max()) < 0.1


# Tracks.


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as archive:
        return dict(archive)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"body": np.array("smplx")}, "a track of body 'smplx', which is not at hand"),
        ({"body_pose": np.zeros((6, 21, 3), np.float32)}, "has 21 joints"),
        ({"betas": np.zeros(3, np.float32)}, "3 shape coefficients"),
        ({"transl": np.zeros((6, 2), np.float32)}, "not a body track (transl has shape (6, 2)"),
        ({"transl": np.full((6, 3), np.nan, np.float32)}, "NaN"),
        ({"transl": np.zeros((0, 3), np.float32)}, "not a body track"),
        ({"fps": np.array(-3.0)}, "not a body track"),
        ({"format": np.array(99)}, "newer liquidwarp"),
        ({"camera_size": np.array("large")}, "not a body track"),
    ],
)
@pytest.mark.usefixtures("early")
def test_tracks_that_do_not_fit(
    change: dict[str, np.ndarray], words: str, sources, tmp_path: Path, refused: Callable[..., str]
) -> None:
    np.savez(tmp_path / "bad.npz", **(arrays_of(sources.track) | change))
    said = refused("imitate", sources.photo, "--motion", "bad.npz", "-o", "x.mp4")
    assert said.startswith("bad.npz: ")
    assert words in said


@pytest.mark.usefixtures("early")
def test_tracks_that_are_broken(sources, tmp_path: Path, refused: Callable[..., str]) -> None:
    whole = sources.track.read_bytes()
    np.savez(tmp_path / "objects.npz", **(arrays_of(sources.track) | {"body": np.array([{}], dtype=object)}))
    np.savez(tmp_path / "others.npz", a=np.zeros(3))
    (tmp_path / "pickled.npz").write_bytes(pickle.dumps({"transl": [1]}))
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "folder.npz").mkdir()
    for name in ("objects", "others", "pickled", "cut", "text", "empty", "folder", "missing"):
        said = refused("imitate", sources.photo, "--motion", f"{name}.npz", "-o", "x.mp4")
        assert f"{name}.npz: " in said
        assert "liquidwarp recover" in said


def test_any_damage_to_a_track_is_an_input_error(sources, tmp_path: Path) -> None:
    whole, random, path = sources.track.read_bytes(), np.random.default_rng(0), tmp_path / "bad.npz"
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 3):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        with suppress(lw.InputError):  # all other errors fail the test; some damage does not show
            lw.BodyTrack.load(path)


# Options and places.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--size", "0"], "argument --size: 0 is too small; give 16 or more"),
        (["--size", "big"], "argument --size: 'big' is not a whole number"),
        (["--size", "100000"], "argument --size: 100000 is too large"),
        (["--wear", "upper"], "'upper' is not PART=PHOTO, such as upper=jacket.jpg"),
        (["--wear", "=a.jpg"], "is not PART=PHOTO"),
        (["--wear", "wings={photo}"], "part='wings' is not known; choose one of head, upper"),
        (["--person", "-1"], "argument --person: -1 is too small"),
        (["--motion-person", "1"], "track.npz: holds one person, so there is no number 1; leave --motion-person out"),
        (["--weights", "nothing.safetensors"], "nothing.safetensors: cannot be read as weights"),
        (["--camera", "drone"], "invalid choice: 'drone'"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["-o", "out.png"], "cannot write out.png: a motion makes a video"),
        (["-o", "out.xyz"], "cannot write out.xyz: a motion makes a video"),
        (["-o", "out"], "give a name that ends in .mp4"),
        (["-o", "file/out.mp4"], "cannot write file/out.mp4: a file stands where a folder is needed"),
        (["-o", "folder.mp4"], "cannot write folder.mp4: it is a folder"),
        (["-o", "x" * 300 + ".mp4"], "name too long"),
        (["-o", "reference.mp4", "--motion", "reference.mp4"], "it is one of the inputs; choose another name"),
    ],
)
@pytest.mark.usefixtures("early")
def test_options_are_checked_before_the_long_work(
    options: list[str], words: str, sources, tmp_path: Path, refused: Callable[..., str]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "reference.mp4").write_bytes(sources.motion.read_bytes())
    given = [option.format(photo=sources.photo) for option in options]
    assert words in refused("imitate", sources.photo, "--motion", sources.track, "-o", "x.mp4", *given)


@pytest.mark.usefixtures("early")
def test_what_is_missing_is_named(sources, refused: Callable[..., str]) -> None:
    photo = sources.photo
    assert "required: COMMAND; see 'liquidwarp --help'" in refused()
    assert "invalid choice: 'fly'" in refused("fly")
    assert "required: --motion" in refused("imitate", photo, "-o", "x.mp4")
    assert "required: -o/--output" in refused("imitate", photo, "--motion", sources.track)
    assert "required: --wear" in refused("transfer", photo, "-o", "x.png")
    assert "without --motion the result is one picture" in refused(
        "transfer", photo, "--wear", f"upper={photo}", "-o", "x.mp4"
    )
    assert "--motion-person goes with --motion; add it" in refused(
        "transfer", photo, "--wear", f"upper={photo}", "--motion-person", "1", "-o", "x.png"
    )
    assert "or --frames 1" in refused("view", photo, "-o", "x.png")
    assert "no frame rate" in refused("view", photo, "-o", "x.mp4", "--fps", "0")
    assert "is not a number" in refused("view", photo, "-o", "x.mp4", "--degrees", "nan")
    assert "a track is an .npz file" in refused("recover", sources.motion, "-o", "x.mp4")
    assert "overlay of a video is a video" in refused("recover", sources.motion, "-o", "x.npz", "--overlay", "x.png")
    assert "overlay of a photo is a picture" in refused("recover", photo, "-o", "x.npz", "--overlay", "x.mp4")


def test_out_of_memory(sources, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(tasks, "encode_source", greedy)
    assert refused("view", sources.photo, "-o", "x.mp4").startswith("out of memory; give a smaller --size")


@pytest.mark.slow
def test_a_full_disk(encoded: lw.SourceState, sources, tmp_path: Path, refused: Callable[..., str]) -> None:
    """No file may grow beyond 30 kB in a child process that draws what this one has encoded."""
    (tmp_path / "state").mkdir()
    state, out = tmp_path / "state" / "person.pt", tmp_path / "out"
    out.mkdir()
    torch.save(encoded, state)
    script = (
        "import resource, sys, torch; from liquidwarp import cli, tasks\n"
        "tasks.encode_source = lambda *_, **__: torch.load(sys.argv[1], weights_only=False)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))\n"
        "sys.exit(cli.main(sys.argv[2:]))"
    )
    arguments = ["view", str(sources.photo), "-o", str(out / "turn.mp4"), "--frames", "60"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(state), *arguments], capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert f"liquidwarp: error: cannot write {out / 'turn.mp4'}: " in done.stderr
    assert "Traceback" not in done.stderr
    assert list(out.iterdir()) == []
