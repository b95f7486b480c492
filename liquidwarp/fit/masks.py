"""Bring the outline of a posed (and clothed) mesh to the masks of a clip by small corrections of the pose.

Convention: pixels as `Camera`; masks may be smaller than the pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies.hands import relax_hands
from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel, Identity
from liquidwarp.detect.masks import MaskStack
from liquidwarp.errors import InputError
from liquidwarp.fit.chain import Chain, solve_chain, solve_stills
from liquidwarp.fit.evidence import height_in_pixels
from liquidwarp.fit.robust import GemanMcClure, Kernel
from liquidwarp.fit.skeleton import JOINTS, State
from liquidwarp.fit.solve import Problem, normal_equations
from liquidwarp.fit.term import Term, Window
from liquidwarp.fit.track import WINDOW, FitResult, Fitter, join, join_shots, pieces, read_state, result_of, windows
from liquidwarp.fit.tuning import FIT_TUNING, FIT_WEIGHTS, FitTuning, FitWeights, OutlineTuning
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle, project_with_jacobian
from liquidwarp.parallel import one_thread, pool_map, thread_count
from liquidwarp.raster import interpolate_at, rasterize
from liquidwarp.types import BodyTrack, Camera, Keypoints, shots_of

_BATCH = 32  # frames whose outlines are looked at together
_PROBE = 1e-2  # radians: a turn small enough to tell how much a vertex follows


def refine_with_masks(
    body: BodyModel,
    keypoints: Keypoints,
    track: BodyTrack,
    masks: MaskStack,
    *,
    offsets: Float[Tensor, "V 3"] | None = None,
    rounds: int = 3,
    window: int = WINDOW,
    terms: Sequence[Term] = (),
    weights: FitWeights = FIT_WEIGHTS,
    tuning: FitTuning = FIT_TUNING,
) -> FitResult:
    """Correct the poses of a track so that the outline of the mesh agrees with a clip's masks.

    Landmarks, ranges of joints, motion and terms of your own count as in `fit_track`; the shape stays. Shots are
    corrected each by itself.

    Args:
        body: the body model.
        keypoints: what the detector saw.
        track: the result of `fit_track` for these keypoints.
        masks: the person's mask in each frame.
        offsets: clothes and hair on the resting body; without them masks of clothed people mislead.
        rounds: times the outline is rendered and followed.
        window: most frames solved for at once.
        terms: what else to add to the cost, as in `fit_track`.
        weights: how much each of the fit's own terms counts.
        tuning: standard deviations and robust widths.

    Raises:
        InputError: numbers of frames differ, or one of `terms` gives what it must not.
    """
    if not len(masks) == len(track) == len(keypoints.present):
        raise InputError(
            f"{len(masks)} masks and {len(keypoints.present)} keypoints for {len(track)} frames of the track"
        )
    if track.cuts:
        shots = shots_of(track.cuts, len(track))
        parts = [
            refine_with_masks(
                body,
                keypoints[shot],
                track[shot],
                MaskStack(masks.packed[shot], masks.size),
                offsets=offsets,
                rounds=rounds,
                window=window,
                terms=[term[shot] for term in terms],
                weights=weights,
                tuning=tuning,
            )
            if bool(keypoints.present[shot].any())
            else None
            for shot in shots
        ]
        return join_shots(parts, shots, keypoints)
    threads = thread_count()
    with torch.no_grad(), one_thread():
        fitter = Fitter(body, keypoints, track.camera, track.fps, terms=terms, weights=weights, tuning=tuning)
        fitter.skeleton = fitter.skeleton.at(track.betas.double())
        mesh = _PosedMesh(body, body.identity(track.betas), offsets)
        state = read_state(body, track, track.camera)
        evidence = fitter.evidence(state)
        problem = fitter.problem(evidence, state)
        spans = windows(len(track), window) if track.fps > 0 else pieces(len(track), window)
        done: State | None = None
        for first, last in spans:
            part = state[first:last]
            for _ in range(rounds):
                part = _follow(mesh, fitter, problem[first:last], part, masks, first, threads)
            done = part if done is None else join(done, part, first)
        assert done is not None
        return result_of(body, keypoints, track.camera, fitter, done, evidence, track.fps)


class _PosedMesh:
    """A dressed body, and what moves its vertices."""

    def __init__(self, body: BodyModel, identity: Identity, offsets: Tensor | None) -> None:
        self.body, self.identity, self.offsets = body, identity, offsets
        self.influence = joint_influence(body, identity)

    def vertices(self, state: State, pelvis: Tensor) -> Tensor:
        orient, pose = self.body.expand_pose(matrix_to_axis_angle(state.rotations).float())
        pose = relax_hands(self.body, pose)
        return self.body.vertices(self.identity, orient, pose, (state.place - pelvis).float(), offsets=self.offsets)


def _follow(
    mesh: _PosedMesh, fitter: Fitter, problem: Problem, state: State, masks: MaskStack, first: int, threads: int
) -> State:
    window, tuning = problem.window(state), fitter.tuning.outline
    chain = normal_equations(problem.terms, window, 1.0)
    camera = fitter.camera.resized(masks.size)

    @torch.no_grad()  # each thread has a switch of its own
    def equations(part: slice) -> Chain:
        vertices = mesh.vertices(state[part], problem.skeleton.joints[0])
        seen = masks.stack(range(first + part.start, first + part.stop))
        outline = find_outline(vertices, mesh.body.topology.faces, mesh.influence, camera, seen, tuning=tuning)
        term = OutlineTerm.create(outline, camera, fitter.stature(), fitter.weights.outline, tuning)
        return normal_equations((term,), problem.window(state[part]), 1.0)

    frames = len(state)
    parts = [slice(start, min(start + _BATCH, frames)) for start in range(0, frames, _BATCH)]
    found = pool_map(equations, parts, workers=threads)
    for part, some in zip(parts, found, strict=True):
        chain.diagonal[part] += some.diagonal
        chain.right[part] += some.right
    solve = solve_chain if problem.linked and frames > 1 else solve_stills
    return state.moved(solve(chain, tuning.damping), tuning=fitter.tuning.solver)


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

    def __getitem__(self, frames: slice | Tensor) -> "MaskOutline":
        """Return some frames."""
        return MaskOutline(*(getattr(self, part.name)[frames] for part in fields(self)))


def joint_influence(body: BodyModel, identity: Identity) -> Float[Tensor, "V J"]:
    """Measure how much of a turn of each canonical joint every vertex follows: 1 below the joint, 0 elsewhere."""
    columns = []
    places = identity.joints[[body.canonical(name) for name in CANONICAL_JOINTS]]
    for joint in range(JOINTS):
        pose = identity.vertices.new_zeros(2, JOINTS, 3)
        pose[0, joint, 0], pose[1, joint, 2] = _PROBE, _PROBE
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
        return torch.zeros(mask.shape, dtype=torch.float32)
    outer = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    inner = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return torch.from_numpy(np.where(inside > 0, 0.5 - inner, outer - 0.5).astype(np.float32))


def find_outline(
    vertices: Float[Tensor, "T V 3"],
    faces: Int[Tensor, "F 3"],
    influence: Float[Tensor, "V J"],
    camera: Camera,
    masks: Float[Tensor, "T H W"],
    *,
    tuning: OutlineTuning = FIT_TUNING.outline,
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
            rows.append(_no_points(influence, tuning.samples))
            continue
        pick = torch.linspace(0, len(x) - 1, min(tuning.samples, len(x)), dtype=torch.float32).long()
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
            (size[:, 0] > tuning.clear_edge).to(field),
        )
        rows.append(tuple(torch.nn.functional.pad(part, _fill(part, tuning.samples)) for part in row))
    return MaskOutline(*(torch.stack(parts).double() for parts in zip(*rows, strict=True)))


def _fill(part: Tensor, samples: int) -> list[int]:
    return [0, 0] * (part.dim() - 1) + [0, samples - len(part)]


def _no_points(influence: Tensor, samples: int) -> tuple[Tensor, ...]:
    shapes = ((samples, 3), (samples, influence.shape[1]), (samples, 2), (samples,), (samples,))
    return tuple(influence.new_zeros(shape) for shape in shapes)


@dataclass(frozen=True, eq=False)
class OutlineTerm:
    """The mesh's outline lies on the masks' edges; the outline stays where it was found while a step is taken.

    Attributes:
        outline: where the mesh's outline is and the masks want it.
        camera: camera of the masks.
        stature: height of the resting body, metres.
        sigma: standard deviation, parts of the person's height.
        weight: weight of each point.
        kernel: robust kernel.
    """

    outline: MaskOutline
    camera: Camera
    stature: float
    sigma: float
    weight: Float[Tensor, "T N"]
    kernel: Kernel
    span = 1

    @staticmethod
    def create(
        outline: MaskOutline, camera: Camera, stature: float, weight: float, tuning: OutlineTuning
    ) -> "OutlineTerm":
        """Make a term of an outline."""
        kernel = GemanMcClure(tuning.width)
        trust = outline.weight * tuning.independence * weight
        return OutlineTerm(outline, camera, stature, tuning.sigma, trust, kernel)

    def __getitem__(self, frames: slice | Tensor) -> "OutlineTerm":
        """Return some frames."""
        return replace(self, outline=self.outline[frames], weight=self.weight[frames])

    def _unit(self, window: Window) -> Float[Tensor, "T 1"]:
        return self.sigma * height_in_pixels(self.camera, self.stature, window.joints[:, 0])[:, None]

    def residual(self, window: Window) -> Float[Tensor, "T N 1"]:
        """Return the distances from the masks' edges."""
        return (self.outline.distance / self._unit(window))[..., None]

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "T N 1 P"]]:
        """Return their derivatives."""
        posed, outline = window.posed, self.outline
        _, slope = project_with_jacobian(self.camera, outline.points)
        pull = (outline.normal[..., None, :] @ slope)[..., 0, :] / self._unit(window)[..., None]
        arms = outline.points[:, :, None] - posed.joints[:, None]
        turning = torch.linalg.cross(arms, pull[:, :, None].expand_as(arms), dim=-1)
        local = torch.einsum("tjck,tnjc->tnjk", posed.turns, turning) * outline.influence[..., None]
        return (torch.cat([local.flatten(2), pull], dim=-1)[:, :, None],)
