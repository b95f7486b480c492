"""What stands where in the repository."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

REQUIRED = [
    ".ci/run",
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
