"""Garments, cut from the body's surface or drawn as tubes around it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse
from scipy.ndimage import gaussian_filter

from liquidwarp.checks import check_choice
from liquidwarp.data.synthetic.fabrics import Fabric, Surface, linear, weave
from liquidwarp.data.synthetic.layers import Bare, Layer, Paint, limb_joints
from liquidwarp.data.synthetic.noise import noise
from liquidwarp.data.synthetic.pieces import Piece, hull_contours, tube_faces
from liquidwarp.data.synthetic.spots import ANKLE, ARM, KNEE, UPPER_ARM, Field, Spots, along_arm, cloth, step


@dataclass(frozen=True)
class Garment:
    """One thing to wear.

    Attributes:
        kind: one of `GARMENTS`.
        fabric: what it is made of.
        length: how far down it reaches, 0 (short) to 1 (long).
        sleeve: sleeve length, 0 (none) to 1 (to the wrist).
        ease: how far it stands off the body, metres.
        neck: radius of the neckline, metres.
        drape: how much a top hangs straight from chest to hips, 0 to 1.
        front: "plain", or a top that is closed with "buttons" or a "zip".
        trim: fabric of collar, cuffs, waistband or sole; None is the garment's own.
    """

    kind: str
    fabric: Fabric
    length: float = 0.5
    sleeve: float = 0.3
    ease: float = 0.012
    neck: float = 0.1
    drape: float = 0.9
    trim: Fabric | None = field(default=None)
    front: str = "plain"


def wear(bare: Bare, garment: Garment) -> list[Layer]:
    """Return the layers of a garment on a person, inner ones first."""
    check_choice("garment", garment.kind, GARMENTS)
    return GARMENTS[garment.kind](bare, garment)


def _top(bare: Bare, garment: Garment) -> list[Layer]:
    hem = 0.09 * garment.length
    cuff = garment.sleeve * (ARM + 0.005)

    def border(spots: Spots) -> Field:
        neck = np.minimum(spots.near((0.0, -0.553, -0.03)) - garment.neck, spots.y + 0.52)
        sleeve = cuff - along_arm(spots)
        return np.where(spots.on_arm, np.minimum(sleeve, neck), np.minimum(hem - spots.y, neck))

    def gap(spots: Spots) -> Field:
        sleeve = step(0.03, 0.14, along_arm(spots)) * spots.arm
        loose = garment.ease * (0.55 + 0.9 * step(-0.3, 0.0, spots.y) * (1 - spots.arm) + 1.6 * sleeve)
        return loose + _folds(spots, garment.fabric.seed, 0.35 * garment.ease + 0.002)

    keep = bare.has("torso", "left_upper_arm", "right_upper_arm", "left_lower_arm", "right_lower_arm")
    keep |= bare.has("left_upper_leg", "right_upper_leg", "head", "left_hand", "right_hand")
    piece = bare.shell(keep, border, gap, ease=60, drape=garment.drape)

    def loose(spots: Spots) -> Field:
        sleeve = step(0.1, 0.3, along_arm(spots)) * spots.arm
        return (0.7 * step(-0.25, 0.08, spots.y) * (1 - spots.arm) + 0.5 * sleeve) * _slack(garment)

    return [Layer(piece, border, _closed(garment), lift=0.02, loose=loose, creased=True)]


def _closed(garment: Garment) -> Paint:
    """Return the paint of a top with what closes it in front."""
    sewn = _sewn(garment, band=0.018)
    check_choice("front", garment.front, ("plain", "buttons", "zip"))
    if garment.front == "plain":
        return sewn
    trim = linear((garment.trim or garment.fabric).color)

    def paint(spots: Spots, inside: Field) -> Surface:
        surface = sewn(spots, inside)
        before = (spots.z < 0) & ~spots.on_arm
        along = (spots.y / 0.075) % 1.0 - 0.5
        if garment.front == "zip":
            mark, color = before & (np.abs(spots.x) < 0.006), 0.4 * trim
        else:
            mark, color = before & (np.hypot(spots.x, 0.075 * along) < 0.007), 0.3 + 0.4 * trim
        seam = before & (np.abs(np.abs(spots.x) - 0.016) < 0.0016)
        albedo = np.where(seam[:, None], surface.albedo * 0.6, surface.albedo)
        return Surface(np.where(mark[:, None], color, albedo).astype(np.float32), surface.height, surface.gloss)

    return paint


def _slack(garment: Garment) -> float:
    """Return how freely a garment moves, 0 to 1, from how loose it is."""
    return float(np.clip((garment.ease - 0.003) / 0.02, 0.0, 1.0))


def _jacket(bare: Bare, garment: Garment) -> list[Layer]:
    hem = 0.02 + 0.09 * garment.length

    def opening(spots: Spots) -> Field:
        """Return the half width of the open front, wider towards the collar."""
        return 0.03 + 0.045 * step(-0.2, -0.47, spots.y) + 0.03 * step(-0.05, 0.1, spots.y)

    def border(spots: Spots) -> Field:
        neck = np.minimum(spots.near((0.0, -0.57, -0.02)) - garment.neck, spots.y + 0.545)
        sleeve = garment.sleeve * (ARM + 0.01) - along_arm(spots)
        front = np.where(spots.z < -0.01, np.abs(spots.x) - opening(spots), 1.0)
        trunk = np.minimum(np.minimum(hem - spots.y, neck), front)
        return np.where(spots.on_arm, np.minimum(sleeve, neck), trunk)

    def gap(spots: Spots) -> Field:
        sleeve = step(0.03, 0.14, along_arm(spots)) * spots.arm
        loose = garment.ease * (0.8 + 0.7 * step(-0.25, 0.0, spots.y) * (1 - spots.arm) + 0.5 * sleeve)
        return loose + _folds(spots, garment.fabric.seed, 0.006)

    keep = bare.has("torso", "left_upper_arm", "right_upper_arm", "left_lower_arm", "right_lower_arm")
    keep |= bare.has("left_upper_leg", "right_upper_leg", "head", "left_hand", "right_hand")
    piece = bare.shell(keep, border, gap, ease=60, drape=garment.drape)
    sewn = _sewn(garment, band=0.022)

    def paint(spots: Spots, inside: Field) -> Surface:
        surface = sewn(spots, inside)
        pocket = (np.abs(np.abs(spots.x) - 0.105 + 0.25 * (spots.y + 0.05)) < 0.0022) & (np.abs(spots.y + 0.06) < 0.05)
        seam = pocket & ~spots.on_arm & (spots.z < 0)
        return Surface(np.where(seam[:, None], surface.albedo * 0.35, surface.albedo), surface.height, surface.gloss)

    def loose(spots: Spots) -> Field:
        return 0.8 * step(-0.3, 0.1, spots.y) * (1 - spots.arm) + 0.3 * step(0.1, 0.4, along_arm(spots)) * spots.arm

    return [Layer(piece, border, paint, cover=0.05, lift=0.02, loose=loose, creased=True)]


def _trousers(bare: Bare, garment: Garment) -> list[Layer]:
    waist = -0.075
    cuff = float(KNEE[1] - 0.18 + garment.length * (ANKLE[1] + 0.02 - KNEE[1] + 0.18))

    def border(spots: Spots) -> Field:
        return np.where(spots.on_arm, -1.0, np.minimum(spots.y - waist, cuff - spots.y))

    def gap(spots: Spots) -> Field:
        loose = 0.006 + garment.ease * step(0.0, 0.35, spots.y) + 0.6 * garment.ease * step(0.5, 0.8, spots.y)
        return loose + _folds(spots, garment.fabric.seed, 0.3 * garment.ease + 0.002)

    keep = bare.has("torso", "lower", "left_foot", "right_foot")
    piece = bare.shell(keep, border, gap, ease=16)
    sewn = _sewn(garment, band=0.016)

    def paint(spots: Spots, inside: Field) -> Surface:
        surface = sewn(spots, inside)
        fly = (np.abs(spots.x) < 0.0022) & (spots.y < 0.06) & (spots.z < 0)
        pocket = np.abs(np.hypot(np.abs(spots.x) - 0.175, (spots.y + 0.045) * 0.8) - 0.075) < 0.0018
        pocket &= (spots.z < 0) & (spots.y > -0.05)
        dark = (fly | pocket)[:, None]
        return Surface(np.where(dark, surface.albedo * 0.5, surface.albedo), surface.height, surface.gloss)

    def loose(spots: Spots) -> Field:
        return 0.8 * step(0.15, 0.8, spots.y) * _slack(garment)

    return [Layer(piece, border, paint, lift=0.01, loose=loose, creased=True)]


_ANGLES = 144


def _skirt(bare: Bare, garment: Garment) -> list[Layer]:
    top, bottom = -0.13, 0.12 + 0.6 * garment.length
    levels = np.linspace(top, bottom, 40)
    trunk = bare.has("torso", "lower")
    used = np.unique(bare.piece.faces[trunk])
    arm, _ = _limbs(bare)
    used = used[arm[used] < 0.3]
    turn = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    down = (levels - top) / (bottom - top)
    pleat = 1 + 0.055 * step(0.1, 1.0, down)[:, None] * np.sin(9 * turn + 1.3 * np.sin(2 * turn) + 2 * down[:, None])
    flare = (0.004 + garment.ease * (0.4 * step(0.0, 0.3, down) + 4.0 * down**1.5))[:, None]

    def ring(points: np.ndarray) -> np.ndarray:
        middle = np.zeros((len(levels), 2))
        own = _own_heights(bare, points, levels)
        radius = hull_contours(points[:, [0, 2]], points[:, 1], own, middle, 0.03, _ANGLES)
        hip = levels < 0.04
        radius[~hip] = np.maximum(radius[~hip], 0.96 * radius[hip][-1])
        radius = gaussian_filter(radius, (1.5, 2), mode=("nearest", "wrap")) * pleat + flare
        return np.stack([radius * np.cos(turn), np.repeat(own[:, None], _ANGLES, 1), radius * np.sin(turn)], -1)

    used = used[bare.piece.place[used, 1] > -0.3]
    rest, place = ring(bare.piece.rest[used]), ring(bare.piece.place[used])
    faces = tube_faces(len(levels), _ANGLES)[:, ::-1].copy()
    weights = _skirt_weights(bare, place.reshape(-1, 3))
    piece = Piece(rest.reshape(-1, 3).astype(np.float32), place.reshape(-1, 3).astype(np.float32), faces, weights)

    def border(spots: Spots) -> Field:
        return np.minimum(spots.y - top, bottom - spots.y)

    sewn = _sewn(garment, band=0.012)

    def paint(spots: Spots, inside: Field) -> Surface:
        return sewn(Spots(spots.place, np.zeros_like(spots.arm), np.zeros_like(spots.leg)), inside)

    def loose(spots: Spots) -> Field:
        return step(0.02, 0.6, spots.y)

    return [Layer(piece, border, paint, cover=None, lift=0.03, loose=loose, drapes=True)]


def _own_heights(bare: Bare, points: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return where heights on the average body are on the body whose trunk and leg vertices are `points`."""
    arm, _ = _limbs(bare)
    used = np.unique(bare.piece.faces[bare.has("torso", "lower")])
    used = used[arm[used] < 0.3]
    place = bare.piece.place[used[bare.piece.place[used, 1] > -0.3], 1]
    cell = np.round((place - place.min()) / 0.03).astype(int)
    count = np.maximum(np.bincount(cell), 1)
    known = np.bincount(cell) > 0
    mean = [np.bincount(cell, values)[known] / count[known] for values in (place, points[:, 1])]
    slope = (mean[1][-1] - mean[1][0]) / (mean[0][-1] - mean[0][0])
    below = np.maximum(levels - mean[0][-1], 0) * slope
    return np.interp(levels, mean[0], mean[1]) + below


