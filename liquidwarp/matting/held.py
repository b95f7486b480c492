"""Things that are held: a detector takes half a ball for the hand."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.spatial import KDTree

from liquidwarp.bodies.parts import PARTS
from liquidwarp.geometry import enlarged
from liquidwarp.matting.tuning import HELD_TUNING, HeldTuning

_SIDES = ("left", "right")
_OTHER = {"left": ("right_hand", "right_lower_arm"), "right": ("left_hand", "left_lower_arm")}
_MOST_SAMPLES = 1500  # colours that are looked at on each side


def find_held(
    rgb: UInt8[np.ndarray, "H W 3"],
    alpha: Float[np.ndarray, "H W"],
    parts: Int[np.ndarray, "H W"],
    *,
    hands: Sequence[Float[np.ndarray, "L 2"]] = (),
    tuning: HeldTuning = HELD_TUNING,
) -> Bool[np.ndarray, "H W"]:
    """Return what somebody holds in the hands, where it sticks out of the person's mask and where it hides the hand.

    A thing shows in one of two ways: a part of the mask at a hand reaches farther than fingers do, or much of a hand
    has a colour that nothing else has, neither person nor place. From there it is followed to its own outline (Rother,
    Kolmogorov, Blake: "GrabCut", 2004), inside and outside of the mask; body and far surroundings are no part of it.
    Where the body lies elsewhere than the mask, nothing is looked for: it would be limbs. What has the colour of skin
    within a hand that was seen is the hand.

    Args:
        rgb: the photo.
        alpha: the person's alpha, 1 = person.
        parts: the label in `bodies.PARTS` of the bare body's surface in each pixel, -1 beside it.
        hands: landmarks of hands that were looked at closely, in pixels.
        tuning: what is taken for a thing.
    """
    held = np.zeros(alpha.shape, bool)
    either, both = (alpha > 0.5) | (parts >= 0), (alpha > 0.5) & (parts >= 0)
    if both.sum() < tuning.least_agreement * max(int(either.sum()), 1):
        return held
    rows, columns = np.nonzero(either)
    longest = max(int(np.ptp(rows)), int(np.ptp(columns)), 1)
    scale = min(1.0, tuning.pixels / longest)
    size = (max(1, round(alpha.shape[1] * scale)), max(1, round(alpha.shape[0] * scale)))
    scene = _Scene(
        cv2.resize(rgb, size, interpolation=cv2.INTER_AREA),
        cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > 0.5,
        cv2.resize(parts.astype(np.int16), size, interpolation=cv2.INTER_NEAREST),
        longest * scale,
        tuning,
    )
    found = np.zeros((size[1], size[0]), np.uint8)
    for side in _SIDES:
        found |= scene.held_in(side)
    if found.any():
        reach = max(1, round(tuning.margin * longest * scale))
        found = cv2.dilate(found, _disc(reach))
        found[scene.own(hands, scale)] = 0
        held = enlarged(found, (alpha.shape[0], alpha.shape[1])) > 0
    return held


@dataclass(frozen=True, eq=False)
class _Scene:
    """Person and place at the size at which they are looked at; `unit` is the person's longer side in pixels."""

    rgb: np.ndarray
    person: np.ndarray
    parts: np.ndarray
    unit: float
    tuning: HeldTuning

    def held_in(self, side: str) -> np.ndarray:
        """Return what is in one hand, as 0 and 1."""
        nothing = np.zeros(self.parts.shape, np.uint8)
        hand = self.parts == PARTS.index(f"{side}_hand")
        if not hand.any():
            return nothing
        seeds = self._sticking_out(hand, side) | self._odd(hand)
        if not seeds.any():
            return nothing
        grown = self._grown(seeds, hand)
        largest = (self.tuning.most_size * self.unit) ** 2
        return grown if grown.sum() < largest else seeds.astype(np.uint8)

    def own(self, hands: Sequence[np.ndarray], scale: float) -> np.ndarray:
        """Return where hands that were seen have the colour of skin."""
        inside = np.zeros(self.parts.shape, np.uint8)
        for landmarks in hands:
            cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(landmarks * scale).astype(np.int32)), 1)
        within = cv2.dilate(inside, _disc(max(1, round(self.tuning.around_hand * self.unit)))) > 0
        face = np.isin(self.parts, [PARTS.index(name) for name in ("face", "head")]) & self.person
        own = np.zeros(within.shape, bool)
        if (self.parts[face] == PARTS.index("face")).any():
            own[within] = _distance(self.rgb[within], _some(self.rgb[face])) < self.tuning.skin
        else:
            own[within] = _like_skin(self.rgb[within], self.tuning)
        return own

    def _sticking_out(self, hand: np.ndarray, side: str) -> np.ndarray:
        """Return parts of the mask that are too far from the body, and nearest to this hand, and no skin."""
        skin = np.isin(self.parts, [PARTS.index(name) for name in ("face", "head", *_OTHER[side])]) & self.person
        body = (self.parts >= 0).astype(np.uint8)
        far, nearest = cv2.distanceTransformWithLabels(
            1 - body, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        of_hand = np.zeros(int(nearest.max()) + 1, bool)
        of_hand[nearest[hand]] = True
        out = (self.person & (far > self.tuning.outside * self.unit)).astype(np.uint8)
        count, pieces = cv2.connectedComponents(out)
        kept = np.zeros(out.shape, bool)
        for piece in range(1, count):
            inside = pieces == piece
            large = inside.sum() > (self.tuning.least_size * self.unit) ** 2
            if not large or of_hand[nearest[inside]].mean() < self.tuning.at_hand:
                continue
            like = _distance(_some(self.rgb[inside]), _some(self.rgb[skin])) < self.tuning.skin
            if like.mean() < 0.5:
                kept |= inside
        return kept

    def _odd(self, hand: np.ndarray) -> np.ndarray:
        """Return where a hand has colours that nothing else has, if that is much of it."""
        far = _distance_from(hand) / self.unit
        near = far < self.tuning.reach
        around = far < self.tuning.reach + self.tuning.surroundings
        own = self.person & ~near | (self.parts >= 0) & ~hand
        place = around & ~near & ~self.person
        known = np.concatenate([_some(self.rgb[own]), _some(self.rgb[place])])
        odd = np.zeros(hand.shape, bool)
        odd[hand] = _distance(self.rgb[hand], known) > self.tuning.odd
        return odd if odd.sum() > self.tuning.odd_part * hand.sum() else np.zeros(hand.shape, bool)

    def _grown(self, seeds: np.ndarray, hand: np.ndarray) -> np.ndarray:
        """Follow a thing from some of its pixels to its outline."""
        far = _distance_from(seeds | hand) / self.unit
        start = far < self.tuning.reach
        looked_at = (far < self.tuning.reach + self.tuning.surroundings).astype(np.uint8)
        x, y, width, height = cv2.boundingRect(looked_at)
        cut = (slice(y, y + height), slice(x, x + width))
        marks = np.full((height, width), cv2.GC_BGD, np.uint8)
        marks[start[cut]] = cv2.GC_PR_BGD
        marks[((self.parts >= 0) & ~hand)[cut]] = cv2.GC_BGD
        marks[hand[cut]] = cv2.GC_PR_BGD
        near = (_distance_from(seeds) < self.tuning.outside * self.unit)[cut]
        marks[near & (marks == cv2.GC_PR_BGD)] = cv2.GC_PR_FGD
        marks[seeds[cut]] = cv2.GC_FGD
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)
        picture, rounds = _chroma(self.rgb[cut], self.tuning), self.tuning.rounds
        cv2.grabCut(picture, marks, None, *models, rounds, cv2.GC_INIT_WITH_MASK)
        thing = ((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)).astype(np.uint8)
        thing = cv2.morphologyEx(thing, cv2.MORPH_OPEN, _disc(1)) | seeds[cut]
        _, pieces = cv2.connectedComponents(thing)
        touched = np.unique(pieces[seeds[cut]])
        grown = np.zeros(seeds.shape, np.uint8)
        grown[cut] = np.isin(pieces, touched[touched > 0])
        return grown


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _distance_from(place: np.ndarray) -> np.ndarray:
    return cv2.distanceTransform(1 - place.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)


