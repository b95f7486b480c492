"""Long hair's own surface: a curtain around the back of the head, open in front, with the photo's hair on it."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage
from torch import Tensor

from liquidwarp.appearance.drape import Drape, Hanging, at_rest, far_inside, strip_faces, two_sided
from liquidwarp.appearance.drape_tuning import HAIR_TUNING, HairTuning
from liquidwarp.appearance.excerpt import Excerpt
from liquidwarp.appearance.hair_outline import FACE, SCALP, SKIN, TRUNK, HairOutline, Headed
from liquidwarp.appearance.layers import FILLED, Layer, cut_out, front_layer
from liquidwarp.appearance.skirt_outline import PhotoPose
from liquidwarp.appearance.tuning import LAYER_TUNING, LayerTuning
from liquidwarp.bodies.protocol import BodyModel, Identity, Topology
from liquidwarp.geometry import project
from liquidwarp.raster import rasterize

_CARRIERS = ("head", "spine3", "head", "head", "head")


@dataclass(frozen=True, eq=False)
class HairShape:
    """Long hair without its colours.

    Attributes:
        head: in the photo.
        points: its vertices there, ring by ring, metres.
        surface: the same, as it hangs from the body at rest.
        shown: where the photo shows hair.
    """

    head: Headed
    points: Float[Tensor, "P 3"]
    surface: Hanging
    shown: Bool[np.ndarray, "H W"]


def hair_shape(
    body: BodyModel,
    identity: Identity,
    head: Headed,
    outline: HairOutline,
    pose: PhotoPose,
    clothed: Float[Tensor, "V 3"],
    *,
    tuning: HairTuning = HAIR_TUNING,
) -> HairShape:
    """Return the shape of long hair.

    Args:
        body: the body.
        identity: whose.
        head: in the photo.
        outline: of the hair there.
        pose: the body's there.
        clothed: the clothed body there, with the volume of the hair above.
        tuning: how it hangs.
    """
    first = outline.below[np.isfinite(outline.outer).any(0)][0]  # a hat ends there
    below = np.linspace(max(first, tuning.top * head.head), outline.tips, tuning.levels)
    flat = _rings(body.topology, head, outline, below, clothed, tuning)
    points = torch.from_numpy(head.placed(flat).reshape(-1, 3))
    hanging = (flat[..., 1] / head.head - 1).clip(0) / max(outline.tips / head.head - 1, 1e-6)
    start, end = tuning.to_trunk
    on_trunk = tuning.on_trunk * ((flat[..., 1] / head.head - start) / (end - start)).clip(0, 1)
    weights = np.stack([1 - on_trunk, on_trunk, *[np.zeros_like(on_trunk)] * 3], -1).reshape(-1, len(_CARRIERS))
    joints = torch.tensor([body.canonical(name) for name in _CARRIERS]).expand(len(weights), -1).contiguous()
    carried = torch.from_numpy(weights).float()
    return HairShape(
        head=head,
        points=points.float(),
        surface=Hanging(
            kind="hair",
            ring=tuning.around,
            rest=at_rest(body, identity, pose, points, joints, carried),
            joints=joints,
            weights=carried,
            loose=torch.from_numpy(tuning.loose * hanging.clip(0, 1)).float().flatten(),
            faces=strip_faces(len(below), tuning.around, closed=False),
            hides=_hidden(body.topology, head, below[0], tuning),
        ),
        shown=outline.shown,
    )


def hair_drape(
    body: BodyModel,
    shape: HairShape,
    rgb: UInt8[np.ndarray, "H W 3"],
    alpha: Float[np.ndarray, "H W"],
    *,
    tuning: HairTuning = HAIR_TUNING,
    layers: LayerTuning = LAYER_TUNING,
) -> Drape:
    """Return long hair in the colours of a photo; what it does not show goes on from what it does.

    Args:
        body: the body.
        shape: of the hair.
        rgb: the photo, free of the background's colour.
        alpha: the person in it, 1 = person.
        tuning: what is surely hair.
        layers: how hair goes on where the photo does not show it.
    """
    head = shape.head
    xy = project(head.camera, shape.points)[:, :2].numpy()
    tall = float(np.ptp(xy[:, 1]))
    known = far_inside(shape.shown & (alpha > tuning.sure), max(1.0, tuning.rim * tall))
    known = known if known.any() else shape.shown
    pad = layers.pad * tall
    low, high = np.floor(xy.min(0) - pad), np.ceil(xy.max(0) + pad)
    box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    front = front_layer(rgb, alpha, known, box, seeds=known, tuning=layers)
    excerpt = Excerpt.of(alpha, xy, tuning=layers)
    region = rasterize(shape.points[None], shape.surface.faces, excerpt.camera(head.camera)).mask[0].numpy()
    back = _behind(front, cut_out(excerpt.back(region), box, 0), tuning=tuning)
    return Drape.of(shape.surface, two_sided(front, back, xy[shape.surface.faces.numpy()]))


def without_hair(
    topology: Topology,
    shape: HairShape,
    alpha: Float[np.ndarray, "H W"],
    *,
    tuning: HairTuning = HAIR_TUNING,
    layers: LayerTuning = LAYER_TUNING,
) -> Float[np.ndarray, "H W"]:
    """Return who has long hair as if it hung nowhere: below the ears it is no outline of the body."""
    head = shape.head
    excerpt = Excerpt.of(alpha, project(head.camera, head.vertices)[:, :2].numpy(), tuning=layers)
    body = excerpt.back(rasterize(head.vertices[None], topology.faces, excerpt.camera(head.camera)).mask[0].numpy())
    ear = torch.from_numpy((head.crown + tuning.ears * head.head * head.down)[None]).float()
    low = np.arange(alpha.shape[0])[:, None] > float(project(head.camera, ear)[0, 1])
    hair = ndimage.binary_dilation(shape.shown, iterations=tuning.fringe) & ~body & low
    return np.where(hair, np.float32(0), alpha)


def _rings(
    topology: Topology, head: Headed, outline: HairOutline, below: np.ndarray, clothed: Tensor, tuning: HairTuning
) -> Float[np.ndarray, "L A 3"]:
    """Return rings as (across, below, near); each runs from the left of the face by the back to its right."""
    part = topology.vertex_part.numpy()
    bare, worn, body = (
        head.flat(vertices)[np.isin(part, names)]
        for vertices, names in (
            (head.vertices, (SCALP, FACE, SKIN)),
            (clothed, (SCALP, FACE, SKIN)),
            (clothed, (TRUNK, SKIN)),
        )
    )
    skull, volume = _extents(bare, below, head, tuning), tuning.volume * head.head
    grown = _extents(worn, below, head, tuning)
    outer = _filled(outline, outline.outer, below)
    own = below < head.head
    more = np.maximum((outer - skull[:2])[:, own].mean(), volume)
    outer = np.maximum(outer, skull[:2] + volume)
    behind = np.maximum.accumulate(skull[2]) + tuning.deep * more
    before = tuning.before_face * np.maximum.accumulate(skull[3])
    leaves = ((below - below[0]) / (tuning.leave * head.head)).clip(0, 1)
    inside = tuning.inside * head.head
    sides = leaves * outer + (1 - leaves) * (grown[:2] - inside)
    behind = leaves * behind + (1 - leaves) * (grown[2] - inside)
    sides, behind, before = (
        ndimage.gaussian_filter1d(value, tuning.smooth, axis=-1, mode="nearest") for value in (sides, behind, before)
    )
    left, right = _openings(head, outline, below, sides, tuning)
    turn = left[:, None] + np.linspace(0, 1, tuning.around) * (right - left)[:, None]
    cosine, sine = np.cos(turn), np.sin(turn)
    across = np.where(cosine > 0, sides[1][:, None], sides[0][:, None]) * cosine
    near = np.where(sine > 0, before[:, None], behind[:, None]) * sine
    start, end = tuning.on_back
    lies = leaves[:, None] * ((np.abs(sine) - start) / (end - start)).clip(0, 1)  # sides end in the shoulders
    near = near + lies * (_clear_of_body(body, across, below, near, head, tuning) - near)
    lock = np.arange(tuning.around)
    uneven = (np.sin(lock * np.e) + np.sin(lock * np.pi / np.e)) ** 2 / 4  # no two locks alike, and the same each time
    down = below[:, None] - tuning.ragged * head.head * uneven * (np.linspace(0, 1, len(below)) ** 2)[:, None]
    return np.stack([across, down, near], -1)


def _extents(points: np.ndarray, below: np.ndarray, head: Headed, tuning: HairTuning) -> Float[np.ndarray, "4 L"]:
    """Return how far points reach to the left, right, back and front of the middle near each level.

    Below the chin they are as at the chin.
    """
    found = np.zeros((4, len(below)))
    for row, level in enumerate(np.minimum(below, head.head)):
        away = np.abs(points[:, 1] - level)
        near = points[away < max(tuning.band * head.head, away.min() + 1e-6)]
        found[:, row] = -near[:, 0].min(), near[:, 0].max(), -near[:, 2].min(), near[:, 2].max()
    return found


def _filled(outline: HairOutline, values: np.ndarray, below: np.ndarray) -> Float[np.ndarray, "2 L"]:
    """Return values of the outline's rows at other rows; what is not known goes on."""
    known = np.isfinite(values)
    return np.stack(
        [np.interp(below, outline.below[mask], side[mask]) for side, mask in zip(values, known, strict=True)]
    )


