"""Shoes: one toe box, a flat sole, and nothing moved but feet."""

import cv2
import numpy as np
import pytest
import torch

from liquidwarp.bodies import BodyModel, Identity, load_body
from liquidwarp.bodies.parts import part_labels
from liquidwarp.clothing import ShoeTuning, above_ground, shoe_offsets
from liquidwarp.raster import rasterize
from liquidwarp.testing import toy_body
from liquidwarp.types import Camera


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body("anny")


@pytest.fixture(scope="module")
def person(body: BodyModel) -> Identity:
    return body.identity(torch.zeros(body.num_betas))


def solidity(body: BodyModel, person: Identity, offsets: torch.Tensor, side: str) -> float:
    """Return how much of its convex outline the front half of a foot fills, seen from above."""
    faces = body.topology.faces[torch.from_numpy(body.topology.face_part.numpy() == part_labels(f"{side}_foot")[0])]
    vertices = person.vertices + offsets
    points, depth = vertices[faces.long()], person.vertices[faces.long()][..., 2].mean(1)
    front = depth < (depth.min() + depth.max()) / 2
    flat = torch.stack([vertices[:, 0], vertices[:, 2], 5 - vertices[:, 1]], -1)
    middle = points[front].mean((0, 1))
    camera = Camera.create(
        1000.0, (256, 256), (128 - 1e3 * float(middle[0]), 128 - 1e3 * float(middle[2])), orthographic=True
    )
    seen = rasterize(flat[None], faces[front], camera).mask[0].numpy().astype(np.uint8)
    outline = np.concatenate(cv2.findContours(seen, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0])
    return float(seen.sum() / cv2.contourArea(cv2.convexHull(outline)))


def test_toes_become_one_box_on_a_flat_sole(body: BodyModel, person: Identity) -> None:
    bare = torch.zeros_like(person.vertices)
    shod = shoe_offsets(body, person, bare)
    foot = torch.isin(body.topology.vertex_part, torch.tensor(part_labels("shoes"), dtype=torch.int32))
    assert torch.equal(shod[~foot], bare[~foot])
    assert shod[foot].norm(dim=-1).max() < 0.08
    assert shod.equal(shoe_offsets(body, person, bare))
    height = above_ground(body, person, shod)
    assert (height[~foot.numpy()] == 1).all()
    for side in ("left", "right"):
        faces = body.topology.faces.numpy()[body.topology.face_part.numpy() == part_labels(f"{side}_foot")[0]]
        corners = (person.vertices + shod).numpy()[faces]
        level = np.abs(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1]) / 2  # area
        assert level[(height[faces] < 1e-3).all(1)].sum() > 0.4 * level.sum()  # of sole and upper together
        assert solidity(body, person, bare, side) < 0.92 < 0.94 < solidity(body, person, shod, side)


def test_what_the_outline_told_of_a_shoe_stays(body: BodyModel, person: Identity) -> None:
    """A foot that is fitted wider and lower gives a shoe that is wider and lower, and one that is torn a whole one."""
    foot = torch.isin(body.topology.vertex_part, torch.tensor(part_labels("left_foot"), dtype=torch.int32))
    points = person.vertices[foot]
    wide = torch.zeros_like(person.vertices)
    wide[foot, 0] = 0.15 * (points[:, 0] - points[:, 0].mean())
    wide[foot, 1] = 0.01
    plain, wider = (person.vertices + shoe_offsets(body, person, o) for o in (0 * wide, wide))
    assert 1.1 < np.ptp(wider[foot, 0].numpy()) / np.ptp(plain[foot, 0].numpy()) < 1.2
    assert float(wider[foot, 1].max() - plain[foot, 1].max()) == pytest.approx(0.01, abs=2e-3)
    torn = 0 * wide
    torn[foot & (person.vertices[:, 2] < points[:, 2].quantile(0.2))] = torch.tensor([0.06, 0.05, -0.2])
    assert solidity(body, person, shoe_offsets(body, person, torn), "left") > 0.95


def test_a_coarse_foot_is_shod_too() -> None:
    body = toy_body()
    person = body.identity(torch.zeros(body.num_betas))
    shod = shoe_offsets(body, person, torch.zeros_like(person.vertices), tuning=ShoeTuning(rounds=1))
    assert torch.isfinite(shod).all()
    assert 0 < shod.norm(dim=-1).max() < 0.08
