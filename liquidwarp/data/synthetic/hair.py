"""Hair: a cap over the scalp, and what hangs from it."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.ndimage import gaussian_filter

from liquidwarp.data.synthetic.fabrics import Color, Surface, linear
from liquidwarp.data.synthetic.layers import Bare, Layer, Paint
from liquidwarp.data.synthetic.noise import noise
from liquidwarp.data.synthetic.pieces import Piece, hull_contours, tube_faces
from liquidwarp.data.synthetic.spots import Field, Spots, step

_ANGLES = 120


@dataclass(frozen=True)
class Hair:
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


def hair(bare: Bare, style: Hair) -> list[Layer]:
    """Return the layers of a hair style."""
    layers = [_cap(bare, style)]
    if style.frizz > 0:
        layers += [_curls(bare, style, number) for number in range(2)]
    if style.length > 0:
        layers.append(_curtain(bare, style))
    if style.bun:
        layers.append(_bun(bare, style))
    return layers


def _hairline(spots: Spots, style: Hair) -> Field:
    """Return how far inside of the hairline a point of the head is."""
    x = np.abs(spots.x)
    forehead = -0.7395 - 0.008 * np.exp(-(((x - 0.042) / 0.016) ** 2))
    temple = step(0.05, 0.066, x)
    low = forehead * (1 - temple) + (-0.684) * temple  # sideburns
    back = step(-0.062, -0.03, spots.z)
    nape = -0.588 + 0.02 * np.cos(spots.x / 0.02)
    ear = spots.near((0.078, -0.652, -0.032)) - 0.026
    line = low * (1 - back) + nape * back
    ragged = 0.005 * noise(
        np.stack([spots.x / 0.0016, spots.z / 0.0016, spots.y / 0.03], 1), octaves=2, seed=style.seed + 5
    )
    return np.minimum(line - spots.y, ear) + ragged


def _cap(bare: Bare, style: Hair) -> Layer:
    def border(spots: Spots) -> Field:
        return _hairline(spots, style)

    def gap(spots: Spots) -> Field:
        inside = _hairline(spots, style)
        top = step(-0.70, -0.77, spots.y)
        tuft = noise(spots.place / np.array([0.02, 0.02, 0.05]), octaves=2, seed=style.seed + 6)
        grown = step(-0.002, 0.03, inside) * (0.45 + 0.55 * top)
        seam = np.exp(-(((spots.x - style.part) / 0.006) ** 2)) * step(-0.73, -0.75, spots.y) * (spots.z < 0)
        return 0.002 + style.volume * grown * (1 + 0.3 * tuft) * (1 - 0.45 * seam)

    piece = bare.shell(bare.has("head", "face", "hair"), border, gap, ease=6, margin=0.02)
    return Layer(piece, border, _strands(style), cover=None, lift=0.003)


def _curls(bare: Bare, style: Hair, number: int) -> Layer:
    """Return locks with gaps between them, a little outside of the hair below."""
    further = (0.005 + 0.012 * style.frizz) * (number + 1)

    def border(spots: Spots) -> Field:
        size = 0.012 + 0.008 * number
        curl = noise(spots.place / size, octaves=2, seed=style.seed + 60 + number)
        return np.minimum(0.02 * (curl - 0.05 - 0.12 * number), _hairline(spots, style) - 0.008)

    def gap(spots: Spots) -> Field:
        grown = step(-0.002, 0.03, _hairline(spots, style)) * (0.45 + 0.55 * step(-0.70, -0.77, spots.y))
        return 0.002 + style.volume * grown + further

    piece = bare.shell(bare.has("head", "face", "hair"), border, gap, ease=6, margin=0.0)
    return Layer(piece, border, _strands(style), cover=None, lift=0.0)


def _head(bare: Bare, points: np.ndarray) -> np.ndarray:
    part = np.unique(bare.piece.faces[bare.has("face", "hair")])
    return points[part]


def _curtain(bare: Bare, style: Hair) -> Layer:
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
        hang = step(-0.68, -0.45, levels)[:, None]
        radius = radius * (1 + 0.12 * hang) + style.volume * (1.0 + 0.7 * hang)
        radius = gaussian_filter(radius, (1.5, 1.0), mode=("nearest", "wrap")) * (1 + 0.035 * wave * (0.3 + hang))
        back = 0.03 * step(-0.62, -0.5, levels)[:, None] * np.clip(np.sin(turn), 0, 1)
        x, z = radius * np.cos(turn), -0.035 * scale + radius * np.sin(turn) + back
        return np.stack([x, np.repeat(own[:, None], _ANGLES, 1), z], -1).reshape(-1, 3)

    rest, place = ring(bare.piece.rest), ring(bare.piece.place)
    columns = np.zeros((len(rest), len(bare.body.joint_names)))
    down = 0.75 * step(-0.60, -0.42, place[:, 1])
    columns[:, bare.joint("head")] = 1 - down
    columns[:, bare.joint("spine3")] = down
    piece = Piece(
        rest.astype(np.float32),
        place.astype(np.float32),
        tube_faces(len(levels), _ANGLES)[:, ::-1].copy(),
        sparse.csr_matrix(columns),
    )

    def border(spots: Spots) -> Field:
        strands = noise(np.stack([np.arctan2(spots.x, spots.z) / 0.03, spots.y / 0.3], 1), octaves=2, seed=style.seed)
        angle = np.arctan2(np.abs(spots.x), -(spots.z + 0.035))  # 0 in front
        opening = 0.35 + 0.95 * step(-0.765, -0.70, spots.y) + 0.2 * step(-0.66, -0.6, spots.y)
        opening = np.where(spots.y < -0.752, -1.0, opening)
        tips = bottom - 0.012 + 0.012 * strands - spots.y
        return np.minimum(0.08 * (angle - opening + 0.03 * strands), tips)

    def loose(spots: Spots) -> Field:
        return 0.8 * step(-0.63, -0.42, spots.y)

    return Layer(piece, border, _strands(style), cover=None, lift=0.004, loose=loose)


def _bun(bare: Bare, style: Hair) -> Layer:
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
    piece = Piece(at(bare.piece.rest), at(bare.piece.place), faces, sparse.csr_matrix(columns))
    return Layer(piece, lambda spots: np.ones(len(spots.x), np.float32), _strands(style), cover=None, lift=0.0)


def _strands(style: Hair) -> Paint:
    """Return the paint of hair that runs from the parting down all sides."""

    def paint(spots: Spots, inside: Field) -> Surface:
        x, y, z = spots.x - style.part, spots.y, spots.z + 0.035
        hanging = np.stack([0.09 * np.arctan2(spots.x, z + 1e-6), 0.03 * y], 1)
        combed = np.stack([0.09 * np.arctan2(y + 0.69, -z), 0.06 * x], 1)
        over = step(-0.715, -0.755, y)

        def strands(size: float, octaves: int, seed: int) -> Field:
            down = noise(hanging / size, octaves=octaves, seed=style.seed + seed)
            sideways = noise(combed / size, octaves=octaves, seed=style.seed + seed + 1)
            return down * (1 - over) + sideways * over

        fine, locks = strands(0.0014, 2, 11), strands(0.008, 2, 13)
        parting = np.exp(-((x / 0.0022) ** 2)) * step(-0.755, -0.765, y) * (spots.z < 0.01)
        tone = np.clip(0.78 + 0.22 * fine + 0.40 * locks, 0.2, None) * (1 - 0.6 * parting)
        tone = tone * (0.62 + 0.38 * step(-0.002, 0.018, inside))
        albedo = linear(style.color) * tone[:, None]
        height = 2.5e-4 * fine + 1.6e-3 * locks
        return Surface(albedo.astype(np.float32), height.astype(np.float32), np.full(len(x), 0.10, np.float32))

    return paint
