"""Whoever drives is registered on their own surface: what a clip shows of it is found again in every frame.

The texture is made of a few of the clip's own frames. Where the rendering of the fitted pose has a point of it and
where the frame shows that point differ; what of this a change of pose explains goes into the track. Only the track
changes, and nobody else's pictures are looked at.

Convention: pixels as `Camera`; flow leads from the rendering to the frame, (x, y).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from liquidwarp.appearance import Appearance, Observation, appearance_from_observations, render_surface
from liquidwarp.appearance.layers import SEEN
from liquidwarp.bodies import BodyModel, Identity
from liquidwarp.detect import ClipDetection
from liquidwarp.errors import InputError
from liquidwarp.fit import FitTuning, FitWeights, SurfaceTerm, Term, TrackedPoints, refine_with_masks
from liquidwarp.fit.masks import joint_influence
from liquidwarp.fit.tuning import FIT_TUNING, FIT_WEIGHTS, SurfaceTuning
from liquidwarp.geometry import project
from liquidwarp.parallel import pool_map, thread_count
from liquidwarp.raster import interpolate_at, rasterize
from liquidwarp.types import BodyTrack, Camera

_SMALLEST = 16  # pixels: a look with a shorter side shows nothing
_TRUNK = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")


def register_surface(
    body: BodyModel,
    found: ClipDetection,
    track: BodyTrack,
    frames: Iterable[UInt8[np.ndarray, "H W 3"]],
    *,
    offsets: Float[Tensor, "V 3"] | None = None,
    terms: Sequence[Term] = (),
    weights: FitWeights = FIT_WEIGHTS,
    tuning: FitTuning = FIT_TUNING,
) -> BodyTrack:
    """Correct the poses of a track such that the person's own surface lies where the frames show it.

    All that `refine_with_masks` knows counts as well. Plain cloth, nobody, or another number of frames than the track
    has leave poses where that finds them.

    Args:
        body: the track's body.
        found: what the detector saw, with masks.
        track: from `refine_with_masks`; nearer to the truth once its feet are planted.
        frames: the clip's pictures; read once, and kept small.
        offsets: clothes and hair on the resting body.
        terms: what else to add to the cost, as in `fit_track`.
        weights: how much each of the fit's own terms counts; `surface` is that of the registration.
        tuning: its numbers are in `tuning.surface`.

    Raises:
        InputError: the frames have another size than the track's camera.
    """
    if found.masks is None or weights.surface == 0 or len(track) < 2:
        return track
    numbers, shape = tuning.surface, body.identity(track.betas)
    mesh = _Mesh(body, shape, offsets, joint_influence(body, shape))
    masks = found.masks
    looks = [
        take_look(
            _fitting(frame, track.camera),
            masks.frame(index, track.camera.size),
            track.camera,
            mesh.posed(track, index),
            tuning=numbers,
        )
        for index, frame in enumerate(frames)
        if index < len(track)
    ]
    for _ in range(numbers.rounds if looks else 0):
        seen = see_surface(mesh, track, looks, tuning=numbers)
        if not bool(seen.sure.any()):
            break
        term = SurfaceTerm.create(body, track, seen, weight=weights.surface, tuning=numbers)
        track = refine_with_masks(
            body,
            found.keypoints,
            track,
            masks,
            offsets=offsets,
            rounds=numbers.steps,
            terms=(*terms, term),
            weights=weights,
            tuning=tuning,
        ).track
    return track


def _fitting(frame: UInt8[np.ndarray, "H W 3"], camera: Camera) -> UInt8[np.ndarray, "H W 3"]:
    if frame.shape[:2] != camera.size:
        (height, width), (wanted_height, wanted_width) = frame.shape[:2], camera.size
        raise InputError(
            f"pictures of {width}x{height} for a track of {wanted_width}x{wanted_height}; give the clip detected"
        )
    return frame


@dataclass(frozen=True, eq=False)
class _Mesh:
    """A dressed body, and what moves its vertices."""

    body: BodyModel
    identity: Identity
    offsets: Float[Tensor, "V 3"] | None
    influence: Float[Tensor, "V J"]

    @torch.no_grad()
    def posed(self, track: BodyTrack, index: int) -> Float[Tensor, "V 3"]:
        """Return the vertices as the body stands in a frame."""
        pose = track[index]
        return self.body.vertices(self.identity, pose.global_orient, pose.body_pose, pose.transl, offsets=self.offsets)[
            0
        ]


@dataclass(frozen=True, eq=False)
class Look:
    """The part of a frame that shows the person, grey and small.

    Attributes:
        gray: the part.
        mask: where it shows the person.
        camera: of the part.
        corner: its top-left corner in the frame, (x, y).
        scale: pixels of the frame per pixel of the part, (x, y).
    """

    gray: UInt8[np.ndarray, "h w"]
    mask: Bool[np.ndarray, "h w"]
    camera: Camera
    corner: Float[np.ndarray, "2"]
    scale: Float[np.ndarray, "2"]


def take_look(
    frame: UInt8[np.ndarray, "H W 3"],
    mask: Float[Tensor, "H W"],
    camera: Camera,
    vertices: Float[Tensor, "V 3"],
    *,
    tuning: SurfaceTuning = FIT_TUNING.surface,
) -> Look | None:
    """Cut the part of a frame that shows a posed body; None where that is out of the picture."""
    height, width = camera.size
    xy = project(camera, vertices)[:, :2].numpy()
    pad = tuning.margin * float(np.ptp(xy, axis=0).max())
    left, top = np.floor(xy.min(0) - pad).clip(0, (width, height)).astype(int).tolist()
    right, bottom = np.ceil(xy.max(0) + pad).clip(0, (width, height)).astype(int).tolist()
    box = (bottom - top, right - left)
    shrink = min(1.0, tuning.side / max(1, *box))
    size = (round(box[0] * shrink), round(box[1] * shrink))
    if min(size) < _SMALLEST:
        return None
    part = (slice(top, bottom), slice(left, right))
    gray = cv2.cvtColor(np.ascontiguousarray(frame[part]), cv2.COLOR_RGB2GRAY)
    shown = np.ascontiguousarray(mask.numpy()[part])
    small, person = (cv2.resize(one, size[::-1], interpolation=cv2.INTER_AREA) for one in (gray, shown))
    seen = camera.cropped((left, top), box).resized(size)
    corner, scale = np.array([left, top], np.float64), np.array([box[1] / size[1], box[0] / size[0]])
    return Look(small, person > 0.5, seen, corner, scale)


def see_surface(
    mesh: _Mesh, track: BodyTrack, looks: Sequence[Look | None], *, tuning: SurfaceTuning = FIT_TUNING.surface
) -> TrackedPoints:
    """Find points of the surface again in all frames."""
    observations = []
    for index in upright_views(mesh.body, track[: len(looks)], tuning.views):
        look = looks[index]
        if look is not None:
            rgb, alpha = np.repeat(look.gray[..., None], 3, axis=-1), look.mask.astype(np.float32)
            observations.append(Observation(rgb, alpha, look.camera, mesh.posed(track, index)))
    texture = appearance_from_observations(mesh.body.topology, observations) if observations else None

    def seek(index: int) -> tuple[Tensor, ...] | None:
        look = looks[index]
        if look is None or texture is None:
            return None
        return find_points(texture, mesh, mesh.posed(track, index), look, tuning=tuning)

    rows = [*pool_map(seek, range(len(looks)), workers=thread_count()), *[None] * (len(track) - len(looks))]
    most = max((len(row[0]) for row in rows if row is not None), default=0)
    joints = mesh.influence.shape[1]
    out = [torch.zeros(len(rows), most, *shape, dtype=torch.float64) for shape in ((3,), (joints,), (2,), (2, 2))]
    out[0][..., 2] = 1.0  # in front of the camera
    for index, row in enumerate(rows):
        if row is not None:
            for part, value in zip(out, row, strict=True):
                part[index, : len(value)] = value
    return TrackedPoints(*out)


def upright_views(body: BodyModel, track: BodyTrack, most: int) -> list[int]:
    """Choose up to `most` frames spread over a clip: of each of some equal stretches that in which somebody upright is
    seen best."""
    at = body.landmarks(_TRUNK, track.betas, track.global_orient, track.body_pose, track.transl)
    trunk = torch.nn.functional.normalize(at[:, 2:].mean(dim=1) - at[:, :2].mean(dim=1), dim=-1)
    score = torch.where(track.observed, track.confidence, torch.zeros_like(track.confidence))
    score = score * trunk[:, 1].clamp_min(0) ** 4
    stretches = torch.arange(len(track)).tensor_split(min(most, len(track)))
    best = [int(part[score[part].argmax()]) for part in stretches]
    return [index for index in best if score[index] > 0]


def find_points(
    texture: Appearance, mesh: _Mesh, vertices: Float[Tensor, "V 3"], look: Look, *, tuning: SurfaceTuning
) -> tuple[Tensor, ...] | None:
    """Find points of a posed body again in a frame: the parts of `TrackedPoints`; None where nothing is found."""
    topology = mesh.body.topology
    drawn = render_surface(texture, topology, vertices, look.camera, supersample=1, rim=0.0)
    solid = (drawn.alpha > 0.5) & (drawn.coverage == SEEN)
    both = solid & look.mask
    inner = cv2.erode(both.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    if not inner.any():
        return None
    # What is outside of a person has one grey in both: outlines are the masks' concern.
    plain = np.median(look.gray[both])
    ours = np.where(solid, 255 * (drawn.rgb / np.maximum(drawn.alpha, 0.5)[..., None]).mean(-1), plain).astype(np.uint8)
    real = np.where(look.mask, look.gray, plain).astype(np.uint8)
    ahead, back = _flow(ours, real), _flow(real, ours)
    rows, columns = np.mgrid[: ours.shape[0], : ours.shape[1]].astype(np.float32)
    x, y = columns + ahead[..., 0], rows + ahead[..., 1]
    again = cv2.remap(back, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lands = cv2.remap(look.mask.astype(np.uint8), x, y, cv2.INTER_NEAREST, borderValue=0) > 0
    good = inner & lands & (np.linalg.norm(ahead + again, axis=-1) < tuning.closed)
    step = max(1, round((inner.sum() / tuning.points) ** 0.5))
    grid = np.zeros_like(inner)
    grid[step // 2 :: step, step // 2 :: step] = True
    fragments = rasterize(vertices[None], topology.faces, look.camera)
    spots = np.nonzero(grid & inner & fragments.mask[0].numpy())
    if not len(spots[0]):
        return None
    shift, sure = _settled(ours, ahead, good, spots, tuning)
    place = (fragments.face_index[0][spots], fragments.bary[0][spots], topology.faces)
    target = (np.stack(spots[::-1], axis=-1) + 0.5 + shift) * look.scale + look.corner
    points = look.camera.to_camera(interpolate_at(*place, vertices))
    return points, interpolate_at(*place, mesh.influence), torch.from_numpy(target), torch.from_numpy(sure)


def _flow(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(one, other, None)


def _settled(
    gray: np.ndarray, flow: np.ndarray, good: np.ndarray, spots: tuple[np.ndarray, ...], tuning: SurfaceTuning
) -> tuple[np.ndarray, np.ndarray]:
    """Return smooth displacements at some pixels (N, 2), and the root of how much the picture tells of each (N, 2, 2).

    The structure tensor says what is known: flow counts where and across what there are edges.
    """
    soft = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), tuning.blur)
    across = np.stack([cv2.Sobel(soft, cv2.CV_32F, *order, ksize=1, scale=0.5) for order in ((1, 0), (0, 1))], axis=-1)
    told = good[..., None, None] * across[..., :, None] * across[..., None, :]
    push = (told @ flow[..., None])[..., 0]
    spread = cv2.GaussianBlur(np.concatenate([told.reshape(*gray.shape, 4), push], axis=-1), (0, 0), tuning.spread)
    told, push = spread[spots][:, :4].reshape(-1, 2, 2).astype(np.float64), spread[spots][:, 4:, None]
    values, axes = np.linalg.eigh(told)
    sure = np.sqrt(np.maximum(values, 0) / (np.maximum(values, 0) + tuning.plain**2))
    shift = np.linalg.solve(told + 0.01 * tuning.plain**2 * np.eye(2), push)[..., 0]
    return shift, (axes * sure[:, None, :]) @ axes.swapaxes(-1, -2)
