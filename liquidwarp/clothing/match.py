"""Which edge of the alpha belongs to which outline of the mesh.

Convention: pixels, origin at the top-left corner, first pixel centre at (0.5, 0.5), y down; normals point out of the
person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from liquidwarp.bodies.parts import PARTS
from liquidwarp.clothing.tuning import CLOTHING_TUNING, MatchTuning


@dataclass(frozen=True, eq=False)
class EdgePoints:
    """Points on an outline with outward normals, and the length of outline that each stands for (pixels)."""

    point: Float[np.ndarray, "N 2"]
    normal: Float[np.ndarray, "N 2"]
    length: Float[np.ndarray, "N"]

    def __len__(self) -> int:
        return len(self.point)

    def pick(self, keep: np.ndarray) -> "EdgePoints":
        """Return some of the points."""
        return EdgePoints(self.point[keep], self.normal[keep], self.length[keep])


def alpha_edges(alpha: Float[np.ndarray, "H W"], *, tuning: MatchTuning = CLOTHING_TUNING.matching) -> EdgePoints:
    """Find where an alpha passes through one half, between pixel centres, to a fraction of a pixel."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    fine = gaussian_filter(alpha, tuning.fine_blur)
    slope = gaussian_filter(alpha, tuning.slope_blur)
    gradient = np.stack([np.gradient(slope, axis=1), np.gradient(slope, axis=0)])
    points, along = [], []
    for axis in (1, 0):
        a = fine[:, :-1] if axis else fine[:-1]
        b = fine[:, 1:] if axis else fine[1:]
        y, x = np.nonzero((a >= 0.5) != (b >= 0.5))
        part = (0.5 - a[y, x]) / (b[y, x] - a[y, x])
        points.append(np.stack([x + part * axis, y + part * (1 - axis)], axis=1))
        along.append(np.full(len(x), 1 - axis))
    point, component = np.concatenate(points), np.concatenate(along)
    normal = -np.stack([map_coordinates(g, point[:, ::-1].T, order=1, mode="nearest") for g in gradient], axis=1)
    size = np.linalg.norm(normal, axis=1)
    normal /= np.maximum(size, 1e-9)[:, None]
    # A crossing on a row stands for 1 / |nx| of outline, one on a column for 1 / |ny|; |n| shares it between both.
    length = np.abs(normal[np.arange(len(point)), component])
    keep = size > tuning.least_slope
    return EdgePoints(point[keep] + 0.5, normal[keep], length[keep])


def compatible_parts() -> Bool[np.ndarray, "P P"]:
    """Tell which parts join on a body: the same one, the next one along a limb, and all of the head."""
    table = np.eye(len(PARTS), dtype=bool)
    joins = [("head", "face"), ("head", "hair"), ("face", "hair"), ("head", "torso"), ("hair", "torso")]
    for side in ("left", "right"):
        arm = ["torso", f"{side}_upper_arm", f"{side}_lower_arm", f"{side}_hand"]
        leg = ["torso", f"{side}_upper_leg", f"{side}_lower_leg", f"{side}_foot"]
        joins += [*pairwise(arm), *pairwise(leg)]
    for a, b in joins:
        i, j = PARTS.index(a), PARTS.index(b)
        table[i, j] = table[j, i] = True
    return table


def crosses_other_part(
    start: Float[np.ndarray, "*B 2"],
    end: Float[np.ndarray, "*B 2"],
    part: Int[np.ndarray, "*B"],
    picture: Int[np.ndarray, "H W"],
    compatible: Bool[np.ndarray, "P P"],
    *,
    samples: int = CLOTHING_TUNING.matching.samples,
) -> Bool[np.ndarray, "*B"]:
    """Tell whether the way between two points leads over a part that does not touch `part` (-1 is off the body)."""
    height, width = picture.shape
    allowed = np.concatenate(
        [compatible, np.ones((len(compatible), 1), dtype=bool)], axis=1
    )  # last column: off the body
    crossed = np.zeros(part.shape, dtype=bool)
    for fraction in np.linspace(0, 1, samples + 2)[1:-1]:
        at = np.floor(start + fraction * (end - start)).astype(int)
        seen = picture[np.clip(at[..., 1], 0, height - 1), np.clip(at[..., 0], 0, width - 1)]
        crossed |= ~allowed[part, seen]
    return crossed


