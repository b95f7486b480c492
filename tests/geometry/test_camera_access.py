"""Only `geometry` and `types` know how a camera projects, and `interop` converts it: no other reads its numbers."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "liquidwarp"
KNOWING = ("geometry", "types", "interop")
LENS = {"focal", "center"}
PLACE = {"rotation", "translation"}
HINTS = ("camera", "view", "lens", "crop", "near", "plain")


def last_name(node: ast.expr) -> str:
    """Return the name that an expression ends in: `camera` of `track.camera` and of `cameras[0]`."""
    if isinstance(node, ast.Subscript | ast.Call):
        return last_name(node.value if isinstance(node, ast.Subscript) else node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def readings(source: str) -> list[str]:
    """List what reads the numbers of something that is called like a camera, by attribute or by `getattr`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            name, owner = node.attr, last_name(node.value)
        elif isinstance(node, ast.Call) and last_name(node.func) == "getattr" and len(node.args) > 1:
            key = node.args[1]
            name, owner = str(key.value) if isinstance(key, ast.Constant) else "", last_name(node.args[0])
        else:
            continue
        if name == "focal" or (name in LENS | PLACE and any(hint in owner.lower() for hint in HINTS)):
            found.append(f"{node.lineno}: {owner}.{name}")
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_other_room_reads_the_numbers_of_a_camera(path: Path) -> None:
    inside = path.relative_to(PACKAGE)
    if inside.parts[0] not in KNOWING:
        assert readings(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "f = camera.focal[0]",
        "x = self.track.camera.rotation.T @ p",
        "c = cameras[3].center",
        "t = target.camera(0).translation",
        "c = view.center.to(p)",
        "f = lens.focal",
        "f = getattr(camera, 'rotation')",
        "f = thing.focal",
        "t = f'{camera.center}'",
    ],
)
def test_a_reading_is_seen(line: str) -> None:
    assert len(readings(line)) == 1


def test_others_may_have_such_names() -> None:
    assert readings("light.center + joint.rotation + replace(camera, rotation=r)\ncamera.center = 3") == []
