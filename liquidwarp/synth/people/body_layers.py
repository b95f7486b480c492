"""A bare person, and the layers that are put on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from scipy import sparse
from scipy.ndimage import gaussian_filter, map_coordinates

from liquidwarp.bodies.anny import anny_body
from liquidwarp.bodies.parts import part_labels
from liquidwarp.bodies.rigged import RiggedBody
from liquidwarp.synth.people.fabrics import Material
from liquidwarp.synth.people.garment_meshes import SkinnedMesh, smoothed, vertex_normals
from liquidwarp.synth.people.surface_points import SurfacePoints
from liquidwarp.synth.procedural import Field, smoothstep

_CHEST, _HEM = -0.43, 0.1  # heights between which a top hangs

Border = Callable[[SurfacePoints], Field]
Paint = Callable[[SurfacePoints, Field], Material]


@dataclass(frozen=True, eq=False)
class MeshLayer:
    """Skin, a garment or hair.

    Attributes:
        mesh: what is drawn.
        border: how far inside of its edge a point is, metres; what is negative is not drawn.
        paint: its material at points, given how far they are inside.
        cover: how far inside of the edge the layers below are hidden; they are then left out. None hides nothing.
        lift: it is drawn before layers below even if it is this much deeper, metres.
        loose: how freely it hangs at places, 0 to 1; None where it keeps to the body.
        creased: whether it is cloth that folds where the body bends.
        drapes: whether it hangs around both legs, which push it outwards.
    """

    mesh: SkinnedMesh
    border: Border
    paint: Paint
    cover: float | None = 0.03
    lift: float = 0.012
    loose: Callable[[SurfacePoints], Field] | None = None
    creased: bool = False
    drapes: bool = False


@dataclass(frozen=True, eq=False)
class BareBody:
    """One person's body, unclothed.

    Attributes:
        body: the body model.
        betas: shape coefficients.
        mesh: the whole skin.
        parts: part label of each vertex.
    """

    body: RiggedBody
    betas: torch.Tensor
    mesh: SkinnedMesh
    parts: np.ndarray

    @staticmethod
    def create(attributes: Mapping[str, float]) -> "BareBody":
        """Make the body of a person described by a few words (`RiggedBody.phenotype`)."""
        body, average, weights = _average()
        betas = body.phenotype(attributes)
        rest = body.identity(betas).vertices.numpy()
        mesh = SkinnedMesh(rest, average, body.topology.faces.numpy().astype(np.int32), weights)
        return BareBody(body, betas, mesh, body.topology.vertex_part.numpy())

    def has(self, *names: str) -> np.ndarray:
        """Return which faces belong to parts or groups, wholly or in part."""
        labels = [label for name in names for label in part_labels(name)]
        return np.isin(self.parts, labels)[self.mesh.faces].any(1)

    def joint(self, name: str) -> int:
        """Return the index of a joint by the body's own or a canonical name."""
        if name in self.body.joint_names:
            return self.body.joint_names.index(name)
        return self.body.canonical(name)

    def shell(
        self,
        keep: np.ndarray,
        border: Border,
        gap: Callable[[SurfacePoints], Field],
        *,
        ease: int = 20,
        margin: float = 0.04,
        drape: float = 0.0,
    ) -> SkinnedMesh:
        """Return cloth around the body: smoothed, `gap` metres away from the skin, reaching `margin` over its border.

        Args:
            keep: faces of the body that may be covered.
            border: how far inside of its edge a place is.
            gap: distance from the skin.
            ease: how much the body's form is smoothed away.
            margin: how far the cloth reaches over its edge.
            drape: how much it hangs straight from chest to hips, 0 to 1.
        """
        mesh = self.mesh.cut(keep)
        inside = border(surface_points(mesh, self.body))[mesh.faces].max(1)
        mesh = mesh.cut(inside > -margin).refined()
        points = surface_points(mesh, self.body)
        out = vertex_normals(mesh.rest, mesh.faces)
        soft = smoothed(mesh.rest, mesh.faces, ease)
        if drape:
            soft = soft + drape * _hang(soft, points)
        cloth = smoothed(vertex_normals(soft, mesh.faces), mesh.faces, 4)
        wanted = gap(points)[:, None]
        rest = soft + cloth * wanted
        short = 0.5 * wanted[:, 0] - ((rest - mesh.rest) * out).sum(1)
        push = smoothed(np.maximum(short, 0)[:, None], mesh.faces, ease // 3)
        flat = smoothed(mesh.template, mesh.faces, ease // 2)  # patterns run over the cloth, not over the body
        return replace(mesh.moved(rest + out * push), template=flat.astype(np.float32))


def _hang(vertices: Float[np.ndarray, "V 3"], points: SurfacePoints) -> Float[np.ndarray, "V 3"]:
    """Return how far cloth moves outward if it hangs straight between the places that stand out."""
    rows, columns = 40, 48
    angle, radius = np.arctan2(vertices[:, 0], -vertices[:, 2]), np.hypot(vertices[:, 0], vertices[:, 2])
    level = np.clip((vertices[:, 1] - _CHEST) / (_HEM - _CHEST), 0, 1) * (rows - 1)
    trunk = (points.arm < 0.2) & (vertices[:, 1] > _CHEST - 0.03)
    cell = (angle / (2 * np.pi) * columns) % columns
    index = level.round().astype(int)[trunk] * columns + cell[trunk].astype(int) % columns
    total, count = np.zeros(rows * columns), np.zeros(rows * columns)
    np.add.at(total, index, radius[trunk])
    np.add.at(count, index, 1)
    grid, full = total.reshape(rows, columns), count.reshape(rows, columns)
    grid = gaussian_filter(grid, 1.2, mode=("nearest", "wrap")) / np.maximum(
        gaussian_filter(full, 1.2, mode=("nearest", "wrap")), 1e-9
    )
    straight = np.stack([_majorant(column) for column in grid.T], 1)
    more = gaussian_filter(straight - grid, (1.5, 1.5), mode=("nearest", "wrap"))
    weight = smoothstep(0.5, 0.05, points.arm) * smoothstep(_CHEST - 0.04, _CHEST + 0.02, vertices[:, 1])
    out = map_coordinates(more, np.stack([level, cell - 0.5]), order=1, mode="grid-wrap") * weight
    return np.stack([np.sin(angle) * out, 0 * out, -np.cos(angle) * out], 1)


def _majorant(values: np.ndarray) -> np.ndarray:
    """Return the least concave function above evenly spaced values."""
    hull: list[int] = []
    for place in range(len(values)):
        while len(hull) >= 2:
            a, b = hull[-2], hull[-1]
            if (values[b] - values[a]) * (place - a) > (values[place] - values[a]) * (b - a):
                break
            hull.pop()
        hull.append(place)
    return np.interp(np.arange(len(values)), hull, values[hull])


def surface_points(mesh: SkinnedMesh, body: RiggedBody) -> SurfacePoints:
    """Return a mesh's vertices as points of the surface."""
    arm, leg = limb_joints(body)
    return SurfacePoints(mesh.template, np.asarray(mesh.weights @ arm), np.asarray(mesh.weights @ leg))


@lru_cache(maxsize=1)
def _average() -> tuple[RiggedBody, Float[np.ndarray, "V 3"], sparse.csr_matrix]:
    body = anny_body()
    average = body.identity(torch.zeros(body.num_betas, dtype=torch.float32)).vertices.numpy()
    return body, average, sparse.csr_matrix(body.weights.dense.numpy().astype(np.float64))


def limb_joints(body: RiggedBody) -> tuple[np.ndarray, np.ndarray]:
    """Return 1 for the joints of arms, and of legs; 0 for the others."""
    arm, leg = np.zeros(len(body.joint_names)), np.zeros(len(body.joint_names))
    for side in ("left", "right"):
        for root, mask in ((f"{side}_shoulder", arm), (f"{side}_hip", leg)):
            top = body.canonical(root)
            below = {top}
            for joint, parent in enumerate(body.parents):
                if parent in below:
                    below.add(joint)
            mask[list(below)] = 1
    return arm, leg
