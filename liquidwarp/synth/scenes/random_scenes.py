"""Random scenes: a backdrop, its light, and what stands in front of it."""

from dataclasses import dataclass

import numpy as np

from liquidwarp.synth.people.random_people import random_color
from liquidwarp.synth.scenes.backdrops import Backdrop
from liquidwarp.synth.scenes.clutter import Box
from liquidwarp.synth.scenes.lighting import Lighting

Rng = np.random.Generator

_KINDS = {"studio": 17, "plaster": 15, "brick": 7, "park": 9, "room": 32, "street": 13, "yard": 7}
"""How often people are where."""


@dataclass(frozen=True)
class Setting:
    """A backdrop and what stands in front of it.

    Attributes:
        backdrop: floor, wall or open air, and light.
        boxes: what stands there.
        gloss: fraction of the floor's light that it mirrors.
    """

    backdrop: Backdrop
    boxes: tuple[Box, ...] = ()
    gloss: float = 0.0


def random_lighting(rng: Rng, *, outdoors: bool = False) -> Lighting:
    """Return random light: from one side, from above, soft or hard, warm or cold."""
    strength = rng.uniform(0.45, 1.05)
    warm = rng.uniform(-0.12, 0.14)
    key = strength * np.array([1 + warm, 1.0, 1 - warm])
    fill = rng.uniform(0.35, 0.75) * (1.4 - 0.6 * strength)
    cold = rng.uniform(-0.05, 0.2 if outdoors else 0.1)
    sky = fill * np.array([1 - cold, 1.0, 1 + cold])
    floor = fill * rng.uniform(0.35, 0.75) * np.array([1 + cold / 2, 1.0, 1 - cold / 2])
    return Lighting(
        float(rng.uniform(-1.3, 1.3)),
        float(rng.uniform(0.35, 1.25)),
        float(rng.choice([rng.uniform(0.02, 0.08), rng.uniform(0.1, 0.5)])),
        _triple(key),
        _triple(sky),
        _triple(floor),
    )


def random_scene(rng: Rng) -> Setting:
    """Return a random scene with random light: bare, furnished, or in the open."""
    kind = str(rng.choice(list(_KINDS), p=np.array(list(_KINDS.values())) / sum(_KINDS.values())))
    outdoors = kind in ("park", "street", "yard")
    lighting = random_lighting(rng, outdoors=outdoors)
    wall = _shade(_wall_color(rng))
    floor = _shade(0.12 + 0.6 * np.array(_floor_color(rng)))
    seed = int(rng.integers(1 << 12))
    gloss = float(rng.uniform(0.08, 0.35)) if rng.random() < 0.35 and not outdoors else 0.0
    if kind == "room":
        far = float(rng.uniform(1.0, 3.2))
        base = str(rng.choice(["plaster", "brick", "studio"], p=[0.8, 0.12, 0.08]))
        return Setting(Backdrop(base, lighting, wall, floor, far, seed), _furniture(rng, far), gloss)
    if kind == "street":
        far = float(rng.uniform(9.0, 25.0))
        return Setting(Backdrop("park", lighting, wall, floor, far, seed), _houses(rng, far))
    if kind == "yard":
        far = float(rng.uniform(2.0, 5.0))
        return Setting(Backdrop("brick", lighting, wall, floor, far, seed), _plants(rng, far))
    far = float(rng.uniform(3.0, 8.0)) if kind == "park" else float(rng.uniform(0.7, 2.5))
    return Setting(Backdrop(kind, lighting, wall, floor, far, seed), _plants(rng, far) if kind == "park" else (), gloss)


