"""A first pose from the detector's world landmarks, in closed form.

Convention: camera axes; landmark directions are taken as the detector gives them, seen along the ray to the person.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS
from liquidwarp.fit.chain import slerp_rotations
from liquidwarp.fit.prior import PosePrior, shortest_rotation
from liquidwarp.fit.skeleton import JOINTS, Skeleton, pose_skeleton
from liquidwarp.fit.tuning import FIT_TUNING, StartTuning
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from liquidwarp.types import Camera, shots_of

_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "mouth_left", "mouth_right")
_FOOT = ("ankle", "heel", "foot_index")
_LEGS = ("hip", "knee", "ankle", "heel", "foot")
_HAND = ("wrist", "pinky", "index", "thumb")


class _SeenLandmarks:
    """World landmarks and their twins on the resting skeleton, by name."""

    def __init__(
        self, names: tuple[str, ...], world: Tensor, confidence: Tensor, rest: Tensor, tuning: StartTuning
    ) -> None:
        self.tuning = tuning
        self.place = {name: world[:, index] for index, name in enumerate(names)}
        self.trust = {name: confidence[:, index] for index, name in enumerate(names)}
        self.rest = {name: rest[index] for index, name in enumerate(names)}

    def has(self, *names: str) -> bool:
        return all(name in self.place for name in names)

    def trusted(self, *names: str) -> Tensor:
        return torch.stack([self.trust[name] for name in names]).amin(dim=0) >= self.tuning.trusted

    def both(self, end: str, start: str) -> tuple[Tensor, Tensor]:
        return self.place[end] - self.place[start], self.rest[end] - self.rest[start]

    def middle(self, kind: str) -> tuple[Tensor, Tensor]:
        left, right = f"left_{kind}", f"right_{kind}"
        return (self.place[left] + self.place[right]) / 2, (self.rest[left] + self.rest[right]) / 2


def start_rotations(
    skeleton: Skeleton,
    prior: PosePrior,
    names: tuple[str, ...],
    world: Float[Tensor, "T L 3"],
    confidence: Float[Tensor, "T L"],
    *,
    tuning: StartTuning = FIT_TUNING.start,
) -> Float[Tensor, "T J 3 3"]:
    """Turn every joint so that limbs point as the world landmarks say; parts not seen stay relaxed."""
    seen = _SeenLandmarks(names, world, confidence, skeleton.points, tuning)
    local = prior.relaxed_rotations.repeat(len(world), 1, 1, 1)
    if not seen.has("left_shoulder", "right_shoulder", "left_hip", "right_hip"):
        return local
    _bow(seen)
    index = {name: place for place, name in enumerate(CANONICAL_JOINTS)}
    pelvis, chest = _trunk(seen)
    local[:, 0] = pelvis
    bend = _part_of_turn(pelvis.transpose(1, 2) @ chest, tuning.spine_part, limit=tuning.most_spine)
    for name in ("spine1", "spine2", "spine3"):
        local[:, index[name]] = bend
    chest = pelvis @ bend @ bend @ bend
    face = tuple(name for name in _FACE if seen.has(name))
    if len(face) >= 4:
        nod = _part_of_turn(chest.transpose(1, 2) @ _align(seen, face), tuning.neck_part, limit=tuning.most_turn)
        local[:, index["neck"]] = nod
        local[:, index["head"]] = nod
    for side in ("left", "right"):
        _limb(local, seen, prior, index, side, ("shoulder", "elbow", "wrist"), chest, _HAND)
        _limb(local, seen, prior, index, side, ("hip", "knee", "ankle"), pelvis, _FOOT)
    return local


def _frame(first: Tensor, second: Tensor) -> Tensor:
    # Columns: the first direction, the part of the second square to it, and their cross product.
    x = first / first.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    z = torch.linalg.cross(x, second)
    z = z / z.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    return torch.stack([x, torch.linalg.cross(z, x), z], dim=-1)


def _bow(seen: _SeenLandmarks) -> None:
    # A trunk that looks too short leans along the view, and the detector may not know which way: bowing is likelier.
    (hip, hip_rest), (shoulder, shoulder_rest) = seen.middle("hip"), seen.middle("shoulder")
    up, up_rest = shoulder - hip, (shoulder_rest - hip_rest).norm()
    across, across_rest = seen.both("left_shoulder", "right_shoulder")
    scale = (across.norm(dim=-1) / across_rest.norm()).median()
    tuning = seen.tuning
    missing = ((tuning.trunk_length * scale * up_rest) ** 2 - (up[:, :2] ** 2).sum(dim=-1)).clamp_min(0).sqrt()
    toward = torch.where(up[:, 2].abs() > tuning.sure_lean, up[:, 2].sign(), -across[:, 0].sign())
    short = up.norm(dim=-1) < tuning.short_trunk * scale * up_rest
    lean = torch.where(short, toward * missing - up[:, 2], torch.zeros_like(missing))
    for name in seen.place:
        if not any(part in name for part in _LEGS):
            seen.place[name] = seen.place[name] + torch.nn.functional.pad(lean[:, None], (2, 0))


def _trunk(seen: _SeenLandmarks) -> tuple[Tensor, Tensor]:
    (hip, hip_rest), (shoulder, shoulder_rest) = seen.middle("hip"), seen.middle("shoulder")
    down, down_rest = hip - shoulder, hip_rest - shoulder_rest
    across, across_rest = seen.both("left_hip", "right_hip")
    pelvis = _frame(across, down) @ _frame(across_rest, down_rest).T
    across, across_rest = seen.both("left_shoulder", "right_shoulder")
    return pelvis, _frame(down, across) @ _frame(down_rest, across_rest).T


def _part_of_turn(turn: Tensor, part: float, limit: float) -> Tensor:
    vector = matrix_to_axis_angle(turn) * part
    size = vector.norm(dim=-1, keepdim=True)
    return axis_angle_to_matrix(vector * (limit / size.clamp_min(limit)))


def _align(seen: _SeenLandmarks, names: tuple[str, ...]) -> Tensor:
    # Kabsch: the rotation that best carries the resting points onto the seen ones, about their middles.
    here = torch.stack([seen.place[name] for name in names], dim=1)
    rest = torch.stack([seen.rest[name] for name in names])
    product = (here - here.mean(dim=1, keepdim=True)).transpose(1, 2) @ (rest - rest.mean(dim=0))
    u, _, v = torch.linalg.svd(product + 1e-12 * torch.eye(3, dtype=product.dtype))
    sign = torch.ones_like(product[:, 0])
    sign[:, 2] = torch.linalg.det(u @ v).sign()
    return (u * sign[:, None]) @ v


def _limb(
    local: Tensor,
    seen: _SeenLandmarks,
    prior: PosePrior,
    index: dict[str, int],
    side: str,
    joints: tuple[str, str, str],
    above: Tensor,
    end: tuple[str, ...],
) -> None:
    root, middle, tip = (f"{side}_{name}" for name in joints)
    if not seen.has(root, middle, tip):
        return
    (upper, upper_rest), (lower, lower_rest) = seen.both(middle, root), seen.both(tip, middle)
    bend_rest = prior.axes[index[middle], 1]
    plain = shortest_rotation((above @ upper_rest), upper) @ above @ bend_rest
    unit_upper, unit_lower = (bone / bone.norm(dim=-1, keepdim=True).clamp_min(1e-9) for bone in (upper, lower))
    # A straight limb says nothing about its bend axis: then it stays where the trunk carries it.
    axis = torch.linalg.cross(unit_upper, unit_lower) + seen.tuning.bend_axis * plain
    top = _frame(upper, axis) @ _frame(upper_rest, bend_rest).T
    bottom = _frame(axis, lower) @ _frame(bend_rest, lower_rest).T
    good = seen.trusted(root, middle)
    relaxed = above @ prior.relaxed_rotations[index[root]]
    top = torch.where(good[:, None, None], top, relaxed)
    local[:, index[root]] = above.transpose(1, 2) @ top
    bent = good & seen.trusted(middle, tip)
    local[bent, index[middle]] = (top.transpose(1, 2) @ bottom)[bent]
    names = tuple(f"{side}_{name}" for name in end)
    if seen.has(*names):
        turned = _part_of_turn(bottom.transpose(1, 2) @ _align(seen, names), 1.0, limit=seen.tuning.most_turn)
        sure = bent & seen.trusted(*names)
        local[sure, index[tip]] = turned[sure]


def yaw_from_picture(
    names: tuple[str, ...],
    image: Float[Tensor, "T L 2"],
    confidence: Float[Tensor, "T L"],
    *,
    tuning: StartTuning = FIT_TUNING.start,
) -> Float[Tensor, "T"]:
    """Guess the turn about the vertical from the shoulders' and hips' apparent width, without world landmarks."""
    place = {name: image[:, index] for index, name in enumerate(names)}
    trust = {name: confidence[:, index] for index, name in enumerate(names)}
    pairs = [kind for kind in ("shoulder", "hip") if f"left_{kind}" in place and f"right_{kind}" in place]
    if len(pairs) < 2:
        return image.new_zeros(len(image))
    across = torch.stack([place[f"left_{kind}"] - place[f"right_{kind}"] for kind in pairs]).mean(dim=0)[:, 0]
    middle = [(place[f"left_{kind}"] + place[f"right_{kind}"]) / 2 for kind in pairs]
    long = (middle[0] - middle[1]).norm(dim=-1).clamp_min(1e-6)
    turn = torch.acos((across / (tuning.shoulder_width * long)).clamp(-1, 1))
    zero = torch.zeros_like(turn)
    toward_left = trust.get("left_ear", zero) - trust.get("right_ear", zero)
    # The ear that shows is the one that faces the camera: a person who turns to their own right shows the left ear.
    return torch.where(toward_left > 0, turn, -turn)


def start_place(
    skeleton: Skeleton,
    camera: Camera,
    rotations: Float[Tensor, "T J 3 3"],
    image: Float[Tensor, "T L 2"],
    weight: Float[Tensor, "T L"],
    *,
    tuning: StartTuning = FIT_TUNING.start,
) -> Float[Tensor, "T 3"]:
    """Place the pelvis so that the posed landmarks fall on the picture's, by linear least squares."""
    frames = len(image)
    arms = pose_skeleton(skeleton, rotations, rotations.new_zeros(frames, 3)).points
    spot = camera.on_plane(image)
    ones, zeros = torch.ones_like(spot[..., 0]), torch.zeros_like(spot[..., 0])
    rows = torch.stack(
        [torch.stack([ones, zeros, -spot[..., 0]], -1), torch.stack([zeros, ones, -spot[..., 1]], -1)], 2
    )
    right = spot * arms[..., 2:] - arms[..., :2]
    if camera.orthographic:
        rows = rows * rows.new_tensor([1.0, 1, 0])
        right = spot - arms[..., :2]
    place = image.new_zeros(frames, 3)
    pull = weight
    for _ in range(tuning.place_rounds):
        scaled = (rows * pull[..., None, None]).flatten(1, 2)
        normal = scaled.transpose(1, 2) @ rows.flatten(1, 2) + 1e-9 * torch.eye(3, dtype=image.dtype)
        place = torch.linalg.solve(normal, (scaled.transpose(1, 2) @ right.flatten(1, 2)[..., None]))[..., 0]
        error = (rows @ place[:, None, :, None])[..., 0] - right
        pull = weight / (1 + (error.norm(dim=-1) / tuning.place_width) ** 2)
    if not camera.orthographic:
        place[:, 2] = place[:, 2].clamp_min(tuning.nearest)
    return place


def bridge(
    rotations: Float[Tensor, "T J 3 3"],
    place: Float[Tensor, "T 3"],
    present: Bool[Tensor, "T"],
    cuts: tuple[int, ...] = (),
) -> tuple[Float[Tensor, "T J 3 3"], Float[Tensor, "T 3"]]:
    """Fill frames that show nobody from their nearest neighbours that do, of the same shot if it has any."""
    if cuts:
        rotations, place = bridge(rotations, place, present)
        shots = shots_of(cuts, len(present))
        parts = [bridge(rotations[shot], place[shot], present[shot] | ~present[shot].any()) for shot in shots]
        return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])
    known = present.nonzero()[:, 0]
    frame = torch.arange(len(present))
    after = torch.searchsorted(known, frame).clamp_max(len(known) - 1)
    before = (torch.searchsorted(known, frame, right=True) - 1).clamp_min(0)
    start, end = known[before], known[after]
    amount = ((frame - start).float() / (end - start).clamp_min(1)).clamp(0, 1).to(place)
    filled = slerp_rotations(rotations[start], rotations[end], amount[:, None].expand(-1, JOINTS))
    return filled, place[start] + amount[:, None] * (place[end] - place[start])
