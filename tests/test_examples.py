"""Every public function and class of the rooms that others build on has an example, and it runs."""

import doctest
import importlib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy_people import PLACE, toy_photo

from liquidwarp.geometry import default_camera
from liquidwarp.person import SourceState
from liquidwarp.tasks import source_from_tracks
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack

ROOMS = ("raster", "flow", "bodies", "tasks")
LEARN_FROM_THE_DEMO = (
    "encode_everyone",
    "encode_source",
    "imitate_live",
    "recover",
    "recover_meanwhile",
)  # seconds each
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def public() -> dict[str, Any]:
    """Return the functions and classes of the rooms by name, such as `flow.warp`; constants need no example."""
    found = {}
    for room in ROOMS:
        module = importlib.import_module(f"liquidwarp.{room}")
        values = {name: getattr(module, name) for name in module.__all__}
        found |= {f"{room}.{name}": value for name, value in values.items() if callable(value)}
    return found


PUBLIC = public()
SLOW = [f"tasks.{name}" for name in LEARN_FROM_THE_DEMO]
QUICK = [name for name in PUBLIC if name not in SLOW]


def example_of(name: str, given: dict[str, Any]) -> doctest.DocTest:
    """Return the example in the docstring of a public name, which may use what is given."""
    text = inspect.cleandoc(PUBLIC[name].__doc__)
    _, _, example = text.partition("\nExamples:\n")
    return doctest.DocTestParser().get_doctest(example, given, name, None, 0)


def run(example: doctest.DocTest) -> None:
    told: list[str] = []
    failed, tried = doctest.DocTestRunner(optionflags=OPTIONS).run(example, out=told.append)
    assert tried
    assert not failed, "".join(told)


def standing(frames: int) -> BodyTrack:
    """Return a toy person who stands where `toy_photo` paints one, and turns to the side from frame to frame."""
    body = toy_body()
    vectors = torch.zeros(frames, 22, 3)
    vectors[:, 0, 1] = torch.linspace(0, 0.5, frames)
    orient, pose = body.expand_pose(vectors)
    return BodyTrack(
        body="toy",
        betas=torch.zeros(body.num_betas),
        global_orient=orient,
        body_pose=pose,
        transl=PLACE.expand(frames, 3),
        camera=default_camera((97, 73)),
        fps=25.0,
        confidence=torch.ones(frames),
        observed=torch.ones(frames, dtype=torch.bool),
    )


def painted(colour: tuple[int, int, int]) -> SourceState:
    photo = toy_photo(toy_body(), np.tile(np.array(colour, np.uint8), (16, 1)))
    return source_from_tracks([photo.rgb], [photo.mask], [standing(1)])


@pytest.fixture(scope="module")
def people() -> dict[str, Any]:
    """What `liquidwarp.tasks` says that its examples are given."""
    return {"person": painted((200, 40, 40)), "other": painted((40, 160, 60)), "motion": standing(3)}


def test_every_public_name_has_an_example() -> None:
    assert len(PUBLIC) > 30
    assert not [name for name in PUBLIC if not example_of(name, {}).examples]
    assert set(SLOW) < set(PUBLIC)


@pytest.mark.parametrize("name", [name for name in QUICK if not name.startswith("tasks.")])
def test_examples_run_by_themselves(name: str) -> None:
    run(example_of(name, {}))


@pytest.mark.parametrize("name", [name for name in QUICK if name.startswith("tasks.")])
def test_examples_run_on_a_person(
    name: str, people: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(example_of(name, people))


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_examples_run_on_the_demo(name: str) -> None:
    run(example_of(name, {}))
