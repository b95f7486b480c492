"""What hangs from a body: surfaces of their own for skirts and long hair, which follow joints and swing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.appearance.appearance import Appearance, joined_surfaces
from liquidwarp.appearance.drape_tuning import SWING_TUNING, SwingTuning
from liquidwarp.appearance.layers import Layer
from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import BodyModel, Identity, Topology
from liquidwarp.devices import moved

DRAPES = ("skirt", "hair")
"""What hangs: cloth around both legs, or hair."""

_HANG_ON = {
    "skirt": tuple(PARTS.index(f"{side}_upper_leg") for side in ("left", "right")),
    "hair": tuple(PARTS.index(name) for name in ("hair", "face")),
}
_PART = {"skirt": PARTS.index("torso"), "hair": PARTS.index("hair")}
_LEGS = tuple(
    (f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in (("hip", "knee"), ("knee", "ankle"))
)
_LEG_PARTS = tuple(f"{side}_{part}_leg" for side in ("left", "right") for part in ("upper", "lower"))


@dataclass(frozen=True, eq=False)
class Hanging:
    """A surface that hangs from a body, without its look: rings, the highest first, open or closed around.

    Attributes:
        kind: one of `DRAPES`.
        ring: vertices of each ring.
        rest: vertices at rest, ring by ring, metres, as in `Identity`.
        joints: the body's joints that carry each vertex.
        weights: how much each of them does; they sum to 1.
        loose: how freely each vertex swings, 0 to 1.
        faces: triangles, as in `Topology`.
        hides: faces of the body that lie under it and are not drawn.
    """

    kind: str
    ring: int
    rest: Float[Tensor, "P 3"]
    joints: Int[Tensor, "P 5"]
    weights: Float[Tensor, "P 5"]
    loose: Float[Tensor, "P"]
    faces: Int[Tensor, "Q 3"]
    hides: Bool[Tensor, "F"]


@dataclass(frozen=True, eq=False)
class Drape(Hanging):
    """A surface that hangs from a body, and what it looks like.

    Attributes:
        look: where each of its faces looks.
    """

    look: Appearance

    @staticmethod
    def of(hanging: Hanging, look: Appearance) -> "Drape":
        """Give what hangs a look."""
        return Drape(
            hanging.kind,
            hanging.ring,
            hanging.rest,
            hanging.joints,
            hanging.weights,
            hanging.loose,
            hanging.faces,
            hanging.hides,
            look,
        )

    def to(self, device: torch.device | str) -> "Drape":
        """Return it with its tensors on another device; pictures stay arrays."""
        return moved(self, device)


def dress_in_drapes(topology: Topology, appearance: Appearance, drapes: Sequence[Drape]) -> tuple[Topology, Appearance]:
    """Return the surface that is drawn: what of a body shows, and what hangs from it, as one mesh and its look.

    Its vertices are the body's, and after them those of the drapes.

    Args:
        topology: of the body.
        appearance: of the body.
        drapes: what hangs from it; without any, both are returned as they are.
    """
    if not drapes:
        return topology, appearance
    device = topology.faces.device
    shown = ~torch.stack([drape.hides for drape in drapes]).any(0)
    starts = np.cumsum([len(topology.vertex_part), *(len(drape.rest) for drape in drapes)])
    faces = [topology.faces[shown], *(drape.faces + int(n) for drape, n in zip(drapes, starts, strict=False))]
    parts = [(topology.face_part.new_full, topology.vertex_part.new_full, _PART[drape.kind]) for drape in drapes]
    whole = Topology(
        torch.cat(faces),
        torch.cat(
            [topology.face_part[shown], *(f((len(d.faces),), n) for d, (f, _, n) in zip(drapes, parts, strict=True))]
        ),
        torch.cat([topology.vertex_part, *(v((len(d.rest),), n) for d, (_, v, n) in zip(drapes, parts, strict=True))]),
        torch.cat([topology.mirror, torch.arange(int(starts[0]), int(starts[-1]), device=device)]),
        None,
        None,
    )
    rows = shown.cpu().numpy()
    return whole, joined_surfaces([appearance.of_faces(rows), *(drape.look for drape in drapes)])


class DrapeMotion:
    """Where drapes are in frame after frame: they follow joints, stay outside of legs, lag on springs, and fall back.

    Frames come in their order; the same frames give the same places.

    Args:
        body: the body that they hang from.
        identity: whose body.
        drapes: what hangs.
        fps: frames a second; 0 for poses that have nothing to do with each other, between which nothing swings.
        tuning: of the springs.
    """

    def __init__(
        self,
        body: BodyModel,
        identity: Identity,
        drapes: Sequence[Drape],
        *,
        fps: float = 0.0,
        tuning: SwingTuning = SWING_TUNING,
    ) -> None:
        self._body, self._identity, self._drapes, self._tuning = body, identity, tuple(drapes), tuning
        self._step = 1 / fps if fps > 0 else 0.0
        self._legs = _leg_cones(body, identity, tuning)
        self._state: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self._loose = torch.cat([drape.loose for drape in drapes]).cpu().double().numpy()[:, None]

    def follow(
        self, global_orient: Float[Tensor, "T 3"], body_pose: Float[Tensor, "T J 3"], transl: Float[Tensor, "T 3"]
    ) -> Float[Tensor, "T P 3"]:
        """Return the vertices of all drapes, one behind the other, in the next frames."""
        rotation, shift = self._body.transforms(self._identity.joints, global_orient, body_pose)
        shift = shift + transl[:, None]
        places = torch.cat([carried(drape, rotation, shift) for drape in self._drapes], 1)
        found = places.cpu().double().numpy()
        start = 0
        for drape in self._drapes:
            part = slice(start, start + len(drape.rest))
            if drape.kind == "skirt":
                ends = self._leg_ends(rotation, shift)
                for frame, legs in zip(found, ends, strict=True):
                    frame[part] = self._clear_of_legs(frame[part].reshape(-1, drape.ring, 3), legs).reshape(-1, 3)
            start = part.stop
        if self._step:
            found = np.stack([self._swung(frame) for frame in found])
        return torch.from_numpy(found).to(places)

    def _leg_ends(self, rotation: Tensor, shift: Tensor) -> np.ndarray:
        """Return where thighs and shins begin and end, (T, 4, 2, 3)."""
        joints = torch.tensor([[self._body.canonical(name) for name in bone] for bone in _LEGS])
        rest = self._identity.joints[joints]
        found = (rotation[:, joints] @ rest[..., None])[..., 0] + shift[:, joints]
        return found.cpu().double().numpy()

    def _clear_of_legs(self, rings: np.ndarray, legs: np.ndarray) -> np.ndarray:
        """Move what is inside of a thigh or shin away from the middle of its ring until it is outside."""
        out = rings - rings.mean(1, keepdims=True)
        out /= np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-9)
        for (start, end), (first, last) in zip(np.tile(legs, (2, 1, 1)), np.tile(self._legs, (2, 1)), strict=True):
            axis = end - start
            along = ((rings - start) @ axis / (axis @ axis)).clip(0, 1)[..., None]
            begun = (along[..., 0] / self._tuning.near_joint).clip(0, 1)  # hips are the trunk's, knees the thighs'
            away = rings - start - along * axis
            radius = first + along[..., 0] * (last - first)
            lack = radius**2 - (away**2).sum(-1)
            across = (away * out).sum(-1)
            way = np.where(lack > 0, np.sqrt(np.maximum(across**2 + lack, 0)) - across, 0)
            rings = rings + (begun * way)[..., None] * out
        return rings

    def _swung(self, goal: np.ndarray) -> np.ndarray:
        """Let springs follow their goals for one frame."""
        tuning = self._tuning
        if self._state is None or np.abs(goal - self._state[2]).max() > tuning.jump:
            self._state = goal.copy(), np.zeros_like(goal), goal
            return goal
        position, speed, before = self._state
        parts = max(tuning.parts, int(np.ceil(self._step / tuning.longest)))
        small = self._step / parts
        for part in range(parts):
            at = before + (goal - before) * ((part + 1) / parts)
            speed = speed + small * (tuning.stiffness * (at - position) - tuning.damping * speed)
            position = position + small * speed
        self._state = position, speed, goal
        lag = position - goal
        length = np.linalg.norm(lag, axis=1, keepdims=True)
        return goal + self._loose * lag * np.minimum(1, tuning.farthest / np.maximum(length, 1e-9))


def carried(drape: Drape, rotation: Float[Tensor, "T J 3 3"], shift: Float[Tensor, "T J 3"]) -> Float[Tensor, "T P 3"]:
    """Return a drape's vertices as joints carry them: `sum_k weight (rotation x + shift)`."""
    joints = drape.joints.long()
    turn = torch.einsum("pk,tpkij->tpij", drape.weights, rotation[:, joints])
    move = torch.einsum("pk,tpki->tpi", drape.weights, shift[:, joints])
    return (turn @ drape.rest[..., None])[..., 0] + move


