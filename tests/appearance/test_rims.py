"""Soft outlines: as soft as the photo's, nowhere else, and never a window to what is behind the body."""

import cv2
import numpy as np
import pytest
import torch

from liquidwarp.appearance import Observation, appearance_from_observations, render_surface
from liquidwarp.appearance.rims import (
    depth_steps,
    depth_steps_in_tensors,
    grown,
    grown_in_tensors,
    outline_softness,
    softened,
    softened_in_tensors,
    softness_for,
)
from liquidwarp.geometry import default_camera
from liquidwarp.raster import rasterize
from liquidwarp.testing import toy_body

PLACE = torch.tensor([[0.0, 0.0, 3.2]])


@pytest.mark.parametrize("sigma", [0.7, 1.2, 2.0])
def test_softness_is_that_of_the_blur_that_made_it(sigma: float) -> None:
    large = np.zeros((960, 640), np.float32)
    cv2.ellipse(large, (320, 480), (160, 380), 20, 0, 360, 1, -1)
    alpha = cv2.resize(cv2.GaussianBlur(large, (0, 0), 4 * sigma), (160, 240), interpolation=cv2.INTER_AREA)
    assert outline_softness(alpha) == pytest.approx(np.hypot(sigma, 0.29), rel=0.12)
    assert outline_softness(np.zeros((8, 8), np.float32)) == 0
    assert softness_for(1.0, 2.0, 500.0) == pytest.approx(np.hypot(2.0, 0), abs=0.05)
    assert softness_for(0.4, 0.5, 500.0) == 0


@pytest.fixture(scope="module")
def crossing():
    """Return a body with a forearm before its trunk, and what it looks like after a photo with transparent rims."""
    body = toy_body()
    person = body.identity(torch.zeros(body.num_betas))
    canonical = torch.zeros(1, 22, 3)
    vertices = body.vertices(person, *body.expand_pose(canonical), PLACE)[0]
    camera = default_camera((256, 256))
    mask = rasterize(vertices[None], body.topology.faces, camera).mask[0].numpy()
    alpha = np.clip(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5) / 12, 0, 1).astype(np.float32)
    look = appearance_from_observations(
        body.topology, [Observation(np.full((256, 256, 3), 90, np.uint8), alpha, camera, vertices)]
    )
    canonical[0, 16] = torch.tensor([-0.9, 1.3, 0.9])
    canonical[0, 18] = torch.tensor([0.0, 1.2, 0.6])
    crossed = body.vertices(person, *body.expand_pose(canonical), PLACE)[0]
    return body, look, crossed, camera


def test_what_lies_before_the_body_is_no_window(crossing) -> None:
    body, look, vertices, camera = crossing
    sharp, soft = (render_surface(look, body.topology, vertices, camera, soft=sigma) for sigma in (0.0, 0.9))
    fragments = rasterize(vertices[None], body.topology.faces, camera.resized((512, 512)))
    steps = depth_steps(fragments, 2).numpy()
    inner = grown(torch.from_numpy(steps), 3).numpy() == 1
    assert inner.sum() > 100
    assert sharp.alpha[inner].min() < 0.7  # a photo's rim shows through
    assert soft.alpha[inner].min() > 0.9
    far = grown(torch.from_numpy(steps), 4).numpy() == 0
    assert np.abs(soft.rgb[far] - sharp.rgb[far]).max() < 1e-3
    assert soft.alpha.sum() == pytest.approx(sharp.alpha.sum(), rel=0.02)


def test_tensors_find_and_blur_the_same_rims(crossing) -> None:
    body, _, vertices, camera = crossing
    fragments = rasterize(vertices[None], body.topology.faces, camera.resized((512, 512)))
    steps = depth_steps(fragments, 2)
    assert {0, 1, 2} <= set(steps.unique().tolist())
    assert torch.equal(depth_steps_in_tensors(fragments.depth[0], 2, 0.015), steps)
    assert torch.equal(grown_in_tensors(steps, 3), grown(steps, 3))
    rgb, alpha = torch.rand(256, 256, 3), torch.rand(256, 256)
    for one, other in zip(softened(rgb, alpha, steps, 1.3), softened_in_tensors(rgb, alpha, steps, 1.3), strict=True):
        assert (one - other).abs().max() < 1e-5
