"""Smooth filling and seamless blending: screened Poisson equations on the pixels of a hole.

Convention: arrays are `[row, column]`; differences point to the right and down.
"""

from typing import no_type_check

import numpy as np

from liquidwarp.inpaint.tuning import INPAINT_TUNING, InpaintTuning
from liquidwarp.jit import njit

_TOLERANCE = 1e-5  # of the right-hand side's size; far below one grey level
_MAX_STEPS = 60
_OVERCORRECT = 1.8  # piecewise constant aggregates are too stiff by about two in the plane (Braess 1995)

_Matrix = tuple[np.ndarray, np.ndarray, np.ndarray]  # weights to the right and down, diagonal


@njit(cache=True, nogil=True)
@no_type_check
def _smooth(right, down, diagonal, rhs, x, backwards):
    """Run one Gauss-Seidel sweep in place."""
    height, width = diagonal.shape
    for a in range(height):
        i = height - 1 - a if backwards else a
        for b in range(width):
            j = width - 1 - b if backwards else b
            if diagonal[i, j] <= 0.0:
                continue
            inverse = 1.0 / diagonal[i, j]
            for c in range(rhs.shape[2]):
                s = rhs[i, j, c]
                if j > 0:
                    s += right[i, j - 1] * x[i, j - 1, c]
                if j + 1 < width:
                    s += right[i, j] * x[i, j + 1, c]
                if i > 0:
                    s += down[i - 1, j] * x[i - 1, j, c]
                if i + 1 < height:
                    s += down[i, j] * x[i + 1, j, c]
                x[i, j, c] = s * inverse


@njit(cache=True, nogil=True)
@no_type_check
def _apply(right, down, diagonal, x, out):
    """Write the matrix times `x` to `out`."""
    height, width = diagonal.shape
    for i in range(height):
        for j in range(width):
            for c in range(x.shape[2]):
                s = diagonal[i, j] * x[i, j, c]
                if j > 0:
                    s -= right[i, j - 1] * x[i, j - 1, c]
                if j + 1 < width:
                    s -= right[i, j] * x[i, j + 1, c]
                if i > 0:
                    s -= down[i - 1, j] * x[i - 1, j, c]
                if i + 1 < height:
                    s -= down[i, j] * x[i + 1, j, c]
                out[i, j, c] = s


