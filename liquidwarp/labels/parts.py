"""Maps of the body's parts, as DensePose's pictures show them, from our own mesh.

Güler et al., "DensePose: Dense Human Pose Estimation in the Wild" (CVPR 2018), cut the body into 24 parts, each with
coordinates (u, v) of its own. Parts and channels here mean what they do there. Where inside a part a coordinate lies
follows a rule of ours, since their charts belong to another mesh: v runs along a part from the trunk outwards (of trunk
and head: from the top down), u around it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import max_pool2d

from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.parts import PARTS
from liquidwarp.devices import moved
from liquidwarp.raster import pixel_normals
from liquidwarp.types import Camera, Fragments

PART_COUNT = 24
PART_GROUPS = (
    (0,),
    (1, 2),
    (3, 4),
    (5, 6),
    (7, 8, 9, 10),
    (11, 12, 13, 14),
    (15, 16, 17, 18),
    (19, 20, 21, 22),
    (23, 24),
)
"""Parts that losses look at together; the first is the background, the last the head."""

_HEAD = PART_GROUPS[-1]
AROUND = 15
"""Pixels to which each one of the body is widened in the foreground, in windows 512 pixels high."""

_LIMBS = {  # of ours: (joint where it begins, where it ends; None: the part's own middle), back and front, or whole
    "left_upper_leg": ("left_hip", "left_knee", (8, 10)),
    "right_upper_leg": ("right_hip", "right_knee", (7, 9)),
    "left_lower_leg": ("left_knee", "left_ankle", (12, 14)),
    "right_lower_leg": ("right_knee", "right_ankle", (11, 13)),
    "left_upper_arm": ("left_shoulder", "left_elbow", (15, 17)),
    "right_upper_arm": ("right_shoulder", "right_elbow", (16, 18)),
    "left_lower_arm": ("left_elbow", "left_wrist", (19, 21)),
    "right_lower_arm": ("right_elbow", "right_wrist", (20, 22)),
    "left_hand": ("left_wrist", None, (4,)),
    "right_hand": ("right_wrist", None, (3,)),
    "left_foot": ("left_ankle", None, (5,)),
    "right_foot": ("right_ankle", None, (6,)),
}
_TRUNK = (1, 2)
_FRONT, _UP, _LEFT = (np.array(axis) for axis in ((0.0, 0.0, -1.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0)))


@dataclass(frozen=True, eq=False)
class PartChart:
    """Which of DensePose's parts each face of a body is of, and where in it the face's corners lie.

    Attributes:
        part: 1 to 24.
        corners: u and v in [0, 1].
    """

    part: Int[Tensor, "F"]
    corners: Float[Tensor, "F 3 2"]

    def to(self, device: torch.device | str) -> "PartChart":
        """Return the chart on another device."""
        return moved(self, device)


def part_chart(body: BodyModel) -> PartChart:
    """Cut a body into DensePose's parts; limbs and trunk have a front and a back, the head a right and a left half."""
    identity = body.identity(torch.zeros(body.num_betas, dtype=torch.float32))
    faces = body.topology.faces.long().cpu().numpy()
    places = identity.vertices.cpu().numpy().astype(np.float64)[faces]
    joints = identity.joints.cpu().numpy().astype(np.float64)
    label = body.topology.face_part.cpu().numpy()
    part, corners = np.zeros(len(faces), np.int64), np.zeros((len(faces), 3, 2))

    def fill(own: np.ndarray, start: np.ndarray, axis: np.ndarray, front: np.ndarray, numbers: tuple[int, ...]) -> None:
        part[own], corners[own] = _cut(places[own], start, axis, front, numbers)

    for name, (begin, end, numbers) in _LIMBS.items():
        own = label == PARTS.index(name)
        start = joints[body.canonical(begin)]
        goal = places[own].mean((0, 1)) if end is None else joints[body.canonical(end)]
        fill(own, start, goal - start, _UP if name.endswith("foot") else _FRONT, numbers)
    trunk = label == PARTS.index("torso")
    fill(trunk, places[trunk].mean((0, 1)), -_UP, _FRONT, _TRUNK)
    head = part == 0
    fill(head, places[head].mean((0, 1)), -_UP, _LEFT, _HEAD)
    return PartChart(torch.from_numpy(part), torch.from_numpy(corners.astype(np.float32))).to(
        body.topology.faces.device
    )


