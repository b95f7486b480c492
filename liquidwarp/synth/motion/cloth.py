"""Secondary motion of cloth: it lags behind the body, legs push it outwards, and it folds where the body bends."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.synth.motion.cloth_kernels import push_out, swing
from liquidwarp.synth.people.body_layers import BareBody
from liquidwarp.synth.people.mesh_colors import BENDS, BakedPerson
from liquidwarp.synth.people.mesh_kernels import write_vertex_normals
from liquidwarp.types import BodyTrack

_SWING_LIMIT = 0.14  # metres
_STIFFNESS, _DAMPING = 160.0, 11.0  # of the springs, 1/s^2 and 1/s
_SUBSTEPS, _LONGEST = 6, 0.02  # parts of the time between two frames: at least so many, each at most so many seconds


class Spring(NamedTuple):
    """How loose vertices lag behind their posed places, as kernels take it.

    Attributes:
        limit: how far behind a vertex may be, metres.
        stiffness: of the spring, 1/s^2.
        damping: of the spring, 1/s.
        step: seconds between two frames.
        substeps: equal parts that a step is computed in.
    """

    limit: float
    stiffness: float
    damping: float
    step: float
    substeps: int


class SpringState(NamedTuple):
    """What is kept between frames; kernels write to it.

    Attributes:
        position: where the end of each vertex's spring is.
        speed: how fast it moves.
        before: the vertices' posed places in the last frame.
    """

    position: Float[np.ndarray, "V 3"]
    speed: Float[np.ndarray, "V 3"]
    before: Float[np.ndarray, "V 3"]

    @staticmethod
    def at_rest(vertices: Float[np.ndarray, "V 3"]) -> "SpringState":
        """Return springs that hang still at the vertices' places."""
        return SpringState(vertices.copy(), np.zeros_like(vertices), vertices.copy())


class RoundCones(NamedTuple):
    """Cones with round ends that cloth has to stay out of, as kernels take them.

    Attributes:
        starts: where they begin.
        ends: where they end.
        start_radius: how thick they are at the start, metres.
        end_radius: how thick they are at the end, metres.
    """

    starts: Float[np.ndarray, "C 3"]
    ends: Float[np.ndarray, "C 3"]
    start_radius: Float[np.ndarray, "C"]
    end_radius: Float[np.ndarray, "C"]


def move_person(
    baked: BakedPerson, track: BodyTrack
) -> Iterator[tuple[Float[np.ndarray, "V 3"], Float[np.ndarray, "V"]]]:
    """Yield vertices, and how strongly folds show at them, of every frame of a track.

    Loose cloth lags behind where frames follow one another (`fps` above 0).
    """
    body = baked.bare.body
    rest = body.rest_joints(track.betas)
    rotation, translation = body.transforms(rest, track.global_orient, track.body_pose)
    translation = translation + track.transl[:, None]
    transforms = torch.cat([rotation, translation[..., None]], -1).flatten(2).numpy()
    angles = _bend_angles(baked.bare, track)
    legs = _legs(baked.bare, rotation, translation) if baked.drapes.any() else None
    step = 1 / track.fps if track.fps > 0 else 0.0
    spring = Spring(_SWING_LIMIT, _STIFFNESS, _DAMPING, step, max(_SUBSTEPS, int(np.ceil(step / _LONGEST))))
    state: SpringState | None = None
    normals = np.zeros_like(baked.rest)
    for number in range(len(track)):
        vertices = baked.pose(transforms[number])
        if track.fps > 0 or legs:
            write_vertex_normals(vertices, baked.faces, normals)
        if legs:
            push_out(vertices, baked.drapes, normals, legs[number])
        if track.fps > 0:
            if state is None:
                state = SpringState.at_rest(vertices)
            else:
                swing(vertices, state, baked.loose, normals, spring)
        yield vertices, (baked.bends @ angles[number]).astype(np.float32)


def _legs(bare: BareBody, rotation: Tensor, translation: Tensor) -> list[RoundCones]:
    """Return the thighs and shins of every frame."""
    rest = bare.body.rest_joints(bare.betas)
    pairs = [
        (f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    points = []
    for end in (0, 1):
        joints = [bare.body.canonical(pair[end]) for pair in pairs]
        points.append(((rotation[:, joints] @ rest[joints][..., None])[..., 0] + translation[:, joints]).numpy())
    bones = (bare.mesh.weights[:, bare.joint("left_knee")].toarray()[:, 0] > 0.3) & (bare.mesh.rest[:, 0] > 0)
    knee = rest[bare.body.canonical("left_knee")].numpy()
    near = bare.mesh.rest[bones & (np.abs(bare.mesh.rest[:, 1] - knee[1]) < 0.05)]
    thick = float(np.quantile(np.linalg.norm(near[:, [0, 2]] - knee[[0, 2]], axis=1), 0.8)) + 0.012
    radii = thick * np.array([1.35, 1.0, 1.35, 1.0]), thick * np.array([1.0, 0.8, 1.0, 0.8])
    return [RoundCones(starts, ends, *radii) for starts, ends in zip(*points, strict=True)]


def _bend_angles(bare: BareBody, track: BodyTrack) -> Float[np.ndarray, "T 10"]:
    """Return how strongly each of `BENDS` folds cloth in each frame."""
    joints = [bare.body.canonical(name) - 1 for name in BENDS]
    angles = torch.linalg.norm(track.body_pose[:, joints], dim=-1).numpy()
    return np.clip(angles * np.array([1, 1, 1, 1, 1, 1, 0.8, 0.8, 3, 3]), 0, 1.6).astype(np.float32)
