"""The benchmark of several cameras, on a person and cameras that are made up."""

import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import liquidwarp as lw
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.detect import ClipDetection, MaskStack
from liquidwarp.geometry import axis_angle_to_matrix, look_at_camera
from liquidwarp.raster import rasterize
from liquidwarp.tasks import source_from_tracks
from liquidwarp.testing import toy_body
from liquidwarp.types import Camera

ROOT = Path(__file__).parents[2]
MODULES = ("cameras", "cameras_measure", "cameras_report", "cameras_rig", "recovery_measure", "recovery_report")
OTHERS = ("recovery_close", "recovery_real", "quality_report", "quality_measure")
SIZE, FRAMES = (120, 90), 6
SWAPPED = (2, 3)  # frames in which camera b takes left for right
OFF = {"a": (0.4, -0.3), "b": (-0.5, 0.2), "c": (0.1, 0.6), "d": (0.0, -0.5)}  # degrees by which the file is wrong


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks" / "recovery"), *sys.path])
    for name in (*MODULES, *OTHERS):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import cameras
    import cameras_measure
    import cameras_report
    import cameras_rig

    threads = torch.get_num_threads()
    yield SimpleNamespace(run=cameras, measure=cameras_measure, report=cameras_report, rig=cameras_rig)
    torch.set_num_threads(threads)
    for name in (*MODULES, *OTHERS):
        sys.modules.pop(name, None)


def moving_toy() -> lw.BodyTrack:
    """Somebody who raises the arms, one faster, and a knee; the world is that of the track."""
    body = toy_body()
    canonical = torch.zeros(FRAMES, 22, 3)
    canonical[:, 16, 2] = torch.linspace(0, 0.8, FRAMES)
    canonical[:, 17, 2] = torch.linspace(0, -0.3, FRAMES)
    canonical[:, 1, 0] = torch.linspace(0, -0.7, FRAMES)
    orient, pose = body.expand_pose(canonical)
    place = torch.tensor([[0.05, 0.1, 3.4]]).expand(FRAMES, 3)
    sure = torch.ones(FRAMES)
    camera = Camera.create(110.0, SIZE)
    return lw.BodyTrack("toy", torch.zeros(body.num_betas), orient, pose, place, camera, 25.0, sure, sure > 0)


def made_cameras(track: lw.BodyTrack) -> dict[str, Camera]:
    middle = track.transl[0]
    views = {"a": (20, 10), "b": (80, 25), "c": (170, 15), "d": (260, 20)}
    return {
        name: look_at_camera(track.camera, middle, azimuth=np.radians(side), elevation=np.radians(above))
        for name, (side, above) in views.items()
    }


def seen_from(track: lw.BodyTrack, camera: Camera) -> ClipDetection:
    body = toy_body()
    points = body.landmarks(MEDIAPIPE, track.betas, track.global_orient, track.body_pose, track.transl)
    vertices = body.vertices(body.identity(track.betas), track.global_orient, track.body_pose, track.transl)
    drawn = [rasterize(one[None], body.topology.faces, camera).face_index[0] >= 0 for one in vertices]
    sure = torch.ones(len(track), len(MEDIAPIPE))
    image = camera.to_pixels(camera.to_camera(points))
    seen = lw.Keypoints(MEDIAPIPE, image, sure, None, sure[:, 0] > 0, SIZE, 25.0, "toy")
    return ClipDetection(seen, MaskStack.pack((one.float().numpy() for one in drawn), SIZE), torch.zeros(FRAMES, 4), 0)


def qualisys_file(path: Path, cameras: dict[str, Camera]) -> None:
    """Write a calibration as Qualisys does: 64ths of a pixel, millimetres, the rotation from camera to world."""
    lines = []
    for name, camera in cameras.items():
        turn = torch.diag(torch.tensor([1.0, -1.0, -1.0])) @ camera.rotation
        numbers = {f"r{r + 1}{c + 1}": float(turn[r, c]) for r in range(3) for c in range(3)}
        numbers |= dict(zip("xyz", (1000 * camera.eye).tolist(), strict=True))
        transform = " ".join(f'{key}="{value}"' for key, value in numbers.items())
        values = [64 * float(value) for value in camera.lens]
        names = ("focalLengthU", "focalLengthV", "centerPointU", "centerPointV")
        lens = " ".join(f'{key}="{value}"' for key, value in zip(names, values, strict=True))
        lines.append(f'<camera serial="{name}"><transform {transform}/><intrinsic {lens}/></camera>')
    path.write_text(f"<calibration><cameras>{''.join(lines)}</cameras></calibration>")


