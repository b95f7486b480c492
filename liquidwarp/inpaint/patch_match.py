"""Patch matching kernels: find, for every patch that touches a hole, the source patch that looks most like it.

PatchMatch (Barnes et al. 2009). All kernels release the interpreter lock and work on a band of a list, so that threads
share the work without changing the result; random numbers are hashes of the position, so there is no seed.

Convention:
    Arrays are `[row, column]` with integer pixel indices; a match is the `(row, column)` of the source patch's centre.
    Every array has a border of at least the patch's radius, where weight and source masks are zero.
"""

from typing import no_type_check

import numpy as np

from liquidwarp.jit import njit

_ENDLESS = np.float32(1e30)  # cost of no match at all; finite, for the kernels assume finite numbers
_FLAT = 2e-4  # variance of colour below which a patch is as good as flat


@njit(cache=True, nogil=True, inline="always")
@no_type_check
def _hash(a, b, c):
    """Return 31 pseudo-random bits of three non-negative integers (splitmix64)."""
    z = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b) * np.uint64(0xBF58476D1CE4E5B9)
    z += np.uint64(c) * np.uint64(0x94D049BB133111EB) + np.uint64(0x632BE59BD9B4E019)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64((z ^ (z >> np.uint64(31))) >> np.uint64(33))


@njit(cache=True, nogil=True, fastmath=True)
@no_type_check
def _compare(image, weight, guide, toll, y, x, v, u, radius, total, best):
    """Return the cost of showing source patch (v, u) at (y, x), or any number above `best`."""
    cost = toll[v, u]
    for k in range(guide.shape[2]):
        d = guide[y, x, k] - guide[v, u, k]
        cost += d * d
    room = (best - cost) * total
    square = np.float32(0.0)
    for i in range(-radius, radius + 1):
        for j in range(-radius, radius + 1):
            d0 = image[y + i, x + j, 0] - image[v + i, u + j, 0]
            d1 = image[y + i, x + j, 1] - image[v + i, u + j, 1]
            d2 = image[y + i, x + j, 2] - image[v + i, u + j, 2]
            square += weight[y + i, x + j] * (d0 * d0 + d1 * d1 + d2 * d2)
        if square > room:
            return np.float32(np.inf)
    return cost + square / total


@njit(cache=True, nogil=True, fastmath=True)
@no_type_check
def improve_matches(
    image, weight, guide, toll, usable, centres, slot, sources, radius, reach, turn, start, stop, before, match, cost
):
    """Improve `match[start:stop]` in place by propagation and random search; write its `cost`.

    Args:
        image: (H, W, 3) the picture with the present guess in the hole; sources are read from it as well.
        weight: (H, W) how much a target pixel counts.
        guide: (H, W, K) further features of patch centres, in colour units.
        toll: (H, W) extra cost of each source patch.
        usable: (H, W) True where a source patch may be centred.
        centres: (N, 2) target patch centres in scan order.
        slot: (H, W) index into `centres`, or -1.
        sources: (M, 2) every usable source centre.
        radius: patch radius.
        reach: radius of the first random window.
        turn: number of the pass: odd passes run backwards; salts the hash.
        start: first target of this band.
        stop: end of this band.
        before: (N, 2) matches before the pass, read for targets of other bands.
        match: (N, 2) matches, improved.
        cost: (N,) cost per target, written.
    """
    height, width = slot.shape
    step = -1 if turn % 2 else 1
    for count in range(stop - start):
        n = start + count if step == 1 else stop - 1 - count
        y = centres[n, 0]
        x = centres[n, 1]
        best_v = match[n, 0]
        best_u = match[n, 1]
        total = np.float32(1e-12)
        for i in range(-radius, radius + 1):
            for j in range(-radius, radius + 1):
                total += weight[y + i, x + j]
        best = _compare(image, weight, guide, toll, y, x, best_v, best_u, radius, total, _ENDLESS)
        window = reach
        trial = -2
        while trial <= 0 or window >= 1:
            if trial < 0:
                dy = -step if trial == -2 else 0
                dx = -step if trial == -1 else 0
                m = slot[y + dy, x + dx]
                trial += 1
                if m < 0:
                    continue
                if start <= m < stop:
                    v = match[m, 0] - dy
                    u = match[m, 1] - dx
                else:
                    v = before[m, 0] - dy
                    u = before[m, 1] - dx
            else:
                draw = _hash(n, turn, trial)
                if trial == 0:
                    v = sources[draw % sources.shape[0], 0]
                    u = sources[draw % sources.shape[0], 1]
                else:
                    v = best_v + draw % (2 * window + 1) - window
                    u = best_u + (draw >> 15) % (2 * window + 1) - window
                    window //= 2
                trial += 1
            if (v == best_v and u == best_u) or not (0 <= v < height and 0 <= u < width) or not usable[v, u]:
                continue
            c = _compare(image, weight, guide, toll, y, x, v, u, radius, total, best)
            if c < best:
                best = c
                best_v = v
                best_u = u
        match[n, 0] = best_v
        match[n, 1] = best_u
        cost[n] = best


