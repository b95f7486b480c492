"""Is there a skirt in a photo, and how wide is it down to its hem?"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage
from torch import Tensor

from liquidwarp.appearance.drape_tuning import SKIRT_TUNING, SkirtTuning
from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import BodyModel, Identity, Topology
from liquidwarp.geometry import bounded_size, enlarged, project
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

ARMS = tuple(PARTS.index(f"{side}_{part}") for side in ("left", "right") for part in ("upper_arm", "lower_arm", "hand"))
LEGS = tuple(tuple(PARTS.index(f"{side}_{part}") for part in ("upper_leg", "lower_leg")) for side in ("left", "right"))
_TORSO = PARTS.index("torso")
_SIDES = ("left", "right")


class PhotoPose(NamedTuple):
    """How a body stands in a photo, one frame."""

    global_orient: Float[Tensor, "1 3"]
    body_pose: Float[Tensor, "1 J 3"]
    transl: Float[Tensor, "1 3"]


@dataclass(frozen=True, eq=False)
class Standing:
    """Somebody who stands in a photo, seen along lines across from hips to ankles.

    Attributes:
        camera: the photo's.
        vertices: the bare body as it stands there, metres.
        tall: height at rest, metres.
        hips: the middle between the hips.
        down: unit vector from there to the ankles.
        across: unit vector to the right in the picture, square to it.
        joints: hip, knee and ankle of the left and right leg (2, 3, 3).
    """

    camera: Camera
    vertices: Float[Tensor, "V 3"]
    tall: float
    hips: Float[np.ndarray, "3"]
    down: Float[np.ndarray, "3"]
    across: Float[np.ndarray, "3"]
    joints: Float[np.ndarray, "2 3 3"]

    @property
    def length(self) -> float:
        """How far the ankles are below the hips, metres."""
        return float((self.joints[:, 2].mean(0) - self.hips) @ self.down)

    @property
    def knee(self) -> float:
        """How far the knees are below the hips, metres."""
        return float((self.joints[:, 1].mean(0) - self.hips) @ self.down)

    def leg(self, side: int, height: Float[np.ndarray, "L"]) -> Float[np.ndarray, "L 3"]:
        """Return the middle of a leg at distances below the hips, metres; above, that of the hip."""
        own = (self.joints[side] - self.hips) @ self.down
        found = np.stack([np.interp(height, own, self.joints[side, :, axis]) for axis in range(3)], 1)
        return found + (height - (found - self.hips) @ self.down)[:, None] * self.down

    def middle(self, height: Float[np.ndarray, "L"]) -> Float[np.ndarray, "L 3"]:
        """Return the middle between both legs."""
        return (self.leg(0, height) + self.leg(1, height)) / 2


def find_standing(
    body: BodyModel,
    identity: Identity,
    pose: PhotoPose,
    camera: Camera,
    *,
    tuning: SkirtTuning = SKIRT_TUNING,
) -> Standing | None:
    """Return how somebody stands; None who sits, lies, or lifts a leg.

    Args:
        body: the body.
        identity: whose.
        pose: orientation, pose and place.
        camera: the photo's.
        tuning: what standing is.
    """
    rotation, shift = body.transforms(identity.joints, pose.global_orient, pose.body_pose)
    placed = ((rotation[0] @ identity.joints[..., None])[..., 0] + shift[0] + pose.transl[0]).double().numpy()
    joints = np.stack(
        [[placed[body.canonical(f"{side}_{name}")] for name in ("hip", "knee", "ankle")] for side in _SIDES]
    )
    hips = joints[:, 0].mean(0)
    down = _unit(joints[:, 2].mean(0) - hips)
    axes = camera.turn_to_world(torch.eye(3, dtype=torch.float32)).double().numpy()
    bones = np.diff(joints, axis=1)
    upright = (bones @ down / np.linalg.norm(bones, axis=-1)).min()
    if upright < tuning.upright or axes[1] @ down < tuning.plumb:
        return None
    rest = identity.vertices[:, 1]
    vertices = body.vertices(identity, *pose)[0]
    across = _unit(axes[0] - (axes[0] @ down) * down)
    return Standing(camera, vertices, float(rest.max() - rest.min()), hips, down, across, joints)


@dataclass(frozen=True, eq=False)
class SkirtOutline:
    """A skirt in a photo.

    Attributes:
        height: distances of rows below the hips, the first first, metres.
        left: how far the outline is from the middle between the legs, to the left in the picture, metres.
        right: the same to the right.
        hem: how far the hem is seen below the hips between the legs, metres.
        left_hem: the same where the outline ends on the left; NaN where that is not seen.
        right_hem: the same on the right.
        cloth: Lab of the cloth above the hem over each leg.
        below: Lab of what is seen of each leg below it; without rows where nothing is.
    """

    height: Float[np.ndarray, "L"]
    left: Float[np.ndarray, "L"]
    right: Float[np.ndarray, "L"]
    hem: float
    left_hem: float
    right_hem: float
    cloth: Float[np.ndarray, "N 3"]
    below: Float[np.ndarray, "M 3"]


@dataclass(frozen=True, eq=False)
class _Rows:
    """A photo sampled in rows across, from the hips down, and the bare body there."""

    height: np.ndarray  # (L,) metres
    place: np.ndarray  # (N,) metres across
    person: np.ndarray  # (L, N) bool
    arm: np.ndarray  # (L, N) bool
    lab: np.ndarray  # (L, N, 3)
    part: np.ndarray  # (L, N), -1 beside the bare body


def find_skirt(
    standing: Standing,
    topology: Topology,
    rgb: UInt8[np.ndarray, "H W 3"],
    alpha: Float[np.ndarray, "H W"],
    *,
    tuning: SkirtTuning = SKIRT_TUNING,
) -> SkirtOutline | None:
    """Return the skirt, or the skirt of a dress or coat, that somebody wears; None who wears trousers.

    The gap between the legs of the bare body is covered down to a hem, below which both legs have another colour: legs
    of trousers go on, and shorts cover little of it.

    Args:
        standing: how they stand.
        topology: of the body.
        rgb: the photo.
        alpha: the person in it, 1 = person.
        tuning: what a skirt is.
    """
    rows = _sample(standing, topology, rgb, alpha, tuning)
    tall, step = standing.tall, rows.height[1] - rows.height[0]
    pixel = rows.place[1] - rows.place[0]
    gap, covered, width = np.zeros(len(rows.height)), np.zeros(len(rows.height)), np.zeros(len(rows.height))
    for row, part in enumerate(rows.part):
        legs = [np.flatnonzero(np.isin(part, side)) for side in LEGS]
        if not len(legs[0]) or not len(legs[1]):
            continue
        first, second = sorted(legs, key=lambda columns: float(columns.mean()))
        between = np.arange(first.max() + 1, second.min())
        between = between[part[between] < 0]
        gap[row] = len(between) * pixel
        covered[row] = (rows.person | rows.arm)[row, between].mean() if len(between) else 1.0
        width[row] = (second.max() - first.min() + 1) * pixel
    has_gap = gap > tuning.gap * tall
    hem = _hem(rows, has_gap & (covered < tuning.open), tall, tuning)
    above = np.arange(len(rows.height)) < hem
    if rows.height[min(hem, len(rows.height) - 1)] < tuning.least_length * tall:
        return None
    tested = above & has_gap & (rows.height > tuning.begin * tall)
    if tested.any() and (covered[tested] >= tuning.open).mean() < tuning.least_covered:
        return None
    left, right = _run(rows, tuning)
    near = above & (rows.height > rows.height[hem - 1] - 2 * tuning.step * tall)
    near &= np.isfinite(left + right)
    wide = np.median((left + right)[near] / np.maximum(width[near], pixel)) if near.any() else 0.0
    if (gap * covered)[tested].sum() * step < tuning.covered * tall**2 and not wide > tuning.flare:
        return None
    cloth, below = _colors_at(rows, hem, tall, tuning)
    apart = np.linalg.norm(cloth[:, None] - below[None], axis=-1)
    on_floor = rows.height[hem] > standing.length - tuning.floor * tall
    if not len(cloth) or (not on_floor and not (len(below) and apart.min() > tuning.other_color)):
        return None
    known = above & np.isfinite(left) & np.isfinite(right)
    if known.sum() < 2:
        return None
    height = rows.height[above]
    left, right = (np.interp(height, rows.height[known], side[known]) for side in (left, right))
    front = float(rows.height[hem]) - step / 2
    left_hem, right_hem = (
        _side_hem(rows, way, float(side[-1]), front, tall, tuning) for way, side in enumerate((left, right))
    )
    return SkirtOutline(height, left, right, front, left_hem, right_hem, cloth, below)


def _side_hem(rows: _Rows, way: int, width: float, front: float, tall: float, tuning: SkirtTuning) -> float:
    """Return where an outline ends on the left (0) or right, near the hem between the legs."""
    column = int(np.argmin(np.abs(rows.place - (2 * way - 1) * tuning.edge * width)))
    near = np.flatnonzero(np.abs(rows.height - front) <= tuning.tilt * tall)
    inside = rows.person[near, column]
    if rows.arm[near, column].any() or not inside[0] or inside.all():
        return np.nan
    return float(rows.height[near[np.argmin(inside)]]) - (rows.height[1] - rows.height[0]) / 2


def arms_in_photo(
    standing: Standing, topology: Topology, *, tuning: SkirtTuning = SKIRT_TUNING
) -> tuple[Bool[np.ndarray, "H W"], Int[np.ndarray, "H W"]]:
    """Return where an arm may be, and the part that the bare body shows at each pixel (-1: none).

    In a large photo both are found in a smaller one.
    """
    camera = standing.camera.resized(bounded_size(standing.camera.size, tuning.most_pixels))
    index = rasterize(standing.vertices[None], topology.faces, camera).face_index[0].numpy()
    part = np.where(index >= 0, topology.face_part.numpy()[index.clip(0)], -1).astype(np.int16)
    ends = project(camera, torch.from_numpy(np.stack([standing.hips, standing.hips + standing.down])).float())
    pixels = float(torch.linalg.norm(ends[1, :2] - ends[0, :2])) * standing.tall
    near = ndimage.distance_transform_edt(~np.isin(part, ARMS)) <= max(1.0, tuning.arm * pixels)
    return enlarged(near, standing.camera.size), enlarged(part, standing.camera.size)


def _sample(standing: Standing, topology: Topology, rgb: np.ndarray, alpha: np.ndarray, tuning: SkirtTuning) -> _Rows:
    height = np.linspace(tuning.top * standing.tall, standing.length, tuning.rows)
    place = np.linspace(-0.5, 0.5, tuning.columns) * tuning.across * standing.tall
    points = standing.middle(height)[:, None] + place[None, :, None] * standing.across
    xy = project(standing.camera, torch.from_numpy(points.reshape(-1, 3)).float())[:, :2].numpy()
    xy = np.floor(xy.reshape(len(height), len(place), 2)).astype(np.int64)
    inside = ((xy >= 0) & (xy < np.array(alpha.shape[::-1]))).all(-1)
    x, y = xy[..., 0].clip(0, alpha.shape[1] - 1), xy[..., 1].clip(0, alpha.shape[0] - 1)
    arm, part = arms_in_photo(standing, topology, tuning=tuning)
    lab = cv2.cvtColor(rgb[y, x].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    person = inside & (alpha[y, x] > tuning.person)
    return _Rows(height, place, person, arm[y, x] & inside, lab, np.where(inside, part[y, x], -1))


def _hem(rows: _Rows, is_open: np.ndarray, tall: float, tuning: SkirtTuning) -> int:
    """Return the first row below the hem: where gaps open, or both legs change their colour; else the last but one."""
    low = rows.height > tuning.begin * tall
    opened = ndimage.minimum_filter1d(is_open.astype(np.uint8), tuning.open_rows, origin=-(tuning.open_rows // 2)) > 0
    hem = int(np.argmax(opened & low)) if (opened & low).any() else len(rows.height) - 1
    change = np.array([_change(rows, row, tall, tuning) if low[row] else 0.0 for row in range(hem + 1)])
    strongest = int(np.argmax(change))
    above = rows.height[hem] - rows.height[strongest] > tuning.step * tall
    if change[strongest] <= tuning.other_color or not above:
        return hem
    alike = np.flatnonzero(change < tuning.plateau * change[strongest])
    return (strongest + int(alike[alike > strongest].min(initial=hem))) // 2


def _leg_colors(rows: _Rows, where: np.ndarray) -> list[np.ndarray]:
    """Return the median colour of each leg in some rows, where anything of it is seen."""
    shown = rows.person & ~rows.arm & where[:, None]
    own = [shown & np.isin(rows.part, side) for side in LEGS]
    return [np.median(rows.lab[mask], 0) for mask in own if mask.any()]


def _change(rows: _Rows, row: int, tall: float, tuning: SkirtTuning) -> float:
    """Return how much the colours of both legs change at a row: that of the leg which changes less."""
    away = rows.height - rows.height[row]
    reach = tuning.step * tall
    above = _leg_colors(rows, (away < 0) & (away >= -reach))
    below = _leg_colors(rows, (away > 0) & (away <= reach))
    if len(above) != len(LEGS) or len(below) != len(LEGS):
        return 0.0
    return min(float(np.linalg.norm(a - b)) for a, b in zip(above, below, strict=True))


def _colors_at(rows: _Rows, hem: int, tall: float, tuning: SkirtTuning) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours over both legs above a hem, and those below it, (N, 3) and (M, 3)."""
    reach = tuning.step * tall
    away = rows.height - rows.height[hem]
    above = _leg_colors(rows, (away < -reach / 2) & (away >= -2 * reach))
    below = _leg_colors(rows, (away > reach / 2) & (away <= 2 * reach))
    return np.array(above, np.float64).reshape(-1, 3), np.array(below, np.float64).reshape(-1, 3)


def _run(rows: _Rows, tuning: SkirtTuning) -> tuple[np.ndarray, np.ndarray]:
    """Return how far the person goes on to the left and right from the middle of each row, NaN behind an arm."""
    middle = len(rows.place) // 2
    sides = []
    for way in (-1, 1):
        person, arm = rows.person[:, middle::way], rows.arm[:, middle::way]
        last = np.argmin(np.pad(person & ~arm, ((0, 0), (0, 1))), 1)
        stopped = np.take_along_axis(np.pad(arm, ((0, 0), (0, 1))), last[:, None], 1)[:, 0]
        found = (last - 0.5) * (rows.place[1] - rows.place[0])
        sides.append(np.where(stopped | (last == 0), np.nan, found))
    return sides[0], sides[1]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
