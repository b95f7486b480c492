"""Hands and forearms that are in the body come out, and nothing else changes."""

from dataclasses import replace

import pytest
import torch
from fit_samples import JOINT, relaxed, track_of

from liquidwarp.bodies import load_body
from liquidwarp.fit import arm_depths, keep_apart
from liquidwarp.fit.capsules import body_capsules
from liquidwarp.fit.tuning import FIT_TUNING
from liquidwarp.geometry import project
from liquidwarp.mesh import vertex_normals
from liquidwarp.testing import toy_body

ARMS = ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow")
TOUCH = FIT_TUNING.apart.touch


@pytest.fixture(scope="module")
def body():
    return load_body()


def standing(body, frames=1, fps=25.0, **turns):
    """Somebody relaxed, some joints turned on: name -> (T 3) axis-angle or one vector."""
    canonical = relaxed(body, frames)
    for name, turn in turns.items():
        canonical[:, JOINT[name]] += torch.as_tensor(turn, dtype=torch.float32)
    return track_of(body, canonical, fps, (256, 256))


INTO_THIGH = {"left_hip": (-1.3, 0.0, 0.0), "left_shoulder": (0.3, 0.0, 0.0), "left_elbow": (0.0, 0.5, 0.0)}
INTO_TRUNK = {"left_shoulder": (0.0, 0.0, 0.22), "left_elbow": (1.3, 0.0, 0.0)}


@pytest.mark.parametrize("turns", [INTO_THIGH, INTO_TRUNK], ids=["thigh", "trunk"])
@pytest.mark.parametrize("fps", [0.0, 25.0])
def test_what_is_inside_comes_out_to_the_surface(body, turns, fps) -> None:
    track = standing(body, 1, fps, **turns)
    before = arm_depths(body, track)
    assert float(before.amax()) > 0.02
    apart = keep_apart(body, track)
    assert -0.004 < float(arm_depths(body, apart).amax()) < TOUCH
    changed = (apart.body_pose != track.body_pose).any(dim=2)[0].nonzero()[:, 0] + 1
    assert set(changed.tolist()) <= {body.canonical(name) for name in ARMS if "left" in name}
    assert torch.equal(apart.global_orient, track.global_orient)
    assert torch.equal(apart.transl, track.transl)


def test_the_way_out_is_along_the_view_rather_than_across(body) -> None:
    track = standing(body, 1, 0.0, **INTO_TRUNK)
    apart = keep_apart(body, track)

    def wrist(one):
        return body.landmarks(("left_wrist",), one.betas, one.global_orient, one.body_pose, one.transl)[0, 0]

    moved = project(track.camera, wrist(apart))[:2] - project(track.camera, wrist(track))[:2]
    assert abs(float(wrist(apart)[2] - wrist(track)[2])) > 0.02
    assert float(moved.norm()) < 3.0  # pixels of 256


@pytest.mark.parametrize("name", ["anny", "toy"])
def test_where_nothing_touches_nothing_is_changed(body, name) -> None:
    body = body if name == "anny" else toy_body()
    track = standing(body, 3)
    assert float(arm_depths(body, track).amax()) < 0
    assert keep_apart(body, track) is track


def test_a_change_comes_and_goes_smoothly_and_ends_at_its_reach_and_at_cuts(body) -> None:
    time = torch.arange(60) / 25
    swing = torch.exp(-(((time - 0.8) / 0.25) ** 2))[:, None]
    swing[40:] = 1.0  # another shot begins in the trunk
    turns = {name: swing * torch.tensor(turn) for name, turn in INTO_TRUNK.items()}
    track = replace(standing(body, 60, 25.0, **turns), cuts=(40,))
    inside = (arm_depths(body, track) > TOUCH).any(dim=1)
    apart = keep_apart(body, track)
    assert float(arm_depths(body, apart).amax()) < 0.008  # of 0.06
    change = (apart.body_pose - track.body_pose).norm(dim=-1).amax(dim=1)
    touched = inside[:40].nonzero()[:, 0]
    first, last = int(touched[0]) - 6, int(touched[-1]) + 6
    assert last < 39
    assert not bool(change[:first].any())
    assert not bool(change[last + 1 : 40].any())
    assert float(change[:40].diff(n=2).abs().amax()) < 0.15  # of 0.4 within six frames
    alone = keep_apart(body, track[slice(40, 60)])
    torch.testing.assert_close(alone.body_pose, apart.body_pose[40:], atol=0.02, rtol=0)


def test_capsules_lie_inside_of_the_body(body) -> None:
    shape = body_capsules(body, torch.zeros(body.num_betas))
    identity = body.identity(torch.zeros(body.num_betas))
    vertices = identity.vertices.double()
    normals = vertex_normals(vertices[None], body.topology.faces)[0]
    generator = torch.Generator().manual_seed(0)
    way = torch.nn.functional.normalize(torch.randn(200, 3, generator=generator, dtype=torch.float64), dim=1)
    for balls in (shape.starts, shape.ends):
        middles = shape.joints[balls.joint] + balls.offset
        points = (middles[:, None] + 0.9 * balls.radius[:, None, None] * way).flatten(0, 1)
        nearest = torch.cdist(points, vertices).argmin(dim=1)
        outside = ((points - vertices[nearest]) * normals[nearest]).sum(dim=1)
        assert float((outside > 0.005).double().mean()) < 0.05


def test_a_body_that_lacks_parts_is_left_alone(body) -> None:
    track = standing(body, 1, 0.0, **INTO_THIGH)
    handless = toy_body()
    handless.topology = replace(handless.topology, vertex_part=torch.zeros_like(handless.topology.vertex_part))
    other = standing(handless)
    assert arm_depths(handless, other) is None
    assert keep_apart(handless, other) is other
    assert len(keep_apart(body, track)) == 1
