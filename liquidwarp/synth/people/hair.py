"""Hair: a cap over the scalp, and what hangs from it."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.ndimage import gaussian_filter

from liquidwarp.synth.people.body_layers import BareBody, MeshLayer, Paint
from liquidwarp.synth.people.fabrics import Material
from liquidwarp.synth.people.garment_meshes import SkinnedMesh, hull_contours, tube_faces
from liquidwarp.synth.people.surface_points import SurfacePoints
from liquidwarp.synth.procedural import Color, Field, noise, smoothstep, to_linear

_ANGLES = 120


@dataclass(frozen=True)
class HairStyle:
    """A hair style.

    Attributes:
        color: its colour in the light.
        length: how far down it hangs; 0 is short, 1 reaches the chest.
        volume: how far it stands off the scalp, metres.
        part: where it is parted, metres to the person's left.
        bun: whether it is tied up at the back.
        frizz: how much single curls stand off its outline, 0 to 1.
        seed: another seed has other strands.
    """

    color: Color
    length: float = 0.0
    volume: float = 0.014
    part: float = 0.02
    bun: bool = False
    seed: int = 0
    frizz: float = 0.0


def hair_layers(bare: BareBody, style: HairStyle) -> list[MeshLayer]:
    """Return the layers of a hair style."""
    layers = [_cap(bare, style)]
    if style.frizz > 0:
        layers += [_curls(bare, style, number) for number in range(2)]
    if style.length > 0:
        layers.append(_curtain(bare, style))
    if style.bun:
        layers.append(_bun(bare, style))
    return layers


def _hairline(points: SurfacePoints, style: HairStyle) -> Field:
    """Return how far inside of the hairline a point of the head is."""
    x = np.abs(points.x)
    forehead = -0.7395 - 0.008 * np.exp(-(((x - 0.042) / 0.016) ** 2))
    temple = smoothstep(0.05, 0.066, x)
    low = forehead * (1 - temple) + (-0.684) * temple  # sideburns
    back = smoothstep(-0.062, -0.03, points.z)
    nape = -0.588 + 0.02 * np.cos(points.x / 0.02)
    ear = points.near((0.078, -0.652, -0.032)) - 0.026
    line = low * (1 - back) + nape * back
    ragged = 0.005 * noise(
        np.stack([points.x / 0.0016, points.z / 0.0016, points.y / 0.03], 1), octaves=2, seed=style.seed + 5
    )
    return np.minimum(line - points.y, ear) + ragged


def _cap(bare: BareBody, style: HairStyle) -> MeshLayer:
    def border(points: SurfacePoints) -> Field:
        return _hairline(points, style)

    def gap(points: SurfacePoints) -> Field:
        inside = _hairline(points, style)
        top = smoothstep(-0.70, -0.77, points.y)
        tuft = noise(points.position / np.array([0.02, 0.02, 0.05]), octaves=2, seed=style.seed + 6)
        grown = smoothstep(-0.002, 0.03, inside) * (0.45 + 0.55 * top)
        seam = np.exp(-(((points.x - style.part) / 0.006) ** 2)) * smoothstep(-0.73, -0.75, points.y) * (points.z < 0)
        return 0.002 + style.volume * grown * (1 + 0.3 * tuft) * (1 - 0.45 * seam)

    mesh = bare.shell(bare.has("head", "face", "hair"), border, gap, ease=6, margin=0.02)
    return MeshLayer(mesh, border, _strands(style), cover=None, lift=0.003)


def _curls(bare: BareBody, style: HairStyle, number: int) -> MeshLayer:
    """Return locks with gaps between them, a little outside of the hair below."""
    further = (0.005 + 0.012 * style.frizz) * (number + 1)

    def border(points: SurfacePoints) -> Field:
        size = 0.012 + 0.008 * number
        curl = noise(points.position / size, octaves=2, seed=style.seed + 60 + number)
        return np.minimum(0.02 * (curl - 0.05 - 0.12 * number), _hairline(points, style) - 0.008)

    def gap(points: SurfacePoints) -> Field:
        grown = smoothstep(-0.002, 0.03, _hairline(points, style)) * (0.45 + 0.55 * smoothstep(-0.70, -0.77, points.y))
        return 0.002 + style.volume * grown + further

    mesh = bare.shell(bare.has("head", "face", "hair"), border, gap, ease=6, margin=0.0)
    return MeshLayer(mesh, border, _strands(style), cover=None, lift=0.0)


def _head(bare: BareBody, points: np.ndarray) -> np.ndarray:
    part = np.unique(bare.mesh.faces[bare.has("face", "hair")])
    return points[part]


def _curtain(bare: BareBody, style: HairStyle) -> MeshLayer:
    """Hang hair from the crown down both sides and the back."""
    bottom = -0.60 + 0.26 * style.length
    levels = np.linspace(-0.775, bottom, 48)
    turn = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    wave = noise(
        np.stack([np.tile(np.cos(turn) * 7, 48), np.repeat(levels / 0.06, _ANGLES), np.tile(np.sin(turn) * 7, 48)], 1),
        octaves=2,
        seed=style.seed + 8,
    ).reshape(48, _ANGLES)

    def ring(points: np.ndarray) -> np.ndarray:
        head = _head(bare, points)
        top, chin = head[:, 1].min(), head[:, 1].max()
        scale = (chin - top) / 0.2175
        own = top + (levels + 0.793) * scale
        middle = np.tile([0.0, -0.035 * scale], (len(levels), 1))
        radius = hull_contours(
            head[:, [0, 2]], head[:, 1], np.minimum(own, top + 0.115 * scale), middle, 0.012, _ANGLES
        )
        hang = smoothstep(-0.68, -0.45, levels)[:, None]
        radius = radius * (1 + 0.12 * hang) + style.volume * (1.0 + 0.7 * hang)
        radius = gaussian_filter(radius, (1.5, 1.0), mode=("nearest", "wrap")) * (1 + 0.035 * wave * (0.3 + hang))
        back = 0.03 * smoothstep(-0.62, -0.5, levels)[:, None] * np.clip(np.sin(turn), 0, 1)
        x, z = radius * np.cos(turn), -0.035 * scale + radius * np.sin(turn) + back
        return np.stack([x, np.repeat(own[:, None], _ANGLES, 1), z], -1).reshape(-1, 3)

    rest, template = ring(bare.mesh.rest), ring(bare.mesh.template)
    columns = np.zeros((len(rest), len(bare.body.joint_names)))
    down = 0.75 * smoothstep(-0.60, -0.42, template[:, 1])
    columns[:, bare.joint("head")] = 1 - down
    columns[:, bare.joint("spine3")] = down
    mesh = SkinnedMesh(
        rest.astype(np.float32),
        template.astype(np.float32),
        tube_faces(len(levels), _ANGLES)[:, ::-1].copy(),
        sparse.csr_matrix(columns),
    )

    def border(points: SurfacePoints) -> Field:
        strands = noise(
            np.stack([np.arctan2(points.x, points.z) / 0.03, points.y / 0.3], 1), octaves=2, seed=style.seed
        )
        angle = np.arctan2(np.abs(points.x), -(points.z + 0.035))  # 0 in front
        opening = 0.35 + 0.95 * smoothstep(-0.765, -0.70, points.y) + 0.2 * smoothstep(-0.66, -0.6, points.y)
        opening = np.where(points.y < -0.752, -1.0, opening)
        tips = bottom - 0.012 + 0.012 * strands - points.y
        return np.minimum(0.08 * (angle - opening + 0.03 * strands), tips)

    def loose(points: SurfacePoints) -> Field:
        return 0.8 * smoothstep(-0.63, -0.42, points.y)

    return MeshLayer(mesh, border, _strands(style), cover=None, lift=0.004, loose=loose)


def _bun(bare: BareBody, style: HairStyle) -> MeshLayer:
    count, angles = 24, 48
    down = np.linspace(0, np.pi, count)[:, None]
    turn = np.arange(angles) * (2 * np.pi / angles)
    radius = 0.038 * (1 + 0.05 * np.sin(5 * turn + 3 * down))
    ball = np.stack(
        [
            radius * np.sin(down) * np.cos(turn),
            -radius * np.cos(down) * np.ones_like(turn),
            radius * np.sin(down) * np.sin(turn),
        ],
        -1,
    ).reshape(-1, 3)

    def at(points: np.ndarray) -> np.ndarray:
        head = _head(bare, points)
        middle = np.array([0.0, head[:, 1].min() + 0.025, head[:, 2].max() + 0.008])
        return (ball + middle).astype(np.float32)

    columns = np.zeros((len(ball), len(bare.body.joint_names)))
    columns[:, bare.joint("head")] = 1
    faces = tube_faces(count, angles)[:, ::-1].copy()
    mesh = SkinnedMesh(at(bare.mesh.rest), at(bare.mesh.template), faces, sparse.csr_matrix(columns))
    return MeshLayer(mesh, lambda points: np.ones(len(points.x), np.float32), _strands(style), cover=None, lift=0.0)


def _strands(style: HairStyle) -> Paint:
    """Return the paint of hair that runs from the parting down all sides."""

    def paint(points: SurfacePoints, inside: Field) -> Material:
        x, y, z = points.x - style.part, points.y, points.z + 0.035
        hanging = np.stack([0.09 * np.arctan2(points.x, z + 1e-6), 0.03 * y], 1)
        combed = np.stack([0.09 * np.arctan2(y + 0.69, -z), 0.06 * x], 1)
        over = smoothstep(-0.715, -0.755, y)

        def strands(size: float, octaves: int, seed: int) -> Field:
            down = noise(hanging / size, octaves=octaves, seed=style.seed + seed)
            sideways = noise(combed / size, octaves=octaves, seed=style.seed + seed + 1)
            return down * (1 - over) + sideways * over

        fine, locks = strands(0.0014, 2, 11), strands(0.008, 2, 13)
        parting = np.exp(-((x / 0.0022) ** 2)) * smoothstep(-0.755, -0.765, y) * (points.z < 0.01)
        tone = np.clip(0.78 + 0.22 * fine + 0.40 * locks, 0.2, None) * (1 - 0.6 * parting)
        tone = tone * (0.62 + 0.38 * smoothstep(-0.002, 0.018, inside))
        albedo = to_linear(style.color) * tone[:, None]
        height = 2.5e-4 * fine + 1.6e-3 * locks
        return Material(albedo.astype(np.float32), height.astype(np.float32), np.full(len(x), 0.10, np.float32))

    return paint
