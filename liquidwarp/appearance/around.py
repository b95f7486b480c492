"""What goes round a limb or trunk: the unseen part of an unrolled picture, filled from the seen part of the same row.

Hems, cuffs and stripes run around. So an unseen pixel takes the colours at both ends of the gap that it lies in, in its
own row, or, where a hem lies higher at one end than at the other, on the straight line between both. Colours of
different cloth never mix across a hem, and what has ends on a chest (a print, buttons) does not come back behind.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from liquidwarp.appearance.tuning import TUBE_TUNING, TubeTuning

_BAND = 128  # rows that are filled at a time
_HARDLY_ANY = 1e-6
_ROUNDS = 4  # of a fixed point that converges by a third each
_LEVEL = 0.05  # grey levels by which a row that is one (of `shift_rows`) off must be better


def fill_around(
    picture: Float[np.ndarray, "H W 3"],
    known: Bool[np.ndarray, "H W"],
    *,
    worn: Bool[np.ndarray, "H W"] | None = None,
    bare: Bool[np.ndarray, "H W"] | None = None,
    tuning: TubeTuning = TUBE_TUNING,
) -> Float[np.ndarray, "H W 3"]:
    """Return an unrolled picture with its unknown pixels filled; the known ones stay.

    Args:
        picture: one turn from left to right, along the axis from top to bottom; of 255.
        known: what the photo shows; some is.
        worn: pixels of a garment that goes on behind even where its rows end in `bare` ones.
        bare: hair, or bare shoulders; needed with `worn`.
        tuning: how even cloth is, and what is texture.
    """
    count = known.sum(1)
    usual = np.median(count[count > 0])
    rows = np.flatnonzero(count >= tuning.least_known * usual)
    none = np.zeros_like(known)
    worn, bare = (known & (none if mask is None else mask) for mask in (worn, bare))
    done = _fill_rows(picture[rows], known[rows], worn[rows], bare[rows], tuning)
    filled = done[_nearest_row(rows, len(picture))]
    return np.where(known[..., None], picture, filled)


def _nearest_row(rows: np.ndarray, height: int) -> np.ndarray:
    """Return for every row the place among some rows of the nearest one."""
    after = np.searchsorted(rows, np.arange(height)).clip(0, len(rows) - 1)
    before = (after - 1).clip(0)
    closer = np.abs(rows[before] - np.arange(height)) < np.abs(rows[after] - np.arange(height))
    return np.where(closer, before, after)


def _fill_rows(
    picture: np.ndarray, known: np.ndarray, worn: np.ndarray, bare: np.ndarray, tuning: TubeTuning
) -> np.ndarray:
    height, turn = known.shape
    base = _even(picture, known, tuning.edge * turn)
    left, right = _ends(known)
    start, end = left[:, -1], right[:, 0]
    own = _column(base, start), _column(base, end)
    usual = _usual_ends(picture, known, worn, bare, *own, tuning)
    first, second = (_steady(edge, tuning) for edge in usual)
    sigma = max(1.0, tuning.steady * height)
    start_line, end_line = (ndimage.gaussian_filter1d(edge.astype(np.float32), sigma)[:, None] for edge in (start, end))
    behind = _Behind(
        _texture(picture, known, tuning),
        (first, second),
        (own[0] - first, own[1] - second),
        (start_line, end_line + turn),
        np.maximum(start - end, 0)[:, None] + 1,
        _skew(first, second, tuning),
    )
    out = np.empty_like(picture, np.float32)
    for top in range(0, height, _BAND):  # a band at a time keeps what is between small
        band = slice(top, min(top + _BAND, height))
        over_ends = (left[band] < 0) | (right[band] >= turn)
        filled = behind.filled(band, over_ends, left[band], right[band], tuning)
        filled = np.where(over_ends[..., None], filled, _within(base, band, left[band], right[band]))
        out[band] = np.where(known[band, :, None], picture[band], np.clip(filled, 0, 255))
    return out


@dataclass(frozen=True, eq=False)
class _Behind:
    """What goes round behind: two columns of colours; beside them rows end in colours of their own.

    Attributes:
        texture: of the known pixels, (H, W, 3).
        ends: the columns at the left and at the right, (H, 3).
        rest: by how much the rows' own ends differ from them.
        lines: where the gap begins and ends, (H, 1), going on beyond the picture's right end.
        seen: columns that are known, (H, 1).
        skew: from `_skew`.
    """

    texture: np.ndarray
    ends: tuple[np.ndarray, np.ndarray]
    rest: tuple[np.ndarray, np.ndarray]
    lines: tuple[np.ndarray, np.ndarray]
    seen: np.ndarray
    skew: np.ndarray

    def filled(
        self, band: slice, over_ends: np.ndarray, left: np.ndarray, right: np.ndarray, tuning: TubeTuning
    ) -> np.ndarray:
        """Return a band of rows, right where gaps go over the picture's ends; `left` and `right` from `_ends`."""
        turn = over_ends.shape[1]
        columns = np.arange(turn)[None]
        start, end = (line[band] - np.where(columns < turn / 2, turn, 0) for line in self.lines)
        part = np.where(over_ends, (columns - start) / np.maximum(end - start, 1), 0).clip(0, 1)
        row_first, row_second = _between(_row_numbers(band, turn), part, self.skew)
        ease = (part * part * (3 - 2 * part))[..., None]
        to_left, to_right = (columns - left)[..., None], (right - columns)[..., None]
        out = (1 - ease) * _rows(self.ends[0], row_first) + ease * _rows(self.ends[1], row_second)
        for rest, away in zip(self.rest, (to_left, to_right), strict=True):
            other_cloth = np.abs(rest[band]).max(-1) > tuning.alike
            reach = np.where(other_cloth, tuning.crisp, tuning.fade)[:, None, None] * turn
            out += np.exp(-away / reach) * rest[band, None]
        seen = self.seen[band]
        from_first = _sample(self.texture, row_first, left - _to_and_fro(to_left[..., 0], seen))
        from_second = _sample(self.texture, row_second, right + _to_and_fro(to_right[..., 0], seen))
        out += np.where(part[..., None] < 0.5, from_first, from_second)
        return out


