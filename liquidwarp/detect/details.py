"""Hands and faces of a person, closer than the body's landmarks know them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

HAND = (
    "wrist",
    *(f"thumb_{joint}" for joint in ("cmc", "mcp", "ip", "tip")),
    *(f"{finger}_{joint}" for finger in ("index", "middle", "ring", "pinky") for joint in ("mcp", "pip", "dip", "tip")),
)
"""The 21 landmarks of a hand, in MediaPipe's order: from the wrist along each finger to its tip."""


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand in one picture.

    Convention:
        As `Detection`: pixels from the top-left corner; camera axes, metres, here about the hand's own middle.

    Attributes:
        image: the landmarks of `HAND` in pixels.
        world: the same in space, metres.
        presence: how sure the network is that this is a hand, 0 to 1.
        side: how sure it is that it is the hand (left or right) which the body's landmarks say.
    """

    image: Float[np.ndarray, "21 2"]
    world: Float[np.ndarray, "21 3"]
    presence: float
    side: float


@dataclass(frozen=True, eq=False)
class Hands:
    """The hands of a person; None for one that is too small, hidden or not seen.

    Attributes:
        left: the person's own left hand.
        right: the other.
    """

    left: Hand | None
    right: Hand | None


@dataclass(frozen=True, eq=False)
class Face:
    """A face in one picture.

    Attributes:
        points: MediaPipe's face mesh: x, y and z (away from the camera, about the face's middle) in pixels.
        presence: how sure the network is that this is a face, 0 to 1.
        eyes: brightness of the eyes on the picture's left and right, cut out along their corners: the mesh itself
            hardly tells closed lids. None if nobody cut them out.
    """

    points: Float[np.ndarray, "468 3"]
    presence: float
    eyes: UInt8[np.ndarray, "2 24 24"] | None = None
