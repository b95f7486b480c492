"""Faces that talk and maps that become pictures, from the command line; bad input is named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from few_shot_samples import tiny, tiny_file
from PIL import Image

import liquidwarp as lw
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.cli import main
from liquidwarp.detect import Detection
from liquidwarp.detect.details import Face
from liquidwarp.labels.faces import MESH_POINTS
from liquidwarp.media import open_video
from liquidwarp.methods import DrivenMethod, DrivingClip, FewShotFaceMethod, FewShotLabelsMethod, make_method
from liquidwarp.tasks import drive, paint_labels

LANDMARKS = np.load(Path(__file__).parents[1] / "golden" / "published" / "fsvid2vid_labels.npz")["landmarks"]
SIDE = 128


class FaceDetector:
    """Sees the golden face wherever the first pixel is not black, as far to the right as that says."""

    name = "faces"

    def detect(self, frame: np.ndarray) -> list[Detection]:
        points = np.full((len(MEDIAPIPE), 2), SIDE / 2, np.float32)
        points[0] = 0
        shift = int(frame[0, 0, 0])
        mesh = np.zeros((468, 3), np.float32)
        mesh[list(MESH_POINTS), :2] = LANDMARKS + np.array([shift, 0])
        face = Face(mesh, 1.0) if shift else None
        return [Detection(MEDIAPIPE, points, np.ones(len(points), np.float32), None, None, 1.0, None, face)]


def picture(shift: int, side: int = SIDE) -> np.ndarray:
    made = np.random.default_rng(1).integers(20, 230, (side, side, 3)).astype(np.uint8)
    made[0, 0] = shift
    return made


def talk(*shifts: int) -> DrivingClip:
    return DrivingClip([picture(shift) for shift in shifts], 25.0, (SIDE, SIDE), "talk.mp4")


def faces() -> FewShotFaceMethod:
    return FewShotFaceMethod(tiny("face"), (64, 64), FaceDetector())


def test_a_face_follows_a_clip() -> None:
    frames = list(faces().drive([picture(3)], talk(3, 9, 0, 9)))
    assert [tuple(frame.image.shape) for frame in frames] == [(3, 64, 64)] * 4
    assert not torch.equal(frames[0].image, frames[1].image), "it has moved"
    assert (frames[0].alpha == 1).all()
    larger = next(iter(faces().drive([picture(3)], talk(3), size=100)))
    assert larger.image.shape == (3, 100, 100)
    assert isinstance(faces(), DrivenMethod)


def test_faces_that_are_not_there_are_told() -> None:
    with pytest.raises(lw.NoPersonError, match="no face in photo 1; give one"):
        list(faces().drive([picture(0)], talk(3)))
    with pytest.raises(lw.NoPersonError, match=r"talk\.mp4: no frame shows a face"):
        list(faces().drive([picture(3)], talk(0, 0)))
    with pytest.raises(lw.InputError, match="takes one reference, got 2"):
        list(faces().drive([picture(3), picture(4)], talk(3)))
    several = replace(faces(), generator=tiny("face", attention=True))
    assert len(list(several.drive([picture(3), picture(4)], talk(3)))) == 1
    with pytest.raises(lw.InputError, match="photos is empty"):
        drive([], "talk.mp4", method=faces())


def test_the_command_line_lets_a_face_talk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "liquidwarp.methods.few_shot_vid2vid.face.LiteRtDetector", lambda face: FaceDetector() if face else None
    )
    Image.fromarray(picture(3)).save(tmp_path / "face.png")
    lw.write_video([picture(200)] * 3, tmp_path / "talk.mp4", fps=25)
    weights, out = tiny_file(tmp_path, "face", (64, 64)), tmp_path / "out.mp4"
    command = ["imitate", str(tmp_path / "face.png"), "--motion", str(tmp_path / "talk.mp4"), "-o", str(out)]
    command += ["--method", "few-shot-vid2vid-face", "--weights", str(weights)]
    assert main(command) == 0
    assert sum(1 for _ in open_video(out)) == 3
    capsys.readouterr()
    assert main([*command, "--background", "plain"]) == 2
    assert "--background is for methods that know the body" in capsys.readouterr().err


def street(folder: Path, *numbers: int, classes: int = 34, size: tuple[int, int] = (32, 64)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        y, x = np.indices(size)
        Image.fromarray(((y // 8 + (x + number) // 8) % classes).astype(np.uint8)).save(folder / f"f{number:03d}.png")
    return folder


def example(folder: Path, size: tuple[int, int] = (32, 64)) -> tuple[Path, Path]:
    street(folder, 0)
    Image.fromarray(np.random.default_rng(2).integers(0, 255, (*size, 3)).astype(np.uint8)).save(folder / "street.png")
    return folder / "street.png", folder / "f000.png"


def paint(tmp_path: Path, folder: Path, **more: object) -> list[lw.Synthesis]:
    method = FewShotLabelsMethod(tiny("street"), (32, 64))
    return list(paint_labels([example(tmp_path / "own")], folder, method=method, **more))


def test_labels_are_painted_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = street(tmp_path / "labels", 7, 8, 9), tmp_path / "out.mp4"
    weights = tiny_file(tmp_path, "street", (32, 64))
    shown = [str(path) for path in example(tmp_path / "own")]
    command = ["labels", "--labels", str(folder), "--weights", str(weights), "-o", str(out)]
    assert main([*command, "--example", *shown]) == 0
    video = open_video(out)
    assert (video.size, sum(1 for _ in video)) == ((32, 64), 3)
    capsys.readouterr()
    assert main([*command, "--example", *shown, "--example", *shown]) == 2
    assert "takes one reference, got 2" in capsys.readouterr().err
    assert main(command) == 2
    assert "--example" in capsys.readouterr().err


def test_the_frame_before_is_blended_in(tmp_path: Path) -> None:
    frames = paint(tmp_path, street(tmp_path / "labels", 1, 2))
    alone = paint(tmp_path, street(tmp_path / "other", 2), size=64)
    assert frames[1].image.shape == alone[0].image.shape
    assert not torch.equal(frames[1].image, alone[0].image)


@pytest.mark.parametrize(
    ("numbers", "more", "words"),
    [
        ((1, 2, 4), {}, "number 3 is missing before f004.png"),
        ((1, 6), {}, "number 2 to 5 is missing"),
        ((), {}, "holds no pictures"),
        ((1,), {"ids": "plain"}, r"holds class 2\d, but the network knows 20"),
    ],
)
def test_a_folder_that_does_not_fit_is_named(numbers: tuple[int, ...], more: dict, words: str, tmp_path: Path) -> None:
    folder = street(tmp_path / "labels", *numbers, classes=26, size=(128, 128))
    with pytest.raises(lw.InputError, match=words):
        paint(tmp_path, folder, **more)


def test_sizes_and_examples_that_do_not_fit_are_named(tmp_path: Path) -> None:
    folder = street(street(tmp_path / "labels", 1).parent / "labels", 2, size=(32, 32))
    with pytest.raises(lw.InputError, match=r"f002\.png is 32x32, but f001\.png is 64x32"):
        paint(tmp_path, folder)
    method = FewShotLabelsMethod(tiny("street"), (32, 64))
    with pytest.raises(lw.InputError, match="the picture is 10x10, its labels 64x32"):
        paint_labels([example(tmp_path / "bad", (10, 10))], folder, method=method)
    with pytest.raises(lw.InputError, match="no example; give at least one"):
        list(paint_labels([], folder, method=method))
    with pytest.raises(lw.InputError, match="no such folder"):
        paint(tmp_path, tmp_path / "nowhere")
    with pytest.raises(lw.InputError, match="these weights are 'fsvid2vid-pose'"):
        make_method("few-shot-vid2vid-labels", weights=tiny_file(tmp_path))