def _within(base: np.ndarray, band: slice, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return a band of rows, right where gaps lie within the picture."""
    row = _row_numbers(band, base.shape[1])
    part = ((np.arange(base.shape[1])[None] - left) / np.maximum(right - left, 1))[..., None]
    return (1 - part) * _sample(base, row, left) + part * _sample(base, row, right)


def _row_numbers(band: slice, width: int) -> np.ndarray:
    rows = np.arange(band.start, band.stop, dtype=np.float32)
    return np.broadcast_to(rows[:, None], (len(rows), width))


def _steady(column: np.ndarray, tuning: TubeTuning) -> np.ndarray:
    """Return a column of colours (H, 3) without what is narrower than a stripe, and smooth between its steps."""
    size = 2 * round(tuning.narrow * len(column)) + 1
    kept = ndimage.median_filter(column, (size, 1), mode="nearest")
    sigma = max(1.0, tuning.steady * len(column))
    offset = np.arange(-int(3 * sigma), int(3 * sigma) + 1)
    near = kept[(np.arange(len(column))[:, None] + offset).clip(0, len(column) - 1)]
    apart = np.abs(near - kept[:, None]).max(-1)
    weight = np.exp(-((offset / sigma) ** 2) / 2 - (apart / tuning.step) ** 2 / 2)
    return (near * weight[..., None]).sum(1) / weight.sum(1)[:, None]


def _rows(column: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the colours of a column (H, 3) at rows that may lie between two."""
    places = np.arange(len(column))
    return np.stack([np.interp(rows, places, column[:, c]) for c in range(column.shape[1])], -1)


def _even(picture: np.ndarray, known: np.ndarray, sigma: float) -> np.ndarray:
    """Return the mean of the known pixels around each pixel of a row."""
    weight = ndimage.gaussian_filter1d(known.astype(np.float32), sigma, axis=1, mode="wrap")
    total = ndimage.gaussian_filter1d(np.where(known[..., None], picture, 0), sigma, axis=1, mode="wrap")
    return total / np.maximum(weight, _HARDLY_ANY)[..., None]


def _texture(picture: np.ndarray, known: np.ndarray, tuning: TubeTuning) -> np.ndarray:
    """Return what is left of a row's pixels beside their mean, zero where it is unusual there, or not known."""
    plain = known
    for _ in range(2):  # what is unusual tells nothing of the mean, either
        detail = picture - _even(picture, plain, tuning.even * known.shape[1])
        size = np.abs(detail).max(-1)
        usual = np.where(plain, size, 0).sum(1) / np.maximum(plain.sum(1), 1)
        usual = ndimage.gaussian_filter1d(usual, max(1.0, tuning.steady * len(usual)))
        limit = np.clip(tuning.unusual * usual, tuning.least_unusual, tuning.most_texture)[:, None]
        plain = plain & (size <= limit)
    weight = ndimage.gaussian_filter(plain.astype(np.float32), 1.0)
    return np.where(plain[..., None], detail * weight[..., None], 0)


def _usual_ends(
    picture: np.ndarray,
    known: np.ndarray,
    worn: np.ndarray,
    bare: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    tuning: TubeTuning,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns that go round: the cloth that each row ends in, of whose colour it shows most.

    What the end of a row alone shows, such as a gap under an arm, is no cloth; then the other end is that of both.
    """
    count = np.maximum(known.sum(1), 1)
    sigma = max(1.0, tuning.steady * len(known))
    columns, shares, naked = [], [], []
    for color in (first, second):
        for _ in range(2):
            apart = np.abs(picture - color[:, None]).max(-1)
            weight = np.where(known, np.exp(-((apart / tuning.alike) ** 2) / 2), 0) + _HARDLY_ANY
            color = (picture * weight[..., None]).sum(1) / weight.sum(1)[:, None]
        columns.append(color)
        naked.append(2 * (weight * bare).sum(1) > weight.sum(1))
        shares.append(ndimage.gaussian_filter1d(weight.sum(1) / count, sigma))
    foreign = [shares[i] < tuning.least_alike * shares[1 - i] for i in (0, 1)]
    columns = [np.where(foreign[i][:, None], columns[1 - i], columns[i]) for i in (0, 1)]
    for row in np.flatnonzero((naked[0] | naked[1]) & (worn.sum(1) >= tuning.least_worn * count)):
        cloth = np.median(picture[row, worn[row]], 0)
        for column, is_bare in zip(columns, naked, strict=True):
            if is_bare[row]:
                column[row] = cloth
    return columns[0], columns[1]


def _ends(known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest known columns to the left and to the right of each pixel, beyond the picture's ends, too."""
    turn = known.shape[1]
    columns = np.arange(-turn, 2 * turn, dtype=np.int32)
    thrice = np.tile(known, 3)
    left = np.maximum.accumulate(np.where(thrice, columns, -2 * turn), axis=1)[:, turn:-turn]
    right = np.minimum.accumulate(np.where(thrice, columns, 3 * turn)[:, ::-1], axis=1)[:, ::-1][:, turn:-turn]
    return left, right


def _to_and_fro(distance: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return how deep in a strip somebody is who runs to and fro in it, from its end on."""
    place = (distance - 1) % (2 * length)
    return np.minimum(place, 2 * length - 1 - place)


def _column(picture: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return a pixel of every row; columns go round."""
    return picture[np.arange(len(picture)), columns % picture.shape[1]]


def _sample(picture: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return pixels at rows that may lie between two, and at whole columns, which go round."""
    around = (columns % picture.shape[1]).astype(np.float32)
    return cv2.remap(picture, around, rows.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _between(row: np.ndarray, part: np.ndarray, skew: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where lines that run through pixels begin at the left and end at the right.

    Args:
        row: of the pixels.
        part: of the way from left to right.
        skew: (H,) rows by which lines of some mean row end lower than they begin.
    """
    mean = row
    for _ in range(_ROUNDS):
        mean = row - (part - 0.5) * np.interp(mean, np.arange(len(skew)), skew)
    half = np.interp(mean, np.arange(len(skew)), skew) / 2
    return mean - half, mean + half


def _skew(first: np.ndarray, second: np.ndarray, tuning: TubeTuning) -> np.ndarray:
    """Return by how many rows what is at one place in the first column lies lower in the second, at its mean row.

    It is dynamic time warping (Sakoe and Chiba, 1978) with slopes from a half to two, in a band, and as level as the
    colours allow.

    Args:
        first: (H, 3) colours from top to bottom.
        second: the same elsewhere.
        tuning: how far things may shift, and at what cost.
    """
    height = len(first)
    count = min(height, tuning.shift_rows)
    band = max(1, round(tuning.shift * count))
    own, other = (
        np.pad(cv2.resize(column[None], (count, 1), interpolation=cv2.INTER_AREA)[0], ((band, band), (0, 0)), "edge")
        for column in (first.astype(np.float32), second.astype(np.float32))
    )
    size, width = len(own), 2 * band + 1
    shift = np.arange(width) - band
    partner = np.arange(size)[:, None] + shift
    cost = np.abs(own[:, None] - other[partner.clip(0, size - 1)]).mean(-1) + _LEVEL * np.abs(shift)
    cost[(partner < 0) | (partner >= size)] = np.inf
    total = np.full((size, width), np.inf)
    step = np.zeros((size, width), np.int8)
    total[0, band] = 0
    nowhere = np.full(width + 2, np.inf)
    for i in range(1, size):
        up, down = nowhere.copy(), nowhere.copy()
        up[1:-1] = total[i - 1] + cost[i]
        if i > 1:
            down[1:-1] = total[i - 2] + cost[i - 1]
        ways = np.stack([total[i - 1], up[:-2] + tuning.shift_cost, down[2:] + tuning.shift_cost])
        step[i] = ways.argmin(0)
        total[i] = ways.min(0) + cost[i]
    i, k = size - 1, band
    means, skews = [], []
    while i > 0:
        means.append(i + shift[k] / 2 - band)
        skews.append(shift[k])
        way = step[i, k]
        i, k = (i - 1, k) if way == 0 else (i - 1, k - 1) if way == 1 else (i - 2, k + 1)
    scale = height / count
    return np.interp(np.arange(height), np.array(means[::-1]) * scale, np.array(skews[::-1]) * scale)
