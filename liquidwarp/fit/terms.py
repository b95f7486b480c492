"""What the fit compares: landmarks in the picture, limb directions in space, feet that stand.

Convention: camera axes, camera at the origin; pixels as `Camera`.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.fit.chain import Chain
from liquidwarp.fit.prior import shortest_rotation
from liquidwarp.fit.skeleton import Posed
from liquidwarp.geometry import axis_angle_to_matrix, length_in_pixels, project_with_jacobian
from liquidwarp.types import Camera

_PICTURE_SIGMA = 0.005  # of the person's height
_DIRECTION_SIGMA = 0.5  # along X and Y, which the picture itself knows better
STILL_DEPTH_SIGMA = 0.04  # nothing but the direction tells a leaning limb from a shorter one in a single picture
_STAND_SIGMA = 0.08  # m/s
_STAND_REACH = 0.7  # of the reach of landmarks
_STAND_WEIGHT = 1.0
_STAND_SPEED = 0.12  # of the person's height per second
_NEAR = 0.05  # metres: nobody stands nearer to the camera
_STAND_RISE = 0.08  # of the person's height above the lower foot

_LIMBS = (
    ("left_shoulder", "right_shoulder", 1.0),
    ("left_hip", "right_hip", 1.0),
    ("left_shoulder", "left_hip", 0.7),
    ("right_shoulder", "right_hip", 0.7),
    ("left_shoulder", "left_elbow", 1.0),
    ("right_shoulder", "right_elbow", 1.0),
    ("left_elbow", "left_wrist", 1.0),
    ("right_elbow", "right_wrist", 1.0),
    ("left_wrist", "left_index", 0.3),
    ("right_wrist", "right_index", 0.3),
    ("left_wrist", "left_pinky", 0.3),
    ("right_wrist", "right_pinky", 0.3),
    ("left_hip", "left_knee", 1.0),
    ("right_hip", "right_knee", 1.0),
    ("left_knee", "left_ankle", 1.0),
    ("right_knee", "right_ankle", 1.0),
    ("left_heel", "left_foot_index", 1.0),
    ("right_heel", "right_foot_index", 1.0),
    ("left_ear", "right_ear", 1.0),
    ("nose", "left_ear", 0.6),
    ("nose", "right_ear", 0.6),
    ("left_eye_outer", "right_eye_outer", 0.5),
    ("mouth_left", "mouth_right", 0.3),
)
_FEET = (("left_heel", "left_foot_index"), ("right_heel", "right_foot_index"))


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was seen of one person in T frames, made ready for the fit.

    Attributes:
        image: landmarks in pixels.
        weight: trust in each, 0 to 1.
        unit: one standard deviation in pixels, per frame.
        limbs: pairs of landmarks.
        directions: unit vectors of the limbs.
        limb_weight: trust in each direction.
        feet: landmarks of the feet; the first half belongs to the left foot.
        standing: trust that a foot landmark stays where it is until the next frame.
        depth_sigma: one standard deviation of a direction along Z.
    """

    image: Float[Tensor, "T L 2"]
    weight: Float[Tensor, "T L"]
    unit: Float[Tensor, "T"]
    limbs: Int[Tensor, "M 2"]
    directions: Float[Tensor, "T M 3"]
    limb_weight: Float[Tensor, "T M"]
    feet: Int[Tensor, "N"]
    standing: Float[Tensor, "T N"]
    depth_sigma: float

    def __getitem__(self, index: slice | Tensor) -> "Evidence":
        """Return some frames."""
        per_frame = ("image", "weight", "unit", "directions", "limb_weight", "standing")
        return replace(self, **{name: getattr(self, name)[index] for name in per_frame})


_STRAIGHT = math.cos(math.radians(30))  # of a knee
_FALSE_BEND = math.radians(22)
_MOST_LEAN = math.radians(45)


def trust(
    confidence: Float[Tensor, "T L"], image: Float[Tensor, "T L 2"], size: tuple[int, int]
) -> Float[Tensor, "T L"]:
    """Turn confidences into weights: guesses count for nothing, nor does what lies outside the picture for much."""
    weight = ((confidence - 0.15) / 0.5).clamp(0, 1) * confidence
    height, width = size
    outside = torch.maximum(-image, image - image.new_tensor([width, height])).amax(dim=-1) / max(size)
    return weight * (1 - outside / 0.05).clamp(0.05, 1)


