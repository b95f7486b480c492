"""The generator's benchmark measures pair files, one pair of each or more."""

import json
import runpy
import sys
from pathlib import Path

import pytest
from train_samples import pair_folder

from liquidwarp.media import read_image

SCRIPT = Path(__file__).parents[2] / "benchmarks/generator/run.py"


def test_each_clip_has_its_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "path", [*sys.path])
    module = runpy.run_path(str(SCRIPT))
    module["timing"].__globals__["timing"] = lambda *_: {"median": 1.0, "least": 1.0, "most": 1.0}
    folder = pair_folder(tmp_path / "pairs")
    clips = len(list(folder.glob("*.safetensors")))
    for per_clip in (1, 2):
        out = tmp_path / str(per_clip)
        assert module["main"](["--pairs", str(folder), "--per-clip", str(per_clip), "-o", str(out)]) == 0
        scores = json.loads((out / "results.json").read_text())["scores"]
        assert scores["generator iou"]["count"] == clips * per_clip
        assert read_image(out / "sheet.png").size[0] == 256 * clips
    assert "generator" in capsys.readouterr().out
