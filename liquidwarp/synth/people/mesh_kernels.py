"""Compiled loops over meshes, for the calling thread.

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.
"""

import math
from typing import no_type_check

from liquidwarp.jit import njit


@njit(cache=True, nogil=True)
@no_type_check
def write_vertex_normals(vertices, faces, normals):
    """Write unit vertex normals, weighted by area."""
    normals[:] = 0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        vx = vertices[c, 0] - vertices[a, 0]
        vy = vertices[c, 1] - vertices[a, 1]
        vz = vertices[c, 2] - vertices[a, 2]
        nx = uy * vz - uz * vy
        ny = uz * vx - ux * vz
        nz = ux * vy - uy * vx
        for i in (a, b, c):
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz
    for i in range(normals.shape[0]):
        size = math.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2)
        if size > 1e-20:
            normals[i, 0] /= size
            normals[i, 1] /= size
            normals[i, 2] /= size
