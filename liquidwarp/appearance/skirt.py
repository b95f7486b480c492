"""A skirt's own surface: rings around both legs, from the photo's outline, with the photo's cloth on them."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage
from torch import Tensor

from liquidwarp.appearance.drape import Drape, Hanging, at_rest, far_inside, strip_faces, two_sided
from liquidwarp.appearance.drape_tuning import SKIRT_TUNING, SkirtTuning
from liquidwarp.appearance.layers import FILLED, front_layer
from liquidwarp.appearance.skirt_outline import LEGS, PhotoPose, SkirtOutline, Standing, arms_in_photo
from liquidwarp.appearance.tuning import LAYER_TUNING, LayerTuning
from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import BodyModel, Identity, Topology
from liquidwarp.geometry import project
from liquidwarp.raster import rasterize

_CARRIERS = ("pelvis", "left_hip", "right_hip", "left_knee", "right_knee")
_LOWER = (PARTS.index("torso"), *(part for side in LEGS for part in side))
_BAND = 128  # rows whose colours are compared at a time


@dataclass(frozen=True, eq=False)
class SkirtShape:
    """A skirt without its colours.

    Attributes:
        standing: how who wears it stands in the photo.
        points: its vertices there, ring by ring, metres.
        surface: the same, as it hangs from the body at rest.
        shown: where the photo may show it.
        hanging: where that is no part of it which lies on the hips.
        foreign: Lab colours of legs below its hem, beside which it has those of `cloth`.
        cloth: Lab of it above the hem.
    """

    standing: Standing
    points: Float[Tensor, "P 3"]
    surface: Hanging
    shown: Bool[np.ndarray, "H W"]
    hanging: Bool[np.ndarray, "H W"]
    foreign: Float[np.ndarray, "M 3"]
    cloth: Float[np.ndarray, "N 3"]


def skirt_shape(
    body: BodyModel,
    identity: Identity,
    standing: Standing,
    outline: SkirtOutline,
    pose: PhotoPose,
    clothed: Float[Tensor, "V 3"],
    *,
    tuning: SkirtTuning = SKIRT_TUNING,
) -> SkirtShape:
    """Return the shape of a skirt.

    Args:
        body: the body.
        identity: whose.
        standing: how they stand in the photo.
        outline: of the skirt there.
        pose: the body's there.
        clothed: the clothed body there, where the skirt begins.
        tuning: how it hangs.
    """
    down = np.linspace(0, 1, tuning.levels)
    first = tuning.top * standing.tall
    front, left, right = _hems(standing, outline, tuning)
    height = first + down * ((left + right) / 2 - first)
    rings = _rings(body, standing, outline, height, clothed, tuning)
    tilt = _tilt(standing, rings[-1], front, left, right, tuning)
    rings = rings + (down[:, None] * tilt)[..., None] * standing.down
    hem = float(((rings[-1] - standing.hips) @ standing.down).min())
    joints, weights = _carriers(body, standing, rings, height, tuning)
    points = torch.from_numpy(rings.reshape(-1, 3))
    faces, low = strip_faces(len(height), tuning.around, closed=True), tuning.begin * standing.tall
    return SkirtShape(
        standing=standing,
        points=points.float(),
        surface=Hanging(
            kind="skirt",
            ring=tuning.around,
            rest=at_rest(body, identity, pose, points, joints, weights),
            joints=joints,
            weights=weights,
            loose=torch.from_numpy(np.repeat(down, tuning.around)).float(),
            faces=faces,
            hides=_hidden(body.topology, standing, hem, tuning),
        ),
        shown=_seen(standing, points, faces),
        hanging=_seen(standing, points, faces[faces[:, 0] >= tuning.around * int((height < low).sum())]),
        foreign=outline.below,
        cloth=outline.cloth,
    )


def _seen(standing: Standing, points: Tensor, faces: Tensor) -> Bool[np.ndarray, "H W"]:
    return rasterize(points.float()[None], faces.contiguous(), standing.camera).mask[0].numpy()


def skirt_drape(
    body: BodyModel,
    shape: SkirtShape,
    rgb: UInt8[np.ndarray, "H W 3"],
    alpha: Float[np.ndarray, "H W"],
    *,
    tuning: SkirtTuning = SKIRT_TUNING,
    layers: LayerTuning = LAYER_TUNING,
) -> Drape:
    """Return a skirt in the colours of a photo: in front what it shows, behind the same as something invented.

    Args:
        body: the body.
        shape: of the skirt.
        rgb: the photo, free of the background's colour.
        alpha: the person in it, 1 = person.
        tuning: what is surely the skirt.
        layers: how cloth goes on where the photo does not show it.
    """
    standing = shape.standing
    xy = project(standing.camera, shape.points)[:, :2].numpy()
    arm, _ = arms_in_photo(standing, body.topology, tuning=tuning)
    tall = float(np.ptp(project(standing.camera, standing.vertices)[:, 1].numpy()))
    sure = (alpha > tuning.sure) & shape.shown & ~arm & ~_legs_colors(rgb, shape)
    known = far_inside(sure, max(1.0, tuning.rim * tall))
    known = next(mask for mask in (known, sure, shape.shown, alpha > tuning.person) if mask.any())
    low, high = np.floor(xy.min(0) - layers.pad * tall), np.ceil(xy.max(0) + layers.pad * tall)
    box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    unrolled, faces = _unrolled(standing, shape.points, tuning), shape.surface.faces.numpy()
    front = front_layer(rgb, alpha, known, box, seeds=known, tuning=layers)
    back = replace(front, kind=np.full_like(front.kind, FILLED))
    return Drape.of(shape.surface, two_sided(front, back, xy[faces], unrolled[faces]))


def without_skirt(
    topology: Topology,
    shape: SkirtShape,
    alpha: Float[np.ndarray, "H W"],
    *,
    tuning: SkirtTuning = SKIRT_TUNING,
) -> Float[np.ndarray, "H W"]:
    """Return who wears a skirt as if the bare body were under it: what stands off from it is no outline of the body."""
    arm, part = arms_in_photo(shape.standing, topology, tuning=tuning)
    cloth = ndimage.binary_dilation(shape.hanging, iterations=tuning.fringe) & (part < 0) & ~arm
    return np.where(cloth, np.float32(0), alpha)


def _below_hips(standing: Standing, points: Tensor) -> np.ndarray:
    return (points.double().numpy() - standing.hips) @ standing.down


def _away(standing: Standing) -> np.ndarray:
    """Return the unit vector away from the camera, square to the legs and to the row across."""
    away = np.cross(standing.down, standing.across)
    axis = standing.camera.axis.double().numpy()
    return away * np.sign(away @ axis)


def _hems(standing: Standing, outline: SkirtOutline, tuning: SkirtTuning) -> tuple[float, float, float]:
    """Return how far the hem is below the hips in front, on the left and on the right.

    On the sides it is as far from the camera as the legs, and seen where it is; in front it is nearer.
    """
    middle = standing.middle(np.array([outline.hem]))[0]
    nearer = (outline.left[-1] + outline.right[-1]) / 2 * tuning.front
    seen = middle - standing.camera.eye.double().numpy()
    distance = max(float(seen @ standing.camera.axis.double().numpy()), 2 * nearer)
    front = outline.hem - nearer / distance * float(seen @ standing.down)
    aside = np.sqrt(1 - tuning.edge**2) * (outline.hem - front)  # a little within the sides it is a little nearer
    sides = np.array([outline.left_hem, outline.right_hem]) - aside
    usual = float(np.nanmean(sides)) if np.isfinite(sides).any() else front
    reach = tuning.tilt * standing.tall
    left, right = np.clip(np.where(np.isfinite(sides), sides, usual), front - reach, front + reach).tolist()
    return front, left, right


def _tilt(
    standing: Standing,
    ring: Float[np.ndarray, "A 3"],
    front: float,
    left: float,
    right: float,
    tuning: SkirtTuning,
) -> Float[np.ndarray, "A"]:
    """Return how much lower the hem is at each vertex of the last ring than in the middle of its sides."""
    away = ring - ring.mean(0)
    across, near = away @ standing.across, -away @ _away(standing)
    part_of_it = np.where(near > 0, near / near.max(), tuning.back * near / -near.min())
    return (front - (left + right) / 2) * part_of_it + (right - left) / 2 * across / np.abs(across).max()


def _rings(
    body: BodyModel,
    standing: Standing,
    outline: SkirtOutline,
    height: np.ndarray,
    clothed: Tensor,
    tuning: SkirtTuning,
) -> Float[np.ndarray, "L A 3"]:
    """Return the rings as they hang in the photo; each begins on the right in the picture and runs by the front."""
    turn = np.arange(tuning.around) * (2 * np.pi / tuning.around)
    cosine, sine = np.cos(turn), np.sin(turn)
    middle = standing.middle(height)
    away = _away(standing)
    lower = np.isin(body.topology.vertex_part.numpy(), _LOWER)

    def hull(vertices: Tensor) -> np.ndarray:
        own = vertices[torch.from_numpy(lower)].double().numpy()
        return _hull(own, standing, height, middle, away, turn, tuning)

    bare, worn = hull(standing.vertices), hull(clothed)
    right, left = (np.interp(height, outline.height, side) for side in (outline.right, outline.left))
    sides = ((right, 0), (left, tuning.around // 2))
    excess = [np.maximum(side - bare[:, at], tuning.slack) for side, at in sides]
    excess = [ndimage.gaussian_filter1d(side, tuning.smooth, mode="nearest")[:, None] for side in excess]
    aside = np.where(cosine > 0, excess[0], excess[1]) * cosine**2
    off = tuning.depth * (excess[0] + excess[1]) / 2 * sine**2
    radius = bare + aside + off
    carrying = height <= tuning.hips * standing.tall
    hips = (bare + off)[carrying].max(0)
    width = (right + left)[:, None] / 2
    fallen = hips + tuning.depth * (width - width[carrying].max())  # flares as much in front as on the sides
    radius = np.where(carrying[:, None], radius, np.maximum(radius, radius + (fallen - radius) * sine**2))
    begun = ((height - height[0]) / (tuning.leave * standing.tall)).clip(0, 1)[:, None]
    radius = begun * radius + (1 - begun) * (worn - tuning.inside)
    drawn = height < (tuning.top + tuning.hidden[0] + tuning.leave) * standing.tall  # of the body, under the skirt
    over = np.maximum(radius, worn + begun * (tuning.inside + tuning.slack) - tuning.inside)
    radius = np.where(drawn[:, None], over, radius)
    radius = ndimage.gaussian_filter(radius, (1, 1), mode=("nearest", "wrap"))
    outward = cosine[:, None] * standing.across - sine[:, None] * away
    return middle[:, None] + radius[..., None] * outward


def _hull(
    points: np.ndarray,
    standing: Standing,
    height: np.ndarray,
    middle: np.ndarray,
    away: np.ndarray,
    turn: np.ndarray,
    tuning: SkirtTuning,
) -> Float[np.ndarray, "L A"]:
    """Return the radius of the convex hull of what is near each level, in directions about its middle."""
    toward = np.stack([np.cos(turn), np.sin(turn)])
    cosine = np.cos(turn[:, None] - turn[None])
    below = (points - standing.hips) @ standing.down
    radius = np.zeros((len(height), len(turn)))
    away_from = np.abs(below - height[:, None])
    band = np.maximum(tuning.band * standing.tall, away_from.min(1) + tuning.inside)  # of coarse meshes, the next ring
    for row, center in enumerate(middle):
        near = points[away_from[row] < band[row]] - center
        support = (np.stack([near @ standing.across, -near @ away], 1) @ toward).max(0).clip(tuning.inside)
        radius[row] = np.where(cosine > 0, support[:, None] / np.maximum(cosine, 1e-6), np.inf).min(0)
    return radius


def _carriers(
    body: BodyModel, standing: Standing, rings: np.ndarray, height: np.ndarray, tuning: SkirtTuning
) -> tuple[Tensor, Tensor]:
    """Return which joints carry each vertex, and how much: the pelvis above, the leg of its side below."""
    of_knee = (height / standing.knee)[:, None]
    leg = tuning.legs * _smoothstep(*tuning.to_legs, of_knee)
    shin = tuning.shins * _smoothstep(*tuning.to_shins, of_knee)
    left = standing.leg(0, height) - standing.leg(1, height)
    left = left / np.linalg.norm(left, axis=1, keepdims=True)
    aside = np.einsum("lai,li->la", rings - rings.mean(1, keepdims=True), left)
    own = _smoothstep(-tuning.sides, tuning.sides, aside / np.abs(aside).max(1, keepdims=True))
    pairs = [(leg * own, shin), (leg * (1 - own), shin)]
    thighs, shins = [w * (1 - s) for w, s in pairs], [w * s for w, s in pairs]
    weights = np.stack([1 - leg + 0 * own, *thighs, *shins], -1).reshape(-1, len(_CARRIERS))
    joints = torch.tensor([body.canonical(name) for name in _CARRIERS])
    return joints.expand(len(weights), -1).contiguous(), torch.from_numpy(weights).float()


def _smoothstep(start: float, end: float, value: np.ndarray) -> np.ndarray:
    t = ((value - start) / (end - start)).clip(0, 1)
    return t * t * (3 - 2 * t)


def _hidden(topology: Topology, standing: Standing, hem: float, tuning: SkirtTuning) -> Tensor:
    """Return the faces of trunk and legs that are well under the skirt."""
    below = _below_hips(standing, standing.vertices)
    first, last = (tuning.top + tuning.hidden[0]) * standing.tall, hem - tuning.hidden[1] * standing.tall
    under = (below > first) & (below < last) & np.isin(topology.vertex_part.numpy(), _LOWER)
    return torch.from_numpy(under[topology.faces.numpy()].all(1))


def _unrolled(standing: Standing, points: Tensor, tuning: SkirtTuning) -> Float[np.ndarray, "P 2"]:
    """Return where in the photo vertices behind look: as far across as they are around, so sides do not stretch."""
    rings = points.double().numpy().reshape(-1, tuning.around, 3)
    middle = rings.mean(1, keepdims=True)
    across = (rings - middle) @ standing.across
    turn = np.arange(tuning.around) / tuning.around  # from the right by the front, the left and the back
    linear = np.where(turn < 1 / 2, 0, 4 * turn - 3)
    own = np.where(linear > 0, across.max(1, keepdims=True), -across.min(1, keepdims=True)) * linear
    flat = middle + own[..., None] * standing.across + ((rings - middle) @ standing.down)[..., None] * standing.down
    looked_at = np.where((turn < 1 / 2)[None, :, None], rings, flat)
    return project(standing.camera, torch.from_numpy(looked_at.reshape(-1, 3)).float())[:, :2].numpy()


def _legs_colors(rgb: np.ndarray, shape: SkirtShape) -> Bool[np.ndarray, "H W"]:
    """Return where a photo has the colours of the legs below a hem rather than those of the cloth."""
    if not len(shape.foreign):
        return np.zeros(rgb.shape[:2], bool)
    out = np.empty(rgb.shape[:2], bool)
    for top in range(0, len(rgb), _BAND):  # a band at a time keeps what is between small
        lab = cv2.cvtColor(rgb[top : top + _BAND].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        cloth, legs = (
            np.min([np.linalg.norm(lab - color, axis=-1) for color in colors], 0)
            for colors in (shape.cloth, shape.foreign)
        )
        out[top : top + _BAND] = legs < cloth
    return out
