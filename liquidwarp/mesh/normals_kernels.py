"""Normals of vertices and pixels, by numba."""

from typing import no_type_check

import numpy as np

from liquidwarp.jit import njit


@njit(cache=True, nogil=True)
@no_type_check
def add_normals(vertices, faces, normals):
    """Add every face's cross product, twice its area long, to its vertices' normals (B, V, 3).

    vertices (B, V, 3), faces (F, 3). Faces count in their order, for all first corners, then second, then third.
    """
    crosses = np.empty((len(faces), 3), vertices.dtype)
    for b in range(len(vertices)):
        points = vertices[b]
        for f in range(len(faces)):
            i, j, k = faces[f]
            ux = points[j, 0] - points[i, 0]
            uy = points[j, 1] - points[i, 1]
            uz = points[j, 2] - points[i, 2]
            vx = points[k, 0] - points[i, 0]
            vy = points[k, 1] - points[i, 1]
            vz = points[k, 2] - points[i, 2]
            crosses[f, 0] = uy * vz - uz * vy
            crosses[f, 1] = uz * vx - ux * vz
            crosses[f, 2] = ux * vy - uy * vx
        for corner in range(3):
            for f in range(len(faces)):
                at = faces[f, corner]
                for axis in range(3):
                    normals[b, at, axis] += crosses[f, axis]


@njit(cache=True, nogil=True)
@no_type_check
def look_up_normals(face_index, bary, faces, normals, out):
    """Write the unit normal (H, W, 3) of the face at each pixel, between those (V, 3) of its corners; 0 where none is.

    face_index (H, W), -1 for none; bary (H, W, 3); faces (F, 3).
    """
    for y in range(face_index.shape[0]):
        for x in range(face_index.shape[1]):
            f = face_index[y, x]
            if f < 0:
                out[y, x] = 0
                continue
            a, b, c = bary[y, x]
            i, j, k = faces[f]
            nx = a * normals[i, 0] + b * normals[j, 0] + c * normals[k, 0]
            ny = a * normals[i, 1] + b * normals[j, 1] + c * normals[k, 1]
            nz = a * normals[i, 2] + b * normals[j, 2] + c * normals[k, 2]
            length = max(np.sqrt(nx * nx + ny * ny + nz * nz), np.float32(1e-12))
            out[y, x, 0] = nx / length
            out[y, x, 1] = ny / length
            out[y, x, 2] = nz / length
