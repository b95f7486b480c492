"""People whom the photo's edge cuts off: what lies beyond has a plausible colour, and is said to be invented."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from liquidwarp.appearance import (
    Appearance,
    Observation,
    Rendering,
    appearance_from_observations,
    fuse_appearances,
    render_surface,
)
from liquidwarp.appearance.layers import FILLED, MIRRORED, SEEN
from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.parts import PARTS, part_labels
from liquidwarp.geometry import default_camera, look_at_camera, project
from liquidwarp.raster import rasterize
from liquidwarp.testing import toy_body
from liquidwarp.types import Camera

SIZE = (384, 384)
CAMERA = default_camera(SIZE)
PLACE = torch.tensor([[0.0, 0.0, 3.2]])
SKIN, SHIRT, TROUSERS, SHOES = (214, 168, 140), (40, 60, 190), (60, 110, 70), (190, 40, 40)
LEGS = ("left_upper_leg", "right_upper_leg", "left_lower_leg", "right_lower_leg")


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return toy_body()


@pytest.fixture(scope="module")
def vertices(body: BodyModel) -> torch.Tensor:
    orient, pose = body.expand_pose(torch.zeros(1, 22, 3))
    return body.vertices(body.identity(torch.zeros(body.num_betas)), orient, pose, PLACE)[0]


def clothes() -> np.ndarray:
    colours = np.tile(np.array(SKIN, np.uint8), (len(PARTS), 1))
    for name, colour in (("upper", SHIRT), ("lower", TROUSERS), ("shoes", SHOES)):
        colours[list(part_labels(name))] = colour
    for hand in ("left_lower_arm", "right_lower_arm"):
        colours[list(part_labels(hand))] = SKIN
    colours[list(part_labels("hair"))] = (50, 35, 25)
    return colours


def parts_in(body: BodyModel, vertices: torch.Tensor, camera: Camera = CAMERA) -> np.ndarray:
    """Return the part at each pixel, -1 where there is none."""
    index = rasterize(vertices[None], body.topology.faces, camera).face_index[0].numpy()
    return np.where(index >= 0, body.topology.face_part.numpy()[index.clip(0)], -1)


def photo(
    body: BodyModel, vertices: torch.Tensor, rows: slice, columns: slice, *, camera: Camera = CAMERA
) -> Observation:
    """Return a part of a photo of the clothed person, as if the camera had seen no more."""
    part = parts_in(body, vertices, camera)
    rgb = np.where((part >= 0)[..., None], clothes()[part], 200).astype(np.uint8)
    corner = torch.tensor([float(columns.start), float(rows.start)])
    size = (rows.stop - rows.start, columns.stop - columns.start)
    near = replace(camera, center=camera.center - corner, size=size)
    return Observation(rgb[rows, columns], (part >= 0)[rows, columns].astype(np.float32), near, vertices)


def joint(body: BodyModel, name: str) -> tuple[float, float]:
    """Return where a joint lies in the whole photo."""
    rest = body.rest_joints(torch.zeros(body.num_betas))[body.canonical(name)] + PLACE[0]
    x, y, _ = project(CAMERA, rest).tolist()
    return x, y


def cut_below(body: BodyModel, vertices: torch.Tensor, row: float) -> Appearance:
    item = photo(body, vertices, slice(0, round(row)), slice(0, SIZE[1]))
    return appearance_from_observations(body.topology, [item])


def median(drawn: Rendering, where: np.ndarray) -> np.ndarray:
    assert where.sum() > 20
    return np.median(drawn.rgb[where] * 255, 0)


def is_one_of(found: np.ndarray, *colours: tuple[int, int, int]) -> bool:
    """Tell whether a colour is one of some, maybe shaded."""
    return any(
        0.6 < found.sum() / sum(colour) < 1.1
        and np.abs(found / found.sum() - np.array(colour) / sum(colour)).max() < 0.04
        for colour in colours
    )


def on(part: np.ndarray, *names: str) -> np.ndarray:
    return np.isin(part, [label for name in names for label in part_labels(name)])


LEVELS: dict[str, Callable[[BodyModel], float]] = {
    "chest": lambda body: joint(body, "spine3")[1],
    "waist": lambda body: joint(body, "spine1")[1],
    "hips": lambda body: joint(body, "left_hip")[1],
    "thighs": lambda body: (joint(body, "left_hip")[1] + joint(body, "left_knee")[1]) / 2,
    "knees": lambda body: joint(body, "left_knee")[1],
    "ankles": lambda body: joint(body, "left_ankle")[1],
}


@pytest.mark.parametrize("azimuth", [0.0, 0.9, np.pi])
@pytest.mark.parametrize("level", LEVELS)
def test_nothing_beyond_the_photo_is_black_transparent_or_said_to_be_seen(
    body: BodyModel, vertices: torch.Tensor, level: str, azimuth: float
) -> None:
    row = LEVELS[level](body)
    appearance = cut_below(body, vertices, row)
    camera = look_at_camera(CAMERA, PLACE[0], azimuth=azimuth)
    drawn = render_surface(appearance, body.topology, vertices, camera)
    inside = rasterize(vertices[None], body.topology.faces, camera).mask[0].numpy()
    beyond = inside & (np.arange(SIZE[0])[:, None] > row + 12)  # seen from around, heights shift a little
    assert beyond.sum() > 40
    solid = drawn.alpha > 0.99
    assert solid[beyond].mean() > 0.75  # all but the mesh's own outline
    assert (drawn.rgb.max(-1)[beyond & solid] > 0.1).all()
    assert (drawn.coverage[beyond] == FILLED).mean() > 0.999


def test_cut_at_the_waist_the_legs_wear_plain_dark_trousers_and_dark_shoes(
    body: BodyModel, vertices: torch.Tensor
) -> None:
    appearance = cut_below(body, vertices, LEVELS["waist"](body))
    drawn, part = render_surface(appearance, body.topology, vertices, CAMERA), parts_in(body, vertices)
    trousers, shoes = median(drawn, on(part, *LEGS)), median(drawn, on(part, "shoes"))
    for colour in (trousers, shoes):
        assert 25 < colour.mean() < 120
        assert np.ptp(colour) < 30, "nearly grey"
    assert shoes.mean() < trousers.mean() + 1
    assert is_one_of(median(drawn, on(part, "left_hand", "right_hand")), SKIN)
    assert is_one_of(median(drawn, on(part, "face")), SKIN)


@pytest.mark.parametrize("level", ["thighs", "knees"])
def test_trousers_go_on_along_the_leg(body: BodyModel, vertices: torch.Tensor, level: str) -> None:
    appearance = cut_below(body, vertices, LEVELS[level](body))
    drawn, part = render_surface(appearance, body.topology, vertices, CAMERA), parts_in(body, vertices)
    assert is_one_of(median(drawn, on(part, "left_lower_leg")), TROUSERS)
    assert is_one_of(median(drawn, on(part, "right_lower_leg")), TROUSERS)
    assert not is_one_of(median(drawn, on(part, "shoes")), TROUSERS, SKIN)


def test_a_portrait_has_a_shirt_all_the_way(body: BodyModel, vertices: torch.Tensor) -> None:
    appearance = cut_below(body, vertices, LEVELS["chest"](body))
    drawn, part = render_surface(appearance, body.topology, vertices, CAMERA), parts_in(body, vertices)
    rows = np.arange(SIZE[0])[:, None]
    middle = on(part, "torso") & (rows > LEVELS["chest"](body) + 4) & (rows < LEVELS["waist"](body))
    assert is_one_of(median(drawn, middle), SHIRT)


@pytest.mark.parametrize("name", ["left_elbow", "left_shoulder"])
def test_an_arm_beyond_the_side_is_the_other_one(body: BodyModel, vertices: torch.Tensor, name: str) -> None:
    column = round(joint(body, name)[0])
    item = photo(body, vertices, slice(0, SIZE[0]), slice(0, column))
    appearance = appearance_from_observations(body.topology, [item])
    drawn, part = render_surface(appearance, body.topology, vertices, CAMERA), parts_in(body, vertices)
    beyond = np.arange(SIZE[1])[None] > column + 3
    assert is_one_of(median(drawn, on(part, "left_lower_arm") & beyond), SKIN)
    assert is_one_of(median(drawn, on(part, "left_hand") & beyond), SKIN)
    for limb in ("left_lower_arm", "left_hand"):
        assert (drawn.coverage[on(part, limb) & beyond & (drawn.alpha > 0.9)] == MIRRORED).mean() > 0.7
    assert not (drawn.coverage[beyond & (part >= 0)] == SEEN).any()


def test_half_a_person_is_made_whole_by_its_mirror_image(body: BodyModel, vertices: torch.Tensor) -> None:
    item = photo(body, vertices, slice(0, SIZE[0]), slice(0, SIZE[1] // 2 + 6))
    appearance = appearance_from_observations(body.topology, [item])
    drawn, part = render_surface(appearance, body.topology, vertices, CAMERA), parts_in(body, vertices)
    beyond = np.arange(SIZE[1])[None] > SIZE[1] // 2 + 12
    for name, colour in (("torso", SHIRT), ("left_upper_leg", TROUSERS), ("left_foot", SHOES)):
        where = on(part, name) & beyond
        assert is_one_of(median(drawn, where), colour), name
        if name != "torso":  # whose triangles are not symmetric in the toy body
            assert (drawn.coverage[where & (drawn.alpha > 0.9)] == MIRRORED).mean() > 0.7, name


def test_a_cut_head_has_hair(body: BodyModel, vertices: torch.Tensor) -> None:
    part = parts_in(body, vertices)
    rows = np.flatnonzero(on(part, "hair").any(1))
    row = int(rows[0] + 0.4 * np.ptp(rows))
    item = photo(body, vertices, slice(row, SIZE[0]), slice(0, SIZE[1]))
    appearance = appearance_from_observations(body.topology, [item])
    drawn = render_surface(appearance, body.topology, vertices, CAMERA)
    beyond = on(part, "hair") & (np.arange(SIZE[0])[:, None] < row - 2)
    assert median(drawn, beyond).mean() < 90
    assert (drawn.coverage[beyond] == FILLED).all()


def test_another_photo_outweighs_what_was_invented(body: BodyModel, vertices: torch.Tensor) -> None:
    """A photo from behind knows the trousers, though neither photo shows their front."""
    portrait = photo(body, vertices, slice(0, round(LEVELS["waist"](body))), slice(0, SIZE[1]))
    behind = photo(
        body,
        vertices,
        slice(0, SIZE[0]),
        slice(0, SIZE[1]),
        camera=look_at_camera(CAMERA, PLACE[0], azimuth=np.pi),
    )
    alone = [appearance_from_observations(body.topology, [item]) for item in (portrait, behind)]
    drawn = render_surface(fuse_appearances(alone), body.topology, vertices, CAMERA)
    part = parts_in(body, vertices)
    assert is_one_of(median(drawn, on(part, *LEGS)), TROUSERS)
    assert is_one_of(median(drawn, on(part, "shoes")), SHOES)


def test_a_mesh_that_reaches_a_little_beyond_the_photo_is_no_person_cut_off(
    body: BodyModel, vertices: torch.Tensor
) -> None:
    """Soles that a fit puts a pixel too low leave the pictures of the parts as large as the photo."""
    _, low = (int(value) for value in project(CAMERA, vertices)[:, 1].aminmax())
    item = photo(body, vertices, slice(0, low), slice(0, SIZE[1]))
    appearance = appearance_from_observations(body.topology, [item])
    drawn = render_surface(appearance, body.topology, vertices, CAMERA)
    assert (drawn.coverage[on(parts_in(body, vertices), "shoes")] == SEEN).mean() > 0.5


@pytest.mark.slow
def test_a_person_cut_off_costs_no_more_memory_than_a_whole_one(body: BodyModel, vertices: torch.Tensor) -> None:
    whole = appearance_from_observations(body.topology, [photo(body, vertices, slice(0, SIZE[0]), slice(0, SIZE[1]))])
    for level in LEVELS.values():
        assert len(cut_below(body, vertices, level(body)).texels) <= 1.1 * len(whole.texels)
