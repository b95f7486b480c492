"""Every public function and class of the rooms that others build on has an example, and it runs."""

import doctest
import importlib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy_people import ToyDetector, toy_photo

from liquidwarp.person import SourceState
from liquidwarp.tasks import encode_source
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack

ROOMS = ("raster", "flow", "bodies", "tasks")
LEARN_FROM_THE_DEMO = ("encode_source", "imitate_live", "recover", "recover_meanwhile")  # seconds each
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


def learnt(colour: tuple[int, int, int]) -> SourceState:
    body = toy_body()
    photo = toy_photo(body, np.tile(np.array(colour, np.uint8), (16, 1)))
    return encode_source(photo.rgb, body=body, detector=ToyDetector(photo))


@pytest.fixture(scope="module")
def people() -> dict[str, Any]:
    """What `liquidwarp.tasks` says that its examples are given."""
    person, other = learnt((200, 40, 40)), learnt((40, 160, 60))
    here, frames = person.track, 3
    turning = here.global_orient + torch.tensor([[0.0, 1.0, 0.0]]) * torch.linspace(0, 0.5, frames)[:, None]
    motion = BodyTrack(
        body=here.body,
        betas=here.betas,
        global_orient=turning,
        body_pose=here.body_pose.expand(frames, -1, -1),
        transl=here.transl.expand(frames, -1),
        camera=here.camera,
        fps=25.0,
        confidence=torch.ones(frames),
        observed=torch.ones(frames, dtype=torch.bool),
    )
    return {"person": person, "other": other, "motion": motion}


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
