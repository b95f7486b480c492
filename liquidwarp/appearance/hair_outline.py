"""Does hair hang below the chin in a photo, and where?"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage
from torch import Tensor

from liquidwarp.appearance.drape_tuning import HAIR_TUNING, HairTuning
from liquidwarp.appearance.skirt_outline import ARMS, PhotoPose
from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import BodyModel, Identity, Topology
from liquidwarp.geometry import project
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

SCALP, FACE, SKIN, TRUNK = (PARTS.index(name) for name in ("hair", "face", "head", "torso"))


@dataclass(frozen=True, eq=False)
class Headed:
    """A head in a photo that looks at the camera, more or less.

    Attributes:
        camera: the photo's.
        vertices: the bare body as it stands there, metres.
        head: from the crown to the chin, metres.
        crown: the top of the head, in the middle of its width and depth.
        down: unit vector from there to the chin.
        across: unit vector to the right in the picture, square to it.
        near: unit vector towards the camera, square to both.
        shoulders: how far the shoulder joints are below the crown, metres.
    """

    camera: Camera
    vertices: Float[Tensor, "V 3"]
    head: float
    crown: Float[np.ndarray, "3"]
    down: Float[np.ndarray, "3"]
    across: Float[np.ndarray, "3"]
    near: Float[np.ndarray, "3"]
    shoulders: float

    def flat(self, points: Tensor) -> Float[np.ndarray, "N 3"]:
        """Return points as (across, below the crown, near), metres."""
        away = points.double().numpy() - self.crown
        return away @ np.stack([self.across, self.down, self.near], 1)

    def placed(self, flat: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
        """Return the places of such numbers."""
        return self.crown + flat @ np.stack([self.across, self.down, self.near])


def find_head(
    body: BodyModel, identity: Identity, pose: PhotoPose, camera: Camera, *, tuning: HairTuning = HAIR_TUNING
) -> Headed | None:
    """Return the head of somebody; None where it looks aside, hangs, or is too small.

    Args:
        body: the body.
        identity: whose.
        pose: the body's in the photo.
        camera: the photo's.
        tuning: what that means.
    """
    vertices = body.vertices(identity, *pose)[0]
    part = body.topology.vertex_part.numpy()
    rotation, shift = body.transforms(identity.joints, pose.global_orient, pose.body_pose)
    turn = rotation[0, body.canonical("head")].double().numpy()
    axes = camera.turn_to_world(torch.eye(3, dtype=torch.float32)).double().numpy()
    down, forward = turn[:, 1], -turn[:, 2]
    if down @ axes[1] < tuning.plumb or -(forward @ axes[2]) < tuning.facing:
        return None
    across = axes[0] - (axes[0] @ down) * down
    across = across / np.linalg.norm(across)
    near = np.cross(across, down)
    near = near * -np.sign(near @ axes[2])
    own = vertices[torch.from_numpy(np.isin(part, (SCALP, FACE)))].double().numpy()
    flat = own @ np.stack([across, down, near], 1)
    low, high = flat.min(0), flat.max(0)
    middle = (low + high) / 2
    crown = np.stack([across, down, near], 1) @ np.array([middle[0], low[1], middle[2]])
    joints = [body.canonical(f"{side}_shoulder") for side in ("left", "right")]
    placed = (rotation[0, joints] @ identity.joints[joints][..., None])[..., 0] + shift[0, joints] + pose.transl[0]
    shoulders = float(((placed.double().numpy() - crown) @ down).mean())
    head = Headed(camera, vertices, float(high[1] - low[1]), crown, down, across, near, shoulders)
    ends = project(camera, torch.from_numpy(np.stack([crown, crown + head.head * down])).float())[:, :2]
    return head if float(torch.linalg.norm(ends[1] - ends[0])) >= tuning.least_head else None


@dataclass(frozen=True, eq=False)
class HairOutline:
    """Hair that hangs, in a photo.

    Attributes:
        below: of rows, how far they are below the crown, metres.
        outer: how far hair reaches to the left and right of the middle, metres (2, L).
        inner: where it begins there; as `outer` where none is seen.
        in_front: whether it lies before the shoulder on the left and right.
        tips: how far below the crown it ends.
        shown: where the photo shows hair.
    """

    below: Float[np.ndarray, "L"]
    outer: Float[np.ndarray, "2 L"]
    inner: Float[np.ndarray, "2 L"]
    in_front: tuple[bool, bool]
    tips: float
    shown: Bool[np.ndarray, "H W"]


def find_hair(
    head: Headed,
    topology: Topology,
    rgb: UInt8[np.ndarray, "H W 3"],
    alpha: Float[np.ndarray, "H W"],
    *,
    tuning: HairTuning = HAIR_TUNING,
) -> HairOutline | None:
    """Return hair that hangs below the chin; None of who has short hair, wears it up, or under a hat.

    It has the colours of the scalp and lies beside the neck, where the bare body has nothing.

    Args:
        head: the head.
        topology: of the body.
        rgb: the photo.
        alpha: the person in it, 1 = person.
        tuning: what hair is.
    """
    index = rasterize(head.vertices[None], topology.faces, head.camera).face_index[0].numpy()
    part = np.where(index >= 0, topology.face_part.numpy()[index.clip(0)], -1)
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    photo = _Photo(lab * np.array([tuning.brightness, 1, 1], np.float32), alpha > tuning.sure, part)
    for core in (_scalp(head, photo, tuning), _temples(head, photo, tuning)):
        if core.sum() >= tuning.few:
            found = _hanging(head, _alike(head, photo, core, tuning), part, tuning)
            if found is not None:
                return found
    return None


@dataclass(frozen=True, eq=False)
class _Photo:
    """A photo: colours in Lab with less brightness, which pixels are surely the person's, and the bare body's parts."""

    lab: np.ndarray
    sure: np.ndarray
    part: np.ndarray


def _hanging(head: Headed, shown: np.ndarray, part: np.ndarray, tuning: HairTuning) -> HairOutline | None:
    """Return the outline of hair in a photo if it hangs beside the neck."""
    below = np.linspace(0, tuning.reach * head.head, tuning.rows)
    place = np.linspace(-0.5, 0.5, tuning.columns) * tuning.across * head.head
    flat = np.stack(np.broadcast_arrays(place[None], below[:, None], 0.0), -1)
    x, y, inside = _pixels(head, flat, shown.shape)
    hair, bare = shown[y, x] & inside, np.where(inside, part[y, x], -1)
    neck = _between(below, tuning.neck, head)
    beside = hair & (bare < 0)
    pixel = place[1] - place[0]
    wide = np.stack([(beside & side).sum(1) * pixel for side in (place < 0, place > 0)])
    if (wide[:, neck] >= tuning.beside * head.head).mean(1).max() < tuning.neck_rows:
        return None
    gone = np.flatnonzero(~hair.any(1) & (below > tuning.neck[0] * head.head))
    last = float(below[gone.min(initial=len(below)) - 1])
    if last < tuning.least_long * head.head:
        return None
    on_shoulders = last > tuning.resting * head.head
    tips = max(last, head.shoulders + tuning.behind * head.head) if on_shoulders else last
    on_trunk = hair & (bare == TRUNK) & (below > tuning.resting * head.head)[:, None]
    before = [(on_trunk & side).sum(1) * pixel > tuning.beside * head.head for side in (place < 0, place > 0)]
    in_front = tuple(bool(rows.sum() * (below[1] - below[0]) > tuning.lock * head.head) for rows in before)
    outer, inner = _extent(hair, place)
    if not (np.isfinite(outer).any(1) & np.isfinite(inner).any(1)).all():
        return None  # on one side alone: what covers the other does not tell where it goes
    return HairOutline(below, outer, inner, (in_front[0], in_front[1]), tips, shown)


def _between(below: np.ndarray, ends: tuple[float, float], head: Headed) -> np.ndarray:
    return (below > ends[0] * head.head) & (below < ends[1] * head.head)


def _pixels(head: Headed, flat: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return columns and rows of the photo's pixels at places, and whether they are in it."""
    points = torch.from_numpy(head.placed(flat).reshape(-1, 3)).float()
    xy = np.floor(project(head.camera, points)[:, :2].numpy()).astype(np.int64).reshape(*flat.shape[:-1], 2)
    inside = ((xy >= 0) & (xy < np.array(shape[::-1]))).all(-1)
    return xy[..., 0].clip(0, shape[1] - 1), xy[..., 1].clip(0, shape[0] - 1), inside


