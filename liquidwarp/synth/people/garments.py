"""Garments, cut from the body's surface or drawn as tubes around it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse
from scipy.ndimage import gaussian_filter

from liquidwarp.checks import check_choice
from liquidwarp.synth.people.body_layers import BareBody, MeshLayer, Paint, limb_joints
from liquidwarp.synth.people.fabrics import Fabric, Material, weave
from liquidwarp.synth.people.garment_meshes import SkinnedMesh, hull_contours, tube_faces
from liquidwarp.synth.people.surface_points import ANKLE, ARM, KNEE, UPPER_ARM, SurfacePoints
from liquidwarp.synth.procedural import Field, noise, smoothstep, to_linear


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


def garment_layers(bare: BareBody, garment: Garment) -> list[MeshLayer]:
    """Return the layers of a garment on a person, inner ones first."""
    check_choice("garment", garment.kind, GARMENTS)
    return GARMENTS[garment.kind](bare, garment)


def _top(bare: BareBody, garment: Garment) -> list[MeshLayer]:
    hem = 0.09 * garment.length
    cuff = garment.sleeve * (ARM + 0.005)

    def border(points: SurfacePoints) -> Field:
        neck = np.minimum(points.near((0.0, -0.553, -0.03)) - garment.neck, points.y + 0.52)
        sleeve = cuff - points.arm_length
        return np.where(points.on_arm, np.minimum(sleeve, neck), np.minimum(hem - points.y, neck))

    def gap(points: SurfacePoints) -> Field:
        sleeve = smoothstep(0.03, 0.14, points.arm_length) * points.arm
        loose = garment.ease * (0.55 + 0.9 * smoothstep(-0.3, 0.0, points.y) * (1 - points.arm) + 1.6 * sleeve)
        return loose + _folds(points, garment.fabric.seed, 0.35 * garment.ease + 0.002)

    keep = bare.has("torso", "left_upper_arm", "right_upper_arm", "left_lower_arm", "right_lower_arm")
    keep |= bare.has("left_upper_leg", "right_upper_leg", "head", "left_hand", "right_hand")
    mesh = bare.shell(keep, border, gap, ease=60, drape=garment.drape)

    def loose(points: SurfacePoints) -> Field:
        sleeve = smoothstep(0.1, 0.3, points.arm_length) * points.arm
        return (0.7 * smoothstep(-0.25, 0.08, points.y) * (1 - points.arm) + 0.5 * sleeve) * _slack(garment)

    return [MeshLayer(mesh, border, _closed(garment), lift=0.02, loose=loose, creased=True)]


def _closed(garment: Garment) -> Paint:
    """Return the paint of a top with what closes it in front."""
    sewn = _sewn(garment, band=0.018)
    check_choice("front", garment.front, ("plain", "buttons", "zip"))
    if garment.front == "plain":
        return sewn
    trim = to_linear((garment.trim or garment.fabric).color)

    def paint(points: SurfacePoints, inside: Field) -> Material:
        material = sewn(points, inside)
        before = (points.z < 0) & ~points.on_arm
        along = (points.y / 0.075) % 1.0 - 0.5
        if garment.front == "zip":
            mark, color = before & (np.abs(points.x) < 0.006), 0.4 * trim
        else:
            mark, color = before & (np.hypot(points.x, 0.075 * along) < 0.007), 0.3 + 0.4 * trim
        seam = before & (np.abs(np.abs(points.x) - 0.016) < 0.0016)
        albedo = np.where(seam[:, None], material.albedo * 0.6, material.albedo)
        return Material(np.where(mark[:, None], color, albedo).astype(np.float32), material.height, material.gloss)

    return paint


def _slack(garment: Garment) -> float:
    """Return how freely a garment moves, 0 to 1, from how loose it is."""
    return float(np.clip((garment.ease - 0.003) / 0.02, 0.0, 1.0))


def _jacket(bare: BareBody, garment: Garment) -> list[MeshLayer]:
    hem = 0.02 + 0.09 * garment.length

    def opening(points: SurfacePoints) -> Field:
        """Return the half width of the open front, wider towards the collar."""
        return 0.03 + 0.045 * smoothstep(-0.2, -0.47, points.y) + 0.03 * smoothstep(-0.05, 0.1, points.y)

    def border(points: SurfacePoints) -> Field:
        neck = np.minimum(points.near((0.0, -0.57, -0.02)) - garment.neck, points.y + 0.545)
        sleeve = garment.sleeve * (ARM + 0.01) - points.arm_length
        front = np.where(points.z < -0.01, np.abs(points.x) - opening(points), 1.0)
        trunk = np.minimum(np.minimum(hem - points.y, neck), front)
        return np.where(points.on_arm, np.minimum(sleeve, neck), trunk)

    def gap(points: SurfacePoints) -> Field:
        sleeve = smoothstep(0.03, 0.14, points.arm_length) * points.arm
        loose = garment.ease * (0.8 + 0.7 * smoothstep(-0.25, 0.0, points.y) * (1 - points.arm) + 0.5 * sleeve)
        return loose + _folds(points, garment.fabric.seed, 0.006)

    keep = bare.has("torso", "left_upper_arm", "right_upper_arm", "left_lower_arm", "right_lower_arm")
    keep |= bare.has("left_upper_leg", "right_upper_leg", "head", "left_hand", "right_hand")
    mesh = bare.shell(keep, border, gap, ease=60, drape=garment.drape)
    sewn = _sewn(garment, band=0.022)

    def paint(points: SurfacePoints, inside: Field) -> Material:
        material = sewn(points, inside)
        pocket = (np.abs(np.abs(points.x) - 0.105 + 0.25 * (points.y + 0.05)) < 0.0022) & (
            np.abs(points.y + 0.06) < 0.05
        )
        seam = pocket & ~points.on_arm & (points.z < 0)
        return Material(
            np.where(seam[:, None], material.albedo * 0.35, material.albedo), material.height, material.gloss
        )

    def loose(points: SurfacePoints) -> Field:
        return (
            0.8 * smoothstep(-0.3, 0.1, points.y) * (1 - points.arm)
            + 0.3 * smoothstep(0.1, 0.4, points.arm_length) * points.arm
        )

    return [MeshLayer(mesh, border, paint, cover=0.05, lift=0.02, loose=loose, creased=True)]


def _trousers(bare: BareBody, garment: Garment) -> list[MeshLayer]:
    waist = -0.075
    cuff = float(KNEE[1] - 0.18 + garment.length * (ANKLE[1] + 0.02 - KNEE[1] + 0.18))

    def border(points: SurfacePoints) -> Field:
        return np.where(points.on_arm, -1.0, np.minimum(points.y - waist, cuff - points.y))

    def gap(points: SurfacePoints) -> Field:
        loose = (
            0.006 + garment.ease * smoothstep(0.0, 0.35, points.y) + 0.6 * garment.ease * smoothstep(0.5, 0.8, points.y)
        )
        return loose + _folds(points, garment.fabric.seed, 0.3 * garment.ease + 0.002)

    keep = bare.has("torso", "lower", "left_foot", "right_foot")
    mesh = bare.shell(keep, border, gap, ease=16)
    sewn = _sewn(garment, band=0.016)

    def paint(points: SurfacePoints, inside: Field) -> Material:
        material = sewn(points, inside)
        fly = (np.abs(points.x) < 0.0022) & (points.y < 0.06) & (points.z < 0)
        pocket = np.abs(np.hypot(np.abs(points.x) - 0.175, (points.y + 0.045) * 0.8) - 0.075) < 0.0018
        pocket &= (points.z < 0) & (points.y > -0.05)
        dark = (fly | pocket)[:, None]
        return Material(np.where(dark, material.albedo * 0.5, material.albedo), material.height, material.gloss)

    def loose(points: SurfacePoints) -> Field:
        return 0.8 * smoothstep(0.15, 0.8, points.y) * _slack(garment)

    return [MeshLayer(mesh, border, paint, lift=0.01, loose=loose, creased=True)]


_ANGLES = 144


def _skirt(bare: BareBody, garment: Garment) -> list[MeshLayer]:
    top, bottom = -0.13, 0.12 + 0.6 * garment.length
    levels = np.linspace(top, bottom, 40)
    trunk = bare.has("torso", "lower")
    used = np.unique(bare.mesh.faces[trunk])
    arm, _ = _limbs(bare)
    used = used[arm[used] < 0.3]
    turn = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    down = (levels - top) / (bottom - top)
    pleat = 1 + 0.055 * smoothstep(0.1, 1.0, down)[:, None] * np.sin(
        9 * turn + 1.3 * np.sin(2 * turn) + 2 * down[:, None]
    )
    flare = (0.004 + garment.ease * (0.4 * smoothstep(0.0, 0.3, down) + 4.0 * down**1.5))[:, None]

    def ring(points: np.ndarray) -> np.ndarray:
        middle = np.zeros((len(levels), 2))
        own = _own_heights(bare, points, levels)
        radius = hull_contours(points[:, [0, 2]], points[:, 1], own, middle, 0.03, _ANGLES)
        hip = levels < 0.04
        radius[~hip] = np.maximum(radius[~hip], 0.96 * radius[hip][-1])
        radius = gaussian_filter(radius, (1.5, 2), mode=("nearest", "wrap")) * pleat + flare
        return np.stack([radius * np.cos(turn), np.repeat(own[:, None], _ANGLES, 1), radius * np.sin(turn)], -1)

    used = used[bare.mesh.template[used, 1] > -0.3]
    rest, template = ring(bare.mesh.rest[used]), ring(bare.mesh.template[used])
    faces = tube_faces(len(levels), _ANGLES)[:, ::-1].copy()
    weights = _skirt_weights(bare, template.reshape(-1, 3))
    mesh = SkinnedMesh(
        rest.reshape(-1, 3).astype(np.float32), template.reshape(-1, 3).astype(np.float32), faces, weights
    )

    def border(points: SurfacePoints) -> Field:
        return np.minimum(points.y - top, bottom - points.y)

    sewn = _sewn(garment, band=0.012)

    def paint(points: SurfacePoints, inside: Field) -> Material:
        return sewn(SurfacePoints(points.position, np.zeros_like(points.arm), np.zeros_like(points.leg)), inside)

    def loose(points: SurfacePoints) -> Field:
        return smoothstep(0.02, 0.6, points.y)

    return [MeshLayer(mesh, border, paint, cover=None, lift=0.03, loose=loose, drapes=True)]


def _own_heights(bare: BareBody, points: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return where heights on the average body are on the body whose trunk and leg vertices are `points`."""
    arm, _ = _limbs(bare)
    used = np.unique(bare.mesh.faces[bare.has("torso", "lower")])
    used = used[arm[used] < 0.3]
    template = bare.mesh.template[used[bare.mesh.template[used, 1] > -0.3], 1]
    cell = np.round((template - template.min()) / 0.03).astype(int)
    count = np.maximum(np.bincount(cell), 1)
    known = np.bincount(cell) > 0
    mean = [np.bincount(cell, values)[known] / count[known] for values in (template, points[:, 1])]
    slope = (mean[1][-1] - mean[1][0]) / (mean[0][-1] - mean[0][0])
    below = np.maximum(levels - mean[0][-1], 0) * slope
    return np.interp(levels, mean[0], mean[1]) + below


