"""Compiled loop that lays a shaded body over a picture; `body.shaded_body` is its plain twin."""

from typing import no_type_check

import numpy as np

from liquidwarp.jit import njit


@njit(cache=True, nogil=True)
@no_type_check
def lay_over(picture, face_index, bary, faces, facing, face_color, fine, opacity):
    """Lay a body over a picture in place.

    `picture` is uint8 (H, W, 3); `face_index` and `bary` have `fine` times its height and width; `facing` is float32
    per vertex, 1 = facing the camera, `face_color` uint8 (F, 3). Colours are averaged over the body alone, so that
    nothing of the ground gets into its rim.
    """
    one, half, ambient, diffuse = np.float32(1), np.float32(0.5), np.float32(0.3), np.float32(0.7)
    samples = np.float32(fine * fine)
    total = np.zeros(3, np.float32)
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            count = np.float32(0)
            total[:] = 0
            for v in range(fine * y, fine * (y + 1)):
                for u in range(fine * x, fine * (x + 1)):
                    face = face_index[v, u]
                    if face < 0:
                        continue
                    light = facing[faces[face, 0]] * bary[v, u, 0]
                    light += facing[faces[face, 1]] * bary[v, u, 1]
                    light += facing[faces[face, 2]] * bary[v, u, 2]
                    light = ambient + diffuse * light
                    count += one
                    for c in range(3):
                        total[c] += np.float32(np.uint8(np.float32(face_color[face, c]) * light + half))
            if count == 0:
                continue
            strength = opacity * count / samples
            for c in range(3):
                below = (one - strength) * np.float32(picture[y, x, c])
                picture[y, x, c] = np.uint8(below + strength * (total[c] / count) + half)
