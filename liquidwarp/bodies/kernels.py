"""Numba kernels of skinning; import only where they are used (numba is slow to import).

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.
"""

from typing import no_type_check

from numba import njit


@njit(cache=True, nogil=True)
@no_type_check
def skin_rows(rest, start, joint, weight, transforms, out):
    """Blend the 3x4 transforms of each vertex's joints and apply the blend to the vertex.

    rest (V, 3); start (V + 1), joint (N), weight (N): the vertices' weights as compressed rows; transforms (B, J, 12):
    rows of [R | t] one after another; out (B, V, 3).
    """
    for b in range(out.shape[0]):
        for v in range(out.shape[1]):
            x = rest[v, 0]
            y = rest[v, 1]
            z = rest[v, 2]
            px = rest.dtype.type(0)
            py = rest.dtype.type(0)
            pz = rest.dtype.type(0)
            for n in range(start[v], start[v + 1]):
                a = transforms[b, joint[n]]
                w = weight[n]
                px += w * (a[0] * x + a[1] * y + a[2] * z + a[3])
                py += w * (a[4] * x + a[5] * y + a[6] * z + a[7])
                pz += w * (a[8] * x + a[9] * y + a[10] * z + a[11])
            out[b, v, 0] = px
            out[b, v, 1] = py
            out[b, v, 2] = pz