def _scalp(head: Headed, photo: _Photo, tuning: HairTuning) -> Bool[np.ndarray, "H W"]:
    """Return where a photo shows the scalp."""
    scalp = (photo.part == SCALP) & photo.sure
    core = ndimage.distance_transform_edt(scalp) > max(1.0, tuning.core * _pixels_per_head(head))
    return core if core.sum() >= tuning.few else scalp


def _temples(head: Headed, photo: _Photo, tuning: HairTuning) -> Bool[np.ndarray, "H W"]:
    """Return where a photo shows something beside the face that is neither bare body nor of the colours of skin."""
    aside = np.linspace(-0.5, 0.5, tuning.columns)
    below = np.linspace(*tuning.temples, tuning.rows)
    flat = head.head * np.stack(np.broadcast_arrays(tuning.across / 2 * aside[None], below[:, None], 0.0), -1)
    found = _marked(head, flat, photo.sure.shape) & photo.sure & (photo.part < 0)
    face = photo.lab[(photo.part == FACE) & photo.sure]
    if not len(face):
        return np.zeros_like(found)
    return found & (np.linalg.norm(photo.lab - np.median(face, 0), axis=-1) > tuning.other_than_skin)


def _above_cloth(head: Headed, alike: np.ndarray, tuning: HairTuning) -> Bool[np.ndarray, "H W"]:
    """Return what lies above the row where the middle of the chest begins to look like hair, too."""
    ends = torch.from_numpy(np.stack([head.crown, head.crown + head.head * head.down])).float()
    first, last = project(head.camera, ends)[:, :2].double().numpy()
    y, x = np.indices(alike.shape) + 0.5
    way = (last - first) / ((last - first) @ (last - first))
    below = (x - first[0]) * way[0] + (y - first[1]) * way[1]
    aside = (y - first[1]) * way[0] - (x - first[0]) * way[1]
    middle = np.abs(aside) < tuning.chest_wide / 2
    rows = np.linspace(1, tuning.reach, tuning.rows)
    row = np.searchsorted(rows, below)
    count = np.bincount(row[middle], minlength=len(rows) + 1)[1:-1]
    own = np.bincount(row[middle & alike], minlength=len(rows) + 1)[1:-1]
    begun = np.flatnonzero((own > tuning.cloth_row * count) & (count > 0))
    return below < (rows[begun[0]] if len(begun) else tuning.reach)


