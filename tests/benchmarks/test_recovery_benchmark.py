"""The recovery benchmark: perfect answers score perfectly, worse ones worse, and its files keep their form."""

import json
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import liquidwarp as lw
from liquidwarp.bodies.landmarks import LSP
from liquidwarp.bodies.smpl_files import FAMILIES
from liquidwarp.detect import ClipDetection, MaskStack
from liquidwarp.detect.readers import OPENPOSE_COCO
from liquidwarp.fit import find_stands
from liquidwarp.geometry import default_camera, project
from liquidwarp.metrics.pose import reprojection_errors, track_points
from liquidwarp.raster import rasterize
from liquidwarp.synth import moving_person, simulate_keypoints
from liquidwarp.testing import toy_body

ROOT = Path(__file__).parents[2]
MODULES = (
    "run",
    "recovery_measure",
    "recovery_close",
    "recovery_real",
    "recovery_report",
    "quality_report",
    "quality_measure",
)
SIZE, FRAMES, FPS = (96, 80), 12, 25.0


@pytest.fixture
def recovery(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks" / "recovery"), *sys.path])
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import recovery_close
    import recovery_measure
    import recovery_real
    import recovery_report
    import run

    threads = torch.get_num_threads()
    yield SimpleNamespace(
        run=run, measure=recovery_measure, real=recovery_real, report=recovery_report, close=recovery_close
    )
    torch.set_num_threads(threads)
    for name in MODULES:
        sys.modules.pop(name, None)


def standing_toy() -> lw.BodyTrack:
    """Somebody who stands and waves both arms."""
    body = toy_body()
    canonical = torch.zeros(FRAMES, 22, 3)
    canonical[:, 16, 2] = torch.linspace(0, 0.8, FRAMES)
    canonical[:, 17, 2] = torch.linspace(0, -0.8, FRAMES)
    orient, pose = body.expand_pose(canonical)
    place = torch.tensor([[0.05, 0.1, 3.4]]).expand(FRAMES, 3)
    observed = torch.ones(FRAMES, dtype=torch.bool)
    betas = torch.zeros(body.num_betas)
    return lw.BodyTrack("toy", betas, orient, pose, place, default_camera(SIZE), FPS, torch.ones(FRAMES), observed)


def seen_of(track: lw.BodyTrack, names: tuple[str, ...] | None = None) -> lw.Keypoints:
    body = lw.load_body(track.body)
    names = names or body.landmark_names
    points = body.landmarks(names, track.betas, track.global_orient, track.body_pose, track.transl)
    sure = torch.ones(len(track), len(names))
    world = points - points.mean(1, keepdim=True)
    return lw.Keypoints(
        names, project(track.camera, points)[..., :2], sure, world, sure[:, 0] > 0, track.camera.size, track.fps, "toy"
    )


def detection_of(track: lw.BodyTrack) -> ClipDetection:
    body = lw.load_body(track.body)
    identity = body.identity(track.betas)
    vertices = body.vertices(identity, track.global_orient, track.body_pose, track.transl)
    drawn = rasterize(vertices, body.topology.faces, track.camera).face_index >= 0
    masks = MaskStack.pack((mask.float().numpy() for mask in drawn), SIZE)
    return ClipDetection(seen_of(track), masks, torch.zeros(len(track), 4), 0)


def mean(scores: object, metric: str) -> float:
    return float(np.mean(scores.values[metric]))


def test_a_perfect_track_scores_perfectly_and_a_shifted_one_does_not(recovery: SimpleNamespace) -> None:
    body, track = toy_body(), standing_toy()
    found = detection_of(track)
    stands = find_stands(body, track)
    assert bool((stands >= 0).all())
    perfect = recovery.real.judge(body, found, track, stands)
    assert mean(perfect, "reprojection") < 1e-4
    assert mean(perfect, "iou") == 1
    assert mean(perfect, "skate") < 1e-3
    slides = torch.arange(FRAMES)[:, None] * torch.tensor([0.01, 0.0, 0.0])
    sliding = recovery.real.judge(body, found, replace(track, transl=track.transl + slides), stands)
    # 1 cm a frame at 25 frames a second is 10.42 mm a frame at 24.
    np.testing.assert_allclose(sliding.values["skate"], 10 * FPS / 24, rtol=1e-3)
    assert mean(sliding, "iou") < 0.9
    assert mean(sliding, "reprojection") > 1
    # Feet that creep at 5 cm/s are found to stand, but do not truly.
    creeping = replace(track, transl=track.transl + slides / 5)
    assert bool((find_stands(body, creeping) >= 0).any())
    assert bool((recovery.measure.true_stands(body, creeping) < 0).all())
    assert torch.equal(recovery.measure.true_stands(body, track), stands)
    nervous = track.transl + 0.01 * torch.randn(FRAMES, 3, generator=torch.Generator().manual_seed(0))
    shaking = recovery.real.judge(body, found, replace(track, transl=nervous), stands)
    assert mean(shaking, "jitter") > 10 * mean(perfect, "jitter")


def test_pose_errors_are_millimetres(recovery: SimpleNamespace) -> None:
    body, track = toy_body(), standing_toy()
    points = track_points(track, LSP, body=body)
    scores = recovery.measure.Scores.of(recovery.measure.METRICS)
    recovery.measure.add_pose_errors(scores, points, points, LSP)
    recovery.measure.add_mesh_errors(scores, body, track, replace(track, transl=track.transl + 1))
    assert mean(scores, "mpjpe") == 0
    assert mean(scores, "pa_mpjpe") < 1e-6
    assert mean(scores, "pve") < 1e-2, "the place does not count"
    moved = points.copy()
    moved[:, LSP.index("left_wrist")] += [0, 0.014, 0]
    scores = recovery.measure.Scores.of(recovery.measure.METRICS)
    recovery.measure.add_pose_errors(scores, moved, points, LSP)
    np.testing.assert_allclose(scores.values["mpjpe"], 1.0, rtol=1e-6)  # one of fourteen joints by 14 mm
    assert scores.joints["left_wrist"] == pytest.approx([14])
    assert scores.joints["right_wrist"] == pytest.approx([0])
    assert 0 < mean(scores, "pa_mpjpe") < 14 / len(LSP) ** 0.5, "the sum of squares cannot grow"


def test_synthetic_people_are_the_same_again_and_errors_grow_with_the_level() -> None:
    track = moving_person((1, 2), 6, kind="walk")
    again = moving_person((1, 2), 6, kind="walk")
    for name in ("betas", "global_orient", "body_pose", "transl"):
        assert torch.equal(getattr(track, name), getattr(again, name))
    assert not torch.equal(moving_person((1, 3), 6, kind="walk").betas, track.betas)
    height, width = track.camera.size
    spots = project(track.camera, torch.from_numpy(track_points(track, LSP)).float() @ track.camera.rotation)
    assert float(spots[..., 2].min()) > 0.5
    errors = {level: simulate_keypoints(track, 3, level=level) for level in (0.0, 1.0, 2.0)}
    sizes = [float(np.nanmedian(reprojection_errors(track, keypoints))) for keypoints in errors.values()]
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.01, "without noise only what detectors click elsewhere than bodies say"
    assert torch.equal(simulate_keypoints(track, 3).image, errors[1.0].image)
    inside = errors[0.0].image / torch.tensor([width, height])
    assert float(((inside > 0) & (inside < 1)).float().mean()) > 0.95
    with pytest.raises(lw.InputError, match="not for 'toy'"):
        simulate_keypoints(standing_toy(), 0)


def sequence_file(path: Path, track: lw.BodyTrack) -> Path:
    """Write a track as a sequence of 3DPW, filmed by a camera that moves."""
    body = lw.load_body(track.body)
    rest = body.rest_joints(track.betas)
    turns, shifts = body.transforms(rest, track.global_orient, track.body_pose)
    joints = (turns @ rest[..., None])[..., 0] + shifts + track.transl[:, None]
    smpl = FAMILIES["smpl"].joints
    own = [body.canonical(name) for name in (*smpl[:22], "left_wrist", "right_wrist")]
    poses = np.tile(np.eye(4), (FRAMES, 1, 1))
    poses[:, 0, 3] = np.linspace(0, 1, FRAMES)
    marks = seen_of(track, tuple(name for name in OPENPOSE_COCO))
    marks = torch.cat([marks.image, marks.confidence[..., None]], dim=-1).permute(0, 2, 1)
    focal, (height, width) = float(track.camera.focal[0]), SIZE
    # The camera walks one metre along +X, so the world's people walk the other way.
    world = joints[:, own].double().numpy() - poses[:, None, :3, 3]
    values = {
        "jointPositions": [world.reshape(FRAMES, 72)],
        "cam_poses": poses,
        "cam_intrinsics": np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]),
        "poses2d": [marks.double().numpy()],
    }
    path.write_bytes(pickle.dumps(values, protocol=2))
    return path


