"""The quality benchmark with stand-ins for the library's long work: what it measures must not depend on it."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import liquidwarp as lw
from liquidwarp.detect import MaskStack
from liquidwarp.testing import toy_body

FOLDER = Path(__file__).parents[2] / "benchmarks" / "quality"
FRAMES, SIZE = 9, 32


@pytest.fixture
def quality(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("feet", "run", "quality_measure", "quality_report"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import feet
    import quality_measure
    import quality_report
    import run

    yield SimpleNamespace(run=run, measure=quality_measure, report=quality_report, feet=feet)
    for name in ("feet", "run", "quality_measure", "quality_report"):
        sys.modules.pop(name, None)


def frame(index: int) -> np.ndarray:
    picture = np.random.default_rng(0).integers(0, 200, (SIZE, SIZE, 3), dtype=np.uint8)
    picture[8:24, 4 + index : 12 + index] = (250, 20, 20)
    return picture


def mask(index: int) -> np.ndarray:
    alpha = np.zeros((SIZE, SIZE), np.float32)
    alpha[8:24, 4 + index : 12 + index] = 1
    return alpha


class FakeClip:
    fps = 10.0
    size = (SIZE, SIZE)

    def __iter__(self):
        return iter([frame(index) for index in range(FRAMES)])


def fake_track() -> lw.BodyTrack:
    body = toy_body()
    zeros = torch.zeros(FRAMES, 3)
    place = torch.tensor([[0.0, 0.0, 4.0]]).expand(FRAMES, 3)
    return lw.BodyTrack(
        body="toy",
        betas=torch.zeros(body.num_betas),
        global_orient=zeros,
        body_pose=torch.zeros(FRAMES, len(body.joint_names) - 1, 3),
        transl=place,
        camera=lw.Camera.create(40.0, (SIZE, SIZE)),
        fps=10.0,
        confidence=torch.ones(FRAMES),
        observed=torch.ones(FRAMES, dtype=torch.bool),
    )


def fake_library(monkeypatch: pytest.MonkeyPatch, quality: SimpleNamespace, *, perfect: bool) -> None:
    """`perfect` answers with the real frames, else with black ones."""
    body, track = toy_body(), fake_track()
    names = body.landmark_names
    seen = lw.Keypoints(
        names=names,
        image=spots(track)[..., :2] + torch.tensor([0.0, 1.0]),
        confidence=torch.ones(FRAMES, len(names)),
        world=None,
        present=torch.ones(FRAMES, dtype=torch.bool),
        size=(SIZE, SIZE),
        fps=10.0,
        detector="fake",
    )
    masks = MaskStack.pack((mask(index) for index in range(FRAMES)), (SIZE, SIZE))

    def imitate(person, motion, *, camera, size, method):
        assert (camera, size, method) == ("copy", SIZE, "surface")
        for confidence in motion.confidence:
            index = round(float(confidence) * FRAMES)
            picture = torch.from_numpy(frame(index)).permute(2, 0, 1).float() / 255
            alpha = torch.from_numpy(mask(index))
            image = picture if perfect else torch.zeros_like(picture)
            yield lw.Synthesis(image, alpha if perfect else 1 - alpha, torch.zeros(SIZE, SIZE, dtype=torch.uint8))

    numbered = lw.BodyTrack(**{**vars(track), "confidence": torch.arange(FRAMES) / FRAMES})
    fakes = SimpleNamespace(
        encode_source=lambda photo: SimpleNamespace(background=frame(0), alpha=mask(0), track=numbered[0]),
        recover=lambda found, *, regressor=None: numbered,
        imitate=imitate,
        load_body=lw.load_body,
        InputError=lw.InputError,
        LiquidwarpError=lw.LiquidwarpError,
    )
    monkeypatch.setattr(quality.measure, "lw", fakes)
    monkeypatch.setattr(quality.run, "lw", fakes)
    monkeypatch.setattr(quality.measure, "open_video", lambda path: FakeClip())
    monkeypatch.setattr(
        quality.measure, "detect_clip", lambda frames, **_: SimpleNamespace(keypoints=seen, masks=masks)
    )


def spots(track: lw.BodyTrack) -> torch.Tensor:
    from liquidwarp.geometry import project

    body = toy_body()
    joints = body.landmarks(body.landmark_names, track.betas, track.global_orient, track.body_pose, track.transl)
    return project(track.camera, joints)


def data_folder(tmp_path: Path) -> Path:
    for name in ("r0_A.mp4", "r0_random.mp4", "lonely_A.mp4"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_pairs_are_found_by_name(quality: SimpleNamespace, tmp_path: Path) -> None:
    folder = data_folder(tmp_path)
    assert [pair.name for pair in quality.measure.find_pairs(folder)] == ["r0"]
    with pytest.raises(lw.InputError, match="no pair r9; there are r0"):
        quality.measure.find_pairs(folder, ["r9"])
    with pytest.raises(lw.InputError, match="no pair NAME_A"):
        quality.measure.find_pairs(folder / "empty")


@pytest.mark.parametrize(("total", "frames"), [(480, 24), (10, 24), (2, 1), (9, None)])
def test_chosen_frames_leave_out_the_first(quality: SimpleNamespace, total: int, frames: int | None) -> None:
    chosen = quality.measure.chosen_frames(total, frames)
    assert chosen[0] > 0
    assert chosen[-1] == total - 1
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(frames or total, total - 1)


@pytest.mark.parametrize("frames", ["3", "all"])
def test_a_perfect_answer_scores_perfectly(
    quality: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: str
) -> None:
    fake_library(monkeypatch, quality, perfect=True)
    output = tmp_path / "out"
    folder = str(data_folder(tmp_path))
    assert quality.run.main(["--data", folder, "--frames", frames, "--size", str(SIZE), "-o", str(output)]) == 0
    data = json.loads((output / "results.json").read_text())
    quality.report.check(data)
    for setting in ("cross", "same"):
        ours, copy = data["summary"][setting]["surface"], data["summary"][setting]["copy the photo"]
        assert ours["ssim"]["mean"] == pytest.approx(1, abs=1e-9)
        assert ours["person_ssim"]["mean"] == pytest.approx(1, abs=1e-9)
        assert ours["haarpsi"]["mean"] == pytest.approx(1, abs=1e-9)
        assert ours["iou"]["mean"] == 1
        assert ours["flicker"]["mean"] == 0
        assert copy["ssim"]["mean"] < 0.99
        assert copy["iou"]["mean"] < 0.8
        assert copy["flicker"]["mean"] > 0
        assert data["summary"][setting]["background only"]["iou"]["mean"] == 0
        assert ours["ssim"]["count"] == (3 if frames == "3" else FRAMES - 1)
    assert data["pairs"][0]["answered"] == data["pairs"][0]["asked"]
    assert {path.name for path in output.glob("*.png")} == {"sheet_cross.png", "sheet_same.png", "worst.png"}
    assert "| cross | surface | 1.000" in (output / "results.md").read_text()


def test_a_bad_answer_scores_below_the_floors(
    quality: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_library(monkeypatch, quality, perfect=False)
    pair = quality.measure.find_pairs(data_folder(tmp_path))[0]
    clip = quality.measure.RecoveredClip(pair.motion_clip)
    result = quality.measure.evaluate(pair, "cross", clip, frames=4, size=SIZE, renderers=["surface"])
    assert np.mean(result.scores["surface"]["iou"]) == 0
    assert np.mean(result.scores["surface"]["ssim"]) < np.mean(result.scores["copy the photo"]["ssim"])
    assert result.answered == result.asked


def test_reprojection_is_measured_in_parts_of_the_standing_height(
    quality: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_library(monkeypatch, quality, perfect=True)
    clip = quality.measure.RecoveredClip(data_folder(tmp_path) / "r0_random.mp4")
    body = toy_body()
    rest = body.identity(clip.motion.betas).vertices[:, 1]
    depth = spots(clip.motion)[0, :, 2].mean()
    expected = 1.0 / (float(rest.max() - rest.min()) * 40 / float(depth))  # every landmark is one pixel off
    errors = quality.measure.reprojection_errors(clip.motion, clip.found.keypoints)
    assert errors == pytest.approx(np.full(FRAMES, expected), rel=1e-3)


def test_frames_are_read_in_any_order(
    quality: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_library(monkeypatch, quality, perfect=True)
    clip = quality.measure.RecoveredClip(tmp_path / "any.mp4")
    for index in (0, 1, 4, 8, 2, 2):
        np.testing.assert_array_equal(clip.frame(index), frame(index))


def test_the_schema_names_what_is_wrong(
    quality: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_library(monkeypatch, quality, perfect=True)
    pair = quality.measure.find_pairs(data_folder(tmp_path))[0]
    clip = quality.measure.RecoveredClip(pair.motion_clip)
    result = quality.measure.evaluate(pair, "cross", clip, frames=2, size=SIZE, renderers=["surface"])
    data = quality.report.to_json([result], {}, 1)
    quality.report.check(data)
    json.dumps(data, allow_nan=False)
    for change, message in (
        ({"schema": "other"}, "schema must be"),
        ({"pairs": []}, "pairs must be a list"),
        ({"summary": {"cross": {}}}, "summary.cross must have the methods"),
    ):
        with pytest.raises(ValueError, match=message):
            quality.report.check(data | change)


def test_bad_input_is_one_line_and_code_two(quality: SimpleNamespace, tmp_path: Path, capsys) -> None:
    assert quality.run.main(["--data", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1


def test_feet_are_measured_where_both_pictures_show_them(quality: SimpleNamespace) -> None:
    names = tuple(f"{side}_{point}" for side in ("left", "right") for point in quality.feet.POINTS.values())
    real = lw.Keypoints(
        names, torch.zeros(3, 12, 2), torch.ones(3, 12), None, torch.ones(3, dtype=torch.bool), (64, 64), 0.0, "fake"
    )
    image, confidence = torch.zeros(3, 12, 2), torch.ones(3, 12)
    image[:, names.index("left_heel"), 1], image[:, names.index("right_heel"), 1] = -2.0, -4.0
    confidence[2, names.index("right_heel")] = 0.4
    ours = lw.Keypoints(names, image, confidence, None, torch.tensor([True, False, True]), (64, 64), 0.0, "fake")
    apart = {
        name: quality.feet.lower_by(point, [ours, real], np.array([40.0, 40.0, 80.0]))
        for name, point in quality.feet.POINTS.items()
    }
    assert apart["heel"] == pytest.approx([-0.05, -0.025, -0.1])
    assert apart["toe"] == [0.0] * 4
    data = quality.feet.to_json({"one": apart, "two": apart}, {"frames": 3}, 1)
    quality.feet.check(data)
    json.dumps(data, allow_nan=False)
    assert data["summary"]["heel"]["mean"] == pytest.approx(-5.0)
    assert "-5.00" in quality.feet.table(data)
    with pytest.raises(ValueError, match="summary must have"):
        quality.feet.check(data | {"summary": {"heel": data["summary"]["heel"]}})


@pytest.mark.parametrize("arguments", [[], ["--photo", "one.png"]], ids=["nothing", "half"])
def test_feet_need_a_photo_and_a_motion(quality: SimpleNamespace, capsys, arguments: list[str]) -> None:
    assert quality.feet.main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
