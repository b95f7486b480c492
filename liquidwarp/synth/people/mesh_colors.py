"""A dressed person with all paint computed once, so that a frame only has to pose, find and shade it.

Paint is kept per face as colours on a lattice ("mesh colors", Yuksel et al. 2010): no texture coordinates, no seams.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from liquidwarp.bodies.kernels import skin_rows
from liquidwarp.synth.people.body_layers import BareBody, MeshLayer, limb_joints
from liquidwarp.synth.people.dressed_person import DressedPerson
from liquidwarp.synth.people.garments import creases
from liquidwarp.synth.people.surface_points import ELBOW, HIP, KNEE, SHOULDER, SurfacePoints
from liquidwarp.synth.procedural import smoothstep

BENDS = ("left_elbow", "right_elbow", "left_knee", "right_knee", "left_hip", "right_hip", "left_shoulder",
         "right_shoulder", "spine1", "spine2")  # fmt: skip
"""Joints whose bending folds cloth, in the order of `BakedPerson.bends`."""

_FOLD = 0.004  # height of folds at a joint that is bent by one radian, metres


class MeshColors(NamedTuple):
    """Paint on the faces of a mesh, as kernels take it.

    Attributes:
        first: first texel of each face.
        counts: steps of each face's lattice along an edge.
        texels: linear colour, distance inside the border, gloss, relief, relief of folds that come and go; metres.
    """

    first: Int[np.ndarray, "F"]
    counts: Int[np.ndarray, "F"]
    texels: Float[np.ndarray, "N 7"]


class FaceLayers(NamedTuple):
    """What lies over what, as kernels take it.

    Attributes:
        layer: layer of each face; what is numbered higher lies further outside.
        lifts: how much deeper a layer may be than what it covers, metres.
        cut: whether the border of its layer runs through a face.
    """

    layer: Int[np.ndarray, "F"]
    lifts: Float[np.ndarray, "L"]
    cut: Bool[np.ndarray, "F"]


@dataclass(frozen=True, eq=False)
class BakedPerson:
    """A dressed person as one mesh with its paint.

    Attributes:
        bare: the body.
        rest: vertices at rest, of all layers one after another.
        weights: skinning weights.
        faces: triangles; those of outer layers come later.
        face_layers: the layer of each face.
        mesh_colors: the paint of each face.
        loose: how freely each vertex hangs, 0 to 1.
        drapes: whether each vertex belongs to cloth that hangs around both legs.
        bends: how much the bending of each of `BENDS` folds the cloth at each vertex.
    """

    bare: BareBody
    rest: Float[np.ndarray, "V 3"]
    weights: sparse.csr_matrix
    faces: Int[np.ndarray, "F 3"]
    face_layers: FaceLayers
    mesh_colors: MeshColors
    loose: Float[np.ndarray, "V"]
    drapes: Bool[np.ndarray, "V"]
    bends: Float[np.ndarray, "V 10"]

    def pose(self, transforms: Float[np.ndarray, "J 12"]) -> Float[np.ndarray, "V 3"]:
        """Return posed vertices; rows of [R | t] per joint, one after another."""
        out = np.empty((1, *self.rest.shape), np.float32)
        skin_rows(
            self.rest,
            self.weights.indptr.astype(np.int32),
            self.weights.indices.astype(np.int32),
            self.weights.data.astype(np.float32),
            np.ascontiguousarray(transforms[None], dtype=np.float32),
            out,
        )
        return out[0]


def bake_person(person: DressedPerson, *, texel: float = 0.006) -> BakedPerson:
    """Compute a person's paint.

    Args:
        person: from `dress_person`.
        texel: distance between two samples of the paint, metres; finer than a pixel is wasted.
    """
    arm, leg = limb_joints(person.bare.body)
    parts = [_bake_layer(layer, arm, leg, texel, number) for number, layer in enumerate(person.layers)]
    starts = np.cumsum([0, *(len(layer.mesh.rest) for layer in person.layers)])
    texel_starts = np.cumsum([0, *(len(part.texels) for part in parts)])
    layers = range(len(parts))
    return BakedPerson(
        person.bare,
        np.concatenate([layer.mesh.rest for layer in person.layers]).astype(np.float32),
        sparse.vstack([layer.mesh.weights for layer in person.layers]).tocsr(),
        np.concatenate([parts[n].faces + starts[n] for n in layers]).astype(np.int32),
        FaceLayers(
            np.concatenate([np.full(len(parts[n].faces), n, np.int32) for n in layers]),
            np.array([layer.lift for layer in person.layers], np.float32),
            np.concatenate([part.cut for part in parts]),
        ),
        MeshColors(
            np.concatenate([parts[n].first + texel_starts[n] for n in layers]).astype(np.int32),
            np.concatenate([part.counts for part in parts]).astype(np.int32),
            np.concatenate([part.texels for part in parts]),
        ),
        np.concatenate([part.loose for part in parts]),
        np.concatenate([np.full(len(layer.mesh.rest), layer.drapes) for layer in person.layers]),
        np.concatenate([part.bends for part in parts]),
    )


@dataclass(frozen=True, eq=False)
class _BakedLayer:
    faces: np.ndarray
    loose: np.ndarray
    bends: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    texels: np.ndarray
    cut: np.ndarray


def _bake_layer(layer: MeshLayer, arm: np.ndarray, leg: np.ndarray, texel: float, seed: int) -> _BakedLayer:
    mesh = layer.mesh
    on_arm, on_leg = np.asarray(mesh.weights @ arm), np.asarray(mesh.weights @ leg)
    edges = mesh.rest[mesh.faces] - mesh.rest[mesh.faces[:, [1, 2, 0]]]
    counts = np.clip(np.ceil(np.linalg.norm(edges, axis=2).max(1) / texel - 0.3), 1, 6).astype(np.int32)
    sizes = (counts + 1) * (counts + 2) // 2
    first = np.concatenate([[0], np.cumsum(sizes)])
    corners = np.concatenate([mesh.template, on_arm[:, None], on_leg[:, None]], 1).astype(np.float32)
    values, source = _paint_points(mesh.faces, corners, counts, first)
    points = SurfacePoints(values[:, :3], values[:, 3], values[:, 4])
    inside = layer.border(points)
    material = layer.paint(points, inside)
    fold = _FOLD * creases(points, 100 + seed) if layer.creased else np.zeros(len(inside), np.float32)
    columns = [material.albedo, inside[:, None], material.gloss[:, None], material.height[:, None], fold[:, None]]
    texels = np.concatenate(columns, 1).astype(np.float32)[source]
    outside = np.add.reduceat((texels[:, 3] <= 0).astype(np.int32), first[:-1])
    drawn = outside < sizes
    whole = SurfacePoints(mesh.template, on_arm, on_leg)
    loose = layer.loose(whole) if layer.loose else np.zeros(len(on_arm))
    bends = _bends(whole) if layer.creased else np.zeros((len(on_arm), len(BENDS)))
    return _BakedLayer(
        mesh.faces[drawn],
        loose.astype(np.float32),
        bends.astype(np.float32),
        first[:-1][drawn],
        counts[drawn],
        texels,
        (outside > 0)[drawn],
    )


def _paint_points(
    faces: np.ndarray, corners: np.ndarray, counts: np.ndarray, first: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return values at the points to paint, and which of them each texel shows; corners of faces are painted once."""
    points, source = [corners], np.empty(first[-1], np.int64)
    total = len(corners)
    for count in np.unique(counts).tolist():
        which = np.flatnonzero(counts == count)
        at = lattice(count)
        is_corner = (at > 0.999).any(1)
        rows = first[which][:, None]
        source[rows + np.flatnonzero(is_corner)] = faces[which][:, at[is_corner].argmax(1)]
        inner = at[~is_corner]
        if len(inner):
            points.append((inner @ corners[faces[which]]).reshape(-1, corners.shape[1]))
            source[rows + np.flatnonzero(~is_corner)] = total + np.arange(len(points[-1])).reshape(len(which), -1)
            total += len(points[-1])
    return np.concatenate(points).astype(np.float32), source


