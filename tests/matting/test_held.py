"""What is held is told from who holds it."""

import numpy as np
import pytest
import torch

from liquidwarp.bodies import PARTS, load_body
from liquidwarp.geometry import default_camera, project
from liquidwarp.matting import find_held
from liquidwarp.raster import rasterize

SIZE = (260, 200)
SKIN, SHIRT, JEANS, HAIR, SHOES = (205, 160, 130), (225, 225, 220), (60, 80, 125), (70, 45, 30), (40, 35, 35)


@pytest.fixture(scope="module")
def person():
    """Picture, parts, and where the left and right hands end, of somebody who stands before a wall."""
    body = load_body()
    betas = torch.zeros(body.num_betas)
    orient, rest = body.expand_pose(torch.zeros(1, 22, 3))
    place = torch.tensor([[0.0, 0.1, 3.3]])
    camera = default_camera(SIZE)
    vertices = body.vertices(body.identity(betas), orient, rest, place)
    face = rasterize(vertices, body.topology.faces, camera).face_index[0].numpy()
    parts = np.where(face >= 0, body.topology.face_part.numpy()[face], -1)
    rng = np.random.default_rng(0)
    colours = np.array([_colour(name) for name in PARTS])
    rgb = np.where(parts[..., None] >= 0, colours[parts], (150, 145, 135)) + rng.normal(0, 4, (*SIZE, 3))
    names = ("left_index", "right_index")
    tips = project(camera, body.landmarks(names, betas, orient, rest, place)[0])[:, :2].numpy()
    return rgb.clip(0, 255).astype(np.uint8), parts, dict(zip(("left", "right"), tips, strict=True))


def _colour(part: str) -> tuple[int, int, int]:
    kind = part.removeprefix("left_").removeprefix("right_")
    clothes = {"torso": SHIRT, "upper_arm": SHIRT, "hair": HAIR, "foot": SHOES, "upper_leg": JEANS, "lower_leg": JEANS}
    return clothes.get(kind, SKIN)


def ball(rgb: np.ndarray, tip: np.ndarray, side: str, radius: float, colour: tuple[int, int, int]):
    """Put a shaded ball into a hand; return the picture, and where the ball is."""
    middle = tip + np.array([0.5 * radius if side == "left" else -0.5 * radius, 0.45 * radius])
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    across, down = (x - middle[0]) / radius, (y - middle[1]) / radius
    inside = across**2 + down**2 < 1
    light = 0.35 + 0.6 * (0.7 * np.sqrt((1 - across**2 - down**2).clip(0)) - 0.4 * across - 0.5 * down).clip(0)
    return np.where(inside[..., None], light[..., None] * np.array(colour), rgb).astype(np.uint8), inside


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("radius", [14.0, 22.0])
@pytest.mark.parametrize("colour", [(235, 60, 40), (250, 170, 40), (60, 110, 250)])
@pytest.mark.parametrize("shown", ["half", "none"])
def test_a_ball_in_a_hand_is_found_to_its_outline(person, side, radius, colour, shown) -> None:
    rgb, parts, tips = person
    picture, inside = ball(rgb, tips[side], side, radius, colour)
    x = np.arange(SIZE[1])
    near = x < tips[side][0] + 0.7 * radius if side == "left" else x > tips[side][0] - 0.7 * radius
    alpha = ((parts >= 0) | (inside & near & (shown == "half"))).astype(np.float32)
    held = find_held(picture, alpha, parts)
    assert (held & inside).sum() > 0.93 * inside.sum()  # no half ball stays
    hand = parts == PARTS.index(f"{side}_hand")
    assert (held & ~inside & ~hand & (parts >= 0)).sum() < 0.02 * inside.sum()
    assert held.sum() < 1.45 * inside.sum()


def test_nothing_is_held(person) -> None:
    rgb, parts, _ = person
    assert not find_held(rgb, (parts >= 0).astype(np.float32), parts).any()
    assert not find_held(rgb, np.zeros(SIZE, np.float32), parts).any()
    assert not find_held(rgb, np.zeros(SIZE, np.float32), np.full(SIZE, -1)).any()


def test_hands_skirts_and_misread_limbs_are_not_held(person) -> None:
    rgb, parts, tips = person
    x, y = tips["left"]
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    hand = np.hypot(columns - x - 8, rows - y - 8) < 9  # the hand is elsewhere than the body's
    moved = np.where(hand[..., None], np.array(SKIN), rgb).astype(np.uint8)
    assert not find_held(moved, ((parts >= 0) | hand).astype(np.float32), parts).any()
    legs = np.isin(parts, [PARTS.index(f"{side}_upper_leg") for side in ("left", "right")])
    top, bottom = np.flatnonzero(legs.any(1))[[0, -1]]
    skirt = (rows > top) & (rows < bottom) & (np.abs(columns - SIZE[1] / 2) < 0.6 * (rows - top) + 12)
    wearing = np.where((skirt & (parts < 0))[..., None], np.array((120, 40, 110)), rgb).astype(np.uint8)
    assert not find_held(wearing, ((parts >= 0) | skirt).astype(np.float32), parts).any()
    elsewhere = np.roll(parts, 60, 1)
    assert not find_held(rgb, (parts >= 0).astype(np.float32), elsewhere).any()


def test_a_hand_that_was_seen_is_not_held_though_no_skin_is_known(person) -> None:
    rgb, parts, tips = person
    bare = [PARTS.index(name) for name in PARTS if _colour(name) == SKIN and name != "left_hand"]
    covered = np.where(np.isin(parts, bare)[..., None], np.array(HAIR), rgb).astype(np.uint8)
    faceless = np.where(parts == PARTS.index("face"), PARTS.index("hair"), parts)
    x, y = tips["left"] + np.array([8, 8])
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    hand = np.hypot(columns - x, rows - y) < 9
    picture = np.where(hand[..., None], np.array(SKIN), covered).astype(np.uint8)
    alpha = ((parts >= 0) | hand).astype(np.float32)
    around = np.linspace(0, 2 * np.pi, 21)
    landmarks = np.stack([x + 9 * np.cos(around), y + 9 * np.sin(around)], 1).astype(np.float32)
    assert (find_held(picture, alpha, faceless) & hand).sum() > 0.8 * hand.sum()
    assert not (find_held(picture, alpha, faceless, hands=[landmarks]) & hand).any()
