"""Bring the outline of a posed (and clothed) mesh to the masks of a clip by small corrections of the pose.

Convention: pixels as `Camera`; masks may be smaller than the pictures.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel, Identity
from liquidwarp.detect.masks import MaskStack
from liquidwarp.errors import InputError
from liquidwarp.fit.chain import solve_chain, solve_stills
from liquidwarp.fit.skeleton import JOINTS, Posed, pose_skeleton
from liquidwarp.fit.solve import Problem, State, normal_equations
from liquidwarp.fit.terms import height_in_pixels
from liquidwarp.fit.track import WINDOW, FitResult, Fitter, join, pieces, read_state, result_of, windows
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle, project_with_jacobian
from liquidwarp.parallel import one_thread, pool_map, thread_count
from liquidwarp.raster import interpolate_at, rasterize
from liquidwarp.types import BodyTrack, Camera, Keypoints

_SAMPLES = 160  # points of an outline
_SIGMA = 0.012  # of the person's height: masks of clothed people are no better
_REACH = 3.0  # standard deviations
_WEIGHT = 0.8  # neighbouring points of an outline say the same
_BATCH = 32
_LANDMARK_REACH = 6.0  # standard deviations
_DAMPING = 10.0


def refine_with_masks(
    body: BodyModel,
    keypoints: Keypoints,
    track: BodyTrack,
    masks: MaskStack,
    *,
    offsets: Float[Tensor, "V 3"] | None = None,
    rounds: int = 3,
    window: int = WINDOW,
) -> FitResult:
    """Correct the poses of a track so that the outline of the mesh agrees with a clip's masks.

    Landmarks, ranges of joints and motion count as in `fit_track`; the shape stays.

    Args:
        body: the body model.
        keypoints: what the detector saw.
        track: the result of `fit_track` for these keypoints.
        masks: the person's mask in each frame.
        offsets: clothes and hair on the resting body; without them masks of clothed people mislead.
        rounds: times the outline is rendered and followed.
        window: most frames solved for at once.

    Raises:
        InputError: numbers of frames differ.
    """
    if not len(masks) == len(track) == len(keypoints.present):
        raise InputError(
            f"{len(masks)} masks and {len(keypoints.present)} keypoints for {len(track)} frames of the track"
        )
    camera = track.camera.at_origin()
    threads = thread_count()
    with torch.no_grad(), one_thread():
        fitter = Fitter(body, keypoints, camera, track.fps)
        fitter.skeleton = fitter.skeleton.at(track.betas.double())
        mesh = _PosedMesh(body, body.identity(track.betas), offsets)
        state = read_state(body, track, track.camera)
        problem = fitter.problem(state)
        spans = windows(len(track), window) if track.fps > 0 else pieces(len(track), window)
        done: State | None = None
        for first, last in spans:
            part = state[first:last]
            for _ in range(rounds):
                part = _follow(mesh, fitter, problem[first:last], part, masks, first, threads)
            done = part if done is None else join(done, part, first)
        assert done is not None
        return result_of(body, keypoints, track.camera, fitter, done, problem.evidence, track.fps)


class _PosedMesh:
    """A dressed body, and what moves its vertices."""

    def __init__(self, body: BodyModel, identity: Identity, offsets: Tensor | None) -> None:
        self.body, self.identity, self.offsets = body, identity, offsets
        self.influence = joint_influence(body, identity)

    def vertices(self, state: State, pelvis: Tensor) -> Tensor:
        orient, pose = self.body.expand_pose(matrix_to_axis_angle(state.rotations).float())
        return self.body.vertices(self.identity, orient, pose, (state.place - pelvis).float(), offsets=self.offsets)


def _follow(
    mesh: _PosedMesh, fitter: Fitter, problem: Problem, state: State, masks: MaskStack, first: int, threads: int
) -> State:
    chain = normal_equations(problem, state, _LANDMARK_REACH)
    posed = pose_skeleton(problem.skeleton, state.rotations, state.place)
    camera = problem.camera.resized(masks.size)

    @torch.no_grad()  # each thread has a switch of its own
    def terms(part: slice) -> tuple[Tensor, Tensor]:
        vertices = mesh.vertices(state[part], problem.skeleton.joints[0])
        seen = masks.stack(range(first + part.start, first + part.stop))
        outline = find_outline(vertices, mesh.body.topology.faces, mesh.influence, camera, seen)
        some = Posed(posed.turns[part], posed.joints[part], posed.points[part])
        error, slope = outline_terms(outline, camera, some, fitter.stature())
        return slope.transpose(1, 2) @ slope, (slope.transpose(1, 2) @ error[..., None])[..., 0]

    frames = len(state.place)
    parts = [slice(start, min(start + _BATCH, frames)) for start in range(0, frames, _BATCH)]
    for part, (blocks, pull) in zip(parts, pool_map(terms, parts, workers=threads), strict=True):
        chain.diagonal[part] += blocks
        chain.right[part] -= pull
    solve = solve_chain if problem.fps > 0 and len(state.place) > 1 else solve_stills
    return state.moved(solve(chain, _DAMPING))


@dataclass(frozen=True, eq=False)
class MaskOutline:
    """Points on the mesh's outline in T frames, and where the masks want them.

    Attributes:
        points: places in the world.
        influence: how much of a turn of each canonical joint a point follows.
        normal: direction in the picture across the mask's edge, outward.
        distance: how far a point lies outside of the mask, pixels.
        weight: 0 where there is no point.
    """

    points: Float[Tensor, "T N 3"]
    influence: Float[Tensor, "T N J"]
    normal: Float[Tensor, "T N 2"]
    distance: Float[Tensor, "T N"]
    weight: Float[Tensor, "T N"]


def joint_influence(body: BodyModel, identity: Identity) -> Float[Tensor, "V J"]:
    """Measure how much of a turn of each canonical joint every vertex follows: 1 below the joint, 0 elsewhere."""
    columns = []
    places = identity.joints[[body.canonical(name) for name in CANONICAL_JOINTS]]
    for joint in range(JOINTS):
        pose = identity.vertices.new_zeros(2, JOINTS, 3)
        pose[0, joint, 0], pose[1, joint, 2] = 1e-2, 1e-2
        moved = body.vertices(identity, *body.expand_pose(pose), identity.vertices.new_zeros(2, 3)) - identity.vertices
        arm = identity.vertices - places[joint]
        rigid = (axis_angle_to_matrix(pose[:, joint])[:, None] @ arm[..., None])[..., 0] - arm
        follow = (moved * rigid).sum(dim=(0, 2)) / (rigid**2).sum(dim=(0, 2)).clamp_min(1e-12)
        columns.append(follow)
    return torch.stack(columns, dim=1).clamp(0, 1)


def signed_distance(mask: Float[Tensor, "H W"]) -> Float[Tensor, "H W"]:
    """Return how far each pixel centre lies outside (positive) or inside of a mask's edge, in pixels."""
    import cv2

    inside = (mask.numpy() > 0.5).astype(np.uint8)
    if not inside.any() or inside.all():
        return torch.zeros(mask.shape)
    outer = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    inner = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return torch.from_numpy(np.where(inside > 0, 0.5 - inner, outer - 0.5).astype(np.float32))


