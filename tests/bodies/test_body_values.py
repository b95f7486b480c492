"""Bodies are values: copied, sent to other processes, and told apart by what they are."""

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from liquidwarp.bodies import BodyModel, fingerprint, load_body, same_body, same_mesh
from liquidwarp.bodies.landmarks import COCO
from liquidwarp.bodies.rigged import RiggedBody
from liquidwarp.testing import toy_body, write_stand_in


@pytest.fixture(scope="module", params=["toy", "anny", "smpl"])
def body(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RiggedBody:
    if request.param == "smpl":
        return load_body(str(write_stand_in(tmp_path_factory.mktemp("smpl") / "SMPL_NEUTRAL.npz")))
    return toy_body() if request.param == "toy" else load_body(request.param)


def posed(body: BodyModel) -> tuple[torch.Tensor, ...]:
    """Return vertices, landmarks and joints in a pose."""
    generator = torch.Generator().manual_seed(0)
    betas = torch.randn(body.num_betas, generator=generator)
    orient, pose = body.expand_pose(0.4 * torch.randn(2, 22, 3, generator=generator))
    place = torch.randn(2, 3, generator=generator)
    identity = body.identity(betas)
    with torch.no_grad():
        return (
            body.vertices(identity, orient, pose, place),
            body.landmarks(COCO, betas, orient, pose, place),
            *body.transforms(identity.joints, orient, pose),
        )


def test_a_copy_does_what_the_body_does(body: RiggedBody) -> None:
    wanted = posed(body)
    for made in (pickle.loads(pickle.dumps(body)), copy.deepcopy(body), copy.copy(body)):
        assert made is not body
        assert type(made) is type(body)
        assert all(torch.equal(one, other) for one, other in zip(posed(made), wanted, strict=True))
        assert (made.name, made.landmark_names, made.landmark_definition) == (
            body.name,
            body.landmark_names,
            body.landmark_definition,
        )
        assert same_body(made, body)


def test_a_copy_has_landmarks_of_its_own(body: RiggedBody) -> None:
    before = posed(body)
    other = copy.copy(body)
    other._landmarks = replace(other._landmarks, joints=(0,) * len(other._landmarks.joints))
    assert not torch.equal(posed(other)[1], before[1])
    assert all(torch.equal(one, other) for one, other in zip(posed(body), before, strict=True))


def test_a_spawned_process_gets_the_body(body: RiggedBody) -> None:
    posed(body)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.apply(posed, (body,))
    assert all(torch.equal(one, other) for one, other in zip(there, posed(body), strict=True))


def test_who_is_who() -> None:
    toy, anny = toy_body(), load_body()
    assert same_body(toy, toy_body())
    assert not same_body(toy, anny)
    assert not same_mesh(toy, anny)
    alias, stretched, flipped, bent = (copy.copy(toy) for _ in range(4))
    alias.name = "alias"
    stretched._surface = replace(stretched._surface, basis=1.1 * stretched._surface.basis)
    flipped.topology = replace(flipped.topology, faces=flipped.topology.faces.flip(1))
    bent.parents = (*bent.parents[:-1], 0)
    assert same_body(toy, alias)
    assert not same_body(toy, stretched)
    assert [fingerprint(other) == fingerprint(toy) for other in (alias, stretched, flipped, bent)] == [
        True,
        True,
        False,
        False,
    ]
    assert [same_mesh(other, toy) for other in (alias, stretched, flipped, bent)] == [True, True, False, True]


def test_a_stand_in_is_not_the_body_it_is_made_of(tmp_path: Path) -> None:
    families: list[Callable[[], BodyModel]] = [
        lambda name=name: load_body(str(write_stand_in(tmp_path / f"{name.upper()}_NEUTRAL.npz", name)))
        for name in ("smpl", "smplh", "smplx")
    ]
    prints = [fingerprint(make()) for make in families]
    assert len({*prints, fingerprint(load_body())}) == 4