def lattice(count: int) -> Float[np.ndarray, "S 3"]:
    """Return the barycentric coordinates of a lattice's samples, in the order of the kernels."""
    rows = [(count - i - j, i, j) for j in range(count + 1) for i in range(count + 1 - j)]
    return np.array(rows, np.float32) / count


def _bends(points: SurfacePoints) -> np.ndarray:
    """Return how much each joint's bending folds the cloth at places."""
    side = {"left": smoothstep(-0.02, 0.02, points.x), "right": smoothstep(0.02, -0.02, points.x)}
    length = points.arm_length
    elbow = points.arm * np.exp(-(((length - float(np.linalg.norm(ELBOW - SHOULDER))) / 0.10) ** 2))
    shoulder = np.exp(-(points.near(SHOULDER, (0.11, 0.16, 0.2)) ** 2))
    knee = points.leg * np.exp(-(((points.y - KNEE[1]) / 0.13) ** 2))
    hip = np.exp(-(points.near(HIP, (0.16, 0.11, 0.3)) ** 2)) * (1 - points.arm)
    trunk = (1 - points.arm) * (1 - points.leg)
    low, high = np.exp(-(((points.y + 0.1) / 0.12) ** 2)), np.exp(-(((points.y + 0.25) / 0.12) ** 2))
    columns = [field * side[name] for field in (elbow, knee, hip, shoulder) for name in ("left", "right")]
    return np.stack([*columns, trunk * low, trunk * high], 1)
