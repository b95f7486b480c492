"""What the person of a photo holds is neither in the person nor in the background."""

import logging

import numpy as np
import pytest

from liquidwarp.demo import asset
from liquidwarp.detect import detect_people
from liquidwarp.media import read_image, to_uint8
from liquidwarp.tasks import encode_source, novel_view


def with_ball(rgb: np.ndarray, side: str, colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Put a shaded ball into a hand; return the picture, and where the ball is."""
    person = detect_people(rgb)[0]
    tall = person.box[3] - person.box[1]
    tip = person.image[[person.names.index(f"{side}_{name}") for name in ("index", "pinky")]].mean(0)
    radius = 0.08 * tall
    x, y = tip + radius * np.array([0.55 if side == "left" else -0.55, 0.45])
    rows, columns = np.mgrid[: rgb.shape[0], : rgb.shape[1]] + 0.5
    across, down = (columns - x) / radius, (rows - y) / radius
    inside = across**2 + down**2 < 1
    light = 0.35 + 0.6 * (0.7 * np.sqrt((1 - across**2 - down**2).clip(0)) - 0.4 * across - 0.5 * down).clip(0)
    return np.where(inside[..., None], light[..., None] * np.array(colour), rgb).astype(np.uint8), inside


def of_hue(rgb: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Return which pixels are saturated and of about that hue."""
    values, wanted = rgb.astype(np.float64), np.array(colour, np.float64)
    grey = values.mean(-1, keepdims=True)
    away, aim = values - grey, wanted - wanted.mean()
    length = np.linalg.norm(away, axis=-1)
    return (length > 60) & ((away @ aim) > 0.9 * length * np.linalg.norm(aim))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "side"), [("woman_stripes", "left"), ("man_jacket", "right"), ("woman_checks", "left")]
)
def test_no_half_ball_in_the_air_and_none_of_its_colour_on_the_hand(name, side, caplog) -> None:
    photo = read_image(asset(f"{name}.jpg")).rgb
    colour = (60, 70, 250)
    picture, inside = with_ball(photo, side, colour)
    assert not of_hue(photo, colour).any()
    with caplog.at_level(logging.WARNING):
        person = encode_source(picture)
    assert "the array: something is held; it is left out" in caplog.text
    assert "agree" not in caplog.text
    assert of_hue(picture, colour).sum() > 0.5 * inside.sum()
    assert of_hue(person.background, colour).sum() < 0.01 * inside.sum()
    for view in novel_view(person, frames=3, degrees=120.0, start=-60.0):
        assert of_hue(to_uint8(view.image), colour).sum() < 0.01 * inside.sum()
