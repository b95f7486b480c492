"""What the caller's `torch.set_default_dtype` says changes nothing."""

import ast
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import liquidwarp as lw

PACKAGE = Path(lw.__file__).parent
MAKERS = ("zeros", "ones", "empty", "eye", "full", "rand", "randn", "linspace")


@pytest.fixture
def as_double() -> Iterator[Callable[[Callable[[], list[np.ndarray]]], None]]:
    """Return what checks that work gives the same bytes where the default is float64."""

    def check(work: Callable[[], list[np.ndarray]]) -> None:
        expected = work()
        torch.set_default_dtype(torch.float64)
        found = work()
        assert [array.dtype for array in found] == [array.dtype for array in expected]
        assert [_digest(array) for array in found] == [_digest(array) for array in expected]

    yield check
    torch.set_default_dtype(torch.float32)


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array)).hexdigest()


def _numbers(track: lw.BodyTrack) -> list[np.ndarray]:
    return [part.numpy() for part in (track.betas, track.global_orient, track.body_pose, track.transl)]


@pytest.mark.parametrize("regressor", [None, "landmarks"])
def test_a_motion_is_the_same(dance: list[np.ndarray], as_double, regressor: str | None) -> None:
    from liquidwarp.detect import detect_clip

    found = detect_clip(iter(dance[:3]), fps=25.0, size=dance[0].shape[:2]).keypoints
    as_double(lambda: _numbers(lw.recover(found, regressor=regressor)))


@pytest.mark.parametrize("renderer", ["surface", "gan"])
def test_pictures_are_the_same(encoded: lw.SourceState, sources, as_double, renderer: str) -> None:
    motion = lw.BodyTrack.load(sources.track)[[0, 5]]
    as_double(lambda: [f.image.numpy() for f in lw.imitate(encoded, motion, size=96, renderer=renderer)])


def test_networks_from_files_are_float32(as_double, tmp_path: Path) -> None:
    from liquidwarp.nn.compact_weights import BUNDLED, load_compact

    def read() -> list[np.ndarray]:
        copy = tmp_path / f"{torch.get_default_dtype()}.safetensors"
        copy.write_bytes(BUNDLED.read_bytes())
        return [value.numpy() for value in load_compact(copy).state_dict().values()]

    as_double(read)


@pytest.mark.slow
def test_a_person_is_the_same(sources, dance: list[np.ndarray], as_double) -> None:
    def learn() -> list[np.ndarray]:
        person = lw.encode_source(sources.photo)
        views = lw.novel_view(person, frames=2, pose="a", elevation=10.0, size=96)
        return [person.offsets.numpy(), person.background, *(view.image.numpy() for view in views)]

    as_double(learn)
    as_double(lambda: _numbers(lw.recover(np.stack(dance))))
    as_double(lambda: _numbers(lw.recover(np.stack(dance), regressor="image")))


def test_tensors_are_made_with_a_type_of_their_own() -> None:
    """Networks may follow the default while they are made; `cards.fill_network` makes them float32."""
    bare = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if "nn" in path.relative_to(PACKAGE).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            made = ast.unparse(node.func).removeprefix("torch.") in MAKERS and ast.unparse(node.func.value) == "torch"
            floats = ast.unparse(node.func) == "torch.tensor" and any(
                isinstance(part, ast.Constant) and isinstance(part.value, float) for part in ast.walk(node)
            )
            words = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if (made or floats) and "dtype" not in words and words.get("device") != "'meta'":
                bare.append(f"{path.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(node)}")
    assert bare == []