def _skirt_weights(bare: Bare, place: np.ndarray) -> sparse.csr_matrix:
    """Hang a skirt on the pelvis above and on both legs below, softly from one side to the other."""
    share = 0.95 * step(0.0, 0.3, place[:, 1])
    left = step(-0.13, 0.13, place[:, 0])
    shin = 0.6 * step(0.36, 0.6, place[:, 1])  # below the knees it hangs rather than sticks out
    columns = np.zeros((len(place), len(bare.body.joint_names)))
    for side, own in (("left", left), ("right", 1 - left)):
        columns[:, bare.joint(f"{side}_hip")] = share * own * (1 - shin)
        columns[:, bare.joint(f"{side}_knee")] = share * own * shin
    columns[:, bare.joint("pelvis")] = 1 - share
    return sparse.csr_matrix(columns)


def _dress(bare: Bare, garment: Garment) -> list[Layer]:
    top = replace(garment, length=-1.25, ease=0.006, drape=0.0)
    return [*_top(bare, top), *_skirt(bare, garment)]


def _shoes(bare: Bare, garment: Garment) -> list[Layer]:
    return [_shoe(bare, garment, side) for side in ("left", "right")]


def _boots(bare: Bare, garment: Garment) -> list[Layer]:
    """Return shoes with shafts; `length` 0 ends above the ankle, 1 below the knee."""
    top = float(ANKLE[1] - 0.08 - garment.length * 0.24)

    def border(spots: Spots) -> Field:
        return np.where(spots.leg > 0.5, np.minimum(spots.y - top, ANKLE[1] + 0.045 - spots.y), -1.0)

    def gap(spots: Spots) -> Field:
        return 0.006 + garment.ease * step(float(ANKLE[1]), top, spots.y) + _folds(spots, garment.fabric.seed, 0.002)

    keep = bare.has("left_lower_leg", "right_lower_leg", "left_foot", "right_foot")
    piece = bare.shell(keep, border, gap, ease=10)
    return [*_shoes(bare, garment), Layer(piece, border, _sewn(garment, band=0.012), lift=0.01, creased=True)]


