"""Dressing: what is worn above ends at its own hem, and nothing of the other's garment is left."""

import numpy as np
import pytest
import torch

from liquidwarp.appearance import Appearance, Observation, appearance_from_observations, dress, render_surface
from liquidwarp.appearance.garments import find_hem
from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.parts import part_labels
from liquidwarp.geometry import default_camera, look_at_camera
from liquidwarp.raster import interpolate, rasterize
from liquidwarp.testing import toy_body
from liquidwarp.types import Camera

SIZE = (256, 256)
CAMERA = default_camera(SIZE)
PLACE = torch.tensor([[0.0, 0.0, 3.2]])
COLOURS = {"shirt": (200, 40, 40), "jeans": (40, 60, 190), "blouse": (230, 220, 90), "skirt": (40, 150, 70)}
HIGH, LOW = -0.08, 0.14
HIPS = (*part_labels("torso"), *part_labels("left_upper_leg"), *part_labels("right_upper_leg"))


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return toy_body()


@pytest.fixture(scope="module")
def vertices(body: BodyModel) -> torch.Tensor:
    orient, pose = body.expand_pose(torch.zeros(1, 22, 3))
    return body.vertices(body.identity(torch.zeros(body.num_betas)), orient, pose, PLACE)[0]


def parts_and_heights(body: BodyModel, vertices: torch.Tensor, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    fragments = rasterize(vertices[None], body.topology.faces, camera)
    index = fragments.face_index[0].numpy()
    heights = interpolate(fragments, body.topology.faces, vertices[None, :, 1:2])[0, ..., 0].numpy()
    return np.where(index >= 0, body.topology.face_part.numpy()[index.clip(0)], -1), heights


def wearing(body: BodyModel, vertices: torch.Tensor, above: str, below: str, hem: float) -> Appearance:
    part, height = parts_and_heights(body, vertices, CAMERA)
    rgb = np.where((height > hem)[..., None], COLOURS[below], COLOURS[above]).astype(np.uint8)
    rgb[np.isin(part, part_labels("head"))] = (214, 168, 140)
    item = Observation(rgb, (part >= 0).astype(np.float32), CAMERA, vertices)
    return appearance_from_observations(body.topology, [item])


def names(rgb: np.ndarray) -> np.ndarray:
    """Return which of the colours each pixel is nearest to."""
    apart = [np.abs(rgb - np.array(colour)).max(-1) for colour in COLOURS.values()]
    return np.array(list(COLOURS))[np.argmin(apart, 0)]


@pytest.mark.parametrize(
    ("part", "hems", "expected"),
    [
        ("upper", (LOW, HIGH), ("blouse", "jeans", HIGH)),
        ("upper", (HIGH, LOW), ("blouse", "jeans", LOW)),
        ("lower", (LOW, HIGH), ("shirt", "skirt", LOW)),
        ("lower", (HIGH, LOW), ("shirt", "skirt", HIGH)),
    ],
)
def test_nothing_of_the_old_garment_is_left(
    body: BodyModel, vertices: torch.Tensor, part: str, hems: tuple[float, float], expected: tuple[str, str, float]
) -> None:
    person = wearing(body, vertices, "shirt", "jeans", hems[0])
    other = wearing(body, vertices, "blouse", "skirt", hems[1])
    heights = vertices[:, 1].double().numpy()
    for look, hem in ((person, hems[0]), (other, hems[1])):
        assert find_hem(body.topology, look, heights) == pytest.approx(hem, abs=0.06)  # of faces 5 to 10 cm high
    dressed = dress(body.topology, person, {part: other}, heights=heights)
    above, below, hem = expected
    for azimuth in (0.0, 0.6, np.pi):
        camera = look_at_camera(CAMERA, PLACE[0], azimuth=azimuth)
        drawn = render_surface(dressed, body.topology, vertices, camera)
        label, height = parts_and_heights(body, vertices, camera)
        hips = np.isin(label, HIPS) & (drawn.alpha > 0.99) & (height > -0.3)
        found = names(drawn.rgb * 255)
        assert (found[hips & (height < hem - 0.07)] == above).mean() > 0.99
        assert (found[hips & (height > hem + 0.07)] == below).mean() > 0.99


def test_a_dress_has_no_hem_at_the_hips(body: BodyModel, vertices: torch.Tensor) -> None:
    heights = vertices[:, 1].double().numpy()
    assert find_hem(body.topology, wearing(body, vertices, "shirt", "jeans", 0.7), heights) is None
