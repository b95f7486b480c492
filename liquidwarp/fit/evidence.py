"""What was seen of a person, made ready for the fit: landmarks, limb directions in space, feet that stand.

Convention: camera axes, camera at the origin; pixels as `Camera`.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.fit.prior import shortest_rotation
from liquidwarp.fit.tuning import FIT_TUNING, EvidenceTuning
from liquidwarp.geometry import axis_angle_to_matrix, length_in_pixels
from liquidwarp.types import Camera

_FEET = (("left_heel", "left_foot_index"), ("right_heel", "right_foot_index"))
_LINE = ("shoulder", "hip", "knee", "ankle")
_NEAREST = 0.05  # metres: what a wild step brings behind the camera is seen as if it were here


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


def trust(
    confidence: Float[Tensor, "T L"],
    image: Float[Tensor, "T L 2"],
    size: tuple[int, int],
    *,
    tuning: EvidenceTuning = FIT_TUNING.evidence,
) -> Float[Tensor, "T L"]:
    """Turn confidences into weights: guesses count for nothing, nor does what lies outside the picture for much."""
    weight = ((confidence - tuning.least_confidence) / tuning.confidence_span).clamp(0, 1) * confidence
    height, width = size
    outside = torch.maximum(-image, image - image.new_tensor([width, height])).amax(dim=-1) / max(size)
    return weight * (1 - outside / tuning.outside_fade).clamp(tuning.outside_trust, 1)


def view_along_ray(
    camera: Camera, world: Float[Tensor, "T L 3"], image: Float[Tensor, "T L 2"], weight: Float[Tensor, "T L"]
) -> Float[Tensor, "T L 3"]:
    """Turn world landmarks from the axes of the crop that the detector saw to those of the camera.

    The detector looks at a crop around the person and knows nothing of its place in the picture, so its depth axis is
    the ray to the person's middle.
    """
    if camera.orthographic:
        return world
    pull = weight[..., None] + 1e-6
    middle = (image * pull).sum(dim=1) / pull.sum(dim=1)
    ray = camera.on_plane(middle)
    ray = torch.nn.functional.normalize(torch.cat([ray, torch.ones_like(ray[:, :1])], dim=-1), dim=-1)
    return world @ shortest_rotation(ray.new_tensor([0.0, 0, 1]), ray).transpose(1, 2)


def stand_upright(
    names: tuple[str, ...],
    world: Float[Tensor, "T L 3"],
    weight: Float[Tensor, "T L"],
    *,
    down: Float[Tensor, "3"] | None = None,
    tuning: EvidenceTuning = FIT_TUNING.evidence,
) -> Float[Tensor, "T L 3"]:
    """Take the lean out of world landmarks: who stands with straight legs stands upright.

    Detectors guess depth along a standing body badly: straight legs come with 20 degrees of bend at the knees, and the
    whole leans by 10 to 30 degrees. From the front neither shows; from the side both do. So small bends are taken out
    of the legs, and the median lean from the ankles to the shoulders, over the frames in which the person stands
    straight, is turned back in all frames.

    Args:
        names: of the landmarks.
        world: landmarks in camera axes.
        weight: trust in them.
        down: which way is down in camera axes; by default that of a level camera.
        tuning: who stands straight.
    """
    if not knows_standing(names):
        return world
    world = _straighten_legs(names, world, tuning.false_bend)
    along, straight = standing_line(names, world, weight, tuning=tuning)
    if not bool(straight.any()):
        return world
    lean = torch.atan2(along[:, 2], along[:, 1])
    turn = torch.zeros(3, dtype=world.dtype)
    turn[0] = (0.0 if down is None else torch.atan2(down[2], down[1]).to(world)) - lean[straight].median()
    return world @ axis_angle_to_matrix(turn).T


def knows_standing(names: tuple[str, ...]) -> bool:
    """Tell whether landmarks say how somebody stands."""
    return all(f"{side}_{joint}" in names for side in ("left", "right") for joint in _LINE)


def standing_line(
    names: tuple[str, ...],
    world: Float[Tensor, "T L 3"],
    weight: Float[Tensor, "T L"],
    *,
    tuning: EvidenceTuning = FIT_TUNING.evidence,
) -> tuple[Float[Tensor, "T 3"], Bool[Tensor, "T"]]:
    """Return the way from the shoulders to the ankles, and the frames in which somebody stands with straight legs."""
    column = {joint: [names.index(f"{side}_{joint}") for side in ("left", "right")] for joint in _LINE}
    shoulder, hip, knee, ankle = (world[:, column[joint]] for joint in _LINE)
    legs = torch.nn.functional.cosine_similarity(hip - knee, knee - ankle, dim=-1).amin(1)
    seen = torch.stack([weight[:, column[joint]].amin(1) for joint in _LINE]).amin(0) > tuning.least_seen
    along = ankle.mean(1) - shoulder.mean(1)
    lean = torch.atan2(along[:, 2], along[:, 1])
    return along, seen & (legs > math.cos(tuning.straight_knee)) & (lean.abs() < tuning.most_lean)


def _straighten_legs(
    names: tuple[str, ...], world: Float[Tensor, "T L 3"], false_bend: float
) -> Float[Tensor, "T L 3"]:
    """Map bends of the knee from 0 to `false_bend` to none, and those up to twice that evenly to what they were."""
    world = world.clone()
    for side in ("left", "right"):
        hip, knee, ankle = (world[:, names.index(f"{side}_{joint}")] for joint in ("hip", "knee", "ankle"))
        thigh, shin = knee - hip, ankle - knee
        length = shin.norm(dim=-1, keepdim=True)
        thigh_way, shin_way = torch.nn.functional.normalize(thigh, dim=-1), shin / length.clamp_min(1e-9)
        bend = torch.acos((thigh_way * shin_way).sum(-1, keepdim=True).clamp(-1, 1))
        wanted = torch.minimum((2 * (bend - false_bend)).clamp_min(0), bend)
        blend = 1 - wanted / bend.clamp_min(1e-9)
        straight = torch.nn.functional.normalize((1 - blend) * shin_way + blend * thigh_way, dim=-1) * length
        for joint in ("ankle", "heel", "foot_index"):
            if f"{side}_{joint}" in names:
                world[:, names.index(f"{side}_{joint}")] += straight - shin
    return world


def straighten_knees(
    names: tuple[str, ...], world: Float[Tensor, "T L 3"], false_bend: float
) -> Float[Tensor, "T L 3"]:
    """Move knees towards the line from hip to ankle, which stays: a bend of up to `false_bend` becomes none.

    Bends from there to twice that come evenly to what they were; larger ones stay. Legs that are not named stay.

    Args:
        names: of the landmarks.
        world: landmarks in any axes.
        false_bend: radians that are seen in legs which are straight.
    """
    world = world.clone()
    for side in ("left", "right"):
        leg = [f"{side}_{joint}" for joint in ("hip", "knee", "ankle")]
        if all(name in names for name in leg):
            hip, knee, ankle = (world[:, names.index(name)] for name in leg)
            along = torch.nn.functional.cosine_similarity(knee - hip, ankle - knee, dim=-1)[:, None]
            bend = torch.acos(along.clamp(-1, 1))
            wanted = torch.minimum((2 * (bend - false_bend)).clamp_min(0), bend)
            line = torch.nn.functional.normalize(ankle - hip, dim=-1)
            on_line = hip + ((knee - hip) * line).sum(-1, keepdim=True) * line
            world[:, names.index(leg[1])] = on_line + (knee - on_line) * (wanted / bend.clamp_min(1e-9))
    return world


def limb_directions(
    names: tuple[str, ...],
    world: Float[Tensor, "T L 3"] | None,
    weight: Float[Tensor, "T L"],
    rest: Float[Tensor, "L 3"],
    *,
    tuning: EvidenceTuning = FIT_TUNING.evidence,
) -> tuple[Int[Tensor, "M 2"], Float[Tensor, "T M 3"], Float[Tensor, "T M"]]:
    """Return pairs of landmarks, their directions in space and the trust in them; none without world landmarks.

    A detector that does not know whether a limb points at the camera or away answers with the mean of both, a short
    limb across the view. Such a direction is wrong, so trust falls with the limb's length against the resting body's.
    """
    found = [(a, b, worth) for a, b, worth in tuning.limbs if world is not None and a in names and b in names]
    pairs = torch.tensor([(names.index(a), names.index(b)) for a, b, _ in found], dtype=torch.int64).view(-1, 2)
    if world is None or not found:
        return pairs, weight.new_zeros(len(weight), len(found), 3), weight.new_zeros(len(weight), len(found))
    way = world[:, pairs[:, 1]] - world[:, pairs[:, 0]]
    worth = torch.tensor([worth for _, _, worth in found], dtype=weight.dtype)
    both = torch.minimum(weight[:, pairs[:, 0]], weight[:, pairs[:, 1]])
    whole = _completeness(way, pairs, rest, both > 0, tuning.full_length)
    return pairs, torch.nn.functional.normalize(way, dim=-1), both * worth * whole


def _completeness(way: Tensor, pairs: Tensor, rest: Tensor, seen: Tensor, full: float) -> Tensor:
    length = way.norm(dim=-1) / (rest[pairs[:, 1]] - rest[pairs[:, 0]]).norm(dim=-1)
    usual = length[seen].median() if bool(seen.any()) else length.median()
    return (length / (full * usual.clamp_min(1e-6))).clamp(max=1) ** 3


def standing_feet(
    names: tuple[str, ...],
    image: Float[Tensor, "T L 2"],
    weight: Float[Tensor, "T L"],
    height: Float[Tensor, "T"],
    fps: float,
    *,
    tuning: EvidenceTuning = FIT_TUNING.evidence,
) -> tuple[Int[Tensor, "N"], Float[Tensor, "T N"]]:
    """Find the feet that stand: slow in the picture and not raised above the other.

    Args:
        names: landmark names.
        image: landmarks in pixels.
        weight: trust in them.
        height: the person's height in pixels.
        fps: frames per second.
        tuning: what is slow, and what is raised.

    Returns:
        Foot landmarks, and per frame the trust (0 to 1) that each stays in place until the next frame.
    """
    if fps <= 0 or any(name not in names for foot in _FEET for name in foot) or len(image) < 3:
        return torch.zeros(0, dtype=torch.int64), image.new_zeros(len(image), 0)
    feet = torch.tensor([names.index(name) for foot in _FEET for name in foot])
    reach = max(1, round(fps * tuning.stand_span))
    spots = image[:, feet]
    frames = torch.arange(len(image))
    ahead, behind = (frames + reach).clamp_max(len(image) - 1), (frames - reach).clamp_min(0)
    time = ((ahead - behind).float() / fps)[:, None]
    speed = (spots[ahead] - spots[behind]).norm(dim=-1) / time / height[:, None]
    lowest = spots[..., 1].view(-1, 2, 2).amax(dim=2)
    rise = (lowest.amax(dim=1, keepdim=True) - lowest) / height[:, None]
    low = torch.exp(-((rise / tuning.stand_rise) ** 2)).repeat_interleave(2, dim=1)
    slow = torch.exp(-((speed / tuning.stand_speed) ** 2))
    here = slow * low * weight[:, feet]
    standing = torch.minimum(here, torch.cat([here[1:], here[-1:]]))
    standing[-1] = 0
    return feet, standing


def height_in_pixels(camera: Camera, stature: float, place: Float[Tensor, "T 3"]) -> Float[Tensor, "T"]:
    """Return how tall the person would stand in the picture, per frame."""
    return length_in_pixels(camera, stature, place[:, 2].clamp_min(_NEAREST))