@njit(cache=True, nogil=True)
@no_type_check
def _coarsen_matrix(right, down, diagonal):
    """Return the Galerkin matrix on aggregates of 2x2 pixels."""
    height, width = diagonal.shape
    shape = ((height + 1) // 2, (width + 1) // 2)
    right_c = np.zeros(shape)
    down_c = np.zeros(shape)
    diagonal_c = np.zeros(shape)
    for i in range(height):
        for j in range(width):
            diagonal_c[i // 2, j // 2] += diagonal[i, j]
            if j % 2 == 0:
                diagonal_c[i // 2, j // 2] -= 2.0 * right[i, j]
            else:
                right_c[i // 2, j // 2] += right[i, j]
            if i % 2 == 0:
                diagonal_c[i // 2, j // 2] -= 2.0 * down[i, j]
            else:
                down_c[i // 2, j // 2] += down[i, j]
    for i in range(shape[0]):
        for j in range(shape[1]):
            if diagonal_c[i, j] < 1e-14:
                diagonal_c[i, j] = 0.0
    return right_c, down_c, diagonal_c


@njit(cache=True, nogil=True)
@no_type_check
def _gather(fine, coarse):
    """Sum 2x2 pixels."""
    coarse[:] = 0.0
    for i in range(fine.shape[0]):
        for j in range(fine.shape[1]):
            for c in range(fine.shape[2]):
                coarse[i // 2, j // 2, c] += fine[i, j, c]


@njit(cache=True, nogil=True)
@no_type_check
def _scatter(coarse, diagonal, scale, fine):
    """Add the coarse correction to the pixels of each aggregate."""
    for i in range(fine.shape[0]):
        for j in range(fine.shape[1]):
            if diagonal[i, j] > 0.0:
                for c in range(fine.shape[2]):
                    fine[i, j, c] += scale * coarse[i // 2, j // 2, c]


def _hierarchy(right: np.ndarray, down: np.ndarray, diagonal: np.ndarray) -> list[_Matrix]:
    levels = [(right, down, diagonal)]
    while max(levels[-1][2].shape) > 2:
        levels.append(_coarsen_matrix(*levels[-1]))
    return levels


def _cycle(levels: list[_Matrix], rhs: np.ndarray, depth: int = 0) -> np.ndarray:
    """Return an approximate solution by one symmetric V-cycle."""
    matrix = levels[depth]
    x = np.zeros_like(rhs)
    sweeps = 1 if depth + 1 < len(levels) else 8
    for _ in range(sweeps):
        _smooth(*matrix, rhs, x, False)
    if depth + 1 < len(levels):
        product = np.empty_like(x)
        _apply(*matrix, x, product)
        coarse = np.empty((*levels[depth + 1][2].shape, rhs.shape[2]))
        _gather(np.subtract(rhs, product, out=product), coarse)
        _scatter(_cycle(levels, coarse, depth + 1), matrix[2], _OVERCORRECT, x)
    for _ in range(sweeps):
        _smooth(*matrix, rhs, x, True)
    return x


def _solve(right: np.ndarray, down: np.ndarray, diagonal: np.ndarray, rhs: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Solve the grid Laplacian with weights by conjugate gradients, multigrid as preconditioner, starting at `x`.

    `rhs` and `x` are written over. The matrix has `diagonal` on its diagonal and `-right`, `-down` between neighbours;
    pixels whose diagonal is zero take no part. Channels are independent.
    """
    levels = _hierarchy(right, down, diagonal)
    product = np.empty_like(rhs)
    _apply(right, down, diagonal, x, product)
    goal = _TOLERANCE * np.sqrt(np.maximum((rhs**2).sum((0, 1)), 1e-12))
    residual = np.subtract(rhs, product, out=rhs)
    direction = np.zeros_like(rhs)
    before = np.ones(rhs.shape[2])
    for step in range(_MAX_STEPS):
        if (np.sqrt(np.square(residual, out=product).sum((0, 1))) <= goal).all():
            break
        z = _cycle(levels, residual)
        now = (z * residual).sum((0, 1))
        direction *= now / np.maximum(before, 1e-300) if step else 0
        direction += z
        _apply(right, down, diagonal, direction, product)
        length = now / np.maximum(np.multiply(direction, product, out=z).sum((0, 1)), 1e-300)
        x += np.multiply(length, direction, out=z)
        residual -= np.multiply(length, product, out=z)
        before = now
    return x


@njit(cache=True, nogil=True)
@no_type_check
def _assemble(image, hole, context, source, shift, gate, start, screen, seam, least_tie):
    """Return the matrix and right-hand side of `blend`."""
    height, width = hole.shape
    right = np.zeros((height, width))
    down = np.zeros((height, width))
    diagonal = np.zeros((height, width))
    rhs = np.zeros((height, width, 3))
    slope = np.zeros(3)
    for y in range(height):
        for x in range(width):
            if hole[y, x]:
                diagonal[y, x] += screen[y, x]
                for c in range(3):
                    rhs[y, x, c] += screen[y, x] * start[y, x, c]
            for side in range(2):
                q = y + side
                r = x + 1 - side
                if q >= height or r >= width or not (hole[y, x] or hole[q, r]):
                    continue
                if not ((hole[y, x] or context[y, x]) and (hole[q, r] or context[q, r])):
                    continue
                slope[:] = 0.0
                gap = 0.0
                seen = 0
                for end in range(2):  # the step as the patch of either end shows it in the source
                    a, b = (y, x) if end == 0 else (q, r)
                    v = y + shift[a, b, 0]
                    u = x + shift[a, b, 1]
                    s = q + shift[a, b, 0]
                    t = r + shift[a, b, 1]
                    if not hole[a, b] or not (v >= 0 and s < height and u >= 0 and t < width):
                        continue
                    if source[v, u] and source[s, t]:
                        seen += 1
                        for c in range(3):
                            slope[c] += gate[v, u] * (image[s, t, c] - image[v, u, c])
                for c in range(3):
                    if seen == 2:
                        slope[c] *= 0.5
                    gap += (start[q, r, c] - start[y, x, c] - slope[c]) ** 2
                if hole[y, x] and hole[q, r]:
                    w = 1.0 / (1.0 + (gap / seam**2) ** 2)
                    if side == 0:
                        right[y, x] = w
                    else:
                        down[y, x] = w
                else:
                    w = max(least_tie, 1.0 / (1.0 + gap / seam**2))
                if hole[y, x]:
                    diagonal[y, x] += w
                if hole[q, r]:
                    diagonal[q, r] += w
                for c in range(3):
                    if hole[y, x]:
                        rhs[y, x, c] -= w * slope[c]
                        if not hole[q, r]:
                            rhs[y, x, c] += w * image[q, r, c]
                    if hole[q, r]:
                        rhs[q, r, c] += w * slope[c]
                        if not hole[y, x]:
                            rhs[q, r, c] += w * image[y, x, c]
    return right, down, diagonal, rhs


def blend(
    image: np.ndarray,
    hole: np.ndarray,
    context: np.ndarray,
    source: np.ndarray,
    shift: np.ndarray,
    gate: np.ndarray,
    start: np.ndarray,
    screen: np.ndarray,
    *,
    tuning: InpaintTuning = INPAINT_TUNING,
) -> np.ndarray:
    """Fill the hole with the differences of the shifted source, tied to the context (Perez et al. 2003, screened).

    Minimises `sum_edges w_pq |x_q - x_p - g_pq|^2 + sum_p screen_p |x_p - start_p|^2`, where `g_pq` is the mean of the
    steps that the shifts of both ends copy, times the gate, and `w_pq` falls where `start` and `g_pq` disagree by more
    than shading does: there two things meet, and blending them would smear both.

    Args:
        image: (H, W, 3) float32.
        hole: (H, W) pixels to solve for.
        context: (H, W) pixels whose colours tie the solution at the hole's border.
        source: (H, W) pixels whose differences may be copied.
        shift: (H, W, 2) source minus target position, rows and columns.
        gate: (H, W) part of a source pixel's differences that is copied.
        start: (H, W, 3) first guess, and what `screen` pulls to; the image outside of the hole.
        screen: (H, W) pull per pixel; greater than zero.
        tuning: where two things meet.

    Returns:
        (H, W, 3) float32, equal to `image` outside of the hole.
    """
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    sides = (tuning.seam, tuning.least_tie)
    right, down, diagonal, rhs = _assemble(image, hole, context, source, shift, gate, start, screen, *sides)
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    right, down, diagonal, rhs = (np.ascontiguousarray(a[box]) for a in (right, down, diagonal, rhs))
    inside = hole[box]
    x = _solve(right, down, diagonal, rhs, np.where(inside[..., None], start[box], 0.0).astype(np.float64))
    out = image.copy()
    out[box][inside] = x[inside]
    return out


def spread(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill everything that is not known by averaging over ever larger cells (push-pull): smooth, never fails.

    Args:
        image: (H, W, 3) float32.
        known: (H, W) pixels to start from; at least one.
    """
    import cv2

    colours: list[np.ndarray] = [np.where(known[..., None], image, 0).astype(np.float32)]
    weights: list[np.ndarray] = [known.astype(np.float32)]
    while max(weights[-1].shape) > 1:
        height, width = weights[-1].shape
        pad = ((0, height % 2 if height > 1 else 0), (0, width % 2 if width > 1 else 0))
        weight = np.pad(weights[-1], pad)
        colour = np.pad(colours[-1] * weights[-1][..., None], (*pad, (0, 0)))
        for axis in (0, 1):
            if weight.shape[axis] > 1:
                first, second = (
                    (slice(None),) * axis + (slice(0, None, 2),),
                    (slice(None),) * axis + (slice(1, None, 2),),
                )
                weight, colour = weight[first] + weight[second], colour[first] + colour[second]
        colours.append(colour / np.maximum(weight, 1e-12)[..., None])
        weights.append(np.minimum(weight, 1.0))
    filled = colours[-1]
    for colour, weight in zip(colours[-2::-1], weights[-2::-1], strict=True):
        coarse = cv2.resize(filled, (weight.shape[1], weight.shape[0]), interpolation=cv2.INTER_LINEAR)
        coarse = coarse.reshape(colour.shape)
        filled = colour * weight[..., None] + coarse * (1 - weight[..., None])
    return filled


def membrane(
    image: np.ndarray, hole: np.ndarray, context: np.ndarray, *, tuning: InpaintTuning = INPAINT_TUNING
) -> np.ndarray:
    """Fill the hole as a soap film would, hung up at the context's border; `context` must not be empty."""
    start = np.where((hole | ~context)[..., None], spread(image, context), image)
    still = np.zeros((*hole.shape, 2), np.int32)
    nothing = np.zeros_like(hole)
    return blend(
        image, hole, context, nothing, still, nothing, start, np.full(hole.shape, tuning.screen), tuning=tuning
    )
