"""From corners that were followed to how the camera turned, zoomed, or stood still."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import torch
from jaxtyping import Float64

from liquidwarp.camera_motion.tuning import CAMERA_MOTION_TUNING, CameraMotionTuning
from liquidwarp.camera_motion.watcher import BackgroundWatcher, Match, View, middle_of
from liquidwarp.geometry import find_turn
from liquidwarp.types import CameraPath, shots_of


class CameraKind(Enum):
    """What a camera does."""

    STILL = "still"
    MOVING = "moving"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class CameraMotion:
    """What the background tells of a clip's camera.

    Attributes:
        kind: still, moving, or unknown where there is nothing to hold on to.
        blank: whether there is nothing because the background shows no texture.
        size: (height, width) of the pictures that were looked at.
        shots: the corners that were followed, shot by shot.
        cuts: first frame of each shot but the first.
        frames: how many there are.
    """

    kind: CameraKind
    blank: bool
    size: tuple[int, int]
    shots: tuple[tuple[Match, ...], ...]
    cuts: tuple[int, ...]
    frames: int

    def path(
        self, *, fov: float | None = None, tuning: CameraMotionTuning = CAMERA_MOTION_TUNING
    ) -> tuple[CameraPath, float]:
        """Work out the path of the camera, in the axes of the frame of each shot that looks into the middle.

        Args:
            fov: field of view of a shot's first frame along the longer side, degrees, if it is known.
            tuning: what is usual.

        Returns:
            The path, and the field of view: where nothing is known, and the turning tells little, a usual one.
        """
        if fov is None:
            fov, _ = find_fov(self, tuning=tuning)
        rotation, zoom = np.tile(np.eye(3), (self.frames, 1, 1)), np.ones(self.frames)
        unit = max(self.size) * _focal(fov)
        for shot, matches in zip(shots_of(self.cuts, self.frames), self.shots, strict=True):
            views = _views(matches, shot, self.size, unit, tuning)
            rotation[shot] = [view.turn for view in views]
            zoom[shot] = [view.zoom for view in views]
        return CameraPath(torch.from_numpy(rotation).float(), torch.from_numpy(zoom).float()), fov


def judge(
    watcher: BackgroundWatcher, cuts: Sequence[int] = (), *, tuning: CameraMotionTuning = CAMERA_MOTION_TUNING
) -> CameraMotion:
    """Tell whether the camera of a clip that was watched stands, moves, or shows nothing that tells.

    Args:
        watcher: has seen all frames.
        cuts: first frame of each shot but the first.
        tuning: what counts as still.
    """
    frames = watcher.frames
    shots = tuple(tuple(matches) for matches in watcher.matches)
    found = CameraMotion(CameraKind.STILL, watcher.blank, watcher.small, shots, tuple(cuts), frames)
    every = [match for matches in shots for match in matches]
    if frames < tuning.least_frames:
        return found
    if watcher.blank or not every:
        return replace(found, kind=CameraKind.UNKNOWN)
    if np.mean([match.still >= tuning.still_part for match in every]) >= tuning.still_frames:
        return found
    if sum(match.trusted for match in every) < tuning.known_frames * watcher.looked:
        return replace(found, kind=CameraKind.UNKNOWN)
    path, fov = found.path(fov=tuning.usual_fov, tuning=tuning)
    unit = _focal(fov)
    side = np.array([-0.5, 0.5])
    ends = np.stack([*np.meshgrid(side, side), np.full((2, 2), unit)], -1).reshape(4, 3)
    rays = np.einsum("tij,nj->tni", path.rotation.double().numpy(), ends)
    spots = rays[..., :2] / rays[..., 2:] * unit * path.zoom.double().numpy()[:, None, None]
    first = np.concatenate([np.repeat(spots[shot][:1], shot.stop - shot.start, 0) for shot in shots_of(cuts, frames)])
    shift = np.linalg.norm(spots - first, axis=-1).max(1)
    moves = float(np.quantile(shift, tuning.most_shifted)) > tuning.least_shift
    return replace(found, kind=CameraKind.MOVING if moves else CameraKind.STILL)


def find_fov(motion: CameraMotion, *, tuning: CameraMotionTuning = CAMERA_MOTION_TUNING) -> tuple[float, bool]:
    """Estimate the field of view along the longer side, degrees, from how pictures bend where the camera turns.

    A usual lens is believed as far as the turning does not tell.

    Args:
        motion: of a moving camera.
        tuning: what is usual, and how much corners tell.

    Returns:
        The field of view, and whether the turning tells it; else it is about a usual one.
    """
    usual = max(motion.size) * _focal(tuning.usual_fov)
    pairs = []  # matches, with about the zoom of their key pictures
    for shot, matches in zip(shots_of(motion.cuts, motion.frames), motion.shots, strict=True):
        known = _known_views(matches, shot, motion.size, usual, tuning)
        pairs += [(match, known[match.key].zoom) for match in matches if match.frame in known]
    shifts = [float(np.linalg.norm(np.median(match.seen - match.points, axis=0))) for match, _ in pairs]
    chosen = [pairs[index] for index in np.argsort(shifts)[::-1][: tuning.fov_frames]]
    center = middle_of(motion.size)
    cost = []
    for fov in tuning.fovs:
        unit = max(motion.size) * _focal(fov)
        total = 0.0
        for match, zoom in chosen:
            pair = match.points.astype(np.float64), match.seen.astype(np.float64)
            focals = unit * zoom, unit * zoom
            _, _, left = find_turn(*pair, center, focals, np.eye(3), width=tuning.width, steps=12)
            total += float((left**2 / (1 + (left / tuning.width) ** 2)).sum()) / tuning.pixel_sigma**2 / 2
        unusual = math.log(_focal(fov) / _focal(tuning.usual_fov)) / tuning.fov_sigma
        cost.append(total * tuning.independence + unusual**2 / 2)
    focal = np.log([_focal(fov) for fov in tuning.fovs])
    best, sigma = _lowest(focal, np.array(cost))
    return math.degrees(2 * math.atan(0.5 / math.exp(best))), sigma < tuning.told_sigma


def _focal(fov: float) -> float:
    """Return a focal length in longer sides."""
    return 0.5 / math.tan(math.radians(fov) / 2)


def _lowest(places: Float64[np.ndarray, "N"], costs: Float64[np.ndarray, "N"]) -> tuple[float, float]:
    """Return where a parabola through the lowest cost and its neighbours is lowest, and its standard deviation."""
    best = int(np.clip(costs.argmin(), 1, len(costs) - 2))
    part = slice(best - 1, best + 2)
    curve, slope, _ = np.polyfit(places[part] - places[best], costs[part], 2)
    if curve <= 0:
        return float(places[costs.argmin()]), math.inf
    lowest = np.clip(places[best] - slope / (2 * curve), places.min(), places.max())
    return float(lowest), float(1 / math.sqrt(2 * curve))


def _known_views(
    matches: Sequence[Match], shot: slice, size: tuple[int, int], unit: float, tuning: CameraMotionTuning
) -> dict[int, View]:
    """Return how frames of a shot look, beside its first, where the background was found."""
    center = middle_of(size)
    known = {shot.start: View(np.eye(3), 1.0)}
    last = known[shot.start]
    for match in matches:
        if not match.trusted or match.key not in known:
            continue
        key = known[match.key]
        turn, focal, _ = find_turn(
            match.points.astype(np.float64),
            match.seen.astype(np.float64),
            center,
            (unit * key.zoom, unit * last.zoom),
            last.turn @ key.turn.T,
            width=tuning.width,
            steps=12,
        )
        last = known[match.frame] = View(turn @ key.turn, focal / unit)
    return known


def _views(
    matches: Sequence[Match], shot: slice, size: tuple[int, int], unit: float, tuning: CameraMotionTuning
) -> list[View]:
    """Return how each frame of a shot looks: turned from the one most in the middle, zoomed from the first."""
    known = _known_views(matches, shot, size, unit, tuning)
    numbers = sorted(known)
    rotations = np.stack([known[number].turn for number in numbers])
    middle = rotations[:, 2].mean(0)  # where the views look, in the axes of the first
    axis = (rotations[:, 2] @ middle) / np.linalg.norm(middle)
    first = known[numbers[int(axis.argmax())]]
    frames = range(shot.start, shot.stop)
    return [_between(known, numbers, frame, first) for frame in frames]


def _between(known: dict[int, View], numbers: list[int], frame: int, first: View) -> View:
    """Return the view of a frame, turned from another; frames that were lost are between their neighbours."""
    after = int(np.searchsorted(numbers, frame))
    if (after < len(numbers) and numbers[after] == frame) or after == 0:
        view = known[numbers[after]]
    elif after == len(numbers):
        view = known[numbers[-1]]
    else:
        left, right = numbers[after - 1], numbers[after]
        part = (frame - left) / (right - left)
        mixed = (1 - part) * known[left].turn + part * known[right].turn
        u, _, v = np.linalg.svd(mixed)
        zoom = known[left].zoom ** (1 - part) * known[right].zoom ** part
        view = View(u @ v, zoom)
    return View(view.turn @ first.turn.T, view.zoom)