def _skirt_weights(bare: BareBody, template: np.ndarray) -> sparse.csr_matrix:
    """Hang a skirt on the pelvis above and on both legs below, softly from one side to the other."""
    weight = 0.95 * smoothstep(0.0, 0.3, template[:, 1])
    left = smoothstep(-0.13, 0.13, template[:, 0])
    shin = 0.6 * smoothstep(0.36, 0.6, template[:, 1])  # below the knees it hangs rather than sticks out
    columns = np.zeros((len(template), len(bare.body.joint_names)))
    for side, own in (("left", left), ("right", 1 - left)):
        columns[:, bare.joint(f"{side}_hip")] = weight * own * (1 - shin)
        columns[:, bare.joint(f"{side}_knee")] = weight * own * shin
    columns[:, bare.joint("pelvis")] = 1 - weight
    return sparse.csr_matrix(columns)


def _dress(bare: BareBody, garment: Garment) -> list[MeshLayer]:
    top = replace(garment, length=-1.25, ease=0.006, drape=0.0)
    return [*_top(bare, top), *_skirt(bare, garment)]


def _shoes(bare: BareBody, garment: Garment) -> list[MeshLayer]:
    return [_shoe(bare, garment, side) for side in ("left", "right")]


def _boots(bare: BareBody, garment: Garment) -> list[MeshLayer]:
    """Return shoes with shafts; `length` 0 ends above the ankle, 1 below the knee."""
    top = float(ANKLE[1] - 0.08 - garment.length * 0.24)

    def border(points: SurfacePoints) -> Field:
        return np.where(points.leg > 0.5, np.minimum(points.y - top, ANKLE[1] + 0.045 - points.y), -1.0)

    def gap(points: SurfacePoints) -> Field:
        return (
            0.006
            + garment.ease * smoothstep(float(ANKLE[1]), top, points.y)
            + _folds(points, garment.fabric.seed, 0.002)
        )

    keep = bare.has("left_lower_leg", "right_lower_leg", "left_foot", "right_foot")
    mesh = bare.shell(keep, border, gap, ease=10)
    return [*_shoes(bare, garment), MeshLayer(mesh, border, _sewn(garment, band=0.012), lift=0.01, creased=True)]


