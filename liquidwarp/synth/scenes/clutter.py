"""Things that stand around: furniture, shelves, pictures, windows, plants and houses, all of them painted boxes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from liquidwarp.checks import check_choice
from liquidwarp.synth.procedural import Color, Field, hash_unit, noise, smoothstep, to_linear
from liquidwarp.synth.scenes.lighting import Lighting, light_direction

_COLORS = ((0.5, 0.1, 0.1), (0.1, 0.25, 0.45), (0.75, 0.7, 0.6), (0.1, 0.3, 0.2), (0.8, 0.6, 0.2), (0.1, 0.1, 0.12))
_HUES = np.stack([to_linear(color) for color in _COLORS])


@dataclass(frozen=True)
class Box:
    """A thing.

    Convention: metres; X to the right of the person's place, Y up from the floor, Z behind the person.

    Attributes:
        low: its lowest corner (x, y, z).
        high: its highest corner.
        paint: one of `PAINTS`.
        color: of most of it.
        accent: of the rest.
        seed: another seed has other details.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    paint: str = "plain"
    color: Color = (0.5, 0.5, 0.5)
    accent: Color = (0.8, 0.8, 0.8)
    seed: int = 0


@dataclass(frozen=True, eq=False)
class BackgroundBuffers:
    """A background that is being furnished; the arrays are written to.

    Attributes:
        radiance: linear light.
        points: the world point behind each pixel.
        key_fraction: how much of each pixel's light comes from the key light.
        rays: direction of each pixel, Z = 1.
    """

    radiance: Float[np.ndarray, "H W 3"]
    points: Float[np.ndarray, "H W 3"]
    key_fraction: Float[np.ndarray, "H W 3"]
    rays: Float[np.ndarray, "H W 3"]


def furnish(
    buffers: BackgroundBuffers,
    boxes: tuple[Box, ...],
    lighting: Lighting,
    origin: tuple[float, float, float],
    focal: float,
    center: tuple[float, float],
) -> None:
    """Draw boxes into a background.

    Args:
        buffers: the background.
        boxes: the things.
        lighting: the light.
        origin: the world point that the boxes are measured from (on the floor).
        focal: focal length in pixels.
        center: principal point.
    """
    for box in boxes:
        _contact_shadow(buffers, box, origin)
    for box in sorted(boxes, key=lambda box: -box.low[2]):
        _draw(buffers, box, lighting, origin, focal, center)


