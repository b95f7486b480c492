"""Tuned numbers are fields of frozen values, with unit and reason: none hides in a function."""

import ast
import dataclasses
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[1] / "liquidwarp"

ROOMS = ("appearance", "camera_motion", "clothing", "detect", "fit", "inpaint", "matting", "regress")

PLAIN = (0.0, 0.5, 1.0, 2.0)
"""Nothing, half, all and double need no name; nor do numbers that only keep a quotient finite."""
TINY = 1e-5

TUNINGS = {
    "liquidwarp.appearance.tuning": (
        "GarmentTuning",
        "LayerTuning",
        "RimTuning",
        "ShoeLookTuning",
        "TubeTuning",
        "UnseenTuning",
    ),
    "liquidwarp.appearance.drape_tuning": ("HairTuning", "SkirtTuning", "SwingTuning"),
    "liquidwarp.appearance.light_tuning": ("LightTuning", "RelightTuning", "ShadowTuning"),
    "liquidwarp.camera_motion.tuning": ("CameraMotionTuning",),
    "liquidwarp.clothing.tuning": (
        "ClothSurfaceTuning",
        "ClothingTuning",
        "CutOutTuning",
        "MatchTuning",
        "ShoeTuning",
    ),
    "liquidwarp.detect.tuning": (
        "CrossingTuning",
        "FaceTuning",
        "FollowTuning",
        "HandTuning",
        "LiteRtTuning",
        "MediaPipeTuning",
        "PeopleTuning",
        "PersonColorTuning",
        "ShotTuning",
        "SearchTuning",
        "SideTuning",
    ),
    "liquidwarp.fit.tuning": (
        "ApartTuning",
        "CloseTuning",
        "ContactTuning",
        "EvidenceTuning",
        "FingerTuning",
        "FitTuning",
        "FitWeights",
        "FootLockTuning",
        "LimbTuning",
        "MotionTuning",
        "MovingTuning",
        "OutlineTuning",
        "PriorTuning",
        "SolverTuning",
        "StartTuning",
        "SteadyTuning",
        "SurfaceTuning",
        "TermTuning",
        "ViewpointTuning",
    ),
    "liquidwarp.inpaint.tuning": ("BackgroundTuning", "InpaintTuning"),
    "liquidwarp.matting.tuning": ("ForegroundTuning", "HeldTuning", "MattingTuning"),
    "liquidwarp.regress.pose_noise": ("DetectorNoise",),
}

REACHED = (
    ("liquidwarp.appearance", "appearance_from_observations", "tuning", "LayerTuning"),
    ("liquidwarp.tasks", "encode_source", "tuning", "SourceTuning"),
    ("liquidwarp.clothing", "fit_clothing", "tuning", "ClothingTuning"),
    ("liquidwarp.clothing", "fit_offsets", "tuning", "ClothingTuning"),
    ("liquidwarp.clothing", "shoe_offsets", "tuning", "ShoeTuning"),
    ("liquidwarp.detect", "detect_clip", "tuning", "FollowTuning"),
    ("liquidwarp.detect", "collect_keypoints", "tuning", "FollowTuning"),
    ("liquidwarp.detect", "read_openpose", "tuning", "FollowTuning"),
    ("liquidwarp.detect", "read_coco_keypoints", "tuning", "FollowTuning"),
    ("liquidwarp.detect", "LiteRtDetector", "tuning", "LiteRtTuning"),
    ("liquidwarp.detect", "MediaPipeDetector", "tuning", "MediaPipeTuning"),
    ("liquidwarp.fit", "fit_track", "tuning", "FitTuning"),
    ("liquidwarp.fit", "fit_track", "weights", "FitWeights"),
    ("liquidwarp.fit", "refine_with_masks", "tuning", "FitTuning"),
    ("liquidwarp.fit", "refine_with_masks", "weights", "FitWeights"),
    ("liquidwarp.fit", "plant_feet", "tuning", "FootLockTuning"),
    ("liquidwarp.fit", "stand_still", "tuning", "FootLockTuning"),
    ("liquidwarp.fit", "find_stands", "tuning", "ContactTuning"),
    ("liquidwarp.fit.filters", "SteadyPose", "tuning", "SteadyTuning"),
    ("liquidwarp.inpaint", "inpaint", "tuning", "InpaintTuning"),
    ("liquidwarp.inpaint", "photo_background", "tuning", "BackgroundTuning"),
    ("liquidwarp.inpaint", "clip_background", "tuning", "BackgroundTuning"),
    ("liquidwarp.matting", "refine_alpha", "tuning", "MattingTuning"),
    ("liquidwarp.matting", "foreground_colors", "tuning", "ForegroundTuning"),
    ("liquidwarp.matting", "find_held", "tuning", "HeldTuning"),
    ("liquidwarp.regress", "simulate_detector", "noise", "DetectorNoise"),
    ("liquidwarp", "recover", "tuning", "FitTuning"),
    ("liquidwarp", "recover", "weights", "FitWeights"),
)


