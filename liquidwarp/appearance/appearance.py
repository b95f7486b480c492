"""What a person's surface looks like: packed layers, and for every face where in them to look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from liquidwarp.appearance.layers import (
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
    back_layer_from_sides,
    clear_of_arms,
    continue_picture,
    depth_edges,
    front_layer,
    group_of_part,
    hair_core,
    is_mere_edge,
    segment_groups,
    trusted_pixels,
    without_arm_shadows,
)
from liquidwarp.bodies.parts import PARTS, part_labels
from liquidwarp.bodies.protocol import Topology
from liquidwarp.devices import moved
from liquidwarp.geometry import project
from liquidwarp.mesh.facing import vertex_facing
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

_PAD = 0.03  # of the person's height: how far a layer reaches beyond its mesh
_POORLY_SEEN = 0.25  # a limb of which less is visible borrows from its mirror image


@dataclass(frozen=True, eq=False)
class Observation:
    """One photo with the clothed body as it stands in it.

    Attributes:
        rgb: uint8 (H, W, 3), foreground colours free of background bleeding.
        matte: (H, W), 1 = person.
        camera: the photo's camera; its size is the photo's.
        vertices: the clothed, posed body.
    """

    rgb: np.ndarray
    matte: np.ndarray
    camera: Camera
    vertices: Float[Tensor, "V 3"]


@dataclass(frozen=True, eq=False)
class Appearance:
    """Pictures of a surface and a table that says where each face looks.

    Attributes:
        texels: uint8 (N, 4) pixels of all layers; alpha is the photo's matte.
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

    def face_coverage(self) -> np.ndarray:
        """Return the coverage kind at the middle of each face, uint8 (F,)."""
        best = self.slot_weight.mean(-1).argmax(-1)
        rows = np.arange(len(best))
        layer = self.slot_layer[rows, best]
        middle = self.slot_xy[rows, best].mean(1)
        start, height, width = self.table[layer].T
        x = np.clip(middle[:, 0].astype(np.int64), 0, width - 1)
        y = np.clip(middle[:, 1].astype(np.int64), 0, height - 1)
        kind = self.kinds[start + y * width + x]
        return np.where(self.slot_mirrored[rows, best] & (kind == SEEN), MIRRORED, kind).astype(np.uint8)


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


def appearance_from_observations(topology: Topology, observations: Sequence[Observation]) -> Appearance:
    """Take the photos apart and fuse them; photos that show a face well outweigh those that do not."""
    return fuse_appearances([_appearance_from_photo(topology, item) for item in observations])


def fuse_appearances(items: Sequence[Appearance]) -> Appearance:
    """Put the slots of several appearances of one person side by side; what nobody saw is taken from the first
    alone."""
    if len(items) == 1:
        return items[0]
    merged = _concatenate(items)
    seen = np.stack([item.face_coverage() == SEEN for item in items], 1)
    counts = [item.slot_layer.shape[1] for item in items]
    keep = np.repeat(np.where(seen.any(1, keepdims=True), seen, np.arange(len(items)) == 0), counts, axis=1)
    return replace(merged, slot_weight=merged.slot_weight * keep[..., None])


def dress(topology: Topology, person: Appearance, garments: Mapping[str, Appearance]) -> Appearance:
    """Return `person` with the named parts or groups looking at other people's pictures.

    Args:
        topology: the body that all share.
        person: who is dressed.
        garments: part or group name (`bodies.parts`) to the wearer it is taken from.
    """
    items = [person, *garments.values()]
    owner = np.zeros(len(topology.faces), np.int64)
    for number, name in enumerate(garments, start=1):
        owner[np.isin(topology.face_part.numpy(), part_labels(name))] = number
    merged = _concatenate(items)
    counts = [item.slot_layer.shape[1] for item in items]
    keep = np.repeat(owner[:, None] == np.arange(len(items)), counts, axis=1)
    return replace(merged, slot_weight=merged.slot_weight * keep[..., None])


