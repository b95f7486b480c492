"""A motion of one body drives another."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies import CANONICAL_JOINTS, BodyModel, load_body, same_body
from liquidwarp.bodies.hands import with_fingers_of
from liquidwarp.checks import check_shape
from liquidwarp.errors import InputError
from liquidwarp.geometry import default_camera, distance_of_length
from liquidwarp.motion.skeleton import (
    PARENTS,
    SkeletonMotion,
    body_pose_of,
    canonical_rest,
    joint_places,
    skeleton_of,
)
from liquidwarp.types import BodyTrack

_LIMBS = {  # joints whose bone keeps its direction in the world, and the bone's other end
    f"{side}_{joint}": f"{side}_{end}"
    for side in ("left", "right")
    for joint, end in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
}
_FOLLOWERS = {"left_wrist": "left_elbow", "right_wrist": "right_elbow"}  # a hand keeps its angle with the forearm
_STEPS = 8
_RIDGE = 2e-3  # metres that a shape coefficient of 1 weighs in the fit of bone lengths
_VIEW = (1024, 1024)


def retarget(
    track: BodyTrack,
    target: BodyModel,
    *,
    source: BodyModel | None = None,
    betas: Float[Tensor, "K"] | None = None,
) -> BodyTrack:
    """Let a body do what another did, in the same place; a track of the body itself stays as it is.

    Upper arms, forearms, thighs and shins point where the source's point. Trunk, head and feet turn as the source's
    do: at rest both bodies stand upright with level soles and face forward, wherever their joints lie. Fingers bend
    as the source's do; where it has none, hands are relaxed.

    Args:
        track: a motion.
        target: the body that is to move.
        source: the body of the track; by default the target if the track names it, else `load_body(track.body)`.
        betas: the shape of the target; by default the one whose bones are as long as the source's.

    Raises:
        InputError: the track's body is not at hand, or does not fit the track.
    """
    if source is None:
        source = target if track.body == target.name else body_of(track)
    _check_sizes(source, track)
    if betas is None and same_body(source, target):
        return track if track.body == target.name else replace(track, body=target.name)
    posed = pose_body(target, skeleton_of(source, track), betas=betas)
    return replace(
        posed,
        body_pose=with_fingers_of(target, posed.body_pose, source, track.body_pose),
        camera=track.camera,
        confidence=track.confidence,
        observed=track.observed,
        detector=track.detector,
        version=track.version,
        cuts=track.cuts,
        face=track.face,
        path=track.path,
    )


def body_of(track: BodyTrack) -> BodyModel:
    """Return the body of a track; `InputError` where its file is missing."""
    try:
        return load_body(track.body)
    except InputError as error:
        raise InputError(
            f"a track of body {track.body!r}, which is not at hand: {error}; or give the body itself, in Python"
        ) from error


def check_track(body: BodyModel, track: BodyTrack) -> None:
    """Raise `InputError` unless `track` is one of `body`."""
    if track.body != body.name:
        raise InputError(f"the track is of body {track.body!r}, wanted {body.name!r}; recover it anew, or retarget it")
    _check_sizes(body, track)


def _check_sizes(body: BodyModel, track: BodyTrack) -> None:
    joints, betas = track.body_pose.shape[1], track.betas.shape[0]
    wanted = body.expand_pose(torch.zeros(1, 22, 3, dtype=torch.float32))[1].shape[1]
    if (joints, betas) != (wanted, body.num_betas):
        raise InputError(
            f"the track has {joints} joints and {betas} shape coefficients, "
            f"body {body.name!r} has {wanted} and {body.num_betas}; recover it anew"
        )


def pose_body(body: BodyModel, motion: SkeletonMotion, *, betas: Float[Tensor, "K"] | None = None) -> BodyTrack:
    """Let a body do the motion of a skeleton (see `retarget`), before a camera that sees all of it.

    Args:
        body: the body that is to move.
        motion: the motion.
        betas: the shape; by default the one whose bones are as long as the skeleton's.
    """
    betas = match_bones(body, motion.rest) if betas is None else betas
    check_shape("betas", betas, (body.num_betas,))
    rest = canonical_rest(body, betas).double()
    turns = align_turns(motion, rest)
    moved = replace(motion, rest=rest, turns=turns)
    ankles = [CANONICAL_JOINTS.index("left_ankle"), CANONICAL_JOINTS.index("right_ankle")]
    hips = [CANONICAL_JOINTS.index("left_hip"), CANONICAL_JOINTS.index("right_hip")]
    theirs, ours = joint_places(motion), joint_places(moved)
    shift = (theirs[:, hips] - ours[:, hips]).mean(1)
    lower = theirs[:, ankles, 1].amax(1) - (ours[:, ankles, 1].amax(1) + shift[:, 1])
    shift[:, 1] += lower.median() + _ankle_height(motion.rest) - _ankle_height(rest)
    orient, pose = body_pose_of(body, turns)
    frames = len(motion)
    transl = (motion.root + shift - rest[0]).float()
    return BodyTrack(
        body=body.name,
        betas=betas,
        global_orient=orient,
        body_pose=pose,
        transl=transl,
        camera=default_camera(_VIEW),
        fps=motion.fps,
        confidence=torch.ones(frames, dtype=torch.float32),
        observed=torch.ones(frames, dtype=torch.bool),
    )


def align_turns(motion: SkeletonMotion, rest: Float[Tensor, "C 3"]) -> Float[Tensor, "T C 3 3"]:
    """Return how the joints of another skeleton have to be oriented to do a motion.

    Args:
        motion: the motion.
        rest: the other skeleton at rest.
    """
    return motion.turns @ _alignment(rest, motion.rest)


def bring_into_view(track: BodyTrack) -> BodyTrack:
    """Move a motion as a whole so that the default camera sees all of its path."""
    low, high = track.transl.amin(0), track.transl.amax(0)
    middle = (low + high) / 2
    reach = float(max(high[0] - low[0], high[1] - low[1])) + 2.2  # a person with raised arms around the path
    height, width = track.camera.size
    near = distance_of_length(track.camera, reach, float(max(height, width)))
    away = torch.stack([-middle[0], -middle[1], near - low[2] + 0.3])
    return replace(track, transl=track.transl + away)


def match_bones(body: BodyModel, rest: Float[Tensor, "C 3"]) -> Float[Tensor, "K"]:
    """Find the shape whose bones are about as long as a skeleton's (Gauss-Newton, with a small price on the shape)."""
    wanted = _lengths(rest).double()

    def misfit(betas: Tensor) -> Tensor:
        return torch.cat([_lengths(canonical_rest(body, betas)) - wanted, _RIDGE * betas])

    # LAPACK's last bits depend on where arrays lie in memory: in double they vanish when the shape is rounded.
    betas = torch.zeros(body.num_betas, dtype=torch.float64)
    for _ in range(_STEPS):
        slope = torch.autograd.functional.jacobian(misfit, betas)
        betas = betas - torch.linalg.lstsq(slope, misfit(betas)[:, None]).solution[:, 0]
    return betas.detach().clamp(-5, 5).float()


