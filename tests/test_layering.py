"""A module imports only from levels below its own, and rooms on one level leave each other alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "liquidwarp"

LEVELS = {
    "errors": 0,
    "files": 0,
    "checks": 0,
    "types": 0,
    "parallel": 0,
    "cards": 0,
    "geometry": 1,
    "bodies": 2,
    "raster": 2,
    "media": 2,
    "motion": 3,
    "flow": 3,
    "recovery": 4,
    "surface": 4,
    "nn": 4,
    "tasks": 5,
    "data": 5,
    "metrics": 5,
    "viz": 5,
    "train": 6,
    "demo": 6,
    "live": 6,
    "doctor": 6,
    "options": 6,
    "interrupt": 6,
    "cli": 7,
}

# On the ground floor values may use checks, and checks and files the errors; never the other way round.
GROUND_FLOOR = ("parallel", "errors", "files", "cards", "checks", "types")

# What several rooms may not bring in, so that a backend, a detector or a codec can be changed in one place.
HOMES = {
    "mediapipe": {"recovery", "doctor"},
    "av": {"media", "doctor"},
    "smplx": set(),
    "pytorch3d": {"raster"},
    "triton": {"raster"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(name: str) -> str | None:
    """Return the room of `liquidwarp.room.module`; None for the package itself (its version and its errors)."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else None


def room_of_file(path: Path) -> str | None:
    inside = path.relative_to(PACKAGE)
    room = inside.parts[0].removesuffix(".py")
    return None if room == "__init__" else room


def imported(tree: ast.AST, path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the full name of everything that a module imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import; write the full name"
            assert node.module is not None
            if node.module == "liquidwarp":  # from liquidwarp import room
                for alias in node.names:
                    yield node.lineno, f"liquidwarp.{alias.name}"
            else:
                yield node.lineno, node.module


def breaches(path: Path, source: str) -> list[str]:
    room = room_of_file(path)
    found = []
    for line, name in imported(ast.parse(source), path):
        if not name.startswith("liquidwarp"):
            top = name.split(".")[0]
            if top in HOMES and room not in HOMES[top]:
                found.append(f"{path.name}:{line}: {top} belongs into {', '.join(sorted(HOMES[top]))}")
            continue
        other = room_of(name)
        if room is None or other is None or other == room or other == "__version__":
            continue
        if other not in LEVELS:
            found.append(f"{path.name}:{line}: {name} is in no known room")
        elif room in GROUND_FLOOR and other in GROUND_FLOOR:
            if GROUND_FLOOR.index(other) >= GROUND_FLOOR.index(room):
                found.append(f"{path.name}:{line}: {room} imports {other}")
        elif LEVELS[other] >= LEVELS[room]:
            found.append(f"{path.name}:{line}: {room} (L{LEVELS[room]}) imports {other} (L{LEVELS[other]})")
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path: Path) -> None:
    assert breaches(path, path.read_text(encoding="utf-8")) == []


def test_every_room_has_a_level() -> None:
    rooms = {room_of_file(path) for path in modules()} - {None}
    assert rooms <= set(LEVELS), f"rooms without a level: {sorted(rooms - set(LEVELS))}"


@pytest.mark.parametrize(
    ("room", "line", "message"),
    [
        ("geometry/x.py", "from liquidwarp.media import open_video", "geometry .L1. imports media"),
        ("bodies/x.py", "import liquidwarp.raster.kernels", "bodies .L2. imports raster"),
        ("recovery/x.py", "def f():\n    from liquidwarp.surface import dress", "recovery .L4. imports surface"),
        ("types/x.py", "from liquidwarp.geometry import project", "types .L0. imports geometry"),
        ("errors.py", "from liquidwarp.files import atomic_path", "errors imports files"),
        ("tasks/x.py", "from liquidwarp import cli", "tasks .L5. imports cli"),
        ("flow/x.py", "from liquidwarp.secret import x", "in no known room"),
        ("tasks/x.py", "import av", "av belongs into"),
    ],
)
def test_a_breach_is_seen(room: str, line: str, message: str) -> None:
    import re

    found = breaches(PACKAGE / room, line)
    assert len(found) == 1
    assert re.search(message, found[0])


def test_downward_imports_pass() -> None:
    source = "import liquidwarp\nfrom liquidwarp import types\nfrom liquidwarp.geometry import project\nimport torch"
    assert breaches(PACKAGE / "flow" / "x.py", source) == []