def _shoe(bare: BareBody, garment: Garment, side: str) -> MeshLayer:
    foot = np.unique(bare.mesh.faces[bare.has(f"{side}_foot")])
    foot = foot[bare.mesh.template[foot, 1] > 0.815]
    count, angles = 44, 48
    turn = np.arange(angles) * (2 * np.pi / angles)

    def ring(points: np.ndarray) -> np.ndarray:
        """Return rings from heel to toe: an upper as wide and high as the foot, over a flat sole."""
        back, toe, floor = points[:, 2].max() + 0.012, points[:, 2].min() - 0.018, points[:, 1].max()
        levels = np.linspace(back, toe, count)
        t = (levels - toe) / (back - toe)
        slope, start = np.polyfit(points[:, 2], points[:, 0], 1)
        middle = start + slope * levels
        aside = np.abs(points[:, 0] - start - slope * points[:, 2])
        near = np.abs(points[None, :, 2] - levels[:, None]) < 0.018
        half = gaussian_filter(np.where(near, aside, 0).max(1), 2.5, mode="nearest") + 0.007
        high = gaussian_filter(np.where(near, floor - points[None, :, 1], 0).max(1), 1.5, mode="nearest") + 0.008
        toe_cap, heel_cap = np.clip(1 - t / 0.3, 0, 1), np.clip((t - 0.82) / 0.18, 0, 1)
        plan = np.sqrt(np.clip(1 - toe_cap**2.2 - heel_cap**2.2, 0, 1))
        high = np.maximum(high, 0.045) * (0.35 + 0.65 * plan**0.6)
        cosine, sine = np.cos(turn), np.sin(turn)
        flat = np.where(sine > 0, 0.3, 0.75)
        x = (half * plan)[:, None] * np.sign(cosine) * np.abs(cosine) ** flat
        y = np.where(sine > 0, 0.018, high[:, None]) * np.sign(sine) * np.abs(sine) ** flat
        spread = [middle[:, None] + x, floor + y, np.repeat(levels[:, None], angles, 1)]
        return np.stack(spread, -1).reshape(-1, 3)

    rest, template = ring(bare.mesh.rest[foot]), ring(bare.mesh.template[foot])
    faces = tube_faces(count, angles)[:, ::-1].copy()
    columns = np.zeros((len(rest), len(bare.body.joint_names)))
    toes = 0.9 * smoothstep(-0.09, -0.15, template[:, 2])
    columns[:, bare.joint(f"{side}_ankle")] = 1 - toes
    columns[:, bare.joint(f"{side}_foot")] = toes
    mesh = SkinnedMesh(rest.astype(np.float32), template.astype(np.float32), faces, sparse.csr_matrix(columns))
    sole_fabric = garment.trim or garment.fabric

    def border(points: SurfacePoints) -> Field:
        return np.full(len(points.x), 0.1, np.float32)

    def paint(points: SurfacePoints, inside: Field) -> Material:
        across, along = points.x, points.z
        upper, sole = weave(garment.fabric, across, along), weave(sole_fabric, across, along)
        below = smoothstep(0.893, 0.895, points.y)[:, None]
        albedo = upper.albedo * (1 - below) + sole.albedo * below
        groove = (np.abs(points.y - 0.894) < 0.0015)[:, None]
        lace = (np.abs(np.abs(points.x) - 0.19) < 0.018) & (points.y < 0.872)
        lace &= (points.z > -0.13) & (points.z < -0.055) & (np.sin(points.z * 480) > 0.15)
        albedo = np.where(groove, albedo * 0.5, albedo)
        albedo = np.where(lace[:, None] & (below < 0.5), to_linear((0.92, 0.92, 0.9)) * 0.8, albedo)
        return Material(albedo.astype(np.float32), upper.height, np.full(len(points.x), 0.06, np.float32))

    return MeshLayer(mesh, border, paint, cover=0.05, lift=0.004)


