"""Meshes at rest that follow the skeleton: what a dressed person is put together from."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

Contour = Float[np.ndarray, "L A"]


@dataclass(frozen=True, eq=False)
class SkinnedMesh:
    """A mesh that follows the skeleton: skin, a garment, hair.

    Attributes:
        rest: this person's rest vertices, metres.
        template: the same vertices on the average body; textures and borders are functions of it, so they sit in the
            same place on everybody.
        faces: triangles, counter-clockwise seen from outside in a right-handed frame.
        weights: skinning weights, one column per joint of the body.
    """

    rest: Float[np.ndarray, "V 3"]
    template: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    weights: sparse.csr_matrix

    def pose(
        self, rotation: Float[np.ndarray, "J 3 3"], translation: Float[np.ndarray, "J 3"]
    ) -> Float[np.ndarray, "V 3"]:
        """Return posed vertices by linear blend skinning."""
        blended = self.weights @ np.concatenate([rotation.reshape(-1, 9), translation], axis=1)
        turned = np.einsum("vij,vj->vi", blended[:, :9].reshape(-1, 3, 3), self.rest)
        return (turned + blended[:, 9:]).astype(np.float32)

    def moved(self, rest: Float[np.ndarray, "V 3"]) -> "SkinnedMesh":
        """Return the mesh with other rest vertices."""
        return SkinnedMesh(np.ascontiguousarray(rest, dtype=np.float32), self.template, self.faces, self.weights)

    def cut(self, keep: np.ndarray) -> "SkinnedMesh":
        """Return the mesh made of the faces where `keep` is true."""
        faces = self.faces[keep]
        used, flat = np.unique(faces, return_inverse=True)
        return SkinnedMesh(
            self.rest[used], self.template[used], flat.reshape(-1, 3).astype(np.int32), self.weights[used]
        )

    def refined(self) -> "SkinnedMesh":
        """Return the mesh with four faces for each, smoothed (Loop 1987)."""
        matrix, faces = _loop(self.faces, len(self.rest))
        return SkinnedMesh(
            (matrix @ self.rest).astype(np.float32),
            (matrix @ self.template).astype(np.float32),
            faces,
            (matrix @ self.weights).tocsr(),
        )


def vertex_normals(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "V 3"]:
    """Return area-weighted unit vertex normals, outward."""
    corners = vertices[faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    index = faces.ravel()
    total = np.stack([np.bincount(index, np.repeat(area[:, k], 3), len(vertices)) for k in range(3)], axis=1)
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def smoothed(values: Float[np.ndarray, "V C"], faces: Int[np.ndarray, "F 3"], steps: int) -> Float[np.ndarray, "V C"]:
    """Return values averaged with their neighbours' `steps` times."""
    count = len(values)
    pairs = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    links = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()
    links = ((links + links.T) > 0).astype(np.float64)
    mean = sparse.diags(1 / np.maximum(np.asarray(links.sum(1)).ravel(), 1)) @ links
    for _ in range(steps):
        values = 0.5 * values + 0.5 * (mean @ values)
    return values


def hull_contours(
    points: Float[np.ndarray, "N 2"],
    heights: Float[np.ndarray, "N"],
    levels: Float[np.ndarray, "L"],
    centers: Float[np.ndarray, "L 2"],
    band: float,
    angles: int,
) -> Contour:
    """Return the radius of the convex hull of the points near each level, in evenly spaced directions about its centre.

    A level without points takes the contour of the nearest level that has some.
    """
    turn = np.arange(angles) * (2 * np.pi / angles)
    toward = np.stack([np.cos(turn), np.sin(turn)])
    cosine = np.cos(turn[:, None] - turn[None, :])
    contours = np.full((len(levels), angles), np.nan)
    for row, (level, center) in enumerate(zip(levels, centers, strict=True)):
        near = points[np.abs(heights - level) < band] - center
        if len(near) >= 3:
            support = (near @ toward).max(0)
            reach = np.where(cosine > 0.05, support[:, None] / np.maximum(cosine, 0.05), np.inf)
            contours[row] = reach.min(0)
    known = np.flatnonzero(~np.isnan(contours[:, 0]))
    nearest = known[np.abs(np.arange(len(levels))[:, None] - known[None]).argmin(1)]
    return contours[nearest]


def tube_faces(levels: int, angles: int) -> Int[np.ndarray, "F 3"]:
    """Return the faces of a grid of rings; vertex `level * angles + angle`."""
    row, column = np.meshgrid(np.arange(levels - 1), np.arange(angles), indexing="ij")
    a = (row * angles + column).ravel()
    b = (row * angles + (column + 1) % angles).ravel()
    c, d = a + angles, b + angles
    return np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)]).astype(np.int32)


def _loop(faces: np.ndarray, count: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return the matrix from old vertices to new ones, and the new faces, of one step of Loop subdivision."""
    corners = np.stack([faces[:, [0, 1, 2]], faces[:, [1, 2, 0]], faces[:, [2, 0, 1]]], 1).reshape(-1, 3)
    ends, apex = np.sort(corners[:, :2], axis=1), corners[:, 2]
    edges, edge_of, uses = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    edge_of = edge_of.ravel()
    inner = uses == 2
    number = np.arange(len(edges))
    end_weight = np.where(inner, 3 / 8, 1 / 2)
    middle = sparse.coo_matrix(
        (
            np.concatenate([end_weight, end_weight, np.where(inner[edge_of], 1 / 8, 0)]),
            (np.concatenate([number, number, edge_of]), np.concatenate([edges[:, 0], edges[:, 1], apex])),
        ),
        shape=(len(edges), count),
    )
    both = np.concatenate([edges, edges[:, ::-1]])
    rim = np.zeros(count, bool)
    rim[edges[~inner].ravel()] = True
    counted = np.concatenate([np.where(inner, 0, 1)] * 2) > 0
    use = np.where(rim[both[:, 0]], counted, True)
    both = both[use]
    valence = np.bincount(both[:, 0], minlength=count)
    safe = np.maximum(valence, 1)
    weight = np.where(rim, 1 / 8, (5 / 8 - (3 / 8 + np.cos(2 * np.pi / safe) / 4) ** 2) / safe)
    diagonal = np.arange(count)
    old = sparse.coo_matrix(
        (
            np.concatenate([weight[both[:, 0]], 1 - weight * valence]),
            (np.concatenate([both[:, 0], diagonal]), np.concatenate([both[:, 1], diagonal])),
        ),
        shape=(count, count),
    )
    mid = count + edge_of.reshape(-1, 3)  # of the edges (0, 1), (1, 2), (2, 0)
    new = np.concatenate(
        [
            np.stack([faces[:, 0], mid[:, 0], mid[:, 2]], 1),
            np.stack([faces[:, 1], mid[:, 1], mid[:, 0]], 1),
            np.stack([faces[:, 2], mid[:, 2], mid[:, 1]], 1),
            mid,
        ]
    )
    return sparse.vstack([old, middle]).tocsr(), new.astype(np.int32)
