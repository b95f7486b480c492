"""What feet wear: skin or shoes; soles are level all round."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from liquidwarp.appearance import Observation, appearance_from_observations, render_surface
from liquidwarp.appearance.shoe_colors import shoe_colors
from liquidwarp.appearance.shoes import wears_shoes
from liquidwarp.bodies.parts import part_labels
from liquidwarp.clothing import above_ground
from liquidwarp.geometry import default_camera, look_at_camera
from liquidwarp.raster import interpolate, rasterize
from liquidwarp.testing import toy_body

CAMERA = default_camera((640, 640))
PLACE = torch.tensor([[0.0, 0.0, 3.2]])
SKIN, NAVY, WHITE, GREEN = (214, 168, 140), (40, 44, 90), (236, 236, 230), (60, 120, 70)
LINE = 0.03


@pytest.fixture(scope="module")
def shod():
    """Return a body, its vertices, how high its feet are, and a photo of it in navy shoes with white soles."""
    body = toy_body()
    orient, pose = body.expand_pose(torch.zeros(1, 22, 3))
    person = body.identity(torch.zeros(body.num_betas))
    vertices = body.vertices(person, orient, pose, PLACE)[0]
    height = above_ground(body, person, torch.zeros_like(person.vertices))
    part, raised = look(body, vertices, height, CAMERA)
    rgb = np.full((640, 640, 3), GREEN, np.uint8)
    rgb[np.isin(part, (*part_labels("head"), *part_labels("left_hand"), *part_labels("right_hand")))] = SKIN
    feet = np.isin(part, part_labels("shoes"))
    rgb[feet] = np.where((raised < LINE)[..., None], WHITE, NAVY)[feet]
    return body, vertices, height, Observation(rgb, (part >= 0).astype(np.float32), CAMERA, vertices, shod=height)


def look(body, vertices, height, camera):
    fragments = rasterize(vertices[None], body.topology.faces, camera)
    index = fragments.face_index[0].numpy()
    values = torch.from_numpy(height).float()[None, :, None]
    raised = interpolate(fragments, body.topology.faces, values)[0, ..., 0].numpy()
    return np.where(index >= 0, body.topology.face_part.numpy()[index.clip(0)], -1), raised


def apart(rgb: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    return np.abs(rgb - np.array(color)).max(-1)


@pytest.mark.parametrize("degrees", [90, 130, 230])
def test_a_sole_is_one_level_band_from_all_sides(shod, degrees: int) -> None:
    body, vertices, height, item = shod
    appearance = appearance_from_observations(body.topology, [item])
    camera = look_at_camera(CAMERA, PLACE[0], azimuth=float(np.radians(degrees)))
    made = render_surface(appearance, body.topology, vertices, camera)
    part, raised = look(body, vertices, height, camera)
    foot = np.isin(part, part_labels("shoes")) & (made.alpha > 0.99)
    rgb = 255 * made.rgb
    assert np.quantile(apart(rgb, WHITE)[foot & (raised < LINE - 0.006)], 0.9) < 40
    upper = foot & (raised > LINE + 0.006) & (raised < 0.06)
    assert upper.sum() > 40
    assert np.quantile(apart(rgb, NAVY)[upper], 0.98) < 40
    assert apart(rgb, SKIN)[foot].min() > 40


@pytest.mark.parametrize(("feet", "expected"), [(SKIN, False), ((150, 112, 88), False), (NAVY, True), (WHITE, True)])
def test_bare_feet_have_the_colour_of_the_face(shod, feet: tuple[int, int, int], expected: bool) -> None:
    body, vertices, height, item = shod
    part, _ = look(body, vertices, height, CAMERA)
    rgb = item.rgb.copy()
    rgb[np.isin(part, part_labels("shoes"))] = feet
    photo = replace(item, rgb=rgb, shod=None)
    assert wears_shoes(body.topology, [photo]) is expected
    legless = replace(photo, alpha=photo.alpha * ~np.isin(part, part_labels("shoes")))
    assert wears_shoes(body.topology, [legless])


@pytest.mark.parametrize("line", [0.015, 0.03])
def test_soles_uppers_and_legs_are_told_apart(line: float) -> None:
    """Laces and dirt are neither upper nor sole, and no colour is a mixture."""
    rng = np.random.default_rng(0)
    height = rng.uniform(0.002, 0.13, 2000)
    colors = np.where((height < line)[:, None], WHITE, np.where((height < 0.08)[:, None], NAVY, SKIN))
    colors[rng.random(2000) < 0.2] = (250, 250, 250)
    found = shoe_colors((colors + rng.normal(0, 4, colors.shape)).clip(0, 255).astype(np.uint8), height, 0.12)
    rgb = found.layer.rgba[:, 0, :3].astype(int)
    rows = (np.arange(len(rgb)) + 0.5) / len(rgb) * 0.2
    assert apart(rgb[rows < line - 0.006], WHITE).max() < 16
    assert apart(rgb[rows > line + 0.006], NAVY).max() < 16
    assert found.top == pytest.approx(0.08, abs=0.008)
    assert shoe_colors(np.zeros((0, 3), np.uint8), np.zeros(0), 0.1) is None
