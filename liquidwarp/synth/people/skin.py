"""Skin and faces, painted by places on the average body."""

from dataclasses import dataclass

import numpy as np

from liquidwarp.synth.people.body_layers import BareBody, MeshLayer
from liquidwarp.synth.people.fabrics import Material
from liquidwarp.synth.people.surface_points import SurfacePoints
from liquidwarp.synth.procedural import Color, Field, noise, smoothstep, to_linear

_EYE = (0.0303, -0.6815)  # middle of the opening of the left eye, seen from the front
_IRIS = 0.0059


@dataclass(frozen=True)
class Complexion:
    """Colours of a person.

    Attributes:
        skin: skin in the light.
        lips: lips.
        eyes: irises.
        brows: eyebrows.
        makeup: darkness of lashes and lids, 0 to 1.
        stubble: shadow of a beard, 0 to 1.
    """

    skin: Color
    lips: Color
    eyes: Color
    brows: Color
    makeup: float = 0.2
    stubble: float = 0.0


def skin_layer(bare: BareBody, complexion: Complexion, *, fine: bool = True) -> MeshLayer:
    """Return the person's own surface as the innermost layer, with four faces for each of the body's if `fine`."""

    def border(points: SurfacePoints) -> Field:
        return np.ones(len(points.x), np.float32)

    def paint(points: SurfacePoints, inside: Field) -> Material:
        return paint_skin(points, complexion)

    return MeshLayer(bare.mesh.refined() if fine else bare.mesh, border, paint, cover=None, lift=0.0)


def paint_skin(points: SurfacePoints, complexion: Complexion) -> Material:
    """Return skin, with a face on the front of the head."""
    position = points.position
    mottle = noise(position / 0.035, octaves=3, seed=3)
    pores = noise(position / 0.0025, octaves=2, seed=4)
    albedo = to_linear(complexion.skin) * (1 + 0.07 * mottle + 0.04 * pores)[:, None]
    red = to_linear((0.78, 0.28, 0.22)) * to_linear(complexion.skin).mean() * 2.2
    albedo = _mix(albedo, red, 0.22 * _warm(points) + 0.04 * mottle)
    height = 6e-5 * pores
    gloss = np.full(len(position), 0.05, np.float32)
    front = (points.y < -0.5) & (points.z < -0.02)
    if front.any():
        face = SurfacePoints(position[front], points.arm[front], points.leg[front])
        albedo[front], gloss[front] = _face(face, albedo[front], complexion)
    return Material(albedo.astype(np.float32), height.astype(np.float32), gloss)


def _warm(points: SurfacePoints) -> Field:
    """Return where blood shows: cheeks, nose, ears, knuckles, elbows, knees."""
    cheeks = np.exp(-(points.near((0.038, -0.648, -0.12), (0.02, 0.016, 0.03)) ** 2))
    nose = np.exp(-(points.near((0.0, -0.65, -0.15), (0.016, 0.013, 0.03)) ** 2))
    ears = np.exp(-(points.near((0.078, -0.66, -0.04), (0.012, 0.03, 0.03)) ** 2))
    hands = np.exp(-(points.near((0.51, -0.07, -0.26), (0.06, 0.07, 0.08)) ** 2))
    knees = np.exp(-(points.near((0.145, 0.39, -0.07), (0.05, 0.05, 0.05)) ** 2))
    elbows = np.exp(-(points.near((0.37, -0.25, 0.02), (0.05, 0.05, 0.04)) ** 2))
    return cheeks + nose * 0.7 + ears + 0.6 * hands + 0.6 * knees + 0.5 * elbows


def _face(points: SurfacePoints, albedo: np.ndarray, complexion: Complexion) -> tuple[np.ndarray, np.ndarray]:
    x, y, z = np.abs(points.x), points.y, points.z
    gloss = np.full(len(x), 0.06, np.float32)
    if complexion.stubble:
        beard = smoothstep(-0.648, -0.628, y) * smoothstep(-0.56, -0.58, y) * smoothstep(-0.02, -0.05, z)
        beard *= 1 - np.exp(-(((y + 0.606) / 0.011) ** 2 + (x / 0.024) ** 2))
        grain = 0.75 + 0.5 * noise(points.position / 0.0013, octaves=2, seed=31)
        albedo = _mix(albedo, to_linear(complexion.brows), 0.55 * complexion.stubble * beard * np.clip(grain, 0, 1))
    albedo = _mix(albedo, albedo * np.array([0.7, 0.55, 0.5]), 0.5 * _lids(x, y, z) * (0.5 + complexion.makeup))
    albedo = _mix(albedo, to_linear(complexion.brows), _brow(points))
    lips = _lips(x, y, z)
    tone = 1 + 0.12 * noise(np.stack([points.x / 0.0012, y / 0.02], 1), seed=33)
    albedo = _mix(albedo, to_linear(complexion.lips) * tone[:, None], lips * 0.85)
    mouth = np.exp(-(((y + 0.6130 + 0.0022 * (x / 0.0235) ** 2) / 0.0011) ** 2)) * smoothstep(0.0255, 0.021, x)
    albedo = _mix(albedo, to_linear((0.16, 0.05, 0.05)), 0.9 * mouth * (z < -0.09))
    nostril = np.exp(-(((x - 0.0085) / 0.0042) ** 2 + ((y + 0.6385) / 0.0026) ** 2))
    albedo = _mix(albedo, to_linear((0.13, 0.05, 0.04)), 0.85 * nostril * (z < -0.1))
    fold = (
        np.exp(-(((x - 0.020 - 0.35 * (y + 0.645)) / 0.0022) ** 2))
        * smoothstep(-0.652, -0.64, y)
        * smoothstep(-0.612, -0.622, y)
    )
    albedo = _mix(albedo, albedo * 0.75, 0.35 * fold)
    eye = _opening(x, y, z)
    albedo = _mix(albedo, _eyeball(x, y, points.x, complexion), eye)
    lash = _lash(x, y, z)
    albedo = _mix(albedo, to_linear((0.05, 0.03, 0.03)), np.clip(lash * (0.6 + 0.4 * complexion.makeup), 0, 1))
    return albedo, gloss + 0.12 * lips + 0.25 * eye


