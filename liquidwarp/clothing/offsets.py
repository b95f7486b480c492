"""The clothed body: offsets on the rest body that bring its outline to that of the photo."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies.protocol import BodyModel, Identity
from liquidwarp.checks import check_positive, check_shape
from liquidwarp.clothing.match import EdgePoints, PairTest, match_edges
from liquidwarp.clothing.surface import ClothSurface
from liquidwarp.clothing.tuning import CLOTHING_TUNING, ClothingTuning, MatchTuning
from liquidwarp.clothing.views import CutOut, SeenOutline, SilhouetteView, look_up, see_outline
from liquidwarp.errors import InputError
from liquidwarp.geometry import length_in_metres


@dataclass(frozen=True, eq=False)
class ClothingFit:
    """Offsets of the clothed body, and how well it explains the pictures.

    Attributes:
        offsets: metres, added to the rest vertices.
        iou: overlap of the clothed mesh with the alpha, per view.
        residual: median distance from the mesh's outline to the alpha's edge as a fraction of the person's height, per
            view.
        unexplained: fraction of the alpha's edge that no part of the mesh answers for, per view.
    """

    offsets: Float[Tensor, "V 3"]
    iou: Float[Tensor, "N"]
    residual: Float[Tensor, "N"]
    unexplained: Float[Tensor, "N"]


def fit_offsets(
    body: BodyModel,
    identity: Identity,
    views: Sequence[SilhouetteView],
    *,
    iterations: int = 6,
    smoothness: float = 1.0,
    tuning: ClothingTuning = CLOTHING_TUNING,
) -> Float[Tensor, "V 3"]:
    """Fit the clothed body: `fit_clothing(...).offsets`."""
    surface, _, height = _heights(body, identity, views, iterations, smoothness, tuning)
    return _offsets(surface, identity, height)


def fit_clothing(
    body: BodyModel,
    identity: Identity,
    views: Sequence[SilhouetteView],
    *,
    iterations: int = 6,
    smoothness: float = 1.0,
    tuning: ClothingTuning = CLOTHING_TUNING,
) -> ClothingFit:
    """Fit one offset per vertex so that the posed mesh fills the alphas, with hair, shoes and loose clothes.

    Every vertex moves along its own direction, outward on a smoothed body, by one length: what the outline tells about
    the left and right of a limb then also swells its front and back, which the picture does not show. The lengths
    minimise

        sum over matched outline (r - c . h)^2 + smoothness (l^3 |Delta h|^2 + t l |grad h|^2) + hold h^2

    integrated over outline and surface, alternating with a new outline and a new matching. Outline that lies on another
    part of the body, is hidden, or leaves the picture is no evidence and follows its neighbours.

    Args:
        body: the body model.
        identity: the person's body at rest.
        views: one or more pictures of the person in the same clothes.
        iterations: times the outline is rendered, matched and solved for.
        smoothness: 1 by default; more is stiffer.
        tuning: what clothes may do, and what an outline is worth.

    Returns:
        Offsets in the rest frame, and how well they fit. Evidence of several views is averaged; views in which the bare
        body misses the person, compared with the best view, count for little or nothing.

    Raises:
        InputError: no views, an alpha that is empty or of another size than its camera, or a body behind the camera.

    Convention: rest frame and pictures as in `BodyModel` and `Camera`.
    """
    surface, pictures, height = _heights(body, identity, views, iterations, smoothness, tuning)
    reports = [_report(surface, picture, height, tuning) for picture in pictures]
    told = zip(*reports, strict=True)
    return ClothingFit(
        _offsets(surface, identity, height), *(torch.tensor(column, dtype=torch.float32) for column in told)
    )


def _heights(
    body: BodyModel,
    identity: Identity,
    views: Sequence[SilhouetteView],
    iterations: int,
    smoothness: float,
    tuning: ClothingTuning,
) -> tuple[ClothSurface, list[CutOut], np.ndarray]:
    """Return the surface, the pictures, and how far each vertex goes along its direction."""
    if not views:
        raise InputError("views is empty; give at least one picture with a pose and an alpha")
    check_positive("iterations", iterations)
    check_positive("smoothness", smoothness)
    for view in views:
        check_shape("alpha", view.alpha, view.camera.size)
    surface = ClothSurface.create(body, identity, tuning=tuning.surface)
    pictures = [
        CutOut.create(body, identity, surface, view, number, tuning=tuning) for number, view in enumerate(views)
    ]
    height = np.zeros(len(surface.direction))
    trusts = _trust(surface, pictures, tuning)
    for step in range(iterations):
        evidence = [
            replace(item, weight=trust * item.weight)
            for item, trust in zip(
                (_gather(surface, picture, height, tuning) for picture in pictures), trusts, strict=True
            )
        ]
        stiffness = smoothness * tuning.stiff_factor ** max(0, tuning.stiff_rounds - step)
        height = _solve(surface, evidence, stiffness, tuning)
    return surface, pictures, height


def _offsets(surface: ClothSurface, identity: Identity, height: np.ndarray) -> Float[Tensor, "V 3"]:
    return torch.from_numpy(surface.base + height[:, None] * surface.direction).to(identity.vertices)


@dataclass(frozen=True, eq=False)
class OutlineEvidence:
    """Linear equations on the lengths: `first h[a] + second h[b] = goal`, with weights."""

    pair: Int[np.ndarray, "M 2"]
    factor: Float[np.ndarray, "M 2"]
    goal: Float[np.ndarray, "M"]
    weight: Float[np.ndarray, "M"]


def _trust(surface: ClothSurface, pictures: list[CutOut], tuning: ClothingTuning) -> np.ndarray:
    """Weigh views by how well the bare body covers the person: where the pose is wrong, the outline means nothing."""
    bare = np.zeros(len(surface.direction))
    seen = (see_outline(surface, picture, bare, tuning=tuning.cut_out) for picture in pictures)
    overlap = np.array([_overlap(picture, outline) for picture, outline in zip(pictures, seen, strict=True)])
    trust = np.clip((overlap / max(overlap.max(), 1e-9) - tuning.poor_overlap) / tuning.overlap_span, 0, 1)
    return trust / max(trust.sum(), 1)  # the best view that overlaps at all has a trust of 1


def _overlap(picture: CutOut, outline: SeenOutline) -> float:
    """Return intersection over union of mesh and alpha within the photo."""
    body, person = outline.picture >= 0, picture.alpha >= 0.5
    y, x = np.mgrid[: body.shape[0], : body.shape[1]] + 0.5
    left, top, right, bottom = picture.bounds
    within = (x > left) & (x < right) & (y > top) & (y < bottom)
    return float((body & person & within).sum() / max(((body | person) & within).sum(), 1))


def _neighbours(edge: EdgePoints, group: np.ndarray, radius: float, tuning: MatchTuning) -> np.ndarray:
    """Return points near each point whose normals agree and whose group is the same; its own index fills the rest."""
    from scipy.spatial import cKDTree

    if len(edge) == 0:
        return np.zeros((0, 1), np.intp)
    features = np.concatenate([edge.point, radius * edge.normal, tuning.other_part * radius * group[:, None]], axis=1)
    count = min(tuning.neighbours, len(edge))
    distance, index = cKDTree(features).query(features, k=count)
    distance, index = distance.reshape(len(edge), count), index.reshape(len(edge), count)
    return np.where(distance < radius, index, np.arange(len(edge))[:, None])


def _match(
    surface: ClothSurface, picture: CutOut, outline: SeenOutline, height: np.ndarray, tuning: MatchTuning
) -> tuple[np.ndarray, np.ndarray]:
    """Match both ways: an edge point for each outline point, and an outline point for each edge point (-1: none)."""
    pixels = picture.pixels_per_metre
    tall = surface.tall * pixels
    done = _height_at(outline, height)
    test = PairTest(
        outline.edge,
        outline.part,
        picture.edge,
        outline.picture,
        surface.compatible,
        (surface.outward[outline.part] - done) * pixels,
        (surface.inward[outline.part] + done) * pixels,
        samples=tuning.samples,
    )
    reach = tuning.reach * tall
    near = _neighbours(picture.edge, np.zeros(len(picture.edge)), tuning.edge_neighbours * tall, tuning)
    back = match_edges(picture.edge, outline.edge, reach=reach, allowed=test.from_edge, neighbours=near, tuning=tuning)
    if len(outline.part):
        test.owner = np.where(back >= 0, outline.part[np.maximum(back, 0)], -1)
    near = _neighbours(outline.edge, outline.part.astype(float), tuning.outline_neighbours * tall, tuning)
    forth = match_edges(
        outline.edge, picture.edge, reach=reach, allowed=test.from_outline, neighbours=near, tuning=tuning
    )
    return forth, back


def _close_gaps(
    surface: ClothSurface,
    picture: CutOut,
    outline: SeenOutline,
    forth: np.ndarray,
    height: np.ndarray,
    tuning: ClothingTuning,
) -> np.ndarray:
    """Return how far (pixels) unmatched outline should go to meet the part across a gap that the alpha covers, or 0.

    Such a gap is cloth of either side: both go half of the way, and no further than a loose sleeve would.
    """
    most = tuning.gap * surface.tall * picture.pixels_per_metre
    free = np.flatnonzero(forth < 0)
    point, normal = outline.edge.point[free], outline.edge.normal[free]
    meet = np.zeros(len(free))
    open_way = np.ones(len(free), dtype=bool)
    for way in np.arange(tuning.gap_start, 2 * most, 1.0):
        at = point + way * normal
        arrived = open_way & (look_up(outline.picture, at) >= 0)
        meet[arrived] = way
        open_way &= ~arrived & (look_up(picture.alpha, at) > 0.5)
    move = np.zeros(len(forth))
    left = most - _height_at(outline, height)[free] * picture.pixels_per_metre  # of the way that it may go in all
    move[free] = np.where(meet > 0, np.minimum(meet / 2, left), 0)
    return move


def _height_at(outline: SeenOutline, height: np.ndarray) -> np.ndarray:
    """Return how far the surface has moved at each outline point, metres."""
    return (1 - outline.along) * height[outline.pair[:, 0]] + outline.along * height[outline.pair[:, 1]]


def _gather(surface: ClothSurface, picture: CutOut, height: np.ndarray, tuning: ClothingTuning) -> OutlineEvidence:
    """Turn the matches of one picture into equations."""
    outline = see_outline(surface, picture, height, tuning=tuning.cut_out)
    forth, back = _match(surface, picture, outline, height, tuning.matching)
    close = _close_gaps(surface, picture, outline, forth, height, tuning)
    from_outline, from_edge, from_gap = np.flatnonzero(forth >= 0), np.flatnonzero(back >= 0), np.flatnonzero(close)
    index = np.concatenate([from_outline, back[from_edge]])
    target = np.concatenate([picture.edge.point[forth[from_outline]], picture.edge.point[from_edge]])
    gap = ((target - outline.edge.point[index]) * outline.edge.normal[index]).sum(1)
    index, gap = np.concatenate([index, from_gap]), np.concatenate([gap, close[from_gap]])
    length = np.concatenate([outline.edge.length[from_outline], picture.edge.length[from_edge]])
    length = np.concatenate([0.5 * length, tuning.gap_weight * outline.edge.length[from_gap]])
    metre = length_in_metres(picture.camera, 1.0, outline.depth[index])
    flat = torch.from_numpy(np.pad(outline.edge.normal[index], ((0, 0), (0, 1))))
    side = picture.camera.turn_to_world(flat).numpy()
    corner = np.stack([1 - outline.along[index], outline.along[index]], axis=1)
    pair = outline.pair[index]
    factor = corner * np.einsum("mki,mi->mk", picture.direction[pair], side)
    goal = gap * metre + (factor * height[pair]).sum(1)
    weight = length * metre / (1 + np.abs(gap) * metre / (tuning.robust * surface.tall))
    return OutlineEvidence(pair, factor, goal, weight)


def _solve(
    surface: ClothSurface, evidence: list[OutlineEvidence], smoothness: float, tuning: ClothingTuning
) -> np.ndarray:
    """Solve the normal equations for the length of each vertex's offset."""
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import splu

    count = len(surface.direction)
    scale = tuning.spread * surface.tall
    smooth = surface.stiffness @ diags(1 / np.maximum(surface.area, 1e-7)) @ surface.stiffness * scale**3
    smooth = smooth + tuning.tension * scale * surface.stiffness
    system = tuning.stiffness * smoothness * smooth + diags(surface.hold * surface.area + 1e-9)
    right = np.zeros(count)
    for item in evidence:
        rows = np.repeat(np.arange(len(item.goal)), 2)
        matrix = coo_matrix((item.factor.ravel(), (rows, item.pair.ravel())), (len(item.goal), count)).tocsr()
        weighted = diags(item.weight) @ matrix
        system = system + matrix.T @ weighted
        right = right + weighted.T @ item.goal
    solver = splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return solver.solve(right)


def _report(
    surface: ClothSurface, picture: CutOut, height: np.ndarray, tuning: ClothingTuning
) -> tuple[float, float, float]:
    """Return overlap, median residual over the person's height, and the unexplained fraction of the alpha's edge."""
    outline = see_outline(surface, picture, height, tuning=tuning.cut_out)
    forth, back = _match(surface, picture, outline, height, tuning.matching)
    iou = _overlap(picture, outline)
    matched = np.flatnonzero(forth >= 0)
    if len(matched) == 0:
        return iou, float("inf"), 1.0
    gap = np.linalg.norm(picture.edge.point[forth[matched]] - outline.edge.point[matched], axis=1)
    residual = float(np.median(gap)) / (surface.tall * picture.pixels_per_metre)
    length = picture.edge.length
    return iou, residual, float(length[back < 0].sum() / max(length.sum(), 1e-9))
