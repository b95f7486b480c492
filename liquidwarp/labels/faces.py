"""The drawing of a talking face: 68 points in dlib's order, joined to strokes."""

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.labels.strokes import paint_stroke, sample_stroke

MESH_POINTS = (
    *(127, 234, 132, 58, 172, 150, 149, 148, 152, 377, 378, 379, 397, 288, 361, 454, 356),  # jaw
    *(70, 63, 105, 66, 107),  # brows
    *(336, 296, 334, 293, 300),
    *(168, 197, 5, 4),  # nose
    *(98, 97, 2, 326, 327),
    *(33, 160, 158, 133, 153, 144),  # eyes
    *(362, 385, 387, 263, 373, 380),
    *(61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91),  # mouth
    *(78, 81, 13, 311, 308, 402, 14, 178),
)
"""Where dlib's 68 points lie in MediaPipe's face mesh."""

_POINTS = 68
_UPPER = range(15, 0, -1)  # jaw points that the forehead's mirror, numbered from 68
_UNIT = 256  # pixels of a crop's height per pixel of half width

_JAW = tuple(range(17))
_FOREHEAD = (*range(68, 83), 0)
FEATURES = (
    tuple(range(17, 22)),
    tuple(range(22, 27)),
    (28, 31),
    tuple(range(31, 36)),
    (35, 28),
    (36, 37, 38, 39),
    (39, 40, 41, 36),
    (42, 43, 44, 45),
    (45, 46, 47, 42),
    tuple(range(48, 55)),
    (54, 55, 56, 57, 58, 59, 48),
)
"""Chains of points that stand for brows, nose, eyes and mouth."""
_INNER_MOUTH = (tuple(range(60, 65)), (64, 65, 66, 67, 60))
_CHAINS = ((*_JAW, *_FOREHEAD), *FEATURES, *_INNER_MOUTH)

GROUPS = (
    *((left, 16 - left) for left in range(7)),
    (7, 8, 9),
    *((17 + step, 26 - step) for step in range(5)),
    (27,),
    (28,),
    (29,),
    (30,),
    (31, 35),
    (32, 34),
    (33,),
    (36, 45),
    (37, 44),
    (38, 43),
    (39, 42),
    (40, 47),
    (41, 46),
    (48, 54),
    (49, 53),
    (50, 52),
    (51,),
    (55, 59),
    (56, 58),
    (57,),
    (60, 64),
    (61, 63),
    (62,),
    (65, 67),
    (66,),
    *((68 + step, 82 - step) for step in range(7)),
    (75,),
)
"""Symmetric points, which are brought to another face's proportions together."""


def mesh_landmarks(points: Float[np.ndarray, "468 D"]) -> Float[np.ndarray, "68 2"]:
    """Return dlib's points of a face mesh."""
    return points[list(MESH_POINTS), :2].astype(np.float64)


def with_forehead(landmarks: Float[np.ndarray, "68 2"]) -> Float[np.ndarray, "83 2"]:
    """Add 15 points of a forehead: the jaw, mirrored at the line between its ends and flattened."""
    middle = (landmarks[0, 1] + landmarks[16, 1]) / 2
    upper = landmarks[list(_UPPER)].copy()
    upper[:, 1] = middle + np.floor(2 * (middle - upper[:, 1]) / 3)
    return np.concatenate([landmarks, upper])


def draw_face(
    landmarks: Float[np.ndarray, "83 2"], size: tuple[int, int], *, half_width: int | None = None
) -> UInt8[np.ndarray, "H W"]:
    """Draw a face's strokes, white on black.

    Args:
        landmarks: from `with_forehead`, in pixels of the drawing.
        size: (height, width).
        half_width: of the strokes; by default a pixel for every 256 of the height, at least one.
    """
    picture = np.zeros((*size, 3), np.uint8)
    half = max(1, size[0] // _UNIT) if half_width is None else half_width
    for chain in _CHAINS:
        for start in range(0, len(chain) - 1, 2):
            pixels = sample_stroke(landmarks[list(chain[start : start + 3])])
            paint_stroke(picture, pixels, (255, 255, 255), half, blend=False)
    return picture[..., 0]


def face_window(landmarks: Float[np.ndarray, "N 2"]) -> tuple[float, float, float]:
    """Return the square that a talking face is cut to: its left, top and side.

    Args:
        landmarks: of the face, with or without forehead.
    """
    points = landmarks[:_POINTS]
    width = float(np.ptp(points[:, 0]))
    x, y = (points.min(0) + points.max(0)) / 2
    return float(x) - width, float(y) - 1.25 * width, 2 * width


def proportioned(landmarks: Float[np.ndarray, "83 2"], factors: Float[np.ndarray, "G 2"]) -> Float[np.ndarray, "83 2"]:
    """Bring a face to another's proportions: p' = (p - m) s_x + (m - c) s_y + c, m a group's middle, c the chin.

    Args:
        landmarks: of the driving face.
        factors: (s_x, s_y) of each of `GROUPS`, from `proportions`.
    """
    chin, changed = landmarks[8], landmarks.copy()
    for group, (spread, reach) in zip(GROUPS, factors, strict=True):
        points = landmarks[list(group)]
        middle = points.mean(0)
        changed[list(group)] = (points - middle) * spread + (middle - chin) * reach + chin
    return changed


def proportions(reference: Float[np.ndarray, "83 2"], driving: Float[np.ndarray, "83 2"]) -> Float[np.ndarray, "G 2"]:
    """Return by how much each group of the driving face has to grow, to be as the reference's, faces equally wide."""
    scale = np.ptp(reference[:17, 0]) / max(float(np.ptp(driving[:17, 0])), 1.0)
    factors = []
    for group in GROUPS:
        ours, theirs = (face[list(group)] for face in (reference, driving))
        spread, reach = (
            (_mean_length(a) + 1e-3) / (_mean_length(b) + 1e-3) / scale
            for a, b in (
                (ours - ours.mean(0), theirs - theirs.mean(0)),
                (ours.mean(0) - reference[8], theirs.mean(0) - driving[8]),
            )
        )
        factors.append((spread, reach))
    return np.array(factors)


def _mean_length(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(np.atleast_2d(vectors), axis=1).mean())