def fit_drape(body: BodyModel, drape: Drape, wearer: Identity, person: Identity) -> Drape:
    """Return what hangs from one person as it hangs from another of the same mesh.

    Each vertex keeps its way from its joints, longer or shorter as the whole of them is farther apart, and wider or
    narrower as the part of the body is that it hangs from.

    Args:
        body: of both.
        drape: of the wearer.
        wearer: whose it is.
        person: who gets it.
    """
    used = drape.joints.unique().long()
    part = torch.isin(body.topology.vertex_part, torch.tensor(_HANG_ON[drape.kind], dtype=torch.int32))

    def spread(identity: Identity) -> Float[Tensor, "3"]:
        wide, tall = identity.vertices[part], identity.joints[used]
        size = wide.amax(0) - wide.amin(0)
        size[1] = tall[:, 1].amax() - tall[:, 1].amin()
        return size

    def anchors(identity: Identity) -> Float[Tensor, "P 3"]:
        return torch.einsum("pk,pki->pi", drape.weights, identity.joints[drape.joints.long()])

    scale = spread(person) / spread(wearer)
    return replace(drape, rest=anchors(person) + (drape.rest - anchors(wearer)) * scale)


def _leg_cones(body: BodyModel, identity: Identity, tuning: SwingTuning) -> np.ndarray:
    """Return how thick thighs and shins are where they begin and end, metres (4, 2)."""
    vertices, part = identity.vertices.cpu().double().numpy(), body.topology.vertex_part.cpu().numpy()
    joints = identity.joints.cpu().double().numpy()
    cones = []
    for bone, name in zip(_LEGS, _LEG_PARTS, strict=True):
        start, end = (joints[body.canonical(joint)] for joint in bone)
        own = vertices[part == PARTS.index(name)]
        axis = end - start
        along = (own - start) @ axis / (axis @ axis)
        thick = np.linalg.norm(own - start - along[:, None] * axis, axis=1)
        ends = [
            thick[(along - place).__abs__() < tuning.near_joint] for place in (tuning.near_joint, 1 - tuning.near_joint)
        ]
        cones.append([np.quantile(end, tuning.thick) + tuning.slack if len(end) else tuning.slack for end in ends])
    return np.array(cones)


