"""The notebooks run from top to bottom, on public names only, and store small marked pictures."""

import ast
import base64
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from liquidwarp.media import read_provenance

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
ROOM = 150_000  # bytes of stored pictures in a notebook
SECONDS = 180  # on two cores

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def code(path: Path) -> list[dict]:
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]


def trees(path: Path) -> Iterator[ast.AST]:
    for cell in code(path):
        yield from ast.walk(ast.parse("".join(cell["source"])))


def pictures(path: Path) -> list[bytes]:
    stored = [output["data"] for cell in code(path) for output in cell["outputs"] if "data" in output]
    return [base64.b64decode(data["image/jpeg"]) for data in stored if "image/jpeg" in data]


def kinds(path: Path) -> list[list[list[str]]]:
    """Return what each cell shows, without the contents."""
    return [[sorted(output.get("data", {"printed": ""})) for output in cell["outputs"]] for cell in code(path)]


def test_the_readme_names_every_notebook() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\((\w+\.ipynb)\)", text)) == {path.name for path in NOTEBOOKS}
    assert len(NOTEBOOKS) == 6


@each
def test_is_a_notebook_of_format_4_5(path: Path) -> None:
    notebook = read(path)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    cells = notebook["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert cells[0]["cell_type"] == "markdown"
    assert cells[0]["source"][0].startswith("# ")
    assert "synthetic" in "".join(cells[0]["source"]), "says whose pictures these are"
    for cell in cells:
        wanted = {"id", "cell_type", "metadata", "source"}
        assert set(cell) == wanted | ({"outputs", "execution_count"} if cell["cell_type"] == "code" else set())
        assert all(line.endswith("\n") for line in cell["source"][:-1])


@each
def test_stores_small_marked_pictures_and_nothing_else(path: Path, tmp_path: Path) -> None:
    shown = pictures(path)
    assert len(shown) >= 3
    assert sum(map(len, shown)) < ROOM
    assert {kind for cell in kinds(path) for output in cell for kind in output} <= {
        "image/jpeg",
        "text/plain",
        "printed",
    }
    for number, data in enumerate(shown):
        picture = tmp_path / f"{number}.jpg"
        picture.write_bytes(data)
        assert "synthetic" in str(read_provenance(picture)).lower()


@each
def test_was_stored_as_it_ran(path: Path) -> None:
    assert [cell["execution_count"] for cell in code(path)] == list(range(1, len(code(path)) + 1))


@each
def test_uses_public_names_only(path: Path) -> None:
    for node in trees(path):
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_"), node.attr
            owner = {"lw": "liquidwarp", "viz": "liquidwarp.viz"}.get(ast.unparse(node.value))
            assert owner is None or node.attr in importlib.import_module(owner).__all__
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("liquidwarp."):
            module = importlib.import_module(str(node.module))
            names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
            assert {alias.name for alias in node.names} <= set(names)


@each
def test_links_lead_somewhere(path: Path) -> None:
    text = "".join("".join(cell["source"]) for cell in read(path)["cells"] if cell["cell_type"] == "markdown")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (FOLDER / target).exists(), target


@pytest.mark.slow
@each
def test_runs_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    runner = [sys.executable, str(FOLDER / "execute.py"), str(path), "--into", str(tmp_path)]
    done = subprocess.run(
        runner, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=2 * SECONDS, env=os.environ
    )
    assert done.returncode == 0, done.stderr[-3000:]
    fresh = tmp_path / path.name
    assert kinds(fresh) == kinds(path), "stored outputs are old: run 'python notebooks/execute.py --write'"
    used = float(re.findall(r": (\d+) s of processor time", done.stdout)[0])
    assert used < SECONDS
