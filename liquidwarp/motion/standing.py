"""How people stand: which way is up in a world, and what a skeleton looks like when its person stands.

Both are read from the places of joints. How a file turns its joints' frames at rest means nothing here.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.motion.skeleton import PARENTS

Axis = tuple[int, int, int]
"""One of a file's axes, or what is opposite to it, such as (0, 1, 0)."""

_UPRIGHT = np.cos(np.radians(45))  # of the angle between a trunk and the vertical of who stands, sits or kneels
_FLOOR = (-0.03, 0.12)  # where the lowest joint of who is on a floor at 0 lies, in heights of the person
_DRIFT, _MOST_DRIFT = 4.0, 0.25  # prices of what speaks against an axis, see `world_up`: a floor that is none,
_NEVER, _LYING, _NO_FLOOR = 0.3, 0.1, 0.25  # nobody who is ever upright, all who lie, a floor elsewhere than at 0,
_UNUSUAL, _UNHEARD_OF = 0.08, 0.2  # y or z where the other is usual, and any other axis
_STANDING = np.radians([[30.0, 35.0, 60.0, 30.0], [40.0, 75.0, 120.0, 45.0]])
# Most that trunk and legs of who stands may be off the vertical, knees be bent and shoulders turned against the hips;
# and where nobody stands so, of who keeps the trunk upright.
_NEARLY = np.radians(15.0)  # frames in which a person stands about as straight as in the straightest
_ACROSS = np.cos(np.radians(60))  # of the angle within which a bone still points the way it should
_ALIGNED = np.cos(np.radians(30))
_SNAP = np.cos(np.radians(30))  # axes nearer than this to those of the file are those of the file
_TOE_OUT = np.radians(5.0)  # how far the toes of who stands at ease point outwards
_DOWN = np.array([0.0, 1.0, 0.0])
_INDEX = {name: place for place, name in enumerate(CANONICAL_JOINTS)}

WORLDS: dict[Axis, np.ndarray] = {  # by the axis that points up: the rotation from a world's axes to the camera's
    (0, 1, 0): np.diag([1.0, -1.0, -1.0]),
    (0, -1, 0): np.eye(3),
    (0, 0, 1): np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    (0, 0, -1): np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    (1, 0, 0): np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]),
    (-1, 0, 0): np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]),
}


def world_up(places: Float[np.ndarray, "T C 3"], usual: Axis, others: Sequence[Axis] = tuple(WORLDS)) -> Axis:
    """Find the axis that points up in a world from where the 22 canonical joints of a person are in it.

    Against an axis speak: a lowest joint that wanders along it, for people stay on their floor; a trunk that is never
    upright along it, and a little each that is not; a lowest joint that is not at 0; and that it is not the usual one.
    An unusual axis needs a frame in which the person is upright along it. So who lies down does not turn the world
    over, and who stands in a z-up world is not laid down.

    Args:
        places: of the joints, per frame; any unit.
        usual: the axis that it is unless the motion says otherwise.
        others: the axes that it may be.
    """
    height = _height(places)
    trunk = _unit(_middle(places, "shoulder") - _middle(places, "hip"))
    prices: dict[Axis, float] = {}
    for axis in {usual, *others}:
        lowest = (places @ np.array(axis, dtype=np.float64)).min(1) / height
        drift = np.abs(lowest - np.median(lowest)).mean()
        upright = ((trunk @ axis) > _UPRIGHT).mean()
        floating = not _FLOOR[0] < np.median(lowest) < _FLOOR[1]
        if axis == usual or upright > 0:
            lying = _LYING * (1 - upright) if upright > 0 else _NEVER
            prices[axis] = min(_DRIFT * drift, _MOST_DRIFT) + lying + _NO_FLOOR * floating
            if axis != usual:
                prices[axis] += _UNUSUAL if axis in ((0, 1, 0), (0, 0, 1)) else _UNHEARD_OF
    return min(sorted(prices), key=lambda axis: prices[axis])