def at_rest(
    body: BodyModel,
    identity: Identity,
    pose: tuple[Float[Tensor, "1 3"], Float[Tensor, "1 J 3"], Float[Tensor, "1 3"]],
    points: Float[Tensor, "P 3"],
    joints: Int[Tensor, "P 5"],
    weights: Float[Tensor, "P 5"],
) -> Float[Tensor, "P 3"]:
    """Return where points have to be at rest for their joints to carry them to their places in a pose."""
    rotation, shift = body.transforms(identity.joints, pose[0], pose[1])
    turn = torch.einsum("pk,pkij->pij", weights, rotation[0, joints]).double()
    move = torch.einsum("pk,pki->pi", weights, (shift[0] + pose[2])[joints]).double()
    return torch.linalg.solve(turn, (points - move)[..., None])[..., 0].float()


def far_inside(mask: Bool[np.ndarray, "H W"], pixels: float) -> Bool[np.ndarray, "H W"]:
    """Return the pixels of a mask that are farther than so many from its border."""
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > pixels


def strip_faces(levels: int, around: int, *, closed: bool) -> Int[Tensor, "Q 3"]:
    """Return the faces between rings; rings that run from the right in the picture by the front face outwards."""
    level, column = np.meshgrid(np.arange(levels - 1), np.arange(around if closed else around - 1), indexing="ij")
    a = (level * around + column).ravel()
    b = (level * around + (column + 1) % around).ravel()
    c, d = a + around, b + around
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return torch.from_numpy(faces.astype(np.int32))


def two_sided(
    front: Layer,
    back: Layer,
    corners: Float[np.ndarray, "Q 3 2"],
    behind_corners: Float[np.ndarray, "Q 3 2"] | None = None,
) -> Appearance:
    """Return the look of faces that lie at `corners` of a photo: those that face it look into the first layer.

    Args:
        front: what the photo shows.
        back: as large and at the same place.
        corners: of the faces in the photo, pixels.
        behind_corners: where those that face away look; where they lie by default.
    """
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    behind = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] >= 0
    if behind_corners is not None:
        corners = np.where(behind[:, None, None], behind_corners, corners)
    sizes = [layer.kind.shape for layer in (front, back)]
    table = np.array([[0, *sizes[0]], [sizes[0][0] * sizes[0][1], *sizes[1]]], np.int64)
    return Appearance(
        texels=np.concatenate([layer.rgba.reshape(-1, 4) for layer in (front, back)]),
        kinds=np.concatenate([layer.kind.reshape(-1) for layer in (front, back)]),
        table=table,
        slot_layer=behind.astype(np.int32)[:, None],
        slot_xy=(corners - np.array(front.origin, np.float32)).astype(np.float32)[:, None],
        slot_weight=np.ones((len(corners), 1, 3), np.float32),
        slot_mirrored=np.zeros((len(corners), 1), bool),
    )
