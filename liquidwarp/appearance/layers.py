"""A photo taken apart: one picture per body part.

A pixel of a photo shows one point of the surface. Per group of parts we keep a picture in the photo's own pixels: what
the photo shows of this group, continued under whatever covers it. No part ever samples the picture of another. What
looks aside or away has pictures of its own (`wrap`).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage

from liquidwarp.appearance.tuning import LAYER_TUNING, LayerTuning
from liquidwarp.bodies.parts import PARTS

LAYER_GROUPS: tuple[tuple[str, ...], ...] = (
    ("torso",),
    ("head", "face"),
    ("hair",),
    ("left_upper_arm",),
    ("right_upper_arm",),
    ("left_lower_arm",),
    ("right_lower_arm",),
    ("left_hand",),
    ("right_hand",),
    ("left_upper_leg",),
    ("right_upper_leg",),
    ("left_lower_leg",),
    ("right_lower_leg",),
    ("left_foot",),
    ("right_foot",),
)
"""Parts that share a layer: what bends little within itself, and so hardly ever covers itself."""

TORSO, HEAD, HAIR = 0, 1, 2
UPPER_LEGS = tuple(LAYER_GROUPS.index((f"{side}_upper_leg",)) for side in ("left", "right"))
FEET = tuple(LAYER_GROUPS.index((f"{side}_foot",)) for side in ("left", "right"))
HANDS = tuple(LAYER_GROUPS.index((f"{side}_hand",)) for side in ("left", "right"))
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_NO_WEIGHT, _HARDLY_ANY = 1e-4, 1e-3  # of a blurred mask: nothing to divide by; too far from all that is usual
_LEFT_ARM, _RIGHT_ARM = (
    tuple(LAYER_GROUPS.index((f"{side}_{part}",)) for part in ("upper_arm", "lower_arm", "hand"))
    for side in ("left", "right")
)

SEEN, MIRRORED, FILLED = 1, 2, 3
"""Coverage of a surface point: the photo shows it; its mirror image; invented."""


def group_of_part() -> np.ndarray:
    """Return the layer group of each part label."""
    table = np.empty(len(PARTS), np.int32)
    for group, names in enumerate(LAYER_GROUPS):
        for name in names:
            table[PARTS.index(name)] = group
    return table


@dataclass(frozen=True, eq=False)
class Layer:
    """One picture of one group.

    Attributes:
        rgba: uint8 (h, w, 4); alpha is the photo's, opaque beyond the photo.
        kind: uint8 (h, w); SEEN where the photo shows this group, else FILLED.
        origin: (x, y) of the layer's top-left corner in the photo's pixels; it may lie beyond the photo.
    """

    rgba: np.ndarray
    kind: np.ndarray
    origin: tuple[int, int]


def segment_groups(
    rgb: np.ndarray,
    alpha: np.ndarray,
    mesh_group: np.ndarray,
    edges: np.ndarray,
    height_px: float,
    *,
    tuning: LayerTuning = LAYER_TUNING,
) -> np.ndarray:
    """Label the photo's pixels by group: the mesh tells what is where, the photo where exactly it ends.

    The mesh is trusted away from its depth edges and outline; in between, labels grow to the photo's own edges
    (watershed).

    Args:
        rgb: uint8 (H, W, 3).
        alpha: float (H, W).
        mesh_group: int (H, W) group of the nearest face, -1 where none.
        edges: bool (H, W), from `depth_edges`.
        height_px: the person's height in pixels.
        tuning: what is sure.

    Returns:
        int32 (H, W): group, -1 for background.
    """
    margin = max(1.0, tuning.margin * height_px)
    unsure = ndimage.distance_transform_edt(~edges) <= margin
    markers = np.zeros(mesh_group.shape, np.int32)
    markers[alpha < tuning.background] = len(LAYER_GROUPS) + 1
    for group in range(len(LAYER_GROUPS)):
        region = (mesh_group == group) & (alpha > tuning.person)
        if not region.any():
            continue
        sure = region & ~unsure
        if sure.sum() < tuning.thin * region.sum():
            inner = ndimage.distance_transform_edt(region)
            sure = inner >= tuning.thin_core * inner.max()
        markers[sure] = group + 1
    labels = cv2.watershed(np.ascontiguousarray(rgb), markers.copy())
    border = labels <= 0
    if border.any() and not border.all():
        nearest = ndimage.distance_transform_edt(border, return_distances=False, return_indices=True)
        labels = labels[tuple(nearest)]
    labels[labels == len(LAYER_GROUPS) + 1] = 0
    labels[alpha < 0.5] = 0
    return labels - 1


def trusted_pixels(
    labels: np.ndarray,
    group: int,
    depth_edges: np.ndarray,
    height_px: float,
    *,
    tuning: LayerTuning = LAYER_TUNING,
) -> np.ndarray:
    """Return where the photo shows a group beyond doubt: away from the background and from what covers it.

    Colours mix along an outline, and a pixel there may end up stretched over a limb that turns. Thin things such as
    fingers keep their middle.

    Args:
        labels: from `segment_groups`.
        group: which group.
        depth_edges: bool (H, W): where two surfaces meet in the picture that do not touch in space.
        height_px: the person's height in pixels.
        tuning: how far colours mix.
    """
    mine = labels == group
    if not mine.any():
        return mine
    foreign = (labels < 0) | (ndimage.binary_dilation(depth_edges, iterations=2) & ~mine)
    distance = ndimage.distance_transform_edt(~foreign)
    reach = max(1.0, tuning.rim * height_px)
    inner = ndimage.maximum_filter(np.where(mine, distance, 0), size=2 * int(np.ceil(reach)) + 1)
    return mine & (distance > np.minimum(reach, 0.5 * inner))


def clear_of_arms(
    known: np.ndarray,
    labels: np.ndarray,
    mesh_group: np.ndarray,
    group: int,
    height_px: float,
    *,
    tuning: LayerTuning = LAYER_TUNING,
) -> np.ndarray:
    """Return the known pixels that no hand or forearm can lie on, even where the mesh missed the arm a little.

    A hand that rests on a thigh makes no step in depth, and the real hand, or a cuff of the trousers' colour, reaches
    beyond the mesh. A group that would lose nearly all of its pixels keeps them.

    Args:
        known: bool (H, W): what is trusted of the group.
        labels: from `segment_groups`.
        mesh_group: int (H, W) group of the nearest face, -1 where none.
        group: which group.
        height_px: the person's height in pixels.
        tuning: how far an arm may lie from the mesh's.
    """
    arms = [arm for arm in (_LEFT_ARM, _RIGHT_ARM) if group not in arm]
    cover = _shows(labels, mesh_group, [part for arm in arms for part in arm[1:]])
    if not known.any() or not cover.any():
        return known
    clear = known & (ndimage.distance_transform_edt(~cover) > tuning.margin * height_px)
    return clear if clear.sum() >= max(tuning.few, tuning.least_clear * known.sum()) else known


def without_arm_shadows(
    known: np.ndarray,
    rgb: np.ndarray,
    labels: np.ndarray,
    mesh_group: np.ndarray,
    height_px: float,
    *,
    tuning: LayerTuning = LAYER_TUNING,
) -> np.ndarray:
    """Return the known pixels without those along their edge that look unusual beside an arm.

    The crease between a sleeve and the trunk, or a strip of what shows between them, is a line in the photo; on a side
    that turns to the camera it would be stretched to a blot.

    Args:
        known: bool (H, W): what is trusted of a trunk or thigh.
        rgb: uint8 (H, W, 3).
        labels: from `segment_groups`.
        mesh_group: int (H, W) group of the nearest face, -1 where none.
        height_px: the person's height in pixels.
        tuning: what is unusual.
    """
    inner = ndimage.distance_transform_edt(known) > tuning.rim_depth
    cover = _shows(labels, mesh_group, [*_LEFT_ARM, *_RIGHT_ARM])
    if not inner.any() or not cover.any():
        return known
    brightness = rgb.astype(np.float32) @ _LUMA

    def usual(values: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(np.where(inner, values, 0).astype(np.float32), tuning.around)

    weight = usual(np.ones_like(brightness))
    total = np.maximum(weight, _NO_WEIGHT)
    mean = usual(brightness) / total
    deviation = np.sqrt(np.maximum(usual(brightness**2) / total - mean**2, 0))
    unusual = np.abs(brightness - mean) > np.maximum(tuning.unusual * deviation, tuning.least_unusual)
    beside = ndimage.distance_transform_edt(~cover) <= tuning.beside_arm * height_px
    return known & ~(unusual & beside & ~inner & (weight > _HARDLY_ANY))


def _shows(labels: np.ndarray, mesh_group: np.ndarray, groups: list[int]) -> np.ndarray:
    """Return where the photo or the mesh has one of some groups, bool (H, W)."""
    return np.isin(labels, groups) | np.isin(mesh_group, groups)


def depth_edges(mesh_group: np.ndarray, depth: np.ndarray, *, tuning: LayerTuning = LAYER_TUNING) -> np.ndarray:
    """Mark pixels beside which another group begins at another depth."""
    edges = np.zeros(mesh_group.shape, bool)
    finite = np.where(np.isfinite(depth), depth, 0)
    for axis in (0, 1):
        first = tuple(slice(None, -1) if a == axis else slice(None) for a in (0, 1))
        second = tuple(slice(1, None) if a == axis else slice(None) for a in (0, 1))
        both = (mesh_group[first] >= 0) & (mesh_group[second] >= 0)
        apart = np.abs(finite[first] - finite[second]) > tuning.depth_step
        step = both & (mesh_group[first] != mesh_group[second]) & apart
        edges[first] |= step
        edges[second] |= step
    return edges


def hair_core(trusted: np.ndarray, labels: np.ndarray, *, tuning: LayerTuning = LAYER_TUNING) -> np.ndarray:
    """Return the hair pixels that lie well away from the face, whose colours alone may spread over the back of the
    head."""
    if not trusted.any():
        return trusted
    distance = ndimage.distance_transform_edt(labels != HEAD)
    return trusted & (distance >= tuning.hair_core * distance[trusted].max())


def is_mere_edge(trusted: np.ndarray, labels: np.ndarray, group: int, *, tuning: LayerTuning = LAYER_TUNING) -> bool:
    """Return whether a group is so small in the photo that all its colours are mixed with what lies beside it."""
    deep = trusted & (ndimage.distance_transform_edt(labels == group) > tuning.mixed)
    return int(deep.sum()) < tuning.few


def cut_out(picture: np.ndarray, box: tuple[int, int, int, int], beyond: int) -> np.ndarray:
    """Return the part of a picture (H, W, ...) within a box (x0, y0, x1, y1), and a value where the box leaves it."""
    x0, y0, x1, y1 = box
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = max(min(x1, picture.shape[1]), left), max(min(y1, picture.shape[0]), top)
    if (left, top, right, bottom) == box:
        return picture[y0:y1, x0:x1]
    out = np.full((y1 - y0, x1 - x0, *picture.shape[2:]), beyond, picture.dtype)
    out[top - y0 : bottom - y0, left - x0 : right - x0] = picture[top:bottom, left:right]
    return out


def front_layer(
    rgb: np.ndarray,
    alpha: np.ndarray,
    known: np.ndarray,
    box: tuple[int, int, int, int],
    *,
    seeds: np.ndarray,
    texture: tuple[float, float] | None = None,
    tuning: LayerTuning = LAYER_TUNING,
) -> Layer:
    """Cut one group's picture out of the photo and continue it beyond its edge.

    Args:
        rgb: uint8 (H, W, 3), free of background colour.
        alpha: float (H, W).
        known: bool (H, W): pixels that show this group.
        box: x0, y0, x1, y1 of the layer; it may reach beyond the photo.
        seeds: bool (H, W): pixels whose colours may spread; some of them or of the known ones lie in the box.
        texture: strip along the photo's edge whose texture goes on beyond it, and how far it lasts (`repeat_picture`).
        tuning: how far texture goes on elsewhere.
    """
    picture, inside, start = (cut_out(image, box, 0) for image in (rgb, known, seeds))
    start = start if start.any() else inside
    filled = continue_picture(picture, start, tuning=tuning)
    beyond = ~cut_out(np.ones_like(known), box, 0)
    if texture is not None and beyond.any():
        filled[beyond] = repeat_picture(picture, start, beyond, *texture, tuning=tuning)
    filled = np.where(inside[..., None], picture, filled)
    opacity = np.where(inside, 255, np.clip(cut_out(alpha, box, 1) * 255 + 0.5, 0, 255)).astype(np.uint8)
    kind = np.where(inside, SEEN, FILLED).astype(np.uint8)
    return Layer(np.dstack([filled, opacity]), kind, box[:2])


def continue_picture(picture: np.ndarray, known: np.ndarray, *, tuning: LayerTuning = LAYER_TUNING) -> np.ndarray:
    """Fill unknown pixels: close to the known region its mirror image, so that texture goes on; further off a
    membrane."""
    assert known.any(), "there is nothing to go on from"
    if known.all():
        return picture.copy()
    distance, nearest = ndimage.distance_transform_edt(~known, return_indices=True)
    where = np.nonzero(~known)
    distance, nearest = distance[where], nearest[:, where[0], where[1]]
    last = np.array(known.shape, np.int32)[:, None] - 1
    inside = np.clip(2 * nearest - np.array(where, np.int32), 0, last)
    inside = np.where(known[tuple(inside)], inside, nearest)
    close = picture[tuple(inside)].astype(np.float32)
    far = pull_push(picture.astype(np.float32), known.astype(np.float32))[where]
    weight = np.exp(-distance / (tuning.texture_length * max(picture.shape[:2]) + 1))[:, None].astype(np.float32)
    out = picture.copy()
    out[where] = np.clip(weight * close + (1 - weight) * far + 0.5, 0, 255).astype(np.uint8)
    return out


def usual_colors(
    colors: Float[np.ndarray, "N 3"], alike: float
) -> tuple[Float[np.ndarray, "K 3"], Int[np.ndarray, "K"]]:
    """Return the mean of colours that are alike, in every part of the colour space, and how many there are."""
    _, member, count = np.unique(colors // alike, axis=0, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(member.ravel(), colors[:, c], len(count)) for c in range(3)], -1)
    return sums / np.maximum(count, 1)[:, None], count


def repeat_picture(
    picture: np.ndarray,
    known: np.ndarray,
    where: np.ndarray,
    strip: float,
    lasting: float,
    *,
    tuning: LayerTuning = LAYER_TUNING,
) -> np.ndarray:
    """Return colours for unknown pixels: the texture beside them, which runs to and fro over a strip of some pixels.

    Args:
        picture: uint8 (H, W, 3).
        known: bool (H, W); some are.
        where: bool (H, W): the N pixels that are asked for.
        strip: how deep the texture is that is repeated, pixels.
        lasting: how far it lasts before its mean takes over, pixels; maybe infinite.
        tuning: samples of the mean.

    Returns:
        uint8 (N, 3).
    """
    distance, nearest = ndimage.distance_transform_edt(~known, return_indices=True)
    distance, nearest = distance[where].astype(np.float32), nearest[:, where]
    inwards = (nearest - np.array(np.nonzero(where))) / np.maximum(distance, 1)
    last = np.array(known.shape)[:, None] - 1

    def sample(depth: np.ndarray | float) -> np.ndarray:
        at = np.clip(np.rint(nearest + inwards * depth).astype(np.intp), 0, last)
        return picture[tuple(np.where(known[tuple(at)], at, nearest))]

    texture = sample(strip - np.abs(strip - distance % (2 * strip)))
    if not np.isfinite(lasting):
        return texture
    count = tuning.strip_samples
    mean = sum(sample(strip * (part + 0.5) / count).astype(np.float32) for part in range(count)) / count
    weight = np.exp(-distance / lasting)[:, None]
    return (weight * texture + (1 - weight) * mean + 0.5).astype(np.uint8)


def pull_push(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Interpolate weighted samples smoothly by a pyramid (Gortler et al., The Lumigraph, 1996, section 3.4)."""
    if min(values.shape[:2]) <= 1 or weight.min() > 0:
        total = max(float(weight.sum()), 1e-6)
        mean = (values * weight[..., None]).sum((0, 1)) / total
        return np.where(weight[..., None] > 0, values, mean).astype(np.float32)
    size = ((values.shape[1] + 1) // 2, (values.shape[0] + 1) // 2)
    small_weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(values * weight[..., None], size, interpolation=cv2.INTER_AREA)
    small = small / np.maximum(small_weight, 1e-6)[..., None]
    coarse = pull_push(small.astype(np.float32), np.minimum(small_weight * 4, 1))
    up = cv2.resize(coarse, (values.shape[1], values.shape[0]), interpolation=cv2.INTER_LINEAR)
    return values * weight[..., None] + up * (1 - weight[..., None])
