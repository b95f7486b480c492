"""Fabrics: colour and relief of cloth, computed at any resolution from cloth coordinates."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from liquidwarp.checks import check_choice
from liquidwarp.synth.procedural import Color, Field, hash_unit, noise, smoothstep, to_linear


@dataclass(frozen=True)
class Fabric:
    """A kind of cloth.

    Attributes:
        kind: one of `FABRICS`.
        color: base colour.
        accent: colour of stripes, checks, dots or print.
        scale: size of the pattern in metres.
        seed: another seed has other threads and folds.
    """

    kind: str
    color: Color
    accent: Color = (1.0, 1.0, 1.0)
    scale: float = 0.05
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Material:
    """What light meets at points.

    Attributes:
        albedo: fraction of light thrown back, linear RGB.
        height: relief, metres.
        gloss: strength of highlights.
    """

    albedo: Float[np.ndarray, "N 3"]
    height: Field
    gloss: Field


def weave(fabric: Fabric, across: Field, along: Field) -> Material:
    """Return the cloth at its coordinates (`SurfacePoints.cloth_coordinates`), without folds."""
    check_choice("fabric", fabric.kind, FABRICS)
    mix, height, tone = FABRICS[fabric.kind](fabric, across, along)
    grain = noise(np.stack([across, along], 1) / 0.0035, octaves=2, seed=fabric.seed + 50)
    albedo = to_linear(fabric.color) + mix[:, None] * (to_linear(fabric.accent) - to_linear(fabric.color))
    albedo = albedo * (tone * (1 + 0.05 * grain))[:, None]
    return Material(albedo.astype(np.float32), height.astype(np.float32), np.full(len(across), 0.02, np.float32))


Pattern = tuple[Field, Field, Field]


def _plain(fabric: Fabric, across: Field, along: Field) -> Pattern:
    return np.zeros_like(across), np.zeros_like(across), np.ones_like(across)


def _stripes(fabric: Fabric, across: Field, along: Field) -> Pattern:
    phase = (along / fabric.scale) % 1.0
    mix = smoothstep(0.56, 0.58, phase) - smoothstep(0.98, 1.0, phase)
    return mix, np.zeros_like(across), np.ones_like(across)


def _checks(fabric: Fabric, across: Field, along: Field) -> Pattern:
    def band(value: Field) -> Field:
        phase = (value / fabric.scale) % 1.0
        wide = smoothstep(0.48, 0.5, phase) - smoothstep(0.98, 1.0, phase)
        thin = smoothstep(0.2, 0.22, phase) - smoothstep(0.26, 0.28, phase)
        return 0.8 * wide + 0.9 * thin

    twill = 0.5 + 0.5 * np.sign(np.sin((across + along) * (2 * np.pi / 0.004)))
    mix = np.clip(0.5 * band(across) + 0.5 * band(along) + 0.06 * (twill - 0.5), 0, 1)
    return mix, np.zeros_like(across), np.ones_like(across)


def _denim(fabric: Fabric, across: Field, along: Field) -> Pattern:
    points = np.stack([across, along], 1)
    twill = noise(np.stack([(across + along) / 0.0022, (across - along) / 0.012], 1), seed=fabric.seed)
    worn = smoothstep(0.0, 0.7, noise(points / np.array([0.09, 0.16], np.float32), octaves=3, seed=fabric.seed + 1))
    front = np.exp(-((across / 0.05) ** 2)) * smoothstep(-0.05, 0.1, along) * (1 - smoothstep(0.3, 0.55, along))
    return np.clip(0.12 * twill + 0.1 * worn + 0.3 * front, 0, 1), 2e-4 * twill, np.ones_like(across)


def _knit(fabric: Fabric, across: Field, along: Field) -> Pattern:
    rib = np.sin(across * (2 * np.pi / fabric.scale))
    stitch = np.sin((along + 0.3 * fabric.scale * np.abs(rib)) * (2 * np.pi / (0.8 * fabric.scale)))
    height = fabric.scale * (0.09 * rib + 0.03 * stitch)
    return np.zeros_like(across), height, 0.93 + 0.08 * rib + 0.03 * stitch


def _dots(fabric: Fabric, across: Field, along: Field) -> Pattern:
    row = np.floor(along / fabric.scale)
    cell = np.stack([np.floor(across / fabric.scale + 0.5 * (row % 2)), row], 1)
    dx = (across / fabric.scale + 0.5 * (row % 2)) % 1.0 - 0.5
    dy = (along / fabric.scale) % 1.0 - 0.5
    radius = 0.2 + 0.08 * hash_unit(cell.astype(np.int64), fabric.seed)
    return smoothstep(0.02, -0.02, np.hypot(dx, dy) - radius), np.zeros_like(across), np.ones_like(across)


def _flowers(fabric: Fabric, across: Field, along: Field) -> Pattern:
    points = np.stack([across, along], 1) / fabric.scale
    cell = np.floor(points).astype(np.int64)
    mix = np.zeros_like(across)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            near = cell + np.array([dx, dy])
            offset = points - near - 0.5
            offset[:, 0] -= 0.5 * (hash_unit(near, fabric.seed) - 0.5)
            offset[:, 1] -= 0.5 * (hash_unit(near, fabric.seed + 1) - 0.5)
            turn = 6.28 * hash_unit(near, fabric.seed + 2)
            angle, radius = np.arctan2(offset[:, 1], offset[:, 0]) + turn, np.linalg.norm(offset, axis=1)
            size = 0.22 + 0.14 * hash_unit(near, fabric.seed + 3)
            petals = size * (0.7 + 0.3 * np.cos(5 * angle))
            flower = smoothstep(0.03, -0.03, radius - petals) * (1 - 0.8 * smoothstep(0.09, 0.05, radius))
            mix = np.maximum(mix, flower)
    return mix, np.zeros_like(across), np.ones_like(across)


def _print(fabric: Fabric, across: Field, along: Field) -> Pattern:
    """Draw an emblem on the chest: a sun over waves in a ring."""
    x, y = across / fabric.scale, (along + 0.29) / fabric.scale
    radius = np.hypot(x, y)
    ring = smoothstep(0.93, 0.95, radius) - smoothstep(1.03, 1.05, radius)
    inside = smoothstep(0.87, 0.85, radius)
    sun = smoothstep(0.38, 0.36, np.hypot(x, y + 0.12)) * smoothstep(0.16, 0.14, y)
    wave = np.sin(x * 7) * 0.05
    sea = sum(smoothstep(0.055, 0.03, np.abs(y - level - wave)) for level in (0.28, 0.46, 0.64))
    return np.clip(ring + inside * (sun + sea), 0, 1), np.zeros_like(across), np.ones_like(across)


def _logo(fabric: Fabric, across: Field, along: Field) -> Pattern:
    """Draw two lines of letters of no alphabet on the chest, one large and one small."""
    mix = np.zeros_like(across)
    for line, (size, level) in enumerate(((0.5, 0.27), (0.2, 0.21))):
        wide = 0.3 * size * fabric.scale
        column, row = np.floor(across / wide), np.floor((along + level) / wide)
        letter, stroke = np.floor(column / 4), column % 4
        count = 2 + (fabric.seed + line) % 4
        cell = np.stack([letter * 4 + stroke, row], 1).astype(np.int64)
        inked = (hash_unit(cell, fabric.seed + line) > 0.35) & (stroke < 3) & (np.abs(letter + 0.5) < count)
        mix = np.maximum(mix, inked & (row >= 0) & (row < 5))
    return mix.astype(np.float32), np.zeros_like(across), np.ones_like(across)


def _blotches(fabric: Fabric, across: Field, along: Field) -> Pattern:
    """Paint patches in a few tones, as camouflage and dyed cloth have them."""
    points = np.stack([across, along], 1) / fabric.scale
    one, two = noise(points, octaves=2, seed=fabric.seed), noise(points * 1.3, octaves=2, seed=fabric.seed + 5)
    tone = 1 - 0.35 * smoothstep(0.05, 0.15, two)
    return smoothstep(0.0, 0.12, one), np.zeros_like(across), tone.astype(np.float32)


def _blocks(fabric: Fabric, across: Field, along: Field) -> Pattern:
    """Paint the upper part in another colour, with a band where the two meet."""
    edge = -0.34 + 0.09 * (fabric.seed % 5) + (0.04 * np.abs(across) if fabric.seed % 2 else 0)
    band = 0.012 + 0.01 * (fabric.seed % 3)
    upper = smoothstep(0.002, -0.002, along - edge)
    mix = np.maximum(upper, smoothstep(band + 0.002, band - 0.002, np.abs(along - edge - 2.5 * band)))
    return mix.astype(np.float32), np.zeros_like(across), np.ones_like(across)


def _leather(fabric: Fabric, across: Field, along: Field) -> Pattern:
    pores = noise(np.stack([across, along], 1) / 0.004, octaves=2, seed=fabric.seed)
    return np.zeros_like(across), 1.5e-4 * pores, 1 + 0.06 * pores


FABRICS: dict[str, Callable[[Fabric, Field, Field], Pattern]] = {
    "plain": _plain,
    "stripes": _stripes,
    "checks": _checks,
    "denim": _denim,
    "knit": _knit,
    "dots": _dots,
    "flowers": _flowers,
    "print": _print,
    "leather": _leather,
    "logo": _logo,
    "blotches": _blotches,
    "blocks": _blocks,
}
"""How much accent, how high and how bright, by kind."""