def _shoe(bare: Bare, garment: Garment, side: str) -> Layer:
    foot = np.unique(bare.piece.faces[bare.has(f"{side}_foot")])
    foot = foot[bare.piece.place[foot, 1] > 0.815]
    count, angles = 44, 48
    turn = np.arange(angles) * (2 * np.pi / angles)

    def ring(points: np.ndarray) -> np.ndarray:
        """Return rings from heel to toe: an upper as wide and high as the foot, over a flat sole."""
        back, toe, ground = points[:, 2].max() + 0.012, points[:, 2].min() - 0.018, points[:, 1].max()
        levels = np.linspace(back, toe, count)
        t = (levels - toe) / (back - toe)
        slope, start = np.polyfit(points[:, 2], points[:, 0], 1)
        middle = start + slope * levels
        aside = np.abs(points[:, 0] - start - slope * points[:, 2])
        near = np.abs(points[None, :, 2] - levels[:, None]) < 0.018
        half = gaussian_filter(np.where(near, aside, 0).max(1), 2.5, mode="nearest") + 0.007
        high = gaussian_filter(np.where(near, ground - points[None, :, 1], 0).max(1), 1.5, mode="nearest") + 0.008
        toe_cap, heel_cap = np.clip(1 - t / 0.3, 0, 1), np.clip((t - 0.82) / 0.18, 0, 1)
        plan = np.sqrt(np.clip(1 - toe_cap**2.2 - heel_cap**2.2, 0, 1))
        high = np.maximum(high, 0.045) * (0.35 + 0.65 * plan**0.6)
        cosine, sine = np.cos(turn), np.sin(turn)
        flat = np.where(sine > 0, 0.3, 0.75)
        x = (half * plan)[:, None] * np.sign(cosine) * np.abs(cosine) ** flat
        y = np.where(sine > 0, 0.018, high[:, None]) * np.sign(sine) * np.abs(sine) ** flat
        spread = [middle[:, None] + x, ground + y, np.repeat(levels[:, None], angles, 1)]
        return np.stack(spread, -1).reshape(-1, 3)

    rest, place = ring(bare.piece.rest[foot]), ring(bare.piece.place[foot])
    faces = tube_faces(count, angles)[:, ::-1].copy()
    columns = np.zeros((len(rest), len(bare.body.joint_names)))
    toes = 0.9 * step(-0.09, -0.15, place[:, 2])
    columns[:, bare.joint(f"{side}_ankle")] = 1 - toes
    columns[:, bare.joint(f"{side}_foot")] = toes
    piece = Piece(rest.astype(np.float32), place.astype(np.float32), faces, sparse.csr_matrix(columns))
    sole_fabric = garment.trim or garment.fabric

    def border(spots: Spots) -> Field:
        return np.full(len(spots.x), 0.1, np.float32)

    def paint(spots: Spots, inside: Field) -> Surface:
        across, along = spots.x, spots.z
        upper, sole = weave(garment.fabric, across, along), weave(sole_fabric, across, along)
        below = step(0.893, 0.895, spots.y)[:, None]
        albedo = upper.albedo * (1 - below) + sole.albedo * below
        groove = (np.abs(spots.y - 0.894) < 0.0015)[:, None]
        lace = (np.abs(np.abs(spots.x) - 0.19) < 0.018) & (spots.y < 0.872)
        lace &= (spots.z > -0.13) & (spots.z < -0.055) & (np.sin(spots.z * 480) > 0.15)
        albedo = np.where(groove, albedo * 0.5, albedo)
        albedo = np.where(lace[:, None] & (below < 0.5), linear((0.92, 0.92, 0.9)) * 0.8, albedo)
        return Surface(albedo.astype(np.float32), upper.height, np.full(len(spots.x), 0.06, np.float32))

    return Layer(piece, border, paint, cover=0.05, lift=0.004)


