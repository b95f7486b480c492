"""The timing benchmarks run, and refuse what cannot be a result."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from liquidwarp.batch import Plan, run_command

ROOT = Path(__file__).parents[2]


def script(monkeypatch: pytest.MonkeyPatch, name: str, *words: str) -> ModuleType:
    """Import a benchmark's script, with a command line for it."""
    import importlib.util

    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", ["run.py", *words])
    spec = importlib.util.spec_from_file_location(f"timing_{name}", ROOT / "benchmarks" / name / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_warping_is_timed_against_grid_sample(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "warp.json"
    module = script(monkeypatch, "warp", "--shapes", "2x8x8", "--rounds", "2", "--threads", "1", "--out", str(out))
    module.main()
    result = json.loads(out.read_text())
    module.check(result)
    (row,) = result["rows"]
    assert {"warp", "grid_sample", "warp+bwd", "grid_sample+bwd", "copy"} < set(row["ms"])
    assert {"forward", "channels last", "with gradients", "against a copy"} < set(row["ratio"])
    assert "2x8x8: warp" in capsys.readouterr().out
    row["ms"]["warp"]["median"] = float("nan")
    with pytest.raises(ValueError, match="are no times"):
        module.check(result)


def test_both_ways_of_warping_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    calls = script(monkeypatch, "warp").competitors(3, (9, 7), 0)
    torch.testing.assert_close(calls["warp"](), calls["grid_sample"](), atol=1e-5, rtol=0)


def test_rasterisers_are_timed_and_who_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "raster.json"
    words = ["--sizes", "24", "--faces", "300", "--batches", "1", "2", "--rounds", "2", "--threads", "1"]
    module = script(monkeypatch, "raster", *words, "--out", str(out))
    module.main()
    result = json.loads(out.read_text())
    module.check(result)
    first, second = result["rows"]
    assert [first["batch"], second["batch"]] == [1, 2]
    assert {"rasterize", "rasterize_flow", "rasterize, mesh_flow", "rasterize+bwd", "torch"} <= set(first["ms"])
    assert set(first["skipped"]) | set(first["ms"]) >= {"embree", "drtk", "pytorch3d", "nvdiffrast"}
    assert "nvdiffrast: left out, does not run on cpu" in capsys.readouterr().out
    first["ms"]["rasterize"]["median"] = -1.0
    with pytest.raises(ValueError, match="are no times"):
        module.check(result)


def test_without_a_gpu_timing_one_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="no CUDA device"):
        script(monkeypatch, "raster", "--device", "cuda").main()


@pytest.mark.slow
def test_the_whole_job_is_timed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from liquidwarp.demo import asset

    out = tmp_path / "pipeline.json"
    words = ["--photo", str(asset("woman_stripes.jpg")), "--motion", str(asset("motion.mp4")), "--frames", "3"]
    module = script(
        monkeypatch,
        "pipeline",
        *words,
        "--size",
        "64",
        "--jobs",
        "1",
        "--renderer",
        "surface",
        "--long",
        "40",
        "--out",
        str(out),
    )
    module.main()
    result = json.loads(out.read_text())
    assert result["frames"] == 3
    assert list(result["stages"])[:4] == ["encode the photo", "decode", "detect", "fit"]
    result["stages"]["fit"]["cpu"] = -1.0
    with pytest.raises(ValueError, match="fit"):
        module.check(result)


def test_clusters_are_timed_and_must_give_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, plans = tmp_path / "batch.json", []
    module = script(monkeypatch, "batch")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run_on(workers: int, plan: Plan, work: Path) -> float:
        plans.append(plan)
        for row in plan.rows:
            row.output.write_bytes(b"video" if wrong is None else bytes([wrong + workers]))
        return 10.0 / workers

    monkeypatch.setattr(module, "run_on", run_on)
    wrong: int | None = None
    words = ["--rows", "4", "--frames", "2", "--workers", "1", "2", "--rounds", "2", "--out", str(out)]
    assert module.main(words) == 0
    assert [len(plan.rows) for plan in plans] == [1, 4, 4, 4, 4]
    assert len(plans[1].steps) == 3 + 4, "three people are learnt, four rows are made"
    result = json.loads(out.read_text())
    assert result["seconds"] == {"1": [10.0, 10.0], "2": [5.0, 5.0]}
    assert "| 2 | 5.0 | 2.00 |" in capsys.readouterr().out
    step = next(iter(module.waiting_plan(tmp_path / "idle", 2, 0.01).steps.values()))
    assert run_command(step.arguments) is None, "a script is a step too"
    assert step.output.read_text() == "done\n"
    wrong = 0
    with pytest.raises(ValueError, match="different bytes"):
        module.main(words)
