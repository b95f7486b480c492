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
    "devices": 0,
    "types": 0,
    "parallel": 0,
    "cards": 0,
    "console": 0,
    "faults": 0,
    "jit": 0,
    "geometry": 1,
    "mesh": 1,
    "bodies": 2,
    "raster": 2,
    "media": 2,
    "motion": 3,
    "flow": 3,
    "interop": 3,
    "labels": 3,
    "camera_motion": 3,
    "detect": 4,
    "clothing": 4,
    "face": 4,
    "appearance": 4,
    "inpaint": 4,
    "nn": 4,
    "matting": 5,
    "fit": 5,
    "person": 5,
    "regress": 6,
    "methods": 7,
    "tasks": 8,
    "data": 8,
    "synth": 8,
    "metrics": 8,
    "viz": 8,
    "train": 9,
    "demo": 9,
    "live": 9,
    "guides": 9,
    "batch": 9,
    "web": 9,
    "scene": 9,
    "doctor": 9,
    "options": 9,
    "interrupt": 9,
    "cli": 10,
    "testing": 11,
}

# What tests of others may use: no module of the package does.
FOR_TESTS = "testing"

# On the ground floor values may use checks, and checks and files the errors; never the other way round.
GROUND_FLOOR = ("errors", "console", "jit", "parallel", "files", "faults", "cards", "checks", "devices", "types")

# What several rooms may not bring in, so that a backend, a detector or a codec can be changed in one place.
HOMES = {
    "mediapipe": {"detect"},
    "ai_edge_litert": {"detect"},
    "c2pa": {"media"},
    "cryptography": {"media"},
    "av": {"media", "doctor"},
    "pyvirtualcam": {"media"},
    "smplx": set(),
    "pytorch3d": {"raster", "interop"},
    "triton": {"raster"},
    "diffusers": {"nn"},
    "transformers": {"nn"},
    "gradio": {"web"},
    "fastapi": {"web"},
    "uvicorn": {"web"},
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
        if other == FOR_TESTS != room:
            found.append(f"{path.name}:{line}: {other} is for tests; no module of the package may import it")
            continue
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
        ("fit/x.py", "def f():\n    from liquidwarp.regress import Regressor", "fit .L5. imports regress"),
        ("types/x.py", "from liquidwarp.geometry import project", "types .L0. imports geometry"),
        ("errors.py", "from liquidwarp.files import atomic_path", "errors imports files"),
        ("tasks/x.py", "from liquidwarp import cli", "tasks .L8. imports cli"),
        ("flow/x.py", "from liquidwarp.secret import x", "in no known room"),
        ("tasks/x.py", "import av", "av belongs into"),
        ("data/x.py", "from liquidwarp.synth import synthetic_clip", "data .L8. imports synth"),
        ("cli.py", "from liquidwarp import testing", "testing is for tests"),
        ("__init__.py", "from liquidwarp.testing.toy import toy_body", "testing is for tests"),
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