def _sewn(garment: Garment, *, band: float) -> Paint:
    """Return the paint of a garment with a band along its borders and a line of stitches."""
    trim = garment.trim or garment.fabric

    def paint(spots: Spots, inside: Field) -> Surface:
        across, along = cloth(spots)
        main = weave(garment.fabric, across, along)
        edge = weave(trim, across, along)
        on_band = step(band + 5e-4, band - 5e-4, inside)[:, None]
        albedo = main.albedo * (1 - on_band) + edge.albedo * on_band
        stitch = np.abs(inside - band) < 0.0011
        albedo = np.where(stitch[:, None], albedo * 0.62, albedo)
        crease = creases(spots, garment.fabric.seed)
        rib = np.where(inside < band, 5e-4 * np.sin(across * 1400), 0)
        height = main.height * (1 - on_band[:, 0]) + crease * min(garment.ease, 0.022) * 0.5 + rib
        return Surface(albedo.astype(np.float32), height.astype(np.float32), main.gloss)

    return paint


def _folds(spots: Spots, seed: int, depth: float) -> Field:
    """Return large folds: rings around sleeves and shins, slanted ones on the trunk."""
    across, along = cloth(spots)
    ring = noise(np.stack([across / 0.16, along / 0.045, 3 * spots.arm], 1), octaves=2, seed=seed + 7)
    slant = noise(np.stack([across / 0.07, (along + 0.6 * np.abs(across)) / 0.11], 1), octaves=2, seed=seed + 9)
    elbow = np.exp(-(((along_arm(spots) - UPPER_ARM) / 0.09) ** 2)) * spots.arm
    knee = (np.exp(-(((spots.y - KNEE[1]) / 0.09) ** 2)) + step(0.62, 0.8, spots.y)) * spots.leg
    limb = spots.on_arm | (spots.leg > 0.5)
    return depth * np.where(limb, ring * (0.5 + 0.9 * (elbow + knee)), slant * (0.6 + 0.6 * step(-0.35, 0.0, spots.y)))