def match_edges(
    query: EdgePoints,
    target: EdgePoints,
    *,
    reach: float,
    allowed: Callable[[np.ndarray, np.ndarray], np.ndarray],
    neighbours: Int[np.ndarray, "N M"],
    tuning: MatchTuning = CLOTHING_TUNING.matching,
) -> Int[np.ndarray, "N"]:
    """Choose for each query point the target point that is the same edge, or -1.

    The cost of a pair is its distance, plus the angle between its normals, plus how far its displacement is from that
    of the neighbours on the same outline; the last is found by a few sweeps of relaxation, so that runs of an outline
    move together and no point jumps to another edge by itself.

    Args:
        query: points to match.
        target: points to choose from.
        reach: scale in pixels: a disagreement of 90 degrees costs as much as this distance.
        allowed: tells for pairs (query index, target index) whether they may go together.
        neighbours: for each query point the query points near it on the same outline (its own index as padding).
        tuning: what disagreements cost.
    """
    from scipy.spatial import cKDTree

    if len(target) == 0 or len(query) == 0:
        return np.full(len(query), -1)
    count = min(tuning.candidates, len(target))
    tree = cKDTree(np.concatenate([target.point, reach * target.normal], axis=1))
    _, index = tree.query(np.concatenate([query.point, reach * query.normal], axis=1), k=count)
    index = index.reshape(len(query), count)
    shift = target.point[index] - query.point[:, None]
    agree = (query.normal[:, None] * target.normal[index]).sum(-1)
    distance = np.linalg.norm(shift, axis=-1)
    # Outlines move along their normals: a long way sideways means another piece of the outline.
    sideways = np.abs(shift[..., 0] * query.normal[:, None, 1] - shift[..., 1] * query.normal[:, None, 0])
    own = np.arange(len(query))
    good = (agree > tuning.agree) & (sideways < tuning.sideways * distance + tuning.sideways_slack * reach)
    good &= allowed(np.repeat(own[:, None], count, axis=1), index)
    cost = np.where(good, distance + tuning.sideways_cost * sideways + reach * (1 - agree), np.inf)
    choice = cost.argmin(axis=1)
    found = np.isfinite(cost[own, choice])
    for _ in range(tuning.sweeps):
        mean, known = _mean_of(shift[own, choice], found, neighbours)
        apart = np.linalg.norm(shift - mean[:, None], axis=-1)
        choice = np.where(known[:, None], cost + tuning.apart_cost * apart, cost).argmin(axis=1)
    mean, known = _mean_of(shift[own, choice], found, neighbours)
    found &= ~known | (np.linalg.norm(shift[own, choice] - mean, axis=1) < tuning.apart * reach)
    return np.where(found, index[own, choice], -1)


def _mean_of(
    shift: Float[np.ndarray, "N 2"], found: Bool[np.ndarray, "N"], neighbours: Int[np.ndarray, "N M"]
) -> tuple[Float[np.ndarray, "N 2"], Bool[np.ndarray, "N"]]:
    """Return the mean displacement of the neighbours that have one, and whether there are any."""
    weight = found[neighbours].astype(float)
    total = weight.sum(axis=1)
    mean = (shift[neighbours] * weight[..., None]).sum(axis=1) / np.maximum(total, 1)[:, None]
    return mean, total > 0


class PairTest:
    """Which pairs of a mesh outline point and an alpha edge point may go together."""

    def __init__(
        self,
        outline: EdgePoints,
        part: Int[np.ndarray, "N"],
        edge: EdgePoints,
        picture: Int[np.ndarray, "H W"],
        compatible: Bool[np.ndarray, "P P"],
        outward: Float[np.ndarray, "N"],
        inward: Float[np.ndarray, "N"],
        *,
        samples: int = CLOTHING_TUNING.matching.samples,
    ):
        self._outline, self._part, self._edge = outline, part, edge
        self._picture, self._compatible, self._outward, self._inward = picture, compatible, outward, inward
        self._samples = samples
        self.owner = np.full(len(edge), -1)

    def from_outline(self, outline_index: np.ndarray, edge_index: np.ndarray) -> np.ndarray:
        """Test pairs; an edge point that has an owner goes with parts that touch the owner only."""
        start, end = self._outline.point[outline_index], self._edge.point[edge_index]
        part = self._part[outline_index]
        move = ((end - start) * self._outline.normal[outline_index]).sum(-1)
        good = (move < self._outward[outline_index]) & (move > -self._inward[outline_index])
        owner = self.owner[edge_index]
        good &= (owner < 0) | self._compatible[part, owner]
        return good & ~crosses_other_part(start, end, part, self._picture, self._compatible, samples=self._samples)

    def from_edge(self, edge_index: np.ndarray, outline_index: np.ndarray) -> np.ndarray:
        """Test pairs seen from the alpha."""
        return self.from_outline(outline_index, edge_index)
