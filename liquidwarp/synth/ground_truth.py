"""Flow over the clothed surface, known because the pictures were made from it."""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int

from liquidwarp.jit import njit
from liquidwarp.types import Flow

_SLACK = 0.02  # a point this much behind what the source sees, metres, still counts as seen

_BEYOND = 0.5  # how far outside of a face, in its weights, its plane is still good


@dataclass(frozen=True, eq=False)
class SurfaceTruth:
    """What each frame's pixels see of one clothed mesh.

    Attributes:
        faces: triangles of the mesh.
        face_index: face seen at each pixel's centre, -1 where less than half of the pixel is the person.
        screen: pixel x, y and camera Z of every vertex in every frame.
    """

    faces: Int[np.ndarray, "F 3"]
    face_index: Int[np.ndarray, "T H W"]
    screen: Float[np.ndarray, "T V 3"]

    def flow(self, target: int, source: int) -> Flow:
        """Return where each pixel of frame `target` that shows the person is in frame `source`.

        Convention: see `Flow`; `valid` is True where the same point of the clothed surface is seen in both.
        """
        height, width = self.face_index.shape[1:]
        depth = np.full((height, width), np.inf, np.float32)
        _write_depth(self.face_index[source], self.faces, self.screen[source], depth)
        grid, valid = np.zeros((height, width, 2), np.float32), np.zeros((height, width), np.bool_)
        screens = self.screen[target], self.screen[source]
        _write_flow(self.face_index[target], self.faces, *screens, depth, _SLACK, grid, valid)
        return Flow(torch.from_numpy(grid)[None], torch.from_numpy(valid)[None])


@njit(cache=True, nogil=True)
@no_type_check
def _weights(screen, a, b, c, px, py):
    """Return the perspective-correct weights, and the depth, of the place on a face that is nearest to a pixel.

    A pixel's face was seen by one of its samples, so its middle may lie a little outside, on the face's plane; but to
    go on over that plane would lead far away on slivers.
    """
    x = (np.float64(screen[a, 0]), np.float64(screen[b, 0]), np.float64(screen[c, 0]))
    y = (np.float64(screen[a, 1]), np.float64(screen[b, 1]), np.float64(screen[c, 1]))
    area = (x[1] - x[0]) * (y[2] - y[0]) - (y[1] - y[0]) * (x[2] - x[0])
    w = np.zeros(3)
    if area != 0.0:
        w[1] = ((px - x[0]) * (y[2] - y[0]) - (py - y[0]) * (x[2] - x[0])) / area
        w[2] = ((x[1] - x[0]) * (py - y[0]) - (y[1] - y[0]) * (px - x[0])) / area
        w[0] = 1.0 - w[1] - w[2]
    if area == 0.0 or min(w[0], w[1], w[2]) < -_BEYOND:
        best = np.inf
        for i in range(3):
            j = (i + 1) % 3
            dx, dy = x[j] - x[i], y[j] - y[i]
            t = ((px - x[i]) * dx + (py - y[i]) * dy) / max(dx * dx + dy * dy, 1e-20)
            t = min(max(t, 0.0), 1.0)
            apart = (x[i] + t * dx - px) ** 2 + (y[i] + t * dy - py) ** 2
            if apart < best:
                best = apart
                w[:] = 0.0
                w[i] = 1.0 - t
                w[j] = t
    w0, w1, w2 = w[0] / screen[a, 2], w[1] / screen[b, 2], w[2] / screen[c, 2]
    z = 1.0 / (w0 + w1 + w2)
    return w0 * z, w1 * z, w2 * z, z


@njit(cache=True, nogil=True)
@no_type_check
def _write_depth(face_index, faces, screen, depth):
    for y in range(face_index.shape[0]):
        for x in range(face_index.shape[1]):
            f = face_index[y, x]
            if f >= 0:
                depth[y, x] = _weights(screen, faces[f, 0], faces[f, 1], faces[f, 2], x + 0.5, y + 0.5)[3]


@njit(cache=True, nogil=True)
@no_type_check
def _write_flow(face_index, faces, target, source, depth, slack, grid, valid):
    height, width = face_index.shape
    for y in range(height):
        for x in range(width):
            f = face_index[y, x]
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
