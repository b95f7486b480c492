"""From a detector's coarse mask to alpha at the photo's full resolution."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.detect.masks import resize_mask
from liquidwarp.detect.protocol import Detection
from liquidwarp.matting.tuning import MATTING_TUNING, MattingTuning

_BONES = (
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("wrist", "index"),
    ("wrist", "pinky"),
    ("hip", "knee"),
    ("knee", "ankle"),
    ("ankle", "heel"),
    ("heel", "foot_index"),
    ("ankle", "foot_index"),
)
_NO_DISTANCE = 1e-4  # of colours: below it a vote is a quotient of nothing


def refine_alpha(
    rgb: UInt8[np.ndarray, "H W 3"],
    coarse: Float[np.ndarray, "H W"],
    *,
    alpha: Float[np.ndarray, "H W"] | None = None,
    landmarks: Detection | None = None,
    tuning: MattingTuning = MATTING_TUNING,
) -> Float[np.ndarray, "H W"]:
    """Return the person's alpha in [0, 1] at the photo's full resolution.

    The coarse mask's outline is right to about a hundredth of the person's height, so only a band around it is open,
    wider at hands, feet and hair. In the band every pixel is compared with the nearest colours that are surely the
    person's or surely not, and closed-form matting solves for edges that follow the photo. What does not hang together
    with the body is dropped. The work is done at 256 to 640 pixels around the person; a larger photo gets the result by
    guided upsampling.

    Args:
        rgb: the photo.
        coarse: the detector's mask.
        alpha: the photo's own alpha channel; it is returned, cut down to the person, if it is not full everywhere.
        landmarks: the person in the photo's pixels; helps with hands, feet and hair.
        tuning: how wide the band is, and what colours say in it.
    """
    if alpha is not None and float(alpha.min()) < 0.5:
        return (alpha * _keep_main(alpha > tuning.opaque, coarse, tuning)).astype(np.float32)
    if float(coarse.max()) < 0.5:
        return coarse.astype(np.float32)
    window = _person_window(coarse, landmarks, tuning)
    crop, mask = rgb[window], coarse[window].astype(np.float32, copy=False)
    longest = max(crop.shape[:2])
    scale = min(tuning.most_enlarged, max(1.0, tuning.least_pixels / longest), tuning.most_pixels / longest)
    size = (max(8, round(crop.shape[1] * scale)), max(8, round(crop.shape[0] * scale)))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    marks = _Marks.of(landmarks, np.array([window[1].start, window[0].start]), scale, tuning)
    fine = _alpha_small(small, cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), marks, tuning)
    out = np.zeros(coarse.shape, np.float32)
    if scale < 1:
        out[window] = guided_upsample(small, fine, crop, tuning=tuning)
    else:
        out[window] = resize_mask(fine, (mask.shape[0], mask.shape[1]))
    return out


def guided_upsample(
    small: UInt8[np.ndarray, "h w 3"],
    alpha: Float[np.ndarray, "h w"],
    large: UInt8[np.ndarray, "H W 3"],
    *,
    tuning: MattingTuning = MATTING_TUNING,
) -> Float[np.ndarray, "H W"]:
    """Upsample alpha to a larger photo, its edges following the photo's.

    He, Sun: "Fast Guided Filter", 2015: the local affine maps from grey to alpha are found on the small photo and
    applied to the large one.
    """
    size = (large.shape[1], large.shape[0])
    guide = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    gain, offset = _local_affine(guide, alpha.astype(np.float32), radius=2, epsilon=tuning.upsampling_epsilon)
    between = (alpha > tuning.upsampled) & (alpha < 1 - tuning.upsampled)
    edge = cv2.resize(cv2.dilate(between.astype(np.float32), np.ones((3, 3))), size) > 0
    fine = cv2.cvtColor(large, cv2.COLOR_RGB2GRAY)[edge].astype(np.float32) / 255
    upsampled = cv2.resize(gain, size)[edge] * fine + cv2.resize(offset, size)[edge]
    out = cv2.resize(alpha.astype(np.float32), size)
    out[edge] = upsampled.clip(0, 1)
    return out


def _local_affine(guide: np.ndarray, target: np.ndarray, radius: int, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Return gain and offset of the guided filter (equations 5, 6 and 8 of He et al., 2013)."""
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, size)

    middle, wanted = mean(guide), mean(target)
    gain = (mean(guide * target) - middle * wanted) / (mean(guide * guide) - middle * middle + epsilon)
    return mean(gain), mean(wanted - gain * middle)