def _concatenate(items: Sequence[Appearance]) -> Appearance:
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
        slot_layer=np.concatenate(layers, 1).astype(np.int32),
        slot_xy=np.concatenate([item.slot_xy for item in items], 1),
        slot_weight=np.concatenate([item.slot_weight for item in items], 1),
        slot_mirrored=np.concatenate([item.slot_mirrored for item in items], 1),
    )


def _appearance_from_photo(topology: Topology, item: Observation) -> Appearance:
    faces = topology.faces.numpy()
    face_group = group_of_part()[topology.face_part.numpy()]
    fragments = rasterize(item.vertices[None], topology.faces, item.camera)
    index = fragments.face_index[0].numpy()
    mesh_group = np.where(index >= 0, face_group[index.clip(0)], -1)
    xy = project(item.camera, item.vertices)[:, :2].numpy()
    height_px = float(xy[:, 1].max() - xy[:, 1].min())
    edges = depth_edges(mesh_group, fragments.depth[0].numpy())
    labels = segment_groups(item.rgb, item.matte, mesh_group, edges, height_px)

    corners = xy[faces]
    edge1, edge2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    # Outward normals and y down: a face that looks at the camera runs counter to the screen's own sense of rotation.
    is_front = edge1[:, 0] * edge2[:, 1] - edge1[:, 1] * edge2[:, 0] < 0
    trusted = [
        clear_of_arms(trusted_pixels(labels, group, edges, height_px), labels, mesh_group, group, height_px)
        for group in range(len(LAYER_GROUPS))
    ]
    for group in (TORSO, *UPPER_LEGS):
        trusted[group] = without_arm_shadows(trusted[group], item.rgb, labels, mesh_group, height_px)
    layers: list[Layer] = []
    layer_of = np.full((2, len(LAYER_GROUPS)), -1, np.int32)
    for group in range(len(LAYER_GROUPS)):
        members = face_group == group
        if not members.any():
            continue
        box = _box(corners[members].reshape(-1, 2), _PAD * height_px, item.matte.shape)
        front = _front_layer(group, item, labels, trusted, box)
        layer_of[0, group] = len(layers)
        layers.append(front)
        layer_of[1, group] = len(layers)
        layers.append(_back_layer(group, front, members, item, topology, labels, trusted[group]))
    slot_layer = layer_of[np.where(is_front, 0, 1), face_group][:, None]
    origin = np.array([layer.origin for layer in layers], np.float32)
    slot_xy = (corners - origin[slot_layer[:, 0]][:, None]).astype(np.float32)[:, None]
    appearance = Appearance(
        texels=np.concatenate([layer.rgba.reshape(-1, 4) for layer in layers]),
        kinds=np.concatenate([layer.kind.reshape(-1) for layer in layers]),
        table=_table(layers),
        slot_layer=slot_layer.astype(np.int32),
        slot_xy=slot_xy,
        slot_weight=_facing_weight(item, topology)[faces][:, None],
        slot_mirrored=np.zeros((len(faces), 1), bool),
    )
    return _borrow_from_mirror(appearance, topology, face_group)


def _facing_weight(item: Observation, topology: Topology) -> np.ndarray:
    facing = vertex_facing(item.vertices[None], topology.faces, item.camera)[0].numpy()
    return (np.clip(np.abs(facing), 0.1, 1) ** 2).astype(np.float32)