def view_along_ray(
    camera: Camera, world: Float[Tensor, "T L 3"], image: Float[Tensor, "T L 2"], weight: Float[Tensor, "T L"]
) -> Float[Tensor, "T L 3"]:
    """Turn world landmarks from the axes of the crop that the detector saw to those of the camera.

    The detector looks at a crop around the person and knows nothing of its place in the picture, so its depth axis is
    the ray to the person's middle.
    """
    if camera.orthographic:
        return world
    share = weight[..., None] + 1e-6
    middle = (image * share).sum(dim=1) / share.sum(dim=1)
    ray = camera.on_plane(middle)
    ray = torch.nn.functional.normalize(torch.cat([ray, torch.ones_like(ray[:, :1])], dim=-1), dim=-1)
    return world @ shortest_rotation(ray.new_tensor([0.0, 0, 1]), ray).transpose(1, 2)


def stand_upright(
    names: tuple[str, ...], world: Float[Tensor, "T L 3"], weight: Float[Tensor, "T L"]
) -> Float[Tensor, "T L 3"]:
    """Take the lean out of world landmarks: who stands with straight legs stands upright before a level camera.

    Detectors guess depth along a standing body badly: straight legs come with 20 degrees of bend at the knees, and the
    whole leans by 10 to 30 degrees. From the front neither shows; from the side both do. So small bends are taken out
    of the legs, and the median lean from the ankles to the shoulders, over the frames in which the person stands
    straight, is turned back in all frames.
    """
    needed = ("shoulder", "hip", "knee", "ankle")
    if any(f"{side}_{joint}" not in names for side in ("left", "right") for joint in needed):
        return world
    world = _straighten_legs(names, world)
    column = {joint: [names.index(f"{side}_{joint}") for side in ("left", "right")] for joint in needed}
    shoulder, hip, knee, ankle = (world[:, column[joint]] for joint in needed)
    legs = torch.nn.functional.cosine_similarity(hip - knee, knee - ankle, dim=-1).amin(1)
    seen = torch.stack([weight[:, column[joint]].amin(1) for joint in needed]).amin(0) > 0.3
    up = ankle.mean(1) - shoulder.mean(1)
    lean = torch.atan2(up[:, 2], up[:, 1])
    straight = seen & (legs > _STRAIGHT) & (lean.abs() < _MOST_LEAN)
    if not bool(straight.any()):
        return world
    turn = torch.zeros(3, dtype=world.dtype)
    turn[0] = -lean[straight].median()
    return world @ axis_angle_to_matrix(turn).T


def _straighten_legs(names: tuple[str, ...], world: Float[Tensor, "T L 3"]) -> Float[Tensor, "T L 3"]:
    """Map bends of the knee from 0 to `_FALSE_BEND` to none, and those up to twice that evenly to what they were."""
    world = world.clone()
    for side in ("left", "right"):
        hip, knee, ankle = (world[:, names.index(f"{side}_{joint}")] for joint in ("hip", "knee", "ankle"))
        thigh, shin = knee - hip, ankle - knee
        length = shin.norm(dim=-1, keepdim=True)
        thigh_way, shin_way = torch.nn.functional.normalize(thigh, dim=-1), shin / length.clamp_min(1e-9)
        bend = torch.acos((thigh_way * shin_way).sum(-1, keepdim=True).clamp(-1, 1))
        wanted = torch.minimum((2 * (bend - _FALSE_BEND)).clamp_min(0), bend)
        blend = 1 - wanted / bend.clamp_min(1e-9)
        straight = torch.nn.functional.normalize((1 - blend) * shin_way + blend * thigh_way, dim=-1) * length
        for joint in ("ankle", "heel", "foot_index"):
            if f"{side}_{joint}" in names:
                world[:, names.index(f"{side}_{joint}")] += straight - shin
    return world