class _Marks:
    """Landmarks by name in the pixels of the working crop; only those that were seen."""

    def __init__(self, points: dict[str, np.ndarray], tuning: MattingTuning) -> None:
        self.points, self.tuning = points, tuning

    @staticmethod
    def of(person: Detection | None, origin: np.ndarray, scale: float, tuning: MattingTuning) -> "_Marks":
        if person is None:
            return _Marks({}, tuning)
        seen = zip(person.names, (person.image - origin) * scale, person.confidence, strict=True)
        return _Marks({name: point for name, point, confidence in seen if confidence > tuning.seen}, tuning)

    def discs(self, shape: tuple[int, int], words: tuple[str, ...], radius: float) -> np.ndarray:
        """Draw discs around the landmarks whose names contain one of `words`."""
        out = np.zeros(shape, np.uint8)
        for name, point in self.points.items():
            if any(word in name for word in words):
                cv2.circle(out, _pixel(point), max(1, round(radius)), 1, -1)
        return out > 0

    def hands(self, shape: tuple[int, int]) -> np.ndarray:
        """Draw discs that hold the fingers, which reach beyond the landmarks at their roots."""
        out = np.zeros(shape, np.uint8)
        for side in ("left", "right"):
            wrist, index, pinky = (self.points.get(f"{side}_{name}") for name in ("wrist", "index", "pinky"))
            if wrist is not None and index is not None and pinky is not None:
                reach = (index + pinky) / 2 - wrist
                radius = self.tuning.hand_radius * float(np.hypot(*reach))
                cv2.circle(out, _pixel(wrist + self.tuning.hand_middle * reach), max(1, round(radius)), 1, -1)
        return out > 0

    def bones(self, shape: tuple[int, int], width: float) -> np.ndarray:
        """Draw the limbs as lines."""
        out = np.zeros(shape, np.uint8)
        for side in ("left", "right"):
            for a, b in _BONES:
                ends = [self.points.get(f"{side}_{name}") for name in (a, b)]
                if ends[0] is not None and ends[1] is not None:
                    cv2.line(out, _pixel(ends[0]), _pixel(ends[1]), 1, max(1, round(width)))
        return out > 0

    def feet(self, coarse: np.ndarray, width: float) -> np.ndarray:
        """Draw lines within feet below ankles that a mask shows, for masks that leave shoes out."""
        out = np.zeros(coarse.shape, np.uint8)
        for side in ("left", "right"):
            ankle, toes = (self.points.get(f"{side}_{name}") for name in ("ankle", "foot_index"))
            if ankle is not None and toes is not None and _inside(coarse, ankle) > 0.5:
                start, end = (ankle + part * (toes - ankle) for part in self.tuning.within_foot)
                cv2.line(out, _pixel(start), _pixel(end), 1, max(1, round(width)))
        return out > 0


def _inside(picture: np.ndarray, point: np.ndarray) -> float:
    """Return the value of a picture at a point, 0 outside of it."""
    x, y = _pixel(point)
    return float(picture[y, x]) if 0 <= y < picture.shape[0] and 0 <= x < picture.shape[1] else 0.0


def _pixel(point: np.ndarray) -> tuple[int, int]:
    return int(np.floor(point[0])), int(np.floor(point[1]))


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _grow(mask: np.ndarray, radius: float) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), _disc(radius)) > 0


def _shrink(mask: np.ndarray, radius: float) -> np.ndarray:
    return cv2.erode(mask.astype(np.uint8), _disc(radius), borderType=cv2.BORDER_REPLICATE) > 0


def _person_window(coarse: np.ndarray, person: Detection | None, tuning: MattingTuning) -> tuple[slice, slice]:
    """Return rows and columns around the person with a margin of background."""
    rows, columns = np.nonzero(coarse > tuning.window_mask)
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    if person is not None:
        box = person.box
        left, top, right, bottom = min(left, box[0]), min(top, box[1]), max(right, box[2]), max(bottom, box[3])
    margin = tuning.margin * max(right - left, bottom - top)
    height, width = coarse.shape
    return (
        slice(max(0, int(top - margin)), min(height, int(bottom + margin) + 1)),
        slice(max(0, int(left - margin)), min(width, int(right + margin) + 1)),
    )


