"""What the photo does not show goes round: hems are level, prints do not come back, edges are not believed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from liquidwarp.appearance import LayerTuning, Observation, appearance_from_observations, render_surface
from liquidwarp.appearance.around import fill_around
from liquidwarp.appearance.layers import FILLED, SEEN
from liquidwarp.bodies.parts import PARTS, part_labels
from liquidwarp.geometry import default_camera, look_at_camera
from liquidwarp.mesh.facing import vertex_facing
from liquidwarp.raster import interpolate, rasterize
from liquidwarp.testing import toy_body

SIZE = (256, 256)
CAMERA = default_camera(SIZE)
PLACE = torch.tensor([[0.0, 0.0, 3.2]])
RED, BLUE, SKIN = (200, 40, 40), (40, 60, 190), (214, 168, 140)

HEIGHT, TURN = 120, 96
ROW, COLUMN = np.arange(HEIGHT)[:, None], np.arange(TURN)[None]
KNOWN = np.broadcast_to((COLUMN >= 28) & (COLUMN < 68), (HEIGHT, TURN))


def two_colours(below: np.ndarray) -> np.ndarray:
    return np.where(below[..., None], np.array(BLUE, np.float32), np.array(RED, np.float32))


def is_blue(rgb: np.ndarray) -> np.ndarray:
    return rgb[..., 2] > rgb[..., 0]


def purity(rgb: np.ndarray) -> np.ndarray:
    """Return how far each pixel is from the nearer of the two colours."""
    return np.minimum(*(np.abs(rgb - np.array(colour)).max(-1) for colour in (RED, BLUE)))


@pytest.mark.parametrize("rise", [0, 8, -8])
def test_a_hem_goes_round_as_one_clean_line_from_end_to_end(rise: int) -> None:
    """The hem runs from row 60 to 60 + rise over the seen part, and back to 60 behind."""
    along = ((COLUMN - 28) / 39).clip(0, 1)
    behind = ((COLUMN - 67) % TURN) / (TURN - 39)
    hem = 60 + rise * np.where(KNOWN[:1], along, 1 - behind)
    picture = two_colours(np.broadcast_to(hem, (HEIGHT, TURN)) < ROW + 0.5)
    filled = fill_around(picture, KNOWN)
    assert np.array_equal(filled[KNOWN], picture[KNOWN])
    blue = is_blue(filled)
    assert (np.abs(np.diff(blue.astype(int), axis=0)).sum(0) == 1).all()  # one border in every column
    assert np.abs((HEIGHT - blue.sum(0)) - hem).max() <= (1 if rise == 0 else 2.5)
    assert (purity(filled) > 12).sum(0).max() <= (2 if rise == 0 else 5)  # rows in which colours mix


@pytest.mark.parametrize("seed", [0, 1])
def test_stripes_go_round_and_prints_do_not(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 3, (HEIGHT, TURN, 1)).astype(np.float32)
    cloth = two_colours(np.broadcast_to(ROW // 8 % 2 == 0, (HEIGHT, TURN)))
    picture = cloth + noise
    picture[40:70, 42:52] = (250, 250, 20)
    filled = fill_around(picture, KNOWN)
    off = np.abs(filled - cloth).max(-1)[~KNOWN].reshape(HEIGHT, -1)
    inside = (np.arange(HEIGHT) % 8 > 0) & (np.arange(HEIGHT) % 8 < 7)
    assert off[inside].max() < 25
    assert 1 < filled[~KNOWN].reshape(HEIGHT, -1, 3)[4].std(0).mean() < 6  # the cloth keeps its texture


def test_a_shirt_goes_on_behind_what_hangs_over_its_shoulders() -> None:
    picture = two_colours(np.ones((HEIGHT, TURN), bool))
    hair = np.broadcast_to((ROW < 40) & ((COLUMN < 42) | (COLUMN > 54)), (HEIGHT, TURN))
    picture[hair] = (90, 70, 40)
    filled = fill_around(picture, KNOWN, worn=~hair, bare=hair)
    middle = filled[:, [0, 4, TURN - 4]]
    assert np.abs(middle - np.array(BLUE)).max() < 12


@pytest.fixture(scope="module")
def dressed():
    """Return a body, its vertices, and a photo of it in a red shirt to the waist and blue below."""
    body = toy_body()
    orient, pose = body.expand_pose(torch.zeros(1, 22, 3))
    vertices = body.vertices(body.identity(torch.zeros(body.num_betas)), orient, pose, PLACE)[0]
    return body, vertices, photo(body, vertices)


def parts_and_heights(body, vertices, camera):
    fragments = rasterize(vertices[None], body.topology.faces, camera)
    index = fragments.face_index[0].numpy()
    heights = interpolate(fragments, body.topology.faces, vertices[None, :, 1:2])[0, ..., 0].numpy()
    return np.where(index >= 0, body.topology.face_part.numpy()[index.clip(0)], -1), heights


WAIST = -0.12


def photo(body, vertices) -> Observation:
    part, height = parts_and_heights(body, vertices, CAMERA)
    rgb = np.where((height > WAIST)[..., None], BLUE, RED)
    rgb[np.isin(part, part_labels("head"))] = SKIN
    rgb[part < 0] = (30, 220, 30)  # a wall that must not be seen on anybody
    return Observation(rgb.astype(np.uint8), (part >= 0).astype(np.float32), CAMERA, vertices)


@pytest.mark.parametrize("azimuth", [0.5, 0.5 * np.pi, np.pi])
def test_from_all_sides_a_garment_has_one_level_border(dressed, azimuth: float) -> None:
    body, vertices, item = dressed
    appearance = appearance_from_observations(body.topology, [item])
    camera = look_at_camera(CAMERA, PLACE[0], azimuth=azimuth)
    drawn = render_surface(appearance, body.topology, vertices, camera)
    part, height = parts_and_heights(body, vertices, camera)
    trunk = (part == PARTS.index("torso")) & (drawn.alpha > 0.99)
    assert trunk.sum() > 1000
    rgb = drawn.rgb * 255
    assert (rgb[..., 1] < 100)[trunk & (height > -0.3)].all()  # no wall
    away = trunk & (np.abs(height - WAIST) > 0.025) & (height > -0.35)
    assert (is_blue(rgb) == (height > WAIST))[away].all()
    assert (purity(rgb)[away] < 20).mean() > 0.97
    if azimuth == np.pi:
        assert (drawn.coverage[trunk] == FILLED).mean() > 0.98


def test_what_is_seen_at_a_grazing_angle_is_not_seen_and_the_rest_stays_as_it_is(dressed) -> None:
    body, vertices, item = dressed
    tubes = LayerTuning().tubes
    noise = np.random.default_rng(0).integers(-20, 20, item.rgb.shape)
    item = replace(item, rgb=(item.rgb.astype(int) + noise).clip(0, 255).astype(np.uint8))
    appearance = appearance_from_observations(body.topology, [item])
    believing = LayerTuning(tubes=replace(tubes, oblique=-1.0))
    plain = appearance_from_observations(body.topology, [item], tuning=believing)
    drawn, naive = (
        render_surface(look, body.topology, vertices, CAMERA, supersample=1) for look in (appearance, plain)
    )
    facing = vertex_facing(vertices[None], body.topology.faces, CAMERA)[0]
    fragments = rasterize(vertices[None], body.topology.faces, CAMERA)
    squarely = interpolate(fragments, body.topology.faces, facing[None, :, None])[0, ..., 0].numpy()
    part, _ = parts_and_heights(body, vertices, CAMERA)
    small = [label for name in ("left_hand", "right_hand", "hair", "shoes") for label in part_labels(name)]
    limbs = (part >= 0) & ~np.isin(part, small)  # small parts have a limit of their own, hands have none
    face = fragments.face_index[0].numpy()
    lowest = facing.numpy()[body.topology.faces.numpy()].min(1)[face.clip(0)]
    well = limbs & (lowest > tubes.oblique + tubes.blend) & (naive.coverage == SEEN)
    grazing = limbs & (squarely < tubes.oblique - 0.02)
    assert well.sum() > 1000
    assert grazing.sum() > 100
    assert np.abs(drawn.rgb[well] - naive.rgb[well]).max() < 5e-4  # an eighth of a grey level, of bilinear neighbours
    assert (drawn.coverage[well] == SEEN).all()
    assert (
        drawn.coverage[grazing] == SEEN
    ).mean() < 0.04  # where a pixel of the unrolled picture is as wide as the edge
    coverage = appearance.face_coverage()
    highest = facing.numpy()[body.topology.faces.numpy()].max(1)
    unseen = coverage[(highest < tubes.oblique) & ~np.isin(body.topology.face_part.numpy(), small)]
    assert (unseen == SEEN).mean() < 0.05  # caps of the toy body that lie inside of others
