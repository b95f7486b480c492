"""Feet in shoes: the fitted foot's own vertices, moved onto a shoe with one toe box, a flat sole and an opening."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies.hands import SIDES
from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import BodyModel, Identity
from liquidwarp.clothing.surface import Heat
from liquidwarp.clothing.tuning import SHOE_TUNING, ShoeTuning
from liquidwarp.mesh import smooth_over_surface
from liquidwarp.mesh.operations import cotangent_laplacian

_LEAST = 12  # vertices of a foot; of fewer there is nothing to shape
_ELSEWHERE = 1.0  # metres: no foot is so high
_TINY = 1e-9


def shoe_offsets(
    body: BodyModel, identity: Identity, offsets: Float[Tensor, "V 3"], *, tuning: ShoeTuning = SHOE_TUNING
) -> Float[Tensor, "V 3"]:
    """Return the offsets of a clothed body with its feet in shoes.

    What the outline told of a shoe stays: its width, height and level. Toes are joined in one toe box, walls stand on
    a flat sole, and the edge of the opening stands off from the ankle. All but feet stays as it is.

    Args:
        body: the body model.
        identity: the person's body at rest.
        offsets: of the clothed body, metres, as `fit_offsets` returns them.
        tuning: what a shoe is like.
    """
    clothed = (identity.vertices + offsets).detach().cpu().double().numpy()
    part, faces = body.topology.vertex_part.cpu().numpy(), body.topology.faces.cpu().numpy()
    joints = identity.joints.detach().cpu().double().numpy()
    bare = identity.vertices.detach().cpu().double().numpy()
    moved = clothed.copy()
    for side in SIDES:
        foot = np.flatnonzero(part == PARTS.index(f"{side}_foot"))
        if len(foot) >= _LEAST:
            ankle, ball = (joints[body.canonical(f"{side}_{name}")] for name in ("ankle", "foot"))
            moved[foot] = _shod(clothed, bare, faces, foot, ankle, ball - ankle, tuning)
    return offsets + torch.from_numpy(moved - clothed).to(offsets)


def above_ground(body: BodyModel, identity: Identity, offsets: Float[Tensor, "V 3"]) -> Float[np.ndarray, "V"]:
    """Return how high the vertices of feet are above the lowest of their foot at rest, metres; a metre elsewhere."""
    down = (identity.vertices + offsets).detach().cpu().double().numpy()[:, 1]
    part = body.topology.vertex_part.cpu().numpy()
    height = np.full(len(part), _ELSEWHERE)
    for side in SIDES:
        foot = part == PARTS.index(f"{side}_foot")
        if foot.any():
            height[foot] = down[foot].max() - down[foot]
    return height


def _shod(
    points: Float[np.ndarray, "V 3"],
    bare: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    foot: Int[np.ndarray, "N"],
    ankle: Float[np.ndarray, "3"],
    forward: Float[np.ndarray, "3"],
    tuning: ShoeTuning,
) -> Float[np.ndarray, "N 3"]:
    """Return a foot's vertices on its shoe; coordinates are forward, aside and up from the sole."""
    axes = _axes(forward)
    own = points[foot] @ axes.T
    start = np.array([own[:, 0].min(), 0, np.quantile(own[:, 2], 1 - tuning.level)])
    own, naked = own - start, bare[foot] @ axes.T - start
    room = tuning.most * np.ptp(naked[:, 0])
    own = own.clip(naked.min(0) - room, naked.max(0) + room)  # of feet that leave the photo single toes may go far
    length = float(own[:, 0].max())
    patch = _Patch.around(faces, foot)
    within = own.mean(0) + (naked - naked.mean(0)) * (*tuning.least, 1)
    within[:, 2] = within[:, 2].clip(0)
    last = _last(np.concatenate([own, within]), length, tuning)
    fitted, whole = (vertices[patch.used] @ axes.T - start for vertices in (points, bare))
    fitted[patch.place] = own
    # Of a foot that is seen in part the fitted one may be torn; the bare one never is.
    regular = patch.smoothed(whole, tuning.joined * length)
    stretch = np.ptp(last[:, :2], axis=0) / np.ptp(naked[:, :2], axis=0)
    regular[:, :2] = last[:, :2].min(0) + (regular[:, :2] - naked[:, :2].min(0)) * stretch
    regular[:, 2] += tuning.center * _toes(last, length, tuning) - np.median(_ahead(regular, length, tuning)[:, 2])
    shaped = _laid_on(last, regular, fitted, patch, length, tuning)
    low, top = (part * (axes[2] @ ankle - start[2]) for part in tuning.opening)
    fraction = (1 - _smoothstep((own[:, 2] - low) / max(top - low, _TINY))) * patch.inner
    return (own + fraction[:, None] * (shaped - own) + start) @ axes


