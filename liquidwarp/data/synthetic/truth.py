"""Flow over the clothed surface, known because the pictures were made from it."""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int
from numba import njit

from liquidwarp.types import Flow

_SLACK = 0.02  # a point this much behind what the source sees, metres, still counts as seen


@dataclass(frozen=True, eq=False)
class SurfaceTruth:
    """What each frame's pixels see of one clothed mesh.

    Attributes:
        faces: triangles of the mesh.
        face: face seen at each pixel's centre, -1 where less than half of the pixel is the person.
        screen: pixel x, y and camera Z of every vertex in every frame.
    """

    faces: Int[np.ndarray, "F 3"]
    face: Int[np.ndarray, "T H W"]
    screen: Float[np.ndarray, "T V 3"]

    def flow(self, target: int, source: int) -> Flow:
        """Return where each pixel of frame `target` that shows the person is in frame `source`.

        Convention: see `Flow`; `valid` is True where the same point of the clothed surface is seen in both.
        """
        height, width = self.face.shape[1:]
        depth = np.full((height, width), np.inf, np.float32)
        _see(self.face[source], self.faces, self.screen[source], depth)
        grid, valid = np.zeros((height, width, 2), np.float32), np.zeros((height, width), np.bool_)
        _follow(self.face[target], self.faces, self.screen[target], self.screen[source], depth, _SLACK, grid, valid)
        return Flow(torch.from_numpy(grid)[None], torch.from_numpy(valid)[None])


@njit(cache=True, nogil=True)
@no_type_check
def _weights(screen, a, b, c, px, py):
    """Return the perspective-correct weights of a pixel on a face's plane, and its depth."""
    x0, y0, x1, y1, x2, y2 = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
    area = np.float64(x1 - x0) * (y2 - y0) - np.float64(y1 - y0) * (x2 - x0)
    if area == 0.0:
        return 1.0, 0.0, 0.0, screen[a, 2]
    w1 = (np.float64(px - x0) * (y2 - y0) - np.float64(py - y0) * (x2 - x0)) / area
    w2 = (np.float64(x1 - x0) * (py - y0) - np.float64(y1 - y0) * (px - x0)) / area
    w1, w2 = min(max(w1, -0.5), 1.5), min(max(w2, -0.5), 1.5)
    w0 = 1.0 - w1 - w2
    w0, w1, w2 = w0 / screen[a, 2], w1 / screen[b, 2], w2 / screen[c, 2]
    z = 1.0 / (w0 + w1 + w2)
    return w0 * z, w1 * z, w2 * z, z


@njit(cache=True, nogil=True)
@no_type_check
def _see(face, faces, screen, depth):
    for y in range(face.shape[0]):
        for x in range(face.shape[1]):
            f = face[y, x]
            if f >= 0:
                depth[y, x] = _weights(screen, faces[f, 0], faces[f, 1], faces[f, 2], x + 0.5, y + 0.5)[3]


@njit(cache=True, nogil=True)
@no_type_check
def _follow(face, faces, target, source, depth, slack, grid, valid):
    height, width = face.shape
    for y in range(height):
        for x in range(width):
            f = face[y, x]
            if f < 0:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            w0, w1, w2, _ = _weights(target, a, b, c, x + 0.5, y + 0.5)
            z = w0 * source[a, 2] + w1 * source[b, 2] + w2 * source[c, 2]
            # Screen places are linear in 1 / Z only: mix the rays, not the pixels.
            sx = (
                w0 * source[a, 0] * source[a, 2] + w1 * source[b, 0] * source[b, 2] + w2 * source[c, 0] * source[c, 2]
            ) / z
            sy = (
                w0 * source[a, 1] * source[a, 2] + w1 * source[b, 1] * source[b, 2] + w2 * source[c, 1] * source[c, 2]
            ) / z
            grid[y, x, 0] = 2 * sx / width - 1
            grid[y, x, 1] = 2 * sy / height - 1
            if not (0 <= sx < width and 0 <= sy < height):
                continue
            seen = depth[int(sy), int(sx)]
            valid[y, x] = seen < np.inf and z < seen + slack