def _alpha_small(rgb: np.ndarray, coarse: np.ndarray, marks: _Marks, tuning: MattingTuning) -> np.ndarray:
    """Refine a coarse mask at the working size."""
    from liquidwarp.matting.closed_form import solve_alpha  # imported late: it loads scipy's solvers

    rows, columns = np.nonzero(coarse > 0.5)
    extent = max(float(np.ptp(rows)), float(np.ptp(columns)), tuning.least_extent)
    coarse = np.maximum(coarse, tuning.hand_prior * marks.hands((coarse.shape[0], coarse.shape[1])))
    known, unknown = _trimap(coarse, marks, extent, tuning)
    likely = _colour_vote(rgb, coarse, known, unknown, extent, tuning)
    guess = np.where(unknown, likely, known).astype(np.float32)
    colours = rgb.astype(np.float32) / 255
    alpha = solve_alpha(colours, guess, unknown, prior_weight=tuning.vote_weight, epsilon=tuning.epsilon)
    alpha = ((alpha - tuning.cut) / (1 - 2 * tuning.cut)).clip(0, 1)
    return (alpha * _keep_main(alpha > tuning.speck, coarse, tuning)).astype(np.float32)


def _trimap(coarse: np.ndarray, marks: _Marks, extent: float, tuning: MattingTuning) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels are the person's for sure, and which are open."""
    shape = (coarse.shape[0], coarse.shape[1])
    sure, faint = coarse > tuning.sure, coarse > tuning.faint_mask
    known = _shrink(sure, tuning.sure_inset * extent) | (marks.bones(shape, tuning.bone_width * extent) & sure)
    known |= marks.feet(coarse, tuning.bone_width * extent)
    possible = _grow(coarse > tuning.open_mask, tuning.open_reach * extent)
    ends = marks.discs(shape, ("index", "pinky", "thumb", "heel", "foot"), tuning.ends * extent)
    possible |= (ends & _grow(faint, tuning.ends_reach * extent)) | marks.hands(shape)
    head = marks.discs(shape, ("nose", "ear"), tuning.head * extent)
    possible |= head & _grow(faint, tuning.head_reach * extent)
    return known, possible & ~known


def _colour_vote(
    rgb: np.ndarray,
    coarse: np.ndarray,
    known: np.ndarray,
    unknown: np.ndarray,
    extent: float,
    tuning: MattingTuning,
) -> np.ndarray:
    """Guess for every open pixel how likely it is the person's, by the nearest sure colours and by the coarse mask.

    Nearness is measured in colour (Lab) and place together, so that the colour of a sleeve speaks for the sleeve only.
    """
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) / 100
    rows, columns = np.indices(coarse.shape, np.float32)
    features = np.dstack([lab, rows * (tuning.place / extent), columns * (tuning.place / extent)])
    outside = _grow(known | unknown, tuning.sample_reach * extent) & ~(known | unknown)
    inside = known & ~_shrink(known, tuning.sample_reach * extent)
    if not (outside.any() and inside.any()):
        return coarse
    query = features[unknown]
    near, far = (_mean_distance(features[region], query, tuning) for region in (inside, outside))
    vote = (far - near) / np.maximum(far + near, _NO_DISTANCE) * tuning.vote_gain
    place = np.clip(coarse[unknown], tuning.sure_place, 1 - tuning.sure_place)
    out = np.zeros_like(coarse)
    out[unknown] = 1 / (1 + np.exp(-(vote + np.log(place / (1 - place)))))
    return out


def _mean_distance(samples: np.ndarray, query: np.ndarray, tuning: MattingTuning) -> np.ndarray:
    """Return the mean distance to the nearest few of (a regular choice of) the samples."""
    from scipy.spatial import cKDTree

    chosen = samples[:: max(1, len(samples) // tuning.most_samples)]
    distance, _ = cKDTree(chosen).query(query, k=min(tuning.nearest, len(chosen)))
    return distance if distance.ndim == 1 else distance.mean(1)


def _keep_main(mask: np.ndarray, coarse: np.ndarray, tuning: MattingTuning) -> np.ndarray:
    """Return the parts of `mask` that hang together with the body: specks are dropped."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = np.zeros(count, bool)
    body = np.bincount(labels[coarse > 0.5], minlength=count)
    body[0] = 0
    area = stats[1:, cv2.CC_STAT_AREA]
    keep[1:] = (body[1:] > tuning.own_part * area) & (area > tuning.least_piece * body.sum())
    if count > 1:
        keep[int(body.argmax())] = True
    keep[0] = False
    return keep[labels]
