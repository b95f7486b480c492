"""Compiled loops of cloth that moves by itself: springs, and legs under a skirt.

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.
"""

import math
from typing import no_type_check

from numba import njit


@njit(cache=True, nogil=True)
@no_type_check
def swing(posed, state, speed, loose, normals, limit, stiffness, damping, step, substeps, first, before):
    """Let loose vertices lag behind their posed places: one spring each, in `substeps` equal parts of `step` seconds.

    posed (V, 3) is moved; state, speed: where each spring is and how fast, kept between frames; before: last frame's
    posed places, replaced by this one's.
    """
    small = step / substeps
    for v in range(posed.shape[0]):
        if first:
            for k in range(3):
                state[v, k] = posed[v, k]
                speed[v, k] = 0
                before[v, k] = posed[v, k]
            continue
        if loose[v] <= 0:
            continue
        length = 0.0
        into = 0.0
        for k in range(3):
            for s in range(substeps):
                goal = before[v, k] + (posed[v, k] - before[v, k]) * (s + 1) / substeps
                speed[v, k] += small * (stiffness * (goal - state[v, k]) - damping * speed[v, k])
                state[v, k] += small * speed[v, k]
            before[v, k] = posed[v, k]
            length += (state[v, k] - posed[v, k]) ** 2
            into += (state[v, k] - posed[v, k]) * normals[v, k]
        length = math.sqrt(length)
        share = loose[v] * (1.0 if length <= limit else limit / length)
        lack = min(into, 0.0) * 0.8  # cloth may not swing far into the body
        for k in range(3):
            posed[v, k] += share * (state[v, k] - posed[v, k] - lack * normals[v, k])


@njit(cache=True, nogil=True)
@no_type_check
def push_out(vertices, chosen, normals, starts, ends, start_radius, end_radius):
    """Move chosen vertices that are inside of cones with round ends along their normals until they are outside."""
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
