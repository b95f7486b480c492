"""No module imports, early or late, a module that imports it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = sorted(path for path in (ROOT / "benchmarks").iterdir() if path.is_dir() and any(path.glob("*.py")))


def imports_of(path: Path) -> list[ast.Import | ast.ImportFrom]:
    """Return all imports of a module: late ones, inside functions, and those for type checkers hide circles."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def graph_of(modules: dict[str, Path]) -> dict[str, set[str]]:
    """Return which of the modules each one imports; a name that is no module belongs to its package's `__init__`."""
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        wanted: set[str] = set()
        for node in imports_of(path):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif node.module is not None:
                inside = {f"{node.module}.{alias.name}" for alias in node.names}
                wanted |= (inside & set(modules)) or {node.module}
                if inside - set(modules):
                    wanted.add(node.module)
        graph[name] = (wanted & set(modules)) - {name}
    return graph


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of one circle in their order; empty where there is none."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for other in sorted(graph[name]):
            if circle := walk(other, [*path, name]):
                return circle
        done.add(name)
        return []

    for name in sorted(graph):
        if circle := walk(name, []):
            return circle
    return []


def modules_of(folder: Path, prefix: str = "") -> dict[str, Path]:
    """Return the modules below a folder by their full names; a package goes by its own name."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join((prefix, *parts) if prefix else parts).removesuffix(".__init__")
        found[name] = path
    return found


def test_the_package_has_no_circle() -> None:
    modules = modules_of(ROOT / "liquidwarp", "liquidwarp")
    del modules["liquidwarp"]  # it names the rooms' public values, and rooms ask it for the version
    assert circle_in(graph_of(modules)) == []


@pytest.mark.parametrize("folder", BENCHMARKS, ids=lambda path: path.name)
def test_benchmarks_have_no_circle(folder: Path) -> None:
    assert circle_in(graph_of(modules_of(folder))) == []


def test_a_circle_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import b\n")
    (tmp_path / "b.py").write_text("def late():\n    from c import x\n")
    (tmp_path / "c.py").write_text("x = 1\n")
    assert circle_in(graph_of(modules_of(tmp_path))) == []
    (tmp_path / "c.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\nx = 1\n")
    assert circle_in(graph_of(modules_of(tmp_path))) == ["a", "b", "c", "a"]
