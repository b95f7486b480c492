"""The benchmark of turned people: a perfect turn scores perfectly, and angles are those of novel views."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import liquidwarp as lw
from liquidwarp.detect import MaskStack
from liquidwarp.geometry import default_camera
from liquidwarp.tasks.target import orbit_target
from liquidwarp.testing import toy_body

FOLDER = Path(__file__).parents[2] / "benchmarks" / "quality"
MODULES = ("turn", "turn_measure", "turn_report", "quality_measure", "quality_report")
SIZE, FRAMES = 48, 9


@pytest.fixture
def turning(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import turn
    import turn_measure
    import turn_report

    yield SimpleNamespace(run=turn, measure=turn_measure, report=turn_report)
    for name in MODULES:
        sys.modules.pop(name, None)


def track_of(turns: list[float]) -> lw.BodyTrack:
    body, count = toy_body(), len(turns)
    canonical = torch.zeros(count, 22, 3)
    canonical[:, 0, 1] = torch.tensor(turns).deg2rad()
    orient, pose = body.expand_pose(canonical)
    place = torch.tensor([[0.1, 0.0, 4.0]]).expand(count, 3)
    sure = torch.ones(count)
    return lw.BodyTrack(
        "toy", torch.zeros(body.num_betas), orient, pose, place, default_camera((SIZE, SIZE)), 10.0, sure, sure > 0
    )


def frame(index: int) -> np.ndarray:
    """Return somebody who gets wider with each frame, and is brighter on the left."""
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    picture[8:40, 10 : 16 + index] = 120
    picture[8:24, 10 : 13 + index] = 250
    return picture


def mask(index: int) -> np.ndarray:
    return (frame(index)[..., 0] > 0).astype(np.float32)


@pytest.mark.parametrize("angle", [45.0, 200.0])
def test_a_body_turned_by_an_angle_is_the_novel_view_of_that_angle(turning: SimpleNamespace, angle: float) -> None:
    body, track = toy_body(), track_of([20.0, 20.0 + angle])
    first, other = turning.measure.yaw(track)
    assert (other - first) % 360 == pytest.approx(angle, abs=1e-3)
    target = orbit_target(body, track[0], start=angle, frames=1)
    seen = []
    for one, camera in ((track[0], target.camera(0)), (track[1], track.camera)):
        vertices = body.vertices(body.identity(one.betas), one.global_orient, one.body_pose, one.transl)[0]
        seen.append(camera.to_camera(vertices))
    torch.testing.assert_close(*seen, atol=1e-4, rtol=0)


def test_frames_stand_for_angles_only_where_they_are_near(turning: SimpleNamespace) -> None:
    chosen = turning.measure.frames_of_angles(np.array([0.0, 40.0, 47.0, 110.0, 185.0, 300.0, 352.0]))
    assert chosen == {45: 2, 180: 4}


def test_outlines_are_compared_at_one_height_and_place(turning: SimpleNamespace) -> None:
    picture = turning.measure.Picture(frame(8), mask(8) > 0)
    small = turning.measure.Picture(np.zeros((30, 30, 3), np.uint8), np.zeros((30, 30), dtype=bool))
    small.mask[2:18, 15:22] = True  # half as large, and elsewhere
    one, other = turning.measure.normalized(picture), turning.measure.normalized(small)
    assert turning.measure.iou(one.mask, other.mask) > 0.99
    assert one.mask[:, one.mask.shape[1] // 2].all()
    nobody = turning.measure.normalized(turning.measure.Picture(frame(8), np.zeros((SIZE, SIZE), dtype=bool)))
    assert not nobody.mask.any()


@pytest.mark.parametrize("late", [0, 4])
def test_a_perfect_turn_scores_perfectly_and_another_does_not(
    turning: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    """`late` is by how many frames the answer is another one's."""

    class Clip:
        fps, size = 10.0, (SIZE, SIZE)

        def __iter__(self):
            return iter([frame(index) for index in range(FRAMES)])

    def novel_view(person, *, start, frames):
        index = (round(start / 45) + late) % FRAMES
        alpha = torch.from_numpy(mask(index))
        image = torch.from_numpy(frame(index)).permute(2, 0, 1) / 255
        yield lw.Synthesis(image, alpha, torch.zeros(SIZE, SIZE, dtype=torch.uint8))

    masks = MaskStack.pack((mask(index) for index in range(FRAMES)), (SIZE, SIZE))
    track = track_of([30.0 + 45 * index for index in range(8)] + [20.0])
    fakes = SimpleNamespace(
        recover=lambda found: track,
        encode_source=lambda photo: SimpleNamespace(alpha=mask(0)),
        novel_view=novel_view,
    )
    monkeypatch.setattr(turning.measure, "lw", fakes)
    monkeypatch.setattr(turning.measure, "open_video", lambda path: Clip())
    monkeypatch.setattr(turning.measure, "detect_clip", lambda frames, **_: SimpleNamespace(masks=masks))
    (tmp_path / "r0_A.mp4").write_bytes(b"")
    output = tmp_path / "out"
    assert turning.run.main(["--data", str(tmp_path), "-o", str(output)]) == 0
    data = json.loads((output / "results.json").read_text())
    turning.report.check(data)
    ours = {group: methods["turned"] for group, methods in data["summary"].items()}
    front = data["summary"]["all angles"]["front"]
    assert [one["overlap"]["count"] for one in ours.values()] == [7, 2, 1]
    assert front["overlap"]["mean"] < 0.8
    if late:
        assert ours["all angles"]["overlap"]["mean"] < 0.9
    else:
        assert ours["all angles"]["overlap"]["mean"] == 1
        assert ours["back (180)"]["psnr"]["mean"] == 100
    assert {path.name for path in output.iterdir()} == {"results.json", "results.md", "r0_A.png"}
    for change, message in (({"schema": "other"}, "schema must be"), ({"clips": []}, "clips must be a list")):
        with pytest.raises(ValueError, match=message):
            turning.report.check(data | change)


def test_bad_input_is_one_line_and_code_two(turning: SimpleNamespace, tmp_path: Path, capsys) -> None:
    assert turning.run.main(["--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    (tmp_path / "r0_A.mp4").write_bytes(b"")
    with pytest.raises(lw.InputError, match=r"no clip r9_A\.mp4; there are r0"):
        turning.measure.find_turns(tmp_path, ["r9"])