def _world(box: Box, origin: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    low = np.array([origin[0] + box.low[0], origin[1] - box.high[1], origin[2] + box.low[2]])
    high = np.array([origin[0] + box.high[0], origin[1] - box.low[1], origin[2] + box.high[2]])
    return low, high


def _contact_shadow(buffers: BackgroundBuffers, box: Box, origin: tuple[float, float, float]) -> None:
    """Darken the floor, and walls just behind, around a box."""
    low, high = _world(box, origin)
    beyond = np.maximum(np.maximum(low - buffers.points, buffers.points - high), 0)
    distance = np.sqrt((beyond**2).sum(-1))
    reach = min(0.3, 0.03 + 0.6 * float(np.min(high - low)))
    buffers.radiance[...] *= (0.6 + 0.4 * smoothstep(0.0, reach, distance.ravel())).reshape(*distance.shape, 1)


def _draw(
    buffers: BackgroundBuffers,
    box: Box,
    lighting: Lighting,
    origin: tuple[float, float, float],
    focal: float,
    center: tuple[float, float],
) -> None:
    check_choice("paint", box.paint, PAINTS)
    low, high = _world(box, origin)
    if high[2] < 0.3:
        return
    low[2] = max(low[2], 0.3)
    corners = np.array([(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    at = corners[:, :2] / corners[:, 2:] * focal + np.array(center)
    height, width = buffers.radiance.shape[:2]
    left, top = np.clip(np.floor(at.min(0)).astype(int), 0, (width, height))
    right, bottom = np.clip(np.ceil(at.max(0)).astype(int), 0, (width, height))
    if right <= left or bottom <= top:
        return
    window = (slice(top, bottom), slice(left, right))
    rays, old = buffers.rays[window], buffers.points[window][..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = low / rays, high / rays
    near, far = np.minimum(first, second), np.maximum(first, second)
    depth = near.max(-1)
    hit = (depth < far.min(-1)) & (depth > 0.3) & (depth < old)
    rows, columns = np.nonzero(hit)
    if not len(rows):
        return
    axis = near[rows, columns].argmax(-1)
    points = rays[rows, columns] * depth[rows, columns, None]
    across = np.where(axis == 0, points[:, 2] - low[2], points[:, 0] - low[0])
    up = np.where(axis == 1, points[:, 2] - low[2], high[1] - points[:, 1])
    extent = np.where(axis == 0, high[2] - low[2], high[0] - low[0])
    albedo, kept = PAINTS[box.paint](box, across, up, extent, float(high[1] - low[1]))
    kept &= ~((axis == 1) & (box.paint == "leaves"))
    normal = np.zeros_like(points)
    normal[np.arange(len(axis)), axis] = -np.sign(rays[rows, columns, axis])
    toward = light_direction(lighting.azimuth, lighting.elevation)
    key = np.clip(normal @ toward, 0, 1)[:, None] * np.array(lighting.key)
    rising = 0.5 - 0.5 * normal[:, 1:2]
    upward = rising * np.array(lighting.sky) + (1 - rising) * np.array(lighting.floor)
    dim = 0.7 + 0.3 * smoothstep(0.0, 0.5, origin[1] - points[:, 1])[:, None]
    glow = box.paint == "window"
    light = np.full_like(key, 1.0) if glow else (key + upward) * dim
    rows, columns = rows[kept] + top, columns[kept] + left
    buffers.radiance[rows, columns] = (albedo * light)[kept]
    buffers.points[rows, columns] = points[kept]
    buffers.key_fraction[rows, columns] = 0.0 if glow else (key / (key + upward + 1e-6))[kept]


Painted = tuple[np.ndarray, np.ndarray]


def _whole(albedo: np.ndarray) -> Painted:
    return albedo, np.ones(len(albedo), bool)


def _plain(box: Box, across: Field, up: Field, extent: Field, height: float) -> Painted:
    grain = 1 + 0.05 * noise(np.stack([across, up], 1) / 0.2, octaves=3, seed=box.seed)
    return _whole(to_linear(box.color) * grain[:, None])


def _wood(box: Box, across: Field, up: Field, extent: Field, height: float) -> Painted:
    """Paint boards with doors or drawers."""
    grain = noise(np.stack([across / 0.02, up / 0.3], 1), octaves=3, seed=box.seed)
    columns, rows = 1 + box.seed % 3, 1 + box.seed // 3 % 4
    x, y = across / np.maximum(extent, 1e-3) * columns % 1, up / max(height, 1e-3) * rows % 1
    gap = (np.minimum(x, 1 - x) * extent / columns < 0.008) | (np.minimum(y, 1 - y) * height / rows < 0.008)
    knob = (np.abs(x - 0.5) < 0.06) & (np.abs(y - 0.7) < 0.05)
    albedo = to_linear(box.color) * (1 + 0.18 * grain)[:, None] * np.where(gap, 0.35, 1.0)[:, None]
    return _whole(np.where(knob[:, None], to_linear(box.accent), albedo))


def _books(box: Box, across: Field, up: Field, extent: Field, height: float) -> Painted:
    """Paint shelves full of books and things."""
    shelf = 0.26 + 0.02 * (box.seed % 5)
    row = np.floor(up / shelf)
    inside = up - row * shelf
    thick = 0.035
    wobble = 0.012 * noise(np.stack([across / 0.06, row * 7.3], 1), seed=box.seed)
    number = np.floor((across + wobble) / thick)
    cell = np.stack([number, row], 1).astype(np.int64)
    tall = shelf * (0.55 + 0.4 * hash_unit(cell, box.seed))
    hue = _HUES[(hash_unit(cell, box.seed + 1) * len(_HUES)).astype(int)]
    albedo = hue * (0.5 + 0.9 * hash_unit(cell, box.seed + 2))[:, None]
    edge = np.abs(((across + wobble) / thick) % 1 - 0.5) > 0.44
    label = (np.abs(inside / tall - 0.6) < 0.1) & (hash_unit(cell, box.seed + 4) > 0.5)
    albedo = np.where(label[:, None], to_linear((0.85, 0.82, 0.7)), albedo)
    albedo = albedo * np.where(edge, 0.35, 1.0)[:, None]
    empty = (inside > tall) | (hash_unit(cell // np.array([6, 1]), box.seed + 3) > 0.8)
    albedo = np.where(empty[:, None], to_linear(box.color) * 0.25, albedo)
    board = (inside < 0.02) | (across < 0.025) | (extent - across < 0.025) | (height - up < 0.03)
    return _whole(np.where(board[:, None], to_linear(box.color), albedo))


def _picture(box: Box, across: Field, up: Field, extent: Field, height: float) -> Painted:
    """Paint a framed picture of soft shapes."""
    points = np.stack([across, up], 1) / max(0.35 * height, 0.05)
    one = noise(points, octaves=3, seed=box.seed)
    two = noise(points * 0.7, octaves=2, seed=box.seed + 9)
    three = hash_unit(np.floor(points * 1.5 + one[:, None]).astype(np.int64), box.seed + 3)
    mix = np.clip(0.5 + one, 0, 1)[:, None]
    albedo = to_linear(box.color) * mix + to_linear(box.accent) * (1 - mix)
    pick = _HUES[(three * len(_HUES)).astype(int)]
    albedo = np.where((two > 0.15)[:, None], pick, albedo)
    rim = np.minimum(np.minimum(across, extent - across), np.minimum(up, height - up))
    albedo = np.where((rim < 0.07)[:, None] & (box.seed % 2 == 0), to_linear((0.85, 0.85, 0.82)), albedo)
    frame = to_linear((0.08, 0.07, 0.06)) if box.seed % 3 else to_linear((0.5, 0.35, 0.18))
    return _whole(np.where((rim < 0.025)[:, None], frame, albedo))


def _window(box: Box, across: Field, up: Field, extent: Field, height: float) -> Painted:
    """Paint a bright window with trees or houses far outside."""
    points = np.stack([across, up], 1) / 0.5
    trees = smoothstep(0.1, -0.1, up / height - 0.45 + 0.25 * noise(points, octaves=2, seed=box.seed))[:, None]
    far = to_linear((0.3, 0.4, 0.22)) * (1 + 0.4 * noise(points * 2, octaves=2, seed=box.seed + 1))[:, None]
    albedo = (1 - trees) * to_linear((0.85, 0.92, 1.0)) * 1.3 + trees * far
    panes = 2 + box.seed % 2
    bar = np.abs((across / extent * panes) % 1 - 0.5) > 0.5 - 0.03 * panes / extent
    rim = np.minimum(np.minimum(across, extent - across), np.minimum(up, height - up)) < 0.05
    return _whole(np.where((bar | rim)[:, None], to_linear((0.8, 0.8, 0.78)) * 0.6, albedo))


def _facade(box: Box, across: Field, up: Field, extent: Field, height: float) -> Painted:
    """Paint a house with rows of windows and a shop below."""
    floor, wide = 2.9 + 0.1 * (box.seed % 5), 1.7 + 0.2 * (box.seed % 4)
    row, column = np.floor(up / floor), np.floor(across / wide)
    x, y = across / wide - column - 0.5, up / floor - row - 0.5
    pane = (np.abs(x) < 0.27) & (np.abs(y + 0.03) < 0.3)
    frame = (np.abs(x) < 0.31) & (np.abs(y + 0.03) < 0.34) & ~pane
    cell = np.stack([column, row], 1).astype(np.int64)
    sky = to_linear((0.35, 0.42, 0.5)) * (0.3 + 0.9 * hash_unit(cell, box.seed))[:, None]
    grain = noise(np.stack([across, up], 1) / 0.6, octaves=4, seed=box.seed)
    albedo = to_linear(box.color) * (1 + 0.12 * grain)[:, None]
    albedo = np.where(frame[:, None], to_linear(box.accent), albedo)
    albedo = np.where(pane[:, None] & (np.abs(x) > 0.015)[:, None], sky, albedo)
    shop = (row == 0) & (np.abs(x) < 0.44) & (y < 0.32)
    tile = np.floor(np.stack([across / 0.35, up / 0.4], 1)).astype(np.int64)
    goods = _HUES[(hash_unit(tile, box.seed + 5) * len(_HUES)).astype(int)]
    lit = (hash_unit(tile, box.seed + 6) > 0.7)[:, None]
    glass = to_linear((0.2, 0.24, 0.27)) * (0.5 + up / floor)[:, None]
    albedo = np.where(shop[:, None], np.where(lit, 0.35 * goods + 0.03, glass), albedo)
    awning = (row == 0) & (y >= 0.32) & (y < 0.44)
    return _whole(np.where(awning[:, None], to_linear(box.accent) * 0.8, albedo))


def _leaves(box: Box, across: Field, up: Field, extent: Field, height: float) -> Painted:
    """Paint a plant: leaves with gaps between them, denser in the middle."""
    x, y = across / np.maximum(extent, 1e-3) - 0.5, up / max(height, 1e-3) - 0.5
    size = 0.03 + 0.004 * (box.seed % 12)
    lean = noise(np.stack([across, up], 1) / 0.3, seed=box.seed + 1)
    points = np.stack([across + 0.7 * lean * up, up - 0.5 * lean * across], 1) / np.array([size, 2.2 * size])
    leaf = noise(points, octaves=2, seed=box.seed)
    dense = 1.0 - 2.3 * np.hypot(x * 1.05, 0.9 * (y - 0.08))
    tone = 0.25 + 0.9 * np.clip(0.5 + leaf, 0, 1) * (0.7 + 0.5 * hash_unit(np.floor(points).astype(np.int64), box.seed))
    stem = (np.abs(x + 0.05 * lean) * extent < 0.012 + 0.01 * (box.seed % 3)) & (y < 0.1)
    pot = (y < -0.5 + min(0.25 / max(height, 0.3), 0.3)) & (np.abs(x) * extent < 0.14) & (box.seed % 3 > 0)
    albedo = to_linear(box.color) * tone[:, None]
    albedo = np.where(stem[:, None], to_linear((0.25, 0.18, 0.1)), albedo)
    albedo = np.where(pot[:, None], to_linear(box.accent), albedo)
    return albedo, (leaf + dense > 0.3) | stem | pot


PAINTS: dict[str, Callable[[Box, Field, Field, Field, float], Painted]] = {
    "plain": _plain,
    "wood": _wood,
    "books": _books,
    "picture": _picture,
    "window": _window,
    "facade": _facade,
    "leaves": _leaves,
}
"""Painters of things by kind: box, place across and up on the face, its width, the box's height; colour, and where."""