def _opening(x: Field, y: Field, z: Field) -> Field:
    """Return 1 where the eyeball shows: the opening between the lids."""
    upper, lower = _lid_lines(x)
    inside = np.minimum(y - upper, lower - y)
    return smoothstep(-2e-4, 2e-4, inside) * (z < -0.1) * (np.abs(x - _EYE[0]) < 0.0145)


def _lid_lines(x: Field) -> tuple[Field, Field]:
    t = np.clip((x - _EYE[0]) / 0.0135, -1, 1)
    tilt = 0.0006 * t
    return _EYE[1] - 0.0041 * (1 - np.abs(t) ** 2.2) - tilt, _EYE[1] + 0.0039 * (1 - np.abs(t) ** 2.0) - tilt


def _eyeball(x: Field, y: Field, signed_x: Field, complexion: Complexion) -> np.ndarray:
    radius = np.hypot(x - _EYE[0] + 0.0003, y - _EYE[1] + 0.0006)
    white = np.broadcast_to(to_linear((0.86, 0.83, 0.81)), (len(x), 3))
    shade = 1 - 0.5 * smoothstep(0.006, 0.0135, np.abs(x - _EYE[0])) - 0.35 * smoothstep(-0.002, -0.006, y - _EYE[1])
    color = white * shade[:, None]
    rays = 1 + 0.25 * noise(np.stack([np.arctan2(y - _EYE[1], x - _EYE[0]) * 4, radius / 0.004], 1), seed=41)
    iris = to_linear(complexion.eyes) * (rays * (1.15 - 0.75 * smoothstep(0.6 * _IRIS, _IRIS, radius)))[:, None]
    color = _mix(color, iris, smoothstep(_IRIS + 3e-4, _IRIS - 3e-4, radius))
    color = _mix(color, to_linear((0.02, 0.02, 0.02)), smoothstep(0.0026, 0.0021, radius))
    side = np.where(signed_x > 0, 1.0, -1.0)
    glint = np.hypot((x - _EYE[0]) * side + 0.0017, y - _EYE[1] + 0.0022)
    return _mix(color, np.full(3, 1.6, np.float32), smoothstep(0.0014, 0.0009, glint))


def _lash(x: Field, y: Field, z: Field) -> Field:
    upper, lower = _lid_lines(x)
    near = (np.abs(x - _EYE[0]) < 0.0155) & (z < -0.1)
    top = np.exp(-(((y - upper + 0.0004) / 0.0011) ** 2))
    low = 0.35 * np.exp(-(((y - lower - 0.0002) / 0.0007) ** 2)) * smoothstep(0.02, 0.036, x)
    return (top + low) * near * smoothstep(0.0158, 0.0135, np.abs(x - _EYE[0]))


def _lids(x: Field, y: Field, z: Field) -> Field:
    """Return the shadow of the eye socket and the crease above the lid."""
    socket = np.exp(-(((x - 0.029) / 0.017) ** 2 + ((y - _EYE[1] + 0.003) / 0.0095) ** 2))
    upper, _ = _lid_lines(x)
    crease = np.exp(-(((y - upper + 0.0042) / 0.0009) ** 2)) * smoothstep(0.017, 0.012, np.abs(x - _EYE[0]))
    return (0.7 * socket + 0.8 * crease) * (z < -0.09)


def _brow(points: SurfacePoints) -> Field:
    x, y = np.abs(points.x), points.y
    t = np.clip((x - 0.012) / 0.040, 0, 1)
    line = -0.6955 - 0.0062 * np.sin(np.pi * np.clip(t * 0.72 + 0.06, 0, 1)) + 0.004 * t**3
    width = 0.0036 * (1 - 0.75 * t**1.6)
    hairs = noise(np.stack([(x - 0.7 * y) / 0.0011, (y + 0.5 * x) / 0.006, np.sign(points.x)], 1), octaves=2, seed=37)
    shape = (
        smoothstep(width + 8e-4, width * 0.3, np.abs(y - line))
        * smoothstep(0.009, 0.014, x)
        * smoothstep(0.056, 0.05, x)
    )
    return np.clip(shape * (0.78 + 0.45 * hairs), 0, 1) * (points.z < -0.08)


def _lips(x: Field, y: Field, z: Field) -> Field:
    t = np.clip(x / 0.0245, 0, 1)
    bow = -0.6205 - 0.0012 * np.exp(-(((x - 0.006) / 0.0035) ** 2)) + 0.0056 * t**1.8
    floor = -0.6038 - 0.0108 * t**2.2
    return smoothstep(-5e-4, 8e-4, np.minimum(y - bow, floor - y)) * smoothstep(0.0248, 0.0235, x) * (z < -0.09)


def _mix(base: np.ndarray, over: np.ndarray, weight: Field) -> np.ndarray:
    return base + np.clip(weight, 0, None)[:, None] * (over - base)
