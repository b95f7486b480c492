"""The public surface is a promise: a name that goes or comes is seen here."""

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import liquidwarp

PACKAGE = Path(liquidwarp.__file__).parent

NAMES = [
    "BodyTrack",
    "Camera",
    "Flow",
    "Fragments",
    "InputError",
    "Keypoints",
    "LiquidwarpError",
    "NoPersonError",
    "OutputError",
    "SourceState",
    "Synthesis",
    "__version__",
    "encode_source",
    "export_glb",
    "imitate",
    "load_body",
    "novel_view",
    "read_motion",
    "recover",
    "retarget",
    "synthesize",
    "transfer_appearance",
    "write_motion",
    "write_video",
]

HEAVY = [
    "torch",
    "numba",
    "cv2",
    "av",
    "ai_edge_litert",
    "mediapipe",
    "jax",
    "matplotlib",
    "scipy",
    "skimage",
    "smplx",
    "anny",
    "PIL",
]
DETECTOR_AND_CODEC = ["mediapipe", "ai_edge_litert", "av", "cv2", "PIL"]


def in_a_fresh_process(program: str) -> dict:
    """Run a program that prints JSON in a new interpreter."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_public_names_are_these() -> None:
    assert sorted(liquidwarp.__all__) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(liquidwarp, name)
    if name != "__version__":
        assert value.__doc__
        assert value.__module__.startswith("liquidwarp.")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'imitat'"):
        _ = liquidwarp.imitat


def test_importing_is_quick_and_light() -> None:
    program = (
        "import time, sys, json; start = time.perf_counter(); import liquidwarp; "
        f"seconds = time.perf_counter() - start; heavy = [n for n in {HEAVY} if n in sys.modules]; "
        "print(json.dumps({'seconds': seconds, 'heavy': heavy}))"
    )
    result = in_a_fresh_process(program)
    assert result["heavy"] == []
    assert result["seconds"] < 2


def test_the_tasks_load_no_detector_before_one_is_needed() -> None:
    late = ["ai_edge_litert", "mediapipe", "jax", "smplx", "anny", "skimage"]
    program = (
        "import sys, json, liquidwarp; liquidwarp.imitate; liquidwarp.encode_source; "
        f"print(json.dumps({{'heavy': [n for n in {late} if n in sys.modules]}}))"
    )
    assert in_a_fresh_process(program)["heavy"] == []


@pytest.mark.parametrize("room", ["raster", "flow"])
def test_rasteriser_and_flow_alone_load_neither_detector_nor_codec(room: str) -> None:
    program = (
        f"import sys, json, liquidwarp.{room}; print(json.dumps([n for n in {DETECTOR_AND_CODEC} if n in sys.modules]))"
    )
    assert in_a_fresh_process(program) == []


def test_the_help_is_quick() -> None:
    program = (
        "import time, sys, json; start = time.perf_counter(); import liquidwarp.cli; "
        "seconds = time.perf_counter() - start; "
        "print(json.dumps({'seconds': seconds, 'heavy': [n for n in ('torch', 'mediapipe') if n in sys.modules]}))"
    )
    result = in_a_fresh_process(program)
    assert result["heavy"] == []
    assert result["seconds"] < 2


def is_kernel(function: ast.FunctionDef) -> bool:
    """Tell whether numba compiles the function: kernels carry no annotations, which the tests would execute."""
    return any(
        "jit" in ast.unparse(decorator) or "vectorize" in ast.unparse(decorator)
        for decorator in function.decorator_list
    )


def unannotated(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_kernel(node):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
        if bare or (node.returns is None and node.name != "__init__"):
            found.append(f"{path.name}:{node.lineno} {node.name}")
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_functions_say_their_types(path: Path) -> None:
    assert unannotated(path) == []


def readme_code() -> ast.Module:
    (code,) = re.findall(r"```python\n(.*?)```", (PACKAGE.parent / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return ast.parse(code)


def test_the_readme_calls_what_there_is() -> None:
    """Every `lw.name(...)` of the README is public and takes these arguments."""
    calls = [node for node in ast.walk(readme_code()) if isinstance(node, ast.Call)]
    named = [
        call for call in calls if isinstance(call.func, ast.Attribute) and ast.unparse(call.func).startswith("lw.")
    ]
    assert len(named) > 5
    for call in named:
        name = ast.unparse(call.func).removeprefix("lw.")
        assert name in liquidwarp.__all__
        keywords = {keyword.arg: None for keyword in call.keywords}
        inspect.signature(getattr(liquidwarp, name)).bind(*call.args, **keywords)


def test_the_readme_shows_options_that_exist() -> None:
    text = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL)
    shown = [line for language, block in blocks if not language for line in block.splitlines()]
    lines = [line for line in shown if line.startswith("liquidwarp ")]
    assert len(lines) >= 5
    from liquidwarp.options import make_parser

    for line in lines:
        make_parser().parse_args(line.split()[1:])  # raises, and so fails, on an unknown option
