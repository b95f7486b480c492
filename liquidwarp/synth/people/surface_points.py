"""Points of the body's surface by where they are on the average body, and cloth coordinates from them.

Everything here is in the rest frame of the body's average adult (metres, +X the person's left, +Y down, -Z front), so
a border or pattern sits in the same position on everybody.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from liquidwarp.synth.procedural import Field, smoothstep

SHOULDER = np.array([0.177, -0.447, -0.011], np.float32)
ELBOW = np.array([0.352, -0.255, -0.021], np.float32)
WRIST = np.array([0.472, -0.134, -0.180], np.float32)
HIP = np.array([0.111, 0.013, 0.008], np.float32)
KNEE = np.array([0.145, 0.392, -0.023], np.float32)
ANKLE = np.array([0.187, 0.823, 0.007], np.float32)
UPPER_ARM = float(np.linalg.norm(ELBOW - SHOULDER))
ARM = UPPER_ARM + float(np.linalg.norm(WRIST - ELBOW))


@dataclass(frozen=True, eq=False)
class SurfacePoints:
    """Points on the surface.

    Attributes:
        position: where they are on the average body.
        arm: how much they belong to an arm, 0 to 1.
        leg: how much they belong to a leg, 0 to 1.
    """

    position: Float[np.ndarray, "N 3"]
    arm: Field
    leg: Field

    @property
    def x(self) -> Field:
        """Towards the person's left."""
        return self.position[:, 0]

    @property
    def y(self) -> Field:
        """Down."""
        return self.position[:, 1]

    @property
    def z(self) -> Field:
        """To the back."""
        return self.position[:, 2]

    @property
    def on_arm(self) -> np.ndarray:
        """True on sleeves."""
        return self.arm > 0.5

    @cached_property
    def arm_length(self) -> Field:
        """Distance from the shoulder along the arm, metres."""
        return _along_arm(self)

    @cached_property
    def cloth_coordinates(self) -> tuple[Field, Field]:
        """Where a point is on the cloth of a garment: across and along, metres.

        Along runs down trunk, legs and sleeves; across runs around, 0 at the front; the seams are at the back of trunk
        and legs, at the inside of the arms, and around the armhole.
        """
        return _cloth_coordinates(self)

    def near(
        self, point: tuple[float, float, float] | np.ndarray, stretch: tuple[float, float, float] = (1.0, 1.0, 1.0)
    ) -> Field:
        """Return the distance from a point, both sides of the body alike, in units of an ellipsoid's half axes."""
        mirrored = np.stack([np.abs(self.x), self.y, self.z], axis=1)
        return np.linalg.norm((mirrored - np.asarray(point, np.float32)) / np.asarray(stretch, np.float32), axis=1)


def _along_arm(points: SurfacePoints) -> Field:
    mirrored = np.stack([np.abs(points.x), points.y, points.z], axis=1)
    upper, lower = (ELBOW - SHOULDER) / UPPER_ARM, (WRIST - ELBOW) / (ARM - UPPER_ARM)
    first = (mirrored - SHOULDER) @ upper
    second = (mirrored - ELBOW) @ lower
    bend = smoothstep(0.0, 1.0, (second - first + UPPER_ARM) / 0.03 + 0.5)
    return np.where(second > 0, UPPER_ARM + second, first * (1 - bend) + np.minimum(first, UPPER_ARM) * bend)


def _cloth_coordinates(points: SurfacePoints) -> tuple[Field, Field]:
    x, y, z = np.abs(points.x), points.y, points.z
    shin = np.clip((y - KNEE[1]) / (ANKLE[1] - KNEE[1]), -1, 1)
    bone_x = np.where(shin < 0, KNEE[0] + shin * (KNEE[0] - HIP[0]), KNEE[0] + shin * (ANKLE[0] - KNEE[0]))
    bone_z = np.where(shin < 0, KNEE[2] + shin * (KNEE[2] - HIP[2]), KNEE[2] + shin * (ANKLE[2] - KNEE[2]))
    on_leg = points.leg > 0.5
    trunk = 0.17 * np.arctan2(points.x, -z)
    leg = 0.085 * np.arctan2(x - bone_x, -(z - bone_z))
    length = points.arm_length
    t = np.clip(length / UPPER_ARM, 0, 1)[:, None]
    s = np.clip((length - UPPER_ARM) / (ARM - UPPER_ARM), 0, 1)[:, None]
    bone = SHOULDER + t * (ELBOW - SHOULDER) + s * (WRIST - ELBOW)
    away = np.stack([x, y, z], axis=1) - bone
    axis = _unit((1 - s) * (ELBOW - SHOULDER) / UPPER_ARM + s * (WRIST - ELBOW) / (ARM - UPPER_ARM))
    outer = _unit(np.cross(axis, np.array([0, 0, -1], np.float32)))
    front = np.cross(outer, axis)
    arm = 0.055 * np.arctan2((away * front).sum(1), -(away * outer).sum(1) + 1e-9)
    across = np.where(points.on_arm, arm, np.where(on_leg, leg, trunk))
    return across.astype(np.float32), np.where(points.on_arm, length, y).astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
