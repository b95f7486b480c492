"""The face of a photo, ready to move: a mesh of its skin, and where another's expression takes it."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.spatial import Delaunay
from scipy.spatial.transform import Rotation

from liquidwarp.face.landmarks import (
    EYE_CORNERS,
    EYES,
    LID_CREASES,
    LIP_CORNERS,
    LOWER_LIDS,
    LOWER_LIP,
    MOUTH,
    OVAL,
    UNDER_LIDS,
    UPPER_LIDS,
    UPPER_LIP,
)
from liquidwarp.face.motion import Expressions
from liquidwarp.face.shape import HeadFrame, mouth_gaps, mouth_width, opened_by, with_closed_lips
from liquidwarp.face.tuning import FACE_MOTION_TUNING, FACE_PAINT_TUNING, FaceMotionTuning, FacePaintTuning
from liquidwarp.types import FACE_POINTS

_UPPER, _LOWER = list(UPPER_LIP[0]), list(LOWER_LIP[0])
_MIDDLE = slice(3, 6)
_RING_WEIGHT = (1.0, 1.0, 1.0, 0.8)  # of the rows of a lip, when the opening is set
_ONTO_LIDS = (0.2, 0.5)  # of the way to the next row, above and below
_ONTO_THE_LIP = 0.4  # of the way to the next row
_LOWER_PART = 0.7  # of a change of the opening, by the lower lip
# Rings around the face's border: how far out, and how much of the border's expression and of the head's movement they
# take over, above and below the chin's height.
_STILL_RINGS = ((1.1, 0.5, 0.0, 0.0), (1.3, 0.15, 0.0, 0.0), (1.6, 0.0, 0.0, 0.0))
_HEAD_RINGS = (
    (1.12, 0.5, 1.0, 0.75),
    (1.35, 0.15, 0.95, 0.4),
    (1.8, 0.0, 0.6, 0.1),
    (2.3, 0.0, 0.2, 0.0),
    (3.0, 0.0, 0.0, 0.0),
)
_EYE_LINES = tuple(
    ((corners[0], *upper, corners[1]), (corners[0], *lower, corners[1]))
    for corners, upper, lower in zip(EYE_CORNERS, UPPER_LIDS, LOWER_LIDS, strict=True)
)
MOUTH_LINES = (
    (LIP_CORNERS[0][0], *UPPER_LIP[0], LIP_CORNERS[0][1]),
    (LIP_CORNERS[0][0], *LOWER_LIP[0], LIP_CORNERS[0][1]),
)
"""The borders of the mouth's opening, above and below, from the picture's left to its right."""
TOOTH_ROW = len(MOUTH_LINES[0])
"""Points of a row of teeth: the columns of the lips, and the corners."""
OPENINGS = (*_EYE_LINES, MOUTH_LINES)
"""The same of eyes and mouth."""
LIDS = tuple(
    ((corners[0], *crease, corners[1]), (corners[0], *upper, corners[1]))
    for corners, crease, upper in zip(EYE_CORNERS, LID_CREASES, UPPER_LIDS, strict=True)
)
"""Folds and borders of the upper lids, in the same way."""


@dataclass(frozen=True, eq=False)
class PhotoFace:
    """A face of a photo, made by `PhotoFace.of`.

    Convention: pixels as `Camera`; vertices are the mesh's 468 points, two rows of upper and two of lower teeth (11
    each), and rings around the face.

    Attributes:
        frame: how the head stands in the photo.
        vertices: of all that moves, in the photo, z too.
        triangles: of the skin, without the openings of eyes and mouth.
        eyes: triangles of the eyes, behind the lids.
        mouth: triangles between the lips.
        shape: the 468 points in the head's own axes.
        neutral: the same, lips closed.
        shows_inside: whether the photo's mouth is open enough to show its inside.
        dark: colour of the dark inside of a mouth in [0, 1]: the photo's own, or one as dark as its blacks.
        contrast: how far the darkest of the face is from its skin, 0 to 1; small in blurred photos.
        light: brightness of what is white in this light.
        lid_skin: colour of the lids in [0, 1].
        lashes: how much of the upper lids lashes and shadow hide, 0 to 1.
        rings: around the face: how far out, and how much of the border's movement each takes over.
    """

    frame: HeadFrame
    vertices: Float[np.ndarray, "M 3"]
    triangles: Int[np.ndarray, "K 3"]
    eyes: Int[np.ndarray, "E 3"]
    mouth: Int[np.ndarray, "O 3"]
    shape: Float[np.ndarray, "468 3"]
    neutral: Float[np.ndarray, "468 3"]
    shows_inside: bool
    dark: Float[np.ndarray, "3"]
    contrast: float
    light: float
    lid_skin: Float[np.ndarray, "3"]
    lashes: float
    rings: tuple[tuple[float, float, float, float], ...]

    @staticmethod
    def of(
        photo: UInt8[np.ndarray, "H W 3"],
        points: Float[np.ndarray, "468 3"],
        *,
        head: bool = False,
        tuning: FacePaintTuning = FACE_PAINT_TUNING,
    ) -> "PhotoFace":
        """Prepare a face.

        Args:
            photo: the picture.
            points: of the face in it, pixels (`detect.Face.points`).
            head: whether the head is to move, too, and what is around it gives way.
            tuning: when the inside of a mouth is seen.
        """
        known = points.astype(np.float64)
        frame = HeadFrame.of(known)
        shape = frame.own(known)
        inside = float(mouth_gaps(shape)[_MIDDLE].mean()) >= tuning.own_inside
        known = _with_lids(known)
        known = _without_teeth(known) if inside else _with_one_line(photo, known)
        shape = frame.own(known)
        rows, dark = _teeth(photo, frame, shape)
        teeth = frame.picture(rows)
        rings = _HEAD_RINGS if head else _STILL_RINGS
        vertices = np.concatenate([known, teeth, _rings(known, rings)])
        skin, eyes, mouth = _triangles(frame.own(vertices), len(rings))
        lid_skin, lashes = _lid_skin(photo, known)
        skin_color = _skin(photo, known)
        light = _light(photo, known, skin_color)
        black = np.quantile(_sampled(photo, known[None, :, :2])[0], 0.03, axis=0) / 255
        return PhotoFace(
            frame=frame,
            vertices=vertices,
            triangles=skin,
            eyes=eyes,
            mouth=mouth,
            shape=shape,
            neutral=with_closed_lips(shape),
            shows_inside=inside,
            dark=dark if inside else np.maximum(light * np.array(tuning.cavity), tuning.blacks * black),
            contrast=float(np.clip(1 - black.mean() / max(float(skin_color.mean()), 1e-3), 0, 1)),
            light=light,
            lid_skin=lid_skin,
            lashes=lashes,
            rings=rings,
        )

    def carried(
        self, moves: Expressions, index: int, *, head: bool = False, tuning: FaceMotionTuning = FACE_MOTION_TUNING
    ) -> Float[np.ndarray, "M 3"]:
        """Return where a driver's expression takes the vertices, pixels.

        Args:
            moves: of the driver.
            index: which frame.
            head: whether the head follows the driver's.
            tuning: the numbers.
        """
        trust = float(moves.trust[index])
        width = float(mouth_width(self.shape))
        near_mouth = np.clip((self.neutral[:, 1] - 0.35) / 0.4, 0, 1)[:, None]
        scale = near_mouth * (width / max(moves.width, 1e-6)) + (1 - near_mouth)
        shift = moves.shift[index] * scale * np.array([1.0, 1.0, 0.3])
        shift[_LID_POINTS] = 0
        shape = (1 - trust) * self.shape + trust * (self.neutral + shift)
        gaps = (1 - trust) * (self.shape[_LOWER, 1] - self.shape[_UPPER, 1]) + trust * moves.gaps[index] * width
        _set_gaps(shape, gaps)
        _close_lids(shape, np.clip(tuning.shuts * trust * moves.closed[index], 0, 1), self.lashes, tuning)
        jaw = shape[_LOWER[3:6]].mean(0) - self.shape[_LOWER[3:6]].mean(0)
        own = self.frame.own(self.vertices)
        teeth = own[FACE_POINTS : FACE_POINTS + 4 * TOOTH_ROW].copy()
        teeth[2 * TOOTH_ROW :] += jaw
        around = own[FACE_POINTS + 4 * TOOTH_ROW :]
        turned = _Head.of(moves, index, trust, tuning) if head else _Head.still()
        border = list(OVAL)
        expressed = shape[border] - self.shape[border]
        rigid = turned.put(self.frame, self.shape[border]) - self.frame.picture(self.shape[border])
        moved = []
        chin = float(self.shape[:, 1].max())
        for number, (_, express, above, below) in enumerate(self.rings):
            ring = around[number * len(border) : (number + 1) * len(border)]
            low = np.clip((ring[:, 1] / chin - 0.4) / 0.7, 0, 1)[:, None]
            part = (1 - low) * above + low * below
            moved.append(self.frame.picture(ring + express * expressed) + part * rigid)
        return np.concatenate([turned.put(self.frame, np.concatenate([shape, teeth])), *moved])


@dataclass(frozen=True, eq=False)
class _Head:
    """How a head is moved against the photo's: turned about its origin, grown, and carried along."""

    turn: np.ndarray
    travel: np.ndarray
    growth: float

    @staticmethod
    def still() -> "_Head":
        return _Head(np.eye(3), np.zeros(3), 1.0)

    @staticmethod
    def of(moves: Expressions, index: int, trust: float, tuning: FaceMotionTuning) -> "_Head":
        turn = Rotation.from_matrix(moves.turn[index]).as_rotvec() * tuning.head_turn * trust
        angle = float(np.linalg.norm(turn))
        most = np.radians(tuning.most_turn)
        turn = turn * (most * np.tanh(angle / most) / max(angle, 1e-9))
        travel = moves.travel[index] * tuning.head_travel * trust
        length = float(np.linalg.norm(travel))
        travel = travel * (tuning.most_travel * np.tanh(length / tuning.most_travel) / max(length, 1e-9))
        growth = float(np.clip(moves.growth[index], 0.8, 1.25)) ** (tuning.head_travel * trust)
        return _Head(Rotation.from_rotvec(turn).as_matrix(), np.append(travel, 0.0), growth)

    def put(self, frame: HeadFrame, own: np.ndarray) -> np.ndarray:
        """Return points of the head in the picture."""
        return frame.picture(self.growth * own @ self.turn) + self.travel * frame.unit