def ever_upright(places: Float[np.ndarray, "T C 3"], up: Axis) -> bool:
    """Tell whether the person's trunk is upright in any frame."""
    trunk = _unit(_middle(places, "shoulder") - _middle(places, "hip"))
    return bool((trunk @ np.array(up, dtype=np.float64) > _UPRIGHT).any())


def rest_axes(rest: Float[np.ndarray, "C 3"]) -> Float[np.ndarray, "3 3"]:
    """Return the rotation from the axes of a rest pose to the camera's: trunk upright, hips across.

    Args:
        rest: places of the canonical joints at rest.
    """
    down = -_unit(_middle(rest, "shoulder") - _middle(rest, "hip"))
    across = _between(rest, "hip")
    left = _unit(across - (across @ down) * down)
    axes = np.array([left, down, np.cross(left, down)])
    nearest = np.round(axes)
    snaps = (np.abs(nearest).sum(0) == 1).all() and ((axes * nearest).sum(1) > _SNAP).all()
    return nearest if snaps else axes


def stands_at_rest(rest: Float[np.ndarray, "C 3"]) -> bool:
    """Tell whether somebody could stand as a rest pose does.

    The legs are then below the trunk, the head is above it, the shoulders are parallel to the hips, and the feet point
    to the front; arms may be anywhere.

    Args:
        rest: places of the canonical joints at rest, turned by `rest_axes`.
    """
    left, down, away = np.eye(3)
    sides = ("left", "right")
    pairs = [(_bone(rest, f"{side}_hip", f"{side}_ankle"), down) for side in sides]
    pairs += [(_bone(rest, f"{side}_ankle", f"{side}_foot"), -away) for side in sides]
    pairs += [(_bone(rest, "neck", "head"), -down)]
    bones = all(_unit(bone) @ wanted > _ACROSS for bone, wanted in pairs if bone.any())
    return bool(bones and _unit(_between(rest, "shoulder")) @ left > _ALIGNED)


def legs_hang(rest: Float[np.ndarray, "C 3"]) -> bool:
    """Tell whether a rest pose's legs point away from its spine."""
    trunk = _middle(rest, "shoulder") - _middle(rest, "hip")
    legs = _middle(rest, "ankle") - _middle(rest, "hip")
    return bool(_unit(trunk) @ _unit(legs) < -_ACROSS)


def standing_frames(places: Float[np.ndarray, "T C 3"]) -> Int[np.ndarray, "S"]:
    """Return the numbers of the frames in which a person stands, or where there are none, is upright at least.

    Args:
        places: of the canonical joints per frame, y down.
    """
    posture = np.stack(_posture(places), axis=1)
    stands, upright = ((posture < most).all(1) for most in _STANDING)
    return np.flatnonzero(stands if stands.any() else upright)


def straightest(places: Float[np.ndarray, "T C 3"], frames: Int[np.ndarray, "S"]) -> Int[np.ndarray, "N"]:
    """Return those of some frames in which a person stands about as straight as ever."""
    trunk, legs, knees, twist = _posture(places[frames])
    return _least(frames, trunk + legs + knees / 2 + twist)


def with_hanging_arm(
    places: Float[np.ndarray, "T C 3"], frames: Int[np.ndarray, "S"], side: str
) -> Int[np.ndarray, "N"]:
    """Return those of some frames in which an arm hangs about as straight as ever."""
    upper = _bone(places[frames], f"{side}_shoulder", f"{side}_elbow")
    fore = _bone(places[frames], f"{side}_elbow", f"{side}_wrist")
    return _least(frames, _angle(upper, _DOWN) + _angle(fore, upper))


def _least(frames: Int[np.ndarray, "S"], bent: Float[np.ndarray, "S"]) -> Int[np.ndarray, "N"]:
    return frames[bent < bent.min() + _NEARLY]


