"""A body as capsules: thighs, trunk and head, and the balls of forearms and hands that shall not go into them.

Capsules lie inside of the surface: their widths are measured on the body at rest, slice by slice. A trunk is as wide as
three of them side by side.

Convention: axes and units of the body (`BodyModel`), metres.
"""

from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies.hands import SIDES, relax_hands
from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel
from liquidwarp.fit.skeleton import JOINTS, Posed, canonical_parents, pose_chain
from liquidwarp.fit.tuning import FIT_TUNING, ApartTuning

_MOST_SHAPES = 8


@dataclass(frozen=True, eq=False)
class Balls:
    """Balls that ride on joints.

    Attributes:
        joint: canonical joint that carries each.
        offset: its middle at rest, from the joint.
        radius: in metres.
    """

    joint: Int[Tensor, "N"]
    offset: Float[Tensor, "N 3"]
    radius: Float[Tensor, "N"]

    def at(self, posed: Posed) -> Float[Tensor, "T N 3"]:
        """Return where the middles are in a pose."""
        return posed.joints[:, self.joint] + (posed.turns[:, self.joint] @ self.offset[..., None])[..., 0]


@dataclass(frozen=True, eq=False)
class BodyCapsules:
    """What of a body's arms may touch what.

    Attributes:
        parents: canonical parent of each canonical joint.
        joints: rest places of the canonical joints.
        starts: ends of the capsules of thighs, trunk and head.
        ends: their other ends.
        arms: balls of the left forearm and hand, from the elbow outward, then as many of the right.
    """

    parents: tuple[int, ...]
    joints: Float[Tensor, "J 3"]
    starts: Balls
    ends: Balls
    arms: Balls

    def posed(self, rotations: Float[Tensor, "T J 3 3"], place: Float[Tensor, "T 3"]) -> Posed:
        """Run forward kinematics; `place` is where the pelvis goes. There are no landmarks."""
        turns, joints = pose_chain(self.parents, self.joints, rotations, place)
        return Posed(turns, joints, joints[:, :0])

    def depths(self, posed: Posed) -> tuple[Float[Tensor, "T N"], Float[Tensor, "T N 3"]]:
        """Return how deep each ball of the arms is in the rest of the body, and the way out.

        Depths are negative outside: the distance to the nearest capsule. The way out is a unit vector.
        """
        balls = self.arms.at(posed)[:, :, None]
        start, end = self.starts.at(posed)[:, None], self.ends.at(posed)[:, None]
        way = end - start
        along = ((balls - start) * way).sum(-1) / (way * way).sum(-1).clamp_min(1e-12)
        along = along.clamp(0, 1)
        apart = balls - start - along[..., None] * way
        distance = apart.norm(dim=-1)
        thick = torch.lerp(self.starts.radius.expand_as(along), self.ends.radius.expand_as(along), along)
        depth, deepest = (thick + self.arms.radius[:, None] - distance).max(dim=-1)
        chosen = deepest[..., None, None].expand(*deepest.shape, 1, 3)
        out = apart.gather(2, chosen)[:, :, 0] / distance.gather(2, deepest[..., None]).clamp_min(1e-9)
        return depth, out


def body_capsules(
    body: BodyModel, betas: Float[Tensor, "K"], *, tuning: ApartTuning = FIT_TUNING.apart
) -> BodyCapsules | None:
    """Measure the capsules of a shape; None for a body that lacks one of the parts.

    Those of the last shapes are kept: the same one is asked for again and again.
    """
    known = _KNOWN.setdefault(body, {})
    key = (*(float(value) for value in betas), tuning)
    if key not in known:
        while len(known) >= _MOST_SHAPES:
            known.pop(next(iter(known)), None)
        with torch.no_grad():
            known[key] = _Rest(body, betas.detach().float(), tuning).capsules()
    return known[key]


