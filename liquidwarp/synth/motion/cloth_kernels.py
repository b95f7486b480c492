"""Compiled loops of cloth that moves by itself: springs, and legs under a skirt.

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.
"""

import math
from typing import no_type_check

from liquidwarp.jit import njit


@njit(cache=True, nogil=True)
@no_type_check
def swing(posed, state, loose, normals, spring):
    """Let loose vertices lag behind their posed places, one spring each (`cloth.Spring`).

    posed (V, 3) is moved; state: `cloth.SpringState`, which is brought to this frame.
    """
    position, speed, before = state
    small = spring.step / spring.substeps
    for v in range(posed.shape[0]):
        if loose[v] <= 0:
            continue
        length = 0.0
        into = 0.0
        for k in range(3):
            for s in range(spring.substeps):
                goal = before[v, k] + (posed[v, k] - before[v, k]) * (s + 1) / spring.substeps
                speed[v, k] += small * (spring.stiffness * (goal - position[v, k]) - spring.damping * speed[v, k])
                position[v, k] += small * speed[v, k]
            before[v, k] = posed[v, k]
            length += (position[v, k] - posed[v, k]) ** 2
            into += (position[v, k] - posed[v, k]) * normals[v, k]
        length = math.sqrt(length)
        weight = loose[v] * (1.0 if length <= spring.limit else spring.limit / length)
        lack = min(into, 0.0) * 0.8  # cloth may not swing far into the body
        for k in range(3):
            posed[v, k] += weight * (position[v, k] - posed[v, k] - lack * normals[v, k])


@njit(cache=True, nogil=True)
@no_type_check
def push_out(vertices, chosen, normals, cones):
    """Move chosen vertices that are inside of cones (`cloth.RoundCones`) along their normals until they are outside."""
    starts, ends, start_radius, end_radius = cones
    for v in range(vertices.shape[0]):
        if not chosen[v]:
            continue
        nx, ny, nz = normals[v, 0], normals[v, 1], normals[v, 2]
        for _ in range(2):
            for c in range(starts.shape[0]):
                ax, ay, az = ends[c, 0] - starts[c, 0], ends[c, 1] - starts[c, 1], ends[c, 2] - starts[c, 2]
                px, py, pz = vertices[v, 0] - starts[c, 0], vertices[v, 1] - starts[c, 1], vertices[v, 2] - starts[c, 2]
                t = (px * ax + py * ay + pz * az) / (ax * ax + ay * ay + az * az)
                t = min(max(t, 0.0), 1.0)
                dx, dy, dz = px - t * ax, py - t * ay, pz - t * az
                radius = start_radius[c] + t * (end_radius[c] - start_radius[c])
                square = dx * dx + dy * dy + dz * dz
                if square >= radius * radius:
                    continue
                along = dx * nx + dy * ny + dz * nz
                way = -along + math.sqrt(along * along + radius * radius - square)
                vertices[v, 0] += way * nx
                vertices[v, 1] += way * ny
                vertices[v, 2] += way * nz
