"""What hands and faces that were looked at closely say of the body: how head and palms are turned.

Convention: camera axes, camera at the origin; pixels as `Camera`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from liquidwarp.bodies.hands import FINGERS, SIDES, find_hand, palm_axes, rest_hand
from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel
from liquidwarp.detect.details import HAND, Face, Hand, Hands
from liquidwarp.face import eyes_closed
from liquidwarp.fit.prior import shortest_rotation
from liquidwarp.fit.robust import PseudoHuber
from liquidwarp.fit.term import Term
from liquidwarp.fit.tuning import FIT_TUNING, FIT_WEIGHTS, CloseTuning, FitWeights
from liquidwarp.fit.turn_terms import CarriedPointTerm, TurnTerm
from liquidwarp.geometry import axis_angle_to_matrix, default_camera
from liquidwarp.types import FACE_POINTS, Camera, FaceTrack, Keypoints

_WRIST = HAND.index("wrist")
_KNUCKLES = [HAND.index(f"{finger}_mcp") for finger in FINGERS[1:]]
_OWN = ("index", "pinky", "thumb")  # landmarks by which the body's detector knows a hand
# Pairs of the mesh that mirror each other: corners of the eyes, brows, cheeks, jaw, wings of the nose, mouth.
_LEFT = (263, 362, 300, 334, 454, 397, 358, 323, 291)
_RIGHT = (33, 133, 70, 105, 234, 172, 129, 93, 61)
_FOREHEAD, _CHIN = 10, 152


@dataclass(frozen=True, eq=False)
class SeenHand:
    """One hand of a person through T frames, in the camera's axes; zeros where it was not seen.

    Attributes:
        image: the landmarks of `detect.HAND` in pixels.
        world: the same in space, metres about the hand's own middle.
        trust: 0 where it was not seen, up to 1.
    """

    image: Float64[Tensor, "T 21 2"]
    world: Float64[Tensor, "T 21 3"]
    trust: Float64[Tensor, "T"]

    @property
    def length(self) -> Float64[Tensor, "T"]:
        """Length of the stretched hand in the picture, pixels: the wrist to the middle knuckle and on to the tip.

        Foreshortening is taken out by the lengths in space.
        """
        scale = _spread(self.image) / _spread(self.world[..., :2]).clamp_min(1e-6)
        middle = [_WRIST, *(HAND.index(f"middle_{joint}") for joint in ("mcp", "pip", "dip", "tip"))]
        return scale * (self.world[:, middle[1:]] - self.world[:, middle[:-1]]).norm(dim=-1).sum(-1)

    def palm(self, side: str) -> Float64[Tensor, "T 3 3"]:
        """Return the axes of its palm as rows (`bodies.hands.palm_axes`); `side` is "left" or "right"."""
        return palm_axes(self.world[:, _WRIST], self.world[:, _KNUCKLES], side)


def _spread(points: Float64[Tensor, "T L 2"]) -> Float64[Tensor, "T"]:
    return (points - points.mean(1, keepdim=True)).pow(2).sum((1, 2)).sqrt()


def gather_hand(
    hands: Sequence[Hands | None],
    side: str,
    camera: Camera,
    fps: float = 0.0,
    *,
    tuning: CloseTuning = FIT_TUNING.close,
) -> SeenHand:
    """Put what a detector saw of one hand into one value.

    Hands that the picture's edge cuts off are not trusted: the network invents what lies beyond. Nor are, in a clip,
    those that are seen for a moment only.

    Args:
        hands: one per frame; None where nobody looked.
        side: "left" or "right".
        camera: the clip's camera, at the origin.
        fps: frames per second; 0 for unrelated pictures.
        tuning: when hands are trusted.
    """
    image, world = np.zeros((len(hands), 21, 2)), np.zeros((len(hands), 21, 3))
    presence, sure, whole = (np.zeros(len(hands)) for _ in range(3))
    height, width = camera.size
    for frame, both in enumerate(hands):
        hand: Hand | None = None if both is None else getattr(both, side)
        if hand is None or not (np.isfinite(hand.image).all() and np.isfinite(hand.world).all()):
            continue
        image[frame], world[frame] = hand.image, hand.world
        presence[frame], sure[frame] = hand.presence, hand.side
        whole[frame] = ((hand.image >= 0) & (hand.image <= (width, height))).all()
    trust = _ramp(torch.from_numpy(presence), *tuning.presence) * _ramp(torch.from_numpy(sure), *tuning.side)
    seen = torch.from_numpy(image)
    rays = _rays(camera, seen.mean(1))
    lasting = _lasting(trust * torch.from_numpy(whole), round(tuning.shortest * fps))
    return SeenHand(seen, torch.from_numpy(world) @ rays.transpose(1, 2), lasting)


def palm_turns(hand: SeenHand, rest: Float[Tensor, "3 3"], side: str) -> Float64[Tensor, "T 3 3"]:
    """Return how a hand is turned in space in each frame; the identity at rest.

    Args:
        hand: the hand as seen.
        rest: axes of the body's palm at rest (`bodies.hands.palm_axes`).
        side: "left" or "right".
    """
    return hand.palm(side).transpose(1, 2) @ rest.double()


def face_turns(
    faces: Sequence[Face | None], camera: Camera, *, tuning: CloseTuning = FIT_TUNING.close
) -> tuple[Float64[Tensor, "T 3 3"], Float64[Tensor, "T"]]:
    """Return how a head is turned in space, by the mesh of its face, and how far to trust it.

    The mesh of a face that is turned away is invented by half, and counts for nothing.

    Args:
        faces: one per frame; None where no face was seen.
        camera: the clip's camera, at the origin.
        tuning: when faces are trusted.

    Returns:
        Orientations (the identity for a face that looks into the camera) and trust from 0 to 1.
    """
    mesh, presence = _meshes(faces)
    across = torch.nn.functional.normalize((mesh[:, list(_LEFT)] - mesh[:, list(_RIGHT)]).mean(1), dim=-1)
    down = mesh[:, _CHIN] - mesh[:, _FOREHEAD]
    down = torch.nn.functional.normalize(down - (down * across).sum(-1, keepdim=True) * across, dim=-1)
    axes = torch.stack([across, down, torch.linalg.cross(across, down)], dim=-1)
    level = axis_angle_to_matrix(torch.tensor([-tuning.face_lean, 0.0, 0.0], dtype=torch.float64))
    away = torch.acos(axes[:, 2, 2].clamp(-1, 1))
    trust = _ramp(presence, *tuning.presence) * (1 - _ramp(away, *tuning.turned_away))
    usable = axes.det() > 0.5
    turns = torch.where(usable[:, None, None], axes, torch.eye(3, dtype=torch.float64))
    return _rays(camera, mesh[..., :2].mean(1)) @ turns @ level, trust * usable


def face_track(faces: Sequence[Face | None]) -> FaceTrack | None:
    """Return the meshes of a face in one value; None if no frame shows it."""
    if not any(face is not None for face in faces):
        return None
    points, presence = _meshes(faces)
    closed = eyes_closed([None if face is None else face.eyes for face in faces])
    return FaceTrack.create(points.float(), presence.float(), torch.from_numpy(closed))


def close_terms(
    body: BodyModel,
    keypoints: Keypoints,
    hands: Sequence[Hands | None],
    faces: Sequence[Face | None],
    *,
    camera: Camera | None = None,
    weights: FitWeights = FIT_WEIGHTS,
    tuning: CloseTuning = FIT_TUNING.close,
) -> list[Term]:
    """Return terms that turn the head as the face is turned, and the hands as their palms are.

    Args:
        body: the body to fit; palms need joints of fingers.
        keypoints: the person's landmarks in the same frames.
        hands: the person's hands in each frame; empty if nobody looked.
        faces: the person's face in each frame; empty if nobody looked.
        camera: the clip's camera, by default that of `fit_track`.
        weights: how much each term counts.
        tuning: standard deviations, and what is trusted.
    """
    camera = (camera if camera is not None else default_camera(keypoints.size)).at_origin()
    kernel, terms = PseudoHuber(tuning.width), list[Term]()
    if faces and weights.head > 0:
        turns, trust = face_turns(faces, camera, tuning=tuning)
        if bool((trust > 0).any()):
            head = CANONICAL_JOINTS.index("head")
            terms.append(TurnTerm(head, turns, tuning.head_sigma, weights.head * trust, kernel))
    if hands and weights.hands > 0:
        person = body.identity(torch.zeros(body.num_betas, dtype=torch.float32))
        for side in SIDES:
            joints = find_hand(body, side)
            if joints is None:
                continue
            rest = rest_hand(joints, side, person.joints, person.vertices)
            hand = gather_hand(hands, side, camera, keypoints.fps, tuning=tuning)
            if not bool((hand.trust > 0).any()):
                continue
            wrist, trust = CANONICAL_JOINTS.index(f"{side}_wrist"), weights.hands * hand.trust
            turns = palm_turns(hand, rest.palm, side)
            terms.append(TurnTerm(wrist, turns, tuning.palm_sigma, trust, kernel))
            offset = (rest.joints[1:, 0].mean(0) - rest.wrist).double()
            spot = hand.image[:, _KNUCKLES].mean(1)
            unit = (tuning.knuckle_sigma * hand.length).clamp_min(1e-6)
            terms.append(CarriedPointTerm(camera, wrist, offset, spot, unit, trust, kernel))
    return terms


def without_seen_hands(
    keypoints: Keypoints, hands: Sequence[Hands | None], *, tuning: CloseTuning = FIT_TUNING.close
) -> Keypoints:
    """Return keypoints in which the body's own landmarks of a hand count as little as the hand itself was seen well.

    Args:
        keypoints: the body's landmarks.
        hands: the person's hands in each frame; empty if nobody looked.
        tuning: when hands are trusted.
    """
    if not hands:
        return keypoints
    confidence = keypoints.confidence.clone()
    camera = default_camera(keypoints.size)
    for side in SIDES:
        rows = [keypoints.names.index(name) for part in _OWN if (name := f"{side}_{part}") in keypoints.names]
        seen = gather_hand(hands, side, camera, keypoints.fps, tuning=tuning).trust
        confidence[:, rows] *= (1 - seen).to(confidence)[:, None]
    return replace(keypoints, confidence=confidence)


def _rays(camera: Camera, image: Float64[Tensor, "T 2"]) -> Float64[Tensor, "T 3 3"]:
    """Return the turns from the axes of a view along the ray to a point to those of the camera."""
    if camera.orthographic:
        return torch.eye(3, dtype=image.dtype).expand(len(image), 3, 3)
    ray = torch.nn.functional.pad(camera.on_plane(image), (0, 1), value=1.0)
    return shortest_rotation(ray.new_tensor([0.0, 0, 1]), ray)


def _meshes(faces: Sequence[Face | None]) -> tuple[Float64[Tensor, "T 468 3"], Float64[Tensor, "T"]]:
    points, presence = np.zeros((len(faces), FACE_POINTS, 3)), np.zeros(len(faces))
    for frame, face in enumerate(faces):
        if face is not None and np.isfinite(face.points).all():
            points[frame], presence[frame] = face.points, face.presence
    return torch.from_numpy(points), torch.from_numpy(presence)


def _lasting(trust: Float64[Tensor, "T"], least: int) -> Float64[Tensor, "T"]:
    """Return trust without what lasts for less than some frames in a row: its least in a window, as a morphology."""
    if least < 2 or len(trust) < 2:
        return trust
    padded = torch.nn.functional.pad(trust, (least - 1, least - 1))
    lowest = padded.unfold(0, least, 1).amin(-1)
    return lowest.unfold(0, least, 1).amax(-1)


def _ramp(value: Float64[Tensor, "T"], low: float, high: float) -> Float64[Tensor, "T"]:
    """Return 0 up to one value, 1 from another on, and evenly between them."""
    return ((value - low) / (high - low)).clamp(0, 1)