def _chroma(rgb: np.ndarray, tuning: HeldTuning) -> np.ndarray:
    """Return a picture in Lab, its lightness flattened: a round thing has a light side and a dark one."""
    lab = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2LAB).astype(np.float32)
    lab[..., 0] *= tuning.lightness
    lab[..., 1:] = 128 + tuning.chroma * (lab[..., 1:] - 128)
    return lab.clip(0, 255).round().astype(np.uint8)


def _like_skin(colours: np.ndarray, tuning: HeldTuning) -> np.ndarray:
    """Return which of N colours people's skin may have (Chai, Ngan: "Face segmentation using skin-color map", 1999)."""
    if not len(colours):
        return np.zeros(0, bool)
    _, red, blue = cv2.cvtColor(colours[None], cv2.COLOR_RGB2YCrCb)[0].T
    (low_red, high_red), (low_blue, high_blue) = tuning.skin_red, tuning.skin_blue
    return (red >= low_red) & (red <= high_red) & (blue >= low_blue) & (blue <= high_blue)


def _some(colours: np.ndarray) -> np.ndarray:
    return colours[:: max(1, len(colours) // _MOST_SAMPLES)]


def _distance(colours: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return how far colours are from the nearest of some known ones."""
    if not len(known):
        return np.full(len(colours), np.inf, np.float32)
    return KDTree(known.astype(np.float32)).query(colours.astype(np.float32))[0].astype(np.float32)
