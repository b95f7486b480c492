"""How a body stands at one moment."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Pose:
    """One frame of a `BodyTrack`, without shape and camera; rotations are axis-angle in radians.

    Attributes:
        global_orient: root rotation.
        body_pose: rotation of every joint but the root.
        transl: place in metres.
    """

    global_orient: Float[Tensor, "3"]
    body_pose: Float[Tensor, "J 3"]
    transl: Float[Tensor, "3"]