def test_data_sets_with_truth_are_measured_and_written(recovery: SimpleNamespace, tmp_path: Path) -> None:
    file = sequence_file(tmp_path / "wave.pkl", standing_toy())
    output = tmp_path / "out"
    arguments = ["--clips", "0", "--truth", str(file), "--body", "toy", "-o", str(output)]
    assert recovery.run.main(arguments) == 0
    data = json.loads((output / "results.json").read_text())
    recovery.report.check(data)
    ways = data["truth"]["wave"]
    fit, rest = ways["fit"]["metrics"], ways["rest pose"]["metrics"]
    assert fit["mpjpe"]["count"] == FRAMES
    assert fit["mpjpe"]["mean"] < 40
    assert fit["mpjpe"]["mean"] < rest["mpjpe"]["mean"]
    assert fit["pa_mpjpe"]["mean"] < rest["pa_mpjpe"]["mean"]
    assert "### Data sets with truth" in (output / "results.md").read_text()
    assert str(tmp_path) not in (output / "results.json").read_text()


def scores_of(recovery: SimpleNamespace, metrics: tuple[str, ...], value: float) -> object:
    scores = recovery.measure.Scores.of(metrics)
    for metric in metrics:
        scores.add(metric, [value, value + 1, np.nan])
    scores.joints = {"left_hip": [1.0, 2.0], "right_hip": [3.0], "head_top": [5.0]}
    return scores