def _furniture(rng: Rng, far: float) -> tuple[Box, ...]:
    """Return what stands and hangs along the far wall and the sides of a room."""
    boxes = []
    for _ in range(rng.integers(1, 5)):  # on the wall
        kind = str(rng.choice(["picture", "window", "plain"], p=[0.6, 0.25, 0.15]))
        wide, high = rng.uniform(0.25, 1.4), rng.uniform(0.3, 1.1)
        x, y = rng.uniform(-2.4, 2.4), rng.uniform(0.9, 1.9)
        boxes.append(_box(rng, (x, y, far - 0.04), (x + wide, y + high, far - 0.001), kind))
    for _ in range(rng.integers(1, 6)):  # on the floor along the wall
        kind = str(rng.choice(["wood", "books", "plain", "leaves"], p=[0.35, 0.3, 0.2, 0.15]))
        high = rng.uniform(1.2, 2.4) if kind == "books" else rng.uniform(0.35, 1.5)
        wide, deep = rng.uniform(0.4, 1.8), rng.uniform(0.3, 0.6)
        x = rng.uniform(-3.0, 2.0)
        boxes.append(_box(rng, (x, 0.0, max(far - deep, 0.5)), (x + wide, high, far), kind))
    for side in (-1, 1):  # to the sides
        if rng.random() < 0.4:
            x, z = side * rng.uniform(1.3, 2.4), rng.uniform(-0.6, far)
            wide, high = rng.uniform(0.4, 1.0), rng.uniform(0.4, 1.8)
            kind = str(rng.choice(["wood", "books", "plain", "leaves"]))
            boxes.append(_box(rng, (min(x, x + side * wide), 0.0, z), (max(x, x + side * wide), high, z + 0.6), kind))
    return tuple(boxes)


def _houses(rng: Rng, far: float) -> tuple[Box, ...]:
    """Return houses on both sides of a street, and at its end."""
    boxes = []
    for side in (-1, 1):
        z, x = rng.uniform(-2.0, 1.0), rng.uniform(2.0, 5.0)
        while z < far:
            deep = rng.uniform(3.0, 8.0)
            edges = (side * x, side * (x + 8.0))
            boxes.append(_box(rng, (min(edges), 0.0, z), (max(edges), rng.uniform(4.0, 14.0), z + deep), "facade"))
            z += deep + float(rng.choice([0.0, rng.uniform(0.5, 4.0)]))
    if rng.random() < 0.5:
        boxes.append(_box(rng, (-9.0, 0.0, far - 0.5), (9.0, rng.uniform(4.0, 12.0), far), "facade"))
    return (*boxes, *_plants(rng, min(far, 6.0)))


def _plants(rng: Rng, far: float) -> tuple[Box, ...]:
    boxes = []
    for _ in range(rng.integers(0, 5)):
        x, z = float(rng.choice([-1, 1])) * rng.uniform(0.8, 3.5), rng.uniform(0.6, max(far - 0.5, 0.7))
        size, high = rng.uniform(0.4, 1.4), rng.uniform(0.5, 2.2)
        boxes.append(_box(rng, (x - size / 2, 0.0, z), (x + size / 2, high, z + 0.05), "leaves"))
    return tuple(boxes)


def _box(rng: Rng, low: tuple[float, ...], high: tuple[float, ...], paint: str) -> Box:
    color, accent = random_color(rng), random_color(rng)
    if paint == "leaves":
        color = (rng.uniform(0.1, 0.35), rng.uniform(0.3, 0.5), rng.uniform(0.08, 0.25))
    elif paint in ("wood", "books") and rng.random() < 0.6:
        color = _shade(np.array([0.6, 0.42, 0.26]) * rng.uniform(0.5, 1.4))
    elif paint == "facade":
        color = _shade(0.35 + 0.5 * np.array(color))
    first, second = [tuple(float(value) for value in corner) for corner in (low, high)]
    return Box(_three(first), _three(second), paint, _three(color), accent, int(rng.integers(1 << 12)))


def _wall_color(rng: Rng) -> np.ndarray:
    """Return a wall's colour: white or nearly so as often as not."""
    kind = rng.choice(["white", "pale", "gray", "any"], p=[0.35, 0.3, 0.15, 0.2])
    if kind == "white":
        return rng.uniform(0.78, 0.95) * (1 + rng.normal(0, 0.015, 3))
    if kind == "gray":
        return np.full(3, rng.uniform(0.2, 0.7)) * (1 + rng.normal(0, 0.02, 3))
    strong = np.array(random_color(rng))
    return 0.62 + 0.3 * strong if kind == "pale" else 0.25 + 0.7 * strong


def _floor_color(rng: Rng) -> tuple[float, float, float]:
    if rng.random() < 0.5:
        return _shade(np.array([0.62, 0.42, 0.26]) * rng.uniform(0.4, 1.3))
    if rng.random() < 0.6:
        return _shade(np.full(3, rng.uniform(0.1, 0.9)))
    return random_color(rng)


def _shade(values: np.ndarray) -> tuple[float, float, float]:
    return _three(tuple(np.clip(values, 0.04, 0.95)))


def _three(values: tuple[float, ...]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = (float(max(value, 0.02)) for value in values)
    return first, second, third