@dataclass(frozen=True, eq=False)
class _Patch:
    """The surface of a foot with the ring around it, which holds its border while it is smoothed.

    Attributes:
        faces: triangles of its own vertices.
        used: which of the body's those are.
        place: where the foot's are among them.
        inner: how far from the border the foot's are: 0 on it, 1 well within.
    """

    faces: Int[np.ndarray, "Q 3"]
    used: Int[np.ndarray, "P"]
    place: Int[np.ndarray, "N"]
    inner: Float[np.ndarray, "N"]

    @staticmethod
    def around(faces: Int[np.ndarray, "F 3"], foot: Int[np.ndarray, "N"]) -> "_Patch":
        """Cut a foot out of a body."""
        used, local = np.unique(faces[np.isin(faces, foot).any(1)], return_inverse=True)
        local, place = local.reshape(-1, 3), np.searchsorted(used, foot)
        own = np.isin(used, foot).astype(float)
        inner = np.clip(2 * smooth_over_surface(own, local, steps=2)[place] - 1, 0, 1)
        return _Patch(local, used, place, inner)

    def smoothed(self, points: Float[np.ndarray, "P 3"], radius: float) -> Float[np.ndarray, "N 3"]:
        """Return the foot's vertices after smoothing over so many metres."""
        return Heat(*cotangent_laplacian(points, self.faces), radius).smooth(points)[self.place]

    def relaxed(self, points: Float[np.ndarray, "P 3"], steps: int) -> Float[np.ndarray, "N 3"]:
        """Return the foot's vertices drawn to the middle of their neighbours, whatever their distance."""
        return smooth_over_surface(points, self.faces, steps=steps)[self.place]


def _laid_on(
    last: Float[np.ndarray, "M 3"],
    regular: Float[np.ndarray, "N 3"],
    fitted: Float[np.ndarray, "P 3"],
    patch: _Patch,
    length: float,
    tuning: ShoeTuning,
) -> Float[np.ndarray, "N 3"]:
    """Return a foot's vertices on the shoe: where rays through a regular foot leave the hull, or the fitted instep."""
    even, around, shaped = patch.smoothed(fitted, tuning.even * length), fitted.copy(), regular
    begun = _smoothstep((regular[:, :1] / length - tuning.middle[0]) / (tuning.toes - tuning.middle[0]))
    for number in range(tuning.rounds):
        if number:
            around[patch.place] = shaped
            shaped = shaped + begun * (patch.relaxed(around, tuning.relaxed) - shaped)
        center = _line(shaped, last, length, tuning)
        way = shaped - center
        way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), _TINY)
        out = np.maximum(_leaves(center, way, last), ((even - center) * way).sum(1) + tuning.ease * length)
        shaped = center + out[:, None] * way
    shaped[:, 2] = shaped[:, 2].clip(0)
    return shaped


def _axes(forward: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Return unit rows: level and forward, aside, and up."""
    ahead = forward * (1, 0, 1)
    ahead = ahead / max(float(np.linalg.norm(ahead)), _TINY)
    up = np.array([0.0, -1, 0])
    return np.stack([ahead, np.cross(up, ahead), up])


def _line(
    points: Float[np.ndarray, "N 3"], last: Float[np.ndarray, "M 3"], length: float, tuning: ShoeTuning
) -> Float[np.ndarray, "N 3"]:
    """Return for each point the place on a line inside of the shoe from which it is seen."""
    slope, at_heel = np.polyfit(last[:, 0], last[:, 1], 1)
    along = points[:, 0].clip(tuning.middle[0] * length, tuning.middle[1] * length)
    height = tuning.center * _toes(last, length, tuning)
    return np.stack([along, at_heel + slope * along, np.full(len(points), height)], 1)


def _ahead(points: Float[np.ndarray, "N 3"], length: float, tuning: ShoeTuning) -> Float[np.ndarray, "K 3"]:
    """Return the points of toes, or all where there are none."""
    toes = points[points[:, 0] > tuning.middle[1] * length]
    return toes if len(toes) else points


def _toes(last: Float[np.ndarray, "N 3"], length: float, tuning: ShoeTuning) -> float:
    """Return how high toes are."""
    return float(np.quantile(_ahead(last, length, tuning)[:, 2], tuning.level))


def _last(own: Float[np.ndarray, "N 3"], length: float, tuning: ShoeTuning) -> Float[np.ndarray, "M 3"]:
    """Return points whose hull is the shoe below the instep: toe box, walls and a flat sole, a little wider."""
    low = (own[:, 2] < tuning.walls * length) | (own[:, 0] > tuning.toes * length)
    points = own[low].copy()
    ahead = _smoothstep((points[:, 0] / length - tuning.toes) / (1 - tuning.toes))
    points[:, 0] += tuning.toe_room * length * ahead
    points[:, 2] = np.maximum(points[:, 2], 0) + tuning.toe_room * length * ahead * (points[:, 2] > 0)
    middle = points[:, :2].mean(0)
    off = points[:, :2] - middle
    welt = middle + off * (1 + tuning.welt * length / np.maximum(np.linalg.norm(off, axis=1, keepdims=True), _TINY))
    rings = [np.column_stack([welt, np.full(len(welt), level)]) for level in (0.0, tuning.sole * length)]
    return np.concatenate([points, *rings])


def _leaves(
    center: Float[np.ndarray, "N 3"], way: Float[np.ndarray, "N 3"], points: Float[np.ndarray, "M 3"]
) -> Float[np.ndarray, "N"]:
    """Return how far from inside of it rays leave the convex hull of some points."""
    from scipy.spatial import ConvexHull

    planes = np.unique(ConvexHull(points).equations, axis=0)
    normal, shift = planes[:, :3], planes[:, 3]
    speed = way @ normal.T
    distance = -(center @ normal.T + shift)
    return np.where(speed > _TINY, distance.clip(0) / np.maximum(speed, _TINY), np.inf).min(1)


def _smoothstep(value: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N"]:
    t = value.clip(0, 1)
    return t * t * (3 - 2 * t)
