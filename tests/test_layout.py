"""What stands where in the repository."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

REQUIRED = [
    ".ci/run",
    ".ci/hashes.py",
    ".ci/supply_chain.py",
    ".gitignore",
    "LICENSE",
    "Makefile",
    "NOTICE",
    "README.md",
    "SECURITY.md",
    "benchmarks/README.md",
    "body_models/README.md",
    "constraints.txt",
    "datasets/README.md",
    "integrations/comfyui/README.md",
    "docs/architecture.md",
    "docs/conventions.md",
    "docs/glossary.md",
    "liquidwarp/__init__.py",
    "liquidwarp/py.typed",
    "notebooks/README.md",
    "pyproject.toml",
    "setup.py",
]


@pytest.mark.parametrize("name", REQUIRED)
def test_required_files_are_there(name: str) -> None:
    path = ROOT / name
    assert path.is_file()
    assert path.stat().st_size > 0 or name.endswith("py.typed")


@pytest.mark.parametrize("folder", ["body_models", "datasets", "benchmarks", "notebooks", "docs"])
def test_shelves_cannot_be_imported(folder: str) -> None:
    """`body_models` and `datasets` are also names of packages on PyPI, which a package here would hide."""
    assert list((ROOT / folder).rglob("__init__.py")) == []


def test_rooms_are_packages() -> None:
    for folder in (ROOT / "liquidwarp").iterdir():
        modules = list(folder.glob("*.py")) if folder.is_dir() else []
        assert not modules or (folder / "__init__.py").is_file(), f"{folder.name} has no __init__.py"


def test_setup_py_is_a_shim() -> None:
    assert (ROOT / "setup.py").read_text() == "from setuptools import setup\n\nsetup()\n"


def test_only_the_package_is_installed() -> None:
    find = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    assert find == {"include": ["liquidwarp", "liquidwarp.*"]}


def test_ci_and_make_can_run() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test", "test-all", "lint", "clean"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target} is missing"
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_constraints_pin_every_dependency() -> None:
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    pinned = {name.lower().replace("_", "-") for name in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = sum(project["optional-dependencies"].values(), start=project["dependencies"])
    names = {re.split(r"[^\w.-]", name)[0].lower().replace("_", "-") for name in wanted} - {"liquidwarp"}
    names.remove("mediapipe")  # asks for numpy < 2, and is for an environment of its own
    assert names <= pinned, f"not pinned: {sorted(names - pinned)}"
    assert "+" not in pins["torch"], "a local version would forbid the other builds of torch"
    assert "torchvision" not in pinned, "torchvision replaces the CPU build of torch"
    assert sorted(name for name in pinned if name.startswith("opencv")) == ["opencv-python"]


def test_every_pin_has_digests() -> None:
    pins = set(re.findall(r"^([\w.-]+==\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    pins = {re.sub(r"[-_.]+", "-", pin.partition("==")[0]).lower() + "==" + pin.partition("==")[2] for pin in pins}
    entries = re.split(r"\n(?=\S)", (ROOT / "hashes.txt").read_text())[1:]
    found = {
        entry.split(" ", 1)[0]: re.findall(r"--hash=sha256:[0-9a-f]{64}(?: \\)?$", entry, re.M) for entry in entries
    }
    assert set(found) == {pin for pin in pins if not pin.startswith("torch==")}, "run `python .ci/hashes.py write`"
    assert all(found.values())


def test_locked_packages_are_selected_from_a_report(tmp_path: Path) -> None:
    numpy = re.search(r"^numpy==\S+", (ROOT / "constraints.txt").read_text(), re.MULTILINE)[0].split("==")
    given = [(numpy[0], numpy[1]), ("torch", "2.13.0"), ("liquidwarp", "1.0")]

    def run(*packages: tuple[str, str]) -> subprocess.CompletedProcess[str]:
        report = tmp_path / "report.json"
        report.write_text(json.dumps({"install": [{"metadata": {"name": n, "version": v}} for n, v in packages]}))
        command = [sys.executable, ROOT / ".ci" / "hashes.py", "select", report]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    found = run(*given)
    assert found.returncode == 0
    assert found.stdout.startswith("numpy==")
    assert found.stdout.count("==") == 1
    refused = run(*given, ("Some.Thing", "1"))
    assert refused.returncode == 1
    assert "some-thing==1" in refused.stderr