def _sewn(garment: Garment, *, band: float) -> Paint:
    """Return the paint of a garment with a band along its borders and a line of stitches."""
    trim = garment.trim or garment.fabric

    def paint(points: SurfacePoints, inside: Field) -> Material:
        across, along = points.cloth_coordinates
        main = weave(garment.fabric, across, along)
        edge = weave(trim, across, along)
        on_band = smoothstep(band + 5e-4, band - 5e-4, inside)[:, None]
        albedo = main.albedo * (1 - on_band) + edge.albedo * on_band
        stitch = np.abs(inside - band) < 0.0011
        albedo = np.where(stitch[:, None], albedo * 0.62, albedo)
        crease = creases(points, garment.fabric.seed)
        rib = np.where(inside < band, 5e-4 * np.sin(across * 1400), 0)
        height = main.height * (1 - on_band[:, 0]) + crease * min(garment.ease, 0.022) * 0.5 + rib
        return Material(albedo.astype(np.float32), height.astype(np.float32), main.gloss)

    return paint


def _folds(points: SurfacePoints, seed: int, depth: float) -> Field:
    """Return large folds: rings around sleeves and shins, slanted ones on the trunk."""
    across, along = points.cloth_coordinates
    ring = noise(np.stack([across / 0.16, along / 0.045, 3 * points.arm], 1), octaves=2, seed=seed + 7)
    slant = noise(np.stack([across / 0.07, (along + 0.6 * np.abs(across)) / 0.11], 1), octaves=2, seed=seed + 9)
    elbow = np.exp(-(((points.arm_length - UPPER_ARM) / 0.09) ** 2)) * points.arm
    knee = (np.exp(-(((points.y - KNEE[1]) / 0.09) ** 2)) + smoothstep(0.62, 0.8, points.y)) * points.leg
    limb = points.on_arm | (points.leg > 0.5)
    return depth * np.where(
        limb, ring * (0.5 + 0.9 * (elbow + knee)), slant * (0.6 + 0.6 * smoothstep(-0.35, 0.0, points.y))
    )