class _Rest:
    """A body at rest, hands relaxed, that is measured."""

    def __init__(self, body: BodyModel, betas: Tensor, tuning: ApartTuning) -> None:
        own = [body.canonical(name) for name in CANONICAL_JOINTS]
        orient, pose = body.expand_pose(torch.zeros(1, JOINTS, 3, dtype=torch.float32))
        still = torch.zeros(1, 3, dtype=torch.float32)
        identity = body.identity(betas)
        self.vertices = body.vertices(identity, orient, relax_hands(body, pose), still)[0].double()
        self.joints = body.rest_joints(betas)[own].double()
        self.parents = canonical_parents(body)
        self._part, self._tuning = body.topology.vertex_part, tuning
        self._balls: list[tuple[str, Tensor, Tensor]] = []

    def capsules(self) -> BodyCapsules | None:
        """Return all of them; None where a part has no vertices."""
        parts = ("torso", "head", *(f"{side}_{part}" for side in SIDES for part in ("upper_leg", "lower_arm", "hand")))
        if any(not bool((self._part == PARTS.index(part)).any()) for part in parts):
            return None
        pairs = [*(self._thigh(side) for side in SIDES), *self._trunk(), self._head()]
        starts, ends = zip(*pairs, strict=True)
        arms = [ball for side in SIDES for ball in self._arm(side)]
        return BodyCapsules(self.parents, self.joints, self._stack(starts), self._stack(ends), self._stack(arms))

    def joint(self, name: str) -> Tensor:
        return self.joints[CANONICAL_JOINTS.index(name)]

    def of(self, *parts: str) -> Tensor:
        return self.vertices[torch.isin(self._part, torch.tensor([PARTS.index(part) for part in parts]))]

    def _stack(self, balls: "tuple[_Ball, ...] | list[_Ball]") -> Balls:
        carriers = torch.tensor([CANONICAL_JOINTS.index(name) for name, _, _ in balls])
        middles = torch.stack([middle for _, middle, _ in balls])
        return Balls(carriers, middles - self.joints[carriers], torch.stack([radius for _, _, radius in balls]))

    def _slice(self, part: str, start: Tensor, end: Tensor, along: float) -> tuple[Tensor, Tensor]:
        """Return middle and radius of a limb at a part of the way between two joints."""
        points, way = self.of(part), end - start
        place = (points - start) @ way / (way @ way)
        near = (place - along).abs().argsort()[: max(3, round(self._tuning.slice * len(points)))]
        ring = points[near] - (place[near, None] - along) * way
        middle = (ring.amin(0) + ring.amax(0)) / 2
        return middle, (ring - middle).norm(dim=-1).quantile(self._tuning.inside)

    def _thigh(self, side: str) -> "tuple[_Ball, _Ball]":
        hip, knee = self.joint(f"{side}_hip"), self.joint(f"{side}_knee")
        ends = [self._slice(f"{side}_upper_leg", hip, knee, along) for along in self._tuning.thigh]
        first, last = ((f"{side}_hip", middle, radius) for middle, radius in ends)
        return first, last

    def _trunk(self) -> "list[tuple[_Ball, _Ball]]":
        hips = (self.joint("left_hip") + self.joint("right_hip")) / 2
        neck, tuning = self.joint("neck"), self._tuning
        torso, rows = self.of("torso"), []
        for carrier, along in tuning.trunk:
            level = torch.lerp(hips, neck, along)
            ring = torso[(torso[:, 1] - level[1]).abs() < tuning.trunk_slice * (hips - neck).norm()]
            ring = ring if len(ring) else torso
            radius = tuning.trunk_inside * (ring[:, 2].amax() - ring[:, 2].amin()) / 2
            wide = (tuning.trunk_inside * (ring[:, 0].amax() - ring[:, 0].amin()) / 2 - radius).clamp_min(0)
            middle = torch.stack([level[0], level[1], (ring[:, 2].amax() + ring[:, 2].amin()) / 2])
            across = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64) * wide
            rows.append([(carrier, middle + side * across, radius) for side in (-1.0, 0.0, 1.0)])
        return [pair for low, high in pairwise(rows) for pair in zip(low, high, strict=True)]

    def _head(self) -> "tuple[_Ball, _Ball]":
        skull = self.of("head", "face", "hair")
        skull = skull[skull[:, 1] < self.joint("head")[1]]
        low, high = skull.amin(0), skull.amax(0)
        radius = self._tuning.inside_head * (high[0] - low[0]) / 2
        middle = (low + high) / 2
        reach = ((high[1] - low[1]) / 2 - radius).clamp_min(0) * torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
        return ("head", middle - reach, radius), ("head", middle + reach, radius)

    def _arm(self, side: str) -> "list[_Ball]":
        elbow, wrist = self.joint(f"{side}_elbow"), self.joint(f"{side}_wrist")
        ends = [self._slice(f"{side}_lower_arm", elbow, wrist, along) for along in self._tuning.forearm]
        hand = self.of(f"{side}_hand")
        tip = hand[(hand - wrist).norm(dim=-1).argmax()]
        palm = [(torch.lerp(wrist, tip, along), part * (tip - wrist).norm()) for along, part in self._tuning.hand]
        return [
            *((f"{side}_elbow", middle, radius) for middle, radius in ends),
            *((f"{side}_wrist", middle, radius) for middle, radius in palm),
        ]


_Ball = tuple[str, Tensor, Tensor]

_KNOWN: WeakKeyDictionary[BodyModel, dict[tuple[object, ...], BodyCapsules | None]] = WeakKeyDictionary()