def _box(points: np.ndarray, pad: float, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    low = np.floor(points.min(0) - pad).astype(int)
    high = np.ceil(points.max(0) + pad).astype(int)
    x0, x1 = (int(np.clip(n, 0, shape[1])) for n in (low[0], high[0]))
    y0, y1 = (int(np.clip(n, 0, shape[0])) for n in (low[1], high[1]))
    x0, y0 = min(x0, shape[1] - 2), min(y0, shape[0] - 2)
    return x0, y0, max(x1, x0 + 2), max(y1, y0 + 2)


def _table(layers: Sequence[Layer]) -> np.ndarray:
    sizes = [layer.kind.shape for layer in layers]
    starts = np.concatenate([[0], np.cumsum([h * w for h, w in sizes])[:-1]])
    return np.array([[start, h, w] for start, (h, w) in zip(starts, sizes, strict=True)], np.int64)


def _front_layer(
    group: int, item: Observation, labels: np.ndarray, trusted: Sequence[np.ndarray], box: tuple[int, int, int, int]
) -> Layer:
    """Cut a group out of the photo; hands of a few pixels take the face's colour, hair spreads from its core only."""
    known = trusted[group]
    if group in HANDS and trusted[HEAD].any() and is_mere_edge(known, labels, group):
        skin = np.broadcast_to(np.median(item.rgb[trusted[HEAD]], 0).astype(np.uint8), item.rgb.shape)
        return front_layer(skin, item.matte, np.zeros_like(known), box, seeds=np.ones_like(known))
    seeds = hair_core(known, labels) if group == HAIR else known
    return front_layer(item.rgb, item.matte, known, box, seeds=seeds)


def _back_layer(
    group: int,
    front: Layer,
    members: np.ndarray,
    item: Observation,
    topology: Topology,
    labels: np.ndarray,
    trusted: np.ndarray,
) -> Layer:
    """Invent what the photo cannot show of a group."""
    height, width = front.kind.shape
    window = (slice(front.origin[1], front.origin[1] + height), slice(front.origin[0], front.origin[0] + width))
    if group == TORSO:
        part = rasterize(item.vertices[None], topology.faces[torch.from_numpy(np.flatnonzero(members))], item.camera)
        return back_layer_from_sides(front, part.mask[0].numpy()[window])
    rgba = front.rgba
    if group == HAIR:
        core = hair_core(trusted, labels)[window]
        rgba = np.dstack([continue_picture(front.rgba[..., :3], core), front.rgba[..., 3]]) if core.any() else rgba
    if group == HEAD:
        fragments = rasterize(item.vertices[None], topology.faces, item.camera)
        label = topology.face_part[fragments.face_index[0].long().clamp_min(0)].numpy()[window]
        known = (front.kind == SEEN) & (label != PARTS.index("face"))
        if known.any():
            rgba = np.dstack([continue_picture(front.rgba[..., :3], known), front.rgba[..., 3]])
    return Layer(rgba, np.full_like(front.kind, FILLED), front.origin)


def _borrow_from_mirror(appearance: Appearance, topology: Topology, face_group: np.ndarray) -> Appearance:
    """Let what is hidden look at its mirror image, where the photo shows that.

    Of a head that is turned, the far half of the face does so; of a limb that is hardly seen, all of it.
    """
    coverage = appearance.face_coverage()
    mirror_face = _mirror_faces(topology)
    seen, other_seen = coverage == SEEN, (mirror_face >= 0) & (coverage[mirror_face] == SEEN)
    borrow = np.zeros(len(coverage), bool)
    for members in _halves(appearance, topology, face_group, mirror_face):
        if seen[members].mean() < _POORLY_SEEN * other_seen[members].mean():
            borrow |= members & ~seen & (mirror_face >= 0)
    if not borrow.any():
        return appearance
    slot_layer, slot_xy = appearance.slot_layer.copy(), appearance.slot_xy.copy()
    source = mirror_face[borrow]
    order = _mirror_corner_order(topology, np.flatnonzero(borrow), source)
    slot_layer[borrow] = appearance.slot_layer[source]
    slot_xy[borrow] = np.take_along_axis(appearance.slot_xy[source], order[:, None, :, None], axis=2)
    return replace(
        appearance,
        slot_layer=slot_layer,
        slot_xy=slot_xy,
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