def _marked(head: Headed, flat: np.ndarray, shape: tuple[int, ...]) -> Bool[np.ndarray, "H W"]:
    x, y, inside = _pixels(head, flat, shape)
    found = np.zeros(shape, bool)
    found[y[inside], x[inside]] = True
    return found


def _alike(head: Headed, photo: _Photo, core: np.ndarray, tuning: HairTuning) -> Bool[np.ndarray, "H W"]:
    """Return the pixels with the colours of some that are hair and hang together with them."""
    low, high = np.percentile(photo.lab[core], tuning.range, axis=0)
    low[0] -= tuning.shade

    def apart(colors: np.ndarray) -> np.ndarray:
        return np.linalg.norm(np.maximum(0, np.maximum(low - colors, colors - high)), axis=-1)

    face, chest = (photo.part == FACE) & photo.sure, _chest(head, photo, tuning)
    cloth = bool(chest.any()) and float(apart(np.median(photo.lab[chest], 0)[None])[0]) > tuning.cloth_apart
    others = [np.median(photo.lab[mask], 0) for mask, told in ((face, face.any()), (chest, cloth)) if told]
    alike = (apart(photo.lab) < tuning.alike) & photo.sure
    usual = np.linalg.norm(photo.lab - np.median(photo.lab[core], 0), axis=-1)
    for other in others:
        alike &= usual < np.linalg.norm(photo.lab - other, axis=-1)
    arms = ndimage.distance_transform_edt(~np.isin(photo.part, ARMS)) <= tuning.arm * _pixels_per_head(head)
    alike &= ~arms & (photo.part != FACE)
    alike &= (photo.part != TRUNK) | _above_cloth(head, alike, tuning)  # cloth of hair's colour may begin below skin
    labels, _ = ndimage.label(ndimage.binary_opening(alike) | core)
    own = np.unique(labels[core | (alike & _temples(head, photo, tuning))])
    return np.isin(labels, own[own > 0])


def _chest(head: Headed, photo: _Photo, tuning: HairTuning) -> Bool[np.ndarray, "H W"]:
    """Return where a photo shows the middle of the chest."""
    below, aside = np.linspace(*tuning.chest, tuning.rows), np.linspace(-1, 1, tuning.columns) * tuning.chest_wide
    flat = head.head * np.stack(np.broadcast_arrays(aside[None], below[:, None], 0.0), -1)
    return _marked(head, flat, photo.sure.shape) & (photo.part == TRUNK) & photo.sure


def _pixels_per_head(head: Headed) -> float:
    ends = torch.from_numpy(np.stack([head.crown, head.crown + head.head * head.down])).float()
    first, last = project(head.camera, ends)[:, :2]
    return float(torch.linalg.norm(last - first))


def _extent(hair: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where hair ends and begins on the left and right of the middle of each row, NaN where there is none."""
    outer, inner = [], []
    for side in (-1, 1):
        own = hair & (side * place > 0)[None]
        seen = own.any(1)
        outer.append(np.where(seen, np.where(own, np.abs(place), 0).max(1), np.nan))
        inner.append(np.where(seen, np.where(own, np.abs(place), np.inf).min(1), np.nan))
    return np.stack(outer), np.stack(inner)
