"""Fingers of a fitted body, by the landmarks of hands that were looked at closely.

A hand is a chain of hinges. Angles are measured from the relaxed hand (`bodies.hands`), so that zero is what a hand
does that nobody sees; they are found by Gauss-Newton over all frames at once: directions of bones against the palm,
tips in the picture, the pull to the relaxed hand, ranges of joints, and the fingers' usual speeds, which also lead from
a hand that is seen to one that is not.

Convention: the body's axes at rest (`BodyModel`), metres; pixels as `Camera`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float64, Int
from torch import Tensor

from liquidwarp.bodies.hands import FINGERS, SIDES, RestHand, find_hand, relaxed_turns, rest_hand
from liquidwarp.bodies.protocol import BodyModel
from liquidwarp.detect.details import HAND, Hands
from liquidwarp.fit.chain import Chain, solve_chain
from liquidwarp.fit.close_looks import SeenHand, gather_hand
from liquidwarp.fit.tuning import FIT_TUNING, CloseTuning, FingerTuning
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle, pose_to_camera, project_with_jacobian
from liquidwarp.types import BodyTrack, Camera

_POINTS = torch.tensor(  # per finger: the landmarks from its root to its tip
    [[HAND.index(f"thumb_{joint}") for joint in ("cmc", "mcp", "ip", "tip")]]
    + [[HAND.index(f"{finger}_{joint}") for joint in ("mcp", "pip", "dip", "tip")] for finger in FINGERS[1:]]
)


@dataclass(frozen=True, eq=False)
class FingerChain:
    """The hinges of one hand.

    Attributes:
        hand: the hand at rest.
        relaxed: rotation of each joint in the relaxed hand.
        finger: finger of each hinge.
        joint: which of the finger's three joints it belongs to; hinges of one joint follow each other.
        axis: axis of each, at rest.
        low: lowest angles, radians from the relaxed hand.
        high: highest angles.
        spread: standard deviations around the relaxed hand, radians.
    """

    hand: RestHand
    relaxed: Float64[Tensor, "5 3 3 3"]
    finger: Int[Tensor, "H"]
    joint: Int[Tensor, "H"]
    axis: Float64[Tensor, "H 3"]
    low: Float64[Tensor, "H"]
    high: Float64[Tensor, "H"]
    spread: Float64[Tensor, "H"]

    @staticmethod
    def create(hand: RestHand, side: str, *, tuning: FingerTuning = FIT_TUNING.fingers) -> "FingerChain":
        """Lay hinges and their ranges on a hand at rest."""
        hand = RestHand(hand.wrist.double(), hand.joints.double(), hand.tips.double(), hand.palm.double())
        mirror = -1.0 if side == "right" else 1.0
        bones, (_, aside, out) = hand.bones, hand.palm
        rows: list[tuple[int, int, Tensor, float, float, float]] = []
        for name, index, way, low, high, spread in tuning.ranges:
            for finger in [0] if name == "thumb" else range(1, 5):
                bone = torch.nn.functional.normalize(bones[finger, index], dim=-1)
                bent = hand.joints[4, 0] - hand.joints[0, 1] if finger == 0 else out
                spreads = out if finger == 0 else aside
                axis = bone * mirror if way == "twist" else torch.linalg.cross(bone, bent if way == "bend" else spreads)
                rows.append((finger, index, torch.nn.functional.normalize(axis, dim=-1), low, high, spread))
        rows.sort(key=lambda row: row[:2])
        place = torch.tensor([row[:2] for row in rows])
        ranges = torch.tensor([row[3:] for row in rows], dtype=torch.float64).deg2rad()
        axes = torch.stack([row[2] for row in rows])
        relaxed = relaxed_turns(hand)
        return FingerChain(hand, relaxed, place[:, 0], place[:, 1], axes, ranges[:, 0], ranges[:, 1], ranges[:, 2])

    def __len__(self) -> int:
        return len(self.finger)

    def pose(
        self, angles: Float64[Tensor, "T H"]
    ) -> tuple[Float64[Tensor, "T 5 3 3 3"], Float64[Tensor, "T 5 4 3"], Float64[Tensor, "T H 3"]]:
        """Pose the hand.

        Returns:
            Rotations of the joints, places of joints and tips with the wrist at rest, and the hinges' turned axes.
        """
        frames = len(angles)
        turns = self.relaxed.expand(frames, -1, -1, -1, -1).clone()
        axes = angles.new_zeros(frames, len(self), 3)
        above = torch.eye(3, dtype=angles.dtype).expand(frames, 5, 3, 3).clone()
        place = self.hand.joints[:, 0].expand(frames, -1, -1)
        places = [place]
        single = axis_angle_to_matrix(angles[..., None] * self.axis)
        for joint in range(3):
            for hinge in (self.joint == joint).nonzero()[:, 0].tolist():
                finger = int(self.finger[hinge])
                now = turns[:, finger, joint]
                axes[:, hinge] = (above[:, finger] @ now @ self.axis[hinge, :, None])[..., 0]
                turns[:, finger, joint] = now @ single[:, hinge]
            above = above @ turns[:, :, joint]
            place = place + (above @ self.hand.bones[:, joint, :, None])[..., 0]
            places.append(place)
        return turns, torch.stack(places, dim=2), axes

    def slopes(
        self, places: Float64[Tensor, "T 5 4 3"], axes: Float64[Tensor, "T H 3"]
    ) -> Float64[Tensor, "T 5 4 3 H"]:
        """Return the derivative of each place by each angle."""
        slope = places.new_zeros(*places.shape, len(self))
        for hinge, (finger, joint) in enumerate(zip(self.finger.tolist(), self.joint.tolist(), strict=True)):
            arm = places[:, finger, joint + 1 :] - places[:, finger, joint : joint + 1]
            slope[:, finger, joint + 1 :, :, hinge] = torch.linalg.cross(axes[:, None, hinge].expand_as(arm), arm)
        return slope


@dataclass(frozen=True, eq=False)
class FingerEvidence:
    """What was seen of a hand's fingers, ready for the fit.

    Attributes:
        directions: of the bones against the body's palm at rest, unit vectors.
        tips: finger tips in the picture, pixels.
        rotation: turns the resting hand into the camera's axes, per frame.
        translation: added after it, metres.
        unit: one standard deviation in the picture, pixels.
        trust: weight of each frame.
        camera: the camera, at the origin.
    """

    directions: Float64[Tensor, "T 5 3 3"]
    tips: Float64[Tensor, "T 5 2"]
    rotation: Float64[Tensor, "T 3 3"]
    translation: Float64[Tensor, "T 3"]
    unit: Float64[Tensor, "T"]
    trust: Float64[Tensor, "T"]
    camera: Camera


def fit_hands(
    body: BodyModel,
    track: BodyTrack,
    hands: Sequence[Hands | None],
    *,
    tuning: FingerTuning = FIT_TUNING.fingers,
    close: CloseTuning = FIT_TUNING.close,
) -> BodyTrack:
    """Bend the fingers of a fitted body as its hands were seen; hands that were not seen are relaxed.

    Args:
        body: the track's body; one without joints of fingers keeps its pose.
        track: a fitted track, with the wrists in their places.
        hands: what a detector saw in each of its frames; empty if nobody looked.
        tuning: ranges, speeds and standard deviations.
        close: which hands are trusted.
    """
    if not hands:
        return track
    pose = track.body_pose.clone()
    person = body.identity(track.betas)
    turn, shift = body.transforms(person.joints, track.global_orient, track.body_pose)
    for side in SIDES:
        joints = find_hand(body, side)
        if joints is None:
            continue
        seen = gather_hand(hands, side, track.camera.at_origin(), track.fps, tuning=close)
        if not bool((seen.trust > 0).any()):
            continue
        chain = FingerChain.create(rest_hand(joints, side, person.joints, person.vertices), side, tuning=tuning)
        wrist = (shift[:, joints.wrist] + track.transl).double()
        rotation, place = pose_to_camera(track.camera, turn[:, joints.wrist].double(), wrist)
        evidence = finger_evidence(chain, seen, side, rotation, place, track.camera.at_origin(), tuning=tuning)
        angles = solve_fingers(chain, evidence, track.fps, tuning=tuning)
        turns = chain.pose(angles)[0]
        pose[:, joints.joints.flatten() - 1] = matrix_to_axis_angle(turns).flatten(1, 2).to(pose)
    return replace(track, body_pose=pose)


def finger_evidence(
    chain: FingerChain,
    seen: SeenHand,
    side: str,
    rotation: Float64[Tensor, "T 3 3"],
    translation: Float64[Tensor, "T 3"],
    camera: Camera,
    *,
    tuning: FingerTuning = FIT_TUNING.fingers,
) -> FingerEvidence:
    """Bring what was seen of a hand into the axes of the resting palm.

    Args:
        chain: the hand.
        seen: what was seen of it.
        side: "left" or "right".
        rotation: turns the resting hand into the camera's axes.
        translation: added after it.
        camera: the camera, at the origin.
        tuning: standard deviations.
    """
    points = seen.world[:, _POINTS] @ seen.palm(side).transpose(1, 2)[:, None] @ chain.hand.palm
    directions = torch.nn.functional.normalize(points[:, :, 1:] - points[:, :, :-1], dim=-1)
    unit = (tuning.tip_sigma * seen.length).clamp_min(1e-6)
    return FingerEvidence(directions, seen.image[:, _POINTS[:, 3]], rotation, translation, unit, seen.trust, camera)


def solve_fingers(
    chain: FingerChain, evidence: FingerEvidence, fps: float, *, tuning: FingerTuning = FIT_TUNING.fingers
) -> Float64[Tensor, "T H"]:
    """Find the angles of a hand's hinges in all frames at once.

    Args:
        chain: the hand.
        evidence: what was seen.
        fps: frames per second; 0 for unrelated pictures.
        tuning: standard deviations.

    Returns:
        Angles in radians, within their ranges.
    """
    frames, count = len(evidence.trust), len(chain)
    angles = torch.zeros(frames, count, dtype=torch.float64)
    eye = torch.eye(count, dtype=torch.float64).expand(frames, -1, -1)
    root = evidence.trust.sqrt()[:, None]
    for _ in range(tuning.steps):
        _, places, axes = chain.pose(angles)
        slopes = chain.slopes(places, axes)
        equations = Chain.zeros(frames, count)
        bones, changes = places[:, :, 1:] - places[:, :, :-1], slopes[:, :, 1:] - slopes[:, :, :-1]
        length = bones.norm(dim=-1)[..., None]
        off = (bones / length - evidence.directions) / tuning.direction_sigma
        slope = changes / length[..., None] / tuning.direction_sigma
        equations.add_rows_(root * off.flatten(1), (root[..., None] * slope.flatten(1, 3),))
        tips = (evidence.rotation[:, None] @ places[:, :, 3, :, None])[..., 0] + evidence.translation[:, None]
        spots, look = project_with_jacobian(evidence.camera, tips)
        miss = (spots - evidence.tips) / evidence.unit[:, None, None]
        robust = (1 + (miss**2).sum(-1, keepdim=True) / tuning.tip_width**2).pow(-0.5).repeat(1, 1, 2).flatten(1)
        moved = look @ (evidence.rotation[:, None] @ slopes[:, :, 3]) / evidence.unit[:, None, None, None]
        near = root * robust.sqrt()
        equations.add_rows_(near * miss.flatten(1), (near[..., None] * moved.flatten(1, 2),))
        equations.add_rows_(angles / chain.spread, (eye / chain.spread,))
        beyond = angles - angles.clamp(chain.low, chain.high)
        stiff = eye * (beyond != 0)[..., None] / tuning.limit_sigma
        equations.add_rows_(beyond / tuning.limit_sigma, (stiff,))
        if fps > 0 and frames > 1:
            speed = fps / tuning.speed
            equations.add_rows_((angles[1:] - angles[:-1]) * speed, (-eye[1:] * speed, eye[1:] * speed))
        step = solve_chain(equations, tuning.damping)
        angles = angles + step.clamp(-tuning.longest_turn, tuning.longest_turn)
    return angles.clamp(chain.low, chain.high)
