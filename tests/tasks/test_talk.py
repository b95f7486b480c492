"""Talking heads from the command line: sound, size, errors; faces in imitation."""

import re
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from liquidwarp.appearance.appearance import fuse_appearances
from liquidwarp.cli import main
from liquidwarp.demo import asset
from liquidwarp.detect import FaceDetector
from liquidwarp.errors import InputError
from liquidwarp.face import HeadFrame
from liquidwarp.face.shape import mouth_width, opened_by
from liquidwarp.media import read_image, read_provenance, write_image, write_video
from liquidwarp.person import SourceState, find_face
from liquidwarp.tasks import imitate, talk
from liquidwarp.types import BodyTrack, FaceTrack


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with sound: somebody nods."""
    folder = tmp_path_factory.mktemp("talking")
    photo = read_image(asset("woman_checks.jpg")).rgb[:256, 120:376]
    silent = write_video([np.roll(photo, step % 3, 0) for step in range(6)], folder / "silent.mp4", fps=10)
    with av.open(str(folder / "tone.wav"), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=8000, layout="mono")
        tone = (8000 * np.sin(np.arange(4800) / 3)).astype(np.int16)
        sound = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        sound.rate = 8000
        for packet in (*stream.encode(sound), *stream.encode(None)):
            file.mux(packet)
    return write_video(
        [frame.to_ndarray(format="rgb24") for frame in av.open(str(silent)).decode(video=0)],
        folder / "talking.mp4",
        fps=10,
        sound=folder / "tone.wav",
    )


def test_a_talking_head_keeps_sound_length_and_marks(talking: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out.mp4"
    given = ["talk", asset("woman_stripes.jpg"), "--motion", talking, "--size", 400, "-o", out]
    assert main([str(word) for word in given]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    with av.open(str(out)) as made:
        assert len(made.streams.audio) == 1
        video = made.streams.video[0]
        assert (video.width, video.height, video.frames, float(video.average_rate)) == (320, 400, 6, 10.0)
    assert read_provenance(out) is not None


def masked(photo: np.ndarray) -> np.ndarray:
    """Return a photo whose face wears a mask."""
    made = photo.copy()
    points = FaceDetector().pick(photo).points[:, :2]
    x, y = np.rint(points[[234, 454, 152]]).astype(int), int(points[197, 1])
    made[y : x[2, 1], x[0, 0] : x[1, 0]] = (120, 160, 200)
    return made


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["talk", "grey.png", "--motion", "talking.mp4", "-o", "out.mp4"], "no face found in .*grey.png"),
        (
            ["talk", "face.png", "--person", "2", "--motion", "talking.mp4", "-o", "out.mp4"],
            "no face 2, only 1 found; choose --person 0",
        ),
        (["talk", "masked.png", "--motion", "talking.mp4", "-o", "out.mp4"], "masked.png: something covers the mouth"),
        (
            ["talk", "side.png", "--motion", "talking.mp4", "-o", "out.mp4"],
            "side.png: the picture's edge cuts the face off",
        ),
        (["talk", "tiny.png", "--motion", "talking.mp4", "-o", "out.mp4"], "tiny.png: (the face is|no face)"),
        (["talk", "face.png", "--motion", "grey.mp4", "-o", "out.mp4"], "grey.mp4: no frame shows a face"),
        (["talk", "face.png", "--motion", "talking.mp4", "-o", "out.png"], "a talking head makes a video"),
        (["talk", "face.png", "--motion", "talking.mp4", "-o", "talking.mp4"], "one of the inputs"),
    ],
)
def test_what_is_wrong_is_one_line(
    talking: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    photo = read_image(asset("woman_stripes.jpg")).rgb[:240, 130:370]
    write_image("face.png", photo)
    write_image("tiny.png", photo[::4, ::4])
    write_image("masked.png", masked(photo))
    write_image("side.png", photo[:, 118:])
    write_image("grey.png", np.full((64, 64, 3), 120, np.uint8))
    write_video([np.full((64, 64, 3), 120, np.uint8)] * 2, "grey.mp4", fps=10)
    Path("talking.mp4").write_bytes(talking.read_bytes())
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("liquidwarp: error") == 1
    assert re.search(message, error), error


def test_a_face_that_is_still_beside_one_that_moves() -> None:
    photo = read_image(asset("woman_stripes.jpg")).rgb[:240, 130:370]
    first, *rest = talk(photo, np.stack([photo] * 3), head="still")
    assert np.abs(first.astype(float) - photo).mean() < 0.2
    assert len(rest) == 2
    with pytest.raises(InputError, match="head='nod'"):
        talk(photo, np.stack([photo] * 3), head="nod")


def speaking(track: BodyTrack, photo: np.ndarray, frames: int) -> BodyTrack:
    """Return a motion of `frames` frames whose mouth opens and closes."""
    mesh = FaceDetector().pick(photo).points.astype(np.float64)
    frame = HeadFrame.of(mesh)
    shape = frame.own(mesh)
    meshes = []
    for index in range(frames):
        moved = shape.copy()
        moved[:, 1] += opened_by(shape, np.full(9, 0.3 * (index % 2) * mouth_width(shape)))
        meshes.append(frame.picture(moved))
    lips = FaceTrack.create(torch.from_numpy(np.stack(meshes)).float(), torch.ones(frames))
    return replace(track[torch.zeros(frames, dtype=torch.int64)], face=lips)


def test_a_person_speaks_as_the_motion_does_and_comes_back_from_its_file(encoded: SourceState, tmp_path: Path) -> None:
    assert find_face(encoded) is not None
    motion = speaking(encoded.track, read_image(asset("woman_stripes.jpg")).rgb, 4)
    still = [made.image for made in imitate(encoded, motion, face="still", size=160)]
    moves = [made.image for made in imitate(encoded, motion, size=160)]
    changed = (moves[1] - still[1]).abs().amax(0) > 0.05
    rows = changed.nonzero()[:, 0]
    assert len(rows) > 4
    assert rows.max() < 55  # in the face, not below
    assert (moves[0] - still[0]).abs().max() < (moves[1] - still[1]).abs().max()
    encoded.save(tmp_path / "me.person")
    again = SourceState.load(tmp_path / "me.person", encoded.body)
    assert again.digest() == encoded.digest()
    for one, other in zip(moves, imitate(again, motion, size=160), strict=True):
        assert torch.equal(one, other.image)
    motion.save(tmp_path / "motion.npz")
    (first, *_) = imitate(encoded, BodyTrack.load(tmp_path / "motion.npz")[1], size=160)
    assert first.image.shape == moves[1].shape
    look = fuse_appearances([encoded.appearance] * 2)
    twice = replace(encoded, views=encoded.views * 2, appearance=look)  # a second photo shows no second mouth
    again = [made.image for made in imitate(twice, motion, size=160)]
    assert (moves[1] - again[1]).abs().max() < 0.3 * (moves[1] - still[1]).abs().max()
    faceless = replace(encoded, track=replace(encoded.track, face=None))
    for one, other in zip(still, imitate(faceless, motion, size=160), strict=True):
        assert torch.equal(one, other.image)