def clip_of(bench: SimpleNamespace, folder: Path, track: lw.BodyTrack) -> tuple[object, dict[str, Camera]]:
    """Return the clip as the benchmark reads it from a file that is a little wrong, and the true cameras."""
    cameras = made_cameras(track)
    wrong = {}
    for name, (tilt, pan) in OFF.items():
        turn = axis_angle_to_matrix(torch.tensor([tilt, pan, 0.0]).deg2rad())
        camera = cameras[name]
        wrong[name] = replace(camera, rotation=turn @ camera.rotation, translation=turn @ camera.translation)
    found = {name: seen_from(track, camera) for name, camera in cameras.items()}
    seen = found["b"].keypoints
    order = bench.rig.swapped_columns(MEDIAPIPE)
    image = seen.image.clone()
    image[list(SWAPPED)] = image[list(SWAPPED)][:, order]
    found["b"] = replace(found["b"], keypoints=replace(seen, image=image))
    qualisys_file(folder / "made.qca.txt", wrong)
    read = bench.rig.read_calibration(folder / "made.qca.txt", bench.measure.sizes_of(found))
    for name, camera in read.items():
        torch.testing.assert_close(camera.rotation.float(), wrong[name].rotation, atol=1e-5, rtol=0)
        torch.testing.assert_close(camera.eye.float(), wrong[name].eye, atol=1e-4, rtol=0)
    return bench.measure.agreed(dict.fromkeys(cameras, folder / "none.mp4"), found, read), cameras


def test_cameras_are_made_to_agree_and_see_the_true_person(bench: SimpleNamespace, tmp_path: Path) -> None:
    track = moving_toy()
    clip, cameras = clip_of(bench, tmp_path, track)
    body = toy_body()
    for name in cameras:
        truth = bench.measure.truth_for(clip, name)
        assert truth.valid.all()
        np.testing.assert_array_equal(np.nonzero(truth.swapped)[0], SWAPPED if name == "b" else ())
        right = bench.measure.points_of(replace(track, camera=cameras[name]), body)
        apart = right - truth.points
        assert np.abs(apart - apart.mean((0, 1))).max() < 0.01, "but for where all of it is, within a centimetre"
        assert np.median(truth.seen_apart) < 0.3


def test_a_perfect_answer_scores_perfectly(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track, body = moving_toy(), toy_body()
    clip, cameras = clip_of(bench, tmp_path, track)
    here = replace(track, camera=cameras["a"])
    fakes = SimpleNamespace(recover=lambda found, **_: replace(here, transl=here.transl + 1))
    monkeypatch.setattr(bench.measure, "lw", fakes)
    result = bench.measure.measure_camera(clip, "a", body, ("rest pose", "recover", "short"), stills=1)
    assert np.mean(result.scores["recover"].values["mpjpe"]) < 8
    assert np.mean(result.scores["recover"].values["depth"]) < 5
    assert np.mean(result.scores["recover"].values["elbow"]) < 2
    assert np.mean(result.scores["rest pose"].values["mpjpe"]) > 60
    assert result.swaps["recover"] == 0
    data = bench.report.to_json([result], {name: [0.0, 0.0] for name in cameras}, {}, 1)
    bench.report.check(data)
    json.dumps(data, allow_nan=False)
    assert "| recover |" in bench.report.table(data)
    with pytest.raises(ValueError, match="schema must be"):
        bench.report.check(data | {"schema": "other"})


@pytest.mark.slow
def test_who_was_learnt_is_painted_where_others_see_it(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track, body = moving_toy(), toy_body()
    clip, cameras = clip_of(bench, tmp_path, track)
    photo = np.full((*SIZE, 3), 90, np.uint8)
    here = replace(track, camera=cameras["a"])
    person = source_from_tracks([photo], [clip.found["a"].masks.frame(3, SIZE).numpy()], [here[3]], body=body)
    monkeypatch.setattr(bench.measure, "_PICTURE", SIZE[0])
    monkeypatch.setattr(bench.measure, "lw", SimpleNamespace(encode_source=lambda frame: person))
    monkeypatch.setattr(type(clip), "frames", lambda self, camera: iter([photo] * FRAMES))
    result = bench.measure.measure_camera(clip, "a", body, ("stills",), stills=1)
    assert len(result.scores["stills"].values["overlap"]) == 3
    assert bench.report.sheet([result]).shape[2] == 3
    truth = bench.measure.truth_for(clip, "a").points[3]
    points = bench.measure.points_of(here[3], body)[0]
    for other in ("b", "c", "d"):
        seen = bench.measure.seen_by(person, points, 1.0, clip, "a", other, truth)
        real = clip.found[other].masks.frame(3, SIZE).numpy() > 0.5
        assert bench.measure.iou(seen.alpha.numpy() > 0.5, real) > 0.8


def test_sizes_follow_the_limbs_and_swaps_are_counted(bench: SimpleNamespace) -> None:
    points = bench.measure.points_of(moving_toy(), toy_body())
    assert bench.measure.limb_scale(points / 1.2, points) == pytest.approx(1.2)
    crossed = points[:, bench.rig.swapped_columns(bench.measure.COMPARED)]
    assert bench.measure.swaps(points, points) == 0
    assert bench.measure.swaps(crossed, points) == FRAMES
    bent = bench.measure.angles(points)
    assert set(bent) == set(bench.measure.ANGLES)
    assert np.abs(bent["trunk"]).max() < 10


def test_bad_input_is_one_line_and_code_two(bench: SimpleNamespace, tmp_path: Path, capsys) -> None:
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    assert bench.run.main([str(wheel), "-o", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert "pip download --no-deps pose2sim" in message