def _openings(
    head: Headed, outline: HairOutline, below: np.ndarray, sides: np.ndarray, tuning: HairTuning
) -> tuple[np.ndarray, np.ndarray]:
    """Return from which direction to which the hair goes in each ring: left of the face, by the back, to its right."""
    inner = _filled(outline, outline.inner, below)
    angle = np.arcsin((inner / np.maximum(sides, 1e-6)).clip(0, 1)).clip(*tuning.opening)
    for side in (0, 1):
        seen = below < outline.below[np.isfinite(outline.inner[side])].max()
        hangs_behind = (below > tuning.ears * head.head) & ~(seen & outline.in_front[side])
        angle[side] = np.where(hangs_behind, np.maximum(angle[side], tuning.behind_opening), angle[side])
    angle = ndimage.gaussian_filter1d(angle, tuning.smooth, axis=1, mode="nearest")
    return np.pi / 2 + angle[0], np.pi * 2 + np.pi / 2 - angle[1]


def _clear_of_body(
    points: np.ndarray, across: np.ndarray, below: np.ndarray, near: np.ndarray, head: Headed, tuning: HairTuning
) -> Float[np.ndarray, "L A"]:
    """Return how near vertices are when they lie on neck and trunk rather than in them."""
    out = near.copy()
    gap = tuning.clear * head.head
    for row, level in enumerate(below):
        level_points = points[np.abs(points[:, 1] - level) < tuning.band * head.head]
        if not len(level_points):
            continue
        beside = np.abs(level_points[:, 0][:, None] - across[row]) < tuning.aside * head.head
        depth = level_points[:, 2][:, None]
        front = np.where(beside, depth, -np.inf).max(0) + gap
        back = np.where(beside, depth, np.inf).min(0) - gap
        out[row] = np.where(near[row] > 0, np.maximum(near[row], front), np.minimum(near[row], back))
    return ndimage.gaussian_filter(out, 1, mode="nearest")