def creases(points: SurfacePoints, seed: int) -> Field:
    """Return small creases, denser where cloth is bent: elbows, knees, waist, armpits."""
    across, along = points.cloth_coordinates
    warp = 0.02 * noise(np.stack([across, along], 1) / 0.06, seed=seed + 21)
    limb = noise(np.stack([(across + warp) / 0.1, (along + 0.5 * across + warp) / 0.02], 1), octaves=2, seed=seed + 22)
    trunk = noise(
        np.stack([(across + warp) / 0.035, (along + 0.5 * np.abs(across) + warp) / 0.08], 1), octaves=2, seed=seed + 23
    )
    bent = np.exp(-(((points.arm_length - UPPER_ARM) / 0.06) ** 2)) * points.arm
    bent = bent + np.exp(-(((points.y - KNEE[1]) / 0.08) ** 2)) * points.leg
    bent = bent + (np.exp(-(((points.y + 0.02) / 0.08) ** 2)) + 0.6 * smoothstep(0.7, 0.82, points.y)) * (
        1 - points.arm
    )
    ridge = 1 - np.abs(np.where(points.on_arm | (points.leg > 0.5), limb, trunk)) * 1.6
    return np.clip(ridge, -0.6, 1) * (0.25 + 0.75 * np.clip(bent, 0, 1))


def _limbs(bare: BareBody) -> tuple[np.ndarray, np.ndarray]:
    arm, leg = limb_joints(bare.body)
    return np.asarray(bare.mesh.weights @ arm), np.asarray(bare.mesh.weights @ leg)


GARMENTS: dict[str, Callable[[BareBody, Garment], list[MeshLayer]]] = {
    "top": _top,
    "jacket": _jacket,
    "trousers": _trousers,
    "skirt": _skirt,
    "dress": _dress,
    "shoes": _shoes,
    "boots": _boots,
}
"""Makers of garments by kind."""
