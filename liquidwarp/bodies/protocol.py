"""What every body offers."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.devices import moved

CANONICAL_JOINTS = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
)
"""The 22 joints that pose a body, by SMPL's names and order; every body maps them to its own joints."""


@dataclass(frozen=True, eq=False)
class Topology:
    """What does not change with shape or pose.

    Attributes:
        faces: triangles, counter-clockwise seen from outside in a right-handed frame; int32.
        face_part: part label of each face, an index into `parts.PARTS`; int32.
        vertex_part: part label of each vertex; int32.
        mirror: `mirror[v]` is the vertex at v's place on the other side of the body; an involution; int64.
        uv: texture coordinates in [0, 1], origin at the top-left corner; None if the body has none.
        face_uv: three rows of `uv` per face; None if the body has none.
    """

    faces: Int[Tensor, "F 3"]
    face_part: Int[Tensor, "F"]
    vertex_part: Int[Tensor, "V"]
    mirror: Int[Tensor, "V"]
    uv: Float[Tensor, "U 2"] | None
    face_uv: Int[Tensor, "F 3"] | None

    def to(self, device: torch.device | str) -> "Topology":
        """Return the topology on another device."""
        return moved(self, device)


@dataclass(frozen=True, eq=False)
class Identity:
    """One person's body at rest, computed once (`BodyModel.identity`).

    Attributes:
        betas: shape coefficients.
        vertices: rest vertices in metres, camera axes (the person stands upright along -Y and faces the camera at -Z).
        joints: rest joints.
    """

    betas: Float[Tensor, "K"]
    vertices: Float[Tensor, "V 3"]
    joints: Float[Tensor, "J 3"]

    def to(self, device: torch.device | str) -> "Identity":
        """Return the rest body on another device."""
        return moved(self, device)


@runtime_checkable
class BodyModel(Protocol):
    """Parameters to vertices.

    Convention: rest pose and output in camera axes (+X right, +Y down, +Z away), metres. A person at rest stands
    upright and faces the default camera, so the person's left is +X. `global_orient` turns the root joint,
    `body_pose[j - 1]` turns joint j about axes parallel to the world's at rest (as in SMPL), about the joint's own
    place; `transl` is added last. Rotations are axis-angle in radians. Everything is differentiable in every float
    argument. What is computed lies on the device of the arguments, which is the body's (`to`).
    """

    name: str
    num_betas: int
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    topology: Topology

    def to(self, device: torch.device | str) -> "BodyModel":
        """Return the body on another device; the body itself if it is there already."""
        ...

    def canonical(self, joint: str) -> int:
        """Return the index of the body's joint for a name in `CANONICAL_JOINTS`."""
        ...

    def rest_joints(self, betas: Float[Tensor, "K"]) -> Float[Tensor, "J 3"]:
        """Return the rest joints of a shape, without the mesh."""
        ...

    def identity(self, betas: Float[Tensor, "K"]) -> Identity:
        """Compute a person's rest body once."""
        ...

    def transforms(
        self, rest_joints: Float[Tensor, "J 3"], global_orient: Float[Tensor, "B 3"], body_pose: Float[Tensor, "B P 3"]
    ) -> tuple[Float[Tensor, "B J 3 3"], Float[Tensor, "B J 3"]]:
        """Run forward kinematics: a rest point x moves with joint j to `rotation[:, j] @ x + translation[:, j]`."""
        ...

    def vertices(
        self,
        identity: Identity,
        global_orient: Float[Tensor, "B 3"],
        body_pose: Float[Tensor, "B P 3"],
        transl: Float[Tensor, "B 3"],
        *,
        offsets: Float[Tensor, "V 3"] | None = None,
    ) -> Float[Tensor, "B V 3"]:
        """Pose the mesh by linear blend skinning; `offsets` are added to the rest vertices (clothes, hair)."""
        ...

    def vertex_rotations(
        self, identity: Identity, global_orient: Float[Tensor, "B 3"], body_pose: Float[Tensor, "B P 3"]
    ) -> Float[Tensor, "B V 3 3"]:
        """Return the blended skinning matrix of each vertex (turns rest offsets into posed offsets)."""
        ...

    def landmarks(
        self,
        names: tuple[str, ...],
        betas: Float[Tensor, "K"],
        global_orient: Float[Tensor, "B 3"],
        body_pose: Float[Tensor, "B P 3"],
        transl: Float[Tensor, "B 3"],
    ) -> Float[Tensor, "B L 3"]:
        """Return named landmarks (`bodies.landmarks`) by forward kinematics, without the mesh.

        Raises:
            InputError: the body has no landmark of that name; `landmark_names` lists what it has.
        """
        ...

    def canonical_landmarks(
        self,
        names: tuple[str, ...],
        betas: Float[Tensor, "K"] | Float[Tensor, "B K"],
        rotations: Float[Tensor, "B C 3 3"],
        transl: Float[Tensor, "B 3"],
    ) -> Float[Tensor, "B L 3"]:
        """Do as `landmarks` where only canonical joints are posed, by their rotation matrices; quicker.

        Raises:
            InputError: the body has no landmark of that name; `landmark_names` lists what it has.
        """
        ...

    def expand_pose(
        self, canonical_pose: Float[Tensor, "B C 3"]
    ) -> tuple[Float[Tensor, "B 3"], Float[Tensor, "B P 3"]]:
        """Turn axis-angles of the 22 canonical joints into `(global_orient, body_pose)`; other joints rest."""
        ...

    @property
    def landmark_names(self) -> tuple[str, ...]:
        """Names that `landmarks` answers."""
        ...

    @property
    def landmark_definition(self) -> str:
        """By what definition landmarks lie where they do; an empty string for the body's own.

        Bodies of one definition carry each landmark at the same spot of the person, so what was measured of a
        detector on one of them holds for all (`DetectorProfile.offsets`).
        """
        ...
