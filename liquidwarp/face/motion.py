"""What a driver's face does, apart from whose face it is and how the head stands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from liquidwarp.face.landmarks import BONES
from liquidwarp.face.shape import HeadFrame, mouth_gaps, mouth_width, with_closed_lips
from liquidwarp.face.tuning import FACE_MOTION_TUNING, FaceMotionTuning
from liquidwarp.types import FaceTrack, shots_of

_BONES, _MIDDLE = list(BONES), slice(3, 6)
_QUIET = 0.25  # part of the clip's frames, those with the least opening, of which the rest is the median


@dataclass(frozen=True, eq=False)
class Expressions:
    """A face's movements through T frames, free of the driver's head and proportions.

    Convention: the head's own axes and unit, see `HeadFrame`.

    Attributes:
        shift: how far each point is from the driver's own rest, lips closed.
        gaps: opening of the mouth by column, in the driver's mouth's widths; 0 for closed lips.
        closed: how far the eyes on the picture's left and right are closed, 0 to 1.
        width: the driver's mouth's width at rest.
        turn: how the head is turned against its usual stand, as rows of axes.
        travel: the head's place against its usual one, in units.
        growth: its size against its usual one.
        rest: the driver's own face at rest, lips closed.
        trust: 0 where nothing is known, and the face rests, up to 1.
    """

    shift: Float[np.ndarray, "T 468 3"]
    gaps: Float[np.ndarray, "T 9"]
    closed: Float[np.ndarray, "T 2"]
    width: float
    turn: Float[np.ndarray, "T 3 3"]
    travel: Float[np.ndarray, "T 2"]
    growth: Float[np.ndarray, "T"]
    rest: Float[np.ndarray, "468 3"]
    trust: Float[np.ndarray, "T"]

    def __len__(self) -> int:
        return len(self.trust)


def read_expressions(
    track: FaceTrack, *, fps: float, cuts: Sequence[int] = (), tuning: FaceMotionTuning = FACE_MOTION_TUNING
) -> Expressions | None:
    """Read what a face does in a clip; None if it is too small, or turned away, in all of it.

    Args:
        track: the driver's face.
        fps: frames per second; 0 for unrelated pictures.
        cuts: first frame of each shot but the first; nothing is smoothed across.
        tuning: the numbers.
    """
    points = track.points.double().cpu().numpy()
    seen = track.presence.cpu().numpy() > 0
    if not seen.any():
        return None
    frames = [HeadFrame.of(mesh) for mesh in points]
    units = np.array([frame.unit for frame in frames])
    yaws = np.array([frame.yaw for frame in frames])
    size = _ramp(units, tuning.least_eyes, tuning.sure_eyes)
    trust = np.where(seen, size * (1 - _ramp(yaws, *tuning.most_turned)), 0.0)
    known = trust > 0.05
    if not known.any():
        return None
    sure = np.flatnonzero(known)
    usual = np.median(np.stack([frames[i].own(points[i]) for i in sure]), 0)
    aligned, turns, scales, places = _aligned(points, usual, known)
    for index in np.flatnonzero(~known):  # what is not known is as the nearest frame that is
        near = sure[np.abs(sure - index).argmin()]
        aligned[index], turns[index] = aligned[near], turns[near]
        scales[index], places[index] = scales[near], places[near]
    gaps = mouth_gaps(aligned)
    shut = _shut_gaps(gaps[known], tuning)
    rest = _rest(aligned[known], shut)
    gaps = np.clip(tuning.opens * (gaps - shut), 0, tuning.most_open)
    shots = shots_of(cuts, len(points))
    sigma = tuning.smooth * fps * max(1.0, tuning.calm_below / float(np.median(units[known])))
    lips = _smoothed(gaps, shots, sigma)
    lips = np.where((gaps[:, _MIDDLE].mean(1) <= 0)[:, None], 0, lips)  # a closure stays one
    closed = np.zeros((len(points), 2), np.float64)
    if track.closed is not None:
        lids = track.closed.double().cpu().numpy() * _ramp(units, tuning.least_lids, 1.3 * tuning.least_lids)[:, None]
        closed = _both(_smoothed(lids, shots, 0.6 * tuning.smooth * fps))
    usual_turn, usual_scale = _mean_turn(turns[known]), float(np.median(scales[known]))
    usual_place = np.median(places[known], 0)
    head = tuning.smooth_head * fps
    turned = _orthogonal(_smoothed((turns @ usual_turn.T).reshape(-1, 9), shots, head).reshape(-1, 3, 3))
    faded = _smoothed(trust, shots, tuning.forget * fps / 2)  # an unseen moment is bridged, a long one comes to rest
    return Expressions(
        shift=(_smoothed(aligned, shots, sigma) - rest).astype(np.float32),
        gaps=lips.astype(np.float32),
        closed=closed.astype(np.float32),
        width=float(mouth_width(rest)),
        turn=turned,
        travel=_smoothed((places - usual_place) / usual_scale, shots, head),
        growth=_smoothed(scales / usual_scale, shots, head),
        rest=rest,
        trust=faded,
    )


def _aligned(
    points: np.ndarray, usual: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return meshes in the head's axes, by the bones, how each was turned, its scale and its place in the picture."""
    target = usual
    for _ in range(2):
        found = [_align(mesh[_BONES], target[_BONES]) for mesh in points]
        turns = np.stack([turn for turn, _, _ in found])
        scales, places = np.array([scale for _, scale, _ in found]), np.stack([place for _, _, place in found])
        aligned = np.einsum("tij,tnj->tni", turns, points - places[:, None]) / scales[:, None, None]
        target = np.median(aligned[known], 0)
    return aligned, turns, scales, places[:, :2]


