"""A body made of plain arrays: linear shape space, tree of joints, linear blend skinning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies.kinematics import carry_points, forward_kinematics
from liquidwarp.bodies.protocol import CANONICAL_JOINTS, Identity, Topology
from liquidwarp.bodies.skinning import SkinWeights, Tree, blend_rotations, skin, skin_each
from liquidwarp.checks import check_choice, check_shape
from liquidwarp.devices import moved
from liquidwarp.geometry import axis_angle_to_matrix


@dataclass(frozen=True, eq=False)
class LinearPoints:
    """Points that move linearly with the shape: `mean + sum_k betas[k] basis[k]`."""

    mean: Float[Tensor, "N 3"]
    basis: Float[Tensor, "K N 3"]

    def __call__(self, betas: Float[Tensor, "*B K"]) -> Float[Tensor, "*B N 3"]:
        """Place the points for a shape, in the precision and on the device of `betas`."""
        flat = betas @ self.basis.to(betas).flatten(1)
        return self.mean.to(betas) + flat.unflatten(-1, self.mean.shape)

    def __getitem__(self, index: Sequence[int]) -> "LinearPoints":
        """Return some of the points."""
        return LinearPoints(self.mean[list(index)], self.basis[:, list(index)])


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Named points, each hung on one joint.

    Attributes:
        names: their names (`bodies.landmarks`).
        joints: the joint that carries each.
        points: their places at rest.
        definition: see `BodyModel.landmark_definition`.
    """

    names: tuple[str, ...]
    joints: tuple[int, ...]
    points: LinearPoints
    definition: str = ""


@dataclass(frozen=True, eq=False)
class _Chain:
    """The part of a skeleton that carries some landmarks."""

    skeleton: LinearPoints
    tree: Tree
    points: LinearPoints  # the landmarks at rest
    carriers: Int[Tensor, "L"]  # per landmark: the joint of the chain that carries it
    poses: Int[Tensor, "J"]  # per joint of the chain: what poses it, a joint of the body or a canonical joint


_KEPT_CHAINS = 32


