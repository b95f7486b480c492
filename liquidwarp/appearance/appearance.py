"""What a person's surface looks like: packed layers, and for every face where in them to look."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from liquidwarp.appearance.excerpt import Excerpt
from liquidwarp.appearance.layers import (
    FEET,
    FILLED,
    HAIR,
    HANDS,
    HEAD,
    LAYER_GROUPS,
    MIRRORED,
    SEEN,
    TORSO,
    UPPER_LEGS,
    Layer,
    clear_of_arms,
    cut_out,
    depth_edges,
    front_layer,
    group_of_part,
    hair_core,
    is_mere_edge,
    segment_groups,
    trusted_pixels,
    without_arm_shadows,
)
from liquidwarp.appearance.shoe_colors import ShoeColors, shoe_colors
from liquidwarp.appearance.tubes import tubes_of
from liquidwarp.appearance.tuning import LAYER_TUNING, LayerTuning
from liquidwarp.appearance.unseen import (
    FEW,
    SHINS,
    continued_layer,
    plain_color,
    plain_layer,
    plain_place,
    skin_pixels,
    unlike_neighbour,
)
from liquidwarp.appearance.wrap import PhotoSurface, Wraps, filled_from_wrap, in_shoes, wrap_surface
from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import Topology
from liquidwarp.devices import moved
from liquidwarp.geometry import project
from liquidwarp.mesh.facing import vertex_facing
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

_TINY = 1e-6
_GUESSED = 1e-3  # trust in what is invented from nothing; what a photo shows of a group is trusted by 0.01 to 1


@dataclass(frozen=True, eq=False)
class Observation:
    """One photo with the clothed body as it stands in it.

    Attributes:
        rgb: uint8 (H, W, 3), foreground colours free of background bleeding.
        alpha: (H, W), 1 = person.
        camera: the photo's camera; its size is the photo's.
        vertices: the clothed, posed body.
        draped: bool (H, W), where the photo shows a drape, which tells nothing of the body but its hair; None for
            nowhere.
        shod: (V,) of feet in shoes, how high their vertices are above the ground, metres (`clothing.above_ground`);
            None for bare feet.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    camera: Camera
    vertices: Float[Tensor, "V 3"]
    draped: np.ndarray | None = None
    shod: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Appearance:
    """Pictures of a surface and a table that says where each face looks.

    Attributes:
        texels: uint8 (N, 4) pixels of all layers; alpha is the photo's.
        kinds: uint8 (N,) coverage of each pixel: SEEN or FILLED.
        table: int64 (L, 3): first texel, height and width of each layer.
        slot_layer: int32 (F, K) layer of each slot, -1 for none.
        slot_xy: float32 (F, K, 3, 2) where the face's corners lie in that layer, in pixels.
        slot_weight: float32 (F, K, 3) trust at each corner.
        slot_mirrored: bool (F, K), True where the slot looks at the mirror image.
    """

    texels: np.ndarray
    kinds: np.ndarray
    table: np.ndarray
    slot_layer: np.ndarray
    slot_xy: np.ndarray
    slot_weight: np.ndarray
    slot_mirrored: np.ndarray

    def tensors(self, device: torch.device | str) -> "AppearanceTensors":
        """Return a copy on a device, for `render_on_device`."""
        arrays = (getattr(self, field.name) for field in fields(self))
        return AppearanceTensors(*(torch.from_numpy(np.array(array)) for array in arrays)).to(device)

    def of_faces(self, faces: np.ndarray) -> "Appearance":
        """Return the same pictures for some faces alone, bool (F,)."""
        return replace(
            self,
            slot_layer=self.slot_layer[faces],
            slot_xy=self.slot_xy[faces],
            slot_weight=self.slot_weight[faces],
            slot_mirrored=self.slot_mirrored[faces],
        )

    def face_coverage(self) -> np.ndarray:
        """Return the coverage kind at the middle of each face, uint8 (F,)."""
        texel, mirrored = self._middles()
        kind = self.kinds[texel]
        return np.where(mirrored & (kind == SEEN), MIRRORED, kind).astype(np.uint8)

    def face_colors(self) -> np.ndarray:
        """Return the colour at the middle of each face, uint8 (F, 3)."""
        return self.texels[self._middles()[0], :3]

    def _middles(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the texel at the middle of each face in the picture that it trusts most, and whether mirrored."""
        best = self.slot_weight.mean(-1).argmax(-1)
        rows = np.arange(len(best))
        start, height, width = self.table[self.slot_layer[rows, best]].T
        x, y = self.slot_xy[rows, best].mean(1).astype(np.int64).T
        return start + np.clip(y, 0, height - 1) * width + np.clip(x, 0, width - 1), self.slot_mirrored[rows, best]


@dataclass(frozen=True, eq=False)
class AppearanceTensors:
    """An `Appearance` as tensors on one device; its attributes are the same."""

    texels: UInt8[Tensor, "N 4"]
    kinds: UInt8[Tensor, "N"]
    table: Int[Tensor, "L 3"]
    slot_layer: Int[Tensor, "F K"]
    slot_xy: Float[Tensor, "F K 3 2"]
    slot_weight: Float[Tensor, "F K 3"]
    slot_mirrored: Bool[Tensor, "F K"]

    def to(self, device: torch.device | str) -> "AppearanceTensors":
        """Return them on another device."""
        return moved(self, device)

    def arrays(self) -> Appearance:
        """Return the appearance as arrays; those of tensors on the CPU share their memory."""
        return Appearance(*(getattr(self, field.name).cpu().numpy() for field in fields(self)))


def appearance_from_observations(
    topology: Topology, observations: Sequence[Observation], *, tuning: LayerTuning = LAYER_TUNING
) -> Appearance:
    """Take the photos apart and fuse them; photos that show a face well outweigh those that do not."""
    return fuse_appearances([_appearance_from_photo(topology, item, tuning) for item in observations])


def fuse_appearances(items: Sequence[Appearance]) -> Appearance:
    """Put the slots of several appearances of one person side by side; what nobody saw is taken from the first alone
    that knows anything of that part."""
    if len(items) == 1:
        return items[0]
    merged = concatenated(items)
    seen = np.stack([item.face_coverage() == SEEN for item in items], 1)
    told = np.stack([item.slot_weight.max((1, 2)) > 2 * _GUESSED for item in items], 1)
    counts = [item.slot_layer.shape[1] for item in items]
    first = np.arange(len(items)) == told.argmax(1)[:, None]
    keep = np.repeat(np.where(seen.any(1, keepdims=True), seen, first), counts, axis=1)
    return replace(merged, slot_weight=merged.slot_weight * keep[..., None])


def concatenated(items: Sequence[Appearance]) -> Appearance:
    """Put the slots of several appearances of one surface side by side."""
    return _joined(items, 1)


def joined_surfaces(items: Sequence[Appearance]) -> Appearance:
    """Put the faces of several surfaces below each other, with as many slots as that of most."""
    slots = max(item.slot_layer.shape[1] for item in items)
    return _joined([_widened(item, slots) for item in items], 0)


def _widened(item: Appearance, slots: int) -> Appearance:
    more = ((0, 0), (0, slots - item.slot_layer.shape[1]))
    return replace(
        item,
        slot_layer=np.pad(item.slot_layer, more, constant_values=-1),
        slot_xy=np.pad(item.slot_xy, (*more, (0, 0), (0, 0))),
        slot_weight=np.pad(item.slot_weight, (*more, (0, 0))),
        slot_mirrored=np.pad(item.slot_mirrored, more),
    )


def _joined(items: Sequence[Appearance], axis: int) -> Appearance:
    """Lay the pictures of several appearances one behind the other, and their faces (0) or slots (1) side by side."""
    tables, layers, texels, count = [], [], 0, 0
    for item in items:
        tables.append(item.table + np.array([texels, 0, 0]))
        layers.append(np.where(item.slot_layer >= 0, item.slot_layer + count, -1))
        texels += len(item.texels)
        count += len(item.table)
    return Appearance(
        texels=np.concatenate([item.texels for item in items]),
        kinds=np.concatenate([item.kinds for item in items]),
        table=np.concatenate(tables),
        slot_layer=np.concatenate(layers, axis).astype(np.int32),
        slot_xy=np.concatenate([item.slot_xy for item in items], axis),
        slot_weight=np.concatenate([item.slot_weight for item in items], axis),
        slot_mirrored=np.concatenate([item.slot_mirrored for item in items], axis),
    )


def _appearance_from_photo(topology: Topology, item: Observation, tuning: LayerTuning) -> Appearance:
    faces = topology.faces.numpy()
    face_group = group_of_part()[topology.face_part.numpy()]
    xy = project(item.camera, item.vertices)[:, :2].numpy()
    height_px = float(xy[:, 1].max() - xy[:, 1].min())
    excerpt = Excerpt.of(item.alpha, xy, tuning=tuning)
    corners = xy[faces]
    edge1, edge2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    # Outward normals and y down: a face that looks at the camera runs counter to the screen's own sense of rotation.
    is_front = edge1[:, 0] * edge2[:, 1] - edge1[:, 1] * edge2[:, 0] < 0
    beyond = _beyond_photo(corners, face_group, item.alpha.shape, tuning.cut * height_px)
    parts = _segment(topology, face_group, _excerpted(item, excerpt), tuning)
    taken = _take_layers(item, excerpt, parts, face_group, corners, beyond, height_px, tuning)
    shoes = None if item.shod is None else _shoes(topology, face_group, item.shod, parts, tuning)
    del parts  # one mask per group: they are not needed while the surface is unrolled
    facing = vertex_facing(item.vertices[None], topology.faces, item.camera)[0].numpy()[faces]
    plain, guessed = taken.plain[face_group], taken.guessed[face_group]
    small = np.isin(face_group, (HAIR, *FEET) if item.shod is None else (HAIR,))[:, None]
    judged = facing + np.where(small, tuning.tubes.oblique - tuning.tubes.oblique_small, 0)
    wraps, layers = _wrap(
        topology, item, face_group, corners, judged, is_front, excerpt, shoes, taken, height_px, tuning
    )
    wrapped = wraps.layer[:, 0] >= 0
    back_of = np.full(len(LAYER_GROUPS), -1)
    for group in np.unique(face_group[~wrapped & ~guessed]):
        front = layers[taken.layer_of[group]]
        back_of[group] = len(layers)
        layers.append(replace(front, kind=np.full_like(front.kind, FILLED)))
    looks_back = ~wrapped & ~guessed & ~is_front
    flat = np.where(looks_back, back_of[face_group], taken.layer_of[face_group])
    origin = np.array([layer.origin for layer in layers], np.float32)
    flat_xy = (corners - origin[flat][:, None]).astype(np.float32)
    flat_xy[plain] = plain_place(facing[plain])
    squarely = np.clip((judged - tuning.tubes.oblique) / tuning.tubes.blend, 0, 1) * is_front[:, None]
    squarely = np.where(wrapped[:, None], squarely, 1)
    trust = _facing_weight(facing, tuning)
    parts_of_trust = np.concatenate([squarely[:, None], (1 - squarely)[:, None] * wraps.part], 1)
    appearance = Appearance(
        texels=np.concatenate([layer.rgba.reshape(-1, 4) for layer in layers]),
        kinds=np.concatenate([layer.kind.reshape(-1) for layer in layers]),
        table=_table(layers),
        slot_layer=np.concatenate(
            [flat[:, None], np.where(wraps.layer >= 0, wraps.layer + len(taken.layers), -1)], 1
        ).astype(np.int32),
        slot_xy=np.concatenate([flat_xy[:, None], wraps.corners], 1),
        slot_weight=(trust[:, None] * parts_of_trust).astype(np.float32),
        slot_mirrored=np.zeros((len(faces), 3), bool),
    )
    appearance = _borrow_from_mirror(appearance, topology, face_group, beyond, ~beyond & ~guessed, tuning)
    guess = guessed & ~appearance.slot_mirrored[:, 0]
    return replace(appearance, slot_weight=np.where(guess[:, None, None], np.float32(_GUESSED), appearance.slot_weight))


def _wrap(
    topology: Topology,
    item: Observation,
    face_group: np.ndarray,
    corners: np.ndarray,
    facing: np.ndarray,
    is_front: np.ndarray,
    excerpt: Excerpt,
    shoes: ShoeColors | None,
    taken: "_Taken",
    height_px: float,
    tuning: LayerTuning,
) -> tuple[Wraps, list[Layer]]:
    """Unroll trunk, head and limbs; return that, and all layers, the flat ones filled from the unrolled ones."""
    size = (item.alpha.shape[0], item.alpha.shape[1])
    shown = [
        None if taken.guessed[group] or number < 0 else taken.layers[number]
        for group, number in enumerate(taken.layer_of)
    ]
    surface = PhotoSurface(face_group, corners, facing, is_front, shown, size, item.shod is not None)
    rows = item.vertices[:, 1]
    scale = excerpt.scale * height_px / max(float(rows.max() - rows.min()), _TINY)
    tubes = tubes_of(topology.faces.numpy(), face_group, item.vertices, item.camera, scale, tuning=tuning.tubes)
    wraps = wrap_surface(tubes, surface, ~taken.guessed[face_group], tuning=tuning.tubes)
    slot = np.zeros(len(face_group), np.int64)
    if shoes is not None and item.shod is not None:
        feet = np.isin(face_group, FEET)
        wraps = in_shoes(wraps, feet, item.shod[topology.faces.numpy()], shoes, tuning=tuning.tubes)
        slot[feet] = 1
    looked_into, places = (value[np.arange(len(slot)), slot] for value in (wraps.layer, wraps.corners))
    layers = list(taken.layers)
    mesh = item.vertices, topology.faces
    for group, number in enumerate(taken.layer_of):
        own = np.where(face_group == group, looked_into, -1)
        for wrap in np.unique(own[own >= 0]):
            layers[number] = filled_from_wrap(
                layers[number],
                wraps.layers[wrap],
                own == wrap,
                places,
                surface,
                mesh,
                item.camera,
                tuning=tuning.tubes,
            )
    return wraps, layers + wraps.layers


@dataclass(frozen=True, eq=False)
class _Parts:
    """What shows which part of the body in an excerpt of a photo.

    Attributes:
        item: the excerpt.
        labels: from `segment_groups`.
        trusted: per group, the pixels that show it beyond doubt, bool (h, w).
        face: where the mesh shows the face, bool (h, w).
        raised: of feet in shoes, how high pixels are above the ground, metres (h, w); None for bare feet.
    """

    item: Observation
    labels: np.ndarray
    trusted: list[np.ndarray]
    face: np.ndarray
    raised: np.ndarray | None


def _excerpted(item: Observation, excerpt: Excerpt) -> Observation:
    draped = None if item.draped is None else excerpt.cut(item.draped.astype(np.float32)) > 0.5
    cut = excerpt.cut(item.rgb), excerpt.cut(item.alpha)
    return Observation(*cut, excerpt.camera(item.camera), item.vertices, draped, item.shod)


def _segment(topology: Topology, face_group: np.ndarray, item: Observation, tuning: LayerTuning) -> _Parts:
    """Find out what shows which part of the body."""
    fragments = rasterize(item.vertices[None], topology.faces, item.camera)
    index = fragments.face_index[0].numpy()
    mesh_group = np.where(index >= 0, face_group[index.clip(0)], -1)
    face = (index >= 0) & (topology.face_part.numpy()[index.clip(0)] == PARTS.index("face"))
    rows = project(item.camera, item.vertices)[:, 1]
    height_px = float(rows.max() - rows.min())
    edges = depth_edges(mesh_group, fragments.depth[0].numpy(), tuning=tuning)
    labels = segment_groups(item.rgb, item.alpha, mesh_group, edges, height_px, tuning=tuning)
    trusted = []
    for group in range(len(LAYER_GROUPS)):
        mine = trusted_pixels(labels, group, edges, height_px, tuning=tuning)
        trusted.append(clear_of_arms(mine, labels, mesh_group, group, height_px, tuning=tuning))
    for group in (TORSO, *UPPER_LEGS):
        trusted[group] = without_arm_shadows(trusted[group], item.rgb, labels, mesh_group, height_px, tuning=tuning)
    if item.draped is not None:
        trusted = [mine if group == HAIR else mine & ~item.draped for group, mine in enumerate(trusted)]
    raised = None
    if item.shod is not None:
        corners = item.shod[topology.faces.numpy()[index.clip(0)]]
        raised = np.where(index >= 0, (fragments.bary[0].numpy() * corners).sum(-1), np.inf)
    return _Parts(item, labels, trusted, face, raised)


def _shoes(
    topology: Topology, face_group: np.ndarray, shod: np.ndarray, parts: _Parts, tuning: LayerTuning
) -> ShoeColors | None:
    """Return what the shoes of somebody look like whose feet are seen."""
    assert parts.raised is not None
    raised = shod[topology.faces.numpy()]
    feet = np.isin(face_group, FEET)
    ankle = float(raised[feet & ~(raised < raised.max()).all(1)].min(initial=np.inf))
    seen = np.logical_or(*(parts.trusted[group] for group in FEET)) & (parts.raised < np.inf)
    return shoe_colors(parts.item.rgb[seen], parts.raised[seen], ankle, tuning=tuning.tubes.shoes)


@dataclass(frozen=True, eq=False)
class _Taken:
    """The layers taken from a photo.

    Attributes:
        layers: all of them.
        layer_of: int32 (G,) layer of each group, -1 for none.
        guessed: bool (G,): groups of which the photo shows nothing.
        plain: bool (G,): those of one colour, whose surface looks into a `plain_layer`.
    """

    layers: list[Layer]
    layer_of: np.ndarray
    guessed: np.ndarray
    plain: np.ndarray


def _take_layers(
    item: Observation,
    excerpt: Excerpt,
    parts: _Parts,
    face_group: np.ndarray,
    corners: np.ndarray,
    beyond: np.ndarray,
    height_px: float,
    tuning: LayerTuning,
) -> _Taken:
    """Take the layers of all groups from a photo; of what it does not show, make some up.

    Args:
        item: the photo.
        excerpt: of the photo.
        parts: what shows which part in that excerpt.
        face_group: layer group of each face.
        corners: of the faces in the photo, pixels (F, 3, 2).
        beyond: from `_beyond_photo`.
        height_px: the person's height in pixels.
        tuning: how far layers reach, and what is enough of a limb.
    """
    leaving, slivers = _cut_groups(face_group, beyond, tuning)
    colors = parts.item.rgb
    own = list(parts.trusted)
    for group in slivers:
        place = excerpt.place(corners[face_group == group].mean((0, 1)))
        own[group] = unlike_neighbour(group, colors, own, place, tuning=tuning.unseen)
    layers: list[Layer] = []
    layer_of = np.full(len(LAYER_GROUPS), -1, np.int32)
    guessed, plain = np.zeros((2, len(LAYER_GROUPS)), bool)
    strip = tuning.strip * height_px
    for group in range(len(LAYER_GROUPS)):
        members = face_group == group
        if not members.any():
            continue
        reach = int(tuning.reach * max(item.alpha.shape)) if group in leaving else 0
        box = _box(corners[members].reshape(-1, 2), tuning.pad * height_px, item.alpha.shape, reach)
        layer_of[group] = len(layers)
        bare_hand = group in HANDS and group not in leaving and parts.trusted[HEAD].any()
        least = FEW if group in leaving else 1
        guessed[group] = group in slivers or not (bare_hand or cut_out(excerpt.back(own[group]), box, 0).sum() >= least)
        texture = strip, tuning.lasting * strip if group in (*UPPER_LEGS, *SHINS) else np.inf
        if not guessed[group]:
            layers.append(_front_layer(group, item, excerpt, parts, box, texture, tuning))
            continue
        cloth = None
        if group in SHINS and group in leaving and not own[group].any():
            cloth = continued_layer(item.rgb, item.alpha, excerpt.back(own[SHINS[group]]), box, texture)
        plain[group] = cloth is None
        place = excerpt.place(corners[members].mean((0, 1)))
        color = plain_color(group, colors, own, place, tuning=tuning.unseen)
        layers.append(cloth or plain_layer(color, tuning=tuning.unseen))
    if TORSO in leaving and plain[list(UPPER_LEGS)].all():
        trousers, number = layers[layer_of[UPPER_LEGS[0]]], layer_of[TORSO]
        line = _waistline(corners, face_group, tuning.waistband)
        layers[number] = _with_trousers(layers[number], trousers, line, item.alpha.shape)
    return _Taken(layers, layer_of, guessed, plain)


def _cut_groups(face_group: np.ndarray, beyond: np.ndarray, tuning: LayerTuning) -> tuple[list[int], list[int]]:
    """Return the groups that leave the photo, and of them the limbs of which the photo has no more than a sliver."""
    leaving = np.unique(face_group[beyond]).tolist()
    within = {group: 1 - float(beyond[face_group == group].mean()) for group in leaving}
    least = {group: tuning.stump if group in (*HANDS, *FEET) else tuning.sliver for group in leaving}
    return leaving, [group for group in leaving if group not in (TORSO, HEAD, HAIR) and within[group] < least[group]]


def _facing_weight(facing: np.ndarray, tuning: LayerTuning) -> np.ndarray:
    return (np.clip(np.abs(facing), tuning.least_facing, 1) ** 2).astype(np.float32)


def _beyond_photo(corners: np.ndarray, face_group: np.ndarray, shape: tuple[int, ...], margin: float) -> np.ndarray:
    """Return which faces lie beyond the photo, bool (F,); none of a group that leaves it by less than a margin."""
    size = np.array([shape[1], shape[0]])
    excess = np.maximum(-corners, corners - size).max((1, 2))
    leaving = [excess[face_group == group].max(initial=0) > margin for group in range(len(LAYER_GROUPS))]
    middle = corners.mean(1)
    return ((middle < 0) | (middle > size)).any(-1) & np.array(leaving)[face_group]


def _box(points: np.ndarray, pad: float, shape: tuple[int, ...], reach: int) -> tuple[int, int, int, int]:
    """Return x0, y0, x1, y1 around points, no further than `reach` beyond the photo."""
    low = np.floor(points.min(0) - pad).astype(int)
    high = np.ceil(points.max(0) + pad).astype(int)
    x0, x1 = (int(np.clip(n, -reach, shape[1] + reach)) for n in (low[0], high[0]))
    y0, y1 = (int(np.clip(n, -reach, shape[0] + reach)) for n in (low[1], high[1]))
    x0, y0 = min(x0, shape[1] - 2), min(y0, shape[0] - 2)
    return x0, y0, max(x1, x0 + 2), max(y1, y0 + 2)


def _waistline(corners: np.ndarray, face_group: np.ndarray, waistband: float) -> tuple[np.ndarray, float]:
    """Return the direction from the trunk to the thighs in the photo, and how far along it trousers begin."""
    thighs = corners[np.isin(face_group, UPPER_LEGS)].reshape(-1, 2)
    down = thighs.mean(0) - corners[face_group == TORSO].reshape(-1, 2).mean(0)
    down = down / max(float(np.linalg.norm(down)), 1e-6)
    return down, float(np.quantile(thighs @ down, waistband))


def _with_trousers(trunk: Layer, trousers: Layer, waistline: tuple[np.ndarray, float], shape: tuple[int, ...]) -> Layer:
    """Return the picture of a trunk whose invented end, beyond the photo and below the waist, is of the trousers."""
    down, begin = waistline
    y, x = np.indices(trunk.kind.shape) + 0.5
    x, y = x + trunk.origin[0], y + trunk.origin[1]
    outside = (x < 0) | (y < 0) | (x > shape[1]) | (y > shape[0])
    rgba = trunk.rgba.copy()
    rgba[outside & (x * down[0] + y * down[1] > begin), :3] = trousers.rgba[0, 3 * trousers.rgba.shape[1] // 4, :3]
    return replace(trunk, rgba=rgba)


def _table(layers: Sequence[Layer]) -> np.ndarray:
    sizes = [layer.kind.shape for layer in layers]
    starts = np.concatenate([[0], np.cumsum([h * w for h, w in sizes])[:-1]])
    return np.array([[start, h, w] for start, (h, w) in zip(starts, sizes, strict=True)], np.int64)


def _front_layer(
    group: int,
    item: Observation,
    excerpt: Excerpt,
    parts: _Parts,
    box: tuple[int, int, int, int],
    texture: tuple[float, float],
    tuning: LayerTuning,
) -> Layer:
    """Cut a group out of the photo; hands of a few pixels take the face's colour, hair spreads from its core only, and
    beyond the photo a head has no second pair of eyes."""
    trusted, colors = parts.trusted, parts.item.rgb
    mine = trusted[group]
    known = excerpt.back(mine)
    if group in HANDS and trusted[HEAD].any() and is_mere_edge(mine, parts.labels, group, tuning=tuning):
        skin = np.broadcast_to(np.median(colors[trusted[HEAD]], 0).astype(np.uint8), item.rgb.shape)
        return front_layer(skin, item.alpha, np.zeros_like(known), box, seeds=np.ones_like(known), tuning=tuning)
    if group == HEAD and cut_out(np.zeros_like(known), box, 1).any():
        seeds = excerpt.back(skin_pixels(colors, mine, tuning=tuning.unseen))
        return front_layer(item.rgb, item.alpha, known, box, seeds=seeds, tuning=tuning)
    seeds = excerpt.back(hair_core(mine, parts.labels, tuning=tuning)) if group == HAIR else known
    return front_layer(item.rgb, item.alpha, known, box, seeds=seeds, texture=texture, tuning=tuning)


def _borrow_from_mirror(
    appearance: Appearance,
    topology: Topology,
    face_group: np.ndarray,
    beyond: np.ndarray,
    within: np.ndarray,
    tuning: LayerTuning,
) -> Appearance:
    """Let what is hidden look at its mirror image, where the photo shows that.

    Of a head that is turned, the far half of the face does so; of a limb that is hardly seen, all of it. What lies
    `beyond` the photo, bool (F,), does so even where the far side of its mirror image is invented, if that is `within`.
    """
    coverage = appearance.face_coverage()
    mirror_face = _mirror_faces(topology)
    seen, other_seen = coverage == SEEN, (mirror_face >= 0) & (coverage[mirror_face] == SEEN)
    borrow = beyond & (mirror_face >= 0) & within[mirror_face]
    for members in _halves(appearance, topology, face_group, mirror_face):
        if members.any() and seen[members].mean() < tuning.poorly_seen * other_seen[members].mean():
            borrow |= members & ~seen & (mirror_face >= 0)
    if not borrow.any():
        return appearance
    slot_layer, slot_xy = appearance.slot_layer.copy(), appearance.slot_xy.copy()
    slot_weight = appearance.slot_weight.copy()
    source = mirror_face[borrow]
    order = _mirror_corner_order(topology, np.flatnonzero(borrow), source)
    slot_layer[borrow] = appearance.slot_layer[source]
    slot_xy[borrow] = np.take_along_axis(appearance.slot_xy[source], order[:, None, :, None], axis=2)
    slot_weight[borrow] = np.take_along_axis(appearance.slot_weight[source], order[:, None, :], axis=2)
    return replace(
        appearance,
        slot_layer=slot_layer,
        slot_xy=slot_xy,
        slot_weight=slot_weight,
        slot_mirrored=appearance.slot_mirrored | borrow[:, None],
    )


def _halves(
    appearance: Appearance, topology: Topology, face_group: np.ndarray, mirror_face: np.ndarray
) -> list[np.ndarray]:
    """List what comes in pairs: limbs, and the halves of the face as they lie in the photo; bool (F,) each."""
    limbs = [
        face_group == group
        for group, names in enumerate(LAYER_GROUPS)
        if names[0].startswith(("left", "right")) and (face_group == group).any()
    ]
    face = topology.face_part.numpy() == PARTS.index("face")
    middle = appearance.slot_xy[:, 0].mean(1)[:, 0]
    leftward = middle < middle[mirror_face]
    return [*limbs, face & leftward, face & ~leftward]


def _mirror_faces(topology: Topology) -> np.ndarray:
    """Return the face on the other side, made of the mirrored vertices, or -1."""
    faces = topology.faces.numpy().astype(np.int64)
    count = len(topology.mirror)

    def key(corners: np.ndarray) -> np.ndarray:
        a, b, c = np.sort(corners, 1).T
        return (a * count + b) * count + c

    own, other = key(faces), key(topology.mirror.numpy()[faces])
    order = np.argsort(own, kind="stable")
    place = np.searchsorted(own[order], other).clip(0, len(own) - 1)
    found = order[place]
    return np.where(own[found] == other, found, -1)


def _mirror_corner_order(topology: Topology, face: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Return, per corner of `face`, which corner of `mirrored` is its mirror vertex."""
    faces = topology.faces.numpy()
    want = topology.mirror.numpy()[faces[face]]
    return (faces[mirrored][:, None, :] == want[:, :, None]).argmax(-1)
