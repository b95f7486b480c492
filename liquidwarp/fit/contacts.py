"""When heels and toes stand on the ground, read from a body's motion.

A point of a foot begins to stand where it is slow and low, and stands until it is clearly fast or high (hysteresis), so
that noise does not break a stand. Speeds are taken over a fixed time, whatever the frame rate.

Convention: world axes, +Y down; metres, seconds.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.bodies.protocol import BodyModel
from liquidwarp.fit.tuning import FIT_TUNING, ContactTuning
from liquidwarp.types import BodyTrack, shots_of

FEET = ("left_heel", "left_foot_index", "right_heel", "right_foot_index")
"""Points of the feet that are watched."""


def foot_points(body: BodyModel, track: BodyTrack) -> Float[Tensor, "T 4 3"]:
    """Return the points `FEET` of a track."""
    return body.landmarks(FEET, track.betas, track.global_orient, track.body_pose, track.transl)


def find_stands(
    body: BodyModel, track: BodyTrack, *, tuning: ContactTuning = FIT_TUNING.feet.contacts
) -> Int[Tensor, "T 4"]:
    """Find where the points `FEET` of a track stand.

    Args:
        body: the track's body.
        track: the motion.
        tuning: what is slow and low enough to stand.

    Returns:
        The number of the stand that a point is in, counted per point from 0; -1 where it does not stand. Unrelated
        frames (`fps` 0) have no stands.
    """
    points, axis = foot_points(body, track), track.camera.axis
    shots = shots_of(track.cuts, len(track))
    return torch.cat([stands_of(points[shot], track.fps, axis, tuning=tuning) for shot in shots])


def stands_of(
    points: Float[Tensor, "T 4 3"],
    fps: float,
    view: Float[Tensor, "3"],
    *,
    tuning: ContactTuning = FIT_TUNING.feet.contacts,
) -> Int[Tensor, "T 4"]:
    """Find where points stand; `view` is a unit vector along the camera's axis. Returns as `find_stands`."""
    stands = torch.full(points.shape[:2], -1, dtype=torch.int64)
    if fps <= 0 or len(points) < 3:
        return stands
    speed, height = foot_speed(points, fps, view, tuning=tuning), foot_height(points, fps, tuning=tuning)
    quick = speed.flatten().quantile(tuning.quick_part)
    fast = (tuning.blur * quick).clamp(tuning.fast, tuning.most_blurred)
    begins = (speed < fast * tuning.slow / tuning.fast) & (height < tuning.low)
    holds = (speed < fast) & (height < tuning.high)
    # Small steps hide between stands; where the place itself moves, there was one.
    shortest = max(2, round(tuning.shortest * fps))
    stands = _numbered(begins, holds, shortest)
    shift = stand_places(points, stands, fps, tuning=tuning).diff(dim=0).norm(dim=-1) * fps
    shift = torch.where((stands[1:] >= 0) & (stands[1:] == stands[:-1]), shift, torch.zeros_like(shift))
    steps = torch.zeros_like(holds)
    steps[1:] |= shift > tuning.shift
    steps[:-1] |= shift > tuning.shift
    return _numbered(begins & ~steps, holds & ~steps, shortest)


def _numbered(begins: Tensor, holds: Tensor, shortest: int) -> Tensor:
    stands = torch.full(begins.shape, -1, dtype=torch.int64)
    for point in range(begins.shape[1]):
        spans = hysteresis(begins[:, point], holds[:, point])
        for number, (first, last) in enumerate(span for span in spans if span[1] - span[0] >= shortest):
            stands[first:last, point] = number
    return stands


def stand_places(
    points: Float[Tensor, "T N 3"],
    stands: Int[Tensor, "T N"],
    fps: float,
    *,
    tuning: ContactTuning = FIT_TUNING.feet.contacts,
) -> Float[Tensor, "T N 3"]:
    """Return where standing points really stand: the mean over a stand, weighted by a Gaussian in time.

    The mean follows slow shifts of a foot (turning on the spot, shuffling) and forgets the noise of single frames.
    Points that do not stand stay where they are.
    """
    out = points.clone()
    for point in range(points.shape[1]):
        for stand in range(int(stands[:, point].amax()) + 1):
            inside = stands[:, point] == stand
            time = torch.arange(int(inside.sum()), dtype=points.dtype) / fps
            weight = torch.exp(-0.5 * ((time[:, None] - time) / tuning.settle) ** 2)
            out[inside, point] = weight @ points[inside, point] / weight.sum(dim=1, keepdim=True)
    return out


def foot_speed(
    points: Float[Tensor, "T N 3"],
    fps: float,
    view: Float[Tensor, "3"],
    *,
    tuning: ContactTuning = FIT_TUNING.feet.contacts,
) -> Float[Tensor, "T N"]:
    """Return the speed of points in m/s, over about a tenth of a second; speed along the view counts less."""
    reach = max(1, round(tuning.span * fps))
    frame = torch.arange(len(points))
    ahead, behind = (frame + reach).clamp_max(len(points) - 1), (frame - reach).clamp_min(0)
    way = points[ahead] - points[behind]
    way = way - (way @ view)[..., None] * view * (1 - tuning.along)
    return way.norm(dim=-1) * fps / (ahead - behind)[:, None]


def foot_height(
    points: Float[Tensor, "T 4 3"], fps: float, *, tuning: ContactTuning = FIT_TUNING.feet.contacts
) -> Float[Tensor, "T 4"]:
    """Return how high points are above where the same kind of point (heels, toes) was lowest of late or will be soon.

    Heels and toes rest at heights of their own (a body's landmark lies inside the foot).
    """
    kinds = points[..., 1].unflatten(1, (2, 2))
    reach = round(tuning.ground_span * fps)
    lowest = kinds.amax(dim=1).T[:, None]
    ground = torch.nn.functional.max_pool1d(lowest, 2 * reach + 1, stride=1, padding=reach)[:, 0].T
    return (ground[:, None] - kinds).flatten(1)


def hysteresis(begins: Bool[Tensor, "T"], holds: Bool[Tensor, "T"]) -> list[tuple[int, int]]:
    """Return the spans (first, last + 1) over which `holds` is true and `begins` is at least once."""
    edges = torch.cat([holds.new_zeros(1), holds, holds.new_zeros(1)]).int().diff()
    spans = zip((edges > 0).nonzero()[:, 0].tolist(), (edges < 0).nonzero()[:, 0].tolist(), strict=True)
    return [(first, last) for first, last in spans if bool(begins[first:last].any())]