@njit(cache=True, nogil=True, fastmath=True)
@no_type_check
def rate_novelty(image, sources, rim, radius, start, stop, novelty):
    """Write how unlike anything on the hole's rim each of `sources[start:stop]` is, as a multiple of its own variance.

    Args:
        image: (H, W, 3) picture.
        sources: (M, 2) source patch centres.
        rim: (R, 2) patch centres beside the hole.
        radius: patch radius.
        start: first source of this band.
        stop: end of this band.
        novelty: (H, W) written: squared distance to the most alike rim patch over the source patch's variance.
    """
    count = (2 * radius + 1) ** 2
    for n in range(start, stop):
        v = sources[n, 0]
        u = sources[n, 1]
        variance = 0.0
        for c in range(3):
            mean = 0.0
            square = 0.0
            for i in range(-radius, radius + 1):
                for j in range(-radius, radius + 1):
                    mean += image[v + i, u + j, c]
                    square += image[v + i, u + j, c] ** 2
            variance += square - mean * mean / count
        best = np.inf
        for k in range(rim.shape[0]):
            y = rim[k, 0]
            x = rim[k, 1]
            square = 0.0
            for i in range(-radius, radius + 1):
                for j in range(-radius, radius + 1):
                    d0 = image[y + i, x + j, 0] - image[v + i, u + j, 0]
                    d1 = image[y + i, x + j, 1] - image[v + i, u + j, 1]
                    d2 = image[y + i, x + j, 2] - image[v + i, u + j, 2]
                    square += d0 * d0 + d1 * d1 + d2 * d2
                if square > best:
                    break
            best = min(best, square)
        novelty[v, u] = best / (variance + _FLAT * count)


@njit(cache=True, nogil=True, fastmath=True)
@no_type_check
def vote(image, pixels, slot, match, say_of, radius, start, stop, out):
    """Write to `out[y, x]` the mean colour that all matched patches over each of `pixels[start:stop]` propose.

    Args:
        image: (H, W, 3) picture that sources are read from.
        pixels: (P, 2) hole pixels.
        slot: (H, W) index of the target patch centred at a pixel, or -1.
        match: (N, 2) source centre per target patch.
        say_of: (N,) say of each patch.
        radius: patch radius.
        start: first pixel of this band.
        stop: end of this band.
        out: (H, W, 3) written; must not be `image`.
    """
    for p in range(start, stop):
        y = pixels[p, 0]
        x = pixels[p, 1]
        total = 0.0
        c0 = 0.0
        c1 = 0.0
        c2 = 0.0
        for i in range(-radius, radius + 1):
            for j in range(-radius, radius + 1):
                n = slot[y - i, x - j]
                if n < 0:
                    continue
                w = say_of[n]
                v = match[n, 0] + i
                u = match[n, 1] + j
                c0 += w * image[v, u, 0]
                c1 += w * image[v, u, 1]
                c2 += w * image[v, u, 2]
                total += w
        out[y, x, 0] = c0 / total
        out[y, x, 1] = c1 / total
        out[y, x, 2] = c2 / total


@njit(cache=True, nogil=True)
@no_type_check
def choose_shifts(pixels, slot, match, say_of, radius, start, stop, shift):
    """Write to `shift[y, x]` the one (rows, columns) displacement that most say among the patches over a pixel is for.

    Copying single source pixels keeps the grain that the mean of `vote` loses. Arguments as in `vote`.
    """
    side = 2 * radius + 1
    dy = np.empty(side * side, np.int64)
    dx = np.empty(side * side, np.int64)
    say = np.empty(side * side, np.float64)
    for p in range(start, stop):
        y = pixels[p, 0]
        x = pixels[p, 1]
        known = 0
        for i in range(-radius, radius + 1):
            for j in range(-radius, radius + 1):
                n = slot[y - i, x - j]
                if n < 0:
                    continue
                a = match[n, 0] + i - y
                b = match[n, 1] + j - x
                k = 0
                while k < known and (dy[k] != a or dx[k] != b):
                    k += 1
                if k == known:
                    dy[k] = a
                    dx[k] = b
                    say[k] = 0.0
                    known += 1
                say[k] += say_of[n]
        best = 0
        for k in range(1, known):
            if say[k] > say[best]:
                best = k
        shift[y, x, 0] = dy[best]
        shift[y, x, 1] = dx[best]