class RiggedBody:
    """A `BodyModel` from plain arrays.

    It can be pickled and copied.

    Convention: see `BodyModel`.
    """

    def __init__(
        self,
        name: str,
        joint_names: tuple[str, ...],
        parents: tuple[int, ...],
        topology: Topology,
        surface: LinearPoints,
        skeleton: LinearPoints,
        weights: SkinWeights,
        landmarks: Landmarks,
        canonical: tuple[int, ...],
        attributes: Mapping[str, Float[Tensor, "K"]] | None = None,
        corrections: Float[Tensor, "E V 3"] | None = None,
    ) -> None:
        """Put a body together.

        Args:
            name: what `load_body` and tracks call it.
            joint_names: names of the joints; parents before children.
            parents: parent of each joint; -1 for joint 0 alone.
            topology: see `Topology`.
            surface: rest vertices.
            skeleton: rest joints.
            weights: skinning weights.
            landmarks: see `Landmarks`.
            canonical: the body's joint for each of `CANONICAL_JOINTS`; the first is joint 0.
            attributes: shape coefficients that one unit of a named attribute adds (`phenotype`).
            corrections: what each entry of each joint's `rotation - I` (but the root's; row by row) adds to the rest
                vertices (pose blend shapes, SMPL's equation 9).
        """
        assert canonical[0] == 0
        assert len(canonical) == len(CANONICAL_JOINTS)
        self.name = name
        self.num_betas = surface.basis.shape[0]
        self.joint_names = joint_names
        self.parents = parents
        self.topology = topology
        self.attributes = dict(attributes or {})
        self._surface = surface
        self._skeleton = skeleton
        self._weights = weights
        self._landmarks = landmarks
        self._canonical = canonical
        self._corrections = corrections
        self._tree = Tree.create(parents)
        self._chains: dict[tuple[tuple[str, ...], bool], _Chain] = {}

    def __getstate__(self) -> dict[str, object]:
        """Return what a copy is made of: all but the prepared chains, which would be shared."""
        return vars(self) | {"_chains": {}}

    def to(self, device: torch.device | str) -> "RiggedBody":
        """Return the body on another device; the body itself if it is there already."""
        if moved(self.topology, device) is self.topology:
            return self
        return RiggedBody(
            self.name,
            self.joint_names,
            self.parents,
            moved(self.topology, device),
            moved(self._surface, device),
            moved(self._skeleton, device),
            moved(self._weights, device),
            moved(self._landmarks, device),
            self._canonical,
            {name: value.to(device) for name, value in self.attributes.items()},
            None if self._corrections is None else self._corrections.to(device),
        )

    @property
    def landmark_names(self) -> tuple[str, ...]:
        """Names that `landmarks` answers."""
        return self._landmarks.names

    @property
    def landmark_definition(self) -> str:
        """By what definition landmarks lie where they do; an empty string for the body's own."""
        return self._landmarks.definition

    @property
    def weights(self) -> SkinWeights:
        """Skinning weights."""
        return self._weights

    def canonical(self, joint: str) -> int:
        """Return the body's joint for a name in `CANONICAL_JOINTS`."""
        check_choice("joint", joint, CANONICAL_JOINTS)
        return self._canonical[CANONICAL_JOINTS.index(joint)]

    def expand_pose(
        self, canonical_pose: Float[Tensor, "B C 3"]
    ) -> tuple[Float[Tensor, "B 3"], Float[Tensor, "B P 3"]]:
        """Turn axis-angles of the 22 canonical joints into `(global_orient, body_pose)`; other joints rest."""
        check_shape("canonical_pose", canonical_pose, (None, len(CANONICAL_JOINTS), 3))
        pose = canonical_pose.new_zeros(len(canonical_pose), len(self.parents), 3)
        pose = pose.index_copy(1, torch.tensor(self._canonical, device=pose.device), canonical_pose)
        return pose[:, 0], pose[:, 1:]

    def phenotype(self, attributes: Mapping[str, float]) -> Float[Tensor, "K"]:
        """Return the shape of a person described by a few words.

        Args:
            attributes: amounts from -1 to 1, 0 for the average adult, by the names in `self.attributes`.

        Raises:
            InputError: a name is not known.
        """
        betas = self._surface.mean.new_zeros(self.num_betas)
        for name, amount in attributes.items():
            check_choice("attribute", name, self.attributes)
            betas = betas + amount * self.attributes[name]
        return betas

    def rest_joints(self, betas: Float[Tensor, "K"]) -> Float[Tensor, "J 3"]:
        """Return the rest joints of a shape, without the mesh."""
        check_shape("betas", betas, (self.num_betas,))
        return self._skeleton(betas)

    def identity(self, betas: Float[Tensor, "K"]) -> Identity:
        """Compute a person's rest body once."""
        check_shape("betas", betas, (self.num_betas,))
        return Identity(betas, self._surface(betas), self._skeleton(betas))

    def transforms(
        self, rest_joints: Float[Tensor, "J 3"], global_orient: Float[Tensor, "B 3"], body_pose: Float[Tensor, "B P 3"]
    ) -> tuple[Float[Tensor, "B J 3 3"], Float[Tensor, "B J 3"]]:
        """Run forward kinematics: a rest point x moves with joint j to `rotation[:, j] @ x + translation[:, j]`."""
        rotations = self._rotations(global_orient, body_pose)
        rotation, place = forward_kinematics(self._tree, rest_joints[None], rotations)
        return rotation, place - (rotation @ rest_joints[..., None])[..., 0]

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
        rotation, translation = self.transforms(identity.joints, global_orient, body_pose)
        rest = identity.vertices if offsets is None else identity.vertices + offsets
        translation = translation + transl[:, None]
        if self._corrections is None:
            return skin(self._weights, rest, rotation, translation)
        turned = axis_angle_to_matrix(body_pose) - torch.eye(3, dtype=body_pose.dtype, device=body_pose.device)
        moved = turned.flatten(1) @ self._corrections.to(rest).flatten(1)
        return skin_each(self._weights, rest + moved.unflatten(1, (-1, 3)), rotation, translation)

    def vertex_rotations(
        self, identity: Identity, global_orient: Float[Tensor, "B 3"], body_pose: Float[Tensor, "B P 3"]
    ) -> Float[Tensor, "B V 3 3"]:
        """Return the blended skinning matrix of each vertex (turns rest offsets into posed offsets)."""
        return blend_rotations(self._weights, self.transforms(identity.joints, global_orient, body_pose)[0])

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
        chain = self._chain(tuple(names), False)
        return self._follow(chain, betas[None], self._rotations(global_orient, body_pose), transl)

    def canonical_landmarks(
        self,
        names: tuple[str, ...],
        betas: Float[Tensor, "K"] | Float[Tensor, "B K"],
        rotations: Float[Tensor, "B C 3 3"],
        transl: Float[Tensor, "B 3"],
    ) -> Float[Tensor, "B L 3"]:
        """Do as `landmarks` where only canonical joints are posed, by their rotation matrices; quicker.

        Args:
            names: landmark names.
            betas: one shape, or one for each pose.
            rotations: a rotation matrix for each of `CANONICAL_JOINTS`.
            transl: places.

        Raises:
            InputError: the body has no landmark of that name; `landmark_names` lists what it has.
        """
        check_shape("rotations", rotations, (None, len(CANONICAL_JOINTS), 3, 3))
        chain = self._chain(tuple(names), True)
        return self._follow(chain, betas if betas.dim() == 2 else betas[None], rotations, transl)

    def _rotations(
        self, global_orient: Float[Tensor, "B 3"], body_pose: Float[Tensor, "B P 3"]
    ) -> Float[Tensor, "B J 3 3"]:
        check_shape("body_pose", body_pose, (None, len(self.parents) - 1, 3))
        return axis_angle_to_matrix(torch.cat([global_orient[:, None], body_pose], dim=1))

    def _follow(
        self,
        chain: _Chain,
        betas: Float[Tensor, "#B K"],
        rotations: Float[Tensor, "B R 3 3"],
        transl: Float[Tensor, "B 3"],
    ) -> Float[Tensor, "B L 3"]:
        if len(chain.poses) < rotations.shape[1]:
            rotations = rotations.index_select(1, chain.poses)
        moved = carry_points(chain.tree, chain.carriers, chain.skeleton(betas), chain.points(betas), rotations)
        return moved + transl[:, None]

    def _chain(self, names: tuple[str, ...], canonical: bool) -> _Chain:
        """Return what carries some landmarks; prepared once."""
        chain = self._chains.get((names, canonical))
        if chain is None:
            chain = self._build_chain(names, canonical)
            if len(self._chains) >= _KEPT_CHAINS:
                self._chains.clear()
            self._chains[names, canonical] = chain
        return chain

    def _build_chain(self, names: tuple[str, ...], canonical: bool) -> _Chain:
        for name in names:
            check_choice("landmark", name, self._landmarks.names)
        picks = tuple(self._landmarks.names.index(name) for name in names)
        movable = set(self._canonical) if canonical else set(range(len(self.parents)))

        def carrier(joint: int) -> int:
            while joint not in movable:
                joint = self.parents[joint]
            return joint

        carried = [carrier(self._landmarks.joints[pick]) for pick in picks]
        needed = {0}
        for joint in carried:
            while joint not in needed:
                needed.add(joint)
                joint = carrier(self.parents[joint])
        joints = tuple(joint for joint in self._canonical if joint in needed) if canonical else tuple(sorted(needed))
        place = {joint: index for index, joint in enumerate(joints)}
        parents = (-1, *(place[carrier(self.parents[joint])] for joint in joints[1:]))
        poses = [self._canonical.index(joint) for joint in joints] if canonical else list(joints)
        device = self._surface.mean.device
        return _Chain(
            self._skeleton[joints],
            Tree.create(parents),
            self._landmarks.points[picks],
            torch.tensor([place[joint] for joint in carried], device=device),
            torch.tensor(poses, device=device),
        )
