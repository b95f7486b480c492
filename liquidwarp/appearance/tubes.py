"""The body as tubes: trunk, head, arms and legs, each unrolled around its axis.

A photo lays surface out as the camera sees it, which leaves no room for what looks aside, and a level hem is no level
line in it. Unrolled, a side is as wide as a front, and what runs level around a limb is a row.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree
from torch import Tensor

from liquidwarp.appearance.layers import HAIR, HEAD, LAYER_GROUPS, TORSO, UPPER_LEGS
from liquidwarp.appearance.tuning import TUBE_TUNING, TubeTuning
from liquidwarp.mesh import smooth_over_surface
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera, Fragments

_NAMES = tuple(names[0] for names in LAYER_GROUPS)
_TOUCH = 1e-6  # metres
_NEAR = 0.02  # metres within which parts that do not touch are joined
_DEPTH = 10.0  # metres from which the radius is taken, so that the outermost surface is the nearest
_LEAST_TURN = 16  # columns


@dataclass(frozen=True, eq=False)
class Tube:
    """A part of the surface, unrolled around an axis that may bend at joints.

    Convention: pixels of its chart, x around and y along the axis, origin at the top-left corner. The middle column
    faces the camera.

    Attributes:
        is_head: whether it is the head's.
        faces: indices of its N faces, and of those of others beside the seam.
        own: which of them are its own.
        part: how much of their corners is the tube's: the seam is smooth, which faces are not.
        corners: where their corners lie in the chart.
        radius: distance of the corners from the axis, metres.
        size: (height, width) of the chart; all but the margins at both ends is one turn.
        margin: columns of each margin, which repeat the other end for faces that straddle it.
    """

    is_head: bool
    faces: Int[np.ndarray, "N"]
    own: Bool[np.ndarray, "N"]
    part: Float[np.ndarray, "N 3"]
    corners: Float[np.ndarray, "N 3 2"]
    radius: Float[np.ndarray, "N 3"]
    size: tuple[int, int]
    margin: int

    @property
    def turn(self) -> int:
        """Columns of one turn."""
        return self.size[1] - 2 * self.margin

    def fragments(self, faces: Bool[np.ndarray, "N"]) -> Fragments:
        """Rasterise one turn of the chart; a face's index is its place among the tube's.

        Args:
            faces: which of the tube's are drawn.
        """
        chosen = np.flatnonzero(faces)
        turns = np.repeat(np.array([-1, 0, 1], np.float32) * self.turn, len(chosen))
        corners = np.tile(self.corners[chosen], (3, 1, 1))
        x = corners[..., 0] + turns[:, None] - self.margin
        points = np.stack([x, corners[..., 1], _DEPTH - np.tile(self.radius[chosen], (3, 1))], -1)
        triangles = torch.arange(3 * len(points), dtype=torch.int32).reshape(-1, 3)
        camera = Camera.create(1.0, (self.size[0], self.turn), (0.0, 0.0), orthographic=True)
        drawn = rasterize(torch.from_numpy(points.reshape(1, -1, 3).astype(np.float32)), triangles, camera)
        index = drawn.face_index
        place = torch.from_numpy(np.append(np.tile(chosen, 3), -1)).to(index)
        return Fragments(place[index.long()], drawn.bary, drawn.depth)


def tubes_of(
    faces: Int[np.ndarray, "F 3"],
    face_group: Int[np.ndarray, "F"],
    vertices: Float[Tensor, "V 3"],
    camera: Camera,
    scale: float,
    *,
    tuning: TubeTuning = TUBE_TUNING,
) -> list[Tube]:
    """Unroll what a body has of trunk, head, arms and legs; hands belong to none, and feet to legs.

    Args:
        faces: of the mesh.
        face_group: layer group of each face.
        vertices: of the body as it stands in the photo.
        camera: of the photo.
        scale: pixels of a chart per metre.
        tuning: how axes bend, and which hips are one with the trunk.
    """
    points = vertices.double().numpy()
    of_group = [np.unique(faces[face_group == group]) for group in range(len(LAYER_GROUPS))]
    tube_of = np.full(len(faces), -1)
    paths: list[np.ndarray] = []

    def add(groups: tuple[int, ...], joints: list[np.ndarray | None]) -> None:
        path = [joint for joint in joints if joint is not None]
        if len(path) == len(joints) and min(np.linalg.norm(np.diff(path, axis=0), axis=1)) > _NEAR:
            tube_of[np.isin(face_group, groups)] = len(paths)
            paths.append(np.array(path))

    def joint(first: int, second: int) -> np.ndarray | None:
        return _joint(points, of_group[first], of_group[second])

    crown = of_group[HAIR] if len(of_group[HAIR]) else of_group[HEAD]  # the face would tilt the axis forward
    neck, hips = joint(TORSO, HEAD), [joint(TORSO, leg) for leg in UPPER_LEGS]
    hip_center = None if hips[0] is None or hips[1] is None else (hips[0] + hips[1]) / 2
    add((TORSO,), [neck, hip_center])
    add((HEAD, HAIR), [neck, points[crown].mean(0) if len(crown) else None])
    for side in ("left", "right"):
        upper, lower, hand = (_NAMES.index(f"{side}_{part}") for part in ("upper_arm", "lower_arm", "hand"))
        add((upper, lower), [joint(TORSO, upper), joint(upper, lower), joint(lower, hand)])
        upper, lower, foot = (_NAMES.index(f"{side}_{part}") for part in ("upper_leg", "lower_leg", "foot"))
        add((upper, lower, foot), [joint(TORSO, upper), joint(upper, lower), joint(lower, foot)])
    if (tube_of[face_group == TORSO] == 0).any():
        _join_hips(tube_of, faces, face_group, points, paths, tuning)
    tubes = []
    for number, path in enumerate(paths):
        is_head = bool(np.isin(face_group[tube_of == number], (HEAD, HAIR)).any())
        tubes.append(_unrolled(is_head, tube_of == number, faces, points, path, camera, scale, tuning))
    return tubes


def _joint(points: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray | None:
    """Return the middle of where two sets of vertices touch, or of where they are nearest; None if one is empty."""
    if not len(first) or not len(second):
        return None
    shared = np.intersect1d(first, second)
    if len(shared):
        return points[shared].mean(0)
    ends = []
    for own, other in ((first, second), (second, first)):
        distance = cKDTree(points[other]).query(points[own])[0]
        ends.append(points[own[distance <= distance.min() + _NEAR]].mean(0))
    return (ends[0] + ends[1]) / 2


def _join_hips(
    tube_of: np.ndarray,
    faces: np.ndarray,
    face_group: np.ndarray,
    points: np.ndarray,
    paths: list[np.ndarray],
    tuning: TubeTuning,
) -> None:
    """Give what lies beside the lower end of the trunk, of thighs that go on straight, to the trunk."""
    start, end = paths[0]
    down = (end - start) / np.linalg.norm(end - start)
    along = (points[faces].mean(1) - start) @ down
    crotch = along[face_group == TORSO].max()
    for leg in UPPER_LEGS:
        mine = face_group == leg
        if not mine.any() or tube_of[mine][0] < 0:
            continue
        hip, knee = paths[tube_of[mine][0]][:2]
        if (knee - hip) @ down > tuning.straight * np.linalg.norm(knee - hip):
            tube_of[mine & (along < crotch)] = 0


def _unrolled(
    is_head: bool,
    mine: np.ndarray,
    faces: np.ndarray,
    points: np.ndarray,
    path: np.ndarray,
    camera: Camera,
    scale: float,
    tuning: TubeTuning,
) -> Tube:
    used = np.unique(faces[mine])
    part = np.zeros(len(points))
    part[used] = 1
    part[np.unique(faces[~mine])] -= 0.5
    part = smooth_over_surface(part.clip(0), faces, steps=tuning.seam_steps)
    part = np.clip((part - 0.5) * tuning.seam + 0.5, 0, 1)[faces]
    members = np.flatnonzero(mine | (part > 0).any(1))
    own = mine[members]
    used, local = np.unique(faces[members], return_inverse=True)
    triangles = local.reshape(-1, 3)
    along, center, axis = _along(points[used], path, tuning.bend)
    forward = -camera.toward(torch.from_numpy(center).float()).double().numpy()
    forward = _unit(forward - (forward * axis).sum(1, keepdims=True) * axis)
    off = points[used] - center
    off -= (off * axis).sum(1, keepdims=True) * axis
    angle = np.arctan2((off * np.cross(axis, forward)).sum(1), (off * forward).sum(1))[triangles]
    radius, along = np.linalg.norm(off, axis=1)[triangles], along[triangles]

    turn = max(_LEAST_TURN, round(2 * np.pi * float(np.quantile(radius[own], tuning.girth)) * scale))
    margin = max(1, round(tuning.margin * turn))
    # Angles of a face are told from that of its corner farthest from the axis, where they mean most.
    outer = np.take_along_axis(angle, radius.argmax(1)[:, None], 1)
    around = outer + (angle - outer + np.pi) % (2 * np.pi) - np.pi
    around -= 2 * np.pi * np.floor((around.mean(1, keepdims=True) + np.pi) / (2 * np.pi))
    low, high = along[own].min(), along[own].max()
    corners = np.stack([margin + (around + np.pi) / (2 * np.pi) * turn, (along - low) * scale], -1)
    size = (max(2, int(np.ceil((high - low) * scale))), turn + 2 * margin)
    single = np.float32
    return Tube(
        is_head, members, own, part[members].astype(single), corners.astype(single), radius.astype(single), size, margin
    )


def _along(points: np.ndarray, path: np.ndarray, bend: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of points how far along a path they lie (metres), the place on it there, and its direction there.

    The path's ends go on straight; at joints the direction turns smoothly.
    """
    steps = np.diff(path, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    directions = steps / lengths[:, None]
    before = np.append(0, np.cumsum(lengths))
    low, high = np.zeros(len(steps)), lengths.copy()
    low[0], high[-1] = -np.inf, np.inf
    on = np.clip(np.einsum("psc,sc->ps", points[:, None] - path[:-1], directions), low, high)
    places = path[:-1] + on[..., None] * directions
    nearest = np.linalg.norm(points[:, None] - places, axis=-1).argmin(1)
    rows = np.arange(len(points))
    along = (before[:-1] + on)[rows, nearest]
    axis = np.broadcast_to(directions[0], points.shape)
    for number in range(1, len(steps)):
        width = bend * min(lengths[number - 1], lengths[number])
        part = np.clip((along - before[number]) / (2 * width) + 0.5, 0, 1)
        part = (part * part * (3 - 2 * part))[:, None]
        axis = (1 - part) * axis + part * directions[number]
    return along, places[rows, nearest], _unit(axis)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