def test_results_have_a_form_and_what_breaks_it_is_named(recovery: SimpleNamespace) -> None:
    report, real = recovery.report, recovery.real
    synthetic = {"1": {"fit": scores_of(recovery, recovery.measure.METRICS, 7.0)}}
    clips = [
        real.RealClip(name, 4, SIZE, FPS, {"recover": scores_of(recovery, real.METRICS, value)}, {"recover": stages})
        for name, value, stages in (("a", 1.0, {"detect": 3.0, "fit": 5.0}), ("b", 3.0, {"detect": 4.0, "fit": 6.0}))
    ]
    near = {
        name: {way: scores_of(recovery, recovery.close.METRICS, 2.0)} for name in "cd" for way in recovery.close.WAYS
    }
    data = report.to_json(synthetic, {}, clips, {"clips": 1}, 1 << 30, close=near)
    report.check(data)
    json.dumps(data, allow_nan=False)
    assert data["real"]["all clips"]["recover"]["metrics"]["iou"]["count"] == 4
    assert data["real"]["all clips"]["recover"]["metrics"]["iou"]["mean"] == 2.5
    text = report.table(data)
    assert "| 1 | fit | 7.5 (7.1-7.9) |" in text
    assert "| way | hip | head top |" in text
    assert "| all | hands and face | 2.5 (2.0-3.0) | 2.5 / 3.0 |" in text
    assert "| fit | 2 | 5 |" in text
    assert "| recover | 3.5 (3.0-4.0) |  | 5.5 (5.0-6.0) |  |  | 5.5 (5.0-6.0) |" in text
    whole = data["synthetic"]["1"]["fit"]["metrics"]
    for change, message in (
        ({"schema": "other"}, "schema must be"),
        ({"synthetic": {}, "real": {}, "close": {}}, "one of the parts must have"),
        ({"synthetic": {"1": {}}}, "synthetic.1 must have ways"),
        ({"synthetic": {"1": {"fit": {"metrics": {}, "joints": {}}}}}, "synthetic.1.fit.metrics must be"),
        (
            {"synthetic": {"1": {"fit": {"metrics": whole, "joints": {"hip": None}}}}},
            "joints.hip must be a finite number",
        ),
        ({"clips": [{"milliseconds": {"recover": {"dream": 1.0}}}]}, "dream is no stage"),
    ):
        with pytest.raises(ValueError, match=message):
            report.check(data | change)


def test_clips_are_found_and_bad_input_is_one_line(
    recovery: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    monkeypatch.setattr(recovery.real, "is_video", lambda path: path.suffix == ".mp4")
    for name in ("b.mp4", "a.mp4", "notes.txt"):
        (folder / name).write_bytes(b"")
    assert [path.name for path in recovery.real.find_clips([folder, folder / "b.mp4"])] == ["a.mp4", "b.mp4", "b.mp4"]
    for arguments in (
        ["--data", str(tmp_path)],
        ["--clips", "0"],
        ["--truth", str(tmp_path / "none.pkl")],
        ["--clips", "0", "--data", str(folder / "notes.txt")],
    ):
        assert recovery.run.main([*arguments, "-o", str(tmp_path / "out")]) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("error: ")
        assert captured.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_all_parts_on_small_data(recovery: SimpleNamespace, sources, tmp_path: Path) -> None:
    output = tmp_path / "out"
    arguments = ["--clips", "2", "--frames", "12", "--levels", "0", "1", "--data", str(sources.motion)]
    assert recovery.run.main([*arguments, "-o", str(output)]) == 0
    data = json.loads((output / "results.json").read_text())
    recovery.report.check(data)
    exact, noisy = data["synthetic"]["0"], data["synthetic"]["1"]
    for metric in ("mpjpe", "pve"):
        values = {way: scores["metrics"][metric]["mean"] for way, scores in exact.items()}
        assert values["fit"] < values["rest pose"]
        assert values["fit"] < noisy["fit"]["metrics"][metric]["mean"]
    ways = data["real"]["motion"]
    assert ways["fit"]["metrics"]["reprojection"]["median"] < 2
    assert ways["recover"]["metrics"]["iou"]["mean"] > 0.6
    assert ways["rest pose"]["metrics"]["iou"]["mean"] < ways["recover"]["metrics"]["iou"]["mean"]
    assert set(data["clips"][0]["milliseconds"]["recover"]) == {"detect", "fit", "masks", "plant"}
