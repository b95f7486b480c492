"""A photo's face in another expression: bent skin, eyes behind lids, the inside of a mouth."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.face.photo import LIDS, MOUTH_LINES, OPENINGS, TOOTH_ROW, PhotoFace
from liquidwarp.face.shape import soft_step
from liquidwarp.face.tuning import FACE_PAINT_TUNING, FacePaintTuning
from liquidwarp.face.warp_kernels import draw_places
from liquidwarp.types import FACE_POINTS

Lines = tuple[tuple[int, ...], tuple[int, ...]]
"""Points of an upper and a lower line from the picture's left to its right, with the corners."""


@dataclass(frozen=True, eq=False)
class _Band:
    """The pixels around what is between two lines that share their ends.

    Attributes:
        rows, columns: of the window.
        u, v: places along the way from end to end and across it, about its middle, pixels.
        upper, lower: where the lines are across it, at each pixel.
        reach: how far inside of both lines a pixel is; negative outside.
        length: from end to end.
        middle, axis: of the way.
    """

    rows: slice
    columns: slice
    u: np.ndarray
    v: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    reach: np.ndarray
    length: float
    middle: np.ndarray
    axis: np.ndarray

    @staticmethod
    def between(target: np.ndarray, lines: Lines, size: tuple[int, int]) -> "_Band | None":
        """Return the band of lines of moved points in a window of (height, width); None out of it."""
        points = [target[list(line)] for line in lines]
        both = np.concatenate(points)
        low = np.clip(np.floor(both.min(0)) - 2, 0, [size[1], size[0]]).astype(int)
        high = np.clip(np.ceil(both.max(0)) + 2, low, [size[1], size[0]]).astype(int)
        if (high <= low).any():
            return None
        rows, columns = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
        across = points[0][-1] - points[0][0]
        length = max(float(np.linalg.norm(across)), 1e-6)
        axis, middle = across / length, (points[0][0] + points[0][-1]) / 2
        y, x = np.mgrid[rows, columns].astype(np.float64) + 0.5
        u = (x - middle[0]) * axis[0] + (y - middle[1]) * axis[1]
        v = (y - middle[1]) * axis[0] - (x - middle[0]) * axis[1]
        edges = []
        for line in points:
            about = line - middle
            edges.append(
                np.interp(u, np.maximum.accumulate(about @ axis), about[:, 1] * axis[0] - about[:, 0] * axis[1])
            )
        reach = np.where(np.abs(u) <= length / 2, np.minimum(v - edges[0], edges[1] - v), -1.0)
        return _Band(rows, columns, u, v, edges[0], edges[1], reach, length, middle, axis)

    def along(self, points: np.ndarray) -> np.ndarray:
        """Return how far along the way points are, never back."""
        return np.maximum.accumulate((points - self.middle) @ self.axis)