def _lengths(rest: Tensor) -> Tensor:
    """Return lengths of limbs, and of the trunk as a whole: its joints lie elsewhere in every body."""

    def between(one: str, other: str) -> Tensor:
        return (rest[CANONICAL_JOINTS.index(one)] - rest[CANONICAL_JOINTS.index(other)]).norm()

    pairs = [*_LIMBS.items(), ("left_hip", "left_shoulder"), ("right_hip", "right_shoulder")]
    pairs += [("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")]
    return torch.stack([between(*pair) for pair in pairs])


def _alignment(rest: Tensor, wanted: Tensor) -> Tensor:
    """Return per joint the shortest rotation that lays its bone of `rest` along that of `wanted`."""
    turns = torch.eye(3, dtype=rest.dtype).repeat(len(PARENTS), 1, 1)
    for joint, end in _LIMBS.items():
        a, b = CANONICAL_JOINTS.index(joint), CANONICAL_JOINTS.index(end)
        turns[a] = shortest_turn(rest[b] - rest[a], wanted[b] - wanted[a])
    for joint, leader in _FOLLOWERS.items():
        turns[CANONICAL_JOINTS.index(joint)] = turns[CANONICAL_JOINTS.index(leader)]
    return turns


def shortest_turn(start: Float[Tensor, "3"], end: Float[Tensor, "3"]) -> Float[Tensor, "3 3"]:
    """Return the rotation by the smallest angle from one direction to another; the identity where one is zero."""
    lengths = start.norm() * end.norm()
    eye = torch.eye(3, dtype=start.dtype)
    if float(lengths) < 1e-12:
        return eye
    cosine = torch.dot(start, end) / lengths
    if float(cosine) < -1 + 1e-9:  # opposite: half a turn about any axis across
        across = torch.linalg.cross(start, eye[int(start.abs().argmin())])
        across = across / across.norm()
        return 2 * torch.outer(across, across) - eye
    x, y, z = torch.linalg.cross(start, end) / lengths
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    return eye + cross + cross @ cross / (1 + cosine)


def _ankle_height(rest: Tensor) -> Tensor:
    """Return how far the ankles are above the balls of the feet at rest."""
    return (rest[[10, 11], 1] - rest[[7, 8], 1]).mean()