def limb_directions(
    names: tuple[str, ...],
    world: Float[Tensor, "T L 3"] | None,
    weight: Float[Tensor, "T L"],
    rest: Float[Tensor, "L 3"],
) -> tuple[Int[Tensor, "M 2"], Float[Tensor, "T M 3"], Float[Tensor, "T M"]]:
    """Return pairs of landmarks, their directions in space and the trust in them; none without world landmarks.

    A detector that does not know whether a limb points at the camera or away answers with the mean of both, a short
    limb across the view. Such a direction is wrong, so trust falls with the limb's length against the resting body's.
    """
    found = [(a, b, share) for a, b, share in _LIMBS if world is not None and a in names and b in names]
    pairs = torch.tensor([(names.index(a), names.index(b)) for a, b, _ in found], dtype=torch.int64).view(-1, 2)
    if world is None or not found:
        return pairs, weight.new_zeros(len(weight), len(found), 3), weight.new_zeros(len(weight), len(found))
    way = world[:, pairs[:, 1]] - world[:, pairs[:, 0]]
    share = torch.tensor([share for _, _, share in found], dtype=weight.dtype)
    both = torch.minimum(weight[:, pairs[:, 0]], weight[:, pairs[:, 1]])
    return pairs, torch.nn.functional.normalize(way, dim=-1), both * share * _completeness(way, pairs, rest, both > 0)


def _completeness(way: Tensor, pairs: Tensor, rest: Tensor, seen: Tensor) -> Tensor:
    length = way.norm(dim=-1) / (rest[pairs[:, 1]] - rest[pairs[:, 0]]).norm(dim=-1)
    usual = length[seen].median() if bool(seen.any()) else length.median()
    return (length / (0.9 * usual.clamp_min(1e-6))).clamp(max=1) ** 3


def standing_feet(
    names: tuple[str, ...],
    image: Float[Tensor, "T L 2"],
    weight: Float[Tensor, "T L"],
    height: Float[Tensor, "T"],
    fps: float,
) -> tuple[Int[Tensor, "N"], Float[Tensor, "T N"]]:
    """Find the feet that stand: slow in the picture and not raised above the other.

    Args:
        names: landmark names.
        image: landmarks in pixels.
        weight: trust in them.
        height: the person's height in pixels.
        fps: frames per second.

    Returns:
        Foot landmarks, and per frame the trust (0 to 1) that each stays in place until the next frame.
    """
    if fps <= 0 or any(name not in names for foot in _FEET for name in foot) or len(image) < 3:
        return torch.zeros(0, dtype=torch.int64), image.new_zeros(len(image), 0)
    feet = torch.tensor([names.index(name) for foot in _FEET for name in foot])
    reach = max(1, round(fps / 16))  # about 0.12 s both ways: long enough to see through the detector's noise
    spots = image[:, feet]
    frames = torch.arange(len(image))
    ahead, behind = (frames + reach).clamp_max(len(image) - 1), (frames - reach).clamp_min(0)
    time = ((ahead - behind) / fps)[:, None]
    speed = (spots[ahead] - spots[behind]).norm(dim=-1) / time / height[:, None]
    lowest = spots[..., 1].view(-1, 2, 2).amax(dim=2)
    rise = (lowest.amax(dim=1, keepdim=True) - lowest) / height[:, None]
    low = torch.exp(-((rise / _STAND_RISE) ** 2)).repeat_interleave(2, dim=1)
    slow = torch.exp(-((speed / _STAND_SPEED) ** 2))
    here = slow * low * weight[:, feet]
    standing = torch.minimum(here, torch.cat([here[1:], here[-1:]]))
    standing[-1] = 0
    return feet, standing


def picture_terms(
    evidence: Evidence, camera: Camera, posed: Posed, jacobian: Float[Tensor, "T L 3 P"], reach: float
) -> tuple[Tensor, Tensor, Float[Tensor, "T"]]:
    """Compare landmarks in the picture; Geman-McClure with a width of `reach` standard deviations.

    Returns:
        Weighted residuals, their slopes, and the cost per frame.
    """
    spots, slope = project_with_jacobian(camera, posed.points)
    error = (spots - evidence.image) / evidence.unit[:, None, None]
    squared = (error**2).sum(dim=-1)
    soft = reach**2 / (reach**2 + squared)
    share = (evidence.weight.sqrt() * soft)[..., None]
    rows = (slope / evidence.unit[:, None, None, None]) @ jacobian * share[..., None]
    return (error * share).flatten(1), rows.flatten(1, 2), (evidence.weight * squared * soft).sum(dim=1)