def find_outline(
    vertices: Float[Tensor, "T V 3"],
    faces: Int[Tensor, "F 3"],
    influence: Float[Tensor, "V J"],
    camera: Camera,
    masks: Float[Tensor, "T H W"],
) -> MaskOutline:
    """Sample the outline of the mesh and look up the masks' edges near it; `camera` has the masks' size."""
    found = rasterize(vertices, faces, camera)
    inner = found.mask
    edge = inner.clone()
    edge[:, 1:-1, 1:-1] &= ~(inner[:, :-2, 1:-1] & inner[:, 2:, 1:-1] & inner[:, 1:-1, :-2] & inner[:, 1:-1, 2:])
    edge[:, [0, -1]] = False
    edge[:, :, [0, -1]] = False
    rows = []
    for frame in range(len(vertices)):
        y, x = edge[frame].nonzero().unbind(dim=1)
        if len(x) == 0:
            rows.append(_no_points(influence))
            continue
        pick = torch.linspace(0, len(x) - 1, min(_SAMPLES, len(x))).long()
        y, x = y[pick], x[pick]
        spot = (found.face_index[frame, y, x], found.bary[frame, y, x], faces)
        field = signed_distance(masks[frame])
        across = torch.stack([field[y, x + 1] - field[y, x - 1], field[y + 1, x] - field[y - 1, x]], dim=-1)
        size = across.norm(dim=-1, keepdim=True)
        row = (
            interpolate_at(*spot, vertices[frame]),
            interpolate_at(*spot, influence),
            across / size.clamp_min(1e-6),
            field[y, x] + 0.5,
            (size[:, 0] > 0.5).to(field),
        )
        rows.append(tuple(torch.nn.functional.pad(part, _fill(part)) for part in row))
    return MaskOutline(*(torch.stack(parts).double() for parts in zip(*rows, strict=True)))


def _fill(part: Tensor) -> list[int]:
    return [0, 0] * (part.dim() - 1) + [0, _SAMPLES - len(part)]


def _no_points(influence: Tensor) -> tuple[Tensor, ...]:
    shapes = ((_SAMPLES, 3), (_SAMPLES, influence.shape[1]), (_SAMPLES, 2), (_SAMPLES,), (_SAMPLES,))
    return tuple(influence.new_zeros(shape) for shape in shapes)


def outline_terms(
    outline: MaskOutline, camera: Camera, posed: Posed, stature: float
) -> tuple[Float[Tensor, "T N"], Float[Tensor, "T N P"]]:
    """Return weighted distances of the outline from the masks' edges and their slopes by the frames' unknowns."""
    unit = _SIGMA * height_in_pixels(camera, stature, posed.joints[:, 0])[:, None]
    error = outline.distance / unit
    share = (outline.weight * _WEIGHT).sqrt() / (1 + (error / _REACH) ** 2)
    _, slope = project_with_jacobian(camera, outline.points)
    pull = (outline.normal[..., None, :] @ slope)[..., 0, :] / unit[..., None] * share[..., None]
    arms = outline.points[:, :, None] - posed.joints[:, None]
    turning = torch.linalg.cross(arms, pull[:, :, None].expand_as(arms), dim=-1)
    local = torch.einsum("tjck,tnjc->tnjk", posed.turns, turning) * outline.influence[..., None]
    return error * share, torch.cat([local.flatten(2), pull], dim=-1)