def files() -> list[Path]:
    return [path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*.py"))]


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def numbers_in_functions(source: str) -> list[str]:
    """Return every float with a meaning in the body of a function, or in the defaults of a private one."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            private = isinstance(node, ast.Lambda) or (node.name.startswith("_") and not node.name.startswith("__"))
            body = node.body if isinstance(node.body, list) else [node.body]
            defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)] if private else []
            found |= {(number.lineno, number.value) for part in (*body, *defaults) for number in floats(part)}
    return [f"line {line}: {value}" for line, value in sorted(found)]


def floats(tree: ast.AST) -> Iterator[Any]:
    for node in ast.walk(tree):
        number = node.value if isinstance(node, ast.Constant) and type(node.value) is float else 0.0
        if number not in PLAIN and not 0 < number <= TINY:
            yield node


@pytest.mark.parametrize("path", files(), ids=name)
def test_no_number_with_a_meaning_hides_in_a_function(path: Path) -> None:
    assert numbers_in_functions(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(x):\n    return 0.7 * x", ["line 2: 0.7"]),
        ("def _f(x, width=3.0):\n    return x", ["line 1: 3.0"]),
        ("class A:\n    def f(self):\n        return [-0.25 for _ in self]", ["line 3: 0.25"]),
        ("f = lambda x: x > 0.1", ["line 1: 0.1"]),
        ("def f(x, width=3.0):\n    return x / max(x, 1e-9) * 0.5 + 2.0 - 8", []),
        ("WIDTH = 0.7  # metres", []),
    ],
)
def test_a_number_is_seen(source: str, found: list[str]) -> None:
    assert numbers_in_functions(source) == found


@pytest.mark.parametrize(("module", "kind"), [(module, kind) for module, kinds in TUNINGS.items() for kind in kinds])
def test_every_number_says_its_unit_and_reason(module: str, kind: str) -> None:
    value = getattr(importlib.import_module(module), kind)
    assert value.__dataclass_params__.frozen
    assert value() == value()
    assert isinstance(hash(value()), int)  # nothing in it can be changed
    (tree,) = (
        node
        for node in ast.parse(inspect.getsource(importlib.import_module(module))).body
        if isinstance(node, ast.ClassDef) and node.name == kind
    )
    said = {
        field.target.id
        for field, words in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text(words)
    }
    assert {field.name for field in dataclasses.fields(value)} == said


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@pytest.mark.parametrize("path", files(), ids=name)
def test_every_tuning_is_in_the_list(path: Path) -> None:
    classes = [node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)]
    tunings = {found for found in classes if found.endswith("Tuning")}
    module = f"liquidwarp.{name(path).removesuffix('.py').replace('/', '.')}"
    assert tunings <= set(TUNINGS.get(module, ()))


@pytest.mark.parametrize(("module", "function", "argument", "kind"), REACHED)
def test_numbers_are_reached_from_the_public_call(module: str, function: str, argument: str, kind: str) -> None:
    home = importlib.import_module(module)
    parameter = inspect.signature(getattr(home, function)).parameters[argument]
    assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
    assert type(parameter.default).__name__ == kind