def _posture(places: Float[np.ndarray, "T C 3"]) -> tuple[Float[np.ndarray, "T"], ...]:
    """Return how far trunk and legs are off the vertical, how far knees are bent, and the turn of the shoulders."""
    trunk = _angle(_middle(places, "shoulder") - _middle(places, "hip"), -_DOWN)
    thighs, shins = (
        [_bone(places, f"{side}_{one}", f"{side}_{other}") for side in ("left", "right")]
        for one, other in (("hip", "knee"), ("knee", "ankle"))
    )
    legs = np.max([_angle(thigh + shin, _DOWN) for thigh, shin in zip(thighs, shins, strict=True)], axis=0)
    knees = np.max([_angle(thigh, shin) for thigh, shin in zip(thighs, shins, strict=True)], axis=0)
    return trunk, legs, knees, _angle(_level(_between(places, "shoulder")), _level(_between(places, "hip")))


def standing_turns(
    places: Float[np.ndarray, "S C 3"], turns: Float[np.ndarray, "S N 3 3"]
) -> Float[np.ndarray, "N 3 3"]:
    """Return how joints are oriented when their person stands and faces the camera: the mean of frames that stand.

    Each frame is turned about the vertical so that hips and shoulders, which are places, lie across.

    Args:
        places: of the canonical joints in camera axes.
        turns: orientation of each of the file's joints in camera axes.
    """
    left = _unit(_level(_between(places, "hip")) + _level(_between(places, "shoulder")))
    down = np.broadcast_to(_DOWN, left.shape)
    facing = np.stack([left, down, np.cross(left, down)], axis=1)
    mean = (facing[:, None] @ turns).mean(0)
    one, _, other = np.linalg.svd(mean)
    flips = np.sign(np.linalg.det(one @ other))
    one[..., 2] *= flips[:, None]
    return one @ other


def ahead(foot: Float[np.ndarray, "3"], left: bool) -> Float[np.ndarray, "3 3"]:
    """Return the turn about the vertical that lets a foot point to the front, and a little outwards.

    Args:
        foot: from the ankle to the toes, in camera axes.
        left: whose foot it is.
    """
    angle = (_TOE_OUT if left else -_TOE_OUT) - np.arctan2(foot[0], -foot[2])
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])


def _height(places: Float[np.ndarray, "T C 3"]) -> float:
    """Return how tall a person is, from the lengths of bones."""
    pairs = [(child, parent) for child, parent in enumerate(PARENTS) if CANONICAL_JOINTS[child] in _TALL]
    return max(sum(float(np.linalg.norm(places[0, child] - places[0, parent])) for child, parent in pairs), 1e-9)


_TALL = ("left_hip", "left_knee", "left_ankle", "spine1", "spine2", "spine3", "neck", "head")


def _bone(places: Float[np.ndarray, "*T C 3"], one: str, other: str) -> Float[np.ndarray, "*T 3"]:
    return places[..., _INDEX[other], :] - places[..., _INDEX[one], :]


def _middle(places: Float[np.ndarray, "*T C 3"], joint: str) -> Float[np.ndarray, "*T 3"]:
    return (places[..., _INDEX[f"left_{joint}"], :] + places[..., _INDEX[f"right_{joint}"], :]) / 2


def _between(places: Float[np.ndarray, "*T C 3"], joint: str) -> Float[np.ndarray, "*T 3"]:
    """Return the way from the right joint to the left one."""
    return _bone(places, f"right_{joint}", f"left_{joint}")


def _level(vectors: Float[np.ndarray, "*T 3"]) -> Float[np.ndarray, "*T 3"]:
    return vectors * np.array([1.0, 0.0, 1.0])


def _unit(vectors: Float[np.ndarray, "*T 3"]) -> Float[np.ndarray, "*T 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _angle(ones: Float[np.ndarray, "*T 3"], others: Float[np.ndarray, "*#T 3"]) -> Float[np.ndarray, "*T"]:
    return np.arccos(np.clip((_unit(ones) * _unit(others)).sum(-1), -1, 1))
