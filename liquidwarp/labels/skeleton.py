"""The drawing of a skeleton: OpenPose's body of 25 points, with hands and face where they are known."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.landmarks import OPENPOSE
from liquidwarp.geometry import project
from liquidwarp.labels.faces import FEATURES
from liquidwarp.labels.strokes import paint_stroke, sample_stroke
from liquidwarp.types import Camera, Pose

_Color = tuple[int, int, int]

_BODY: tuple[tuple[int, int, _Color], ...] = (
    (17, 15, (153, 0, 153)),
    (15, 0, (153, 0, 102)),
    (0, 16, (102, 0, 153)),
    (16, 18, (51, 0, 153)),
    (0, 1, (153, 0, 51)),
    (1, 8, (153, 0, 0)),
    (1, 2, (153, 51, 0)),
    (2, 3, (153, 102, 0)),
    (3, 4, (153, 153, 0)),
    (1, 5, (102, 153, 0)),
    (5, 6, (51, 153, 0)),
    (6, 7, (0, 153, 0)),
    (8, 9, (0, 153, 51)),
    (9, 10, (0, 153, 102)),
    (10, 11, (0, 153, 153)),
    (8, 12, (0, 102, 153)),
    (12, 13, (0, 51, 153)),
    (13, 14, (0, 0, 153)),
    (11, 24, (0, 153, 153)),
    (11, 22, (0, 153, 153)),
    (22, 23, (0, 153, 153)),
    (14, 21, (0, 0, 153)),
    (14, 19, (0, 0, 153)),
    (19, 20, (0, 0, 153)),
)
_FINGERS: tuple[tuple[tuple[int, ...], _Color], ...] = tuple(
    ((0, *range(1 + 4 * number, 5 + 4 * number)), color)
    for number, color in enumerate(((204, 0, 0), (163, 204, 0), (0, 204, 82), (0, 82, 204), (163, 0, 204)))
)
_FACE = (tuple(range(17)), *FEATURES)
_WHITE = (255, 255, 255)
_SEEN = 0.01
_SEEN_FACE = 0.1


@dataclass(frozen=True, eq=False)
class SkeletonPoints:
    """Points of a person in pixels, with a confidence each: (x, y, confidence).

    Attributes:
        body: OpenPose's 25 points, in the order of `bodies.landmarks.OPENPOSE`.
        left_hand: the 21 points of a hand, from the wrist along each finger.
        right_hand: the same of the other.
        face: 70 points of a face, of which dlib's 68 are drawn.
    """

    body: Float[np.ndarray, "25 3"]
    left_hand: Float[np.ndarray, "21 3"] | None = None
    right_hand: Float[np.ndarray, "21 3"] | None = None
    face: Float[np.ndarray, "70 3"] | None = None


def body_skeleton(body: BodyModel, betas: Float[Tensor, "K"], pose: Pose, camera: Camera) -> SkeletonPoints:
    """Return the skeleton of a posed body as a camera sees it; points outside of the picture are not known.

    Args:
        body: the body.
        betas: the person's shape.
        pose: how it stands.
        camera: who looks.
    """
    with torch.no_grad():
        points = body.landmarks(OPENPOSE, betas, pose.global_orient[None], pose.body_pose[None], pose.transl[None])
        places = np.array(project(camera, points)[0].tolist())
    xy, (height, width) = places[:, :2], camera.size
    seen = np.logical_and(xy > 0, xy < np.array([width, height])).all(1, keepdims=True) & (places[:, 2:] > 0)
    return SkeletonPoints(np.concatenate([xy, seen], 1) * seen)


def draw_skeleton(skeleton: SkeletonPoints, size: tuple[int, int]) -> UInt8[np.ndarray, "H W 3"]:
    """Draw a skeleton on black, as at test time: the taller the person, the thicker the strokes.

    Args:
        skeleton: of the person, in pixels of the drawing.
        size: (height, width).
    """
    picture = np.zeros((*size, 3), np.uint8)
    body = _known(skeleton.body, _SEEN)
    tall = int(np.ptp(body[:, 1]))
    thick, thin = max(1, tall // 150), max(1, tall // 450)
    for start, end, color in _BODY:
        _edge(picture, body[[start, end]], color, thick, ends=True)
    for hand in (skeleton.left_hand, skeleton.right_hand):
        if hand is not None:
            for chain, color in _FINGERS:
                _chain(picture, _chain_of(hand, chain, _SEEN), color, thin)
    if skeleton.face is not None:
        for chain in _FACE:
            _chain(picture, _chain_of(skeleton.face, chain, _SEEN_FACE), _WHITE, thin)
    return picture


def _known(points: np.ndarray, least: float) -> np.ndarray:
    return points[:, :2] * (points[:, 2:] > least)


def _chain_of(points: np.ndarray, chain: tuple[int, ...], least: float) -> np.ndarray:
    """Return a chain's points; one that is not known drops them all."""
    part = points[list(chain)]
    return part[:, :2] * (part[:, 2] > least).all()


def _chain(picture: np.ndarray, points: np.ndarray, color: _Color, half: int) -> None:
    for start in range(len(points) - 1):
        _edge(picture, points[start : start + 2], color, half)


def _edge(picture: np.ndarray, points: np.ndarray, color: _Color, half: int, *, ends: bool = False) -> None:
    if (points[:, 0] == 0).any():
        return
    paint_stroke(picture, sample_stroke(points), color, half, ends=ends)