def _hidden(topology: Topology, head: Headed, first: float, tuning: HairTuning) -> Bool[Tensor, "F"]:
    """Return the faces at the back of the head and neck that are well under the hair."""
    flat = head.flat(head.vertices) / head.head
    under = (
        (flat[:, 1] > first / head.head + tuning.leave)
        & (flat[:, 1] < tuning.least_long)
        & (flat[:, 2] < -tuning.hidden)
    )
    under &= np.isin(topology.vertex_part.numpy(), (SCALP, SKIN))
    return torch.from_numpy(under[topology.faces.numpy()].all(1))


def _bounce(along: np.ndarray, tuning: HairTuning) -> np.ndarray:
    """Return positions that go up to the strip's far end as they are and then to and fro within the strip."""
    inset, strip = tuning.back_inset, tuning.back_strip
    end = inset + strip
    return np.where(along < end, along, inset + np.abs(strip - (along - end) % (2 * strip)))


def _behind(front: Layer, region: np.ndarray, *, tuning: HairTuning) -> Layer:
    """Invent the far side of hair from the strips along its outline.

    Across every row of the region, the picture runs inwards from the outline and then to and fro over a strip beside
    it, from the left and from the right, and both blend in the middle. The strip begins a little inside the outline,
    where colours are the hair's own.

    Args:
        front: what the photo shows.
        region: bool (h, w): where the surface is, in the layer's pixels.
        tuning: where the strips begin and how wide they are.
    """
    height, width = region.shape
    columns = np.arange(width)
    any_row = region.any(1)
    if not any_row.any():
        return front
    left = np.where(any_row, region.argmax(1), 0).astype(np.float32)
    right = np.where(any_row, width - 1 - region[:, ::-1].argmax(1), width - 1).astype(np.float32)
    rows = np.flatnonzero(any_row)
    nearest_row = rows[np.abs(np.arange(height)[:, None] - rows[None]).argmin(1)]
    sigma = max(1.0, tuning.back_smooth * height)
    left, right = (ndimage.gaussian_filter1d(edge[nearest_row], sigma) for edge in (left, right))
    span = np.maximum(right - left, 1)
    along = (columns[None] - left[:, None]) / span[:, None]
    from_left = left[:, None] + _bounce(along, tuning) * span[:, None]
    from_right = right[:, None] - _bounce(1 - along, tuning) * span[:, None]
    row_map = np.broadcast_to(np.arange(height, dtype=np.float32)[:, None], (height, width))
    pictures = [
        cv2.remap(front.rgba, x.astype(np.float32), row_map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for x in (from_left, from_right)
    ]
    blend = 1 / (1 + np.exp(-np.clip((along - 0.5) * 24, -30, 30)))[..., None]
    rgba = pictures[0] * (1 - blend) + pictures[1] * blend
    rgba[..., 3] = front.rgba[..., 3]
    return Layer(np.clip(rgba + 0.5, 0, 255).astype(np.uint8), np.full(region.shape, FILLED, np.uint8), front.origin)
