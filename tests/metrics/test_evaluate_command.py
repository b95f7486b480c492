"""`liquidwarp evaluate`."""

import json
from pathlib import Path

import numpy as np
import pytest

from liquidwarp.cli import main
from liquidwarp.media import write_image
from liquidwarp.metrics import METRICS, compute


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        for index in range(2):
            real = rng.integers(0, 256, (40, 32, 3), dtype=np.uint8)
            mask = np.zeros((40, 32, 3), np.uint8)
            mask[10:30, 8:24] = 255
            for kind, picture in (("real", real), ("made", real // 2 + 30), ("masks", mask), ("coverage", mask // 255)):
                write_image(tmp_path / kind / name / f"{index}.png", picture)
    return tmp_path


def test_folders_to_a_table_and_json(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [f"--{option}={folders / name}" for option, name in (("pred", "made"), ("truth", "real"))]
    maps = [f"--masks={folders / 'masks'}", f"--coverage={folders / 'coverage'}"]
    out = folders / "scores.json"
    assert main(["evaluate", *paths, *maps, "--metrics", "ssim", "lpips-alex", "--json", str(out)]) == 0
    text = capsys.readouterr().out
    assert "| SSIM ↑ | person |" in text
    assert "absent: needs alexnet-owt-7be5be79.pth" in text
    data = json.loads(out.read_text())
    assert data["schema"] == "liquidwarp-metrics/1"
    scores = {(score["metric"], score["region"]): score for score in data["scores"]}
    direct = compute(folders / "made" / "one", folders / "real" / "one", ["ssim"], regions=["full"])
    assert scores["ssim", "full"]["videos"]["one"] == direct["ssim"].value
    assert set(scores["ssim", "full"]["videos"]) == {"one", "two"}
    assert scores["ssim", "seen"]["value"] is not None
    assert scores["ssim", "unseen"]["value"] is None
    assert scores["lpips-alex", "full"]["absent"].startswith("needs alexnet")
    assert data["metrics"]["ssim"]["better"] == "higher"


def test_the_modes_give_tables_of_their_own(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = ["--pred", str(folders / "made"), "--truth", str(folders / "real")]
    assert main(["evaluate", *paths, "--mode", "published", "--size", "32", "--metrics", "ssim", "haarpsi"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("mode: published")
    assert "absent: the released evaluator has none" in text
    assert main(["evaluate", *paths]) == 0
    assert capsys.readouterr().out.startswith("mode: corrected")


def test_the_list_names_every_metric(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--list"]) == 0
    text = capsys.readouterr().out
    assert [line.split(" | ")[0][2:] for line in text.splitlines()[2:]] == list(METRICS)


def coco(path: Path, shift: float) -> Path:
    points = np.array([[10 + index, 5 + 2 * index, 2] for index in range(17)], float) + np.array([shift, 0, 0])
    people = [
        {"image_id": frame, "category_id": 1, "keypoints": points.ravel().tolist(), "score": 0.9} for frame in range(2)
    ]
    path.write_text(json.dumps(people))
    return path


def test_keypoints_of_another_detector(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = ["--pred", str(folders / "made" / "one"), "--truth", str(folders / "real" / "one")]
    files = ["--pred-keypoints", str(coco(folders / "a.json", 3.2)), "--keypoints", str(coco(folders / "b.json", 0.0))]
    assert main(["evaluate", *paths, *files, "--metrics", "landmarks"]) == 0
    assert "| person | 10.00 | 10.00 | 2 of 2 |" in capsys.readouterr().out  # 3.2 pixels of 32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--pred PATH --truth PATH"),
        (["--pred", "made", "--truth", "nowhere"], "nowhere: not there"),
        (["--pred", "made", "--truth", "real", "--metrics", "beauty"], "metric='beauty' is not known"),
        (["--pred", "made", "--truth", "real", "--size", "64"], "size belongs to the mode 'published'"),
        (["--pred", "made", "--truth", "real", "--keypoints", "x"], "give both"),
        (["--pred", "made", "--truth", "real", "--keypoints", "x", "--pred-keypoints", "x"], "for one clip"),
        (["--pred", "made", "--truth", "real", "--json", "made"], "it is a folder"),
    ],
)
def test_errors_are_one_line(
    folders: Path,
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folders)
    assert main(["evaluate", *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len([line for line in error.splitlines() if line.startswith("liquidwarp: error")]) == 1
