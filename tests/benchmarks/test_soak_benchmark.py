"""The soak says what grew, stayed open or drifted."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "soak" / "run.py"


@pytest.fixture(scope="module")
def soak():
    spec = importlib.util.spec_from_file_location("soak_run", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def watched(soak, *, memory=(500, 600, *[601] * 8), files=(9,) * 10, result=4.0):
    return soak.Watched(100, 20.0, list(memory), list(files), 4.0, result)


def test_a_steady_run_has_no_fault(soak) -> None:
    assert watched(soak).growth_mb == 1
    assert watched(soak).faults(5.0) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"memory": range(500, 600, 10)}, "memory grew by 80.0 MB"),
        ({"files": (8, 8, *[10] * 8)}, "2 more files are open"),
        ({"result": 3.5}, "the result lasts 3.50 s, its driver 4.00 s"),
    ],
)
def test_what_must_not_be_is_said(soak, change: dict, said: str) -> None:
    (fault,) = watched(soak, **change).faults(5.0)
    assert said in fault


def test_to_and_fro_repeats_no_turning_point(soak) -> None:
    assert soak.to_and_fro(3, 9) == [0, 1, 2, 1, 0, 1, 2, 1, 0]


@pytest.mark.slow
def test_it_runs(tmp_path: Path) -> None:
    out = tmp_path / "soak.json"
    command = [sys.executable, SCRIPT, "--frames", "4000", "--minutes", "0.4", "--most-growth", "200", "--out", out]
    subprocess.run(command, check=False)
    found = json.loads(out.read_text())
    assert {name: part["frames"] for name, part in found["parts"].items()} == {"imitate": 4000, "live": 600}
    assert not [fault for fault in found["faults"] if "lasts" in fault or "memory" in fault]