def direction_terms(
    evidence: Evidence, posed: Posed, jacobian: Float[Tensor, "T L 3 P"]
) -> tuple[Tensor, Tensor, Float[Tensor, "T"]]:
    """Compare limb directions in space, robustly: returns as `picture_terms`."""
    start, end = evidence.limbs.unbind(dim=1)
    way = posed.points[:, end] - posed.points[:, start]
    length = way.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    unit = way / length
    sigma = unit.new_tensor([_DIRECTION_SIGMA, _DIRECTION_SIGMA, evidence.depth_sigma])
    error = (unit - evidence.directions) / sigma
    squared = (error**2).sum(dim=-1)
    soft = (1 + squared / 4).rsqrt()
    share = (evidence.limb_weight * soft).sqrt()[..., None]
    change = jacobian[:, end] - jacobian[:, start]
    change = change - unit[..., None] * (unit[..., None, :] @ change)
    rows = change / (length * sigma)[..., None] * share[..., None]
    cost = (evidence.limb_weight * 8 * ((1 + squared / 4).sqrt() - 1)).sum(dim=1)
    return (error * share).flatten(1), rows.flatten(1, 2), cost


def add_standing_(
    chain: Chain, evidence: Evidence, posed: Posed, jacobian: Float[Tensor, "T L 3 P"], fps: float, reach: float
) -> None:
    """Hold standing feet in place from frame to frame.

    A foot may look still and yet move along the view, so the cost is Geman-McClure's: other evidence can break it.
    """
    if len(evidence.feet) == 0 or fps <= 0:
        return
    squared, residual = _sliding(evidence, posed, fps)
    share = (evidence.standing[:-1].sqrt() / (1 + squared / (_STAND_REACH * reach) ** 2))[
        ..., None
    ] * _STAND_WEIGHT**0.5
    slopes = jacobian[:, evidence.feet] * (fps / _STAND_SIGMA)
    before = (-slopes[:-1] * share[..., None]).flatten(1, 2)
    after = (slopes[1:] * share[..., None]).flatten(1, 2)
    flat = (residual * share).flatten(1)[..., None]
    chain.diagonal[:-1] += before.transpose(1, 2) @ before
    chain.diagonal[1:] += after.transpose(1, 2) @ after
    chain.next1[:-1] += after.transpose(1, 2) @ before
    chain.right[:-1] -= (before.transpose(1, 2) @ flat)[..., 0]
    chain.right[1:] -= (after.transpose(1, 2) @ flat)[..., 0]


def standing_cost(evidence: Evidence, posed: Posed, fps: float, reach: float) -> float:
    """Return the cost of what `add_standing_` adds."""
    if len(evidence.feet) == 0 or fps <= 0:
        return 0.0
    squared, _ = _sliding(evidence, posed, fps)
    cost = evidence.standing[:-1] * squared / (1 + squared / (_STAND_REACH * reach) ** 2)
    return _STAND_WEIGHT * float(cost.sum())


def _sliding(evidence: Evidence, posed: Posed, fps: float) -> tuple[Tensor, Tensor]:
    spots = posed.points[:, evidence.feet]
    residual = (spots[1:] - spots[:-1]) * (fps / _STAND_SIGMA)
    return (residual**2).sum(dim=-1), residual


def picture_unit(camera: Camera, stature: float, place: Float[Tensor, "T 3"]) -> Float[Tensor, "T"]:
    """Return the length in pixels of one standard deviation of a landmark, per frame."""
    return _PICTURE_SIGMA * height_in_pixels(camera, stature, place)


def height_in_pixels(camera: Camera, stature: float, place: Float[Tensor, "T 3"]) -> Float[Tensor, "T"]:
    """Return how tall the person would stand in the picture, per frame."""
    return length_in_pixels(camera, stature, place[:, 2].clamp_min(_NEAR))
