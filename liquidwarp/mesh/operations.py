"""Normals, edges, Laplacians and outlines of triangle meshes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_MAX_COTANGENT = 10.0  # slivers would otherwise tie their vertices together rigidly


def vertex_normals(vertices: Float[Tensor, "*B V 3"], faces: Int[Tensor, "F 3"]) -> Float[Tensor, "*B V 3"]:
    """Return area-weighted unit normals, outward for a mesh whose faces run counter-clockwise seen from outside.

    A vertex without a face, or with faces of no area, gets the zero vector.
    """
    if vertices.requires_grad or vertices.device.type != "cpu":
        normals = _summed_normals(vertices, faces)
    else:
        from liquidwarp.mesh.normals_kernels import add_normals

        normals = torch.zeros_like(vertices, memory_format=torch.contiguous_format)
        rows = vertices.contiguous().view(-1, *vertices.shape[-2:]).numpy()
        add_normals(rows, faces.contiguous().numpy(), normals.view(rows.shape).numpy())
    return torch.nn.functional.normalize(normals, dim=-1, eps=1e-20)


def _summed_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Sum the cross products of the faces at each vertex; twin of `normals_kernel.add_normals` with gradients."""
    index = faces.long()
    a, b, c = (vertices[..., index[:, k], :] for k in range(3))
    face_normals = torch.linalg.cross(b - a, c - a)
    normals = torch.zeros_like(vertices)
    for k in range(3):
        normals = normals.index_add(-2, index[:, k], face_normals)
    return normals


def edge_faces(faces: Int[np.ndarray, "F 3"]) -> tuple[Int[np.ndarray, "E 2"], Int[np.ndarray, "E 2"]]:
    """List the edges of a mesh (ascending vertex pairs) with the two faces at each; -1 where there is only one face."""
    pairs = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort((owner, pairs[:, 1], pairs[:, 0]))
    pairs, owner = pairs[order], owner[order]
    first = np.ones(len(pairs), dtype=bool)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    start = np.flatnonzero(first)
    count = np.diff(np.append(start, len(pairs)))
    second = np.where(count > 1, owner[np.minimum(start + 1, len(owner) - 1)], -1)
    return pairs[start], np.stack([owner[start], second], axis=1)


def cotangent_laplacian(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> tuple["csr_matrix", Float[np.ndarray, "V"]]:
    """Return the stiffness matrix K (f' K f is the integral of |grad f|^2) and the area of each vertex.

    `K = sum over edges of (cot a + cot b) / 2` (Pinkall and Polthier 1993); weights are clamped to be positive, so that
    every harmonic value stays between those around it. Areas are a third of the faces around (Meyer et al. 2003).
    """
    from scipy.sparse import coo_matrix, diags

    count = len(vertices)
    rows, cols, weights = [], [], []
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    for k in range(3):
        apex, left, right = faces[:, k], faces[:, (k + 1) % 3], faces[:, (k + 2) % 3]
        u, v = vertices[left] - vertices[apex], vertices[right] - vertices[apex]
        cotangent = (u * v).sum(1) / np.maximum(2 * area, 1e-12)
        rows.append(left)
        cols.append(right)
        weights.append(np.clip(cotangent, -_MAX_COTANGENT, _MAX_COTANGENT) / 2)
    i, j, w = np.concatenate(rows), np.concatenate(cols), np.concatenate(weights)
    adjacency = coo_matrix((np.tile(w, 2), (np.concatenate([i, j]), np.concatenate([j, i]))), (count, count)).tocsr()
    adjacency.data = np.maximum(adjacency.data, 1e-3)
    stiffness = diags(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency
    mass = np.zeros(count)
    for k in range(3):
        np.add.at(mass, faces[:, k], area / 3)
    return stiffness.tocsr(), mass


@dataclass(frozen=True, eq=False)
class Outline:
    """Where a projected surface turns away from the camera: the midpoints of its contour edges.

    Convention: pixels, origin at the top-left corner, y down; `normal` points out of the surface's picture.

    Attributes:
        edge: the two vertices of each edge.
        point: x, y of the midpoint, and camera Z.
        normal: unit vector in the picture, away from the surface.
        length: length of the edge in pixels.
    """

    edge: Int[np.ndarray, "N 2"]
    point: Float[np.ndarray, "N 3"]
    normal: Float[np.ndarray, "N 2"]
    length: Float[np.ndarray, "N"]


def contour_edges(
    projected: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    edges: Int[np.ndarray, "E 2"],
    faces_of_edge: Int[np.ndarray, "E 2"],
) -> Outline:
    """Find the edges between a face that looks at the camera and one that looks away (or none), hidden ones too.

    Args:
        projected: x, y in pixels and camera Z of every vertex.
        faces: triangles.
        edges: from `edge_faces`.
        faces_of_edge: from `edge_faces`.
    """
    corner = projected[faces, :2]
    u, v = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    # Counter-clockwise from outside, in a picture whose y runs down: a face that looks at the camera has negative area.
    front = np.append(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0] < 0, False)  # the last entry stands for "no face" (-1)
    at = front[faces_of_edge]
    picked = np.flatnonzero(at[:, 0] != at[:, 1])
    edge = edges[picked]
    ends = projected[edge]
    along = ends[:, 1, :2] - ends[:, 0, :2]
    length = np.linalg.norm(along, axis=1)
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1) / np.maximum(length, 1e-9)[:, None]
    facing = np.where(at[picked, 0], faces_of_edge[picked, 0], faces_of_edge[picked, 1])
    inward = corner[facing].mean(axis=1) - ends[:, :, :2].mean(axis=1)
    normal *= np.where((normal * inward).sum(1) > 0, -1.0, 1.0)[:, None]
    keep = length > 1e-6
    return Outline(edge[keep], ends.mean(axis=1)[keep], normal[keep], length[keep])