_LID_POINTS = sorted(
    {point for row in (*UPPER_LIDS, *LOWER_LIDS, *LID_CREASES, *UNDER_LIDS, *EYE_CORNERS) for point in row}
)


def _set_gaps(shape: np.ndarray, gaps: np.ndarray) -> None:
    """Bring the lips apart by `gaps`, in the shape's unit, in place."""
    change = gaps - (shape[_LOWER, 1] - shape[_UPPER, 1])
    for upper, lower, weight in zip(UPPER_LIP, LOWER_LIP, _RING_WEIGHT, strict=True):
        shape[list(lower), 1] += weight * _LOWER_PART * change
        shape[list(upper), 1] -= weight * (1 - _LOWER_PART) * change


def _close_lids(shape: np.ndarray, closed: np.ndarray, lashes: float, tuning: FaceMotionTuning) -> None:
    """Bring the lids of each eye together, in place; folds that lashes hide stay."""
    for upper, lower, crease, under, shut in zip(UPPER_LIDS, LOWER_LIDS, LID_CREASES, UNDER_LIDS, closed, strict=True):
        above, below = shape[list(upper)], shape[list(lower)]
        line = below + tuning.closed_line * (above - below)
        down, up = shut * (line - above), shut * (line - below)
        shape[list(upper)] += down
        shape[list(lower)] += up
        shape[list(crease)] += (1 - lashes) * tuning.creases * down
        shape[list(under)] += tuning.under_lids * up


