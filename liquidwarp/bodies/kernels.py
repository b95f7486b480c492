"""Numba kernels of kinematics and skinning; import only where they are used (numba is slow to import).

Test runs wrap every function for type checks unless it says `no_type_check`; numba cannot compile what is wrapped.
"""

from typing import no_type_check

from liquidwarp.jit import njit


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


@njit(cache=True, nogil=True)
@no_type_check
def turn_joints(parents, rest, rotations, turned, placed):
    """Write rotation (B, J, 3, 3) and place (B, J, 3) of every joint; rest is (B or 1, J, 3)."""
    for b in range(len(rotations)):
        r = b if len(rest) > 1 else 0
        turned[b, 0] = rotations[b, 0]
        placed[b, 0] = rest[r, 0]
        for j in range(1, len(parents)):
            p = parents[j]
            for i in range(3):
                g0, g1, g2 = turned[b, p, i]
                for k in range(3):
                    turned[b, j, i, k] = (
                        g0 * rotations[b, j, 0, k] + g1 * rotations[b, j, 1, k] + g2 * rotations[b, j, 2, k]
                    )
                placed[b, j, i] = (
                    placed[b, p, i]
                    + g0 * (rest[r, j, 0] - rest[r, p, 0])
                    + g1 * (rest[r, j, 1] - rest[r, p, 1])
                    + g2 * (rest[r, j, 2] - rest[r, p, 2])
                )


@njit(cache=True, nogil=True)
@no_type_check
def turn_joints_backward(parents, rest, rotations, turned, d_turned, d_placed, d_rest, d_rotations):
    """Carry gradients of `turn_joints` from the leaves to the root; eats d_turned and d_placed, adds to d_rest."""
    for b in range(len(rotations)):
        r = b if len(rest) > 1 else 0
        for j in range(len(parents) - 1, 0, -1):
            p = parents[j]
            for k in range(3):
                bone = rest[r, j, k] - rest[r, p, k]
                pull = rest.dtype.type(0)
                for i in range(3):
                    pull += turned[b, p, i, k] * d_placed[b, j, i]
                    d_turned[b, p, i, k] += d_placed[b, j, i] * bone
                d_rest[r, j, k] += pull
                d_rest[r, p, k] -= pull
            for i in range(3):
                d_placed[b, p, i] += d_placed[b, j, i]
                for k in range(3):
                    total = rest.dtype.type(0)
                    outer = rest.dtype.type(0)
                    for m in range(3):
                        total += turned[b, p, m, i] * d_turned[b, j, m, k]
                        outer += d_turned[b, j, i, m] * rotations[b, j, k, m]
                    d_rotations[b, j, i, k] = total
                    d_turned[b, p, i, k] += outer
        d_rotations[b, 0] = d_turned[b, 0]
        d_rest[r, 0] += d_placed[b, 0]


@njit(cache=True, nogil=True)
@no_type_check
def carry_points(carriers, rest, points, turned, placed, out):
    """Write where points (B or 1, L, 3) go that hang on joints `carriers`; out (B, L, 3)."""
    for b in range(len(out)):
        r = b if len(rest) > 1 else 0
        q = b if len(points) > 1 else 0
        for n in range(len(carriers)):
            c = carriers[n]
            for i in range(3):
                total = placed[b, c, i]
                for k in range(3):
                    total += turned[b, c, i, k] * (points[q, n, k] - rest[r, c, k])
                out[b, n, i] = total


@njit(cache=True, nogil=True)
@no_type_check
def carry_points_backward(carriers, rest, points, turned, d_out, d_rest, d_points, d_turned, d_placed):
    """Add the gradients of `carry_points`."""
    for b in range(len(d_out)):
        r = b if len(rest) > 1 else 0
        q = b if len(points) > 1 else 0
        for n in range(len(carriers)):
            c = carriers[n]
            for k in range(3):
                arm = points[q, n, k] - rest[r, c, k]
                pull = rest.dtype.type(0)
                for i in range(3):
                    pull += turned[b, c, i, k] * d_out[b, n, i]
                    d_turned[b, c, i, k] += d_out[b, n, i] * arm
                d_points[q, n, k] += pull
                d_rest[r, c, k] -= pull
            for i in range(3):
                d_placed[b, c, i] += d_out[b, n, i]