def _align(mesh: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Return turn, scale and place with target = turn (mesh - place) / scale, in the least squares."""
    middle, other = mesh.mean(0), target.mean(0)
    a, b = mesh - middle, target - other
    u, s, vt = np.linalg.svd(b.T @ a)
    flip = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt)) or 1.0])
    turn = u @ (flip[:, None] * vt)
    scale = max(float((a * a).sum() / max((s * flip).sum(), 1e-9)), 1e-6)
    return turn, scale, middle - scale * turn.T @ other


def _rest(shapes: np.ndarray, shut: np.ndarray) -> np.ndarray:
    """Return the face at rest: as it usually is, the mouth as where it is least open, then closed; eyes open."""
    opening = mouth_gaps(shapes)[:, _MIDDLE].mean(1)
    quiet = shapes[opening <= np.quantile(opening, _QUIET)]
    usual, still = np.median(shapes, 0), np.median(quiet, 0)
    mouth = _ramp(usual[:, 1], 0.35, 0.75)[:, None]  # from below the eyes to above the lip
    rest = (1 - mouth) * usual + mouth * still
    closed = with_closed_lips(rest, shut * mouth_width(rest))
    return mouth * closed + (1 - mouth) * rest


def _shut_gaps(gaps: np.ndarray, tuning: FaceMotionTuning) -> np.ndarray:
    """Return what the mesh reports of closed lips, by column."""
    least, most = tuning.closed
    return np.clip(np.quantile(gaps, tuning.closed_quantile, axis=0), 0.6 * least, most)


def _both(closed: np.ndarray) -> np.ndarray:
    """Return eyes that close together unless one does alone for sure."""
    together = closed.mean(1, keepdims=True)
    alone = _ramp(np.abs(closed[:, :1] - closed[:, 1:]), 0.5, 0.9)
    return alone * closed + (1 - alone) * together


def _smoothed(values: np.ndarray, shots: Sequence[slice], sigma: float) -> np.ndarray:
    if sigma <= 0:
        return values
    made = values.astype(np.float64)
    for shot in shots:
        made[shot] = gaussian_filter1d(made[shot], sigma, axis=0, mode="nearest")
    return made


def _mean_turn(turns: np.ndarray) -> np.ndarray:
    return _orthogonal(turns.mean(0)[None])[0]


def _orthogonal(matrices: np.ndarray) -> np.ndarray:
    u, _, vt = np.linalg.svd(matrices)
    return u @ vt


def _ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip((value - low) / (high - low), 0, 1)