def _with_one_line(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return a face whose closed lips meet where the photo is darkest between them."""
    made = points.copy()
    above, below = points[_UPPER], points[_LOWER]
    parts = np.linspace(-0.5, 1.5, 21)
    places = above[:, None] + parts[:, None] * (below - above)[:, None]
    dark = _sampled(photo, places[..., :2]).mean(-1)
    dark = dark - dark.mean(1, keepdims=True)
    dark = dark + 40 * (parts - 0.5) ** 2  # near the middle, unless the line is plain
    dark = (dark + np.roll(dark, 1, 0) + np.roll(dark, -1, 0)) / 3
    best = parts[dark.argmin(1)]
    line = above + best[:, None] * (below - above)
    made[_UPPER], made[_LOWER] = line, line
    for upper, lower, keep in ((UPPER_LIP[1], LOWER_LIP[1], 0.5), (UPPER_LIP[2], LOWER_LIP[2], 0.25)):
        made[list(upper)] += keep * (line - above) * (best > 0)[:, None]
        made[list(lower)] += keep * (line - below) * (best < 1)[:, None]
    return made


def _with_lids(points: np.ndarray) -> np.ndarray:
    """Return a face whose lids begin where they are skin: the mesh puts their borders onto the eyes."""
    made = points.copy()
    for inner, outer, part in ((UPPER_LIDS, LID_CREASES, _ONTO_LIDS[0]), (LOWER_LIDS, UNDER_LIDS, _ONTO_LIDS[1])):
        for first, second in zip(inner, outer, strict=True):
            made[list(first)] += part * (points[list(second)] - points[list(first)])
    return made


def _without_teeth(points: np.ndarray) -> np.ndarray:
    """Return a face whose lower lip begins where it is skin: the mesh puts its border onto the teeth."""
    made = points.copy()
    first, second = list(LOWER_LIP[0]), list(LOWER_LIP[1])
    made[first] += _ONTO_THE_LIP * (points[second] - points[first])
    return made


def _teeth(photo: np.ndarray, frame: HeadFrame, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of the mouth's inside: upper lip, below the upper teeth; above the lower teeth, lower lip.

    The second value is the colour of the dark between them.
    """
    above, below = shape[list(MOUTH_LINES[0])], shape[list(MOUTH_LINES[1])]
    parts = np.linspace(0.15, 0.85, 15)
    places = frame.picture(above[None] + parts[:, None, None] * (below - above))
    colours = _sampled(photo, places[:, 3:8, :2]).mean(1)
    darkest = int(colours.mean(1).argmin())
    part = float(parts[darkest])
    upper, lower = above + (part - 0.08) * (below - above), above + (part + 0.08) * (below - above)
    return np.concatenate([above, upper, lower, below]), colours[darkest] / 255


def _rings(points: np.ndarray, rings: tuple[tuple[float, float, float, float], ...]) -> np.ndarray:
    border = points[list(OVAL)]
    middle = (border.min(0) + border.max(0)) / 2
    made = []
    for reach, *_ in rings:
        ring = middle + reach * (border - middle)
        ring[:, 2] = border[:, 2]
        made.append(ring)
    return np.concatenate(made)


def _triangles(own: np.ndarray, rings: int) -> tuple[np.ndarray, ...]:
    """Return the triangles of skin, eyes and mouth, of vertices in the head's own axes."""
    chosen = np.concatenate([np.arange(FACE_POINTS), np.arange(len(own) - rings * len(OVAL), len(own))])
    flat = own[chosen, :2].copy()
    face = flat[:FACE_POINTS]
    shape = own[:FACE_POINTS]
    width = float(mouth_width(shape))
    apart = np.maximum(0.35 * width - (face[_LOWER, 1] - face[_UPPER, 1]), 0)
    down = opened_by(shape, apart)
    chin = float(down.max())
    face[:, 1] += down
    flat[FACE_POINTS:, 1] += chin * np.clip(flat[FACE_POINTS:, 1] / float(shape[:, 1].max()), 0, 1)
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        thin = 0.08 - (face[list(lower), 1] - face[list(upper), 1])
        face[list(lower), 1] += np.maximum(thin, 0) / 2
        face[list(upper), 1] -= np.maximum(thin, 0) / 2
    found = chosen[Delaunay(flat).simplices]
    in_mouth = np.isin(found, MOUTH).all(1)
    in_eye = np.isin(found, EYES[0]).all(1) | np.isin(found, EYES[1]).all(1)
    return tuple(found[part].astype(np.int64) for part in (~in_mouth & ~in_eye, in_eye, in_mouth))


def _sampled(photo: np.ndarray, places: np.ndarray) -> np.ndarray:
    flat = places.reshape(1, -1, 2).astype(np.float32) - 0.5
    found = cv2.remap(photo, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(*places.shape[:-1], photo.shape[2]).astype(np.float64)


def _light(photo: np.ndarray, points: np.ndarray, skin: np.ndarray) -> float:
    """Return how bright white is in this light: as the brightest in the eyes, or the skin if that is brighter."""
    values = []
    parts = np.linspace(0.2, 0.8, 7)
    for upper, lower in _EYE_LINES:
        above, below = points[list(upper)], points[list(lower)]
        places = above[None, 1:-1] + parts[:, None, None] * (below - above)[None, 1:-1]
        values.append(_sampled(photo, places[..., :2]).mean(-1).reshape(-1))
    white = float(np.quantile(np.concatenate(values), 0.9)) / 255
    return float(np.clip(1.15 * max(white, float(skin.max())), 0.15, 0.95))


def _lid_skin(photo: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the colour of skin below the eyes, and how much of the upper lids lashes and shadow hide, 0 to 1."""
    lids, skins = [], []
    for upper, crease, lower, under in zip(UPPER_LIDS, LID_CREASES, LOWER_LIDS, UNDER_LIDS, strict=True):
        lid, fold, border, below = (points[list(row)[1:-1], :2] for row in (upper, crease, lower, under))
        lids.append(_sampled(photo, np.stack([lid + part * (fold - lid) for part in (0.35, 0.6, 0.85)])).mean())
        skins.append(_sampled(photo, np.stack([border + part * (below - border) for part in (2.0, 2.6)])))
    color = np.median(np.concatenate(skins).reshape(-1, 3), 0)
    darker = 1 - float(np.mean(lids)) / max(float(color.mean()), 1.0)
    return color / 255, float(np.clip((darker - 0.3) / 0.2, 0, 1))


def _skin(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the usual colour around the mouth."""
    return _usual_color(photo, points[[164, 18, 200, 57, 287, 205, 425], :2])


def _usual_color(photo: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.median(_sampled(photo, places[None])[0], 0) / 255


def mouth_is_covered(
    photo: UInt8[np.ndarray, "H W 3"],
    points: Float[np.ndarray, "468 3"],
    *,
    tuning: FacePaintTuning = FACE_PAINT_TUNING,
) -> bool:
    """Return whether a mask hides the mouth: it has one colour from nose to chin, and another than the skin above.

    Lips have lines, in a beard too. A hand has the colour of skin, and is not told.

    Args:
        photo: the picture.
        points: of the face in it, pixels.
        tuning: how far colours lie apart.
    """
    below, above = _skin(photo, points), _usual_color(photo, points[[6, 197, 151, 9, 108, 337], :2])
    rows = [np.median(_sampled(photo, points[None, list(row), :2])[0], 0).mean() for row in (*UPPER_LIP, *LOWER_LIP)]
    lines = float(np.ptp(rows)) / 255 / max(float(below.mean()), 0.1)
    return bool(lines < tuning.mask_lines and np.abs(below - above).max() > tuning.other_color)