class FacePainter:
    """Paints a face of one picture in other expressions.

    Args:
        face: of the photo.
        picture: what is bent: the photo, or a layer of it, RGB or with alpha.
        origin: where the picture's corner lies in the photo, pixels (x, y).
        tuning: the numbers.

    Attributes:
        window: rows and columns of the picture that may change.
    """

    def __init__(
        self,
        face: PhotoFace,
        picture: UInt8[np.ndarray, "H W C"],
        origin: tuple[float, float] = (0.0, 0.0),
        *,
        tuning: FacePaintTuning = FACE_PAINT_TUNING,
    ) -> None:
        self._face, self._tuning = face, tuning
        vertices = face.vertices[:, :2] - np.array(origin)
        height, width = picture.shape[:2]
        low = np.clip(np.floor(vertices.min(0)), 0, [width, height]).astype(int)
        high = np.clip(np.ceil(vertices.max(0)), low, [width, height]).astype(int)
        self.window = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
        self._corner = np.array(origin) + low
        self._picture = np.ascontiguousarray(picture)
        self._source = np.ascontiguousarray(vertices)  # in the picture, which is wider than the window
        rows, columns = np.indices((high[1] - low[1], high[0] - low[0]), dtype=np.float32)
        self._same = np.stack([columns + float(low[0]) + 0.5, rows + float(low[1]) + 0.5], -1).astype(np.float32)
        self._own = self._look(self._same)
        self._inside = _inside_triangles()
        self._feather = max(0.8, tuning.feather * face.frame.unit)

    def paint(self, vertices: Float[np.ndarray, "M 3"]) -> UInt8[np.ndarray, "h w C"]:
        """Return the window, its face in another expression.

        Args:
            vertices: from `PhotoFace.carried`.
        """
        moved = vertices[:, :2] - self._face.vertices[:, :2]
        if float(np.abs(moved).max()) < self._tuning.least_change or 0 in self._own.shape:
            return self._own
        target = np.ascontiguousarray(vertices[:, :2] - self._corner)
        places = self._same.copy()
        depth = vertices[self._face.triangles, 2].mean(1)
        order = self._face.triangles[np.argsort(-depth, kind="stable")]
        order = np.concatenate([self._face.mouth, self._face.eyes, order])  # the former, so that no corner is left
        draw_places(order, target, self._source, places)
        skin = self._look(places)
        for lid, opening in zip(LIDS, OPENINGS, strict=False):
            self._lid(skin, target, lid, opening)
        for opening in OPENINGS:
            self._open(skin, target, opening, mouth=opening is OPENINGS[-1])
        return skin

    def _look(self, places: np.ndarray) -> np.ndarray:
        x, y = places[..., 0] - np.float32(0.5), places[..., 1] - np.float32(0.5)
        return cv2.remap(self._picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _open(self, skin: np.ndarray, target: np.ndarray, opening: Lines, *, mouth: bool) -> None:
        """Paint what is seen through an opening, in place."""
        band = _Band.between(target, opening, (skin.shape[0], skin.shape[1]))
        if band is None:
            return
        patch = skin[band.rows, band.columns]
        feather = self._feather
        apart = band.lower - band.upper
        self._seal(patch, band, target, opening)
        if not mouth or self._face.shows_inside:  # closed lips of the photo have their own line
            shut = 1 - soft_step(apart / (0.06 * band.length))
            near = np.exp(-(((band.v - (band.upper + band.lower) / 2) / (1.4 * feather)) ** 2))
            near = near * soft_step((0.5 - np.abs(band.u) / band.length) / 0.05)
            darker = 1 - self._tuning.shut_line * self._face.contrast * shut * near
            patch[..., :3] = np.rint(patch[..., :3] * darker[..., None]).astype(np.uint8)
        weight = np.clip(band.reach / feather, 0, 1)[..., None]
        if weight.any():
            behind = self._mouth(target, band) if mouth else self._eye(target, band.rows, band.columns)
            patch[...] = np.rint(weight * behind + (1 - weight) * patch).astype(np.uint8)

    def _lid(self, skin: np.ndarray, target: np.ndarray, lid: Lines, opening: Lines) -> None:
        """Paint the skin of an upper lid that closes, where the photo hides it behind lashes, in place."""
        upper, lower = (list(line[1:-1]) for line in opening)
        was = np.linalg.norm(self._source[lower] - self._source[upper], axis=1).mean()
        now = np.linalg.norm(target[lower] - target[upper], axis=1).mean()
        closed = soft_step((1 - now / max(float(was), 1e-6) - 0.15) / 0.4)
        strength = float(self._face.lashes * closed)
        band = _Band.between(target, lid, (skin.shape[0], skin.shape[1])) if strength > 0 else None
        if band is None:
            return
        patch = skin[band.rows, band.columns]
        part = np.clip((band.v - band.upper) / np.maximum(band.lower - band.upper, 1e-6), 0, 1)
        soft = max(1.0, 0.08 * band.length)
        border = self._tuning.lash_band * band.length
        top = band.upper - 0.1 * band.length * np.clip(1 - (2 * band.u / band.length) ** 2, 0, 1)
        cover = soft_step((band.v - top) / soft) * soft_step((band.lower - border - band.v) / (0.5 * soft))
        cover = strength * cover * soft_step((0.5 - np.abs(band.u) / band.length) / 0.16)
        color = 255 * self._face.lid_skin * (0.6 + 0.26 * np.sin(np.pi * part**0.8))[..., None]
        patch[..., :3] = np.rint(patch[..., :3] + cover[..., None] * (color - patch[..., :3])).astype(np.uint8)

    def _seal(self, patch: np.ndarray, band: "_Band", target: np.ndarray, opening: Lines) -> None:
        """Let the skin go on as its border into an opening, where none is drawn, in place."""
        within = band.reach > -0.5
        if not within.any():
            return
        places = []
        for numbers in opening:
            along, source = band.along(target[list(numbers)]), self._source[list(numbers)]
            places.append(np.stack([np.interp(band.u, along, source[:, axis]) for axis in (0, 1)], -1))
        above, below = (self._look(place.astype(np.float32)).astype(np.float32) for place in places)
        part = (2 * band.v - band.upper - band.lower) / (2 * self._feather) + 0.5
        looked = above + np.clip(part, 0, 1).astype(np.float32)[..., None] * (below - above)
        patch[within] = np.rint(looked)[within].astype(np.uint8)

    def _eye(self, target: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
        """Return the eye itself: it stays where the head has it, and is stretched only where lids open wider."""
        return self._look(self._drawn(self._face.eyes, self._eye_target(target), rows, columns)).astype(np.float64)

    def _eye_target(self, target: np.ndarray) -> np.ndarray:
        """Return where the borders of the eyes are, as if lids did not close."""
        made = target.copy()
        for upper, lower in OPENINGS[:-1]:
            corners = [upper[0], upper[-1]]
            source, moved = self._source[corners], target[corners]
            turn = _similarity(source, moved)
            for numbers, sign in ((list(upper[1:-1]), 1.0), (list(lower[1:-1]), -1.0)):
                kept = turn(self._source[numbers])
                closing = (target[numbers, 1] - kept[:, 1]) * sign > 0
                made[numbers] = np.where(closing[:, None], kept, target[numbers])
        return made

    def _drawn(self, triangles: np.ndarray, target: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
        places = self._same[rows, columns].copy()
        draw_places(triangles, target - np.array([columns.start, rows.start]), self._source, places)
        return places

    def _mouth(self, target: np.ndarray, band: "_Band") -> np.ndarray:
        """Return the inside of the mouth; lengths are in widths of the mouth, about its middle."""
        rows, columns = band.rows, band.columns
        u, v, upper, lower = (each / band.length for each in (band.u, band.v, band.upper, band.lower))
        face, tuning = self._face, self._tuning
        light = face.light
        gap = np.maximum(lower - upper, 1e-6)
        part = np.clip((v - upper) / gap, 0, 1)
        aside = np.clip(1 - (2 * u) ** 2, 0, 1)
        deep = face.dark * (0.5 + 0.5 * aside[..., None])
        made = np.broadcast_to(deep, (*u.shape, 3)).copy()
        opened = float(gap[:, gap.shape[1] // 2].max()) if gap.size else 0.0
        tongue = 0.8 * soft_step((part - 0.4) / 0.4) * soft_step((opened - 0.1) / 0.15) * aside**0.5
        shade = light * np.array(tuning.tongue) * (0.45 + 0.4 * part)[..., None]
        made = made + tongue[..., None] * (shade - made)
        if face.shows_inside:
            made = self._own_teeth(made, target, rows, columns)
        else:
            made = self._teeth(made, target, u, v, upper, gap)
        dark = 1 - 0.35 * np.exp(-(v - upper) / 0.025) - 0.2 * np.exp(-(lower - v) / 0.03)
        made = made * np.clip(dark, 0.3, 1)[..., None] if not face.shows_inside else made
        colours = 255 * np.clip(made, 0, 1)
        if self._picture.shape[2] == 4:
            colours = np.concatenate([colours, np.full((*u.shape, 1), 255.0)], -1)
        return colours

    def _teeth(
        self, made: np.ndarray, target: np.ndarray, u: np.ndarray, v: np.ndarray, upper: np.ndarray, gap: np.ndarray
    ) -> np.ndarray:
        """Paint a row of upper teeth, which stay with the head."""
        tuning = self._tuning
        fixed = target[FACE_POINTS : FACE_POINTS + TOOTH_ROW]
        ends = target[list(MOUTH_LINES[0])]
        across = ends[-1] - ends[0]
        length = max(float(np.linalg.norm(across)), 1e-6)
        x_axis = across / length
        y_axis = np.array([-x_axis[1], x_axis[0]])
        line = float(((fixed[4:7] - (ends[0] + ends[-1]) / 2) @ y_axis).mean()) / length
        edge = line + tuning.teeth * np.clip(1 - (2.1 * u) ** 2, -1, 1)
        feather = self._feather / length
        row = soft_step((edge - v) / feather + 0.5) * soft_step((0.46 - np.abs(u)) / 0.12)
        tooth = np.sin(np.pi * np.arcsin(np.clip(2 * u, -1, 1)) / (2 * np.arcsin(2 * tuning.tooth))) ** 2
        between = 1 - 0.1 * (1 - np.clip(tooth / 0.2, 0, 1))
        shade = (
            self._face.light
            * np.array(tuning.enamel)
            * (between * (0.4 + 0.6 * np.clip(1 - (2 * u) ** 2, 0, 1)))[..., None]
        )
        return made + row[..., None] * (shade - made)

    def _own_teeth(self, made: np.ndarray, target: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
        """Paint the photo's own inside: the upper part stays with the head, the lower one goes with the jaw."""
        places = np.full((*self._same[rows, columns].shape[:2], 2), -1e6, np.float32)
        soft = max(0.6, 2 * self._tuning.feather * self._face.frame.unit)
        moved = _with_stretched_ends(target, 1 + 3 * soft)
        middle, lower, upper = self._inside
        apart = (
            moved[FACE_POINTS + 2 * TOOTH_ROW : FACE_POINTS + 3 * TOOTH_ROW, 1]
            - moved[FACE_POINTS + TOOTH_ROW : FACE_POINTS + 2 * TOOTH_ROW, 1]
        )
        source = self._source
        was = (
            source[FACE_POINTS + 2 * TOOTH_ROW : FACE_POINTS + 3 * TOOTH_ROW, 1]
            - source[FACE_POINTS + TOOTH_ROW : FACE_POINTS + 2 * TOOTH_ROW, 1]
        )
        dense = float(np.clip(1.5 - 0.5 * apart[5] / max(float(was[5]), 1e-6), 0, 1))
        corner = np.array([columns.start, rows.start])
        result = made
        for triangles, weight in ((middle, dense), (lower, 1.0), (upper, 1.0)):
            places[...] = -1e6
            draw_places(triangles, moved - corner, source, places)
            there = places[..., 0] > -1e5
            if not there.any() or weight <= 0:
                continue
            cover = cv2.GaussianBlur(there.astype(np.float32), (0, 0), soft)
            cover = np.clip(2 * cover - 1, 0, 1) * weight if triangles is not middle else cover * there * weight
            found = self._look(np.where(there[..., None], places, 0).astype(np.float32))[..., :3] / 255.0
            result = result + cover[..., None] * (found - result)
        return result


def _with_stretched_ends(target: np.ndarray, margin: float) -> np.ndarray:
    """Return vertices whose outer rows of teeth reach beyond the lips."""
    made = target.copy()
    first = slice(FACE_POINTS, FACE_POINTS + TOOTH_ROW)
    last = slice(FACE_POINTS + 3 * TOOTH_ROW, FACE_POINTS + 4 * TOOTH_ROW)
    made[first, 1] = np.minimum(target[first, 1], target[list(MOUTH_LINES[0]), 1] - margin)
    made[last, 1] = np.maximum(target[last, 1], target[list(MOUTH_LINES[1]), 1] + margin)
    return made


def _inside_triangles() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return triangles between the rows of teeth: the dark between them, the lower and the upper ones."""

    def strip(row: int) -> np.ndarray:
        start = FACE_POINTS + row * TOOTH_ROW
        a = np.arange(start, start + TOOTH_ROW - 1)
        b = a + TOOTH_ROW
        return np.concatenate([np.stack([a, a + 1, b], 1), np.stack([a + 1, b + 1, b], 1)])

    return strip(1), strip(2), strip(0)


def _similarity(source: np.ndarray, target: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return what takes two points to two others."""
    a, b = complex(*(source[1] - source[0])), complex(*(target[1] - target[0]))
    turn = b / a if abs(a) > 1e-9 else 1.0

    def move(points: np.ndarray) -> np.ndarray:
        about = (points[:, 0] - source[0, 0]) + 1j * (points[:, 1] - source[0, 1])
        moved = turn * about
        return np.stack([moved.real + target[0, 0], moved.imag + target[0, 1]], 1)

    return move