def part_map(chart: PartChart, fragments: Fragments) -> Float[Tensor, "3 H W"]:
    """Return v, u and the part of each pixel of the first picture, in [0, 255] and whole, 0 where there is no body.

    That is the order in which few-shot vid2vid reads DensePose's pictures.
    """
    face, hit = fragments.face_index[0].long().clamp(min=0), fragments.mask[0]
    uv = (chart.corners[face] * fragments.bary[0][..., None]).sum(2)
    u, v = (255 * uv.clamp(0, 1)).round().unbind(2)
    return torch.where(hit, torch.stack([v, u, chart.part[face].to(u)]), 0.0)


def strict_label(
    parts: Float[Tensor, "3 H W"], drawing: Float[Tensor, "3 H W"], *, face: bool = False
) -> Float[Tensor, "6 H W"]:
    """Return few-shot vid2vid's label: the map of parts and the drawing of the skeleton, in [-1, 1].

    Args:
        parts: from `part_map`.
        drawing: of the skeleton, in [0, 255].
        face: leave the head in the map; both published trainings take it out of what is to be drawn.
    """
    number = parts[2:]
    body = torch.cat([parts[:2] / 127.5 - 1, number / (PART_COUNT / 2) - 1])
    if not face:
        body = torch.where((number == _HEAD[0]) | (number == _HEAD[1]), -1.0, body)
    return torch.cat([body, drawing / 127.5 - 1])


def mesh_label(
    parts: Float[Tensor, "3 H W"],
    fragments: Fragments,
    vertices: Float[Tensor, "V 3"],
    faces: Int[Tensor, "F 3"],
    camera: Camera,
) -> Float[Tensor, "6 H W"]:
    """Return the mesh-enriched label: the map of parts as in `strict_label`, head and all, and the body's normals."""
    normals = pixel_normals(fragments, vertices[None], faces, camera)[0]
    return torch.cat([parts[:2] / 127.5 - 1, parts[2:] / (PART_COUNT / 2) - 1, normals])


def foreground_of(parts: Float[Tensor, "B H W"], *, around: int = AROUND) -> Float[Tensor, "B 1 H W"]:
    """Return 1 on the body and some pixels around it.

    Args:
        parts: DensePose's part of each pixel, 0 for the background.
        around: side of the square that each pixel of the body is widened to; odd.
    """
    return (max_pool2d(parts[:, None], around, 1, around // 2) > 0).to(parts)


def part_numbers(label: Float[Tensor, "*B 6 H W"]) -> Float[Tensor, "*B H W"]:
    """Return the part of each pixel of a label, 0 for the background."""
    return ((label[..., 2, :, :] + 1) * (PART_COUNT / 2)).round()


def _cut(
    places: np.ndarray, start: np.ndarray, axis: np.ndarray, front: np.ndarray, numbers: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return parts and corners of faces around an axis.

    Args:
        places: of the faces' corners, (F, 3, 3).
        start: where the axis begins.
        axis: its direction.
        front: what lies in front of it.
        numbers: of the half behind and the half in front, or of the whole.
    """
    axis = axis / np.linalg.norm(axis)
    front = front - axis * (front @ axis)
    front /= np.linalg.norm(front)
    aside = np.cross(axis, front)
    apart = places - start
    angle = np.arctan2(apart @ aside, apart @ front)
    middle = apart.mean(1)
    own = np.arctan2(middle @ aside, middle @ front)
    angle = own[:, None] + _wrapped(angle - own[:, None])
    along = apart @ axis
    v = (along - along.min()) / np.ptp(along)
    if len(numbers) == 1:
        return np.full(len(places), numbers[0]), np.stack([(angle / (2 * np.pi) + 0.5).clip(0, 1), v], 2)
    ahead = np.abs(own) < np.pi / 2
    turned = np.where(ahead[:, None], angle, own[:, None] + (angle - own[:, None]) - np.sign(own)[:, None] * np.pi)
    u = (turned / np.pi + 0.5).clip(0, 1)
    return np.where(ahead, numbers[1], numbers[0]), np.stack([u, v], 2)


def _wrapped(angle: np.ndarray) -> np.ndarray:
    return (angle + np.pi) % (2 * np.pi) - np.pi
