"""Random places."""

import math

import numpy as np

from liquidwarp.data.synthetic.light import Lighting
from liquidwarp.data.synthetic.looks import random_color
from liquidwarp.data.synthetic.scene import Scene

Rng = np.random.Generator


def random_lighting(rng: Rng, *, outdoors: bool = False) -> Lighting:
    """Return random light: from one side, from above, soft or hard, warm or cold."""
    strength = rng.uniform(0.45, 1.05)
    warm = rng.uniform(-0.12, 0.14)
    key = strength * np.array([1 + warm, 1.0, 1 - warm])
    fill = rng.uniform(0.35, 0.75) * (1.4 - 0.6 * strength)
    cold = rng.uniform(-0.05, 0.2 if outdoors else 0.1)
    sky = fill * np.array([1 - cold, 1.0, 1 + cold])
    ground = fill * rng.uniform(0.35, 0.75) * np.array([1 + cold / 2, 1.0, 1 - cold / 2])
    return Lighting(
        float(rng.uniform(-1.3, 1.3)),
        float(rng.uniform(0.35, 1.25)),
        float(rng.choice([rng.uniform(0.02, 0.08), rng.uniform(0.1, 0.5)])),
        _triple(key),
        _triple(sky),
        _triple(ground),
    )


def random_scene(rng: Rng) -> Scene:
    """Return a random place with random light."""
    kind = str(rng.choice(["studio", "plaster", "brick", "park"], p=[0.3, 0.35, 0.2, 0.15]))
    outdoors = kind in ("park", "brick")
    light = np.array(random_color(rng))
    wall = tuple(float(v) for v in np.clip(0.25 + 0.7 * light, 0.05, 0.95))
    floor = tuple(float(v) for v in np.clip(0.15 + 0.6 * np.array(random_color(rng)), 0.05, 0.9))
    far = float(rng.uniform(3.0, 8.0)) if kind == "park" else float(rng.uniform(0.8, 2.5))
    return Scene(kind, random_lighting(rng, outdoors=outdoors), wall, floor, far, int(rng.integers(1 << 12)))  # type: ignore[arg-type]


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = (float(max(value, 0.02)) for value in values)
    return first, second, third


FAR = math.inf