def creases(spots: Spots, seed: int) -> Field:
    """Return small creases, denser where cloth is bent: elbows, knees, waist, armpits."""
    across, along = cloth(spots)
    warp = 0.02 * noise(np.stack([across, along], 1) / 0.06, seed=seed + 21)
    limb = noise(np.stack([(across + warp) / 0.1, (along + 0.5 * across + warp) / 0.02], 1), octaves=2, seed=seed + 22)
    trunk = noise(
        np.stack([(across + warp) / 0.035, (along + 0.5 * np.abs(across) + warp) / 0.08], 1), octaves=2, seed=seed + 23
    )
    bent = np.exp(-(((along_arm(spots) - UPPER_ARM) / 0.06) ** 2)) * spots.arm
    bent = bent + np.exp(-(((spots.y - KNEE[1]) / 0.08) ** 2)) * spots.leg
    bent = bent + (np.exp(-(((spots.y + 0.02) / 0.08) ** 2)) + 0.6 * step(0.7, 0.82, spots.y)) * (1 - spots.arm)
    ridge = 1 - np.abs(np.where(spots.on_arm | (spots.leg > 0.5), limb, trunk)) * 1.6
    return np.clip(ridge, -0.6, 1) * (0.25 + 0.75 * np.clip(bent, 0, 1))


def _limbs(bare: Bare) -> tuple[np.ndarray, np.ndarray]:
    arm, leg = limb_joints(bare.body)
    return np.asarray(bare.piece.weights @ arm), np.asarray(bare.piece.weights @ leg)


GARMENTS: dict[str, Callable[[Bare, Garment], list[Layer]]] = {
    "top": _top,
    "jacket": _jacket,
    "trousers": _trousers,
    "skirt": _skirt,
    "dress": _dress,
    "shoes": _shoes,
    "boots": _boots,
}
"""Makers of garments by kind."""
